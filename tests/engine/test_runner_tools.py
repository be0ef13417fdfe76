"""What the model asks for is done: code is run, functions are handed to the caller."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from runner_bench import INTERPRETER, USED, WEATHER, Bench, Echo, failure

from assistants_client.engine.code_interpreter import CodeResult
from assistants_client.engine.language_models.base import TokenUsage
from assistants_client.engine.language_models.scripted import Call, Scripted, call
from assistants_client.models.run_steps import (
    CodeInterpreterCall,
    FunctionToolCall,
    LogsOutput,
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A fresh bench."""
    made = Bench()
    yield made
    made.database.close()


def test_code_is_run_and_its_output_goes_back(bench: Bench) -> None:
    """Each call is a step with input and logs; the interpreter's state stays with the thread."""
    model = bench.process(
        ["Let me see.", call("code_interpreter", code="a"), USED],
        [call("code_interpreter", code="b"), call("code_interpreter", code="quiet"), USED],
        ["Done", USED],
        tools=[INTERPRETER],
    )

    assert [step.type for step in bench.steps] == [
        "message_creation",
        "tool_calls",
        "tool_calls",
        "message_creation",
    ]
    assert {step.status for step in bench.steps} == {"completed"}
    records = [
        made.code_interpreter
        for step in bench.steps
        for made in step.tool_calls
        if isinstance(made, CodeInterpreterCall)
    ]
    assert [(record.input, record.outputs) for record in records] == [
        ("a", [LogsOutput(logs="a #1\n")]),
        ("b", [LogsOutput(logs="b #2\n")]),
        ("quiet", []),
    ]
    turns = model.conversations[2].turns
    assert [turn.role for turn in turns] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
        "tool",
    ]
    assert turns[1].text == "Let me see."
    assert [turn.text for turn in turns if turn.role == "tool"] == [
        "a #1\n",
        "b #2\n",
        "(no output)",
    ]
    assert [message.text for message in bench.written] == ["Let me see.", "Done"]
    run = bench.run
    assert run.status == "completed"
    assert run.usage is not None
    assert run.usage.total_tokens == 330
    assert bench.execution.load_state(run) == b"xxx"


def test_functions_are_the_callers(bench: Bench) -> None:
    """The run stops for them, code of the same answer is run first, and it goes on from there."""
    model = Scripted(
        [
            [
                call("get_weather", city="Paris"),
                call("code_interpreter", code="a"),
                call("get_weather", city="Rome"),
                USED,
            ],
            "Sunny",
        ]
    )
    bench.queue(tools=[INTERPRETER, WEATHER])
    runner = bench.runner(model)
    runner.process("run_1")

    run = bench.run
    assert run.status == "requires_action"
    assert [json.loads(due.function.arguments)["city"] for due in run.tool_calls] == [
        "Paris",
        "Rome",
    ]
    [step] = bench.steps
    assert (step.status, len(step.tool_calls)) == ("in_progress", 3)

    bench.submit(get_weather="sun")
    runner.process("run_1")

    assert bench.run.status == "completed"
    turns = model.conversations[1].turns
    assert [turn.text for turn in turns] == ["Hi", "", "sun", "a #1\n", "sun"]
    assert bench.run.usage is not None
    # Of the first answer by its own count, of the second in words.
    assert bench.run.usage.total_tokens == 122


def test_calls_that_another_worker_has_left(bench: Bench) -> None:
    """They are finished, those that it did are not repeated, and the caller is asked for his own.

    The calls and their tokens stay, and the model is not asked before.
    """
    calls: list[Call] = [
        call("get_weather", city="Paris"),
        call("code_interpreter", code="a"),
        call("code_interpreter", code="quiet"),
        Call("code_interpreter", "{}"),
        call("code_interpreter", code="b"),
    ]
    execution, ran = bench.execution, list[str]()

    class Dying(Echo):
        """Is in the middle of the last call when its process ends."""

        def run(
            self, code: str, state: bytes | None = None, folder: Path | None = None
        ) -> CodeResult:
            ran.append(code)
            if code == "b":
                execution.release_all()
            return super().run(code, state, folder)

    model = Scripted([[*calls, USED], ["Sunny", USED]])
    bench.queue(tools=[INTERPRETER, WEATHER])
    bench.runner(model, interpreter=Dying()).process("run_1")
    assert bench.run.status == "queued"
    assert ran == ["a", "quiet", "b"]

    bench.runner(model).process("run_1")
    assert bench.run.status == "requires_action"
    bench.submit(get_weather="sun")
    bench.runner(model).process("run_1")

    assert bench.run.status == "completed"
    assert len(model.conversations) == 2
    outputs = [turn.text for turn in model.conversations[1].turns if turn.role == "tool"]
    fault = "The arguments have no string named 'code'. Nothing was done."
    # By the numbers no state was lost, and none was left by the call that was not finished.
    assert outputs == ["sun", "a #1\n", "(no output)", fault, "b #3\n"]
    assert bench.run.usage is not None
    assert bench.run.usage.total_tokens == 220


