"""What Gemini puts beside a call, and must get back with it within the rounds of a run.

The fake servers here refuse, as the real ones do, a request that lacks it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from server_answers import (
    ANSWER,
    OSLO_TEXT,
    ROME,
    ROME_TEXT,
    Document,
    Part,
    call,
    calls,
    not_streamed,
    refuses,
    says,
    tool_round,
    unless,
    whole,
)

from behaviours.row import (
    CODE,
    FUNCTIONS,
    SEARCH,
    WEATHER_OF_OSLO,
    Right,
    Row,
    Run,
    calls_weather,
    completes,
)

_SIGNATURES: Final = "https://ai.google.dev/gemini-api/docs/thought-signatures"
_UNSIGNED: Final = refuses(
    400,
    [
        {
            "error": {
                "code": 400,
                "status": "INVALID_ARGUMENT",
                "message": "Function call is missing a thought_signature in functionCall parts.",
            }
        }
    ],
)
_TWO_CITIES: Final = completes(ANSWER, WEATHER_OF_OSLO, ("get_weather", ROME))


def _signed(text: str = "c2ln", by: str = "google") -> Document:
    """What Gemini puts beside a call."""
    return {"extra_content": {by: {"thought_signature": text}}}


def _calling(body: Document) -> list[Document]:
    """The turns of a request that call something."""
    return [turn for turn in body["messages"] if turn.get("tool_calls")]


def _lacks_signature(by: str = "google") -> Callable[[Document], object]:
    """Whether the first call of a turn came without what Gemini put beside it."""
    return lambda body: [
        turn
        for turn in _calling(body)
        if turn["tool_calls"][0].get("extra_content") != _signed(by=by)["extra_content"]
    ]


def _gemini(
    name: str,
    does: str,
    first: Part,
    *,
    run: Run = FUNCTIONS,
    right: Right | None = None,
    then: Part | None = None,
    by: str = "google",
) -> Row:
    """A server that refuses calls without their signature."""
    return Row(
        name=f"Gemini 3: {name}",
        version="3.x, 2025-11 to 2026-09",
        source=_SIGNATURES,
        does=does,
        answers=unless(_lacks_signature(by), _UNSIGNED, tool_round(first, then)),
        run=run,
        right=right or calls_weather(),
    )


SIGNATURES: Final = [
    _gemini(
        "a signature beside a call",
        "Puts a signature beside a call without an index, and wants it back.",
        calls(call("get_weather", OSLO_TEXT, "f-1", None, **_signed()), finish="stop"),
    ),
    _gemini(
        "a signature in Vertex's name",
        "Puts a signature beside a call in the name of vertex, and wants it back so.",
        calls(call("get_weather", OSLO_TEXT, "f-1", **_signed(by="vertex")), finish="stop"),
        by="vertex",
    ),
    _gemini(
        "a signature after the call",
        "Streams the signature in a piece of its own after the call.",
        calls(
            call("get_weather", OSLO_TEXT, "f-1", None),
            {"function": {"arguments": ""}, **_signed()},
            finish="stop",
        ),
    ),
    _gemini(
        "a bare signature after the call",
        "Streams the signature after the call, with nothing beside it.",
        calls(call("get_weather", OSLO_TEXT, "f-1", None), _signed(), finish="stop"),
    ),
    _gemini(
        "a signature before the call",
        "Streams the signature in a piece of its own before the call.",
        calls(_signed(), call("get_weather", OSLO_TEXT, "f-1", None), finish="stop"),
    ),
    _gemini(
        "a signature in a whole answer",
        "Puts a signature beside a call of a whole answer.",
        not_streamed(whole(tool_calls=[call("get_weather", OSLO_TEXT, "f-1", None, **_signed())])),
        then=not_streamed(whole(content=ANSWER)),
    ),
    _gemini(
        "one signature for two calls",
        "Puts a signature beside the first of two calls.",
        calls(
            call("get_weather", OSLO_TEXT, "f-1", None, **_signed()),
            call("get_weather", ROME_TEXT, "f-2", None),
            finish="stop",
        ),
        right=_TWO_CITIES,
    ),
    Row(
        name="Gemini 3: a signature in each of two rounds",
        version="3.x, 2025-11 to 2026-09",
        source=_SIGNATURES,
        does="Wants the signatures of all rounds of a run back, the earlier ones too.",
        answers=unless(
            _lacks_signature(),
            _UNSIGNED,
            lambda body, number: [
                calls(call("get_weather", OSLO_TEXT, "f-1", None, **_signed())),
                calls(call("get_weather", ROME_TEXT, "f-2", None, **_signed())),
                says(),
            ][len(_calling(body))],
        ),
        run=FUNCTIONS,
        right=_TWO_CITIES,
    ),
    _gemini(
        "a signature beside code",
        "Puts a signature beside a call of the code interpreter.",
        calls(call("code_interpreter", '{"code": "print(1)"}', "f-1", None, **_signed())),
        run=CODE,
        right=completes(ANSWER, ("code_interpreter", {"code": "print(1)"})),
    ),
    _gemini(
        "a signature beside a search",
        "Puts a signature beside a call of the file search.",
        calls(call("file_search", '{"query": "office"}', "f-1", None, **_signed())),
        run=SEARCH,
        right=completes(ANSWER, ("file_search", {})),
    ),
]
