"""Which call a piece belongs to: servers number and name calls in every way, or not at all."""

from __future__ import annotations

from typing import Final

from server_answers import (
    ANSWER,
    OSLO_TEXT,
    ROME,
    ROME_TEXT,
    call,
    calls,
    chunk,
    sse,
    tool_round,
)

from behaviours.row import (
    FUNCTIONS,
    OPENAI_TYPES,
    WEATHER_OF_OSLO,
    Row,
    calls_weather,
    completes,
)

#: What a run must do with two calls of one function.
TWO_CITIES: Final = completes(ANSWER, WEATHER_OF_OSLO, ("get_weather", ROME))
#: The same with two functions.
TWO_FUNCTIONS: Final = completes(ANSWER, WEATHER_OF_OSLO, ("get_time", ROME))

CALLS: Final = [
    Row(
        name="OpenAI: a call in pieces",
        version="2026",
        source=f"{OPENAI_TYPES}/chat/chat_completion_chunk.py",
        does="Gives a call an index, an id and a name, and then its arguments piece by piece.",
        answers=tool_round(
            calls(
                call("get_weather", "", "call_a"),
                call(None, '{"ci', None),
                call(None, 'ty": "Oslo"}', None),
            )
        ),
        run=FUNCTIONS,
        right=calls_weather(requests=2),
    ),
    Row(
        name="OpenAI: pieces of two calls by turns",
        version="2026",
        source=f"{OPENAI_TYPES}/chat/chat_completion_chunk.py",
        does="Tells which call a piece belongs to by its index alone.",
        answers=tool_round(
            calls(
                call("get_weather", '{"city":', "call_a", 0),
                call("get_time", '{"city":', "call_b", 1),
                call(None, ' "Oslo"}', None, 0),
                call(None, ' "Rome"}', None, 1),
            )
        ),
        run=FUNCTIONS,
        right=TWO_FUNCTIONS,
    ),
    Row(
        name="Ollama 0.20: index 0 for every call",
        version="0.20, 2026-04",
        source="https://github.com/ollama/ollama/issues/15457",
        does="Gives all calls the index 0, and each an id of its own.",
        answers=tool_round(
            calls(
                call("get_weather", OSLO_TEXT, "call_a"), call("get_weather", ROME_TEXT, "call_b")
            )
        ),
        run=FUNCTIONS,
        right=TWO_CITIES,
    ),
    Row(
        name="Ollama before 0.5: no index",
        version="2024-11",
        source="https://github.com/ollama/ollama/issues/7881",
        does="Streams whole calls without an index.",
        answers=tool_round(
            calls(
                call("get_weather", OSLO_TEXT, "call_a", None),
                call("get_time", ROME_TEXT, "call_b", None),
            )
        ),
        run=FUNCTIONS,
        right=TWO_FUNCTIONS,
    ),
    Row(
        name="Gemini: no index, finish reason stop",
        version="2.5 and 3, 2025-12 to 2026-08",
        source="https://github.com/open-webui/computer/issues/224",
        does="Streams a call without an index, its arguments in two pieces, and ends with stop.",
        answers=tool_round(
            calls(
                call("get_weather", '{"city": ', "function-call-1", None),
                call(None, '"Oslo"}', None, None),
                finish="stop",
            )
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="GPT_API_free: index null",
        version="2024-06",
        source="https://github.com/chatanywhere/GPT_API_free/issues/254",
        does="Streams whole calls with the index null.",
        answers=tool_round(
            calls(
                {**call("get_weather", OSLO_TEXT, "call_a"), "index": None},
                {**call("get_time", ROME_TEXT, "call_b"), "index": None},
            )
        ),
        run=FUNCTIONS,
        right=TWO_FUNCTIONS,
    ),
    Row(
        name="Gemini 2.5: empty ids, one index",
        version="2026",
        source="https://github.com/NousResearch/hermes-agent/pull/75528",
        does='Gives every call the id "" and the index 0.',
        answers=tool_round(
            calls(call("get_weather", OSLO_TEXT, ""), call("get_weather", ROME_TEXT, ""))
        ),
        run=FUNCTIONS,
        right=TWO_CITIES,
    ),
    Row(
        name="smolagents' servers: no ids, one index",
        version="2026-01",
        source="https://github.com/huggingface/smolagents/pull/1958",
        does="Gives calls no id, and all of them the index 0.",
        answers=tool_round(
            calls(call("get_weather", OSLO_TEXT, None), call("get_weather", ROME_TEXT, None))
        ),
        run=FUNCTIONS,
        right=TWO_CITIES,
    ),
    Row(
        name="LibreChat's servers: no ids, one index, in pieces",
        version="2026-06",
        source="https://github.com/LibreChat-AI/agents/pull/260",
        does="Tells two calls of one index and without ids piece by piece, one after the other.",
        answers=tool_round(
            calls(
                call("get_weather", '{"city": ', None),
                call(None, '"Oslo"}', None),
                call("get_time", '{"city": ', None),
                call(None, '"Rome"}', None),
            )
        ),
        run=FUNCTIONS,
        right=TWO_FUNCTIONS,
    ),
    Row(
        name="PilotDeck's servers: no ids, no index, one chunk",
        version="2026-06",
        source="https://github.com/OpenBMB/PilotDeck/pull/294",
        does="Streams all calls in one chunk, without ids and indexes.",
        answers=tool_round(
            sse(
                chunk(
                    tool_calls=[
                        call("get_weather", OSLO_TEXT, None, None),
                        call("get_weather", ROME_TEXT, None, None),
                    ]
                ),
                chunk("tool_calls"),
            )
        ),
        run=FUNCTIONS,
        right=TWO_CITIES,
    ),
    Row(
        name="adapters of LangChain for Elixir: the name as id",
        version="2026-08",
        source="https://github.com/brainlid/langchain/pull/620",
        does="Gives each call its function's name as id, and all of them one index.",
        answers=tool_round(
            calls(
                call("get_weather", OSLO_TEXT, "get_weather"),
                call("get_weather", ROME_TEXT, "get_weather"),
            )
        ),
        run=FUNCTIONS,
        right=TWO_CITIES,
    ),
    Row(
        name="gcli2api: one index, different functions",
        version="2026-08",
        source="https://github.com/su-kaka/gcli2api/pull/406",
        does="Relays Gemini's calls, of which each has the index 0 and none an id.",
        answers=tool_round(
            calls(call("get_weather", OSLO_TEXT, None), call("get_time", ROME_TEXT, None))
        ),
        run=FUNCTIONS,
        right=TWO_FUNCTIONS,
    ),
    Row(
        name="plexus: index 0 from the Responses API",
        version="2026-07",
        source="https://github.com/mcowger/plexus/issues/691",
        does="Bridges the Responses API: pieces of two calls with ids, all with the index 0.",
        answers=tool_round(
            calls(
                call("get_weather", "", "call_a"),
                call(None, OSLO_TEXT, "call_a"),
                call("get_time", "", "call_b"),
                call(None, ROME_TEXT, "call_b"),
            )
        ),
        run=FUNCTIONS,
        right=TWO_FUNCTIONS,
    ),
    Row(
        name="Foundry Local: the index is always 1",
        version="before 0.8.119, 2026-01",
        source="https://github.com/microsoft/foundry-local/issues/372",
        does="Counts the only call as the second.",
        answers=tool_round(calls(call("get_weather", OSLO_TEXT, "call_a", 1))),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="agentgateway with Claude: indexes with gaps",
        version="1.4.1, 2026-08",
        source="https://github.com/agentgateway/agentgateway/issues/2965",
        does="Counts calls among all blocks of an answer: indexes begin at 1 and skip some.",
        answers=tool_round(
            calls(
                call("get_weather", "", "toolu_a", 1),
                call(None, OSLO_TEXT, None, 1),
                call("get_time", "", "toolu_b", 3),
                call(None, ROME_TEXT, None, 3),
                content="Let me see.",
            )
        ),
        run=FUNCTIONS,
        right=completes("Let me see.|It is 17.", *TWO_FUNCTIONS.calls),
    ),
    Row(
        name="tRPC-Agent's servers: the index of a call changes",
        version="2026-01",
        source="https://github.com/trpc-group/trpc-agent-go/pull/1075",
        does="Gives the pieces of one call, which all have its id, different indexes.",
        answers=tool_round(
            calls(call("get_weather", '{"city": ', "call_a", 0), call(None, '"Oslo"}', "call_a", 1))
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
]
