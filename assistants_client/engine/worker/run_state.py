"""Holds the state of one run while it is processed. No database, no model and no tools."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Final

from attrs import define, field

from assistants_client._json.codec import encode
from assistants_client.engine.domain.bounds import length_of
from assistants_client.engine.domain.images import Images
from assistants_client.engine.language_models.base import State
from assistants_client.engine.worker.prompt import messages_for
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run

#: Seconds between two checks of the database while an answer comes in. They are more where many
#: runs are processed in this process, which together check so many times a second at most.
CHECK_SECONDS: Final = 0.5
CHECKS_A_SECOND: Final = 150


@define(eq=False)
class RunState:
    """A run that is being processed, with all that the next conversation is made from."""

    run: Run
    messages: list[Message]
    steps: list[RunStep]
    images: Images
    _cancelled: Callable[[], bool]
    _last_check: float
    #: The states that the models' servers want back, by the ids of steps and messages.
    states: dict[str, State]
    _saw_cancelled: bool = field(default=False, init=False)
    #: The number of messages the model is sent at most, if not all.
    last: int | None = field(default=None, init=False)
    _measured: int = field(default=0, init=False)
    _steps_length: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        _in_progress.add(self)

    def truncate_history(self) -> bool:
        """Drops the older half of the messages, if the run leaves that to the engine.

        Returns:
            Whether messages were dropped.
        """
        truncation = self.run.truncation_strategy
        seen = len(messages_for(self.run, self.messages)[-(self.last or 0) :])
        if seen < 2 or (truncation is not None and truncation.type != "auto"):
            return False
        self.last = seen // 2
        return True

    def steps_length(self) -> int:
        """Returns the length of the steps' texts in characters; each step is measured once."""
        new = self.steps[self._measured :]
        self._steps_length += sum(length_of(encode(step)) for step in new)
        self._measured += len(new)
        return self._steps_length

    def should_check(self, now: float) -> bool:
        """Returns whether to check the database now: at intervals, and when cancelled here."""
        cancelled, since = self._cancelled() and not self._saw_cancelled, now - self._last_check
        # Of many runs it is counted how many they are only where that may matter.
        is_early = since < CHECK_SECONDS or since < len(_in_progress) / CHECKS_A_SECOND
        if is_early and not cancelled:
            return False
        self._saw_cancelled = self._saw_cancelled or cancelled
        self._last_check = now
        return True


_in_progress: Final[weakref.WeakSet[RunState]] = weakref.WeakSet()
