"""Walks the values of one file, and gives each to the reader that knows it.

Wrappers say which thread, run or page the objects inside belong to; nothing else is known of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any, Final, TypeAlias

from attrs import evolve

from assistants_client.transfer.found import Found
from assistants_client.transfer.reading import refusals
from assistants_client.transfer.reading.chat import Chat
from assistants_client.transfer.reading.contents import from_json_text
from assistants_client.transfer.reading.enclosing import (
    beginning,
    is_container,
    thread_document,
    thread_of,
)
from assistants_client.transfer.reading.file_texts import is_file_text, take_file_text
from assistants_client.transfer.reading.json_stream import UNREADABLE, LongArray, LongObject, Node
from assistants_client.transfer.reading.options import Reader
from assistants_client.transfer.reading.order import direction_of
from assistants_client.transfer.reading.pages import Edges, has_more
from assistants_client.transfer.reading.protocol import INNER, NO_OBJECTS, Protocol, kind_of
from assistants_client.transfer.reading.rows import Rows
from assistants_client.transfer.reading.state import THREAD_NAMES, Context, FileState, inside
from assistants_client.transfer.reading.steps import is_steps, take_steps
from assistants_client.transfer.reading.trees import Trees, is_chatgpt, is_librechat
from assistants_client.transfer.reading.turns import is_turn, turn_of

_Knows: TypeAlias = Callable[[dict[str, Any]], bool]
_Take: TypeAlias = Callable[[dict[str, Any], Context], Iterator[Found]]

#: Wrappers in wrappers.
_DEPTH: Final = 32
#: Elements of a list that are looked at to tell what it is.
_HEAD: Final = 200
_FEW: Final = 5
#: Threads whose calls of tools wait for outputs.
_CHATS: Final = 4096
#: Times of rows that hold an object as JSON.
_TIMES: Final = ("created_at", "createdAt", "createdDate")
#: Members that hold one object's own fields, and no objects.
_FIELDS: Final = frozenset(("content", "metadata", "error", "definition", "usage"))


class Walker:
    """Finds objects in the values of one file.

    Args:
        state: Of the file.
    """

    def __init__(self, state: FileState) -> None:
        self._state = state
        self._protocol = Protocol(state)
        self._rows = Rows(state, lambda key, assistant: self._chat(key, "rows", assistant))
        self._trees = Trees(state)
        self._edges = Edges()
        self._chats: dict[tuple[str, Reader], Chat] = {}
        self._readers: tuple[tuple[Reader, _Knows, _Take], ...] = (
            ("rows", self._is_told_row, self._rows.take),
            ("tree", is_chatgpt, lambda value, _: self._trees.chatgpt(value)),
            ("tree", is_librechat, lambda value, _: self._trees.librechat(value)),
            ("rows", is_steps, lambda value, _: take_steps(value, state)),
            ("protocol", is_file_text, lambda value, _: take_file_text(value, state)),
            ("chat", _is_conversation, lambda value, _: iter((self._conversation(value),))),
            ("chat", self._is_turn, self._turn),
            ("rows", self._rows.is_row, self._rows.take),
            ("chat", lambda value: turn_of(value) is not None, self._turn),
        )
        self._uses_protocol = state.uses("protocol")
        self._has_columns = bool(state.options.columns)
        self._archive: bool | None = None
        self._is_one_value = False
        self._is_in_list = False

    @property
    def is_unfinished_archive(self) -> bool:
        """The first line of an archive was read, and the last was not."""
        return self._archive is False

    def walk_all(self, values: Iterable[tuple[int, Node]]) -> Iterator[Found]:
        """Yields the objects of a file, from its values with their lines or numbers."""
        iterator = iter(values)
        head = list(islice(iterator, 1))
        context = Context()
        if head and isinstance(head[0][1], dict):
            if head[0][1].get("object") == "export":
                context = Context(direction="oldest_first")
            else:
                head += _some(iterator)
                context = self._list_context([value for _, value in head], context)
                context = evolve(context, depth=0)
        self._is_one_value = len(head) == 1
        in_list = evolve(context, is_list=not self._is_one_value)
        for number, value in chain(head, iterator):
            self._state.number = number
            if value is UNREADABLE:
                self._state.lose("unreadable_line")
            elif isinstance(value, dict):
                yield from self._object(value, in_list)
            else:
                yield from self._walk(value, context)
        for chat in self._chats.values():
            yield from chat.end()
        yield from self._edges.rest()

    def _chat(self, key: str, reader: Reader, assistant: str | None = None) -> Chat:
        """Returns the chat of a thread."""
        chat = self._chats.get((key, reader))
        if chat is None:
            if len(self._chats) >= _CHATS:
                self._chats = {one: chat for one, chat in self._chats.items() if chat.is_open}
            chat = self._chats[key, reader] = Chat(self._state, key, reader)
        chat.assistant_id = assistant
        return chat

    def _walk(self, value: Node, context: Context) -> Iterator[Found]:
        """Yields the objects in a value."""
        if isinstance(value, dict):
            yield from self._object(value, context)
        elif isinstance(value, (list, LongArray)):
            yield from self._list(value, context)
        elif isinstance(value, LongObject):
            yield from self._long_object(value, context)
        elif isinstance(value, str):
            yield from self._text(value, context, {})

    def _text(self, value: str, context: Context, around: dict[str, Any]) -> Iterator[Found]:
        """Yields the objects in a text, which may be JSON, or notes what it is instead."""
        inner = from_json_text(value)
        if isinstance(inner, dict) and "created_at" not in inner:
            time = next((around[name] for name in _TIMES if around.get(name)), None)
            inner = inner if time is None else {**inner, "created_at": time}
        if isinstance(inner, (dict, list)) and context.depth < _DEPTH:
            yield from self._walk(inner, inside(context))
        elif value.startswith(("thread_", "conv_")) and " " not in value:
            self._state.reasons[refusals.IDS] += 1
        elif refusals.text(value[:200]) == refusals.REPR:
            self._state.reasons[refusals.REPR] += 1
        elif context.is_list:
            self._state.unknown += 1

    # What one object is.

    def _object(self, value: dict[str, Any], context: Context) -> Iterator[Found]:
        """Yields the object that a value is, or those in it."""
        if self._uses_protocol and not self._has_columns:
            kind = kind_of(value)
            if kind is not None:
                yield from self._protocol.take(kind, value, context)
                if kind in {"thread", "run"} and not value.keys().isdisjoint(INNER):
                    yield from self._inner(kind, value, context)
                return
        taken = self._taken(value, context)
        if taken is not None:
            yield from taken
            return
        if value.get("object") in NO_OBJECTS:
            if value["object"] in {"export", "export.end"}:
                self._archive = value["object"] == "export.end"
            return
        reason = refusals.value(value)
        if reason is not None:
            self._state.reasons[reason] += 1
            return
        if any(name in value and value[name] is None for name in INNER):
            self._state.lose("empty_source", kind="thread", note="no messages were fetched")
            self._state.empty += 1
            return
        before = self._state.total()
        yield from self._members(value, context)
        is_element = context.is_list or context.depth == 0
        if is_element and self._state.total() == before and not is_container(value):
            self._state.unknown += 1

    def _taken(self, value: dict[str, Any], context: Context) -> Iterator[Found] | None:
        """Returns what a reader makes of a value, or nothing where none knows it."""
        for reader, knows, take in self._readers:
            if self._state.uses(reader) and knows(value):
                return take(value, context)
        return None

    def _is_told_row(self, value: dict[str, Any]) -> bool:
        """Returns whether a value is a row whose columns were named."""
        return self._has_columns and self._rows.is_row(value)

    def _is_turn(self, value: dict[str, Any]) -> bool:
        """Returns whether a value is a turn; one that says its thread is a row."""
        return is_turn(value) and not (self._state.uses("rows") and self._rows.has_thread(value))

    def _turn(self, value: dict[str, Any], context: Context) -> Iterator[Found]:
        turn = turn_of(value)
        if turn is not None:
            key = context.thread_key or self._state.file_key()
            chat = self._chat(key, "chat", context.assistant_id)
            yield from chat.feed(turn, context.direction)

    def _conversation(self, value: dict[str, Any]) -> Found:
        key = value.get("id")
        document = {**value, "object": "thread"}
        return self._state.found("chat", "thread", document, thread_key=str(key) if key else None)

    # What encloses objects.

    def _inner(self, kind: str, value: dict[str, Any], context: Context) -> Iterator[Found]:
        """Yields what stands inside of a thread or a run."""
        id_ = value.get("id")
        if kind == "thread":
            context = inside(context, thread_key=id_, is_list=False)
        else:
            thread = value.get("thread_id") or context.thread_key
            context = inside(context, thread_key=thread, run_key=id_, is_list=False)
        for name in INNER:
            if isinstance(value.get(name), (dict, list)):
                yield from self._walk(value[name], context)

    def _members(self, value: dict[str, Any], context: Context) -> Iterator[Found]:
        """Yields what stands inside of a wrapper."""
        if context.depth >= _DEPTH:
            return
        inner = self._enclosing(value, context)
        holds = is_container(value)
        thread = thread_document(value)
        for found in self._each_member(value, inner, holds=holds):
            if thread is not None and found.kind == "message" and found.thread_key == thread["id"]:
                yield self._state.found("rows", "thread", thread, thread_key=found.thread_key)
                thread = None
            yield found

    def _each_member(
        self, value: dict[str, Any], inner: Context, *, holds: bool
    ) -> Iterator[Found]:
        for name, one in value.items():
            if isinstance(one, (dict, list)) and name not in _FIELDS:
                yield from self._walk(one, self._named(name, inner))
            elif isinstance(one, str) and not (holds and name in THREAD_NAMES):
                yield from self._text(one, inner, value)

    def _enclosing(self, value: dict[str, Any], context: Context) -> Context:
        """Returns the context of a wrapper's members."""
        return inside(
            context,
            thread_key=thread_of(value) or context.thread_key,
            is_list=False,
            has_more=has_more(value),
        )

    def _named(self, name: str, context: Context) -> Context:
        """Returns the context of the member of this name, which may be a thread's id."""
        if name.startswith("thread_") and name not in {"thread_id", "thread_ids"}:
            return evolve(context, thread_key=name)
        return context

    def _long_object(self, value: LongObject, context: Context) -> Iterator[Found]:
        """Yields what stands in an object that is too large: its lists as they come."""
        members = dict[str, Any]()
        last: Found | None = None
        for name, one in value:
            if not isinstance(one, (LongArray, LongObject)):
                members[name] = one
                continue
            around = self._named(name, self._enclosing(members, context))
            for found in self._walk(one, evolve(around, has_more=False)):
                if last is not None:
                    yield last
                last = found
        if last is not None:
            yield evolve(last, is_cut=bool(has_more(members))) if last.kind == "message" else last
        inner = inside(context, is_list=False)
        kind = kind_of(members)
        if value.is_complete:
            yield from self._object(members, inner)
        elif kind in {"thread", "run"}:
            yield from self._inner(kind, members, inner)
        elif kind is None:
            # Of a wrapper that was cut, what is whole in it.
            yield from self._members(members, inner)

    # Lists.

    def _list(self, values: list[Any] | LongArray, context: Context) -> Iterator[Found]:
        """Yields the objects in a list."""
        if context.depth >= _DEPTH:
            return
        iterator = iter(values)
        head = values if isinstance(values, list) else _some(iterator)
        inner = self._list_context(head, context)
        rest = values if isinstance(values, list) else chain(head, iterator)
        elements = self._elements(rest, inner)
        yield from self._edges.of_list(elements, context.has_more)
        if not isinstance(values, list) or (head and isinstance(head[0], dict)):
            yield from self._end_of(inner.thread_key)

    def _elements(self, values: Iterable[Node], context: Context) -> Iterator[Found]:
        """Yields the objects in the elements; where there is one list, they have numbers."""
        state, has_numbers = self._state, self._is_one_value and not self._is_in_list
        self._is_in_list = True
        for number, one in enumerate(values, 1):
            if has_numbers:
                state.number = number
            yield from self._walk(one, context)
        if has_numbers:
            self._is_in_list = False

    def _end_of(self, key: str | None) -> Iterator[Found]:
        """Yields what a list's chat still holds."""
        for reader in ("chat", "rows"):
            chat = self._chats.get((key or "", reader))
            if chat is not None:
                yield from chat.end()

    def _list_context(self, head: list[Any], context: Context) -> Context:
        """Returns the context of a list's elements: how it stands, and whose they are."""
        key = context.thread_key
        first = [one for one in head[:_FEW] if isinstance(one, dict)]
        if key is None and any(map(self._needs_key, first)):
            key = self._state.file_is_id() or self._state.keys.of_content(*beginning(head))
        direction = direction_of(head, self._state.options.columns.get("time"))
        if direction == "unknown" and any(map(self._is_chat, first)):
            direction = "oldest_first"
        return inside(context, thread_key=key, direction=direction, is_list=True, has_more=None)

    def _is_chat(self, value: dict[str, Any]) -> bool:
        return kind_of(value) is None and is_turn(value)

    def _needs_key(self, value: dict[str, Any]) -> bool:
        """Returns whether a value is a message that does not say its thread."""
        if self._uses_protocol and kind_of(value) is not None:
            return False
        rows = self._rows
        if rows.is_row(value):
            return not rows.has_thread(value)
        return turn_of(value) is not None


def _some(iterator: Iterator[Any]) -> list[Any]:
    """Returns the next elements, to the first that is long: it has to be walked before others."""
    found = []
    for one in islice(iterator, _HEAD):
        found.append(one)
        inner = one[1] if isinstance(one, tuple) else one
        if isinstance(inner, (LongArray, LongObject)):
            break
    return found


def _is_conversation(value: dict[str, Any]) -> bool:
    return value.get("object") == "conversation"
