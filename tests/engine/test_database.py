"""The database: opening, what is said when that fails, threads, processes, forks."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text
from thorough import amount

from assistants_client.engine.faults import Fault
from assistants_client.engine.ids import new_id, owner_is_dead, owner_name
from assistants_client.engine.storage import tables
from assistants_client.engine.storage.database import Database, add, load, load_all, remove, save
from assistants_client.engine.storage.tables import messages, threads
from assistants_client.errors import ConfigurationError
from assistants_client.models.messages import Message
from assistants_client.models.threads import Thread

URLS = ["sqlite://", "sqlite:///{}/test.db"]


def count(database: Database) -> int:
    """How many threads there are."""
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(threads)).scalar_one()


def add_thread(database: Database) -> str:
    """The id of a new one."""
    made = Thread(id=new_id("thread_"), created_at=1)
    with database.begin() as connection:
        add(connection, threads, made)
    return made.id


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "should look like sqlite:///"),
        ("oracle9://x/y", "oracle9"),
        ("sqlite:////nowhere/at/all/x.db", "the directory /nowhere/at/all does not exist"),
        ("sqlite:///file:{}/absent.db?mode=ro&uri=true", "unable to open"),
        ("sqlite:///{}", "unable to open"),
        ("sqlite:///{}/text.db", "not a database"),
    ],
)
def test_a_database_that_cannot_be_used_is_named(tmp_path: Path, url: str, said: str) -> None:
    """The error says which database and why, before anything is stored."""
    (tmp_path / "text.db").write_text("This is no database, and longer than a header." * 100)
    with pytest.raises(ConfigurationError, match=said):
        Database(url.format(tmp_path)).open()


def test_a_database_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """A file that may only be read is reported at once, not at the first write."""
    path = tmp_path / "test.db"
    writable = Database(f"sqlite:///{path}")
    writable.open()
    writable.close()
    read_only = Database(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(ConfigurationError, match="readonly"):
        read_only.open()


def test_a_directory_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite itself only says that it is unable to open the file."""
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (str(tmp_path), os.W_OK))
    (tmp_path / "test.db").mkdir()
    with pytest.raises(ConfigurationError, match=f"{tmp_path} cannot be written to"):
        Database(f"sqlite:///{tmp_path}/test.db").open()


def test_a_password_is_never_shown() -> None:
    """Neither the repr nor the error of a database names the password of its URL."""
    database = Database("postgresql+absent://user:secret@host/name")
    assert "secret" not in repr(database)
    with pytest.raises(ConfigurationError) as caught:
        database.open()
    assert "secret" not in str(caught.value)


def test_the_old_name_of_postgresql_is_answered_with_the_new() -> None:
    """Services write it into the URLs that people paste."""
    with pytest.raises(ConfigurationError, match=r"Write postgresql:// for it\.$") as caught:
        Database("postgres://user:secret@host/name").open()
    assert "secret" not in str(caught.value)


def test_a_closed_database_stays_closed(database: Database) -> None:
    """Nothing is opened behind the back of whoever closed it."""
    database.open()
    database.close()
    database.close()
    with pytest.raises(Fault, match="closing"):
        database.open()


