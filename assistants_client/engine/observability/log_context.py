"""The ids of the request or the run that a thread is at work on, for the records of the log.

They are bound where a request or a run begins; how records are written is log_output.py's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

#: The attributes of records that are ids.
ID_NAMES: Final = ("run_id", "thread_id", "request_id")

_ids: Final[ContextVar[Mapping[str, str]]] = ContextVar(
    "assistants_client_log_ids", default=MappingProxyType({})
)


def current_ids() -> Mapping[str, str]:
    """Returns the ids that are bound here and now."""
    return _ids.get()


@contextmanager
def bound_ids(**ids: str | None) -> Iterator[None]:
    """Binds ids to all that is logged within the block; ``None`` binds nothing."""
    token = _ids.set(_ids.get())
    try:
        bind_ids(**ids)
        yield
    finally:
        _ids.reset(token)


def bind_ids(**ids: str | None) -> None:
    """Binds more ids, until the end of the block of :func:`bound_ids`."""
    given = {name: value for name, value in ids.items() if value is not None}
    _ids.set({**_ids.get(), **given})


class LogIds(logging.Filter):
    """Gives each record the attributes ``run_id``, ``thread_id`` and ``request_id``.

    For the handlers of a program that sets up its log itself; it drops no record. An id is ``None``
    where there is none.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Adds what is bound in the thread that logs, where the record does not say otherwise."""
        ids = _ids.get()
        for name in ID_NAMES:
            if getattr(record, name, None) is None:
                setattr(record, name, ids.get(name))
        return True
