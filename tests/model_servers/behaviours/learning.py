"""Which fields servers refuse: they are asked once more without, and not with them ever again."""

from __future__ import annotations

from typing import Final

from fake_server import Answer, FakeServer
from server_answers import (
    OSLO_TEXT,
    Document,
    call,
    calls,
    refuses,
    says,
    tool_round,
    unless,
    unsupported,
    without,
)

from behaviours.row import (
    FUNCTIONS,
    PLAIN,
    TIME,
    Run,
    brief,
    calls_weather,
    completes,
    fails,
    function,
)

_FOUNDRY: Final = "https://github.com/microsoft/vscode-copilot-release/issues/11584"
_TEMPERATURE: Final = "https://github.com/diffbot/code-gpt-docs/issues/445"


def _strict(body: Document) -> bool:
    """Whether a function is to be kept to strictly, or not: either is said."""
    return any("strict" in tool["function"] for tool in body.get("tools", ()))


_LIMITED: Final = PLAIN.having(max_completion_tokens=500)
_MAX_TOKENS: Final = unsupported(
    "max_tokens",
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
    "'max_completion_tokens' instead.",
)
_NO_TEMPERATURE: Final = unsupported(
    "temperature",
    "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) "
    "value is supported.",
    "unsupported_value",
)
_FORCED: Final = FUNCTIONS.having(
    tool_choice={"type": "function", "function": {"name": "get_weather"}}
)
_STRICT: Final = Run(tools=[function("get_weather", strict=True), TIME])
_CALLS: Final = tool_round(calls(call("get_weather", OSLO_TEXT)))


def _is_object(body: Document) -> bool:
    """Whether a function is forced by an object."""
    return isinstance(body.get("tool_choice"), dict)


def _alone(server: FakeServer) -> bool:
    """Whether the same was said with one function and a word."""
    body = next((b for b in server.bodies if b.get("tool_choice") == "required"), {"tools": []})
    names = [tool["function"]["name"] for tool in body["tools"]]
    return names == ["get_weather"]


def _bounded(body: Document, number: int) -> Answer:
    """Tells the bound that came."""
    return says(f"with {body.get('max_completion_tokens')}")


