"""Reads the parsed text of files, as vector stores give it: chunks that overlap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from assistants_client.transfer.found import Found
from assistants_client.transfer.reading.state import FileState

#: Characters that two chunks have in common; fewer are chance.
_LEAST: Final = 16
_MOST: Final = 16 * 1024
_PAGE: Final = "vector_store.file_content.page"


def is_file_text(value: Mapping[str, Any]) -> bool:
    """Returns whether a value is the text of a file, and says of which."""
    content = value.get("content")
    page = content if isinstance(content, dict) else value
    return isinstance(value.get("file_id"), str) and (
        page.get("object") == _PAGE and isinstance(page.get("data"), list)
    )


def take_file_text(value: dict[str, Any], state: FileState) -> Iterator[Found]:
    """Yields the text, and the file's place in its store."""
    content = value.get("content")
    page = content if isinstance(content, dict) else value
    file_id, store = value["file_id"], value.get("vector_store_id")
    texts = [one["text"] for one in page["data"] if isinstance(one, dict) and _is_text(one)]
    if page.get("has_more"):
        state.lose("truncated_file", kind="file", id_=file_id, note="more of its text follows")
    if isinstance(store, str) and (store, file_id) not in state.keys.placed:
        place = {"id": file_id, "object": "vector_store.file", "vector_store_id": store}
        yield state.found("protocol", "vector_store_file", place)
    document: dict[str, Any] = {"file_id": file_id, "text": joined(texts)}
    if isinstance(value.get("filename"), str):
        document["filename"] = value["filename"]
    yield state.found("protocol", "file_text", document)


def _is_text(one: dict[str, Any]) -> bool:
    return isinstance(one.get("text"), str)


def joined(chunks: list[str]) -> str:
    """Returns the text that chunks were cut from: what two have in common stands there once."""
    text: list[str] = []
    tail = ""
    for chunk in chunks:
        common = _overlap(tail, chunk)
        if text and not common:
            text.append("\n")
        text.append(chunk[common:])
        tail = (tail + chunk[common:])[-_MOST:]
    return "".join(text)


def _overlap(before: str, after: str) -> int:
    """Returns the number of characters that the one ends and the other begins with."""
    start = after[:_LEAST]
    if len(start) < _LEAST:
        return 0
    at = before.find(start)
    while at >= 0:
        if after.startswith(before[at:]):
            return len(before) - at
        at = before.find(start, at + 1)
    return 0
