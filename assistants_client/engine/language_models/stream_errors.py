"""Errors that come where an answer should: in a document, or in an event of a stream. Pure."""

from __future__ import annotations

import json

from assistants_client.engine.language_models.base import LanguageModelError
from assistants_client.engine.language_models.error_words import error_code, error_text


def said_error(error: object) -> LanguageModelError:
    """What a server says in the place of an answer, in its words."""
    return LanguageModelError(f"an error: {error_text(error)}", code=error_code(error))


def error_event(data: str) -> LanguageModelError:
    """What an event says that is an error by its name; its data may be a document or plain text."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = data
    if isinstance(document, dict) and document.get("error"):
        document = document["error"]
    return said_error(document)
