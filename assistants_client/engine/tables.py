"""The tables: for each kind of object the columns that are queried on, and the object itself.

``seq`` numbers rows as they come in and settles the order among objects of one second. ``body`` is
the object as JSON, so that a new field of the protocol needs no migration; what stands in a column
beside it is written from the object at every save. No rule and no SQL beyond the schema is here.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

metadata: Final = MetaData()

#: SQLite numbers rows by itself only in a column of exactly the type INTEGER.
_Seq = BigInteger().with_variant(Integer, "sqlite")


def _table(name: str, *columns: Column[Any], parent: str | None = None) -> Table:
    own = [] if parent is None else [parent]
    return Table(
        name,
        metadata,
        Column("seq", _Seq, primary_key=True, autoincrement=True),
        Column("id", String, nullable=False, unique=True),
        Column("created_at", BigInteger, nullable=False),
        *columns,
        Column("body", JSON, nullable=False),
        Index(f"ix_{name}_order", *own, "created_at", "seq"),
        sqlite_autoincrement=True,
    )


def _parent(name: str, table: str) -> Column[Any]:
    reference = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Column(name, String, reference, nullable=False)


assistants: Final = _table("assistants")

threads: Final = _table("threads")

messages: Final = _table(
    "messages",
    _parent("thread_id", "threads"),
    #: The run that wrote it. Not a reference: what a caller wrote has none.
    Column("run_id", String, index=True),
    Column("status", String, nullable=False),
    parent="thread_id",
)

runs: Final = _table(
    "runs",
    _parent("thread_id", "threads"),
    Column("status", String, nullable=False, index=True),
    #: The thread's lock: the thread's id while the run is active, else null.
    Column("active_thread_id", String, unique=True),
    #: Who carries the run (see ``ids.owner_name``), and until when it may be believed alive.
    Column("owner", String, index=True),
    Column("lease_until", Double),
    Column("cancelling_since", Double),
    parent="thread_id",
)

run_steps: Final = _table(
    "run_steps",
    _parent("run_id", "runs"),
    Column("status", String, nullable=False),
    parent="run_id",
)

#: What the code interpreter keeps of a thread between two calls.
interpreter_states: Final = Table(
    "interpreter_states",
    metadata,
    Column("thread_id", ForeignKey("threads.id", ondelete="CASCADE"), primary_key=True),
    Column("state", LargeBinary, nullable=False),
)

files: Final = _table(
    "files",
    Column("purpose", String, nullable=False, index=True),
    Column("expires_at", BigInteger, index=True),
    #: False while its content is still coming in: nobody is shown such a file.
    Column("is_whole", Boolean, nullable=False),
)

#: The content of files, in blocks numbered from 0.
file_blocks: Final = Table(
    "file_blocks",
    metadata,
    Column("file_id", ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

#: Requests that are known again when they are repeated, by the key that their caller gave them.
#: What is kept of a thread goes with the thread.
answered_requests: Final = Table(
    "answered_requests",
    metadata,
    Column("key", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("created_at", Double, nullable=False, index=True),
    Column("thread_id", ForeignKey("threads.id", ondelete="CASCADE"), index=True),
    Column("answer", JSON, nullable=False),
)
