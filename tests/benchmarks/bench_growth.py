"""What a database that has grown costs: a thread of so many messages, a store of so many passages.

    python tests/benchmarks/bench_growth.py [MESSAGES ...]

For each number (1,000 and 100,000 unless told otherwise) a database of its own is filled: a thread
of so many messages, a tenth as many threads with a run that has ended, and a store of a tenth as
many passages, all of which hold the same three words. Times are medians in milliseconds of CPU of
this process; what waits, such as a run for its thread, is told by the clock. The last column is the
largest database against the smallest.

Where ``ASSISTANTS_TEST_POSTGRES`` names a PostgreSQL server (see ``.ci/postgres``) the databases
are there, and the CPU is also that of its processes, which must be on this machine (Linux).
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from sqlalchemy import Connection, Table, func, insert, select, text, update

from assistants_client import Client
from assistants_client.engine import Conversation, Engine, TextDelta
from assistants_client.engine.storage import tables
from assistants_client.engine.storage.passage_words import put_words

sys.path.insert(0, str(Path(__file__).parents[1]))
from databases import fresh

SIZES: Final = (1_000, 100_000)
TIMES: Final = 7
AT_ONCE: Final = 10_000
WORDS: Final = "harbour lamp tide"


class Model:
    """Notes when it is asked."""

    asked = 0.0

    def respond(self, conversation: Conversation) -> Iterator[TextDelta]:
        """Answers at once."""
        Model.asked = time.perf_counter()
        yield TextDelta(text="ok")


def copied(
    connection: Connection, table: Table, count: int, change: Callable[[dict[str, Any], int], None]
) -> None:
    """Copies the newest row of a table so many times, each changed."""
    row = connection.execute(select(table).order_by(table.c.seq.desc()).limit(1)).mappings().one()
    for start in range(0, count, AT_ONCE):
        made = []
        for number in range(start, min(start + AT_ONCE, count)):
            one = {**row}
            del one["seq"]
            change(one, number)
            made.append(one)
        connection.execute(insert(table), made)


def renamed(prefix: str, **parents: str) -> Callable[[dict[str, Any], int], None]:
    """Gives a copied object an id of its own, and to each of its parents' fields another."""

    def change(row: dict[str, Any], number: int) -> None:
        names = {"id": prefix, **parents}
        for name, beginning in names.items():
            row[name] = f"{beginning}{number:024d}"
        row["body"] = {**row["body"], **{name: row[name] for name in names}}

    return change


