"""How servers tell the tokens of an answer, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from server_answers import (
    ANSWER,
    OSLO_TEXT,
    USAGE,
    Part,
    always,
    call,
    chunk,
    not_streamed,
    says,
    sse,
    tool_round,
    whole,
)

from behaviours.row import (
    FUNCTIONS,
    OPENAI_TYPES,
    RECORDED,
    Row,
    Run,
    calls_weather,
    completes,
)

_STOP: Final = chunk("stop")


def _tells(
    name: str, source: str, does: str, answer: Part, usage: Mapping[str, Any] = USAGE
) -> Row:
    """A server that tells tokens in a way of its own."""
    return Row(
        name=f"tokens: {name}",
        version="2024 to 2026",
        source=source,
        does=does,
        answers=always(answer),
        right=completes(usage=usage),
    )


_DETAILED: Final = {
    "prompt_tokens": 2000,
    "completion_tokens": 90,
    "total_tokens": 2090,
    "prompt_tokens_details": {"cached_tokens": 1920},
    "completion_tokens_details": {"reasoning_tokens": 64},
}
_GROWING: Final = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}

USAGES: Final = [
    _tells(
        "OpenAI, in a chunk without choices",
        f"{OPENAI_TYPES}/chat/chat_completion_stream_options_param.py",
        "Tells them in a last chunk without choices, and null before.",
        sse(
            {**chunk(content=ANSWER), "usage": None},
            {**_STOP, "usage": None},
            {"choices": [], "usage": USAGE},
        ),
    ),
    _tells(
        "Perplexity, in every chunk",
        f"{RECORDED}/chat_citations_with_perplexity_sonar_returns_search_result_citations_when_"
        "streaming.yml",
        "Tells in every chunk how many they are so far.",
        sse({**chunk(content=ANSWER), "usage": _GROWING}, {**_STOP, "usage": USAGE}),
    ),
    _tells(
        "xAI, in the chunk before the last",
        "https://github.com/BerriAI/litellm/issues/17136",
        "Tells them before a last chunk without any.",
        sse(chunk(content=ANSWER), {**_STOP, "usage": USAGE}, {"choices": [], "usage": None}),
    ),
    _tells(
        "Kimi, in the choice",
        "https://github.com/earendil-works/pi/issues/2017",
        "Tells them in the choice of the last chunk.",
        sse(
            chunk(content=ANSWER),
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": USAGE}]},
        ),
    ),
    _tells(
        "xAI, thoughts beside the total",
        "https://github.com/UKGovernmentBEIS/inspect_ai/issues/5528",
        "Leaves thoughts out of completion_tokens, but not out of the total.",
        says(
            usage={
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            }
        ),
        {"prompt_tokens": 32, "completion_tokens": 103, "total_tokens": 135},
    ),
    _tells(
        "OpenAI, from the cache and for thoughts",
        f"{OPENAI_TYPES}/completion_usage.py",
        "Tells how many were cached, and how many were thoughts.",
        says(usage=_DETAILED),
        {
            "total_tokens": 2090,
            "prompt_token_details": {"cached_tokens": 1920},
            "completion_tokens_details": {"reasoning_tokens": 64},
        },
    ),
    _tells(
        "OpenAI, from the cache, whole",
        f"{OPENAI_TYPES}/completion_usage.py",
        "Tells in a whole answer how many were cached, and how many were thoughts.",
        not_streamed(whole(content=ANSWER, usage=_DETAILED)),
        {
            "total_tokens": 2090,
            "prompt_token_details": {"cached_tokens": 1920},
            "completion_tokens_details": {"reasoning_tokens": 64},
        },
    ),
    _tells(
        "OpenAI, details that are null",
        f"{OPENAI_TYPES}/completion_usage.py",
        "Tells details as null where it does not count them.",
        says(usage={**USAGE, "prompt_tokens_details": None, "completion_tokens_details": None}),
    ),
    Row(
        name="tokens: of all rounds together",
        version="2026",
        source=f"{OPENAI_TYPES}/completion_usage.py",
        does="Tells the tokens of each answer; a run has those of all.",
        answers=tool_round(
            sse(
                chunk(tool_calls=[call("get_weather", OSLO_TEXT)]),
                chunk("tool_calls"),
                {"choices": [], "usage": _DETAILED},
            ),
            says(usage=_DETAILED),
        ),
        run=FUNCTIONS,
        right=calls_weather(
            usage={
                "total_tokens": 4180,
                "prompt_token_details": {"cached_tokens": 3840},
                "completion_tokens_details": {"reasoning_tokens": 128},
            }
        ),
    ),
    Row(
        name="tokens: none are told",
        version="2026-09",
        source="https://github.com/milind-soni/OpenMausBot/pull/1378",
        does="Tells no tokens at all.",
        answers=always(sse(chunk(content=ANSWER), _STOP)),
        run=Run(options={"max_completion_tokens": 500}),
        right=completes(),
    ),
]
