"""Housekeeping of many finished runs: sizes before and after, what else changed, who had to wait.

    python tests/benchmarks/bench_prune.py [RUNS] [DATABASE_URL]

A database is filled with 10,000 finished runs unless told otherwise, each on a thread of its own,
all a year old, and as many as a tenth of them young. Then runs, threads and files that are old are
pruned, one kind after the other, while another process writes a message again and again. The last
lines have the longest that it had to wait, in milliseconds, beside what it waits for without any
housekeeping, and the number of rows that are new or have changed though they are kept: 0.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

from engine_store import Clock, Store
from old_rows import DAY, answered, changes, copied, dump

from assistants_client.engine.services._base import Context
from assistants_client.engine.services.housekeeping import Ages, Housekeeping
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.sizes import Sizes, shown_bytes

RUNS: Final = 10_000
YEAR: Final = 365 * DAY
#: Writes until its input is closed, and prints how long each write took, in milliseconds.
WRITER: Final = """
import select, sys, time
from assistants_client import Client
from assistants_client.engine import Engine
with Client(engine=Engine(sys.argv[1])) as client:
    thread = client.threads.create().id
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0.002)[0]:
        before = time.perf_counter()
        client.messages.create(thread, "x")
        print(1000 * (time.perf_counter() - before), flush=True)
    client.threads.delete(thread)
"""


class Writer:
    """Another process that writes to the same database."""

    def __init__(self, url: str) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", WRITER, url]
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def waits(self) -> list[float]:
        """Ends it; how long each of its writes took, in milliseconds."""
        said, _ = self._process.communicate()
        return [float(line) for line in said.split()]


def shown(waits: list[float]) -> str:
    """How long writes took, for people."""
    return f"median {statistics.median(waits):.1f}, longest {max(waits):.1f} of {len(waits):,}"


def table(sizes: list[Sizes]) -> None:
    """Prints the sizes of kinds, a column each."""
    for kinds in zip(*(found.kinds for found in sizes), strict=True):
        cells = (f"{one.rows or 0:>12,}{shown_bytes(one.bytes):>12}" for one in kinds)
        print(f"{kinds[0].kind:26}{''.join(cells)}")
    totals = (f"{'':12}{shown_bytes(found.bytes):>12}" for found in sizes)
    print(f"{'all of it':26}{''.join(totals)}")
    free = (f"{'':12}{shown_bytes(found.free_bytes):>12}" for found in sizes)
    print(f"{'of which free':26}{''.join(free)}")


def main(count: int, url: str) -> None:
    """Fills, prunes and prints."""
    clock = Clock(time.time() - YEAR)
    database = Database(url)
    store = Store(Context(database=database, clock=clock), clock)
    copied(database, answered(store), count)
    clock.time = time.time()
    copied(database, answered(store), count // 10)
    housekeeping = Housekeeping(Context(database=database))
    quiet = Writer(url)
    time.sleep(3)
    print(f"{'a write without it':26}{shown(quiet.waits())} ms")
    before, sizes = dump(database), [housekeeping.sizes()]
    for kind in ("runs", "threads", "files"):
        ages = Ages(**{kind: YEAR // 2})
        begun = time.perf_counter()
        *_, would = housekeeping.prune(ages, apply=False)
        counted = time.perf_counter() - begun
        writer, begun = Writer(url), time.perf_counter()
        *_, done = housekeeping.prune(ages, apply=True)
        took = time.perf_counter() - begun
        time.sleep(0.2)
        waits = writer.waits()
        assert would == done
        print(
            f"{kind:26}{done.count:,} deleted in {took:.1f} s (counted in {counted:.1f} s); "
            f"a write meanwhile: {shown(waits)} ms"
        )
        sizes.append(housekeeping.sizes())
    gone, new = changes(before, dump(database))
    print(f"{'rows deleted':26}{', '.join(f'{name} {number:,}' for name, number in gone.items())}")
    changed = {name: len(rows) for name, rows in new.items() if name != "deleted_items"}
    print(f"{'kept rows changed':26}{sum(changed.values())}")
    print(
        f"\n{'rows, bytes':26}"
        + "".join(f"{t:>24}" for t in ("before", "runs", "threads", "files"))
    )
    table(sizes)
    for sentence in sizes[-1].advice:
        print(sentence)
    database.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        file = f"sqlite:///{folder}/pruned.db"
        main(int((sys.argv[1:] or [RUNS])[0]), (sys.argv[2:] or [file])[0])