LEARNING: Final = [
    brief(
        "Azure AI Foundry: max_completion_tokens",
        _FOUNDRY,
        "Refuses max_tokens, and names the field that it takes.",
        without("max_tokens", _MAX_TOKENS, _bounded),
        completes("with 500", requests=2),
        run=_LIMITED,
    ),
    brief(
        "Azure AI Foundry: max_completion_tokens, remembered",
        _FOUNDRY,
        "Refuses max_tokens again and again.",
        without("max_tokens", _MAX_TOKENS, _bounded),
        completes("with 500", requests=3),
        run=Run(options=_LIMITED.options, then=["And now?"]),
    ),
    brief(
        "OpenAI gpt-5: no temperature",
        _TEMPERATURE,
        "Refuses every temperature but the default.",
        without("temperature", _NO_TEMPERATURE),
        completes(requests=2),
        run=PLAIN.having(temperature=0.5),
    ),
    brief(
        "OpenAI gpt-5: no temperature, remembered",
        _TEMPERATURE,
        "Refuses every temperature but the default, again and again.",
        without("temperature", _NO_TEMPERATURE),
        completes(requests=3),
        run=Run(options={"temperature": 0.5}, then=["And now?"]),
    ),
    brief(
        "OpenAI gpt-5: no top_p",
        "https://github.com/QuantaAlpha/RepoMaster/pull/8",
        "Refuses top_p.",
        without(
            "top_p",
            unsupported(
                "top_p", "Unsupported parameter: 'top_p' is not supported with this model."
            ),
        ),
        completes(requests=2),
        run=PLAIN.having(top_p=0.9),
    ),
    brief(
        "Claude 4.5: temperature or top_p",
        "https://github.com/router-for-me/CLIProxyAPI/issues/193",
        "Takes one of temperature and top_p.",
        unless(
            lambda body: "temperature" in body and "top_p" in body,
            refuses(
                400,
                "`temperature` and `top_p` cannot both be specified for this model. Please use "
                "only one.",
            ),
            says(),
        ),
        completes(),
        run=PLAIN.having(temperature=0.5, top_p=0.9),
    ),
    brief(
        "OpenAI o4-mini: no parallel_tool_calls",
        "https://github.com/evalstate/fast-agent/issues/279",
        "Refuses to hear of calls in parallel.",
        without(
            "parallel_tool_calls",
            unsupported(
                "parallel_tool_calls",
                "Unsupported parameter: 'parallel_tool_calls' is not supported with this model.",
            ),
            _CALLS,
        ),
        calls_weather(requests=3),
        run=FUNCTIONS.having(parallel_tool_calls=False),
    ),
    brief(
        "MLflow: no parallel_tool_calls",
        "https://github.com/pydantic/pydantic-ai/pull/821",
        "Refuses to hear of calls in parallel, in the words of Go.",
        without(
            "parallel_tool_calls",
            refuses(
                400,
                {
                    "error_code": "BAD_REQUEST",
                    "message": 'Bad request: json: unknown field "parallel_tool_calls"\n',
                },
            ),
            _CALLS,
        ),
        calls_weather(),
        run=FUNCTIONS.having(parallel_tool_calls=False),
    ),
    brief(
        "LM Studio: a forced function",
        "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/670",
        "Knows texts alone as tool_choice.",
        unless(
            _is_object,
            refuses(
                400,
                {
                    "error": "Invalid tool_choice type: 'object'. Supported string values: none, "
                    "auto, required"
                },
            ),
            _CALLS,
        ),
        calls_weather(check=_alone),
        run=_FORCED,
    ),
    brief(
        "OpenRouter: a forced function, as 404",
        "https://github.com/zed-industries/zed/issues/36094",
        "Finds no provider that knows an object as tool_choice.",
        unless(
            _is_object,
            refuses(404, "No endpoints found that support the provided 'tool_choice' value."),
            _CALLS,
        ),
        calls_weather(check=_alone),
        run=_FORCED,
    ),
    brief(
        "Kimi: no forced function while it thinks",
        "https://github.com/theopenco/llmgateway/pull/2090",
        "Takes no tool_choice but auto while it thinks.",
        unless(
            lambda body: body.get("tool_choice") not in (None, "auto"),
            refuses(400, "tool_choice 'specified' is incompatible with thinking enabled"),
            _CALLS,
        ),
        calls_weather(requests=4),
        run=_FORCED,
    ),
    brief(
        "RouteLLM: no strict",
        "https://github.com/earendil-works/pi/issues/1172",
        "Does not know strict functions.",
        unless(
            _strict,
            refuses(400, 'Validation Error: "strict" - Extra inputs are not permitted'),
            _CALLS,
        ),
        calls_weather(requests=3),
        run=_STRICT,
    ),
    brief(
        "Upstage: strict is not there yet",
        "https://github.com/Zoo-Code-Org/Zoo-Code/issues/1036",
        "Refuses strict functions by the place of the field.",
        unless(
            _strict,
            unsupported(
                "tools[0].function.strict",
                "Invalid value: 'true'. The value 'true' isn't supported yet. For now, please use "
                "'false' for this setting.",
                "invalid_value",
            ),
            _CALLS,
        ),
        calls_weather(requests=3),
        run=_STRICT,
    ),
    brief(
        "any server: refuses what is not there any more",
        _TEMPERATURE,
        "Names a field that was left out already.",
        unless(lambda body: True, _NO_TEMPERATURE, says()),
        fails("server_error", "does not support 0.5", requests=2),
        run=PLAIN.having(temperature=0.5),
    ),
    brief(
        "two fields, one after the other",
        _TEMPERATURE,
        "Refuses temperature first and max_tokens then.",
        without("temperature", _NO_TEMPERATURE, without("max_tokens", _MAX_TOKENS, _bounded)),
        completes("with 500", requests=3),
        run=PLAIN.having(temperature=0.5, max_completion_tokens=500),
    ),
]
