"""What a stream holds beside the chunks of an answer: errors in every form, and what follows."""

from __future__ import annotations

import json
from typing import Final

from fake_server import Answer
from server_answers import (
    ANSWER,
    chunk,
    document,
    not_streamed,
    outgrown,
    sse,
)

from behaviours.row import LONG, Row, brief, completes, fails

_BOOM: Final = {"code": 500, "message": "The engine is on fire."}
_OVER: Final = {
    "code": 400,
    "type": "exceed_context_size_error",
    "message": "request (19185 tokens) exceeds the available context size (16384 tokens)",
}
_LLAMA: Final = "https://github.com/ggml-org/llama.cpp/pull/16109"
_LEMONADE: Final = "https://github.com/lemonade-sdk/lemonade/issues/2826"
_OPENROUTER: Final = "https://openrouter.ai/docs/api/reference/errors-and-debugging"
#: The choice of an answer, whole or streamed, as a client has it that knows OpenRouter.
_CHOICE: Final = (
    "https://api.koog.ai/prompt/prompt-executor/prompt-executor-clients/"
    "prompt-executor-openrouter-client/ai.koog.prompt.executor.clients.openrouter.models"
)
_STREAMED_CHOICE: Final = f"{_CHOICE}/-open-router-stream-choice/-open-router-stream-choice.html"
_BEGUN: Final = chunk(content="It is ")


def _unframed(body: object) -> Answer:
    """A document that is called an event stream and is none."""
    return Answer(200, "text/event-stream", [json.dumps(body).encode()])


