"""A warning in the log, once per process, about blocking calls that block an event loop.

The calls work, so nothing is refused; and a notebook, whose cells always run in a loop, is exempt.
"""

from __future__ import annotations

import functools
import logging
import sys

_log = logging.getLogger(__name__)


def warn_if_in_event_loop() -> None:
    """Logs a warning if this thread runs an event loop, which the call blocks."""
    asyncio = sys.modules.get("asyncio")  # a program with a loop has imported it; others need not
    if (
        asyncio is not None
        and asyncio._get_running_loop() is not None
        and "ipykernel" not in sys.modules
    ):
        _warn()


@functools.cache
def _warn() -> None:
    _log.warning(
        "A blocking call was made inside a running event loop, whose other tasks have to wait for "
        "it. Make it in a thread: await asyncio.to_thread(client.wait_for_run, run)"
    )
