"""Chunking strategies: the division of a file into the chunks that a vector store searches."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import define, field

from assistants_client.models._base import Struct, Unknown
from assistants_client.models._limits import between


@define(kw_only=True)
class AutoChunking(Struct):
    """The server's default: chunks of 800 tokens, 400 of them overlapping."""

    type: Literal["auto"] = "auto"


@define(kw_only=True)
class StaticChunkingSizes(Struct):
    """The size of a chunk, and the part of it that the next one repeats."""

    max_chunk_size_tokens: int = field(metadata=between(100, 4096))
    """The size in tokens, 100 to 4,096."""
    chunk_overlap_tokens: int = field(metadata=between(0, 2048))
    """The overlap in tokens, at most half of the size."""

    def problem(self) -> tuple[str, str] | None:
        """Returns the field that breaks a rule about several, and the reason, or ``None``."""
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
    """A strategy that occurs in responses only, such as ``other``, kept as it was received."""


ChunkingStrategy: TypeAlias = AutoChunking | StaticChunking | UnknownChunking
