"""OpenAI's Responses API, and other servers of it, as a language model.

How a server is asked is in server_model.py; documents are made and read in responses_wire.py and
responses_events.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assistants_client.engine.language_models.base import Conversation, Delta
from assistants_client.engine.language_models.responses_events import Events
from assistants_client.engine.language_models.responses_wire import request_document
from assistants_client.engine.language_models.server_model import ServerModel


class Responses(ServerModel):
    """Asks a server of the Responses API: OpenAI, or a server that speaks it as well.

    The server is told to store nothing: threads are kept by the engine. Answers are streamed where
    the server streams. Nothing is asked twice: a run whose model cannot answer fails, and its
    ``last_error`` says why. Safe to share between threads.
    """

    _path = "/responses"
    _api = "Responses API"
    #: In pieces, as a whole.
    _forms = ({"stream": True}, {})

    def _document(self, conversation: Conversation, model: str) -> dict[str, Any]:
        return request_document(conversation, model=model)

    def _reader(self) -> Events:
        return Events()

    def _read_whole(self, document: object) -> Iterator[Delta]:
        return Events().read_whole(document)
