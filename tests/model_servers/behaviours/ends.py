"""How answers end: whole, cut, filtered or broken, in the words of each server."""

from __future__ import annotations

from typing import Final

from fake_server import CUT
from server_answers import (
    ANSWER,
    OSLO_TEXT,
    Part,
    always,
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
    FUNCTIONS,
    OPENAI_TYPES,
    RECORDED,
    Right,
    Row,
    calls_weather,
    completes,
    fails,
    is_cut,
)

_HALF: Final = "It is "
_GEMINI: Final = "https://github.com/HKUDS/Vibe-Trading/pull/308"
_GLM: Final = "https://github.com/mozilla-ai/any-llm/pull/1204"
_MISTRAL: Final = "https://github.com/mistralai/client-python/blob/main/src/mistralai/client/models"
_OPENAI: Final = f"{OPENAI_TYPES}/chat/chat_completion_chunk.py"
_VLLM: Final = "https://github.com/vllm-project/vllm/issues/57082"
_CUT: Final = is_cut(_HALF, reason="max_tokens")
_FILTERED: Final = is_cut(_HALF, reason="content_filter")


def _ends(server: str, version: str, source: str, word: object, right: Right) -> Row:
    """A server that streams half an answer and ends with a word of its own."""
    return Row(
        name=f"{server}: ends with {word!r}",
        version=version,
        source=source,
        does=f"Streams a text and ends it with the finish reason {word!r}.",
        answers=always(says(_HALF, word)),
        right=right,
    )


def _ends_at_once(server: str, version: str, source: str, word: str, right: Right) -> Row:
    """A server that says nothing but why it ends."""
    return Row(
        name=f"{server}: nothing but {word!r}",
        version=version,
        source=source,
        does=f"Says nothing, and ends with the finish reason {word!r}.",
        answers=always(sse(chunk(role="assistant", content=""), chunk(word))),
        right=right,
    )


def _ends_whole(server: str, version: str, source: str, word: object, right: Right) -> Row:
    """A server that answers whole, with a finish reason of its own."""
    return Row(
        name=f"{server}: whole, ends with {word!r}",
        version=version,
        source=source,
        does=f"Answers whole, with the finish reason {word!r}.",
        answers=not_streamed(whole(word, content=_HALF)),
        right=right,
    )


def _ends_so(name: str, source: str, does: str, answers: Part, right: Right) -> Row:
    """A server whose stream ends in a way of its own."""
    return Row(
        name=name,
        version="2024 to 2026",
        source=source,
        does=does,
        answers=always(answers),
        right=right,
    )


