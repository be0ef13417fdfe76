"""An answer of the Responses API, streamed or whole: JSON in, deltas out. Pure.

Each part of an answer may come in pieces, whole when it is done, and once more at the end: it is
told once, from wherever it comes first. What cannot be an answer is a ``LanguageModelError``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

from attrs import define

from assistants_client.engine.language_models.base import (
    Delta,
    Finish,
    LanguageModelError,
    TextDelta,
    TokenUsage,
    ToolCallDelta,
)
from assistants_client.engine.language_models.error_words import error_code, error_text
from assistants_client.engine.language_models.wire import (
    Joiner,
    arguments_text,
    clean,
    content_text,
    excerpt,
    piece_of,
    token_usage,
)

_ENDS: Final = ("response.completed", "response.incomplete")
_TEXT_DELTAS: Final = ("response.output_text.delta", "response.refusal.delta")


@define
class _Item:
    """What was told of one part of the answer. ``call`` is the number of a call among the calls."""

    call: int | None = None
    is_named: bool = False
    was_told: bool = False


class Events:
    """Reads one answer.

    Attributes:
        is_over: The server has said that there is no more; what follows need not be read.
    """

    def __init__(self) -> None:
        self.is_over: bool = False
        self._items: dict[Hashable, _Item] = {}
        self._calls: list[_Item] = []
        self._joiner = Joiner()
        self._usage: TokenUsage | None = None
        #: Why the answer is not whole.
        self._cut: object = None
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
        kind = document.get("type") or event
        if kind in ("error", "response.error") or document.get("error"):
            raise _error(document.get("error") or document)
        if kind in _TEXT_DELTAS:
            self._item(_key(document)).was_told = True
            yield from self._text(document.get("delta"))
        elif kind == "response.function_call_arguments.delta":
            yield from self._call(self._item(_key(document)), {}, document.get("delta"))
        elif kind == "response.function_call_arguments.done":
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
        if rest := self._joiner.finish():
            yield TextDelta(text=rest)
        for index, call in enumerate(self._calls):
            if not call.is_named:
                raise LanguageModelError("a tool call without a function")
            if not call.was_told:
                yield ToolCallDelta(index=index, arguments="{}")
        if self._usage is not None:
            yield self._usage
        if self._cut is None and not self._items:
            raise LanguageModelError(f"an answer without a message: {excerpt(self._last)}")
        if self._cut is not None:
            yield Finish(reason="content_filter" if self._cut == "content_filter" else "length")
        else:
            yield Finish(reason="tool_calls" if self._calls else "stop")

    def _state(self, response: Mapping[str, Any], kind: object) -> Iterator[Delta]:
        """An event about the whole answer: only its end matters."""
        if response.get("error") or kind in ("response.failed", "response.cancelled"):
            raise _error(response.get("error") or response)
        if kind not in _ENDS:
            return
        # Not every server counts the parts here as it did before: what kind of part was told in
        # events is not told again.
        told = {
            "function_call" if item.call is not None else "message" for item in self._items.values()
        }
        output = response.get("output")
        for place, item in enumerate(output if isinstance(output, list) else ()):
            if isinstance(item, dict) and item.get("type") not in told:
                yield from self._part(("last", place), item, is_whole=True)
        self._usage = token_usage(response.get("usage"), "input_tokens", "output_tokens")
        if kind == "response.incomplete":
            details = response.get("incomplete_details")
            self._cut = (details.get("reason") if isinstance(details, dict) else None) or "unknown"
        self.is_over = True

    def _part(self, key: Hashable, item: Mapping[str, Any], *, is_whole: bool) -> Iterator[Delta]:
        """One part of the output, as it begins or as it is when done."""
        kind = item.get("type")
        if kind == "function_call":
            known = self._item(key)
            yield from self._call(known, item, None)
            if is_whole:
                yield from self._rest_of_call(known, item)
        elif kind == "message" and is_whole:
            known = self._item(key)
            if not known.was_told:
                known.was_told = True
                yield from self._text(_message_text(item))

    def _text(self, piece: object) -> Iterator[Delta]:
        if isinstance(piece, str) and (text := self._joiner.feed(piece)):
            yield TextDelta(text=text)

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
        return self._items.setdefault(key, _Item())


def _key(event: Mapping[str, Any]) -> Hashable:
    """Which part an event is about; servers that do not count their parts name them."""
    index, item = event.get("output_index"), event.get("item")
    name = item.get("id") if isinstance(item, dict) else event.get("item_id")
    return index if isinstance(index, int) else str(name)


def _message_text(item: Mapping[str, Any]) -> str:
    content = item.get("content")
    if not isinstance(content, list):
        return content_text(content)
    return "".join(
        content_text(part.get("text") or part.get("refusal"))
        for part in content
        if isinstance(part, dict)
    )


def _error(error: object) -> LanguageModelError:
    return LanguageModelError(f"an error: {error_text(error)}", code=error_code(error))
