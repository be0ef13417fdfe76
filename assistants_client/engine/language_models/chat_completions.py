"""Any server of the chat completions API (OpenAI, Ollama, vLLM, …) as a language model.

What belongs here: the call, its bounds in time, and words for what went wrong. The documents that
go over the wire are made and read in chat_wire.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import evolve

from assistants_client._deadline import TooLateError, within
from assistants_client._transport import Options, Transport
from assistants_client.engine.language_models.base import Conversation, Delta, LanguageModelError
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
_NO_SUCH_MODEL: Final = re.compile(
    r"model.*(not found|not exist|not available|unknown)|(invalid|unknown|no such|missing) model",
    re.IGNORECASE,
)


class ChatCompletions:
    """Asks a server of the chat completions API, with one request per answer and no retries.

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
        try:
            answer = within(self._timeout, lambda: self._post(document))
        except TooLateError:
            raise LanguageModelError(self._too_slow()) from None
        except APIError as error:
            raise self._refused(error, model) from error
        except ConfigurationError as error:
            raise LanguageModelError(f"{self._who} was not asked: {error}") from error
        try:
            yield from read_answer(answer)
        except LanguageModelError as error:
            text = self._without_key(f"{self._who} answered with {error}")
            raise LanguageModelError(text, code=error.code) from None

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __repr__(self) -> str:
        model = f", model={self._model!r}" if self._model else ""
        return f"ChatCompletions({self.base_url!r}{model})"

    def _post(self, document: Mapping[str, Any]) -> object:
        return self._transport.send("POST", _PATH, document=document).document

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
