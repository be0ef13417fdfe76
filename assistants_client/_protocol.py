"""The names that client and engine share: headers, and how ids begin.

No rule of either side is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Comes with every POST: requests with the same one are one request, sent again.
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
#: On the answers of a server that acts once on requests with the same ``Idempotency-Key``.
HONOURS_IDEMPOTENCY: Final = "idempotency-key-honoured"
#: On an unfinished run: in how many milliseconds to look again.
POLL_AFTER_MS: Final = "openai-poll-after-ms"
#: The same on the engine's answers, for clients that read it each time: some keep to the end of a
#: run what the first answer said under the name above, and then ask too often.
ENGINE_POLL_AFTER_MS: Final = "assistants-poll-after-ms"

#: By noun: how the ids begin, and what an argument or a field that takes one is called.
ID_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "assistant": ("asst_", "assistant_id"),
    "thread": ("thread_", "thread_id"),
    "message": ("msg_", "message_id"),
    "run": ("run_", "run_id"),
    "run step": ("step_", "step_id"),
    "file": ("file-", "file_id"),
    "vector store": ("vs_", "vector_store_id"),
    "file batch": ("vsfb_", "batch_id"),
}
