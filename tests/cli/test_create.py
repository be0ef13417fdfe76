"""``assistants create``: one assistant for many processes, made once and found again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from assistants_client import Client, CodeInterpreterTool, FileSearchTool
from assistants_client.engine import Engine

Ended: TypeAlias = subprocess.CompletedProcess[str]


def test_an_assistant_is_created_once(command: Callable[..., Ended], tmp_path: Path) -> None:
    """The id alone is printed; the second time it is the same, and what was given is changed."""
    database = {"ASSISTANTS_DATABASE_URL": f"sqlite:///{tmp_path / 'made.db'}"}
    given = ("--instructions", "Be brief.", "--tool", "code_interpreter")
    first = command("create", "--name", "Guide", *given, **database)
    again = command("create", "--name", "Guide", **database)
    changed = command("create", "--name", "Guide", "--model", "m", **database)
    other = command("create", "--name", "Other", "--tool", "file_search", **database)

    assert [done.returncode for done in (first, again, changed, other)] == [0] * 4
    assert first.stdout == again.stdout == changed.stdout
    with Client(engine=Engine(database["ASSISTANTS_DATABASE_URL"])) as client:
        guide, last = client.assistants.list(order="asc")
    assert (guide.id, guide.name, guide.model) == (first.stdout.strip(), "Guide", "m")
    assert (guide.instructions, guide.tools) == ("Be brief.", [CodeInterpreterTool()])
    assert (last.id, last.model) == (other.stdout.strip(), "gpt-4o")
    assert [type(tool) for tool in last.tools] == [FileSearchTool]


def test_of_several_assistants_of_a_name_none_is_chosen(
    command: Callable[..., Ended], tmp_path: Path
) -> None:
    """They are named, so that those too many can be deleted."""
    url = f"sqlite:///{tmp_path / 'made.db'}"
    with Client(engine=Engine(url)) as client:
        ids = [client.assistants.create(model="m", name="Guide").id for _ in range(2)]
    done = command("create", "--name", "Guide", ASSISTANTS_DATABASE_URL=url)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("assistants create: there are 2 assistants of the name 'Guide': ")
    assert all(id_ in done.stderr for id_ in ids)


def test_a_name_is_needed(command: Callable[..., Ended]) -> None:
    """And a tool must be one of the service's."""
    nameless, wrong = (
        command("create"),
        command("create", "--name", "x", "--tool", "code-interpreter"),
    )

    assert (nameless.returncode, wrong.returncode) == (2, 2)
    assert "--name" in nameless.stderr.splitlines()[-1]
    assert wrong.stderr.endswith("; did you mean code_interpreter?\n")
