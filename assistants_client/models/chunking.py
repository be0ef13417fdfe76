"""How a vector store cuts a file into the pieces that it searches."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import define, field

from assistants_client.models._base import Struct, Unknown
from assistants_client.models._limits import between


@define(kw_only=True)
class AutoChunking(Struct):
    """The server's own choice: 800 tokens a chunk, 400 of them overlapping."""

    type: Literal["auto"] = "auto"


@define(kw_only=True)
class StaticChunkingSizes(Struct):
    """How long a chunk is, and how much of it the next one repeats."""

    max_chunk_size_tokens: int = field(metadata=between(100, 4096))
    """In tokens, 100 to 4,096."""
    chunk_overlap_tokens: int = field(metadata=between(0, 2048))
    """In tokens, at most half of the size."""

    def problem(self) -> tuple[str, str] | None:
        """Which field breaks a rule that no single field can tell, and how."""
        if self.chunk_overlap_tokens * 2 > self.max_chunk_size_tokens:
            return (
                "chunk_overlap_tokens",
                f"{self.chunk_overlap_tokens} is more than half of max_chunk_size_tokens, "
                f"{self.max_chunk_size_tokens}",
            )
        return None


@define(kw_only=True)
class StaticChunking(Struct):
    """Chunks of a given size."""

    static: StaticChunkingSizes
    type: Literal["static"] = "static"


@define(kw_only=True)
class UnknownChunking(Unknown):
    """A strategy that only answers name, such as ``other``, kept as it came."""


ChunkingStrategy: TypeAlias = AutoChunking | StaticChunking | UnknownChunking
