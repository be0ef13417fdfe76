"""The constants that client and engine share: headers, and the prefixes of ids.

The rules of either side do not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: A header of every POST: requests with the same value are one request, sent again.
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
#: A header in responses of a server that acts once on requests with the same ``Idempotency-Key``.
HONOURS_IDEMPOTENCY: Final = "idempotency-key-honoured"
#: A header of an unfinished run: the milliseconds after which to poll again.
POLL_AFTER_MS: Final = "openai-poll-after-ms"
#: The same on the engine's responses, for clients that read it each time: some keep to the end of
#: a run what the first response had under the name above, and then poll too often.
ENGINE_POLL_AFTER_MS: Final = "assistants-poll-after-ms"

#: By noun: the prefix of ids, and the name of arguments and fields with such an id.
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
