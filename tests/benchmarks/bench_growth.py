"""What a database that has grown costs: a thread of so many messages, a store of so many passages.

    python tests/benchmarks/bench_growth.py [MESSAGES ...]
    python tests/benchmarks/bench_growth.py --json FEW MANY FIGURE ...

For each number (1,000 and 100,000 unless told otherwise) a database of its own is filled: a thread
of so many messages, a tenth as many threads with a run that has ended, and a store of a tenth as
many passages, all of which hold the same three words. Times are medians in milliseconds of CPU of
this process; what waits, such as a run for its thread, is told by the clock. The last column is the
largest database against the smallest. With ``--json`` the samples of some figures are printed, in
seconds, for the rows of ``python tests/benchmarks``.

Where ``ASSISTANTS_TEST_POSTGRES`` names a PostgreSQL server (see ``.ci/postgres``) the databases
are there, and the CPU is also that of its processes, which must be on this machine (Linux).
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
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
TIMES: Final = 15
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


@frozen(kw_only=True)
class Grown:
    """A database that has grown.

    Attributes:
        engine: The engine on it.
        client: Its client.
        clock: Returns the seconds of CPU that it has taken so far.
        assistant: An assistant's id.
        long: The id of a long thread.
        short: The id of a short one.
        store: The id of a vector store.
    """

    engine: Engine
    client: Client
    clock: Callable[[], float]
    assistant: str
    long: str
    short: str
    store: str


@contextmanager
def filled(count: int) -> Iterator[Grown]:
    """A database of so many messages."""
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
            yield Grown(
                engine=engine,
                client=client,
                clock=clock,
                assistant=assistant,
                long=long,
                short=short,
                store=store,
            )


def cpu_with_server(engine: Engine) -> float:
    """Seconds of CPU of this process, and of those of the server that work for its database."""
    query = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    with engine._database.read() as connection:
        pids = connection.execute(query).scalars().all()
    spent = [Path(f"/proc/{pid}/schedstat").read_text().split()[0] for pid in pids]
    return time.process_time() + sum(map(int, spent)) / 1e9


def by_cpu(act: Callable[[Grown], object]) -> Callable[[Grown], float]:
    """Measures the CPU seconds of an act."""

    def measured(here: Grown) -> float:
        before = here.clock()
        act(here)
        return here.clock() - before

    return measured


def search(query: str) -> Callable[[Grown], object]:
    """Searches the store."""
    return lambda here: here.client.vector_stores.search(here.store, query=query)


def processed(here: Grown, thread: str, **fields: Any) -> float:
    """Processes a run, and returns the seconds from asking for it to asking the model."""
    before = time.perf_counter()
    made = here.client.runs.create(thread, assistant_id=here.assistant, **fields)
    here.client.wait_for_run(made)
    return Model.asked - before


def brief(here: Grown) -> float:
    """Processes a run that is shown the last 5 messages of the long thread."""
    last: dict[str, Any] = {"type": "last_messages", "last_messages": 5}
    return processed(here, here.long, truncation_strategy=last)


def messages_of_a_run(here: Grown) -> object:
    """Lists the messages of the long thread's newest run."""
    run = next(iter(here.client.runs.list(here.long))).id
    return list(here.client.messages.list(here.long, run_id=run))


#: Measurements by their names: seconds of CPU, or by the clock where the name says so.
FIGURES: Final[Mapping[str, Callable[[Grown], float]]] = {
    "list 100 messages": by_cpu(lambda it: next(iter(it.client.messages.list(it.long, limit=100)))),
    "create a message": by_cpu(lambda it: it.client.messages.create(it.long, "x")),
    "create a thread": by_cpu(lambda it: it.client.threads.create()),
    "list 20 threads": by_cpu(lambda it: next(it.client.threads.list(limit=20).pages())),
    "a run of 5 messages begins (clock)": brief,
    "a run of 5 messages": by_cpu(brief),
    "messages of a run": by_cpu(messages_of_a_run),
    "list 20 files": by_cpu(lambda it: next(iter(it.client.files.list(limit=20)))),
    "search, words of every passage": by_cpu(search(WORDS)),
    "search, a rare word": by_cpu(search("walrus")),
    "look for waiting runs": by_cpu(lambda it: it.engine._execution.unclaimed()),
}
LONG_RUN: Final = "a run of all that can be shown begins (clock)"
OTHERS_WRITE: Final = "the longest that another thread's write took meanwhile (clock)"


def beside_writes(here: Grown) -> tuple[list[float], float]:
    """Processes runs of all that can be shown; the last is the longest that a write took."""
    worst, over = [0.0], threading.Event()

    def write() -> None:
        while not over.is_set():
            before = time.perf_counter()
            here.client.messages.create(here.short, "x")
            worst[0] = max(worst[0], time.perf_counter() - before)

    other = threading.Thread(target=write)
    other.start()
    times = [processed(here, here.long) for _ in range(3)]
    over.set()
    other.join()
    return times, worst[0]


def samples(
    sizes: Sequence[int], names: Collection[str], times: int
) -> dict[str, list[list[float]]]:
    """Seconds by the names of figures: of each size its samples, taken in turns."""
    found: dict[str, list[list[float]]] = {}
    with ExitStack() as stack:
        databases = [stack.enter_context(filled(size)) for size in sizes]
        for name in (name for name in FIGURES if name in names):
            rounds = [[FIGURES[name](here) for here in databases] for _ in range(times + 1)]
            found[name] = [list(column) for column in zip(*rounds[1:], strict=True)]
        if LONG_RUN in names or OTHERS_WRITE in names:
            both = [beside_writes(here) for here in databases]
            found[LONG_RUN] = [long for long, _ in both]
            found[OTHERS_WRITE] = [[worst] for _, worst in both]
    return found


def main() -> None:
    """Prints a table, or JSON."""
    if sys.argv[1:2] == ["--json"]:
        names = sys.argv[4:]
        print(json.dumps(samples([int(size) for size in sys.argv[2:4]], names, TIMES)))
        return
    sizes = [int(size) for size in sys.argv[1:]] or list(SIZES)
    names = (*FIGURES, LONG_RUN, OTHERS_WRITE)
    print(f"{'messages':64}{''.join(f'{size:>12,}' for size in sizes)}{'ratio':>8}")
    for name, columns in samples(sizes, names, TIMES).items():
        values = [1000 * statistics.median(column) for column in columns]
        shown = "".join(f"{value:12.1f}" for value in values)
        print(f"{name:64}{shown}{values[-1] / max(values[0], 0.1):8.1f}")


if __name__ == "__main__":
    main()
