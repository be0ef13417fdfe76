"""The option ``--probes`` of the commands that run an engine, and the port that it opens."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assistants_client.cli.engine_options import option_adder
from assistants_client.cli.exits import ADDRESS, Refusal
from assistants_client.cli.parser import Parser, address

if TYPE_CHECKING:
    from assistants_client.engine import Engine


def add_probes(command: Parser) -> None:
    """Adds the option to a command."""
    option_adder(command)("--probes", "ASSISTANTS_PROBES", None, "serves /healthz, /readyz and "
           "/metrics on a port of their own, until the process ends; to this machine alone where "
           "no host is given", metavar="[HOST:]PORT", type=address)  # fmt: skip


@contextmanager
def serving_probes(engine: Engine, options: argparse.Namespace) -> Iterator[str | None]:
    """Serves the probes of an engine within the block, if the options ask for it.

    Yields:
        Their address, such as ``http://127.0.0.1:9100``; ``None`` where nothing is served.

    Raises:
        Refusal: The address cannot be listened on.
    """
    if options.probes is None:
        yield None
        return
    from assistants_client.engine.serving.probe_server import ProbeServer  # an extra

    host, _, port = options.probes.rpartition(":")
    try:
        server = ProbeServer(engine, host.strip("[]"), int(port))
    except OSError as error:
        reason = error.strerror or error
        raise Refusal(
            ADDRESS, f"--probes {options.probes} cannot be listened on: {reason}"
        ) from error
    with server:
        yield server.url
