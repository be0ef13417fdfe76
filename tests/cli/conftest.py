"""The command in this process."""

from __future__ import annotations

import io
import logging
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistants_client.cli import main

#: Loggers that the command sets.
LOGGERS = ("assistants_client.engine.environment", "assistants_client.engine.runner", "urllib3")


@pytest.fixture
def command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    clean_environment: None,
) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Runs it to its end in this process, which is quicker than in one of its own.

    Given are its arguments, and variables as keywords. Nothing is typed.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr(os, "environ", os.environ.copy())
    levels = [(logger, logger.level) for logger in map(logging.getLogger, LOGGERS)]

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        os.environ.update(variables)
        try:
            status = main(arguments)
        except SystemExit as left:
            status = left.code if isinstance(left.code, int) else 1
        told = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, status, told.out, told.err)

    yield run
    for logger, level in levels:
        logger.setLevel(level)
