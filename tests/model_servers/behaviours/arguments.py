"""In which form the arguments of calls come: texts, objects, texts of texts, nothing, no JSON."""

from __future__ import annotations

import json
from typing import Final

from server_answers import (
    ANSWER,
    OSLO,
    OSLO_TEXT,
    ROME_TEXT,
    call,
    calls,
    chunk,
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
    Row,
    calls_weather,
    completes,
    is_cut,
    told,
)

_CODE: Final = {"code": "print(2 + 2)"}
_RAN: Final = completes("It is 4.", ("code_interpreter", _CODE), check=told("4"))
#: The model has read what was wrong, or its code ran; in either case it comes to an answer.
_COMES_TO_AN_ANSWER: Final = completes(ANSWER, calls=None)

ARGUMENTS: Final = [
    Row(
        name="llama.cpp: an object for arguments",
        version="2026-03",
        source="https://github.com/ggml-org/llama.cpp/issues/20198",
        does="Tells arguments as an object, not as its text.",
        answers=tool_round(not_streamed(whole(tool_calls=[call("get_weather", OSLO)]))),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="llama.cpp: an object for arguments, streamed",
        version="2026-03",
        source="https://github.com/ggml-org/llama.cpp/issues/20198",
        does="Tells arguments as an object; a variant that streams the whole call.",
        answers=tool_round(calls(call("get_weather", OSLO))),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="vLLM with Hermes: arguments encoded twice",
        version="2026-09",
        source="https://github.com/vllm-project/vllm/pull/54964",
        does="Encodes arguments that are a text already once more, in a whole answer.",
        answers=tool_round(
            not_streamed(whole(tool_calls=[call("get_weather", json.dumps(OSLO_TEXT))]))
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="OCI: arguments encoded twice, streamed",
        version="2025-11",
        source="https://github.com/oracle/langchain-oracle/pull/70",
        does="Streams the text of a text of arguments, in one piece.",
        answers=tool_round(calls(call("get_weather", json.dumps(OSLO_TEXT)))),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="vLLM with Hermes: arguments encoded twice, in pieces",
        version="2026-09",
        source="https://github.com/vllm-project/vllm/pull/54964",
        does="Encodes arguments twice; a variant that streams them in pieces.",
        answers=tool_round(
            calls(
                call("get_weather", '"{\\"city\\"'),
                call(None, ': \\"Os', None),
                call(None, 'lo\\"}"', None),
            )
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="OCI: code encoded twice",
        version="2025-11",
        source="https://github.com/oracle/langchain-oracle/pull/70",
        does="Encodes arguments twice; a variant with those of the code interpreter.",
        answers=tool_round(
            calls(call("code_interpreter", json.dumps(json.dumps(_CODE)))), says("It is 4.")
        ),
        run=CODE,
        right=_RAN,
    ),
    Row(
        name="OCI: a query encoded twice",
        version="2025-11",
        source="https://github.com/oracle/langchain-oracle/pull/70",
        does="Encodes arguments twice; a variant with those of a file search.",
        answers=tool_round(calls(call("file_search", json.dumps('{"query": "office"}')))),
        run=SEARCH,
        right=completes(ANSWER, ("file_search", {}), check=told("opens at nine")),
    ),
    Row(
        name="LiteLLM with Claude: an empty object first",
        version="2024-07",
        source="https://github.com/BerriAI/litellm/issues/4537",
        does="Begins the arguments with {} and streams the real ones after it.",
        answers=tool_round(
            calls(
                call("get_weather", "{}"),
                call(None, '{"city": ', None),
                call(None, '"Oslo"}', None),
            )
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="Bedrock: an empty object first, in two pieces",
        version="2025-12",
        source="https://github.com/openai/openai-agents-js/pull/712",
        does="Tells empty arguments first and whole ones in the next chunk.",
        answers=tool_round(
            calls(call("get_weather", "{}", "call_a"), call(None, OSLO_TEXT, "call_a"))
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="firefunction-v2: arguments null at first",
        version="2024-06",
        source="https://github.com/BerriAI/litellm/issues/4440",
        does="Names a call with the arguments null and streams them then.",
        answers=tool_round(
            calls(
                {
                    "index": 0,
                    "id": "call_a",
                    "function": {"name": "get_weather", "arguments": None},
                },
                call(None, OSLO_TEXT, None),
            )
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="aichat's models: empty arguments",
        version="2025-03",
        source="https://github.com/sigoden/aichat/pull/1217",
        does="Calls a function without arguments with an empty text.",
        answers=tool_round(calls(call("get_time", ""))),
        run=FUNCTIONS,
        right=completes(ANSWER, ("get_time", {})),
    ),
    Row(
        name="odd servers: no arguments at all",
        version="2026",
        source="https://github.com/THU-MAIC/OpenMAIC/issues/1556",
        does="Leaves the arguments of a call out.",
        answers=tool_round(calls(call("get_time"))),
        run=FUNCTIONS,
        right=completes(ANSWER, ("get_time", {})),
    ),
    Row(
        name="odd servers: arguments null, whole",
        version="2026",
        source="https://github.com/THU-MAIC/OpenMAIC/issues/1556",
        does="Tells the arguments of a call as null in a whole answer.",
        answers=tool_round(
            not_streamed(
                whole(
                    tool_calls=[
                        {"id": "call_a", "function": {"name": "get_time", "arguments": None}}
                    ]
                )
            )
        ),
        run=FUNCTIONS,
        right=completes(ANSWER, ("get_time", {})),
    ),
    Row(
        name="AgentScope's models: code with real line breaks in its JSON",
        version="2026-02",
        source="https://github.com/agentscope-ai/agentscope-java/pull/772",
        does="Passes on arguments that are no JSON, for their text has real line breaks.",
        answers=tool_round(calls(call("code_interpreter", '{"code": "x = 2\nprint(x)"}'))),
        run=CODE,
        right=_COMES_TO_AN_ANSWER,
    ),
    Row(
        name="models of hermes-agent: code under another key",
        version="2026-08",
        source="https://github.com/NousResearch/hermes-agent/pull/78585",
        does="Names the code command.",
        answers=tool_round(calls(call("code_interpreter", '{"command": "git status"}'))),
        run=CODE,
        right=_COMES_TO_AN_ANSWER,
    ),
    Row(
        name="GPT-3.5: a tool called python",
        version="2023-08",
        source="https://github.com/run-llama/llama_index/issues/7243",
        does="Calls the code interpreter by the name that the model learnt.",
        answers=tool_round(calls(call("python", '{"code": "print(2)"}'))),
        run=CODE,
        right=_COMES_TO_AN_ANSWER,
    ),
    Row(
        name="OpenAI: calls cut short are none",
        version="2026",
        source=f"{OPENAI_TYPES}/chat/chat_completion_chunk.py",
        does="Ends with length within the arguments of a call.",
        answers=tool_round(sse(chunk(tool_calls=[call("get_weather", '{"ci')]), chunk("length"))),
        run=FUNCTIONS,
        right=is_cut(),
    ),
    Row(
        name="mlx-openai-server and vLLM with gpt-oss: names that no function has",
        version="2025-08 and 2026-05",
        source="https://github.com/cubist38/mlx-openai-server/pull/51 "
        "https://github.com/vllm-project/vllm/issues/32587",
        does="Passes on names with the marks of the model's own format.",
        answers=tool_round(
            calls(
                call("functions.get_weather", OSLO_TEXT, "call_a", 0),
                call("get_time<|channel|>commentary", ROME_TEXT, "call_b", 1),
            )
        ),
        run=FUNCTIONS,
        right=completes(ANSWER, calls=None),
    ),
]
