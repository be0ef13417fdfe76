"""Ids: which are kept, and what others are derived from. Pure.

A derived id depends on the content and on nothing that the next export of the same may change, such
as a position: so the same object gets the same id again.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Final

#: The beginning of derived ids, by kind.
PREFIXES: Final = {
    "assistant": "asst_",
    "thread": "thread_",
    "message": "msg_",
    "run": "run_",
    "step": "step_",
    "file": "file-",
    "vector_store": "vs_",
}
#: The longest id that is kept, in characters.
LONGEST: Final = 200

#: What cannot be served as part of a path, or stored.
_UNUSABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f/\ud800-\udfff]")


def is_usable(name: object) -> bool:
    """Returns whether an id can be kept: 1 to 200 characters, no "/", no control characters."""
    return (
        isinstance(name, str)
        and 0 < len(name) <= LONGEST
        and name not in (".", "..")
        and _UNUSABLE.search(name) is None
    )


def derived(kind: str, *parts: object) -> str:
    """Returns the id of an object of a kind that has these parts: any JSON values."""
    return PREFIXES[kind] + digest([kind, *parts])[:24]


def digest(value: object) -> str:
    """Returns the SHA-256 of a JSON value, which does not depend on the order of keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()
