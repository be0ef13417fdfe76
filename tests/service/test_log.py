"""The log of a service: plain or JSON, with the ids of run, thread and request, and no secret."""

from __future__ import annotations

import json
import logging
import queue
import sys
from collections.abc import Callable, Iterator
from logging.handlers import QueueHandler
from pathlib import Path
from typing import Any

import pytest
import requests
from model_server import model_server
from served_process import served
from service_kit import WITHIN, Gate, ask, on_a_port, settled, until

from assistants_client import Client
from assistants_client.engine import Engine, JsonFormatter, LogIds, Scripted

POSIX = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no SIGTERM to end a process with"
)
INFO = ("--log-level", "info")


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    """A language model."""
    with model_server() as url:
        yield url


def lines_after(output: str) -> list[dict[str, Any]]:
    """The lines of JSON in an output, each of which must be one object."""
    found = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert all(isinstance(one, dict) for one in found)
    return found


@POSIX
def test_a_failed_run_in_json(tmp_path: Path, model_url: str) -> None:
    """Its line has the ids of run and thread, and of the request that made it."""
    with served(tmp_path, "--model-url", model_url, "--log-format", "json", *INFO) as running:
        url = running.base_url.removesuffix("/v1")
        response = ask(url, "Now fail")
        run = settled(url, response.json())
        until(lambda: f"Run {run['id']} failed" in running.output)
        running.stop()

    lines = lines_after(running.output)
    (failed,) = [line for line in lines if line["level"] == "WARNING"]
    assert failed["run_id"] == run["id"]
    assert failed["thread_id"] == run["thread_id"]
    assert failed["request_id"] == response.headers["x-request-id"]
    assert failed["logger"] == "assistants_client.engine.worker.runner"
    assert "The model is down." in failed["message"]
    assert failed["time"].endswith("Z")
    (posted,) = [line for line in lines if line.get("path") == "/v1/threads/runs"]
    assert posted["method"] == "POST"
    assert posted["status"] == 200
    assert posted["duration_ms"] > 0
    assert posted["level"] == "INFO"
    assert posted["logger"] == "assistants_client.access"
    ids = {name: posted[name] for name in ("run_id", "thread_id", "request_id")}
    assert ids == {name: failed[name] for name in ids}


@POSIX
def test_a_failed_run_in_plain_lines(tmp_path: Path, model_url: str) -> None:
    """The ids that a message does not name stand behind it; requests are not logged by default."""
    with served(tmp_path, "--model-url", model_url) as running:
        url = running.base_url.removesuffix("/v1")
        response = ask(url, "Now fail")
        run = settled(url, response.json())
        until(lambda: f"Run {run['id']} failed" in running.output)
        running.stop()

    (line,) = [line for line in running.output.splitlines() if " WARNING: " in line]
    request_id = response.headers["x-request-id"]
    assert line.endswith(f" [thread_id={run['thread_id']} request_id={request_id}]")
    assert "POST" not in running.output


@POSIX
def test_no_key_no_query_and_no_body(tmp_path: Path) -> None:
    """Of a request the log has method, path, status, time and id; of a stream when it has ended."""
    headers = {"Authorization": "Bearer secret-token"}
    with served(tmp_path, "--token", "secret-token", "--log-format", "json", *INFO) as running:
        url = running.base_url.removesuffix("/v1")
        response = ask(url, "the secret question", stream=True, headers=headers)
        assert b"thread.run.created" in response.content
        wrong = {"Authorization": "Bearer secret-wrong"}
        path = "/v1/threads/thread_1?secret=query"
        refused = requests.get(f"{url}{path}", headers=wrong, timeout=WITHIN)
        assert refused.status_code == 401
        until(lambda: refused.headers["x-request-id"] in running.output)
        running.stop()

    assert "secret" not in running.output
    lines = {line["request_id"]: line for line in lines_after(running.output)}
    streamed = lines[response.headers["x-request-id"]]
    assert streamed["run_id"].startswith("run_")
    assert lines[refused.headers["x-request-id"]]["path"] == "/v1/threads/thread_1"
    assert lines[refused.headers["x-request-id"]]["status"] == 401


@pytest.mark.parametrize(
    ("arguments", "variables", "named"),
    [
        (("--log-format", "xml"), {}, "--log-format (ASSISTANTS_LOG_FORMAT): expected plain or"),
        (("--log-level", "loud"), {}, "--log-level (ASSISTANTS_LOG_LEVEL): expected debug or"),
        ((), {"ASSISTANTS_LOG_FORMAT": "xml"}, "$ASSISTANTS_LOG_FORMAT: expected plain or json"),
    ],
)
def test_what_is_no_format_or_level(
    command: Callable[..., Any], arguments: tuple[str, ...], variables: dict[str, str], named: str
) -> None:
    """The option or the variable is named, and nothing is served."""
    ended = command("serve", *arguments, **variables)

    assert ended.returncode == 2
    assert named in ended.stderr


