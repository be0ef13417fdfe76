"""What becomes of an object that is imported, by what is stored and what the ledger says. Pure."""

from __future__ import annotations

import json
from typing import Any, Literal, TypeAlias

from assistants_client.transfer.importing.names import digest

#: What to do with an object that differs from what is stored, and was changed here or made here.
OnConflict: TypeAlias = Literal["keep", "replace", "fail"]
#: ``new`` and ``replaced`` are written, ``same`` is there already, ``deleted`` was deleted here.
Decision: TypeAlias = Literal["new", "same", "replaced", "conflict", "deleted"]

#: Fields of stores that the engine changes by itself.
_CHANGING = frozenset(("usage_bytes", "file_counts", "status", "last_active_at", "expires_at"))
#: Fields of files in stores that the engine changes by itself.
_READ = frozenset(("usage_bytes", "status", "last_error", "chunking_strategy", "created_at"))


def decide(
    stored: str | None, noted: str | None, new: str, on_conflict: OnConflict, *, restore: bool
) -> Decision:
    """Returns what becomes of an object.

    Args:
        stored: The digest of what is stored under its id; ``None`` where nothing is.
        noted: The digest in the ledger, if there is one.
        new: The digest of the object.
        on_conflict: What to do where both sides have changed.
        restore: Whether what was deleted here comes back.
    """
    if stored is None:
        return "deleted" if noted is not None and not restore else "new"
    if stored == new:
        return "same"
    if noted == stored or on_conflict == "replace":
        return "replaced"
    return "conflict"


def digest_of(kind: str, document: dict[str, Any], *, is_dated: bool = True) -> str:
    """Returns the digest of an object: of what does not change by itself.

    Args:
        kind: What it is.
        document: Its document, as it is stored.
        is_dated: Whether its time is its source's own; one that was filled in does not count.
    """
    if kind == "vector_store":
        document = {key: value for key, value in document.items() if key not in _CHANGING}
    elif kind == "vector_store_file":
        document = {key: value for key, value in document.items() if key not in _READ}
    if not is_dated:
        document = {**document, "created_at": None, "completed_at": None}
    return digest(document)


def digest_of_stored(kind: str, body: str, *, is_dated: bool = True) -> str:
    """Returns the digest of an object that is stored as JSON."""
    return digest_of(kind, json.loads(body), is_dated=is_dated)
