"""Images that code makes: outputs of its call, parts of the answer, pieces of a stream."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from code_bench import CODE, CodeBench, code
from stream_bench import INTERPRETER, StreamBench

from assistants_client.engine import LanguageModelError, MontyInterpreter
from assistants_client.engine.events.stream_state import MESSAGE, STEP, StoredRun, StreamState
from assistants_client.models.messages import FilePath, ImageFilePart, MessageRequest, TextPart

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
#: Files by name, with how each type of image begins; the last two are none.
WRITTEN = {
    "1.bin": PNG,
    "2.jpg": b"\xff\xd8\xff\xe0",
    "3.gif": b"GIF89a",
    "4.webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    "5.png": b"not really",
    "6.wav": b"RIFF\x00\x00\x00\x00WAVEfmt ",
}
DRAW = f"open('a.png', 'wb').write({PNG!r})\nprint('drawn')"


@pytest.fixture(scope="module")
def interpreter() -> Iterator[MontyInterpreter]:
    """One sandbox for all tests: it takes a moment to start."""
    made = MontyInterpreter()
    yield made
    made.close()


@pytest.fixture
def bench(interpreter: MontyInterpreter) -> Iterator[CodeBench]:
    """An engine in memory."""
    made = CodeBench(interpreter)
    yield made
    made.engine.close()


def thread_of(bench: CodeBench) -> str:
    """A new thread with a question."""
    return bench.client.threads.create(messages=[MessageRequest("Draw.")]).id


def test_images_are_outputs_and_begin_the_answer(bench: CodeBench) -> None:
    """By what they contain, not by their names; other files stay files that answers link to."""
    thread = thread_of(bench)
    source = f"for name, content in {WRITTEN!r}.items():\n    open(name, 'wb').write(content)"
    link = "See [it](sandbox:/mnt/data/1.bin) and sandbox:/mnt/data/6.wav."

    run = bench.run(thread, code(source), link)

    images = bench.images(run)
    files = [bench.client.files.retrieve(file_id) for file_id in images]
    assert [file.filename for file in files] == ["1.bin", "2.jpg", "3.gif", "4.webp"]
    assert {file.purpose for file in files} == {"assistants_output"}
    assert bench.client.files.content(images[0]) == PNG
    *shown, text = bench.answer(thread).content
    assert [part.image_file.file_id for part in shown if isinstance(part, ImageFilePart)] == images
    assert isinstance(text, TextPart)
    assert text.text.value == link
    linked = [one.file_path for one in text.text.annotations if isinstance(one, FilePath)]
    assert [bench.client.files.retrieve(one.file_id).filename for one in linked if one] == [
        "1.bin",
        "6.wav",
    ]


def test_each_image_is_shown_once(bench: CodeBench) -> None:
    """By the first message after the code, and the model is told so; a later run shows its own."""
    thread = thread_of(bench)
    again = code(DRAW.replace("a.png", "b.png"))
    bench.run(thread, code(DRAW), ["One.", again], again, "Two.")
    bench.run(thread, "Three.")

    messages = list(bench.client.messages.list(thread, order="asc"))[1:]

    assert [message.text for message in messages] == ["One.", "Two.", "Three."]
    assert [len(message.content) for message in messages] == [2, 3, 1]
    told = bench.model.conversations[1].turns[-1].text
    assert told == "drawn\n[images that your answer begins with: 1]\n"


def test_images_come_in_order_in_a_stream(interpreter: MontyInterpreter) -> None:
    """With the output of the call, then as the first pieces of the message, before its text."""
    link = "Look: sandbox:/mnt/data/a.png"
    bench = StreamBench([code(DRAW), link], code_interpreter=interpreter)
    try:
        stream = bench.run(INTERPRETER)
        stream.rest()
    finally:
        bench.close()

    outputs = [
        output
        for name, document in stream.seen
        if name == f"{STEP}.delta"
        for made in document["delta"]["step_details"]["tool_calls"]
        for output in made["code_interpreter"].get("outputs") or ()
    ]
    logs, image = outputs
    assert logs == {"index": 0, "type": "logs", "logs": "drawn\n"}
    assert (image["index"], image["type"]) == (1, "image")
    told = [(name, one) for name, one in stream.seen if name.startswith(MESSAGE)]
    assert [one["content"] for _, one in told[:2]] == [[], []]
    pieces = [part for _, one in told[2:-1] for part in one["delta"]["content"]]
    shown = {"type": "image_file", "image_file": image["image"]}
    assert pieces[0] == {"index": 0, **shown}
    assert {(part["index"], part["type"]) for part in pieces[1:]} == {(1, "text")}
    name, message = told[-1]
    assert name == f"{MESSAGE}.completed"
    assert [part["type"] for part in message["content"]] == ["image_file", "text"]
    assert message["content"][0] == shown
    assert message["content"][1]["text"]["value"] == link
    annotations = pieces[-1]["text"]["annotations"]
    assert [one["file_path"] for one in annotations] == [image["image"]]


def test_a_stream_that_missed_the_images_tells_them() -> None:
    """Once, and before the text, where only the stored message is there to tell from."""
    image = {"type": "image_file", "image_file": {"file_id": "file-1"}}
    text = {"type": "text", "text": {"value": "Look.", "annotations": []}}
    message = {"id": "msg_1", "status": "completed", "content": [image, text]}
    details = {"type": "message_creation", "message_creation": {"message_id": "msg_1"}}
    step = {"id": "step_1", "status": "completed", "step_details": details}
    run = {"id": "run_1", "status": "in_progress", "started_at": 1}
    stored = StoredRun(run=run, steps=[step], messages={"msg_1": message})
    state = StreamState()

    events = [
        *state.missing(stored),
        *state.missing(stored),
        *state.on_event(f"{MESSAGE}.completed", message),
    ]

    pieces = [one["delta"]["content"] for name, one in events if name == f"{MESSAGE}.delta"]
    empty = {"type": "text", "text": {"value": "", "annotations": []}}
    words = {"type": "text", "text": {"value": "Look."}}
    assert pieces == [[{"index": 0, **image}, {"index": 1, **empty}], [{"index": 1, **words}]]


def test_text_that_is_cut_off_keeps_its_images(bench: CodeBench) -> None:
    """A run that fails in the middle of its answer leaves the images before what was written."""
    thread = thread_of(bench)

    bench.script[:] = [code(DRAW), ["Half", LanguageModelError("gone")]]
    assistant = bench.client.assistants.create(model="m", tools=CODE).id
    run = bench.client.runs.create(thread, assistant_id=assistant)
    run = bench.client.wait_for_run(run, check=False)

    answer = bench.answer(thread)
    assert run.status == "failed"
    assert (answer.status, answer.text) == ("incomplete", "Half")
    assert [part.type for part in answer.content] == ["image_file", "text"]
