"""Marks of citations and links in streams: each in the delta of its annotation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from databases import fresh
from hypothesis import given, strategies as st
from store_bench import Bench
from stream_bench import INTERPRETER, Gate, Stream, StreamBench

from assistants_client.engine import Engine, Scripted, TextDelta, call
from assistants_client.engine.code_interpreter import MontyInterpreter
from assistants_client.engine.domain.marks import KnownMarks, MarkReader, Segment
from assistants_client.engine.events.stream_state import StoredRun, StreamState
from assistants_client.models.messages import FilePath

SEARCH = {"type": "file_search"}
ASKS = call("file_search", query="walrus")


def known(*marks: str) -> KnownMarks:
    """These marks."""
    return KnownMarks({mark: FilePath(text=mark) for mark in marks})


MARKS = known("【0:0†source】", "【0:1†source】", "sandbox:/a", "sandbox:/a.gz", "sandbox:/b")


def read(pieces: list[str], marks: KnownMarks = MARKS) -> list[Segment]:
    """What is passed on of a text that comes in these pieces."""
    reader = MarkReader(marks)
    passed = [one for piece in pieces for one in reader.read(piece)]
    return [*passed, *reader.read("", is_last=True)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("plain", []),
        ("a【0:0†source】b", ["【0:0†source】"]),
        ("【0:1†source】【0:1†source】", ["【0:1†source】"] * 2),
        ("【0:2†source】 【0:0†other】 【0:0】", []),
        ("【0:0†sour", []),
        ("【【0:0†source】", ["【0:0†source】"]),
        ("【0:0†【0:1†source】", ["【0:1†source】"]),
        ("to sandbox:/a", ["sandbox:/a"]),
        ("to sandbox:/a.", ["sandbox:/a"]),
        ("to sandbox:/a.gzip", ["sandbox:/a.gz"]),
        ("sandsandbox:/b", ["sandbox:/b"]),
        ("sandbox:/c", []),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_marks_are_whole(text: str, found: list[str], size: int) -> None:
    """However the text is cut, each mark is a piece of its own, and nothing is lost."""
    passed = read([text[at : at + size] for at in range(0, len(text), size)])
    assert "".join(one.text for one in passed) == text
    assert [one.text for one in passed if one.annotation is not None] == found


@given(st.lists(st.text("【】0:1†source🦭 sandbox:/a.gzb", max_size=9), max_size=12))
def test_any_text_in_any_pieces(pieces: list[str]) -> None:
    """The same marks at the same places as of the whole text, and the same text."""
    text = "".join(pieces)
    passed = read(pieces)
    found = [one.annotation for one in passed if one.annotation is not None]
    assert "".join(one.text for one in passed) == text
    assert found == [one.annotation for one in read([text]) if one.annotation is not None]
    for annotation in found:
        start, end = annotation.start_index, annotation.end_index
        assert text[start:end] == annotation.text


def test_only_what_may_become_a_mark_is_held_back() -> None:
    """The rest is passed on at once; without any marks, all of it."""
    reader = MarkReader(MARKS)
    assert [one.text for one in reader.read("so 【0:0")] == ["so "]
    assert [one.text for one in reader.read("x s")] == ["【0:0x "]
    assert [one.text for one in reader.read("o")] == ["so"]
    assert read(["【0:", "0†source】"], KnownMarks()) == [Segment("【0:"), Segment("0†source】")]


def test_a_long_text_is_read_in_one_pass() -> None:
    """What looks like the beginning of a mark, again and again, costs no more than its length."""
    many = known(*(f"【{n}:{m}†source】" for n in range(30) for m in range(20)))
    text = "【1:" * 100_000
    assert "".join(one.text for one in read([text], many)) == text


# --- streams ------------------------------------------------------------------------------------


@pytest.fixture
def benches() -> Iterator[Any]:
    """Makes benches, and closes them."""
    made: list[StreamBench] = []

    def make(*args: Any, **options: Any) -> StreamBench:
        made.append(StreamBench(*args, **options))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


def searching(bench: StreamBench, *names: str) -> dict[str, Any]:
    """The fields of a run on files of these names, all about the walrus."""
    files = Bench(bench.engine)
    ids = [files.upload(f"The walrus sleeps in {name}.", name) for name in names]
    store = files.settled(files.client.vector_stores.create(file_ids=ids).id)
    resources = {"file_search": {"vector_store_ids": [store.id]}}
    made = files.client.assistants.create(model="m", tools=[SEARCH], tool_resources=resources)
    return {"assistant_id": made.id}


def texts_of(stream: Stream) -> list[dict[str, Any]]:
    """The pieces of text of all messages."""
    return [
        part["text"]
        for name, one in stream.seen
        if name == "thread.message.delta"
        for part in one["delta"]["content"]
    ]


def completed(stream: Stream) -> dict[str, Any]:
    """The text of the message that was completed last."""
    found = [one for name, one in stream.seen if name == "thread.message.completed"]
    text: dict[str, Any] = found[-1]["content"][-1]["text"]
    return text


@pytest.mark.parametrize("mark", ["【0:0†source】", "【0:0†a.txt】"])
def test_a_citation_comes_with_its_mark(benches: Any, mark: str) -> None:
    """In the form that models are sent, or with the file's name; places count characters."""
    pieces = ["🦭 It sle", f"eps{mark[:3]}", f"{mark[3:]}, and", f" so {mark}", "."]
    bench = benches([ASKS, [TextDelta(text=text) for text in pieces]])
    stream = bench.run(**searching(bench, "a.txt"))
    stream.rest()
    file_id = completed(stream)["annotations"][0]["file_citation"]["file_id"]

    def cited(index: int, start: int, **more: str) -> dict[str, Any]:
        return {
            "index": index,
            "type": "file_citation",
            "text": mark,
            "file_citation": {"file_id": file_id, **more},
            "start_index": start,
            "end_index": start + len(mark),
        }

    places = (11, 11 + len(mark) + len(", and so "))
    assert texts_of(stream) == [
        {"value": "🦭 It sle", "annotations": []},
        {"value": "eps"},
        {"value": mark, "annotations": [cited(0, places[0], quote="")]},
        {"value": ", and"},
        {"value": " so "},
        {"value": mark, "annotations": [cited(1, places[1], quote="")]},
        {"value": "."},
    ]
    for number, found in enumerate(completed(stream)["annotations"]):
        assert {"index": number, **found} == cited(number, places[number])


