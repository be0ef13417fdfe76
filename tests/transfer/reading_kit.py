"""Reads a source that a test writes, and keeps what came of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrs import frozen

from assistants_client.transfer.found import Found
from assistants_client.transfer.losses import Loss, Losses
from assistants_client.transfer.reading.options import ReadOptions, Recognised, SourceError
from assistants_client.transfer.reading.sources import read


@frozen
class Result:
    """What came of a source.

    Attributes:
        found: The objects.
        losses: What was lost.
        recognised: What readers took.
    """

    found: list[Found]
    losses: list[Loss]
    recognised: list[Recognised]

    def kinds(self) -> list[str]:
        """The kinds of the objects."""
        return [one.kind for one in self.found]

    def codes(self) -> list[str]:
        """The codes of the losses."""
        return [one.code for one in self.losses]

    def messages(self) -> list[tuple[str | None, str, str]]:
        """Of each message its thread, its role and its text."""
        return [
            (one.thread_key, one.document["role"], text_of(one.document))
            for one in self.found
            if one.kind == "message"
        ]

    def one(self, kind: str) -> dict[str, Any]:
        """The only object of a kind."""
        [found] = [one for one in self.found if one.kind == kind]
        return found.document


def text_of(document: dict[str, Any]) -> str:
    """The text of a message, with a mark for each other part."""
    return "".join(
        part["text"]["value"] if part["type"] == "text" else f"<{part['type']}>"
        for part in document["content"]
    )


def source(folder: Path, name: str, content: object) -> Path:
    """Writes a source: bytes, text, a list of lines as NDJSON for ``.ndjson``, or JSON."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, str):
        path.write_bytes(content.encode())
    elif isinstance(content, list) and name.endswith((".ndjson", ".jsonl")):
        path.write_text("".join(json.dumps(one) + "\n" for one in content), "utf-8")
    else:
        path.write_text(json.dumps(content), "utf-8")
    return path


def result(*paths: Path, **options: Any) -> Result:
    """Reads sources."""
    losses: list[Loss] = []
    recognised: list[Recognised] = []
    chosen = ReadOptions(recognised=recognised.append, **options)
    found = list(read(paths, Losses(losses.append), chosen))
    return Result(found, losses, recognised)


def refusal(*paths: Path, **options: Any) -> str:
    """The sentence with which a source is refused, without the folder that it is in."""
    try:
        result(*paths, **options)
    except SourceError as error:
        return str(error).replace(f"{paths[0].parent}/", "")
    raise AssertionError("it was read")


def message(number: int, **fields: Any) -> dict[str, Any]:
    """A message as servers of the protocol send it."""
    role = "user" if number % 2 else "assistant"
    return {
        "id": f"msg_{number}",
        "object": "thread.message",
        "created_at": 1_747_000_000 + number,
        "thread_id": "thread_A",
        "role": role,
        "content": [{"type": "text", "text": {"value": f"Text {number}", "annotations": []}}],
        "attachments": [],
        "metadata": {},
        **fields,
    }


def page(*messages: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    """A page of a list."""
    return {"object": "list", "data": list(messages), "has_more": has_more}
