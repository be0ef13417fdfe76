"""A queue that tenants share: turns between them, order within each."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from databases import fresh
from hypothesis import given, strategies as st
from werkzeug.test import Client

from assistants_client.engine import Conversation, Engine, Script, Scripted
from assistants_client.engine.services._base import Context
from assistants_client.engine.services.tokens import Tokens
from assistants_client.engine.worker.fair_queue import FairQueue


def popped(queue: FairQueue) -> str:
    """All names, in the order in which they are served."""
    return "".join(queue.pop()[0] for _ in range(len(queue)))


def test_tenants_take_turns() -> None:
    """Of each the oldest is first; who comes anew is the last in the first round."""
    queue = FairQueue()
    for name in "abcd":
        queue.push(name, "ann")
    queue.push("x", None)
    queue.push("p", "ben")
    assert len(queue) == 6
    assert sorted(queue) == ["a", "b", "c", "d", "p", "x"]
    assert queue.pop() == ("a", "ann")
    queue.push("q", "ben")
    queue.push("1", "cem")
    assert popped(queue) == "xpb1qcd"
    assert not queue
    with pytest.raises(IndexError):
        queue.pop()


def test_what_is_dropped_is_served_last() -> None:
    """The rest keeps its order and its turns."""
    queue = FairQueue()
    for name, tenant in zip("abcdpq", ["ann"] * 4 + ["ben"] * 2, strict=True):
        queue.push(name, tenant)
    queue.truncate(9)
    assert len(queue) == 6
    queue.truncate(3)
    assert popped(queue) == "apb"
    queue.truncate(0)
    assert list(queue) == []


@given(st.lists(st.sampled_from(["ann", "ben", "cem", None]), max_size=60))
def test_nobody_waits_for_more_than_a_turn_of_each(tenants: list[str | None]) -> None:
    """Between two of a tenant's each other is served once at most, and nothing is lost."""
    queue = FairQueue()
    for number, tenant in enumerate(tenants):
        queue.push(str(number), tenant)
    served = [queue.pop() for _ in tenants]
    assert sorted(int(name) for name, _ in served) == list(range(len(tenants)))
    for one in set(tenants):
        places = [place for place, (_, tenant) in enumerate(served) if tenant == one]
        numbers = [int(served[place][0]) for place in places]
        assert numbers == sorted(numbers)
        for before, after in zip([-1, *places], places, strict=False):
            between = [tenant for _, tenant in served[before + 1 : after]]
            assert len(between) == len(set(between))


def test_a_tenant_with_many_runs_holds_up_no_other(tmp_path: Path) -> None:
    """A hundred runs wait for the one worker; another tenant's next one is second."""
    answered: list[str] = []
    may_go, is_done = threading.Event(), threading.Event()

    def answer(conversation: Conversation) -> Script:
        assert may_go.wait(30)
        answered.append(conversation.instructions or "")
        if len(answered) == 101:
            is_done.set()
        return "Done."

    url = fresh(f"sqlite:///{tmp_path / 'fair.db'}")
    with Engine(url, Scripted([answer] * 101), workers=1) as engine:
        engine.open()
        stored = Tokens(Context(database=engine._database))
        tokens = {name: stored.add(name, is_isolated=True) for name in ("ann", "ben")}
        http = Client(engine)

        def start(who: str, number: int) -> None:
            headers = {"authorization": f"Bearer {tokens[who]}"}
            made = http.post("/assistants", json={"model": "m"}, headers=headers).get_json()
            body = {"assistant_id": made["id"], "instructions": f"{who} {number}"}
            assert http.post("/threads/runs", json=body, headers=headers).status_code == 200

        for number in range(100):
            start("ann", number)
        assert engine.waiting_runs == 99
        start("ben", 0)
        may_go.set()
        assert is_done.wait(60)
    assert sorted(answered[:3]) == ["ann 0", "ann 1", "ben 0"]
    assert answered[3:] == [f"ann {number}" for number in range(2, 100)]
