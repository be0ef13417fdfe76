"""POSTs: answered with an object or with a stream, and the same again when they are repeated.

What a key and a stream have in common is here: both are tied to the transaction that makes the
answer come true. What the answer is, the routes and services know.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from assistants_client._json.codec import encode
from assistants_client._protocol import IDEMPOTENCY_KEY
from assistants_client.engine.events.broker import Subscription
from assistants_client.engine.events.event_stream import RunEvents
from assistants_client.engine.events.stream_state import RUN, THREAD, NamedEvent, Told
from assistants_client.engine.faults import Fault
from assistants_client.engine.http.routes import Call, Handler, Services
from assistants_client.engine.services._base import Context
from assistants_client.engine.services.following import Following
from assistants_client.engine.services.repeats import (
    KeyTakenError,
    Repeats,
    RequestKey,
    checked_key,
)
from assistants_client.models._base import JsonObject, Struct

if TYPE_CHECKING:
    from sqlalchemy import Connection


@frozen
class Posted:
    """What a POST is answered with: a document, or the events of the run that it describes."""

    document: JsonObject
    stream: RunEvents | None = None


class Posts:
    """Answers POSTs in a context."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._repeats = Repeats(context)
        self._following = Following(context)

    def answer(self, handler: Handler, call: Call) -> Posted:
        """Has a POST handled, once: a repeat with the same key is answered as the first was.

        A repeat is rare, so each request is handled as if it was none: storing its answer tells,
        and undoes everything if it was.

        Raises:
            Fault: It is refused.
        """
        key = _key_of(call)
        if key is None:
            return self._handled(handler, call, None)
        try:
            return self._handled(handler, call, key)
        except KeyTakenError:
            kept = self._repeats.answer(key)
        except Fault:
            # A repeat may be refused because of what the first has changed, such as a lock.
            kept = self._repeats.answer(key)
            if kept is None:
                raise
        if kept is None:
            self._repeats.forget()  # it was kept for too long, and must be in nobody's way
            try:
                return self._handled(handler, call, key)
            except KeyTakenError:
                message = f"A request with this {IDEMPOTENCY_KEY} is being answered."
                raise Fault(409, message, "idempotency_key_in_use") from None
        return Posted(kept, self._attached(call, kept) if call.asks_for_stream() else None)

    def _handled(self, handler: Handler, call: Call, key: RequestKey | None) -> Posted:
        told = Told()
        if "run_id" in call.ids and call.asks_for_stream():
            before = self._following.look(call.ids["run_id"])
            if before is not None:
                told.knows(before)
        subscription: Subscription | None = None

        def answering(connection: Connection, answer: Struct) -> None:
            nonlocal subscription
            if call.streams:
                # From before the run can be seen, so that nothing is missed.
                subscription = self._context.events.subscribe(encode(answer)["id"])
            if key is not None:
                self._repeats.keep(connection, key, answer)

        services = Services(evolve(self._context, answering=answering))
        try:
            document: JsonObject = encode(handler(services, call))
        except BaseException:
            if subscription is not None:
                subscription.close()
            raise
        if subscription is None:
            return Posted(document)
        events = RunEvents(subscription, told, self._following.look, shown_step=call.streamed_step)
        return Posted(document, events)

    def _attached(self, call: Call, run: JsonObject) -> RunEvents:
        """The events of a run that exists already, from its beginning on."""
        first: list[NamedEvent] = []
        if not call.ids:
            thread = Services(self._context).threads.retrieve(run["thread_id"])
            first.append((f"{THREAD}.created", encode(thread)))
        if "run_id" not in call.ids:
            first.append((f"{RUN}.created", run))
        first.append((f"{RUN}.queued", run))
        subscription = self._context.events.subscribe(run["id"])
        return RunEvents(
            subscription, Told(), self._following.look, first, shown_step=call.streamed_step
        )


def _key_of(call: Call) -> RequestKey | None:
    request = call.request
    key = checked_key(request.headers.get(IDEMPOTENCY_KEY, "").strip())
    if not key:
        return None
    asked = hashlib.sha256()
    # A form may be large, and is written anew, with another boundary, when it is sent again.
    body = b"" if request.mimetype == "multipart/form-data" else request.get_data()
    for part in (call.path.encode(), request.query_string, body):
        asked.update(b"%d:" % len(part) + part)
    return RequestKey(key, asked.hexdigest())
