"""The tables: for each kind of object the columns that are queried on, and the object itself.

``seq`` numbers rows as they are made, whatever the clock says: there is one writer at a time (see
``database``), so it is the order of all lists; ``created_at`` is for people. ``body`` is the object
as JSON, so that a new field of the protocol needs no migration; what stands in a column beside it
is written from the object at every save. No rule and no SQL beyond the schema is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Double,
    ExecutableDDLElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    create_mock_engine,
    event,
    inspect,
    text,
)

from assistants_client.engine.storage.message_words import MESSAGE_WORD_TABLES
from assistants_client.engine.storage.passage_words import WORD_TABLES
from assistants_client.engine.storage.run_columns import USAGE_COLUMNS


class _String(TypeDecorator[str]):
    """Text that every database takes: what PostgreSQL or UTF-8 does not allow is replaced."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replaces NUL and halves of surrogate pairs: no id has them, but callers may send them."""
        if value is None or (value.isascii() and "\x00" not in value):
            return value
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


metadata: Final = MetaData()

#: In a table's ``info``: the column with the id of the parent whose list a row is in.
PARENT: Final = "parent"

#: SQLite numbers rows by itself only in a column of exactly the type INTEGER.
_Seq = BigInteger().with_variant(Integer, "sqlite")


def _tenant() -> Column[Any]:
    """Returns the column with the name of the token that an object was made with, if any."""
    return Column("tenant", _String)


def _of_tenants(name: str, *columns: str) -> Index:
    """Returns the index that isolated tokens list by; it costs nothing where no token is used."""
    return _partial(name, "tenant IS NOT NULL", "tenant", *columns)


