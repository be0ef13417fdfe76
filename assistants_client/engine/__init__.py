"""The embedded engine: the whole protocol in this process (extra ``engine``). Names only."""

from __future__ import annotations

from assistants_client.engine._moved import find_moved_modules

_REQUIRED = ("sqlalchemy", "werkzeug", "pydantic_monty", "charset_normalizer")

try:
    from assistants_client.engine.code_interpreter import (
        BubblewrapInterpreter,
        CodeInterpreter,
        CodeResult,
        MontyInterpreter,
    )
    from assistants_client.engine.engine import Engine
    from assistants_client.engine.ids import NewId
    from assistants_client.engine.language_models.base import (
        CODE_INTERPRETER,
        FILE_SEARCH,
        TOO_LONG,
        Conversation,
        Delta,
        Finish,
        FunctionSpec,
        Image,
        LanguageModel,
        LanguageModelError,
        TextDelta,
        TokenUsage,
        ToolCall,
        ToolCallDelta,
        Turn,
    )
    from assistants_client.engine.language_models.chat_completions import ChatCompletions
    from assistants_client.engine.language_models.responses import Responses
    from assistants_client.engine.language_models.scripted import Call, Script, Scripted, call
    from assistants_client.engine.language_models.tutor.tutor import Tutor
    from assistants_client.engine.observability.log_context import LogIds
    from assistants_client.engine.observability.log_output import JsonFormatter
    from assistants_client.engine.search.embeddings import EmbeddingError, Embeddings
except ModuleNotFoundError as _error:
    if (_error.name or "").partition(".")[0] not in _REQUIRED:
        raise
    raise ModuleNotFoundError(
        f"The embedded engine needs packages that are not installed ({_error.name} is missing): "
        'pip install "assistants-client[engine]"',
        name=_error.name,
    ) from _error

__all__ = [
    "CODE_INTERPRETER",
    "FILE_SEARCH",
    "TOO_LONG",
    "BubblewrapInterpreter",
    "Call",
    "ChatCompletions",
    "CodeInterpreter",
    "CodeResult",
    "Conversation",
    "Delta",
    "EmbeddingError",
    "Embeddings",
    "Engine",
    "Finish",
    "FunctionSpec",
    "Image",
    "JsonFormatter",
    "LanguageModel",
    "LanguageModelError",
    "LogIds",
    "MontyInterpreter",
    "NewId",
    "Responses",
    "Script",
    "Scripted",
    "TextDelta",
    "TokenUsage",
    "ToolCall",
    "ToolCallDelta",
    "Turn",
    "Tutor",
    "call",
]

find_moved_modules()
