"""Answering tool calls: every call gets one output, whatever its function does."""

# ruff: noqa: D101  # a docstring would say nothing that the fields do not

import contextvars
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import pickle
import signal
import threading
import time
import types
import uuid

import attrs
import pytest
from pydantic import BaseModel

from assistants_client import (
    ConfigurationError,
    FunctionCall,
    FunctionDefinition,
    FunctionTool,
    RequiredToolCall,
    Run,
    ToolError,
    ToolOutput,
    Usage,
    answer_calls,
    tool,
)
from assistants_client._json.codec import decode
from assistants_client.function_tools.dispatch import MAX_OUTPUT_BYTES


class Unit(str, enum.Enum):
    CELSIUS = "c"


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Place:
    name: str
    unit: Unit = Unit.CELSIUS


@attrs.frozen
class Trip:
    stops: list[Place]
    _code: int = 5


class Model(BaseModel):
    when: datetime.date


class RudeError(Exception):
    """Cannot even say what is wrong."""

    def __str__(self):
        raise RuntimeError


def call(name, arguments="{}", id_="call_1"):
    """A call as the server sends it."""
    return RequiredToolCall(id=id_, function=FunctionCall(name=name, arguments=arguments))


def calls(name, *arguments):
    """Calls of one function, with ids in order."""
    return [call(name, text, f"call_{index}") for index, text in enumerate(arguments)]


def returning(value):
    """A tool that returns this."""

    def function():
        return value

    return tool(function)


def raising(error):
    """A tool that raises this."""

    def function():
        raise error

    return tool(function)


def output(function, **options):
    """What is sent when a tool without arguments is called."""
    [answer] = answer_calls([call("function")], [function], **options)
    return answer.output


def error(function, **options):
    """What is reported when a tool without arguments is called."""
    reported = json.loads(output(function, **options))
    assert list(reported) == ["error"]
    return reported["error"]


@tool
def divide(a: int, b: int) -> float:
    """Divides."""
    return a / b


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        ("", ""),
        ('{"a": 1}', '{"a": 1}'),
        (None, "null"),
        (5, "5"),
        (1.5, "1.5"),
        (True, "true"),
        ("ä", "ä"),
        (["ä"], '["ä"]'),
        ({"a": [1, None]}, '{"a": [1, null]}'),
        ((1, 2), "[1, 2]"),
        ({3, 1, 2}, "[1, 2, 3]"),
        (frozenset(), "[]"),
        (types.MappingProxyType({"a": 1}), '{"a": 1}'),
        (Unit.CELSIUS, "c"),
        (Colour.RED, "1"),
        ([Colour.RED, Unit.CELSIUS], '[1, "c"]'),
        (Place("x"), '{"name": "x", "unit": "c"}'),
        (Trip([Place("x")]), '{"stops": [{"name": "x", "unit": "c"}], "code": 5}'),
        (datetime.datetime(2026, 1, 31, 12), '"2026-01-31T12:00:00"'),
        (datetime.date(2026, 1, 31), '"2026-01-31"'),
        (datetime.time(12), '"12:00:00"'),
        (datetime.timedelta(minutes=1), "60.0"),
        (decimal.Decimal("1.50"), '"1.50"'),
        (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (pathlib.PurePosixPath("a/b"), '"a/b"'),
        (Model(when=datetime.date(2026, 1, 31)), '{"when": "2026-01-31"}'),
        (Usage(total_tokens=3), '{"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 3}'),
        ("half \ud83d of one", "half ? of one"),
    ],
)
def test_a_result_becomes_a_text(value, text):
    """A text as it is, anything else as JSON."""
    assert output(returning(value)) == text


def test_a_set_that_has_no_order_is_still_sent():
    """In some order."""
    assert sorted(json.loads(output(returning({1, "a"}))), key=str) == [1, "a"]


def endless():
    """A list that contains itself."""
    found = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (object(), "object has no JSON form"),
        ({"a": b"x"}, "bytes has no JSON form"),
        (float("nan"), "not JSON compliant"),
        ({(1, 2): 3}, "keys must be str"),
        (endless(), "Circular reference"),
        (compile("1", "", "eval"), "code has no JSON form"),
        (Place, "type has no JSON form"),
    ],
)
def test_a_result_without_a_json_form_is_reported(value, words):
    """As an error that says so."""
    assert error(returning(value)).startswith(
        "ValueError: what function returned cannot be written as JSON: "
    )
    assert words in error(returning(value))


