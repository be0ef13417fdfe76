"""What models return beside text: refusals, images, sources, thoughts, several messages."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fake_server import Answer, FakeServer
from server_answers import (
    ANSWER,
    DONE,
    always,
    call,
    calls,
    chunk,
    document,
    ended,
    event,
    event_stream,
    message_item,
    refuses,
    says,
    sse,
    text_events,
    whole,
)

from assistants_client import (
    Client,
    ImageFilePart,
    ImageUrlPart,
    Message,
    MessageCompleted,
    MessageDelta,
    RefusalPart,
    TextPart,
    UrlCitation,
)
from assistants_client.engine import ChatCompletions, Engine, Responses

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SHOWN = {
    "type": "image_url",
    "image_url": {"url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"},
}


class Asked:
    """A thread whose questions are answered by a fake server."""

    def __init__(self, client: Client, server: FakeServer, tools: list[dict[str, Any]]) -> None:
        self.client, self.server = client, server
        self.assistant = client.assistants.create(model="m", tools=tools)
        self.thread = client.threads.create()

    def run(self, question: str = "?") -> list[Message]:
        """The messages of a run, oldest first; what was streamed is what is stored."""
        self.client.messages.create(self.thread.id, question)
        with self.client.runs.stream(self.thread.id, assistant_id=self.assistant.id) as stream:
            events = list(stream)
            run = stream.run
        assert run is not None
        self.ended = run
        found = [
            message
            for message in self.client.messages.list(self.thread.id, order="asc")
            if message.run_id == run.id
        ]
        done = [e.message for e in events if isinstance(e, MessageCompleted)]
        assert [m.content for m in done] == [m.content for m in found if m.status == "completed"]
        for message in found:
            told = "".join(
                e.text for e in events if isinstance(e, MessageDelta) and e.id == message.id
            )
            texts = [p.text.value for p in message.content if isinstance(p, TextPart)]
            assert told == "".join(texts)
        return found


@contextmanager
def asked(
    answers: Any, kind: Any = ChatCompletions, tools: Any = (), **options: Any
) -> Iterator[Asked]:
    """A fake server behind an engine."""
    answers = answers if callable(answers) else always(answers)
    with (
        FakeServer(answers) as server,
        closing(kind(server.url, **options)) as model,
        Client(engine=Engine("sqlite://", model=model)) as client,
    ):
        yield Asked(client, server, list(tools))


@pytest.mark.parametrize(
    "answer",
    [
        sse(chunk(content=None, refusal="I "), chunk(refusal="cannot."), chunk("stop")),
        whole(content=None, refusal="I cannot."),
        whole(content=[{"type": "refusal", "refusal": "I cannot."}]),
    ],
    ids=["streamed", "whole", "a part"],
)
def test_a_refusal_is_a_part_of_its_own(answer: Answer) -> None:
    """So that a program that reads structured answers sees that there is none; and it goes back."""
    with asked(answer) as thread:
        [message] = thread.run()
        assert message.content == [RefusalPart(refusal="I cannot.")]
        assert message.text == ""
        thread.run("Why?")
        assert thread.server.bodies[1]["messages"][1]["content"] == "I cannot."


@pytest.mark.parametrize(
    "answer",
    [
        sse(chunk(content="Look: "), chunk(images=[SHOWN]), chunk(content="nice."), chunk("stop")),
        whole(
            content=[{"type": "text", "text": "Look: "}, SHOWN, {"type": "text", "text": "nice."}]
        ),
    ],
    ids=["OpenRouter's field", "parts"],
)
def test_an_image_of_the_model_becomes_a_file(answer: Answer) -> None:
    """At its place between the texts, and its content can be read."""
    with asked(answer) as thread:
        [message] = thread.run()
        before, image, after = message.content
        assert isinstance(before, TextPart)
        assert isinstance(image, ImageFilePart)
        assert isinstance(after, TextPart)
        assert (before.text.value, after.text.value) == ("Look: ", "nice.")
        file = thread.client.files.retrieve(image.image_file.file_id)
        assert (file.purpose, file.filename, file.bytes) == (
            "assistants_output",
            "image.png",
            len(PNG),
        )
        assert thread.client.files.content(file.id) == PNG


def test_an_image_alone_is_an_answer() -> None:
    """It needs no text."""
    with asked(sse(chunk(images=[SHOWN]), chunk("stop"))) as thread:
        [message] = thread.run()
        assert [part.type for part in message.content] == ["image_file"]
        assert thread.ended.status == "completed"


def test_an_image_that_is_elsewhere_keeps_its_address() -> None:
    """The engine fetches nothing from addresses that a model names."""
    picture = {"type": "image_url", "image_url": {"url": "https://a.test/b.png"}}
    with asked(sse(chunk(images=[picture]), chunk("stop"))) as thread:
        [message] = thread.run()
        [part] = message.content
        assert isinstance(part, ImageUrlPart)
        assert part.image_url.url == "https://a.test/b.png"


@pytest.mark.parametrize("url", ["data:image/png;base64,AAAA", "data:text/plain,hello", "data:,"])
def test_an_image_that_is_none_fails_the_run(url: str) -> None:
    """With words; nothing is left out silently."""
    picture = {"type": "image_url", "image_url": {"url": url}}
    with asked(sse(chunk(content="a"), chunk(images=[picture]), chunk("stop"))) as thread:
        [message] = thread.run()
        assert message.text == "a"
        assert thread.ended.last_error is not None
        assert "an image that cannot be kept" in thread.ended.last_error.message


def test_sources_of_marks() -> None:
    """Each mark tells its page, as often as it stands there."""
    sources = ["https://a.test", "https://b.test"]
    answer = sse({**chunk(content="Yes [2], no [2][1]."), "citations": sources}, chunk("stop"))
    with asked(answer) as thread:
        [message] = thread.run()
        found = [m for m in message.citations if isinstance(m, UrlCitation)]
        assert [(m.text, m.url, message.text[m.start_index : m.end_index]) for m in found] == [
            ("[2]", "https://b.test", "[2]"),
            ("[2]", "https://b.test", "[2]"),
            ("[1]", "https://a.test", "[1]"),
        ]


def test_annotations_of_a_search_model() -> None:
    """They keep their places, within the text."""
    note = {
        "type": "url_citation",
        "url": "https://a.test",
        "title": "A",
        "start_index": 3,
        "end_index": 99,
    }
    with asked(whole(content="It is so.", annotations=[note])) as thread:
        [message] = thread.run()
        [found] = message.citations
        assert isinstance(found, UrlCitation)
        assert found.url_citation is not None
        assert (found.start_index, found.end_index, found.text) == (3, 9, "is so.")
        assert (found.url, found.url_citation.title) == ("https://a.test", "A")


def pieces(text: str, size: int) -> Answer:
    """A stream of a text in pieces of so many characters."""
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    return sse(*(chunk(content=part) for part in parts), chunk("stop"))


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    "mark", [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]")]
)
def test_thoughts_within_the_text(size: int, mark: tuple[str, str]) -> None:
    """They are in the step and not in the answer, and are not sent back."""
    begin, end = mark
    with asked(pieces(f"\n{begin}\nOslo < Rome?\n{end}\n\nIt is < 17.", size)) as thread:
        [message] = thread.run()
        assert message.text == "It is < 17."
        [step] = thread.client.run_steps.list(thread.thread.id, thread.ended.id)
        assert step.reasoning == "Oslo < Rome?"
        thread.run("Sure?")
        assert thread.server.bodies[1]["messages"][1]["content"] == "It is < 17."


@pytest.mark.parametrize("text", ["<thin air>", "<", " <b>", "Say <think> and </think>."])
def test_what_only_looks_like_thoughts_is_text(text: str) -> None:
    """A mark counts at the very beginning only, and when it is whole."""
    with asked(pieces(text, 1)) as thread:
        [message] = thread.run()
        assert message.text == text


def test_thoughts_can_be_shown() -> None:
    """Then they are in the message, and still not sent back."""
    answer = sse(
        chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]),
        chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "."}]}]),
        chunk(content="17."),
        chunk("stop"),
    )
    with asked(answer, show_thinking=True) as thread:
        [message] = thread.run()
        assert message.text == "<think>Hm.</think>\n\n17."
        thread.run("Sure?")
        assert thread.server.bodies[1]["messages"][1]["content"] == "17."


def test_thoughts_before_a_call() -> None:
    """They are in the step that called."""
    answers = [
        calls(call("code_interpreter", '{"code": "1"}'), content="<think>I reckon.</think>"),
        says("1."),
    ]
    tools = [{"type": "code_interpreter"}]
    with asked(lambda body, number: answers[number - 1], tools=tools) as thread:
        [message] = thread.run()
        assert message.text == "1."
        first, second = thread.client.run_steps.list(thread.thread.id, thread.ended.id, order="asc")
        assert (first.type, first.reasoning) == ("tool_calls", "I reckon.")
        assert second.reasoning is None
        [turn] = [m for m in thread.server.bodies[1]["messages"] if m.get("tool_calls")]
        assert "content" not in turn


def test_nothing_but_thoughts_is_no_answer() -> None:
    """The run says what was there."""
    with asked(pieces("<think>Hm, hm.", 4)) as thread:
        assert thread.run() == []
        assert thread.ended.last_error is not None
        assert "only what it thought" in thread.ended.last_error.message


def test_thoughts_again_and_in_capitals() -> None:
    """All that the text begins with."""
    with asked(pieces("<THINK>a</THINK>\n<think>b</think> c </think>", 2)) as thread:
        [message] = thread.run()
        assert message.text == "c </think>"


def test_sources_behind_thoughts() -> None:
    """Places count in what is left of the text; what is told twice counts once."""
    words = "<think>Hm.</think>\n\nIt is 17."
    place = {"start_index": words.index("17"), "end_index": words.index("17") + 2}
    note = {"type": "url_citation", "url": "https://a.test", **place}
    with asked(whole(content=words, annotations=[note, note])) as thread:
        [message] = thread.run()
        [found] = message.citations
        assert isinstance(found, UrlCitation)
        assert (found.start_index, found.text) == (6, "17")


def test_two_phases_before_another_model(tmp_path: Path) -> None:
    """A model of another API sees one turn of the assistant's."""
    first = message_item("I work it out.", "msg_1", phase="commentary")
    second = message_item("It is 4.", "msg_2", phase="final_answer")
    answer = event_stream(text_events(first, 0), text_events(second, 1), ended(first, second))
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with FakeServer(always(answer)) as old, FakeServer(always(says())) as new:
        phased, chat = Responses(old.url), ChatCompletions(new.url)
        with closing(phased), Client(engine=Engine(url, model=phased)) as client:
            before = Asked(client, old, [])
            before.run()
        with closing(chat), Client(engine=Engine(url, model=chat)) as client:
            client.ask(before.thread.id, "Sure?", assistant_id=before.assistant.id)
        turns = [turn for turn in new.bodies[0]["messages"] if turn["role"] != "system"]
        assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
        assert turns[1]["content"] == "I work it out.\n\nIt is 4."


