"""What is known of one run while it is carried. No database, no model and no tools."""

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

#: Seconds between two looks at the database while an answer comes in. They are more where many runs
#: are on their way in this process, which together look so many times a second at most.
CHECK_SECONDS: Final = 0.5
CHECKS_A_SECOND: Final = 150


@define(eq=False)
class RunState:
    """A run on its way, with all that the next conversation is made from."""

    run: Run
    messages: list[Message]
    steps: list[RunStep]
    images: Images
    _cancelled: Callable[[], bool]
    _last_look: float
    #: What the models' servers want to see again, by the ids of steps and messages.
    states: dict[str, State]
    _saw_cancelled: bool = field(default=False, init=False)
    #: How many messages the model is asked about at most, if not about all.
    last: int | None = field(default=None, init=False)
    _measured: int = field(default=0, init=False)
    _steps_length: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        _on_their_way.add(self)

    def truncate_history(self) -> bool:
        """Leaves out the older half of the messages, if the run lets that be decided here."""
        truncation = self.run.truncation_strategy
        seen = len(messages_for(self.run, self.messages)[-(self.last or 0) :])
        if seen < 2 or (truncation is not None and truncation.type != "auto"):
            return False
        self.last = seen // 2
        return True

    def steps_length(self) -> int:
        """How many characters the texts of the steps have; each step is measured once."""
        new = self.steps[self._measured :]
        self._steps_length += sum(length_of(encode(step)) for step in new)
        self._measured += len(new)
        return self._steps_length

    def should_check(self, now: float) -> bool:
        """Whether it is time to look at the database: now and then, and when cancelled here."""
        cancelled = self._cancelled() and not self._saw_cancelled
        pause = max(CHECK_SECONDS, len(_on_their_way) / CHECKS_A_SECOND)
        if not cancelled and now - self._last_look < pause:
            return False
        self._saw_cancelled = self._saw_cancelled or cancelled
        self._last_look = now
        return True


_on_their_way: Final[weakref.WeakSet[RunState]] = weakref.WeakSet()
