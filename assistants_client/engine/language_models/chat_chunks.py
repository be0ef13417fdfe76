"""A streamed answer of the chat completions API, chunk by chunk: JSON texts in, deltas out. Pure.

Chunks are read as servers really send them: without usage or with it in any chunk, calls with one
index or none, reasons to finish that are missing, errors in the middle. What cannot be an answer is
a ``LanguageModelError``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assistants_client.engine.language_models.base import (
    Delta,
    Finish,
    LanguageModelError,
    TextDelta,
    TokenUsage,
    ToolCallDelta,
)
from assistants_client.engine.language_models.chat_wire import read_reason, read_usage
from assistants_client.engine.language_models.error_words import error_code, error_text
from assistants_client.engine.language_models.wire import (
    Joiner,
    arguments_text,
    clean,
    content_text,
    excerpt,
    piece_of,
)


class Chunks:
    """Reads one answer.

    Attributes:
        is_over: The server has said that there is no more; what follows need not be read.
    """

    def __init__(self) -> None:
        self.is_over: bool = False
        self._reason: object = None
        self._usage: TokenUsage | None = None
        self._joiner = Joiner()
        self._last: object = None
        self._has_choice = False
        self._calls: list[_Call] = []
        self._by_index: dict[int, int] = {}

    def read(self, data: str, event: str = "") -> Iterator[Delta]:
        """The deltas of one chunk.

        Raises:
            LanguageModelError: It is an error, or no chunk.
        """
        chunk = piece_of(data)
        if chunk is None:
            self.is_over = True
            return
        error = chunk.get("error") or (chunk if event == "error" else None)
        if error:
            raise LanguageModelError(f"an error: {error_text(error)}", code=error_code(error))
        self._last = chunk
        self._usage = read_usage(chunk.get("usage")) or self._usage
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and choice.get("index") in (0, None):
                yield from self._choice(choice)

    def finish(self) -> Iterator[Delta]:
        """What the end of the stream completes.

        Raises:
            LanguageModelError: The end came too early, or there was no answer in it.
        """
        if self._reason is None and not self.is_over:
            came = "after some pieces" if self._has_choice else "before any piece of it"
            raise LanguageModelError(f"a stream that broke off {came}")
        if not self._has_choice:
            raise LanguageModelError(f"an answer without a message: {excerpt(self._last)}")
        if rest := self._joiner.finish():
            yield TextDelta(text=rest)
        for index, call in enumerate(self._calls):
            if not call.is_named:
                raise LanguageModelError("a tool call without a function")
            if not call.was_given:
                yield ToolCallDelta(index=index, arguments="{}")
        if self._usage is not None:
            yield self._usage
        yield Finish(reason=read_reason(self._reason, called=bool(self._calls)))

    @property
    def is_finished(self) -> bool:
        """Whether the model has ended, though the server may have more to say."""
        return self.is_over or self._reason is not None

    def _choice(self, choice: dict[str, Any]) -> Iterator[Delta]:
        self._reason = choice.get("finish_reason") or self._reason
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = choice.get("message")
        if not isinstance(delta, dict):
            return
        self._has_choice = True
        text = content_text(delta.get("content")) + content_text(delta.get("refusal"))
        if text := self._joiner.feed(text):
            yield TextDelta(text=text)
        found = delta.get("tool_calls") or []
        if not found and delta.get("function_call"):  # the older form, of one call
            found = [{"index": 0, "function": delta["function_call"]}]
        for piece in found if isinstance(found, list) else [found]:
            if not isinstance(piece, dict):
                raise LanguageModelError(f"a tool call without a function: {excerpt(piece)}")
            yield self._call(piece)

    def _call(self, piece: dict[str, Any]) -> ToolCallDelta:
        function = piece.get("function")
        function = function if isinstance(function, dict) else {}
        name, call_id = function.get("name"), piece.get("id")
        name = clean(name) if isinstance(name, str) and name else None
        call_id = call_id if isinstance(call_id, str) and call_id else None
        number = self._number(piece.get("index"), call_id, name)
        call = self._calls[number]
        call.id = call.id or call_id
        call.is_named = call.is_named or name is not None
        arguments = function.get("arguments")
        call.was_given = call.was_given or arguments is not None
        return ToolCallDelta(
            index=number, id=call_id, name=name, arguments=arguments_text(arguments)
        )

    def _number(self, index: object, call_id: str | None, name: str | None) -> int:
        """Which call a piece belongs to, whatever the server makes of indexes."""
        if isinstance(index, int):
            number = self._by_index.get(index, -1)
        else:
            number = -1 if name is not None else len(self._calls) - 1
        if number >= 0 and name is not None and call_id is not None:
            known = self._calls[number].id
            if known is not None and known != call_id:
                number = -1  # another call that was given the same index
        if number < 0:
            self._calls.append(_Call())
            number = len(self._calls) - 1
        if isinstance(index, int):
            self._by_index[index] = number
        return number


class _Call:
    """What is known of one call so far."""

    def __init__(self) -> None:
        self.id: str | None = None
        self.is_named = False
        self.was_given = False
