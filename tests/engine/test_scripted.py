"""The model for tests answers what it was told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from assistants_client import Client, CodeInterpreterTool, FileSearchTool
from assistants_client.engine import Engine
from assistants_client.engine.language_models.base import (
    Conversation,
    Delta,
    Finish,
    LanguageModelError,
    TextDelta,
    TokenUsage,
    ToolCallDelta,
    Turn,
)
from assistants_client.engine.language_models.scripted import Call, Script, Scripted, call

ASKED = Conversation(model="m", turns=[Turn(role="user", text="Hi")])


def answer(script: Script) -> list[Delta]:
    """All that one entry yields."""
    return list(Scripted([script]).respond(ASKED))


def words(written: int) -> TokenUsage:
    """The usage that is added: of one word read, and so many written."""
    return TokenUsage(prompt_tokens=1, completion_tokens=written)


def test_text() -> None:
    """A string is one piece of text, and the answer stops there."""
    assert answer("Hello") == [TextDelta(text="Hello"), words(1), Finish(reason="stop")]


def test_calls_get_ids_of_their_own() -> None:
    """Calls are numbered from 0 in each answer, and no id comes twice."""
    model = Scripted([[call("f", x=1), call("g")], Call("h", "not json", id="mine"), call("f")])

    first, second, third = (list(model.respond(ASKED)) for _ in range(3))

    assert first == [
        ToolCallDelta(index=0, id="call_1", name="f", arguments='{"x": 1}'),
        ToolCallDelta(index=1, id="call_2", name="g", arguments="{}"),
        words(3),
        Finish(reason="tool_calls"),
    ]
    assert second[0] == ToolCallDelta(index=0, id="mine", name="h", arguments="not json")
    assert isinstance(third[0], ToolCallDelta)
    assert third[0].id not in {"call_1", "call_2"}


def test_a_mixed_answer_with_its_own_end() -> None:
    """Text comes word by word; calls, usage and a reason to finish go through in their order."""
    usage = TokenUsage(prompt_tokens=3, completion_tokens=4)

    assert answer(["Let me ", "see.", call("f"), usage, Finish(reason="length")]) == [
        TextDelta(text="Let"),
        TextDelta(text=" me "),
        TextDelta(text="see."),
        ToolCallDelta(index=0, id="call_1", name="f", arguments="{}"),
        usage,
        Finish(reason="length"),
    ]


def test_an_iterator_is_read_as_the_answer_goes_on() -> None:
    """A generator in the script gives one piece after the other, each when it is asked for."""
    read = []

    def pieces() -> Iterator[Script]:
        for word in ("One", " two"):
            read.append(word)
            yield word

    deltas = Scripted([[pieces(), call("f")]]).respond(ASKED)

    assert next(deltas) == TextDelta(text="One")
    assert read == ["One"]
    assert [type(delta) for delta in deltas] == [
        TextDelta,
        ToolCallDelta,
        TokenUsage,
        Finish,
    ]


def test_nothing_is_an_answer_too() -> None:
    """``None`` and an empty list are an answer without content."""
    assert answer(None) == answer([]) == [words(0), Finish(reason="stop")]


def test_an_exception_is_raised_where_it_stands() -> None:
    """What comes before it in a list is still delivered."""
    deltas = Scripted([["part", OSError("gone")]]).respond(ASKED)

    assert next(deltas) == TextDelta(text="part")
    with pytest.raises(OSError, match="gone"):
        next(deltas)


def test_a_callable_sees_the_conversation() -> None:
    """A callable is given the conversation and returns any other entry."""
    assert answer(lambda asked: [asked.turns[0].text, "!"]) == [
        TextDelta(text="Hi"),
        TextDelta(text="!"),
        words(2),
        Finish(reason="stop"),
    ]


def test_a_callable_can_hold_the_answer_back() -> None:
    """Within a list a callable is called when the answer gets there, so it can block midway."""
    reached: list[str] = []

    def gate(_: Conversation) -> str:
        reached.append("gate")
        return "late"

    deltas = Scripted([["early", gate]]).respond(ASKED)

    assert next(deltas) == TextDelta(text="early")
    assert reached == []
    assert next(deltas) == TextDelta(text="late")


def test_the_conversations_are_kept_and_the_end_is_told() -> None:
    """Each conversation is recorded, also the one there was no entry for."""
    model = Scripted(["only"])
    list(model.respond(ASKED))

    with pytest.raises(LanguageModelError, match=r"no answer number 2: it holds 1\."):
        model.respond(ASKED)
    assert model.conversations == [ASKED, ASKED]


def test_what_cannot_be_played_is_refused() -> None:
    """An entry of another type is an error that names it."""
    with pytest.raises(TypeError, match="cannot hold int: 3"):
        answer(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_many_threads_share_a_script() -> None:
    """Every entry is given once, whoever asks."""
    model = Scripted([str(number) for number in range(200)])
    texts: list[str] = []

    def ask() -> None:
        for _ in range(20):
            texts.extend(d.text for d in model.respond(ASKED) if isinstance(d, TextDelta))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(texts, key=int) == [str(number) for number in range(200)]


def test_a_run_of_the_script_has_usage() -> None:
    """In words, of all that was read and written in it; a script may give its own."""
    own = TokenUsage(prompt_tokens=30, completion_tokens=4)
    model = Scripted(["Two words.", ["One.", own]])
    with Client(engine=Engine("sqlite:///:memory:", model=model)) as client:
        assistant = client.assistants.create(model="m", instructions="Be brief.")
        thread = client.threads.create()
        first = client.ask(thread.id, "And you?", assistant_id=assistant.id).run.usage
        second = client.ask(thread.id, "And now?", assistant_id=assistant.id).run.usage
    assert first is not None
    assert second is not None
    assert (first.prompt_tokens, first.completion_tokens, first.total_tokens) == (4, 2, 6)
    assert (second.prompt_tokens, second.completion_tokens, second.total_tokens) == (30, 4, 34)


def test_the_engines_tools_can_be_scripted() -> None:
    """They are run as for any model, and what they give is in the next conversation."""
    model = Scripted(
        [call("code_interpreter", code="print(6 * 7)"), call("file_search", query="six"), "Done."]
    )
    with Client(engine=Engine("sqlite:///:memory:", model=model)) as client:
        tools = [CodeInterpreterTool(), FileSearchTool()]
        assistant = client.assistants.create(model="m", tools=tools)
        thread = client.threads.create()
        run = client.ask(thread.id, "How much?", assistant_id=assistant.id).run
        steps = client.run_steps.list(thread.id, run.id, order="asc")
        called = [one.type for step in steps for one in step.tool_calls]
    assert called == ["code_interpreter", "file_search"]
    assert model.conversations[1].turns[-1].text == "42\n"


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("code_interpreter", {"input": "1"}, "code_interpreter takes a text named 'code'"),
        ("file_search", {"query": 1}, "file_search takes a text named 'query'"),
    ],
)
def test_a_call_of_the_engines_tools_is_checked(
    name: str, arguments: dict[str, object], words: str
) -> None:
    """A run would go on with an error that only the script reads; ``Call`` makes any."""
    with pytest.raises(TypeError, match=words):
        call(name, **arguments)
    assert Call(name, "{}").arguments == "{}"
