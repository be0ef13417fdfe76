"""A run is carried from queued to its end, whatever the model does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from engine_store import tokens
from runner_bench import INTERPRETER, USED, Bench, Echo, failure

from assistants_client.engine.language_models.base import (
    Conversation,
    Delta,
    Finish,
    LanguageModelError,
    TextDelta,
)
from assistants_client.engine.language_models.scripted import Call, Script, call
from assistants_client.engine.services.worker_side.tool_use import ToolUse
from assistants_client.engine.storage.tables import runs, threads
from assistants_client.engine.worker.runner import Runner
from assistants_client.models.runs import Run


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A fresh bench."""
    made = Bench()
    yield made
    made.database.close()


# --- text ---------------------------------------------------------------------------------------


def test_an_answer_in_text(bench: Bench) -> None:
    """The text becomes a message and its step; the run is completed and counts its tokens."""
    model = bench.process(["Hel", "lo", USED], instructions="Be kind")

    assert [turn.text for turn in model.conversations[0].turns] == ["Hi"]
    assert model.conversations[0].instructions == "Be kind"
    [message] = bench.written
    assert (message.text, message.status, message.run_id) == ("Hello", "completed", "run_1")
    [step] = bench.steps
    assert (step.type, step.status) == ("message_creation", "completed")
    run = bench.run
    assert run.status == "completed"
    assert run.usage is not None
    assert (run.usage.prompt_tokens, run.usage.completion_tokens) == (100, 10)


def test_a_run_that_is_not_queued_is_left_alone(bench: Bench) -> None:
    """A run that is gone, or was carried by another, asks nothing of the model."""
    model = bench.process("Hello")
    runner = bench.runner(model)

    runner.process("run_1")
    runner.process("run_unheard_of")

    assert len(model.conversations) == 1


@pytest.mark.parametrize("answer", [None, "", " \n", [USED]])
def test_an_empty_answer_fails_the_run(bench: Bench, answer: Script) -> None:
    """Neither text nor a call is no answer."""
    bench.process(answer)

    code, words = failure(bench)
    assert code == "server_error"
    assert "empty answer" in words
    assert bench.written == []


def test_a_text_that_is_cut_short(bench: Bench) -> None:
    """``length`` makes the run incomplete, and its message too."""
    bench.process(["Hel", Finish(reason="length")])

    run = bench.run
    assert run.status == "incomplete"
    assert run.incomplete_details is not None
    assert run.incomplete_details.reason == "max_completion_tokens"
    [message] = bench.written
    assert (message.text, message.status) == ("Hel", "incomplete")
    assert message.incomplete_details is not None
    assert message.incomplete_details.reason == "max_tokens"


def test_a_text_that_is_filtered(bench: Bench) -> None:
    """``content_filter`` is told by the message."""
    bench.process(["Well", Finish(reason="content_filter")])

    assert bench.run.status == "incomplete"
    [message] = bench.written
    assert message.incomplete_details is not None
    assert message.incomplete_details.reason == "content_filter"


def test_calls_that_are_cut_short_are_not_made(bench: Bench) -> None:
    """Half a program is not run; the tokens were spent all the same."""
    bench.process(
        [Call("code_interpreter", '{"code": "rm'), Finish(reason="length"), USED],
        tools=[INTERPRETER],
    )

    assert bench.run.status == "incomplete"
    assert bench.steps == []
    assert bench.run.usage == tokens(100, 10)


# --- failures -----------------------------------------------------------------------------------


def test_a_model_that_says_why(bench: Bench) -> None:
    """The words and the code of a ``LanguageModelError`` are the run's."""
    bench.process(LanguageModelError("Too busy", code="rate_limit_exceeded"))

    assert failure(bench) == ("rate_limit_exceeded", "Too busy")


def test_an_unknown_code_is_a_server_error(bench: Bench) -> None:
    """Only the protocol's codes leave the engine."""
    bench.process(LanguageModelError("Odd", code="odd"))

    assert failure(bench) == ("server_error", "Odd")


