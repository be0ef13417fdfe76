"""``/metrics``: what happens to runs, models and requests, as Prometheus reads it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import requests
from databases import fresh
from service_kit import WITHIN, Gate, ask, on_a_port, settled, until

from assistants_client.engine import (
    ChatCompletions,
    Engine,
    LanguageModelError,
    Scripted,
    TokenUsage,
)
from assistants_client.engine.observability import metrics as measured
from assistants_client.engine.services._base import Context
from assistants_client.engine.services.tokens import Tokens
from assistants_client.engine.storage.database import Database
from assistants_client.errors import ConfigurationError

#: A value by the name of its sample and by its labels.
Values: TypeAlias = dict[tuple[str, frozenset[tuple[str, str]]], float]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def _is_installed() -> None:
    pytest.importorskip("prometheus_client", reason="prometheus-client is not installed")


def scrape(url: str, **headers: str) -> Values:
    """All samples, read by Prometheus' own parser."""
    from prometheus_client.parser import text_string_to_metric_families

    response = requests.get(f"{url}/metrics", headers=headers, timeout=WITHIN)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def value(values: Values, name: str, **labels: str) -> float | None:
    """The value of one sample; ``None`` where there is none."""
    return values.get((f"assistants_{name}", frozenset(labels.items())))


USED = TokenUsage(prompt_tokens=100, completion_tokens=10)


@pytest.mark.usefixtures("_is_installed")
def test_runs_tokens_and_errors_are_counted() -> None:
    """By status, model and kind; each end, each token and each failed answer once."""
    throttled = LanguageModelError("busy", code="rate_limit_exceeded")
    script = [["One", USED], ["Two", USED], throttled, ValueError("mistake")]
    engine = Engine(fresh("sqlite://"), Scripted(script), metrics=True)
    with engine, on_a_port(engine) as url:
        ended = [settled(url, ask(url, model=f"m{n}").json()) for n in range(4)]
        found: Values = {}

        def is_counted() -> bool:
            found.clear()
            found.update(scrape(url))
            return value(found, "workers_busy") == 0

        until(is_counted)

    assert [run["status"] for run in ended] == ["completed", "completed", "failed", "failed"]
    assert value(found, "runs_ended_total", status="completed") == 2
    assert value(found, "runs_ended_total", status="failed") == 2
    assert value(found, "model_tokens_total", model="m0", kind="prompt") == 100
    assert value(found, "model_tokens_total", model="m1", kind="completion") == 10
    assert value(found, "model_tokens_total", model="m2", kind="prompt") is None
    assert value(found, "model_errors_total", kind="rate_limit_exceeded") == 1
    assert value(found, "model_errors_total", kind="ValueError") == 1
    assert value(found, "run_seconds_count", status="completed") == 2
    assert value(found, "run_queue_seconds_count") == 4
    assert value(found, "model_answer_seconds_count", model="m0") == 1
    assert value(found, "model_answer_seconds_count", model="m2") is None
    assert value(found, "model_first_token_seconds_count", model="m0") == 1
    assert value(found, "runs", status="queued") == 0
    assert value(found, "oldest_queued_run_seconds") == 0
    place = {"method": "POST", "route": "/threads/runs"}
    assert value(found, "http_requests_total", **place, status="200") == 4
    assert value(found, "http_request_seconds_count", **place) == 4