def test_a_result_that_is_too_long_is_reported():
    """In bytes, as they are counted on the wire."""
    assert output(returning("x" * MAX_OUTPUT_BYTES)) == "x" * MAX_OUTPUT_BYTES
    assert "1048578 bytes, at most 1048576" in error(returning("ä" * (MAX_OUTPUT_BYTES // 2 + 1)))


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (ValueError("no such city"), "ValueError: no such city"),
        (KeyError("x"), "KeyError: 'x'"),
        (RuntimeError(), "RuntimeError"),
        (RudeError(), "RudeError"),
        (StopIteration("x"), "StopIteration: x"),
        (ValueError("\ud83d"), "ValueError: ?"),
    ],
)
def test_an_exception_becomes_an_output(raised, text):
    """Its type and its text, and no traceback."""
    assert error(raising(raised)) == text


def test_the_report_of_an_exception_is_bounded():
    """However long the exception's text."""
    assert len(output(raising(ValueError("x" * 100_000)))) < 2100


def test_five_parallel_calls_with_one_failing():
    """Five outputs, in order."""
    asked = calls("divide", *(json.dumps({"a": 6, "b": b}) for b in (1, 2, 0, 3, 6)))

    assert answer_calls(asked, [divide], parallel=5) == [
        ToolOutput(tool_call_id="call_0", output="6.0"),
        ToolOutput(tool_call_id="call_1", output="3.0"),
        ToolOutput(
            tool_call_id="call_2", output='{"error": "ZeroDivisionError: division by zero"}'
        ),
        ToolOutput(tool_call_id="call_3", output="2.0"),
        ToolOutput(tool_call_id="call_4", output="1.0"),
    ]


def test_calls_run_at_the_same_time():
    """As many as allowed meet at a barrier, and the order is kept though they end in reverse."""
    barrier = threading.Barrier(5, timeout=10)
    turns = [threading.Event() for _ in range(6)]
    turns[5].set()

    @tool
    def meet(number: int) -> int:
        barrier.wait()
        assert turns[number + 1].wait(10)
        turns[number].set()
        return number

    asked = calls("meet", *(json.dumps({"number": number}) for number in range(5)))

    assert [each.output for each in answer_calls(asked, [meet], parallel=5)] == list("01234")


def test_no_more_run_at_the_same_time_than_allowed():
    """Two at once are two at once."""
    running, most = set(), []
    barrier = threading.Barrier(2, timeout=10)

    @tool
    def meet(number: int) -> int:
        running.add(number)
        most.append(len(running))
        barrier.wait()
        running.discard(number)
        return number

    asked = calls("meet", *(json.dumps({"number": number}) for number in range(6)))

    assert len(answer_calls(asked, [meet], parallel=2)) == 6
    assert max(most) == 2


def test_one_at_a_time_runs_in_the_callers_thread():
    """So that what belongs to a thread can be used."""
    threads = []

    @tool
    def where() -> None:
        threads.append(threading.current_thread())

    answer_calls(calls("where", "", ""), [where])
    answer_calls(calls("where", ""), [where], parallel=8)

    assert threads == [threading.current_thread()] * 3


def test_waiting_for_threads_looks_up_now_and_then(monkeypatch):
    """However often it does, nothing is lost."""
    monkeypatch.setattr("assistants_client.function_tools.dispatch._POLL_SECONDS", 0)
    arguments = '{"a": 1, "b": 1}'

    found = answer_calls(calls("divide", *[arguments] * 20), [divide], parallel=2)

    assert [each.output for each in found] == ["1.0"] * 20


def test_context_variables_reach_the_threads():
    """A function sees what its caller set."""
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("set")

    @tool
    def look() -> str:
        return variable.get()

    found = answer_calls(calls("look", "", ""), [look], parallel=2)

    assert [each.output for each in found] == ["set", "set"]


def test_functions_need_no_decorator():
    """A plain function will do."""

    def double(number: int) -> int:
        return number * 2

    [found] = answer_calls([call("double", '{"number": 2}')], [double])

    assert found.output == "4"


def test_an_unknown_function_is_reported_with_the_known_ones(caplog):
    """So that the model can choose another; one without an implementation is as good as unknown.

    The log says so too: the run may well complete.
    """
    plain = FunctionTool(function=FunctionDefinition(name="plain"))

    [found] = answer_calls([call("plain")], [divide, plain])
    [other] = answer_calls([call("x" * 500)], [])

    assert json.loads(found.output) == {"error": "there is no function 'plain'; known: divide"}
    assert json.loads(other.output)["error"].endswith("; known: none")
    assert caplog.messages[0] == (
        "The model called the tool 'plain', which is not among the functions given (divide); "
        'the model gets the error as output. on_tool_error="raise" raises it.'
    )
    assert len(caplog.messages[1]) < 250


def test_arguments_out_of_shape_become_an_output():
    """The model reads what is wrong, and the function is not called."""
    [first, second] = answer_calls(calls("divide", '{"a": "x"}', "{"), [divide])

    assert json.loads(first.output) == {
        "error": 'invalid arguments: a: expected an integer, got "x"; '
        "b: missing, expected an integer"
    }
    assert json.loads(second.output)["error"].startswith(
        "invalid arguments: the arguments are not a JSON object: Expecting"
    )


def test_arguments_sent_as_an_object_are_read():
    """Some servers do not write them as text."""
    asked = decode(
        RequiredToolCall, {"id": "x", "function": {"name": "divide", "arguments": {"a": 4, "b": 2}}}
    )

    assert answer_calls([asked], [divide])[0].output == "2.0"


def test_calls_may_come_from_anywhere():
    """A generator will do."""
    asked = calls("divide", '{"a": 1, "b": 1}')

    assert [each.output for each in answer_calls(iter(asked), [divide])] == ["1.0"]


def test_no_calls_have_no_outputs():
    """And nothing happens."""
    assert answer_calls(Run(id="run_1").tool_calls, [divide]) == []


# --- raising ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "words", "cause"),
    [
        (call("divide", '{"a": 1, "b": 0}'), "divide: ZeroDivisionError: division", True),
        (call("divide", "{}"), "divide: invalid arguments: a: missing", False),
        (call("multiply"), "multiply: there is no function 'multiply'; known: divide", False),
    ],
)
def test_errors_may_be_raised_instead(asked, words, cause):
    """With the call, and the exception as the cause."""
    with pytest.raises(ToolError, match=words) as caught:
        answer_calls([asked], [divide], on_tool_error="raise")

    assert caught.value.tool_call is asked
    assert isinstance(caught.value.__cause__, ZeroDivisionError) is cause
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (str(copied), copied.tool_call) == (str(caught.value), asked)


