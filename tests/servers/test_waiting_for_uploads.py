"""``upload_and_wait`` of files, files in stores and batches: backoff, hints and deadline."""

import pytest

from assistants_client import ExponentialBackoff, InvalidRequestError, WaitTimeoutError

FILE = {"id": "file-1", "status": "processed"}
STORE = "/vector_stores/vs_1"


def upload_file(client, **waiting):
    """A file that the server takes in later."""
    return client.files.upload_and_wait(b"text", filename="a.txt", **waiting)


def upload_into_store(client, **waiting):
    """A file, added to a store."""
    return client.vector_store_files.upload_and_wait(
        "vs_1", b"text", filename="a.txt", attributes={"page": 3}, **waiting
    )


def upload_batch(client, **waiting):
    """Two files, added to a store together."""
    return client.vector_store_file_batches.upload_and_wait(
        "vs_1", [__file__, __file__], attributes={"page": 3}, **waiting
    )


@pytest.fixture(params=[upload_file, upload_into_store, upload_batch])
def upload(request, server):
    """Each of the three, and how the server answers: polls that end after a while."""
    working = {"id": "x", "status": "in_progress"}

    def prepare(*polls, headers=None):
        if request.param is upload_file:
            server.answers("POST", "/files", {"id": "file-1", "status": "uploaded"})
            path, working["status"] = "/files/file-1", "uploaded"
        elif request.param is upload_into_store:
            server.answers("POST", "/files", FILE)
            server.answers("POST", STORE + "/files", {**working, "id": "file-1"})
            path = STORE + "/files/file-1"
        else:
            server.answers("POST", "/files", FILE)
            server.answers("POST", STORE + "/file_batches", {**working, "id": "vsfb_1"})
            path = STORE + "/file_batches/vsfb_1"
        documents = [{"id": "x", **(working if poll is None else poll)} for poll in polls]
        server.answers("GET", path, *documents, headers=headers)
        return request.param

    return prepare


def polls(server):
    """How often it was asked."""
    return len([method for method, _ in server.sent if method == "GET"])


def test_it_waits_until_the_server_is_done(timed_client, server, clock, upload):
    """The backoff gives the pauses; the last answer is the result."""
    start = upload(None, None, None, {"status": "completed"})

    done = start(timed_client, backoff=ExponentialBackoff(1, factor=2, maximum=60, jitter=0))

    assert done.status == "completed"
    assert polls(server) == 4
    assert clock.waits == [1, 2, 4]


def test_it_ends_at_its_deadline(timed_client, server, clock, upload):
    """A server that left the work for ever is not waited for for ever."""
    start = upload(None)

    with pytest.raises(WaitTimeoutError, match=r"not finished within 10 s"):
        start(timed_client, timeout=10, backoff=4)

    assert sum(clock.waits) == 10


def test_the_servers_hint_goes_first(timed_client, server, clock, upload):
    """It is read again on every answer."""
    start = upload(None, {"status": "completed"}, headers={"openai-poll-after-ms": "2500"})

    start(timed_client, backoff=60)

    assert clock.waits == [2.5]


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "expired", "processed"])
def test_an_end_of_any_kind_is_answered(timed_client, server, upload, status):
    """What went wrong is in the answer; only the wait itself raises."""
    assert upload({"status": status})(timed_client).status == status
    assert polls(server) == 1


def test_a_store_is_waited_for_until_no_file_is_left(timed_client, server, clock):
    """Its status says so, or its counts alone, as on servers that call a store completed early."""
    answers = [
        {"id": "vs_1", "status": "in_progress"},
        {"id": "vs_1", "status": "completed", "file_counts": {"in_progress": 1}},
        {"id": "vs_1", "status": "completed", "file_counts": {"failed": 1}},
    ]
    server.answers("GET", STORE, *answers)

    store = timed_client.vector_stores.wait("vs_1", backoff=2)

    assert store.file_counts.failed == 1
    assert clock.waits == [2, 2]


def test_a_store_is_waited_for_within_bounds(timed_client, server, clock):
    """One that expired reads no more; one that reads for ever is given up."""
    counts = {"in_progress": 1}
    server.answers("GET", "/vector_stores/vs_2", {"id": "vs_2", "file_counts": counts})
    expired = {"id": "vs_1", "status": "expired", "file_counts": counts}
    server.answers("GET", STORE, expired)

    assert timed_client.vector_stores.wait("vs_1").status == "expired"
    with pytest.raises(WaitTimeoutError, match=r"vector store vs_2 .*not finished within 10 s"):
        timed_client.vector_stores.wait("vs_2", timeout=10, backoff=4)
    assert sum(clock.waits) == 10


def test_attributes_go_along(timed_client, server):
    """With the one file, and with all files of a batch."""
    server.answers("POST", "/files", FILE)
    server.answers("POST", STORE + "/files", {"id": "file-1"})
    server.answers("GET", STORE + "/files/file-1", {"id": "file-1", "status": "completed"})
    server.answers("POST", STORE + "/file_batches", {"id": "vsfb_1"})
    server.answers("GET", STORE + "/file_batches/vsfb_1", {"id": "b", "status": "completed"})

    upload_into_store(timed_client)
    upload_batch(timed_client)

    created = [
        request.body
        for request in server.requests
        if request.headers.get("Content-Type") == "application/json"
    ]
    assert created == [
        b'{"file_id":"file-1","attributes":{"page":3}}',
        b'{"file_ids":["file-1","file-1"],"attributes":{"page":3}}',
    ]


@pytest.mark.parametrize("files", [[], "a.txt", b"bytes"])
def test_a_batch_needs_a_list_of_files(client, server, files):
    """A single file would be taken apart into characters."""
    with pytest.raises(InvalidRequestError, match="list of at least one file"):
        client.vector_store_file_batches.upload_and_wait("vs_1", files)
    assert server.sent == []


def test_a_batch_with_a_missing_file_uploads_none(client, server):
    """All are looked at before the first is sent."""
    with pytest.raises(InvalidRequestError):
        client.vector_store_file_batches.upload_and_wait("vs_1", [__file__, "not/there.txt"])
    assert server.sent == []


def test_a_batch_with_a_wrong_option_uploads_none(client, server):
    """Options are checked before the files go up, where they would stay without a use."""
    with pytest.raises(InvalidRequestError, match="attributes"):
        client.vector_store_file_batches.upload_and_wait(
            "vs_1", [__file__], attributes={"a": "b" * 513}
        )
    assert server.sent == []


def test_a_file_for_a_store_with_a_wrong_option_is_not_uploaded(client, server):
    """As for batches."""
    with pytest.raises(InvalidRequestError, match="attributes"):
        client.vector_store_files.upload_and_wait(
            "vs_1", b"x", filename="x.txt", attributes={"a": "b" * 513}
        )
    assert server.sent == []


def test_a_store_id_that_is_none_uploads_nothing(client, server):
    """The address is looked at first, too."""
    with pytest.raises(InvalidRequestError, match="vector_store_id"):
        client.vector_store_files.upload_and_wait("", b"x", filename="x.txt")
    with pytest.raises(InvalidRequestError, match="vector_store_id"):
        client.vector_store_file_batches.upload_and_wait("", [__file__])
    assert server.sent == []
