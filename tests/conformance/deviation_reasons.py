"""Why the engine differs from what was recorded, a reason for each kind of difference."""

from __future__ import annotations

from typing import Final

#: What begins so is meant to become equal; every other difference is meant to stay.
TO_BE_MENDED: Final = "to be mended: "

SLASH: Final = "a path with a slash at its end is answered as without: a redirected POST is lost"
SAID_TWICE: Final = "in its last month the service said a file's error twice, in two forms"
OTHER_KIND: Final = "an id of another kind is called so, not one that is not there"
RUN_RESOURCES: Final = "a run tells the resources that it has; the service tells none of them"
STEP_KEYS: Final = "the published expired_at and metadata of a step are sent as well"
MESSAGE_KEYS: Final = "a message's status and its times, as published, are sent over REST as well"
LIMIT_REACHED: Final = "the limit that was reached is named; the service names the prompt's always"
NETWORK: Final = "a header of the network before the service, not of the protocol"
OWN_FAULT: Final = "a fault of the service, which it did not have before"
