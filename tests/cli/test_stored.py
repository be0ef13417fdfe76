"""``assistants list``, ``show``, ``delete``, ``usage``: databases, servers, terminals, pipes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from databases import fresh
from served_process import environment, served
from stored_objects import filled
from terminal import Terminal

from assistants_client import Client
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.services._base import Context
from assistants_client.engine.services.assistants import Assistants
from assistants_client.engine.services.runs import Runs
from assistants_client.engine.services.tokens import Tokens
from assistants_client.engine.storage.database import Database
from assistants_client.models.assistants import AssistantRequest
from assistants_client.models.run_requests import ThreadRunRequest

Ended: TypeAlias = subprocess.CompletedProcess[str]
KINDS = ["assistants", "threads", "messages", "runs", "steps", "files", "vector-stores"]
WITHOUT_TERMINALS = sys.platform == "win32"
needs_terminal = pytest.mark.skipif(WITHOUT_TERMINALS, reason="Windows has no such terminals")


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that is empty yet."""
    return fresh(f"sqlite:///{tmp_path / 'kept.db'}")


@pytest.fixture
def ids(url: str) -> dict[str, str]:
    """Ids of objects of each kind, in that database."""
    return filled(url)


def make_empty(url: str) -> None:
    """Makes the tables of a database, and nothing in them."""
    database = Database(url)
    database.open()
    database.close()


def above(kind: str, ids: dict[str, str]) -> list[str]:
    """The ids of what the objects of a kind are listed within."""
    return {
        "messages": [ids["threads"]],
        "runs": [ids["threads"]],
        "steps": [ids["threads"], ids["runs"]],
    }.get(kind, [])


def lines(done: Ended) -> list[dict[str, Any]]:
    """The documents that were printed."""
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# --- in a pipe ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_listed_and_shown(
    command: Callable[..., Ended], url: str, ids: dict[str, str], kind: str
) -> None:
    """As the protocol's JSON, a line each, from a database and from a server alike."""
    where = above(kind, ids)
    listed = lines(command("list", kind, *where, "--database", url))
    assert ids[kind] in [one["id"] for one in listed]
    shown = lines(command("show", ids[kind], "--database", url))
    assert shown[0] in listed


def test_a_server_is_read_alike(
    command: Callable[..., Ended], tmp_path: Path, url: str, ids: dict[str, str]
) -> None:
    """With its token; of what is within others, these are named."""
    with served(tmp_path, "--database", url, "--token", "the-key") as running:
        reach = {"ASSISTANTS_BASE_URL": running.base_url, "ASSISTANTS_API_KEY": "the-key"}
        for kind in KINDS:
            where = above(kind, ids)
            assert lines(command("list", kind, *where, **reach)) == lines(
                command("list", kind, *where, "--database", url)
            )
            named = dict(zip(("--thread", "--run"), where, strict=False))
            options = [word for pair in named.items() for word in pair]
            assert lines(command("show", ids[kind], *options, **reach))[0]["id"] == ids[kind]
        refused = command("show", ids["steps"], **reach)
        assert refused.returncode == 2
        assert "a run step of a server is found by --thread ID and --run ID, too" in refused.stderr
        refused = command("list", "threads", "--api-key", "wrong", **reach)
        assert refused.returncode == 1
        assert "Incorrect API key" in refused.stderr
        done = command("delete", ids["threads"], "--yes", **reach)
        assert (done.returncode, done.stderr) == (0, "Deleted: 1 of 1.\n")
        assert command("show", ids["threads"], **reach).returncode == 1
    refused = command("list", "threads", "--base-url", running.base_url, "--api-key", "k")
    assert refused.returncode == 1
    assert "is the server running, and the base URL right?" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_threads_are_chosen(command: Callable[..., Ended], url: str) -> None:
    """By age, by metadata, by words, and as many as are wanted."""
    old = Engine(url, Scripted([]), clock=lambda: 1_700_000_000)
    with old, Client(engine=old) as client:
        first = client.threads.create(metadata={"user": "7", "shop": "north"}).id
    with Engine(url, Scripted([])) as engine, Client(engine=engine) as client:
        said = [{"role": "user", "content": "Where is my kettle?"}]
        second = client.threads.create(messages=said, metadata={"user": "7"}).id
        client.threads.create()

    def found(*options: str) -> list[str]:
        return [one["id"] for one in lines(command("list", "threads", "--database", url, *options))]

    assert len(found()) == 3
    assert found("--older-than", "30d") == [first]
    assert found("--metadata", "user=7") == [second, first]
    assert found("--metadata", "user=7", "--metadata", "shop=north") == [first]
    assert found("--metadata", "user=7", "--older-than", "30d") == [first]
    assert found("--search", "kettles") == [second]
    assert found("--limit", "1", "--metadata", "user=7") == [second]
    assert found("--metadata", "user=") == []