@pytest.mark.parametrize("url", URLS)
def test_a_failed_transaction_leaves_nothing(tmp_path: Path, url: str) -> None:
    """What raises within a block that writes is undone as a whole."""
    database = Database(url.format(tmp_path))

    def fail() -> None:
        with database.begin() as connection:
            add(connection, threads, Thread(id="thread_1", created_at=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert count(database) == 0
    database.close()


@pytest.mark.parametrize("url", URLS)
def test_objects_come_back_as_they_were_stored(tmp_path: Path, url: str) -> None:
    """Add, load, save, load all and remove are what they say; children go with their parent."""
    database = Database(url.format(tmp_path))
    first = Thread(id="thread_1", created_at=2, metadata={"a": "\ud800 \U0001f600 \x00"})
    with database.begin() as connection:
        add(connection, threads, first)
        for number in range(3):
            message = Message(id=f"msg_{number}", created_at=1, thread_id="thread_1")
            add(connection, messages, message, thread_id="thread_1", status="completed")
    with database.begin() as connection:
        assert load(connection, threads, Thread, "thread_1") == first
        assert load(connection, messages, Message, "msg_1", thread_id="thread_2") is None
        found = load_all(connection, messages, Message, thread_id="thread_1")
        assert [message.id for message in found] == ["msg_0", "msg_1", "msg_2"]
        first.metadata = {}
        assert save(connection, threads, first)
        assert remove(connection, threads, "thread_1")
        assert not save(connection, threads, first)
        assert not remove(connection, threads, "thread_1")
        assert load_all(connection, messages, Message) == []
    database.close()


@pytest.mark.parametrize("url", URLS)
def test_threads_write_at_once(tmp_path: Path, url: str) -> None:
    """Many threads read and write one database, in memory too, and none of them fails."""
    database = Database(url.format(tmp_path))

    def work(_: int) -> None:
        for _ in range(5):
            add_thread(database)
            count(database)

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(work, range(24)))
    assert count(database) == 120
    database.close()


def test_what_is_read_does_not_change_within_a_block(database: Database) -> None:
    """A reader sees one state, and does not keep writers waiting."""
    add_thread(database)
    with database.read() as connection:
        query = select(func.count()).select_from(threads)
        assert connection.execute(query).scalar_one() == 1
        writer = threading.Thread(target=add_thread, args=[database])
        writer.start()
        writer.join(10)
        assert not writer.is_alive()
        assert connection.execute(query).scalar_one() == 1
    assert count(database) == 2


def test_only_tables_that_are_missing_are_made(tmp_path: Path) -> None:
    """As after an upgrade that brings one: it is there, and nothing else has changed."""
    url = f"sqlite:///{tmp_path / 'test.db'}"
    older = Database(url)
    add_thread(older)
    with older.begin() as connection:
        connection.execute(text("DROP TABLE passages"))
        connection.execute(text("DROP TABLE passage_words"))
    older.close()

    database = Database(url)
    with database.read() as connection:
        for name in ("passages", "passage_words"):
            assert connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() == 0
    assert count(database) == 1
    database.close()


def test_indexes_of_earlier_versions_are_replaced(tmp_path: Path) -> None:
    """Those that are missing are made; those that no query needs any more are dropped."""
    url = f"sqlite:///{tmp_path / 'test.db'}"
    older = Database(url)
    add_thread(older)
    with older.begin() as connection:
        connection.execute(text("DROP INDEX ix_messages_made"))
        connection.execute(
            text("CREATE INDEX ix_messages_order ON messages (thread_id, created_at, seq)")
        )
    older.close()

    database = Database(url)
    with database.read() as connection:
        names = set(connection.execute(text("SELECT name FROM sqlite_master")).scalars())
    assert "ix_messages_made" in names
    assert "ix_messages_order" not in names
    assert count(database) == 1
    database.close()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_every_table_has_what_makes_it(dialect: str) -> None:
    """Those that others refer to come first; the words of passages belong to the passages."""
    made = dict(tables._creation(dialect))

    assert list(made) == [table.name for table in tables.metadata.sorted_tables]
    for name, statements in made.items():
        assert statements[0].split()[:3] == ["CREATE", "TABLE", name]
    assert any("passage_words" in statement for statement in made["passages"])


PROCESSES = amount(2, 3)
PROCESS = """
import sys
from assistants_client.engine.storage.database import Database, add
from assistants_client.engine.ids import new_id
from assistants_client.engine.storage.tables import threads
from assistants_client.models.threads import Thread
database = Database(sys.argv[1])
for _ in range(20):
    with database.begin() as connection:
        add(connection, threads, Thread(id=new_id("thread_"), created_at=1))
database.close()
"""


def test_processes_open_and_write_at_once(tmp_path: Path) -> None:
    """Several processes create one database at the same moment, and every write is kept."""
    url = f"sqlite:///{tmp_path / 'test.db'}"
    started = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", PROCESS, url])
        for _ in range(PROCESSES)
    ]
    assert [process.wait(60) for process in started] == [0] * PROCESSES
    database = Database(url)
    assert count(database) == PROCESSES * 20
    database.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_connections_of_its_own(database: Database) -> None:
    """Parent and child go on with the same object, and both writes are there."""
    add_thread(database)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            add_thread(database)
            database.close()
        finally:
            os._exit(0 if count_is(database, 2) else 1)
    assert os.waitpid(child, 0)[1] == 0
    add_thread(database)
    assert count(database) == 3
    with database.read() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"


def count_is(database: Database, expected: int) -> bool:
    """Whether there are so many, seen through a database of its own."""
    other = Database(database._url.render_as_string())
    try:
        return count(other) == expected
    finally:
        other.close()


def test_closing_leaves_nothing_open(tmp_path: Path) -> None:
    """Every connection is closed, and no file is left beside the database."""
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: add_thread(database), range(8)))
    database.close()
    gc.collect()
    assert [path.name for path in tmp_path.iterdir()] == ["test.db"]


@pytest.mark.parametrize("block", [Database.begin, Database.read])
def test_a_transaction_under_way_outlives_closing(
    database: Database,
    tmp_path: Path,
    block: Callable[[Database], AbstractContextManager[Connection]],
) -> None:
    """It goes on to its end, and then its connection is closed too, as the files show."""
    add_thread(database)
    with block(database) as connection:
        database.close()
        with pytest.raises(Fault, match="closing"):
            add_thread(database)
        assert connection.execute(select(threads.c.created_at)).scalar_one() == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"test.db"}


def test_owners_of_dead_processes_are_known() -> None:
    """A process is told from an earlier one of its pid; another host's is left to its lease."""
    mine = owner_name("x")
    host, pid, process, _ = mine.split("/")
    assert owner_is_dead(mine) is False
    assert owner_is_dead(f"{host}/{pid}/earlier/x") is True
    assert owner_is_dead(f"elsewhere/{pid}/{process}/x") is None
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert owner_is_dead(f"{host}/{gone.pid}/other/x") is True
    assert owner_is_dead(f"{host}/{os.getppid()}/other/x") is None
