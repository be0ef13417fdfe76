"""Language models for the engine, and the vocabulary to write one's own. Names only."""

from __future__ import annotations

from assistants_client.engine.language_models.base import (
    CODE_INTERPRETER,
    TOO_LONG,
    Conversation,
    Delta,
    Finish,
    FunctionSpec,
    Image,
    ImageDelta,
    LanguageModel,
    LanguageModelError,
    NewMessage,
    RefusalDelta,
    State,
    StateDelta,
    TextDelta,
    ThinkingDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
    Turn,
    UrlCitationDelta,
)
from assistants_client.engine.language_models.chat_completions import ChatCompletions
from assistants_client.engine.language_models.responses import Responses
from assistants_client.engine.language_models.scripted import Call, Scripted, call
from assistants_client.engine.language_models.tutor.tutor import Tutor

__all__ = [
    "CODE_INTERPRETER",
    "TOO_LONG",
    "Call",
    "ChatCompletions",
    "Conversation",
    "Delta",
    "Finish",
    "FunctionSpec",
    "Image",
    "ImageDelta",
    "LanguageModel",
    "LanguageModelError",
    "NewMessage",
    "RefusalDelta",
    "Responses",
    "Scripted",
    "State",
    "StateDelta",
    "TextDelta",
    "ThinkingDelta",
    "TokenUsage",
    "ToolCall",
    "ToolCallDelta",
    "Turn",
    "Tutor",
    "UrlCitationDelta",
    "call",
]
