"""The Responses API: how its answers end, what may go wrong before, and what is not taken."""

from __future__ import annotations

from typing import Final

from server_answers import (
    ended,
    event,
    event_stream,
    items,
    message_item,
    text_events,
    turns,
    unless,
    unsupported,
    without,
)

from behaviours.row import (
    FUNCTIONS,
    LONG,
    OPENAI_TYPES,
    PLAIN,
    Run,
    completes,
    fails,
    is_cut,
    responds,
)

_OPENAI: Final = f"{OPENAI_TYPES}/responses/response_stream_event.py"
_SAYS: Final = items(message_item())


RESPONSES_ENDS: Final = [
    responds(
        "OpenAI, a flat error",
        _OPENAI,
        "Tells an error as an event whose fields are the error's.",
        event_stream(
            event("error", code="server_error", message="The GPU is on fire.", param=None)
        ),
        fails("server_error", "the gpu is on fire"),
    ),
    responds(
        "OpenAI, response.failed",
        _OPENAI,
        "Ends with a response that failed, and says why in it.",
        event_stream(
            ended(status="failed", error={"code": "rate_limit_exceeded", "message": "Too soon."})
        ),
        fails("rate_limit_exceeded", "too soon"),
    ),
    responds(
        "OpenAI, too long in response.failed",
        _OPENAI,
        "Ends with a response that failed; a variant: the thread is too long.",
        unless(
            lambda body: len(turns(body)) > 2,
            event_stream(
                ended(
                    status="failed",
                    error={
                        "code": "context_length_exceeded",
                        "message": "Your input exceeds the context window of this model.",
                    },
                )
            ),
            _SAYS,
        ),
        completes(),
        run=LONG,
    ),
    responds(
        "OpenAI, cut short",
        _OPENAI,
        "Ends with a response that is incomplete, for there was no room for more.",
        event_stream(
            text_events(message_item("It is ")),
            ended(
                message_item("It is "),
                status="incomplete",
                incomplete_details={"reason": "max_output_tokens"},
            ),
        ),
        is_cut("It is", reason="max_tokens"),
    ),
    responds(
        "OpenAI, filtered",
        _OPENAI,
        "Ends with a response that is incomplete, for its content was filtered.",
        event_stream(
            text_events(message_item("It is ")),
            ended(
                message_item("It is "),
                status="incomplete",
                incomplete_details={"reason": "content_filter"},
            ),
        ),
        is_cut("It is", reason="content_filter"),
    ),
    responds(
        "a stream that breaks off",
        _OPENAI,
        "Tells a message in pieces; a variant that breaks off in the middle.",
        event_stream(text_events(message_item("It is "))[:2]),
        fails("server_error", "broke off"),
    ),
    responds(
        "gpt-4o, no encrypted thoughts",
        "https://github.com/pydantic/pydantic-ai/issues/2865",
        "Refuses to tell thoughts that it does not have.",
        without(
            "include",
            unsupported("include", "Encrypted content is not supported with this model."),
            _SAYS,
        ),
        completes(requests=3),
        run=Run(tools=FUNCTIONS.tools, then=["And now?"]),
    ),
    responds(
        "gpt-5, no temperature",
        "https://github.com/DayuanJiang/next-ai-draw-io/issues/65",
        "Refuses every temperature.",
        without(
            "temperature",
            unsupported(
                "temperature",
                "Unsupported parameter: 'temperature' is not supported with this model.",
            ),
            _SAYS,
        ),
        completes(requests=2),
        run=PLAIN.having(temperature=0.5),
    ),
]
