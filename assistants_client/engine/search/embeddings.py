"""A client of embedding servers: texts go in, vectors come out that are alike where meanings are.

What belongs here: the requests, the checks of responses, and messages for errors. The use of the
vectors is decided elsewhere.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import evolve

from assistants_client._arguments import number
from assistants_client._http.deadline import TooLateError, within
from assistants_client._http.options import Options
from assistants_client._http.transport import Transport
from assistants_client.engine.language_models.error_words import error_text
from assistants_client.engine.search.embedding_answers import ENCODINGS, read_vectors
from assistants_client.engine.search.vectors import count
from assistants_client.errors import APIError, APIStatusError, ConfigurationError

_PATH: Final = "/embeddings"
_CONNECT_SECONDS: Final = 5.0
#: Texts of one request. Passages have 4096 tokens at most, and OpenAI takes 300 000 at once.
_BATCH: Final = 64
#: Statuses by which servers refuse too many or too long texts. Fewer may be accepted.
_TOO_MUCH: Final = (400, 413, 422)
#: Causes that have the same statuses, and would be refused for one text as well. What comes later
#: in the message may be quoted from the texts.
_OTHER_FIELDS: Final = ("model", "encoding_format")
_OTHER_CAUSE: Final = re.compile(r"api.?key|model.{0,60}?not.?(found|exist)", re.IGNORECASE)
_CAUSE_WITHIN: Final = 100
#: Advice on some refusals.
_HINTS: Final[Mapping[int, str]] = {
    401: "Check api_key= of Embeddings, or ASSISTANTS_MODEL_KEY.",
    403: "Check api_key= of Embeddings, or ASSISTANTS_MODEL_KEY.",
    404: "Is the base URL right, and does it serve that model?",
}

_log = logging.getLogger(__name__)


class EmbeddingError(Exception):
    """No vectors could be got; the message names the server and the reason."""


class _TooMuchError(EmbeddingError):
    """The server refused, and may accept fewer texts at once."""


class Embeddings:
    """Asks a server of the embeddings API (OpenAI, Ollama, llama.cpp, vLLM, LiteLLM, …).

    With it, file search finds passages that mean the same as the query in other words. Passages get
    their vectors when their file is read: those that were read without, or with another model, are
    found by their words alone until their file is put into the store again.

    A file whose passages get no vectors is ``failed``; its ``last_error`` holds the message of the
    error. A search that gets none goes by words alone. Safe to share between threads.

    A server that refuses a request for many texts (400, 413, 422) is asked for half as many, down
    to one; the size that it accepted is kept. Its vectors must all be of one length.

    Args:
        base_url: The URL up to ``/embeddings``, such as ``http://localhost:11434/v1``.
        api_key: Sent as a bearer token; a callable is called before every request.
        model: The model that makes the vectors.
        timeout: Seconds that the server may be silent; a search waits no longer for its vector,
            however slowly it comes.
        headers: Sent with every request.
        batch: Texts of one request, at most.
        encoding: The value of ``encoding_format``: ``float``, ``base64`` (of 32-bit floats)
            or ``base64_int8`` (of 8-bit integers, for models of Perplexity's). ``None`` leaves the
            choice to the server, and accepts numbers, or 32-bit floats in base64.

    Raises:
        ConfigurationError: The URL, the model, a number, the encoding or a header cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | Callable[[], str] | None = None,
        *,
        model: str,
        timeout: float = 30.0,
        headers: Mapping[str, str] | None = None,
        batch: int = _BATCH,
        encoding: str | None = None,
    ) -> None:
        if not model:
            raise ConfigurationError("model: the name of an embedding model is needed")
        _check(timeout, batch, encoding)
        options = Options(timeout=(_CONNECT_SECONDS, timeout), headers=headers or {})
        self._transport = Transport(
            base_url.rstrip("/").removesuffix(_PATH),
            api_key=self._key if api_key else None,
            options=options,
        )
        self._api_key = api_key
        # Nobody waits for a file, but somebody does for a search.
        self._without_retries = self._transport.with_options(
            evolve(options, retries=evolve(options.retries, attempts=1))
        )
        self._timeout = timeout
        self._is_failing = False
        self._encoding = encoding
        self._lock = threading.Lock()
        self._batch = batch
        self._numbers: int | None = None
        self._logged_lengths: set[tuple[int, int]] = set()
        self.model: str = model
        self.base_url: str = self._transport.base_url

    def of_passages(self, texts: Sequence[str]) -> list[bytes]:
        """Returns the vectors of passages; requests that are refused for now are retried.

        Raises:
            EmbeddingError: The server gave none.
        """
        found: list[bytes] = []
        size = self._batch
        while len(found) < len(texts):
            size = min(size, self._batch)  # another thread may have lowered it
            batch = texts[len(found) : len(found) + size]
            try:
                found += self._request(self._transport, batch)
            except _TooMuchError as error:
                if len(batch) == 1:
                    raise EmbeddingError(
                        f"{error} This was one text, of {len(batch[0])} characters: where that is "
                        "too long, a smaller max_chunk_size_tokens helps."
                    ) from error
                size = len(batch) // 2
        # Not before: where one text is refused, it is not their number that is at fault.
        self._limit_batch(size)
        return found

    def of_query(self, text: str) -> bytes | None:
        """Returns the vector of a query; ``None``, which is logged once, when there is none."""
        try:
            [vector] = within(self._timeout, lambda: self._request(self._without_retries, [text]))
        except (EmbeddingError, TooLateError) as error:
            if not self._is_failing:
                reason = str(error) or f"{self._who} gave no vectors in time."
                _log.warning("%s Until it does, files are searched by words alone.", reason)
            self._is_failing = True
            return None
        self._is_failing = False
        return vector

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __repr__(self) -> str:
        return f"Embeddings({self.base_url!r}, model={self.model!r})"

    def warn_of_lengths(self, kept: Iterable[int], asked: int) -> None:
        """Logs, once for each, lengths of stored vectors that a query's cannot be compared with.

        Args:
            kept: Lengths of the stored vectors, in numbers.
            asked: The length of the query's vector.
        """
        for length in kept:
            with self._lock:
                if (length, asked) in self._logged_lengths:
                    continue
                self._logged_lengths.add((length, asked))
            _log.warning(
                "The embedding model %r returns vectors of %d numbers, and there are passages with "
                "its vectors of %d: they are found by words alone until their files are put into "
                "their stores again.",
                self.model,
                asked,
                length,
            )

    def _request(self, transport: Transport, texts: Sequence[str]) -> list[bytes]:
        document: dict[str, Any] = {"model": self.model, "input": list(texts)}
        if self._encoding is not None:
            document["encoding_format"] = self._encoding
        try:
            response = transport.send("POST", _PATH, document=document).document
        except APIError as error:
            kind = _TooMuchError if _is_too_much(error) else EmbeddingError
            raise kind(f"{self._who} gave no vectors: {_reason(error)}") from error
        except ConfigurationError as error:  # of the key
            raise EmbeddingError(f"{self._who} was not asked: {error}.") from error
        if isinstance(response, dict) and response.get("error") and not response.get("data"):
            raise EmbeddingError(f"{self._who} gave no vectors: {error_text(response)}")
        try:
            vectors = read_vectors(response, len(texts), self._encoding)
        except ValueError as error:
            raise EmbeddingError(f"{self._who} gave no vectors: {error}.") from error
        self._check_length(count(vectors[0]))
        return vectors

    def _check_length(self, numbers: int) -> None:
        with self._lock:
            known = self._numbers = self._numbers or numbers
        if numbers != known:
            raise EmbeddingError(
                f"{self._who} gave no vectors that can be compared: they have {numbers} numbers, "
                f"and those before had {known}. Is another model served under that name? Its "
                "vectors are taken after a restart; files that were read before are then found by "
                "words alone until they are put into their stores again."
            )

    def _limit_batch(self, size: int) -> None:
        with self._lock:
            if size >= self._batch:
                return
            self._batch = size
        _log.info("%s takes %d texts in a request; it is asked for no more now.", self._who, size)

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


def _check(timeout: object, batch: object, encoding: object) -> None:
    number("timeout", timeout, above=0, unit="seconds")
    number("batch", batch, at_least=1, whole=True)
    if encoding is not None and encoding not in ENCODINGS:
        known = ", ".join(map(repr, ENCODINGS))
        raise ConfigurationError(f"encoding: {encoding!r} is none of {known}")


def _is_too_much(error: APIError) -> bool:
    """Returns whether fewer texts may be accepted: nothing names another cause."""
    if not isinstance(error, APIStatusError) or error.status_code not in _TOO_MUCH:
        return False
    text = error_text(error.body or "")[:_CAUSE_WITHIN]
    return error.param not in _OTHER_FIELDS and not _OTHER_CAUSE.search(f"{error.code} {text}")


def _reason(error: APIError) -> str:
    if not isinstance(error, APIStatusError):
        # The rest of the message is about servers of another protocol.
        return str(error.args[0]).partition(". ")[0].partition(": is the server")[0] + "."
    text = error_text(error.body or "no further words").rstrip(".")
    hint = _HINTS.get(error.status_code, "")
    return f"answered {error.status_code}: {text}. {hint}".rstrip()
