"""Files that are not on disk: from web forms, in memory, and given a name by a pair."""

import io
from tempfile import NamedTemporaryFile, SpooledTemporaryFile

import pytest
from werkzeug.datastructures import FileStorage

from assistants_client import Client, ConfigurationError, InvalidRequestError
from assistants_client.engine import Engine, Scripted


@pytest.fixture
def client():
    """A client of an engine in memory."""
    with Client(engine=Engine("sqlite:///:memory:", model=Scripted([]))) as made:
        yield made


def of_form(name):
    """A file as a Flask view is given it."""
    return FileStorage(io.BytesIO(b"Revenue was 12 million."), filename=name, name="document")


def named(name):
    """A file in memory with a name."""
    made = io.BytesIO(b"Revenue was 12 million.")
    made.name = name
    return made


def test_an_upload_of_a_form_keeps_its_name(client):
    """Not that of the form's field."""
    assert client.files.upload(of_form("report.pdf")).filename == "report.pdf"
    assert client.files.upload(of_form("report.pdf"), filename="a.pdf").filename == "a.pdf"


class Upload:
    """A file as FastAPI's views are given it: its own methods are asynchronous."""

    def __init__(self, name, file):
        self.filename, self.file = name, file

    async def read(self):
        """Is not called."""


def test_an_upload_of_other_frameworks(client):
    """It has the file beside the name; large ones are kept on disk."""
    for most in (1, 1000):
        with SpooledTemporaryFile(max_size=most) as file:
            file.write(b"Revenue was 12 million.")
            file.seek(0)
            made = client.files.upload(Upload("report.pdf", file))
            assert made.filename == "report.pdf"
            assert client.files.content(made.id) == b"Revenue was 12 million."
            file.seek(0)
            assert client.files.upload(("a.pdf", Upload("b.pdf", file))).filename == "a.pdf"


def test_an_upload_without_a_name_is_refused(client):
    """The name of the form's field is none."""
    upload = of_form("report.pdf")
    upload.filename = None
    with pytest.raises(InvalidRequestError, match=r"^filename: needed"):
        client.files.upload(upload)


@pytest.mark.parametrize("content", [b"text", bytearray(b"text"), memoryview(b"text")], ids=type)
def test_a_pair_names_what_is_in_memory(client, content):
    """As in other clients; filename= wins."""
    made = client.files.upload(("a.txt", content))
    assert made.filename == "a.txt"
    assert client.files.content(made.id) == b"text"
    assert client.files.upload(("a.txt", io.BytesIO(content))).filename == "a.txt"
    assert client.files.upload(("a.txt", content), filename="b.txt").filename == "b.txt"


def test_pairs_name_files_of_a_batch(client):
    """Beside paths, uploads of forms, and files with names of their own."""
    store = client.vector_stores.create(name="Reports")
    with NamedTemporaryFile(suffix=".txt") as file:
        file.write(b"text")
        file.flush()
        files = [
            ("a.txt", b"text"),
            ("b.txt", io.BytesIO(b"text")),
            ("c.txt", file.name),
            named("d.txt"),
            of_form("e.txt"),
            file.name,
        ]
        batch = client.vector_store_file_batches.upload_and_wait(store.id, files, timeout=30)
    assert batch.file_counts.completed == 6
    names = {
        client.files.retrieve(one.id).filename for one in client.vector_store_files.list(store.id)
    }
    assert names >= {"a.txt", "b.txt", "c.txt", "d.txt", "e.txt"}
    made = client.vector_store_files.upload_and_wait(store.id, ("f.txt", b"text"))
    assert client.files.retrieve(made.id).filename == "f.txt"


@pytest.mark.parametrize("content", [b"text", io.BytesIO(b"text")], ids=type)
def test_a_file_of_a_batch_without_a_name_is_told(client, content):
    """With its place, before any is uploaded, and with what gives it one."""
    store = client.vector_stores.create()
    with pytest.raises(InvalidRequestError) as caught:
        client.vector_store_file_batches.upload_and_wait(store.id, [("a.txt", b"x"), content])
    assert str(caught.value) == (
        "files[1]: it has no name; a pair gives it one, as in ('report.pdf', content)"
    )
    assert list(client.files.list()) == []


@pytest.mark.parametrize("wrong", [("a.txt",), ("a.txt", b"x", "text/plain"), (b"x", "a.txt")])
def test_other_tuples_are_refused(client, wrong):
    """They say what a pair is."""
    with pytest.raises(InvalidRequestError, match=r"^file: a tuple is a pair"):
        client.files.upload(wrong)


def test_content_is_read_within_its_block(client):
    """Behind it, the rest would look like the end of the file."""
    made = client.files.upload(("a.txt", b"text"))
    with client.files.content_stream(made.id) as blocks:
        pass
    with pytest.raises(ConfigurationError, match="within the with block of content_stream"):
        next(blocks)