ENDS: Final = [
    _ends("OpenAI", "2026", _OPENAI, "length", _CUT),
    _ends("OpenAI", "2026", _OPENAI, "content_filter", _FILTERED),
    _ends("Gemini", "2026-06", _GEMINI, "STOP", completes(_HALF)),
    _ends("Gemini", "2026-06", _GEMINI, "MAX_TOKENS", _CUT),
    _ends("Gemini", "2026-06", _GEMINI, "SAFETY", _FILTERED),
    _ends("Gemini", "2026-06", _GEMINI, "PROHIBITED_CONTENT", _FILTERED),
    _ends(
        "Gemini",
        "2026-06",
        _GEMINI,
        "MALFORMED_FUNCTION_CALL",
        fails("server_error", "malformed_function_call"),
    ),
    _ends(
        "Mistral",
        "2026",
        f"{_MISTRAL}/completionresponsestreamchoice.py",
        "error",
        fails("server_error", "error"),
    ),
    _ends("GLM-5", "2026-07", _GLM, "model_context_window_exceeded", _CUT),
    _ends("GLM-5", "2026-07", _GLM, "sensitive", _FILTERED),
    _ends("GLM-5", "2026-07", _GLM, "network_error", fails("server_error", "network_error")),
    _ends("vLLM", "0.2x, 2026-09", _VLLM, "abort", fails("server_error", "abort")),
    _ends(
        "OpenRouter",
        "2026-08",
        "https://github.com/gethouston/houston/pull/1211",
        "error",
        fails("server_error", "error"),
    ),
    _ends(
        "a relay",
        "2026-08",
        "https://github.com/ranxianglei/billion-context-pi/issues/169",
        "error_finish",
        fails("server_error", "error_finish"),
    ),
    _ends(
        "DeepSeek",
        "2026",
        "https://docs.rs/crate/ds-api/latest/source/src/raw/response/non_streaming/finish_reason.rs",
        "insufficient_system_resource",
        fails("server_error", "insufficient_system_resource"),
    ),
    _ends(
        "Together",
        "2025",
        "https://github.com/togethercomputer/together-python/blob/main/src/together/types/common.py",
        "eos",
        completes(_HALF),
    ),
    _ends(
        "Ollama before 0.1.38",
        "2024-05",
        "https://github.com/ollama/ollama/issues/4357",
        "",
        completes(_HALF),
    ),
    _ends_at_once("Gemini", "2026-06", _GEMINI, "SAFETY", is_cut()),
    _ends_at_once(
        "Gemini",
        "2026-06",
        _GEMINI,
        "MALFORMED_FUNCTION_CALL",
        fails("server_error", "malformed_function_call"),
    ),
    _ends_at_once("GLM-5", "2026-07", _GLM, "network_error", fails("server_error", "network")),
    _ends_whole("Gemini", "2026-06", _GEMINI, "SAFETY", _FILTERED),
    _ends_whole("GLM-5", "2026-07", _GLM, "network_error", fails("server_error", "network_error")),
    _ends_whole("GLM-5", "2026-07", _GLM, "model_context_window_exceeded", _CUT),
    _ends_whole("Mistral", "2026", f"{_MISTRAL}/chatcompletionchoice.py", "model_length", _CUT),
    _ends_whole(
        "Snowflake Cortex",
        "2026-07",
        "https://github.com/pydantic/pydantic-ai/tree/main/tests/models/cassettes/test_snowflake",
        "",
        completes(_HALF),
    ),
    Row(
        name="GLM-5: a call and 'network_error'",
        version="2026-07",
        source=_GLM,
        does="Breaks down behind a call that looks whole.",
        answers=tool_round(calls(call("get_weather", OSLO_TEXT), finish="network_error")),
        run=FUNCTIONS,
        right=fails("server_error", "network_error"),
    ),
    Row(
        name="OpenAI: a call and 'stop'",
        version="2026",
        source="https://github.com/open-webui/computer/issues/224",
        does="Calls a function and ends with stop.",
        answers=tool_round(calls(call("get_weather", OSLO_TEXT), finish="stop")),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    _ends_so(
        "Perplexity: no [DONE]",
        f"{RECORDED}/chat_citations_with_perplexity_sonar_returns_search_result_citations_when_streaming.yml",
        "Ends the stream after the finish reason, without [DONE].",
        sse(chunk(content=ANSWER), chunk("stop"), done=False),
        completes(),
    ),
    _ends_so(
        "proxies: no finish reason",
        "https://github.com/alfredapp/openai-workflow/pull/52",
        "Gives no chunk a finish reason.",
        sse({"choices": [{"index": 0, "delta": {"content": ANSWER}}]}),
        completes(),
    ),
    _ends_so(
        "proxies: neither finish reason nor [DONE]",
        "https://github.com/can1357/oh-my-pi/issues/9433",
        "Ends the stream in the middle of an answer, as if it were whole.",
        sse(chunk(content=_HALF), done=False),
        fails("server_error", "broke off"),
    ),
    _ends_so(
        "proxies: a connection that breaks",
        "https://github.com/can1357/oh-my-pi/issues/9433",
        "Breaks off in the middle of an answer; a variant that breaks the connection.",
        sse(chunk(content=_HALF), CUT, done=False),
        fails("server_error"),
    ),
    _ends_so(
        "proxies: a connection that breaks behind the end",
        "https://github.com/can1357/oh-my-pi/issues/9433",
        "Breaks the connection; a variant that does so after the finish reason.",
        sse(chunk(content=ANSWER), chunk("stop"), CUT, done=False),
        completes(),
    ),
]