def requested(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """The records of requests."""
    return [record for record in caplog.records if record.name == "assistants_client.access"]


def test_a_path_cannot_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Line ends in it are escaped, and so are those in an id that it holds."""
    caplog.set_level(logging.INFO, "assistants_client.access")
    with Engine("sqlite://") as engine, on_a_port(engine) as url:
        requests.get(f"{url}/v1/threads/x%0AERROR:%20forged", timeout=WITHIN)
        until(lambda: requested(caplog))
    (record,) = requested(caplog)
    LogIds().filter(record)

    assert record.getMessage().startswith("GET /v1/threads/x%0AERROR:%20forged 404 ")
    assert JsonFormatter().format(record).count("\n") == 0
    assert json.loads(JsonFormatter().format(record))["thread_id"] == "x\nERROR: forged"


def test_a_traceback_is_one_line_of_json() -> None:
    """In a field of its own; also what is not from this package is an object."""
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        error = sys.exc_info()
    record = logging.makeLogRecord(
        {"name": "other", "levelname": "ERROR", "msg": "It %s", "args": ("broke",)}
    )
    record.exc_info = error
    line = JsonFormatter().format(record)

    assert "\n" not in line
    document = json.loads(line)
    assert document["message"] == "It broke"
    assert document["exception"].startswith("Traceback")
    assert document["exception"].endswith("ValueError: first\nsecond")
    assert "run_id" not in document


def test_a_program_with_a_log_of_its_own() -> None:
    """The filter gives its handlers the ids, also one that writes in another thread."""
    model = Scripted([ValueError("no")])
    records: queue.Queue[Any] = queue.Queue()
    handler = QueueHandler(records)
    handler.addFilter(LogIds())
    logger = logging.getLogger("assistants_client")
    logger.addHandler(handler)
    try:
        with Engine("sqlite://", model) as engine, Client(engine=engine) as client:
            assistant = client.assistants.create(model="m")
            run = client.runs.create_thread_and_run(
                assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Hi"}]}
            )
            client.wait_for_run(run, check=False)
    finally:
        logger.removeHandler(handler)
    found = [records.get_nowait() for _ in range(records.qsize())]

    assert found
    assert {record.run_id for record in found} == {run.id}
    assert {record.thread_id for record in found} == {run.thread_id}
    assert all(record.request_id.startswith("req_") for record in found)


def test_what_waits_is_logged_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    """Of runs that no worker is free for, the second one has one before it."""
    caplog.set_level(logging.INFO, "assistants_client")
    gate = Gate()
    with Engine("sqlite://", Scripted([gate] * 3), workers=1) as engine, on_a_port(engine) as url:
        first, second, third = (ask(url).json() for _ in range(3))
        gate.is_open.set()
        for run in (first, second, third):
            assert settled(url, run)["status"] == "completed"
    waits = [one for one in caplog.records if "before it" in one.getMessage()]

    assert [one.getMessage() for one in waits] == [
        f"Run {run['id']} is queued, and {number} before it: "
        "all workers of this process are busy (1)"
        for number, run in enumerate((second, third))
    ]
    assert [one.__dict__["run_id"] for one in waits] == [second["id"], third["id"]]


def test_probes_and_calls_within_the_process_are_details(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They come every few seconds, or many times a second: their lines are for debugging."""
    caplog.set_level(logging.DEBUG, "assistants_client.access")
    with Engine("sqlite://") as engine, on_a_port(engine) as url, Client(engine=engine) as client:
        client.threads.create()
        for path in ("healthz", "readyz"):
            requests.get(f"{url}/{path}", timeout=WITHIN)
        requests.get(f"{url}/v1/assistants", timeout=WITHIN)
        until(lambda: len(requested(caplog)) == 4)
    levels = {one.__dict__["path"]: one.levelname for one in requested(caplog)}

    assert levels == {
        "/v1/threads": "DEBUG",
        "/healthz": "DEBUG",
        "/readyz": "DEBUG",
        "/v1/assistants": "INFO",
    }


@POSIX
@pytest.mark.parametrize("form", ["plain", "json"])
def test_an_access_log_at_any_level(command: Callable[..., Any], tmp_path: Path, form: str) -> None:
    """With the bytes that were sent, and the name of a stored token."""
    database = f"sqlite:///{tmp_path / 'kept.db'}"
    token = command("tokens", "add", "shop", "--database", database).stdout.strip()
    options = ("--database", database, "--access-log", "--log-format", form)
    with served(tmp_path, *options) as running:
        headers = {"Authorization": f"Bearer {token}"}
        response = requests.get(f"{running.base_url}/threads", headers=headers, timeout=WITHIN)
        refused = requests.get(f"{running.base_url}/threads", timeout=WITHIN)
        until(lambda: refused.headers["x-request-id"] in running.output)
        running.stop()
    assert token not in running.output
    if form == "json":
        listed, unknown = (line for line in lines_after(running.output) if "path" in line)
        assert (listed["token"], listed["bytes"]) == ("shop", len(response.content))
        assert "token" not in unknown
        assert unknown["bytes"] == len(refused.content)
        return
    (line,) = [one for one in running.output.splitlines() if "/v1/threads 200" in one]
    assert f" {len(response.content)} bytes token shop [request_id=" in line
