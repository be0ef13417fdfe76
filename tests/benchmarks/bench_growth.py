"""What a database that has grown costs: a thread of so many messages, a store of so many passages.

    python tests/benchmarks/bench_growth.py [MESSAGES ...]

For each number (1,000 and 100,000 unless told otherwise) a database of its own is filled: a thread
of so many messages, and a store of a tenth as many passages, all of which hold the same three
words. Times are medians in milliseconds of CPU of this process; what waits, such as a run for its
thread, is told by the clock. The last column is the largest database against the smallest.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from assistants_client import Client
from assistants_client.engine import Conversation, Engine, TextDelta

SIZES: Final = (1_000, 100_000)
TIMES: Final = 7
WORDS: Final = "harbour lamp tide"


class Model:
    """Notes when it is asked."""

    asked = 0.0

    def respond(self, conversation: Conversation) -> Iterator[TextDelta]:
        """Answers at once."""
        Model.asked = time.perf_counter()
        yield TextDelta(text="ok")


def copied(
    path: Path, table: str, count: int, change: Callable[[dict[str, Any], int], None]
) -> None:
    """Copies the newest row of a table so many times, each changed."""
    with sqlite3.connect(path) as connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute(f"SELECT * FROM {table} ORDER BY seq DESC").fetchone())
        del row["seq"]

        def rows() -> Iterator[list[Any]]:
            for number in range(count):
                made = dict(row)
                change(made, number)
                yield list(made.values())

        marks = ", ".join("?" * len(row))
        connection.executemany(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", rows())
    connection.close()


def as_message(row: dict[str, Any], number: int) -> None:
    """Another message."""
    body = json.loads(row["body"])
    body["id"] = row["id"] = f"msg_{number:024d}"
    row["body"] = json.dumps(body)


def with_passages(path: Path, count: int) -> None:
    """Gives the one file of the one store so many passages."""

    def text(number: int) -> str:
        rare = " walrus" if number % max(1, count // 20) == 0 else ""
        return f"{WORDS} {' '.join(f'w{number * n % 5000}' for n in range(1, 60))}{rare}"

    def as_passage(row: dict[str, Any], number: int) -> None:
        row["text"] = text(number)

    copied(path, "passages", count, as_passage)
    with sqlite3.connect(path) as connection:
        store, size = connection.execute("SELECT seq FROM vector_stores").fetchone()[0], 400 * count
        found = connection.execute(
            "SELECT seq, text FROM passages WHERE seq NOT IN (SELECT rowid FROM passage_words)"
        ).fetchall()
        connection.executemany(
            "INSERT INTO passage_words (rowid, store, title, words) VALUES (?, ?, '', ?)",
            [(seq, str(store), words) for seq, words in found],
        )
        connection.execute("UPDATE vector_store_files SET usage_bytes = ?", (size,))
    connection.close()


def measured(count: int) -> Mapping[str, float]:
    """The figures of a database of so many messages, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "growth.db")
        url = f"sqlite:///{path}"
        with Engine(url, model=Model()) as engine, Client(engine=engine) as client:
            assistant = client.assistants.create(model="m").id
            long, short = client.threads.create().id, client.threads.create().id
            client.messages.create(long, "hello " * 20)
            file = client.files.upload(f"{WORDS}.".encode(), filename="a.txt")
            store = client.vector_stores.create(file_ids=[file.id]).id
            client.vector_stores.wait(store)
            copied(path, "messages", count, as_message)
            with_passages(path, count // 10)
            return dict(figures(client, assistant, long, short, store))


def figures(
    client: Client, assistant: str, long: str, short: str, store: str
) -> Iterator[tuple[str, float]]:
    """Each figure by its name."""

    def cpu(act: Callable[[], object]) -> float:
        def once() -> float:
            before = time.process_time()
            act()
            return time.process_time() - before

        return 1000 * statistics.median(once() for _ in range(TIMES))

    def run(thread: str, **fields: Any) -> float:
        """Seconds from asking for a run to asking the model."""
        before = time.perf_counter()
        made = client.runs.create(thread, assistant_id=assistant, **fields)
        client.wait_for_run(made)
        return Model.asked - before

    last: dict[str, Any] = {"truncation_strategy": {"type": "last_messages", "last_messages": 5}}
    yield "list 100 messages", cpu(lambda: next(iter(client.messages.list(long, limit=100))))
    yield "create a message", cpu(lambda: client.messages.create(long, "x"))
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
