"""How many programs of the kinds that models write do in each interpreter what they do in CPython.

    python tests/benchmarks/interpreter [-v]

Prints the share for the built-in interpreter and, where it works, for bubblewrap's, by kind, and
names the programs that do otherwise: with an error, and in silence, of which there must be none
(the exit status is 1). With ``-v`` it prints what they answered.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from interpreter_programs import CPython, outcome, programs  # noqa: E402 (after the path)

from assistants_client.engine.code_interpreter import (  # noqa: E402 (after the path)
    BubblewrapInterpreter,
    CodeInterpreter,
    MontyInterpreter,
)
from assistants_client.errors import ConfigurationError  # noqa: E402 (after the path)


def main() -> int:
    """Runs all programs in all interpreters."""
    with tempfile.TemporaryDirectory() as folder:
        cpython = CPython(Path(folder))
        expected = [(program, cpython.run(program)) for program in programs()]
    interpreters: dict[str, CodeInterpreter] = {"monty": MontyInterpreter()}
    try:
        interpreters["bubblewrap"] = BubblewrapInterpreter()
    except ConfigurationError as error:
        print(f"bubblewrap: not measured: {error}")
    silent = 0
    for name, interpreter in interpreters.items():
        counts: Counter[tuple[str, str]] = Counter()
        others: list[str] = []
        for program, right in expected:
            kind, shown = outcome(interpreter, program, right)
            counts[program.kind, kind] += 1
            if kind != "equal":
                last = shown.strip().rsplit("\n", 1)[-1]
                others.append(f"  {kind:<7}{program}: {last}")
                if "-v" in sys.argv:
                    others.append(f"--- got\n{shown}\n--- CPython\n{right.printed}---")
            silent += kind == "silent"
        interpreter.close()
        equal = sum(number for (_, kind), number in counts.items() if kind == "equal")
        share = f"{equal / len(expected):.1%}"
        print(f"{name}: {equal} of {len(expected)} programs as in CPython: {share}")
        for topic in sorted({topic for topic, _ in counts}):
            all_of = sum(number for (one, _), number in counts.items() if one == topic)
            print(f"  {topic:<12}{counts[topic, 'equal']:>4} of {all_of}")
        print("\n".join(others))
    return 1 if silent else 0


if __name__ == "__main__":
    sys.exit(main())
