"""``assistants worker``: what it refuses, and that it says why; tests/distributed has its work."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]

REDIS = "redis://:secret@127.0.0.1:1/0"
needs_celery = pytest.mark.skipif(
    find_spec("celery") is None or find_spec("redis") is None,
    reason="celery or redis is not installed",
)


@pytest.mark.parametrize(
    ("options", "variables", "status", "words"),
    [
        ([], {}, 2, "broker: there is none"),
        pytest.param(
            ["--broker", REDIS, "--database", "sqlite://"],
            {},
            4,
            "one in memory is this process's",
            marks=needs_celery,
        ),
        (["--broker", REDIS, "--workers", "none"], {}, 2, "--workers"),
        (["--executor", "celery"], {}, 2, "broker: there is none"),
        ([], {"ASSISTANTS_EXECUTOR": "celery"}, 2, "broker: there is none"),
        (["--executor", "threads"], {}, 2, "'threads' is none of a worker: it takes the tasks of"),
        (["--broker", REDIS, "--model-url", "nowhere"], {}, 5, "--model-url"),
        pytest.param(
            ["--broker", REDIS],
            {"ASSISTANTS_CODE_INTERPRETER": "none"},
            7,
            "CODE_INTERPRETER",
            marks=needs_celery,
        ),
    ],
)
def test_what_cannot_be_used_is_named(
    command: Command, options: list[str], variables: dict[str, str], status: int, words: str
) -> None:
    """On one line, with the status that ``serve`` has for it, and without the password."""
    done = command("worker", *options, **variables)
    assert done.returncode == status
    assert words in done.stderr.splitlines()[-1]
    assert "secret" not in done.stderr
    assert done.stdout == ""


@needs_celery
def test_a_database_that_cannot_be_opened(command: Command, tmp_path: Path) -> None:
    """Before any task is taken."""
    done = command("worker", "--broker", REDIS, "--database", f"{tmp_path}/missing/a.db")
    assert done.returncode == 4
    assert "missing does not exist" in done.stderr


@pytest.mark.parametrize("options", [("worker",), ("serve", "--executor", "celery", "--port", "0")])
def test_a_missing_extra(
    command: Command, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "celery", None)
    for name in ("celery_tasks", "celery_consumer"):
        monkeypatch.delitem(sys.modules, f"assistants_client.engine.worker.{name}", raising=False)
    done = command(*options, "--broker", REDIS)
    assert done.returncode == 6
    assert 'pip install "assistants-client[celery]"' in done.stderr


@pytest.mark.parametrize(
    ("options", "variables", "status", "words"),
    [
        (["--executor", "cellery"], {}, 2, "--executor (ASSISTANTS_EXECUTOR): expected 'threads'"),
        ([], {"ASSISTANTS_EXECUTOR": "cellery"}, 2, "$ASSISTANTS_EXECUTOR: expected 'threads'"),
        (["--executor", "celery"], {}, 2, "broker: there is none"),
        pytest.param(
            ["--executor", "celery", "--broker", REDIS, "--database", "sqlite://"],
            {},
            4,
            "one in memory is this process's",
            marks=needs_celery,
        ),
    ],
)
def test_a_server_without_workers(
    command: Command, options: list[str], variables: dict[str, str], status: int, words: str
) -> None:
    """``assistants serve`` refuses what no worker could ever share."""
    done = command("serve", "--port", "0", *options, **variables)
    assert done.returncode == status
    assert words in done.stderr
    assert "secret" not in done.stderr
