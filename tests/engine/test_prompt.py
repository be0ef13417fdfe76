"""What a model is asked, from a run, its thread and what it has done so far."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from engine_store import tokens

from assistants_client._json.codec import decode
from assistants_client.engine.language_models.base import (
    Conversation,
    Delta,
    Finish,
    Image,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
    Turn,
)
from assistants_client.engine.worker.answer import AnswerBuilder
from assistants_client.engine.worker.prompt import conversation_of, tokens_spent
from assistants_client.models.messages import ImageFile, Message
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run, Usage

INTERPRETER = {"type": "code_interpreter"}
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Tells it", "strict": True},
}


def run(**fields: Any) -> Run:
    """A run with an id, a model and these fields."""
    return decode(Run, {"id": "run_1", "model": "gpt-x", **fields})


def message(text: str, role: str = "user", **fields: Any) -> Message:
    """A message of one text part."""
    content = [{"type": "text", "text": {"value": text, "annotations": []}}]
    return decode(Message, {"id": f"msg_{text}", "role": role, "content": content, **fields})


def wrote(message_id: str) -> RunStep:
    """A step that wrote a message."""
    details = {"type": "message_creation", "message_creation": {"message_id": message_id}}
    return decode(RunStep, {"id": "step", "step_details": details})


def called(*calls: dict[str, Any], **fields: Any) -> RunStep:
    """A step that called tools."""
    details = {"type": "tool_calls", "tool_calls": list(calls)}
    return decode(RunStep, {"id": "step", "step_details": details, **fields})


def code(code_input: str, *logs: str, id: str = "call_1") -> dict[str, Any]:
    """A call of the code interpreter, with what it printed."""
    outputs = [{"type": "logs", "logs": text} for text in logs]
    record = {"input": code_input, "outputs": outputs}
    return {"id": id, "type": "code_interpreter", "code_interpreter": record}


def function(name: str, output: str | None, id: str = "call_2") -> dict[str, Any]:
    """A call of a function, with what was submitted."""
    record = {"name": name, "arguments": '{"a": 1}', "output": output}
    return {"id": id, "type": "function", "function": record}


def asked(
    made: Run,
    messages: list[Message] | None = None,
    steps: list[RunStep] | None = None,
    shown: Callable[[ImageFile], Image | str] = lambda image: f"[no {image.file_id}]",
    last: int | None = None,
) -> Conversation:
    """The conversation, with a short description of the interpreter."""
    return conversation_of(
        made, messages or [], steps or [], code_interpreter="Runs Python", shown=shown, last=last
    )


def test_options_go_through() -> None:
    """What the run says about sampling is what the model is asked."""
    made = asked(
        run(
            instructions="Be kind",
            temperature=0.5,
            top_p=0.9,
            reasoning_effort="low",
            max_completion_tokens=300,
            parallel_tool_calls=False,
            tools=[WEATHER],
            response_format={"type": "json_object"},
        )
    )

    assert (made.model, made.instructions) == ("gpt-x", "Be kind")
    assert (made.temperature, made.top_p, made.reasoning_effort) == (0.5, 0.9, "low")
    assert (made.max_completion_tokens, made.parallel_tool_calls) == (300, False)
    assert made.response_format == {"type": "json_object"}


def test_what_is_not_set_stays_unset() -> None:
    """A bare run asks for nothing in particular."""
    made = asked(run(tool_choice="auto", response_format="auto", parallel_tool_calls=True))

    assert made == Conversation(model="gpt-x", turns=[], functions=[])
    assert asked(run(response_format={"type": "text"}, instructions="")) == made


def test_a_schema_goes_through_whole() -> None:
    """A JSON schema for the answer keeps its name, schema and strictness."""
    wanted = {
        "type": "json_schema",
        "json_schema": {"name": "point", "schema": {"type": "object"}, "strict": True},
    }

    assert asked(run(response_format=wanted)).response_format == wanted


def test_messages_become_turns() -> None:
    """Messages keep their order and side; one without text is left out."""
    made = asked(run(), [message("Hi"), message("Hello", "assistant"), message("")])

    assert made.turns == [Turn(role="user", text="Hi"), Turn(role="assistant", text="Hello")]


def look(*content: dict[str, Any], role: str = "user") -> Message:
    """A message of these parts."""
    return decode(Message, {"id": "m", "role": role, "content": list(content)})


def test_images_stand_where_they_were_shown() -> None:
    """Texts and images keep their order and detail; the text names what a model may not see."""
    shown = look(
        {"type": "text", "text": {"value": "Look:"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        {"type": "text", "text": {"value": ""}},
        {"type": "text", "text": {"value": "And:"}},
        {"type": "image_file", "image_file": {"file_id": "file_1", "detail": "high"}},
        {"type": "novelty"},
    )

    [turn] = asked(
        run(), [shown], shown=lambda image: Image(url="data:1", detail=image.detail)
    ).turns

    assert turn.text == "Look:\n[image: https://x/y.png]\nAnd:\n[image file: file_1]"
    assert turn.parts == [
        "Look:",
        Image(url="https://x/y.png", detail="low"),
        "And:",
        Image(url="data:1", detail="high"),
    ]


def test_an_image_that_cannot_be_shown() -> None:
    """Its place is taken by words, for models that see and for those that do not."""
    gone = {"type": "image_file", "image_file": {"file_id": "file_1"}}
    seen = {"type": "image_url", "image_url": {"url": "https://x/y.png"}}

    alone, beside = asked(run(), [look(gone), look(gone, seen)]).turns

    assert alone == Turn(role="user", text="[no file_1]")
    assert beside.text == "[no file_1]\n[image: https://x/y.png]"
    assert beside.parts == ["[no file_1]", Image(url="https://x/y.png")]


def test_an_assistants_images_are_named_only() -> None:
    """No model takes images from its own side; an address that is long is cut in the text."""
    url = {"type": "image_url", "image_url": {"url": f"data:{'x' * 1000}"}}
    file = {"type": "image_file", "image_file": {"file_id": "file_1"}}

    [turn] = asked(run(), [look(url, file, role="assistant")]).turns

    assert turn.parts == ()
    assert turn.text.startswith("[image: data:xxx")
    assert turn.text.endswith("x…]\n[image file: file_1]")
    assert len(turn.text) < 400


def test_later_images_are_read_first() -> None:
    """Whoever runs out of room leaves out the oldest; what is left out anyway is not read."""
    thread = [
        look({"type": "image_file", "image_file": {"file_id": str(number)}}) for number in range(4)
    ]
    read: list[str] = []

    def shown(image: ImageFile) -> str:
        read.append(image.file_id)
        return "-"

    asked(run(), thread, shown=shown, last=3)

    assert read == ["3", "2", "1"]


def test_the_last_messages_are_asked_about_and_this_runs_own_work() -> None:
    """``last`` counts the thread's messages, not what the run itself wrote."""
    thread = [message("1"), message("2"), message("3"), message("4", "assistant", run_id="run_1")]
    made = asked(run(), thread, [wrote("msg_4")], last=2)

    assert [turn.text for turn in made.turns] == ["2", "3", "4"]


