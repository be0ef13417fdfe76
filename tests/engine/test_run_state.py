"""How often a run on its way looks at the database."""

from __future__ import annotations

from typing import Any, cast

import pytest

from assistants_client.engine.worker import run_state
from assistants_client.engine.worker.run_state import RunState


def on_its_way(cancelled: list[bool]) -> RunState:
    """A run that last looked at second 10."""
    unused = cast("Any", None)
    return RunState(
        run=unused,
        messages=[],
        steps=[],
        images=unused,
        cancelled=lambda: bool(cancelled),
        last_check=10.0,
        states={},
    )


def test_it_looks_now_and_then_and_when_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The more runs there are, the less often each looks; one that is cancelled does at once."""
    cancelled: list[bool] = []
    state = on_its_way(cancelled)
    assert not state.should_check(10.4)
    assert state.should_check(10.6)

    monkeypatch.setattr(run_state, "CHECKS_A_SECOND", 2)
    others = [on_its_way([]) for _ in range(9)]
    assert not state.should_check(15.5)
    cancelled.append(True)
    assert state.should_check(15.5)
    assert not state.should_check(15.6)
    del others
