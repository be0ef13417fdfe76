"""Options of readers, what they report of a source, and the error of one that is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from attrs import field, frozen

from assistants_client.transfer.found import Direction

#: Objects of the protocol, rows of a table, lists of chat messages, and trees of versions.
Reader: TypeAlias = Literal["protocol", "rows", "chat", "tree"]


class SourceError(Exception):
    """A source that cannot be read: the message names the file and says what to do."""


@frozen
class Recognised:
    """A reader of a file and what it took, for a person who looks before an import.

    Attributes:
        file: The file, as it was given; members of an archive as ``ARCHIVE/MEMBER``.
        reader: The reader that took objects of it.
        columns: For rows: by field, the column that it came from.
        direction: How its messages stand, as far as is known.
        objects: How many objects this reader took.
    """

    file: str
    reader: Reader
    columns: Mapping[str, str]
    direction: Direction
    objects: int = 0


@frozen(kw_only=True)
class ReadOptions:
    """The way in which sources are read.

    Attributes:
        as_: The reader that takes all, instead of those that recognise something.
        columns: For rows: by field (``thread``, ``id``, ``role``, ``text``, ``time``, ``question``,
            ``answer``, ``assistant``, ``run``), the name of the column that holds it.
        branches: Make each branch of a tree a thread of its own; else the current one is read, and
            the messages of others are counted.
        recognised: Called after each file, once a reader that took objects of it.
    """

    as_: Reader | None = None
    columns: Mapping[str, str] = field(factory=dict)
    branches: bool = False
    recognised: Callable[[Recognised], object] | None = None
