"""Reads an answer of the Responses API, streamed or whole: JSON in, deltas out. Pure.

Each part of an answer may come in pieces, whole when it is done, and once more at the end: it is
emitted once, from wherever it comes first. What cannot be an answer is a ``LanguageModelError``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import define, evolve, field

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
from assistants_client.engine.language_models.finish_reasons import finish
from assistants_client.engine.language_models.stream_errors import error_event, reported_error
from assistants_client.engine.language_models.wire import (
    Joiner,
    arguments_text,
    clean,
    event_document,
    excerpt,
    model_name,
    token_usage,
)

_ENDS: Final = ("response.completed", "response.incomplete")
#: Events about a part of a message, by what they add to it.
_OF_MESSAGES: Final = (
    "response.output_text.delta",
    "response.output_text.done",
    "response.refusal.delta",
    "response.refusal.done",
    "response.content_part.done",
    "response.output_text.annotation.added",
)
#: The types of output items that can be an answer.
_ANSWERS: Final = ("message", "function_call", "image_generation_call", "reasoning")
_DONE_CALL: Final = "response.function_call_arguments.done"


@define(eq=False)
class _Item:
    """One output item as far as it was read. ``call`` is a call's number among the calls."""

    kind: str
    call: int | None = None
    is_begun: bool = False
    is_done: bool = False
    is_named: bool = False
    was_emitted: bool = False
    has_citations: bool = False
    phase: object = None
    #: An item that is sent back as it came.
    kept: Mapping[str, Any] | None = None
    text: Joiner = field(factory=Joiner)
    refusal: Joiner = field(factory=Joiner)
    #: The characters that each part of a message has so far.
    lengths: dict[int, int] = field(factory=dict)

    def before(self, place: int) -> int:
        """Returns the number of the message's characters before one of its parts."""
        return sum(length for part, length in self.lengths.items() if part < place)


