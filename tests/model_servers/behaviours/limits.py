"""Who takes no more for now: what is waited for within a run, and what sounds alike."""

from __future__ import annotations

from typing import Final

from fake_server import Answer
from server_answers import (
    OSLO_TEXT,
    Document,
    call,
    calls,
    in_turn,
    refuses,
    says,
    sse,
)

from behaviours.row import (
    FUNCTIONS,
    Right,
    Row,
    Run,
    brief,
    by_assistant,
    calls_weather,
    fails,
)

_GROQ: Final = "https://github.com/Aider-AI/aider/issues/3265"
_CLIENT: Final = "https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py"


def _later(name: str, source: str, does: str, refusal: Answer, right: Right | None = None) -> Row:
    """A server that takes no more in the second round of a run, once."""
    return Row(
        name=name,
        version="2025 and 2026",
        source=source,
        does=does,
        answers=in_turn(calls(call("get_weather", OSLO_TEXT)), refusal, says()),
        run=FUNCTIONS,
        right=right or calls_weather(requests=3),
    )


_LIMITED: Final = (
    "Rate limit reached for model `llama` on tokens per minute (TPM): Limit 6000, Used 5034, "
    "Requested 1443. Please try again in {}. Visit https://console.groq.com for more."
)

#: What the first message says is part of a right answer.
_NAMED: Final = Run(messages=["My name is Jane.", by_assistant("Hello Jane."), "What is my name?"])


def _names(body: Document, number: int) -> Answer:
    """An answer to the whole thread, or to a part of it."""
    knows = "My name is Jane." in str(body["messages"])
    return says("Your name is Jane." if knows else "You never told me.")


def _throttles(server: str, source: str, refusal: Answer) -> Row:
    """A server whose words for too many requests sound like a thread that is too long."""
    return Row(
        name=f"not too long: {server}",
        version="2026",
        source=source,
        does="Takes no more for now, in words that speak of too many tokens.",
        answers=in_turn(refusal, _names),
        run=_NAMED,
        right=fails("rate_limit_exceeded", requests=1),
    )


LIMITS: Final = [
    _throttles(
        "Bedrock's throttling in a stream",
        "https://github.com/ranxianglei/billion-context-pi/issues/169",
        sse(
            {
                "error": {
                    "message": "Too many tokens, please wait before trying again.",
                    "code": "throttlingException",
                }
            },
            done=False,
        ),
    ),
    _throttles(
        "Bedrock's throttling as 400",
        "https://github.com/anomalyco/opencode/pull/39621",
        refuses(400, "ThrottlingException: Too many tokens, please wait before trying again."),
    ),
    _throttles(
        "Bedrock's throttling as 503, by the day",
        "https://github.com/anomalyco/opencode/pull/13018",
        refuses(503, "Too many tokens per day, please wait before trying again."),
    ),
    _throttles(
        "Cerebras",
        "https://github.com/anomalyco/opencode/pull/13018",
        refuses(429, {"message": "Too many tokens processed.", "code": "token_quota_exceeded"}),
    ),
    # --- what is waited for
    _later(
        "OpenAI: 429 in the second round, in words",
        "https://github.com/continuedev/continue/issues/11472",
        "Says in words when to ask again.",
        refuses(429, _LIMITED.format("20ms")),
    ),
    _later(
        "Groq: 429 in the second round, in seconds",
        _GROQ,
        "Says in words when to ask again, in parts of a second.",
        refuses(429, _LIMITED.format("0.05s")),
    ),
    _later(
        "Groq: 429 in the second round, by a header",
        "https://console.groq.com/docs/rate-limits",
        "Says in a header when to ask again.",
        refuses(429, "Rate limit reached.", Retry_After="1"),
    ),
    _later(
        "OpenAI: 429 in the second round, by milliseconds",
        _CLIENT,
        "Says in a header of its own when to ask again, in milliseconds.",
        refuses(429, "Rate limit is exceeded.", retry_after_ms="30"),
    ),
    _later(
        "Gemini: 429 in the second round, by RetryInfo",
        "https://dev.to/nils44344/gemini-api-429-resourceexhausted-why-your-limit-is-0-68o "
        "https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto",
        "Says in a list of details when to ask again.",
        refuses(
            429,
            [
                {
                    "error": {
                        "code": 429,
                        "message": "You exceeded your current rate.",
                        "status": "RESOURCE_EXHAUSTED",
                        "details": [
                            {
                                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                                "retryDelay": "0.03s",
                            }
                        ],
                    }
                }
            ],
        ),
    ),
    _later(
        "a gateway: 503 in the second round",
        "https://developer.mozilla.org/en-US/docs/Web/HTTP/Headers/Retry-After",
        "Says in a header when it will be there again.",
        refuses(503, "Service Unavailable", Retry_After="1"),
    ),
    Row(
        name="Groq: 429 in the second round, twice",
        version="2025 and 2026",
        source=_GROQ,
        does="Says when to ask again, and takes no more then either.",
        answers=in_turn(
            calls(call("get_weather", OSLO_TEXT)),
            refuses(429, _LIMITED.format("20ms")),
            refuses(429, _LIMITED.format("30ms")),
            says(),
        ),
        run=FUNCTIONS,
        right=calls_weather(requests=4),
    ),
    _later(
        "Groq: 429 in the second round, for longer than a run",
        _GROQ,
        "Says when to ask again; a variant: in twenty minutes.",
        refuses(429, _LIMITED.format("20m0.36s")),
        Right(
            status="failed",
            error="rate_limit_exceeded",
            words=["try again in 20m"],
            calls=calls_weather().calls,
            requests=2,
        ),
    ),
    _later(
        "any server: 400 in the second round",
        _CLIENT,
        "Refuses for a reason that does not pass.",
        refuses(400, "The model is sad."),
        Right(
            status="failed",
            error="server_error",
            words=["the model is sad"],
            calls=calls_weather().calls,
            requests=2,
        ),
    ),
    brief(
        "Groq: 429 in the first round",
        _GROQ,
        "Takes no more at once, and says when to ask again.",
        refuses(429, _LIMITED.format("0.05s"), Retry_After="1"),
        fails("rate_limit_exceeded", "please try again in 0.05s", requests=1),
    ),
]
