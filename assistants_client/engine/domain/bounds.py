"""The bounds of conversations, in one place: on requests, responses and what a model is sent.

A token is some four characters. The models with the longest contexts take one to two million
tokens, and none writes more than 128,000 in one answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

#: Characters of a message's texts together, and of one answer of a model with all that is in it,
#: reasoning, calls and sources among it, but for the images that it holds as data: URLs. Those may
#: have ``images.MAX_IMAGES`` bytes together. It is a million tokens.
MAX_TEXT: Final = 4 * 1024 * 1024
#: Messages of one request, and parts of one message: they are stored in one transaction, for which
#: all others wait. Some tenths of a second, that is; a longer thread is made by several requests.
MAX_ITEMS: Final = 1000
#: Each image, message and call of an answer counts as so many characters at least: 128 of them
#: make it as long as it may be.
MIN_ITEM_LENGTH: Final = MAX_TEXT // 128
#: Annotations of one message of a model's. More marks than that stay text: a model that writes
#: the same mark again and again would have each become some hundred times as long as it is.
MAX_ANNOTATIONS: Final = 1000
#: Characters of earlier messages that a model is sent: two million tokens. The newest message is
#: sent in any case.
MAX_HISTORY_TEXT: Final = 2 * MAX_TEXT
#: The number of them. With its role and the marks around it a message takes some tokens even if it
#: is short, and about as much time to prepare as a longer one.
MAX_HISTORY_MESSAGES: Final = 10_000
#: Characters of all steps of one run, with the names in them, and without what JSON escapes: each
#: answer begins with reading them.
MAX_STEPS_TEXT: Final = 4 * MAX_TEXT
#: Bytes of a list's items on one page, as they are stored; one item is on it in any case.
MAX_PAGE_BYTES: Final = 16 * 1024 * 1024
#: A message that is being written is stored anew as it grows, so many characters a second on the
#: average. Up to 64 Ki characters, which is more than most answers have, that is at every check.
STORED_PER_SECOND: Final = 128 * 1024


def length_of(value: object) -> int:
    """Returns the characters of the texts in a JSON value; all else in it counts as one each."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(length_of(key) + length_of(inner) for key, inner in value.items())
    if isinstance(value, Sequence):
        return sum(length_of(inner) for inner in value)
    return 1
