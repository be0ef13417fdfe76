"""``assistants tokens``: what it prints and refuses, and what the tokens open on real servers."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import pytest
import requests
from databases import fresh
from served_process import served
from werkzeug.test import Client as Http

from assistants_client import Client
from assistants_client.engine import Engine, Scripted
from assistants_client.errors import AuthenticationError, NotFoundError, RunFailedError

Ended: TypeAlias = subprocess.CompletedProcess[str]
WITHOUT = sys.platform == "win32"
needs_signals = pytest.mark.skipif(WITHOUT, reason="Windows has no SIGTERM to end a process with")


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of an empty database."""
    return fresh(f"sqlite:///{tmp_path / 'served.db'}")


@pytest.fixture
def tokens(command: Callable[..., Ended], database: str) -> Callable[..., Ended]:
    """The command on that database."""
    return lambda *arguments: command("tokens", *arguments, ASSISTANTS_DATABASE_URL=database)


def test_a_token_is_printed_alone(tokens: Callable[..., Ended]) -> None:
    """For a variable of a shell; that it is shown this once is said beside."""
    made = tokens("add", "shop")
    assert made.returncode == 0
    assert re.fullmatch(r"ast_[\w-]{43}\n", made.stdout)
    assert made.stderr == "This is the only time that it is shown.\n"
    assert made.stdout.strip() not in tokens("list").stdout + tokens("list", "--json").stdout


