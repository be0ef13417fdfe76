"""Exports from servers on real sockets, each with its ways; what breaks is gone on with."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from protocol_servers import (
    Astra,
    Bee,
    ChatKit,
    Dashboard,
    Foundry,
    Hal,
    ProtocolServer,
    World,
)

from assistants_client import AuthenticationError, Client, InvalidRequestError
from assistants_client.transfer import ArchiveError, ExportError, export, read_archive
from assistants_client.transfer.archive import file_path, files_folder


@pytest.fixture(autouse=True)
def undisturbed(clean_environment, pauses):
    """No variables, and no pauses between the tries of a request."""


@pytest.fixture(autouse=True)
def naps(monkeypatch):
    """The longer pauses of exports, which take no time here."""
    taken = []
    fake = SimpleNamespace(sleep=taken.append)
    monkeypatch.setattr("assistants_client.transfer.live_source.time", fake)
    return taken


def client_of(server, **options):
    """A client of a server."""
    if isinstance(server, Foundry):
        return Client.foundry(server.url, lambda: "token-1", **options)
    return Client(server.url, api_key="k", **options)


def exported(server, path, **options):
    """The report of an export, and what the archive then holds."""
    with client_of(server) as client:
        report = export(client, path, **options)
    return report, list(read_archive(path))


def ids(documents, kind):
    """The ids of the objects of a kind, in order."""
    return [one["id"] for one in documents if one["object"] == kind]


def test_parents_stand_before_children_and_all_in_order(tmp_path):
    """By time and id; within a thread as its list has it; each run's steps behind it."""
    path = tmp_path / "a.ndjson"
    with ProtocolServer(World(threads=2, messages=205)) as server:
        report, found = exported(server, path)
    world = server.world
    assert [one["object"] for one in found][:7] == [
        "assistant", "assistant", "file", "file", "vector_store", "vector_store.file", "thread",
    ]  # fmt: skip
    assert ids(found, "assistant") == ["asst_a", "asst_b"]
    assert ids(found, "thread") == ["thread_0000", "thread_0001"]
    for number in range(2):
        start = next(i for i, one in enumerate(found) if one["id"] == f"thread_{number:04}")
        within = [one["id"] for one in found[start + 1 : start + 208]]
        messages = [one["id"] for one in world.messages[f"thread_{number:04}"]]
        assert within == [*messages, f"run_{number}", f"step_{number}"]
    folder = files_folder(path)
    assert {id_: file_path(folder, id_).read_bytes() for id_ in world.contents} == world.contents
    assert str(report) == (
        "2 threads, 410 messages, 2 runs, 2 run steps, 2 assistants, 2 files, 1 vector store."
    )
    assert json.loads(path.read_text("utf-8").splitlines()[0])["source"] == {
        "kind": "server",
        "host": server.url.split("/")[2],
    }


def test_the_same_objects_make_the_same_bytes(tmp_path):
    """Nothing of the time or the way of an export is in it; bytes there are not read again."""
    with ProtocolServer() as server:
        exported(server, tmp_path / "a.ndjson")
        before = (tmp_path / "a.ndjson").read_bytes()
        server.requests.clear()
        exported(server, tmp_path / "a.ndjson")
    assert (tmp_path / "a.ndjson").read_bytes() == before
    assert not [path for path, _ in server.requests if path.endswith("/content")]


