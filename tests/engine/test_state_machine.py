"""The tables of statuses, and what is overdue."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given, strategies as st

from assistants_client.engine.domain.state_machine import (
    CANCEL_GRACE,
    MESSAGE_REASONS,
    RUN_END_TIMES,
    RUN_TRANSITIONS,
    STEP_END_TIMES,
    STEP_ENDS,
    STEP_TRANSITIONS,
    RunFacts,
    overdue,
    require_transition,
)
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import ACTIVE_STATUSES, FINAL_STATUSES, Run

NOW = 1000.0


def test_every_status_has_a_row_and_leads_to_statuses_that_have_one() -> None:
    """The table of runs is closed: it has all statuses of the protocol and no other."""
    assert set(RUN_TRANSITIONS) == ACTIVE_STATUSES | FINAL_STATUSES
    assert frozenset().union(*RUN_TRANSITIONS.values()) <= set(RUN_TRANSITIONS)
    assert frozenset().union(*STEP_TRANSITIONS.values()) <= set(STEP_TRANSITIONS)


@pytest.mark.parametrize("status", sorted(FINAL_STATUSES))
def test_final_statuses_absorb(status: str) -> None:
    """Nothing follows a final status, and what it does to steps is in the table of steps."""
    assert RUN_TRANSITIONS[status] == frozenset()
    assert STEP_ENDS[status] in STEP_TRANSITIONS["in_progress"]


@pytest.mark.parametrize("status", sorted(ACTIVE_STATUSES))
def test_every_active_status_can_end(status: str) -> None:
    """From wherever a run is, a final status can be reached."""
    reached: frozenset[str] = frozenset()
    todo = frozenset({status})
    while todo:
        reached |= todo
        todo = frozenset().union(*(RUN_TRANSITIONS[s] for s in todo)) - reached
    assert reached & FINAL_STATUSES


def test_every_end_has_its_fields() -> None:
    """What the tables name are fields of the objects; only completed messages have no reason."""
    assert set(RUN_END_TIMES) == FINAL_STATUSES - {"expired"}
    assert set(RUN_END_TIMES.values()) <= set(dir(Run))
    assert set(STEP_END_TIMES.values()) <= set(dir(RunStep))
    assert set(MESSAGE_REASONS) == FINAL_STATUSES - {"completed"}


def test_a_change_that_is_not_in_the_table_is_refused() -> None:
    """A final run cannot be made to go on."""
    require_transition(RUN_TRANSITIONS, "queued", "in_progress")
    with pytest.raises(ValueError, match="completed cannot become queued"):
        require_transition(RUN_TRANSITIONS, "completed", "queued")


@pytest.mark.parametrize(
    ("facts", "end"),
    [
        (RunFacts(status="queued", expires_at=NOW + 1), None),
        (RunFacts(status="queued", expires_at=NOW), "expired"),
        (RunFacts(status="in_progress", expires_at=NOW, claimed=True), "expired"),
        (RunFacts(status="in_progress", expires_at=NOW + 1, claimed=True), None),
        (RunFacts(status="in_progress", expires_at=NOW + 1, claimed=True, lost=True), "failed"),
        (RunFacts(status="requires_action", expires_at=NOW + 1), None),
        (RunFacts(status="requires_action", expires_at=NOW - 1), "expired"),
        (RunFacts(status="cancelling", cancelling_since=NOW), "cancelled"),
        (RunFacts(status="cancelling", cancelling_since=NOW, claimed=True), None),
        (RunFacts(status="cancelling", claimed=True), None),
        (RunFacts(status="cancelling", cancelling_since=NOW, claimed=True, lost=True), "cancelled"),
        (
            RunFacts(status="cancelling", cancelling_since=NOW - CANCEL_GRACE, claimed=True),
            "cancelled",
        ),
        (RunFacts(status="completed", expires_at=NOW - 1), None),
        (RunFacts(status="cancelled", lost=True, claimed=True), None),
    ],
)
def test_what_is_overdue(facts: RunFacts, end: str | None) -> None:
    """Each reason for which a run ends without anyone's doing, and its boundary."""
    ending = overdue(facts, NOW)
    assert (ending and ending.status) == end


FACTS = st.builds(
    RunFacts,
    status=st.sampled_from(sorted(RUN_TRANSITIONS)),
    expires_at=st.none() | st.floats(0, 2000),
    cancelling_since=st.none() | st.floats(0, 2000),
    claimed=st.booleans(),
    lost=st.booleans(),
)


@given(facts=FACTS, now=st.floats(0, 4000))
def test_an_overdue_end_is_final_and_in_the_table(facts: RunFacts, now: float) -> None:
    """Whatever the facts, settling leads along the table, to a final status, and then rests."""
    ending = overdue(facts, now)
    if ending is not None:
        assert ending.status in RUN_TRANSITIONS[facts.status] & FINAL_STATUSES
        assert overdue(evolve(facts, status=ending.status), now) is None


@given(
    expires_at=st.floats(0, 2000),
    claimed=st.booleans(),
    status=st.sampled_from(sorted(ACTIVE_STATUSES)),
)
def test_no_run_outlives_its_expiry(expires_at: float, claimed: bool, status: str) -> None:
    """Any active run that expires has ended by then, or a moment after for a cancelled one."""
    facts = RunFacts(status=status, expires_at=expires_at, cancelling_since=0, claimed=claimed)
    assert overdue(facts, expires_at + CANCEL_GRACE) is not None


@given(st.data())
def test_random_walks_end(data: st.DataObject) -> None:
    """A walk over the table never leaves it, and stops only where a run is final."""
    status = "queued"
    for _ in range(50):
        following = sorted(RUN_TRANSITIONS[status])
        if not following:
            break
        status = data.draw(st.sampled_from(following))
        assert status in RUN_TRANSITIONS
    assert (status in FINAL_STATUSES) == (not RUN_TRANSITIONS[status])