@pytest.mark.parametrize(
    "answer",
    [
        sse(chunk("length", content="a"), chunk("stop")),
        sse(chunk("length", content="a"), chunk("stop", index=1)),
    ],
)
def test_what_was_cut_stays_cut(answer: Answer) -> None:
    """Another word later does not make it whole."""
    with asked(answer) as thread:
        [message] = thread.run()
        assert (thread.ended.status, message.status) == ("incomplete", "incomplete")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (sse(chunk(content="a"), '{"error": {"message": "Boom"}}\n'), "Boom"),
        (sse(chunk(content="a"), '{"error": {"message":\n\n"Boom"}}\n\n'), "no event"),
        (sse(chunk(content="a"), "event: error\ndata: Boom, rate limit\n\n"), "Boom, rate limit"),
        (sse(chunk(content="a"), "error: Boom\n\n"), "Boom"),
    ],
    ids=["right before the end", "with a blank line", "plain text", "a field"],
)
def test_errors_beside_events_are_told(answer: Answer, words: str) -> None:
    """Half an answer is never completed."""
    with asked(answer) as thread:
        thread.run()
        assert thread.ended.status == "failed"
        assert thread.ended.last_error is not None
        assert words in thread.ended.last_error.message


BESIDE = {"delta": {}, "message": {"content": "a"}, "finish_reason": "stop"}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, "Text/Event-Stream; charset=utf-8", says("a").blocks),
        Answer(200, "application/json", [b"\n: hello\n\n", *says("a").blocks]),
        document({"choices": [BESIDE]}),
    ],
    ids=["capitals", "another type", "an empty delta beside the message"],
)
def test_odd_forms_of_an_answer(answer: Answer) -> None:
    """They are read all the same."""
    with asked(answer) as thread:
        [message] = thread.run()
        assert message.text == "a"


