"""A language model behind a server: one HTTP request for each answer.

What belongs here: keys, timeouts, streamed and whole answers, whatever API the server has. Bytes
are read in answer_blocks.py, messages for refusals made in server_refusals.py; an API's documents
are written and read in its own files only.
"""

from __future__ import annotations

import json
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import chain
from typing import Any, ClassVar, Final, Protocol

from attrs import evolve

from assistants_client._arguments import ENDLESS, number
from assistants_client._http.deadline import TooLateError
from assistants_client._http.options import Options
from assistants_client._http.sse import EventTooLargeError, ServerSentEvent, SseDecoder
from assistants_client._http.transport import Transport
from assistants_client.engine.language_models.adaptations import adaptable, adapted
from assistants_client.engine.language_models.answer_blocks import AnswerBlocks, SilentError
from assistants_client.engine.language_models.base import (
    Conversation,
    Delta,
    LanguageModelError,
    TextDelta,
)
from assistants_client.engine.language_models.error_words import Kind, hinted_wait, kind_of
from assistants_client.engine.language_models.refused_fields import refused_fields
from assistants_client.engine.language_models.server_refusals import RequestFacts, refusal
from assistants_client.engine.language_models.thinking import ThinkingSplitter, inlined
from assistants_client.engine.language_models.wire import excerpt
from assistants_client.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
)

#: Seconds that an answer may take. A run has its own end, which is nearly always sooner.
TIMEOUT: Final = 3600.0
#: Seconds that a server may be silent: models that reason, or are loaded first, are for minutes.
STALLED_AFTER: Final = 300.0
_CONNECT_SECONDS: Final = 5.0
_LONGEST_TIMEOUT: Final = 1e6
#: Seconds that a connection may wait for the next request: Node's servers and uvicorn close theirs
#: after five, and what is sent at that very moment is lost.
_MAX_IDLE: Final = 4.0
#: A callable may return another key to each thread; so many are masked in messages.
_KEYS: Final = 64
_EVENT_STREAM: Final = "text/event-stream"
#: The beginnings of a stream that has another content type.
_STREAMS_BEGIN: Final = (b"data:", b"event:", b"id:", b"retry:", b":")
#: Statuses of a server that does not accept a field; of routers also, when no provider does.
_REFUSALS: Final = (400, 404, 422, 501)
#: Statuses of a server that has done nothing, and may accept the request later.
_THROTTLED: Final = (429, 503, 529)
#: Gives the runner an opportunity to check whether the run still goes on.
_NOTHING_YET: Final = TextDelta(text="")
#: Data that gateways send while nothing else comes.
_KEEPALIVES: Final = ("", "ping", "keepalive", "keep-alive", "heartbeat")


class StreamReader(Protocol):
    """Reads one streamed answer, event by event.

    Attributes:
        is_over: The server has announced the end; the rest need not be read.
    """

    is_over: bool

    @property
    def is_finished(self) -> bool:
        """True once the model has ended, though the server may send more."""
        ...

    def read(self, data: str, event: str = "") -> Iterator[Delta]:
        """Yields the deltas of one event.

        Raises:
            LanguageModelError: It is an error, or cannot be read.
        """
        ...

    def finish(self) -> Iterator[Delta]:
        """Yields the deltas that are due at the end of the stream.

        Raises:
            LanguageModelError: The end came too early, or there was no answer in it.
        """
        ...

    def read_whole(self, document: object) -> Iterator[Delta]:
        """Yields the deltas of an answer that came as one document.

        Raises:
            LanguageModelError: It is not an answer, or an error.
        """
        ...


