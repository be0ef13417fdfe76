"""Configuration by environment variables: language model, embeddings, sandbox.

It applies only where the caller passed no argument. Numbers that bound an engine are limits.py's.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from assistants_client.engine.code_interpreter import (
    AutomaticInterpreter,
    BubblewrapInterpreter,
    CodeInterpreter,
    MontyInterpreter,
)
from assistants_client.engine.code_interpreter.automatic import BUILT_IN
from assistants_client.engine.executors import THREADS, checked_executor
from assistants_client.engine.http.cross_origin import AllowedOrigins
from assistants_client.engine.language_models.base import Conversation, Delta, LanguageModel
from assistants_client.engine.language_models.chat_completions import ChatCompletions
from assistants_client.engine.language_models.responses import Responses
from assistants_client.engine.language_models.tutor.tutor import Tutor
from assistants_client.engine.relays import checked_broker
from assistants_client.engine.search.embeddings import Embeddings
from assistants_client.errors import ConfigurationError

_OPENAI_URL: Final = "https://api.openai.com/v1"
_APIS: Final[dict[str, type[ChatCompletions | Responses]]] = {
    "chat": ChatCompletions,
    "responses": Responses,
}

_AUTOMATIC: Final = "auto"
_INTERPRETERS: Final[
    dict[str, type[AutomaticInterpreter | MontyInterpreter | BubblewrapInterpreter]]
] = {
    _AUTOMATIC: AutomaticInterpreter,
    "monty": MontyInterpreter,
    "bubblewrap": BubblewrapInterpreter,
}

#: Arguments, each with the variable that gives it, and how that is read.
_Settings: TypeAlias = dict[str, tuple[str, Callable[[str], object]]]


def _switch(text: str) -> bool:
    """Reads a boolean from one of the usual words."""
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    return words[text.lower()]


_WANTED: Final = {int: "a whole number", float: "a number", _switch: "1 or 0"}
#: The arguments of the models behind a server, and of ``Embeddings``.
_MODEL_SETTINGS: Final[_Settings] = {
    "timeout": ("ASSISTANTS_MODEL_TIMEOUT", float),
    "stalled_after": ("ASSISTANTS_MODEL_STALLED_AFTER", float),
    "show_thinking": ("ASSISTANTS_MODEL_SHOW_THINKING", _switch),
}
_EMBEDDING_SETTINGS: Final[_Settings] = {
    "batch": ("ASSISTANTS_EMBEDDING_BATCH", int),
    "timeout": ("ASSISTANTS_EMBEDDING_TIMEOUT", float),
    "encoding": ("ASSISTANTS_EMBEDDING_ENCODING", str),
}
_METRICS_SETTINGS: Final[_Settings] = {"metrics": ("ASSISTANTS_METRICS", _switch)}
_PAGE_SETTINGS: Final[_Settings] = {"no_page": ("ASSISTANTS_NO_PAGE", _switch)}

_log = logging.getLogger(__name__)


class _DefaultTutor(Tutor):
    """The tutor that nobody chose: a warning says so when it answers, for then it matters."""

    def __init__(self, notice: str) -> None:
        self._notice = notice

    def respond(self, conversation: Conversation) -> Iterator[Delta]:
        """Answers the conversation; see ``Tutor.respond``."""
        _warn_once(self._notice)
        return super().respond(conversation)


@cache
def _warn_once(notice: str) -> None:
    _log.warning("%s", notice)


def language_model() -> LanguageModel:
    """Returns the model of ``ASSISTANTS_MODEL_URL``, else OpenAI's if its key is set, or the tutor.

    ``ASSISTANTS_MODEL_TIMEOUT``, ``ASSISTANTS_MODEL_STALLED_AFTER`` and
    ``ASSISTANTS_MODEL_SHOW_THINKING`` are the arguments of those names.
    A key is taken for OpenAI's only where nothing says that it is another server's; see
    :func:`unused`. That the tutor answers is logged at the first run of the process.

    Raises:
        ConfigurationError: A variable cannot be used; it is named.
    """
    url, key = _server()
    if url is None:
        return _DefaultTutor(
            "No language model is configured: the offline tutor answers, which knows arithmetic "
            "and linear equations only. Set OPENAI_API_KEY or ASSISTANTS_MODEL_URL to use a model."
            + "".join(f" {sentence}" for sentence in unused())
        )
    api = os.environ.get("ASSISTANTS_MODEL_API") or "chat"
    if api not in _APIS:
        known = " or ".join(repr(name) for name in _APIS)
        raise ConfigurationError(f"$ASSISTANTS_MODEL_API: expected {known}, got {api!r}")
    model = os.environ.get("ASSISTANTS_MODEL") or None
    model_map = _pairs(os.environ.get("ASSISTANTS_MODEL_MAP") or "")
    settings = _settings(_MODEL_SETTINGS)
    try:
        return _APIS[api](url, key, model=model, model_map=model_map, **settings)
    except ConfigurationError as error:
        raise _in_variables(error, _MODEL_SETTINGS, "ASSISTANTS_MODEL_URL") from None


def unused() -> list[str]:
    """Returns, where no model is configured, why variables are not used; no key is in it."""
    url, _ = _server()
    if url is not None:
        return []
    reasons = []
    if os.environ.get("OPENAI_API_KEY"):
        reasons.append(f"OPENAI_API_KEY is not used: {_why_not_openai()}.")
    model = os.environ.get("ASSISTANTS_MODEL")
    if model:
        reasons.append(f"ASSISTANTS_MODEL={model!r} is ignored without ASSISTANTS_MODEL_URL.")
    for name in ("ASSISTANTS_MODEL_KEY", "ASSISTANTS_MODEL_API", "ASSISTANTS_MODEL_MAP"):
        if os.environ.get(name):
            reasons.append(f"{name} is ignored without ASSISTANTS_MODEL_URL.")
    return reasons


def embeddings() -> Embeddings | None:
    """Returns the model of ``ASSISTANTS_EMBEDDING_MODEL``, on the language model's server.

    ``ASSISTANTS_EMBEDDING_BATCH``, ``ASSISTANTS_EMBEDDING_TIMEOUT`` and
    ``ASSISTANTS_EMBEDDING_ENCODING`` are the arguments of those names.

    Raises:
        ConfigurationError: A variable cannot be used, or there is no server; it is named.
    """
    model = os.environ.get("ASSISTANTS_EMBEDDING_MODEL")
    if not model:
        return None
    url, key = _server()
    if url is None:
        raise ConfigurationError(
            "$ASSISTANTS_EMBEDDING_MODEL: a model of which server? Set ASSISTANTS_MODEL_URL too"
        )
    settings = _settings(_EMBEDDING_SETTINGS)
    try:
        return Embeddings(url, key, model=model, **settings)
    except ConfigurationError as error:
        raise _in_variables(error, _EMBEDDING_SETTINGS, "ASSISTANTS_MODEL_URL") from None


def metrics() -> bool:
    """Returns whether ``ASSISTANTS_METRICS`` asks for metrics.

    Raises:
        ConfigurationError: It is neither yes nor no; it is named.
    """
    return bool(_settings(_METRICS_SETTINGS).get("metrics"))


def page(given: bool | None = None) -> bool:
    """Returns the given choice of a page, else one unless ``ASSISTANTS_NO_PAGE`` forbids it.

    Raises:
        ConfigurationError: It is neither yes nor no; it is named.
    """
    return not _settings(_PAGE_SETTINGS).get("no_page") if given is None else given


def broker(given: str | None = None) -> str | None:
    """Returns the given broker, else that of ``ASSISTANTS_BROKER``; ``None`` if there is none.

    Raises:
        ConfigurationError: It cannot be used; the argument or the variable is named.
    """
    if given is not None:
        return checked_broker(given)
    text = os.environ.get("ASSISTANTS_BROKER")
    try:
        return checked_broker(text) if text else None
    except ConfigurationError as error:
        reason = str(error).removeprefix("broker: ")
        raise ConfigurationError(f"$ASSISTANTS_BROKER: {reason}") from None


def executor(given: str | None = None) -> str:
    """Returns the given executor, else that of ``ASSISTANTS_EXECUTOR``, else threads.

    Raises:
        ConfigurationError: There is none of that name; the argument or the variable is named.
    """
    if given is not None:
        return checked_executor(given)
    try:
        return checked_executor(os.environ.get("ASSISTANTS_EXECUTOR") or THREADS)
    except ConfigurationError as error:
        reason = str(error).removeprefix("executor: ")
        raise ConfigurationError(f"$ASSISTANTS_EXECUTOR: {reason}") from None


def allowed_origins(given: Iterable[str] | None = None) -> AllowedOrigins:
    """Returns the given origins, else those of ``ASSISTANTS_ALLOW_ORIGIN``, where it is set.

    Raises:
        ConfigurationError: One is no origin; the argument or the variable is named.
    """
    if given is not None:
        return AllowedOrigins(given)
    text = os.environ.get("ASSISTANTS_ALLOW_ORIGIN") or ""
    try:
        return AllowedOrigins(filter(None, (origin.strip() for origin in text.split(","))))
    except ConfigurationError as error:
        reason = str(error).removeprefix("allow_origins: ")
        raise ConfigurationError(f"$ASSISTANTS_ALLOW_ORIGIN: {reason}") from None


def _settings(table: _Settings) -> dict[str, Any]:
    """Reads the arguments that variables give.

    Raises:
        ConfigurationError: One cannot be read; it is named.
    """
    found = {}
    for name, (variable, read) in table.items():
        text = (os.environ.get(variable) or "").strip()
        if text:
            try:
                found[name] = read(text)
            except (ValueError, KeyError):
                wanted = _WANTED[read]
                raise ConfigurationError(f"${variable}: {text!r} is not {wanted}") from None
    return found


def _in_variables(
    error: ConfigurationError, table: _Settings, otherwise: str
) -> ConfigurationError:
    """Returns an error about an argument as one about the variable that gives the argument."""
    name, _, reason = str(error).partition(": ")
    if name in table:
        return ConfigurationError(f"${table[name][0]}: {reason}")
    return ConfigurationError(f"${otherwise}: {error}")


def code_interpreter(given: str | None = None) -> CodeInterpreter:
    """Returns the sandbox of a name, else the one that ``ASSISTANTS_CODE_INTERPRETER`` names.

    Raises:
        ConfigurationError: There is none of that name, or it cannot be used here; the argument or
            the variable is named.
    """
    source, name = "code_interpreter", given
    if name is None:
        source = "$ASSISTANTS_CODE_INTERPRETER"
        name = os.environ.get("ASSISTANTS_CODE_INTERPRETER") or _AUTOMATIC
    if name not in _INTERPRETERS:
        known = " or ".join(repr(one) for one in _INTERPRETERS)
        raise ConfigurationError(f"{source}: expected {known}, got {name!r}")
    try:
        return _INTERPRETERS[name]()
    except ConfigurationError as error:
        reason = str(error).removeprefix("code_interpreter: ")
        raise ConfigurationError(f"{source}: {reason}") from None


def in_words(interpreter: CodeInterpreter) -> str:
    """Returns what a code interpreter is, for people."""
    if isinstance(interpreter, (AutomaticInterpreter, BubblewrapInterpreter)):
        return str(interpreter)
    return BUILT_IN if isinstance(interpreter, MontyInterpreter) else type(interpreter).__name__


def _server() -> tuple[str | None, str | None]:
    """Returns the base URL of the models' server and its key; no URL when there is no server."""
    url = os.environ.get("ASSISTANTS_MODEL_URL")
    if url:
        return url, os.environ.get("ASSISTANTS_MODEL_KEY") or None
    # A key of OpenAI's goes to OpenAI, and nowhere else; that of another server never goes there.
    key = os.environ.get("OPENAI_API_KEY")
    return (_OPENAI_URL, key) if key and not _why_not_openai() else (None, None)


