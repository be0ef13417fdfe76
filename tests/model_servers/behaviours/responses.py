"""The Responses API: its events, and which part of an answer each is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server_answers import (
    ANSWER,
    OSLO_TEXT,
    ROME,
    ROME_TEXT,
    Document,
    call_item,
    ended,
    event,
    event_stream,
    items,
    message_item,
    text_events,
    tool_round,
)

from behaviours.row import (
    FUNCTIONS,
    OPENAI_TYPES,
    calls_weather,
    completes,
    responds,
)

_OPENAI: Final = f"{OPENAI_TYPES}/responses/response_stream_event.py"
_TWO_CITIES: Final = completes(ANSWER, *calls_weather().calls, ("get_weather", ROME))
_SAYS: Final = items(message_item())


def _call_events(item: Document, place: int = 0, *, others: Sequence[str] = ()) -> list[str]:
    """The events of a call in pieces; ``others`` are the ids of its later events."""
    begun = {**item, "arguments": "", "status": "in_progress"}
    first, second, last = others or (item["id"], item["id"], item["id"])
    where = {"output_index": place}
    half = len(item["arguments"]) // 2
    kind = "response.function_call_arguments"
    return [
        event("response.output_item.added", **where, item=begun),
        event(f"{kind}.delta", **where, item_id=first, delta=item["arguments"][:half]),
        event(f"{kind}.delta", **where, item_id=second, delta=item["arguments"][half:]),
        event(f"{kind}.done", **where, item_id=last, arguments=item["arguments"]),
        event("response.output_item.done", **where, item={**item, "id": last}),
    ]


_CALL: Final = call_item()
_SECOND: Final = call_item(ROME_TEXT, "fc_2", "call_2")

RESPONSES: Final = [
    responds(
        "OpenAI, a text in pieces",
        _OPENAI,
        "Tells of the response, the message, its text, and all of it at the end.",
        event_stream(
            event("response.created", response={"status": "in_progress", "output": []}),
            text_events(message_item()),
            ended(message_item()),
        ),
        completes(usage={"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}),
    ),
    responds(
        "OpenAI, a call in pieces",
        _OPENAI,
        "Tells of a call, its arguments in pieces, and all of it at the end.",
        tool_round(event_stream(_call_events(_CALL), ended(_CALL)), _SAYS),
        calls_weather(),
        run=FUNCTIONS,
    ),
    responds(
        "OpenAI, keep-alives",
        "https://github.com/openai/openai-node/issues/1964",
        "Sends events of the type keepalive while it thinks.",
        event_stream(
            event("keepalive", sequence_number=3),
            text_events(message_item()),
            event("keepalive", sequence_number=9),
            ended(message_item()),
        ),
        completes(),
    ),
    responds(
        "gateways, keep-alives of other kinds",
        "https://github.com/diegosouzapw/OmniRoute/issues/14330",
        "Sends comments, empty data and events without fields.",
        event_stream(
            ": ping\n\n",
            'data: {"type":"response.in_progress"}\n\n',
            "data: \n\n",
            text_events(message_item()),
            ended(message_item()),
        ),
        completes(),
    ),
    responds(
        "vLLM, no output at the end",
        "https://github.com/vllm-project/vllm/pull/47916",
        "Ends with a response whose output is empty.",
        event_stream(text_events(message_item()), ended()),
        completes(),
    ),
    responds(
        "vLLM, arguments that come done alone",
        "https://github.com/vllm-project/vllm/pull/47916",
        "Tells the arguments of a call whole, and not in pieces.",
        tool_round(
            event_stream(
                event(
                    "response.output_item.added",
                    output_index=0,
                    item={**_CALL, "arguments": "", "status": "in_progress"},
                ),
                event(
                    "response.function_call_arguments.done",
                    output_index=0,
                    item_id="fc_1",
                    arguments=OSLO_TEXT,
                ),
                ended(_CALL),
            ),
            _SAYS,
        ),
        calls_weather(),
        run=FUNCTIONS,
    ),
    responds(
        "vLLM, another call_id at the end",
        "https://github.com/vllm-project/vllm/pull/47916",
        "Gives a call another id in the last event than before.",
        tool_round(
            event_stream(_call_events(_CALL), ended({**_CALL, "id": "fc_9", "call_id": "call_9"})),
            _SAYS,
        ),
        calls_weather(),
        run=FUNCTIONS,
    ),
    responds(
        "OpenAI, nothing but the end",
        _OPENAI,
        "Tells all of it at the end; a variant that tells nothing before.",
        event_stream(ended(message_item())),
        completes(),
    ),
    responds(
        "GitHub Copilot, another id in every event",
        "https://github.com/BerriAI/litellm/pull/30072",
        "Gives each event of one part another item_id.",
        tool_round(
            event_stream(
                _call_events(_CALL, others=["fc_b", "fc_c", "fc_d"]),
                _call_events(_SECOND, 1, others=["fc_e", "fc_f", "fc_g"]),
                ended(_CALL, _SECOND),
            ),
            _SAYS,
        ),
        _TWO_CITIES,
        run=FUNCTIONS,
    ),
    responds(
        "mistral.rs, another id when a message is done",
        "https://github.com/EricLBuehler/mistral.rs/issues/1944",
        "Gives a message one id when it begins, another when it is done, a third at the end.",
        event_stream(
            event(
                "response.output_item.added",
                output_index=0,
                item=message_item(id="msg_a", content=[], status="in_progress"),
            ),
            event("response.output_text.delta", output_index=0, item_id="msg_a", delta=ANSWER),
            event("response.output_item.done", output_index=0, item=message_item(id="msg_b")),
            ended(message_item(id="msg_c")),
        ),
        completes(),
    ),
    responds(
        "open-responses-server, one index for all",
        "https://github.com/teabranch/open-responses-server/pull/63",
        "Gives a message and a call the same output_index.",
        tool_round(
            event_stream(
                text_events(message_item("I look.")),
                _call_events(_CALL, 0),
                ended(message_item("I look."), _CALL),
            ),
            _SAYS,
        ),
        calls_weather("I look.|It is 17."),
        run=FUNCTIONS,
    ),
    responds(
        "open-responses-server, one index for two calls",
        "https://github.com/teabranch/open-responses-server/pull/63",
        "Gives two calls the same output_index, and each an id of its own.",
        tool_round(
            event_stream(_call_events(_CALL, 0), _call_events(_SECOND, 0), ended(_CALL, _SECOND)),
            _SAYS,
        ),
        _TWO_CITIES,
        run=FUNCTIONS,
    ),
    responds(
        "gpt-5.4, a commentary before the answer",
        "https://github.com/microsoft/vscode/pull/312173",
        "Answers with a message of the phase commentary and one of the phase final_answer.",
        event_stream(
            text_events(message_item("I count.", "msg_1", phase="commentary")),
            text_events(message_item(ANSWER, "msg_2", phase="final_answer"), 1),
            ended(
                message_item("I count.", "msg_1", phase="commentary"),
                message_item(ANSWER, "msg_2", phase="final_answer"),
            ),
        ),
        completes("I count.|It is 17."),
    ),
]