def test_what_can_be_told_beforehand_is_raised_before_anything_runs():
    """No function takes effect in vain."""
    ran = []

    @tool
    def note(number: int) -> None:
        ran.append(number)

    with pytest.raises(ToolError):
        answer_calls(calls("note", '{"number": 1}', "{}"), [note], on_tool_error="raise")

    assert ran == []


def test_after_an_error_no_further_call_is_started():
    """In the caller's thread, the calls after it are left alone."""
    ran = []

    @tool
    def note(number: int) -> None:
        ran.append(number)
        if number == 1:
            raise ValueError

    asked = calls("note", *(f'{{"number": {number}}}' for number in range(4)))
    with pytest.raises(ToolError):
        answer_calls(asked, [note], on_tool_error="raise")

    assert ran == [0, 1]


def test_after_an_error_running_calls_are_waited_for():
    """In threads, those that run finish, and the first error in order is the one that is raised."""
    failed, done = threading.Event(), []
    begun = threading.Barrier(3, timeout=10)

    @tool
    def work(number: int) -> None:
        if number < 3:
            begun.wait()
        if number == 1:
            failed.set()
            raise ValueError
        assert failed.wait(10)
        done.append(number)
        if number == 0:
            raise KeyError(number)

    asked = calls("work", *(f'{{"number": {number}}}' for number in range(9)))
    with pytest.raises(ToolError, match="KeyError") as caught:
        answer_calls(asked, [work], on_tool_error="raise", parallel=3)

    assert caught.value.tool_call is asked[0]
    assert sorted(done) in ([0, 2], [0, 2, 3])  # 3 may have begun just before


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("parallel", [1, 3])
def test_interrupts_come_through_at_once(raised, parallel):
    """Nobody waits for functions that hang, and none is started afterwards."""
    begun, never = [], threading.Event()

    @tool
    def work(number: int) -> None:
        begun.append(number)
        if number == 0:
            raise raised
        never.wait(60)

    asked = calls("work", *(f'{{"number": {number}}}' for number in range(9)))
    with pytest.raises(raised):
        answer_calls(asked, [work], parallel=parallel)

    assert len(begun) <= parallel
    never.set()