def _partial(name: str, where: str, *columns: str) -> Index:
    """Returns an index of some rows only."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


def _table(name: str, *columns: Column[Any] | Index, parent: str | None = None) -> Table:
    own = [] if parent is None else [Index(f"ix_{name}_made", parent, "seq")]
    return Table(
        name,
        metadata,
        Column("seq", _Seq, primary_key=True, autoincrement=True),
        Column("id", _String, nullable=False, unique=True),
        Column("created_at", BigInteger, nullable=False),
        *columns,
        Column("body", JSON, nullable=False),
        *own,
        sqlite_autoincrement=True,
        info={} if parent is None else {PARENT: parent},
    )


def _parent(name: str, table: str) -> Column[Any]:
    reference = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Column(name, _String, reference, nullable=False)


assistants: Final = _table("assistants", _tenant(), _of_tenants("ix_assistants_of", "seq"))

threads: Final = _table("threads", _tenant(), _of_tenants("ix_threads_of", "seq"))

#: The metadata of threads, by which they are found; with the thread's number and tenant.
thread_metadata: Final = Table(
    "thread_metadata",
    metadata,
    Column("key", _String, primary_key=True),
    Column("value", _String, primary_key=True),
    Column("thread", ForeignKey("threads.seq", ondelete="CASCADE"), primary_key=True, index=True),
    _tenant(),
    _of_tenants("ix_thread_metadata_of", "key", "value", "thread"),
)

messages: Final = _table(
    "messages",
    _parent("thread_id", "threads"),
    #: The run that wrote it. Not a reference: what a caller wrote has none.
    Column("run_id", _String),
    Column("status", _String, nullable=False),
    _partial("ix_messages_by_run", "run_id IS NOT NULL", "thread_id", "run_id", "seq"),
    parent="thread_id",
)

runs: Final = _table(
    "runs",
    _parent("thread_id", "threads"),
    Column("status", _String, nullable=False),
    #: The thread's lock: the thread's id while the run is active, else null.
    Column("active_thread_id", _String, unique=True),
    #: The worker that has claimed the run (see ``ids.owner_name``), and its lease (see ``leases``).
    Column("owner", _String, index=True),
    Column("lease_until", Double),
    #: How many workers died while it was theirs.
    Column("tries", Integer),
    Column("cancelling_since", Double),
    #: Since when it waits for one of the runs that may be in progress at once to end.
    Column("waits_since", Double),
    _tenant(),
    #: What usage is counted by, once more (see ``run_columns``): the tokens of a run that ended.
    Column("assistant_id", _String),
    Column("model", _String),
    Column("prompt_tokens", BigInteger),
    Column("completion_tokens", BigInteger),
    Index("ix_runs_usage", "created_at", *USAGE_COLUMNS),
    _of_tenants("ix_runs_usage_of", "created_at", *USAGE_COLUMNS),
    #: It has all that is asked for by who looks for work, in turns of the tenants.
    Index("ix_runs_by_status", "status", "tenant", "seq"),
    parent="thread_id",
)

run_steps: Final = _table(
    "run_steps",
    _parent("run_id", "runs"),
    Column("status", _String, nullable=False),
    #: Of an open step of tools, how many of its calls were executed: whoever takes the run over
    #: begins with the next one.
    Column("calls_done", Integer),
    parent="run_id",
)

#: What the servers of language models attached to their answers and want to see again. It is stored
#: with the step that came of the answer, goes with it, and is in no object of the protocol.
model_states: Final = Table(
    "model_states",
    metadata,
    Column("step_id", ForeignKey("run_steps.id", ondelete="CASCADE"), primary_key=True),
    Column("thread_id", ForeignKey("threads.id", ondelete="CASCADE"), nullable=False, index=True),
    #: The message that the step wrote, if it wrote one.
    Column("message_id", _String, index=True),
    #: The server and the model: it is sent to no other.
    Column("origin", _String, nullable=False),
    Column("state", JSON, nullable=False),
)

#: The code interpreter's state of a thread between two calls.
interpreter_states: Final = Table(
    "interpreter_states",
    metadata,
    Column("thread_id", ForeignKey("threads.id", ondelete="CASCADE"), primary_key=True),
    Column("state", LargeBinary, nullable=False),
)

files: Final = _table(
    "files",
    Column("purpose", _String, nullable=False),
    Column("expires_at", BigInteger, index=True),
    #: False while its content is still coming in: such a file is not visible.
    Column("is_whole", Boolean, nullable=False),
    #: When something was made last that refers to it, in Unix seconds; null where nothing was.
    Column("used_at", BigInteger),
    _tenant(),
    Index("ix_files_made", "is_whole", "seq"),
    Index("ix_files_made_for", "is_whole", "purpose", "seq"),
    _of_tenants("ix_files_of", "is_whole", "seq"),
    _of_tenants("ix_files_of_for", "is_whole", "purpose", "seq"),
)

#: The content of files, in blocks numbered from 0.
file_blocks: Final = Table(
    "file_blocks",
    metadata,
    Column("file_id", ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

#: The files that code has written in a thread, by their paths under its working folder.
interpreter_files: Final = Table(
    "interpreter_files",
    metadata,
    Column("thread_id", ForeignKey("threads.id", ondelete="CASCADE"), primary_key=True),
    Column("path", _String, primary_key=True),
    Column("file_id", ForeignKey("files.id", ondelete="CASCADE"), nullable=False, index=True),
)

vector_stores: Final = _table(
    "vector_stores",
    Column("expires_at", BigInteger),
    _tenant(),
    _of_tenants("ix_vector_stores_of", "seq"),
)

vector_store_batches: Final = _table(
    "vector_store_batches",
    _parent("vector_store_id", "vector_stores"),
    Column("is_cancelled", Boolean, nullable=False),
    parent="vector_store_id",
)

#: A file in a store. The object's id is the file's own: it is unique within one store only, and
#: ``seq`` identifies a row.
vector_store_files: Final = Table(
    "vector_store_files",
    metadata,
    Column("seq", _Seq, primary_key=True, autoincrement=True),
    Column("id", ForeignKey("files.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    _parent("vector_store_id", "vector_stores"),
    #: The batch that it came with last.
    Column("batch_id", _String, index=True),
    Column("status", _String, nullable=False),
    Column("usage_bytes", BigInteger, nullable=False),
    #: The worker that reads it (see ``ids.owner_name``), its lease (see ``leases``), and the how
    #: manieth try it is.
    Column("owner", _String, index=True),
    Column("lease_until", Double),
    Column("tries", Integer, nullable=False, default=0),
    Column("body", JSON, nullable=False),
    UniqueConstraint("vector_store_id", "id"),
    Index("ix_vector_store_files_made", "vector_store_id", "seq"),
    Index("ix_vector_store_files_status", "status", "seq"),
    Index("ix_vector_store_files_by_status", "vector_store_id", "status", "seq", "usage_bytes"),
    sqlite_autoincrement=True,
    info={PARENT: "vector_store_id"},
)

#: Where deleted items were in their lists: the name of their table, and the id of their parent.
deleted_items: Final = Table(
    "deleted_items",
    metadata,
    Column("number", _Seq, primary_key=True, autoincrement=True),
    Column("list", _String, nullable=False),
    Column("parent", _String),
    Column("id", _String, nullable=False, index=True),
    Column("seq", BigInteger, nullable=False),
    _tenant(),
    sqlite_autoincrement=True,
)

#: The passages that a store searches: pieces of its files' texts, that may overlap.
passages: Final = Table(
    "passages",
    metadata,
    Column("seq", _Seq, primary_key=True, autoincrement=True),
    Column(
        "store_file",
        ForeignKey("vector_store_files.seq", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    #: Where in the file's text it begins, in characters.
    Column("start", Integer, nullable=False),
    Column("text", _String, nullable=False),
    sqlite_autoincrement=True,
)

#: Where texts are embedded: the vectors of passages, as ``vectors`` encodes them.
passage_vectors: Final = Table(
    "passage_vectors",
    metadata,
    Column("passage", ForeignKey("passages.seq", ondelete="CASCADE"), primary_key=True),
    #: The embedding model: vectors of two models have nothing in common.
    Column("model", _String, nullable=False),
    Column("signs", LargeBinary, nullable=False),
    Column("vector", LargeBinary, nullable=False),
)

for _indexed, _by_dialect in ((passages, WORD_TABLES), (messages, MESSAGE_WORD_TABLES)):
    for _dialect, _statements in _by_dialect.items():
        for _statement in _statements:
            event.listen(
                _indexed,
                "after_create",
                DDL(_statement).execute_if(dialect=_dialect),  # type: ignore[no-untyped-call]  # SQLAlchemy's is
            )

#: The responses to requests that may be repeated, by the key that their caller gave them.
#: What is stored of a thread is deleted with the thread.
answered_requests: Final = Table(
    "answered_requests",
    metadata,
    Column("key", _String, primary_key=True),
    Column("fingerprint", _String, nullable=False),
    Column("created_at", Double, nullable=False, index=True),
    Column("thread_id", ForeignKey("threads.id", ondelete="CASCADE"), index=True),
    Column("answer", JSON, nullable=False),
)

#: The tokens that requests may have beside the engine's own (see ``services.tokens``).
tokens: Final = Table(
    "tokens",
    metadata,
    Column("seq", _Seq, primary_key=True, autoincrement=True),
    #: Unique among those that are not revoked; a later one of the same name goes on with its work.
    Column("name", _String, nullable=False),
    Column("hash", _String, nullable=False, unique=True),
    Column("isolated", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    sqlite_autoincrement=True,
)

#: The runs that ended, by the token that made them: what is deleted afterwards stays counted.
tenant_usage: Final = Table(
    "tenant_usage",
    metadata,
    Column("tenant", _String, primary_key=True),
    #: The day of the end, in UTC, such as ``2026-03-01``.
    Column("day", _String, primary_key=True),
    Column("status", _String, primary_key=True),
    Column("runs", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
)

#: The ledger: what was imported. It stays when the object is deleted, which an import that comes
#: again respects, and tells what was changed here since from what its source has changed.
imports: Final = Table(
    "imports",
    metadata,
    Column("object_id", _String, primary_key=True),
    Column("kind", _String, primary_key=True),
    #: The digest of the object as it was written.
    Column("sha256", _String, nullable=False),
    #: The name of the file that it came from.
    Column("source", _String, nullable=False),
    Column("at", BigInteger, nullable=False),
)

#: One row: which version of all these tables a database has, see ``migrations``.
schema_version: Final = Table(
    "assistants_schema_version",  # programs that share the database may have a schema_version
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
)


#: Indexes that earlier versions made, and no query needs any more.
_OBSOLETE: Final = (
    *(f"ix_{table.name}_order" for table in metadata.sorted_tables),
    "ix_messages_run_id",
    "ix_messages_of_run",
    "ix_runs_status",
    "ix_files_purpose",
    "ix_files_is_whole",
    "ix_vector_store_files_counts",
    "ix_runs_status",
)
_INDEXES: Final = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index'",
    "postgresql": "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()",
}


def create_missing(connection: Connection) -> None:
    """Makes the tables and indexes that a database has not; drops indexes that are not needed."""
    present = set(inspect(connection).get_table_names())
    for name, statements in _creation(connection.dialect.name):
        if name not in present:
            for statement in statements:
                connection.exec_driver_sql(statement)
    indexes = set(connection.exec_driver_sql(_INDEXES[connection.dialect.name]).scalars())
    for table in metadata.sorted_tables:
        for index in table.indexes:
            if index.name not in indexes:
                index.create(connection)
    for name in indexes.intersection(_OBSOLETE):
        connection.exec_driver_sql(f"DROP INDEX {name}")


@cache
def _creation(dialect: str) -> Sequence[tuple[str, Sequence[str]]]:
    """Returns each table's name and the DDL that makes it.

    It is compiled once in a process, and not for each database, as SQLAlchemy would: that took half
    of the time that an engine in memory needs to open.
    """
    made: list[tuple[str, list[str]]] = []

    def collect(statement: ExecutableDDLElement, *_: object, **__: object) -> None:
        made[-1][1].append(str(statement.compile(dialect=recorder.dialect)))

    recorder = create_mock_engine(f"{dialect}://", collect)
    for table in metadata.sorted_tables:
        made.append((table.name, []))
        table.create(recorder, checkfirst=False)
    return made
