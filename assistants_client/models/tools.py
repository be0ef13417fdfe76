"""Tools, the resources available to them, and the options of their use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from attrs import define, field

from assistants_client.models._base import NULL_OK, OMIT_IF_NONE, JsonObject, Struct, Unknown
from assistants_client.models._limits import between, identifier, items, metadata_pairs
from assistants_client.models.chunking import ChunkingStrategy


@define(kw_only=True)
class CodeInterpreterTool(Struct):
    """Lets the model write and run Python."""

    type: Literal["code_interpreter"] = "code_interpreter"


@define(kw_only=True)
class RankingOptions(Struct):
    """The ranking of file search, and the minimum score of a result.

    ``ranker`` is the ranking method; ``score_threshold`` is 0 to 1, and required when sent.
    """

    #: In responses, and in requests that send the tools of a response again; never has a value.
    ONLY_NULL: ClassVar[frozenset[str]] = frozenset({"hybrid_search"})

    ranker: Literal["auto", "default_2024_08_21"] | None = field(
        default=None, metadata=OMIT_IF_NONE
    )
    score_threshold: float | None = field(default=None, metadata=OMIT_IF_NONE | between(0, 1))

    def problem(self) -> tuple[str, str] | None:
        """Returns the field that breaks a rule about several, and the reason, or ``None``."""
        return ("score_threshold", "needed") if self.score_threshold is None else None


@define(kw_only=True)
class FileSearchOptions(Struct):
    """Overrides of file search; ``max_num_results`` is 1 to 50."""

    max_num_results: int | None = field(default=None, metadata=OMIT_IF_NONE | between(1, 50))
    ranking_options: RankingOptions | None = field(default=None, metadata=OMIT_IF_NONE)


@define(kw_only=True)
class FileSearchTool(Struct):
    """Lets the model search the attached vector stores."""

    type: Literal["file_search"] = "file_search"
    file_search: FileSearchOptions | None = field(default=None, metadata=OMIT_IF_NONE)


@define(kw_only=True)
class FunctionDefinition(Struct):
    """A function of the caller's: its name, and its arguments as a JSON Schema object.

    A function without ``parameters`` has none. With ``strict`` the model follows the schema
    exactly; servers then support less of JSON Schema.
    """

    name: str = field(metadata=identifier())
    description: str | None = field(default=None, metadata=OMIT_IF_NONE)
    parameters: dict[str, Any] | None = field(default=None, metadata=OMIT_IF_NONE)
    strict: bool | None = field(default=None, metadata=OMIT_IF_NONE | NULL_OK)


@define(kw_only=True)
class FunctionTool(Struct):
    """Lets the model ask the caller to run a function."""

    function: FunctionDefinition
    type: Literal["function"] = "function"


@define(kw_only=True)
class UnknownTool(Unknown):
    """A tool of another service, kept as it was received."""


Tool: TypeAlias = CodeInterpreterTool | FileSearchTool | FunctionTool | UnknownTool
#: A tool, or its JSON form.
ToolInput: TypeAlias = Tool | JsonObject
if TYPE_CHECKING:
    #: The same, or a function; it has become a tool before anything is sent.
    ToolOrFunction: TypeAlias = ToolInput | Callable[..., object]
else:
    ToolOrFunction = ToolInput


def merged_tools(own: Sequence[ToolInput], given: Sequence[ToolInput]) -> list[ToolInput] | None:
    """Returns an assistant's own tools and the given ones; ``None`` if it has all of these.

    None is there twice: a function is known by its name, and code interpreter and file search by
    their types. Where the assistant's own says something else, the given one takes its place.
    """
    merged = list(own)
    places = {_identity(tool): place for place, tool in enumerate(own)}
    is_changed = False
    for tool in given:
        place = places.get(_identity(tool))
        if place is None:
            merged.append(tool)
        elif _is_changed(tool, own[place]):
            merged[place] = tool
        else:
            continue
        is_changed = True
    return merged if is_changed else None


def _content(tool: ToolInput) -> tuple[str, Any]:
    """Returns the type of a tool, and what stands under its name: a definition, or options."""
    if isinstance(tool, UnknownTool):
        tool = tool.raw
    if isinstance(tool, Mapping):
        kind = str(tool.get("type", ""))
        return kind, tool.get(kind)
    return tool.type, getattr(tool, tool.type, None)


def _identity(tool: ToolInput) -> tuple[str, str]:
    kind, content = _content(tool)
    if kind == "function":
        return kind, str(_definition(content)["name"])
    return kind, "" if kind in {"code_interpreter", "file_search"} else repr(content)


def _is_changed(tool: ToolInput, own: ToolInput) -> bool:
    kind, content = _content(tool)
    if kind == "function":
        return _definition(content) != _definition(_content(own)[1])
    return bool(content) and content != _content(own)[1]


def _definition(function: Any) -> dict[str, Any]:
    """Returns what a function is sent as; servers fill in what was left out."""
    get = function.get if isinstance(function, Mapping) else partial(getattr, function)
    names = ("name", "description", "parameters", "strict")
    return {name: get(name, None) or None for name in names}


@define(kw_only=True)
class CodeInterpreterResources(Struct):
    """Files the code interpreter may read: ``file_ids``, at most 20."""

    file_ids: list[str] | None = field(default=None, metadata=OMIT_IF_NONE | items(20))


@define(kw_only=True)
class NewVectorStore(Struct):
    """A vector store of the files ``file_ids``, created with an assistant or a thread."""

    file_ids: list[str] | None = field(default=None, metadata=OMIT_IF_NONE | items(100_000_000))
    chunking_strategy: ChunkingStrategy | JsonObject | None = field(
        default=None, metadata=OMIT_IF_NONE
    )
    metadata: dict[str, str] | None = field(default=None, metadata=OMIT_IF_NONE | metadata_pairs())


@define(kw_only=True)
class FileSearchResources(Struct):
    """The vector store to search, at most one.

    Its id is in ``vector_store_ids`` or, on create only, a new one in ``vector_stores``.
    """

    vector_store_ids: list[str] | None = field(default=None, metadata=OMIT_IF_NONE | items(1))
    vector_stores: list[NewVectorStore] | None = field(
        default=None, metadata=OMIT_IF_NONE | items(1)
    )

    def problem(self) -> tuple[str, str] | None:
        """Returns the field that breaks a rule about several, and the reason, or ``None``."""
        if self.vector_store_ids is not None and self.vector_stores is not None:
            return "vector_stores", "give either vector_store_ids or vector_stores"
        return None


@define(kw_only=True)
class ToolResources(Struct):
    """The resources available to the tools."""

    code_interpreter: CodeInterpreterResources | None = field(default=None, metadata=OMIT_IF_NONE)
    file_search: FileSearchResources | None = field(default=None, metadata=OMIT_IF_NONE)


@define(kw_only=True)
class NamedFunction(Struct):
    """A function, by name."""

    name: str = field(metadata=identifier())


@define(kw_only=True)
class NamedToolChoice(Struct):
    """The one tool the model must use; ``function`` names it when ``type`` is ``"function"``."""

    type: Literal["function", "code_interpreter", "file_search"]
    function: NamedFunction | None = field(default=None, metadata=OMIT_IF_NONE)

    def problem(self) -> tuple[str, str] | None:
        """Returns the field that breaks a rule about several, and the reason, or ``None``."""
        if self.type == "function" and self.function is None:
            return "function", "needed when type is 'function'"
        return None


ToolChoice: TypeAlias = Literal["none", "auto", "required"] | NamedToolChoice


@define(kw_only=True)
class JsonSchema(Struct):
    """The schema that an answer must follow; ``strict`` as in :class:`FunctionDefinition`."""

    name: str = field(metadata=identifier())
    description: str | None = field(default=None, metadata=OMIT_IF_NONE)
    schema: dict[str, Any] | None = field(default=None, metadata=OMIT_IF_NONE)
    """JSON Schema, an object."""
    strict: bool | None = field(default=None, metadata=OMIT_IF_NONE | NULL_OK)


@define(kw_only=True)
class ResponseFormat(Struct):
    """The format of the answer; ``json_schema`` belongs to the type of that name."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = field(default=None, metadata=OMIT_IF_NONE)

    def problem(self) -> tuple[str, str] | None:
        """Returns the field that breaks a rule about several, and the reason, or ``None``."""
        if self.type == "json_schema" and self.json_schema is None:
            return "json_schema", "needed when type is 'json_schema'"
        return None


ResponseFormatOption: TypeAlias = Literal["auto"] | ResponseFormat


@define(kw_only=True)
class TruncationStrategy(Struct):
    """The part of the thread sent to the model: ``auto``, or the ``last_messages`` of it."""

    type: Literal["auto", "last_messages"]
    last_messages: int | None = field(default=None, metadata=between(1))


ReasoningEffort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