@pytest.fixture
def heeds_ctrl_c():
    """Where the tests run in the background, their shell has had Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals to threads")
@pytest.mark.usefixtures("heeds_ctrl_c")
def test_an_interrupt_of_the_waiting_thread_comes_through():
    """Ctrl-C arrives while functions hang in their threads, and the caller has it at once."""
    release, sent = threading.Event(), []

    @tool
    def hang() -> None:
        if not sent:
            sent.append(time.monotonic())
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        release.wait(60)

    with pytest.raises(KeyboardInterrupt):
        answer_calls(calls("hang", "", "", ""), [hang], parallel=2)

    assert time.monotonic() - sent[0] < 10
    release.set()


# --- approval -----------------------------------------------------------------------------------


def test_calls_may_be_refused():
    """False has a text of its own, a text is the output; what is approved runs."""
    asked = calls("divide", '{"a": 1, "b": 1}', '{"a": 2, "b": 1}', '{"a": 3, "b": 1}')
    verdicts = {"call_0": True, "call_1": False, "call_2": "not on Sundays"}

    found = answer_calls(asked, [divide], approve=lambda each: verdicts[each.id])

    assert [each.output for each in found] == [
        "1.0",
        '{"error": "the call of divide was refused by the user"}',
        "not on Sundays",
    ]


def test_approval_is_asked_in_order_before_anything_runs():
    """In the caller's thread, and only for what can run; a refusal is no error to be raised."""
    events = []

    @tool
    def note(number: int) -> None:
        events.append(f"ran {number}")

    def approve(asked):
        assert threading.current_thread() is threading.main_thread()
        events.append(f"asked {asked.id}")
        return asked.id != "call_1"

    asked = [*calls("note", *(f'{{"number": {number}}}' for number in range(3))), call("other")]
    answer_calls(asked, [note], approve=approve)

    assert events == ["asked call_0", "asked call_1", "asked call_2", "ran 0", "ran 2"]
    answer_calls(asked[:3], [note], approve=approve, on_tool_error="raise")


def test_an_approval_that_answers_nothing_is_an_error():
    """A forgotten return must neither approve nor refuse."""
    with pytest.raises(ConfigurationError, match="approve: returned None"):
        answer_calls([call("divide", '{"a": 1, "b": 1}')], [divide], approve=lambda _: None)


def test_an_error_of_the_approval_is_the_callers():
    """It is not told to the model."""
    with pytest.raises(ZeroDivisionError):
        answer_calls([call("divide", '{"a": 1, "b": 1}')], [divide], approve=lambda _: 1 / 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"on_tool_error": "ignore"}, "on_tool_error: 'ignore' is not 'report' or 'raise'"),
        ({"parallel": 0}, "parallel: 0 is not a whole number of threads"),
        ({"parallel": True}, "parallel: True is not a whole number of threads"),
        ({"parallel": 1.5}, "parallel: 1.5 is not a whole number of threads"),
        ({"journal": {}}, "run_id: a journal needs it"),
        ({"journal": 5, "run_id": "run_1"}, "journal: 5 is neither a path nor a mutable mapping"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options, words):
    """Before anything runs."""
    with pytest.raises(ConfigurationError, match=words):
        answer_calls([call("divide")], [divide], **options)
