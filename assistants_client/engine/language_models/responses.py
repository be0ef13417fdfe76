"""OpenAI's Responses API, and other servers of it, as a language model.

Requests are sent in server_model.py; documents are written and read in responses_wire.py and
responses_events.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from assistants_client.engine.language_models.base import Conversation
from assistants_client.engine.language_models.responses_events import Events
from assistants_client.engine.language_models.responses_wire import request_document
from assistants_client.engine.language_models.server_model import ServerModel


class Responses(ServerModel):
    """A server of the Responses API: OpenAI, or another one that implements it.

    The server is asked to store nothing: threads are stored by the engine, and the model's
    reasoning before a tool call is sent back with the call. Otherwise as ``ChatCompletions``.
    """

    _path = "/responses"
    _api = "Responses API"
    _form: ClassVar[Mapping[str, Any]] = {"stream": True}

    def _document(self, conversation: Conversation, model: str, origin: str) -> dict[str, Any]:
        return request_document(conversation, model=model, origin=origin)

    def _reader(self, origin: str, document: Mapping[str, Any]) -> Events:
        return Events(origin, document.get("max_output_tokens"))
