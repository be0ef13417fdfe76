"""Runs per minute by the number of `assistants worker` processes, with a model of 200 ms.

    python tests/benchmarks/bench_workers.py [THREADS] [PROCESSES …]

THREADS are the runs that each worker processes at once (16), PROCESSES how many workers there are
(2 4 8). Redis must be installed, and PostgreSQL, if it is to be measured rather than SQLite.

For each number of workers, as many runs are queued as they can do in some ten seconds; then the
workers are started, and the rate is taken from the middle of their work, when all are at it. The
ratio is the rate by that of the first row, for as many workers; the load is what all processes of
the machine used of its cores meanwhile. Where that is full, no worker can add anything.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
sys.path[:0] = [str(ROOT), str(TESTS), str(TESTS / "cli"), str(TESTS / "distributed")]

from real_servers import PostgresServer, RedisServer  # noqa: E402 (after the path)
from served_process import Served, Working  # noqa: E402 (after the path)
from sqlalchemy import create_engine, make_url, text  # noqa: E402 (after the path)

from assistants_client import Client  # noqa: E402 (after the path)

MODEL_SECONDS = 0.2
MEASURED_SECONDS = 10
#: A server of the model in a process of its own, so that it takes nothing from this one.
MODEL = f"""
import sys, time
sys.path[:0] = {sys.path[:4]!r}
from scripted_chat import scripted_chat
with scripted_chat({MODEL_SECONDS}) as chat:
    print(chat.url, flush=True)
    time.sleep(3600)
"""


@contextmanager
def model() -> Iterator[str]:
    """The base URL of the model's server."""
    command = [sys.executable, "-c", MODEL]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def busy_and_all() -> tuple[int, int]:
    """The time that the machine's cores have been busy, and all of it."""
    line = Path("/proc/stat").read_text("ascii").splitlines()[0]
    times = [int(word) for word in line.split()[1:9]]
    return sum(times) - times[3] - times[4], sum(times)


def queued(site: Client, number: int) -> None:
    """Queues runs."""
    assistant = site.assistants.create(model="m").id
    thread = {"messages": [{"role": "user", "content": "say|Hello"}]}

    def ask(_: int) -> None:
        site.runs.create_thread_and_run(assistant_id=assistant, thread=thread)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(number)))


def rate(url: str, number: int) -> tuple[float, float]:
    """Runs per minute in the middle of their processing, and the load of the machine."""
    driver = make_url(url)
    if driver.drivername == "postgresql":
        driver = driver.set(drivername="postgresql+psycopg")
    engine = create_engine(driver)
    counted = text("SELECT count(*) FROM runs WHERE status = 'completed'")
    first = last = None
    while last is None:
        with engine.connect() as connection:
            done = int(connection.execute(counted).scalar_one())
        seen = (time.monotonic(), done, *busy_and_all())
        if first is None and done >= number // 5:
            first = seen
        if done >= number * 4 // 5:
            last = seen
        time.sleep(0.1)
    engine.dispose()
    assert first is not None
    load = (last[2] - first[2]) / max(1, last[3] - first[3])
    return 60 * (last[1] - first[1]) / (last[0] - first[0]), load


def measured(folder: Path, variables: dict[str, str], threads: int, number: int) -> None:
    """One row."""
    runs = round(number * threads / MODEL_SECONDS * MEASURED_SECONDS)
    with ExitStack() as stack:
        web = Served(folder, "--executor", "celery", **variables)
        stack.callback(web.kill)
        with Client(web.base_url, api_key="none") as site:
            queued(site, runs)
        web.stop()
        for _ in range(number):
            worker = Working(folder, "--workers", str(threads), **variables)
            stack.callback(worker.kill)
        found, load = rate(variables["ASSISTANTS_DATABASE_URL"], runs)
    _rows.setdefault(number, found)
    first = next(iter(_rows))
    ideal = 60 * number * threads / MODEL_SECONDS
    print(
        f"{number:9} {found:15.0f} {found / ideal:16.2f} "
        f"{found / number / (_rows[first] / first):8.2f} {load:6.2f}",
        flush=True,
    )


_rows: dict[int, float] = {}


def main() -> None:
    """Measures all rows."""
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    numbers = [int(word) for word in sys.argv[2:]] or [2, 4, 8]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = RedisServer(folder)
        stack.callback(redis.kill)
        chat = stack.enter_context(model())
        try:
            postgres: PostgresServer | None = PostgresServer()
            stack.callback(postgres.close)
        except BaseException as skipped:  # pytest's, whose name is private
            print(f"On SQLite: {skipped}")
            postgres = None
        print(f"{threads} runs at once in each worker; a model of {1000 * MODEL_SECONDS:.0f} ms")
        print("processes    runs/minute  of the possible    ratio   load")
        for number in numbers:
            url = f"sqlite:///{folder}/{number}.db" if postgres is None else postgres.fresh()
            variables = {
                "ASSISTANTS_DATABASE_URL": url,
                "ASSISTANTS_BROKER": redis.url,
                "ASSISTANTS_MODEL_URL": chat,
            }
            measured(folder, variables, threads, number)


if __name__ == "__main__":
    main()
