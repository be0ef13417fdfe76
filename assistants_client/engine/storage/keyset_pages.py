"""Pages of a list, by keyset cursors: no page skips or repeats, whatever is added meanwhile.

The order is that of ``seq``, in which rows were inserted. A cursor whose item was deleted goes on
from the item's former place. No rule of a noun is here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set as AbstractSet
from functools import cache
from typing import Any, Final, Literal, TypeVar

from attrs import frozen
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    bindparam,
    case,
    cast,
    func,
    select,
)

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
#: The parameters of statements, beside those that have the names of columns.
_ABOVE, _BELOW, _LIMIT, _SEQ = "above", "below", "page_limit", "place"


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
    where: Mapping[str, Any],
    *,
    parent: str | None = None,
    tenant: str | None = None,
    passing: Sequence[ColumnElement[bool]] = (),
    candidates: Select[Any] | None = None,
) -> StoredJson[Page[StructT]]:
    """Returns a page of a list, as JSON.

    It ends early, with more to come, where the next item would take it beyond ``MAX_PAGE_BYTES``.

    Args:
        connection: The transaction.
        table: The table of the items.
        cls: Their class.
        query: The cursors, the limit and the order.
        where: The columns that an item of the list has, with their values.
        parent: The id of their parent, such as a thread; ``None`` where they have none.
        tenant: The list is of this tenant's items alone, a deleted one's place too; ``None``: of
            all.
        passing: Conditions that an item may cease to fulfil: then it is left out, but a cursor may
            still name it.
        candidates: A query for the places of all items that are in the list, where those can be
            read in their order from an index of another table; likewise they may cease to be.

    Raises:
        Fault: A cursor names an item that never was in this list.
    """
    ascending = query.order == "asc"
    if tenant is not None:
        where = {**where, "tenant": tenant}
    bounds: dict[str, int] = {}
    for param, cursor, upwards in (
        ("after", query.after, ascending),
        ("before", query.before, not ascending),
    ):
        if cursor is not None:
            place = _place(connection, table, param, cursor, where, parent=parent, tenant=tenant)
            bounds[_ABOVE if upwards else _BELOW] = place
    # A page before an item is read backwards from it.
    backwards = query.before is not None and query.after is None
    upwards = ascending != backwards
    statement = _rows_of(table, *where, bounds=frozenset(bounds), upwards=upwards)
    values = {**where, **bounds, _LIMIT: query.limit + 1}
    if candidates is not None:
        passing = [*passing, table.c.seq.in_(_of_page(candidates, frozenset(bounds), upwards))]
    ids: list[str] = []
    items: list[str] = []
    has_more, room = False, MAX_PAGE_BYTES
    found = connection.execute(statement.where(*passing) if passing else statement, values)
    rows: Sequence[Any] = found.all()
    for seq, object_id, at_once in rows:
        body = at_once or connection.execute(_body(table), {_SEQ: seq}).scalar_one()
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


@cache
def _rows_of(table: Table, *names: str, bounds: AbstractSet[str], upwards: bool) -> Any:
    """Returns the query for the places, ids and short objects of the rows of a page, in order.

    Args:
        table: The table.
        names: The names of columns that have values.
        bounds: Which of ``_ABOVE`` and ``_BELOW`` the places have.
        upwards: Whether the places increase.
    """
    body = cast(table.c.body, Text)
    rows = select(table.c.seq, table.c.id, case((func.length(body) <= _SHORT, body)))
    rows = rows.where(*(table.c[name] == bindparam(name) for name in names))
    return _of_page(rows, bounds, upwards)


def _of_page(rows: Any, bounds: AbstractSet[str], upwards: bool) -> Any:
    """Returns a query, whose first column is a place, for the rows of a page alone."""
    place = rows.selected_columns[0]
    if _ABOVE in bounds:
        rows = rows.where(place > bindparam(_ABOVE))
    if _BELOW in bounds:
        rows = rows.where(place < bindparam(_BELOW))
    return rows.order_by(place.asc() if upwards else place.desc()).limit(bindparam(_LIMIT))


@cache
def _body(table: Table) -> Select[Any]:
    return select(cast(table.c.body, Text)).where(table.c.seq == bindparam(_SEQ))


@cache
def _places(table: Table, *names: str) -> Select[Any]:
    return select(table.c.seq).where(*(table.c[name] == bindparam(name) for name in names))


def _place(
    connection: Connection,
    table: Table,
    param: str,
    cursor: str,
    where: Mapping[str, Any],
    *,
    parent: str | None,
    tenant: str | None,
) -> int:
    """Returns the place of the cursor's item in the list, or its place before it was deleted."""
    which = {**where, "id": cursor}
    seq: int | None = connection.execute(_places(table, *which), which).scalar_one_or_none()
    if seq is None:
        seq = place_of_deleted(connection, table, cursor, parent, tenant)
    if seq is None:
        raise Fault(
            400, f"Invalid '{param}': this list has no item {cursor!r:.80}.", "invalid_value", param
        )
    return seq
