"""Files on the wire: whole, in flat memory, once; a broken transfer leaves nothing behind."""

import hashlib
import io
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import requests
from server import head, http
from thorough import amount
from werkzeug.formparser import parse_form_data

from assistants_client import (
    APIConnectionError,
    APIResponseError,
    APITimeoutError,
    FileExpiry,
    InternalServerError,
    InvalidRequestError,
)

ROOT = Path(__file__).parents[2]
FILE = {"id": "file_a", "object": "file", "bytes": 1, "created_at": 1, "filename": "f"}
BLOCK = 1024 * 1024


def accept(exchange):
    """Takes an upload."""
    exchange.json(FILE | {"purpose": "assistants"})


def received(exchange):
    """The form of an upload as an independent parser reads it: fields, and name to content."""
    _, form, files = parse_form_data(
        {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": exchange.headers["content-type"],
            "CONTENT_LENGTH": exchange.headers["content-length"],
            "wsgi.input": io.BytesIO(exchange.body),
        }
    )
    try:
        return form.to_dict(), [(key, one.filename, one.read()) for key, one in files.items()]
    finally:
        for one in files.values():
            one.close()


# --- the form ------------------------------------------------------------------------------------

CONTENTS = {
    "one byte": b"h",
    "text": b"hello",
    "like a boundary": b"\r\n--boundary--\r\n",
    "three blocks": bytes(range(256)) * (3 * BLOCK // 256) + b"end",
    "one block": b"x" * BLOCK,
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("source", ["bytes", "path", "str", "file"])
def test_what_is_sent_arrives(listen, connect, tmp_path, source, content):
    """From every source, byte for byte, in a form that a server can read."""
    path = tmp_path / "data.bin"
    path.write_bytes(content)
    server = listen(accept)
    with path.open("rb") as file:
        given = {"bytes": content, "path": path, "str": str(path), "file": file}[source]
        connect(server).files.upload(
            given, purpose="vision", filename="data.bin" if source == "bytes" else None
        )
    assert received(server.exchanges[0]) == (
        {"purpose": "vision"},
        [("file", "data.bin", content)],
    )


def test_a_file_is_sent_from_where_it_stands(listen, connect):
    """A file object's position is its beginning, also for a second try."""
    server = listen(lambda e: e.send(http(b"{}", status="429 Slow")) if e is first() else accept(e))

    def first():
        return server.exchanges[0]

    file = io.BytesIO(b"header" + b"x" * 10_000)
    file.seek(6)
    connect(server).files.upload(file, filename="f")
    bodies = [received(one)[1] for one in server.exchanges]
    assert bodies == [[("file", "f", b"x" * 10_000)]] * 2
    keys = {one.headers["idempotency-key"] for one in server.exchanges}
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("a b.txt", "a b.txt"),
        ("ü€😀.txt", "ü€😀.txt"),
        ('quo"te.txt', 'quo"te.txt'),
        ("back\\slash;x=y.txt", None),
        ("new\r\nline: x.txt", "new%0D%0Aline: x.txt"),
        ("\udcff.txt", "?.txt"),
    ],
)
def test_names_of_files(listen, connect, name, seen):
    """Any name is sent as browsers send it, and none breaks the form."""
    server = listen(accept)
    connect(server).files.upload(b"x", filename=name)
    fields, [(key, got, content)] = received(server.exchanges[0])
    assert (fields, key, content) == ({"purpose": "assistants"}, "file", b"x")
    if seen is not None:
        assert got == seen


@pytest.mark.parametrize(
    "source",
    [
        "no such file",
        Path("."),
        io.StringIO("text"),
        7,
        None,
        iter([b"a"]),
        bytearray(b"x"),
        b"bytes without a name",
    ],
    ids=lambda source: type(source).__name__,
)
def test_what_cannot_be_sent_is_not(listen, connect, source):
    """An error of ours before anything goes out."""
    server = listen(accept)
    with pytest.raises(InvalidRequestError):
        connect(server).files.upload(source)
    assert server.connections == 0


@pytest.mark.parametrize(
    "fields",
    [{"purpose": None}, {"purpose": ""}, {"purpose": 5}, {"expires_after": FileExpiry(seconds=5)}],
    ids=repr,
)
def test_fields_that_cannot_be_sent_are_not(listen, connect, fields):
    """They are no JSON document, and are held to the protocol all the same."""
    server = listen(accept)
    with pytest.raises(InvalidRequestError):
        connect(server).files.upload(b"x", filename="x", **fields)
    assert server.exchanges == []


# --- a file that changes -------------------------------------------------------------------------


