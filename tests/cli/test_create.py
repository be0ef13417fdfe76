"""``assistants create``: one assistant for many processes, made once and found again."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import pytest
from served_process import environment, served

from assistants_client import Client, CodeInterpreterTool, FileSearchTool
from assistants_client.cli import create
from assistants_client.engine import Engine, Scripted

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


def test_commands_at_the_same_moment_print_the_same_id(tmp_path: Path) -> None:
    """As when several machines are deployed at once; one assistant is left."""
    with served(tmp_path) as server:
        arguments = [sys.executable, "-m", "assistants_client", "create", "--name", "Guide"]
        commands = [
            subprocess.Popen(
                [*arguments, "--base-url", server.base_url],
                cwd=tmp_path,
                env=environment(tmp_path),
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        printed = [one.communicate(timeout=60)[0].strip() for one in commands]
        left = [one.id for one in Client(server.base_url).assistants.list()]

    assert [one.returncode for one in commands] == [0] * 3
    assert set(printed) == set(left)
    assert len(left) == 1


def test_of_several_that_are_created_the_oldest_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each finds none, creates one, and looks again."""
    both = threading.Barrier(2, timeout=30)
    listed = create._named

    def at_once(client: Client, name: str) -> list[str]:
        found = listed(client, name)
        both.wait()
        return found

    monkeypatch.setattr(create, "_named", at_once)
    with Client(engine=Engine("sqlite:///:memory:", model=Scripted([]))) as client:

        def command(_: int) -> str:
            return create.create_once(
                client, "Guide", model=None, default_model="m", instructions=None, tools=None
            )

        with ThreadPoolExecutor(2) as threads:
            printed = set(threads.map(command, range(2)))
        assert printed == {one.id for one in client.assistants.list()}
        assert len(printed) == 1


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
