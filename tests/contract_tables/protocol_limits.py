"""The documented limits of what is sent. Written by hand.

Each row holds a request class, the field that breaks a limit (as an error names it), what the
error says, the JSON just inside the limit and the JSON just beyond it.
"""

from typing import Any

import assistants_client as ac

_ID = {"assistant_id": "a"}
_MODEL = {"model": "m"}


def _tool(**options: Any) -> dict[str, Any]:
    return {"type": "file_search", "file_search": options}


def _function(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def _schema(name: str) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": name}}


def _sizes(size: int, overlap: int) -> dict[str, Any]:
    static = {"max_chunk_size_tokens": size, "chunk_overlap_tokens": overlap}
    return {"type": "static", "static": static}


def _new_store(**store: Any) -> dict[str, Any]:
    return {"file_search": {"vector_stores": [store]}}


def _pairs(count: int, key: int = 3) -> dict[str, Any]:
    return {str(n).rjust(key, "k"): "v" for n in range(count)}


_CODE = {"type": "code_interpreter"}
_LONG = "is above the maximum of"
_SHORT = "is below the minimum of"
_MOST = "at most {} are allowed"

#: (class, what is always given, field, words of the error, within, beyond)
_ROWS: list[tuple[Any, ...]] = []


def _row(*row: Any) -> None:
    _ROWS.append(row)


_with_metadata = [
    (ac.AssistantRequest, _MODEL),
    (ac.AssistantUpdate, {}),
    (ac.ThreadRequest, {}),
    (ac.ThreadUpdate, {}),
    (ac.MessageRequest, {"content": "hi", "role": "user"}),
    (ac.MessageUpdate, {}),
    (ac.RunRequest, _ID),
    (ac.RunUpdate, {}),
    (ac.ThreadRunRequest, _ID),
    (ac.VectorStoreRequest, {}),
    (ac.VectorStoreUpdate, {}),
]
for _cls, _given in _with_metadata:
    _row(_cls, _given, "metadata", _MOST.format(16), _pairs(16), _pairs(17))
    _row(_cls, _given, "metadata", _MOST.format(64), _pairs(1, key=64), _pairs(1, key=65))
    _row(_cls, _given, "metadata.a", _MOST.format(512), {"a": "v" * 512}, {"a": "v" * 513})
    _row(_cls, _given, "metadata.a", "expected a string", {"a": "5"}, {"a": 5})

_with_attributes = [
    (ac.VectorStoreFileRequest, {"file_id": "f"}),
    (ac.VectorStoreFileUpdate, {}),
    (ac.VectorStoreFileBatchRequest, {"file_ids": ["f"]}),
]
for _cls, _given in _with_attributes:
    _row(_cls, _given, "attributes", _MOST.format(16), _pairs(16), _pairs(17))
    _row(_cls, _given, "attributes", _MOST.format(64), _pairs(1, key=64), _pairs(1, key=65))
    _row(_cls, _given, "attributes.a", _MOST.format(512), {"a": "v" * 512}, {"a": "v" * 513})
    _row(_cls, _given, "attributes.a", "expected a string", {"a": 1.5, "b": True}, {"a": [1]})

for _cls, _given in [(ac.AssistantRequest, _MODEL), (ac.AssistantUpdate, {})]:
    _row(_cls, _given, "name", _MOST.format(256), "n" * 256, "n" * 257)
    _row(_cls, _given, "description", _MOST.format(512), "d" * 512, "d" * 513)
    _row(_cls, _given, "instructions", _MOST.format(256_000), "i" * 256_000, "i" * 256_001)
    _row(_cls, _given, "tools", _MOST.format(128), [_CODE] * 128, [_CODE] * 129)

for _cls, _given in [(ac.RunRequest, _ID), (ac.ThreadRunRequest, _ID)]:
    _row(_cls, _given, "tools", _MOST.format(20), [_CODE] * 20, [_CODE] * 21)
    _row(_cls, _given, "max_prompt_tokens", f"{_SHORT} 1", 1, 0)
    _row(_cls, _given, "max_completion_tokens", f"{_SHORT} 1", 1, 0)
    _row(
        _cls,
        _given,
        "truncation_strategy.last_messages",
        f"{_SHORT} 1",
        {"type": "last_messages", "last_messages": 1},
        {"type": "last_messages", "last_messages": 0},
    )
    _row(
        _cls,
        _given,
        "tool_choice.function",
        "needed when type is 'function'",
        _function("f"),
        {"type": "function"},
    )
    _row(_cls, _given, "tool_choice.function.name", "1 to 64", _function("f"), _function("f" * 65))

_with_options = [
    (ac.AssistantRequest, _MODEL),
    (ac.AssistantUpdate, {}),
    (ac.RunRequest, _ID),
    (ac.ThreadRunRequest, _ID),
]
for _cls, _given in _with_options:
    _row(_cls, _given, "temperature", f"{_LONG} 2", 2, 2.01)
    _row(_cls, _given, "temperature", f"{_SHORT} 0", 0, -0.01)
    _row(_cls, _given, "top_p", f"{_LONG} 1", 1, 1.01)
    _row(_cls, _given, "top_p", f"{_SHORT} 0", 0, -0.01)
    for _good, _bad in [(1, 0), (50, 51)]:
        _row(
            _cls,
            _given,
            "tools[0].file_search.max_num_results",
            "imum of",
            [_tool(max_num_results=_good)],
            [_tool(max_num_results=_bad)],
        )
    for _good, _bad in [(0, -0.1), (1, 1.1)]:
        _row(
            _cls,
            _given,
            "tools[0].file_search.ranking_options.score_threshold",
            "imum of",
            [_tool(ranking_options={"score_threshold": _good})],
            [_tool(ranking_options={"score_threshold": _bad})],
        )
    _row(
        _cls,
        _given,
        "tools[0].file_search.ranking_options.score_threshold",
        "needed",
        [_tool(ranking_options={"score_threshold": 0.5, "ranker": "auto"})],
        [_tool(ranking_options={"ranker": "auto"})],
    )
    for _bad_name in ["", "a b", "ü", "f" * 65]:
        _row(
            _cls,
            _given,
            "tools[0].function.name",
            "1 to 64 letters",
            [_function("aZ_-09")],
            [_function(_bad_name)],
        )
        _row(
            _cls,
            _given,
            "response_format.json_schema.name",
            "1 to 64 letters",
            _schema("n" * 64),
            _schema(_bad_name),
        )
    _row(
        _cls,
        _given,
        "response_format.json_schema",
        "needed when type is 'json_schema'",
        _schema("n"),
        {"type": "json_schema"},
    )

_with_resources = [
    (ac.AssistantRequest, _MODEL),
    (ac.AssistantUpdate, {}),
    (ac.ThreadRequest, {}),
    (ac.ThreadUpdate, {}),
    (ac.ThreadRunRequest, _ID),
]
for _cls, _given in _with_resources:
    _row(
        _cls,
        _given,
        "tool_resources.code_interpreter.file_ids",
        _MOST.format(20),
        {"code_interpreter": {"file_ids": ["f"] * 20}},
        {"code_interpreter": {"file_ids": ["f"] * 21}},
    )
    _row(
        _cls,
        _given,
        "tool_resources.file_search.vector_store_ids",
        _MOST.format(1),
        {"file_search": {"vector_store_ids": ["v"]}},
        {"file_search": {"vector_store_ids": ["v", "w"]}},
    )

for _cls, _given in [(ac.AssistantRequest, _MODEL), (ac.ThreadRequest, {})]:
    _stores = "tool_resources.file_search.vector_stores"
    _row(
        _cls,
        _given,
        _stores,
        _MOST.format(1),
        _new_store(file_ids=["f"]),
        {"file_search": {"vector_stores": [{}, {}]}},
    )
    _row(
        _cls,
        _given,
        _stores,
        "either vector_store_ids or vector_stores",
        _new_store(),
        {"file_search": {"vector_stores": [{}], "vector_store_ids": ["v"]}},
    )
    _row(
        _cls,
        _given,
        f"{_stores}[0].metadata",
        _MOST.format(16),
        _new_store(metadata=_pairs(16)),
        _new_store(metadata=_pairs(17)),
    )
    _row(
        _cls,
        _given,
        f"{_stores}[0].chunking_strategy.static.max_chunk_size_tokens",
        f"{_SHORT} 100",
        _new_store(chunking_strategy=_sizes(100, 50)),
        _new_store(chunking_strategy=_sizes(99, 10)),
    )

_with_chunking = [
    (ac.VectorStoreRequest, {}),
    (ac.VectorStoreFileRequest, {"file_id": "f"}),
    (ac.VectorStoreFileBatchRequest, {"file_ids": ["f"]}),
]
for _cls, _given in _with_chunking:
    _static = "chunking_strategy.static"
    for _words, _good, _bad in [
        (f"{_SHORT} 100", _sizes(100, 50), _sizes(99, 0)),
        (f"{_LONG} 4096", _sizes(4096, 2048), _sizes(4097, 0)),
    ]:
        _row(_cls, _given, f"{_static}.max_chunk_size_tokens", _words, _good, _bad)
    for _words, _good, _bad in [
        ("more than half", _sizes(800, 400), _sizes(800, 401)),
        (f"{_SHORT} 0", _sizes(800, 0), _sizes(800, -1)),
    ]:
        _row(_cls, _given, f"{_static}.chunk_overlap_tokens", _words, _good, _bad)

for _cls in [ac.VectorStoreRequest, ac.VectorStoreUpdate]:
    for _good_days, _bad_days in [(1, 0), (365, 366)]:
        _row(
            _cls,
            {},
            "expires_after.days",
            "imum of",
            {"anchor": "last_active_at", "days": _good_days},
            {"anchor": "last_active_at", "days": _bad_days},
        )

_created = {"anchor": "created_at"}
_row(ac.FileExpiry, _created, "seconds", f"{_SHORT} 3600", 3600, 3599)
_row(ac.FileExpiry, _created, "seconds", f"{_LONG} 2592000", 2_592_000, 2_592_001)
_row(ac.VectorStoreRequest, {}, "file_ids", _MOST.format(500), ["f"] * 500, ["f"] * 501)
_batch = ac.VectorStoreFileBatchRequest
_row(_batch, {}, "file_ids", _MOST.format(2000), ["f"] * 2000, ["f"] * 2001)
_row(_batch, {}, "file_ids", "at least 1 needed", ["f"], [])
_files = [{"file_id": "f"}]
_row(_batch, {}, "files", _MOST.format(2000), _files * 2000, _files * 2001)
_row(_batch, {}, "files", "at least 1 needed", _files, [])
_query = {"query": "q"}
_row(ac.SearchRequest, _query, "max_num_results", f"{_SHORT} 1", 1, 0)
_row(ac.SearchRequest, _query, "max_num_results", f"{_LONG} 50", 50, 51)
for _good_score, _bad_score in [(0, -0.1), (1, 1.1)]:
    _row(
        ac.SearchRequest,
        _query,
        "ranking_options.score_threshold",
        "imum of",
        {"score_threshold": _good_score},
        {"score_threshold": _bad_score},
    )
_row(
    ac.MessageRequest,
    {"role": "user"},
    "content",
    "at least 1 needed",
    [{"type": "text", "text": "hi"}],
    [],
)
_row(
    ac.SubmitToolOutputsRequest,
    {},
    "tool_outputs[0].tool_call_id",
    "Missing",
    [{"tool_call_id": "c"}],
    [{"output": "o"}],
)

_row(ac.SearchRequest, {}, "query", "at least 1 needed", ["q"], [])

LIMITS = _ROWS

#: The numbers that the specification gives, by field and by its own keyword. Of the two 256 the
#: service took less, so the rows above have another limit.
NUMBERS: dict[str, set[tuple[str, float]]] = {
    "attributes": {("maxProperties", 16), ("maxLength", 512)},
    "content": {("minItems", 1)},
    "days": {("minimum", 1), ("maximum", 365)},
    "description": {("maxLength", 512)},
    "file_ids": {
        ("minItems", 1),
        ("maxItems", 20),
        ("maxItems", 500),
        ("maxItems", 2000),
        ("maxItems", 100_000_000),
    },
    "files": {("minItems", 1), ("maxItems", 2000)},
    "instructions": {("maxLength", 256_000)},
    "last_messages": {("minimum", 1)},
    "max_chunk_size_tokens": {("minimum", 100), ("maximum", 4096)},
    "max_completion_tokens": {("minimum", 256)},
    "max_num_results": {("minimum", 1), ("maximum", 50)},
    "max_prompt_tokens": {("minimum", 256)},
    "name": {("maxLength", 256)},
    "query": {("minItems", 1)},
    "score_threshold": {("minimum", 0), ("maximum", 1)},
    "seconds": {("minimum", 3600), ("maximum", 2_592_000)},
    "temperature": {("minimum", 0), ("maximum", 2)},
    "tools": {("maxItems", 20), ("maxItems", 128)},
    "top_p": {("minimum", 0), ("maximum", 1)},
    "vector_store_ids": {("maxItems", 1)},
    "vector_stores": {("maxItems", 1)},
}

#: Limits of a request inside another one are the inner request's own.
WITHIN_OTHERS = [
    (ac.ThreadRequest, {}, "messages[1].metadata.k", "messages"),
    (ac.RunRequest, _ID, "additional_messages[1].metadata.k", "additional_messages"),
    (ac.ThreadRunRequest, _ID, "thread.messages[1].metadata.k", "thread"),
]
