"""Options of the commands that run an engine; each is another name of a variable that it reads."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

from assistants_client._arguments import checked_base_url
from assistants_client.cli.exits import DATABASE, MODEL, NOT_INSTALLED, SANDBOX, USAGE, Refusal
from assistants_client.cli.parser import Parser, database, seconds, take_variables, whole_number
from assistants_client.errors import ConfigurationError

#: The exit status for an invalid variable, by the prefix of its name.
_STATUSES: Final = (
    ("$ASSISTANTS_ALLOW_ORIGIN", USAGE),
    ("$ASSISTANTS_BROKER", USAGE),
    ("$ASSISTANTS_LOG", USAGE),
    ("$ASSISTANTS_METRICS: prometheus-client", NOT_INSTALLED),
    ("$ASSISTANTS_METRICS", USAGE),
    ("$ASSISTANTS_EXECUTOR", USAGE),
    ("$ASSISTANTS_NO_PAGE", USAGE),
    ("broker", USAGE),
    ("$ASSISTANTS_MODEL", MODEL),
    ("$ASSISTANTS_EMBEDDING", MODEL),
    ("$ASSISTANTS_CODE_INTERPRETER", SANDBOX),
)

#: Options that can be given more than once: their variables have the values with commas.
_LISTS: Final = {"model_map": "ASSISTANTS_MODEL_MAP", "allow_origin": "ASSISTANTS_ALLOW_ORIGIN"}


class AddOption(Protocol):
    """Adds an option to a command, with the variable that gives it where the option is not."""

    def __call__(
        self, name: str, variable: str, default: str | None, what: str, **more: Any
    ) -> None:
        """Adds one option.

        Args:
            name: The option, such as ``--port``.
            variable: Its variable.
            default: What is taken where neither is given.
            what: The help.
            more: Arguments of ``add_argument``.
        """
        ...


def option_adder(command: Parser) -> AddOption:
    """Returns what adds options to a command for :func:`set_variables`."""
    #: By argument: the option, its variable, what is taken where neither is given, and the reader.
    variables: dict[str, tuple[str, str, str | None, Callable[[str], object]]] = (
        command.get_default("variables") or {}
    )
    command.set_defaults(parser=command, variables=variables)

    def option(name: str, variable: str, default: str | None, what: str, **more: Any) -> None:
        action = command.add_argument(name, help=f"{what} [{variable}]", **more)
        variables[action.dest] = (name, variable, default, more.get("type", str))

    return option


def add_database(command: Parser) -> None:
    """Adds the option that names the database."""
    option_adder(command)("--database", "ASSISTANTS_DATABASE_URL", None, "the database: a URL, or "
           "a file for SQLite (default: assistants.db in the working directory)",
           metavar="URL", type=database)  # fmt: skip


def add_engine_options(command: Parser) -> None:
    """Adds the options that name the database, the models, the sandbox and the workers."""
    add_database(command)
    option = option_adder(command)
    option("--model-url", "ASSISTANTS_MODEL_URL", None, "server of language models that "
           "answers; without it OpenAI's, if OPENAI_API_KEY is set and OPENAI_BASE_URL names no "
           "other server, else the offline tutor, which does arithmetic and linear equations only",
           metavar="URL")  # fmt: skip
    option("--model-key", "ASSISTANTS_MODEL_KEY", None, "key for that server; the variable is "
           "the better place, since other users may see command lines", metavar="KEY")  # fmt: skip
    option("--model", "ASSISTANTS_MODEL", None, "model to ask that server for, whatever a run "
           "names", metavar="NAME")  # fmt: skip
    option("--model-api", "ASSISTANTS_MODEL_API", None, "which API that server has: chat (chat "
           "completions, the default) or responses", metavar="API")  # fmt: skip
    command.add_argument("--model-map", metavar="OLD=NEW", action="append", default=[],
           help="model to ask for instead of one that a run names, such as one that was retired; "
           "can be given more than once [ASSISTANTS_MODEL_MAP, with commas]")  # fmt: skip
    option("--model-timeout", "ASSISTANTS_MODEL_TIMEOUT", None, "seconds that an answer of that "
           "server may take (default: 3600; the run ends sooner)", metavar="SECONDS")  # fmt: skip
    option("--model-stalled-after", "ASSISTANTS_MODEL_STALLED_AFTER", None, "seconds without a "
           "sign of life after which it is given up (default: 300)", metavar="SECONDS")  # fmt: skip
    option("--show-thinking", "ASSISTANTS_MODEL_SHOW_THINKING", None, "keeps in the messages the "
           "reasoning that a model writes within its text",
           action="store_const", const="1")  # fmt: skip
    option("--embedding-model", "ASSISTANTS_EMBEDDING_MODEL", None, "model of that server that "
           "embeds texts, so that file search finds meanings too", metavar="NAME")  # fmt: skip
    option("--code-interpreter", "ASSISTANTS_CODE_INTERPRETER", None, "where code of models runs: "
           "bubblewrap, all of Python on Linux (extra \"data\"); monty, a subset of Python; auto "
           "(the default), the first of these that works here", metavar="NAME")  # fmt: skip
    option("--workers", "ASSISTANTS_WORKERS", None, "runs that are processed at once; more are "
           "queued (default: 64)", metavar="NUMBER", type=whole_number)  # fmt: skip
    option("--max-runs", "ASSISTANTS_MAX_RUNS", None, "runs that all processes on the database "
           "process at once; more are queued (default: any number)",
           metavar="NUMBER", type=whole_number)  # fmt: skip
    option("--pool-size", "ASSISTANTS_POOL_SIZE", None, "connections of this process to a "
           "PostgreSQL server (default: 8)", metavar="NUMBER", type=whole_number)  # fmt: skip
    option("--statement-timeout", "ASSISTANTS_STATEMENT_TIMEOUT", None, "seconds after which a "
           "PostgreSQL server cancels a statement; 0 is never (default: 30)",
           metavar="SECONDS", type=seconds)  # fmt: skip
    option("--broker", "ASSISTANTS_BROKER", None, "broker that all processes of the database "
           "share, such as redis://localhost:6379/0; the variable is the better place for a URL "
           "with a password", metavar="URL")  # fmt: skip
    add_log_options(command)


def add_executor(command: Parser) -> None:
    """Adds the option that says where runs are processed."""
    option_adder(command)("--executor", "ASSISTANTS_EXECUTOR", None, "where runs are processed and "
           "files read: threads, of this process (the default), or celery, by the processes of "
           "`assistants worker` that have the same database and broker",
           metavar="NAME")  # fmt: skip


def add_log_options(command: Parser) -> None:
    """Adds the options of the log and of metrics."""
    option = option_adder(command)
    option("--log-format", "ASSISTANTS_LOG_FORMAT", None, "plain lines (the default), or json: one "
           "object a line", metavar="FORMAT")  # fmt: skip
    option("--log-level", "ASSISTANTS_LOG_LEVEL", None, "what is logged: debug, info (a line for "
           "each request), warning (the default), error or critical", metavar="LEVEL")  # fmt: skip
    option("--access-log", "ASSISTANTS_ACCESS_LOG", None, "logs a line for each request, whatever "
           "the level: method, path, status, milliseconds, bytes, the name of the token and the "
           "request's id", action="store_const", const="1")  # fmt: skip
    option("--metrics", "ASSISTANTS_METRICS", None, "serves metrics in Prometheus' text form at "
           "/metrics; needs the extra \"metrics\"", action="store_const", const="1")  # fmt: skip


def set_variables(options: argparse.Namespace) -> dict[str, str]:
    """Reads options and variables of a command, and sets the variables that the engine reads.

    Returns:
        For each variable, what gave the value: the option, or the variable itself.

    Raises:
        Refusal: One cannot be read.
    """
    try:
        sources = take_variables(options)
    except ConfigurationError as error:
        raise Refusal(USAGE, str(error)) from error
    if getattr(options, "model_url", None) is not None:
        options.model_url = _checked_model_url(options.model_url, sources["ASSISTANTS_MODEL_URL"])
    given = vars(options)
    named = {dest: variable for dest, (_, variable, *_) in options.variables.items()}
    for dest, variable in {**named, **_LISTS}.items():
        value = given.get(dest)
        if value not in (None, "", []):
            os.environ[variable] = ",".join(value) if dest in _LISTS else str(value)
    return sources


@contextmanager
def refusing(sources: Mapping[str, str]) -> Iterator[None]:
    """Turns errors of the engine's configuration into refusals that name the option or variable.

    Args:
        sources: What :func:`set_variables` returned.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name == "waitress":  # which the engine itself does not need
            message = 'waitress is not installed: pip install "assistants-client[engine]"'
            raise Refusal(NOT_INSTALLED, message) from error
        if "[engine]" not in str(error):
            raise
        raise Refusal(NOT_INSTALLED, str(error)) from error
    except ConfigurationError as error:
        message = str(error)
        if "[celery]" in message:
            raise Refusal(NOT_INSTALLED, message) from error
        statuses = (status for name, status in _STATUSES if message.startswith(name))
        status = next(statuses, DATABASE)
        variable, colon, reason = message.partition(":")
        if variable.startswith("$"):  # the engine knows variables only
            message = f"{sources.get(variable[1:], variable)}{colon}{reason}"
        raise Refusal(status, message) from error


def _checked_model_url(url: str, source: str) -> str:
    try:
        return checked_base_url(url)
    except ConfigurationError as error:
        reason = str(error).removeprefix("base_url: ")
        raise Refusal(MODEL, f"{source}: {reason}") from error