def test_a_function_that_does_not_exist(bench: Bench) -> None:
    """The model is told what there is, and may mend its way; its name is made fit to go back."""
    model = bench.process(
        [Call("not here!", "{}"), call("get_weather")], "Never mind", tools=[WEATHER]
    )

    assert [due.function.name for due in bench.run.tool_calls] == ["get_weather"]
    unknown = bench.steps[0].tool_calls[0]
    assert isinstance(unknown, FunctionToolCall)
    assert unknown.function.name == "not_here_"
    assert unknown.function.output == "There is no function 'not_here_'; there is get_weather."
    assert len(model.conversations) == 1


def test_no_tools_at_all(bench: Bench) -> None:
    """A model that calls code without having been offered any is told so."""
    model = bench.process(call("code_interpreter", code="a"), "Sorry")

    assert bench.run.status == "completed"
    assert model.conversations[1].turns[-1].text == (
        "There is no function 'code_interpreter'; there is none at all."
    )


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("print(1)", "not JSON"),
        ('{"code": 1}', "no string named 'code'"),
        ("[]", "no string named 'code'"),
        ('{"code": "1", "n": 1e400}', "1e400 is out of range"),
        pytest.param('{"code": ' + "[" * 100_000, "nested too deeply", id="deep"),
    ],
)
def test_code_that_cannot_be_read(bench: Bench, arguments: str, words: str) -> None:
    """Arguments that hold no code are shown in the step, and the model is told what is wrong."""
    model = bench.process(Call("code_interpreter", arguments), "Sorry", tools=[INTERPRETER])

    [made] = bench.steps[0].tool_calls
    assert isinstance(made, CodeInterpreterCall)
    assert made.code_interpreter.input == arguments
    assert words in model.conversations[1].turns[-1].text
    assert bench.run.status == "completed"


def test_an_interpreter_that_fails(bench: Bench) -> None:
    """The model is told the kind of the failure, and the run goes on."""
    model = bench.process(call("code_interpreter", code="crash"), "Sorry", tools=[INTERPRETER])

    text = model.conversations[1].turns[-1].text
    assert "OSError" in text
    assert "secret" not in text
    assert bench.run.status == "completed"


def test_a_model_that_never_comes_to_an_answer(bench: Bench) -> None:
    """The number of rounds is bounded."""
    bench.queue(tools=[INTERPRETER])
    model = Scripted([call("code_interpreter", code="a")] * 10)
    bench.runner(model, max_rounds=3).process("run_1")

    assert failure(bench)[1].startswith("The language model called tools 3 times in a row")
    assert len(model.conversations) == 3


def test_ids_that_come_twice(bench: Bench) -> None:
    """A model that gives every call the same id does not confuse the steps."""
    again = Call("code_interpreter", '{"code": "a"}', "same")
    model = bench.process([again, again], again, "Done", tools=[INTERPRETER])

    turns = model.conversations[2].turns
    ids = [turn.tool_call_id for turn in turns if turn.role == "tool"]
    assert len(set(ids)) == 3
    assert ids[0] == "same"


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"max_completion_tokens": 256}, "max_completion_tokens"),
        ({"max_prompt_tokens": 256}, "max_prompt_tokens"),
    ],
)
def test_bounds_on_tokens(bench: Bench, limit: dict[str, int], reason: str) -> None:
    """Between rounds a run that has used up its tokens ends incomplete."""
    used = TokenUsage(prompt_tokens=300, completion_tokens=300)
    bench.process([call("code_interpreter", code="a"), used], "late", tools=[INTERPRETER], **limit)

    run = bench.run
    assert run.status == "incomplete"
    assert run.incomplete_details is not None
    assert run.incomplete_details.reason == reason
