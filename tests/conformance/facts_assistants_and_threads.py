"""What assistants and threads were recorded to be like."""

from __future__ import annotations

from typing import Final

from fact_matching import (
    FLOAT,
    INT,
    TEXT,
    HasKeys,
    NoOtherKeys,
    hex_id_of,
    id_of,
    keys,
    one_of,
)
from recorded_rows import Row

ASSISTANT: Final = keys(
    "id object created_at name description model instructions tools top_p temperature "
    "reasoning_effort tool_resources metadata response_format"
)
THREAD: Final = keys("id object created_at metadata tool_resources")
DELETED: Final = keys("id object deleted")
PAGE: Final = keys("object data first_id last_id has_more")
FILE_ID: Final = one_of(id_of("file-", 22), id_of("file-", 24))
STORE_ID: Final = one_of(id_of("vs_"), hex_id_of("vs_"))
NO_FILES: Final = {"code_interpreter": {"file_ids": []}}
A_STORE: Final = {"vector_store_ids": [STORE_ID]}
#: What a search's options are answered with where none were given.
RANKING: Final = {
    "ranker": "default_2024_08_21",
    "score_threshold": 0.0,
    "hybrid_search": None,
}

ROWS = [
    Row("assistant, bare", "", HasKeys(ASSISTANT)),
    Row("assistant, bare", "", NoOtherKeys(ASSISTANT)),
    Row("assistant, bare", "id", id_of("asst_")),
    Row("assistant, bare", "object", "assistant"),
    Row("assistant, bare", "created_at", INT),
    Row("assistant, bare", "name", None),
    Row("assistant, bare", "description", None),
    Row("assistant, bare", "model", TEXT),
    Row("assistant, bare", "instructions", None),
    Row("assistant, bare", "tools", []),
    Row("assistant, bare", "top_p", 1.0),
    Row("assistant, bare", "temperature", 1.0),
    Row("assistant, bare", "reasoning_effort", None),
    Row("assistant, bare", "tool_resources", {}),
    Row("assistant, bare", "metadata", {}),
    Row("assistant, bare", "response_format", "auto"),
    Row("assistant, with all", "name", "Tutor"),
    Row("assistant, with all", "description", "Teaches."),
    Row("assistant, with all", "instructions", "Be brief."),
    Row("assistant, with all", "metadata", {"a": "b"}),
    Row("assistant, retrieved", "", HasKeys(ASSISTANT)),
    Row("assistant, retrieved", "", NoOtherKeys(ASSISTANT)),
    Row("assistant, retrieved", "temperature", FLOAT),
    Row("assistant, updated", "", HasKeys(ASSISTANT)),
    Row("assistant, updated", "name", "New"),
    Row("assistant, updated", "metadata", {"a": "c"}),
    Row("assistant, deleted", "", HasKeys(DELETED)),
    Row("assistant, deleted", "", NoOtherKeys(DELETED)),
    Row("assistant, deleted", "id", id_of("asst_")),
    Row("assistant, deleted", "object", "assistant.deleted"),
    Row("assistant, deleted", "deleted", True),
    Row("assistant answering in text", "response_format", {"type": "text"}),
    Row("assistants, listed", "page", HasKeys(PAGE)),
    Row("assistants, listed", "page", NoOtherKeys(PAGE)),
    Row("assistants, listed", "page/object", "list"),
    Row("assistants, listed", "page/has_more", True),
    Row("assistants, listed", "page/first_id", id_of("asst_")),
    Row("assistants, listed", "page/last_id", id_of("asst_")),
    Row("assistants, listed", "newest first", True),
    Row("assistants, listed", "after, descending", True),
    Row("assistants, listed", "before, ascending", True),
    Row("assistants, listed", "after, ascending", True),
    # Its tools and their resources.
    Row("assistant with code_interpreter, no files", "tools", [{"type": "code_interpreter"}]),
    Row("assistant with code_interpreter, no files", "tool_resources", NO_FILES),
    Row(
        "assistant with code_interpreter, a file",
        "tool_resources",
        {"code_interpreter": {"file_ids": [FILE_ID]}},
    ),
    Row(
        "assistant with file_search",
        "tools",
        [{"type": "file_search", "file_search": {"ranking_options": RANKING}}],
    ),
    Row("assistant with file_search, set up", "tools/0/file_search/max_num_results", INT),
    Row(
        "assistant with file_search, set up",
        "tools/0/file_search/ranking_options",
        {**RANKING, "score_threshold": 0.5},
    ),
    Row("assistant with file_search, a store", "tool_resources", {"file_search": A_STORE}),
    Row(
        "assistant with file_search and code_interpreter",
        "tool_resources",
        {"file_search": A_STORE, **NO_FILES},
    ),
    Row(
        "assistant with file_search and code_interpreter",
        "tools/1",
        {"type": "code_interpreter"},
    ),
    Row("assistant with a function", "tools/0", HasKeys(keys("type function"))),
    Row("assistant with a function", "tools/0", NoOtherKeys(keys("type function"))),
    Row("assistant with a function", "tools/0/function/name", TEXT),
    Row("assistant with a function", "tools/0/function/description", TEXT),
    Row(
        "assistant with a function",
        "tools/0/function/parameters",
        {"type": "object", "properties": {"city": {"type": "string"}}},
    ),
    Row("assistant with a function", "tools/0/function/strict", False),
    Row("assistant with a function", "tool_resources", {}),
    Row(
        "assistant with a bare function",
        "tools/0/function/parameters",
        {"type": "object", "properties": {}},
    ),
    Row("assistant with a bare function", "tools/0/function/strict", False),
    Row(
        "assistant with code_interpreter and a function",
        "tools/0",
        {"type": "code_interpreter"},
    ),
    Row(
        "assistant with code_interpreter and a function",
        "tools/1/function/strict",
        False,
    ),
    Row(
        "assistant with code_interpreter and a function",
        "tool_resources",
        NO_FILES,
    ),
    # Threads.
    Row("thread, bare", "", HasKeys(THREAD)),
    Row("thread, bare", "", NoOtherKeys(THREAD)),
    Row("thread, bare", "id", id_of("thread_")),
    Row("thread, bare", "object", "thread"),
    Row("thread, bare", "created_at", INT),
    Row("thread, bare", "metadata", {}),
    Row("thread, bare", "tool_resources", {}),
    Row("thread with metadata", "metadata", {"a": "b"}),
    Row("thread with a file", "tool_resources", {"code_interpreter": {"file_ids": [FILE_ID]}}),
    Row(
        "thread with code_interpreter, no files",
        "tool_resources",
        NO_FILES,
    ),
    Row("thread with a store", "tool_resources", {"file_search": A_STORE}),
    Row("thread with a store of its own", "tool_resources", {"file_search": A_STORE}),
    Row("thread, updated", "", HasKeys(THREAD)),
    Row("thread, updated", "metadata", {"a": "b"}),
    Row("thread, deleted", "", HasKeys(DELETED)),
    Row("thread, deleted", "", NoOtherKeys(DELETED)),
    Row("thread, deleted", "id", id_of("thread_")),
    Row("thread, deleted", "object", "thread.deleted"),
    Row("thread, deleted", "deleted", True),
]
