"""Passes events of runs between processes: those that a reader elsewhere wants, as they happen.

Every process has an inbox, and there is a channel that all of them listen on. On that one each says
that it is here, which runs it reads, and which were stopped. So a run that nobody reads elsewhere
costs nothing, and who publishes its events knows whose inboxes to put them into.

Nothing here is certain to arrive, and nothing waits for it: events are numbered, and whoever sees a
gap reads the store, as does whoever hears nothing for a while. What a channel is made of is in
relay_channel.py, redis_relay.py and postgres_relay.py.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final, TypeAlias

from assistants_client.engine.events.relay_channel import Channel, Receiver
from assistants_client.engine.events.relay_messages import (
    BYE,
    EVENT,
    HELLO,
    HERE,
    STOP,
    WANT,
    WantedRuns,
    event_notice,
    packed,
    room_for_notice,
    to_json,
    unpacked,
)
from assistants_client.models._base import JsonObject

#: Seconds between two signs that a process is here and reads what it reads.
HEARTBEAT_SECONDS: Final = 10.0
#: After so many seconds without one a process is taken for gone: three of them fit in.
EXPIRY_SECONDS: Final = 3 * HEARTBEAT_SECONDS + 1.0
#: How long a subscriber waits for the others to know of it.
ACKNOWLEDGED_SECONDS: Final = 2.0
#: For so long after its first word a process may still hear of others.
_INTRODUCTION_SECONDS: Final = 1.0
#: Events, and their characters, that wait to be sent; beyond, they are dropped.
QUEUED_EVENTS: Final = 10_000
QUEUED_CHARACTERS: Final = 32_000_000
#: Notices of the common channel that wait to be sent; what is dropped is said again.
_QUEUED_NOTICES: Final = 10_000
#: Characters of events that are sent at once, or one more event.
_BATCH: Final = 1_000_000
#: Seconds before the next try to connect: doubled from try to try.
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
#: Seconds after which a receiver looks whether it is to end.
_RECEIVE_SECONDS: Final = 1.0
#: Seconds that closing waits for what is still to be sent.
_CLOSE_SECONDS: Final = 1.0

#: Called with an event's run, publisher, number, name and document; see ``Broker.receive``.
Receive: TypeAlias = Callable[[str, str, int, str, str], object]

_log = logging.getLogger(__name__)


class Relay:
    """Passes events on to other processes, and brings theirs, in two daemon threads.

    They work from :meth:`start` to :meth:`close`. Nobody who publishes ever waits for them: what
    cannot be sent is dropped. A forked child starts with none.

    Args:
        channel: The way to the other processes.
        monotonic: A clock in seconds.
    """

    def __init__(
        self, channel: Channel, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._channel = channel
        self._monotonic = monotonic
        self._closed = False
        #: The process that it was started in.
        self._pid = 0

    def start(self, receive: Receive, stop: Callable[[str], object]) -> None:
        """Starts the threads; once in each process, after a fork too.

        Args:
            receive: Called with each event of another process of a run that is read here.
            stop: Called with the id of a run that another process has stopped.
        """
        if self._closed:
            return
        self._receive, self._stop = receive, stop
        #: This process's name.
        self._name = secrets.token_hex(8)
        # The garbage collector may close a stream, which unsubscribes, while this is held.
        lock = threading.RLock()
        #: There is something to send, or nothing ever again.
        self._has_work = threading.Condition(lock)
        #: This process's own message came back, or will not so soon.
        self._has_echo = threading.Condition(lock)
        #: Each with its readers.
        self._events: deque[tuple[list[str], str]] = deque()
        self._characters = 0
        self._notices: list[str] = []
        self._wanted = WantedRuns()
        #: How many subscriptions there are here to each run that has any.
        self._reading: Counter[str] = Counter()
        #: When each other process was last heard of.
        self._peers: dict[str, float] = {}
        #: When this process's own first word came back.
        self._introduced_at: float | None = None
        self._serial = self._echoed = 0
        self._is_sending = False
        #: Whether it is in vain to wait for an echo.
        self._is_failing = False
        self._said_bye = False
        self._ended = threading.Event()
        self._beat_at = self._monotonic() + HEARTBEAT_SECONDS
        self._pid = os.getpid()
        self._threads = [
            threading.Thread(target=self._send_loop, name="assistants-relay-out", daemon=True),
            threading.Thread(target=self._receive_loop, name="assistants-relay-in", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def _is_started(self) -> bool:
        return self._pid == os.getpid()

    # --- what this process does -----------------------------------------------------------------

    def subscribe(self, run_id: str) -> None:
        """Asks the others for a run's events, until :meth:`unsubscribe`.

        Returns once they know, after ``ACKNOWLEDGED_SECONDS`` at most.
        """
        if not self._is_started:
            return
        with self._has_work:
            self._reading[run_id] += 1
            if self._is_alone():
                return
            if self._is_sending:  # otherwise it is said with the first word
                self._notices.append(f"{WANT} {run_id}")
                self._has_work.notify()
            serial, until = self._serial + 1, self._monotonic() + ACKNOWLEDGED_SECONDS
            while self._echoed < serial and not self._is_failing and not self._closed:
                left = until - self._monotonic()
                if left <= 0:
                    self._fail(TimeoutError(f"no answer within {ACKNOWLEDGED_SECONDS:g} s"))
                    return
                self._has_echo.wait(left)

    def unsubscribe(self, run_id: str) -> None:
        """Asks for a run's events no longer, once for each :meth:`subscribe`."""
        if self._is_started:
            with self._has_work:
                self._reading[run_id] -= 1
                if self._reading[run_id] <= 0:
                    del self._reading[run_id]

    def publish(self, run_id: str, name: str, document: JsonObject) -> None:
        """Sends an event to whoever reads the run elsewhere. Costs next to nothing without."""
        if not self._is_started or run_id not in self._wanted:
            return
        text = to_json(document)
        with self._has_work:
            found = self._wanted.next(run_id, name)
            if found is None:
                return
            number, readers = found
            # Whoever misses it sees that by the number of the next one.
            if not self._is_sending or len(self._events) >= QUEUED_EVENTS:
                return
            limit = room_for_notice(self._name, self._channel.limit)
            notice = event_notice(run_id, number, name, text, limit)
            if self._characters + len(notice) > QUEUED_CHARACTERS:
                return
            self._events.append((readers, notice))
            self._characters += len(notice)
            self._has_work.notify()

    def stop(self, run_id: str) -> None:
        """Tells the others that a run was stopped."""
        if self._is_started:
            with self._has_work:
                if len(self._notices) < _QUEUED_NOTICES:
                    self._notices.append(f"{STOP} {run_id}")
                    self._has_work.notify()

    def close(self) -> None:
        """Sends what is still to be sent, for a second at most, and ends for good."""
        self._closed = True
        if not self._is_started:
            return
        until = self._monotonic() + _CLOSE_SECONDS
        self._ended.set()
        with self._has_work:
            self._has_work.notify()
            self._has_echo.notify_all()
        for thread in self._threads:
            # A daemon that hangs in a connection is left to itself.
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - self._monotonic()))

    def _is_alone(self) -> bool:
        """Returns whether nobody else is there to be asked; called with the lock held."""
        introduced = self._introduced_at
        return (
            not self._peers
            and introduced is not None
            and self._monotonic() - introduced > _INTRODUCTION_SECONDS
        )

    # --- sending --------------------------------------------------------------------------------

    def _send_loop(self) -> None:
        for _ in self._tries():
            try:
                with closing(self._channel.sender()) as sender:
                    with self._has_work:
                        self._is_sending = True
                        self._say(HELLO)
                    while batch := self._next_batch():
                        sender.send(batch)
                    return
            except Exception as error:
                with self._has_work:
                    self._is_sending = False
                    self._events.clear()
                    self._characters = 0
                    self._fail(error)

    def _next_batch(self) -> list[tuple[str, str]]:
        """Returns the next messages to send, each with its channel; none where it is closed."""
        with self._has_work:
            while not self._events and not self._notices:
                left = self._beat_at - self._monotonic()
                if self._said_bye:
                    return []
                if self._closed:
                    self._notices, self._said_bye = [BYE], True
                elif left <= 0:
                    self._beat()
                else:
                    self._has_work.wait(left)
            notices, self._notices = self._notices, []
            events: list[tuple[list[str], str]] = []
            until = self._characters - _BATCH
            while self._events and self._characters > until:
                events.append(self._events.popleft())
                self._characters -= len(events[-1][1])
            if notices:
                self._serial += 1
            serial = self._serial
        common, limit = f"{self._channel.prefix}all", self._channel.limit
        batch = [(common, one) for one in packed(self._name, serial, notices, limit)]
        by_reader: dict[str, list[str]] = {}
        for readers, notice in events:
            for reader in readers:
                by_reader.setdefault(reader, []).append(notice)
        for reader, some in by_reader.items():
            inbox = self._channel.prefix + reader
            batch += [(inbox, one) for one in packed(self._name, 0, some, limit)]
        return batch

    def _beat(self) -> None:
        """Forgets who is gone, and says that this process is not; called with the lock held."""
        now = self._monotonic()
        self._beat_at = now + HEARTBEAT_SECONDS
        self._peers = {
            name: heard for name, heard in self._peers.items() if now - heard < EXPIRY_SECONDS
        }
        self._wanted.expire(now)
        self._say(HERE)

    def _say(self, word: str) -> None:
        """Says that this process is here, and what it reads; called with the lock held."""
        if word not in self._notices:
            self._notices += [word, *(f"{WANT} {run_id}" for run_id in [*self._reading])]
            self._has_work.notify()

    # --- receiving ------------------------------------------------------------------------------

    def _receive_loop(self) -> None:
        names = [f"{self._channel.prefix}all", self._channel.prefix + self._name]
        for _ in self._tries():
            try:
                with closing(self._channel.receiver(names)) as receiver:
                    self._listen(receiver)
            except Exception as error:
                with self._has_work:
                    self._fail(error)

    def _listen(self, receiver: Receiver) -> None:
        with self._has_work:
            self._introduced_at = None
            self._say(HELLO)
        heard_at = self._monotonic()
        while not self._closed:
            messages = receiver.receive(_RECEIVE_SECONDS)
            for message in messages:
                try:
                    self._on_message(message)
                except (ValueError, IndexError):
                    _log.debug("A message of a relay cannot be read", exc_info=True)
            now = self._monotonic()
            heard_at = now if messages else heard_at
            if now - heard_at > EXPIRY_SECONDS:  # not even its own heartbeat
                raise TimeoutError(f"silence for {EXPIRY_SECONDS:g} s")

    def _on_message(self, message: str) -> None:
        read = unpacked(message)
        if read is None:
            return
        publisher, serial, notices = read
        if publisher == self._name:
            self._on_echo(serial)
            return
        now = self._monotonic()
        with self._has_work:
            is_new = publisher not in self._peers
            self._peers[publisher] = now
            if is_new or [HELLO] in notices:
                self._say(HERE)
            for notice in notices:
                if notice[0] == WANT:
                    self._wanted.add(notice[1], publisher, now + EXPIRY_SECONDS)
                elif notice[0] == BYE:
                    self._peers.pop(publisher, None)
                    self._wanted.drop(publisher)
        for word, *rest in notices:
            if word == EVENT:
                run_id, number, name, document = [*rest, "", ""][:4]
                self._receive(run_id, publisher, int(number), name, document)
            elif word == STOP:
                self._stop(rest[0])

    def _on_echo(self, serial: int) -> None:
        with self._has_work:
            self._echoed = max(self._echoed, serial)
            if self._introduced_at is None:
                self._introduced_at = self._monotonic()
            if self._is_failing:
                self._is_failing = False
                _log.info("Events are passed on between processes again")
            self._has_echo.notify_all()

    # --- failures -------------------------------------------------------------------------------

    def _tries(self) -> Iterator[None]:
        """Yields before each try to connect, after a pause from the second one on."""
        pause = _FIRST_PAUSE
        while True:
            began = self._monotonic()
            yield
            if self._monotonic() - began > _LONGEST_PAUSE:
                pause = _FIRST_PAUSE
            if self._ended.wait(pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _fail(self, error: Exception) -> None:
        """Ends the waiting for echoes until there is one; called with the lock held."""
        if self._closed:
            return
        if not self._is_failing:
            # The words of some errors have the address; none has the password.
            _log.warning(
                "Events cannot be passed on between processes for the moment; streams of runs that "
                "another one processes come from the database: %s: %s",
                type(error).__name__,
                str(error).strip(),
            )
        self._is_failing = True
        self._has_echo.notify_all()
