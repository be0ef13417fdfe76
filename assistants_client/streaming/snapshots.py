"""Deltas merged into messages and steps, at constant cost for each. Pure.

Partial objects are kept as JSON documents: joined strings as lists of pieces, lists merged by
``index`` as dictionaries. They are decoded on access. An object received complete is kept as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, Generic, TypeVar

from assistants_client._json.codec import decode
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import RunStep

T = TypeVar("T", Message, RunStep)

#: Marks a string that deltas add to.
_JOINED: Final = "joined"
#: Marks a list whose entries come complete.
_SET: Final = "set"
#: The fields that deltas do not simply replace; objects and indexed lists have rules of their own.
_RULES: Final[Mapping[str, Any]] = {
    "content": {"text": {"value": _JOINED, "annotations": _SET}, "refusal": _JOINED},
    "step_details": {
        "tool_calls": {
            "function": {"arguments": _JOINED},
            "code_interpreter": {"input": _JOINED, "outputs": {"logs": _JOINED}},
        }
    },
}
_NO_RULES: Final[Mapping[str, Any]] = {}


class _Pieces:
    """A string that deltas add to."""

    __slots__ = ("length", "pieces")

    def __init__(self, text: str) -> None:
        self.pieces = [text]
        self.length = len(text)

    def add(self, text: str, *, again: bool) -> None:
        """Adds a piece; with ``again`` it may also repeat all pieces so far."""
        if again and len(text) >= self.length > 0 and text.startswith("".join(self.pieces)):
            self.pieces, self.length = [], 0
        self.pieces.append(text)
        self.length += len(text)


class _Entries(dict[int, Any]):
    """A list whose entries come in any order, by their index; a large index costs nothing."""


class Snapshots(Generic[T]):
    """The messages or steps of a stream, by id, as far as they have been received."""

    def __init__(self, cls: type[T]) -> None:
        self._cls: type[T] = cls
        #: Documents of partial objects, and complete objects; in the order of their first event.
        self._held: dict[str, dict[str, Any] | T] = {}
        #: The texts that the next piece most likely belongs to, by id and index.
        self._texts: dict[tuple[str, int], _Pieces] = {}

    def put(self, made: T) -> None:
        """Sets a complete object; it replaces the partial one, and ignores deltas."""
        self._texts.clear()
        self._held[made.id] = made

    def begin(
        self, identity: str, document: Mapping[str, Any], *, keeps: str | None = None
    ) -> None:
        """Sets a partial object, which takes deltas; it replaces the one before.

        Where the new one has nothing in the field ``keeps``, it keeps that of the one before.
        """
        self._texts.clear()
        held = self._held.get(identity)
        begun = _copied(document)
        if keeps is not None and isinstance(held, dict) and not begun.get(keeps):
            begun[keeps] = held.get(keeps)
        self._held[identity] = begun

    def add(self, identity: str, delta: object) -> None:
        """Adds a delta to the object with this id; a complete one is left as it is."""
        self._texts.clear()
        if not isinstance(delta, dict):
            return  # null, or malformed; the caller gets the event all the same
        document = self._held.get(identity)
        if document is None:
            document = self._held[identity] = {"id": identity}
        if isinstance(document, dict):
            _merge(document, delta, _RULES, again=False)

    def add_text(self, identity: str, index: int, value: str) -> None:
        """Adds a piece of text alone: as :meth:`add`, but most deltas are no more than this."""
        pieces = self._texts.get((identity, index))
        if pieces is not None:
            pieces.add(value, again=False)
            return
        part = {"index": index, "type": "text", "text": {"value": value, "annotations": []}}
        self.add(identity, {"content": [part]})
        held = self._held[identity]
        if isinstance(held, dict):
            self._texts[identity, index] = held["content"][index]["text"]["value"]

    def has(self, identity: str) -> bool:
        """Returns whether any part of the object was received."""
        return identity in self._held

    def is_complete(self, identity: str) -> bool:
        """Returns whether the object was received complete."""
        return identity in self._held and not isinstance(self._held[identity], dict)

    def keep(self, identities: Collection[str]) -> None:
        """Drops all other partial objects: the server has deleted them."""
        self._texts.clear()
        self._held = {
            identity: held
            for identity, held in self._held.items()
            if identity in identities or not isinstance(held, dict)
        }

    def partial(self) -> list[str]:
        """Returns the ids of partial objects that have content."""
        return [
            identity
            for identity, held in self._held.items()
            if isinstance(held, dict) and held.get("content")
        ]

    def objects(self, *, with_empty: bool) -> list[T]:
        """Returns the objects in the order of their first events."""
        return [
            decode(self._cls, {**_plain(held), "id": identity}) if isinstance(held, dict) else held
            for identity, held in self._held.items()
            if with_empty or not isinstance(held, dict) or held.get("content")
        ]

    def content(self, identity: str) -> dict[int, Any]:
        """Returns the documents of a partial message's parts, by index."""
        held = self._held.get(identity)
        entries = held.get("content") if isinstance(held, dict) else None
        if not isinstance(entries, _Entries):
            entries = _entries(entries)
        return {index: _plain(entry) for index, entry in entries.items()}


