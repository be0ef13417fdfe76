"""What a measurement is given, and how rows that are measured together are held."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from environments import HERE, ROOT, Side
from figures import Result, Row


@dataclass(frozen=True)
class Setting:
    """A run of the benchmarks.

    Attributes:
        python: The interpreter of all sides.
        base: The checkout of the commit before; ``None`` where there is none.
        is_quick: Whether to take few samples of little work.
        counts_instructions: Whether to count instructions as well.
        canned: The addresses of the canned server, as environment variables.
    """

    python: Path
    base: Path | None
    is_quick: bool
    counts_instructions: bool
    canned: Mapping[str, str]

    @property
    def ours(self) -> Side:
        """This checkout."""
        return Side("ours", self.python, ROOT)

    def other(self, name: str) -> Side | None:
        """The other side: ``base``, or a peer that is in the environment."""
        if name == "base":
            return Side(name, self.python, self.base) if self.base else None
        return Side(name, self.python, None)

    def rounds(self, whole: int, quick: int = 3) -> int:
        """The number of samples."""
        return quick if self.is_quick else whole


@dataclass(frozen=True)
class Group:
    """Rows that are measured together.

    Attributes:
        rows: The rows.
        measure: Returns the results of those of the rows that are given to it.
    """

    rows: Sequence[Row]
    measure: Callable[[Setting, Sequence[Row]], Sequence[Result]]


@contextmanager
def canned_server() -> Iterator[Mapping[str, str]]:
    """The canned server in a process of its own: its addresses, as environment variables."""
    with subprocess.Popen(
        [sys.executable, str(HERE / "canned_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        plain, secure, streams = server.stdout.readline().split()
        try:
            yield {
                "CANNED_URL": f"http://127.0.0.1:{plain}/v1",
                "CANNED_TLS_URL": f"https://127.0.0.1:{secure}/v1",
                "CANNED_STREAMS_URL": f"http://127.0.0.1:{streams}/v1",
                "REQUESTS_CA_BUNDLE": str(ROOT / "tests" / "faults" / "tls" / "authority.pem"),
            }
        finally:
            server.stdin.close()


def printed(
    side: Side, program: str, *arguments: str, **variables: str
) -> dict[str, dict[str, float]]:
    """What a program of ``works`` prints."""
    text = side.run(str(HERE / "works" / program), *arguments, **variables)
    found: dict[str, dict[str, float]] = json.loads(text.splitlines()[-1])
    return found
