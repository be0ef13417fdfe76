"""An engine, spoken to over HTTP in this process, and its streams read event by event."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import requests
from engine_store import Clock

from assistants_client._http.response_bodies import prompt_blocks
from assistants_client._http.sse import SseDecoder
from assistants_client.engine import Engine, LanguageModel, Script, Scripted
from assistants_client.engine.http.in_process_adapter import EngineAdapter

Event = tuple[str, dict[str, Any]]

FUNCTION = {"type": "function", "function": {"name": "f"}}
INTERPRETER = {"type": "code_interpreter"}


class Gate:
    """A place in a script where the model waits until it is let go."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.go = threading.Event()

    def __call__(self, _: object = None) -> Script:
        """Waits, but not for ever."""
        self.reached.set()
        assert self.go.wait(30)
        return None


class StreamBench:
    """Speaks to an engine, or to a server at ``url``."""

    def __init__(
        self, script: Iterable[Script] | LanguageModel = (), url: str = "", **options: Any
    ) -> None:
        self.clock = Clock()
        self.model = Scripted(script) if isinstance(script, Iterable) else script
        options.setdefault("clock", self.clock)
        self.engine = Engine(options.pop("database", "sqlite://"), self.model, **options)
        self.session = requests.Session()
        self.url = url or "http://engine/v1"
        if not url:
            self.session.mount("http://engine", EngineAdapter(self.engine))

    def close(self) -> None:
        """Closes the session and the engine."""
        self.session.close()
        self.engine.close()

    def send(self, method: str, path: str, body: object = None, **headers: str) -> dict[str, Any]:
        """The document that is answered, which must not be a refusal."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.session.request(method, self.url + path, json=body, headers=named)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def assistant(self, *tools: object) -> str:
        """The id of a new assistant."""
        made: str = self.send("POST", "/assistants", {"model": "m", "tools": tools})["id"]
        return made

    def thread(self) -> str:
        """The path of a new thread with one message."""
        body = {"messages": [{"role": "user", "content": "Hi"}]}
        return f"/threads/{self.send('POST', '/threads', body)['id']}"

    def open(self, path: str, body: Mapping[str, Any], **headers: str) -> Stream:
        """Asks for a stream."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.session.post(
            self.url + path, json={**body, "stream": True}, stream=True, headers=named
        )
        return Stream(answer)

    def run(self, *tools: object, **fields: Any) -> Stream:
        """A run on a new thread, streamed."""
        body = {"assistant_id": self.assistant(*tools), **fields}
        return self.open(f"{self.thread()}/runs", body)


class Stream:
    """A stream's events, one by one."""

    def __init__(self, answer: requests.Response) -> None:
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        self.answer = answer
        self.seen: list[Event] = []
        self._decoder = SseDecoder()
        self._events = self._read()

    def _read(self) -> Iterator[Event]:
        for block in prompt_blocks(self.answer, "POST", "/"):
            for event in self._decoder.feed(block):
                data = {} if event.data == "[DONE]" else json.loads(event.data)
                self.seen.append((event.event, data))
                yield self.seen[-1]
        assert self._decoder.finish() == []

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def until(self, name: str) -> dict[str, Any]:
        """The next event of that name."""
        return next(document for event, document in self if event == name)

    def rest(self) -> list[str]:
        """Reads to the end, and answers everything that was seen, as ``told`` does."""
        for _ in self:
            pass
        self.answer.close()
        return told(self.seen)

    @property
    def last_run(self) -> dict[str, Any]:
        """The run as the last event about it has it."""
        return [document for name, document in self.seen if name.startswith("thread.run.")][-1]

    @property
    def run_path(self) -> str:
        """The run's path; some event about it must have come."""
        run = next(d for n, d in self.seen if d.get("object") == "thread.run")
        return f"/threads/{run['thread_id']}/runs/{run['id']}"


def told(events: Iterable[Event]) -> list[str]:
    """Names without ``thread.``, with the object's status; deltas in a row are one line."""
    lines: list[str] = []
    for name, document in events:
        line = " ".join(filter(None, [name.removeprefix("thread."), document.get("status")]))
        if not (lines and line == lines[-1] and name.endswith(".delta")):
            lines.append(line)
    return lines


def in_background(work: Callable[[], object]) -> threading.Thread:
    """Work in a thread of its own."""
    made = threading.Thread(target=work, daemon=True)
    made.start()
    return made
