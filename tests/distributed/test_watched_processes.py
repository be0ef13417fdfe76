"""A worker and a web process, watched by probes, metrics and log while their broker is gone."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from real_servers import RedisServer, require_package
from scripted_chat import ScriptedChat
from served_process import Launched, Served, Working

from assistants_client import Client

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")

PATIENCE = 30.0
NO_BROKER = {"broker": "cannot be used at the moment; the log says why"}


def readiness(url: str) -> tuple[int, dict[str, str] | None]:
    """The status, and what is missing."""
    response = requests.get(f"{url}/readyz", timeout=PATIENCE)
    return response.status_code, response.json().get("missing")


def until(holds: Callable[[], bool]) -> None:
    """Waits until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_broker_that_dies_is_named(
    tmp_path: Path, redis: RedisServer, chat: ScriptedChat
) -> None:
    """By both kinds of processes, until it is back; runs are made and processed all the same."""
    require_package("celery", "prometheus_client")
    watched = ("--probes", "0", "--log-format", "json", "--metrics")
    variables = {
        "ASSISTANTS_BROKER": redis.url,
        "ASSISTANTS_EXECUTOR": "celery",
        "ASSISTANTS_MODEL_URL": chat.url,
    }
    web: Launched = Served(tmp_path, *watched, **variables)
    worker: Launched = Working(tmp_path, *watched, "--executor", "celery", **variables)
    try:
        probes = [one.wait_for(r"probes   = (\S+)\n")[1] for one in (web, worker)]
        assert [readiness(url) for url in probes] == [(200, None)] * 2
        with Client(web.wait_for(r"base_url = (\S+)\n")[1], api_key="none") as client:
            assistant = client.assistants.create(model="m").id
            redis.kill()
            for url in probes:
                until(lambda url=url: readiness(url) == (200, NO_BROKER))  # type: ignore[misc]
                assert requests.get(f"{url}/healthz", timeout=PATIENCE).status_code == 200
            thread = {"messages": [{"role": "user", "content": "say|Hi"}]}
            run = client.runs.create_thread_and_run(assistant_id=assistant, thread=thread)
            assert client.wait_for_run(run, timeout=PATIENCE).status == "completed"
            redis.start()
            for url in probes:
                until(lambda url=url: readiness(url) == (200, None))  # type: ignore[misc]
        counted = 'assistants_runs_ended_total{status="completed"} 1.0'
        texts = [requests.get(f"{url}/metrics", timeout=PATIENCE).text for url in probes]
        assert [counted in text for text in texts] == [False, True], texts[1]
        assert [one.stop() for one in (web, worker)] == [0, 0]
    finally:
        web.kill()
        worker.kill()
    for output in (web.output, worker.output):
        logged = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        assert "Not ready: the broker cannot be used" in str(logged)
        # All else is what is said at the beginning and at the end.
        rest = [line for line in output.splitlines() if not line.startswith("{")]
        assert {line[:4] for line in rest} <= {"assi", "    ", "Stop"}


def test_metrics_that_nobody_would_see(tmp_path: Path) -> None:
    """A worker has no port but that of the probes, and says so."""
    require_package("celery", "prometheus_client")
    broker = "redis://127.0.0.1:1/0"
    worker = Working(tmp_path, ASSISTANTS_BROKER=broker, ASSISTANTS_METRICS="1")
    try:
        worker.wait_for("probes   = none, so that nobody sees the metrics: --probes PORT")
        assert worker.stop() == 0
    finally:
        worker.kill()
