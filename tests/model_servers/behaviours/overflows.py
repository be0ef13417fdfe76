"""In which words servers say that a thread is too long; the run goes on with fewer messages."""

from __future__ import annotations

from typing import Any, Final

from server_answers import outgrown, refuses, sse

from behaviours.row import LONG, RECORDED, Row, completes

_PI: Final = "https://github.com/earendil-works/pi/blob/main/packages/ai/src/utils/overflow.ts"
_REQUEST: Final = "invalid_request_error"


def _row(server: str, source: str, refusal: Any, version: str = "2024 to 2026") -> Row:
    """A server that answers so where the thread is too long."""
    return Row(
        name=f"too long: {server}",
        version=version,
        source=source,
        does="Refuses a thread that is too long for the model, in its own words.",
        answers=outgrown(refusal),
        run=LONG,
        right=completes(),
    )


def _says(server: str, source: str, words: str, *, status: int = 400, **fields: Any) -> Row:
    """A server that says it in the message of an error, with other fields beside it."""
    return _row(server, source, refuses(status, {"error": {"message": words, **fields}}))


def _says_flatly(server: str, source: str, words: str, *, status: int = 400, **fields: Any) -> Row:
    """A server that says it at the top of the body."""
    return _row(server, source, refuses(status, {"message": words, **fields}))


def _says_as_error(server: str, source: str, words: str, *, status: int = 400, **more: Any) -> Row:
    """A server whose error is a text."""
    return _row(server, source, refuses(status, {"error": words, **more}))


