"""The stored tokens at hand: read again as they grow old, so that no request waits for them.

Only when they are read is decided here; what they are, and who calls, is not.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from attrs import frozen

from assistants_client.engine.services.tokens import PREFIX, KnownTokens, known_tokens
from assistants_client.engine.storage.database import Database

#: What was read is up to date for so many seconds.
FRESH_SECONDS: Final = 2.0
#: The same, where a request has a token that is not among it: it may have been made just now.
SOON_SECONDS: Final = 0.1
#: So many seconds a request goes by it at most, while another request reads it anew.
STALE_SECONDS: Final = 4.0
#: So long, in seconds, the loop of a server can stand still.
_MOMENT: Final = 0.02

_log = logging.getLogger(__name__)


@frozen
class _Read:
    """Tokens, and when it was begun to read them."""

    known: KnownTokens
    at: float

    def bound(self, given: Iterable[str]) -> float:
        """Returns for how many seconds it holds for a request with these tokens."""
        known = self.known
        if not any(token.startswith(PREFIX) and known.find(token) is None for token in given):
            return FRESH_SECONDS
        # Where none is required as yet, it would be taken for the owner's request.
        return SOON_SECONDS if known.are_required else 0.0


class TokenCache:
    """The tokens of a database. Safe to share between threads and over a fork.

    There is no lock in it, which a child could inherit taken: at worst two threads read at once.

    Args:
        database: The database.
        monotonic: A clock in seconds.
    """

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._last: _Read | None = None
        #: Until then others rely on the thread that reads.
        self._reading_until = 0.0

    @property
    def last(self) -> KnownTokens | None:
        """The tokens as they were read last, however long ago; ``None``: not yet."""
        return None if self._last is None else self._last.known

    def current(self, given: Iterable[str] = ()) -> KnownTokens:
        """Returns the tokens as they were some seconds ago at most.

        Args:
            given: Tokens that a request has.

        Raises:
            Fault: 503: the database cannot be read for the moment.
        """
        last, now = self._last, self._monotonic()
        if last is not None:
            bound = last.bound(given)
            is_being_read = now < self._reading_until and bound == FRESH_SECONDS
            if now - last.at < (STALE_SECONDS if is_being_read else bound):
                return last.known
        self._reading_until = now + STALE_SECONDS
        return self._read()

    def at_hand(self, given: Iterable[str]) -> KnownTokens | None:
        """Returns the tokens for whoever cannot wait: older ones, where they are not read at once.

        ``None``: they have not been read yet.

        Args:
            given: Tokens that a request has.
        """
        last, now = self._last, self._monotonic()
        is_fresh = last is not None and now - last.at < last.bound(given)
        if not is_fresh and now >= self._reading_until:
            self._reading_until = now + STALE_SECONDS
            reader = threading.Thread(target=self._refresh, name="assistants-tokens", daemon=True)
            try:
                reader.start()
                reader.join(_MOMENT)
            except RuntimeError:
                _log.debug("No thread could be started that reads the tokens", exc_info=True)
        return self.last

    def _refresh(self) -> None:
        try:
            self._read()
        except Exception as error:  # which the request itself will meet
            _log.debug("The tokens could not be read: %s", error)

    def _read(self) -> KnownTokens:
        last, now = self._last, self._monotonic()
        known = known_tokens(self._database, None if last is None else last.known)
        self._last = _Read(known, now)
        self._reading_until = 0.0
        return known
