"""What a turn was thought with, and must go back within the rounds of a run; and what must not.

The fake servers here refuse, as the real ones do, a request that lacks it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from server_answers import (
    ANSWER,
    OSLO_TEXT,
    Document,
    Part,
    call,
    calls,
    chunk,
    not_streamed,
    refuses,
    sse,
    tool_round,
    unless,
    whole,
)

from behaviours.row import (
    CODE,
    FUNCTIONS,
    RECORDED,
    TWICE,
    Right,
    Row,
    Run,
    calls_weather,
    completes,
)

_DEEPSEEK: Final = "https://github.com/anomalyco/opencode/issues/24722"
_ROUTED: Final = f"{RECORDED}/chat_openrouter_reasoning_details_round-trip"
_UNTHOUGHT: Final = refuses(
    400, "The `reasoning_content` in the thinking mode must be passed back to the API."
)


def _calling(body: Document) -> list[Document]:
    """The turns of a request that call something."""
    return [turn for turn in body["messages"] if turn.get("tool_calls")]


def _lacks(field: str, value: object) -> Callable[[Document], object]:
    """Whether a turn that calls something came without what it was thought with."""
    return lambda body: [turn for turn in _calling(body) if turn.get(field) != value]


def _thinking(
    name: str,
    source: str,
    does: str,
    first: Part,
    *,
    field: str = "reasoning_content",
    value: Any = "Hm.",
    run: Run = FUNCTIONS,
    right: Right | None = None,
) -> Row:
    """A server that refuses a turn with calls that lacks what it was thought with."""
    return Row(
        name=name,
        version="2025-12 to 2026-09",
        source=source,
        does=does,
        answers=unless(_lacks(field, value), _UNTHOUGHT, tool_round(first)),
        run=run,
        right=right or calls_weather(),
    )


def _lacks_details(body: Document) -> bool:
    """Whether what OpenRouter told of thoughts came back otherwise than in its order."""
    for turn in _calling(body):
        details = turn.get("reasoning_details") or []
        text = "".join(detail.get("text") or "" for detail in details)
        secrets = [detail["data"] for detail in details if detail.get("data")]
        kinds = [detail["type"] for detail in details]
        if (text, secrets) != ("I look.", ["gAAAA"]) or kinds[-1] != "reasoning.encrypted":
            return True
    return False


_ENCRYPTED: Final = {"type": "reasoning.encrypted", "data": "gAAAA", "id": "r1", "index": 1}


def _detail(text: str) -> Document:
    """A piece of a thought, as OpenRouter tells it."""
    return {"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}


THOUGHTS: Final = [
    _thinking(
        "DeepSeek: thoughts beside a call",
        _DEEPSEEK,
        "Streams thoughts before a call, and wants them back with it.",
        calls(call("get_weather", OSLO_TEXT), reasoning_content="Hm."),
    ),
    _thinking(
        "DeepSeek: thoughts in pieces, then text, then a call",
        _DEEPSEEK,
        "Streams thoughts in pieces, then a text, then a call.",
        sse(
            chunk(reasoning_content="H"),
            chunk(reasoning_content="m."),
            chunk(content="I look."),
            chunk(tool_calls=[call("get_weather", OSLO_TEXT)]),
            chunk("tool_calls"),
        ),
        right=calls_weather("I look.|It is 17."),
    ),
    _thinking(
        "DeepSeek: thoughts beside code",
        _DEEPSEEK,
        "Streams thoughts before a call of the code interpreter.",
        calls(call("code_interpreter", '{"code": "print(1)"}'), reasoning_content="Hm."),
        run=CODE,
        right=completes(ANSWER, ("code_interpreter", {"code": "print(1)"})),
    ),
    _thinking(
        "DeepSeek: empty thoughts",
        "https://github.com/sluisr/deepseek-cli/releases/tag/1.1.1",
        "Tells empty thoughts, and wants the empty text back.",
        calls(call("get_weather", OSLO_TEXT), reasoning_content=""),
        value="",
    ),
    _thinking(
        "Kimi K2: thoughts in a whole answer",
        "https://github.com/QuantumNous/new-api/issues/3121",
        "Tells thoughts beside the call of a whole answer, and wants them back.",
        not_streamed(whole(reasoning_content="Hm.", tool_calls=[call("get_weather", OSLO_TEXT)])),
    ),
    _thinking(
        "vLLM: thoughts in the field reasoning",
        "https://github.com/ogx-ai/ogx/pull/4244",
        "Names thoughts reasoning, for templates that think between calls.",
        calls(call("get_weather", OSLO_TEXT), reasoning="Hm."),
        field="reasoning",
    ),
    Row(
        name="OpenRouter: reasoning_details in pieces",
        version="2025-11 to 2026-09",
        source=f"{_ROUTED}_accumulates_reasoning_details_while_streaming_tool_calls.yml",
        does="Streams thoughts as a list of details, of which an encrypted one must go back.",
        answers=unless(
            _lacks_details,
            refuses(400, "Gemini models require OpenRouter reasoning details to be preserved."),
            tool_round(
                sse(
                    chunk(reasoning="I ", reasoning_details=[_detail("I ")]),
                    chunk(reasoning="look.", reasoning_details=[_detail("look.")]),
                    chunk(reasoning_details=[_ENCRYPTED]),
                    chunk(tool_calls=[call("get_weather", OSLO_TEXT)]),
                    chunk("tool_calls"),
                )
            ),
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="OpenRouter: reasoning_details in a whole answer",
        version="2025-11 to 2026-09",
        source=f"{_ROUTED}_replays_reasoning_details_across_tool_calls_and_turns.yml",
        does="Tells thoughts as a list of details, which must go back as they are.",
        answers=unless(
            _lacks("reasoning_details", [_detail("I look."), _ENCRYPTED]),
            refuses(400, "Gemini models require OpenRouter reasoning details to be preserved."),
            tool_round(
                not_streamed(
                    whole(
                        "tool_calls",
                        reasoning_details=[_detail("I look."), _ENCRYPTED],
                        tool_calls=[call("get_weather", OSLO_TEXT)],
                    )
                )
            ),
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="DeepSeek R1: thoughts of earlier runs",
        version="2025-01",
        source="https://github.com/Euyug/Mirai-Gpt-Plugin/issues/4",
        does="Refuses thoughts that come back with the messages of a thread.",
        answers=unless(
            lambda body: "Hm." in str(body["messages"]),
            refuses(400, "reasoning_content is not supported in input messages."),
            sse(chunk(reasoning_content="Hm."), chunk(content=ANSWER), chunk("stop")),
        ),
        run=TWICE,
        right=completes(),
    ),
]
