"""The Responses API: what is in an answer beside text, and what must go back."""

from __future__ import annotations

from typing import Final

from server_answers import (
    ANSWER,
    ROME,
    ROME_TEXT,
    Document,
    Part,
    call_item,
    document,
    ended,
    event,
    event_stream,
    has_outputs,
    items,
    message_item,
    refuses,
    thought_item,
    tool_round,
    turns,
    unless,
)

from behaviours.row import (
    CODE,
    FUNCTIONS,
    OPENAI_TYPES,
    Right,
    Row,
    Run,
    calls_weather,
    completes,
    responds,
)

_OPENAI: Final = f"{OPENAI_TYPES}/responses/response_stream_event.py"
_BACK: Final = "https://github.com/openai/openai-agents-python/pull/1756"
_TWO_CITIES: Final = completes(ANSWER, *calls_weather().calls, ("get_weather", ROME))
_SAYS: Final = items(message_item())
_SPENT: Final = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}


def _lacks_thought(body: Document) -> bool:
    """Whether calls came back without the thoughts before them, in another order, or not asked."""
    if "reasoning.encrypted_content" not in body.get("include", ()):
        return True
    kinds = [turn.get("type") for turn in turns(body)]
    if "function_call" not in kinds:
        return False
    place = kinds.index("function_call")
    return place == 0 or turns(body)[place - 1].get("encrypted_content") != "gAAAA-1"


_UNTHOUGHT: Final = refuses(
    400, "Item 'fc_1' of type 'function_call' was provided without its required 'reasoning' item."
)


def _wants_thoughts(
    name: str, does: str, first: Part, right: Right, *, run: Run = FUNCTIONS
) -> Row:
    """A server that wants its thoughts back before the calls that came of them."""
    return responds(
        name,
        _BACK,
        does,
        unless(_lacks_thought, _UNTHOUGHT, tool_round(first, _SAYS)),
        right,
        run=run,
    )


_CALL: Final = call_item()
_SECOND: Final = call_item(ROME_TEXT, "fc_2", "call_2")

RESPONSES_CONTENTS: Final = [
    responds(
        "gpt-5.4, a commentary before a call",
        "https://github.com/langchain4j/langchain4j/pull/6403",
        "Says in the phase commentary what it will do, calls, and wants the phase back.",
        unless(
            lambda body: has_outputs(body) and "'phase': 'commentary'" not in str(body["input"]),
            refuses(400, "The phase of an assistant's message is missing."),
            tool_round(items(message_item("I look.", phase="commentary"), _CALL), _SAYS),
        ),
        calls_weather("I look.|It is 17."),
        run=FUNCTIONS,
    ),
    _wants_thoughts(
        "thoughts before a call",
        "Tells an encrypted thought before a call, and wants it back before the call.",
        items(thought_item(), _CALL),
        calls_weather(),
    ),
    _wants_thoughts(
        "thoughts before a call, at the end alone",
        "Tells an encrypted thought and a call in the last event alone.",
        event_stream(ended(thought_item(), _CALL)),
        calls_weather(),
    ),
    _wants_thoughts(
        "thoughts before two calls",
        "Tells an encrypted thought before two calls.",
        items(thought_item(), _CALL, _SECOND),
        _TWO_CITIES,
    ),
    _wants_thoughts(
        "thoughts before code",
        "Tells an encrypted thought before a call of the code interpreter.",
        items(thought_item(), call_item('{"code": "print(1)"}', name="code_interpreter")),
        completes(ANSWER, ("code_interpreter", {"code": "print(1)"})),
        run=CODE,
    ),
    responds(
        "thoughts of two rounds",
        _BACK,
        "Wants the encrypted thoughts of all rounds of a run back, in their order.",
        unless(
            lambda body: (
                [
                    turn.get("encrypted_content")
                    for turn in turns(body)
                    if turn.get("type") == "reasoning"
                ]
                != ["gAAAA-1", "gAAAA-2"][: str(body["input"]).count("'function_call'")]
            ),
            _UNTHOUGHT,
            lambda body, number: [
                items(thought_item(), _CALL),
                items(thought_item("rs_2", "gAAAA-2"), _SECOND),
                _SAYS,
            ][str(body["input"]).count("'function_call'")],
        ),
        _TWO_CITIES,
        run=FUNCTIONS,
    ),
    responds(
        "a thought between two calls",
        _BACK,
        "Tells a thought before each of two calls of one answer, and wants them back so.",
        unless(
            lambda body: (
                [
                    turn["type"]
                    for turn in turns(body)
                    if turn.get("type") in ("reasoning", "function_call")
                ]
                not in ([], ["reasoning", "function_call"] * 2)
            ),
            _UNTHOUGHT,
            tool_round(
                items(thought_item(), _CALL, thought_item("rs_2", "gAAAA-2"), _SECOND), _SAYS
            ),
        ),
        _TWO_CITIES,
        run=FUNCTIONS,
    ),
    responds(
        "a whole answer",
        f"{OPENAI_TYPES}/responses/response.py",
        "Does not stream, and answers whole.",
        unless(
            lambda body: body.get("stream"),
            refuses(400, "streaming is not supported"),
            tool_round(
                document({"status": "completed", "output": [_CALL], "usage": _SPENT}),
                document({"status": "completed", "output": [message_item()], "usage": _SPENT}),
            ),
        ),
        calls_weather(),
        run=FUNCTIONS,
    ),
    responds(
        "a refusal",
        _OPENAI,
        "Streams a refusal as a part of the message.",
        event_stream(
            event("response.refusal.delta", output_index=0, item_id="msg_1", delta="I cannot "),
            event("response.refusal.delta", output_index=0, item_id="msg_1", delta="help."),
            ended(message_item(content=[{"type": "refusal", "refusal": "I cannot help."}])),
        ),
        completes(None, parts=["refusal"]),
    ),
    responds(
        "citations",
        f"{OPENAI_TYPES}/responses/response_output_text_annotation_added_event.py",
        "Tells what it cites in the message that is done, and when it finds it.",
        event_stream(
            event("response.output_text.delta", output_index=0, item_id="msg_1", delta=ANSWER),
            event(
                "response.output_text.annotation.added",
                output_index=0,
                item_id="msg_1",
                content_index=0,
                annotation_index=0,
                annotation={
                    "type": "url_citation",
                    "url": "https://one.example/a",
                    "title": "A",
                    "start_index": 0,
                    "end_index": 6,
                },
            ),
            ended(
                message_item(
                    content=[
                        {
                            "type": "output_text",
                            "text": ANSWER,
                            "annotations": [
                                {
                                    "type": "url_citation",
                                    "url": "https://one.example/a",
                                    "title": "A",
                                    "start_index": 0,
                                    "end_index": 6,
                                }
                            ],
                        }
                    ]
                )
            ),
        ),
        completes(links=["https://one.example/a"]),
    ),
    responds(
        "tokens from the cache and for thoughts",
        f"{OPENAI_TYPES}/responses/response_usage.py",
        "Tells how many tokens were cached, and how many were thoughts.",
        event_stream(
            ended(
                message_item(),
                usage={
                    **_SPENT,
                    "input_tokens_details": {"cached_tokens": 8},
                    "output_tokens_details": {"reasoning_tokens": 3},
                },
            )
        ),
        completes(
            usage={
                "total_tokens": 15,
                "prompt_token_details": {"cached_tokens": 8},
                "completion_tokens_details": {"reasoning_tokens": 3},
            }
        ),
    ),
]
