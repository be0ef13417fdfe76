"""A language model behind a server: asked over HTTP, one request for each answer.

What belongs here: keys, time, streamed and whole answers, whatever API the server has. The bytes
are read in answer_blocks.py, refusals put into words in server_refusals.py; what an API's documents
look like is known to the subclasses' own files only.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import Any, ClassVar, Final, Protocol

from attrs import evolve

from assistants_client._deadline import TooLateError
from assistants_client._sse import EventTooLargeError, SseDecoder
from assistants_client._transport import Options, Transport
from assistants_client.engine.language_models.answer_blocks import AnswerBlocks
from assistants_client.engine.language_models.base import (
    Conversation,
    Delta,
    LanguageModelError,
    TextDelta,
)
from assistants_client.engine.language_models.server_refusals import Asked, refusal
from assistants_client.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
)

_CONNECT_SECONDS: Final = 5.0
#: A callable may give each of the threads that ask another key; so many are kept out of texts.
_KEYS: Final = 64
_EVENT_STREAM: Final = "text/event-stream"
#: Gives the runner an opportunity to see whether the run still goes on.
_NOTHING_YET: Final = TextDelta(text="")


class StreamReader(Protocol):
    """Reads one streamed answer, event by event.

    Attributes:
        is_over: The server has said that there is no more; what follows need not be read.
    """

    is_over: bool

    @property
    def is_finished(self) -> bool:
        """Whether the model has ended, though the server may have more to say."""
        ...

    def read(self, data: str, event: str = "") -> Iterator[Delta]:
        """The deltas of one event.

        Raises:
            LanguageModelError: It is an error, or nothing that can be read.
        """
        ...

    def finish(self) -> Iterator[Delta]:
        """What the end of the stream completes.

        Raises:
            LanguageModelError: The end came too early, or there was no answer in it.
        """
        ...


class ServerModel(ABC):
    """What the models behind a server have in common. Safe to share between threads.

    Answers are streamed, so that each piece is there as soon as the model has it; a server that
    does not stream is asked for whole answers. Nothing is asked twice.

    A run whose model cannot answer ends as ``failed``; its ``last_error`` holds the words of the
    error raised here.
    """

    #: What is posted to, below the base URL.
    _path: ClassVar[str]
    #: What the API is called.
    _api: ClassVar[str]
    #: How an answer is asked for; a form that the server refuses is followed by the next.
    _forms: ClassVar[Sequence[Mapping[str, Any]]]

    def __init__(
        self,
        base_url: str,
        api_key: str | Callable[[], str] | None = None,
        *,
        model: str | None = None,
        model_map: Mapping[str, str] | None = None,
        timeout: float = 120.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Nothing is sent before the first question.

        Args:
            base_url: What stands before the API's path, such as ``http://localhost:11434/v1``.
            api_key: Sent as a bearer token; a callable is asked before every request.
            model: Asked for whatever model the assistant or the run names.
            model_map: Asked for instead of the model that the assistant or the run names, by name.
            timeout: Seconds for the whole answer. However slowly a server drips, it ends then.
            headers: Sent with every request.

        Raises:
            ConfigurationError: The URL, the timeout or a header cannot be used.
        """
        self._transport = Transport(
            base_url.rstrip("/").removesuffix(self._path),
            api_key=None if not api_key else self._current_key,
            options=Options(
                timeout=(_CONNECT_SECONDS, timeout),
                headers=headers or {},
                retries=evolve(Options().retries, attempts=1),
            ),
        )
        self._api_key = api_key
        self._recent_keys: deque[str] = deque(maxlen=_KEYS)
        self._model = model or None
        self._model_map = dict(model_map or {})
        self._timeout = timeout
        #: The first of the forms that the server is not known to refuse.
        self._form = 0
        self.base_url: str = self._transport.base_url

    @abstractmethod
    def _document(self, conversation: Conversation, model: str) -> dict[str, Any]:
        """The body of the request, without what says how it is to be answered."""

    @abstractmethod
    def _reader(self) -> StreamReader:
        """What reads the next streamed answer."""

    @abstractmethod
    def _read_whole(self, document: object) -> Iterator[Delta]:
        """The deltas of a whole answer; what is none is a ``LanguageModelError``."""

    def respond(self, conversation: Conversation) -> Iterator[Delta]:
        """Answers the conversation.

        Raises:
            LanguageModelError: The server cannot be reached, is too slow, refuses, or answers what
                is no answer. The message says where, what and what to do; it holds no key.
        """
        model = self._model or self._model_map.get(conversation.model, conversation.model)
        document = self._document(conversation, model)
        until = time.monotonic() + self._timeout
        while True:
            form = self._form
            try:
                yield from self._answered({**document, **self._forms[form]}, until)
            except APIError as error:
                if not self._refuses_form(error, form):
                    raise self._refused(error, conversation, model) from error
                # It is known from now on, and the next form asks for less.
                self._form = max(self._form, form + 1)
            except TooLateError:
                raise LanguageModelError(self._too_slow()) from None
            except ConfigurationError as error:
                raise LanguageModelError(f"{self._who} was not asked: {error}") from error
            else:
                return

    def _answered(self, document: Mapping[str, Any], until: float) -> Iterator[Delta]:
        """The deltas of one answer, streamed or not."""
        with closing(AnswerBlocks(self._transport, self._path, document)) as answer:
            blocks = answer.blocks(until)
            body = b""
            # A block may be a single byte; so many of them tell what begins.
            while len(body.strip()) < len(b"event:"):
                block = next(blocks, None)
                if block is None:
                    break
                if not block:
                    yield _NOTHING_YET
                body += block
            is_stream = answer.head.content_type.startswith(_EVENT_STREAM)
            is_stream = is_stream or body.startswith((b"data:", b"event:"))
            deltas = self._streamed if is_stream else self._whole
            try:
                yield from deltas(chain([body], blocks), answer)
            except LanguageModelError as error:
                text = self._without_key(f"{self._who} {error}")
                raise LanguageModelError(text, code=error.code) from None

    def _streamed(self, blocks: Iterable[bytes], _: AnswerBlocks) -> Iterator[Delta]:
        decoder, reader = SseDecoder(), self._reader()
        try:
            try:
                for block in blocks:
                    if not block:
                        yield _NOTHING_YET
                    for event in decoder.feed(block):
                        yield from reader.read(event.data, event.event)
                    if reader.is_over:
                        break
                else:
                    for event in decoder.finish():
                        yield from reader.read(event.data, event.event)
            except (APIError, TooLateError):
                # Only the server's last words are missing where the model has ended.
                if not reader.is_finished:
                    raise
            yield from reader.finish()
        except EventTooLargeError as error:
            raise LanguageModelError(f"answered with too much: {error}") from None
        except LanguageModelError as error:
            raise LanguageModelError(f"answered with {error}", code=error.code) from None

    def _whole(self, blocks: Iterable[bytes], answer: AnswerBlocks) -> Iterator[Delta]:
        parts = []
        for block in blocks:
            if not block:
                yield _NOTHING_YET
            parts.append(block)
        content = b"".join(parts)
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            head = answer.head
            kind = head.content_type or "no content type"
            raise LanguageModelError(
                f"gave no answer of the {self._api}: answered "
                f"{head.status} without JSON ({kind}, {len(content)} bytes)"
            ) from None
        try:
            yield from self._read_whole(document)
        except LanguageModelError as error:
            raise LanguageModelError(f"answered with {error}", code=error.code) from None

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __repr__(self) -> str:
        model = f", model={self._model!r}" if self._model else ""
        model_map = f", model_map={self._model_map!r}" if self._model_map else ""
        return f"{type(self).__name__}({self.base_url!r}{model}{model_map})"

    def _current_key(self) -> str:
        try:
            key = self._api_key() if callable(self._api_key) else self._api_key
        except Exception as error:
            name = type(error).__name__
            raise LanguageModelError(f"The callable given as api_key raised {name}.") from error
        if isinstance(key, str) and key and key not in self._recent_keys:
            self._recent_keys.append(key)
        return key or ""

    @property
    def _who(self) -> str:
        return f"The language model at {self.base_url}"

    def _too_slow(self) -> str:
        return (
            f"{self._who} gave no whole answer within {self._timeout:g} s. A larger timeout= of "
            f"{type(self).__name__} gives it longer."
        )

    def _refused(
        self, error: APIError, conversation: Conversation, model: str
    ) -> LanguageModelError:
        """Words and code for a request that came to nothing."""
        if isinstance(error, APIStatusError):
            asked = Asked(
                kind=type(self).__name__,
                api=self._api,
                has_key=bool(self._api_key),
                model=model,
                wanted=conversation.model,
                is_fixed=self._model is not None,
                has_images=any(turn.parts for turn in conversation.turns),
            )
            text, code = refusal(error, asked)
            return LanguageModelError(self._without_key(f"{self._who} {text}"), code=code)
        reason = str(error.args[0])
        if isinstance(error, APIConnectionError):
            if reason.startswith("no connection"):
                reason = "no connection. Is the server running, and the URL right?"
            elif isinstance(error, APITimeoutError):
                return LanguageModelError(self._too_slow())
            return LanguageModelError(f"{self._who} gave no answer: {reason}")
        # The transport's second sentence speaks of servers of another protocol.
        what = reason.partition(". ")[0]
        return LanguageModelError(f"{self._who} gave no answer of the {self._api}: {what}")

    def _refuses_form(self, error: APIError, form: int) -> bool:
        """Whether a server refuses to stream, or to tell of tokens when it does."""
        return (
            form + 1 < len(self._forms)
            and isinstance(error, APIStatusError)
            and error.status_code in (400, 422, 501)
            and "stream" in json.dumps(error.body, default=str).lower()
        )

    def _without_key(self, text: str) -> str:
        for key in tuple(self._recent_keys):
            text = text.replace(key, "***")
        return text
