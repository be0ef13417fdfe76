"""What the errors of many servers mean, by their words and in all the forms of their bodies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assistants_client.engine.language_models.error_words import (
    Kind,
    error_code,
    error_text,
    hinted_wait,
    kind_of,
)

#: A user's message with words of every kind of error in it.
TRAP = "rate limit, context length exceeded, content_filter, does not support tools, stream"


def words(message: str, **more: Any) -> dict[str, Any]:
    """An error body in its most common form."""
    return {"error": {"message": message, **more}}


# --- kinds --------------------------------------------------------------------------------------

TOO_LONG = [
    # Anthropic
    "prompt is too long: 200153 tokens > 200000 maximum",
    "input length and `max_tokens` exceed context limit: 195000 + 8000 > 200000",
    "Request exceeds the maximum size",
    # OpenAI, and those who speak as it does
    "This model's maximum context length is 8192 tokens. However, you requested 9001 tokens.",
    "Your input exceeds the context window of this model.",
    "Input tokens exceed the configured limit of 272000 tokens.",
    "Invalid 'messages': array too long. Expected an array with maximum length 2048.",
    "Invalid 'messages[7].content': string too long. Expected a string with maximum length 1048576",
    # Google
    "The input token count (1050000) exceeds the maximum number of tokens allowed (1048575).",
    "The input token count is 40000 but the model supports up to 32768.",
    # Bedrock
    "Input is too long for requested model.",
    "Malformed input request: expected maxLength: 42000, actual: 42001",
    # xAI, Groq, Cerebras, Mistral, Kimi, MiniMax, Cohere, Perplexity, Copilot
    "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
    "Please reduce the length of the messages or completion.",
    "Current length is 8193 while limit is 8192",
    "Prompt contains 33000 tokens, too large for model with 32768 maximum context length",
    "Invalid request: Your request exceeded model token limit: 262144 (requested: 262200)",
    "Input token length too long",
    "invalid params, context window exceeds limit",
    "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4090.",
    "The total length of all messages is too long.",
    "prompt token count of 130001 exceeds the limit of 128000",
    "exceeds the limit of 128000 tokens",
    # DashScope, SiliconFlow, Volcengine, Zhipu
    "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]",
    "number of input tokens (204703) has exceeded max_prompt_tokens (202752) limit.",
    "Total tokens of image and text exceed max message tokens.",
    "Prompt 超长",
    "Prompt exceeds max length",
    "输入长度超过限制",
    "请求的token数超过上限",
    # Servers of one's own: llama.cpp, vLLM, SGLang, TGI, LM Studio, Ollama, tabbyAPI, TensorRT-LLM
    "request (19000 tokens) exceeds the available context size (16384 tokens), try increasing it",
    "Requested tokens (5000) exceed context window of 4096",
    "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
    "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
    "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
    "Input validation error: `inputs` must have less than 1024 tokens. Given: 3000",
    "The number of tokens to keep from the initial prompt is greater than the context length",
    "prompt too long; exceeded max context length by 4 tokens",
    "Prompt length 5000 is greater than max_seq_len 4096",
    "The sum of prompt length (5000) and max_tokens (100) should not exceed max_seq_len (4096)",
    # Gateways
    "The estimated number of input tokens (25000) exceeded this model context window limit",
    "litellm.ContextWindowExceededError: BadRequestError",
    "Input length 131393 exceeds the maximum allowed input length of 131040 tokens.",
    "<html><head><title>413 Request Entity Too Large</title></head></html>",
]
THROTTLED = [
    "Too many tokens, please wait before trying again.",
    "Too many tokens per day, please wait before trying again.",
    "Request too large for gpt-x on tokens per min (TPM): Limit 30000, Requested 40000. The input "
    "or output tokens must be reduced in order to run successfully.",
    "Request too large for model `llama` on tokens per minute (TPM): Limit 6000, Requested 8000, "
    "please reduce your message size and try again.",
    "Tokens per minute limit exceeded - too many tokens processed.",
    "This request would exceed your organization's rate limit of 30,000 input tokens per minute",
    "This request exceeds the limit of 30000 tokens per minute",
    "request reached organization TPD rate limit, current: 1500001, limit: 1500000",
    "Your account reached max request limit, please try again after 1 seconds (max RPM: 3)",
    "Resource has been exhausted (e.g. check quota).",
    "Service tier capacity exceeded for this model.",
    "Requests rate increased too quickly.",
    "HTTP error 429 from the server behind",
    "您的账户已达到速率限制",
]
OTHERS = [
    (Kind.OVERLOADED, "Overloaded"),
    (Kind.OVERLOADED, "The model is not available due to high demand"),
    (Kind.QUOTA, "Insufficient credits. Add more to go on."),
    (Kind.QUOTA, "This request requires more credits, or fewer max_tokens."),
    (Kind.QUOTA, "Your credit balance is too low to access the API."),
    (Kind.QUOTA, "Your team has used all available credits or reached its spending limit."),
    (Kind.MODERATED, 'Your input was flagged for "illicit". No credits were charged.'),
    (Kind.MODERATED, "filtered due to the prompt triggering the content management policy"),
    (Kind.MODERATED, "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"),
    (Kind.MODERATED, "Input data may contain inappropriate content."),
    (Kind.MODERATED, "Content Exists Risk"),
    (Kind.MODERATED, "生成内容可能包含不安全或敏感内容"),
    (Kind.REGION, "Country, region, or territory not supported"),
    (Kind.REGION, "User location is not supported for the API use."),
    (Kind.REGION, "Access is not allowed from unsupported countries, regions, or territories."),
    (
        Kind.WRONG_API,
        "This model is only supported in v1/responses and not in v1/chat/completions.",
    ),
    (Kind.WRONG_API, "This is not a chat model and thus not supported in v1/chat/completions."),
    (Kind.WRONG_API, "Did you mean to use v1/completions?"),
    (Kind.WRONG_API, "model gpt-x is not accessible via the /chat/completions endpoint"),
    (Kind.WRONG_API, "The model does not support Chat Completions API"),
    (Kind.WRONG_API, "The Responses API is not supported. Please use /v1/chat/completions."),
    (
        Kind.WRONG_API,
        "Function tools with reasoning_effort are not supported for gpt-x in /v1/chat/completions.",
    ),
    (Kind.NO_TOOLS, "No endpoints found that support tool use."),
    (Kind.NO_TOOLS, "library/gemma:4b does not support tools"),
    (Kind.NO_TOOLS, "tools is not supported in this model."),
    (Kind.NO_TOOLS, "model features function calling not support"),
    (Kind.NO_TOOLS, "tools param requires --jinja flag"),
    (Kind.NO_TOOLS, "Unsupported param: tools"),
    (Kind.NO_TOOLS, '"auto" tool choice requires --enable-auto-tool-choice to be set'),
    (Kind.NO_TOOLS, "`tool calling` is not supported with this model"),
    (Kind.NO_TOOLS, "This model doesn't support tool use in streaming mode."),
    (Kind.BAD_KEY, "API key not valid. Please pass a valid API key."),
    (Kind.BAD_KEY, "Incorrect API key provided."),
    (Kind.NO_SUCH_MODEL, "openai/none is not a valid model ID"),
    (Kind.NO_SUCH_MODEL, "No endpoints found for openai/none."),
    (Kind.NO_SUCH_MODEL, "The model `x` does not exist or you do not have access to it."),
    (Kind.NO_IMAGES, "messages.0.content.1: image exceeds 5 MB maximum"),
    (Kind.NO_IMAGES, "The image in the messages is too large"),
    (Kind.NO_IMAGES, "No endpoints found that support image input"),
    (Kind.NO_IMAGES, "At most 0 image(s) may be provided in one request."),
]
NOTHING_KNOWN = [
    "Boom",
    "Loading model",
    "Error from provider: Upstream request failed",
    # A limit of what is written, which no shorter thread changes.
    "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.",
    "your requested max_tokens (512000) exceeds the model's maximum (128000)",
    "The maximum tokens you requested exceeds the model limit of 4096.",
    "max_completion_tokens exceeds the output token limit.",
    "Range of max_tokens should be [1, 8192]",
    # Long, but not the thread.
    "The request took too long",
    "context deadline exceeded",
    "Request header fields too large",
    "Invalid 'messages[1].tool_calls[0].id': string too long. Expected maximum length 40",
    "Invalid 'tools': array too long. Expected an array with maximum length 128",
    # A field, and not the model or its tools.
    "Unsupported parameter: 'max_tokens' is deprecated for this model. Use another.",
    "No endpoints found that support the provided 'tool_choice' value",
    "This model does not support parallel tool calls",
    "'tools[0].function.strict' is not supported",
    "Encrypted content is not supported with this model.",
    # Words with other words in them, or with another meaning.
    "Property names are case-sensitive",
    "The container image is outdated",
    "A revision under supervision was not possible",
    "Call a second function",
]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        *((Kind.TOO_LONG, message) for message in TOO_LONG),
        *((Kind.THROTTLED, message) for message in THROTTLED),
        *OTHERS,
        *((None, message) for message in NOTHING_KNOWN),
    ],
)
def test_words(kind: Kind | None, message: str) -> None:
    """Wherever a server puts them."""
    assert kind_of(words(message)) is kind
    assert kind_of({"detail": message}) is kind
    assert kind_of(message) is kind


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.TOO_LONG, words("Long", code="context_length_exceeded")),
        (Kind.TOO_LONG, words("Long", code="model_max_prompt_tokens_exceeded")),
        (Kind.TOO_LONG, words("Long", type="exceed_context_size_error", code=400)),
        (Kind.TOO_LONG, {"type": "error", "error": {"type": "request_too_large"}}),
        (Kind.TOO_LONG, {"base_resp": {"status_code": 1039, "status_msg": "token limit"}}),
        (Kind.THROTTLED, words("Too many tokens", code="throttlingException")),
        (Kind.THROTTLED, words("Too many input tokens", code=429)),
        (Kind.THROTTLED, [words("No.", code=429, status="RESOURCE_EXHAUSTED")]),
        (Kind.THROTTLED, words("Slow", type="rate_limit_error")),
        (Kind.OVERLOADED, words("Wait", type="overloaded_error")),
        (Kind.QUOTA, words("You exceeded your current quota", code="insufficient_quota")),
        (Kind.MODERATED, words("No", code="content_filter")),
        (Kind.MODERATED, words("No", innererror={"code": "ResponsibleAIPolicyViolation"})),
        (Kind.MODERATED, words("No", code="data_inspection_failed")),
        (Kind.MODERATED, words("No", code="sensitive_words_detected")),
        (Kind.MODERATED, words("No", code="invalid_prompt")),
        (Kind.REGION, words("No", code="unsupported_country_region_territory")),
        (Kind.WRONG_API, words("No", code="unsupported_api_for_model")),
        (Kind.BAD_GENERATION, words("No", code="tool_use_failed")),
        (Kind.BAD_GENERATION, words("No", failed_generation=TRAP)),
        (Kind.BAD_KEY, words("No", details=[{"reason": "API_KEY_INVALID"}])),
        (Kind.NO_SUCH_MODEL, words("No", code="model_not_found")),
        (None, {}),
        (None, []),
        (None, {"unknown": TRAP}),
        (None, words("No", param="context_length")),
    ],
)
def test_codes(kind: Kind | None, body: object) -> None:
    """Codes, types, statuses and reasons count as words do."""
    assert kind_of(body) is kind


@pytest.mark.parametrize(
    "body",
    [
        {"detail": [{"loc": ["body", "n"], "msg": "No", "type": "extra", "input": TRAP}]},
        {"detail": [{"loc": ["body", "n"], "msg": "No", "ctx": {"error": TRAP}}], "body": TRAP},
        words(f"[{{'loc': ('body', 'n'), 'msg': 'No', 'input': {{'messages': '{TRAP}'}}}}]"),
        words(f"1 error\nn\n  No [type=string_type, input_value='{TRAP}', input_type=str]"),
        words(f"Invalid message: {json.dumps({'role': 'user', 'content': TRAP})}"),
        words("No", metadata={"flagged_input": TRAP}),
    ],
)
def test_what_is_quoted_is_not_said(body: object) -> None:
    """A user may have written any word; servers that validate quote the whole request."""
    assert kind_of(body) is None
    assert "rate limit" not in error_text(body)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Insufficient credits", "rate_limit_exceeded"),
        ("Rate limit reached", "rate_limit_exceeded"),
        ("The prompt is too long", "context_length_exceeded"),
        ("Your input was flagged", "invalid_prompt"),
        ("Overloaded", "server_error"),
        ("Territory not supported: country", "server_error"),
        ("Boom", "server_error"),
    ],
)
def test_the_code_of_a_run(message: str, code: str) -> None:
    """Only some kinds have one of their own."""
    assert error_code(words(message)) == code


# --- texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("plain  words\nof a page", "plain words of a page"),
        ({"error": "plain"}, "plain"),
        (words("words"), "words"),
        ([words("in a list")], "in a list"),
        ({"message": "flat"}, "flat"),
        ({"Message": "AWS"}, "AWS"),
        ({"object": "error", "message": "vLLM", "code": 400}, "vLLM"),
        ({"detail": "FastAPI"}, "FastAPI"),
        ({"title": "Not Found", "detail": "No function"}, "Not Found. No function"),
        ({"error": "Bad Request", "message": "no model"}, "Bad Request. no model"),
        ({"error": "Same", "message": "same"}, "Same"),
        ({"errors": [{"message": "AiError", "code": 5006}], "success": False}, "AiError"),
        ({"base_resp": {"status_code": 2013, "status_msg": "invalid params"}}, "invalid params"),
        (
            {
                "detail": [
                    {"loc": ["body", "a", 0], "msg": "No"},
                    {"loc": ["body", "b"], "msg": "N"},
                ]
            },
            "body.a.0: No. body.b: N",
        ),
        (
            words("Returned error", metadata={"raw": '{"message": "Inner"}', "provider_name": "P"}),
            "Returned error. P: Inner",
        ),
        (words("Returned error", metadata={"raw": "as text"}), "Returned error. as text"),
        (words("Flagged", metadata={"reasons": ["violence", 3]}), "Flagged. violence"),
        (words('relay - {"error": {"message": "Inner", "code": "c"}}'), "relay: Inner"),
        (words('{"error": "{\\"error\\": \\"Innermost\\"}"}'), "Innermost"),
        (words('bad {"a": [1}'), 'bad {"a": [1}'),
        (words("See it", failed_generation="<f{}>"), "See it. It generated: <f{}>"),
        ({"path": ["a"], "error": "No"}, "No"),
        ({"error": True}, '{"error": true}'),
        ({"x": 1}, '{"x": 1}'),
        (None, "null"),
    ],
)
def test_texts(body: object, text: str) -> None:
    """The server's own words, from within whatever holds them."""
    assert error_text(body) == text


