"""Waiting for runs and for other work of a server. Names only."""

from typing import TYPE_CHECKING

from assistants_client._lazy_names import lazy_names

if TYPE_CHECKING:
    from assistants_client.waiting.options import DEFAULT_WAIT
    from assistants_client.waiting.waiter import Time

__all__ = ["DEFAULT_WAIT", "Time"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "DEFAULT_WAIT": "options",
            "Time": "waiter",
        },
    )
