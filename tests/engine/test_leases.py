"""Leases: who is believed alive, by whoever watches, whatever any clock says."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress

import pytest
from engine_store import Clock

from assistants_client.engine.domain.state_machine import LEASE
from assistants_client.engine.ids import owner_name
from assistants_client.engine.storage import leases
from assistants_client.engine.storage.leases import UNSEEN, Leases

ELSEWHERE = "elsewhere/1/x/y"


def is_lost_after(
    seconds: float, watching: Leases, clock: Clock, lease: float, owner: str = ELSEWHERE
) -> bool:
    """Whether what is watched all the time is lost after so many seconds, and not before."""
    until = clock() + seconds
    while clock() < until:
        assert not watching.is_lost("a", owner, lease)
        clock.move(min(2.0, until - clock()))
    return watching.is_lost("a", owner, lease)


def test_a_lease_that_stands_still_is_lost(clock: Clock) -> None:
    """After so many seconds of watching; each change begins them anew."""
    watching = Leases(clock)
    assert not is_lost_after(LEASE - 1, watching, clock, 1.0)
    assert not is_lost_after(LEASE - 1, watching, clock, 0.5)
    assert not is_lost_after(1, watching, clock, 0.5, "another/1/x/y")
    assert is_lost_after(LEASE - 1, watching, clock, 0.5, "another/1/x/y")


def test_what_nobody_saw_does_not_count(clock: Clock) -> None:
    """Whoever was stopped itself begins to watch anew: the holder may have been, too."""
    watching = Leases(clock)
    assert not is_lost_after(LEASE - 1, watching, clock, 1.0)
    clock.move(UNSEEN + 1)
    assert is_lost_after(LEASE, watching, clock, 1.0)


@pytest.mark.parametrize("error", [None, OSError("busy")])
def test_who_waits_for_the_store_believes_that_others_do(
    clock: Clock, error: Exception | None
) -> None:
    """There is time for one more sign of life, however the wait ends; a moment is no wait."""
    watching = Leases(clock)
    assert not is_lost_after(LEASE - 1, watching, clock, 1.0)
    with suppress(OSError), watching.beginning():
        clock.move(1)
        if error is not None:
            raise error
    assert is_lost_after(UNSEEN, watching, clock, 1.0)
    with watching.beginning():
        clock.move(0.1)
    assert watching.is_lost("a", ELSEWHERE, 1.0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_starts_afresh(clock: Clock) -> None:
    """Even where another thread was asking."""
    watching = Leases(clock)
    watching.is_lost("a", ELSEWHERE, 1.0)
    with watching._watching, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if child == 0:
            is_right = False
            try:
                is_right = not watching._watching.locked() and not watching._watched
            finally:
                os._exit(0 if is_right else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_process_that_can_be_asked_for_is(clock: Clock) -> None:
    """On the same host nobody needs to wait."""
    watching = Leases(clock)
    mine = owner_name("x")
    host, pid, _, nonce = mine.split("/")
    for _ in range(2):
        assert not watching.is_lost("a", mine, None)
        assert watching.is_lost("b", f"{host}/{pid}/earlier/{nonce}", None)
        clock.move(LEASE)


def test_no_number_is_given_twice(clock: Clock) -> None:
    """Not even while the clock stands still."""
    giving = Leases(clock)
    given = [giving.next(clock()) for _ in range(100)]
    assert len(set(given)) == 100
    assert all(one > clock() + LEASE for one in given)


def test_what_nobody_asks_about_is_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once there is much of it."""
    monkeypatch.setattr(leases, "_MANY", 3)
    watching = Leases(clock)
    for name in "abc":
        watching.is_lost(name, ELSEWHERE, 1.0)
    clock.move(10 * LEASE)
    assert not watching.is_lost("a", ELSEWHERE, 1.0)
    watching.is_lost("d", ELSEWHERE, 1.0)
    assert sorted(watching._watched) == ["a", "d"]
