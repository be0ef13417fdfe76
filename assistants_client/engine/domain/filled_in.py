"""Fills in the fields that a request left out and OpenAI's objects had: their readers need them.

Pure: documents and objects come in and go out. Each function says which of them it fills in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from assistants_client.engine.domain.file_search_tool import with_ranking
from assistants_client.models._base import JsonObject
from assistants_client.models.assistants import Assistant
from assistants_client.models.tools import (
    CodeInterpreterResources,
    CodeInterpreterTool,
    FileSearchResources,
    FileSearchTool,
    Tool,
    ToolResources,
)


def with_defaults(tool: JsonObject) -> JsonObject:
    """Returns a tool with the fields that an assistant's or a run's always has."""
    if tool["type"] == "file_search":
        return with_ranking(tool)
    function = tool.get("function")
    if tool["type"] != "function" or not isinstance(function, Mapping):
        return tool
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    strict = function.get("strict") or False
    return {**tool, "function": {**function, "parameters": parameters, "strict": strict}}


def with_detail(part: JsonObject) -> JsonObject:
    """Returns a part of a caller's message; an image's detail is ``auto`` where none is given."""
    image: Any = part.get(part["type"])
    if part["type"] not in ("image_url", "image_file") or not isinstance(image, Mapping):
        return part
    return {**part, part["type"]: {**image, "detail": image.get("detail") or "auto"}}


def resources_of(tools: Sequence[Tool], stored: ToolResources | None) -> ToolResources:
    """Returns the resources of an assistant or a run: an entry for each tool, and no other."""
    stored = stored or ToolResources()
    code, search = stored.code_interpreter, stored.file_search
    has_code = any(isinstance(tool, CodeInterpreterTool) for tool in tools)
    has_search = any(isinstance(tool, FileSearchTool) for tool in tools)
    file_ids = (code and code.file_ids) or []
    store_ids = (search and search.vector_store_ids) or []
    return ToolResources(
        code_interpreter=CodeInterpreterResources(file_ids=file_ids) if has_code else None,
        file_search=FileSearchResources(vector_store_ids=store_ids) if has_search else None,
    )


def shown_assistant(assistant: Assistant) -> Assistant:
    """Returns an assistant as responses have it.

    The stored resources of a tool that is off are left out, and there again once the tool is on.
    """
    return evolve(assistant, tool_resources=resources_of(assistant.tools, assistant.tool_resources))
