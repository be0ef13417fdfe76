"""Vector stores, the files in them, batches of files, and searching."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from attrs import define, field, frozen

from assistants_client.models._base import (
    ALWAYS_SENT,
    EMPTY_AS_NULL,
    OMIT_IF_NONE,
    UNSET,
    JsonObject,
    Request,
    Struct,
    UnsetType,
)
from assistants_client.models._limits import attribute_pairs, between, items, metadata_pairs
from assistants_client.models.chunking import ChunkingStrategy
from assistants_client.models.endings import LastError

#: Attributes of a file in a store: at most 16; a value is a string, a number or a boolean.
Attributes: TypeAlias = Mapping[str, str | float | bool]


@define(kw_only=True)
class StoreExpiry(Struct):
    """The expiry of a store: ``days`` (1 to 365) after its ``anchor``, which is its last use."""

    days: int = field(metadata=between(1, 365))
    anchor: Literal["last_active_at"] = field(default="last_active_at", metadata=ALWAYS_SENT)


@frozen(kw_only=True)
class VectorStoreRequest(Request):
    """The body of ``vector_stores.create``.

    Attributes:
        file_ids: Uploaded files to add, up to 500.
        name: Any name.
        description: The purpose of the store.
        expires_after: The time unused after which it expires; without it, never.
        chunking_strategy: The division of these files into the chunks that are searched.
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
    """The body of ``vector_stores.update``. A field left out stays; ``None`` clears.

    Attributes:
        name: Any name.
        expires_after: The time unused after which it expires.
        metadata: Up to 16 pairs; keys of up to 64 characters, values of up to 512.
    """

    name: str | UnsetType | None = UNSET
    expires_after: StoreExpiry | JsonObject | UnsetType | None = UNSET
    metadata: Mapping[str, str] | UnsetType | None = field(default=UNSET, metadata=metadata_pairs())


@frozen
class VectorStoreFileRequest(Request):
    """The body of ``vector_store_files.create``.

    Attributes:
        file_id: The uploaded file.
        chunking_strategy: The division of the file into the chunks that are searched.
        attributes: For filters of searches; up to 16 pairs, values are strings, numbers, booleans.
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
    """The body of ``vector_store_files.update``.

    Attributes:
        attributes: For filters of searches; up to 16 pairs, values are strings, numbers, booleans.
            ``None`` clears them.
    """

    attributes: Attributes | None = field(metadata=attribute_pairs())


@frozen(kw_only=True)
class VectorStoreFileBatchRequest(Request):
    """The body of ``vector_store_file_batches.create``: either ``file_ids`` or ``files``.

    Attributes:
        file_ids: Uploaded files, 1 to 2,000.
        files: The same, each with options of its own.
        chunking_strategy: The division of the ``file_ids`` into the chunks that are searched.
        attributes: Attributes of the ``file_ids``, for filters of searches; up to 16 pairs.
    """

    file_ids: Sequence[str] | UnsetType = field(default=UNSET, metadata=items(2000, minimum=1))
    files: Sequence[VectorStoreFileRequest | JsonObject] | UnsetType = field(
        default=UNSET, metadata=items(2000, minimum=1)
    )
    chunking_strategy: ChunkingStrategy | JsonObject | UnsetType = UNSET
    attributes: Attributes | UnsetType | None = field(default=UNSET, metadata=attribute_pairs())

    def problem(self) -> tuple[str, str] | None:
        """Returns the field that breaks a rule about several, and the reason, or ``None``."""
        if (self.file_ids is UNSET) == (self.files is UNSET):
            return "file_ids", "give either file_ids or files"
        return None


@define(kw_only=True)
class SearchRanking(Struct):
    """The ranking of a search: the ``ranker``, and the minimum ``score_threshold``, 0 to 1."""

    ranker: Literal["none", "auto", "default-2024-11-15"] | None = field(
        default=None, metadata=OMIT_IF_NONE
    )
    score_threshold: float | None = field(default=None, metadata=OMIT_IF_NONE | between(0, 1))


@frozen
class SearchRequest(Request):
    """The body of ``vector_stores.search``.

    Attributes:
        query: The text to search for; several texts are searched for together.
        rewrite_query: True lets the server reword the query for the search.
        max_num_results: 1 to 50; the server's default is 10.
        ranking_options: The ranking, and the minimum score.
        filters: Conditions on the files' attributes, as the protocol's JSON.
    """

    query: str | Sequence[str] = field(metadata=items(minimum=1))
    rewrite_query: bool | UnsetType = field(default=UNSET, kw_only=True)
    max_num_results: int | UnsetType = field(default=UNSET, kw_only=True, metadata=between(1, 50))
    ranking_options: SearchRanking | JsonObject | UnsetType = field(default=UNSET, kw_only=True)
    filters: JsonObject | UnsetType = field(default=UNSET, kw_only=True)


@define(kw_only=True)
class FileCounts(Struct):
    """The number of files in each state.

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
    """``in_progress`` while files are processed, ``completed``, or ``expired``."""
    expires_after: StoreExpiry | None = None
    expires_at: int | None = None
    last_active_at: int | None = None
    metadata: dict[str, str] = field(factory=dict)

    @property
    def is_processed(self) -> bool:
        """True once no file is left to process; always true of an expired store."""
        is_reading = self.status == "in_progress" or self.file_counts.in_progress > 0
        return self.status == "expired" or not is_reading


@define(kw_only=True)
class VectorStoreFile(Struct):
    """A file in a store; ``id`` is the file's own. Times are Unix seconds.

    ``usage_bytes`` is its size in the store; searches filter by ``attributes``.
    """

    id: str
    object: str = "vector_store.file"
    usage_bytes: int = 0
    created_at: int = 0
    vector_store_id: str = ""
    status: str = ""
    """``in_progress``, ``completed``, ``failed`` or ``cancelled``."""
    last_error: LastError | None = field(default=None, metadata=EMPTY_AS_NULL)
    chunking_strategy: ChunkingStrategy | None = field(default=None, metadata=OMIT_IF_NONE)
    attributes: dict[str, Any] = field(factory=dict)

    @property
    def is_processed(self) -> bool:
        """True once the server has processed it, whether it succeeded or not."""
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
        """True once the server has processed all of its files, whether it succeeded or not."""
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
    """The results of a search, best first; iterating it yields its ``data``.

    ``search_query`` is the query, perhaps rewritten. Where ``has_more`` is true, the next page
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
    """The text of a file in a store.

    Where ``has_more`` is true, the next page begins at ``next_page``, for which the protocol has no
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
