"""The usage of each tenant, counted as runs end: deleting them does not undo it.

Which tokens there are is not known here.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, update

from assistants_client.engine.storage.tables import runs, tenant_usage
from assistants_client.models.runs import Run

_TENANT: Final = select(runs.c.tenant).where(runs.c.id == bindparam("id"))


def tenant_of(connection: Connection, run_id: str) -> str | None:
    """Returns the tenant of a run, if it has one."""
    found: str | None = connection.execute(_TENANT, {"id": run_id}).scalar_one_or_none()
    return found


def count_ended(
    connection: Connection, run: Run, status: str, now: float, tenant: str | None
) -> None:
    """Counts a run that has a tenant, with its tokens, in the transaction that ends it.

    Args:
        connection: A transaction that holds the right to write.
        run: The run, with its usage.
        status: How it ended.
        now: The time, in Unix seconds.
        tenant: The run's, if it has one.
    """
    if tenant is None:
        return
    table, usage = tenant_usage.c, run.usage
    key = {"tenant": tenant, "day": day_of(now), "status": status}
    spent = {
        "runs": 1,
        "prompt_tokens": 0 if usage is None else usage.prompt_tokens,
        "completion_tokens": 0 if usage is None else usage.completion_tokens,
    }
    done = connection.execute(
        update(tenant_usage)
        .where(*(table[name] == value for name, value in key.items()))
        .values({name: table[name] + more for name, more in spent.items()})
    )
    if not done.rowcount:
        connection.execute(insert(tenant_usage).values(**key, **spent))


def day_of(now: float) -> str:
    """Returns the day of a time in Unix seconds, in UTC, such as ``2026-03-01``."""
    return datetime.fromtimestamp(now, timezone.utc).date().isoformat()