class Fickle(io.BytesIO):
    """A file of 3 MiB with a fault after its first block."""

    name = "fickle.bin"

    def __init__(self, fault):
        super().__init__(b"x" * 3 * BLOCK)
        self._fault = fault

    def read(self, size=-1):
        """Reads, and may fail."""
        if self.tell() >= BLOCK:
            if isinstance(self._fault, Exception):
                raise self._fault
            return b""
        return super().read(size)


@pytest.mark.parametrize("fault", ["short", OSError("disk gone"), ValueError("closed")], ids=repr)
def test_a_file_that_fails_while_it_is_sent(listen, connect, fault):
    """It is the file's fault, not the connection's; and no whole upload arrives, nor a second."""
    server = listen(accept)
    with pytest.raises(InvalidRequestError, match="file"):
        connect(server).files.upload(Fickle(fault))
    assert server.exchanges == []


def test_a_file_that_shrinks_between_two_tries(listen, connect, tmp_path):
    """Its length was announced: the second try says so."""
    path = tmp_path / "log"
    path.write_bytes(b"x" * 1000)

    def script(exchange):
        path.write_bytes(b"x" * 10)
        exchange.send(http(b"{}", status="429 Slow"))

    with pytest.raises(InvalidRequestError, match="10 bytes could be read where 1000"):
        connect(listen(script)).files.upload(path)


def test_a_file_that_goes_between_two_tries(listen, connect, tmp_path):
    """An OSError of the disk's does not pass for one of the connection's."""
    path = tmp_path / "log"
    path.write_bytes(b"x" * 1000)

    def script(exchange):
        path.unlink()
        exchange.send(http(b"{}", status="429 Slow"))

    server = listen(script)
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        connect(server).files.upload(path)
    assert len(server.exchanges) == 1


def test_a_file_that_grows_is_sent_as_long_as_it_was(listen, connect):
    """What is appended meanwhile is not part of it."""

    class Growing(io.BytesIO):
        name = "log"

        def read(self, size=-1):
            if size:
                here = self.tell()
                self.seek(0, 2)
                self.write(b"more")
                self.seek(here)
            return super().read(size)

    server = listen(accept)
    connect(server).files.upload(Growing(b"x" * 2 * BLOCK))
    assert received(server.exchanges[0])[1] == [("file", "log", b"x" * 2 * BLOCK)]


def test_progress(listen, connect):
    """Called after each block with what was sent and the total; from the start on another try."""
    seen = []
    server = listen(
        lambda e: e.send(http(b"{}", status="429 Slow")) if len(server.exchanges) < 2 else accept(e)
    )
    connect(server).files.upload(
        b"x" * (2 * BLOCK + 5), filename="f", progress=lambda *step: seen.append(step)
    )
    total = 2 * BLOCK + 5
    assert seen == [(BLOCK, total), (2 * BLOCK, total), (total, total)] * 2


@pytest.mark.parametrize("error", [KeyError("enough"), ValueError("no"), BrokenPipeError("gone")])
def test_an_error_of_the_callers_own_stays_its_own(listen, connect, error):
    """Progress that raises ends the upload with just that, once."""
    calls = []

    def stop(*step):
        calls.append(step)
        raise error

    server = listen(accept)
    with pytest.raises(type(error)) as caught:
        connect(server).files.upload(b"x" * 2 * BLOCK, filename="f", progress=stop)
    assert caught.value is error
    assert error.__cause__ is None
    assert len(calls) == 1
    assert server.exchanges == []


def test_progress_that_cannot_be_called_is_refused(listen, connect, tmp_path):
    """Before anything is sent, up or down."""
    server = listen(accept)
    client = connect(server)
    for call in (
        lambda: client.files.upload(b"x", filename="f", progress=True),
        lambda: client.vector_store_files.upload_and_wait("vs", b"x", filename="f", progress=True),
        lambda: client.files.download("file_a", tmp_path / "t", progress=True),
    ):
        with pytest.raises(InvalidRequestError) as caught:
            call()
        assert str(caught.value) == "progress: expected a function (sent, total), got bool"
    assert server.connections == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["Revenue,\nin the quarter", "Revenue " * 100, "Reve\0nue"])
def test_text_in_the_place_of_a_path_is_told(connect, text):
    """It is a likely mistake for a file in memory, and no error of the file system."""
    with pytest.raises(
        InvalidRequestError, match=r"give bytes, as with text\.encode\(\), and filen"
    ):
        connect("http://server.test/v1").files.upload(text, filename="a.txt")


def test_a_closed_file_is_called_one(connect, tmp_path):
    """The error is the argument's, as for others that cannot be read."""
    (tmp_path / "a.txt").write_text("a")
    with (tmp_path / "a.txt").open("rb") as file:
        pass
    with pytest.raises(InvalidRequestError, match=r"^file: it is closed; open it again"):
        connect("http://server.test/v1").files.upload(file)


