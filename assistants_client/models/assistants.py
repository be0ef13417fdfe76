"""Assistants: what is sent to make and change them, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define, field, frozen

from assistants_client.models._base import UNSET, JsonObject, Request, Struct, UnsetType
from assistants_client.models._limits import between, characters, items, metadata_pairs
from assistants_client.models.tools import (
    ReasoningEffort,
    ResponseFormatOption,
    Tool,
    ToolInput,
    ToolResources,
)


@frozen(kw_only=True)
class _AssistantFields(Request):
    """What both requests may hold.

    Attributes:
        name: Up to 256 characters.
        description: Up to 512 characters.
        instructions: What the model is told before each conversation; up to 256,000 characters.
        reasoning_effort: How long a model that reasons may do so.
        tools: Up to 128; a function made with ``@tool``, a tool object, or its JSON form.
        tool_resources: The files and vector stores that the tools may reach.
        metadata: Up to 16 pairs; keys of up to 64 characters, values of up to 512.
        temperature: 0 to 2; higher is more random.
        top_p: 0 to 1: the share of the likeliest tokens that are considered.
        response_format: ``"auto"``, or the form of the answers' text.
    """

    name: str | UnsetType | None = field(default=UNSET, metadata=characters(256))
    description: str | UnsetType | None = field(default=UNSET, metadata=characters(512))
    instructions: str | UnsetType | None = field(default=UNSET, metadata=characters(256_000))
    reasoning_effort: ReasoningEffort | UnsetType | None = UNSET
    tools: Sequence[ToolInput] | UnsetType = field(default=UNSET, metadata=items(128))
    tool_resources: ToolResources | JsonObject | UnsetType | None = UNSET
    metadata: Mapping[str, str] | UnsetType | None = field(default=UNSET, metadata=metadata_pairs())
    temperature: float | UnsetType | None = field(default=UNSET, metadata=between(0, 2))
    top_p: float | UnsetType | None = field(default=UNSET, metadata=between(0, 1))
    response_format: ResponseFormatOption | JsonObject | UnsetType | None = UNSET


@frozen(kw_only=True)
class AssistantRequest(_AssistantFields):
    """What ``assistants.create`` sends.

    Attributes:
        model: The language model's name, as the server knows it.
    """

    model: str


@frozen(kw_only=True)
class AssistantUpdate(_AssistantFields):
    """What ``assistants.update`` changes. A field left out stays; ``None`` clears.

    Attributes:
        model: The language model's name, as the server knows it.
    """

    model: str | UnsetType = UNSET


@define(kw_only=True)
class Assistant(Struct):
    """A model with instructions and tools. Times are Unix seconds.

    ``description``, ``instructions``, ``temperature`` and ``top_p`` are those of its request.
    """

    id: str
    object: str = "assistant"
    created_at: int = 0
    name: str | None = None
    description: str | None = None
    model: str = ""
    instructions: str | None = None
    tools: list[Tool] = field(factory=list)
    tool_resources: ToolResources | None = None
    metadata: dict[str, str] = field(factory=dict)
    temperature: float | None = None
    top_p: float | None = None
    response_format: ResponseFormatOption | None = None
    reasoning_effort: ReasoningEffort | None = None