def _merge(
    target: dict[str, Any], delta: Mapping[str, Any], rules: Mapping[str, Any], *, again: bool
) -> None:
    for key, value in delta.items():
        if value is None:
            target.setdefault(key, None)
            continue
        rule = rules.get(key)
        kind = type(value)
        if rule is _JOINED and kind is str:
            held = target.get(key)
            if type(held) is not _Pieces:
                held = target[key] = _Pieces(held if type(held) is str else "")
            held.add(value, again=again)
        elif kind is list and (rule is not None or _has_index(value)):
            _merge_list(target, key, value, rule)
        elif kind is dict:
            held = target.get(key)
            if type(held) is not dict:
                held = target[key] = {}
            _merge(held, value, rule if type(rule) is dict else _NO_RULES, again=again)
        else:
            target[key] = value


def _merge_list(target: dict[str, Any], key: str, entries: list[Any], rule: object) -> None:
    held = target.get(key)
    if type(held) is not _Entries:
        held = target[key] = _entries(held)
    rules = rule if type(rule) is dict else _NO_RULES
    for position, entry in enumerate(entries):
        index = _index(entry, position)
        target_entry = held.get(index)
        if type(entry) is not dict or rule is _SET:
            held[index] = entry
            continue
        if type(target_entry) is not dict:
            target_entry = held[index] = {}
        # Servers that repeat a call's id may also repeat its arguments so far.
        again = "id" in entry and target_entry.get("id") == entry["id"]
        _merge(target_entry, entry, rules, again=again)


def _index(entry: object, position: int) -> int:
    index = entry.get("index") if type(entry) is dict else None
    return index if type(index) is int else position


def _has_index(entries: list[Any]) -> bool:
    return bool(entries) and type(entries[0]) is dict and "index" in entries[0]


def _entries(held: object) -> _Entries:
    entries = held if type(held) is list else []
    return _Entries((_index(entry, position), entry) for position, entry in enumerate(entries))


def _copied(node: Any) -> Any:
    """Returns a copy, for the caller's document must not change."""
    if type(node) is dict:
        return {key: _copied(value) for key, value in node.items()}
    if type(node) is list:
        return [_copied(entry) for entry in node]
    return node


def _plain(node: Any) -> Any:
    """Returns the JSON document of a partial object."""
    kind = type(node)
    if kind is _Pieces:
        return "".join(node.pieces)
    if kind is _Entries:
        return [_without_index(_plain(node[index])) for index in sorted(node)]
    if kind is dict:
        return {key: _plain(value) for key, value in node.items()}
    if kind is list:
        return [_plain(entry) for entry in node]
    return node


def _without_index(entry: Any) -> Any:
    """Returns an entry without its index, as complete objects have it."""
    if type(entry) is dict:
        entry.pop("index", None)
    return entry
