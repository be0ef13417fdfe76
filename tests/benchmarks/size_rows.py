"""The rows of databases that have grown: what the same work costs in a small and a large one.

Why searches grow: FTS5's ``bm25`` counts the passages that hold each phrase of a query, the number
of its store among them, and walks through all of these. Of 100,000 passages with three words that
all of them hold, that is a half of the search; of a rare word, nearly all that it takes more. The
rest of a common word is that the ranks of 1,000 passages are computed where the small store has no
more than 100. Ranks of our own would have other document frequencies, and so another order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from environments import HERE
from figures import Result, Row
from setting import Group, Setting

#: Messages of the small database and of the large one, which has a tenth as many passages; and the
#: large one of a quick run.
SMALL, LARGE, QUICK_LARGE = 1_000, 1_000_000, 20_000

#: Rows, and what bench_growth.py calls the figure of each.
ROWS: Final[Mapping[Row, str]] = {
    Row(f"10^3, 10^6 messages: {name}", "10^3", bound=1.2): figure
    for name, figure in {
        "list 100": "list 100 messages",
        "create one": "create a message",
        "a run": "a run of 5 messages",
        "search, common word": "search, words of every passage",
        "search, rare word": "search, a rare word",
    }.items()
}


def measured(setting: Setting, rows: Sequence[Row]) -> list[Result]:
    """Results of the rows: what the large database takes, beside the small one."""
    large = QUICK_LARGE if setting.is_quick else LARGE
    names = [ROWS[row] for row in rows]
    text = setting.ours.run(str(HERE / "bench_growth.py"), "--json", str(SMALL), str(large), *names)
    found = json.loads(text)
    note = f"small form: {large:,} messages" if large != LARGE else ""
    results = []
    for row in rows:
        small, grown = found[ROWS[row]]
        results.append(Result(row, grown, small, note=note))
    return results


GROUPS: Final = (Group(list(ROWS), measured),)
