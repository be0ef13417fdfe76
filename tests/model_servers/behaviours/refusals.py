"""What refusals mean: the words and the code that a run's ``last_error`` holds."""

from __future__ import annotations

import json
from typing import Final

from fake_server import Answer
from server_answers import (
    refuses,
    sse,
)

from behaviours.row import FUNCTIONS, RECORDED, brief, fails

_OPENROUTER: Final = "https://openrouter.ai/docs/api/reference/errors-and-debugging"


def _raw(raw: object, code: int = 400) -> Answer:
    """What OpenRouter answers when a provider refuses."""
    metadata = {"raw": raw, "provider_name": "Somebody"}
    error = {"message": "Provider returned error", "code": code, "metadata": metadata}
    return refuses(code, {"error": error, "user_id": "user_1"})


REFUSALS: Final = [
    # --- whose words they are, wherever they stand
    brief(
        "OpenRouter: the provider's words, as JSON in a text",
        "https://github.com/diegosouzapw/OmniRoute/issues/3044",
        "Puts what the provider said into metadata.raw, and says itself that it refused.",
        _raw(json.dumps({"error": {"message": "This model takes one image at most."}})),
        fails("server_error", "this model takes one image at most", requests=1),
    ),
    brief(
        "OpenRouter: the provider's words, as a text",
        "https://github.com/open-webui/computer/issues/293",
        "Puts what the provider said into metadata.raw as a text, with 429.",
        _raw("glm is temporarily rate-limited upstream. Please retry shortly.", 429),
        fails("rate_limit_exceeded", "glm is temporarily rate-limited upstream"),
    ),
    brief(
        "OpenRouter: the provider's words, as an object",
        "https://github.com/smixs/iva-agent/pull/18",
        "Puts the provider's error into metadata.raw as it is.",
        _raw({"error": {"message": "This model takes one image at most."}}),
        fails("server_error", "this model takes one image at most"),
    ),
    brief(
        "OpenRouter: the provider's words, in a stream",
        "https://github.com/damianvtran/local-operator/pull/223",
        "Puts what the provider said into metadata.raw of an error within a 200 stream.",
        sse(json.loads(_raw("The GPU is on fire.", 502).blocks[0]), done=False),
        fails("server_error", "the gpu is on fire"),
    ),
    brief(
        "Gemini: a list of errors",
        "https://github.com/langroid/langroid/pull/969",
        "Wraps its error into a list.",
        refuses(400, [{"error": {"code": 400, "message": "Invalid JSON payload received."}}]),
        fails("server_error", "answered 400: Invalid JSON payload received.", never=["[{"]),
    ),
    brief(
        "Gemini: a list of errors, 429",
        "https://github.com/n4ze3m/page-assist/issues/406",
        "Wraps what it says of its limits into a list.",
        refuses(
            429,
            [
                {
                    "error": {
                        "code": 429,
                        "message": "Resource has been exhausted (e.g. check quota).",
                        "status": "RESOURCE_EXHAUSTED",
                    }
                }
            ],
        ),
        fails("rate_limit_exceeded", "resource has been exhausted", never=["[{"], requests=1),
    ),
    brief(
        "Mistral: a detail within the message",
        "https://github.com/editor-code-assistant/eca/issues/231",
        "Says what it does not take in a list within its message.",
        refuses(
            422,
            {
                "object": "error",
                "message": {
                    "detail": [
                        {
                            "type": "extra_forbidden",
                            "loc": ["body", "tools", 0, "colour"],
                            "msg": "Extra inputs are not permitted",
                        }
                    ]
                },
                "type": "invalid_request_error",
            },
        ),
        fails("server_error", "extra inputs are not permitted", requests=1),
    ),
    brief(
        "LM Studio: an error that is a text",
        "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/670",
        "Tells its error as a text.",
        refuses(400, {"error": "The model has crashed without additional information."}),
        fails("server_error", "the model has crashed"),
    ),
    brief(
        "Cloudflare: a list of errors by another name",
        "https://github.com/jekalmin/extended_openai_conversation/issues/228",
        "Tells what went wrong in a list named errors.",
        refuses(400, {"errors": [{"message": "The model has no tools.", "code": 5006}]}),
        fails("server_error", "the model has no tools"),
    ),
    brief(
        "vLLM: FastAPI's detail",
        "https://github.com/vllm-project/vllm/issues/5082",
        "Tells what went wrong as detail.",
        refuses(404, {"detail": "Not Found"}),
        fails("server_error", "not found", "it usually ends in /v1"),
    ),
    # --- what a status alone does not say
    brief(
        "OpenRouter: moderation",
        _OPENROUTER,
        "Refuses with 403 what its moderation flags.",
        refuses(
            403,
            {
                "error": {
                    "code": 403,
                    "message": "openai/gpt-5 requires moderation. Your input was flagged.",
                    "metadata": {"reasons": ["illicit"]},
                }
            },
        ),
        fails("invalid_prompt", "was flagged", never=["refused the key", "ASSISTANTS_MODEL_KEY"]),
    ),
    brief(
        "xAI: usage guidelines",
        "https://github.com/theopenco/llmgateway/pull/1785",
        "Refuses with 403 what violates its guidelines.",
        refuses(
            403,
            {
                "code": "The caller does not have permission to execute the specified operation",
                "error": "Content violates usage guidelines. Team: t, Model: grok-4, Failed check: "
                "SAFETY_CHECK_TYPE_BIO",
            },
        ),
        fails("invalid_prompt", "violates usage guidelines", never=["refused the key"]),
    ),
    brief(
        "a gateway: a sensitive word",
        "https://github.com/14790897/MiqroForge-Desktop/pull/1027",
        "Refuses with 403 a word that it does not like.",
        refuses(403, {"error": {"message": "sensitive word", "code": "sensitive_word_detected"}}),
        fails("invalid_prompt", "sensitive word", never=["refused the key"]),
    ),
    brief(
        "OpenAI: a country",
        "https://github.com/crmne/ruby_llm/pull/431",
        "Refuses with 403 whoever asks from some countries.",
        refuses(
            403,
            {
                "error": {
                    "code": "unsupported_country_region_territory",
                    "message": "Country, region, or territory not supported",
                    "type": "request_forbidden",
                }
            },
        ),
        fails("server_error", "territory not supported", never=["refused the key"]),
    ),
    brief(
        "OpenAI: a key that it does not know",
        f"{RECORDED}/chat_error_handling_with_openai_gpt-5-nano_raises_appropriate_auth_error.yml",
        "Refuses a key.",
        refuses(401, "Incorrect API key provided."),
        fails("server_error", "refused the key", "ASSISTANTS_MODEL_KEY", requests=1),
    ),
    brief(
        "OpenRouter: a model without tools",
        "https://github.com/Routstr/routstr-core/issues/554",
        "Says with 404 that no provider of the model knows tools.",
        refuses(404, "No endpoints found that support tool use."),
        fails("server_error", "no endpoints found that support tool use", never=["base url"]),
        run=FUNCTIONS,
    ),
    brief(
        "OpenAI: a model of the other API",
        "https://github.com/pgadmin-org/pgadmin4/issues/9795",
        "Says with 404 that the Responses API alone serves the model.",
        refuses(
            404,
            "This model is only supported in v1/responses and not in v1/chat/completions.",
        ),
        fails("server_error", "ASSISTANTS_MODEL_API", never=["is that the base url"]),
    ),
    brief(
        "OpenAI: not a chat model",
        "https://github.com/micz/ThunderAI/issues/570",
        "Says with 404 that the model is not served by chat completions.",
        refuses(
            404,
            "This is not a chat model and thus not supported in the v1/chat/completions endpoint. "
            "Did you mean to use v1/completions?",
        ),
        fails("server_error", "ASSISTANTS_MODEL_API", never=["is that the base url"]),
    ),
    brief(
        "OpenAI: tools with an effort to reason",
        "https://github.com/pipecat-ai/pipecat/issues/4043",
        "Refuses functions beside an effort to reason in chat completions.",
        refuses(
            400,
            {
                "error": {
                    "message": "Function tools with reasoning_effort are not supported in "
                    "/v1/chat/completions. Please use /v1/responses instead.",
                    "type": "invalid_request_error",
                    "param": "reasoning_effort",
                    "code": None,
                }
            },
        ),
        fails("server_error", "please use /v1/responses instead"),
        run=FUNCTIONS.having(reasoning_effort="low"),
    ),
    brief(
        "OpenAI: no quota left",
        "https://github.com/OpenHands/OpenHands/issues/998",
        "Refuses with 429 until somebody pays.",
        refuses(
            429,
            {
                "error": {
                    "message": "You exceeded your current quota, please check your plan.",
                    "type": "insufficient_quota",
                    "code": "insufficient_quota",
                }
            },
        ),
        fails("rate_limit_exceeded", "exceeded your current quota", requests=1),
    ),
    brief(
        "Anthropic: overloaded",
        "https://docs.llmgateway.io/troubleshooting/anthropic-529-overloaded",
        "Answers 529 while it is overloaded.",
        refuses(
            529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        ),
        fails("server_error", "529", "overloaded"),
    ),
]
