"""What streams of runs that call tools were recorded to be like."""

from __future__ import annotations

from typing import Final

from deviation_reasons import (
    RUN_RESOURCES,
    STEP_KEYS,
)
from fact_matching import INT, NUMBER, OBJECT, TEXT, Each, Form, HasKeys, NoOtherKeys, id_of
from facts_assistants_and_threads import FILE_ID, NO_FILES, RANKING
from facts_messages import CITED
from facts_run_steps import STEP, STEP_RANKING, code_call
from facts_runs import REQUIRED, RUN, TOKENS
from facts_streams import CALLED, END, FIRST_WORD, NEXT_WORD, START, WRITTEN
from recorded_rows import Row


def call_delta(**fields: object) -> dict[str, object]:
    """A step's delta with one piece of one call."""
    call = {"index": 0, **fields}
    return {"step_details": {"type": "tool_calls", "tool_calls": [call]}}


NO_CALLS: Final = {"type": "tool_calls", "tool_calls": []}
FIRST_OF_FUNCTION: Final = call_delta(
    id=TEXT, type="function", function={"name": TEXT, "arguments": "", "output": None}
)
NEXT_OF_FUNCTION: Final = call_delta(type="function", function={"arguments": TEXT})
FIRST_OF_CODE: Final = call_delta(
    id=TEXT, type="code_interpreter", code_interpreter={"input": "", "outputs": []}
)
NEXT_OF_CODE: Final = call_delta(type="code_interpreter", code_interpreter={"input": TEXT})
LOGS: Final = {"index": 0, "type": "logs", "logs": TEXT}
IMAGE: Final = {"index": 0, "type": "image", "image": {"file_id": FILE_ID}}


def output_delta(output: object) -> dict[str, object]:
    """The delta that brings an output of code."""
    return call_delta(type="code_interpreter", code_interpreter={"outputs": [output]})


