"""``/healthz`` and ``/readyz``: without a token, in time, whatever hangs; and no secret in them."""

from __future__ import annotations

import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import requests
from model_server import model_server
from served_process import served
from service_kit import WITHIN, Gate, ask, on_a_port, until

from assistants_client.engine import Engine, Scripted
from assistants_client.engine.engine import READY_SECONDS
from assistants_client.engine.observability.readiness import Readiness

#: Of the engine; more runs than that are under way in the test below.
WORKERS = 64


def probe(url: str, name: str) -> tuple[int, dict[str, object]]:
    """The status and the document of a probe."""
    response = requests.get(f"{url}/{name}", timeout=WITHIN)
    return response.status_code, response.json()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to end a process with")
def test_they_answer_while_all_workers_are_busy(tmp_path: Path) -> None:
    """No token is asked for there, though one is for all else."""
    headers = {"Authorization": "Bearer t"}
    with (
        model_server() as model_url,
        served(tmp_path, "--model-url", model_url, "--token", "t") as running,
    ):
        url = running.base_url.removesuffix("/v1")
        streams = [
            ask(url, "Speak slowly", headers=headers, stream=True) for _ in range(WORKERS + 6)
        ]
        try:
            assert probe(url, "healthz") == (200, {"status": "ok"})
            assert probe(url, "readyz") == (200, {"status": "ready"})
            assert requests.get(f"{url}/v1/assistants", timeout=WITHIN).status_code == 401
            assert requests.head(f"{url}/healthz", timeout=WITHIN).status_code == 200
            refused = requests.post(f"{url}/readyz", headers=headers, timeout=WITHIN)
            assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
        finally:
            for stream in streams:
                stream.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to end a process with")
def test_a_port_of_their_own_answers_while_the_server_stops(tmp_path: Path) -> None:
    """The process is not ready from the signal on, and lives until its runs are handed back."""
    with (
        model_server() as model_url,
        served(tmp_path, "--model-url", model_url, "--probes", "0") as running,
    ):
        until(lambda: re.search(r"probes   = (\S+)\n", running.output))
        (probes,) = re.findall(r"probes   = (\S+)\n", running.output)
        ask(running.base_url.removesuffix("/v1"), "Speak slowly")
        assert [probe(probes, name)[0] for name in ("healthz", "readyz")] == [200, 200]
        assert requests.get(f"{probes}/v1/assistants", timeout=WITHIN).status_code == 404
        rebound = requests.get(f"{probes}/readyz", headers={"Host": "page.example"}, timeout=WITHIN)
        assert rebound.status_code == 403
        running.process.send_signal(signal.SIGTERM)
        until(lambda: probe(probes, "readyz")[0] == 503)
        found = [probe(probes, "readyz")[1], probe(probes, "healthz")]
        status = running.process.wait(WITHIN)
        running.kill()

    assert found == [
        {"status": "not ready", "missing": {"engine": "is stopping"}},
        (200, {"status": "ok"}),
    ]
    assert status == 0
    assert "Traceback" not in running.output


def test_an_address_for_probes_that_cannot_be_used(
    command: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """It is named, by the option or the variable."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = command("serve", "--port", "0", "--probes", str(port), "--database", "sqlite://")
    assert ended.returncode == 3
    assert f"--probes 127.0.0.1:{port} cannot be listened on: Address already" in ended.stderr
    ended = command("serve", "--port", "0", ASSISTANTS_PROBES="host:name")
    assert ended.returncode == 2
    assert "$ASSISTANTS_PROBES: 'name' is not a port" in ended.stderr


def test_a_database_that_cannot_be_opened(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The process lives and is not ready; the path is in the log alone, and there once."""
    place = tmp_path / "missing" / "secret.db"
    with Engine(f"sqlite:///{place}") as engine, on_a_port(engine) as url:
        assert probe(url, "healthz") == (200, {"status": "ok"})
        first = probe(url, "readyz")
        time.sleep(1.1)  # what was found is good for a second
        second = probe(url, "readyz")
        place.parent.mkdir()
        until(lambda: probe(url, "readyz")[0] == 200)

    words = "cannot be used at the moment; the log says why"
    assert first == second == (503, {"status": "not ready", "missing": {"database": words}})
    told = [one.getMessage() for one in caplog.records if one.name.endswith(".readiness")]
    assert len(told) == 2
    assert "missing does not exist" in told[0]
    assert told[1] == "Ready again"


def test_a_database_that_another_program_keeps_locked(tmp_path: Path) -> None:
    """It is not waited for as long as by requests; when it is free again, the process is ready."""
    path = tmp_path / "assistants.db"
    with Engine(f"sqlite:///{path}") as engine, on_a_port(engine) as url:
        assert probe(url, "readyz")[0] == 200
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(1.1)
            status, document = probe(url, "readyz")
            assert status == 503
            assert set(document["missing"]) == {"database"}  # type: ignore[call-overload]
            other.execute("ROLLBACK")
        until(lambda: probe(url, "readyz")[0] == 200)


def test_a_database_server_that_never_answers() -> None:
    """It is given up in time, and its password is not in the response."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        engine = Engine(f"postgresql://user:secret@{place}/name?connect_timeout=5")
        with engine, on_a_port(engine) as url:
            for _ in range(2):
                response = requests.get(f"{url}/readyz", timeout=READY_SECONDS + WITHIN)
                assert response.status_code == 503
                assert response.json()["missing"] == {"database": "gives no answer within 2 s"}
                assert "secret" not in response.text


def test_an_engine_that_is_stopping() -> None:
    """While it waits for its runs it lives, and takes nothing more."""
    gate = Gate()
    engine = Engine("sqlite://", Scripted([gate]), close_seconds=WITHIN)
    with on_a_port(engine) as url:
        ask(url)
        gate.await_asked(1)
        closing_it = threading.Thread(target=engine.close)
        closing_it.start()
        until(lambda: probe(url, "readyz")[0] == 503)
        found = [probe(url, "readyz"), probe(url, "healthz")]
        gate.is_open.set()
        closing_it.join(WITHIN)

    assert found == [
        (503, {"status": "not ready", "missing": {"engine": "is stopping"}}),
        (200, {"status": "ok"}),
    ]


def test_a_check_that_hangs_holds_one_thread() -> None:
    """However often it is asked for; the others are told apart, each by its own words."""
    go_on = threading.Event()

    def hang() -> None:
        assert go_on.wait(WITHIN)

    def fail() -> None:
        raise ValueError("a secret")

    readiness = Readiness(seconds=0.05)
    checks = {"database": hang, "broker": fail, "disk": lambda: None}
    found = [readiness.missing(checks) for _ in range(3)]
    hanging = [thread for thread in threading.enumerate() if thread.name == "assistants-ready"]
    go_on.set()
    until(lambda: "database" not in readiness.missing(checks))

    assert (
        found
        == [
            {
                "database": "gives no answer within 0.05 s",
                "broker": "cannot be used at the moment; the log says why",
            }
        ]
        * 3
    )
    assert len(hanging) == 1
