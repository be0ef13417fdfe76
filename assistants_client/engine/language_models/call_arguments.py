"""Reads the arguments of a tool call as models and their servers write them. Pure."""

from __future__ import annotations

import json


def normalized(text: str) -> str:
    """Returns a call's arguments, once decoded, and without a ``{}`` before the real ones."""
    document = _json(text)
    if isinstance(document, str):
        return document if isinstance(_json(document), dict) else text
    if document is None and (rest := text.removeprefix("{}")) != text:
        return rest if isinstance(_json(rest), dict) else text
    return text if text.strip() and text.strip() != "null" else "{}"


def are_complete(text: str) -> bool:
    """Returns whether arguments are complete, so that the next piece belongs to another call."""
    return bool(text.strip()) and isinstance(_json(normalized(text)), dict)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