STREAMS: Final = [
    brief(
        "OpenRouter: an error in a chunk",
        "https://github.com/damianvtran/local-operator/pull/223",
        "Tells within a 200 that the provider broke down: an error beside choices.",
        sse(_BEGUN, {**chunk("error", content=""), "error": _BOOM}, done=False),
        fails("server_error", "on fire"),
    ),
    brief(
        "OpenRouter: a rate limit in a chunk",
        _OPENROUTER,
        "Tells within a 200 that the provider takes no more.",
        sse({"error": {"code": 429, "message": "Rate limit exceeded"}, "choices": []}, done=False),
        fails("rate_limit_exceeded", "rate limit exceeded"),
    ),
    brief(
        "OpenRouter: an error in a choice, streamed",
        _STREAMED_CHOICE,
        "Puts what went wrong into the choice.",
        sse(
            _BEGUN,
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "error", "error": _BOOM}]},
        ),
        fails("server_error", "on fire"),
    ),
    brief(
        "OpenRouter: an error in a choice, with the reason stop",
        _STREAMED_CHOICE,
        "Puts what went wrong into the choice; a variant that claims to have stopped.",
        sse(
            _BEGUN,
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "error": _BOOM}]},
        ),
        fails("server_error", "on fire"),
    ),
    brief(
        "OpenRouter: an error in a choice, whole",
        f"{_CHOICE}/-open-router-choice/-open-router-choice.html",
        "Puts what went wrong into the choice of a whole answer.",
        not_streamed(
            document(
                {
                    "choices": [
                        {"message": {"content": ""}, "finish_reason": "error", "error": _BOOM}
                    ]
                }
            )
        ),
        fails("server_error", "on fire"),
    ),
    Row(
        name="OpenRouter: an overflow in a choice",
        version="2025 and 2026",
        source=_STREAMED_CHOICE,
        does="Puts what went wrong into the choice; a variant: the thread is too long.",
        answers=outgrown(sse({"choices": [{"index": 0, "delta": {}, "error": _OVER}]}, done=False)),
        run=LONG,
        right=completes(),
    ),
    brief(
        "TGI: event: error",
        "https://github.com/damianvtran/local-operator/pull/223",
        "Names the event of an error, which stands in it without a frame.",
        sse(_BEGUN, f"event: error\ndata: {json.dumps(_BOOM)}\n\n", done=False),
        fails("server_error", "on fire"),
    ),
    brief(
        "vLLM: an error and [DONE]",
        "https://github.com/damianvtran/local-operator/pull/223",
        "Tells an error in a chunk of its own and ends as if all were well.",
        sse(_BEGUN, {"error": {**_BOOM, "type": "InternalServerError"}}),
        fails("server_error", "on fire"),
    ),
    brief(
        "llama.cpp: an error: field",
        _LLAMA,
        "Until 2025-09: writes an error as a field of its own, then [DONE].",
        sse(_BEGUN, f"error: {json.dumps(_BOOM)}\n\n"),
        fails("server_error", "on fire"),
    ),
    brief(
        "llama.cpp: an error: field before any chunk",
        _LLAMA,
        "Until 2025-09: writes nothing but an error as a field of its own.",
        sse(f"error: {json.dumps(_BOOM)}\n\n"),
        fails("server_error", "on fire"),
    ),
    Row(
        name="llama.cpp: an overflow in an error: field",
        version="before 2025-09",
        source=_LLAMA,
        does="Tells in a field of its own that the thread is too long.",
        answers=outgrown(sse(f"error: {json.dumps(_OVER)}\n\n")),
        run=LONG,
        right=completes(),
    ),
    Row(
        name="Lemonade: an overflow without a frame",
        version="11.5.0, 2026-07",
        source=_LEMONADE,
        does="Passes its backend's error on as it is, in a text/event-stream.",
        answers=outgrown(_unframed({"error": _OVER})),
        run=LONG,
        right=completes(),
    ),
    brief(
        "Lemonade: an error without a frame",
        _LEMONADE,
        "Passes its backend's error on as it is, in a text/event-stream.",
        _unframed({"error": _BOOM}),
        fails("server_error", "on fire"),
    ),
    brief(
        "Lemonade: an error without a frame, behind chunks",
        _LEMONADE,
        "Passes its backend's error on as it is, in the middle of a stream.",
        sse(_BEGUN, json.dumps({"error": _BOOM}), done=False),
        fails("server_error"),
    ),
    brief(
        "Lemonade: an error without a frame, on several lines",
        _LEMONADE,
        "Passes its backend's error on as it is, which is written on several lines.",
        Answer(200, "text/event-stream", [json.dumps({"error": _BOOM}, indent=2).encode()]),
        fails("server_error", "on fire"),
    ),
    brief(
        "9router: a whole answer without a frame",
        "https://github.com/decolua/9router/issues/3492",
        "Answers a whole document as text/event-stream.",
        _unframed({"choices": [{"message": {"content": ANSWER}, "finish_reason": "stop"}]}),
        completes(),
    ),
    brief(
        "gateways: a list of errors without a frame",
        "https://github.com/n4ze3m/page-assist/issues/406",
        "Answers with Gemini's list of errors; a variant that is called text/event-stream.",
        _unframed([{"error": {"code": 500, "message": "The engine is on fire."}}]),
        fails("server_error", "on fire"),
    ),
    brief(
        "GLM-5.1: a frame cut off within the next",
        "https://github.com/zai-org/GLM-5/issues/66",
        "Begins a chunk, and the next one within it.",
        sse(_BEGUN, 'data: {"choices": [{"del\ndata: {"choices": []}\n\n'),
        fails("server_error", '{"choices": [{"del'),
    ),
    brief(
        "Azure: a chunk without choices first",
        "https://github.com/AbanteAI/archive-old-cli-mentat/issues/429",
        "Tells what its filters say of the prompt in a first chunk without choices.",
        sse({"choices": [], "prompt_filter_results": [{}]}, chunk(content=ANSWER), chunk("stop")),
        completes(),
    ),
    brief(
        "the standard: no space, CRLF, a mark of the byte order",
        "https://html.spec.whatwg.org/multipage/server-sent-events.html",
        "Writes events as the standard allows, but as few servers do.",
        sse(
            "\ufeff",
            f"data:{json.dumps(chunk(content='It is '))}\r\n\r\n",
            f"id: 7\r\nretry: 10\r\ndata:{json.dumps(chunk('stop', content='17.'))}\r\n\r\n",
            "data:[DONE]\r\n\r\n",
            done=False,
        ),
        completes(),
    ),
]