def test_steps_become_calls_and_their_outputs() -> None:
    """Text and calls of one answer are one turn; each call is followed by its output."""
    thread = [message("Hi"), message("Let me see", "assistant", run_id="run_1")]
    steps = [
        wrote("msg_Let me see"),
        called(code("print(1)", "1\n"), function("get_weather", "sunny")),
        called(code("x = 1", id="call_3"), function("f", None, id="call_4")),
    ]

    made = asked(run(), thread, steps)

    weather = ToolCall(id="call_2", name="get_weather", arguments='{"a": 1}')
    assert made.turns == [
        Turn(role="user", text="Hi"),
        Turn(
            role="assistant",
            text="Let me see",
            tool_calls=[
                ToolCall(
                    id="call_1",
                    name="code_interpreter",
                    arguments=json.dumps({"code": "print(1)"}),
                ),
                weather,
            ],
        ),
        Turn(role="tool", text="1\n", tool_call_id="call_1"),
        Turn(role="tool", text="sunny", tool_call_id="call_2"),
        Turn(
            role="assistant",
            tool_calls=[
                ToolCall(
                    id="call_3", name="code_interpreter", arguments=json.dumps({"code": "x = 1"})
                ),
                ToolCall(id="call_4", name="f", arguments='{"a": 1}'),
            ],
        ),
        Turn(role="tool", text="(no output)", tool_call_id="call_3"),
        Turn(role="tool", text="", tool_call_id="call_4"),
    ]


