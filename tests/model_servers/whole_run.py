"""Whole runs against a fake server, through the client, the engine and a socket.

Nothing about any server or behaviour belongs here.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, Final

from attrs import define, field
from behaviours.row import Right, Row, Run
from fake_server import FakeServer

import assistants_client as ac
from assistants_client import Client, ToolOutput
from assistants_client._json.codec import encode
from assistants_client.engine import Embeddings, Engine

_POLL: Final = 0.005
#: No run of the table takes longer, in seconds.
_LONGEST: Final = 20.0
#: Passages are as short as they can be, so that small files have many.
_SHORT: Final = {
    "type": "static",
    "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0},
}


@define
class Outcome:
    """What came of a run."""

    run: dict[str, Any]
    messages: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    requests: int
    file: str
    calls: list[tuple[str, Any]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Reads the calls out of the steps."""
        self.calls = [
            _called(call)
            for step in self.steps
            for call in step["step_details"].get("tool_calls", ())
        ]

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The content parts of all messages."""
        return [part for message in self.messages for part in message["content"]]

    def differences(self, right: Right) -> dict[str, tuple[object, object]]:
        """What is not as it must be: by name, what came and what must come."""
        texts = [part["text"] for part in self.parts if part["type"] == "text"]
        error = self.run["last_error"] or {"code": None, "message": ""}
        words = error["message"].lower()
        links = [
            str(note["url_citation"]["url"])
            for text in texts
            for note in text["annotations"]
            if note["type"] == "url_citation"
        ]
        found: dict[str, tuple[object, object]] = {
            "status": (self.run["status"], right.status),
            "words": ([word for word in right.words if word.lower() not in words], []),
            "never": ([word for word in right.never if word.lower() in words], []),
        }
        if right.calls is not None:
            found["calls"] = (self.calls, list(right.calls))
        if right.text is not None:
            said = "|".join(text["value"].strip() for text in texts)
            found["text"] = (said, right.text.strip())
        if right.error is not None:
            found["error"] = (error["code"], right.error)
        if right.reason is not None:
            details = self.messages[-1].get("incomplete_details") if self.messages else None
            found["reason"] = (details and details["reason"], right.reason)
        if right.usage is not None:
            found["usage"] = (_within(right.usage, self.run["usage"] or {}), dict(right.usage))
        if right.parts is not None:
            found["parts"] = (sorted(part["type"] for part in self.parts), sorted(right.parts))
        if right.links is not None:
            found["links"] = (links, list(right.links))
        if right.file is not None:
            said = right.file if right.file and right.file in self.file else self.file
            found["file"] = (said, right.file)
        if right.requests is not None:
            found["requests"] = (self.requests, right.requests)
        return {name: (came, wanted) for name, (came, wanted) in found.items() if came != wanted}

    def __str__(self) -> str:
        texts = [part.get("text", part) for part in self.parts]
        return (
            f"{self.run['status']}, last_error={self.run['last_error']}, "
            f"content={texts}, calls={self.calls}, usage={self.run['usage']}, "
            f"after {self.requests} requests"
        )


def outcomes(row: Row, server: FakeServer) -> list[Outcome]:
    """What comes of the runs of a row, one after the other."""
    with closing(row.api(server.url, "sk-test", **row.run.model_options)) as model:
        options = {"model": "embedder", **row.run.embedding_options}
        embeddings = row.embeds and Embeddings(server.url, "sk-test", **options)
        engine = Engine("sqlite://", model=model, embeddings=embeddings or None)
        with engine, Client(engine=engine) as client:
            found = list(_runs(row.run, server, client))
        if embeddings:
            embeddings.close()
        return found


def _runs(asked: Run, server: FakeServer, client: Client) -> Iterator[Outcome]:
    assistant = client.assistants.create(
        model="some-model", instructions="Be brief.", tools=list(asked.tools)
    )
    resources, file = None, ""
    if {"type": "file_search"} in asked.tools:
        resources, file = _file_to_find(client, asked.file)
    messages = [{"role": "user", "content": m} if isinstance(m, str) else m for m in asked.messages]
    thread = client.threads.create(messages=messages, tool_resources=resources)
    for message in (None, *asked.then):
        if message is not None:
            client.messages.create(thread.id, message)
        run = client.runs.create(thread.id, assistant_id=assistant.id, **asked.options)
        run = _carried(run, asked, server, client)
        said = [m for m in client.messages.list(thread.id, order="asc") if m.run_id == run.id]
        steps = client.run_steps.list(thread.id, run.id, order="asc")
        yield Outcome(
            run=encode(run),
            messages=[encode(message) for message in said],
            steps=[encode(step) for step in steps],
            requests=len(server.requests),
            file=file,
        )


def _carried(run: ac.Run, asked: Run, server: FakeServer, client: Client) -> ac.Run:
    """The run when it has ended."""
    until = time.monotonic() + _LONGEST
    while not run.is_final and time.monotonic() < until:
        if run.status == "requires_action":
            given = [
                ToolOutput(tool_call_id=call.id, output=asked.output) for call in run.tool_calls
            ]
            run = client.runs.submit_tool_outputs(run.thread_id, run.id, given)
        elif asked.is_cancelled and server.requests and run.status == "in_progress":
            run = client.runs.cancel(run.thread_id, run.id)
        else:
            time.sleep(_POLL)
            run = client.runs.retrieve(run.thread_id, run.id)
    return run


def _file_to_find(client: Client, content: str) -> tuple[dict[str, Any], str]:
    """What lets a thread find a file, and why the file could not be read, if so."""
    store = client.vector_stores.create(name="offices")
    file = client.files.upload(
        io.BytesIO(content.encode()), purpose="assistants", filename="offices.txt"
    )
    kept = client.vector_store_files.create(store.id, file.id, chunking_strategy=_SHORT)
    until = time.monotonic() + _LONGEST
    while kept.status == "in_progress" and time.monotonic() < until:
        time.sleep(_POLL)
        kept = client.vector_store_files.retrieve(store.id, kept.id)
    error = kept.last_error.message if kept.last_error else ""
    return {"file_search": {"vector_store_ids": [store.id]}}, error


def _called(call: Mapping[str, Any]) -> tuple[str, Any]:
    """A call in a step: the tool's name, and its arguments."""
    kind = call["type"]
    if kind == "code_interpreter":
        return kind, {"code": call[kind]["input"]}
    if kind == "file_search":
        return kind, {}
    arguments = call["function"]["arguments"]
    try:
        return call["function"]["name"], json.loads(arguments)
    except ValueError:
        return call["function"]["name"], arguments


def _within(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of what was found that are wanted, also of the objects within."""
    return {
        key: _within(value, found.get(key) or {}) if isinstance(value, Mapping) else found.get(key)
        for key, value in wanted.items()
    }
