"""Pages of a list, by keyset cursors: no page skips or repeats, whatever is added meanwhile.

The order is that of ``seq``, in which rows were inserted. A cursor whose item was deleted goes on
from the item's former place. No rule of a noun is here.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final, Literal, TypeVar

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, Table, Text, case, cast, func, select

from assistants_client.engine.domain.bounds import MAX_PAGE_BYTES
from assistants_client.engine.faults import Fault
from assistants_client.engine.storage.deleted_items import place_of_deleted
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.models._base import Struct
from assistants_client.models.lists import Page

StructT = TypeVar("StructT", bound=Struct)

Order = Literal["asc", "desc"]

_DEFAULT_LIMIT: Final = 20
_MAXIMUM_LIMIT: Final = 100
#: Bytes up to which an item is loaded with its page, whether it has room there or not.
_SHORT: Final = 64 * 1024


@frozen(kw_only=True)
class PageQuery:
    """A query for a page of a list.

    Attributes:
        limit: The maximum number of items.
        order: Oldest first (``asc``) or newest first (``desc``).
        after: Only what comes after the item with this id, in that order.
        before: Only what comes before the item with this id. Without ``after`` the page is the one
            just before it, and ``has_more`` means items before the page.
    """

    limit: int = _DEFAULT_LIMIT
    order: Order = "desc"
    after: str | None = None
    before: str | None = None


def parse_page_query(
    query: Mapping[str, str],
    *,
    default_limit: int = _DEFAULT_LIMIT,
    maximum_limit: int = _MAXIMUM_LIMIT,
) -> PageQuery:
    """Reads the query of a list; other keys are ignored, and so are empty cursors.

    Args:
        query: The query's parameters.
        default_limit: The number of items where the query has no limit.
        maximum_limit: The largest limit that it may have.

    Raises:
        Fault: A value is not one that the protocol allows.
    """
    order = query.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise Fault(
            400, f"Invalid 'order': {order!r:.80} is not 'asc' or 'desc'.", "invalid_value", "order"
        )
    return PageQuery(
        limit=_limit(query.get("limit", str(default_limit)), maximum_limit),
        order="asc" if order == "asc" else "desc",
        after=query.get("after") or None,
        before=query.get("before") or None,
    )


def _limit(text: str, maximum: int) -> int:
    if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) < 10):
        raise Fault(
            400, f"Invalid 'limit': {text!r:.80} is not an integer.", "invalid_type", "limit"
        )
    limit = int(text)
    if limit < 1:
        raise Fault(
            400,
            f"Invalid 'limit': {limit} is below the minimum of 1.",
            "integer_below_min_value",
            "limit",
        )
    if limit > maximum:
        raise Fault(
            400,
            f"Invalid 'limit': {limit} is above the maximum of {maximum}.",
            "integer_above_max_value",
            "limit",
        )
    return limit


def read_page(
    connection: Connection,
    table: Table,
    cls: type[StructT],
    query: PageQuery,
    *where: ColumnElement[bool],
    parent: str | None = None,
    tenant: str | None = None,
    passing: Sequence[ColumnElement[bool]] = (),
) -> StoredJson[Page[StructT]]:
    """Returns a page of a list, as JSON.

    It ends early, with more to come, where the next item would take it beyond ``MAX_PAGE_BYTES``.

    Args:
        connection: The transaction.
        table: The table of the items.
        cls: Their class.
        query: The cursors, the limit and the order.
        where: The conditions of being in the list.
        parent: The id of their parent, such as a thread; ``None`` where they have none.
        tenant: The list is of this tenant's items alone, a deleted one's place too; ``None``: of
            all.
        passing: Conditions that an item may cease to fulfil: then it is left out, but a cursor may
            still name it.

    Raises:
        Fault: A cursor names an item that never was in this list.
    """
    ascending = query.order == "asc"
    if tenant is not None:
        where = (*where, table.c.tenant == tenant)
    conditions = [*where, *passing]
    for param, cursor, upwards in (
        ("after", query.after, ascending),
        ("before", query.before, not ascending),
    ):
        if cursor is not None:
            seq = _place(connection, table, param, cursor, where, parent=parent, tenant=tenant)
            conditions.append(table.c.seq > seq if upwards else table.c.seq < seq)
    # A page before an item is read backwards from it.
    backwards = query.before is not None and query.after is None
    ids: list[str] = []
    items: list[str] = []
    has_more, room = False, MAX_PAGE_BYTES
    rows = _rows(connection, table, conditions, query.limit + 1, upwards=ascending != backwards)
    with closing(rows):
        for object_id, body in rows:
            room -= len(body)
            has_more = len(items) == query.limit or (room < 0 and bool(items))
            if has_more:
                break
            ids.append(object_id)
            items.append(body)
    if backwards:
        ids.reverse()
        items.reverse()
    return _page(cls, ids, items, has_more=has_more)


def _page(
    cls: type[StructT], ids: Sequence[str], items: Sequence[str], *, has_more: bool
) -> StoredJson[Page[StructT]]:
    """Returns a page of items that are JSON already: they are joined, and not parsed."""
    first, last = (ids[0], ids[-1]) if ids else (None, None)
    empty: Page[StructT] = Page(first_id=first, last_id=last, has_more=has_more)
    text = StoredJson.of(empty).text.replace('"data":[]', f'"data":[{",".join(items)}]', 1)
    return StoredJson(Page[cls], text)  # type: ignore[valid-type]  # it is known when this runs


def _rows(
    connection: Connection,
    table: Table,
    conditions: Sequence[ColumnElement[bool]],
    limit: int,
    *,
    upwards: bool,
) -> Generator[tuple[str, str], None, None]:
    """Yields the ids and the objects of rows in order; a long one is loaded when its turn comes."""
    seq, body = table.c.seq, cast(table.c.body, Text)
    at_once: ColumnElement[Any] = body
    if connection.dialect.name != "sqlite":
        # SQLite reads row by row; another driver has all rows of a result before the first is seen.
        at_once = case((func.length(body) <= _SHORT, body))
    with connection.execute(
        select(seq, table.c.id, at_once)
        .where(*conditions)
        .order_by(seq.asc() if upwards else seq.desc())
        .limit(limit)
    ) as rows:
        for number, object_id, text in rows:
            whole = text or connection.execute(select(body).where(seq == number)).scalar_one()
            yield object_id, whole


def _place(
    connection: Connection,
    table: Table,
    param: str,
    cursor: str,
    where: tuple[ColumnElement[bool], ...],
    *,
    parent: str | None,
    tenant: str | None,
) -> int:
    """Returns the place of the cursor's item in the list, or its place before it was deleted."""
    seq: int | None = connection.execute(
        select(table.c.seq).where(table.c.id == cursor, *where)
    ).scalar_one_or_none()
    if seq is None:
        seq = place_of_deleted(connection, table, cursor, parent, tenant)
    if seq is None:
        raise Fault(
            400, f"Invalid '{param}': this list has no item {cursor!r:.80}.", "invalid_value", param
        )
    return seq
