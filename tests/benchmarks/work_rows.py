"""The rows that programs of ``works`` measure by themselves: the client's, and the engine's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import instructions
from environments import HERE, Side
from figures import Result, Row, paired
from setting import Group, Setting, printed


@dataclass(frozen=True)
class Work:
    """A row, and the work that is measured for it.

    Attributes:
        row: The row.
        name: The work, as the programs name it; of an import, how far it goes.
        count: The operations of one measurement.
        measure: The figure: ``cpu``, ``clock``, ``rate`` (by the clock), or the work's own
            ``value``.
        counted: The operations whose instructions are counted, and twice as many; 0 for a work that
            several threads do.
    """

    row: Row
    name: str
    count: int = 1
    measure: str = "cpu"
    counted: int = 0

    def value(self, found: dict[str, float]) -> float:
        """The figure, among those that were printed."""
        return 1 / found["clock"] if self.measure == "rate" else found[self.measure]


# --- imports --------------------------------------------------------------------------------------

IMPORTS = (
    Work(Row("import and construct, wall", "openai", bound=0.17), "client", 1, "clock"),
    Work(Row("import and construct, CPU", "openai", bound=0.17), "client", 1, "cpu", 1),
    Work(Row("import ... first run retrieved, wall", "openai", bound=0.16), "run", 1, "clock"),
    Work(Row("import ... first run retrieved, CPU", "openai", bound=0.16), "run", 1, "cpu", 1),
)


def measured_imports(setting: Setting, rows: Sequence[Row]) -> list[Result]:
    """Results of the rows about imports; each sample is a fresh process."""
    results = []
    for step in ("client", "run"):
        works = [work for work in IMPORTS if work.row in rows and work.name == step]
        if not works:
            continue

        def sample(peer: str, works: list[Work] = works, step: str = step) -> dict[str, float]:
            side = setting.ours if peer == "ours" else setting.other(peer)
            assert side is not None
            found = printed(side, "first_import.py", peer, step, **setting.canned)["import"]
            return {work.row.name: work.value(found) for work in works}

        sample("ours"), sample("openai")  # compiles
        found = paired(partial(sample, "ours"), partial(sample, "openai"), setting.rounds(11))
        for work in works:
            count = None
            if work.counted and setting.counts_instructions:
                count = instructions.ratio(import_programs(setting, step), 0, 1)
            results.append(Result(work.row, *found[work.row.name], instructions=count))
    return results


def import_programs(setting: Setting, step: str) -> list[instructions.Program]:
    """The programs whose instructions are counted: without an operation they import nothing."""

    def command(peer: str, count: int) -> list[str]:
        program = str(HERE / "works" / "first_import.py")
        return [program, peer, step if count else "nothing"]

    other = setting.other("openai")
    assert other is not None
    sides = {"ours": setting.ours, "openai": other}
    return [
        instructions.Program(side, partial(command, peer), dict(setting.canned))
        for peer, side in sides.items()
    ]


# --- calls ----------------------------------------------------------------------------------------

CLIENT = (
    Work(Row("retrieve a run", "openai", "µs", bound=0.33), "retrieve", 400, counted=100),
    Work(Row("create a message", "openai", "µs", bound=0.36), "create", 400, counted=100),
    Work(Row("streamed event, typed", "openai", "µs", bound=0.08), "events", 20_000, counted=2_000),
    Work(
        Row("streamed event, text() alone", "openai", "µs", bound=0.06),
        "text",
        20_000,
        counted=2_000,
    ),
    Work(Row("fetch and decode 100 messages", "openai", bound=0.15), "page", 40, counted=20),
    Work(
        Row("32 threads on one client, calls", "openai", "/s", bound=3.3, at_least=True),
        "threads",
        1_920,
        "rate",
    ),
    Work(Row("decode 100 messages", "openai", bound=0.16), "decode", 40, counted=20),
    Work(Row("new TLS connection and a call", "openai", bound=0.8), "tls", 20),
    Work(
        Row("event seen after it was sent, chunked", "openai", bound=0.7, in_quick=False),
        "chunked",
        measure="value",
    ),
    Work(
        Row("event seen after it was sent, closed", "openai", bound=0.7, in_quick=False),
        "close",
        measure="value",
    ),
)
PLAIN = (
    Work(Row("retrieve a run beside requests", "requests", "µs", bound=1), "retrieve", 400),
    Work(Row("create a message beside requests", "requests", "µs", bound=1), "create", 400),
)
ENGINE = (
    Work(Row("engine: retrieve a run", "base", bound=0.35), "retrieve", 200, counted=50),
    Work(Row("engine: create a message", "base", bound=0.35), "create", 100, counted=50),
    Work(Row("engine: list 100 messages", "base", bound=0.30), "page", 40, counted=20),
    Work(Row("engine: thread, run and wait", "base", bound=0.40), "waited", 20),
    Work(
        Row("engine: last word to the wait's return", "base", of="own", bound=5),
        "delay",
        15,
        "value",
    ),
    Work(Row("engine: streamed run of 20 tokens", "base", bound=0.40), "streamed", 20),
    Work(
        Row("engine: streamed token, one each ms", "base", "µs", of="own", bound=60),
        "slow tokens",
        2_000,
        "value",
    ),
    Work(
        Row("engine: streamed token, as fast as read", "base", "µs", of="own"),
        "tokens",
        2_000,
        "value",
    ),
)
BYTES = (
    Work(
        Row("engine: SQLite, message of 200 characters", "base", "KB", of="own", bound=1.0),
        "bytes in bulk",
        2_000,
        "value",
    ),
    Work(
        Row("engine: ... with the key of its request", "base", "KB", of="own"),
        "bytes one by one",
        500,
        "value",
    ),
)


@dataclass(frozen=True)
class Programs:
    """Works that two programs of the same works do.

    Attributes:
        works: The works.
        ours: Our program.
        other: The other side, and its program.
        rounds: Samples of each side.
    """

    works: Sequence[Work]
    ours: str
    other: tuple[str, str]
    rounds: tuple[int, int] = (9, 3)

    def measure(self, setting: Setting, rows: Sequence[Row]) -> list[Result]:
        """Results of rows; a sample of all of them is one fresh process."""
        works = [work for work in self.works if work.row in rows]
        other = setting.other(self.other[0])

        def sample(side: Side | None, program: str) -> dict[str, float]:
            if side is None:
                return {}
            counts = [f"{work.name}={counted(setting, work)}" for work in works]
            found = printed(side, program, *counts, **setting.canned)
            return {work.row.name: work.value(found[work.name]) for work in works}

        first = partial(sample, setting.ours, self.ours)
        second = partial(sample, other, self.other[1])
        found = paired(first, second, setting.rounds(*self.rounds))
        return [
            Result(
                work.row,
                *found[work.row.name],
                instructions=self._instructions(setting, work, other),
            )
            for work in works
        ]

    def _instructions(self, setting: Setting, work: Work, other: Side | None) -> float | None:
        if not (work.counted and other and setting.counts_instructions):
            return None
        programs = [
            self._program(setting, work, setting.ours, self.ours),
            self._program(setting, work, other, self.other[1]),
        ]
        return instructions.ratio(programs, work.counted, 2 * work.counted)

    def _program(
        self, setting: Setting, work: Work, side: Side, program: str
    ) -> instructions.Program:
        def command(count: int) -> list[str]:
            return [str(HERE / "works" / program), f"{work.name}={count}"]

        return instructions.Program(side, command, dict(setting.canned))

    def group(self) -> Group:
        """The group of these works."""
        return Group([work.row for work in self.works], self.measure)


def counted(setting: Setting, work: Work) -> int:
    """The operations of one measurement: fewer in a quick run."""
    return max(1, work.count // 2) if setting.is_quick else work.count


GROUPS = (
    Group([work.row for work in IMPORTS], measured_imports),
    Programs(CLIENT, "our_client.py", ("openai", "openai_client.py")).group(),
    Programs(PLAIN, "our_client.py", ("requests", "plain_client.py")).group(),
    Programs(ENGINE, "engine.py", ("base", "engine.py")).group(),
    Programs(BYTES, "engine.py", ("base", "engine.py"), rounds=(1, 1)).group(),
)