def test_a_thread_in_a_pipe_has_its_messages(
    command: Callable[..., Ended], url: str, ids: dict[str, str]
) -> None:
    """The thread first, then these, the oldest first."""
    shown = lines(command("show", ids["threads"], "--database", url))
    kinds = [one["object"] for one in shown]
    assert kinds == ["thread", "thread.message", "thread.message"]
    assert [one.get("role") for one in shown[1:]] == ["user", "assistant"]


def test_what_reads_the_pipe_may_leave(tmp_path: Path, url: str) -> None:
    """As ``head`` does: nothing is said about it."""
    with Engine(url, Scripted([])) as engine, Client(engine=engine) as client:
        for _ in range(300):
            client.threads.create(metadata={"filler": "x" * 500})
    process = subprocess.Popen(
        [sys.executable, "-m", "assistants_client", "list", "threads", "--database", url],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_waiting_runs_are_left_to_others(command: Callable[..., Ended], url: str) -> None:
    """A command that reads a database processes nothing in it."""
    database = Database(url)
    context = Context(database=database)
    assistant = Assistants(context).create(AssistantRequest(model="m")).commit(context)
    asked = ThreadRunRequest(
        assistant_id=assistant.id,
        thread={"messages": [{"role": "user", "content": "Hello"}]},
    )
    run = Runs(context).create_thread_and_run(asked).commit(context).decoded()
    database.close()
    assert lines(command("show", run.id, "--database", url))[0]["status"] == "queued"


# --- what is wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list", "thraeds"], "'thraeds' is none of assistants, threads,"),
        (["list", "thraeds"], "did you mean threads?"),
        (["list", "messages"], "messages are listed within a thread: assistants list messages"),
        (["list", "steps", "thread_1"], "steps are listed within a thread and a run"),
        (["list", "messages", "run_1"], "THREAD: 'run_1' is the id of a run, not a thread's"),
        (["list", "threads", "thread_1"], "threads are listed without any id"),
        (["list", "files", "--search", "x"], "--search finds threads"),
        (["list", "threads", "--older-than", "30"], "'30' is not an age: write days"),
        (["list", "threads", "--metadata", "user"], "'user' is not KEY=VALUE, such as user=7"),
        (["list", "threads", "--metadata", "a=1", "--metadata", "a=2"], "one key is given twice"),
        (["list", "threads", "--search", "?"], "there is no word in '?'"),
        (["show", "thread"], "'thread' is not an id: ids begin with asst_, thread_,"),
        (["show", "thread_"], "'thread_' is not an id"),
        (["show", "vsfb_1"], "a batch of files is seen within its vector store"),
        (["show", "call_1"], "that is a tool call's id"),
        (["show", "msg_1", "--thread", "run_1"], "--thread: 'run_1' is the id of a run, not"),
        (["delete", "run_1", "--yes"], "a run cannot be deleted: its thread can"),
        (["delete", "runs", "--yes"], "runs are deleted with their threads"),
        (["delete", "threads", "--yes"], "which threads? give ids, --older-than AGE or"),
        (["delete", "threads", "--all", "--older-than", "1d"], "which threads? give ids"),
        (["delete", "threads", "thread_1", "--all"], "threads: either a kind or ids, not both"),
        (["delete", "thread_1", "--all"], "objects that are named are deleted without them"),
        (["delete", "thread_1"], "there is no terminal to ask in: --yes deletes without asking"),
        (["list", "threads", "--base-url", "http://h/v1"], "give one of them, not both"),
    ],
)
def test_mistakes_are_named(
    command: Callable[..., Ended], url: str, arguments: list[str], words: str
) -> None:
    """With what to write instead; the status is that of wrong usage, and nothing is printed."""
    make_empty(url)
    done = command(*arguments, "--database", url)
    assert words in " ".join(done.stderr.split())
    assert (done.returncode in {1, 2}, done.stdout) == (True, "")
    assert done.returncode == 2 or "no word" in words


@pytest.mark.parametrize("kind", ["thread", "msg", "run", "step", "asst", "vs"])
def test_what_is_not_there(command: Callable[..., Ended], url: str, kind: str) -> None:
    """It is said, in a database and in one that has nothing at all."""
    make_empty(url)
    done = command("show", f"{kind}_nobodys", "--database", url)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{kind}_nobodys" in done.stderr