def test_files_that_an_iterator_gives(listen, connect, tmp_path):
    """An iterator will do once; the second time it is told, as is one open file given twice."""
    (tmp_path / "a.txt").write_text("a")
    server = listen(
        lambda exchange: exchange.send(http(b'{"id": "file-1", "status": "completed"}'))
    )
    batches = connect(server).vector_store_file_batches
    paths = iter([tmp_path / "a.txt"])
    batches.upload_and_wait("vs_1", paths)
    with pytest.raises(InvalidRequestError, match=r"^files: an iterator without files"):
        batches.upload_and_wait("vs_1", paths)
    sent = len(server.exchanges)
    with (
        (tmp_path / "a.txt").open("rb") as file,
        pytest.raises(InvalidRequestError, match=r"^files: the same open file is given twice"),
    ):
        batches.upload_and_wait("vs_1", [file, file])
    assert len(server.exchanges) == sent


def test_a_directory_is_called_one(connect):
    """Not a file that is missing."""
    with pytest.raises(InvalidRequestError, match=r"^file: '\.' is a directory$"):
        connect("http://server.test/v1").files.upload(".")


def test_of_several_the_empty_one_is_named(listen, connect, tmp_path):
    """Before the first of them is sent; also one that a program has read to its end."""
    server = listen(accept)
    (tmp_path / "full.txt").write_bytes(b"x")
    (tmp_path / "empty.txt").touch()
    batches = connect(server).vector_store_file_batches
    with open(tmp_path / "full.txt", "rb") as read:
        read.read()
        for last, words in (
            (tmp_path / "empty.txt", "'empty.txt' is empty"),
            (read, r"'full.txt' was read to its end; seek\(0\) goes back"),
        ):
            with pytest.raises(InvalidRequestError, match=f"^file: {words}$"):
                batches.upload_and_wait("vs_1", [tmp_path / "full.txt", last])
    assert server.connections == 0


def test_an_upload_whose_answer_is_lost_is_in_doubt(listen, connect):
    """It is not sent again."""
    server = listen(lambda exchange: exchange.reset())
    with pytest.raises(APIConnectionError) as caught:
        connect(server).files.upload(b"x", filename="f")
    assert caught.value.maybe_created
    assert len(server.exchanges) == 1


# --- downloads -----------------------------------------------------------------------------------

CONTENT = hashlib.sha256(b"seed").digest() * 100_000


def whole(exchange):
    """All of the content."""
    exchange.send(http(CONTENT))


def unannounced(exchange):
    """All of it, without a length."""
    exchange.send(head() + CONTENT)
    exchange.hang_up()


def chunked(exchange):
    """All of it, in chunks."""
    half = len(CONTENT) // 2
    parts = b"".join(
        b"%x\r\n%b\r\n" % (len(part), part) for part in (CONTENT[:half], CONTENT[half:])
    )
    exchange.send(head("Transfer-Encoding: chunked") + parts + b"0\r\n\r\n")


@pytest.mark.parametrize("script", [whole, unannounced, chunked])
def test_downloads(listen, connect, tmp_path, script):
    """In memory, to a path, and as a stream; progress tells what is known."""
    files = connect(listen(script)).files
    assert files.content("file_a") == CONTENT
    steps = []
    target = files.download("file_a", tmp_path / "t", progress=lambda *step: steps.append(step))
    assert target == tmp_path / "t"
    assert target.read_bytes() == CONTENT
    assert steps[-1] == (len(CONTENT), len(CONTENT) if script is whole else 0)
    with files.content_stream("file_a") as blocks:
        sizes = [len(block) for block in blocks]
    assert sum(sizes) == len(CONTENT)
    assert max(sizes) <= BLOCK


def test_a_download_has_the_permissions_of_any_new_file(listen, connect, tmp_path):
    """And its name; nothing else is left in the folder."""
    (tmp_path / "other").touch()
    connect(listen(whole)).files.download("file_a", tmp_path / "t")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["other", "t"]
    assert (tmp_path / "t").stat().st_mode == (tmp_path / "other").stat().st_mode


