"""Leases: who is believed alive, by whoever watches, whatever any clock says."""

from __future__ import annotations

import pytest
from engine_store import Clock

from assistants_client.engine import leases
from assistants_client.engine.ids import owner_name
from assistants_client.engine.leases import Leases
from assistants_client.engine.lifecycle import LEASE

ELSEWHERE = "elsewhere/1/x/y"


def test_a_lease_that_stands_still_is_lost(clock: Clock) -> None:
    """After so many seconds of watching; each change begins them anew."""
    watching = Leases(clock)
    assert not watching.is_lost("a", ELSEWHERE, 1.0)
    clock.move(LEASE - 1)
    assert not watching.is_lost("a", ELSEWHERE, 1.0)
    assert not watching.is_lost("a", ELSEWHERE, 0.5)
    clock.move(LEASE - 1)
    assert not watching.is_lost("a", ELSEWHERE, 0.5)
    assert not watching.is_lost("a", "another/1/x/y", 0.5)
    clock.move(1)
    assert not watching.is_lost("a", "another/1/x/y", 0.5)
    clock.move(LEASE - 1)
    assert watching.is_lost("a", "another/1/x/y", 0.5)


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
    assert watching.is_lost("a", ELSEWHERE, 1.0)
    watching.is_lost("d", ELSEWHERE, 1.0)
    assert sorted(watching._watched) == ["a", "d"]
