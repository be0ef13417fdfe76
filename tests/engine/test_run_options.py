"""Every option of a run, from the client's call to the model's conversation or the run's end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from assistants_client import Client, Run, Thread
from assistants_client.engine import (
    TOO_LONG,
    Call,
    Conversation,
    Engine,
    Finish,
    LanguageModelError,
    Script,
    Scripted,
    TokenUsage,
    call,
)

FUNCTION = {"type": "function", "function": {"name": "f"}}
INTERPRETER = {"type": "code_interpreter"}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "point", "schema": {"type": "object"}, "strict": True},
}
USED = TokenUsage(prompt_tokens=200, completion_tokens=150)


class Bench:
    """A client of an engine whose model answers as it is told to."""

    def __init__(self) -> None:
        self.answers: list[Script] = []
        self.model = Scripted([self._next] * 9)
        self.engine = Engine("sqlite://", self.model)
        self.client = Client(engine=self.engine)

    def _next(self, _: Conversation) -> Script:
        return self.answers.pop(0)

    def close(self) -> None:
        """Closes client and engine."""
        self.client.close()
        self.engine.close()

    def thread(self, *texts: str) -> Thread:
        """A thread with these messages."""
        return self.client.threads.create(messages=[{"role": "user", "content": t} for t in texts])

    def run(
        self,
        *answers: Script,
        thread: Thread | None = None,
        assistant: dict[str, Any] | None = None,
        **options: Any,
    ) -> Run:
        """A run with these options, when it has stopped."""
        self.answers = list(answers) or ["Hello."]
        made = self.client.assistants.create(**{"model": "m", **(assistant or {})})
        on = thread or self.thread("Hi")
        run = self.client.runs.create(on.id, assistant_id=made.id, **options)
        return self.client.wait_for_run(run, check=False, backoff=0.01)

    @property
    def asked(self) -> Conversation:
        """What the model was asked first."""
        return self.model.conversations[0]


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A fresh bench."""
    made = Bench()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        ({"model": "other"}, "model", "other"),
        ({"instructions": "Be brief"}, "instructions", "Be brief"),
        ({"additional_instructions": "Or not"}, "instructions", "Be kind\n\nOr not"),
        ({"temperature": 0.2}, "temperature", 0.2),
        ({"top_p": 0.3}, "top_p", 0.3),
        ({"reasoning_effort": "low"}, "reasoning_effort", "low"),
        ({"max_completion_tokens": 256}, "max_completion_tokens", 256),
        ({"parallel_tool_calls": False}, "parallel_tool_calls", False),
        ({"tool_choice": "required"}, "tool_choice", "required"),
        ({"tool_choice": FUNCTION}, "tool_choice", "function:f"),
        ({"tool_choice": "none"}, "functions", []),
        ({"tool_choice": "auto"}, "tool_choice", None),
        ({"response_format": {"type": "json_object"}}, "response_format", {"type": "json_object"}),
        ({"response_format": SCHEMA}, "response_format", SCHEMA),
        ({"tools": []}, "functions", []),
    ],
)
def test_an_option_reaches_the_model(
    bench: Bench, options: dict[str, Any], field: str, value: object
) -> None:
    """What a run says goes before what its assistant says."""
    run = bench.run(
        assistant={
            "instructions": "Be kind",
            "tools": [FUNCTION],
            "temperature": 0.9,
            "top_p": 0.8,
            "response_format": {"type": "text"},
        },
        **options,
    )

    assert run.status == "completed"
    assert getattr(bench.asked, field) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("instructions", "Be kind"),
        ("temperature", 0.9),
        ("top_p", 0.8),
        ("reasoning_effort", "high"),
        ("response_format", SCHEMA),
    ],
)
def test_an_option_of_the_assistant_reaches_the_model(
    bench: Bench, field: str, value: object
) -> None:
    """It holds where the run is silent."""
    bench.run(assistant={field: value})

    assert getattr(bench.asked, field) == value


def test_tools_of_the_run(bench: Bench) -> None:
    """They replace those of the assistant."""
    bench.run(assistant={"tools": [FUNCTION]}, tools=[INTERPRETER])

    assert [function.name for function in bench.asked.functions] == ["code_interpreter"]


def test_additional_messages(bench: Bench) -> None:
    """They come after the thread's, in their order, and stay in the thread."""
    thread = bench.thread("1")
    more = [{"role": "user", "content": "2"}, {"role": "assistant", "content": "3"}]
    bench.run(thread=thread, additional_messages=more)

    assert [(t.role, t.text) for t in bench.asked.turns] == [
        ("user", "1"),
        ("user", "2"),
        ("assistant", "3"),
    ]
    kept = [message.text for message in bench.client.messages.list(thread.id, order="asc")]
    assert kept == ["1", "2", "3", "Hello."]


def test_truncation(bench: Bench) -> None:
    """The model is asked about the last messages alone."""
    bench.run(
        thread=bench.thread("1", "2", "3"),
        truncation_strategy={"type": "last_messages", "last_messages": 2},
    )

    assert [turn.text for turn in bench.asked.turns] == ["2", "3"]


LONG = LanguageModelError("The prompt is too long.", code=TOO_LONG)


