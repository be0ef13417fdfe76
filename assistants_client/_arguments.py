"""Validation of arguments before they are used: URLs, timeouts, headers, keys, numbers, ids."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Generator
from typing import Final, TypeAlias, TypeGuard
from urllib.parse import urlsplit

from assistants_client._protocol import ID_KINDS
from assistants_client.errors import ConfigurationError, InvalidRequestError

#: Seconds to connect and to wait for the next bytes, or one number for both.
Timeout: TypeAlias = "float | tuple[float, float]"

#: The refusal of ``replace_tools`` without ``tools``.
REPLACES_NOTHING: Final = (
    "replace_tools: there are no tools to replace the assistant's with; tools=[] leaves it none"
)

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: By argument: the noun its id belongs to. Ids of batches are not checked: some servers return
#: that of the store.
_NOUNS = {argument: noun for noun, (_, argument) in ID_KINDS.items() if noun != "file batch"}


def checked_id(name: str, value: object) -> str:
    """Returns the id. One whose prefix is that of another kind is refused.

    Raises:
        InvalidRequestError: It is not a string, is empty, or is the id of another kind.
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
    """Returns the URL without a slash at its end; ``name`` is the caller's name for it.

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
    """Returns the connect and the read timeout, ``None`` for an endless one.

    Raises:
        ConfigurationError: It is not a number of seconds above 0, nor a pair of them.
    """
    pair: tuple[object, ...] = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    plain = [plain_number(value) for value in pair]
    seconds = [float(value) for value in plain if is_number(value) and value > 0]
    if len(pair) != 2 or len(seconds) != 2:
        raise ConfigurationError(
            f"timeout: {timeout!r} is not a number of seconds above 0, nor a pair of them "
            "(connect, read); an endless wait is spelled float('inf')"
        )
    connect, read = (None if value == math.inf else value for value in seconds)
    return connect, read


def plain_number(value: object) -> object:
    """Returns Python's own number for one of numpy's, a decimal or a fraction; else the value."""
    if type(value) in (int, float, bool, str, tuple):
        return value
    import numbers  # where somebody has such a number

    if isinstance(value, numbers.Integral):
        return int(value)
    is_real = isinstance(value, numbers.Real) or type(value).__name__ == "Decimal"
    return float(value) if is_real else value  # type: ignore[arg-type]  # a decimal is no Real


def is_number(value: object, *, whole: bool = False) -> TypeGuard[float]:
    """Returns whether it is a number, or a whole one, and not a boolean, which Python counts in."""
    return isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)


def number(
    name: str,
    value: object,
    *,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    whole: bool = False,
    unit: str = "",
    hint: str = "",
    error: Callable[[str], ConfigurationError] = ConfigurationError,
) -> float:
    """Returns the number that an argument is, as Python's own.

    Args:
        name: The argument.
        value: Its value.
        above: The bound that it must exceed.
        at_least: The bound that it may equal.
        at_most: The upper bound, with ``at_least``; it may equal that too.
        whole: True refuses fractions.
        unit: The plural of the unit, for the message.
        hint: The end of the message: an alternative to the number.
        error: Builds the error from its message.

    Raises:
        ConfigurationError: It is not a number, is a boolean or NaN, or is out of bounds.
    """
    plain = plain_number(value)
    if (
        is_number(plain, whole=whole)
        and (above is None or plain > above)
        and (at_least is None or plain >= at_least)
        and (at_most is None or plain <= at_most)
    ):
        return plain
    kind = ("whole number" if whole else "number") + (f" of {unit}" if unit else "")
    if above is not None:
        bound = f" above {above}"
    elif at_most is not None:
        bound = f" from {at_least} to {at_most}"
    else:
        bound = f", {at_least} or more" if unit else f" of {at_least} or more"
    raise error(f"{name}: {value!r} is not a {kind}{bound}{'; ' if hint else ''}{hint}")


def check_not_used_up(name: str, items: object) -> None:
    """Refuses a generator that was read before: it would look like an empty list.

    Raises:
        ConfigurationError: It was read to its end, or closed.
    """
    if isinstance(items, Generator) and getattr(items, "gi_frame", items) is None:
        raise ConfigurationError(
            f"{name}: this generator was read to its end before, and can be read once only; give a "
            "list"
        )


#: The hint of a number of seconds that may be infinite.
ENDLESS: Final = "an endless wait is spelled float('inf')"


def at_least(minimum: float, *, whole: bool = False) -> Callable[[object, object, object], None]:
    """Returns the validator of an attrs field: a number, or a whole one, with a minimum."""

    def check(_: object, attribute: object, value: object) -> None:
        number(getattr(attribute, "name", ""), value, at_least=minimum, whole=whole)

    return check


def checked_header(name: object, value: object) -> str:
    """Returns the header's value.

    Raises:
        ConfigurationError: It is not printable ASCII text, or the name is not that of a header.
    """
    if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
        raise ConfigurationError(f"headers: {name!r} is not the name of a header")
    if not isinstance(value, str) or not value.isprintable() or not value.isascii():
        raise ConfigurationError(f"headers: the value of {name!r} is not printable ASCII text")
    return value


def checked_key(key: object) -> str:
    """Returns the key, which no message shows.

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
            "returns it (the value is not shown here)"
        )
    return text


def check_tool_handling(
    on_tool_error: object, parallel_tools: object, max_tool_rounds: object
) -> None:
    """Validates the options of tool calls before a run exists that waits for their outputs.

    Raises:
        ConfigurationError: One of them cannot be used.
    """
    if on_tool_error not in ("report", "raise"):
        raise ConfigurationError(f"on_tool_error: {on_tool_error!r} is not 'report' or 'raise'")
    number("parallel_tools", parallel_tools, at_least=1, whole=True)
    number("max_tool_rounds", max_tool_rounds, at_least=0, whole=True)
