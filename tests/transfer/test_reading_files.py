"""Files as people have them: encodings, cut and broken ones, folders, archives, the wrong thing."""

from __future__ import annotations

import gzip
import json
import os
import stat
import threading
import zipfile
from pathlib import Path

import pytest
from reading_kit import message, page, refusal, result, source

LINES = "".join(json.dumps(message(n)) + "\n" for n in (1, 2, 3))
IDS = ["msg_1", "msg_2", "msg_3"]


def ids(*paths: Path) -> list[str]:
    """The ids of what is found."""
    return [one.document["id"] for one in result(*paths).found]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + LINES.encode(),
        LINES.encode("utf-16"),
        b"\xfe\xff" + LINES.encode("utf-16-be"),
        LINES.encode("utf-16-le"),
        LINES.encode("utf-16-be"),
        LINES.encode("utf-32"),
        LINES.replace("\n", "\r\n").encode(),
        LINES.replace("\n", "").encode(),
        LINES.replace("\n", "\n\n  ").encode(),
        LINES.replace("\n", "\n\x1e").encode(),
        LINES.replace("\n", ",\n").encode(),
        gzip.compress(LINES.encode()),
        "\n".join(json.dumps(message(n), indent=2) for n in (1, 2, 3)).encode(),
        json.dumps([message(n) for n in (1, 2, 3)], indent=2).encode(),
    ],
)
def test_encodings_and_ways_to_put_values_together(tmp_path: Path, content: bytes) -> None:
    """Each gives the same objects."""
    assert ids(source(tmp_path, "a.json", content)) == IDS


def test_lines_that_are_no_json(tmp_path: Path) -> None:
    """Each is reported with its number; those around it are read, pretty-printed ones too."""
    text = (
        "fetching thread_A\n"
        + json.dumps(message(1))
        + '\n{"id": oops}\n'
        + json.dumps(message(2), indent=1)
        + '\n{"id": "msg_9", "content": [{"type": "te\n'
        + '{"id": "msg_9", "content": [\n'
        + json.dumps(message(3))
        + '\n{"id": msg_4}\n'
    )

    read = result(source(tmp_path, "a.ndjson", text))

    assert [one.document["id"] for one in read.found] == IDS
    lost = [(one.code, one.place.line) for one in read.losses]
    assert lost == [("unreadable_line", line) for line in (3, 20, 21, 23)] or lost[0] == (
        "unreadable_line",
        1,
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (LINES[:-40], IDS[:2]),
        (json.dumps([message(1), message(2)])[:-40], IDS[:1]),
        (json.dumps([message(1), message(2)], indent=1)[:-20], IDS[:1]),
        (json.dumps(page(message(1), message(2)))[:-60], IDS[:1]),
        (json.dumps({"thread_id": "thread_A", "messages": [message(1), message(2)]})[:-1], IDS[:2]),
        (json.dumps({"thread_id": "thread_A", "messages": [message(1)]})[:20], []),
        (LINES + '{"id": "\\ud83d', IDS),
        (LINES + '{"id', IDS),
        (LINES + "{", IDS),
        (LINES + "[", IDS),
        (LINES + '{"id":', IDS),
    ],
)
def test_a_file_that_ends_in_the_middle(tmp_path: Path, text: str, found: list[str]) -> None:
    """What stands before is read; no part of an object is."""
    read = result(source(tmp_path, "a.json", text))

    assert [one.document["id"] for one in read.found] == found
    assert read.codes() == ["truncated_file"]


def test_a_compressed_file_that_ends_in_the_middle(tmp_path: Path) -> None:
    """What comes of it before is read."""
    whole = "".join(json.dumps(message(n, noise=os.urandom(99).hex())) + "\n" for n in range(999))
    path = source(tmp_path, "a.ndjson.gz", gzip.compress(whole.encode())[:-9000])

    read = result(path)

    assert 800 < len(read.found) < 999
    assert read.codes() == ["truncated_file"]


def test_characters_that_cannot_be_stored_are_replaced(tmp_path: Path) -> None:
    """NUL and halves of surrogate pairs; a pair that was written in halves is a character."""
    texts = ["a\\u0000b", "a\\ud83db", "a\\uDE00b", "a\\ud83d\\ude00b", "a\0b", "a\tb"]
    lines = [json.dumps(message(1)).replace("Text 1", text) for text in texts]

    read = result(source(tmp_path, "a.ndjson", "\n".join(lines)))

    assert [text for _, _, text in read.messages()] == ["a\ufffdb"] * 3 + [
        "a\U0001f600b",
        "a\ufffdb",
        "a\tb",
    ]
    assert [(one.code, one.note) for one in read.losses] == [
        ("characters_replaced", "NUL or half a surrogate pair, in 4 values")
    ]


def test_bytes_of_another_encoding_are_replaced(tmp_path: Path) -> None:
    """They are not guessed."""
    read = result(source(tmp_path, "a.ndjson", LINES.replace("Text", "T\xe4xt").encode("latin-1")))

    assert read.messages()[0][2] == "T\ufffdxt 1"
    assert read.codes() == ["characters_replaced"]