OVERFLOWS: Final = [
    _says(
        "OpenAI",
        "https://github.com/chathub-dev/chathub/issues/126",
        "This model's maximum context length is 4097 tokens. However, your messages resulted in "
        "4294 tokens. Please reduce the length of the messages.",
        type=_REQUEST,
        param="messages",
        code="context_length_exceeded",
    ),
    _says(
        "OpenAI, newer models",
        _PI,
        "Your input exceeds the context window of this model. Please adjust your input.",
    ),
    _says(
        "Anthropic",
        "https://github.com/stackblitz/bolt.new/issues/2187",
        "prompt is too long: 205106 tokens > 200000 maximum",
        type=_REQUEST,
    ),
    _says(
        "Anthropic, with its bound on the answer",
        "https://github.com/stackblitz/bolt.new/issues/7414",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease "
        "input length or `max_tokens` and try again",
    ),
    _says(
        "Anthropic, by bytes",
        _PI,
        "Request exceeds the maximum size",
        status=413,
        type="request_too_large",
    ),
    _says_flatly(
        "vLLM",
        "https://github.com/vllm-project/vllm/issues/20409",
        "This model's maximum context length is 16384 tokens. However, you requested 19591 tokens "
        "(9591 in the messages, 10000 in the completion). Please reduce the length of the messages "
        "or completion.",
        object="error",
        type="BadRequestError",
        code=400,
    ),
    _says(
        "vLLM since 0.8",
        "https://github.com/earendil-works/pi/pull/5929",
        "This model's maximum context length is 262144 tokens. However, you requested 0 output "
        "tokens and your prompt contains at least 262145 input tokens, for a total of at least "
        "262145 tokens.",
    ),
    _says(
        "vLLM, of models with images",
        "https://github.com/thu-coai/Glyph/issues/9",
        "The decoder prompt (length 163840) is longer than the maximum model length of 131072.",
        type="BadRequestError",
    ),
    _says_flatly(
        "SGLang",
        "https://github.com/QwenLM/Qwen3/issues/1321",
        "The input (61709 tokens) is longer than the model's context length (40960 tokens).",
        object="error",
        type="BadRequestError",
        code=400,
    ),
    _says(
        "SGLang, with the answer",
        "https://github.com/anomalyco/opencode/pull/25230",
        "Requested token count exceeds the model's maximum context length of 202752 tokens. You "
        "requested a total of 202941 tokens.",
    ),
    _says(
        "llama.cpp",
        "https://github.com/ggml-org/llama.cpp/pull/16109",
        "the request exceeds the available context size, try increasing it",
        code=400,
        type="exceed_context_size_error",
        n_prompt_tokens=19185,
        n_ctx=16384,
    ),
    _says_as_error(
        "LM Studio",
        "https://github.com/Gitlawb/openclaude/issues/353",
        "The number of tokens to keep from the initial prompt is greater than the context length "
        "(n_keep: 13055>= n_ctx: 4096). Try to load the model with a larger context length, or "
        "provide a shorter input.",
    ),
    _says_as_error(
        "LM Studio 0.3",
        "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/546",
        "Trying to keep the first 111490 tokens when context the overflows. However, the model is "
        "loaded with context length of only 32768 tokens, which is not enough.",
    ),
    _says_as_error(
        "LM Studio 0.4",
        "https://github.com/anomalyco/opencode/issues/11141",
        "Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)",
    ),
    _says_flatly(
        "Mistral",
        _PI,
        "Prompt contains 140000 tokens and 0 draft tokens, too large for model with 131072 maximum "
        "context length",
        object="error",
        type=_REQUEST,
        code="3051",
    ),
    _says(
        "Groq",
        "https://github.com/thepersonalaicompany/amurex-backend/issues/51",
        "Please reduce the length of the messages or completion.",
        type=_REQUEST,
        param="messages",
        code="context_length_exceeded",
    ),
    _says_flatly(
        "Cohere",
        "https://github.com/cohere-ai/sandbox-topically/issues/4",
        "too many tokens: total number of tokens (prompt and prediction) cannot exceed 2048 - "
        "received 6354. Try using a shorter prompt or a smaller max_tokens value.",
    ),
    _says(
        "MiniMax",
        "https://github.com/MiniMax-AI/MiniMax-M2/issues/119",
        "invalid params, context window exceeds limit (2013)",
    ),
    _says(
        "Fireworks",
        "https://github.com/fw-ai/cookbook/issues/134",
        "The prompt is too long: 40177, model maximum context length: 32767",
        object="error",
        type=_REQUEST,
        code=_REQUEST,
    ),
    _says(
        "OpenRouter",
        _PI,
        "This endpoint's maximum context length is 131072 tokens. However, you requested about "
        "140000 tokens.",
        code=400,
        metadata={"provider_name": None},
    ),
    _says(
        "OpenRouter with Poolside",
        "https://github.com/earendil-works/pi/issues/4943",
        "Provider returned error",
        code=400,
        metadata={
            "raw": "Input length 131393 exceeds the maximum allowed input length of 131040 tokens.",
            "provider_name": "Poolside",
        },
    ),
    _says(
        "Ollama cloud",
        f"{RECORDED}/chat_real_error_scenarios_ollama_cloud_gpt-oss_120b_handles_context_length_"
        "exceeded_errors.yml",
        "prompt too long; exceeded max context length by 4 tokens",
        type=_REQUEST,
    ),
    _says(
        "LiteLLM",
        "https://github.com/anomalyco/opencode/issues/44888",
        "ContextWindowExceededError: litellm.BadRequestError: Context Window exceeded for given "
        "call. No models have context window large enough for this call.",
    ),
    _says(
        "LiteLLM, as 503",
        "https://github.com/earendil-works/pi/issues/4563",
        "litellm.ServiceUnavailableError: litellm.MidStreamFallbackError: OpenAIException - "
        "Requested token count exceeds the model's maximum context length of 131072 tokens.",
        status=503,
    ),
    _row(
        "Gemini",
        _PI,
        refuses(
            400,
            [
                {
                    "error": {
                        "code": 400,
                        "message": "The input token count (1196265) exceeds the maximum number of "
                        "tokens allowed (1048575).",
                        "status": "INVALID_ARGUMENT",
                    }
                }
            ],
        ),
    ),
    _says_as_error(
        "xAI",
        "https://github.com/chenyme/grok2api/issues/693",
        "This model's maximum prompt length is 500000 but the request contains 907154 tokens.",
        code="Client specified an invalid argument",
    ),
    _says(
        "Kimi",
        _PI,
        "Invalid request: Your request exceeded model token limit: 262144 (requested: 291351)",
    ),
    _says_flatly("Bedrock", _PI, "Input is too long for requested model."),
    _says(
        "DashScope",
        "https://github.com/anomalyco/opencode/pull/45834",
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]",
        code="invalid_parameter_error",
    ),
    _says_flatly(
        "SiliconFlow",
        "https://github.com/leookun/cursor-byok/issues/129",
        "number of input tokens (204703) has exceeded max_prompt_tokens (202752) limit.",
        code=20015,
        data=None,
    ),
    _says(
        "GitHub Copilot",
        _PI,
        "prompt token count of 129000 exceeds the limit of 128000",
        code="model_max_prompt_tokens_exceeded",
    ),
    _says_as_error(
        "TGI",
        "https://github.com/huggingface/text-generation-inference/blob/main/router/src/validation.rs",
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 "
        "`inputs` tokens and 100 `max_new_tokens`",
        status=422,
        error_type="validation",
    ),
    _says(
        "Perplexity",
        f"{RECORDED}/chat_real_error_scenarios_perplexity_sonar_handles_context_length_exceeded_"
        "errors.yml",
        "The total length of all messages is too long.",
        type="too_many_prompt_tokens",
        code=400,
    ),
    _says(
        "oMLX",
        "https://github.com/ValueCell-ai/ClawX/issues/658",
        "Prompt too long: 41911 tokens exceeds max context window of 32768 tokens",
    ),
    _row(
        "OpenRouter, in a stream",
        "https://openrouter.ai/docs/api/reference/errors-and-debugging",
        sse({"error": {"code": 400, "message": "prompt is too long: 9 tokens > 8 maximum"}}),
    ),
]
