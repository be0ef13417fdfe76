"""Why the engine differs from what was recorded, a reason for each kind of difference."""

from __future__ import annotations

from typing import Final

#: What begins so is meant to become equal; every other difference is meant to stay.
TO_BE_MENDED: Final = "to be mended: "

ERROR_EVENT: Final = f"{TO_BE_MENDED}the data of an error event is wrapped, and nothing follows it"
FINAL_USAGE: Final = f"{TO_BE_MENDED}what is final has usage, zeros where no token is known of"
EARLY_USAGE: Final = f"{TO_BE_MENDED}usage is null until a run or step is final"
CITATION: Final = f"{TO_BE_MENDED}a citation comes with its mark in one delta, with an empty quote"
SEARCH_DEFAULTS: Final = f"{TO_BE_MENDED}a file search's options and results are filled in"
STEP_EXPIRY: Final = f"{TO_BE_MENDED}a step has expires_at"
TOKEN_DETAILS: Final = f"{TO_BE_MENDED}usage has the details of its tokens"
IMAGE_DELTA: Final = f"{TO_BE_MENDED}a message's image and its empty text come in one delta"

SLASH: Final = "a path with a slash at its end is answered as without: a redirected POST is lost"
OTHER_KIND: Final = "an id of another kind is called so, not one that is not there"
RUN_RESOURCES: Final = "a run tells the resources that it has; the service tells none of them"
STEP_KEYS: Final = "the published expired_at and metadata of a step are sent as well"
MESSAGE_KEYS: Final = "a message's status and its times, as published, are sent over REST as well"
LAST_EXPRESSION: Final = "the value of a last expression is shown, as in a notebook's cell"
LIMIT_REACHED: Final = "the limit that was reached is named; the service names the prompt's always"
POLL_AFTER: Final = "openai-poll-after-ms, which the official clients obey, spares them waiting"
NETWORK: Final = "a header of the network before the service, not of the protocol"
ORGANIZATION: Final = "the engine knows of no organizations"
COMPACT_JSON: Final = "spaces and escapes in JSON mean the same to every reader"
OWN_FAULT: Final = "a fault of the service, which it did not have before"
