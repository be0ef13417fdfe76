"""An engine behind its own server, and the requests that bring about what the table tells of.

Each situation is made once for all rows about it. What a situation is stands in the files
``situations_*.py``; what is expected of it in the files ``facts_*.py``.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import requests
from databases import fresh
from fact_matching import names_of

from assistants_client.engine import Engine, Script, Scripted
from assistants_client.engine.code_interpreter.monty import MontyInterpreter
from assistants_client.engine.language_models.base import Conversation, Delta
from assistants_client.engine.serving.waitress_server import HTTPServer

Json: TypeAlias = dict[str, Any]
#: The scripts of a model, one for each time that a run asks it.
Legs: TypeAlias = "list[Script]"

SECONDS = 20.0
KEY = "key-of-the-table"
_MAX_BODY = 64 * 1024 * 1024


class Clock:
    """The time, which situations put forward where seconds must lie between two events."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        """Tells it in Unix seconds."""
        return time.time() + self._ahead

    def skip(self, seconds: float) -> None:
        """Puts it forward."""
        self._ahead += seconds


class Gate:
    """A place in a script where the model waits until the situation lets it go on."""

    def __init__(self) -> None:
        self._go = threading.Event()
        self._reached = threading.Event()

    def __call__(self, _: Conversation) -> Script:
        """Waits, but not for ever."""
        self._reached.set()
        assert self._go.wait(SECONDS)
        return None

    def reached(self) -> None:
        """Waits until the model is there."""
        assert self._reached.wait(SECONDS)

    def open(self) -> None:
        """Lets it go on."""
        self._go.set()


class ModelByName:
    """Answers each run by the script of the model that its assistant names."""

    def __init__(self) -> None:
        self.legs: dict[str, Legs] = {}

    def respond(self, conversation: Conversation) -> Iterator[Delta]:
        """Answers with the leg that as many rounds of tools lead to."""
        rounds = 0
        for turn in conversation.turns:
            rounds = 0 if turn.role == "user" else rounds + bool(turn.tool_calls)
        script = self.legs[conversation.model][rounds]
        return Scripted([script]).respond(conversation)


class World:
    """The server, and what has been made on it so far.

    Attributes:
        clock: The engine's.
        model: Its language model.
    """

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.model = ModelByName()
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._made: dict[str, object] = {}
        self._failed: dict[str, Exception] = {}
        self._names = iter(range(1_000_000))

    def close(self) -> None:
        """Closes its connections."""
        self._session.close()

    def subject(self, situation: str, makers: Mapping[str, Callable[[World], object]]) -> object:
        """What the rows about a situation look at; made on first use."""
        if situation in self._failed:
            raise self._failed[situation]
        if situation not in self._made:
            try:
                self._made[situation] = makers[situation](self)
            except Exception as error:
                self._failed[situation] = error
                raise
        return self._made[situation]

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """A value that several situations share."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def request(self, method: str, path: str, body: object = None, **more: Any) -> Json:
        """An exchange: ``status``, ``headers`` in lower case, ``body``, and ``refusal``.

        A refusal is its status, type, code and param.
        """
        more.setdefault("headers", {"authorization": f"Bearer {KEY}"})
        response = self._session.request(
            method, self._url + path, json=body, timeout=SECONDS, allow_redirects=False, **more
        )
        text = response.content.decode()
        is_json = response.headers.get("content-type", "").startswith("application/json")
        document = json.loads(text) if is_json else text
        error = document.get("error") if isinstance(document, dict) else None
        named = [error.get(n) for n in ("type", "code", "param")] if error else [None] * 3
        return {
            "status": response.status_code,
            "headers": {name.lower(): value for name, value in response.headers.items()},
            "body": document,
            "refusal": [response.status_code, *named],
        }

    def send(self, method: str, path: str, body: object = None, **more: Any) -> Json:
        """The document that is answered, which must not be a refusal."""
        exchange = self.request(method, path, body, **more)
        assert exchange["status"] == 200, exchange["body"]
        document: Json = exchange["body"]
        return document

    def upload(self, purpose: str, name: str = "notes.txt", content: bytes = b"Notes.") -> Json:
        """The exchange in which a file is uploaded."""
        return self.request(
            "POST", "/files", data={"purpose": purpose}, files={"file": (name, content)}
        )

    def file(self, name: str = "notes.txt", content: bytes = b"Notes.") -> str:
        """The id of a new file for assistants."""
        file_id: str = self.upload("assistants", name, content)["body"]["id"]
        return file_id

    def assistant(self, legs: Legs | None = None, **fields: Any) -> Json:
        """A new assistant, whose model follows these scripts."""
        name = f"model-{next(self._names)}"
        self.model.legs[name] = legs or ["Hello there."]
        return self.send("POST", "/assistants", {"model": name, **fields})

    def thread(self, content: Any = "Hello", **fields: Any) -> str:
        """The path of a new thread with one message."""
        body = {"messages": [{"role": "user", "content": content}], **fields}
        return f"/threads/{self.send('POST', '/threads', body)['id']}"

    def run(self, legs: Legs | None = None, *tools: object, **fields: Any) -> tuple[Json, str]:
        """A new run on a new thread, as it was answered; and its path."""
        body = {"assistant_id": self.assistant(legs, tools=tools)["id"], **fields}
        thread = self.thread()
        run = self.send("POST", f"{thread}/runs", body)
        return run, f"{thread}/runs/{run['id']}"

    def until(self, path: str, *statuses: str) -> Json:
        """An object, once it has one of these statuses."""
        end = time.monotonic() + SECONDS
        while True:
            found = self.send("GET", path)
            if found["status"] in statuses:
                return found
            assert time.monotonic() < end, f"still {found['status']}"
            time.sleep(0.01)

    def stream(self, path: str, body: object, during: Callable[[], object] | None = None) -> Json:
        """A stream to its end; ``during`` is done when its first event has come.

        Returns:
            ``headers``; ``order``, of the events, several of a name in a row once; ``first`` and
            ``last``, of each event by its name; ``deltas`` of steps and of messages in their order;
            ``text``, as it came.
        """
        response = self._session.post(
            self._url + path,
            json=body,
            stream=True,
            timeout=SECONDS,
            headers={"authorization": f"Bearer {KEY}"},
        )
        assert response.status_code == 200, response.text
        blocks = response.iter_content(None)
        text = next(blocks)
        if during is not None:
            during()
        text += b"".join(blocks)
        return {
            "headers": {name.lower(): value for name, value in response.headers.items()},
            **_told(list(events_of(text.decode()))),
            "text": text.decode(),
        }


