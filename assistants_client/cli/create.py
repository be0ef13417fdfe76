"""``assistants create``: one assistant for all processes of a program, found again by its name."""

from __future__ import annotations

from collections.abc import Sequence

from assistants_client.client.client import Client
from assistants_client.errors import AssistantsError
from assistants_client.models._base import UNSET
from assistants_client.models.tools import CodeInterpreterTool, FileSearchTool

_TOOLS = {"code_interpreter": CodeInterpreterTool, "file_search": FileSearchTool}


def create_once(
    client: Client,
    name: str,
    *,
    model: str | None,
    default_model: str,
    instructions: str | None,
    tools: Sequence[str] | None,
) -> str:
    """Creates the assistant of a name, or updates the one there is, and returns its id.

    Two calls at the same time may create two; the next one then refuses to choose.

    Args:
        client: The client.
        name: The assistant's name.
        model: Its model; ``None`` leaves it, and takes ``default_model`` for a new one.
        default_model: The model of a new one.
        instructions: Its instructions; ``None`` leaves them.
        tools: Types of its tools; ``None`` leaves them.

    Raises:
        AssistantsError: There are several of that name, or the server failed.
    """
    found = [one.id for one in client.assistants.list(page_size=100) if one.name == name]
    if len(found) > 1:
        raise AssistantsError(
            f"there are {len(found)} assistants of the name {name!r}: {', '.join(found)}; delete "
            "those that are too many"
        )
    given_instructions = UNSET if instructions is None else instructions
    given_tools = UNSET if tools is None else [_TOOLS[type_]() for type_ in tools]
    if not found:
        made = client.assistants.create(
            model=model or default_model,
            name=name,
            instructions=given_instructions,
            tools=given_tools,
        )
        return made.id
    if model is not None or instructions is not None or tools is not None:
        client.assistants.update(
            found[0],
            model=UNSET if model is None else model,
            instructions=given_instructions,
            tools=given_tools,
        )
    return found[0]
