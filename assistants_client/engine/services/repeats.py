"""Requests that were answered, by their ``Idempotency-Key``: a repeat gets the same answer again.

The answer is stored with what the request made, in one transaction, so that there is never the one
without the other. Two of the same request at once both try; only one of them can commit.
"""

from __future__ import annotations

from typing import Final

from attrs import field, frozen
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from assistants_client._json.codec import encode
from assistants_client._protocol import IDEMPOTENCY_KEY
from assistants_client.engine.faults import Fault
from assistants_client.engine.services._base import Context
from assistants_client.engine.storage.tables import answered_requests
from assistants_client.models._base import JsonObject, Struct
from assistants_client.models.threads import Thread

#: For so many seconds an answer is kept.
KEPT_SECONDS: Final = 24 * 60 * 60
#: So often, in seconds, what has become old is dropped.
_FORGET_SECONDS: Final = 60.0
_LONGEST_KEY: Final = 255


class KeyTakenError(Exception):
    """Another request with this key was answered meanwhile; this one has done nothing."""


@frozen
class RequestKey:
    """What a request is known by again.

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


@frozen
class Repeats:
    """The requests of the last day that had a key."""

    _context: Context
    #: When to forget again: one number, shared by all threads.
    _due: list[float] = field(factory=lambda: [0.0], init=False)

    def answer(self, request: RequestKey) -> JsonObject | None:
        """What the request was answered with; ``None`` when it is new.

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

    def keep(self, connection: Connection, request: RequestKey, answer: Struct) -> None:
        """Keeps an answer, in the transaction that makes it come true.

        Raises:
            KeyTakenError: There is an answer already; the transaction is to be undone.
        """
        thread_id = answer.id if isinstance(answer, Thread) else getattr(answer, "thread_id", None)
        table = answered_requests
        if self._context.clock() >= self._due[0]:
            self._due[0] = self._context.clock() + _FORGET_SECONDS
            self._forget(connection)
        try:
            connection.execute(
                insert(table).values(
                    key=request.key,
                    fingerprint=request.fingerprint,
                    created_at=self._context.clock(),
                    thread_id=thread_id,
                    answer=encode(answer),
                )
            )
        except IntegrityError:
            raise KeyTakenError(request.key) from None

    def forget(self) -> None:
        """Drops what was kept for long enough; it happens by itself now and then."""
        with self._context.database.begin() as connection:
            self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        kept = answered_requests
        connection.execute(delete(kept).where(kept.c.created_at <= self._eldest()))

    def _eldest(self) -> float:
        return self._context.clock() - KEPT_SECONDS