def test_deep_nesting_is_not_read(tmp_path: Path) -> None:
    """Neither that which the parser takes, nor that which it does not."""
    for depth in (200, 100_000):
        deep = '{"id": "msg_9", "x": ' + "[" * depth + "]" * depth + "}\n"
        read = result(source(tmp_path, "a.ndjson", LINES.replace("\n", "\n" + deep, 1)))
        assert [one.document["id"] for one in read.found] == IDS
        assert [(one.code, one.place.line) for one in read.losses] == [("unreadable_line", 2)]
    assert refusal(source(tmp_path, "b.json", "[" * 100_000)) == (
        "b.json:1: is no JSON: values are nested more than 100 deep"
    )
    wrapped: object = [message(1)]
    for _ in range(40):
        wrapped = {"inner": wrapped}
    assert "no conversation" in refusal(source(tmp_path, "c.json", [{"a": 1}, wrapped]))


def test_what_is_no_json_any_more_ends_a_list(tmp_path: Path) -> None:
    """What stands before is read; where nothing does, the file is refused with the line."""
    text = json.dumps([message(1), message(2)], indent=1).replace('"msg_2"', "msg_2")

    read = result(source(tmp_path, "a.json", text))

    assert [one.document["id"] for one in read.found] == ["msg_1"]
    assert read.codes() == ["unreadable_line"]
    assert "the rest is not read" in str(read.losses[0].note)
    assert refusal(source(tmp_path, "b.json", '[{"a": b, "long": "enough text"}]')).startswith(
        "b.json:1: is no JSON: Expecting value"
    )


@pytest.mark.parametrize(
    "content", ["", " \n\ufeff", "[]", '{"object": "list", "data": []}', "[[]]"]
)
def test_empty_files_are_reported(tmp_path: Path, content: str) -> None:
    """They look like exports."""
    read = result(source(tmp_path, "a.json", content))

    assert read.found == []
    assert read.codes() == ["empty_source"]


REPR = "SyncCursorPage[Message](data=[Message(id='msg_1', content=[])])"
REPORT = {"file": "a", "line": 1, "code": "duplicate", "note": None, "what": "message"}
WRONG = {
    "a repr": (REPR, "holds Python's repr of objects, not JSON: save them again with json.dump"),
    "reprs in JSON": (json.dumps(["Message(id='msg_1')"] * 2), "holds Python's repr of objects"),
    "a dictionary": ("[{'id': 'msg_1'}]", "is Python's form of dictionaries, not JSON"),
    "a transcript": ("Thread ID: thread_A\n\n  USER\n-----\nHello", "is plain text, such as"),
    "rules": ("-----\nThread ID: thread_A\n-----\n", "is plain text, such as a transcript"),
    "ids": ('{"main_thread": "thread_A", "A": {"B": "thread_B"}}', "holds ids, not conversations"),
    "lines of ids": ("thread_A\nthread_B\n", "holds ids, not conversations"),
    "a map of ids": ("thread_A\tconv_0001\n", "holds ids, not conversations"),
    "an agent": ('{"definition": {"kind": "prompt"}}', "is a version of an agent of the new"),
    "a moved agent": ('{"metadata": {"original_v1_id": "asst_1"}}', "is a version of an agent"),
    "a page": ("<!DOCTYPE html><html></html>", "is an HTML page, such as a login or an error"),
    "xml": ("<?xml version='1.0'?>", "is XML: export the conversations as JSON or CSV"),
    "an error": ('{"error": {"message": "No thread"}}', "holds a server's error response"),
    "a report": (json.dumps(REPORT), "is a report of an import, not its source"),
    "something else": ('{"email": "a@example.org"}', "no conversation, assistant, file or vector"),
    "a pdf": ("%PDF-1.7", "is a PDF: export the conversations as JSON"),
    "a picture": (b"\x89PNG\r\n\x1a\n", "is a picture: export the conversations as JSON"),
    "a database": (b"SQLite format 3\0", "is a database file: of an Agents SDK's session give"),
    "bytes": (b"\x01\x02\0\x03", "is no text: export the conversations as JSON or CSV"),
    "a pickle": (b"\x80\x04\x95", "is a Python pickle, which is not opened: save JSON"),
}


@pytest.mark.parametrize(("content", "sentence"), WRONG.values(), ids=WRONG)
def test_the_wrong_thing_is_refused_in_words(
    tmp_path: Path, content: str | bytes, sentence: str
) -> None:
    """They begin with the file, and say what to do."""
    assert refusal(source(tmp_path, "saved.txt", content)).startswith(f"saved.txt: {sentence}")


def test_nothing_is_read_where_a_later_file_is_the_wrong_thing(tmp_path: Path) -> None:
    """Named files are looked at before the first is read."""
    good = source(tmp_path, "a.json", [message(1)])

    assert "b.pdf: is a PDF" in refusal(good, source(tmp_path, "b.pdf", "%PDF-1.7"))
    assert refusal(good, tmp_path / "gone.json") == "gone.json: there is no such file or folder"
    assert "cannot be opened" in refusal(good, tmp_path / "a\0b")


