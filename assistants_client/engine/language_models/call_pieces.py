"""Which tool call each piece of a streamed answer belongs to. Pure, and of no server in particular.

An index and an id should tell, but servers leave either out, give one to all calls, or another to
every piece. Two calls are never joined and none is lost; a piece that could be either goes on with
the call before it.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from assistants_client.engine.language_models.base import LanguageModelError, ToolCallDelta
from assistants_client.engine.language_models.wire import arguments_text, clean, excerpt

#: What of a call and of its function is known here; all else is the server's own.
_OF_CALLS: Final = frozenset({"id", "index", "type", "function"})
_OF_FUNCTIONS: Final = frozenset({"name", "arguments"})


@define
class _Call:
    """What is known of one call so far."""

    number: int
    first: Mapping[str, Any]
    id: str | None = None
    name: str | None = None
    arguments: list[str] = field(factory=list)
    has_arguments: bool = False
    state: dict[str, Any] = field(factory=dict)

    @property
    def text(self) -> str:
        return "".join(self.arguments)


class CallPieces:
    """Puts the calls of one answer together."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[Hashable, _Call] = {}
        self._by_id: dict[str, _Call] = {}
        #: What the server attached to no call in particular: it belongs to the next one.
        self._unclaimed: dict[str, Any] = {}

    def add(self, pieces: object, choice: object = 0) -> Iterator[ToolCallDelta]:
        """The deltas of the pieces that came together: no two of them with a name are one call.

        Args:
            pieces: The list of them; one alone may stand without it.
            choice: Which choice of the answer they are in; each counts for itself.

        Raises:
            LanguageModelError: One is no piece of a call.
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
        """Whether any of them has a name."""
        return any(call.name is not None for call in self._calls)

    def finish(self, *, has_text: bool) -> Iterator[ToolCallDelta]:
        """What the end of the answer completes.

        Args:
            has_text: Whether there is an answer beside the calls. Then what neither names a
                function nor has arguments was none: some servers send empty forms of a call.

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
        """What the server attached to the calls, by their numbers."""
        return {call.number: call.state for call in self._calls if call.state and call.name}

    def _piece(
        self, piece: Mapping[str, Any], choice: object, begun: set[int]
    ) -> Iterator[ToolCallDelta]:
        function = piece.get("function")
        function = function if isinstance(function, dict) else {}
        name = _text(function.get("name"))
        call_id = _text(piece.get("id"))
        arguments = function.get("arguments")
        text = arguments_text(arguments)
        state = _state(piece, function)
        key = (choice, str(piece["index"])) if piece.get("index") is not None else None
        if name is None and not text and call_id is None and key not in self._by_index:
            if self._calls and not self._calls[-1].state:
                _merge(self._calls[-1].state, state)
            else:
                _merge(self._unclaimed, state)
            return
        call = self._known(key, call_id, name, text)
        if call is not None and (
            (name is not None and call.number in begun)
            or _is_another(call, call_id, name, text, has_index=key is not None)
        ):
            call = None
        is_new = call is None
        if call is None:
            call = _Call(len(self._calls), piece, state=self._unclaimed)
            self._unclaimed = {}
            self._calls.append(call)
        if key is not None:
            self._by_index[key] = call
        if call_id is not None and (call.id is None or call.id == call_id):
            self._by_id[call_id] = call
        is_named = name is not None and call.name is None
        had_id = call.id is not None
        call.id = call.id or call_id
        call.name = call.name or name
        if name is not None:
            begun.add(call.number)
        _merge(call.state, state)
        if text and not is_new and text == call.text and _is_object(text):
            text = ""  # the whole call once more, at its end
        call.has_arguments = call.has_arguments or arguments is not None
        call.arguments.append(text)
        if call.name is not None:  # until then it is not told of
            yield ToolCallDelta(
                index=call.number,
                id=call.id if is_named or not had_id else None,
                name=name if is_named else None,
                arguments=call.text if is_named else text,
            )

    def _known(
        self, key: Hashable, call_id: str | None, name: str | None, text: str
    ) -> _Call | None:
        """The call that an index and an id point to, else the last one."""
        by_index = None if key is None else self._by_index.get(key)
        by_id = None if call_id is None else self._by_id.get(call_id)
        if by_index is not None and by_id is not None and by_index is not by_id:
            # One index for all calls says nothing, and neither does one id.
            return by_id if len(self._by_index) == 1 else by_index
        if by_index is None and by_id is not None and key is not None and name is not None:
            # Another index and a name begin a call; or each piece has an index of its own.
            return by_id if by_id.text and not _is_object(by_id.text) else None
        if by_index is not None or by_id is not None:
            return by_index or by_id
        last = self._calls[-1] if self._calls else None
        if last is None or (name is None and not text):
            return None  # an id alone: what it is the id of comes later
        if key is None:
            return last
        # An index that nobody has heard of begins a call; or each piece has another one.
        return None if name is not None or _is_object(last.text) else last


def _is_another(
    call: _Call, call_id: str | None, name: str | None, text: str, *, has_index: bool
) -> bool:
    """Whether a piece that could go on with a call begins another one."""
    if name is None or call.name is None:
        return False  # only a name begins a call; and a name may come after other pieces
    if name != call.name:
        return True
    before = call.text
    if before and not _is_object(before):
        return False  # in the middle of its arguments; the name is repeated with each piece
    if call_id is not None and call.id is not None and call_id != call.id:
        return True
    # Some servers take the function's name for an id.
    has_same_id = call_id is not None and call_id == call.id and call_id != name
    if before and text:
        return not has_same_id or text != before
    return not has_index and not has_same_id


def _state(piece: Mapping[str, Any], function: Mapping[str, Any]) -> dict[str, Any]:
    """What of a piece is the server's own."""
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
    """A name or an id; numbers are ids too, and an empty text is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return clean(value) or None if isinstance(value, str) else None


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