@pytest.mark.parametrize("truncation", [None, {"type": "auto"}])
def test_a_thread_that_is_too_long_for_the_model(bench: Bench, truncation: object) -> None:
    """It is asked again about fewer messages, the last ones, until they fit; so in every round."""
    run = bench.run(
        LONG,
        LONG,
        [call("code_interpreter", code="1")],
        "Hello.",
        thread=bench.thread("1", "2", "3", "4", "5"),
        assistant={"tools": [INTERPRETER]},
        truncation_strategy=truncation,
    )

    assert run.status == "completed"
    asked = [[turn.text for turn in c.turns] for c in bench.model.conversations]
    assert asked[:3] == [["1", "2", "3", "4", "5"], ["4", "5"], ["5"]]
    assert asked[3][0] == "5"
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("answers", "texts", "truncation"),
    [
        ([LONG], ["1"], {"type": "auto"}),  # there is nothing to leave out
        ([LONG], ["1", "2", "3"], {"type": "last_messages", "last_messages": 2}),
        ([["Hel", LONG]], ["1", "2"], {"type": "auto"}),  # it has begun
    ],
)
def test_a_prompt_that_stays_too_long(
    bench: Bench, answers: list[Script], texts: list[str], truncation: dict[str, Any]
) -> None:
    """The run fails, with a code that runs have, where nothing may be left out."""
    run = bench.run(*answers, thread=bench.thread(*texts), truncation_strategy=truncation)

    assert run.status == "failed"
    assert run.last_error is not None
    assert (run.last_error.code, run.last_error.message) == ("invalid_prompt", str(LONG))
    assert len(bench.model.conversations) == 1


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"max_prompt_tokens": 256}, "max_prompt_tokens"),
        ({"max_completion_tokens": 256}, "max_completion_tokens"),
    ],
)
def test_a_run_that_uses_up_its_tokens(bench: Bench, limit: dict[str, Any], reason: str) -> None:
    """Its rounds are counted together; it ends as incomplete, and what was used is told."""
    round_: list[Script] = [call("code_interpreter", code="1"), USED]
    run = bench.run(round_, round_, "Never said.", assistant={"tools": [INTERPRETER]}, **limit)

    assert (run.status, run.incomplete_details and run.incomplete_details.reason) == (
        "incomplete",
        reason,
    )
    assert run.usage is not None
    assert (run.usage.prompt_tokens, run.usage.completion_tokens) == (400, 300)
    assert len(bench.model.conversations) == 2


@pytest.mark.parametrize(("limit", "status"), [(300, "incomplete"), (301, "completed")])
def test_a_prompt_over_the_bound(bench: Bench, limit: int, status: str) -> None:
    """A run whose last prompt goes over it does not complete, though its answer is there."""
    used = TokenUsage(prompt_tokens=301, completion_tokens=1)
    run = bench.run(["Hello.", used], max_prompt_tokens=limit)

    assert run.status == status
    [message] = bench.client.messages.list(run.thread_id, run_id=run.id)
    assert (message.text, message.status) == ("Hello.", "completed")


def test_an_answer_that_is_cut_short(bench: Bench) -> None:
    """A model that reaches the bound within an answer makes the run incomplete."""
    run = bench.run(["Hel", USED, Finish(reason="length")], max_completion_tokens=256)

    assert run.status == "incomplete"
    assert run.incomplete_details is not None
    assert run.incomplete_details.reason == "max_completion_tokens"


@pytest.mark.parametrize("limit", [16, 1])
def test_an_answer_of_a_few_tokens(bench: Bench, limit: int) -> None:
    """The client sends a bound of a few tokens, and the model gets it."""
    run = bench.run(["Hel", USED, Finish(reason="length")], max_completion_tokens=limit)

    assert (run.status, run.max_completion_tokens) == ("incomplete", limit)
    assert [one.max_completion_tokens for one in bench.model.conversations] == [limit]


def test_usage_of_runs_and_steps(bench: Bench) -> None:
    """Each step tells what its answer took, and the run what all of them took."""
    thread = bench.thread("Hi")
    run = bench.run(
        [call("code_interpreter", code="1"), USED],
        ["Done.", TokenUsage(prompt_tokens=1, completion_tokens=2)],
        thread=thread,
        assistant={"tools": [INTERPRETER]},
    )

    steps = bench.client.run_steps.list(thread.id, run.id, order="asc")
    spent = [step.usage.total_tokens for step in steps if step.usage is not None]
    assert spent == [350, 3]
    assert run.usage is not None
    assert (run.usage.prompt_tokens, run.usage.completion_tokens) == (201, 152)
    assert run.usage.total_tokens == 353


def test_a_choice_holds_for_the_first_answer_only(bench: Bench) -> None:
    """A model that must call a function may answer once it has."""
    asked = bench.run(Call("f", "{}", id="call_1"), assistant={"tools": [FUNCTION]},
                      tool_choice="required")  # fmt: skip
    assert asked.status == "requires_action"
    bench.answers = ["Done."]
    outputs = [{"tool_call_id": "call_1", "output": "1"}]
    run = bench.client.runs.submit_tool_outputs(asked.thread_id, asked.id, tool_outputs=outputs)

    assert bench.client.wait_for_run(run, backoff=0.01).status == "completed"
    assert [c.tool_choice for c in bench.model.conversations] == ["required", None]
