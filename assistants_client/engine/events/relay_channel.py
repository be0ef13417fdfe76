"""The interface of what a relay goes through: a channel that brings messages between processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Sender(Protocol):
    """A connection that sends; used by one thread."""

    def send(self, messages: Sequence[tuple[str, str]], /) -> None:
        """Sends messages of ASCII in order, each with the name of its channel. Raises anything."""
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...


class Receiver(Protocol):
    """A connection that receives; used by one thread."""

    def receive(self, seconds: float, /) -> Sequence[str]:
        """Returns the next messages; none where so many seconds pass. Raises anything."""
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...


class Channel(Protocol):
    """Brings messages to whoever listens at that moment, in the order of each sender.

    Attributes:
        limit: The characters that a message may have.
        prefix: What the names of channels begin with: a letter, then letters, digits, ``_``, ``:``.
    """

    limit: int
    prefix: str

    def sender(self) -> Sender:
        """Connects, to send. Raises anything."""
        ...

    def receiver(self, names: Sequence[str], /) -> Receiver:
        """Connects, and listens on the channels of these names once it returns. Raises anything."""
        ...