@pytest.mark.usefixtures("_is_installed")
def test_what_waits_and_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers, streams, what waits for a worker, and the runs in the database by their status."""
    monkeypatch.setattr(measured, "FRESH_SECONDS", 0.0)
    gate = Gate()
    engine = Engine(fresh("sqlite://"), Scripted([gate] * 5), workers=2, metrics=True)
    with engine, on_a_port(engine) as url:
        stream = ask(url, stream=True)
        runs = [ask(url).json() for _ in range(4)]
        gate.await_asked(2)
        busy = scrape(url)
        gate.is_open.set()
        assert b"thread.run.completed" in stream.content
        for run in runs:
            settled(url, run)
        until(lambda: value(scrape(url), "open_streams") == 0)
        until(lambda: value(scrape(url), "workers_busy") == 0)
        done = scrape(url)

    assert value(busy, "workers_busy") == 2
    assert value(busy, "open_streams") == 1
    assert value(busy, "runs_waiting") == 3
    assert value(busy, "runs", status="in_progress") == 2
    assert value(busy, "runs", status="queued") == 3
    assert (value(busy, "oldest_queued_run_seconds") or 0) >= 0
    assert value(done, "runs_waiting") == 0
    assert value(done, "runs", status="in_progress") == 0
    assert value(done, "runs_ended_total", status="completed") == 5


@pytest.mark.usefixtures("_is_installed")
def test_a_run_that_waits_for_its_caller(clean_environment: None) -> None:
    """Is counted as that, once for each time that a worker had it; it has not ended."""
    from assistants_client.engine import call

    function = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    script = [[call("f"), USED], ["Done.", USED]]
    with Engine("sqlite://", Scripted(script), metrics=True) as engine, on_a_port(engine) as url:
        run = settled(url, ask(url, tools=[function]).json())
        assert run["status"] == "requires_action"
        until(lambda: value(scrape(url), "run_seconds_count", status="requires_action") == 1)
        assert value(scrape(url), "runs_ended_total", status="requires_action") is None
        path = f"{url}/v1/threads/{run['thread_id']}/runs/{run['id']}/submit_tool_outputs"
        calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
        outputs = [{"tool_call_id": one["id"], "output": "1"} for one in calls]
        requests.post(path, json={"tool_outputs": outputs}, timeout=WITHIN)
        assert settled(url, run)["status"] == "completed"
        until(lambda: value(scrape(url), "run_seconds_count", status="completed") == 1)
        found = scrape(url)

    assert value(found, "runs_ended_total", status="completed") == 1
    assert value(found, "model_tokens_total", model="m", kind="prompt") == 200


@pytest.mark.usefixtures("_is_installed")
def test_the_token_is_asked_for() -> None:
    """Tokens and routes are nobody's business who may not use the engine."""
    with Engine("sqlite://", token="right", metrics=True) as engine, on_a_port(engine) as url:
        assert requests.get(f"{url}/metrics", timeout=WITHIN).status_code == 401
        assert scrape(url, Authorization="Bearer right")


@pytest.mark.usefixtures("_is_installed")
def test_an_isolated_token_sees_no_metrics(tmp_path: Path) -> None:
    """They count what is everybody's."""
    database = f"sqlite:///{tmp_path}/a.db"
    with Engine(database, metrics=True) as engine, on_a_port(engine) as url:
        engine.open()
        with closing(Database(database)) as same:
            tokens = Tokens(Context(database=same))
            own, all_of_them = tokens.add("own", is_isolated=True), tokens.add("all")

        refused = requests.get(f"{url}/metrics", headers={"api-key": own}, timeout=WITHIN)
        assert refused.status_code == 403
        assert scrape(url, Authorization=f"Bearer {all_of_them}")


def test_without_the_option_there_are_none(clean_environment: None) -> None:
    """The path is as unknown as any other."""
    with Engine("sqlite://") as engine, on_a_port(engine) as url:
        response = requests.get(f"{url}/metrics", timeout=WITHIN)

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "unknown_url"


@pytest.mark.usefixtures("_is_installed")
def test_unknown_paths_and_methods_make_no_series() -> None:
    """Whoever sends many of them does not fill the memory."""
    with Engine("sqlite://", metrics=True) as engine, on_a_port(engine) as url:
        for number in range(20):
            requests.get(f"{url}/v1/nowhere/{number}", timeout=WITHIN)
            requests.request(f"ODD{number}", f"{url}/v1/threads", timeout=WITHIN)
            requests.get(f"{url}/v1/threads/thread_{number}", timeout=WITHIN)
        found: Values = {}

        def is_counted() -> bool:
            found.clear()
            found.update(scrape(url))
            counted = {k: v for k, v in found.items() if k[0] == "assistants_http_requests_total"}
            return sum(counted.values()) >= 60

        until(is_counted)

    labels = [dict(key[1]) for key in found if key[0] == "assistants_http_requests_total"]
    assert {one["route"] for one in labels} <= {"", "/threads/<thread_id>", "/metrics"}
    assert {one["method"] for one in labels} == {"GET", "other"}
    assert (
        value(
            found, "http_requests_total", method="GET", route="/threads/<thread_id>", status="404"
        )
        == 20
    )


