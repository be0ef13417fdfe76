"""A call within a time: what Ctrl-C is while CPython is in the middle of its own locks."""

import pytest

from assistants_client._http.deadline import within


@pytest.mark.parametrize("where", ["threading.Thread.start", "queue.Queue.get"])
def test_ctrl_c_while_a_lock_changes_hands_is_ctrl_c(monkeypatch, where):
    """CPython then complains of the lock, as here; nobody could catch that as what it is."""

    def interrupted(*_, **__):
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("release unlocked lock")

    monkeypatch.setattr(where, interrupted)
    with pytest.raises(KeyboardInterrupt):
        within(1, lambda: None)


def test_a_thread_that_cannot_be_started_is_told(monkeypatch):
    """That is no Ctrl-C."""

    def refused(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refused)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        within(1, lambda: None)
