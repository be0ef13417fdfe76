"""The headers that client and engine must call the same. Names only: no rule of either side."""

from __future__ import annotations

from typing import Final

#: Comes with every POST: requests with the same one are one request, sent again.
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
#: On the answers of a server that acts once on requests with the same ``Idempotency-Key``.
HONOURS_IDEMPOTENCY: Final = "idempotency-key-honoured"
#: On an unfinished run: in how many milliseconds to look again.
POLL_AFTER_MS: Final = "openai-poll-after-ms"
