"""JSON documents that report an error, in the forms of servers, gateways and validators. Pure.

No response and no exception belongs here: the status of a response need not say that it failed.
"""

from __future__ import annotations

import json
from typing import Any


def is_error(document: Any, *, bare: bool = True) -> bool:
    """Returns whether a document that came in the place of an object is an error's.

    Args:
        document: The JSON document.
        bare: Also one that has nothing but a ``message`` or ``detail``.
    """
    if not isinstance(document, dict):
        return False
    kind = document.get("object")
    if "id" in document:  # an object's, or one that a gateway gave to its error
        is_object = kind not in (None, "error") or "thread_id" in document
        return bool(document.get("error")) and not is_object
    if document.get("error") or document.get("errors") or kind == "error":
        return True
    is_empty = bare and kind is None and "data" not in document
    return is_empty and isinstance(document.get("message") or document.get("detail"), str)


def detail_of(document: Any) -> dict[str, Any]:
    """Returns the object with the message in an error's document; servers nest it differently."""
    if not isinstance(document, dict):
        return {}
    inner = document.get("error")
    return inner if isinstance(inner, dict) else document


def words_of(document: Any) -> str:
    """Returns the message of an error's document; the document itself where it has none."""
    detail = detail_of(document)
    for key in ("message", "detail", "error", "errors", "issues"):
        value = detail.get(key)
        if value:
            return _words(value)
    return _words(document)


def _words(value: Any) -> str:
    """Returns a text as it is, and the output of validators (paths and texts) as a sentence."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "; ".join(_words(entry) for entry in value)
    text = value.get("message") or value.get("msg") if isinstance(value, dict) else None
    if not isinstance(text, str):
        return json.dumps(value, ensure_ascii=False)
    place = value.get("path") or value.get("loc")
    return f"{'.'.join(map(str, place))}: {text}" if isinstance(place, list) else text
