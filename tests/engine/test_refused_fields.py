"""Which fields a refusal is about: those to leave out when the same is asked again."""

from __future__ import annotations

from typing import Any

import pytest

from assistants_client.engine.language_models.refused_fields import refused_fields

FIELDS = (
    *("stream_options", "stream", "max_tokens", "max_completion_tokens", "temperature", "top_p"),
    *("parallel_tool_calls", "tool_choice", "strict", "reasoning_effort", "response_format"),
    *("include", "reasoning_content", "reasoning", "reasoning_details", "extra_content", "store"),
)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        # Streams break and end as well; that is no refusal to stream.
        ("", "unexpected end of stream"),
        ("", "Error in stream: unknown error"),
        ("", "Stream idle timeout: partial response not available"),
        ("", "The event stream is not available for this deployment region"),
        ("tool_choice", "Thinking may not be enabled when tool_choice forces tool use."),
        # What to send instead is not refused.
        (
            "max_tokens",
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
        ),
        ("max_tokens", "Please use `max_completion_tokens` instead of `max_tokens`."),
        ("max_tokens", "max_tokens is not supported, use max_completion_tokens"),
        ("parallel_tool_calls", "unknown field `parallel_tool_calls`, expected `model`, `stream`"),
        ("tool_choice", "Invalid tool_choice type: 'object'. Supported string values: none, auto"),
        ("", "Unknown parameter 'foo'. Did you mean 'store'?"),
        # A value of no kind that is taken.
        (
            "temperature",
            "Unsupported value: 'temperature' does not support 0.2 with this model. "
            "Only the default (1) value is supported.",
        ),
        ("temperature", "invalid temperature: only 1 is allowed for this model"),
        ("temperature top_p", "`temperature` and `top_p` cannot both be specified for this model."),
        ("tool_choice", "No endpoints found that support the provided 'tool_choice' value"),
        ("tool_choice", "tool_choice 'required' is not supported by this server"),
        ("tool_choice", "Thinking mode does not support this tool_choice"),
        ("tool_choice", "tool_choice: unknown variant `function`, expected `auto` or `none`"),
        ("tool_choice", "json: cannot unmarshal object into Go struct field R.tool_choice of type"),
        (
            "strict",
            "Tools with mixed values for 'strict' are not allowed. Set all to 'strict: true'",
        ),
        ("response_format", "This response_format type is unavailable now"),
        # A value of the right kind, and of the wrong size.
        ("", "max_tokens is too large: 100000. This model supports at most 4096 tokens."),
        ("", "`max_tokens` must be less than or equal to `8192`; more is not supported"),
        ("", "Invalid value for 'temperature': must be between 0 and 2"),
        # Fields that no such server knows.
        ("stream_options", "Unrecognized request argument supplied: stream_options"),
        ("stream_options", "include_usage is not supported"),
        ("reasoning_content", "'messages.2' : property 'reasoning_content' is unsupported"),
        ("extra_content", "Unknown field 'messages[1].tool_calls[0].extra_content'"),
        ("store", "Extra fields not expected: store"),
        ("store", "Supported values are: 'temperature'. Parameter 'store' is not allowed"),
        ("store", 'Invalid JSON payload received. Unknown name "store": Cannot find field.'),
        ("include", "Encrypted content is not supported with this model."),
        ("parallel_tool_calls", "This model does not support parallel tool calls"),
        ("reasoning", "Unsupported parameter: 'reasoning.effort' is not supported"),
        # Words of English are fields only where they are called so.
        ("", "This model does not include support for tools in the store"),
        ("", "A strict schema for reasoning is expected, not supported otherwise"),
        # What is only the condition.
        ("stream_options", "'stream_options' is only allowed when 'stream' is enabled."),
        ("temperature", "When reasoning_effort is set, `temperature` is not supported"),
        ("temperature", "'temperature' is not supported when using reasoning_effort"),
        # Streaming, and what only sounds so.
        ("stream", "stream is not supported"),
        ("stream", "Streaming is not supported for this model"),
        ("stream", "JSON mode is not supported with stream"),
        ("stream", "This model doesn't support tool use in streaming mode."),
        ("stream", "Streaming is not supported with tools. Please set stream=false."),
        ("stream", "Streaming is only supported for chat models"),
        ("", "Error from provider: Upstream request failed, not supported"),
        ("", "This model only support stream mode, please enable the stream parameter"),
        ("", "Non-streaming requests are not supported"),
        ("", "stream=false is not supported"),
        ("", "enable_thinking must be set to false for non-streaming calls"),
        # Other matters, in which fields are named.
        ("", "This model's maximum context length is 10 tokens; temperature is not supported"),
        (
            "",
            "Function tools with reasoning_effort are not supported in /v1/chat/completions. "
            "Please use /v1/responses.",
        ),
        ("", "Boom"),
    ],
)
def test_fields_in_words(fields: str, message: str) -> None:
    """Only the subject of the refusal."""
    assert refused_fields({"error": {"message": message}}, FIELDS) == set(fields.split())


def detail(kind: str, place: list[Any], message: str, value: object = None) -> dict[str, Any]:
    """One line of what a validator refuses."""
    return {"type": kind, "loc": place, "msg": message, "input": value}


EXTRA = "Extra inputs are not permitted"


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ("max_tokens", {"message": "No", "param": "max_tokens", "code": "unsupported_parameter"}),
        ("strict", {"message": "Not supported", "param": "tools[0].function.strict"}),
        ("", {"message": "No", "param": "max_tokens", "code": "invalid_value"}),
        ("", {"message": "No", "param": "max_tokens", "type": "unknown_error"}),
        ("", {"message": "Streams only: not supported otherwise, stream=false", "param": "stream"}),
        ("stream_options", {"detail": [detail("extra_forbidden", ["stream_options"], EXTRA)]}),
        (
            "stream_options",
            {"message": {"detail": [detail("x", ["body", "stream_options", "y"], EXTRA, "store")]}},
        ),
        ("strict", {"detail": [detail("x", ["body", "tools", 0, "function", "strict"], EXTRA)]}),
        ("response_format", {"detail": [detail("x", ["response_format", "strict"], EXTRA)]}),
        ("tool_choice", {"detail": [detail("x", ["tool_choice"], "Input should be 'none'")]}),
        (
            "store",
            {
                "detail": [
                    detail("extra_forbidden", ["body", "store"], EXTRA),
                    detail("less_than", ["body", "max_tokens"], "Input should be less than 9"),
                ]
            },
        ),
        (
            "",
            {
                "detail": [
                    detail("x", ["body", "n"], EXTRA, {"messages": "stream is not supported"})
                ]
            },
        ),
        (
            "store",
            {"message": f"[{{'loc': ('body', 'store'), 'msg': '{EXTRA}', 'input': 'top_p'}}]"},
        ),
    ],
)
def test_fields_in_documents(fields: str, body: object) -> None:
    """By ``param``, and by the places that validators name; never from what they quote."""
    assert refused_fields(body, FIELDS) == set(fields.split())


def test_only_candidates_are_told() -> None:
    """What was not sent cannot be left out."""
    body = {"error": {"message": "Unsupported parameters: 'temperature', 'top_p'"}}

    assert refused_fields(body, {"top_p", "stream"}) == {"top_p"}
    assert refused_fields(body, []) == set()