def with_passages(connection: Connection, count: int) -> None:
    """Gives the one file of the one store so many passages."""

    def text(number: int) -> str:
        rare = " walrus" if number % max(1, count // 20) == 0 else ""
        return f"{WORDS} {' '.join(f'w{number * n % 5000}' for n in range(1, 60))}{rare}"

    def as_passage(row: dict[str, Any], number: int) -> None:
        row["text"] = text(number)

    newest = connection.execute(select(func.max(tables.passages.c.seq))).scalar_one()
    copied(connection, tables.passages, count, as_passage)
    store = connection.execute(select(tables.vector_stores.c.seq)).scalar_one()
    here = tables.passages.c
    found = connection.execute(select(here.seq, here.text).where(here.seq > newest)).all()
    for start in range(0, count, AT_ONCE):
        some = found[start : start + AT_ONCE]
        put_words(connection, [(seq, store, "", words) for seq, words in some])
    connection.execute(update(tables.vector_store_files).values(usage_bytes=400 * count))


def grown(connection: Connection, count: int) -> None:
    """Makes a database with one of each into one with many."""
    copied(connection, tables.messages, count, renamed("msg_"))
    copied(connection, tables.threads, count // 10, renamed("thread_"))
    copied(connection, tables.runs, count // 10, renamed("run_", thread_id="thread_"))
    copied(connection, tables.run_steps, count // 10, renamed("step_", run_id="run_"))
    copied(connection, tables.files, count // 10, renamed("file-"))
    with_passages(connection, count // 10)


def measured(count: int) -> Mapping[str, float]:
    """The figures of a database of so many messages, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        url = fresh(f"sqlite:///{folder}/growth.db")
        with Engine(url, model=Model()) as engine, Client(engine=engine) as client:
            assistant = client.assistants.create(model="m").id
            other = client.threads.create(messages=[{"role": "user", "content": "hello"}]).id
            client.wait_for_run(client.runs.create(other, assistant_id=assistant))
            long, short = client.threads.create().id, client.threads.create().id
            client.messages.create(long, "hello " * 20)
            file = client.files.upload(f"{WORDS}.".encode(), filename="a.txt")
            store = client.vector_stores.create(file_ids=[file.id]).id
            client.vector_stores.wait(store)
            with engine._database.begin() as connection:
                grown(connection, count)
            clock = time.process_time
            if not url.startswith("sqlite"):
                clock = partial(cpu_with_server, engine)
                with engine._database.begin() as connection:
                    connection.execute(text("ANALYZE"))  # as the server does by itself, in time
            names = Names(assistant=assistant, long=long, short=short, store=store)
            found = dict(figures(client, clock, names))
            found["look for waiting runs"] = figure(clock, engine._execution.unclaimed)
            return found


@frozen(kw_only=True)
class Names:
    """The ids of what is measured: an assistant, a long thread, a short one, a store."""

    assistant: str
    long: str
    short: str
    store: str


def cpu_with_server(engine: Engine) -> float:
    """Seconds of CPU of this process, and of those of the server that work for its database."""
    query = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    with engine._database.read() as connection:
        pids = connection.execute(query).scalars().all()
    spent = [Path(f"/proc/{pid}/schedstat").read_text().split()[0] for pid in pids]
    return time.process_time() + sum(map(int, spent)) / 1e9


def figure(clock: Callable[[], float], act: Callable[[], object]) -> float:
    """What an act takes, in milliseconds."""

    def once() -> float:
        before = clock()
        act()
        return clock() - before

    return 1000 * statistics.median(once() for _ in range(TIMES))


def figures(
    client: Client, clock: Callable[[], float], names: Names
) -> Iterator[tuple[str, float]]:
    """Each figure by its name."""
    assistant, long, short, store = names.assistant, names.long, names.short, names.store
    cpu = partial(figure, clock)

    def run(thread: str, **fields: Any) -> float:
        """Seconds from asking for a run to asking the model."""
        before = time.perf_counter()
        made = client.runs.create(thread, assistant_id=assistant, **fields)
        client.wait_for_run(made)
        return Model.asked - before

    last: dict[str, Any] = {"truncation_strategy": {"type": "last_messages", "last_messages": 5}}
    yield "list 100 messages", cpu(lambda: next(iter(client.messages.list(long, limit=100))))
    yield "create a message", cpu(lambda: client.messages.create(long, "x"))
    yield "create a thread", cpu(client.threads.create)
    yield "list 20 threads", cpu(lambda: next(client.threads.list(limit=20).pages()))
    times = [run(long, **last) for _ in range(TIMES)]
    yield "a run of 5 messages begins (clock)", 1000 * statistics.median(times)
    made = next(iter(client.runs.list(long))).id
    yield (
        "messages of a run",
        cpu(lambda: list(client.messages.list(long, run_id=made))),
    )
    worst, over = [0.0], threading.Event()

    def write() -> None:
        while not over.is_set():
            before = time.perf_counter()
            client.messages.create(short, "x")
            worst[0] = max(worst[0], time.perf_counter() - before)

    other = threading.Thread(target=write)
    other.start()
    times = [run(long) for _ in range(3)]
    over.set()
    other.join()
    yield "a run of all that can be shown begins (clock)", 1000 * statistics.median(times)
    yield "the longest that another thread's write took meanwhile (clock)", 1000 * worst[0]
    yield "list 20 files", cpu(lambda: next(iter(client.files.list(limit=20))))
    for what, query in (("words of every passage", WORDS), ("a rare word", "walrus")):
        yield (
            f"search, {what}",
            cpu(lambda query=query: client.vector_stores.search(store, query=query)),
        )


def main() -> None:
    """Prints a table."""
    sizes = [int(size) for size in sys.argv[1:]] or list(SIZES)
    columns = [measured(size) for size in sizes]
    print(f"{'messages':64}{''.join(f'{size:>12,}' for size in sizes)}{'ratio':>8}")
    for name, first in columns[0].items():
        values = "".join(f"{column[name]:12.1f}" for column in columns)
        print(f"{name:64}{values}{columns[-1][name] / max(first, 0.1):8.1f}")


if __name__ == "__main__":
    main()
