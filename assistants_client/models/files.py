"""Uploaded files."""

from __future__ import annotations

from typing import Literal

from attrs import define, field, frozen

from assistants_client.models._base import ON_THE_WIRE, Struct
from assistants_client.models._limits import between


@frozen(kw_only=True)
class FileExpiry:
    """When an upload is deleted: ``seconds`` (3,600 to 2,592,000) after its ``anchor``."""

    seconds: int = field(metadata=between(3_600, 2_592_000))
    anchor: Literal["created_at"] = field(default="created_at", metadata=ON_THE_WIRE)


@define(kw_only=True)
class File(Struct):
    """An uploaded file. ``bytes`` is its size. Times are Unix seconds."""

    id: str
    object: str = "file"
    bytes: int = 0
    created_at: int = 0
    expires_at: int | None = None
    filename: str = ""
    purpose: str = ""
    """What it was uploaded for: ``assistants``, ``vision``, or another of the server's."""
    status: str = ""
    """``uploaded``, ``processed`` or ``error``; servers have others."""
    status_details: str | None = None
    """Why its status is ``error``."""

    @property
    def is_processed(self) -> bool:
        """Whether the server has done with it; most servers do so before they answer."""
        return self.status not in ("uploaded", "pending", "running")
