"""The engine under gunicorn: stopped with much under way, and counted over its processes."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest
import requests
from gunicorn_kit import ROOT, gunicorn
from model_server import model_server

from assistants_client import Client, StreamInterruptedError
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.engine import CLOSE_SECONDS

APPLICATION = "assistants_client.engine.wsgi:application"
HOOKS = ("--config", "python:assistants_client.engine.gunicorn")
#: Settings are read before gunicorn's own option for it is.
PATH = {"PYTHONPATH": str(ROOT)}
STREAMS, QUEUED = 6, 6
#: Seconds beyond those that closing waits for runs, on a busy machine; gunicorn kills after 30.
PROMPTLY = 15


@pytest.fixture(autouse=True)
def _is_installed() -> None:
    pytest.importorskip("gunicorn", reason="gunicorn is not installed")


def slow_thread() -> dict[str, object]:
    """A thread with a question whose answer takes a minute."""
    return {"messages": [{"role": "user", "content": "Speak slowly"}]}


def test_stopped_with_streams_and_runs_it_hands_them_back(tmp_path: Path) -> None:
    """The streams break off within seconds, all runs are queued, and the next process ends them."""
    ends: list[Exception | None] = []
    begun = threading.Semaphore(0)

    def read(client: Client, assistant: str) -> None:
        end: Exception | None = None
        try:
            with client.runs.stream_thread_and_run(
                assistant_id=assistant, thread=slow_thread(), resume=False
            ) as stream:
                next(stream)
                begun.release()
                for _ in stream:
                    pass
        except Exception as error:
            end = error
        ends.append(end)

    url = f"sqlite:///{tmp_path / 'assistants.db'}"
    with model_server() as model_url:
        variables = {
            **PATH,
            "ASSISTANTS_MODEL_URL": model_url,
            "ASSISTANTS_DATABASE_URL": url,
            "ASSISTANTS_WORKERS": "4",
        }
        options = ("--workers", "2", "--threads", "16", *HOOKS)
        with (
            gunicorn(APPLICATION, tmp_path, *options, **variables) as serving,
            Client(f"http://127.0.0.1:{serving.port}/v1", retries=0) as client,
        ):
            assistant = client.assistants.create(model="m").id
            readers = [
                threading.Thread(target=read, args=(client, assistant)) for _ in range(STREAMS)
            ]
            for reader in readers:
                reader.start()
            for _ in readers:
                assert begun.acquire(timeout=30)
            for _ in range(QUEUED):
                client.runs.create_thread_and_run(assistant_id=assistant, thread=slow_thread())
            asked = time.monotonic()
            serving.process.terminate()
            status = serving.process.wait(30)
            took = time.monotonic() - asked
            for reader in readers:
                reader.join(30)
        log = serving.log.read_text()

    assert status == 0
    assert took < CLOSE_SECONDS + PROMPTLY
    assert {type(end) for end in ends} == {StreamInterruptedError}
    assert [word for word in ("Traceback", "SIGKILL", "[ERROR]") if word in log] == [], log
    with sqlite3.connect(tmp_path / "assistants.db") as database:
        found = database.execute("SELECT id, thread_id, status, owner FROM runs").fetchall()
    database.close()
    assert [(status, owner) for _, _, status, owner in found] == [("queued", None)] * len(found)
    assert len(found) == STREAMS + QUEUED
    with Engine(url, Scripted(["Done."] * len(found))) as engine, Client(engine=engine) as client:
        for run_id, thread_id, _, _ in found:
            client.wait_for_run(run_id=run_id, thread_id=thread_id)
            texts = [message.text for message in client.messages.list(thread_id, order="asc")]
            assert texts == ["Speak slowly", "Done."]


def test_stopped_with_nothing_under_way_it_ends_at_once(tmp_path: Path) -> None:
    """Also quickly, by SIGINT, as from a terminal."""
    with gunicorn(APPLICATION, tmp_path, "--threads", "4", *HOOKS, **PATH) as serving:
        url = f"http://127.0.0.1:{serving.port}"
        assert requests.get(f"{url}/readyz", timeout=30).status_code == 200
        serving.process.terminate()
        assert serving.process.wait(30) == 0

    assert "Traceback" not in serving.log.read_text()


def test_metrics_of_all_processes_are_one(tmp_path: Path) -> None:
    """Whichever is asked, where they share a folder: each request is counted once."""
    pytest.importorskip("prometheus_client", reason="prometheus-client is not installed")
    from prometheus_client.parser import text_string_to_metric_families

    shared = tmp_path / "shared"
    shared.mkdir()
    variables = {**PATH, "ASSISTANTS_METRICS": "1", "PROMETHEUS_MULTIPROC_DIR": str(shared)}
    options = ("--workers", "3", "--threads", "4", *HOOKS)

    def counted(url: str) -> float:
        text = requests.get(f"{url}/metrics", timeout=30).text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "assistants_http_requests_total"
            and sample.labels["route"] == "/threads"
        )

    with gunicorn(APPLICATION, tmp_path, *options, **variables) as serving:
        url = f"http://127.0.0.1:{serving.port}"
        for _ in range(40):
            assert requests.post(f"{url}/v1/threads", timeout=30).status_code == 200
        until = time.monotonic() + 30
        while counted(url) != 40 and time.monotonic() < until:
            time.sleep(0.05)
        found = {counted(url) for _ in range(10)}
        processes = len(list(shared.glob("counter_*.db")))
        text = requests.get(f"{url}/metrics", timeout=30).text

    assert found == {40}
    assert processes > 1
    assert text.count("\nassistants_oldest_queued_run_seconds ") == 1