def test_texts_are_short() -> None:
    """One line, whatever comes, however deep and however much."""
    many = [{"message": f"{n} " * 200} for n in range(100)]
    deep: Any = "x"
    for _ in range(200):
        deep = {"error": [deep]}

    assert len(error_text(words("word " * 100_000, failed_generation="x" * 1000))) < 700
    assert (
        len(
            error_text(
                {
                    "errors": [
                        many,
                        [{"detail": n} for n in map(str, range(1000, 1100))],
                        *["y"] * 100,
                    ]
                }
            )
        )
        < 700
    )
    assert len(error_text(deep)) < 700
    assert len(error_text("[" * 100_000)) < 700
    assert len(error_text('{"error":' * 100_000)) < 700


# --- how long to wait ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please try again in 0.5s.", 0.5),
        ("Please try again in 500ms.", 0.5),
        ("Please try again in 1m30s.", 90),
        ("Please try again in 6m0s. Visit us", 360),
        ("try again in 1h2m3.5s", 3723.5),
        ("Please retry in 13.7s.", 13.7),
        ("Please retry after 20 seconds.", 20),
        ("please try again after 1 seconds", 1),
        ("Please wait 2 minutes and 5 seconds", 125),
        ("Limit 3 / min. Please try again in 20s", 20),
        ("Retry-After: 5", 5),
        ("Please try again at 12:16 PM", None),
        ("Please try again later", None),
        ("The request timed out after 30 seconds", None),
        ("Rate limit reached: 3 per minute", None),
    ],
)
def test_a_wait_in_words(message: str, seconds: float | None) -> None:
    """As servers say when to come back."""
    assert hinted_wait(words(message), None) == pytest.approx(seconds)


def test_a_wait_in_numbers() -> None:
    """The header outranks the body, and a field its words."""
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "13s"}
    google = words("Please retry in 12.6s.", status="RESOURCE_EXHAUSTED", details=[info])

    assert hinted_wait([google], None) == 13
    assert hinted_wait(google, 2.0) == 2
    assert hinted_wait(google, 0.0) == 0
    assert hinted_wait(words("No", metadata={"retry_after_seconds": 4}), None) == 4
    assert hinted_wait({"message": "No", "retry_after": 1.5}, None) == 1.5
    assert hinted_wait({"message": "No", "retry_after": float("nan")}, None) is None
    assert hinted_wait({"message": "No", "retry_after": True}, None) is None
    assert hinted_wait({"message": "No", "retryDelay": "soon"}, None) is None
