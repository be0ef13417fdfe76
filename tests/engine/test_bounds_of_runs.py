"""What a message, an answer and a run may grow to, and what becomes of what is more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from attrs import evolve
from engine_store import Store
from runner_bench import WEATHER, Bench, failure

from assistants_client.engine.domain import new_objects as objects
from assistants_client.engine.faults import Fault
from assistants_client.engine.language_models.base import (
    Conversation,
    Delta,
    Finish,
    ImageDelta,
    LanguageModelError,
    NewMessage,
    RefusalDelta,
    State,
    StateDelta,
    TextDelta,
    ThinkingDelta,
    TokenUsage,
    ToolCallDelta,
    UrlCitationDelta,
)
from assistants_client.engine.language_models.scripted import Scripted, call
from assistants_client.engine.services import runs
from assistants_client.engine.worker import answer as answers, runner
from assistants_client.engine.worker.answer import bounded
from assistants_client.models.assistants import AssistantRequest
from assistants_client.models.messages import MessageRequest
from assistants_client.models.run_requests import (
    RunRequest,
    SubmitToolOutputsRequest,
    ThreadRunRequest,
    ToolOutput,
)
from assistants_client.models.threads import ThreadRequest


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten characters are much, and a picture says as much as five."""
    for module in (answers, objects, runs):
        monkeypatch.setattr(module, "MAX_TEXT", 10)
    monkeypatch.setattr(answers, "MIN_ITEM_LENGTH", 5)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A thread, and a runner to carry runs on it."""
    made = Bench()
    yield made
    made.database.close()


def taken(deltas: Iterable[Delta]) -> tuple[list[Delta], bool]:
    """What is taken of an answer, and whether it was too long."""
    found: list[Delta] = []
    try:
        for delta in bounded(deltas):
            found.append(delta)
    except LanguageModelError:
        return found, True
    return found, False


FIVE = [
    TextDelta(text="12345"),
    RefusalDelta(text="12345"),
    ThinkingDelta(text="12345"),
    ToolCallDelta(index=0, id="c", name="f", arguments=""),
    ImageDelta(url="data:image/png;base64,AAAA"),
    NewMessage(),
    UrlCitationDelta(url="a:bcd", start=0, end=1),
]


@pytest.mark.parametrize("delta", FIVE, ids=lambda delta: type(delta).__name__)
def test_an_answer_is_taken_up_to_its_bound(delta: Delta) -> None:
    """All that a model sends counts; what it tells of the whole answer does not."""
    five = evolve(delta, index=1) if isinstance(delta, ToolCallDelta) else delta
    end: list[Delta] = [TokenUsage(prompt_tokens=1, completion_tokens=1), Finish(reason="stop")]
    assert taken([delta, five, *end]) == ([delta, five, *end], False)
    more = TextDelta(text="x")
    found, is_long = taken([delta, five, more])
    assert is_long
    assert found == [delta, five, TextDelta(text="")]


def test_of_a_text_that_crosses_the_bound_the_beginning_is_taken() -> None:
    """However much comes in one piece."""
    assert taken([TextDelta(text="1" * 7), TextDelta(text="2" * 100)]) == (
        [TextDelta(text="1" * 7), TextDelta(text="222")],
        True,
    )


LONG = "x" * 11


@pytest.mark.parametrize(
    "delta",
    [
        ToolCallDelta(index=0, id=LONG),
        ToolCallDelta(index=0, name=LONG),
        ImageDelta(url=f"https://{LONG}"),
        NewMessage(state=State(origin="o", turn={"kept": [LONG]})),
        StateDelta(origin="o", calls={0: {"kept": LONG}}),
        UrlCitationDelta(url="", mark=LONG),
        Finish(reason="length", word=LONG),
    ],
    ids=lambda delta: type(delta).__name__,
)
def test_nothing_that_comes_is_longer_than_the_bound(delta: Delta) -> None:
    """Each counts with all its texts."""
    assert taken([delta]) == ([], True)


def test_sources_without_an_address_count() -> None:
    """No stream of deltas is endless but one of empty texts, which say that the model waits."""
    nothing = UrlCitationDelta(url="")
    assert taken([nothing] * 11) == ([nothing] * 10, True)


def test_the_id_and_name_of_a_call_count_once() -> None:
    """However often the server says them again."""
    again: Delta = ToolCallDelta(index=0, id="call_1", name="f", arguments="")
    other: Delta = ToolCallDelta(index=0, id="call_2", name="f", arguments="")
    assert taken([again] * 100) == ([again] * 100, False)
    assert taken([again, other]) == ([again], True)


def test_images_have_a_bound_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of bytes: in base64 they are a third longer."""
    monkeypatch.setattr(answers, "MAX_IMAGES", 30)
    image: Delta = ImageDelta(url="data:" + "x" * 15)
    assert taken([image, image]) == ([image, image], False)
    larger: Delta = ImageDelta(url="data:" + "x" * 16)
    assert taken([image, larger]) == ([image], True)


