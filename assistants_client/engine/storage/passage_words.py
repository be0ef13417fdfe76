"""The index of the words of passages: its tables, what is put in, and how it is made anew.

The words are ``word_forms``'s. Both databases get just these: SQLite's tokenizer parts them at the
spaces between them, and PostgreSQL's parser is not used at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, TypeAlias

from sqlalchemy import Connection, inspect, text

from assistants_client.engine.search.word_forms import indexed_words

#: A passage: its number, the number of its store, its title and its text.
Passage: TypeAlias = tuple[int, int, str, str]

_FTS5: Final = (
    "CREATE VIRTUAL TABLE {name} USING fts5(store, title, words, tokenize = 'ascii')",
    "CREATE TRIGGER passage_is_gone AFTER DELETE ON passages BEGIN "
    "DELETE FROM passage_words WHERE rowid = old.seq; END",
)
#: By the dialect, the statements that make the index, by the number of the passage; ``store`` is
#: the number of its store.
WORD_TABLES: Final = {
    "sqlite": (_FTS5[0].format(name="passage_words"), _FTS5[1]),
    "postgresql": (
        "CREATE TABLE passage_words ("
        "passage BIGINT PRIMARY KEY REFERENCES passages (seq) ON DELETE CASCADE, "
        "store BIGINT NOT NULL, words TSVECTOR NOT NULL)",
        "CREATE INDEX ix_passage_words_words ON passage_words USING gin (words)",
    ),
}
_INTO_FTS5: Final = (
    "INSERT INTO {name} (rowid, store, title, words) VALUES (:passage, :store, :title, :words)"
)
_INTO_TSVECTOR: Final = text(
    "INSERT INTO passage_words (passage, store, words) "
    "VALUES (:passage, :store, CAST(:words AS tsvector)) "
    "ON CONFLICT (passage) DO UPDATE SET words = excluded.words"
)

#: The largest place of a word that PostgreSQL has, and so many places of one word.
_LAST_PLACE: Final = 16_383
_PLACES: Final = 255

#: Passages whose words are made anew at once.
_AT_ONCE: Final = 500
#: What the first version had stored of passages. On PostgreSQL nothing is left of a title but the
#: stems of its words, which count as the words.
_STORED: Final = {
    "sqlite": "SELECT seq, store, title, text FROM passages "
    "JOIN passage_words ON passage_words.rowid = seq WHERE seq > :after ORDER BY seq LIMIT :most",
    "postgresql": "SELECT seq, store, array_to_string(ARRAY("
    "SELECT lexeme FROM unnest(ts_filter(words, '{a}'))), ' ') AS title, text "
    "FROM passages JOIN passage_words ON passage = seq "
    "WHERE seq > :after ORDER BY seq LIMIT :most",
}


def put_words(connection: Connection, passages: Sequence[Passage]) -> None:
    """Adds the words of passages; these are deleted with their passages."""
    if not passages:
        return
    if connection.dialect.name == "sqlite":
        _put_fts5(connection, "passage_words", passages)
        return
    rows = [
        {
            "passage": number,
            "store": store,
            "words": _tsvector(indexed_words(title), indexed_words(words)),
        }
        for number, store, title, words in passages
    ]
    connection.execute(_INTO_TSVECTOR, rows)


def rebuild(connection: Connection) -> None:
    """Makes the index of version 1 anew: its words were folded differently on each database.

    It takes one passage after the other, some milliseconds each hundred; a crash undoes it.
    """
    if not {"passages", "passage_words"} <= set(inspect(connection).get_table_names()):
        return
    is_fts5 = connection.dialect.name == "sqlite"
    if is_fts5:
        connection.exec_driver_sql(_FTS5[0].format(name="new_passage_words"))
    stored, after = text(_STORED[connection.dialect.name]), 0
    while rows := connection.execute(stored, {"after": after, "most": _AT_ONCE}).all():
        some = [(int(row.seq), int(row.store), row.title, row.text) for row in rows]
        if is_fts5:
            _put_fts5(connection, "new_passage_words", some)
        else:
            put_words(connection, some)
        after = some[-1][0]
    if is_fts5:
        for statement in (
            "DROP TRIGGER IF EXISTS passage_is_gone",
            "DROP TABLE passage_words",
            "ALTER TABLE new_passage_words RENAME TO passage_words",
            _FTS5[1],
        ):
            connection.exec_driver_sql(statement)
    else:
        connection.exec_driver_sql("DROP TEXT SEARCH CONFIGURATION IF EXISTS assistants_words")
        connection.exec_driver_sql("DROP TEXT SEARCH DICTIONARY IF EXISTS assistants_stem")


def _put_fts5(connection: Connection, name: str, passages: Sequence[Passage]) -> None:
    rows = [
        {
            "passage": number,
            "store": str(store),
            "title": " ".join(indexed_words(title)),
            "words": " ".join(indexed_words(words)),
        }
        for number, store, title, words in passages
    ]
    connection.execute(text(_INTO_FTS5.format(name=name)), rows)


def _tsvector(title: Sequence[str], words: Sequence[str]) -> str:
    """Returns words with their places, as PostgreSQL writes them; a title's have the weight A."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for place, word in enumerate((*title, *words), 1):
        if len(places[word]) < _PLACES:
            weight = "A" if place <= len(title) else ""
            places[word].append(f"{min(place, _LAST_PLACE)}{weight}")
    # A word has letters, digits and marks alone: nothing in it needs an escape.
    return " ".join(f"'{word}':{','.join(found)}" for word, found in places.items())
