"""Any server of the chat completions API (OpenAI, Ollama, vLLM, …) as a language model.

Requests are sent in server_model.py; documents are written and read in chat_wire.py and
chat_chunks.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from assistants_client.engine.language_models.base import Conversation
from assistants_client.engine.language_models.chat_chunks import Chunks
from assistants_client.engine.language_models.chat_wire import request_document
from assistants_client.engine.language_models.server_model import ServerModel

#: OpenAI's newer models refuse ``max_tokens``; most other servers accept no other name.
_OPENAI_HOSTS: Final = (".api.openai.com", ".openai.azure.com")


class ChatCompletions(ServerModel):
    """A server of the chat completions API: OpenAI, Ollama, llama.cpp, vLLM, LiteLLM, ….

    Answers are streamed where the server streams. A server that refuses a field of the request is
    asked without it, once and from then on; a request that it may have acted on is not repeated. A
    run whose model cannot answer fails, and its ``last_error`` has the reason. Safe to share
    between threads.
    """

    _path = "/chat/completions"
    _api = "chat completions API"
    #: Streamed, with the tokens spent.
    _form: ClassVar[Mapping[str, Any]] = {
        "stream": True,
        "stream_options": {"include_usage": True},
    }

    def _document(self, conversation: Conversation, model: str, origin: str) -> dict[str, Any]:
        is_openai = f".{urlsplit(self.base_url).hostname}".endswith(_OPENAI_HOSTS)
        field = "max_completion_tokens" if is_openai else "max_tokens"
        return request_document(conversation, model=model, max_tokens_field=field, origin=origin)

    def _reader(self, origin: str, document: Mapping[str, Any]) -> Chunks:
        return Chunks(origin)