def test_a_message_has_so_many_annotations(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other marks stay text, of one source or of several and in all parts together."""
    monkeypatch.setattr(answers, "MAX_TEXT", 1000)
    monkeypatch.setattr(answers, "MAX_ANNOTATIONS", 3)
    bench.process(
        [
            TextDelta(text="[1][1]"),
            UrlCitationDelta(url="https://a.example", mark="[1]"),
            RefusalDelta(text="No."),
            TextDelta(text="[2][3][3]"),
            UrlCitationDelta(url="https://b.example", mark="[3]"),
            UrlCitationDelta(url="https://c.example", mark="[2]"),
        ]
    )
    first, _, last = bench.written[0].content
    assert (first.text.value, last.text.value) == ("[1][1]", "[2][3][3]")
    marks = [[one.text for one in part.text.annotations] for part in (first, last)]
    assert marks == [["[1]", "[1]"], ["[3]"]]


def test_the_pieces_of_a_calls_arguments_count_by_their_length() -> None:
    """A call is one thing, in however many pieces it comes."""
    pieces: list[Delta] = [ToolCallDelta(index=0, arguments="1") for _ in range(5)]
    assert taken(pieces) == (pieces, False)
    assert taken([*pieces, *pieces]) == (pieces, True)


def test_a_run_whose_answer_is_too_long_has_failed(bench: Bench) -> None:
    """What was said up to the bound is kept, and no more is read."""
    asked: list[int] = []

    class Endless:
        def respond(self, conversation: Conversation) -> Iterator[Delta]:
            while True:
                asked.append(1)
                yield TextDelta(text="1234")

    bench.queue()
    bench.runner(Endless()).process("run_1")
    code, words = failure(bench)
    assert (code, "longer than the maximum of 10 characters" in words) == ("server_error", True)
    assert [(m.text, m.status) for m in bench.written] == [("1234123412", "incomplete")]
    assert len(asked) == 3


def test_a_run_whose_steps_are_too_much_has_failed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be shown to the model again and again."""
    monkeypatch.setattr(answers, "MAX_TEXT", 1000)
    monkeypatch.setattr(runner, "MAX_STEPS_TEXT", 600)
    model = bench.process([call("code_interpreter", code="x" * 300)], "never", tools=INTERPRETER)
    assert "grown beyond 600 characters" in failure(bench)[1]
    assert len(model.conversations) == 1


@pytest.mark.parametrize("letter", ["語", "\n", "\x01"])
def test_a_step_counts_by_its_characters(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, letter: str
) -> None:
    """And not by what JSON makes of them: outputs that were taken do not fail the run."""
    monkeypatch.setattr(answers, "MAX_TEXT", 1000)
    monkeypatch.setattr(runner, "MAX_STEPS_TEXT", 1600)
    bench.process([call("get_weather")], tools=[WEATHER])
    bench.submit(get_weather=letter * 1000)
    bench.runner(Scripted(["Done"])).process("run_1")
    assert bench.run.status == "completed"


INTERPRETER = [{"type": "code_interpreter"}]


@pytest.mark.parametrize("length", [10, 11])
def test_a_message_has_a_bound(store: Store, length: int) -> None:
    """Wherever it is given; the refusal names where, and how much is allowed."""
    thread = store.new_thread()
    asked = [
        (lambda: store.messages.create(thread, MessageRequest("x" * length)), "content"),
        (
            lambda: store.messages.create(
                thread, MessageRequest([{"type": "text", "text": "x" * (length - 5)}, FIVE_X])
            ),
            "content",
        ),
        (
            lambda: store.threads.create(ThreadRequest(messages=[MessageRequest("x" * length)])),
            "messages[0].content",
        ),
    ]
    for ask, param in asked:
        if length == 10:
            assert ask()
            continue
        with pytest.raises(Fault) as caught:
            ask()
        assert (caught.value.status, caught.value.param) == (400, param)
        assert caught.value.code == "string_above_max_length"
        assert "11 characters; at most 10" in caught.value.message


def test_a_request_has_so_many_messages_and_a_message_so_many_parts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While they are stored all others wait; the refusal names where, and how many are allowed."""
    monkeypatch.setattr(objects, "MAX_ITEMS", 3)
    thread, assistant = store.new_thread(), store.assistants.create(AssistantRequest(model="m")).id

    def threads(number: int) -> object:
        return store.threads.create(ThreadRequest(messages=[MessageRequest("x")] * number))

    def parts(number: int) -> object:
        content = [{"type": "text", "text": "x"}] * number
        return store.messages.create(thread, MessageRequest(content))

    def runs_of(number: int) -> object:
        added = [MessageRequest("x")] * number
        request = RunRequest(assistant_id=assistant, additional_messages=added)
        return store.runs.create(thread, request)

    def both(number: int) -> object:
        inner = ThreadRequest(messages=[MessageRequest("x")] * number)
        return store.runs.create_thread_and_run(
            ThreadRunRequest(assistant_id=assistant, thread=inner)
        )

    for ask, param in (
        (threads, "messages"),
        (parts, "content"),
        (runs_of, "additional_messages"),
        (both, "thread.messages"),
    ):
        with pytest.raises(Fault) as caught:
            ask(4)
        assert (caught.value.status, caught.value.param) == (400, param)
        assert caught.value.code == "array_above_max_length"
        assert "4 items; at most 3" in caught.value.message
        assert ask(3)


FIVE_X = {"type": "text", "text": "xxxxx"}


def test_outputs_of_tools_have_a_bound(store: Store) -> None:
    """They are counted together, before anything is looked for."""
    outputs = [ToolOutput(tool_call_id=name, output="123456") for name in "ab"]
    with pytest.raises(Fault) as caught:
        store.runs.submit_tool_outputs(
            "thread_x", "run_x", SubmitToolOutputsRequest(tool_outputs=outputs)
        )
    assert (caught.value.status, caught.value.param) == (400, "tool_outputs")
    assert "12 characters together; at most 10" in caught.value.message


def test_a_growing_message_is_stored_the_less_often_the_longer_it_is(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is written in all grows with the time, and not with the square of the length."""
    monkeypatch.setattr(answers, "MAX_TEXT", 10**9)
    monkeypatch.setattr("assistants_client.engine.worker.model_rounds.STORED_PER_SECOND", 10)
    stored: list[int] = []
    write = bench.execution.write_content

    def noting(run: Any, message: Any, content: Any) -> None:
        stored.append(len(content[0].text.value))
        write(run, message, content)

    monkeypatch.setattr(bench.execution, "write_content", noting)
    bench.process([TextDelta(text="x" * 10) for _ in range(400)])
    assert bench.run.status == "completed"
    assert bench.written[0].text == "x" * 4000
    assert 5 < len(stored) < 60
    assert stored == sorted(stored)
    # The clock of the bench moves by two seconds at most with each piece.
    assert sum(stored) <= 10 * 2 * 400 + 4000