@pytest.mark.parametrize("kind", [Foundry, Astra, Bee, Hal])
def test_each_server_is_read_whole_with_its_ways(kind, tmp_path):
    """More than a page of threads and of messages: nothing is missing, doubled or out of order."""
    world = World(threads=130, messages=3)
    world.messages["thread_0000"] = [
        World.message(f"msg_0_{place:03}", 1_700_000_000 + place // 10, place)
        for place in range(230)
    ]
    with kind(world) as server:
        report, found = exported(server, tmp_path / "a.ndjson")
    assert ids(found, "thread") == [one["id"] for one in world.threads]
    first = [one["id"] for one in found if one.get("thread_id") == "thread_0000"]
    assert first[:230] == [one["id"] for one in world.messages["thread_0000"]]
    assert sorted(ids(found, "thread.run")) == sorted(
        one["id"] for runs in world.runs.values() for one in runs
    )
    steps = ids(found, "thread.run.step")
    assert len(steps) == (0 if kind is Astra else 130)
    assert report.losses["steps_missing"] == (130 if kind is Astra else 0)
    for one in found:
        assert one["created_at"] < 100_000_000_000
        if one["object"].startswith("thread."):
            assert one["thread_id"]
    assert [one for one in found if one["object"] == "thread.run.step" and not one["run_id"]] == []


def test_what_only_one_server_has_is_kept(tmp_path):
    """Tools of another service, old fields, unknown keys."""
    with Foundry() as server:
        _, found = exported(server, tmp_path / "a.ndjson")
    assistant = next(one for one in found if one["object"] == "assistant")
    assert assistant["tools"] == [{"type": "retrieval"}]
    assert assistant["file_ids"] == []
    first = json.loads((tmp_path / "a.ndjson").read_text("utf-8").splitlines()[0])
    assert first["source"]["kind"] == "foundry"


def test_passages_of_searches_are_asked_for(tmp_path):
    """They are in steps only if they are named; a server that refuses that is asked without."""
    with ProtocolServer() as server, Bee() as bee:
        exported(server, tmp_path / "a.ndjson")
        exported(bee, tmp_path / "b.ndjson")
    for one, expected in ((server, 3), (bee, 1)):
        asked = [query for path, query in one.requests if path.endswith("/steps")]
        assert sum("include[]" in query for query in asked) == expected
        assert sum("include[]" not in query for query in asked) == (0 if expected == 3 else 3)


def test_astra_without_any_run_is_no_failure(tmp_path):
    """Its list of runs fails where there are none at all."""
    world = World()
    world.runs = {id_: [] for id_ in world.runs}
    with Astra(world) as server:
        report, found = exported(server, tmp_path / "a.ndjson")
    assert ids(found, "thread.run") == []
    assert report.counts["thread.message"] == 12


def test_chatkit_is_refused_in_words(tmp_path):
    """It has threads, and they are none of the protocol's."""
    with ChatKit() as server, pytest.raises(ExportError, match="threads of ChatKit"):
        exported(server, tmp_path / "a.ndjson")


def test_where_threads_are_not_listed_their_ids_will_do(tmp_path):
    """The refusal says so; ids are exported in the order given, once each."""
    path = tmp_path / "a.ndjson"
    with Dashboard() as server:
        with pytest.raises(ExportError, match=r"does not list threads.*session key.*--threads"):
            exported(server, path)
        wanted = ["thread_0002", "thread_0000", "thread_0002", "thread_gone"]
        report, found = exported(server, tmp_path / "b.ndjson", threads=wanted)
    assert ids(found, "thread") == ["thread_0002", "thread_0000"]
    assert report.losses["thread_gone"] == 1
    assert (report.threads_done, report.threads_total) == (3, 3)


def test_with_no_ids_the_rest_is_exported_and_files_as_text(tmp_path):
    """What a server still has of files and stores, where bytes may not be read."""
    lost = []
    with Dashboard() as server:
        report, found = exported(server, tmp_path / "a.ndjson", threads=[], on_loss=lost.append)
    assert ids(found, "file") == ["file-1", "file-2"]
    text = next(one for one in found if one["object"] == "vector_store.file_content.page")
    assert (text["file_id"], text["vector_store_id"]) == ("file-1", "vs_1")
    assert text["data"] == [{"type": "text", "text": "one"}]
    assert [(one.code, one.id) for one in lost] == [
        ("attachment_without_bytes", "file-1"),
        ("attachment_without_bytes", "file-2"),
        ("file_as_text", "file-1"),
    ]
    assert "2 attachments have no bytes" in str(report)


@pytest.mark.parametrize("wrong", ["thread_1", ["asst_1"], [""], [None]])
def test_ids_that_are_none_are_refused_before_anything_is_sent(wrong, tmp_path):
    """One wrong line of a file is named."""
    with ProtocolServer() as server:
        with pytest.raises(InvalidRequestError, match="thread"):
            exported(server, tmp_path / "a.ndjson", threads=wrong)
        assert server.requests == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "since", [1_700_000_150, datetime.fromtimestamp(1_700_000_150, timezone.utc)]
)
def test_since_takes_new_threads_and_those_with_new_messages(since, tmp_path):
    """An old thread that somebody wrote in is not left out."""
    world = World()
    world.messages["thread_0000"].append(World.message("msg_0_new", 1_700_000_160, 0))
    with ProtocolServer(world) as server:
        report, found = exported(server, tmp_path / "a.ndjson", since=since)
    assert ids(found, "thread") == ["thread_0000", "thread_0002"]
    assert report.threads_total == 2


def test_the_progress_ends_where_all_is_done(tmp_path):
    """It is called with the report so far, which a bar can show."""
    seen = []

    def show(report):
        seen.append((report.threads_done, report.threads_total, report.counts["thread.message"]))

    with ProtocolServer(World(threads=4, messages=150)) as server:
        exported(server, tmp_path / "a.ndjson", progress=show)
    assert seen[-1] == (4, 4, 600)
    assert len(seen) > 6
    assert seen == sorted(seen, key=lambda one: one[2])


# --- what breaks --------------------------------------------------------------------------------


def whole(world, tmp_path, kind=ProtocolServer):
    """The archive of an export that nothing disturbs; the host does not count."""
    with kind(world) as server:
        exported(server, tmp_path / "whole.ndjson")
    return lines(tmp_path / "whole.ndjson")


def lines(path):
    """The lines of an archive without the first, and without the hash in the last."""
    return path.read_bytes().splitlines()[1:-1]


