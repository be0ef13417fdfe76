"""Bearer tokens from a credential object, renewed before they expire. Imports no Azure package."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from assistants_client.errors import ConfigurationError

#: A token is renewed when it has less than this many seconds left.
_MARGIN: Final = 300.0


class AccessToken(Protocol):
    """A token and the Unix time at which it expires, as azure-identity returns it."""

    @property
    def token(self) -> str:
        """The token's text."""
        ...

    @property
    def expires_on(self) -> float:
        """The time of expiry, in Unix seconds."""
        ...


class Credential(Protocol):
    """An azure-identity credential, or anything with its ``get_token``."""

    def get_token(self, *scopes: str) -> AccessToken:
        """Returns a token for the scopes."""
        ...


class CachedToken:
    """A callable that returns a credential's token, and gets a new one before the old one expires.

    Args:
        credential: The source of tokens.
        scope: Their scope.
        now: The clock, in Unix seconds.
    """

    def __init__(
        self, credential: Credential, scope: str, *, now: Callable[[], float] = time.time
    ) -> None:
        if not hasattr(credential, "get_token"):
            raise ConfigurationError(
                "credential: expected a callable that returns a token, or an object with "
                f"get_token (such as azure-identity's), got {type(credential).__name__}"
            )
        self._credential = credential
        self._scope = scope
        self._now = now
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._token: AccessToken | None = None

    def __call__(self) -> str:
        """Returns the token; one thread renews it while the others wait."""
        if self._pid != os.getpid():
            # A thread of the parent may have held the lock at the fork; it does not exist here.
            self._lock, self._pid = threading.Lock(), os.getpid()
        token = self._token
        if token is None or self._left(token) < _MARGIN:
            with self._lock:
                token = self._token
                if token is None or self._left(token) < _MARGIN:
                    token = self._renewed(token)
        return token.token

    def _renewed(self, old: AccessToken | None) -> AccessToken:
        try:
            self._token = token = self._credential.get_token(self._scope)
        except Exception:
            if old is None or self._left(old) <= 0:
                raise
            return old  # still valid; the next call tries again
        return token

    def _left(self, token: AccessToken) -> float:
        return token.expires_on - self._now()

    def __repr__(self) -> str:
        return f"<CachedToken for {self._scope}>"