def test_a_database_that_is_missing_is_not_made(
    command: Callable[..., Ended], tmp_path: Path
) -> None:
    """It is named with its path, and with the option that names another."""
    for arguments in (["list", "threads"], ["show", "thread_1"], ["usage"], ["vacuum"]):
        done = command(*arguments)
        assert (done.returncode, done.stdout) == (4, "")
        assert f"there is no database {tmp_path / 'assistants.db'}; --database" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_has_nothing(command: Callable[..., Ended], url: str) -> None:
    """Which is no error: no line is printed."""
    make_empty(url)
    for arguments in (["list", "threads"], ["list", "files"], ["usage"]):
        assert lines(command(*arguments, "--database", url)) == []
    done = command("delete", "threads", "--all", "--yes", "--database", url)
    assert done.returncode == 0
    assert done.stderr.startswith("There are no such threads in ")


class _Others(BaseHTTPRequestHandler):
    """A server of the protocol that has neither a list of threads nor usage."""

    def do_GET(self) -> None:
        """Answers as OpenAI's did."""
        body = json.dumps({"error": {"message": f"Invalid URL (GET {self.path})"}}).encode()
        self.send_response(404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def others() -> Iterator[str]:
    """Serves that for the time of the block."""
    server = HTTPServer(("127.0.0.1", 0), _Others)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_a_server_does_not_have(command: Callable[..., Ended]) -> None:
    """It is said in words that the protocol has no such operation, and who has it."""
    with others() as base_url:
        for arguments, words in (
            (["list", "threads"], f"{base_url} does not list threads: the protocol has no such"),
            (["delete", "threads", "--all", "--yes"], "does not list threads"),
            (["usage"], f"{base_url} does not add up usage: the engine does"),
        ):
            done = command(*arguments, "--base-url", base_url)
            assert (done.returncode, done.stdout) == (1, "")
            assert words in done.stderr


# --- deleting -----------------------------------------------------------------------------------


def test_objects_are_deleted(command: Callable[..., Ended], url: str, ids: dict[str, str]) -> None:
    """By ids of all kinds at once; what is not there is said, and the rest goes."""
    there = [ids[kind] for kind in ("messages", "assistants", "threads", "files", "vector-stores")]
    done = command("delete", *there, there[0], "asst_nobodys", "--yes", "--database", url)
    assert done.returncode == 1
    assert done.stderr == (
        "assistants delete: there is no assistant asst_nobodys\nDeleted: 5 of 6.\n"
    )
    for one in there:
        assert command("show", one, "--database", url).returncode == 1
    assert len(lines(command("list", "threads", "--database", url))) == 2


def test_threads_are_deleted_by_metadata(
    command: Callable[..., Ended], url: str, ids: dict[str, str]
) -> None:
    """Others stay; a second time there are none."""
    chosen = ["delete", "threads", "--metadata", "user=0", "--yes", "--database", url]
    assert command(*chosen).stderr == "Deleted: 1 of 1.\n"
    left = lines(command("list", "threads", "--database", url))
    assert sorted(one["metadata"]["user"] for one in left) == ["1", "2"]
    assert command(*chosen).stderr.startswith("There are no such threads in ")
    nothing = command("delete", "threads", "--older-than", "1m", "--yes", "--database", url)
    assert nothing.returncode == 0
    assert len(lines(command("list", "threads", "--database", url))) == 2


# --- in a terminal ------------------------------------------------------------------------------


def terminal(folder: Path, *arguments: str) -> Terminal:
    """A command in a terminal."""
    return Terminal(
        [sys.executable, "-m", "assistants_client", *arguments], environment(folder), folder
    )


@needs_terminal
def test_tables_in_a_terminal(tmp_path: Path, url: str, ids: dict[str, str]) -> None:
    """Of each kind; with --json the lines of a pipe."""
    heads = {"files": "BYTES +NAME", "threads": "METADATA", "runs": "TOKENS +MODEL"}
    for kind in KINDS:
        shell = terminal(tmp_path, "list", kind, *above(kind, ids), "--database", url)
        shell.expect(rf"ID +MADE +.*{heads.get(kind, '')}")
        shell.expect(ids[kind])
        assert shell.end() == 0
    shell = terminal(tmp_path, "list", "threads", "--limit", "2", "--database", url)
    shell.expect(r"user=2\s+.*user=1\s+There are more than 2: --limit NUMBER shows so many")
    assert shell.end() == 0
    shell = terminal(tmp_path, "list", "files", "--json", "--database", url)
    shell.expect(r'\{"id":"file-')
    assert shell.end() == 0
    shell = terminal(tmp_path, "usage", "--by", "model", "--database", url)
    shell.expect(r"MODEL +RUNS +READ +WRITTEN +TOKENS\s+m +3 +[0-9]+ ")
    shell.expect(r"all +3 +")
    assert shell.end() == 0


@needs_terminal
def test_a_thread_is_a_conversation(tmp_path: Path, url: str) -> None:
    """With its runs; what was written is text, and controls no terminal."""
    said = "Hello \x1b[31mred\x1b[0m \x07 and \u202eback"
    with Engine(url, Scripted(["It is 42."])) as engine, Client(engine=engine) as client:
        file = client.files.upload(b"x", filename="\x1b[2Jx.txt")
        assistant = client.assistants.create(model="m", name="a\x1b[31m")
        attached = {"file_id": file.id, "tools": [{"type": "code_interpreter"}]}
        first = {"role": "user", "content": said, "attachments": [attached]}
        run = client.runs.create_thread_and_run(
            assistant_id=assistant.id, thread={"messages": [first], "metadata": {"k": "\x1b[1m"}}
        )
        client.wait_for_run(run)
    shell = terminal(tmp_path, "show", run.thread_id, "--database", url)
    shell.expect(r"user .*\s+Hello \[31mred\[0m  and back\s+\[file file-")
    shell.expect(rf"completed .*{run.id} +m +[0-9]+ tokens\s+assistant .*\s+It is 42\.")
    assert shell.end() == 0
    assert "\x1b" not in shell.shown
    for kind in ("files", "assistants", "threads"):
        shell = terminal(tmp_path, "list", kind, "--database", url)
        assert shell.end() == 0
        assert "\x1b" not in shell.shown


@needs_terminal
@pytest.mark.parametrize(("answer", "status"), [("y\r", 0), ("n\r", 1), ("\r", 1), ("\x04", 1)])
def test_it_asks_before_it_deletes(
    tmp_path: Path, url: str, ids: dict[str, str], answer: str, status: int
) -> None:
    """It says how many of what, and from where; anything but yes leaves all of it."""
    shell = terminal(tmp_path, "delete", "threads", "--all", "--database", url)
    shell.expect(r"Delete 3 threads from .*\? They cannot be had back\. \[y/N\]")
    shell.type(answer)
    shell.expect(r"Deleted: 3 of 3\." if status == 0 else r"Nothing was deleted\.")
    assert shell.end() == status
    with Engine(url, Scripted([])) as engine, Client(engine=engine) as client:
        assert len(list(client.threads.list())) == (0 if status == 0 else 3)


# --- usage --------------------------------------------------------------------------------------


def test_usage_is_added_up(command: Callable[..., Ended], url: str, ids: dict[str, str]) -> None:
    """By each group, as the server's operation does it."""
    for by, keys in (
        ("assistant", {ids["assistants"]}),
        ("model", {"m"}),
        ("metadata:user", {"0", "1", "2"}),
    ):
        groups = lines(command("usage", "--by", by, "--database", url))
        assert {one["key"] for one in groups} == keys
        assert sum(one["runs"] for one in groups) == 3
        assert all(one["total_tokens"] > 0 for one in groups)
    assert len(lines(command("usage", "--since", "1d", "--database", url))) >= 1
    assert lines(command("usage", "--until", "1d", "--database", url)) == []
    assert lines(command("usage", "--until", "2020-01-01", "--database", url)) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--by", "user"], "'user' is none of assistant, model, day and metadata:KEY"),
        (["--since", "yesterday"], "'yesterday' is neither a day such as 2026-03-01 nor an age"),
        (["--since", "1d", "--until", "9d"], "Invalid 'until': it is before 'since'"),
    ],
)
def test_mistakes_of_usage_are_named(
    command: Callable[..., Ended], url: str, arguments: list[str], words: str
) -> None:
    """By the command, or by the server."""
    make_empty(url)
    done = command("usage", *arguments, "--database", url)
    assert done.returncode in {1, 2}
    assert words in done.stderr


def test_an_isolated_token_sees_its_own_usage(
    command: Callable[..., Ended], tmp_path: Path, url: str, ids: dict[str, str]
) -> None:
    """Of a server; the database's owner sees all."""
    database = Database(url)
    token = Tokens(Context(database=database)).add("shop", is_isolated=True)
    database.close()
    with served(tmp_path, "--database", url) as running:
        reach = ("--base-url", running.base_url, "--api-key", token)
        assert lines(command("usage", *reach)) == []
        assert lines(command("list", "threads", *reach)) == []
    assert len(lines(command("usage", "--by", "model", "--database", url))) == 1
