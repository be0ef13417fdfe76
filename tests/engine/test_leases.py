"""Leases: who is believed alive, by whoever watches, whatever any clock says."""

from __future__ import annotations

import os
import warnings

import pytest
from engine_store import Clock

from assistants_client.engine.domain.state_machine import LEASE
from assistants_client.engine.ids import owner_name
from assistants_client.engine.storage import leases
from assistants_client.engine.storage.leases import UNSEEN, Leases

ELSEWHERE = "elsewhere/1/x/y"


def is_lost_after(
    seconds: float,
    watching: Leases,
    clock: Clock,
    lease: float,
    owner: str = ELSEWHERE,
    *,
    every: float = 2.0,
) -> bool:
    """Whether what is watched all the time is lost after so many seconds, and not before.

    The store can be written every ``every`` seconds.
    """
    until = clock() + seconds
    while clock() < until:
        watching.note_write()
        assert not watching.is_lost("a", owner, lease)
        clock.move(min(every, until - clock()))
    watching.note_write()
    return watching.is_lost("a", owner, lease)


def test_a_lease_that_stands_still_is_lost(clock: Clock) -> None:
    """After so many seconds of watching; each change begins them anew."""
    watching = Leases(clock)
    assert not is_lost_after(LEASE - 1, watching, clock, 1.0)
    assert not is_lost_after(LEASE - 1, watching, clock, 0.5)
    assert not is_lost_after(1, watching, clock, 0.5, "another/1/x/y")
    assert is_lost_after(LEASE - 1, watching, clock, 0.5, "another/1/x/y")


@pytest.mark.parametrize("looks", [0, 10])
def test_nothing_is_lost_while_nobody_can_write(clock: Clock, looks: int) -> None:
    """The lease is watched anew from the first write on, however short that had to wait.

    The watcher was stopped itself, or went on looking while somebody else had the store to himself.
    """
    watching = Leases(clock)
    assert not is_lost_after(LEASE - 1, watching, clock, 1.0)
    for _ in range(looks):
        clock.move(LEASE / looks)
        watching.is_lost("a", ELSEWHERE, 1.0)
    clock.move(UNSEEN + 0.1)
    assert is_lost_after(LEASE, watching, clock, 1.0)


@pytest.mark.parametrize("every", [0.1, 1.0, UNSEEN])
def test_a_lease_is_lost_however_long_each_write_waits(clock: Clock, every: float) -> None:
    """As long as writes come to their turn in the time in which a holder sends a heartbeat."""
    watching = Leases(clock)
    assert is_lost_after(LEASE, watching, clock, 1.0, every=every)


def test_what_is_seen_before_any_write_is_believed_alive(clock: Clock) -> None:
    """Whoever has only read does not know whether anybody could write."""
    watching = Leases(clock)
    watching.is_lost("a", ELSEWHERE, 1.0)
    clock.move(LEASE)
    assert is_lost_after(LEASE, watching, clock, 1.0)


def test_a_number_that_is_seen_again_stood_still_all_the_time(clock: Clock) -> None:
    """Nobody needs to look at it meanwhile, for no number is given twice."""
    watching = Leases(clock)
    watching.note_write()
    assert not watching.is_lost("a", ELSEWHERE, 1.0)
    for _ in range(3):
        clock.move(LEASE / 3)
        watching.note_write()
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
    watching.is_lost("a", ELSEWHERE, 1.0)
    watching.is_lost("d", ELSEWHERE, 1.0)
    assert sorted(watching._watched) == ["a", "d"]