ROWS = [
    Row(
        "stream of functions, first leg",
        "order",
        ["thread.created", *START, *CALLED, "thread.run.requires_action", "done"],
    ),
    Row("stream of functions, first leg", "deltas/step/0", FIRST_OF_FUNCTION),
    Row("stream of functions, first leg", "deltas/later step", Each(NEXT_OF_FUNCTION)),
    Row(
        "stream of functions, first leg",
        "delta event",
        {"id": id_of("step_"), "object": "thread.run.step.delta", "delta": OBJECT},
    ),
    Row("stream of functions, first leg", "last/thread.run.requires_action", HasKeys(RUN)),
    Row("stream of functions, first leg", "last/thread.run.requires_action", NoOtherKeys(RUN)),
    Row(
        "stream of functions, first leg",
        "last/thread.run.requires_action/status",
        "requires_action",
    ),
    Row("stream of functions, first leg", "last/thread.run.requires_action/started_at", INT),
    Row("stream of functions, first leg", "last/thread.run.requires_action/expires_at", INT),
    Row("stream of functions, first leg", "last/thread.run.requires_action/completed_at", None),
    Row(
        "stream of functions, first leg",
        "last/thread.run.requires_action/required_action",
        REQUIRED,
    ),
    Row("stream of functions, first leg", "last/thread.run.requires_action/last_error", None),
    Row("stream of functions, first leg", "last/thread.run.requires_action/usage", None),
    Row(
        "stream of functions, first leg",
        "last/thread.run.requires_action/tool_resources",
        NO_FILES,
        RUN_RESOURCES,
    ),
    Row(
        "stream of functions, first leg",
        "last/thread.run.requires_action/tools/0/function/strict",
        False,
    ),
    Row("stream of functions, first leg", "last/thread.run.step.created/step_details", NO_CALLS),
    Row("stream of functions, first leg", "last/thread.run.step.created/type", "tool_calls"),
    Row(
        "stream of functions, first leg", "last/thread.run.step.in_progress/step_details", NO_CALLS
    ),
    Row(
        "stream of functions, second leg",
        "order",
        [
            "thread.run.step.completed",
            "thread.run.queued",
            "thread.run.in_progress",
            *WRITTEN,
            *END,
        ],
    ),
    Row("stream of functions, second leg", "queued with the old started_at", True),
    Row("stream of functions, second leg", "in_progress with a new started_at", True),
    Row("stream of functions, second leg", "expires_at unchanged", True),
    Row(
        "stream of functions, second leg",
        "first/thread.run.step.completed",
        HasKeys(STEP),
    ),
    Row(
        "stream of functions, second leg",
        "first/thread.run.step.completed",
        NoOtherKeys(STEP),
        STEP_KEYS,
    ),
    Row("stream of functions, second leg", "first/thread.run.step.completed/status", "completed"),
    Row("stream of functions, second leg", "first/thread.run.step.completed/completed_at", INT),
    Row(
        "stream of functions, second leg",
        "first/thread.run.step.completed/expires_at",
        INT,
    ),
    Row("stream of functions, second leg", "first/thread.run.step.completed/usage", TOKENS),
    Row(
        "stream of functions, second leg",
        "first/thread.run.step.completed/step_details/tool_calls",
        [
            {
                "id": TEXT,
                "type": "function",
                "function": {"name": TEXT, "arguments": TEXT, "output": TEXT},
            }
        ],
    ),
    Row("stream of functions, second leg", "first/thread.run.queued/required_action", None),
    Row("stream of functions, second leg", "first/thread.run.queued/usage", None),
    Row("stream of functions, second leg", "first/thread.run.in_progress/required_action", None),
    Row("stream of functions, second leg", "first/thread.run.in_progress/usage", None),
    Row("stream of functions, second leg", "last/thread.run.completed/usage", TOKENS),
    Row("stream of functions, second leg", "deltas/message/0", FIRST_WORD),
    Row("stream of functions, second leg", "deltas/later message", Each(NEXT_WORD)),
    Row("stream of code", "order", [*START, *CALLED, "thread.run.step.completed", *WRITTEN, *END]),
    Row("stream of code", "deltas/step/0", FIRST_OF_CODE),
    Row("stream of code", "deltas/step/1", NEXT_OF_CODE),
    Row("stream of code", "deltas/step/-1", output_delta(LOGS)),
    Row("stream of code", "first/thread.run.step.created/step_details", NO_CALLS),
    Row("stream of code", "first/thread.run.step.in_progress/step_details", NO_CALLS),
    Row("stream of code", "first/thread.run.step.completed/type", "tool_calls"),
    Row("stream of code", "first/thread.run.step.completed/usage", TOKENS),
    Row("stream of code", "first/thread.run.step.completed/completed_at", INT),
    Row("stream of code", "first/thread.run.step.completed/expires_at", INT),
    Row("stream of code", "last/thread.run.completed/tools", [{"type": "code_interpreter"}]),
    Row(
        "stream of code without output",
        "order",
        [*START, *CALLED, "thread.run.step.completed", *WRITTEN, *END],
    ),
    Row("stream of code without output", "deltas/step/0", FIRST_OF_CODE),
    Row("stream of code without output", "deltas/later step", Each(NEXT_OF_CODE)),
    Row(
        "stream of code without output", "first/thread.run.step.completed/step_details", code_call()
    ),
    Row(
        "stream of code with an image",
        "order",
        [*START, *CALLED, "thread.run.step.completed", *WRITTEN, *END],
    ),
    Row("stream of code with an image", "deltas/step/-1", output_delta(IMAGE)),
    Row(
        "stream of code with an image",
        "first/thread.run.step.completed/step_details",
        code_call({"type": "image", "image": {"file_id": FILE_ID}}),
    ),
    Row(
        "stream of code with an image",
        "deltas/message/0",
        {
            "content": [
                {"index": 0, "type": "image_file", "image_file": {"file_id": FILE_ID}},
                {"index": 1, "type": "text", "text": {"value": "", "annotations": []}},
            ]
        },
    ),
    Row(
        "stream of code with an image",
        "last/thread.message.completed/content/0",
        {"type": "image_file", "image_file": {"file_id": FILE_ID}},
    ),
    Row("stream of code with an image", "last/thread.message.completed/content/1/type", "text"),
    Row(
        "stream of text, code and text",
        "order",
        [*START, *WRITTEN, *CALLED, "thread.run.step.completed", *WRITTEN, *END],
    ),
    Row(
        "stream of file_search",
        "order",
        [*START, *CALLED, "thread.run.step.completed", *WRITTEN, *END],
    ),
    Row(
        "stream of file_search",
        "deltas/step",
        [
            call_delta(
                id=TEXT,
                type="file_search",
                file_search={"ranking_options": STEP_RANKING, "results": []},
            )
        ],
    ),
    Row("stream of file_search", "first/thread.run.step.created/step_details", NO_CALLS),
    Row(
        "stream of file_search",
        "first/thread.run.step.completed/step_details/tool_calls/0/file_search/ranking_options",
        STEP_RANKING,
    ),
    Row(
        "stream of file_search",
        "first/thread.run.step.completed/step_details/tool_calls/0/file_search/results/0/attributes",
        {},
    ),
    Row(
        "stream of file_search",
        "first/thread.run.step.completed/step_details/tool_calls/0/file_search/results/0/score",
        NUMBER,
    ),
    Row("stream of file_search", "first/thread.run.step.completed/usage", TOKENS),
    Row(
        "stream of file_search",
        "last/thread.run.completed/tools/0/file_search/ranking_options",
        RANKING,
    ),
    Row(
        "stream of file_search", "last/thread.message.completed/content/0/text/annotations", [CITED]
    ),
    Row("stream of file_search", "deltas/message/0", FIRST_WORD),
    Row(
        "stream of file_search",
        "deltas/citing/0/content/0/text/value",
        Form("【[^【】]+】"),
    ),
    Row(
        "stream of file_search",
        "deltas/citing/0/content/0/text/annotations/0",
        {"index": 0, **CITED, "file_citation": {"file_id": FILE_ID, "quote": ""}},
    ),
    Row("stream of file_search", "deltas/citing", [OBJECT]),
    Row("stream of file_search", "deltas/message/-1", NEXT_WORD),
    Row(
        "stream of file_search, set up",
        "first/thread.run.step.completed/step_details/tool_calls/0/file_search/ranking_options",
        {**STEP_RANKING, "score_threshold": 0.5},
    ),
]
