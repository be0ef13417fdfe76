"""Assistants: the requests that create and update them, and the object in responses."""

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
    """The fields of both requests.

    Attributes:
        name: Up to 256 characters.
        description: Up to 512 characters.
        instructions: The system prompt of each conversation; up to 256,000 characters.
        reasoning_effort: The effort of models that reason.
        tools: Up to 128; a function made with ``@tool``, a tool object, or its JSON form.
        tool_resources: The files and vector stores available to the tools.
        metadata: Up to 16 pairs; keys of up to 64 characters, values of up to 512.
        temperature: 0 to 2; higher is more random.
        top_p: 0 to 1: the share of the likeliest tokens that are considered.
        response_format: ``"auto"``, or the format of the answers.
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
    """The body of ``assistants.create``.

    Attributes:
        model: The language model's name on the server.
    """

    model: str


@frozen(kw_only=True)
class AssistantUpdate(_AssistantFields):
    """The body of ``assistants.update``. A field left out stays; ``None`` clears.

    Attributes:
        model: The language model's name on the server.
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
