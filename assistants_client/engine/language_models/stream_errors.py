"""Reads errors in the place of an answer: in a document, or in an event of a stream. Pure."""

from __future__ import annotations

import json

from assistants_client.engine.language_models.base import LanguageModelError
from assistants_client.engine.language_models.error_words import error_code, error_text


def reported_error(error: object) -> LanguageModelError:
    """Returns the error that a server reports in the place of an answer, with its message."""
    return LanguageModelError(f"an error: {error_text(error)}", code=error_code(error))


def error_event(data: str) -> LanguageModelError:
    """Returns the error of an event of that name; its data may be a document or plain text."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = data
    if isinstance(document, dict) and document.get("error"):
        document = document["error"]
    return reported_error(document)
