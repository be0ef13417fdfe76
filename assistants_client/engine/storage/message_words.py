"""The index of the words of messages, by which threads are found.

For each message it has the distinct words that ``word_forms`` makes of its text, without places,
and up to two marks that no text can have: that of its thread and that of the thread's tenant. So
one look into the index answers for one tenant's messages, or for those of one thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    Select,
    Text,
    cast,
    column,
    literal,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from assistants_client.engine.search.word_forms import asked_words, folded_words, indexed_words
from assistants_client.engine.storage.statements import Statement

#: By the dialect, the statements that make the index, by the number of the message. Of SQLite's
#: ``detail = none`` leaves places out: the index then takes a third of what it would.
MESSAGE_WORD_TABLES: Final[dict[str, tuple[str, ...]]] = {
    "sqlite": (
        "CREATE VIRTUAL TABLE message_words USING fts5(words, tokenize = 'ascii', detail = none)",
        "CREATE TRIGGER message_is_gone AFTER DELETE ON messages BEGIN "
        "DELETE FROM message_words WHERE rowid = old.seq; END",
        "CREATE TRIGGER message_is_moved AFTER UPDATE OF seq ON messages BEGIN "
        "UPDATE message_words SET rowid = new.seq WHERE rowid = old.seq; END",
    ),
    "postgresql": (
        "CREATE TABLE message_words ("
        "message BIGINT PRIMARY KEY "
        "REFERENCES messages (seq) ON DELETE CASCADE ON UPDATE CASCADE, "
        "words TSVECTOR NOT NULL)",
        "CREATE INDEX ix_message_words_words ON message_words USING gin (words)",
    ),
}

#: Of a message so many bytes of words are indexed; PostgreSQL has room for twice as many.
MOST_BYTES: Final = 500_000
#: Beginnings of marks: a sign that parts words, and so is in none.
_THREAD: Final = "\u00a7t"
_TENANT: Final = "\u00a7n"

_OF_MESSAGE: Final = (
    "FROM messages JOIN threads ON threads.id = messages.thread_id WHERE messages.id = :id"
)
#: A message's words take the place of those that it had.
_PUT: Final = {
    "sqlite": (
        "DELETE FROM message_words WHERE rowid = (SELECT seq FROM messages WHERE id = :id)",
        "INSERT INTO message_words (rowid, words) SELECT messages.seq, "
        f"'{_THREAD}' || threads.seq || coalesce(' {_TENANT}' || hex(threads.tenant), '') "
        f"|| :words {_OF_MESSAGE}",
    ),
    "postgresql": (
        "INSERT INTO message_words (message, words) SELECT messages.seq, CAST("
        f"'{_THREAD}' || threads.seq || coalesce(' {_TENANT}' || "
        "encode(convert_to(threads.tenant, 'UTF8'), 'hex'), '') || :words AS tsvector) "
        f"{_OF_MESSAGE} ON CONFLICT (message) DO UPDATE SET words = excluded.words",
    ),
}
_FTS5: Final = table("message_words", column("rowid"), column("message_words"))
_TSVECTOR: Final = table("message_words", column("message"), column("words"))


def put_message_words(
    connection: Connection, documents: Sequence[Mapping[str, Any]], *, are_new: bool = False
) -> None:
    """Indexes the words of messages that are stored, in place of what was indexed of them.

    Args:
        connection: The transaction.
        documents: The messages.
        are_new: Whether nothing of them was indexed before.
    """
    rows = []
    for message in documents:
        words = " ".join(_words_of(message))
        if words:  # it has letters, digits and marks alone: nothing in it needs an escape
            rows.append({"id": message["id"], "words": f" {words}"})
    statements = _PUT[connection.dialect.name]
    for statement in statements[-1:] if are_new else statements:
        if len(rows) > 1:
            connection.execute(text(statement), rows)
        for row in rows if len(rows) == 1 else ():
            _compiled(statement).change(connection, row)


@cache
def _compiled(statement: str) -> Statement:
    return Statement(text(statement))


def _words_of(message: Mapping[str, Any]) -> Iterable[str]:
    """Returns the distinct words of a message."""
    texts = []
    for part in message.get("content") or ():
        if part.get("type") == "text":
            texts.append(str((part.get("text") or {}).get("value") or ""))
        elif part.get("type") == "refusal":
            texts.append(str(part.get("refusal") or ""))
    room, words = MOST_BYTES, dict.fromkeys(indexed_words("\n".join(texts)))
    if sum(map(len, words)) * 4 <= room:
        return words
    kept = []
    for word in words:
        room -= len(word.encode()) + 8  # PostgreSQL needs some bytes for each
        if room < 0:
            break
        kept.append(word)
    return kept


def words_asked_for(words: str) -> list[str]:
    """Returns the words of a question as the index has them; none where it has no word."""
    return list(dict.fromkeys(one for word in folded_words(words) for one in asked_words(word)))


def newest_messages(
    dialect: str, words: Sequence[str], most: int, tenant: str | None = None
) -> Select[Any]:
    """Returns the query for the numbers of the newest messages that have all of some words.

    Args:
        dialect: The name of the database's dialect.
        words: The words, as :func:`words_asked_for` returns them.
        most: So many of them at most.
        tenant: Only messages of this tenant's; ``None``: of all.
    """
    marks = [] if tenant is None else [_TENANT + tenant.encode().hex()]
    query = literal(_all_of(dialect, [*marks, *words]), Text)
    number = _number(dialect)
    return select(number).where(_matches(dialect, query)).order_by(number.desc()).limit(most)


def thread_has_words(dialect: str, words: Sequence[str], thread: ColumnElement[int]) -> Exists:
    """Returns the condition that a message of a thread, by its number, has all of some words."""
    sign, both = _SIGNS[dialect], _AND[dialect]
    mark = literal(sign + _THREAD, Text).concat(cast(thread, Text))
    query = mark.concat(literal(f"{sign}{both}{_all_of(dialect, words)}", Text))
    return select(_number(dialect)).where(_matches(dialect, query)).exists()


_SIGNS: Final = {"sqlite": '"', "postgresql": "'"}
_AND: Final = {"sqlite": " ", "postgresql": " & "}


def _all_of(dialect: str, words: Sequence[str]) -> str:
    sign = _SIGNS[dialect]
    return _AND[dialect].join(f"{sign}{word}{sign}" for word in words)


def _number(dialect: str) -> ColumnElement[int]:
    """Returns the column with the number of the message."""
    return _FTS5.c.rowid if dialect == "sqlite" else _TSVECTOR.c.message


def _matches(dialect: str, query: ColumnElement[str]) -> Any:
    if dialect == "sqlite":
        return _FTS5.c.message_words.op("MATCH")(query)
    return _TSVECTOR.c.words.op("@@")(cast(query, TSQUERY))
