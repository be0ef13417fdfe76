"""Answers by the ``Idempotency-Key`` of their request: a repeat gets the same answer again.

The answer is stored with what the request made, in one transaction, so that there is never the one
without the other. Two of the same request at once both try; only one of them can commit.
"""

from __future__ import annotations

from typing import Final

from attrs import define, field, frozen
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from assistants_client._protocol import IDEMPOTENCY_KEY
from assistants_client.engine.faults import Fault
from assistants_client.engine.services._base import Context
from assistants_client.engine.storage.tables import answered_requests
from assistants_client.models._base import JsonObject

#: For so many seconds an answer is kept.
KEPT_SECONDS: Final = 24 * 60 * 60
#: So often, in seconds, what has become old is purged.
_PURGE_SECONDS: Final = 60.0
_LONGEST_KEY: Final = 255


class KeyTakenError(Exception):
    """Another request with this key was answered meanwhile; this one has done nothing."""


@frozen
class RequestKey:
    """What a request is recognised by.

    Attributes:
        key: As the caller made it up.
        fingerprint: Of all that the request asks for: a key stands for one request only.
    """

    key: str
    fingerprint: str


def checked_key(key: str) -> str:
    """A key, if it may be one.

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
    """The keys of the last day's requests, with their answers."""

    _context: Context
    #: When to purge again.
    _due: float = field(default=0.0, init=False)

    def find(self, request: RequestKey) -> JsonObject | None:
        """Returns what the request was answered with; ``None`` when it is new.

        Raises:
            Fault: The key was used for another request.
        """
        table = answered_requests.c
        with self._context.database.read() as connection:
            row = connection.execute(
                select(table.fingerprint, table.answer).where(
                    table.key == request.key, table.created_at > self._eldest()
                )
            ).first()
        if row is None:
            return None
        if row.fingerprint != request.fingerprint:
            message = f"Invalid '{IDEMPOTENCY_KEY}': this key was used for another request already."
            raise Fault(422, message, "idempotency_key_reused", IDEMPOTENCY_KEY)
        kept: JsonObject = row.answer
        return kept

    def require_unused(self, connection: Connection, request: RequestKey) -> None:
        """Refuses a key that an answer is stored by.

        Raises:
            KeyTakenError: There is an answer already; the transaction is to be undone.
        """
        table = answered_requests.c
        if connection.execute(select(table.key).where(table.key == request.key)).first():
            raise KeyTakenError(request.key)

    def store(self, connection: Connection, request: RequestKey, answer: JsonObject) -> None:
        """Stores an answer, in the transaction that makes it true.

        Raises:
            KeyTakenError: There is an answer already; the transaction is to be undone.
        """
        is_thread = answer.get("object") == "thread"
        if self._context.clock() >= self._due:
            self._due = self._context.clock() + _PURGE_SECONDS
            self._purge(connection)
        try:
            connection.execute(
                insert(answered_requests).values(
                    key=request.key,
                    fingerprint=request.fingerprint,
                    created_at=self._context.clock(),
                    thread_id=answer["id"] if is_thread else answer.get("thread_id"),
                    answer=answer,
                )
            )
        except IntegrityError:
            raise KeyTakenError(request.key) from None

    def purge(self) -> None:
        """Deletes what was kept for long enough; it happens by itself now and then."""
        with self._context.database.begin() as connection:
            self._purge(connection)

    def _purge(self, connection: Connection) -> None:
        kept = answered_requests
        connection.execute(delete(kept).where(kept.c.created_at <= self._eldest()))

    def _eldest(self) -> float:
        return self._context.clock() - KEPT_SECONDS
