"""The index of the words of passages, in the language of the database in use.

Files and stores are only numbers here; the scores of hits are not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import comb
from typing import Any, Final, Protocol

from attrs import frozen
from sqlalchemy import ARRAY, BigInteger, Connection, bindparam, text

from assistants_client.engine.search.text_ranking import any_of, in_stores


@frozen
class Searched:
    """The scope of a search: the numbers of stores, and of files of theirs that are left out."""

    stores: Sequence[int]
    hidden: Sequence[int] = ()


class WordIndex(Protocol):
    """An index of words in one kind of database. Words are terms as ``text_ranking`` has them."""

    def ranked(
        self,
        connection: Connection,
        where: Searched,
        words: Sequence[str],
        most: int | None,
        *,
        together: int = 1,
        query: Sequence[str],
    ) -> Iterator[tuple[int, int, float]]:
        """Yields passages that have so many of the words at least, the best first.

        Each is the passage's number, its file's in the store, and its rank: the lower, the
        better. It is that by all words of the query, where the database has it; else by those
        searched for. Of more than ``most`` passages only so many are ranked.
        """
        ...

    def holding(
        self,
        connection: Connection,
        where: Searched,
        word: str,
        *,
        among: Sequence[int] | None = None,
        most: int,
    ) -> frozenset[int]:
        """Returns the passages that have a word, up to so many; or those of ``among`` that do."""
        ...


class _Fts5:
    """The index of SQLite."""

    #: The place of the store takes no part in the rank; a word of the title counts as two.
    _RANKED = (
        "SELECT passages.seq, passages.store_file, rank FROM ("
        "SELECT rowid AS passage, bm25(passage_words, 0.0, 2.0, 1.0) AS rank "
        "FROM passage_words WHERE passage_words MATCH :wanted{some} LIMIT :most) "
        "JOIN passages ON passages.seq = passage ORDER BY rank, passages.seq"
    )
    _HOLDING = "SELECT rowid FROM passage_words WHERE passage_words MATCH :wanted{some} LIMIT :most"
    _WORDS = "SELECT rowid, title, words FROM passage_words WHERE rowid IN :some"
    _SHOWN = (
        " AND NOT EXISTS (SELECT 1 FROM passages "
        "WHERE seq = passage_words.rowid AND store_file IN :some)"
    )

    def ranked(
        self,
        connection: Connection,
        where: Searched,
        words: Sequence[str],
        most: int | None,
        *,
        together: int = 1,
        query: Sequence[str],
    ) -> Iterator[tuple[int, int, float]]:
        wanted = in_stores(where.stores, words, together)
        # Each word is in so many of the expression's sets, and is counted in each.
        times = comb(len(words) - 1, together - 1)
        asked = {"wanted": wanted, "most": -1 if most is None else most}
        some = (self._SHOWN, where.hidden) if where.hidden else None
        for row in self._found(connection, self._RANKED, asked, some):
            yield row.seq, row.store_file, row.rank / times

    def holding(
        self,
        connection: Connection,
        where: Searched,
        word: str,
        *,
        among: Sequence[int] | None = None,
        most: int,
    ) -> frozenset[int]:
        if among is not None:
            # To read what words a passage has takes a fifth of looking for it among those of one.
            rows = self._found(connection, self._WORDS, {}, ("", among))
            found = [row.rowid for row in rows if word in f"{row.title} {row.words}".split()]
            return frozenset(found[:most])
        asked = {"wanted": in_stores(where.stores, [word]), "most": most}
        some = (self._SHOWN, where.hidden) if where.hidden else None
        return frozenset(self._found(connection, self._HOLDING, asked, some).scalars().all())

    @staticmethod
    def _found(
        connection: Connection,
        statement: str,
        asked: Mapping[str, Any],
        some: tuple[str, Sequence[int]] | None,
    ) -> Any:
        if some is None:
            return connection.execute(text(statement.format(some="")), asked)
        query = text(statement.format(some=some[0])).bindparams(bindparam("some", expanding=True))
        return connection.execute(query, {**asked, "some": list(some[1])})


class _TsVector:
    """PostgreSQL's index."""

    #: A word of the title counts as two; 1 is for long passages, which hold more words anyway.
    _RANKED = (
        "SELECT passages.seq, passages.store_file, "
        "-ts_rank('{{0.5, 0.5, 0.5, 1}}', found.words, CAST(:query AS tsquery), 1) AS rank "
        "FROM (SELECT passage, words FROM passage_words "
        "WHERE store = ANY(:stores) AND words @@ CAST(:wanted AS tsquery){shown} "
        "LIMIT :most) AS found "
        "JOIN passages ON passages.seq = found.passage "
        "ORDER BY rank, passages.seq"
    )
    _HOLDING = (
        "SELECT passage FROM passage_words "
        "WHERE store = ANY(:stores) AND words @@ CAST(:wanted AS tsquery){shown} LIMIT :most"
    )
    _AMONG = (
        "SELECT passage FROM passage_words "
        "WHERE passage = ANY(:among) AND words @@ CAST(:wanted AS tsquery) LIMIT :most"
    )
    _SHOWN = (
        " AND NOT EXISTS (SELECT 1 FROM passages "
        "WHERE seq = passage_words.passage AND store_file = ANY(:hidden))"
    )

    def ranked(
        self,
        connection: Connection,
        where: Searched,
        words: Sequence[str],
        most: int | None,
        *,
        together: int = 1,
        query: Sequence[str],
    ) -> Iterator[tuple[int, int, float]]:
        rows = self._found(
            connection,
            self._RANKED,
            words,
            self._numbers(where),
            most=most,
            together=together,
            query=query,
        )
        for row in rows:
            yield row.seq, row.store_file, row.rank

    def holding(
        self,
        connection: Connection,
        where: Searched,
        word: str,
        *,
        among: Sequence[int] | None = None,
        most: int,
    ) -> frozenset[int]:
        if among is None:
            numbers = self._numbers(where)
            rows = self._found(connection, self._HOLDING, [word], numbers, most=most)
        else:
            rows = self._found(connection, self._AMONG, [word], {"among": among}, most=most)
        return frozenset(row.passage for row in rows)

    @staticmethod
    def _numbers(where: Searched) -> dict[str, Sequence[int]]:
        hidden = {"hidden": where.hidden} if where.hidden else {}
        return {"stores": where.stores, **hidden}

    @classmethod
    def _found(
        cls,
        connection: Connection,
        statement: str,
        words: Sequence[str],
        numbers: Mapping[str, Sequence[int]],
        *,
        most: int | None,
        together: int = 1,
        query: Sequence[str] = (),
    ) -> Any:
        written = statement.format(shown=cls._SHOWN if "hidden" in numbers else "")
        found = text(written).bindparams(
            bindparam("most", type_=BigInteger),
            *(bindparam(name, type_=ARRAY(BigInteger)) for name in numbers),
        )
        asked: dict[str, Any] = {name: list(given) for name, given in numbers.items()}
        asked |= {"wanted": any_of(words, together, " & ", " | ", "'"), "most": most}
        if query:
            asked["query"] = any_of(query, 1, " & ", " | ", "'")
        return connection.execute(found, asked)


_INDEXES: Final[dict[str, WordIndex]] = {"sqlite": _Fts5(), "postgresql": _TsVector()}


def word_index(connection: Connection) -> WordIndex:
    """Returns the index of a database, to be searched in this transaction."""
    if connection.dialect.name == "postgresql":
        # The planner takes a scan of the table for cheap: it does not count that the words of each
        # row, which are stored apart, would be read and unpacked.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    return _INDEXES[connection.dialect.name]