def _why_not_openai() -> str:
    """Returns why ``OPENAI_API_KEY`` is another server's; empty where it is not.

    Programs of the openai package are pointed at this engine by the same two variables.
    """
    if os.environ["OPENAI_API_KEY"] == os.environ.get("ASSISTANTS_TOKEN"):
        return "it is the token of this engine"
    base_url = os.environ.get("OPENAI_BASE_URL")
    try:
        parts = urlsplit(base_url or _OPENAI_URL)
        host, place = parts.hostname, parts.netloc.rpartition("@")[2]
    except ValueError:
        host, place = None, ""
    if host == urlsplit(_OPENAI_URL).hostname:
        return ""
    return (
        f"OPENAI_BASE_URL names {place or 'no host'}; if that is the language model, set "
        "ASSISTANTS_MODEL_URL to it, and ASSISTANTS_MODEL_KEY to its key"
    )


def _pairs(text: str) -> dict[str, str]:
    """Reads ``old=new,old2=new2`` as a mapping."""
    found = {}
    for pair in filter(None, (pair.strip() for pair in text.split(","))):
        old, _, new = (part.strip() for part in pair.partition("="))
        if not old or not new:
            raise ConfigurationError(f"$ASSISTANTS_MODEL_MAP: expected old=new, got {pair!r}")
        found[old] = new
    return found