def events_of(text: str) -> Iterator[tuple[str, Any]]:
    """The events of a stream: names, and data that is JSON read."""
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.split("\n") if line[:1] not in ("", ":")
        )
        if fields:
            data = fields["data"]
            yield fields["event"], data if data == "[DONE]" else json.loads(data)


def has_annotations(delta: Json) -> bool:
    """Whether a message's delta brings an annotation."""
    return any(part.get("text", {}).get("annotations") for part in delta["content"])


def _told(events: list[tuple[str, Any]]) -> Json:
    deltas = [(name, data["delta"]) for name, data in events if name.endswith(".delta")]
    step = [delta for name, delta in deltas if name == "thread.run.step.delta"]
    message = [delta for name, delta in deltas if name == "thread.message.delta"]
    last = {name: data for name, data in events if not name.endswith(".delta")}
    first = dict(reversed([pair for pair in events if not pair[0].endswith(".delta")]))
    return {
        "order": names_of(events),
        "first": first,
        "last": last,
        "deltas": {
            "step": step,
            "later step": step[1:],
            "message": message,
            "later message": message[1:],
            "citing": [one for one in message if has_annotations(one)],
        },
        "delta event": next((data for name, data in events if name.endswith(".delta")), None),
    }


@contextmanager
def opened(folder: Path) -> Iterator[World]:
    """A world on an engine of its own, behind the server of ``assistants serve``."""
    interpreter = MontyInterpreter()
    listener = socket.create_server(("127.0.0.1", 0))
    world = World(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
    engine = Engine(
        fresh(f"sqlite:///{folder / 'conformance.db'}"),
        world.model,
        token=KEY,
        workers=16,
        clock=world.clock,
        close_seconds=1,
        code_interpreter=interpreter,
    )
    server = HTTPServer(
        listener, engine, refuses_early=lambda path, headers: False, max_body=_MAX_BODY
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield world
    finally:
        world.close()
        server.stop_accepting()
        engine.close()
        server.drain(1)
        server.end()
        thread.join(SECONDS)
        interpreter.close()
