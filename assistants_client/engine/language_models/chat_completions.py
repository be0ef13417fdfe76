"""Any server of the chat completions API (OpenAI, Ollama, vLLM, …) as a language model.

What belongs here: what is asked of the server, and words for what went wrong. The bytes are read in
chat_answers.py; documents are made and read in chat_wire.py and chat_chunks.py.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import evolve

from assistants_client._deadline import TooLateError
from assistants_client._sse import EventTooLargeError, SseDecoder
from assistants_client._transport import Options, Transport
from assistants_client.engine.language_models.base import (
    Conversation,
    Delta,
    LanguageModelError,
    TextDelta,
)
from assistants_client.engine.language_models.chat_answers import AnswerBlocks
from assistants_client.engine.language_models.chat_chunks import Chunks
from assistants_client.engine.language_models.chat_wire import (
    error_code,
    error_text,
    read_answer,
    request_document,
)
from assistants_client.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
)

_PATH: Final = "/chat/completions"
_CONNECT_SECONDS: Final = 5.0
#: OpenAI's newer models refuse ``max_tokens``; most other servers know no other name.
_OPENAI_HOSTS: Final = (".api.openai.com", ".openai.azure.com")
_EVENT_STREAM: Final = "text/event-stream"
#: How an answer is asked for: in pieces with the tokens spent, in pieces, as a whole.
_FORMS: Final[Sequence[Mapping[str, Any]]] = (
    {"stream": True, "stream_options": {"include_usage": True}},
    {"stream": True},
    {},
)
#: Gives the runner an opportunity to see whether the run still goes on.
_NOTHING_YET: Final = TextDelta(text="")
_NO_SUCH_MODEL: Final = re.compile(
    r"model.*(not found|not exist|not available|unknown)|(invalid|unknown|no such|missing) model",
    re.IGNORECASE,
)


class ChatCompletions:
    """Asks a server of the chat completions API, with one request per answer and no retries.

    Answers are streamed, so that each piece is there as soon as the model has it; a server that
    does not stream is asked for whole answers.

    A run whose model cannot answer ends as ``failed``; its ``last_error`` holds the words of the
    error raised here. Safe to share between threads.

    Args:
        base_url: What stands before ``/chat/completions``, such as ``http://localhost:11434/v1``.
        api_key: Sent as a bearer token; a callable is asked before every request.
        model: Asked for whatever model the assistant or the run names.
        model_map: Asked for instead of the model that the assistant or the run names, by name.
        timeout: Seconds for the whole answer. However slowly a server drips, it ends then.
        headers: Sent with every request.

    Raises:
        ConfigurationError: The URL, the timeout or a header cannot be used.
    """

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
        self._transport = Transport(
            base_url.rstrip("/").removesuffix(_PATH),
            api_key=None if not api_key else self._current_key,
            options=Options(
                timeout=(_CONNECT_SECONDS, timeout),
                headers=headers or {},
                retries=evolve(Options().retries, attempts=1),
            ),
        )
        self._api_key = api_key
        self._last_key = ""
        self._model = model or None
        self._model_map = dict(model_map or {})
        self._timeout = timeout
        #: The first of the forms that the server is not known to refuse.
        self._form = 0
        self.base_url: str = self._transport.base_url
        is_openai = f".{urlsplit(self.base_url).hostname}".endswith(_OPENAI_HOSTS)
        self._max_tokens_field = "max_completion_tokens" if is_openai else "max_tokens"

    def respond(self, conversation: Conversation) -> Iterator[Delta]:
        """Answers the conversation.

        Raises:
            LanguageModelError: The server cannot be reached, is too slow, refuses, or answers what
                is no answer. The message says where, what and what to do; it holds no key.
        """
        model = self._model or self._model_map.get(conversation.model, conversation.model)
        document = request_document(
            conversation, model=model, max_tokens_field=self._max_tokens_field
        )
        until = time.monotonic() + self._timeout
        while True:
            form = self._form
            try:
                yield from self._answered({**document, **_FORMS[form]}, until)
            except APIError as error:
                if not _refuses_form(error, form):
                    raise self._refused(error, model) from error
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
        with closing(AnswerBlocks(self._transport, _PATH, document)) as answer:
            blocks = answer.blocks(until)
            body = b""
            while not body.strip():
                block = next(blocks, None)
                if block is None:
                    break
                if not block:
                    yield _NOTHING_YET
                body += block
            is_stream = answer.head.content_type.startswith(_EVENT_STREAM)
            deltas = self._streamed if is_stream or body.startswith(b"data:") else self._whole
            try:
                yield from deltas(chain([body], blocks), answer)
            except LanguageModelError as error:
                text = self._without_key(f"{self._who} {error}")
                raise LanguageModelError(text, code=error.code) from None

    @staticmethod
    def _streamed(blocks: Iterable[bytes], _: AnswerBlocks) -> Iterator[Delta]:
        decoder, chunks = SseDecoder(), Chunks()
        try:
            try:
                for block in blocks:
                    if not block:
                        yield _NOTHING_YET
                    for event in decoder.feed(block):
                        yield from chunks.read(event.data, event.event)
                    if chunks.is_over:
                        break
                else:
                    for event in decoder.finish():
                        yield from chunks.read(event.data, event.event)
            except (APIError, TooLateError):
                # Only the server's last words are missing where the model has ended.
                if not chunks.is_finished:
                    raise
            yield from chunks.finish()
        except EventTooLargeError as error:
            raise LanguageModelError(f"answered with too much: {error}") from None
        except LanguageModelError as error:
            raise LanguageModelError(f"answered with {error}", code=error.code) from None

    @staticmethod
    def _whole(blocks: Iterable[bytes], answer: AnswerBlocks) -> Iterator[Delta]:
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
                "gave no answer of the chat completions API: answered "
                f"{head.status} without JSON ({kind}, {len(content)} bytes)"
            ) from None
        try:
            yield from read_answer(document)
        except LanguageModelError as error:
            raise LanguageModelError(f"answered with {error}", code=error.code) from None

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __repr__(self) -> str:
        model = f", model={self._model!r}" if self._model else ""
        return f"ChatCompletions({self.base_url!r}{model})"

    def _current_key(self) -> str:
        try:
            key = self._api_key() if callable(self._api_key) else self._api_key
        except Exception as error:
            name = type(error).__name__
            raise LanguageModelError(f"The callable given as api_key raised {name}.") from error
        self._last_key = key if isinstance(key, str) else ""
        return key or ""

    @property
    def _who(self) -> str:
        return f"The language model at {self.base_url}"

    def _too_slow(self) -> str:
        return (
            f"{self._who} gave no whole answer within {self._timeout:g} s. A larger timeout= of "
            "ChatCompletions gives it longer."
        )

    def _refused(self, error: APIError, model: str) -> LanguageModelError:
        """Words and code for a request that came to nothing."""
        if isinstance(error, APIStatusError):
            return self._status(error, model)
        reason = str(error.args[0])
        if isinstance(error, APIConnectionError):
            if reason.startswith("no connection"):
                reason = "no connection. Is the server running, and the URL right?"
            elif isinstance(error, APITimeoutError):
                return LanguageModelError(self._too_slow())
            return LanguageModelError(f"{self._who} gave no answer: {reason}")
        # The transport's second sentence speaks of servers of another protocol.
        what = reason.partition(". ")[0]
        return LanguageModelError(f"{self._who} gave no answer of the chat completions API: {what}")

    def _status(self, error: APIStatusError, model: str) -> LanguageModelError:
        status = error.status_code
        body = error.body if error.body else "no further words"
        said = self._without_key(error_text(body))
        code = error_code(body)
        if status in (401, 403):
            code = "server_error"
            key = "the key" if self._api_key else "a request without a key"
            text = f"refused {key} ({status}): {said}"
            hint = "Check ASSISTANTS_MODEL_KEY, or api_key= of ChatCompletions."
        elif status == 429:
            code = "rate_limit_exceeded"
            text, hint = f"takes no more for now (429): {said}", ""
            if error.retry_after is not None:
                hint = f"It asks to wait {error.retry_after:g} s."
        elif status in (400, 404, 422) and code != "invalid_prompt" and _NO_SUCH_MODEL.search(said):
            text = f"does not serve the model {model!r} ({status}): {said}"
            hint = "ASSISTANTS_MODEL, or model= of ChatCompletions, names another for all runs."
        elif status in (404, 405):
            text = f"answered {status}: {said}"
            hint = "Is that the base URL of a chat completions API? It usually ends in /v1."
        elif status < 400:
            text, hint = str(error.args[0]), ""
        else:
            text, hint = f"answered {status}: {said}", ""
        if hint and not text.endswith((".", "!", "?", "…")):
            text += "."
        return LanguageModelError(f"{self._who} {text} {hint}".strip(), code=code)

    def _without_key(self, text: str) -> str:
        return text.replace(self._last_key, "***") if self._last_key else text


def _refuses_form(error: APIError, form: int) -> bool:
    """Whether a server refuses to stream, or to tell of tokens when it does."""
    return (
        form + 1 < len(_FORMS)
        and isinstance(error, APIStatusError)
        and error.status_code in (400, 422, 501)
        and "stream" in json.dumps(error.body, default=str).lower()
    )
