"""Threads by their metadata and by words of their messages: what is asked for, and the conditions.

The cost of a page has bounds, whatever is stored:

* by metadata, rows of an index are read in the order of the list, as many as there are on the page
  (of several pairs, those that have the rarest of them);
* by words, the newest ``MOST_MESSAGES`` messages that have all of them count;
* by both, so do all messages of the newest ``MOST_THREADS`` threads with the metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen
from sqlalchemy import ColumnElement, Connection, Select, exists, func, or_, select

from assistants_client.engine.faults import Fault
from assistants_client.engine.storage.message_words import (
    newest_messages,
    thread_has_words,
    words_asked_for,
)
from assistants_client.engine.storage.tables import messages, thread_metadata, threads

#: The newest messages with words, and the newest threads with metadata, that a search looks at.
MOST_MESSAGES: Final = 5_000
MOST_THREADS: Final = 200
#: So far are the threads with a pair counted, to know which is rare.
_COUNTED: Final = 1_000

_PAIR: Final = re.compile(r"metadata\[(.*)\]", re.DOTALL)
#: Of metadata itself.
_MOST_PAIRS: Final = 16
_LONGEST_SEARCH: Final = 500


@frozen(kw_only=True)
class ThreadFilter:
    """The threads that are asked for.

    Attributes:
        metadata: The pairs that a thread has, all of them.
        words: The words that one of its messages has, all of them, as the index has them.
    """

    metadata: Mapping[str, str] = field(factory=dict)
    words: Sequence[str] = ()


EVERY_THREAD: Final = ThreadFilter()


def parse_thread_filter(query: Iterable[tuple[str, str]]) -> ThreadFilter:
    """Reads ``metadata[KEY]=VALUE`` and ``search=WORDS`` from a query; other keys are ignored.

    Raises:
        Fault: One of them is not as it should be.
    """
    pairs: dict[str, str] = {}
    words: list[str] = []
    for name, value in query:
        if name == "search" and value:
            words = _words(value)
        elif name.startswith("metadata"):
            found = _PAIR.fullmatch(name)
            if found is None or not found[1]:
                message = (
                    f"Invalid '{name:.80}': write metadata[KEY]=VALUE, as in metadata[user]=7."
                )
                raise Fault(400, message, "invalid_value", "metadata")
            if pairs.setdefault(found[1], value) != value:
                message = f"Invalid '{name:.80}': a thread has one value of a key, here are two."
                raise Fault(400, message, "invalid_value", name[:80])
    if len(pairs) > _MOST_PAIRS:
        message = f"Invalid 'metadata': {len(pairs)} pairs are above the maximum of {_MOST_PAIRS}."
        raise Fault(400, message, "invalid_value", "metadata")
    return ThreadFilter(metadata=pairs, words=words)


def _words(text: str) -> list[str]:
    if len(text) > _LONGEST_SEARCH:
        raise Fault(
            400,
            f"Invalid 'search': {len(text)} characters are above the maximum of {_LONGEST_SEARCH}.",
            "string_above_max_length",
            "search",
        )
    words = words_asked_for(text)
    if not words:
        message = f"Invalid 'search': there is no word in {text!r:.80}."
        raise Fault(400, message, "invalid_value", "search")
    return words


@frozen(kw_only=True)
class Found:
    """The threads of a filter, as ``read_page`` takes them.

    Attributes:
        candidates: The query for their places, if they are read from an index in their order.
        passing: The conditions on the threads.
    """

    candidates: Select[Any] | None = None
    passing: Sequence[ColumnElement[bool]] = ()


def matching(connection: Connection, wanted: ThreadFilter, tenant: str | None) -> Found:
    """Returns the threads of a filter.

    Args:
        connection: The transaction, in which they are read.
        wanted: The filter.
        tenant: Only threads of this tenant's; ``None``: of all.
    """
    place = thread_metadata.c.thread
    pairs = _rarest_first(connection, wanted.metadata, tenant)
    with_metadata = _with_metadata(pairs, tenant) if pairs else None
    if not wanted.words:
        return Found(candidates=with_metadata)
    dialect = connection.dialect.name
    if dialect == "postgresql":
        # The planner takes a scan of the table for cheap: it does not count that the words of each
        # row, which are stored apart, would be read and unpacked.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    newest = newest_messages(dialect, wanted.words, MOST_MESSAGES, tenant)
    with_words = (
        select(threads.c.seq)
        .join(messages, messages.c.thread_id == threads.c.id)
        .where(messages.c.seq.in_(newest))
    )
    if with_metadata is None:
        return Found(passing=[threads.c.seq.in_(with_words)])
    some = with_metadata.order_by(place.desc()).limit(MOST_THREADS).subquery()
    here = thread_has_words(dialect, wanted.words, some.c.thread)
    either = or_(place.in_(select(some.c.thread).where(here)), place.in_(with_words))
    return Found(candidates=with_metadata.where(either))


def _rarest_first(
    connection: Connection, pairs: Mapping[str, str], tenant: str | None
) -> list[tuple[str, str]]:
    """Returns pairs in the order of how many threads have them, as far as those are counted."""
    if len(pairs) < 2:
        return list(pairs.items())
    counts = {}
    for pair in pairs.items():
        some = _with_metadata([pair], tenant).limit(_COUNTED).subquery()
        counts[pair] = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return sorted(counts, key=counts.__getitem__)


def _with_metadata(pairs: Sequence[tuple[str, str]], tenant: str | None) -> Select[Any]:
    """Returns the query for the places of threads that have all of these pairs."""
    own = thread_metadata.c
    (first, value), *others = pairs
    query = select(own.thread).where(own.key == first, own.value == value)
    if tenant is not None:
        query = query.where(own.tenant == tenant)
    for key, value in others:
        also = thread_metadata.alias()
        has = (also.c.key == key, also.c.value == value, also.c.thread == own.thread)
        query = query.where(exists().where(*has).correlate(thread_metadata))
    return query
