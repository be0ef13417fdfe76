"""One whole run for each row of the table of behaviours, through the client, over a socket."""

from __future__ import annotations

import pytest
from behaviours import ROWS
from behaviours.row import Right, Row
from fake_server import FakeServer
from whole_run import outcomes


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_whole_run(row: Row) -> None:
    """A run that meets this server ends as it must."""
    rights = [row.right] if isinstance(row.right, Right) else row.right
    with FakeServer(row.answers, row.embeds) as server:
        found = outcomes(row, server)
        wrong = [
            difference
            for outcome, right in zip(found[-len(rights) :], rights, strict=True)
            if (difference := outcome.differences(right))
        ]
        unseen = [right.check for right in rights if right.check and not right.check(server)]
    told = "\n".join([f"{row.name} ({row.version}): {row.does}", row.source, *map(str, found)])
    if server.faults:
        pytest.fail(f"{told}\n{server.faults[0]}", pytrace=False)
    if wrong:
        pytest.fail(f"{told}\nwhat came, and what must come: {wrong}", pytrace=False)
    if unseen:
        pytest.fail(f"{told}\nthe server did not see what it must: {server.bodies}", pytrace=False)


def test_every_row_says_where_it_is_from() -> None:
    """Names are there once, and each behaviour has a source that can be looked up."""
    names = [row.name for row in ROWS]

    assert len(set(names)) == len(names)
    assert not [row.name for row in ROWS if not row.source.startswith("https://")]
    assert not [row.name for row in ROWS if not row.does.endswith(".")]
