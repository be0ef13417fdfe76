"""What tests of the import share: objects as readers find them, and databases read back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from assistants_client import Client
from assistants_client.engine import Engine, Scripted
from assistants_client.transfer.archive import read_archive
from assistants_client.transfer.found import Direction, Found, Kind
from assistants_client.transfer.losses import Place

#: The kinds of objects, by what they call themselves.
KINDS: dict[str, Kind] = {
    "assistant": "assistant",
    "thread": "thread",
    "thread.message": "message",
    "thread.run": "run",
    "thread.run.step": "step",
    "file": "file",
    "vector_store": "vector_store",
    "vector_store.file": "vector_store_file",
}


def message(
    thread: str,
    name: str | None,
    at: object,
    role: str = "user",
    text: str = "Hello",
    *,
    direction: Direction = "unknown",
    file: str = "source.json",
    is_cut: bool = False,
    **more: Any,
) -> Found:
    """A message, as a reader finds it."""
    content = [{"type": "text", "text": {"value": text, "annotations": []}}]
    document = {"created_at": at, "role": role, "content": content, **more}
    if name is not None:
        document["id"] = name
    place = Place(file, 1)
    return Found("message", document, place, thread, direction=direction, is_cut=is_cut)


def thing(kind: Kind, document: dict[str, Any], thread: str | None = None) -> Found:
    """Any other object."""
    run = document.get("run_id") if kind == "step" else None
    return Found(kind, document, Place("source.json", 1), thread, run)


def archived(path: Path) -> Iterator[Found]:
    """The objects of an archive."""
    for line, document in enumerate(read_archive(path), 2):
        kind = KINDS[document["object"]]
        thread = document["id"] if kind == "thread" else document.get("thread_id")
        run = document.get("run_id") if kind == "step" else None
        yield Found(kind, document, Place(str(path), line), thread, run, "oldest_first")


def conversations(folder: Path, threads: int, messages: int) -> Iterator[Found]:
    """Threads with runs, steps, citations and attachments, a store, and two files with bytes."""
    start = 1_700_000_000
    names = ["file-0", "file-1"]
    for number, name in enumerate(names):
        (folder / name).write_bytes(f"Otters sleep, {number} of them.".encode() * 40)
    return _all_of(names, start, threads, messages)


def _all_of(names: Sequence[str], start: int, threads: int, messages: int) -> Iterator[Found]:
    """All of it, one after the other."""
    for number, name in enumerate(names):
        file = {"object": "file", "id": name, "created_at": start, "filename": f"{number}.txt"}
        yield thing("file", {**file, "purpose": "assistants", "status": "processed"})
    store = {"object": "vector_store", "id": "vs_1", "created_at": start, "name": "Otters"}
    yield thing("vector_store", {**store, "last_active_at": start, "metadata": {"a": "b"}})
    held = {"object": "vector_store.file", "id": "file-0", "vector_store_id": "vs_1"}
    yield thing("vector_store_file", {**held, "created_at": start, "status": "completed"})
    tools: list[object] = [{"type": "code_interpreter"}, {"type": "file_search"}]
    assistant = {"object": "assistant", "id": "asst_1", "created_at": start, "model": "gpt-4o"}
    yield thing("assistant", {**assistant, "name": "Guide", "tools": tools})
    for number in range(threads):
        thread = f"thread_{number:04x}"
        at = start + number
        made = {"object": "thread", "id": thread, "created_at": at, "metadata": {"n": str(number)}}
        yield thing("thread", made, thread)
        for place in range(messages):
            yield from _turn(thread, f"{number:04x}{place:04x}", at + place, place)


def _turn(thread: str, key: str, at: int, place: int) -> Iterator[Found]:
    """A message, and if it is an answer its run with its steps."""
    if place % 2 == 0:
        tools = [{"type": "code_interpreter"}]
        attachments = [{"file_id": "file-1", "tools": tools}] if place % 4 == 0 else []
        question = message(
            thread, f"msg_{key}", at, text=f"Question {place}?", attachments=attachments,
            object="thread.message", completed_at=at,
        )  # fmt: skip
        yield question
        return
    run = f"run_{key}"
    text = f"Answer {place} [0], \u00e9\U0001f9a6."
    start = text.index("[0]")
    marks = [
        {
            "type": "file_citation",
            "text": "[0]",
            "start_index": start,
            "end_index": start + 3,
            "file_citation": {"file_id": "file-0"},
        }
    ]
    found = message(
        thread, f"msg_{key}", at, "assistant", text, object="thread.message", completed_at=at,
        assistant_id="asst_1", run_id=run,
    )  # fmt: skip
    found.document["content"][0]["text"]["annotations"] = marks
    yield found
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    own = {"created_at": at, "thread_id": thread, "assistant_id": "asst_1", "completed_at": at}
    done = {"status": "completed", "usage": usage, **own}
    yield thing("run", {"object": "thread.run", "id": run, "model": "gpt-4o", **done}, thread)
    call = {"id": f"call_{key}", "type": "function"}
    call["function"] = {"name": "add", "arguments": "{}", "output": "3"}  # type: ignore[assignment]
    wrote = {"type": "message_creation", "message_creation": {"message_id": f"msg_{key}"}}
    for number, details in enumerate(({"type": "tool_calls", "tool_calls": [call]}, wrote)):
        step = {"object": "thread.run.step", "id": f"step_{key}{number}", "run_id": run}
        made = {"type": details["type"], "step_details": details}
        yield thing("step", {**step, **made, **done}, thread)


def opened(url: str, *answers: str) -> Engine:
    """An engine on a database, with a model that gives these answers."""
    return Engine(url, Scripted(list(answers)))


def messages_of(url: str, thread: str) -> list[dict[str, Any]]:
    """The messages of a thread as a server has them, the oldest first."""
    with opened(url) as engine, Client(engine=engine) as client:
        return [one.to_dict() for one in client.messages.list(thread, order="asc")]


def texts_of(url: str, thread: str) -> list[str]:
    """The texts of a thread's messages, the oldest first."""
    found = messages_of(url, thread)
    return [one["content"][0]["text"]["value"] for one in found if one["content"]]