def half_then(end, *headers):
    """Half of the content, and then an end."""

    def script(exchange):
        exchange.send(head(*headers) + CONTENT[: len(CONTENT) // 2])
        getattr(exchange, end)()

    return script


BROKEN = {
    "cut": (half_then("hang_up", f"Content-Length: {len(CONTENT)}"), APIResponseError),
    "reset": (half_then("reset", f"Content-Length: {len(CONTENT)}"), APIResponseError),
    "stalled": (half_then("stall", f"Content-Length: {len(CONTENT)}"), APITimeoutError),
    "bad chunk": (half_then("hang_up", "Transfer-Encoding: chunked"), APIResponseError),
    "refused": (lambda e: e.send(http(b"{}", status="500 Oh")), InternalServerError),
}


@pytest.mark.parametrize(("script", "error"), BROKEN.values(), ids=BROKEN)
def test_a_broken_download_leaves_nothing(listen, connect, tmp_path, script, error):
    """Not even a part; and a file that was there stays as it was."""
    (tmp_path / "t").write_text("old")
    (tmp_path / "t.part").write_text("somebody's")
    files = connect(listen(script), timeout=(1, 0.25)).files
    with pytest.raises(error):
        files.download("file_a", tmp_path / "t")
    with pytest.raises(error):
        files.content("file_a")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["t", "t.part"]
    assert (tmp_path / "t").read_text() == "old"
    assert (tmp_path / "t.part").read_text() == "somebody's"


def test_a_place_where_no_file_can_be(listen, connect, tmp_path):
    """It is named as it was given, before anything is fetched."""
    server = listen(whole)
    files = connect(server).files
    missing = tmp_path / "none" / "t"
    for place, words in [(tmp_path, "is a directory"), (missing, "there is no folder")]:
        with pytest.raises(InvalidRequestError, match=f"^path: .*{place.name}': {words}"):
            files.download("file_a", place)
    assert server.exchanges == []


def test_a_stream_raises_our_errors_where_it_is_read(listen, connect):
    """A caller who reads within ``try`` catches them there; the caller's own pass as they are."""
    files = connect(listen(BROKEN["cut"][0])).files
    with files.content_stream("file_a") as blocks, pytest.raises(APIResponseError):
        list(blocks)
    with pytest.raises(requests.ConnectionError, match="mine"), files.content_stream("file_a"):
        raise requests.ConnectionError("mine")


def test_a_stream_that_is_left_early_closes(listen, connect):
    """The rest is not read, and the client goes on."""
    server = listen(lambda e: e.send(http(CONTENT * 10)))
    files = connect(server).files
    for _ in range(2):
        with files.content_stream("file_a") as blocks:
            assert len(next(blocks)) == BLOCK
    assert server.connections == 2


def test_headers_of_file_calls(listen, connect):
    """Content is asked for as it is; file calls are no part of the beta."""
    server = listen(lambda e: accept(e) if e.method == "POST" else whole(e))
    files = connect(server).files
    files.upload(b"x", filename="f")
    files.content("file_a")
    upload, content = server.exchanges
    assert content.headers["accept-encoding"] == "identity"
    assert content.path == "/v1/files/file_a/content"
    for one in (upload, content):
        assert "openai-beta" not in one.headers


# --- 1 GiB ---------------------------------------------------------------------------------------

LARGE = amount(256 << 20, 1 << 30)


def grown(program, *arguments):
    """The growth of a program's peak memory in bytes, from its second line on."""
    code = """
        import sys
        from assistants_client import Client

        def peak():
            for line in open("/proc/self/status"):
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024

        url, *arguments = sys.argv[1:]
        client = Client(url, retries=0)
        client.files.upload(b"warm", filename="up")
        client.files.content("small")
        before = peak()
    """
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{textwrap.dedent(code)}\n{program}\nprint(peak() - before)",
            *arguments,
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return int(done.stdout)


linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")


@linux
def test_a_large_upload_in_flat_memory(listen, tmp_path):
    """The peak grows by less than 16 MiB."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(LARGE)  # sparse: it takes no place
    server = listen(
        lambda e: accept(e) if e.method == "POST" else e.send(http(b"x")), keep_bodies=False
    )
    growth = grown("client.files.upload(arguments[0])", server.url, str(path))
    assert server.exchanges[-1].body > LARGE
    assert growth < 16 << 20


@linux
@pytest.mark.parametrize("way", ["download", "stream"])
def test_a_large_download_in_flat_memory(listen, tmp_path, way):
    """The peak grows by less than 16 MiB."""

    def script(exchange):
        if exchange.method == "POST":
            accept(exchange)
        elif exchange.path.endswith("/small/content"):
            exchange.send(http(b"x"))
        else:
            exchange.send(head(f"Content-Length: {LARGE}"))
            block = bytes(BLOCK)
            for _ in range(LARGE // BLOCK):
                exchange.send(block)

    server = listen(script)
    if way == "download":
        target = tmp_path / "large"
        program = "client.files.download('large', arguments[0])"
    else:
        target = None
        program = (
            "with client.files.content_stream('large') as blocks:\n"
            f"    assert sum(map(len, blocks)) == {LARGE}"
        )
    assert grown(program, server.url, str(target)) < 16 << 20
    if target is not None:
        assert target.stat().st_size == LARGE
        target.unlink()
