"""Vector stores, the files in them, batches of files, and searching."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from attrs import define, field, frozen

from assistants_client.models._base import (
    ABSENT_IF_NONE,
    NULL_IF_EMPTY,
    ON_THE_WIRE,
    UNSET,
    JsonObject,
    Request,
    Struct,
    UnsetType,
)
from assistants_client.models._limits import attribute_pairs, between, items, metadata_pairs
from assistants_client.models.chunking import ChunkingStrategy
from assistants_client.models.runs import LastError

#: Attributes of a file in a store: at most 16; a value is text, a number or a truth value.
Attributes: TypeAlias = Mapping[str, str | float | bool]


@define(kw_only=True)
class StoreExpiry(Struct):
    """When a store expires: ``days`` (1 to 365) after its ``anchor``, which is its last use."""

    days: int = field(metadata=between(1, 365))
    anchor: Literal["last_active_at"] = field(default="last_active_at", metadata=ON_THE_WIRE)


@frozen(kw_only=True)
class VectorStoreRequest(Request):
    """What ``vector_stores.create`` sends.

    Attributes:
        file_ids: Uploaded files to begin with, up to 500.
        name: Of your choice.
        description: What the store is for.
        expires_after: How long it lives unused; without it, for ever.
        chunking_strategy: How its first files are cut into the pieces that are searched.
        metadata: Up to 16 pairs; keys of up to 64 characters, values of up to 512.
    """

    file_ids: Sequence[str] | UnsetType = field(default=UNSET, metadata=items(500))
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    expires_after: StoreExpiry | JsonObject | UnsetType = UNSET
    chunking_strategy: ChunkingStrategy | JsonObject | UnsetType = UNSET
    metadata: Mapping[str, str] | UnsetType | None = field(default=UNSET, metadata=metadata_pairs())


@frozen(kw_only=True)
class VectorStoreUpdate(Request):
    """What ``vector_stores.update`` changes. A field left out stays; ``None`` clears.

    Attributes:
        name: Of your choice.
        expires_after: How long it lives unused.
        metadata: Up to 16 pairs; keys of up to 64 characters, values of up to 512.
    """

    name: str | UnsetType | None = UNSET
    expires_after: StoreExpiry | JsonObject | UnsetType | None = UNSET
    metadata: Mapping[str, str] | UnsetType | None = field(default=UNSET, metadata=metadata_pairs())


@frozen
class VectorStoreFileRequest(Request):
    """What ``vector_store_files.create`` sends.

    Attributes:
        file_id: The uploaded file.
        chunking_strategy: How it is cut into the pieces that are searched.
        attributes: To filter searches by; up to 16 pairs, values are text, numbers or truth values.
    """

    file_id: str
    chunking_strategy: ChunkingStrategy | JsonObject | UnsetType = field(
        default=UNSET, kw_only=True
    )
    attributes: Attributes | UnsetType | None = field(
        default=UNSET, kw_only=True, metadata=attribute_pairs()
    )


@frozen
class VectorStoreFileUpdate(Request):
    """What ``vector_store_files.update`` changes.

    Attributes:
        attributes: To filter searches by; up to 16 pairs, values are text, numbers or truth values.
            ``None`` clears them.
    """

    attributes: Attributes | None = field(metadata=attribute_pairs())


@frozen(kw_only=True)
class VectorStoreFileBatchRequest(Request):
    """What ``vector_store_file_batches.create`` sends: either ``file_ids`` or ``files``.

    Attributes:
        file_ids: Uploaded files, 1 to 2,000.
        files: The same, each with options of its own.
        chunking_strategy: How those of ``file_ids`` are cut into the pieces that are searched.
        attributes: Of those of ``file_ids``, to filter searches by; up to 16 pairs.
    """

    file_ids: Sequence[str] | UnsetType = field(default=UNSET, metadata=items(2000, minimum=1))
    files: Sequence[VectorStoreFileRequest | JsonObject] | UnsetType = field(
        default=UNSET, metadata=items(2000, minimum=1)
    )
    chunking_strategy: ChunkingStrategy | JsonObject | UnsetType = UNSET
    attributes: Attributes | UnsetType | None = field(default=UNSET, metadata=attribute_pairs())

    def problem(self) -> tuple[str, str] | None:
        """Which field breaks a rule that no single field can tell, and how."""
        if (self.file_ids is UNSET) == (self.files is UNSET):
            return "file_ids", "give either file_ids or files"
        return None


@define(kw_only=True)
class SearchRanking(Struct):
    """How a search ranks: by which ``ranker``, and the least score, ``score_threshold``, 0 to 1."""

    ranker: Literal["none", "auto", "default-2024-11-15"] | None = field(
        default=None, metadata=ABSENT_IF_NONE
    )
    score_threshold: float | None = field(default=None, metadata=ABSENT_IF_NONE | between(0, 1))


@frozen
class SearchRequest(Request):
    """What ``vector_stores.search`` sends.

    Attributes:
        query: What to look for; several texts are looked for together.
        rewrite_query: Whether the server may put it in words that search better.
        max_num_results: 1 to 50; the server's default is 10.
        ranking_options: How it ranks, and the least score.
        filters: What the files' attributes must be, as the protocol's JSON.
    """

    query: str | Sequence[str] = field(metadata=items(minimum=1))
    rewrite_query: bool | UnsetType = field(default=UNSET, kw_only=True)
    max_num_results: int | UnsetType = field(default=UNSET, kw_only=True, metadata=between(1, 50))
    ranking_options: SearchRanking | JsonObject | UnsetType = field(default=UNSET, kw_only=True)
    filters: JsonObject | UnsetType = field(default=UNSET, kw_only=True)


@define(kw_only=True)
class FileCounts(Struct):
    """How many files are in each state.

    ``in_progress``, ``completed``, ``failed`` and ``cancelled`` add up to ``total``.
    """

    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    total: int = 0


@define(kw_only=True)
class VectorStore(Struct):
    """A searchable collection of files; ``usage_bytes`` is its size. Times are Unix seconds."""

    id: str
    object: str = "vector_store"
    created_at: int = 0
    name: str | None = None
    description: str | None = None
    usage_bytes: int = 0
    file_counts: FileCounts = field(factory=FileCounts)
    status: str = ""
    """``in_progress`` while files are read, ``completed``, or ``expired``."""
    expires_after: StoreExpiry | None = None
    expires_at: int | None = None
    last_active_at: int | None = None
    metadata: dict[str, str] = field(factory=dict)

    @property
    def is_processed(self) -> bool:
        """Whether no file is still to be read; none is when the store has expired."""
        is_reading = self.status == "in_progress" or self.file_counts.in_progress > 0
        return self.status == "expired" or not is_reading


@define(kw_only=True)
class VectorStoreFile(Struct):
    """A file in a store; ``id`` is the file's own. Times are Unix seconds.

    ``usage_bytes`` is what it takes in the store, ``attributes`` are what searches filter by.
    """

    id: str
    object: str = "vector_store.file"
    usage_bytes: int = 0
    created_at: int = 0
    vector_store_id: str = ""
    status: str = ""
    """``in_progress``, ``completed``, ``failed`` or ``cancelled``."""
    last_error: LastError | None = field(default=None, metadata=NULL_IF_EMPTY)
    chunking_strategy: ChunkingStrategy | None = field(default=None, metadata=ABSENT_IF_NONE)
    attributes: dict[str, Any] = field(factory=dict)

    @property
    def is_processed(self) -> bool:
        """Whether the server has done with it, one way or another."""
        return self.status != "in_progress"


@define(kw_only=True)
class VectorStoreFileBatch(Struct):
    """Files added to a store together. Times are Unix seconds."""

    id: str
    object: str = "vector_store.file_batch"
    created_at: int = 0
    vector_store_id: str = ""
    status: str = ""
    """``in_progress``, ``completed``, ``failed`` or ``cancelled``."""
    file_counts: FileCounts = field(factory=FileCounts)

    @property
    def is_processed(self) -> bool:
        """Whether the server has done with all of its files, one way or another."""
        return self.status != "in_progress"


@define(kw_only=True)
class FoundText(Struct):
    """A passage."""

    type: str = "text"
    text: str = ""


@define(kw_only=True)
class SearchHit(Struct):
    """A file that matches: its ``attributes``, its passages, and a ``score`` of 0 to 1."""

    file_id: str = ""
    filename: str = ""
    score: float = 0.0
    attributes: dict[str, Any] = field(factory=dict)
    content: list[FoundText] = field(factory=list)


@define(kw_only=True)
class SearchPage(Struct):
    """What a search found, best first; iterating it yields its ``data``.

    ``search_query`` is what was looked for, perhaps rewritten. Where ``has_more`` is true, more
    begins at ``next_page``, for which the protocol has no operation.
    """

    object: str = "vector_store.search_results.page"
    search_query: str | list[str] = ""
    data: list[SearchHit] = field(factory=list)
    has_more: bool | None = None
    next_page: str | None = None

    def __iter__(self) -> Iterator[SearchHit]:
        return iter(self.data)


@define(kw_only=True)
class FileContentPage(Struct):
    """The text that a store holds of a file.

    Where ``has_more`` is true, more begins at ``next_page``, for which the protocol has no
    operation.
    """

    object: str = "vector_store.file_content.page"
    data: list[FoundText] = field(factory=list)
    has_more: bool | None = None
    next_page: str | None = None

    @property
    def text(self) -> str:
        """All parts, joined."""
        return "".join(part.text for part in self.data)
