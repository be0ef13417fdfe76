"""Two isolated tenants on one database, and one of each kind of object of the first one's."""

from __future__ import annotations

import io
from typing import Any

from attrs import define, field
from engine_store import Store
from werkzeug.test import Client, TestResponse

from assistants_client.engine.http.routes import ROUTES
from assistants_client.engine.services.tokens import Tokens
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.services.worker_side.ingesting import Ingesting
from assistants_client.engine.storage.tables import metadata
from assistants_client.engine.worker.ingester import Ingester
from assistants_client.models.run_steps import FunctionRecord, FunctionToolCall

#: Every operation: its method and path.
OPERATIONS = [(method, path) for method, path, _ in ROUTES]
FUNCTION = {"type": "function", "function": {"name": "f"}}
#: An id of each kind that nothing has.
NOBODYS = {
    "assistant_id": "asst_nobodys",
    "thread_id": "thread_nobodys",
    "message_id": "msg_nobodys",
    "run_id": "run_nobodys",
    "step_id": "step_nobodys",
    "file_id": "file-nobodys",
    "vector_store_id": "vs_nobodys",
    "batch_id": "vsfb_nobodys",
    "model_id": "model-nobodys",
    "model_owner": "nobodys",
}


@define
class Tenants:
    """The tenants, the owner, and what each is answered.

    Attributes:
        store: The services; nobody works on runs or files but the test.
        tokens: By name: ``ann`` and ``ben`` are isolated, ``web`` is not, ``owner`` is the
            engine's own.
    """

    store: Store
    tokens: dict[str, str] = field(init=False)
    http: Client = field(init=False)

    def __attrs_post_init__(self) -> None:
        stored = Tokens(self.store.context)
        self.tokens = {name: stored.add(name, is_isolated=name != "web") for name in NAMES}
        self.tokens["owner"] = "the-owners-own"
        self.http = Client(self.store.app(token="the-owners-own"))

    def ask(
        self, who: str, method: str, path: str, body: object = None, **headers: str
    ) -> TestResponse:
        """What a tenant is answered; a body of bytes is a file to upload."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Authorization"] = f"Bearer {self.tokens[who]}"
        if isinstance(body, bytes):
            form = {"purpose": "assistants", "file": (io.BytesIO(body), "notes.txt")}
            return self.http.open(path, method=method, data=form, headers=named)
        return self.http.open(path, method=method, json=body, headers=named)

    def made(self, who: str, path: str, body: object = None) -> dict[str, Any]:
        """An object that a tenant makes."""
        response = self.ask(who, "POST", path, body)
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.get_json()
        return document

    def everything(self) -> dict[str, list[Any]]:
        """All rows of all tables."""
        with self.store.context.database.read() as connection:
            return {
                table.name: list(connection.execute(table.select().order_by(*table.primary_key)))
                for table in metadata.sorted_tables
            }

    def world(self, who: str) -> dict[str, str]:
        """One of each kind of object, by the names of their ids; the run requires action.

        ``free_thread_id`` has no run, ``idle_file_id`` is in no store, and ``call_id`` is that of
        the run's call.
        """
        file = self.made(who, "/files", b"Otters hold hands while they sleep.")["id"]
        idle = self.made(who, "/files", b"Seals do not.")["id"]
        stored = self.made(who, "/vector_stores", {"name": "notes"})["id"]
        batches = f"/vector_stores/{stored}/file_batches"
        batch = self.made(who, batches, {"file_ids": [file]})["id"]
        ingester = Ingester(Ingesting(self.store.context))
        for number in self.store.to_read:
            ingester.process(str(number))
        self.store.to_read.clear()
        model = f"model-of-{who}"
        self.made(who, "/assistants", {"model": f"models/{model}"})
        assistant = self.made(who, "/assistants", {"model": model, "tools": [FUNCTION]})["id"]
        first = {"messages": [{"role": "user", "content": "Hello"}]}
        thread, free = (self.made(who, "/threads", first)["id"] for _ in range(2))
        [message] = self.ask(who, "GET", f"/threads/{thread}/messages").get_json()["data"]
        run = self.made(who, f"/threads/{thread}/runs", {"assistant_id": assistant})["id"]
        execution = Execution(self.store.context)
        work = execution.claim(run)
        assert work is not None
        call = FunctionToolCall(id="call_1", function=FunctionRecord(name="f", arguments="{}"))
        step = execution.begin_tools_step(work.run, [call])
        execution.require_action(work.run, step)
        return {
            "assistant_id": assistant,
            "thread_id": thread,
            "free_thread_id": free,
            "message_id": message["id"],
            "run_id": run,
            "step_id": step.id,
            "call_id": "call_1",
            "file_id": file,
            "idle_file_id": idle,
            "vector_store_id": stored,
            "batch_id": batch,
            "model_id": model,
            "model_owner": "models",
        }


NAMES = ("ann", "ben", "web")


def filled(method: str, path: str, ids: dict[str, str]) -> str:
    """A path with ids in it; a new run, or message, goes on the thread that is free."""
    if method == "POST" and path in ("/threads/<thread_id>/runs", "/threads/<thread_id>/messages"):
        ids = {**ids, "thread_id": ids.get("free_thread_id", ids["thread_id"])}
    for name, value in ids.items():
        path = path.replace(f"<{name}>", value)
    assert "<" not in path, f"no object is made for {path}"
    return path
