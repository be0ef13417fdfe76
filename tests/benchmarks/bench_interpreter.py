"""What code under bubblewrap costs: to begin with, for each call, and in memory between calls.

    python tests/benchmarks/bench_interpreter.py [CHECKOUT]

Times are medians in milliseconds, of calls with two seconds between them, as a model takes to
answer, and of calls one right after the other. Memory is the proportional set size (PSS) of all
processes that hang on the engine's, in MiB: right after 50 threads have made a table of pandas each
and kept it, and when they have been idle for a minute. Then the first ten go on with what they
kept. With another checkout of this package, such as of the commit before, its numbers stand beside.
The Python that runs this must have the extra ``data``.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
TIMES: Final = 7
PAUSE: Final = 2.0
IDLE: Final = 65.0
THREADS: Final = 50
CODES: Final = {
    "print": "print(1)",
    "numpy": "import numpy as np\nprint(np.arange(9).sum())",
    "pandas": "import pandas as pd\nprint(pd.DataFrame({'a': [1, 2]}).sum())",
    "sympy": "import sympy\nprint(sympy.integrate(sympy.Symbol('x')))",
    "figure": "import matplotlib.pyplot as plt\nplt.plot([1, 2])",
}
TABLE: Final = "import pandas as pd\ntable = pd.DataFrame({'a': range(1000)})\nprint(len(table))"


def milliseconds(action: Callable[[], object]) -> float:
    """How long something takes."""
    begun = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - begun)


def timed(interpreter: Any, code: str, pause: float) -> float:
    """The median of some calls, without the first."""

    def call() -> None:
        result = interpreter.run(code)
        assert not result.failed, result.logs

    times = []
    for _ in range(TIMES + 1):
        times.append(milliseconds(call))
        time.sleep(pause)
    return statistics.median(times[1:])


def descendants() -> list[int]:
    """The processes that this one started, and those that they did."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, pending = [], [os.getpid()]
    while pending:
        children = parents.get(pending.pop(), [])
        found += children
        pending += children
    return found


def mebibytes(pids: list[int]) -> float:
    """The memory of processes; what they share is divided among those that share it."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def measure() -> dict[str, float]:
    """All numbers of the package that is imported."""
    from assistants_client import Client
    from assistants_client.engine import BubblewrapInterpreter, Engine, Scripted, call

    found = {"Engine()": milliseconds(lambda: Engine("sqlite://").close())}
    made: list[BubblewrapInterpreter] = []
    found["first interpreter"] = milliseconds(lambda: made.append(BubblewrapInterpreter()))
    found["second interpreter"] = milliseconds(lambda: BubblewrapInterpreter().close())
    [interpreter] = made
    found["first call"] = milliseconds(lambda: interpreter.run("print(1)"))
    for name, code in CODES.items():
        found[f"{name}, {PAUSE:g} s apart"] = timed(interpreter, code, PAUSE)
        found[f"{name}, back to back"] = timed(interpreter, code, 0.0)
    interpreter.close()

    script = [call("code_interpreter", code=TABLE), "Done."] * THREADS
    script += [call("code_interpreter", code="print(len(table))"), "Done."] * 10
    with Engine("sqlite://", Scripted(script), code_interpreter=BubblewrapInterpreter()) as engine:
        client = Client(engine=engine)
        assistant = client.assistants.create(model="m", tools=[{"type": "code_interpreter"}])
        message = {"role": "user", "content": "Go on."}
        threads = [client.threads.create(messages=[message]).id for _ in range(THREADS)]

        def run(thread: str) -> None:
            done = client.wait_for_run(client.runs.create(thread, assistant_id=assistant.id))
            outputs = [
                output.logs
                for step in client.run_steps.list(thread, done.id)
                for made in step.tool_calls
                for output in made.code_interpreter.outputs
            ]
            assert outputs == ["1000\n"], outputs

        found[f"engine's own MiB before {THREADS} threads"] = mebibytes([os.getpid()])
        for thread in threads:
            run(thread)
        found[f"engine's own MiB after {THREADS} threads"] = mebibytes([os.getpid()])
        found[f"sandboxes' MiB after {THREADS} threads"] = mebibytes(descendants())
        time.sleep(IDLE)
        found["sandboxes' MiB when idle"] = mebibytes(descendants())
        found["processes when idle"] = len(descendants())
        for thread in threads[:10]:
            run(thread)
    return found


def measured(root: Path) -> dict[str, float]:
    """The numbers of a checkout, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure"],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Prints the numbers, those of the other checkout first."""
    if sys.argv[1:] == ["--measure"]:
        print(json.dumps(measure()))
        return
    columns = [measured(Path(path).resolve()) for path in [*sys.argv[1:], ROOT]]
    for name in columns[-1]:
        print(f"{name:36}", *(f"{column[name]:10.1f}" for column in columns))


if __name__ == "__main__":
    main()
