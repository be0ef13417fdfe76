"""A process that is killed while it reads a file: the next one reads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from databases import fresh
from engine_store import Clock
from sqlalchemy import update
from store_bench import Bench

from assistants_client.engine import Engine, Scripted
from assistants_client.engine.services.worker_side import ingesting
from assistants_client.engine.services.worker_side.ingesting import MAX_TRIES
from assistants_client.engine.storage.tables import vector_store_files
from assistants_client.models.vector_stores import FileCounts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")

#: Reads one file of a store, then hangs over the second and is killed.
KILLED = """
import os, sys, threading, time
sys.path.insert(0, sys.argv[2])
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.worker import ingester as ingestion
from store_bench import Bench

bench = Bench(Engine(sys.argv[1], Scripted([]), workers=1))
store = bench.store(a_txt="The first walrus.")

hanging = threading.Event()

def hang(*args):
    hanging.set()
    time.sleep(60)

ingestion.extract = hang
for n in range(3):
    bench.client.vector_store_files.create(store.id, bench.upload(f"Another walrus {n}"))
hanging.wait(30)
os.write(1, (store.id + "\\n").encode())
time.sleep(60)
"""


#: Puts some passages of a file into a store, then hangs and is killed.
KILLED_BETWEEN = """
import os, sys, threading, time
sys.path.insert(0, sys.argv[2])
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.services import _passages
from assistants_client.engine.services.worker_side import ingesting
from store_bench import Bench

hanging = threading.Event()

def one_piece(context, piece):
    piece()
    hanging.set()
    time.sleep(60)

_passages._AT_ONCE = 1
ingesting.in_pieces = one_piece
bench = Bench(Engine(sys.argv[1], Scripted([])))
store = bench.client.vector_stores.create(file_ids=[bench.upload("walrus " * 2000)])
hanging.wait(30)
os.write(1, (store.id + "\\n").encode())
time.sleep(60)
"""


def killed(url: str, folder: Path, script: str = KILLED) -> str:
    """The store that was being filled; the folder is where the process had its temporary files."""
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", script, url, here]
    env = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        store = process.stdout.readline().strip()
        process.kill()
    return store


def test_what_was_being_read_is_read_by_the_next_process(tmp_path: Path) -> None:
    """After ``kill -9`` nothing stays in progress, and nothing is lost or there twice."""
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    store = killed(url, temporary)

    assert list(temporary.iterdir()) == []  # no copy of the file that it was reading
    with Engine(url, Scripted([])) as engine:
        bench = Bench(engine)
        assert bench.settled(store).file_counts == FileCounts(completed=4, total=4)
        assert len(bench.found(store, "walrus")) == 4


def test_a_file_that_was_being_put_in_is_there_once(tmp_path: Path) -> None:
    """Passages that a killed process has stored are not found, and go before others come."""
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    store = killed(url, tmp_path, KILLED_BETWEEN)
    with Engine(url, Scripted([])) as engine:
        bench = Bench(engine)
        assert bench.settled(store).file_counts == FileCounts(completed=1, total=1)
        [held] = bench.client.vector_store_files.list(store)
        parts = bench.client.vector_store_files.content(store, held.id).data
        assert "".join(part.text for part in parts) == "walrus " * 2000


def test_another_process_takes_over_when_it_looks(tmp_path: Path, clock: Clock) -> None:
    """Whoever reads a store's state sees to what a dead process has left."""
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    with Engine(url, Scripted([]), clock=clock) as engine:
        bench = Bench(engine)
        store = bench.store(a_txt="walrus")
        held = vector_store_files
        with engine._database.begin() as connection:
            dead = {"status": "in_progress", "owner": "elsewhere/1/x/y", "lease_until": clock() + 9}
            connection.execute(update(held).values(**dead))
        assert bench.client.vector_stores.retrieve(store.id).status == "in_progress"
        clock.move(10)
        assert bench.settled(store.id).status == "completed"


def test_of_much_that_waits_the_lookout_sees_the_oldest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks every few seconds; whoever starts takes all of it."""
    monkeypatch.setattr(ingesting, "_MOST_WAITING", 2)
    with Engine(fresh(f"sqlite:///{tmp_path / 'test.db'}"), Scripted([])) as engine:
        bench = Bench(engine)
        bench.store(a_txt="walrus", b_txt="walrus", c_txt="walrus")
        engine._lookout.close()  # it would see to them
        with engine._database.begin() as connection:
            connection.execute(update(vector_store_files).values(status="in_progress"))
        waiting = engine._ingesting.orphans()
        assert len(waiting) == 3
        assert engine._ingesting.unclaimed() == [str(one) for one in waiting[:2]]


def test_a_file_that_kills_its_readers_is_given_up(tmp_path: Path) -> None:
    """After some tries it has failed, so that a process can start at all."""
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    with Engine(url, Scripted([])) as engine:
        store = Bench(engine).store(a_txt="walrus").id
        with engine._database.begin() as connection:
            tried = {"status": "in_progress", "tries": MAX_TRIES}
            connection.execute(update(vector_store_files).values(**tried))

    with Engine(url, Scripted([])) as engine:
        bench = Bench(engine)
        assert bench.settled(store).file_counts == FileCounts(failed=1, total=1)
        error = bench.file(store, "a.txt").last_error
        assert error is not None
        assert error.code == "server_error"
