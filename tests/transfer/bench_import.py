"""How fast archives go in, and that they come out the same; not part of the tests.

    python tests/transfer/bench_import.py [--threads 1000] [--messages 50] [--kills 50] [--postgres]

A database is filled and exported; the archive is imported by the command into an empty database,
timed, and exported again. With ``--kills`` it is imported once more, by commands that are killed at
random moments. ``--postgres`` starts a server of its own for all of it.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "distributed")]

from import_kit import conversations, opened  # noqa: E402  # found by the line above

from assistants_client import Client  # noqa: E402  # as are those of this tree
from assistants_client.transfer import export, import_files  # noqa: E402
from assistants_client.transfer.importing import importer  # noqa: E402

_PROGRAM = """
import sys, time
from assistants_client.transfer import import_files
started = time.perf_counter()
summary = import_files(sys.argv[1:2], sys.argv[2])
seconds = time.perf_counter() - started
peak = int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) / 1024
print(str(summary).splitlines()[0])
print(f"{summary.number('message') / seconds:,.0f} messages/s, {seconds:.1f} s, {peak:.0f} MiB")
"""


def _exported(url: str, archive: Path) -> bytes:
    with opened(url) as engine, Client(engine=engine) as client:
        while any(store.status != "completed" for store in client.vector_stores.list()):
            time.sleep(0.05)
        export(client, archive)
    return archive.read_bytes()


def _killed(command: list[str], seconds: float, kills: int) -> int:
    """Imports with so many kills; returns how many came in time."""
    chance = random.Random(1)
    killed = 0
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            process.wait(chance.uniform(0.2, 1.2) * seconds * min(1, 4 / kills + 0.3))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return killed


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="Measures imports.")
    parser.add_argument("--threads", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=50)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--keep", type=Path, help="where the archive is left")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server: Any = None
        if given.postgres:
            from postgres_server import PostgresServer

            server = PostgresServer()
        with nullcontext() if server is None else closing(server):
            _measure(folder, given, server)


def _measure(folder: Path, given: argparse.Namespace, server: Any) -> None:
    def fresh(name: str) -> str:
        return f"sqlite:///{folder / name}.db" if server is None else str(server.fresh())

    (folder / "bytes").mkdir()
    found = conversations(folder / "bytes", given.threads, given.messages)
    read, importer.read = importer.read, lambda *_: found  # type: ignore[assignment]
    first = fresh("first")
    import_files(["made"], first, files=folder / "bytes")
    importer.read = read
    archive = given.keep or folder / "first.ndjson"
    whole = _exported(first, archive)
    print(f"{given.threads} threads, {len(whole) / 2**20:.0f} MiB of archive")
    second = fresh("second")
    started = time.monotonic()
    for _ in range(2):
        subprocess.run([sys.executable, "-c", _PROGRAM, str(archive), second], check=True)
    seconds = (time.monotonic() - started) / 2
    print("exported again, equal:", _exported(second, folder / "second.ndjson") == whole)
    if given.kills:
        third = fresh("third")
        command = [sys.executable, "-m", "assistants_client", "import", str(archive)]
        killed = _killed([*command, "--database", third], seconds, given.kills)
        same = _exported(third, folder / "third.ndjson") == whole
        print(f"killed {killed} times, equal: {same}")


if __name__ == "__main__":
    main()