def test_the_list_is_a_table_or_json(tokens: Callable[..., Ended]) -> None:
    """With the revoked ones; an empty one has a head alone."""
    assert tokens("list").stdout == "NAME  SEES  MADE  LAST RUN  REVOKED\n"
    assert tokens("list", "--json").stdout == "[]\n"
    tokens("add", "shop")
    tokens("add", "lab-2", "--isolated")
    assert tokens("revoke", "shop").returncode == 0
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert tokens("list").stdout.splitlines() == [
        "NAME   SEES     MADE        LAST RUN  REVOKED",
        f"shop   all      {today}  -         {today}",
        f"lab-2  its own  {today}  -         -",
    ]
    shop, lab = json.loads(tokens("list", "--json").stdout)
    assert (shop["name"], shop["isolated"], lab["isolated"]) == ("shop", False, True)
    assert (lab["revoked_at"], lab["last_run"]) == (None, None)
    assert abs(shop["revoked_at"] - time.time()) < 600


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("add", "a b"), 2, "'a b' is no name for a token: letters of ASCII, digits, dots, dashes"),
        (("add", "taken"), 1, "There is a token of the name 'taken' already; revoke it first, or"),
        (("revoke", "nobody"), 1, "No token has the name 'nobody'."),
        (("usage", "nobody"), 1, "No token has the name 'nobody'."),
    ],
)
def test_what_is_refused_is_one_line(
    tokens: Callable[..., Ended], arguments: tuple[str, ...], status: int, words: str
) -> None:
    """It says what to do."""
    tokens("add", "taken")
    done = tokens(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(f"assistants tokens: {words}")
    assert done.stderr.count("\n") == 1


def test_wrong_options_are_refused(command: Callable[..., Ended], tmp_path: Path) -> None:
    """A command that is none, a day that is none, a database that would be gone at once."""
    none, wrong = command("tokens"), command("tokens", "ad", "x")
    assert (none.returncode, wrong.returncode) == (2, 2)
    assert "usage: assistants tokens" in none.stderr
    assert wrong.stderr.endswith("; did you mean add?\n")
    day = command("tokens", "usage", "--since", "yesterday")
    assert day.returncode == 2
    assert "'yesterday' is no day such as 2026-03-01" in day.stderr
    memory = command("tokens", "list", "--database", "sqlite://")
    assert memory.returncode == 2
    assert "a database in memory is gone when this command ends: name a file" in memory.stderr
    missing = command("tokens", "list", "--database", str(tmp_path / "no" / "x.db"))
    assert missing.returncode == 4
    assert missing.stderr.startswith("assistants tokens: The database ")
    unknown = command("tokens", "list", "--jsn")
    assert unknown.stderr.endswith("unrecognized arguments: --jsn; did you mean --json?\n")


def test_usage_is_counted(tokens: Callable[..., Ended], database: str) -> None:
    """Runs by status and the models' tokens, for all names or one, as a table or JSON."""
    token = tokens("add", "shop").stdout.strip()
    tokens("add", "lab")
    with Engine(database, Scripted(["One two three.", RuntimeError("down")])) as engine:
        http, headers = Http(engine), {"authorization": f"Bearer {token}"}
        made = http.post("/assistants", json={"model": "m"}, headers=headers).get_json()
        body = {"assistant_id": made["id"], "instructions": "Speak."}
        for _ in range(2):
            run = http.post("/threads/runs", json=body, headers=headers).get_json()
            with Client(engine=engine) as client:
                found = client.runs.retrieve(run["thread_id"], run["id"])
                with suppress(RunFailedError):
                    client.wait_for_run(found)
    shop, lab = json.loads(tokens("usage", "--json").stdout)
    assert shop["runs"] == {"completed": 1, "failed": 1}
    assert (shop["prompt_tokens"], shop["completion_tokens"]) > (0, 0)
    assert lab == {"name": "lab", "runs": {}, "prompt_tokens": 0, "completion_tokens": 0}
    assert json.loads(tokens("usage", "shop", "--json").stdout) == [shop]
    assert json.loads(tokens("usage", "shop", "--json", "--since", "2999-01-01").stdout) == [
        {**lab, "name": "shop"}
    ]
    head, first, second = tokens("usage").stdout.splitlines()
    assert head.split("  ")[0] == "NAME"
    assert re.fullmatch(r"shop +2 +\d+ +\d+ +1 completed, 1 failed", first)
    assert re.fullmatch(r"lab +0 +0 +0 +-", second)


@needs_signals
def test_tokens_open_a_server_and_are_revoked(
    tmp_path: Path, database: str, tokens: Callable[..., Ended]
) -> None:
    """Two isolated ones do not see each other's threads; one that is revoked is soon refused.

    A server that had none to ask for asks for one as soon as one is made.
    """
    with served(tmp_path, "--database", database, ASSISTANTS_MODEL="m") as running:
        assert "api_key  = any: no token is asked for\n" in running.output
        with Client(running.base_url, api_key="any") as client:
            everyones = client.threads.create()
        made = {who: tokens("add", who, "--isolated").stdout.strip() for who in ("ann", "ben")}
        with (
            Client(running.base_url, api_key=made["ann"]) as ann,
            Client(running.base_url, api_key=made["ben"]) as ben,
        ):
            thread = until(ann.threads.create)
            for hidden in (thread.id, everyones.id):
                with pytest.raises(NotFoundError):
                    ben.threads.retrieve(hidden)
            assert ann.threads.retrieve(thread.id) == thread
            with Client(running.base_url, api_key="any") as client:
                until(lambda: refused(client))
            tokens("revoke", "ann")
            until(lambda: refused(ann))
            assert list(ben.assistants.list()) == []
        running.stop()
    for key in made.values():
        assert key not in running.output


def refused(client: Client) -> None:
    """Whether a client's key is refused."""
    with pytest.raises(AuthenticationError):
        client.threads.create()


def until(attempt: Callable[[], object], seconds: float = 20) -> object:
    """What an attempt gives, as soon as it does not fail."""
    end = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except (AuthenticationError, pytest.fail.Exception):
            assert time.monotonic() < end
            time.sleep(0.05)


@needs_signals
def test_others_are_let_in_with_stored_tokens(
    tmp_path: Path, database: str, tokens: Callable[..., Ended], command: Callable[..., Ended]
) -> None:
    """Where one holds; one that was revoked lets no address be listened on that others reach."""
    variables = {"ASSISTANTS_DATABASE_URL": database, "ASSISTANTS_HOST": "0.0.0.0"}
    token = tokens("add", "shop").stdout.strip()
    page = {"Origin": "https://page.example"}
    with served(tmp_path, **variables) as running:
        assert "api_key  = one of `assistants tokens`\n" in running.output
        with Client(running.base_url, api_key=token, headers=page) as client:
            client.threads.create()
        with Client(running.base_url, api_key="any") as client:
            refused(client)
    tokens("revoke", "shop")
    done = command("serve", "--port", "0", **variables)
    assert done.returncode == 2
    assert "or make some (assistants tokens add)" in done.stderr


@needs_signals
def test_who_has_no_token_is_refused_without_the_body(
    tmp_path: Path, database: str, tokens: Callable[..., Ended]
) -> None:
    """With stored tokens too: not a byte of it is waited for. A good one's body is read."""
    token = tokens("add", "shop").stdout.strip()
    with served(tmp_path, ASSISTANTS_DATABASE_URL=database) as running:
        for key in ("wrong", "ast_" + "x" * 43):
            assert b" 401 " in head_of(running.base_url, key)
        url = f"{running.base_url}/threads"
        answered = requests.post(url, json={}, headers={"api-key": token}, timeout=20)
        assert answered.status_code == 200


def head_of(base_url: str, key: str) -> bytes:
    """The first line of the response to a request whose body never comes."""
    host, port = urlsplit(base_url).hostname, urlsplit(base_url).port
    head = f"POST /v1/threads HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
    with socket.create_connection((host, port), timeout=20) as connection:
        connection.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode())
        return connection.recv(200).partition(b"\r\n")[0]