@pytest.mark.usefixtures("_is_installed")
def test_names_of_models_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers may name any; beyond some they are counted together."""
    monkeypatch.setattr(measured, "MOST_MODELS", 2)
    with (
        Engine("sqlite://", Scripted([["Hi", USED]] * 4), metrics=True) as engine,
        on_a_port(engine) as url,
    ):
        for number in range(4):
            settled(url, ask(url, model=f"m{number}").json())
        until(lambda: value(scrape(url), "workers_busy") == 0)
        found = scrape(url)

    names = {dict(key[1])["model"] for key in found if key[0] == "assistants_model_tokens_total"}
    assert names == {"m0", "m1", "other"}
    assert value(found, "model_tokens_total", model="other", kind="prompt") == 200


@pytest.mark.usefixtures("_is_installed")
def test_the_model_is_the_one_that_was_asked(
    serve: Callable[..., Any], http_answer: Callable[..., bytes]
) -> None:
    """Not the retired one that a run names."""
    message = {"role": "assistant", "content": "Hi"}
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    server = serve(http_answer({"choices": choices, "usage": usage}))
    model = ChatCompletions(server.url, model_map={"old": "new"})
    with Engine("sqlite://", model, metrics=True) as engine, on_a_port(engine) as url:
        assert settled(url, ask(url, model="old").json())["status"] == "completed"
        until(lambda: value(scrape(url), "workers_busy") == 0)
        found = scrape(url)

    assert value(found, "model_tokens_total", model="new", kind="completion") == 5
    assert value(found, "model_tokens_total", model="old", kind="completion") is None


@pytest.mark.usefixtures("_is_installed")
def test_a_database_out_of_use_fails_no_scrape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is counted in the process is there, what is read from the database is not."""
    monkeypatch.setattr(measured, "FRESH_SECONDS", 0.0)
    path = tmp_path / "assistants.db"
    with Engine(f"sqlite:///{path}", metrics=True) as engine, on_a_port(engine) as url:
        requests.get(f"{url}/v1/assistants", timeout=WITHIN)
        assert value(scrape(url), "runs", status="queued") == 0
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("ALTER TABLE runs RENAME TO gone")
            found = scrape(url)
            other.execute("ALTER TABLE gone RENAME TO runs")
        assert value(scrape(url), "runs", status="queued") == 0

    assert value(found, "runs", status="queued") is None
    assert value(found, "workers_busy") == 0


def test_without_the_package_it_is_named(
    monkeypatch: pytest.MonkeyPatch, command: Callable[..., Any]
) -> None:
    """With the way to install it, in the program and on the command line."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    with pytest.raises(ConfigurationError, match=r"^metrics: .*assistants-client\[metrics\]"):
        Engine("sqlite://", metrics=True)
    ended = command("serve", "--port", "0", "--metrics")
    assert ended.returncode == 6
    assert "--metrics (ASSISTANTS_METRICS): prometheus-client is not installed" in ended.stderr
    ended = command("serve", "--port", "0", ASSISTANTS_METRICS="perhaps")
    assert ended.returncode == 2
    assert "$ASSISTANTS_METRICS: 'perhaps' is not 1 or 0" in ended.stderr


def test_what_is_not_asked_for_is_not_imported() -> None:
    """A run without metrics and traces loads neither library."""
    program = """
from assistants_client import Client
from assistants_client.engine import Engine, Scripted
import sys

with Client(engine=Engine("sqlite://", Scripted(["Hi"]))) as client:
    assistant = client.assistants.create(model="m")
    run = client.runs.create_thread_and_run(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Hello"}]}
    )
    client.wait_for_run(run)
print(*[name for name in sys.modules if name.startswith(("prometheus", "opentelemetry"))])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False
    )

    assert done.stderr == ""
    assert done.stdout.strip() == ""
