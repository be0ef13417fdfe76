"""Archives: the same bytes for the same objects, whatever happened while they were written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from assistants_client.transfer.archive import (
    ArchiveError,
    ArchiveWriter,
    canonical,
    file_path,
    files_folder,
    read_archive,
    save_bytes,
)

SOURCE = {"kind": "engine"}
HEAD = [{"object": "assistant", "id": "asst_1", "name": "Ünïcode"}]


def thread(number: int) -> list[dict[str, object]]:
    """A thread with two messages and a run."""
    id_ = f"thread_{number}"
    return [
        {"object": "thread", "id": id_, "metadata": {"object": "thread"}},
        {"object": "thread.message", "id": f"msg_{number}a", "thread_id": id_},
        {"object": "thread.message", "id": f"msg_{number}b", "thread_id": id_},
        {"object": "thread.run", "id": f"run_{number}", "thread_id": id_},
    ]


def written(path: Path, threads: int, *, then: str = "finish") -> ArchiveWriter:
    """Writes an archive, or goes on with it."""
    writer = ArchiveWriter(path, SOURCE)
    if not writer.has_head:
        for one in HEAD:
            writer.write(one)
    for number in range(threads):
        if f"thread_{number}" in writer.done:
            continue
        with writer.whole_thread():
            for one in thread(number):
                writer.write(one)
    getattr(writer, then)()
    return writer


def test_lines_are_canonical_and_the_last_one_has_their_counts_and_hash(tmp_path):
    """Keys are sorted, nothing is escaped that need not be, and the end vouches for the rest."""
    path = tmp_path / "a.ndjson"
    written(path, 2)
    lines = path.read_bytes().splitlines(keepends=True)
    assert lines[0] == b'{"object":"export","source":{"kind":"engine"},"version":1}\n'
    assert lines[1] == '{"id":"asst_1","name":"Ünïcode","object":"assistant"}\n'.encode()
    end = json.loads(lines[-1])
    counts = {"assistant": 1, "thread": 2, "thread.message": 4, "thread.run": 2}
    assert end == {
        "object": "export.end",
        "counts": counts,
        "sha256": hashlib.sha256(b"".join(lines[:-1])).hexdigest(),
    }
    assert list(read_archive(path)) == [*HEAD, *thread(0), *thread(1)]
    assert [one.name for one in tmp_path.iterdir()] == ["a.ndjson"]


def test_an_archive_cut_at_any_byte_is_gone_on_with_to_the_same_bytes(tmp_path):
    """Wherever a writer was killed, the next one writes what it would have written."""
    whole = tmp_path / "whole.ndjson"
    written(whole, 3)
    content = whole.read_bytes()
    path, partial = tmp_path / "a.ndjson", tmp_path / "a.ndjson.part"
    for length in range(len(content) + 1):
        partial.write_bytes(content[:length])
        written(path, 3)
        assert path.read_bytes() == content
        path.unlink()


def test_what_is_whole_is_not_written_again(tmp_path):
    """All threads but the last of a beginning are done."""
    path = tmp_path / "a.ndjson"
    written(path, 3, then="close")
    writer = ArchiveWriter(path, SOURCE)
    assert (writer.done, writer.has_head) == ({"thread_0", "thread_1"}, True)
    writer.close()


def test_a_garbled_tail_is_dropped(tmp_path):
    """Zeros, as a power cut leaves them, are no line; what stands before them is kept."""
    path, partial = tmp_path / "a.ndjson", tmp_path / "a.ndjson.part"
    written(tmp_path / "whole.ndjson", 3)
    written(path, 3, then="close")
    partial.write_bytes(partial.read_bytes()[:-40] + bytes(400))
    written(path, 3)
    assert path.read_bytes() == (tmp_path / "whole.ndjson").read_bytes()


def test_a_thread_that_vanishes_leaves_nothing(tmp_path):
    """What was written of it is taken back, and counts no more."""
    path = tmp_path / "a.ndjson"
    writer = ArchiveWriter(path, SOURCE)
    writer.write(HEAD[0])
    with pytest.raises(LookupError), writer.whole_thread():  # noqa: PT012
        writer.write({"object": "thread", "id": "thread_9"})
        raise LookupError
    writer.finish()
    assert list(read_archive(path)) == HEAD
    written(tmp_path / "b.ndjson", 0)
    assert path.read_bytes() == (tmp_path / "b.ndjson").read_bytes()


def test_an_archive_that_is_there_stays_until_the_next_is_complete(tmp_path):
    """A backup is replaced by a whole one only."""
    path = tmp_path / "a.ndjson"
    written(path, 1)
    before = path.read_bytes()
    written(path, 2, then="close")
    assert path.read_bytes() == before
    written(path, 2)
    assert len(list(read_archive(path))) == 9


def test_the_beginning_of_another_export_is_refused(tmp_path):
    """Two sources do not mix in one archive."""
    path = tmp_path / "a.ndjson"
    ArchiveWriter(path, {"kind": "server", "host": "a.example"}).close()
    with pytest.raises(ArchiveError, match=r"beginning of another export.*delete it"):
        ArchiveWriter(path, SOURCE)


def test_two_writers_do_not_share_a_file(tmp_path):
    """The second is refused while the first one writes."""
    pytest.importorskip("fcntl")
    writer = ArchiveWriter(tmp_path / "a.ndjson", SOURCE)
    with pytest.raises(ArchiveError, match="being written by another"):
        ArchiveWriter(tmp_path / "a.ndjson", SOURCE)
    writer.close()


def test_what_was_cut_or_changed_is_not_read_as_whole(tmp_path):
    """The reader yields what there is, and then says that it is not all."""
    path = tmp_path / "a.ndjson"
    written(path, 2)
    content = path.read_bytes()
    for damaged, message in {
        content.replace("Ünï".encode(), "Üni".encode()): "was changed",
        b"".join(content.splitlines(keepends=True)[:-1]): "its last line is not",
        content[:-9]: "line 11 was cut",
        b"{}\n": "is no archive",
        content.replace(b'"version":1', b'"version":2'): "has the version 2",
    }.items():
        path.write_bytes(damaged)
        with pytest.raises(ArchiveError, match=message):
            list(read_archive(path))


def test_an_archive_is_named_as_any_file(tmp_path):
    """By a text or a path; one that is not there is no archive that was cut."""
    written(tmp_path / "a.ndjson", 1)
    assert len(list(read_archive(str(tmp_path / "a.ndjson")))) == 5
    with pytest.raises(ArchiveError, match="cannot be read: there is no such"):
        list(read_archive("no.ndjson"))


def test_what_utf_8_does_not_have_is_escaped():
    """Half a surrogate pair, as cut texts have it, comes back as it was."""
    document = {"b": "\ud83d", "a": "😀\u2028"}
    text = canonical(document)
    assert text == '{"a":"😀\u2028","b":"\\ud83d"}'
    assert json.loads(text.encode()) == document


def test_every_id_has_a_file_name_of_its_own(tmp_path):
    """Ids with what no file system takes stay within the folder."""
    folder = files_folder(tmp_path / "a.ndjson")
    ids = ["file-1", "../x", "..", ".hidden", "a/b", "a%2Fb", "19:abc@thread", "é" * 200, "nul\0"]
    for number, id_ in enumerate(ids):
        assert save_bytes(folder, id_, [b"%d" % number, b"!"]) == 2
    assert [file_path(folder, id_).read_bytes() for id_ in ids] == [
        b"%d!" % number for number in range(len(ids))
    ]
    assert file_path(folder, "file-1") == tmp_path / "a.ndjson.files" / "file-1"
    assert {one.parent for one in folder.iterdir()} == {folder}


def test_bytes_that_break_off_leave_no_file(tmp_path):
    """A file is there whole, or not at all."""

    def blocks():
        yield b"half"
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        save_bytes(tmp_path, "file-1", blocks())
    assert list(tmp_path.iterdir()) == []
