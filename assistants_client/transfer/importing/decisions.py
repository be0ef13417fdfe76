"""What becomes of an object that is imported, by what is stored and what the ledger says. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final, Literal, TypeAlias

from assistants_client.transfer.importing.names import digest

#: What to do with an object that differs from what is stored, and was changed here or made here.
OnConflict: TypeAlias = Literal["keep", "replace", "fail"]
#: ``new`` and ``replaced`` are written, ``same`` is there already, ``deleted`` was deleted here.
Decision: TypeAlias = Literal["new", "same", "replaced", "conflict", "deleted"]

#: Fields that the engine changes by itself, by kind.
_CHANGING: Final = {
    "assistant": frozenset[str](),  # its resources; see below
    "vector_store": frozenset(
        ("usage_bytes", "file_counts", "status", "last_active_at", "expires_at")
    ),
    "vector_store_file": frozenset(
        ("usage_bytes", "status", "last_error", "chunking_strategy", "created_at")
    ),
}
#: Fields that are filled in where a source has no time.
_DATES: Final = frozenset(("created_at", "completed_at"))


def decide(
    stored: str | None, noted: str | None, on_conflict: OnConflict, *, restore: bool
) -> Decision:
    """Returns what becomes of an object that is not the same as what is stored.

    Args:
        stored: The digest of what is stored under its id; ``None`` where nothing is.
        noted: The digest in the ledger, if there is one.
        on_conflict: What to do where both sides have changed.
        restore: Whether what was deleted here comes back.
    """
    if stored is None:
        return "deleted" if noted is not None and not restore else "new"
    if noted == stored or on_conflict == "replace":
        return "replaced"
    return "conflict"


def digest_of(kind: str, body: str, *, is_dated: bool = True) -> str:
    """Returns the digest of an object that is stored as JSON: of what does not change by itself.

    Args:
        kind: What it is.
        body: Its JSON.
        is_dated: Whether its time is its source's own; one that was filled in does not count.
    """
    if is_dated and kind not in _CHANGING:
        return hashlib.sha256(body.encode()).hexdigest()
    return digest(_lasting(kind, body, is_dated=is_dated))


def is_same(kind: str, one: str, other: str, *, is_dated: bool = True) -> bool:
    """Returns whether the JSON of two objects says the same."""
    if one == other:
        return True
    found = [_lasting(kind, body, is_dated=is_dated) for body in (one, other)]
    return bool(found[0] == found[1])


def _lasting(kind: str, body: str, *, is_dated: bool) -> dict[str, Any]:
    """Returns an object without what changes by itself."""
    document: dict[str, Any] = json.loads(body)
    left_out = _CHANGING.get(kind, frozenset()) | (frozenset() if is_dated else _DATES)
    resources = document.get("tool_resources")
    if kind == "assistant" and isinstance(resources, dict):
        # Those of each tool are shown, and stored only where there are any.
        used = {key: value for key, value in resources.items() if value and any(value.values())}
        document["tool_resources"] = used
    return {key: value for key, value in document.items() if key not in left_out}
