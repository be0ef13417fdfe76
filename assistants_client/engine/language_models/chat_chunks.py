"""Reads an answer of the chat completions API, in chunks or whole: JSON in, deltas out. Pure.

Documents are read as servers really send them: without usage or with it in any chunk, content as
text, null, a list of parts or an object, reasons to finish that are missing, errors in the middle.
What cannot be an answer is a ``LanguageModelError`` that quotes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import evolve

from assistants_client.engine.language_models.base import (
    Delta,
    ImageDelta,
    LanguageModelError,
    RefusalDelta,
    StateDelta,
    TextDelta,
    ThinkingDelta,
    TokenUsage,
    UrlCitationDelta,
)
from assistants_client.engine.language_models.call_pieces import CallPieces
from assistants_client.engine.language_models.finish_reasons import finish, is_complete
from assistants_client.engine.language_models.stream_errors import error_event, reported_error
from assistants_client.engine.language_models.turn_state import TurnState
from assistants_client.engine.language_models.wire import (
    Joiner,
    event_document,
    excerpt,
    model_name,
    token_usage,
)

#: The types of a listed content's parts that are reasoning.
_REASONING: Final = ("thinking", "reasoning", "thought")


class Chunks:
    """Reads one answer.

    Attributes:
        is_over: The server has announced the end; the rest need not be read.
    """

    def __init__(self, origin: str = "") -> None:
        self.is_over: bool = False
        self._origin = origin
        self._reason: object = None
        self._usage: TokenUsage | None = None
        self._model: object = None
        self._text, self._refusal = Joiner(), Joiner()
        self._last: object = None
        #: The content of other choices than the first. One was requested: calls are read from all,
        #: and this content where the first has none.
        self._others: list[Delta] = []
        self._has_content = False
        self._has_choice = False
        self._calls = CallPieces()
        self._state = TurnState()
        self._sources: list[Any] = []
        self._notes: list[Any] = []

    def read(self, data: str, event: str = "") -> Iterator[Delta]:
        """Yields the deltas of one chunk.

        Raises:
            LanguageModelError: It is an error, or not a chunk.
        """
        if event == "error":
            raise error_event(data)
        chunk = event_document(data)
        if chunk is None:
            self.is_over = True
        else:
            yield from self._document(chunk)

    def read_whole(self, document: object) -> Iterator[Delta]:
        """Yields the deltas of a whole answer.

        Raises:
            LanguageModelError: The document is not an answer; the message quotes it.
        """
        if isinstance(document, list) and len(document) == 1:
            document = document[0]
        if not isinstance(document, dict):
            raise LanguageModelError(f"not an answer of that API: {excerpt(document)}")
        yield from self._document(document)
        self.is_over = True
        yield from self.finish()

    def finish(self) -> Iterator[Delta]:
        """Yields the deltas that are due at the end of the answer.

        Raises:
            LanguageModelError: The end came too early, or there was no answer in it.
        """
        if self._reason is None and not self.is_over:
            when = "after some pieces" if self._has_choice else "before any piece of it"
            raise LanguageModelError(f"a stream that broke off {when}")
        if not self._has_choice:
            raise LanguageModelError(f"an answer without a message: {excerpt(self._last)}")
        if not self._has_content:
            for piece in self._others:
                yield from self._piece(piece)
        if rest := self._text.finish():
            yield TextDelta(text=rest)
        if rest := self._refusal.finish():
            yield RefusalDelta(text=rest)
        yield from self._citations()
        # An error that the server reports comes before errors about what is missing.
        end = finish(self._reason, called=self._calls.has_calls)
        if end.reason in ("tool_calls", "stop"):
            yield from self._calls.finish(has_text=self._has_content)
        if end.reason == "tool_calls":
            turn, calls = self._state.document(), self._calls.states()
            if turn or calls:
                yield StateDelta(origin=self._origin, turn=turn, calls=calls)
        if self._usage is not None:
            yield self._usage
        yield evolve(end, model=model_name(self._model))

    @property
    def is_finished(self) -> bool:
        """True once the model has ended, though the server may send more."""
        return self.is_over or self._reason is not None

    def _document(self, document: dict[str, Any]) -> Iterator[Delta]:
        self._last = document
        if document.get("error"):
            raise reported_error(document["error"])
        if not document.get("choices") and _is_error_body(document):
            raise reported_error(document)
        self._usage = _usage(document.get("usage")) or self._usage
        self._model = document.get("model") or self._model
        for name in ("search_results", "citations"):  # Perplexity's; the first have titles
            found = document.get(name)
            if isinstance(found, list) and found:
                self._sources = found
                break
        choices = document.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                yield from self._choice(choice)

    def _choice(self, choice: dict[str, Any]) -> Iterator[Delta]:
        if choice.get("error"):
            raise reported_error(choice["error"])
        if is_complete(self._reason):  # a truncated answer does not become complete by another word
            self._reason = choice.get("finish_reason") or self._reason
        self._usage = _usage(choice.get("usage")) or self._usage
        delta, message = choice.get("delta"), choice.get("message")
        comes_whole = isinstance(message, dict) and not delta
        delta = message if comes_whole else delta
        if not isinstance(delta, dict):
            return
        if delta.get("error"):
            raise reported_error(delta["error"])
        self._has_choice = True
        number = choice.get("index") or 0
        self._state.add(delta, is_whole=comes_whole)
        for piece in _content(delta):
            if number in (0, "0"):
                self._has_content = True
                yield from self._piece(piece)
            else:
                self._others.append(piece)
        notes = delta.get("annotations")
        for note in notes if isinstance(notes, list) else ():
            if note not in self._notes:  # some repeat them with each chunk
                self._notes.append(note)
        yield from self._calls.add(delta.get("tool_calls"), number)
        older = delta.get(
            "function_call"
        )  # the older form of one call; some send it with empty values
        if isinstance(older, dict) and any(older.values()) and not delta.get("tool_calls"):
            yield from self._calls.add({"index": 0, "function": older}, number)

    def _piece(self, piece: Delta) -> Iterator[Delta]:
        """Yields a piece of content; half of a character is held until its other half comes."""
        if isinstance(piece, TextDelta):
            if text := self._text.feed(piece.text):
                yield TextDelta(text=text)
        elif isinstance(piece, RefusalDelta):
            if text := self._refusal.feed(piece.text):
                yield RefusalDelta(text=text)
        else:
            yield piece

    def _citations(self) -> Iterator[UrlCitationDelta]:
        for note in self._notes:
            inner = note.get("url_citation") if isinstance(note, dict) else None
            found = inner if isinstance(inner, dict) else note
            if isinstance(found, dict) and isinstance(found.get("url"), str):
                yield UrlCitationDelta(
                    url=found["url"],
                    title=_title(found),
                    start=_place(found.get("start_index")),
                    end=_place(found.get("end_index")),
                )
        for number, source in enumerate(self._sources, start=1):
            url = source.get("url") if isinstance(source, dict) else source
            if isinstance(url, str) and url:
                title = _title(source) if isinstance(source, dict) else None
                yield UrlCitationDelta(url=url, title=title, mark=f"[{number}]")


def _content(delta: Mapping[str, Any]) -> Iterator[Delta]:
    """Yields the content of a message or of a piece of one."""
    content = delta.get("content")
    if isinstance(content, dict) and not isinstance(content.get("type"), str):
        # An answer in a requested format that is the document itself, not its text.
        content = content.get("text") or json.dumps(content, ensure_ascii=False)
    yield from _parts(content)
    refusal = delta.get("refusal")
    if isinstance(refusal, str) and refusal:
        yield RefusalDelta(text=refusal)
    images = delta.get("images")
    for image in images if isinstance(images, list) else ():
        yield from _image(image)


def _parts(content: object) -> Iterator[Delta]:
    if isinstance(content, str):
        if content:
            yield TextDelta(text=content)
    elif isinstance(content, list):
        for part in content:
            yield from _parts(part)
    elif isinstance(content, dict):
        kind = content.get("type")
        if kind in _REASONING:
            found = next((content[name] for name in (*_REASONING, "text") if content.get(name)), "")
            for part in _parts(found):
                yield ThinkingDelta(text=part.text) if isinstance(part, TextDelta) else part
        elif kind == "refusal":
            yield RefusalDelta(text=str(content.get("refusal") or ""))
        elif kind in ("image_url", "output_image", "image"):
            yield from _image(content)
        else:
            yield from _parts(content.get("text"))


def _image(image: object) -> Iterator[ImageDelta]:
    found = image.get("image_url") or image.get("url") if isinstance(image, dict) else image
    url = found.get("url") if isinstance(found, dict) else found
    if isinstance(url, str) and url:
        yield ImageDelta(url=url)


def _usage(usage: object) -> TokenUsage | None:
    return token_usage(usage, "prompt_tokens", "completion_tokens")


def _is_error_body(document: Mapping[str, Any]) -> bool:
    """Returns whether a document without choices is an error body without ``error``."""
    status = document.get("base_resp")  # MiniMax's
    return (
        document.get("object") == "error"
        or any(isinstance(document.get(name), str) for name in ("message", "detail"))
        or bool(document.get("errors"))
        or (isinstance(status, dict) and bool(status.get("status_code")))
    )


def _title(source: Mapping[str, Any]) -> str | None:
    title = source.get("title")
    return title if isinstance(title, str) and title else None


def _place(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
