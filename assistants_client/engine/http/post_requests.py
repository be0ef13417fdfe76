"""POSTs: handled once, and given the same response again when they are repeated.

What a POST writes is committed here. The transaction that makes its response true is the one that
the response is stored in by its key, and the one before whose end its stream is subscribed. What
the response is, the routes and services decide.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from assistants_client._protocol import IDEMPOTENCY_KEY
from assistants_client.engine.events.broker import Subscription
from assistants_client.engine.events.event_stream import RunEvents
from assistants_client.engine.events.stream_state import RUN, THREAD, NamedEvent, StreamState
from assistants_client.engine.faults import Fault
from assistants_client.engine.http.routes import Call, Handler, ReadOnly, Services
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._write import Write
from assistants_client.engine.services.idempotency_keys import (
    IdempotencyKeys,
    KeyTakenError,
    RequestKey,
    checked_key,
)
from assistants_client.engine.services.run_snapshots import RunSnapshots
from assistants_client.engine.storage.outages import retried
from assistants_client.engine.storage.store_faults import (
    CommitInDoubtError,
    InterruptedTransactionError,
)
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.models._base import JsonObject

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: The header with the key of a request, in an environ.
_KEY_HEADER: Final = f"HTTP_{IDEMPOTENCY_KEY.upper().replace('-', '_')}"


@frozen
class PostResult:
    """The response to a POST: an object, or the events of the run that it describes."""

    made: StoredJson[Any]
    stream: RunEvents | None = None


class PostHandler:
    """Handles POSTs in a context, which says who sends them."""

    def __init__(self, context: Context, services: Services, keys: IdempotencyKeys) -> None:
        self._context = context
        self._services = services
        self._keys = keys
        self._snapshots = RunSnapshots(context)

    def handle(self, handler: Handler, call: Call) -> PostResult:
        """Handles a POST, once: a repeat with the same key gets the response of the first.

        A repeat is rare, so each request is handled as if it was none: where it was, its response
        cannot be stored, which rolls everything back.

        Raises:
            Fault: It is refused.
        """
        key = _key_of(call, self._context.caller.tenant)
        try:
            return self._handle(handler, call, key)
        except CommitInDoubtError:
            if key is None:
                raise
            # Nobody else writes once it has the right to write again: its key is there, or is not.
            return self._handle(handler, call, key)

    @retried
    def _handle(self, handler: Handler, call: Call, key: RequestKey | None) -> PostResult:
        if key is None:
            return self._commit(handler, call, None)
        try:
            return self._commit(handler, call, key)
        except KeyTakenError:
            first = self._keys.find(key)
        except (InterruptedTransactionError, CommitInDoubtError):
            raise
        except Fault:
            # A repeat may be refused because of what the first has changed, such as a lock.
            first = self._keys.find(key)
            if first is None:
                raise
        if first is None:
            self._keys.purge()  # it has expired, and must not block the key
            try:
                return self._commit(handler, call, key)
            except KeyTakenError:
                message = f"A request with this {IDEMPOTENCY_KEY} is being handled."
                raise Fault(409, message, "idempotency_key_in_use") from None
        return PostResult(first, self._replay(call, first.document) if call.streams else None)

    def _commit(self, handler: Handler, call: Call, key: RequestKey | None) -> PostResult:
        write = handler(self._services, call)
        if isinstance(write, ReadOnly):
            return PostResult(StoredJson.of(write.result))
        if not isinstance(write, Write):  # its answer would not be stored by its key
            raise TypeError(f"the handler of POST {call.path} returned {type(write).__name__}")
        state = StreamState()
        if call.streams and "run_id" in call.ids:
            before = self._snapshots.load(call.ids["run_id"])
            if before is not None:
                state.mark_sent(before)
        made: StoredJson[Any] = StoredJson(dict, "{}")

        def before_commit(connection: Connection, result: Any) -> None:
            nonlocal made
            if result is None:  # a piece, and of a repeat not even that may be done
                if key is not None:
                    self._keys.require_unused(connection, key)
                return
            made = StoredJson.of(result)
            if key is not None:
                self._keys.store(connection, key, made)

        subscription: Subscription | None = None
        if call.streams and write.run_id is not None:
            # From before the run can be seen, so that no event is lost; and from before the right
            # to write is taken, since that may take as long as it takes other processes to know.
            subscription = self._context.events.subscribe(write.run_id)
        try:
            write.commit(self._context, before_commit)
        except BaseException:
            if subscription is not None:
                subscription.close()
            raise
        if subscription is None:
            return PostResult(made)
        return PostResult(made, self._stream(call, subscription, state))

    def _replay(self, call: Call, run: JsonObject) -> RunEvents:
        """Returns the events of a run that exists already, from its beginning on."""
        first: list[NamedEvent] = []
        if not call.ids:
            thread = self._services.threads.retrieve(run["thread_id"])
            first.append((f"{THREAD}.created", thread.document))
        if "run_id" not in call.ids:
            first.append((f"{RUN}.created", run))
        first.append((f"{RUN}.queued", run))
        subscription = self._context.events.subscribe(run["id"])
        return self._stream(call, subscription, StreamState(), first)

    def _stream(
        self,
        call: Call,
        subscription: Subscription,
        state: StreamState,
        first: list[NamedEvent] | None = None,
    ) -> RunEvents:
        return RunEvents(
            subscription, state, self._snapshots.look, first or (), shown_step=call.streamed_step
        )


def _key_of(call: Call, tenant: str | None) -> RequestKey | None:
    # Werkzeug's ways to the headers take as long as to hash a short body.
    environ = call.environ
    key = checked_key(environ.get(_KEY_HEADER, "").strip())
    if not key:
        return None
    # A form may be large, and is written anew, with another boundary, when it is sent again.
    is_form = environ.get("CONTENT_TYPE", "").lower().startswith("multipart/form-data")
    body = b"" if is_form else call.request.get_data()
    parts = call.path.encode(), environ.get("QUERY_STRING", "").encode("latin-1"), body
    fingerprint = hashlib.sha256(b"".join(b"%d:%b" % (len(part), part) for part in parts))
    # No header has a line's end in it: of two tenants no two keys are the same.
    return RequestKey(key if tenant is None else f"{tenant}\n{key}", fingerprint.hexdigest())
