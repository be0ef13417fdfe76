"""An answer of the Responses API, streamed or whole: JSON in, deltas out. Pure.

Each part of an answer may come in pieces, whole when it is done, and once more at the end: it is
told once, from wherever it comes first. What cannot be an answer is a ``LanguageModelError``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from assistants_client.engine.language_models.base import (
    Delta,
    Finish,
    ImageDelta,
    LanguageModelError,
    NewMessage,
    RefusalDelta,
    State,
    StateDelta,
    TextDelta,
    TokenUsage,
    ToolCallDelta,
    UrlCitationDelta,
)
from assistants_client.engine.language_models.error_words import error_code, error_text
from assistants_client.engine.language_models.finish_reasons import finish
from assistants_client.engine.language_models.wire import (
    Joiner,
    arguments_text,
    clean,
    excerpt,
    piece_of,
    token_usage,
)

_ENDS: Final = ("response.completed", "response.incomplete")
_DONE_CALL: Final = "response.function_call_arguments.done"


@define
class _Item:
    """What was told of one part of the answer. ``call`` is the number of a call among the calls."""

    kind: str
    call: int | None = None
    is_named: bool = False
    was_told: bool = False
    was_noted: bool = False
    phase: object = None
    #: A part that goes back as it came.
    kept: Mapping[str, Any] | None = None
    text: Joiner = field(factory=Joiner)
    refusal: Joiner = field(factory=Joiner)


class Events:
    """Reads one answer.

    Attributes:
        is_over: The server has said that there is no more; what follows need not be read.
    """

    def __init__(self, origin: str = "") -> None:
        self.is_over: bool = False
        self._origin = origin
        self._items: dict[Hashable, _Item] = {}
        self._calls: list[_Item] = []
        self._usage: TokenUsage | None = None
        #: Why the answer is not whole.
        self._end: Finish | None = None
        self._last: object = None

    @property
    def is_finished(self) -> bool:
        """Whether the model has ended; the last event holds everything."""
        return self.is_over

    def read(self, data: str, event: str = "") -> Iterator[Delta]:
        """The deltas of one event.

        Raises:
            LanguageModelError: It is an error, or no event.
        """
        document = piece_of(data)
        if document is None:
            self.is_over = True
            return
        self._last = document
        kind = str(document.get("type") or event)
        if kind in ("error", "response.error") or document.get("error"):
            raise _error(document.get("error") or document)
        if kind == "response.output_text.delta":
            yield from self._opened(_key(document), None)
            yield from self._say(self._items[_key(document)], document.get("delta"))
        elif kind == "response.refusal.delta":
            yield from self._opened(_key(document), None)
            yield from self._refuse(self._items[_key(document)], document.get("delta"))
        elif kind == "response.output_text.annotation.added":
            yield from self._opened(_key(document), None)
            self._items[_key(document)].was_noted = True
            yield from _citation(document.get("annotation"))
        elif kind == "response.function_call_arguments.delta":
            yield from self._call(self._item(_key(document)), {}, document.get("delta"))
        elif kind == _DONE_CALL:
            yield from self._rest_of_call(self._item(_key(document)), document)
        elif kind in ("response.output_item.added", "response.output_item.done"):
            item = document.get("item")
            if isinstance(item, dict):
                yield from self._part(_key(document), item, is_whole=kind.endswith(".done"))
        elif isinstance(document.get("response"), dict):
            yield from self._state(document["response"], kind)

    def read_whole(self, document: object) -> Iterator[Delta]:
        """The deltas of a whole answer.

        Raises:
            LanguageModelError: The document is not an answer; the message shows what it is.
        """
        if not isinstance(document, dict):
            raise LanguageModelError(f"not an answer of that API: {excerpt(document)}")
        self._last = document
        if document.get("error"):
            raise _error(document["error"])
        status = document.get("status") or "completed"
        yield from self._state(document, f"response.{status}")
        self.is_over = True
        yield from self.finish()

    def finish(self) -> Iterator[Delta]:
        """What the end completes.

        Raises:
            LanguageModelError: The end came too early, or there was no answer in it.
        """
        if not self.is_over:
            came = "after some pieces" if self._items else "before any piece of it"
            raise LanguageModelError(f"a stream that broke off {came}")
        for item in self._items.values():
            if rest := item.text.finish():
                yield TextDelta(text=rest)
            if rest := item.refusal.finish():
                yield RefusalDelta(text=rest)
        for index, call in enumerate(self._calls):
            if not call.is_named:
                raise LanguageModelError("a tool call without a function")
            if not call.was_told:
                yield ToolCallDelta(index=index, arguments="{}")
        if self._calls and (kept := self._kept()):
            yield StateDelta(origin=self._origin, turn=kept)
        if self._usage is not None:
            yield self._usage
        if self._end is None and not self._items:
            raise LanguageModelError(f"an answer without a message: {excerpt(self._last)}")
        yield self._end or Finish(reason="tool_calls" if self._calls else "stop")

    def _kept(self) -> Mapping[str, Any]:
        """What goes back with the calls: the reasoning as it came, and where the rest stands."""
        items = [
            item.kept
            or {"type": item.kind, **({} if item.phase is None else {"phase": item.phase})}
            for item in self._items.values()
            if item.kept is not None or item.kind in ("message", "function_call")
        ]
        has_more = any(len(item) > 1 for item in items)
        return {"items": items} if has_more else {}

    def _state(self, response: Mapping[str, Any], kind: str) -> Iterator[Delta]:
        """An event about the whole answer: only its end matters."""
        if response.get("error") or kind in ("response.failed", "response.cancelled"):
            raise _error(response.get("error") or response)
        if kind not in _ENDS:
            return
        # Not every server counts the parts here as it did before: what kind of part was told in
        # events is not told again.
        told = {item.kind for item in self._items.values()}
        output = response.get("output")
        last = dict(self._items) if "reasoning" not in told else {}
        for place, item in enumerate(output if isinstance(output, list) else ()):
            if not isinstance(item, dict):
                continue
            if item.get("type") not in told:
                yield from self._part(("last", place), item, is_whole=True)
            elif last:  # the order is told here only
                key = next((k for k, one in last.items() if one.kind == item.get("type")), None)
                if key is not None:
                    self._items[key] = self._items.pop(key)
                    del last[key]
        self._usage = token_usage(response.get("usage"), "input_tokens", "output_tokens")
        if kind == "response.incomplete":
            details = response.get("incomplete_details")
            reason = details.get("reason") if isinstance(details, dict) else None
            self._end = finish(reason or "length", called=False)
        self.is_over = True

    def _part(self, key: Hashable, item: Mapping[str, Any], *, is_whole: bool) -> Iterator[Delta]:
        """One part of the output, as it begins or as it is when done."""
        kind = item.get("type")
        if kind == "function_call":
            known = self._item(key)
            yield from self._call(known, item, None)
            if is_whole:
                yield from self._rest_of_call(known, item)
        elif kind == "message":
            yield from self._whole_message(key, item, is_whole=is_whole)
        elif kind == "reasoning":
            # Its place is where it began, and it is what it was when done. Without anything in it
            # there is nothing to go back, and its id is unknown to a server that stores nothing.
            known = self._items.setdefault(key, _Item("reasoning"))
            if any(item.get(name) for name in ("encrypted_content", "content", "summary")):
                known.kept = dict(item)
        elif kind == "image_generation_call" and is_whole and isinstance(item.get("result"), str):
            self._items.setdefault(key, _Item("image_generation_call"))
            form = item.get("output_format") or "png"
            yield ImageDelta(url=f"data:image/{form};base64,{item['result']}")

    def _whole_message(
        self, key: Hashable, item: Mapping[str, Any], *, is_whole: bool
    ) -> Iterator[Delta]:
        yield from self._opened(key, item.get("phase"))
        known = self._items[key]
        known.phase = item.get("phase") or known.phase
        if not is_whole:
            return
        content = item.get("content")
        was_told, was_noted = known.was_told, known.was_noted
        for part in content if isinstance(content, list) else [{"text": content}]:
            if not isinstance(part, dict):
                continue
            if not was_told:
                yield from self._say(known, part.get("text"))
                yield from self._refuse(known, part.get("refusal"))
            notes = part.get("annotations")
            if not was_noted:
                for note in notes if isinstance(notes, list) else ():
                    known.was_noted = True
                    yield from _citation(note)

    def _say(self, known: _Item, piece: object) -> Iterator[TextDelta]:
        if isinstance(piece, str):
            known.was_told = True
            if text := known.text.feed(piece):
                yield TextDelta(text=text)

    def _refuse(self, known: _Item, piece: object) -> Iterator[RefusalDelta]:
        if isinstance(piece, str):
            known.was_told = True
            if text := known.refusal.feed(piece):
                yield RefusalDelta(text=text)

    def _call(
        self, known: _Item, item: Mapping[str, Any], arguments: object
    ) -> Iterator[ToolCallDelta]:
        """A piece of a call; what it is called is told once."""
        if known.call is None:
            known.call = len(self._calls)
            self._calls.append(known)
        name, call_id = item.get("name"), item.get("call_id") or item.get("id")
        is_new = not known.is_named and isinstance(name, str) and bool(name)
        known.is_named = known.is_named or is_new
        text = arguments_text(arguments)
        known.was_told = known.was_told or bool(text)
        if is_new or text:
            yield ToolCallDelta(
                index=known.call,
                id=call_id if is_new and isinstance(call_id, str) else None,
                name=clean(str(name)) if is_new else None,
                arguments=text,
            )

    def _rest_of_call(self, known: _Item, item: Mapping[str, Any]) -> Iterator[ToolCallDelta]:
        """A call that is done: its arguments, if none of them were told in pieces."""
        yield from self._call(known, item, None if known.was_told else item.get("arguments"))

    def _item(self, key: Hashable) -> _Item:
        return self._items.setdefault(key, _Item("function_call"))

    def _opened(self, key: Hashable, phase: object) -> Iterator[NewMessage]:
        """Begins a message, if it is not begun: each is one of the thread's own."""
        if key in self._items:
            return
        is_first = not any(item.kind == "message" for item in self._items.values())
        self._items[key] = _Item("message", phase=phase)
        if phase is not None:
            yield NewMessage(state=State(origin=self._origin, turn={"phase": phase}))
        elif not is_first:
            yield NewMessage()


def _key(event: Mapping[str, Any]) -> Hashable:
    """Which part an event is about; servers that do not count their parts name them."""
    index, item = event.get("output_index"), event.get("item")
    name = item.get("id") if isinstance(item, dict) else event.get("item_id")
    return index if isinstance(index, int) else str(name)


def _citation(note: object) -> Iterator[UrlCitationDelta]:
    if isinstance(note, dict) and isinstance(note.get("url"), str):
        title, start, end = (note.get(name) for name in ("title", "start_index", "end_index"))
        yield UrlCitationDelta(
            url=note["url"],
            title=title if isinstance(title, str) else None,
            start=start if isinstance(start, int) else None,
            end=end if isinstance(end, int) else None,
        )


def _error(error: object) -> LanguageModelError:
    return LanguageModelError(f"an error: {error_text(error)}", code=error_code(error))
