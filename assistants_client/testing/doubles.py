"""Assembles and closes an engine in memory, its client, and the controls of a test.

No pytest here: ``plugin.py`` makes fixtures of this, and other test frameworks use it as it is.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen

from assistants_client.backoff import AdaptiveBackoff
from assistants_client.client.client import Client
from assistants_client.client.connect import Connection
from assistants_client.engine import Engine
from assistants_client.testing.clock import Clock
from assistants_client.testing.connections import Connected
from assistants_client.testing.faults import Faults
from assistants_client.testing.scripted_model import ScriptedModel
from assistants_client.waiting.rate_limiter import RateLimiter
from assistants_client.waiting.waiter import Time, Waiter


@frozen
class Doubles:
    """A double of a server, and the client that is connected to it.

    Attributes:
        client: For the code that is tested.
        model: The language model: its answers, and the conversations it received.
        clock: The time of client and engine.
        faults: The faults between them.
    """

    client: Client
    model: ScriptedModel
    clock: Clock
    faults: Faults

    def assert_done(self) -> None:
        """Asserts that all prepared replies and faults were used.

        Raises:
            AssertionError: One was not; the message says why nothing matched.
        """
        self.clock.settle()
        self.faults.assert_done()
        self.model.assert_done()


@contextmanager
def assistants() -> Iterator[Doubles]:
    """Yields an engine of its own in memory, with a client, for the length of a ``with``.

    Ids are counted from ``asst_000001``, ``thread_000001`` and so on, and time stands still unless
    something waits: a test does the same in each run.

    Raises:
        AssertionError: At the end, unless the block raised: a reply, or a fault, was not used.
    """
    with opened() as doubles:
        yield doubles
        doubles.assert_done()


@contextmanager
def opened() -> Iterator[Doubles]:
    """Yields the same, without an assertion that all was used."""
    clock = Clock()
    faults = Faults()
    model = ScriptedModel(clock)
    engine = Engine("sqlite://", model, clock=lambda: clock.now, new_id=_Numbered())
    time = Time(lambda: clock.now, clock.advance)
    client = Client._of(
        Connection.of(Connected.to(engine, clock, faults)),
        Waiter(time, AdaptiveBackoff(jitter=0), RateLimiter()),
    )
    clock._busy = engine.busy
    try:
        yield Doubles(client, model, clock, faults)
    finally:
        clock._end()
        client.close()
        engine.close()


class _Numbered:
    """A source of ids that counts the objects of each kind."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, prefix: str) -> str:
        with self._lock:
            self._counts[prefix] += 1
            return f"{prefix}{self._counts[prefix]:06d}"