def test_a_message_that_begins_with_a_mark(benches: Any) -> None:
    """Its first piece is the mark, with its annotation."""
    bench = benches([ASKS, "【0:1†source】"])
    stream = bench.run(**searching(bench, "a.txt", "b.txt"))
    stream.rest()
    [text] = texts_of(stream)
    assert text["value"] == "【0:1†source】"
    assert [one["index"] for one in text["annotations"]] == [0]


def test_what_is_held_back_comes_at_the_end(benches: Any) -> None:
    """Text that only looked like a mark is text, and nothing waits for a mark that cannot come."""
    gate = Gate()
    said = [TextDelta(text="See [1] and 【7"), gate, TextDelta(text="】 or 【0:0†sou")]
    bench = benches([ASKS, said])
    stream = bench.run(**searching(bench, "a.txt"))
    assert gate.reached.wait(10)
    assert texts_of(stream) == []
    stream.until("thread.message.delta")
    gate.go.set()
    stream.rest()
    assert "".join(text["value"] for text in texts_of(stream)) == completed(stream)["value"]
    assert [text["value"] for text in texts_of(stream)] == [
        "See [1] and 【7",
        "】 or ",
        "【0:0†sou",
    ]
    assert completed(stream)["annotations"] == []


def test_links_come_with_their_files(benches: Any) -> None:
    """What code wrote is an annotation beside the link, and beside nothing else."""
    interpreter = MontyInterpreter()
    code = call("code_interpreter", code="x = open('sum.csv', 'w').write('7')")
    bench = benches(
        [code, ["[Here](sandbox:/mnt/data/", "sum.csv)."]], code_interpreter=interpreter
    )
    stream = bench.run(INTERPRETER)
    stream.rest()
    interpreter.close()
    assert [text["value"] for text in texts_of(stream)] == [
        "[Here](",
        "sandbox:/mnt/data/sum.csv",
        ").",
    ]
    [sent] = texts_of(stream)[1]["annotations"]
    [stored] = completed(stream)["annotations"]
    assert sent == {"index": 0, **stored}


