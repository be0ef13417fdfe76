"""The log of a process of its own: plain lines, or JSON with one object a line."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final
from urllib.parse import quote

from assistants_client.engine.observability.access_log import ACCESS_LOGGER
from assistants_client.engine.observability.log_context import ID_NAMES, LogIds
from assistants_client.errors import ConfigurationError

#: The attributes of a record that a line of JSON has, beside its text.
ACCESS_NAMES: Final = ("method", "path", "status", "duration_ms", "bytes", "token")

_FORMAT: Final = "ASSISTANTS_LOG_FORMAT"
_LEVEL: Final = "ASSISTANTS_LOG_LEVEL"
_ACCESS: Final = "ASSISTANTS_ACCESS_LOG"
_LEVELS: Final = ("debug", "info", "warning", "error", "critical")


class PlainFormatter(logging.Formatter):
    """Time, level and message; behind them, in brackets, the ids that the message does not name."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Returns the line, which a traceback may follow."""
        line = super().formatMessage(record)
        ids = [(name, str(getattr(record, name, None) or "")) for name in ID_NAMES]
        # A path may hold anything in the place of an id.
        missing = [f"{name}={quote(value)}" for name, value in ids if value not in line]
        return f"{line} [{' '.join(missing)}]" if missing else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line.

    It has ``time`` (ISO 8601, UTC), ``level``, ``logger`` and ``message``; where there are any
    ``run_id``, ``thread_id``, ``request_id`` and ``exception``; and of a request ``method``,
    ``path``, ``status``, ``duration_ms``, ``bytes`` and, where it came with a stored one, the name
    of its ``token``.
    """

    def __init__(self) -> None:
        super().__init__()

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line."""
        made = datetime.fromtimestamp(record.created, timezone.utc)
        document: dict[str, Any] = {
            "time": made.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in (*ID_NAMES, *ACCESS_NAMES):
            value = getattr(record, name, None)
            if value is not None:
                document[name] = value
        if record.exc_info and record.exc_info[0] is not None:
            document["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            document["stack"] = record.stack_info
        return json.dumps(document, default=str)


_FORMATTERS: Final[Mapping[str, type[PlainFormatter | JsonFormatter]]] = {
    "plain": PlainFormatter,
    "json": JsonFormatter,
}


def set_up_log(logger: logging.Logger) -> None:
    """Has a logger write to the standard error, as the environment says.

    ``ASSISTANTS_LOG_FORMAT`` is ``plain`` (the default) or ``json``, ``ASSISTANTS_LOG_LEVEL`` one
    of Python's levels (``warning``). ``ASSISTANTS_ACCESS_LOG`` has each request logged at any
    level. A logger that has handlers of a program's own keeps them;
    one that has not is written nowhere else.

    Raises:
        ConfigurationError: A variable cannot be used; it is named.
    """
    formatter = _FORMATTERS[_chosen(_FORMAT, "plain", tuple(_FORMATTERS))]()
    level = _chosen(_LEVEL, "warning", _LEVELS)
    logger.setLevel(level.upper())
    if os.environ.get(_ACCESS):
        logging.getLogger(ACCESS_LOGGER).setLevel(logging.INFO)
    if logger.handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    handler.addFilter(LogIds())
    logger.addHandler(handler)
    logger.propagate = False


def log_is_chosen() -> bool:
    """Returns whether the environment says anything about the log."""
    return any(os.environ.get(name) for name in (_FORMAT, _LEVEL, _ACCESS))


def _chosen(variable: str, default: str, choices: tuple[str, ...]) -> str:
    text = (os.environ.get(variable) or default).strip().lower()
    if text not in choices:
        raise ConfigurationError(f"${variable}: expected {' or '.join(choices)}, got {text!r}")
    return text
