"""The executor of runs, or of files to read: threads of this process, or workers elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Executor(Protocol):
    """Has work done, by its name: a run's id, or the number of a store's file."""

    def submit(self, run_id: str, tenant: str | None = None, /) -> None:
        """Has it done, in turns with the work of other tenants; after ``close`` it stays queued."""
        ...

    def take_over(self, run_ids: Sequence[str], /) -> None:
        """Has done what nobody else does, as far as there is room for it."""
        ...

    def cancel(self, run_id: str, /) -> None:
        """Signals whoever works on it here, if anybody does, to check whether to stop."""
        ...

    def has(self, run_id: str, /) -> bool:
        """Returns whether it is done by this process, or about to be."""
        ...

    def busy(self) -> int:
        """Returns how many threads of this process work, or are about to."""
        ...

    def waiting(self) -> int:
        """Returns how much waits in this process, as all of its threads are busy."""
        ...

    def close(self, timeout: float, /) -> bool:
        """Accepts no more work, and waits so many seconds at most for what is under way here.

        Returns:
            Whether nothing is.
        """
        ...

    def leave_rest(self) -> None:
        """Leaves to others what was not done here; after ``close``, once it can be claimed."""
        ...