def test_connections_that_break_change_nothing(tmp_path):
    """Every fifth response is cut in the middle, also those with bytes of files."""
    world = World(threads=6)
    with ProtocolServer(world) as server:
        server.interferes = lambda number, path: "cut" if number % 5 == 0 else None
        exported(server, tmp_path / "a.ndjson")
    assert lines(tmp_path / "a.ndjson") == whole(world, tmp_path)
    content = file_path(files_folder(tmp_path / "a.ndjson"), "file-2").read_bytes()
    assert content == world.contents["file-2"]


def test_a_limit_of_the_rate_is_waited_for_as_long_as_the_server_says(tmp_path, naps, pauses):
    """Also longer than a client would, and it is told to who watches."""
    waits = []
    world = World()
    limited = {"left": 4}

    def interferes(number, path):
        if number < 12 or not limited["left"]:
            return None
        limited["left"] -= 1
        error = {"error": {"message": "Rate limit is exceeded.", "code": "rate_limit_exceeded"}}
        return 429, {"Retry-After": "90"}, error

    with Foundry(world) as server:
        server.interferes = interferes
        exported(
            server,
            tmp_path / "a.ndjson",
            progress=lambda report: waits.append(report.waits) if report.waits else None,
        )
    assert naps == waits == [90.0] * 4
    assert lines(tmp_path / "a.ndjson") == whole(world, tmp_path, Foundry)


def test_a_token_that_expires_is_named_and_the_next_one_goes_on(tmp_path):
    """What was exported is not exported again, and the result is the same."""
    world = World(threads=8)
    path = tmp_path / "a.ndjson"
    with Foundry(world) as server:
        server.interferes = lambda number, path: (
            (401, {}, {"error": {"message": "The token expired."}}) if number > 30 else None
        )
        with pytest.raises(ExportError, match=r"not accepted any more.*goes on with it") as caught:
            exported(server, path)
        assert isinstance(caught.value.__cause__, AuthenticationError)
        assert not path.exists()
        server.interferes = lambda number, path: None
        server.requests.clear()
        exported(server, path)
        again = [asked for asked, _ in server.requests]
        fresh = tmp_path / "b.ndjson"
        exported(server, fresh)
    assert "/threads/thread_0000/messages" not in again
    assert "/threads/thread_0007/messages" in again
    assert path.read_bytes() == fresh.read_bytes()


def test_a_wrong_key_is_said_before_anything_is_written(tmp_path):
    """Not as the end of an export."""
    with Foundry() as server:
        server.token = "another"
        with pytest.raises(AuthenticationError, match="The token expired"):
            exported(server, tmp_path / "a.ndjson")
    assert list(tmp_path.iterdir()) == []


def test_a_thread_that_is_deleted_meanwhile_is_left_out_whole(tmp_path):
    """Also if its messages were read already."""
    with ProtocolServer() as server:

        def interferes(number, path):
            asked = [path for path, _ in server.requests]
            is_gone = "/threads/thread_0001/messages" in asked[:-1]
            if is_gone and path.startswith("/threads/thread_0001"):
                return 404, {}, {"error": {"message": "No thread found"}}
            return None

        server.interferes = interferes
        report, found = exported(server, tmp_path / "a.ndjson")
    assert ids(found, "thread") == ["thread_0000", "thread_0002"]
    assert [one for one in found if one.get("thread_id") == "thread_0001"] == []
    assert str(report).endswith("; 1 threads were not there, or were deleted meanwhile.")


def test_a_thread_that_its_server_cannot_give_does_not_stop_the_others(tmp_path):
    """It is counted; where nothing can be read, the export stops."""
    error = 500, {}, {"error": {"message": "Something went wrong"}}
    with ProtocolServer(World(threads=9)) as server:
        server.interferes = lambda number, path: (
            error if path == "/threads/thread_0001/messages" else None
        )
        report, found = exported(server, tmp_path / "a.ndjson")
        assert len(ids(found, "thread")) == 8
        assert report.losses == {"thread_not_given": 1}
        server.interferes = lambda number, path: error if path.endswith("/messages") else None
        with pytest.raises(ExportError, match="Something went wrong"):
            exported(server, tmp_path / "b.ndjson")


def test_the_beginning_of_another_server_is_not_gone_on_with(tmp_path):
    """None of its threads is there."""
    path = tmp_path / "a.ndjson"
    with Foundry(World(threads=8)) as server:
        server.interferes = lambda number, path: (
            (401, {}, {"error": {"message": "expired"}}) if number > 30 else None
        )
        with pytest.raises(ExportError):
            exported(server, path)
        server.interferes = lambda number, path: None
        server.world.threads = [{"id": "thread_new", "created_at": 5}]
        with pytest.raises(ArchiveError, match="begun from another server"):
            exported(server, path)


def test_a_folder_that_is_not_there_is_said_at_once(tmp_path):
    """Before anything is asked for."""
    with ProtocolServer() as server:
        with pytest.raises(ArchiveError, match="there is no folder"):
            exported(server, tmp_path / "no" / "a.ndjson")
        with pytest.raises(ArchiveError, match="it is a folder"):
            exported(server, tmp_path)
        assert server.requests == []
