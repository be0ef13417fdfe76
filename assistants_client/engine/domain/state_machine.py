"""The transitions of runs, steps and messages, as tables, and the ends that are overdue.

Pure: no clock of its own, no database, no threads. Code elsewhere walks these tables and holds no
rule about statuses of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from assistants_client.models.endings import LastError
from assistants_client.models.runs import ACTIVE_STATUSES, FINAL_STATUSES

#: After this many seconds a cancelled run ends even when its worker did not notice.
CANCEL_GRACE: Final = 2.0
#: For this many seconds a worker is believed alive without a heartbeat, by whoever watches.
LEASE: Final = 15.0
#: A run ends when it has lost so many workers: it may be what they die of.
MOST_LOST: Final = 3

#: From each status of a run to those that may follow. Final ones absorb.
RUN_TRANSITIONS: Final[Mapping[str, frozenset[str]]] = {
    "queued": frozenset({"in_progress", "cancelling", "expired", "failed"}),
    # Back to queued when its process ends, in order or not, for another one to process it.
    "in_progress": frozenset(
        {"queued", "requires_action", "cancelling", "completed", "incomplete", "failed", "expired"}
    ),
    "requires_action": frozenset({"queued", "cancelling", "expired", "failed"}),
    "cancelling": frozenset({"cancelled", "completed", "incomplete", "failed", "expired"}),
    **{status: frozenset() for status in FINAL_STATUSES},
}

STEP_TRANSITIONS: Final[Mapping[str, frozenset[str]]] = {
    "in_progress": frozenset({"completed", "failed", "cancelled", "expired"}),
    "completed": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
    "expired": frozenset(),
}

#: The status of a step that is still open when its run ends. A run that ends incomplete has
#: done what the step was for, only not all of it: there is no such status for steps.
STEP_ENDS: Final[Mapping[str, str]] = {
    "completed": "completed",
    "incomplete": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "expired",
}

#: The reason for which a message that is still open when its run ends is incomplete.
MESSAGE_REASONS: Final[Mapping[str, str]] = {
    "incomplete": "max_tokens",
    "failed": "run_failed",
    "cancelled": "run_cancelled",
    "expired": "run_expired",
}

#: The field that keeps the time of a run's end. An expired run keeps none.
RUN_END_TIMES: Final[Mapping[str, str]] = {
    "completed": "completed_at",
    "incomplete": "completed_at",
    "failed": "failed_at",
    "cancelled": "cancelled_at",
}

#: The field that keeps the time of a step's end.
STEP_END_TIMES: Final[Mapping[str, str]] = {
    "completed": "completed_at",
    "failed": "failed_at",
    "cancelled": "cancelled_at",
    "expired": "expired_at",
}


@frozen(kw_only=True)
class Ending:
    """The end of a run; the reason goes with ``incomplete``.

    ``last_error`` goes with ``failed``; of an ``incomplete`` run it has the word of the language
    model's server, where the protocol has no word for that.
    """

    status: str
    last_error: LastError | None = None
    incomplete_reason: str | None = None


#: The end of a run whose process died, where no other one can go on with it.
LOST: Final = Ending(
    status="failed",
    last_error=LastError(
        code="server_error",
        message="The process that worked on this run ended before the run was finished.",
    ),
)

#: The end of a run of which nothing could be stored.
NOT_STORED: Final = Ending(
    status="failed",
    last_error=LastError(
        code="server_error",
        message="The engine could not store what the run did (the engine's log has the details).",
    ),
)
#: The ends that a run does not come to at once: another worker goes on with it.
NOT_AT_ONCE: Final = (LOST, NOT_STORED)


@frozen(kw_only=True)
class RunFacts:
    """The facts that decide whether a run is overdue. Times are Unix seconds.

    Attributes:
        claimed: A worker has claimed the run and should be processing it.
        lost: That worker is dead, or its heartbeat has been missing for ``LEASE`` seconds.
    """

    status: str
    expires_at: float | None = None
    cancelling_since: float | None = None
    claimed: bool = False
    lost: bool = False


def overdue(run: RunFacts, now: float) -> Ending | None:
    """Returns the end that a run is due by ``now``; ``None`` when it may go on."""
    if run.status not in ACTIVE_STATUSES:
        return None
    if run.status == "cancelling":
        since = now if run.cancelling_since is None else run.cancelling_since
        # A clock that was set back is no reason to wait for ever.
        noticing = run.claimed and not run.lost and abs(now - since) < CANCEL_GRACE
        return None if noticing else Ending(status="cancelled")
    if run.expires_at is not None and now >= run.expires_at:
        return Ending(status="expired")
    return LOST if run.status == "in_progress" and run.lost else None


def require_transition(transitions: Mapping[str, frozenset[str]], before: str, after: str) -> None:
    """Refuses a change that the table does not have.

    Raises:
        ValueError: The caller's mistake: it has to check the status first.
    """
    if after not in transitions[before]:
        raise ValueError(f"{before} cannot become {after}")