def test_what_a_server_refuses_is_remembered_though_its_answer_breaks() -> None:
    """The request was taken; and a bound that it knows by no name is left out."""
    bounds = ("max_tokens", "max_completion_tokens")

    def answer(body: dict[str, Any], number: int) -> Answer:
        for field in bounds:
            if field in body:
                return refuses(400, f"Unknown parameter: '{field}'")
        return sse(chunk(content="a"), "cut", done=False)

    with asked(answer) as thread:
        for _ in range(2):
            thread.client.messages.create(thread.thread.id, "?")
            run = thread.client.runs.create(
                thread.thread.id, assistant_id=thread.assistant.id, max_completion_tokens=300
            )
            assert thread.client.wait_for_run(run, check=False).status == "failed"
        sent = [[field for field in bounds if field in body] for body in thread.server.bodies]
        assert sent == [["max_tokens"], ["max_completion_tokens"], [], []]


def test_two_messages_of_one_answer() -> None:
    """Each is a message of the thread, with a step of its own; the tokens are counted once."""
    first = message_item("I work it out.", "msg_1", phase="commentary")
    second = message_item("It is 4.", "msg_2", phase="final_answer")
    answer = event_stream(text_events(first, 0), text_events(second, 1), ended(first, second))
    with asked(answer, Responses) as thread:
        messages = thread.run()
        assert [message.text for message in messages] == ["I work it out.", "It is 4."]
        steps = list(thread.client.run_steps.list(thread.thread.id, thread.ended.id, order="asc"))
        assert [step.usage and step.usage.total_tokens for step in steps] == [0, 15]
        assert thread.ended.usage is not None
        assert thread.ended.usage.total_tokens == 15


