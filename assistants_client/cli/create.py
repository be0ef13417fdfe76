"""``assistants create``: one assistant for all processes of a program, found again by its name."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from assistants_client.client.client import Client
from assistants_client.errors import AssistantsError
from assistants_client.models._base import UNSET
from assistants_client.models.tools import CodeInterpreterTool, FileSearchTool

_TOOLS = {"code_interpreter": CodeInterpreterTool, "file_search": FileSearchTool}

#: The lists, and the seconds between them, after which several of a name count as meant: before,
#: another command may be deleting its own.
_LISTS: Final = 5
_PAUSE: Final = 0.2


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

    Of several calls at the same time all may create one. Each then lists them again: the oldest
    stays, and whoever created another deletes it.

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
    found = _named(client, name)
    for _ in range(_LISTS - 1):
        if len(found) < 2:
            break
        time.sleep(_PAUSE)
        found = _named(client, name)
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
        oldest = next(iter(_named(client, name)), made.id)
        if oldest != made.id:
            client.assistants.delete(made.id)
        return oldest
    if model is not None or instructions is not None or tools is not None:
        client.assistants.update(
            found[0],
            model=UNSET if model is None else model,
            instructions=given_instructions,
            tools=given_tools,
        )
    return found[0]


def _named(client: Client, name: str) -> list[str]:
    """Returns the ids of the assistants of a name, in the order of their creation."""
    listed = client.assistants.list(order="asc", page_size=100)
    return [one.id for one in listed if one.name == name]