@pytest.mark.parametrize("sent", range(8))
def test_a_stream_that_lost_some_sends_the_rest(sent: int) -> None:
    """Each mark that was not sent comes with its annotation, whatever came before."""
    mark, link = "【0:0†source】", "sandbox:/a"
    value = f"Oslo{mark} and {link}"
    starts = {mark: 4, link: len(value) - len(link)}
    annotations = [
        {"type": "file_citation", "text": mark, "file_citation": {"file_id": "file-1"}},
        {"type": "file_path", "text": link, "file_path": {"file_id": "file-2"}},
        {"type": "url_citation", "text": "Oslo", "url_citation": {"url": "https://a.test"}},
    ]
    for one in annotations:
        one["start_index"] = starts.get(str(one["text"]), 0)
        one["end_index"] = int(str(one["start_index"])) + len(str(one["text"]))
    text = {"value": value, "annotations": annotations}
    message = {
        "id": "msg_1",
        "status": "completed",
        "content": [{"type": "text", "text": text}],
    }
    details = {"type": "message_creation", "message_creation": {"message_id": "msg_1"}}
    step = {"id": "step_1", "status": "completed", "step_details": details}
    run = {"id": "run_1", "status": "completed", "started_at": 1}
    stored = StoredRun(run=run, steps=[step], messages={"msg_1": message})
    whole = [one for name, one in StreamState().missing(stored) if name.endswith("delta")]
    assert len(whole) == 5

    state = StreamState()
    begun = {**message, "status": "in_progress", "content": []}
    events = [*state.on_event("thread.message.created", begun)]
    for delta in whole[:sent]:
        events += state.on_event("thread.message.delta", delta)
    state.mark_lost()
    events += state.missing(stored)

    deltas = [one for name, one in events if name == "thread.message.delta"]
    assert deltas == whole
    pieces = [one["delta"]["content"][0]["text"] for one in deltas]
    assert [piece["value"] for piece in pieces] == ["Oslo", mark, " and ", link, ""]
    assert [[n["index"] for n in piece.get("annotations", ())] for piece in pieces] == [
        [],
        [0],
        [],
        [1],
        [2],
    ]
    assert pieces[1]["annotations"][0]["file_citation"]["quote"] == ""


def test_a_run_that_is_cancelled_keeps_its_citations(benches: Any) -> None:
    """An annotation that was sent with its mark is in the message that was cut off."""
    gate = Gate()
    bench = benches([ASKS, ["It sleeps【0:0†source】", gate, "."]])
    stream = bench.run(**searching(bench, "a.txt"))
    assert gate.reached.wait(10)
    next(one for one in texts_of_next(stream) if one.get("annotations"))
    bench.send("POST", f"{stream.run_path}/cancel")
    gate.go.set()
    stream.rest()
    [message] = [one for name, one in stream.seen if name == "thread.message.incomplete"]
    text = message["content"][0]["text"]
    assert text["value"].startswith("It sleeps【0:0†source】")
    assert len(text["annotations"]) == 1
    assert sum(len(one.get("annotations", ())) for one in texts_of(stream)) == 1


def texts_of_next(stream: Stream) -> Iterator[dict[str, Any]]:
    """The pieces of text as they come."""
    for name, one in stream:
        if name == "thread.message.delta":
            yield one["delta"]["content"][0]["text"]


def test_marks_of_earlier_runs_are_not_sent_again() -> None:
    """They would stand for something else in this run; within a run they stay."""
    first = ["Ice【0:0†source】.", call("file_search", query="moss")]
    model = Scripted([ASKS, first, "Yes【0:0†source】.", "So."])
    with Engine(fresh("sqlite://"), model) as engine:
        bench = Bench(engine)
        resources = {"file_search": {"vector_store_ids": [bench.store(a_txt="walrus").id]}}
        thread = bench.client.threads.create(tool_resources=resources).id
        made = bench.client.assistants.create(model="m", tools=[SEARCH])
        for words in ("Where?", "Sure?"):
            bench.client.messages.create(thread, words)
            run = bench.client.runs.create(thread, assistant_id=made.id)
            bench.client.wait_for_run(run)
        assert [one.text for one in bench.client.messages.list(thread, order="asc")][1:3] == [
            "Ice【0:0†source】.",
            "Yes【0:0†source】.",
        ]
    turns = model.conversations[2].turns
    assert "Ice【0:0†source】." in [turn.text for turn in turns]
    said = [turn.text for turn in model.conversations[3].turns if turn.role == "assistant"]
    assert "\n".join(said) == "Ice.\nYes."


def test_an_image_and_the_empty_text_come_first_together() -> None:
    """Then the text, in pieces that say nothing more of annotations."""
    interpreter = MontyInterpreter()
    png = b"\x89PNG\r\n\x1a\n" + bytes(16)
    code = call("code_interpreter", code=f"x = open('a.png', 'wb').write({png!r})")
    streams = StreamBench([code, ["Look", "."]], code_interpreter=interpreter)
    stream = streams.run(INTERPRETER)
    stream.rest()
    streams.close()
    interpreter.close()
    first, *others = [
        one["delta"]["content"] for name, one in stream.seen if name == "thread.message.delta"
    ]
    [image, text] = first
    assert (image["index"], image["type"]) == (0, "image_file")
    assert text == {"index": 1, "type": "text", "text": {"value": "", "annotations": []}}
    assert others == [
        [{"index": 1, "type": "text", "text": {"value": "Look"}}],
        [{"index": 1, "type": "text", "text": {"value": "."}}],
    ]
