"""What servers send while they have nothing to say, and how one is stopped."""

from __future__ import annotations

from typing import Final

from server_answers import (
    ANSWER,
    OSLO_TEXT,
    call,
    chunk,
    sse,
    tool_round,
)

from behaviours.row import FUNCTIONS, Right, Row, Run, completes, fails


def _beats(name: str, source: str, does: str, beat: str) -> Row:
    """A server that sends this while it has nothing to say: before, within and behind a text."""
    pieces = [beat, chunk(content="It is "), beat, chunk(content="17."), beat, chunk("stop"), beat]
    return Row(
        name=f"keep-alives: {name}",
        version="2025 and 2026",
        source=source,
        does=does,
        answers=tool_round(
            sse(beat, chunk(tool_calls=[call("get_weather", OSLO_TEXT)]), beat, chunk("stop")),
            sse(*pieces),
        ),
        run=FUNCTIONS,
        right=completes(ANSWER, ("get_weather", {"city": "Oslo"})),
    )


KEEPALIVES: Final = [
    _beats(
        "comments",
        "https://openrouter.ai/docs/api-reference/streaming",
        "Sends comments.",
        ": OPENROUTER PROCESSING\n\n",
    ),
    _beats(
        "a colon alone",
        "https://github.com/mistralai/mistral-vibe/pull/794",
        "Sends a colon while it reads the prompt (llama.cpp).",
        ":\n\n",
    ),
    _beats(
        "comments without an empty line",
        "https://github.com/theopenco/llmgateway/pull/2334",
        "Sends a comment without an empty line.",
        ": ping\n",
    ),
    _beats(
        "DeepSeek's empty lines",
        "https://api-docs.deepseek.com/quick_start/rate_limit",
        "Sends comments and empty lines while a request waits.",
        ": keep-alive\n\n\n\n",
    ),
    _beats(
        "event: ping with an object",
        "https://github.com/decolua/9router/issues/3409",
        "Names an event ping, whose data is an object.",
        'event: ping\ndata: {"type": "ping"}\n\n',
    ),
    _beats(
        "event: ping without data",
        "https://github.com/decolua/9router/issues/3409",
        "Names an event ping; a variant without data.",
        "event: ping\n\n",
    ),
    _beats(
        "an empty data line",
        "https://github.com/netease-lcap/wave-agent/pull/1326",
        "Sends an event with empty data.",
        "data: \n\n",
    ),
    _beats(
        "an empty data line without a space",
        "https://github.com/Growth-Circle/cadis/issues/362",
        "Sends an event with empty data, without a space.",
        "data:\n\n",
    ),
    _beats(
        "data: ping",
        "https://github.com/aaif-goose/goose/pull/11816",
        "Sends the word ping as data.",
        "data: ping\n\n",
    ),
    _beats(
        "an empty object",
        "https://github.com/decolua/9router/issues/3409",
        "Sends an empty object; a variant that does not name the event.",
        "data: {}\n\n",
    ),
    Row(
        name="DeepSeek: cancelled while it thinks",
        version="V4, 2026-05",
        source="https://github.com/altaidevorg/isanagent/pull/20",
        does="Streams thoughts for minutes before its first word.",
        answers=lambda body, number: sse(*([chunk(reasoning_content="hm "), 0.02] * 2000)),
        run=Run(is_cancelled=True),
        right=Right(status="cancelled", check=lambda server: server.was_left()),
    ),
    Row(
        name="Ollama: silent while it loads",
        version="2026-08",
        source="https://github.com/cline/cline/pull/12839",
        does="Says nothing for minutes; what waits for it gives it up and names the bound.",
        answers=lambda body, number: sse(chunk(content="It is "), 600, chunk("stop")),
        run=Run(model_options={"stalled_after": 0.2}),
        right=fails("server_error", "stalled_after"),
    ),
]