def test_a_folder_is_read_in_the_order_of_numbers(tmp_path: Path) -> None:
    """Files that are no sources are counted; bytes of files are none, whatever they hold."""
    for number in (10, 2, 1):
        source(tmp_path, f"pages/page_{number}.json", page(message(number)))
    source(tmp_path, "pages/archive.files/file-1.json", [message(7)])
    source(tmp_path, "pages/.hidden.json", [message(8)])
    source(tmp_path, "pages/chart.png", b"\x89PNG")
    source(tmp_path, "pages/sub/last.ndjson", [message(3)])
    (tmp_path / "pages" / "link.json").symlink_to(tmp_path / "pages" / "page_1.json")

    read = result(tmp_path / "pages")

    assert [one.document["id"] for one in read.found] == ["msg_1", "msg_2", "msg_10", "msg_3"]
    assert read.found[0].place.file == f"{tmp_path}/pages/page_1.json"
    assert [(one.code, one.note) for one in read.losses] == [
        ("not_a_conversation", "files of other kinds: 4")
    ]


def test_the_wrong_things_in_a_folder_are_reported(tmp_path: Path) -> None:
    """Unless there is nothing else: then the folder is refused, with the reason of the first."""
    folder = tmp_path / "threads"
    source(tmp_path, "threads/thread_1.json", {"error": {"message": "x"}})
    source(tmp_path, "threads/thread_2.json", {"error": "x"})

    assert refusal(folder).startswith(
        "threads: none of its 2 files is a source; the first: threads/thread_1.json: holds a "
        "server's error response"
    )
    source(tmp_path, "threads/thread_3.json", [message(1)])
    assert result(folder).codes() == ["not_a_conversation"] * 2
    (tmp_path / "none").mkdir()
    assert refusal(tmp_path / "none").startswith("none: no file in this folder is JSON")


def zipped(path: Path, members: dict[str, str | bytes]) -> Path:
    """Makes an archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_an_archive_is_read_like_a_folder(tmp_path: Path) -> None:
    """Also a compressed member; nothing is unpacked to disk."""
    members = {
        "export/page_10.json": json.dumps([message(3)]),
        "export/page_2.ndjson.gz": gzip.compress(LINES.encode()),
        "export/picture.png": b"",
        "__MACOSX/export/page_1.json": "[]",
    }

    read = result(zipped(tmp_path / "a.zip", members))

    assert [one.document["id"] for one in read.found] == [*IDS, "msg_3"]
    assert read.found[-1].place.file == f"{tmp_path}/a.zip/export/page_10.json"
    assert read.codes() == ["not_a_conversation"]
    assert os.listdir(tmp_path) == ["a.zip"]


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"../a.json": "[]"}, "a member's name leads out of the archive"),
        ({"/etc/a.json": "[]"}, "a member's name leads out of the archive"),
        ({"C:\\a.json": "[]"}, "a member's name leads out of the archive"),
        ({"a\\..\\..\\b.json": "[]"}, "a member's name leads out of the archive"),
        ({"a.json": " " * 80_000_000}, "a member unfolds to more than 500 times its size"),
        ({"[Content_Types].xml": "", "word/document.xml": ""}, "is an office document"),
        ({"a.png": ""}, "is a zip archive, and none of its 1 members is JSON"),
    ],
)
def test_archives_that_are_not_opened(
    tmp_path: Path, members: dict[str, str | bytes], sentence: str
) -> None:
    """Names that lead elsewhere, what unfolds to fill a disk, and documents."""
    assert refusal(zipped(tmp_path / "a.zip", members)).startswith(f"a.zip: {sentence}")


def test_links_locks_and_damage_in_archives(tmp_path: Path) -> None:
    """None is followed, guessed or read around."""
    link = zipfile.ZipInfo("a.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    whole = zipped(tmp_path / "a.zip", {"a.json": "[]"}).read_bytes()
    # The flag stands in the entry of the directory at the end.
    at = whole.index(b"PK\x01\x02") + 8
    locked = source(tmp_path, "locked.zip", whole[:at] + b"\x01" + whole[at + 1 :])
    damaged = source(tmp_path, "damaged.zip", whole[:-10])

    assert refusal(tmp_path / "link.zip").startswith("link.zip: a member is a link")
    assert refusal(locked) == "locked.zip: is encrypted: unpack it first"
    assert refusal(damaged).startswith("damaged.zip: is a damaged zip archive")


def test_a_pipe_is_read(tmp_path: Path) -> None:
    """Once, as it comes."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(LINES,))
    writer.start()
    try:
        assert ids(pipe) == IDS
    finally:
        writer.join(10)


def test_objects_that_nobody_knows_are_counted(tmp_path: Path) -> None:
    """Beside those that are read; so are error responses among them."""
    lines = [message(1), {"what": "else"}, {"error": "x"}, {"object": "thread.deleted", "id": "t"}]

    read = result(source(tmp_path, "a.ndjson", lines))

    assert read.kinds() == ["message"]
    assert [one.code for one in read.losses] == ["not_a_conversation"] * 2
    assert read.losses[1].note == "1 objects of no known kind"
