"""Uploaded files."""

from __future__ import annotations

from typing import Literal

from attrs import define, field, frozen

from assistants_client.models._base import ALWAYS_SENT, Struct
from assistants_client.models._limits import between


@frozen(kw_only=True)
class FileExpiry:
    """The expiry of an upload: ``seconds`` (3,600 to 2,592,000) after its ``anchor``."""

    seconds: int = field(metadata=between(3_600, 2_592_000))
    anchor: Literal["created_at"] = field(default="created_at", metadata=ALWAYS_SENT)


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
    """``assistants``, ``vision``, or another purpose of the server's."""
    status: str = ""
    """``uploaded``, ``processed`` or ``error``; servers have others."""
    status_details: str | None = None
    """The reason for the status ``error``."""

    @property
    def is_processed(self) -> bool:
        """True once the server has processed it; most servers do so before they respond."""
        return self.status not in ("uploaded", "pending", "running")
