"""Anything, created, used and deleted in any order over HTTP: never a 5xx, never a torn state.

The machine keeps the ids of all that was ever made, deleted or not, and uses them anywhere. After
each act, what is listed can be retrieved and says the same, and what was deleted is gone.
"""

from __future__ import annotations

import io
from typing import Any

from databases import fresh
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from thorough import amount
from werkzeug.test import Client, TestResponse

from assistants_client.engine import Engine, Scripted, call
from assistants_client.engine.language_models.scripted import Script

#: What has no parent.
TOP = ("assistants", "threads", "vector_stores", "files")
PICK = st.integers(0, 7)
REFUSALS = {400, 404, 409}


def model() -> Scripted:
    """Answers, calls functions, runs code, searches and fails, one after another."""
    answers: list[Script] = ["Hello.", call("f", a=1), "Done.", RuntimeError("down")]
    answers += [call("code_interpreter", code="1 + 1"), "Two.", call("file_search", query="Oslo")]
    return Scripted(answers * 500)


class AnyOrder(RuleBasedStateMachine):
    """One engine in memory, its runs carried by its own threads."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = Engine(fresh("sqlite://"), model=model(), workers=2)
        self.http = Client(self.engine)
        self.ids: dict[str, list[str]] = {kind: [] for kind in (*TOP, "runs", "messages")}
        self.gone: set[str] = set()

    def teardown(self) -> None:
        """Closes the engine."""
        self.engine.close()

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """The answer to a request; a refusal is ``None``, and has the documented body."""
        response: TestResponse = self.http.open(f"/v1/{path}", method=method, **more)
        document = response.get_json()
        if response.status_code == 200:
            return document
        assert response.status_code in REFUSALS, (method, path, document)
        assert set(document["error"]) == {"message", "type", "param", "code"}
        return None

    def make(self, kind: str, path: str, **more: Any) -> None:
        """Makes a thing, and remembers its id."""
        made = self.ask("POST", path, **more)
        if made is not None:
            self.ids[kind].append(made["id"])

    def one(self, kind: str, pick: int) -> str:
        """An id of some thing that was made at some time, or of none."""
        return self.ids[kind][-1 - pick % len(self.ids[kind])] if self.ids[kind] else "none"

    @initialize()
    def begin(self) -> None:
        """One of each."""
        for pick in range(2):
            self.upload(pick)
            self.make_store(0)
            self.make_assistant(0, pick == 0)
            self.make_thread(0, False)

    # --- make

    @rule(number=PICK)
    def upload(self, number: int) -> None:
        """A file."""
        content = io.BytesIO(f"Oslo is number {number}.".encode())
        form = {"purpose": "assistants", "file": (content, f"{number}.txt")}
        self.make("files", "files", data=form)

    @rule(file=PICK)
    def make_store(self, file: int) -> None:
        """A store of a file, which may be gone."""
        self.make("vector_stores", "vector_stores", json={"file_ids": [self.one("files", file)]})

    @rule(store=PICK, searches=st.booleans())
    def make_assistant(self, store: int, searches: bool) -> None:
        """An assistant, perhaps on a store, which may be gone."""
        tools: list[Any] = [{"type": "code_interpreter"}]
        tools.append({"type": "function", "function": {"name": "f"}})
        asked: dict[str, Any] = {"model": "m", "tools": tools}
        if searches:
            tools.append({"type": "file_search"})
            ids = [self.one("vector_stores", store)]
            asked["tool_resources"] = {"file_search": {"vector_store_ids": ids}}
        self.make("assistants", "assistants", json=asked)

    @rule(file=PICK, attached=st.booleans())
    def make_thread(self, file: int, attached: bool) -> None:
        """A thread with a message, perhaps with a file, which may be gone."""
        self.make("threads", "threads", json={"messages": [self.message(file, attached)]})

    def message(self, file: int, attached: bool) -> dict[str, Any]:
        """A message."""
        message: dict[str, Any] = {"role": "user", "content": "Hello"}
        if attached:
            tools = [{"type": "file_search"}]
            message["attachments"] = [{"file_id": self.one("files", file), "tools": tools}]
        return message

    # --- use

    @rule(thread=PICK, file=PICK, attached=st.booleans())
    def say(self, thread: int, file: int, attached: bool) -> None:
        """A message more."""
        path = f"threads/{self.one('threads', thread)}/messages"
        self.make("messages", path, json=self.message(file, attached))

    @rule(thread=PICK, assistant=PICK)
    def start(self, thread: int, assistant: int) -> None:
        """A run, of an assistant that may be gone."""
        asked = {"assistant_id": self.one("assistants", assistant)}
        self.make("runs", f"threads/{self.one('threads', thread)}/runs", json=asked)

    @rule(thread=PICK, run=PICK)
    def answer(self, thread: int, run: int) -> None:
        """Whatever a run asks for is answered."""
        path = f"threads/{self.one('threads', thread)}/runs/{self.one('runs', run)}"
        found = self.ask("GET", path)
        if found is not None and found["required_action"]:
            calls = found["required_action"]["submit_tool_outputs"]["tool_calls"]
            outputs = [{"tool_call_id": each["id"], "output": "1"} for each in calls]
            self.ask("POST", f"{path}/submit_tool_outputs", json={"tool_outputs": outputs})

    @rule(thread=PICK, run=PICK)
    def cancel(self, thread: int, run: int) -> None:
        """A run is cancelled."""
        path = f"threads/{self.one('threads', thread)}/runs/{self.one('runs', run)}/cancel"
        self.ask("POST", path)

    @rule(store=PICK, file=PICK, batch=st.booleans())
    def attach(self, store: int, file: int, batch: bool) -> None:
        """A file more in a store."""
        path = f"vector_stores/{self.one('vector_stores', store)}"
        if batch:
            ids = [self.one("files", file), self.one("files", file + 1)]
            self.ask("POST", f"{path}/file_batches", json={"file_ids": ids})
        else:
            self.ask("POST", f"{path}/files", json={"file_id": self.one("files", file)})

    @rule(store=PICK)
    def search(self, store: int) -> None:
        """A store is searched; nothing of a deleted file is found."""
        path = f"vector_stores/{self.one('vector_stores', store)}/search"
        found = self.ask("POST", path, json={"query": "Oslo"})
        if found is not None:
            assert not {each["file_id"] for each in found["data"]} & self.gone

    @rule(kind=st.sampled_from(TOP), pick=PICK)
    def note(self, kind: str, pick: int) -> None:
        """Metadata is changed."""
        if kind != "files":
            self.ask("POST", f"{kind}/{self.one(kind, pick)}", json={"metadata": {"k": "v"}})

    # --- delete

    @rule(kind=st.sampled_from(TOP), pick=PICK)
    def delete(self, kind: str, pick: int) -> None:
        """A thing is deleted, whatever uses it; twice is refused."""
        thing = self.one(kind, pick)
        answer = self.ask("DELETE", f"{kind}/{thing}")
        assert (answer is None) == (thing in self.gone or thing == "none")
        self.gone.add(thing)

    @rule(thread=PICK, message=PICK)
    def delete_message(self, thread: int, message: int) -> None:
        """A message is deleted."""
        path = f"threads/{self.one('threads', thread)}/messages/{self.one('messages', message)}"
        self.ask("DELETE", path)

    @rule(store=PICK, file=PICK)
    def detach(self, store: int, file: int) -> None:
        """A file is taken out of a store."""
        path = f"vector_stores/{self.one('vector_stores', store)}/files/{self.one('files', file)}"
        self.ask("DELETE", path)

    # --- what always holds

    @invariant()
    def lists_agree(self) -> None:
        """Just what was made and not deleted is listed; all that hangs on it can be read."""
        for kind in TOP:
            listed = [each["id"] for each in self.listed(kind)]
            assert set(self.ids[kind]) - self.gone <= set(listed)
            assert not set(listed) & self.gone
            assert len(listed) == len(set(listed))
        for thread in {*self.ids["threads"]} - self.gone:
            runs = self.listed(f"threads/{thread}/runs")
            active = {"queued", "in_progress", "requires_action", "cancelling"}
            assert sum(run["status"] in active for run in runs) <= 1
            self.listed(f"threads/{thread}/messages")
            for run in runs:
                self.listed(f"threads/{thread}/runs/{run['id']}/steps")
        for store in {*self.ids["vector_stores"]} - self.gone:
            files = self.listed(f"vector_stores/{store}/files")
            assert not {each["id"] for each in files} & self.gone

    def listed(self, path: str) -> list[Any]:
        """All of a list, which must be there."""
        page = self.ask("GET", f"{path}?limit=100")
        assert page is not None, path
        assert not page["has_more"]
        found: list[Any] = page["data"]
        return found


AnyOrder.TestCase.settings = settings(
    max_examples=amount(3, 20), stateful_step_count=amount(20, 30)
)
TestAnyOrder = AnyOrder.TestCase
