"""Blocking calls where they stop an event loop: told once in a process, in the log.

They work there, so nothing is refused; and a notebook, whose cells always run in a loop, is left
in peace.
"""

from __future__ import annotations

import functools
import logging
import sys

_log = logging.getLogger(__name__)


def tell_if_in_event_loop() -> None:
    """Tells of a call that this thread's event loop has to wait for, if it runs one."""
    asyncio = sys.modules.get("asyncio")  # who has a loop has imported it; nobody else should
    if (
        asyncio is not None
        and asyncio._get_running_loop() is not None
        and "ipykernel" not in sys.modules
    ):
        _tell()


@functools.cache
def _tell() -> None:
    _log.warning(
        "A blocking call was made inside a running event loop, whose other tasks have to wait for "
        "it. Make it in a thread: await asyncio.to_thread(client.wait_for_run, run)"
    )
