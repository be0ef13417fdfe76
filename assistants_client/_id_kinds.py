"""How ids tell what they are of, where servers make them as the protocol's own did.

What follows from an id of the wrong kind is each side's to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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
