"""The turns of several processes that write one SQLite database.

SQLite itself polls less and less often, in the end every 0.1 seconds, whether the right to write is
free. Where one process takes it again and again, as for what it does in pieces, with short pauses
for others, those would have to be lucky to poll in a pause.
"""

from __future__ import annotations

import time
from typing import Any, Final

from assistants_client.engine.storage.store_faults import is_busy

#: Seconds between two polls: less than the pause between two pieces (see ``services/_write``).
_POLL_SECONDS: Final = 0.002


def try_begin(cursor: Any, until: float) -> bool:
    """Begins a transaction that writes, as soon as nobody else is within one.

    Args:
        cursor: The driver's own; its statements are not to wait for others themselves.
        until: When to stop trying, by ``time.monotonic``.

    Returns:
        Whether it has begun; if not, one more try raises the reason.
    """
    while time.monotonic() < until:
        try:
            cursor.execute("BEGIN IMMEDIATE")
        except Exception as error:
            if not is_busy(error):
                return False
            time.sleep(_POLL_SECONDS)
        else:
            return True
    return False
