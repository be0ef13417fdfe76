"""Assigns each piece of a streamed answer to its tool call. Pure, and of no server in particular.

An index and an id should decide, but servers leave either out, give one to all calls, or another to
every piece. Two calls are never joined and none is lost; an ambiguous piece continues the call
before it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from assistants_client.engine.language_models.base import LanguageModelError, ToolCallDelta
from assistants_client.engine.language_models.call_arguments import are_complete
from assistants_client.engine.language_models.wire import arguments_text, clean, excerpt

#: The fields of a call and of its function in the API; all others are the server's own.
_OF_CALLS: Final = frozenset({"id", "index", "type", "function", "name", "arguments"})
_OF_FUNCTIONS: Final = frozenset({"name", "arguments"})
#: A call that was named so often comes from a server that repeats the name with each piece.
_REPEATED: Final = 2


@define
class _PartialCall:
    """One call so far."""

    number: int
    first: Mapping[str, Any]
    id: str | None = None
    name: str | None = None
    arguments: list[str] = field(factory=list)
    has_arguments: bool = False
    state: dict[str, Any] = field(factory=dict)
    #: How often it was named; and whether it was once more when its arguments were complete.
    names: int = 0
    named_again: bool = False

    @property
    def text(self) -> str:
        return "".join(self.arguments)

    def extend(
        self, call_id: str | None, name: str | None, text: str, *, has_arguments: bool
    ) -> Iterator[ToolCallDelta]:
        """Adds a piece, and yields its delta; nothing is yielded before the call has a name."""
        was_emitted, had_id = self.name is not None, self.id is not None
        self.id = self.id or call_id
        if name is not None:
            self.names += 1
            self.named_again = self.named_again or (not text and are_complete(self.text))
        is_named = name is not None and name != self.name
        if is_named:
            self.name = name
        if text and text == self.text and are_complete(text):
            text = ""  # the whole call once more, at its end
        self.has_arguments = self.has_arguments or has_arguments
        self.arguments.append(text)
        if self.name is not None:
            yield ToolCallDelta(
                index=self.number,
                id=self.id if not was_emitted or not had_id else None,
                name=self.name if is_named else None,
                arguments=text if was_emitted else self.text,
            )


class CallPieces:
    """Assembles the calls of one answer."""

    def __init__(self) -> None:
        self._calls: list[_PartialCall] = []
        self._by_index: dict[Hashable, _PartialCall] = {}
        self._by_id: dict[str, _PartialCall] = {}
        #: State that the server attached to no call in particular: it belongs to the next one.
        self._unclaimed: dict[str, Any] = {}

    def add(self, pieces: object, choice: object = 0) -> Iterator[ToolCallDelta]:
        """Yields the deltas of pieces that came together: no two of them with a name are one call.

        Args:
            pieces: The list of them; one alone may stand without it.
            choice: The number of the choice that they are in; each has its own indexes.

        Raises:
            LanguageModelError: One is not a piece of a call.
        """
        begun: set[int] = set()
        for piece in pieces if isinstance(pieces, list) else [pieces]:
            if piece is None:
                continue
            if not isinstance(piece, dict):
                raise LanguageModelError(f"a tool call without a function: {excerpt(piece)}")
            yield from self._piece(piece, choice, begun)

    @property
    def has_calls(self) -> bool:
        """True once any of them has a name."""
        return any(call.name is not None for call in self._calls)

    def finish(self, *, has_text: bool) -> Iterator[ToolCallDelta]:
        """Yields the deltas that are due at the end of the answer.

        Args:
            has_text: Whether there is an answer beside the calls. Then a call with neither a name
                nor arguments is dropped: some servers send empty forms of a call.

        Raises:
            LanguageModelError: A call names no function.
        """
        if self._calls:
            _merge(self._calls[-1].state, self._unclaimed)
        for call in self._calls:
            if call.name is None and (call.text or not (has_text or self.has_calls)):
                raise LanguageModelError(f"a tool call without a function: {excerpt(call.first)}")
            if call.name is not None and not call.has_arguments:
                yield ToolCallDelta(index=call.number, arguments="{}")

    def states(self) -> dict[int, Mapping[str, Any]]:
        """Returns the state that the server attached to the calls, by their numbers."""
        return {call.number: call.state for call in self._calls if call.state and call.name}

    def _piece(
        self, piece: Mapping[str, Any], choice: object, begun: set[int]
    ) -> Iterator[ToolCallDelta]:
        function = piece.get("function")
        if not isinstance(function, dict):  # some leave the object out, not what is in it
            function = {k: piece[k] for k in _OF_FUNCTIONS if k in piece}
        name, call_id = _text(function.get("name")), _text(piece.get("id"))
        text, state = arguments_text(function.get("arguments")), _state(piece, function)
        key = (choice, str(piece["index"])) if piece.get("index") is not None else None
        if name is None and not text and call_id is None and key not in self._by_index:
            if self._calls and not self._calls[-1].state:
                _merge(self._calls[-1].state, state)
            else:
                _merge(self._unclaimed, state)
            return
        call = self._find(key, call_id, name, text)
        if call is not None and (
            (name is not None and call.number in begun)
            or _begins_another(call, call_id, name, text, has_index=key is not None)
        ):
            # Pieces with arguments alone belong to the name before them.
            name = name or call.name
            call = None
        if call is None:
            call = _PartialCall(len(self._calls), piece, state=self._unclaimed)
            self._unclaimed = {}
            self._calls.append(call)
        if key is not None:
            self._by_index[key] = call
        if call_id is not None and (call.id is None or call.id == call_id):
            self._by_id[call_id] = call
        if name is not None:
            begun.add(call.number)
        _merge(call.state, state)
        has_arguments = function.get("arguments") is not None
        yield from call.extend(call_id, name, text, has_arguments=has_arguments)

    def _find(
        self, key: Hashable, call_id: str | None, name: str | None, text: str
    ) -> _PartialCall | None:
        """Returns the call that an index and an id point to, else the last one."""
        by_index = None if key is None else self._by_index.get(key)
        by_id = None if call_id is None else self._by_id.get(call_id)
        if by_index is not None and by_id is not None and by_index is not by_id:
            # One index for all calls decides nothing, and neither does one id.
            return by_id if len(self._by_index) == 1 else by_index
        if by_index is None and by_id is not None and key is not None and name is not None:
            # Another index and a name begin a call; or each piece has an index of its own.
            return by_id if by_id.text and not are_complete(by_id.text) else None
        if by_index is not None or by_id is not None:
            return by_index or by_id
        last = self._calls[-1] if self._calls else None
        if last is None or (name is None and not text):
            return None  # an id alone: its call comes later
        if key is None:
            return last
        # An unknown index begins a call; or each piece has another one.
        return None if name is not None or are_complete(last.text) else last


def _begins_another(
    call: _PartialCall, call_id: str | None, name: str | None, text: str, *, has_index: bool
) -> bool:
    """Returns whether a piece that could continue a call begins another one."""
    before = call.text
    if (
        call.name is None or name is None
    ):  # only a name begins a call; it may have come by itself, the piece before
        return name is None and call.named_again and bool(text) and are_complete(before)
    has_other_id = call_id is not None and call.id is not None and call_id != call.id
    if name != call.name:
        is_longer = has_index and not call.has_arguments and name.startswith(call.name)
        return has_other_id or not is_longer  # a name may grow from piece to piece
    if before and not are_complete(before):
        # In the middle of its arguments: the name is repeated with each piece, and the id may be
        # another one each time.
        return has_other_id and call.names < _REPEATED and not are_complete(before + text)
    # Some servers take the function's name for an id.
    has_same_id = call_id is not None and call_id == call.id and call_id != name
    if before and text:
        return has_other_id or not has_same_id or text != before
    return has_other_id or not (has_index or has_same_id)


def _state(piece: Mapping[str, Any], function: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of a piece that are the server's own."""
    found = {k: v for k, v in piece.items() if k not in _OF_CALLS and v is not None}
    within = {k: v for k, v in function.items() if k not in _OF_FUNCTIONS and v is not None}
    if within:
        found["function"] = within
    return found


def _merge(known: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        before = known.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            known[name] = {**before, **value}
        else:
            known[name] = value


def _text(value: object) -> str | None:
    """Returns a name or an id; numbers are ids too, and an empty text is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return clean(value) or None if isinstance(value, str) else None
