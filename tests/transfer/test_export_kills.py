"""Exports that are killed at any moment and called again: the bytes are those of one that was not.

And memory: it does not grow with what is exported.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from protocol_servers import ProtocolServer, World
from thorough import amount

from assistants_client import Client
from assistants_client.transfer import export
from assistants_client.transfer.archive import file_path, files_folder

ROOT = Path(__file__).parents[2]

#: Prints, in bytes, how much the process had in memory at most.
_EXPORT = r"""
import re, sys
from assistants_client import Client
from assistants_client.transfer import export
with Client(sys.argv[1], api_key="k") as client:
    export(client, sys.argv[2])
# What ``resource`` says begins with the most that the parent ever had.
print(1024 * int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]))
"""


def started(url, path):
    """A process that exports."""
    return subprocess.Popen(
        [sys.executable, "-c", _EXPORT, url, path],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_kills_change_nothing(tmp_path):
    """Killed within some request, again and again, and then let alone."""
    world = World(threads=40, messages=120)
    chance = random.Random(20)
    path = tmp_path / "a.ndjson"
    with ProtocolServer(world) as server:
        with Client(server.url, api_key="k") as client:
            export(client, tmp_path / "whole.ndjson")
        for _ in range(amount(10, 50)):
            server.requests.clear()
            victim = chance.randrange(1, 60)
            process = started(server.url, path)

            def interferes(number, asked, victim=victim, process=process):
                if number == victim:
                    os.kill(process.pid, signal.SIGKILL)

            server.interferes = interferes
            _, complaint = process.communicate(timeout=60)
            if process.returncode == 0:  # it had less to do: it begins anew
                assert path.read_bytes() == (tmp_path / "whole.ndjson").read_bytes()
                continue
            assert process.returncode == -signal.SIGKILL, complaint
        server.interferes = lambda number, asked: None
        process = started(server.url, path)
        _, complaint = process.communicate(timeout=60)
        assert process.returncode == 0, complaint
    assert path.read_bytes() == (tmp_path / "whole.ndjson").read_bytes()
    assert not (tmp_path / "a.ndjson.part").exists()
    for id_, content in world.contents.items():
        assert file_path(files_folder(path), id_).read_bytes() == content


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read in /proc")
def test_memory_does_not_grow_with_what_is_exported(tmp_path):
    """Twenty times the messages take no more than a few megabytes more."""
    most = []
    for messages in (50, 1000):
        with ProtocolServer(World(threads=20, messages=messages)) as server:
            process = started(server.url, tmp_path / f"{messages}.ndjson")
            said, complaint = process.communicate(timeout=120)
            assert process.returncode == 0, complaint
            most.append(int(said))
    assert most[1] - most[0] < 24 * 1024 * 1024
    assert most[1] < 150 * 1024 * 1024
