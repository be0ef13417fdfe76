"""Files of the code interpreter: read, written, linked to in answers, downloaded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from code_bench import CodeBench, code

from assistants_client._json.codec import encode
from assistants_client.engine import MontyInterpreter
from assistants_client.engine.services.worker_side import tool_use
from assistants_client.models.messages import FilePath, MessageRequest


@pytest.fixture(scope="module")
def interpreter() -> Iterator[MontyInterpreter]:
    """One sandbox for all tests: it takes a moment to start."""
    made = MontyInterpreter(written_bytes=100_000)
    yield made
    made.close()


@pytest.fixture
def bench(interpreter: MontyInterpreter) -> Iterator[CodeBench]:
    """An engine in memory."""
    made = CodeBench(interpreter)
    yield made
    made.engine.close()


def test_code_reads_the_files_of_assistant_thread_and_messages(bench: CodeBench) -> None:
    """By their names; one that is taken is told apart by its id; the model knows them all."""
    mine = bench.upload("from the assistant", "a.txt")
    yours = bench.upload("from the thread", "b.txt")
    resources = {"code_interpreter": {"file_ids": [mine]}}
    thread = bench.client.threads.create(
        tool_resources={"code_interpreter": {"file_ids": [yours]}},
        messages=[bench.attached("attached", "c.txt"), bench.attached("same name", "a.txt")],
    )

    ids = encode(thread)["tool_resources"]["code_interpreter"]["file_ids"]
    assert ids[0] == yours
    assert len(ids) == 3
    source = (
        "import os\nfor name in sorted(os.listdir('/mnt/data')):\n"
        "    print(name, '=', open(name).read())"
    )
    run = bench.run(thread.id, code(source), "Done.", tool_resources=resources)

    other = f"a-{ids[2]}.txt"
    expected = {
        "a.txt = from the assistant",
        "b.txt = from the thread",
        "c.txt = attached",
        f"{other} = same name",
    }
    assert set(bench.logs(run).splitlines()) == expected
    told = bench.model.conversations[0].functions[0].description or ""
    for name in ("a.txt", "b.txt", "c.txt", other):
        assert f"/mnt/data/{name} (" in told


def test_what_code_writes_is_a_file_that_answers_link_to(bench: CodeBench) -> None:
    """The link becomes an annotation with the place and the file, which can be downloaded."""
    thread = bench.client.threads.create(messages=[bench.attached("3,4", "in.csv")]).id
    source = (
        "a, b = open('in.csv').read().split(',')\n"
        "with open('/mnt/data/my sum.txt', 'w') as f:\n    f.write(str(int(a) + int(b)))\n"
        "from pathlib import Path\nPath('deep/er').mkdir(parents=True)\n"
        "Path('deep/er/x.bin').write_bytes(b'\\x00\\xff')"
    )
    text = (
        "🧮 Take [it](sandbox:/mnt/data/my sum.txt), sandbox:/mnt/data/deep/er/x.bin "
        "or sandbox:/mnt/data/other.txt."
    )

    bench.run(thread, code(source), text)

    found = bench.answer(thread).citations
    assert len(found) == 2
    contents = []
    for annotation in found:
        assert isinstance(annotation, FilePath)
        assert annotation.file_path is not None
        assert text[annotation.start_index : annotation.end_index] == annotation.text
        file = bench.client.files.retrieve(annotation.file_path.file_id)
        assert file.purpose == "assistants_output"
        contents.append((file.filename, bench.client.files.content(file.id)))
    assert contents == [("my sum.txt", b"7"), ("x.bin", b"\x00\xff")]
    assert len(list(bench.client.files.list(purpose="assistants_output"))) == 2


def test_files_stay_for_later_runs_and_for_this_thread_alone(bench: CodeBench) -> None:
    """A file that is written anew is another file; who was linked to the old one keeps it."""
    thread, other = (bench.client.threads.create(messages=[MessageRequest("Hi")]).id for _ in "ab")
    link = "sandbox:/mnt/data/x.txt"
    bench.run(thread, code("open('x.txt', 'w').write('one')"), link)
    first = bench.answer(thread).citations[0]
    again = "print(open('x.txt').read()); open('x.txt', 'a').write(' two')"
    run = bench.run(thread, code(again), code("print(open('x.txt').read())"), link)
    second = bench.answer(thread).citations[0]
    stranger = bench.run(other, code("import os; print(os.listdir('/mnt/data'))"), link)

    assert bench.logs(run) == "one\none two\n"
    assert isinstance(first, FilePath)
    assert isinstance(second, FilePath)
    assert first.file_path is not None
    assert second.file_path is not None
    assert bench.client.files.content(first.file_path.file_id) == b"one"
    assert bench.client.files.content(second.file_path.file_id) == b"one two"
    assert bench.logs(stranger) == "[]\n"
    assert bench.answer(other).citations == []


def test_a_deleted_file_is_there_no_more(bench: CodeBench) -> None:
    """Neither one that was given nor one that was written."""
    thread = bench.client.threads.create(messages=[bench.attached("x", "in.txt")]).id
    bench.run(thread, code("open('out.txt', 'w').write('y')"), "Done.")
    for file in list(bench.client.files.list()):
        bench.client.files.delete(file.id)

    run = bench.run(thread, code("import os; print(os.listdir('/mnt/data'))"), "Done.")

    assert bench.logs(run) == "[]\n"


@pytest.mark.parametrize(
    "source",
    [
        "open('/etc/passwd').read()",
        "open('/mnt/data/../../../etc/passwd').read()",
        "open('/mnt/data/../x', 'w').write('x')",
        "open('/tmp/x', 'w').write('x')",
        "open('big', 'w').write('x' * 200_000)",
    ],
)
def test_nothing_else_is_reached(bench: CodeBench, source: str) -> None:
    """No file of the host's, no folder but its own, and not more than it may."""
    thread = bench.client.threads.create(messages=[MessageRequest("Hi")]).id

    run = bench.run(thread, code(source), "Done.")

    assert "Error" in bench.logs(run)
    assert list(bench.client.files.list()) == []


def test_only_so_many_files_are_kept_and_given(
    bench: CodeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too much the model is told; the step shows what the code printed, here nothing."""
    monkeypatch.setattr(tool_use, "MOST_WRITTEN", 3)
    monkeypatch.setattr(tool_use, "MOST_GIVEN", 10)
    thread = bench.client.threads.create(messages=[bench.attached("x" * 11, "large.txt")]).id
    source = "for n in range(5):\n    open(f'{n}.txt', 'w').write('x' * (n != 1))"

    run = bench.run(thread, code(source), "Done.")

    assert "[files too large to be given: large.txt]" in bench.told()
    assert "[files not kept: 3.txt, 4.txt, 1.txt]" in bench.told()
    assert bench.outputs(run) == []
    written = bench.client.files.list(purpose="assistants_output")
    assert sorted(file.filename for file in written) == ["0.txt", "2.txt"]


def test_a_thread_reaches_twenty_files_for_code(bench: CodeBench) -> None:
    """As documented; the message that would bring one more is refused."""
    thread = bench.client.threads.create().id
    for number in range(20):
        bench.client.messages.create(thread, bench.attached("x", f"{number}.txt"))
    with pytest.raises(Exception, match="at most 20") as caught:
        bench.client.messages.create(thread, bench.attached("x", "more.txt"))

    assert getattr(caught.value, "param", None) == "attachments"
    assert len(list(bench.client.messages.list(thread))) == 20
