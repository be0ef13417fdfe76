"""A PostgreSQL server's URL as the driver has it, for connections beside those of the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import make_url


def server_arguments(url: str) -> dict[str, Any] | None:
    """Returns the arguments of ``psycopg.connect``; ``None`` where the database is no server.

    Args:
        url: As the database has it, and can be read.
    """
    made = make_url(url)
    if made.get_backend_name() != "postgresql":
        return None
    dialect = made.set(drivername="postgresql+psycopg").get_dialect()()
    _, arguments = dialect.create_connect_args(made)
    return dict(arguments)
