"""Responses by the ``Idempotency-Key`` of their request: a repeat gets the same one again.

The response is stored with what the request made, in one transaction: there is never the one
without the other. Two of the same request at once both try; only one of them can commit.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import define, field, frozen
from sqlalchemy import Connection, Text, bindparam, cast, delete, insert, select
from sqlalchemy.exc import IntegrityError

from assistants_client._protocol import IDEMPOTENCY_KEY
from assistants_client.engine.faults import Fault
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._write import in_pieces
from assistants_client.engine.storage.statements import Statement
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import answered_requests

#: For so many seconds a response is stored.
KEPT_SECONDS: Final = 24 * 60 * 60
#: So often, in seconds, what has become old is purged.
_PURGE_SECONDS: Final = 60.0
#: And so many at once, so that no other writer waits for long.
_PURGED_AT_ONCE: Final = 1000
_LONGEST_KEY: Final = 255


_kept: Final = answered_requests.c
_FIND: Final = Statement(
    select(_kept.fingerprint, cast(_kept.answer, Text)).where(
        _kept.key == bindparam("key"), _kept.created_at > bindparam("eldest")
    )
)
_IS_STORED: Final = Statement(select(_kept.key).where(_kept.key == bindparam("key")))
_STORE: Final = Statement(insert(answered_requests).inline())


class KeyTakenError(Exception):
    """Another request with this key was handled meanwhile; this one has done nothing."""


@frozen
class RequestKey:
    """The key of a request, and the request that it stands for.

    Attributes:
        key: The key as the caller sent it.
        fingerprint: A hash of all that the request asks for: a key stands for one request only.
    """

    key: str
    fingerprint: str


def checked_key(key: str) -> str:
    """Returns the key, if it is valid.

    Raises:
        Fault: It is too long.
    """
    if len(key) > _LONGEST_KEY:
        message = (
            f"Invalid '{IDEMPOTENCY_KEY}': it is longer than the maximum of {_LONGEST_KEY} "
            "characters."
        )
        raise Fault(400, message, "string_above_max_length", IDEMPOTENCY_KEY)
    return key


@define
class IdempotencyKeys:
    """The keys of the last day's requests, with their responses."""

    _context: Context
    #: When to purge again.
    _due: float = field(default=0.0, init=False)

    def find(self, request: RequestKey) -> StoredJson[Any] | None:
        """Returns the response that the request got; ``None`` when it is new.

        Raises:
            Fault: The key was used for another request.
        """
        with self._context.database.read() as connection:
            row = _FIND.first(connection, {"key": request.key, "eldest": self._eldest()})
        if row is None:
            return None
        fingerprint, answer = row
        if fingerprint != request.fingerprint:
            message = f"Invalid '{IDEMPOTENCY_KEY}': this key was used for another request already."
            raise Fault(422, message, "idempotency_key_reused", IDEMPOTENCY_KEY)
        return StoredJson(dict, answer)

    def require_unused(self, connection: Connection, request: RequestKey) -> None:
        """Refuses a key that a response is stored by.

        Raises:
            KeyTakenError: There is a response already; the transaction is to be rolled back.
        """
        if _IS_STORED.first(connection, {"key": request.key}):
            raise KeyTakenError(request.key)

    def store(self, connection: Connection, request: RequestKey, answer: StoredJson[Any]) -> None:
        """Stores a response, in the transaction that makes it true.

        Raises:
            KeyTakenError: There is a response already; the transaction is to be rolled back.
        """
        document = answer.document
        is_thread = document.get("object") == "thread"
        if self._context.clock() >= self._due:
            is_over = not self._purge(connection)
            self._due = self._context.clock() + (_PURGE_SECONDS if is_over else 0.0)
        try:
            _STORE.change(
                connection,
                {
                    "key": request.key,
                    "fingerprint": request.fingerprint,
                    "created_at": self._context.clock(),
                    "thread_id": document["id"] if is_thread else document.get("thread_id"),
                    "answer": answer,
                },
            )
        except IntegrityError:
            raise KeyTakenError(request.key) from None

    def purge(self) -> None:
        """Deletes responses that are too old; it also happens by itself now and then."""

        def piece() -> bool | None:
            with self._context.database.begin() as connection:
                return None if self._purge(connection) else True

        in_pieces(self._context, piece)

    def _purge(self, connection: Connection) -> bool:
        """Deletes the oldest of what is too old; returns whether there may be more of it."""
        kept = answered_requests
        old = select(kept.c.key).where(kept.c.created_at <= self._eldest())
        some = old.order_by(kept.c.created_at).limit(_PURGED_AT_ONCE)
        return connection.execute(delete(kept).where(kept.c.key.in_(some))).rowcount > 0

    def _eldest(self) -> float:
        return self._context.clock() - KEPT_SECONDS
