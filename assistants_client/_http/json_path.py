"""The place in a document that JSON cannot write, for the message of a request that is not sent."""

from __future__ import annotations

import json
from typing import Any

from assistants_client.errors import InvalidRequestError


def not_json(document: object, error: Exception) -> InvalidRequestError:
    """Returns the error for a document that cannot be written, with the path of the first fault."""
    try:
        path = _path(document)
    except RecursionError:  # it contains itself
        path = ""
    where = f"{path}: " if path else ""
    return InvalidRequestError(f"the request is not JSON: {where}{error}", path=path)


def _path(value: Any) -> str:
    """Returns the path of the deepest first part that cannot be written; empty if it can."""
    if isinstance(value, dict):
        parts = [(f".{key}", entry) for key, entry in value.items()]
    elif isinstance(value, (list, tuple)):
        parts = [(f"[{index}]", entry) for index, entry in enumerate(value)]
    else:
        return ""
    for step, entry in parts:
        inner = _path(entry)
        if inner or not _is_json(entry):
            return (step + (inner if inner[:1] in ("", "[") else f".{inner}")).removeprefix(".")
    return ""


def _is_json(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
