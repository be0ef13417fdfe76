"""The rows of an engine that is served: requests a second, and the way of a first token.

Why a POST under gunicorn gains least: gunicorn alone, with an application that does nothing, takes
0.14 ms of CPU for it, and SQLite's own work 0.1 ms, of about 0.6; the commit before has both, too.

Of the way of a first token, two transactions are a half: the run's creation and claim, and the
message that is stored before its first piece is published. The rest are four threads that wake each
other: for the request, the run, the model's response and the stream.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from environments import HERE
from figures import Result, Row, paired, shown
from servers import COMMANDS, Server, pinned, served
from setting import Group, Setting

CONNECTIONS: Final = 8
#: Seconds that the model takes before its first word, and after it.
THINKS, LASTS = 0.2, 1.0
POSTED: Final = {"role": "user", "content": "How much is 3 * 7?"}


# --- requests a second ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Load:
    """A request that is sent again and again to one kind of server."""

    kind: str
    method: str

    @property
    def row(self) -> Row:
        """The row of it."""
        what = {"GET": "a run", "POST": "a message"}[self.method]
        name = f"served by {self.kind}: {self.method} {what}"
        return Row(name, "base", "/s", bound=2.5, at_least=True)

    def words(self, server: Server) -> list[str]:
        """The request, with its objects made."""
        assistant = server.call("POST", "/assistants", {"model": "m"})["id"]
        asked = {"assistant_id": assistant, "thread": {"messages": [POSTED]}}
        run = server.call("POST", "/threads/runs", asked)
        thread = f"/threads/{run['thread_id']}"
        until = time.monotonic() + 60
        while server.call("GET", f"{thread}/runs/{run['id']}")["status"] != "completed":
            if time.monotonic() > until:
                raise RuntimeError("a run did not end")
            time.sleep(0.05)
        if self.method == "GET":
            return ["GET", f"/v1{thread}/runs/{run['id']}"]
        return ["POST", f"/v1{thread}/messages", json.dumps(POSTED)]


LOADS: Final = [Load(kind, method) for kind in COMMANDS for method in ("GET", "POST")]


def measured_loads(setting: Setting, rows: Sequence[Row]) -> list[Result]:
    """Results of the rows about requests a second; both sides' servers stand idle in turns."""
    results = []
    sides = [setting.ours, setting.other("base")]
    for kind in COMMANDS:
        loads = [load for load in LOADS if load.row in rows and load.kind == kind]
        if not loads:
            continue
        with ExitStack() as stack:
            ours, *other = [stack.enter_context(served(side, kind)) for side in sides if side]
            for load in loads:
                pair = [Bursts(server, load, setting) for server in (ours, *other)]
                for one in pair:
                    one.sample()  # threads and connections are made
                    one.cpu.clear()
                first, second, *_ = (*(one.sample for one in pair), nothing)
                rates = paired(first, second, setting.rounds(7, 2))["rate"]
                spent = [f"{shown(1e3 * statistics.median(one.cpu))} ms" for one in pair]
                note = f"CPU of the server for a request: {', beside '.join(spent)}"
                results.append(Result(load.row, *rates, note=note))
    return results


def nothing() -> dict[str, float]:
    """The samples of a side that is not there."""
    return {}


class Bursts:
    """Loads of one server.

    Attributes:
        cpu: Seconds of its CPU for a request, of each burst.
    """

    def __init__(self, server: Server, load: Load, setting: Setting) -> None:
        self.cpu: list[float] = []
        self._server = server
        self._seconds = 0.5 if setting.is_quick else 3.0
        self._words = load.words(server)

    def sample(self) -> dict[str, float]:
        """The requests a second of one burst."""
        command = [*pinned(is_server=False), sys.executable, str(HERE / "works" / "load.py")]
        command += [str(self._server.port)]
        command += [str(self._seconds), str(CONNECTIONS), *self._words]
        before = self._server.cpu()
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        found = json.loads(done.stdout)
        self.cpu.append((self._server.cpu() - before) / found["answered"])
        return {"rate": found["answered"] / found["seconds"]}


# --- the first token ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tokens:
    """Streams whose first token is waited for.

    Attributes:
        row: The row.
        streams: Their number; and in a quick run.
        spread: The seconds within which they begin.
    """

    row: Row
    streams: tuple[int, int]
    spread: float


def token_row(name: str, bound: float | None = None, *, in_quick: bool = True) -> Row:
    """A row about first tokens."""
    return Row(
        f"first token, {name}", "model alone", of="difference", bound=bound, in_quick=in_quick
    )


TOKENS: Final = (
    Tokens(token_row("1 stream", 5), (1, 1), 0.0),
    Tokens(token_row("50 open streams", 60), (50, 20), THINKS + LASTS),
    Tokens(token_row("50 in the same moment", in_quick=False), (50, 20), 0.0),
)


def measured_tokens(setting: Setting, rows: Sequence[Row]) -> list[Result]:
    """Results of the rows about first tokens, through one ``assistants serve``."""
    results = []
    works = HERE / "works"
    command = [sys.executable, str(works / "streaming_model.py"), str(THINKS), str(LASTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as model:
        try:
            assert model.stdout is not None
            port = model.stdout.readline().strip()
            options = "--model-url", f"http://127.0.0.1:{port}/v1", "--model", "m"
            with served(setting.ours, "assistants serve", *options) as server:
                for tokens in (tokens for tokens in TOKENS if tokens.row in rows):
                    streams = tokens.streams[setting.is_quick]
                    times = setting.rounds(5, 1) * (2 if streams == 1 else 1)
                    arguments = port, str(server.port), str(streams), str(times)
                    text = setting.ours.run(
                        str(works / "first_token.py"), *arguments, str(tokens.spread)
                    )
                    found = json.loads(text)
                    note = f"of {streams} streams" if streams != tokens.streams[0] else ""
                    results.append(Result(tokens.row, found["engine"], found["model"], note=note))
        finally:
            model.kill()
    return results


GROUPS: Final = (
    Group([load.row for load in LOADS], measured_loads),
    Group([tokens.row for tokens in TOKENS], measured_tokens),
)
