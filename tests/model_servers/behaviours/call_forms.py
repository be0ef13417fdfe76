"""What a call looks like: its id and name in pieces, its older form, the choice that it is in."""

from __future__ import annotations

from typing import Final

from server_answers import (
    ANSWER,
    OSLO_TEXT,
    ROME,
    ROME_TEXT,
    USAGE,
    call,
    calls,
    chunk,
    document,
    not_streamed,
    says,
    sse,
    tool_round,
    whole,
)

from behaviours.row import (
    CODE,
    FUNCTIONS,
    OPENAI_TYPES,
    SEARCH,
    WEATHER_OF_OSLO,
    Row,
    calls_weather,
    completes,
    told,
)

#: The same with two functions.
TWO_FUNCTIONS: Final = completes(ANSWER, WEATHER_OF_OSLO, ("get_time", ROME))

CALL_FORMS: Final = [
    Row(
        name="OpenAI: a search",
        version="2026",
        source=f"{OPENAI_TYPES}/chat/chat_completion_chunk.py",
        does="Calls a function of one string argument.",
        answers=tool_round(calls(call("file_search", '{"query": "office hours"}'))),
        run=SEARCH,
        right=completes(ANSWER, ("file_search", {}), check=told("opens at nine")),
    ),
    Row(
        name="Poolside: another id for the later pieces",
        version="2026-05",
        source="https://github.com/poolsideai/pool/issues/9",
        does="Gives the first piece of a call one id and all later pieces another.",
        answers=tool_round(
            calls(
                call("get_weather", "", "call_a"),
                call(None, '{"city": ', "call_b"),
                call(None, '"Oslo"}', "call_b"),
            )
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="MiniMax on NIM: the name in every piece",
        version="M2.7, 2026-04",
        source="https://github.com/NousResearch/hermes-agent/pull/11984",
        does="Repeats a call's whole name with every piece of it.",
        answers=tool_round(
            calls(
                call("get_weather", "", "call_a"),
                call("get_weather", '{"city": ', "call_a"),
                call("get_weather", '"Oslo"}', "call_a"),
            )
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="MiniMax on NIM: the name in every piece, without ids",
        version="M2.7, 2026-04",
        source="https://github.com/NousResearch/hermes-agent/pull/11984",
        does="Repeats a call's whole name with every piece; a variant in which none has an id.",
        answers=tool_round(
            calls(call("get_weather", '{"city": ', None), call("get_weather", '"Oslo"}', None))
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="LiteLLM: the id in every piece",
        version="2026-05",
        source="https://github.com/run-llama/llama_index/pull/21693",
        does="Repeats a call's id with every piece of its arguments.",
        answers=tool_round(
            calls(call("get_weather", '{"city": ', "call_a"), call(None, '"Oslo"}', "call_a"))
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="vmlx: an empty name first",
        version="2026-07",
        source="https://github.com/jjang-ai/vmlx/pull/244",
        does='Begins a call with the name "" and tells it whole in the next chunk.',
        answers=tool_round(calls(call("", "", "call_a"), call("get_weather", OSLO_TEXT, "call_a"))),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="deepin with DeepSeek: an empty name in the later pieces",
        version="2026-05",
        source="https://github.com/AI-Shell-Team/aish/pull/200",
        does='Names a call in its first piece, and gives the later pieces the name "".',
        answers=tool_round(
            calls(call("get_weather", '{"city": ', "call_a"), call("", '"Oslo"}', None))
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="servers of the AI SDK: the name comes last",
        version="2026-04",
        source="https://github.com/vercel/ai/issues/14722",
        does="Tells a call's id and arguments first, and its name in a later chunk.",
        answers=tool_round(calls(call(None, OSLO_TEXT, "call_a"), call("get_weather", "", None))),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="vLLM: no id when streamed",
        version="0.8, 2025-05",
        source="https://github.com/vllm-project/vllm/issues/18412",
        does="Gives a streamed call no id.",
        answers=tool_round(calls(call("get_weather", OSLO_TEXT, None))),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="odd servers: numbers as ids, texts as indexes",
        version="2026",
        source="https://github.com/THU-MAIC/OpenMAIC/issues/1556",
        does="Gives calls numbers as ids and texts as indexes.",
        answers=tool_round(
            calls(
                call("get_weather", OSLO_TEXT, 7, "0"),
                call("get_time", ROME_TEXT, 8, "1"),
            )
        ),
        run=FUNCTIONS,
        right=TWO_FUNCTIONS,
    ),
    Row(
        name="LiteLLM with Gemini 3: ids that hold signatures",
        version="2025-11",
        source="https://github.com/BerriAI/litellm/pull/16895",
        does="Keeps the thought signature of a call in its id, which is long then.",
        answers=tool_round(calls(call("get_weather", OSLO_TEXT, "x" * 6000))),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="Gemini: all calls whole in one chunk",
        version="2026",
        source="https://github.com/googleapis/python-genai/issues/2868",
        does="Streams several calls whole in one chunk.",
        answers=tool_round(
            sse(
                chunk(
                    tool_calls=[
                        call("get_weather", OSLO_TEXT, "call_a", 0),
                        call("get_time", ROME_TEXT, "call_b", 1),
                    ]
                ),
                chunk("tool_calls"),
            )
        ),
        run=FUNCTIONS,
        right=TWO_FUNCTIONS,
    ),
    Row(
        name="OpenAI's older form: function_call, streamed",
        version="deprecated, 2026-08",
        source=f"{OPENAI_TYPES}/chat/chat_completion_chunk.py",
        does="Tells its only call as function_call, in pieces.",
        answers=tool_round(
            sse(
                chunk(function_call={"name": "get_weather", "arguments": ""}),
                chunk(function_call={"arguments": OSLO_TEXT}),
                chunk("function_call"),
            )
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="OpenAI's older form: function_call, whole",
        version="deprecated, 2026-08",
        source=f"{OPENAI_TYPES}/chat/chat_completion_message.py",
        does="Tells its only call as function_call of a message, with the content null.",
        answers=tool_round(
            not_streamed(
                whole(
                    "function_call",
                    content=None,
                    function_call={"name": "get_weather", "arguments": OSLO_TEXT},
                )
            )
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="GitHub Copilot with Claude: calls in the second choice",
        version="2026-03 and 2026-04",
        source="https://github.com/SWE-agent/mini-swe-agent/issues/804",
        does="Answers whole with the text in the first choice and the calls in the second.",
        answers=tool_round(
            not_streamed(
                document(
                    {
                        "choices": [
                            {"finish_reason": "tool_calls", "message": {"content": "I look."}},
                            {
                                "finish_reason": "tool_calls",
                                "message": {"tool_calls": [call("get_weather", OSLO_TEXT)]},
                            },
                        ],
                        "usage": USAGE,
                    }
                )
            )
        ),
        run=FUNCTIONS,
        right=calls_weather("I look.|It is 17."),
    ),
    Row(
        name="LiteLLM: calls in later choices, streamed",
        version="2026-07",
        source="https://github.com/BerriAI/litellm/pull/33931",
        does="Puts each part of an answer of the Responses API into a choice of its own.",
        answers=tool_round(
            sse(
                chunk(content="I look.", index=0),
                chunk(tool_calls=[call("get_weather", OSLO_TEXT, "call_a")], index=1),
                chunk(tool_calls=[call("get_time", ROME_TEXT, "call_b")], index=2),
                chunk("stop", index=0),
                chunk("tool_calls", index=1),
                chunk("tool_calls", index=2),
            )
        ),
        run=FUNCTIONS,
        right=completes("I look.|It is 17.", *TWO_FUNCTIONS.calls),
    ),
    Row(
        name="Foundry Local: choices that count on",
        version="0.7.117, 2025-09",
        source="https://github.com/microsoft/foundry-local/issues/263",
        does="Gives the only choice of each chunk another index.",
        answers=tool_round(
            sse(
                chunk(content="I ", index=197),
                chunk(content="look.", index=198),
                chunk(tool_calls=[call("get_weather", OSLO_TEXT)], index=199),
                chunk("tool_calls", index=200),
            ),
            sse(chunk(content="It is ", index=5), chunk("stop", content="17.", index=6)),
        ),
        run=FUNCTIONS,
        right=calls_weather("I look.|It is 17."),
    ),
    Row(
        name="OpenAI: code with text before it",
        version="2026",
        source=f"{OPENAI_TYPES}/chat/chat_completion_chunk.py",
        does="Says something, and calls then; a variant of a call in pieces.",
        answers=tool_round(
            calls(call("code_interpreter", '{"code": "print(2 + 2)"}'), content="I count."),
            says("It is 4."),
        ),
        run=CODE,
        right=completes(
            "I count.|It is 4.",
            ("code_interpreter", {"code": "print(2 + 2)"}),
            check=told("4"),
        ),
    ),
]
