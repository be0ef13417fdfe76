"""A server of the embeddings API: texts go in, vectors come out that are alike where meanings are.

What belongs here: what is asked of the server, what of its answer is taken, and words for what went
wrong. What the vectors are for is not known.
"""

from __future__ import annotations

import base64
import logging
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import evolve

from assistants_client._deadline import TooLateError, within
from assistants_client._transport import Options, Transport
from assistants_client.engine.language_models.error_words import error_text
from assistants_client.engine.vectors import packed
from assistants_client.errors import APIError, APIStatusError, ConfigurationError

_PATH: Final = "/embeddings"
_CONNECT_SECONDS: Final = 5.0
#: Texts of one request. Passages have 4096 tokens at most, and OpenAI takes 300 000 at once.
_BATCH: Final = 64
#: What to do about some refusals.
_HINTS: Final[Mapping[int, str]] = {
    401: "Check api_key= of Embeddings, or ASSISTANTS_MODEL_KEY.",
    403: "Check api_key= of Embeddings, or ASSISTANTS_MODEL_KEY.",
    404: "Is the base URL right, and does it serve that model?",
}

_log = logging.getLogger(__name__)


class EmbeddingError(Exception):
    """No vectors are to be had; the message says where from, and why."""


class Embeddings:
    """Asks a server of the embeddings API (OpenAI, Ollama, llama.cpp, vLLM, LiteLLM, …).

    With it, file search finds what means the same as the question in other words. Passages get
    their vectors when their file is read: those that were read without, or with another model, are
    found by their words alone until their file is put into the store again.

    A file whose passages get no vectors is ``failed``; its ``last_error`` holds the words of the
    error. A search that gets none goes by words alone. Safe to share between threads.

    Args:
        base_url: What stands before ``/embeddings``, such as ``http://localhost:11434/v1``.
        api_key: Sent as a bearer token; a callable is asked before every request.
        model: The model that makes the vectors.
        timeout: Seconds that the server may be silent; a search waits no longer for its vector,
            however slowly it comes.
        headers: Sent with every request.

    Raises:
        ConfigurationError: The URL, the model, the timeout or a header cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | Callable[[], str] | None = None,
        *,
        model: str,
        timeout: float = 30.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if not model:
            raise ConfigurationError("model: the name of an embedding model is needed")
        options = Options(timeout=(_CONNECT_SECONDS, timeout), headers=headers or {})
        self._transport = Transport(
            base_url.rstrip("/").removesuffix(_PATH),
            api_key=self._key if api_key else None,
            options=options,
        )
        self._api_key = api_key
        # Nobody waits for a file, but somebody does for a search.
        self._at_once = self._transport.with_options(
            evolve(options, retries=evolve(options.retries, attempts=1))
        )
        self._timeout = timeout
        self._is_silent = False
        self.model: str = model
        self.base_url: str = self._transport.base_url

    def of_passages(self, texts: Sequence[str]) -> list[bytes]:
        """The vectors of texts that are kept; what a server refuses for now is asked again.

        Raises:
            EmbeddingError: There are none.
        """
        found: list[bytes] = []
        for start in range(0, len(texts), _BATCH):
            found += self._asked(self._transport, texts[start : start + _BATCH])
        return found

    def of_query(self, text: str) -> bytes | None:
        """The vector of a question; ``None``, which is logged once, when it cannot be had."""
        try:
            [vector] = within(self._timeout, lambda: self._asked(self._at_once, [text]))
        except (EmbeddingError, TooLateError) as error:
            if not self._is_silent:
                reason = str(error) or f"{self._who} gave no vectors in time."
                _log.warning("%s Until it does, files are searched by words alone.", reason)
            self._is_silent = True
            return None
        self._is_silent = False
        return vector

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __repr__(self) -> str:
        return f"Embeddings({self.base_url!r}, model={self.model!r})"

    def _asked(self, transport: Transport, texts: Sequence[str]) -> list[bytes]:
        document = {"model": self.model, "input": list(texts)}
        try:
            answer = transport.send("POST", _PATH, document=document).document
            return _vectors(answer["data"], len(texts))
        except APIError as error:
            raise EmbeddingError(f"{self._who} gave no vectors: {_reason(error)}") from error
        except ConfigurationError as error:  # of the key
            raise EmbeddingError(f"{self._who} was not asked: {error}.") from error
        except (KeyError, TypeError, ValueError, OverflowError, struct.error) as error:
            reason = f"{type(error).__name__}: {error}"
            message = f"{self._who} gave no vectors: what it answered are none ({reason:.200})."
            raise EmbeddingError(message) from error

    def _key(self) -> str:
        try:
            return (self._api_key() if callable(self._api_key) else self._api_key) or ""
        except Exception as error:
            name = type(error).__name__
            raise EmbeddingError(
                f"{self._who} was not asked: the callable given as api_key raised {name}."
            ) from error

    @property
    def _who(self) -> str:
        return f"The embedding server at {self.base_url} (model {self.model!r})"


def _vectors(rows: Iterable[Any], wanted: int) -> list[bytes]:
    by_index = {int(row["index"]): row["embedding"] for row in rows}
    if set(by_index) != set(range(wanted)):
        raise ValueError(f"{len(by_index)} vectors for {wanted} texts")
    return [packed(_numbers(by_index[index])) for index in range(wanted)]


def _numbers(embedding: Any) -> Sequence[float]:
    """A vector as the API has it: numbers, or the bytes of 32-bit ones in base64."""
    if not isinstance(embedding, str):
        return [float(number) for number in embedding]
    content = base64.b64decode(embedding, validate=True)
    return struct.unpack(f"<{len(content) // 4}f", content)


def _reason(error: APIError) -> str:
    if not isinstance(error, APIStatusError):
        # What follows speaks of servers of another protocol.
        return str(error.args[0]).partition(". ")[0].partition(": is the server")[0] + "."
    said = error_text(error.body or "no further words").rstrip(".")
    hint = _HINTS.get(error.status_code, "")
    return f"answered {error.status_code}: {said}. {hint}".rstrip()
