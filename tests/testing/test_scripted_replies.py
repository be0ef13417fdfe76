"""The scripted model of the testing helpers: what it answers, and what it says when it cannot."""

from __future__ import annotations

import pytest

from assistants_client import ConfigurationError, RunFailedError, ToolOutput
from assistants_client.engine import call
from assistants_client.testing import ScriptedModel, assistants


def test_replies_come_in_their_order(doubles, started):
    """Each reply answers one question, whether it was prepared before or after another."""
    doubles.model.reply("First.")
    doubles.model.reply("Second.")

    runs = [doubles.client.wait_for_run(started(doubles)) for _ in range(2)]

    said = [next(iter(doubles.client.messages.list(run.thread_id))).text for run in runs]
    assert said == ["First.", "Second."]
    doubles.assert_done()


def test_a_call_its_output_and_the_answer(doubles, started):
    """A prepared call makes a run ask for it; what the program answers reaches the model."""
    doubles.model.call("get_weather", city="Oslo")
    doubles.model.reply("It is 17 degrees.", to="17 C")

    run = doubles.client.wait_for_run(started(doubles, "How warm is it?", "get_weather"))
    [asked] = run.tool_calls
    assert (asked.function.name, asked.function.arguments) == ("get_weather", '{"city": "Oslo"}')
    run = doubles.client.runs.submit_tool_outputs(
        run.thread_id, run.id, [ToolOutput(tool_call_id=asked.id, output="17 C")]
    )
    doubles.client.wait_for_run(run)

    first, second = doubles.model.conversations
    assert [turn.text for turn in first.turns] == ["How warm is it?"]
    assert [function.name for function in first.functions] == ["get_weather"]
    assert [turn.role for turn in second.turns] == ["user", "assistant", "tool"]


def test_several_things_in_one_answer(doubles, started):
    """Text and calls may be one answer."""
    doubles.model.reply("Let me look.", call("look", at="this"), call("look", at="that"))

    run = doubles.client.wait_for_run(started(doubles, tool="look"))

    assert [one.function.arguments for one in run.tool_calls] == [
        '{"at": "this"}',
        '{"at": "that"}',
    ]
    assert next(iter(doubles.client.messages.list(run.thread_id))).text == "Let me look."


def test_a_reply_to_one_question_waits_for_it(doubles, started):
    """The first reply that fits is given; one for another question is passed over."""
    doubles.model.reply("Rain.", to="Bergen")
    doubles.model.reply("Sun.")

    for question in ("And in Oslo?", "And in Bergen?"):
        doubles.client.wait_for_run(started(doubles, question))

    doubles.assert_done()


def test_a_failure_is_the_last_error(doubles, started):
    """A prepared failure fails the run with its message and code."""
    doubles.model.fail("Too many at once.", code="rate_limit_exceeded")

    run = doubles.client.wait_for_run(started(doubles), check=False)

    assert run.status == "failed"
    assert (run.last_error.code, run.last_error.message) == (
        "rate_limit_exceeded",
        "Too many at once.",
    )
    doubles.assert_done()


def test_without_a_reply_the_error_tells_all(doubles, started):
    """A run that the model has no answer for says what was asked, used before, and left."""
    doubles.model.reply("Hello.")
    doubles.model.reply("Rain.", to="Bergen")
    doubles.model.call("get_weather", city="Narvik")
    client = doubles.client
    client.wait_for_run(started(doubles))
    client.wait_for_run(started(doubles, "A call, please", "get_weather"))

    with pytest.raises(RunFailedError) as caught:
        client.wait_for_run(started(doubles, "How warm is it\nin Oslo?", "get_weather"))

    assert caught.value.run.last_error.message == (
        "Scripted model: no answer was prepared that fits the last question.\n"
        "Asked, and answered with:\n"
        "  1. user: Hi -> 'Hello.'\n"
        "  2. user: A call, please (tools: get_weather) -> "
        'call get_weather({"city": "Narvik"})\n'
        "  3. user: How warm is it in Oslo? (tools: get_weather) -> nothing fitted\n"
        "Prepared, and left:\n"
        "  'Rain.', to 'Bergen': 'Bergen' is not in the question\n"
        "Prepare one with scripted_model.reply(...) before the run is created."
    )


def test_what_is_left_is_an_error_that_says_why(started):
    """At the end, replies that were not used are listed, each with the reason."""

    def test() -> None:
        with assistants() as doubles:
            doubles.model.reply("Rain in Bergen.", to="Bergen")
            doubles.model.reply("Rain again.", to="Bergen", after=3)
            doubles.model.reply("Fog.", to="London")
            doubles.model.reply("Bye.")
            doubles.model.fail("Down.")
            doubles.client.wait_for_run(started(doubles, "Bergen?"))
            doubles.client.wait_for_run(started(doubles, "Thanks."))

    with pytest.raises(AssertionError) as caught:
        test()

    assert str(caught.value) == (
        "Scripted model: prepared and not used: 3; asked without an answer: 0.\n"
        "Asked, and answered with:\n"
        "  1. user: Bergen? -> 'Rain in Bergen.', to 'Bergen'\n"
        "  2. user: Thanks. -> 'Bye.'\n"
        "Prepared, and left:\n"
        "  'Rain again.', to 'Bergen', after 3 s: the questions with 'Bergen' had other answers\n"
        "  'Fog.', to 'London': no question had 'London' in it\n"
        "  failure 'Down.': the model was not asked again"
    )


def test_a_model_that_nobody_asked(doubles):
    """The report says so when no run has reached the model at all."""
    doubles.model.reply("Hello.")

    with pytest.raises(AssertionError, match="nothing: no run has reached the model"):
        doubles.assert_done()


def test_a_question_without_an_answer_is_an_error_too(doubles, started):
    """A failed run that the program makes nothing of is still reported at the end."""
    doubles.client.wait_for_run(started(doubles), check=False)

    with pytest.raises(AssertionError, match=r"asked without an answer: 1[\s\S]*left:\n  nothing"):
        doubles.assert_done()


def test_what_is_cleared_may_be_left(started):
    """``clear`` is for tests that mean to leave replies over."""
    with assistants() as doubles:
        doubles.model.reply("Never asked for.")
        doubles.model.clear()


def test_an_error_of_the_block_is_not_hidden():
    """What a block raises comes out, whatever was left."""

    def test() -> None:
        with assistants() as doubles:
            doubles.model.reply("Hello.")
            raise KeyError

    with pytest.raises(KeyError):
        test()


def test_a_run_that_nobody_waits_for_uses_its_reply(started):
    """The look at what is left comes after the engine has done what it can."""
    with assistants() as doubles:
        doubles.model.reply("Hello.")
        started(doubles)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda model: model.reply(), "what is the model to answer"),
        (lambda model: model.reply("x", after=-1), "after: -1 is not"),
        (lambda model: model.reply("x", after=float("inf")), "after: inf is not"),
        (lambda model: model.fail("x", code="teapot"), "'teapot' is none of server_error, "),
    ],
)
def test_what_cannot_be_prepared(prepare, words):
    """A mistake in the test is an error where it is made."""
    with pytest.raises(ConfigurationError, match=words):
        prepare(ScriptedModel())


def test_long_texts_are_shortened(doubles, started):
    """Messages stay readable, however long the texts are."""
    doubles.model.reply("x" * 1000, call("look"))
    doubles.model.reply(lambda conversation: "y")

    with pytest.raises(AssertionError) as caught:
        doubles.assert_done()

    assert "x" * 198 + "… + call look({})" in str(caught.value)
    assert "x" * 200 not in str(caught.value)
    assert "<lambda>" in str(caught.value)
