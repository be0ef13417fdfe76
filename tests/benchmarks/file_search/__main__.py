"""How often file search finds the right passage, on documents and questions of our own.

    python tests/benchmarks/file_search [--missed]

There are 44 documents in eleven languages and nine formats, and 220 questions. They are in one
store, cut into small passages. Printed is the share of questions whose passage is among the first
three, by words alone and with vectors as well (see ``letter_vectors``), on SQLite; and on
PostgreSQL where ``ASSISTANTS_TEST_POSTGRES`` names a server (see ``.ci/postgres``).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
import databases
from corpus import documents
from evaluation import Evaluated, evaluated


def main() -> None:
    """Evaluates, and prints the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missed", action="store_true", help="print the questions as well")
    given = parser.parse_args()
    asked = [*documents()]
    print(f"{len(asked)} documents, {sum(len(one.questions) for one in asked)} questions")
    urls = {"SQLite": "sqlite://"}
    if os.environ.get(databases.VARIABLE):
        urls["PostgreSQL"] = ""
    for name, url in urls.items():
        for has_vectors in (False, True):
            found = evaluated(url or databases.fresh(url), asked, has_vectors=has_vectors)
            told(f"{name}, {'with' if has_vectors else 'without'} vectors", found)
            for question in found.missed if given.missed else ():
                print(f"    {question.file}: {question.text} => {question.words}")


def told(name: str, found: Evaluated) -> None:
    """Prints the shares of an evaluation: of all questions, by language, and by format."""
    print(f"{name}: {found.share:.1%} ({found.mean_rank:.2f} of 1 by reciprocal rank)")
    for kind, part in (("language", 0), ("format", -1)):
        counts, missed = Counter[str](), Counter[str]()
        for questions, counter in ((found.asked, counts), (found.missed, missed)):
            for question in questions:
                counter[question.file.replace("-", ".").split(".")[part]] += 1
        shares = (f"{one} {1 - missed[one] / counts[one]:.0%}" for one in sorted(counts))
        print(f"    by {kind}: {', '.join(shares)}")


if __name__ == "__main__":
    main()
