"""Threads: what is sent to make and change them, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define, field, frozen

from assistants_client.models._base import UNSET, JsonObject, Request, Struct, UnsetType
from assistants_client.models._limits import metadata_pairs
from assistants_client.models.messages import MessageRequest
from assistants_client.models.tools import ToolResources


@frozen(kw_only=True)
class _ThreadFields(Request):
    """What both requests may hold.

    Attributes:
        tool_resources: The files and vector stores that tools may reach on this thread.
        metadata: Up to 16 pairs; keys of up to 64 characters, values of up to 512.
    """

    tool_resources: ToolResources | JsonObject | UnsetType | None = UNSET
    metadata: Mapping[str, str] | UnsetType | None = field(default=UNSET, metadata=metadata_pairs())


@frozen(kw_only=True)
class ThreadUpdate(_ThreadFields):
    """What ``threads.update`` changes. A field left out stays; ``None`` clears."""


@frozen(kw_only=True)
class ThreadRequest(_ThreadFields):
    """What ``threads.create`` sends.

    Attributes:
        messages: The first messages, oldest first.
    """

    messages: Sequence[MessageRequest | JsonObject] | UnsetType = UNSET


@define(kw_only=True)
class Thread(Struct):
    """A conversation. Times are Unix seconds."""

    id: str
    object: str = "thread"
    created_at: int = 0
    tool_resources: ToolResources | None = None
    metadata: dict[str, str] = field(factory=dict)
