"""Files: taken in, listed, read back, deleted; in this process and over a socket."""

from __future__ import annotations

import io
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import fresh
from engine_store import Clock
from werkzeug.serving import make_server
from werkzeug.test import Client as Http

import assistants_client as ac
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.services import _contents
from assistants_client.engine.services.files import MAX_FILE, PURPOSES
from assistants_client.models.files import FileExpiry


@pytest.fixture(params=["in process", "socket"])
def client(request: pytest.FixtureRequest, engine: Engine) -> Iterator[ac.Client]:
    """A client of an engine, in this process or over a socket."""
    if request.param == "in process":
        with ac.Client(engine=engine) as made:
            yield made
        return
    server = make_server("127.0.0.1", 0, engine, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    with ac.Client(f"http://127.0.0.1:{server.server_port}/v1", api_key="key") as made:
        yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def engine(tmp_path: Path, clock: Clock) -> Iterator[Engine]:
    """An engine on a file, with a clock that stands still."""
    made = Engine(fresh(f"sqlite:///{tmp_path / 'files.db'}"), Scripted([]), clock=clock)
    yield made
    made.close()


@pytest.fixture
def http(engine: Engine) -> Http:
    """A client that sends what it is told to."""
    return Http(engine)


def refused(http: Http, status: int, **fields: Any) -> dict[str, Any]:
    """The error of an upload."""
    response = http.post("/v1/files", data=fields, content_type="multipart/form-data")
    assert response.status_code == status
    body = response.get_json()
    assert set(body["error"]) == {"message", "type", "param", "code"}
    error: dict[str, Any] = body["error"]
    return error


def a_file(content: bytes = b"text", name: str = "a.txt") -> tuple[io.BytesIO, str]:
    """A part of a form."""
    return io.BytesIO(content), name


@pytest.mark.parametrize("error", [KeyError("k"), ValueError("v"), OSError("o")])
def test_what_progress_raises_comes_through(
    client: ac.Client, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """As itself, and nothing is kept; it is no fault of the engine's, so its log says nothing."""

    def stop(*_: int) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        client.files.upload(b"text", filename="a.txt", progress=stop)

    assert caught.value is error
    assert list(client.files.list()) == []
    assert [record for record in caplog.records if record.name.startswith("assistants")] == []


def test_an_upload_comes_back_as_it_was(client: ac.Client, tmp_path: Path) -> None:
    """Facts and content survive, also of a file that needs many blocks, and of one with lines."""
    content = bytes(range(256)) * 20_000 + b"line\r\n" * 40_000
    path = tmp_path / 'Größe "1".bin'
    path.write_bytes(content)

    made = client.files.upload(path, purpose="user_data")

    assert made.id.startswith("file-")
    assert (made.object, made.bytes, made.purpose) == ("file", len(content), "user_data")
    assert (made.status, made.expires_at) == ("processed", None)
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id) == content
    assert client.files.upload_and_wait(b"x", filename="x.md").filename == "x.md"


def test_a_file_is_gone_once_deleted(client: ac.Client) -> None:
    """Neither its facts nor its content are left."""
    made = client.files.upload(b"text", filename="a.txt")

    gone = client.files.delete(made.id)

    assert (gone.id, gone.object, gone.deleted) == (made.id, "file", True)
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(ac.NotFoundError):
            call(made.id)
    assert list(client.files.list()) == []


def test_files_are_listed_by_purpose_and_in_order(client: ac.Client, clock: Clock) -> None:
    """Newest first unless told; a cursor goes on where it says; other purposes are left out."""
    made = []
    for number in range(5):
        purpose = "vision" if number == 2 else "assistants"
        made.append(client.files.upload(b"x", filename=f"{number}.txt", purpose=purpose).id)
        clock.move(number % 2)

    assert [f.id for f in client.files.list()] == made[::-1]
    assert [f.id for f in client.files.list(order="asc", page_size=2)] == made
    assert [f.id for f in client.files.list(purpose="vision")] == [made[2]]
    assert [f.id for f in client.files.list(order="asc", after=made[2])] == made[3:]


def test_a_page_of_files_holds_ten_thousand(http: Http) -> None:
    """Ten thousand is the limit, and the default; there is no cursor backwards."""
    for number in range(3):
        http.post("/files", data={"purpose": "vision", "file": a_file(name=str(number))})
    everything = http.get("/files").get_json()

    assert http.get("/files?limit=10000&before=nonsense").get_json() == everything
    assert len(everything["data"]) == 3
    assert http.get("/files?limit=10001").get_json()["error"]["param"] == "limit"
    assert http.get("/files?limit=2").get_json()["has_more"] is True


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_purpose_is_taken(http: Http, purpose: str) -> None:
    """Files for batches expire after thirty days, others never."""
    made = http.post("/files", data={"purpose": purpose, "file": a_file()}).get_json()

    assert made["purpose"] == purpose
    assert made.get("expires_at") == (
        made["created_at"] + 2_592_000 if purpose == "batch" else None
    )


def test_many_files_expire_some_at_a_time(
    client: ac.Client, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them is seen any more; each upload deletes some, so that it does not take long."""
    monkeypatch.setattr(_contents, "_PURGED_AT_ONCE", 2)
    for number in range(5):
        expiry = FileExpiry(seconds=3600)
        client.files.upload(b"x", filename=str(number), expires_after=expiry)
    clock.move(3601)
    assert list(client.files.list()) == []
    for _ in range(3):
        client.files.upload(b"x", filename="new")
    assert len(list(client.files.list())) == 3


def test_a_file_expires(client: ac.Client, clock: Clock) -> None:
    """After its seconds it is gone as if it was deleted."""
    made = client.files.upload(b"x", filename="a", expires_after=FileExpiry(seconds=3600))
    assert made.expires_at == made.created_at + 3600
    clock.move(3599)
    assert client.files.content(made.id) == b"x"

    clock.move(1)

    with pytest.raises(ac.NotFoundError):
        client.files.retrieve(made.id)
    assert list(client.files.list()) == []


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"purpose": "vision"}, "file", "missing_required_parameter"),
        ({"purpose": "vision", "file": "no name"}, "file", "missing_required_parameter"),
        ({"file": a_file}, "purpose", "missing_required_parameter"),
        ({"file": a_file, "purpose": "fun"}, "purpose", None),
        ({"file": a_file, "purpose": "assistants_output"}, "purpose", None),
        ({"file": lambda: a_file(b""), "purpose": "vision"}, "file", "invalid_value"),
        ({"file": a_file, "purpose": "vision", "x": "1"}, "x", "unknown_parameter"),
        (
            {"file": a_file, "purpose": "vision", "expires_after[anchor]": "created_at"},
            "expires_after.seconds",
            "missing_required_parameter",
        ),
        (
            {"file": a_file, "purpose": "vision", "expires_after[seconds]": "60"},
            "expires_after.seconds",
            "decimal_below_min_value",
        ),
        (
            {"file": a_file, "purpose": "vision", "expires_after[seconds]": "soon"},
            "expires_after.seconds",
            "invalid_type",
        ),
    ],
)
def test_a_wrong_form_is_refused(http: Http, fields: Any, param: str, code: str | None) -> None:
    """The field at fault is named, and nothing is stored."""
    sent = {name: value() if callable(value) else value for name, value in fields.items()}

    error = refused(http, 400, **sent)

    assert (error["param"], error["code"]) == (param, code)
    assert http.get("/files").get_json()["data"] == []


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.txt", "filename=\"a.txt\"; filename*=UTF-8''a.txt"),
        ("a b;.txt", "filename=\"a b;.txt\"; filename*=UTF-8''a%20b%3B.txt"),
        ("ä€.txt", "filename=\"??.txt\"; filename*=UTF-8''%C3%A4%E2%82%AC.txt"),
        ('a"b%41.txt', "filename=\"a_b_41.txt\"; filename*=UTF-8''a%22b%2541.txt"),
    ],
)
def test_a_downloaded_file_has_its_name(client: Any, http: Http, name: str, header: str) -> None:
    """In a form that every program reads, and in one that holds every character."""
    made = client.files.upload(b"text", filename=name)
    assert made.filename == name
    response = http.get(f"/files/{made.id}/content")
    assert response.headers["content-disposition"] == f"attachment; {header}"


@pytest.mark.parametrize("rest", ["", "/content"])
@pytest.mark.parametrize("file_id", ["file-0", "fake_id"])
def test_a_file_that_is_not_there(http: Http, file_id: str, rest: str) -> None:
    """The refusal names the id as its param; an id of another kind is called so."""
    error = http.get(f"/files/{file_id}{rest}").get_json()["error"]
    assert (error["param"], error["code"]) == ("id", None)
    assert file_id in error["message"]
    other = http.get(f"/files/thread_0{rest}")
    assert (other.status_code, other.get_json()["error"]["param"]) == (400, "file_id")


def test_what_is_no_form_is_refused(http: Http) -> None:
    """JSON, a form without a boundary, and one that breaks off."""
    assert http.post("/files", json={"purpose": "vision"}).status_code == 400
    for body in (b"", b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nvis'):
        for kind in ("multipart/form-data", "multipart/form-data; boundary=b"):
            assert http.post("/files", data=body, content_type=kind).status_code == 400


def test_a_file_that_is_too_large_is_refused_unread(http: Http) -> None:
    """Its announced length is enough."""
    headers = {"content-type": "multipart/form-data; boundary=b"}
    length = {"CONTENT_LENGTH": str(2 * MAX_FILE), "wsgi.input": io.BytesIO(b"--b")}
    response = http.post("/files", headers=headers, environ_overrides=length)

    assert response.status_code == 413
    assert response.get_json()["error"]["code"] == "file_too_large"


def test_a_field_that_is_too_large_is_refused(http: Http) -> None:
    """Fields are kept in memory, so they are bounded apart from the file."""
    error = refused(http, 413, purpose="x" * 300_000, file=a_file())

    assert error["code"] == "file_too_large"


def test_folders_are_no_part_of_a_name(http: Http) -> None:
    """A name stands for a file among others, so it holds no path."""
    for sent, kept in (("../../etc/passwd", "passwd"), ("..", "file")):
        data = {"purpose": "vision", "file": a_file(name=sent)}
        assert http.post("/files", data=data).get_json()["filename"] == kept


def test_a_large_file_does_not_cost_memory(engine: Engine, tmp_path: Path) -> None:
    """Up and down again, 40 MB go through in a fraction of that."""
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(40_000_000)
    with ac.Client(engine=engine) as client:
        client.files.upload(b"warm", filename="up")
        tracemalloc.start()
        try:
            made = client.files.upload(path)
            client.files.download(made.id, tmp_path / "again.bin")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert (tmp_path / "again.bin").stat().st_size == 40_000_000
    assert peak < 25_000_000


def test_an_upload_with_a_key_is_stored_once(engine: Engine) -> None:
    """A repeat is answered with the first file."""
    headers = {"Idempotency-Key": "k"}
    http = Http(engine)
    first, second = (
        http.post("/files", data={"purpose": "vision", "file": a_file()}, headers=headers)
        for _ in range(2)
    )

    assert first.get_json() == second.get_json()
    assert len(http.get("/files").get_json()["data"]) == 1


def test_many_uploads_at_once(engine: Engine) -> None:
    """Each comes back with its own content."""
    with ac.Client(engine=engine) as client:
        made: dict[int, str] = {}

        def upload(number: int) -> None:
            content = bytes([number]) * 1_500_000
            made[number] = client.files.upload(content, filename=str(number)).id

        threads = [threading.Thread(target=upload, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        for number, file_id in made.items():
            assert client.files.content(file_id) == bytes([number]) * 1_500_000
    assert len(made) == 8


def test_a_half_written_file_is_never_seen_and_dropped_in_time(
    engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a process left behind when it died costs no room for ever."""
    from sqlalchemy import text

    from assistants_client.engine.services import _contents, files

    http = Http(engine)
    monkeypatch.setattr(files, "discard", lambda *_: None)
    monkeypatch.setattr(files, "make_whole", _fail)
    assert http.post("/files", data={"purpose": "vision", "file": a_file()}).status_code == 500
    monkeypatch.undo()
    assert http.get("/files").get_json()["data"] == []

    clock.move(_contents._LEFT_BEHIND)
    http.post("/files", data={"purpose": "vision", "file": a_file(b"other")})

    with engine._database.read() as connection:
        left = connection.execute(text("SELECT content FROM file_blocks")).scalars().all()
    assert left == [b"other"]


def _fail(*_: object) -> None:
    raise RuntimeError("killed")
