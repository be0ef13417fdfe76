"""Which database a test uses: SQLite, or one of its own on a PostgreSQL server.

``ASSISTANTS_TEST_POSTGRES`` names a server by a URL such as ``postgresql://user@127.0.0.1/postgres``;
its user must be allowed to make databases. Then all tests that ask here run on it.
"""

from __future__ import annotations

import atexit
import itertools
import os
from typing import Final

from sqlalchemy import Engine, NullPool, create_engine, make_url, text

VARIABLE: Final = "ASSISTANTS_TEST_POSTGRES"
_SERVER: Final = os.environ.get(VARIABLE)
_NUMBERS: Final = itertools.count()


def fresh(sqlite: str) -> str:
    """The URL of an empty database: the one given, or a new one on the server."""
    if not _SERVER:
        return sqlite
    name = f"assistants_test_{os.getpid()}_{next(_NUMBERS)}"
    with _server(_SERVER).connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    atexit.register(_drop, _SERVER, name)
    return make_url(_SERVER).set(database=name).render_as_string(hide_password=False)


def _server(url: str) -> Engine:
    made = make_url(url).set(drivername="postgresql+psycopg")
    return create_engine(made, isolation_level="AUTOCOMMIT", poolclass=NullPool)


def _drop(server: str, name: str) -> None:
    with _server(server).connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
