"""What run steps over REST were recorded to be like."""

from __future__ import annotations

from typing import Final

from deviation_reasons import (
    STEP_KEYS,
)
from fact_matching import ABSENT, INT, NUMBER, OBJECT, TEXT, HasKeys, NoOtherKeys, id_of, keys
from facts_assistants_and_threads import FILE_ID, PAGE
from facts_messages import EMPTY_PAGE
from facts_runs import TOKENS
from recorded_rows import Row

STEP: Final = keys(
    "id object created_at run_id assistant_id thread_id type status cancelled_at completed_at "
    "expires_at failed_at last_error step_details usage"
)
CREATION: Final = {
    "type": "message_creation",
    "message_creation": {"message_id": id_of("msg_")},
}
#: A search's options as its step tells them.
STEP_RANKING: Final = {"ranker": "default_2024_08_21", "score_threshold": 0.0}


def code_call(*outputs: object) -> dict[str, object]:
    """The details of a step with one call of the code interpreter."""
    call = {
        "id": TEXT,
        "type": "code_interpreter",
        "code_interpreter": {"input": TEXT, "outputs": list(outputs)},
    }
    return {"type": "tool_calls", "tool_calls": [call]}


LOGS: Final = {"type": "logs", "logs": TEXT}
IMAGE: Final = {"type": "image", "image": {"file_id": FILE_ID}}
RESULT: Final = {"file_id": FILE_ID, "file_name": TEXT, "score": NUMBER, "attributes": {}}

ROWS = [
    Row("step of a message, completed", "", HasKeys(STEP)),
    Row("step of a message, completed", "", NoOtherKeys(STEP), STEP_KEYS),
    Row("step of a message, completed", "id", id_of("step_")),
    Row("step of a message, completed", "object", "thread.run.step"),
    Row("step of a message, completed", "created_at", INT),
    Row("step of a message, completed", "run_id", id_of("run_")),
    Row("step of a message, completed", "assistant_id", id_of("asst_")),
    Row("step of a message, completed", "thread_id", id_of("thread_")),
    Row("step of a message, completed", "type", "message_creation"),
    Row("step of a message, completed", "status", "completed"),
    Row("step of a message, completed", "cancelled_at", None),
    Row("step of a message, completed", "completed_at", INT),
    Row("step of a message, completed", "expires_at", None),
    Row("step of a message, completed", "failed_at", None),
    Row("step of a message, completed", "last_error", None),
    Row("step of a message, completed", "usage", TOKENS),
    Row("step of a message, completed", "expired_at", ABSENT, STEP_KEYS),
    Row("step of a message, completed", "metadata", ABSENT, STEP_KEYS),
    Row("step of a message, completed", "step_details", CREATION),
    Row("step of a message, in_progress", "", HasKeys(STEP)),
    Row("step of a message, in_progress", "", NoOtherKeys(STEP), STEP_KEYS),
    Row("step of a message, in_progress", "type", "message_creation"),
    Row("step of a message, in_progress", "status", "in_progress"),
    Row("step of a message, in_progress", "cancelled_at", None),
    Row("step of a message, in_progress", "completed_at", None),
    Row("step of a message, in_progress", "expires_at", INT),
    Row("step of a message, in_progress", "failed_at", None),
    Row("step of a message, in_progress", "last_error", None),
    Row("step of a message, in_progress", "usage", None),
    Row("step of a message, in_progress", "step_details", CREATION),
    Row("step of a message, retrieved", "", HasKeys(STEP)),
    Row("step of a message, retrieved", "step_details", CREATION),
    Row(
        "step of a message, no details told",
        "usage/prompt_token_details",
        {"cached_tokens": INT},
    ),
    Row(
        "step of a message, no details told",
        "usage/completion_tokens_details",
        {"reasoning_tokens": INT},
    ),
    Row("step of a message, no token told", "usage", OBJECT),
    Row("step of a function, waiting", "type", "tool_calls"),
    Row("step of a function, waiting", "status", "in_progress"),
    Row("step of a function, waiting", "completed_at", None),
    Row("step of a function, waiting", "expires_at", INT),
    Row("step of a function, waiting", "usage", None),
    Row("step of code, no output", "", HasKeys(STEP)),
    Row("step of code, no output", "", NoOtherKeys(STEP), STEP_KEYS),
    Row("step of code, no output", "type", "tool_calls"),
    Row("step of code, no output", "status", "completed"),
    Row("step of code, no output", "cancelled_at", None),
    Row("step of code, no output", "completed_at", INT),
    Row("step of code, no output", "expires_at", None),
    Row("step of code, no output", "failed_at", None),
    Row("step of code, no output", "last_error", None),
    Row("step of code, no output", "usage", TOKENS),
    Row("step of code, no output", "step_details", code_call()),
    Row("step of code, logs", "step_details", code_call(LOGS)),
    Row("step of code, an image", "step_details", code_call(IMAGE)),
    Row("step of code, a last expression", "step_details", code_call()),
    Row("step of file_search", "", HasKeys(STEP)),
    Row("step of file_search", "", NoOtherKeys(STEP), STEP_KEYS),
    Row("step of file_search", "type", "tool_calls"),
    Row("step of file_search", "status", "completed"),
    Row("step of file_search", "cancelled_at", None),
    Row("step of file_search", "completed_at", INT),
    Row("step of file_search", "expires_at", None),
    Row("step of file_search", "failed_at", None),
    Row("step of file_search", "last_error", None),
    Row("step of file_search", "usage", TOKENS),
    Row(
        "step of file_search", "step_details/tool_calls/0/file_search/ranking_options", STEP_RANKING
    ),
    Row(
        "step of file_search",
        "step_details/tool_calls/0/file_search/results",
        [RESULT],
    ),
    Row("step of file_search, with content", "step_details/tool_calls/0/type", "file_search"),
    Row(
        "step of file_search, with content",
        "step_details/tool_calls/0/file_search/results/0/content",
        [{"type": "text", "text": TEXT}],
    ),
    Row(
        "step of file_search, with content",
        "step_details/tool_calls/0/file_search/results/0/attributes",
        {},
    ),
    Row(
        "step of file_search, with content",
        "step_details/tool_calls/0/file_search/results/0/score",
        NUMBER,
    ),
    Row(
        "step of file_search, with content",
        "step_details/tool_calls/0/file_search/results/0/file_name",
        TEXT,
    ),
    Row(
        "step of file_search, set up",
        "step_details/tool_calls/0/file_search/ranking_options",
        {**STEP_RANKING, "score_threshold": 0.5},
    ),
    Row("steps, listed", "whole", HasKeys(PAGE)),
    Row("steps, listed", "whole", NoOtherKeys(PAGE)),
    Row("steps, listed", "whole/has_more", False),
    Row("steps, listed", "first page/has_more", True),
    Row("steps, listed", "after its last", EMPTY_PAGE),
    Row("steps, listed", "ascending in order of making", True),
    Row("steps, listed", "descending the other way round", True),
    Row("steps, listed", "descending where nothing is said", True),
    Row("steps, listed", "after the middle", True),
    Row("steps, listed", "after the middle, descending", True),
    Row("steps, listed", "before the middle", True),
    Row("steps, listed", "before the middle, descending", True),
    Row("steps, listed", "first_id is its first", True),
    Row("steps, listed", "last_id is its last", True),
]
