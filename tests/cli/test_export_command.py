"""``assistants export``: from a database, a server and Foundry; words and exit statuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from assistants_client import Client
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.http.app import App
from assistants_client.engine.services._base import Context
from assistants_client.engine.storage.database import Database
from assistants_client.transfer import read_archive

sys.path.append(str(Path(__file__).parents[1] / "transfer"))
from protocol_servers import Dashboard, Foundry, ProtocolServer, World


@pytest.fixture
def stored(command, tmp_path):
    """A database with a thread whose run waits for nobody, and one that is answered."""
    with Client(engine=Engine(f"sqlite:///{tmp_path}/a.db", model=Scripted(["42"]))) as client:
        assistant = client.assistants.create(model="m", name="A")
        thread = client.threads.create()
        client.ask(thread.id, "6 * 7?", assistant_id=assistant.id)
        client.files.upload(b"notes", filename="n.txt", purpose="assistants")
    return command


def test_a_database_is_exported_and_summed_up(stored, tmp_path):
    """The sentence goes to the standard output, and nothing to the other."""
    done = stored("export", "--database", "a.db", "--to", "b.ndjson")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "b.ndjson: 1 thread, 2 messages, 1 run, 1 run step, 1 assistant, 1 file.\n"
    )
    kinds = [one["object"] for one in read_archive(tmp_path / "b.ndjson")]
    assert kinds[:3] == ["assistant", "file", "thread"]
    first = (tmp_path / "b.ndjson").read_text("utf-8").splitlines()[0]
    assert json.loads(first)["source"] == {"kind": "engine"}
    assert len(list((tmp_path / "b.ndjson.files").iterdir())) == 1


def test_runs_that_wait_in_a_database_are_left_as_they_are(command, tmp_path):
    """An export asks no model."""
    database = Database(f"sqlite:///{tmp_path}/a.db")
    database.open()
    with Client(engine=App(Context(database=database))) as client:  # which has no workers
        assistant = client.assistants.create(model="m")
        thread = client.threads.create(messages=[{"role": "user", "content": "Hi"}])
        run = client.runs.create(thread.id, assistant_id=assistant.id)
        done = command("export", "--database", "a.db", "--to", "b.ndjson")
        assert client.runs.retrieve(thread.id, run.id).status == "queued"
    database.close()
    assert done.returncode == 0, done.stderr
    exported = [one for one in read_archive(tmp_path / "b.ndjson") if one["id"] == run.id]
    assert [one["status"] for one in exported] == ["queued"]


def test_no_database_is_made_by_an_export(command, tmp_path):
    """A wrong directory is not an empty archive."""
    done = command("export", "--to", "b.ndjson")
    assert done.returncode == 4
    assert "there is no database" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_foundry_is_exported_with_a_token(command, tmp_path):
    """And what it was called with is in the archive's first line."""
    with Foundry(World(threads=2)) as server:
        done = command(
            "export", "--foundry", server.url, "--to", "f.ndjson", ASSISTANTS_API_KEY="token-1"
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("f.ndjson: 2 threads, 8 messages,")


def test_foundry_without_a_token_says_how_to_get_one(command, monkeypatch):
    """Either way of the two."""
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    done = command("export", "--foundry", "http://127.0.0.1:9/api/projects/p", "--to", "f.ndjson")
    assert done.returncode == 2
    assert "pip install azure-identity" in done.stderr
    assert "az account get-access-token" in done.stderr


def test_a_server_that_does_not_list_threads_takes_a_file_of_ids(command, tmp_path):
    """As the refusal says; Windows writes such files with a mark at the beginning."""
    (tmp_path / "ids.txt").write_bytes(b"\xef\xbb\xbfthread_0001\r\n\r\nthread_0000\r\n")
    with Dashboard() as server:
        there = ("export", "--base-url", server.url, "--api-key", "k", "--to", "d.ndjson")
        refused = command(*there)
        (tmp_path / "d.ndjson.part").unlink()
        done = command(*there, "--threads", "ids.txt", "--no-files", "--report", "lost.ndjson")
    assert refused.returncode == 1
    assert "--threads with a file" in refused.stderr
    assert done.returncode == 0, done.stderr
    found = [one["id"] for one in read_archive(tmp_path / "d.ndjson") if one["object"] == "thread"]
    assert found == ["thread_0001", "thread_0000"]


def test_losses_are_reported_without_content(command, tmp_path):
    """A line each."""
    (tmp_path / "none.txt").write_text("")
    with Dashboard() as server:
        done = command(
            "export", "--base-url", server.url, "--api-key", "k", "--to", "d.ndjson",
            "--threads", "none.txt", "--report", "lost.ndjson",
        )  # fmt: skip
    assert done.returncode == 0
    assert "2 attachments have no bytes; 1 files came as text." in done.stdout
    lines = [json.loads(line) for line in (tmp_path / "lost.ndjson").read_text().splitlines()]
    assert [one["code"] for one in lines][-1] == "file_as_text"
    assert lines[0]["id"] == "file-1"


def test_threads_since_a_day(command, tmp_path):
    """In UTC."""
    with ProtocolServer() as server:
        there = ("export", "--base-url", server.url, "--api-key", "k", "--to", "d.ndjson")
        done = command(*there, "--since", "2023-11-14T22:16")
        wrong = command(*there, "--since", "yesterday")
    assert done.stdout.startswith("d.ndjson: 1 thread,")
    assert wrong.returncode == 2
    assert "'yesterday' is not a day or a time" in wrong.stderr


@pytest.mark.parametrize(
    ("target", "name"), [("conversations", "o"), ("chat", "o.jsonl"), ("agents-sqlite", "o.db")]
)
def test_other_forms_are_made_of_an_archive_or_by_way_of_one(target, name, command, tmp_path):
    """The archive stays: it has what the form has no place for."""
    with ProtocolServer() as server:
        live = command(
            "export", "--base-url", server.url, "--api-key", "k", "--as", target, "--to", name
        )
    assert live.returncode == 0, live.stderr
    assert live.stdout.splitlines()[1].startswith(f"{name}: 3 threads,")
    assert (tmp_path / name).exists()
    again = command(
        "export", "--as", target, "--from", f"{name}.archive.ndjson", "--to", f"again-{name}"
    )
    assert again.returncode == 0, again.stderr
    assert (tmp_path / f"again-{name}").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--to", "no/a.ndjson"], "--to: there is no folder"),
        (["--to", "a", "--base-url", "http://a/v1", "--database", "a.db"], "not both"),
        (["--to", "a", "--from", "b"], "say with --as what to make"),
        (["--to", "a", "--threads", "no.txt"], "--threads: no.txt cannot be read"),
        ([], "--to"),
        (["--to", "a", "--as", "anthropic"], "invalid choice"),
    ],
)
def test_options_that_make_no_sense_are_refused(arguments, words, command):
    """Before anything is asked for."""
    done = command("export", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