class ServerModel(ABC):
    """The base of the models behind a server. Safe to share between threads.

    Answers are streamed, so that each piece is there as soon as the model has it. A server that
    refuses a field of the request (streaming, the name of a bound, a tool choice) is asked once
    more without it, and from then on never with it. A request that a server may have acted on is
    not repeated.

    A run whose model cannot answer ends as ``failed``; its ``last_error`` holds the message of
    the error raised here.
    """

    #: The path of requests, below the base URL.
    _path: ClassVar[str]
    #: The name of the API.
    _api: ClassVar[str]
    #: The fields that set the form of the answer, at first.
    _form: ClassVar[Mapping[str, Any]]

    def __init__(
        self,
        base_url: str,
        api_key: str | Callable[[], str] | None = None,
        *,
        model: str | None = None,
        model_map: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
        stalled_after: float = STALLED_AFTER,
        show_thinking: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Makes a model; nothing is sent before the first conversation.

        Args:
            base_url: The URL up to the API's path, such as ``http://localhost:11434/v1``.
            api_key: Sent as a bearer token; a callable is called before every request.
            model: The model of every request, whatever the assistant or the run names.
            model_map: The models to request instead of those that the assistant or the run names.
            timeout: Seconds for the whole answer. However slowly a server drips, it ends then; and
                with its run in any case.
            stalled_after: Seconds without a byte after which an answer is given up.
            show_thinking: Whether a model's reasoning within its text (``<think>…</think>``) is
                left in its message. It is never sent back.
            headers: Sent with every request.

        Raises:
            ConfigurationError: The URL, a time or a header cannot be used.
        """
        self._timeout = number("timeout", timeout, above=0, unit="seconds", hint=ENDLESS)
        self._stalled_after = number(
            "stalled_after", stalled_after, above=0, unit="seconds", hint=ENDLESS
        )
        self._transport = Transport(
            base_url.rstrip("/").removesuffix(self._path),
            api_key=None if not api_key else self._current_key,
            options=Options(
                # The waiting thread checks the clock itself; the thread that reads ends later.
                timeout=(_CONNECT_SECONDS, _read_timeout(self._stalled_after)),
                headers=headers or {},
                retries=evolve(Options().retries, attempts=1),
            ),
            max_idle=_MAX_IDLE,
        )
        self._api_key = api_key
        self._recent_keys: deque[str] = deque(maxlen=_KEYS)
        self._model = model or None
        self._model_map = dict(model_map or {})
        self._show_thinking = show_thinking
        self._monotonic: Callable[[], float] = time.monotonic
        #: The fields that the server is known to refuse, as rows of ``adaptations``, by the model.
        self._refused: dict[str, tuple[int, ...]] = {}
        self._learning = threading.Lock()
        self.base_url: str = self._transport.base_url

    @abstractmethod
    def _document(self, conversation: Conversation, model: str, origin: str) -> dict[str, Any]:
        """Returns the body of the request, without the fields that set the form of the answer."""

    @abstractmethod
    def _reader(self, origin: str, document: Mapping[str, Any]) -> StreamReader:
        """Returns the reader of the answer to a request."""

    @property
    def model_names(self) -> Sequence[str]:
        """The names that are known: of the model of every request, or of those in the map."""
        if self._model is not None:
            return [self._model]
        return list(dict.fromkeys([*self._model_map.values(), *self._model_map]))

    def requested_model(self, name: str) -> str:
        """Returns the model that the server is asked for where a run names this one."""
        return self._model or self._model_map.get(name, name)

    def respond(self, conversation: Conversation) -> Iterator[Delta]:
        """Answers the conversation.

        Raises:
            LanguageModelError: The server cannot be reached, is too slow, refuses, or answers what
                is no answer. The message names the server, the cause and the remedy; it holds no
                key.
        """
        with closing(self._deltas(conversation)) as deltas:
            yield from inlined(deltas) if self._show_thinking else ThinkingSplitter().split(deltas)

    def _deltas(self, conversation: Conversation) -> Generator[Delta, None, None]:
        model = self.requested_model(conversation.model)
        # What a server attached to an answer is only of use to itself, and to the same model.
        origin = f"{type(self).__name__} {self.base_url} {model}"
        document = {**self._document(conversation, model, origin), **self._form}
        until = self._monotonic() + self._timeout
        rows = self._refused.get(model, ())
        while True:
            sent = adapted(document, rows)
            try:
                yield from self._request(sent, origin, until, partial(self._learn, model, rows))
            except APIError as error:
                row = self._refused_row(error, sent, rows)
                if row is None:
                    raise self._refusal(error, conversation, model) from error
                rows = (*rows, row)
            except TooLateError:
                raise LanguageModelError(self._too_slow()) from None
            except SilentError:
                raise LanguageModelError(self._silent()) from None
            except ConfigurationError as error:
                raise LanguageModelError(f"{self._who} was not asked: {error}") from error
            else:
                return

    def _learn(self, model: str, rows: Sequence[int]) -> None:
        """Stores what had to be left out for a request to be accepted."""
        with self._learning:
            known = self._refused.get(model, ())
            self._refused[model] = tuple(dict.fromkeys((*known, *rows)))

    def _request(
        self,
        document: Mapping[str, Any],
        origin: str,
        until: float,
        accepted: Callable[[], object],
    ) -> Iterator[Delta]:
        """Yields the deltas of one answer, streamed or not; calls ``accepted`` when it begins."""
        response = AnswerBlocks(self._transport, self._path, document, monotonic=self._monotonic)
        with closing(response):
            blocks = response.blocks(until, self._stalled_after)
            body = b""
            # A block may be a single byte; so many of them decide the form.
            while len(body.strip()) < len(b"event:"):
                block = next(blocks, None)
                if block is None:
                    break
                if not block:
                    yield _NOTHING_YET
                body += block
            accepted()
            is_stream = response.head.content_type.lower().startswith(_EVENT_STREAM)
            is_stream = is_stream or body.lstrip().startswith(_STREAMS_BEGIN)
            deltas = self._streamed if is_stream else self._whole
            try:
                yield from deltas(chain([body], blocks), response, self._reader(origin, document))
            except LanguageModelError as error:
                text = self._without_key(f"{self._who} {error}")
                raise LanguageModelError(text, code=error.code) from None

    def _streamed(
        self, blocks: Iterable[bytes], response: AnswerBlocks, reader: StreamReader
    ) -> Iterator[Delta]:
        has_begun = False
        try:
            try:
                for event in _events(blocks):
                    if event is None:
                        yield _NOTHING_YET
                        continue
                    yield from self._event(event, reader, has_begun=has_begun)
                    has_begun = has_begun or not event.is_stray
                    if reader.is_over:
                        response.drain()
                        break
            except (APIError, TooLateError, SilentError):
                # Only the end of the response is missing where the model has ended.
                if not reader.is_finished:
                    raise
            yield from reader.finish()
        except EventTooLargeError as error:
            raise LanguageModelError(f"answered with too much: {error}") from None
        except LanguageModelError as error:
            raise LanguageModelError(f"answered with {error}", code=error.code) from None

    @staticmethod
    def _event(event: ServerSentEvent, reader: StreamReader, *, has_begun: bool) -> Iterator[Delta]:
        """Yields the deltas of one event; also where a server leaves out the framing."""
        if not event.is_stray:
            if event.data.strip() not in _KEEPALIVES:
                yield from reader.read(event.data, event.event)
            return
        # An error in a field of that name, or a document without any field.
        text = event.data.strip()
        is_error = text.startswith("error:")
        try:
            document = json.loads(text.removeprefix("error:"))
        except (ValueError, RecursionError):
            if text.startswith(("{", "[")):
                raise LanguageModelError(f"a piece that is no event: {excerpt(text)}") from None
            document = None
        if is_error:
            yield from reader.read(text.removeprefix("error:").strip(), "error")
        elif document is None:
            return
        elif has_begun:
            yield from reader.read(text)
        else:
            yield from reader.read_whole(document)

    def _whole(
        self, blocks: Iterable[bytes], response: AnswerBlocks, reader: StreamReader
    ) -> Iterator[Delta]:
        parts = []
        for block in blocks:
            if not block:
                yield _NOTHING_YET
            parts.append(block)
        content = b"".join(parts)
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            head = response.head
            kind = head.content_type or "no content type"
            raise LanguageModelError(
                f"gave no answer of the {self._api}: answered "
                f"{head.status} without JSON ({kind}, {len(content)} bytes)"
            ) from None
        try:
            yield from reader.read_whole(document)
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
            f"{type(self).__name__}, or ASSISTANTS_MODEL_TIMEOUT, gives it longer."
        )

    def _silent(self) -> str:
        return (
            f"{self._who} gave no sign of life for {self._stalled_after:g} s. A larger "
            f"stalled_after= of {type(self).__name__}, or ASSISTANTS_MODEL_STALLED_AFTER, gives it "
            "longer."
        )

    def _refusal(
        self, error: APIError, conversation: Conversation, model: str
    ) -> LanguageModelError:
        """Returns the error, with message and code, for a failed request."""
        if isinstance(error, APIStatusError):
            request = RequestFacts(
                kind=type(self).__name__,
                api=self._api,
                has_key=bool(self._api_key),
                model=model,
                wanted=conversation.model,
                is_fixed=self._model is not None,
                has_images=any(turn.parts for turn in conversation.turns),
            )
            text, code = refusal(error, request)
            # Waiting helps unless something is used up for good.
            is_throttled = error.status_code in _THROTTLED and kind_of(error.body) != Kind.QUOTA
            wait = hinted_wait(error.body, error.retry_after) if is_throttled else None
            text = self._without_key(f"{self._who} {text}")
            return LanguageModelError(text, code=code, retry_after=wait)
        reason = str(error.args[0])
        if isinstance(error, APIConnectionError):
            if "is the server running" in reason:
                reason = "no connection. Is the server running, and the URL right?"
            elif isinstance(error, APITimeoutError) and not reason.startswith("no connection"):
                return LanguageModelError(self._silent())
            return LanguageModelError(f"{self._who} gave no answer: {reason}")
        # The transport's second sentence is about servers of another protocol.
        what = reason.partition(". ")[0]
        return LanguageModelError(f"{self._who} gave no answer of the {self._api}: {what}")

    @staticmethod
    def _refused_row(
        error: APIError, document: Mapping[str, Any], tried: Sequence[int]
    ) -> int | None:
        """Returns the row of ``adaptations`` that a refusal calls for, if there is one."""
        if not isinstance(error, APIStatusError) or error.status_code not in _REFUSALS:
            return None
        found = adaptable(document, tried)
        refused = refused_fields(error.body, frozenset(found.values()))
        return next((row for row, field in found.items() if field in refused), None)

    def _without_key(self, text: str) -> str:
        for key in tuple(self._recent_keys):
            text = text.replace(key, "***")
        return text


def _events(blocks: Iterable[bytes]) -> Iterator[ServerSentEvent | None]:
    """Yields the events of a stream, and ``None`` for each empty block."""
    decoder = SseDecoder(keeps_strays=True)
    for block in blocks:
        if block:
            yield from decoder.feed(block)
        else:
            yield None
    yield from decoder.finish()


def _read_timeout(stalled_after: float) -> float:
    """Returns a read timeout in seconds; sockets accept infinity, but no very large number."""
    return stalled_after + 1 if stalled_after < _LONGEST_TIMEOUT else float("inf")
