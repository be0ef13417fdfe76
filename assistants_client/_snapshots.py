"""Deltas gathered into the objects they make up, at constant cost for each. Pure.

Objects are kept as JSON documents while they grow: joined strings as lists of pieces, lists merged
by ``index`` as dictionaries. They become objects when somebody asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from assistants_client._codec import decode
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import RunStep

T = TypeVar("T", Message, RunStep)

#: The strings that deltas add to; every other value replaces the one before.
_JOINED: Final = frozenset(
    {
        ("content", "text", "value"),
        ("content", "refusal"),
        ("step_details", "tool_calls", "function", "arguments"),
        ("step_details", "tool_calls", "code_interpreter", "input"),
        ("step_details", "tool_calls", "code_interpreter", "outputs", "logs"),
    }
)
#: The lists whose entries say where they belong.
_INDEXED: Final = frozenset({"content", "tool_calls", "outputs", "annotations"})


class _Pieces:
    """A string that grows."""

    __slots__ = ("length", "pieces")

    def __init__(self, text: str) -> None:
        self.pieces = [text]
        self.length = len(text)

    def add(self, text: str, *, again: bool) -> None:
        """Adds a piece; ``again``: it may also be all there is so far, said once more."""
        if again and len(text) >= self.length > 0 and text.startswith("".join(self.pieces)):
            self.pieces, self.length = [], 0
        self.pieces.append(text)
        self.length += len(text)


class _Entries(dict[int, Any]):
    """A list whose entries come in any order, by their index."""


class Snapshots:
    """The messages or steps of a stream, by id, as far as they have come."""

    def __init__(self) -> None:
        self._documents: dict[str, dict[str, Any]] = {}
        self._whole: set[str] = set()

    def put(self, document: Mapping[str, Any], *, whole: bool) -> None:
        """Takes an object as the server sent it; it replaces what was gathered."""
        self._documents[document["id"]] = dict(document)
        if whole:
            self._whole.add(document["id"])

    def add(self, identity: str, delta: Mapping[str, Any]) -> None:
        """Adds a delta to the object with this id; a whole one is left as it is."""
        if identity not in self._whole:
            document = self._documents.setdefault(identity, {"id": identity})
            _merge(document, delta, (), again=False)

    def is_whole(self, identity: str) -> bool:
        """Whether the object came whole."""
        return identity in self._whole

    def objects(self, cls: type[T], *, with_empty: bool) -> list[T]:
        """The objects in the order in which they were first seen."""
        return [
            decode(cls, _plain(document))
            for identity, document in self._documents.items()
            if with_empty or identity in self._whole or document.get("content")
        ]

    def text_of(self, identity: str) -> str:
        """The text of a message so far."""
        document = self._documents.get(identity)
        return decode(Message, _plain(document)).text if document is not None else ""


def _merge(
    target: dict[str, Any], delta: Mapping[str, Any], path: tuple[str, ...], *, again: bool
) -> None:
    for key, value in delta.items():
        if value is None:
            target.setdefault(key, None)
            continue
        here = (*path, key)
        if isinstance(value, list) and key in _INDEXED:
            _merge_list(target, key, value, here)
        elif isinstance(value, dict):
            inner = target.get(key)
            if not isinstance(inner, dict):
                target[key] = inner = {}
            _merge(inner, value, here, again=again)
        elif here in _JOINED and isinstance(value, str):
            grown = target.get(key)
            if isinstance(grown, _Pieces):
                grown.add(value, again=again)
            else:
                target[key] = pieces = _Pieces(grown if isinstance(grown, str) else "")
                pieces.add(value, again=again)
        else:
            target[key] = value


def _merge_list(
    target: dict[str, Any], key: str, entries: list[Any], here: tuple[str, ...]
) -> None:
    held = target.get(key)
    if not isinstance(held, _Entries):
        target[key] = held = _Entries(enumerate(held if isinstance(held, list) else []))
    for position, entry in enumerate(entries):
        index = entry.get("index", position) if isinstance(entry, dict) else position
        known = held.get(index)
        # An annotation comes whole; so does what is no object.
        if key == "annotations" or not isinstance(entry, dict) or not isinstance(known, dict):
            known = held[index] = {}
            if not isinstance(entry, dict) or key == "annotations":
                held[index] = entry
                continue
        # Servers that name the call again may also repeat what it holds so far.
        again = "id" in entry and known.get("id") == entry["id"]
        _merge(known, entry, here, again=again)


def _plain(node: Any) -> Any:
    """The JSON document of what was gathered."""
    if isinstance(node, _Pieces):
        return "".join(node.pieces)
    if isinstance(node, _Entries):
        return [_plain(node[index]) for index in sorted(node)]
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(entry) for entry in node]
    return node
