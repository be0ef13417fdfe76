"""The columns of other clients in ``examples/migration.rst``: their calls are real and complete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from clients_kit import HERE, interpreter, told
from migration_calls import MIGRATION, cells


@pytest.mark.parametrize(
    ("client", "column"), [("openai", "openai-python"), ("azure", "azure-ai-agents")]
)
def test_calls_of_other_clients(client: str, column: str, tmp_path: Path) -> None:
    """Each call in the tables exists there and takes what it is given; no method is left out."""
    python = interpreter("CLIENTS_PYTHON", "the interpreter of tests/clients/requirements.txt")
    codes = cells(MIGRATION.read_text("utf-8"), column)
    program = [python, "-W", "ignore", str(HERE / "programs" / "migration_calls.py")]

    found = told([*program, client, json.dumps(codes)], tmp_path, "http://127.0.0.1:9/v1")

    assert len(codes) > 50
    assert found == {"wrong": {}, "missing": []}