class Events:
    """Reads one answer.

    Args:
        origin: The server and the model, for the state that is sent back to them.
        limit: The bound on the answer's tokens. llama.cpp's server and ``transformers serve`` call
            an answer completed that has reached it.

    Attributes:
        is_over: The server has announced the end; the rest need not be read.
    """

    def __init__(self, origin: str = "", limit: int | None = None) -> None:
        self.is_over: bool = False
        self._origin = origin
        self._limit = limit
        self._items: list[_Item] = []
        self._by_id: dict[str, _Item] = {}
        self._by_place: dict[int, _Item] = {}
        self._calls: list[_Item] = []
        self._usage: TokenUsage | None = None
        self._model: object = None
        #: The end of an answer that is not complete.
        self._end: Finish | None = None
        self._last: object = None

    @property
    def is_finished(self) -> bool:
        """True once the model has ended; the last event holds everything."""
        return self.is_over

    def read(self, data: str, event: str = "") -> Iterator[Delta]:
        """Yields the deltas of one event.

        Raises:
            LanguageModelError: It is an error, or not an event.
        """
        if event in ("error", "response.error"):
            raise error_event(data)
        document = event_document(data)
        if document is None:
            self.is_over = True
            return
        self._last = document
        kind = str(document.get("type") or event)
        if kind in ("error", "response.error") or document.get("error"):
            raise reported_error(document.get("error") or document)
        if kind in _OF_MESSAGES:
            known = self._item(document, "message")
            yield from self._begin(known, None)
            yield from self._piece(known, kind, document)
        elif kind == "response.function_call_arguments.delta":
            known = self._item(document, "function_call")
            yield from self._call(known, {}, document.get("delta"))
        elif kind == _DONE_CALL:
            yield from self._rest_of_call(self._item(document, "function_call"), document)
        elif kind in ("response.output_item.added", "response.output_item.done"):
            item = document.get("item")
            if isinstance(item, dict):
                is_whole = kind.endswith(".done")
                known = self._item(document, str(item.get("type")), begins=not is_whole)
                yield from self._part(known, item, is_whole=is_whole)
        elif isinstance(document.get("response"), dict):
            yield from self._state(document["response"], kind)

    def _piece(self, known: _Item, kind: str, document: Mapping[str, Any]) -> Iterator[Delta]:
        """Yields what an event adds to a message; a whole part only unless it came in pieces."""
        place = document.get("content_index")
        place = place if isinstance(place, int) else 0
        part = document.get("part")
        part = part if isinstance(part, dict) else {}
        if kind == "response.output_text.annotation.added":
            known.has_citations = True
            yield from _citation(document.get("annotation"), known.before(place))
        elif kind == "response.refusal.delta":
            yield from self._refusal(known, document.get("delta"))
        elif kind == "response.output_text.delta":
            yield from self._text(known, document.get("delta"), place)
        elif not known.was_emitted:
            text = document.get("text") or part.get("text") or ""
            yield from self._text(known, text, place)
            yield from self._refusal(known, document.get("refusal") or part.get("refusal") or "")

    def read_whole(self, document: object) -> Iterator[Delta]:
        """Yields the deltas of a whole answer.

        Raises:
            LanguageModelError: The document is not an answer; the message quotes it.
        """
        if not isinstance(document, dict):
            raise LanguageModelError(f"not an answer of that API: {excerpt(document)}")
        self._last = document
        if document.get("error"):
            raise reported_error(document["error"])
        status = document.get("status") or "completed"
        yield from self._state(document, f"response.{status}")
        self.is_over = True
        yield from self.finish()

    def finish(self) -> Iterator[Delta]:
        """Yields the deltas that are due at the end.

        Raises:
            LanguageModelError: The end came too early, or there was no answer in it.
        """
        if not self.is_over:
            when = "after some pieces" if self._items else "before any piece of it"
            raise LanguageModelError(f"a stream that broke off {when}")
        for item in self._items:
            if rest := item.text.finish():
                yield TextDelta(text=rest)
            if rest := item.refusal.finish():
                yield RefusalDelta(text=rest)
        for index, call in enumerate(self._calls):
            if not call.is_named:
                raise LanguageModelError("a tool call without a function")
            if not call.was_emitted:
                yield ToolCallDelta(index=index, arguments="{}")
        if self._calls and (kept := self._kept()):
            yield StateDelta(origin=self._origin, turn=kept)
        if self._usage is not None:
            yield self._usage
        if self._end is None and not any(item.kind in _ANSWERS for item in self._items):
            raise LanguageModelError(f"an answer without a message: {excerpt(self._last)}")
        end = self._end or Finish(reason="tool_calls" if self._calls else "stop")
        yield evolve(end, model=model_name(self._model))

    def _kept(self) -> Mapping[str, Any]:
        """Returns the state to send back with the calls: the reasoning, and the order of items."""
        items = [
            item.kept
            or {"type": item.kind, **({} if item.phase is None else {"phase": item.phase})}
            for item in self._items
            if item.kept is not None or item.kind in ("message", "function_call")
        ]
        has_more = any(len(item) > 1 for item in items)
        return {"items": items} if has_more else {}

    def _state(self, response: Mapping[str, Any], kind: str) -> Iterator[Delta]:
        """Reads an event about the whole answer: only its end matters."""
        if response.get("error") or kind in ("response.failed", "response.cancelled"):
            raise reported_error(response.get("error") or response)
        if kind not in _ENDS:
            return
        # Not every server numbers or names the items here as it did before: of each kind, so many
        # as came in events are not emitted again.
        output = response.get("output")
        seen = Counter(item.kind for item in self._items)
        order: list[_Item] = []
        for item in output if isinstance(output, list) else ():
            if not isinstance(item, dict):
                continue
            kind_of_item = str(item.get("type"))
            of_kind = [one for one in self._items if one.kind == kind_of_item]
            place = sum(one.kind == kind_of_item for one in order)
            known = of_kind[place] if place < seen[kind_of_item] else self._new(kind_of_item)
            order.append(known)
            if not known.is_done:  # what was emitted of it is not emitted again
                yield from self._part(known, item, is_whole=True)
        if seen["reasoning"] == 0:  # only here is their place known
            self._items = [*order, *(one for one in self._items if one not in order)]
        self._usage = token_usage(response.get("usage"), "input_tokens", "output_tokens")
        self._model = response.get("model")
        # The answer's own status outranks the event's name.
        details = response.get("incomplete_details")
        if "incomplete" in (kind.rpartition(".")[2], response.get("status")) or details:
            reason = details.get("reason") if isinstance(details, dict) else None
            self._end = finish(reason or "length", called=False)
        elif (
            self._usage is not None
            and self._limit is not None
            and (self._usage.completion_tokens >= self._limit)
        ):
            self._end = Finish(reason="length")
        self.is_over = True

    def _part(self, known: _Item, item: Mapping[str, Any], *, is_whole: bool) -> Iterator[Delta]:
        """Yields the deltas of one output item, as it begins or as it is when done."""
        kind = known.kind
        if kind == "function_call":
            yield from self._call(known, item, None)
            if is_whole:
                yield from self._rest_of_call(known, item)
        elif kind == "message":
            yield from self._whole_message(known, item, is_whole=is_whole)
        elif kind == "reasoning":
            # Its place is where it began, its content what it was when done. An empty one is not
            # sent back, as its id is unknown to a server that stores nothing.
            if any(item.get(name) for name in ("encrypted_content", "content", "summary")):
                known.kept = dict(item)
        elif kind == "image_generation_call" and is_whole and isinstance(item.get("result"), str):
            form = item.get("output_format") or "png"
            yield ImageDelta(url=f"data:image/{form};base64,{item['result']}")
        known.is_done = known.is_done or is_whole

    def _whole_message(
        self, known: _Item, item: Mapping[str, Any], *, is_whole: bool
    ) -> Iterator[Delta]:
        yield from self._begin(known, item.get("phase"))
        known.phase = item.get("phase") or known.phase
        if not is_whole:
            return
        content = item.get("content")
        was_emitted, has_citations = known.was_emitted, known.has_citations
        for place, part in enumerate(content if isinstance(content, list) else [{"text": content}]):
            if not isinstance(part, dict):
                continue
            if not was_emitted:
                yield from self._text(known, part.get("text"), place)
                yield from self._refusal(known, part.get("refusal"))
            notes = part.get("annotations")
            if not has_citations:
                for note in notes if isinstance(notes, list) else ():
                    known.has_citations = True
                    yield from _citation(note, known.before(place))

    def _text(self, known: _Item, piece: object, place: int) -> Iterator[TextDelta]:
        if isinstance(piece, str) and piece:
            known.was_emitted = True
            known.lengths[place] = known.lengths.get(place, 0) + len(piece)
            if text := known.text.feed(piece):
                yield TextDelta(text=text)

    def _refusal(self, known: _Item, piece: object) -> Iterator[RefusalDelta]:
        if isinstance(piece, str) and piece:
            known.was_emitted = True
            if text := known.refusal.feed(piece):
                yield RefusalDelta(text=text)

    def _call(
        self, known: _Item, item: Mapping[str, Any], arguments: object
    ) -> Iterator[ToolCallDelta]:
        """Yields a piece of a call; its name is emitted once."""
        if known.call is None:
            known.call = len(self._calls)
            self._calls.append(known)
        name, call_id = item.get("name"), item.get("call_id") or item.get("id")
        is_new = not known.is_named and isinstance(name, str) and bool(name)
        known.is_named = known.is_named or is_new
        text = arguments_text(arguments)
        known.was_emitted = known.was_emitted or bool(text)
        if is_new or text:
            yield ToolCallDelta(
                index=known.call,
                id=call_id if is_new and isinstance(call_id, str) else None,
                name=clean(str(name)) if is_new else None,
                arguments=text,
            )

    def _rest_of_call(self, known: _Item, item: Mapping[str, Any]) -> Iterator[ToolCallDelta]:
        """Yields the arguments of a call that is done, unless they came in pieces."""
        yield from self._call(known, item, None if known.was_emitted else item.get("arguments"))

    def _begin(self, known: _Item, phase: object) -> Iterator[NewMessage]:
        """Begins a message, if it is not begun: each becomes a message of the thread."""
        if known.is_begun:
            return
        is_first = not any(item.kind == "message" and item.is_begun for item in self._items)
        known.is_begun, known.phase = True, phase
        if phase is not None:
            yield NewMessage(state=State(origin=self._origin, turn={"phase": phase}))
        elif not is_first:
            yield NewMessage()

    def _item(self, event: Mapping[str, Any], kind: str, *, begins: bool = False) -> _Item:
        """Returns the output item that an event is about.

        Its id decides, where it came before. Some servers give another with each event, some give
        one place to all items, and some give neither.
        """
        inner, place = event.get("item"), event.get("output_index")
        name = inner.get("id") if isinstance(inner, dict) else event.get("item_id")
        name = name if isinstance(name, str) and name else None
        known = None if name is None else self._by_id.get(name)
        if known is None or known.kind != kind:
            if isinstance(place, int):
                known = self._by_place.get(place)
            else:
                of_kind = [item for item in self._items if item.kind == kind]
                known = of_kind[-1] if of_kind and name is None else None
            if known is None or known.kind != kind or known.is_done or begins:
                known = self._new(kind)
        if name is not None:
            self._by_id[name] = known
        if isinstance(place, int):
            self._by_place[place] = known
        return known

    def _new(self, kind: str) -> _Item:
        self._items.append(_Item(kind))
        return self._items[-1]


def _citation(note: object, before: int) -> Iterator[UrlCitationDelta]:
    """Yields a source; its place counts from its part, ``before`` is where that part begins."""
    if isinstance(note, dict) and isinstance(note.get("url"), str):
        title, start, end = (note.get(name) for name in ("title", "start_index", "end_index"))
        yield UrlCitationDelta(
            url=note["url"],
            title=title if isinstance(title, str) else None,
            start=before + start if isinstance(start, int) else None,
            end=before + end if isinstance(end, int) else None,
        )