def test_two_texts_in_a_row_are_one_turn() -> None:
    """No two assistant turns follow each other, and a step of another kind adds nothing."""
    thread = [message(text, "assistant", run_id="run_1") for text in "ab"]
    steps = [wrote("msg_a"), called({"id": "x", "type": "novelty"}), wrote("msg_b"), wrote("gone")]

    assert asked(run(), thread, steps).turns == [
        Turn(role="assistant", text="a\nb", parts=["a", "b"])
    ]


def test_tools_become_functions() -> None:
    """The interpreter takes one string, ``code``; its name is not given to anything else."""
    shadow = {"type": "function", "function": {"name": "code_interpreter"}}
    made = asked(run(tools=[shadow, WEATHER, INTERPRETER, {"type": "file_search"}, WEATHER]))

    by_name = {spec.name: spec for spec in made.functions}
    assert list(by_name) == ["code_interpreter", "get_weather", "file_search"]
    assert len(made.functions) == 3
    assert (by_name["file_search"].parameters or {})["required"] == ["query"]
    assert by_name["code_interpreter"].description == "Runs Python"
    assert (by_name["code_interpreter"].parameters or {})["required"] == ["code"]
    assert by_name["get_weather"].strict is True
    assert by_name["get_weather"].parameters is None


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", None),
        (None, None),
        ("required", "required"),
        ({"type": "code_interpreter"}, "function:code_interpreter"),
        ({"type": "function", "function": {"name": "get_weather"}}, "function:get_weather"),
        ({"type": "function", "function": {"name": "unheard_of"}}, None),
        ({"type": "file_search"}, None),
    ],
)
def test_tool_choice(choice: Any, expected: str | None) -> None:
    """A choice is asked for until the run has called a tool, then the model is free."""
    made = run(tools=[INTERPRETER, WEATHER], tool_choice=choice)

    assert asked(made).tool_choice == expected
    assert asked(made, steps=[called(code("1"))]).tool_choice is None
    assert asked(run(tool_choice=choice)).tool_choice is None


def test_no_tools_when_none_may_be_used() -> None:
    """``none`` shows the model no tools at all."""
    made = asked(run(tools=[INTERPRETER], tool_choice="none", parallel_tool_calls=False))

    assert (made.functions, made.tool_choice, made.parallel_tool_calls) == ([], None, None)


def test_tokens_are_counted_over_the_steps() -> None:
    """The bound on completion tokens is for the run, so each round gets what is left."""
    spent = {"prompt_tokens": 10, "completion_tokens": 100, "total_tokens": 110}
    steps = [called(usage=spent), called(), called(usage=spent)]

    assert tokens_spent(steps) == tokens(20, 200)
    assert asked(run(max_completion_tokens=300), steps=steps).max_completion_tokens == 100
    assert asked(run(max_completion_tokens=200), steps=steps).max_completion_tokens == 1


def read(*deltas: Delta) -> AnswerBuilder:
    """The answer that these pieces make."""
    answer = AnswerBuilder()
    for delta in deltas:
        answer.add(delta)
    return answer


def test_an_answer_is_put_together_from_its_pieces() -> None:
    """Text is joined; calls are told apart by index, in whatever order their pieces come."""
    answer = read(
        TextDelta(text="Hel"),
        ToolCallDelta(index=1, id="b", name="g"),
        ToolCallDelta(index=0, id="a", name="f", arguments='{"x"'),
        TextDelta(text="lo"),
        ToolCallDelta(index=0, arguments=": 1}"),
        TokenUsage(prompt_tokens=2, completion_tokens=3),
        Finish(reason="tool_calls"),
    )

    assert [part.text for part in answer.message.parts] == ["Hello"]
    assert answer.tool_calls((), str) == [
        ToolCall(id="a", name="f", arguments='{"x": 1}'),
        ToolCall(id="b", name="g", arguments="{}"),
    ]
    assert answer.usage == Usage(prompt_tokens=2, completion_tokens=3, total_tokens=5)
    assert answer.finish == Finish(reason="tool_calls")


def test_a_call_without_an_id_of_its_own_gets_one() -> None:
    """No id, one that was used before, and one that comes twice are all replaced."""
    answer = read(*(ToolCallDelta(index=i, id=id) for i, id in enumerate([None, "old", "x", "x"])))
    ids = iter(["new1", "new2", "new3"])

    made = answer.tool_calls({"old"}, lambda: next(ids))

    assert [call.id for call in made] == ["new1", "new2", "x", "new3"]
