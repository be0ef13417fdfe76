"""Statements on the driver's own cursor, and through SQLAlchemy where somebody listens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from databases import fresh
from sqlalchemy import Connection, Text, bindparam, cast, event, insert, select, update
from sqlalchemy.exc import IntegrityError

from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.statements import Statement
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import threads

ADD = Statement(insert(threads).inline())
SAVE = Statement(update(threads).where(threads.c.id == bindparam("of_id")))
BODIES = Statement(
    select(threads.c.id, cast(threads.c.body, Text))
    .where(threads.c.created_at > bindparam("after"), threads.c.tenant.is_(None))
    .order_by(threads.c.seq)
    .limit(2)
)


@pytest.fixture(params=[False, True], ids=["at once", "listened to"])
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A connection to an empty database."""
    database = Database(fresh("sqlite://"))
    with database.begin() as made:
        seen: list[str] = []
        if request.param:
            event.listen(made.engine, "before_cursor_execute", lambda *it: seen.append(it[2]))
        yield made
        assert bool(seen) == request.param
    database.close()


def row(object_id: str, **columns: Any) -> dict[str, Any]:
    """The values of a thread."""
    return {
        "id": object_id,
        "created_at": 1,
        "body": StoredJson(dict, '{"a":"\\u00e9"}'),
        **columns,
    }


def test_values_are_sent_and_read_as_everywhere(connection: Connection) -> None:
    """JSON that is text already, text that no database takes, and constants of the statement."""
    for object_id in ("t1", "t2", "t3"):
        ADD.change(connection, row(object_id))
    ADD.change(connection, row("t\x00", tenant="ann"))
    assert SAVE.change(connection, {"of_id": "t2", "body": {"b": [1]}}) == 1
    assert SAVE.change(connection, {"of_id": "none", "created_at": 5}) == 0

    rows = [tuple(found) for found in BODIES.all(connection, {"after": 0})]
    assert rows == [("t1", '{"a":"\\u00e9"}'), ("t2", '{"b":[1]}')]
    assert BODIES.first(connection, {"after": 1}) is None
    tenants = connection.execute(select(threads.c.id).where(threads.c.tenant == "ann"))
    assert tenants.scalar_one() == "t\ufffd"


def test_errors_are_those_of_sqlalchemy(connection: Connection) -> None:
    """Whoever catches one need not know which way a statement took."""
    ADD.change(connection, row("t1"))
    with pytest.raises(IntegrityError), connection.begin_nested():
        ADD.change(connection, row("t1"))
    assert BODIES.first(connection, {"after": 0})
