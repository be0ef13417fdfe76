"""What an outage of the database's server has interrupted is done again, where it may be."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from assistants_client.engine.faults import Fault
from assistants_client.engine.storage.outages import Reports, open_transactions, repeatable, retried
from assistants_client.engine.storage.store_faults import (
    CommitInDoubtError,
    InterruptedTransactionError,
    OutageError,
    busy,
)

INTERRUPTED = InterruptedTransactionError(503, "away")
DOUBTFUL = CommitInDoubtError()


class Failing:
    """Fails as it is told, and then returns the number of its tries."""

    def __init__(self, *failures: Fault) -> None:
        self.tries = 0
        self._failures: Iterator[Fault] = iter(failures)

    def __call__(self) -> int:
        """Tries."""
        self.tries += 1
        failure = next(self._failures, None)
        if failure is not None:
            raise failure
        return self.tries


@pytest.mark.parametrize("wrap", [retried, repeatable])
def test_what_was_interrupted_is_done_again(
    wrap: Callable[[Callable[[], int]], Callable[[], int]],
) -> None:
    """But not for ever: it may be what ends the server."""
    assert wrap(Failing(INTERRUPTED, INTERRUPTED, INTERRUPTED))() == 4
    poison = Failing(*[INTERRUPTED] * 9)
    with pytest.raises(InterruptedTransactionError):
        wrap(poison)()
    assert poison.tries == 4


@pytest.mark.parametrize("failure", [busy(), OutageError(503, "away"), DOUBTFUL])
def test_nothing_else_is_done_again(failure: Fault) -> None:
    """Not what has waited for long enough, nor what may have been done."""
    failing = Failing(failure)
    with pytest.raises(type(failure)):
        retried(failing)()
    assert failing.tries == 1


def test_what_comes_to_the_same_is_done_again_in_doubt() -> None:
    """Where a function says so."""
    assert repeatable(Failing(DOUBTFUL, INTERRUPTED))() == 3


def test_nothing_within_a_transaction_is_done_again() -> None:
    """It is a part of that: the whole of it was interrupted."""
    inner = Failing(INTERRUPTED)
    tries = 0

    @retried
    def outer() -> int:
        nonlocal tries
        tries += 1
        with open_transactions:
            return repeatable(inner)()

    assert outer() == 2
    assert (tries, inner.tries) == (2, 2)


def test_a_warning_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    """As long as its reason lasts."""
    reports = Reports()
    for number in range(3):
        reports.warn("So it is: %d", number)
    assert [(one.levelno, one.getMessage()) for one in caplog.records] == [
        (logging.WARNING, "So it is: 0")
    ]
