"""Threads: the requests that create and update them, and the object in responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define, field, frozen

from assistants_client.models._base import UNSET, JsonObject, Request, Struct, UnsetType
from assistants_client.models._limits import metadata_pairs
from assistants_client.models.messages import MessageInput
from assistants_client.models.tools import ToolResources


@frozen(kw_only=True)
class _ThreadFields(Request):
    """The fields of both requests.

    Attributes:
        tool_resources: The files and vector stores available to tools on this thread.
        metadata: Up to 16 pairs; keys of up to 64 characters, values of up to 512.
    """

    tool_resources: ToolResources | JsonObject | UnsetType | None = UNSET
    metadata: Mapping[str, str] | UnsetType | None = field(default=UNSET, metadata=metadata_pairs())


@frozen(kw_only=True)
class ThreadUpdate(_ThreadFields):
    """The body of ``threads.update``. A field left out stays; ``None`` clears."""


@frozen(kw_only=True)
class ThreadRequest(_ThreadFields):
    """The body of ``threads.create``.

    Attributes:
        messages: The first messages, oldest first; those of another thread, too.
    """

    messages: Sequence[MessageInput] | UnsetType = UNSET


@define(kw_only=True)
class Thread(Struct):
    """A conversation. Times are Unix seconds."""

    id: str
    object: str = "thread"
    created_at: int = 0
    tool_resources: ToolResources | None = None
    metadata: dict[str, str] = field(factory=dict)
