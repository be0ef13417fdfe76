"""What a caller gives, checked before it is used: URLs, timeouts, headers, keys, numbers, ids."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import urlsplit

from assistants_client._protocol import ID_KINDS
from assistants_client.errors import ConfigurationError, InvalidRequestError

#: Seconds to connect and to wait for the next bytes, or one number for both.
Timeout: TypeAlias = "float | tuple[float, float]"

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: What an argument takes the id of. A batch's is not looked at: some servers answer its store's.
_NOUNS = {argument: noun for noun, (_, argument) in ID_KINDS.items() if noun != "file batch"}


def checked_id(name: str, value: object) -> str:
    """The id. One that says of itself that it is another kind's is refused.

    Raises:
        InvalidRequestError: It is not a string, is empty, or is the id of something else.
    """
    if not isinstance(value, str):
        hint = "; pass its .id" if hasattr(value, "id") else ""
        raise InvalidRequestError(
            f"{name}: expected an id, a string, got {type(value).__name__}{hint}", path=name
        )
    if not value.strip() or value in (".", ".."):
        raise InvalidRequestError(f"{name}: {value!r} is not an id", path=name)
    wanted = _NOUNS.get(name)
    if wanted is not None:
        of = (noun for noun, (prefix, _) in ID_KINDS.items() if value.startswith(prefix))
        found = next(of, wanted)
        if found != wanted:
            raise InvalidRequestError(
                f"{name}: {value!r:.80} is the id of {_a(found)}, not of {_a(wanted)}", path=name
            )
    return value


def _a(noun: str) -> str:
    return f"an {noun}" if noun.startswith("a") else f"a {noun}"


def checked_base_url(base_url: object, name: str = "base_url") -> str:
    """The URL without a slash at its end; ``name`` is what the caller knows it by.

    Raises:
        ConfigurationError: It is not an http or https URL, or has a query or a fragment.
    """
    text = base_url.strip() if isinstance(base_url, str) else ""
    try:
        parts = urlsplit(text)
        _ = parts.port, (parts.hostname or "").encode("idna")
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"{name}: not an http or https URL such as https://host/v1 (the value is not shown "
            "here: it may be a key in the wrong place)"
        )
    if "@" in parts.netloc:
        raise ConfigurationError(f"{name}: a name and a password belong into session.auth")
    if parts.query or parts.fragment:
        raise ConfigurationError(f"{name}: a query belongs into params=, a fragment nowhere")
    return text.rstrip("/")


def checked_timeout(timeout: object) -> tuple[float | None, float | None]:
    """The connect and the read timeout, ``None`` for an endless one.

    Raises:
        ConfigurationError: It is not a number of seconds above 0, nor a pair of them.
    """
    pair: tuple[object, ...] = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    seconds = [
        float(value)
        for value in pair
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
    ]
    if len(pair) != 2 or len(seconds) != 2:
        raise ConfigurationError(
            f"timeout: {timeout!r} is not a number of seconds above 0, nor a pair of them "
            "(connect, read); an endless wait is spelled float('inf')"
        )
    connect, read = (None if value == math.inf else value for value in seconds)
    return connect, read


def checked_seconds(name: str, value: object) -> float:
    """A number of seconds above 0; infinitely many are ``float("inf")``.

    Raises:
        ConfigurationError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ConfigurationError(
            f"{name}: {value!r} is not a number of seconds above 0; an endless wait is spelled "
            "float('inf')"
        )
    return float(value)


def at_least(minimum: float, *, whole: bool = False) -> Callable[[object, object, object], None]:
    """A validator of an attrs field: a number, or a whole one, of so much or more."""
    kinds = (int,) if whole else (int, float)

    def check(_: object, attribute: object, value: object) -> None:
        """Raises ConfigurationError for anything else."""
        if isinstance(value, bool) or not isinstance(value, kinds) or not value >= minimum:
            name = getattr(attribute, "name", "")
            number = "whole number" if whole else "number"
            raise ConfigurationError(f"{name}: {value!r} is not a {number} of {minimum} or more")

    return check


def checked_header(name: object, value: object) -> str:
    """The header's value.

    Raises:
        ConfigurationError: It is not printable ASCII text, or the name is none of a header.
    """
    if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
        raise ConfigurationError(f"headers: {name!r} is not the name of a header")
    if not isinstance(value, str) or not value.isprintable() or not value.isascii():
        raise ConfigurationError(f"headers: the value of {name!r} is not printable ASCII text")
    return value


def checked_key(key: object) -> str:
    """The key, which no message shows.

    Raises:
        ConfigurationError: It is not printable ASCII text.
    """
    text = key.strip() if isinstance(key, str) else ""
    if key == "":
        raise ConfigurationError(
            "api_key: it is empty; is the variable set that it comes from? For a server that asks "
            "for no key, leave it out"
        )
    if not text or not text.isprintable() or not text.isascii():
        raise ConfigurationError(
            "api_key: expected printable ASCII text without line breaks, or a callable that "
            "answers it (the value is not shown here)"
        )
    return text


def check_tool_handling(
    on_tool_error: object, parallel_tools: object, max_tool_rounds: object
) -> None:
    """Looks at how tool calls are to be answered, before there is a run that waits for it.

    Raises:
        ConfigurationError: It cannot be done so.
    """
    if on_tool_error not in ("report", "raise"):
        raise ConfigurationError(f"on_tool_error: {on_tool_error!r} is not 'report' or 'raise'")
    if type(parallel_tools) is not int or parallel_tools < 1:
        raise ConfigurationError(
            f"parallel_tools: {parallel_tools!r} is not a whole number of 1 or more"
        )
    if type(max_tool_rounds) is not int or max_tool_rounds < 0:
        raise ConfigurationError(
            f"max_tool_rounds: {max_tool_rounds!r} is not a whole number of 0 or more"
        )