def test_tokens_are_told_in_detail() -> None:
    """Summed over the rounds, as far as the server tells them."""

    def usage(cached: int, thought: int) -> dict[str, Any]:
        return {
            "prompt_tokens": 100,
            "completion_tokens": 10,
            "total_tokens": 110,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": thought},
        }

    def answer(body: dict[str, Any], number: int) -> Answer:
        told = {"choices": [], "usage": usage(64 * (number - 1), 5)}
        if number == 1:
            code = call("code_interpreter", '{"code": "1"}')
            return sse(chunk(tool_calls=[code]), chunk("tool_calls"), told)
        return sse(chunk(content="1"), chunk("stop"), told)

    with asked(answer, tools=[{"type": "code_interpreter"}]) as thread:
        thread.run()
        total = thread.ended.usage
        assert total is not None
        assert total.prompt_token_details is not None
        assert total.completion_tokens_details is not None
        assert total.prompt_token_details.cached_tokens == 64
        assert total.completion_tokens_details.reasoning_tokens == 10


_GONE = 'data: {"error": {"code": 499, "message": "client gone"}}\n\n'


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (sse(chunk(content=ANSWER), chunk("stop"), DONE + _GONE, done=False), ChatCompletions),
        (sse(chunk(content=ANSWER), chunk("stop"), DONE, 0.05, _GONE, done=False), ChatCompletions),
        (
            event_stream(
                text_events(message_item()),
                ended(message_item()) + event("error", code="499", message="client gone"),
            ),
            Responses,
        ),
    ],
    ids=["in one packet", "in another packet", "responses"],
)
def test_what_follows_the_end_is_not_read(answer: Answer, kind: Any) -> None:
    """In whichever packets it comes: the answer is whole, and the same bytes give one outcome."""
    with asked(answer, kind) as thread:
        [message] = thread.run()
        assert message.text == ANSWER
        assert thread.ended.status == "completed"