def test_a_model_that_breaks_midway(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """What was said is kept; a foreign error is told by its kind alone, and logged whole."""
    bench.process(["Half an ", "answer", RuntimeError("key sk-secret")])

    code, words = failure(bench)
    assert code == "server_error"
    assert words == "The language model failed: RuntimeError (the engine's log has the details)"
    [message] = bench.written
    assert (message.text, message.status) == ("Half an answer", "incomplete")
    assert message.incomplete_details is not None
    assert message.incomplete_details.reason == "run_failed"
    assert "sk-secret" in caplog.text


class Broken:
    """A model that is not even a generator."""

    def respond(self, conversation: Conversation) -> Any:
        """Answers what is no iterator."""
        return None


def test_a_model_that_answers_nothing_at_all(bench: Bench) -> None:
    """A mistake in a model of the user's own fails the run and nothing else."""
    bench.queue()
    bench.runner(Broken()).process("run_1")

    assert "TypeError" in failure(bench)[1]


def test_what_ends_the_process_ends_the_run_first(bench: Bench) -> None:
    """An interrupt goes on upwards, and the run is not left behind."""
    with pytest.raises(KeyboardInterrupt):
        bench.process(KeyboardInterrupt())

    assert "KeyboardInterrupt" in failure(bench)[1]


def test_a_fault_of_our_own(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error outside of the model fails the run too."""

    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(bench.execution, "begin_message", explode)
    bench.process("Hello")

    assert failure(bench)[1] == "The engine failed: RuntimeError (the engine's log has the details)"


# --- being taken away ---------------------------------------------------------------------------


class Watched:
    """A model of one long answer that does something on the way, and knows that it was closed."""

    def __init__(self, pieces: int, on_piece: Callable[[int], object]) -> None:
        self.given = 0
        self.is_closed = False
        self._pieces = pieces
        self._on_piece = on_piece

    def respond(self, conversation: Conversation) -> Iterator[Delta]:
        """Answers piece by piece."""
        try:
            for number in range(self._pieces):
                self._on_piece(number)
                self.given += 1
                yield TextDelta(text=f"{number} ")
        finally:
            self.is_closed = True


def test_a_cancelled_run_stops_within_an_answer(bench: Bench) -> None:
    """The database is looked at while the answer comes in; the model is closed."""
    model = Watched(100, lambda number: bench.cancel() if number == 3 else None)
    bench.queue()
    bench.runner(model).process("run_1")

    assert bench.run.status == "cancelled"
    assert model.given == 4
    assert model.is_closed
    [message] = bench.written
    assert (message.text, message.status) == ("0 1 2 ", "incomplete")
    assert [step.status for step in bench.steps] == ["cancelled"]


def test_the_flag_is_faster_than_the_clock(bench: Bench) -> None:
    """Cancelled in this process, a run need not wait for the next look."""
    flags: list[bool] = []

    def cancel_at_three(number: int) -> None:
        if number == 3:
            bench.cancel()
            flags.append(True)

    model = Watched(100, cancel_at_three)
    bench.queue()
    runner = Runner(bench.execution, model, Echo(), ToolUse(bench.context), monotonic=lambda: 0.0)
    runner.process("run_1", lambda: bool(flags))

    assert bench.run.status == "cancelled"
    assert model.given == 4


def test_a_false_alarm_is_looked_into_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag without a cancelled run costs one look, not one for every piece."""
    looks: list[Run] = []
    monkeypatch.setattr(bench.execution, "check", lambda run, _=None: looks.append(run))
    bench.queue()
    model = Watched(100, lambda _: None)
    runner = Runner(bench.execution, model, Echo(), ToolUse(bench.context), monotonic=lambda: 0.0)
    runner.process("run_1", lambda: True)

    assert bench.run.status == "completed"
    assert len(looks) == 1


def test_a_run_expires_on_the_way(bench: Bench) -> None:
    """Past ``expires_at`` a run goes no further, be it within an answer or between two."""

    def late(_: Conversation) -> str:
        bench.now = 1600.0
        return "late"

    bench.process(late)

    assert bench.run.status == "expired"
    assert bench.written == []


def test_cancelled_before_its_code_is_run(bench: Bench) -> None:
    """Code that was asked for is not run any more, and the calls stay in the step."""

    def cancel(_: Conversation) -> list[Script]:
        bench.cancel()
        return [call("code_interpreter", code="a")]

    bench.process(cancel, tools=[INTERPRETER])

    assert bench.run.status == "cancelled"
    assert bench.execution.load_state(bench.run) is None


def test_a_run_that_is_deleted_with_its_thread(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is written, and nobody is alarmed."""

    def delete(_: Conversation) -> str:
        with bench.database.begin() as connection:
            connection.execute(threads.delete())
        return "too late"

    with caplog.at_level(logging.INFO):
        bench.process(delete)

    assert bench.stored(runs, Run) == []
    assert caplog.records == []


def test_a_failure_is_logged_in_one_line(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """A model that is down is a warning with the run's id, without a traceback."""
    bench.process(LanguageModelError("down"))

    [record] = caplog.records
    assert record.getMessage() == "Run run_1 failed: down"
    assert record.exc_info is None
