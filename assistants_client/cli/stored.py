"""The place where commands read and delete objects: a server, or an engine's database.

A database is reached by the engine's own operations, in this process, but nothing is processed:
runs that wait in it are left to the engines that serve it.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from assistants_client.cli.engine_options import add_database, refusing, set_variables
from assistants_client.cli.exits import DATABASE, FAILED, NOT_INSTALLED, USAGE, Refusal
from assistants_client.cli.parser import Parser
from assistants_client.errors import (
    APIStatusError,
    AssistantsError,
    ConfigurationError,
    NotFoundError,
)

if TYPE_CHECKING:
    from assistants_client.client.client import Client
    from assistants_client.engine import Engine
    from assistants_client.engine.storage.database import Database


class Stored(NamedTuple):
    """The objects that are stored in one place.

    Attributes:
        client: The client of it.
        database: The database, where it is an engine's; ``None`` for a server.
        place: A name for it, without secrets.
    """

    client: Client
    database: Database | None
    place: str


def add_server(command: Parser) -> None:
    """Adds the options that name a server of the protocol."""
    option = command.add_argument
    option("--base-url", metavar="URL", help="server of the protocol, such as https://host/v1; "
           "without it the embedded engine [ASSISTANTS_BASE_URL]")  # fmt: skip
    option("--api-key", metavar="KEY", help="key for that server; the variable is the better "
           "place, since other users may see command lines [ASSISTANTS_API_KEY]")  # fmt: skip


def add_stored(command: Parser) -> None:
    """Adds the options that name a server, or a database."""
    add_server(command)
    add_database(command)


@contextmanager
def opened(options: argparse.Namespace) -> Iterator[Stored]:
    """Opens what the options name; errors of the block become refusals of the command.

    Raises:
        Refusal: It cannot be reached, or does not do what it is asked for.
    """
    if options.database is not None and options.base_url is not None:
        raise Refusal(USAGE, "--base-url and --database: give one of them, not both")
    from assistants_client.client.client import Client  # help needs no client

    logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # errors say it once
    base_url = options.base_url or os.environ.get("ASSISTANTS_BASE_URL")
    try:
        if options.database is None and base_url:
            with Client(options.base_url, api_key=options.api_key) as client:
                yield Stored(client, None, base_url)
            return
        with opened_database(options) as database:
            from assistants_client.engine.http.app import App
            from assistants_client.engine.services._base import Context

            # A client calls whatever serves the protocol here as it calls an engine.
            application: Any = App(Context(database=database))
            with Client(engine=cast("Engine", application)) as client:
                yield Stored(client, database, database.shown_url)
    except AssistantsError as error:
        raise Refusal(status_of(error), str(error)) from error


@contextmanager
def opened_database(options: argparse.Namespace) -> Iterator[Database]:
    """Opens the database that the options name, or the environment.

    Raises:
        Refusal: There is none, or it cannot be used.
    """
    sources = set_variables(options)
    with refusing(sources):
        from assistants_client.engine.engine import DEFAULT_URL  # an extra, and slow to import
        from assistants_client.engine.faults import Fault
        from assistants_client.engine.storage.database import Database
    url = options.database or DEFAULT_URL
    require_database(url)
    with refusing(sources):
        database = Database(url)
    try:
        with refusing(sources):
            database.open()
        yield database
    except Fault as fault:
        raise Refusal(DATABASE, fault.message) from fault
    finally:
        database.close()


def require_database(url: str) -> None:
    """Refuses a file that is not there: else an empty database would be made, and shown.

    Raises:
        Refusal: There is none.
    """
    if not url.startswith("sqlite"):
        return
    path = url.partition("://")[2].removeprefix("/").partition("?")[0]
    if path in {"", ":memory:"}:
        raise Refusal(DATABASE, "a database in memory is gone with its process: nothing is old")
    if not path.startswith("file:") and not os.path.exists(path):
        raise Refusal(
            DATABASE,
            f"there is no database {os.path.abspath(path)}; --database or ASSISTANTS_DATABASE_URL "
            "names another",
        )


def is_missing_operation(error: AssistantsError) -> bool:
    """Returns whether a server says that it has no such operation at all, rather than object."""
    if isinstance(error, NotFoundError):
        return True
    return isinstance(error, APIStatusError) and error.status_code in {405, 501}


def status_of(error: AssistantsError) -> int:
    """Returns the exit status for an error of the client."""
    if "[engine]" in str(error):
        return NOT_INSTALLED
    return USAGE if isinstance(error, ConfigurationError) else FAILED
