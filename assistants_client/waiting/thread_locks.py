"""Threads that are locked by an active run: freed by waiting for it, or by cancelling it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar, get_args

from assistants_client._http.deadline import TooLateError, within
from assistants_client.errors import (
    BadRequestError,
    InvalidRequestError,
    ThreadLockedError,
    required_action_text,
    still_locked,
)
from assistants_client.models.messages import OnActiveRun
from assistants_client.models.runs import is_settled
from assistants_client.waiting.options import DEFAULT_WAIT
from assistants_client.waiting.waiter import Waiter

if TYPE_CHECKING:
    from assistants_client._calls.run_calls import RunCalls
    from assistants_client.waiting.deadlines import Deadline

T = TypeVar("T")

#: The number of times that a thread is freed from one run before its lock counts as stale.
_MOST_UNLOCKS: Final = 5


def through_lock(
    call: Callable[[], T],
    thread_id: str,
    policy: OnActiveRun,
    calls: RunCalls,
    waiter: Waiter,
    *,
    deadline: Deadline,
) -> T:
    """Returns the call's result; frees the thread from its active run first if the policy says so.

    Args:
        call: The call; it is made again after the thread was freed.
        thread_id: The thread that it needs.
        policy: The treatment of a run that holds the lock.
        calls: The requests that read and cancel the run.
        waiter: Waits for its end.
        deadline: Bounds all waits for the lock together, which else have the bound of a wait for
            one run. The call sees to its own.

    Raises:
        ThreadLockedError: The thread is locked, with the policy ``raise``; or the run waits for its
            caller, is not named, or has ended and the lock stays.
        WaitTimeoutError: The time ran out first; or the runs that held the lock did not end.
        InvalidRequestError: There is no such policy.
    """
    if policy not in get_args(OnActiveRun):
        raise InvalidRequestError(
            f"on_active_run: {policy!r} is not 'raise', 'wait' or 'cancel'", path="on_active_run"
        )
    ended: list[str | None] = []
    begun = waiter.clock.now() if deadline.begun is None else deadline.begun
    until = begun + (DEFAULT_WAIT if deadline.timeout is None else deadline.timeout)
    while True:
        try:
            return call()
        except ThreadLockedError as locked:
            again = ended.count(locked.run_id)
            if policy == "raise":
                raise
            if again == _MOST_UNLOCKS:
                raise still_locked(locked, "that run has ended, and the lock stays") from None
            _unlock(thread_id, locked, policy, calls, waiter, begun=begun, until=until)
            if again:  # the server frees its threads a little later than it ends their runs
                left = max(until - waiter.clock.now(), 0)
                waiter.clock.sleep(min(2.0 ** (again - 2), left))
            ended.append(locked.run_id)


def _unlock(
    thread_id: str,
    locked: ThreadLockedError,
    policy: OnActiveRun,
    calls: RunCalls,
    waiter: Waiter,
    *,
    begun: float,
    until: float,
) -> None:
    run_id = locked.run_id
    if run_id is None:
        raise locked
    if policy == "cancel":
        # It may have ended meanwhile; and where the time is up, the poll says so.
        with contextlib.suppress(BadRequestError, TooLateError):
            within(until - waiter.clock.now(), lambda: calls.cancel(thread_id, run_id))
    # One that was cancelled may still require action for a while.
    run = waiter.poll_until(
        lambda: calls.poll(thread_id, run_id),
        lambda seen: seen.is_final if policy == "cancel" else is_settled(seen),
        name=f"run {run_id}",
        timeout=until - begun,
        begun=begun,
    )
    if not run.is_final:
        why = f"it waits for {required_action_text(run)}"
        raise still_locked(locked, f'{why}; on_active_run="cancel" ends it')
