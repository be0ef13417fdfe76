"""Messages of a thread: added while no run holds it, changed, listed, deleted."""

from __future__ import annotations

from attrs import frozen
from sqlalchemy import Connection

from assistants_client.engine.domain.new_objects import changed, new_message
from assistants_client.engine.faults import Fault, not_found
from assistants_client.engine.services._base import Context, add_messages
from assistants_client.engine.services._resources import attach
from assistants_client.engine.services._write import Write
from assistants_client.engine.storage.database import load, load_json, remove, save
from assistants_client.engine.storage.keyset_pages import PageQuery, read_page
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import messages
from assistants_client.models.lists import Deleted, Page
from assistants_client.models.messages import Message, MessageRequest, MessageUpdate


@frozen
class Messages:
    """The operations under ``/threads/{id}/messages``. Unknown ids are refused with a ``Fault``."""

    _context: Context

    def create(self, thread_id: str, request: MessageRequest) -> Write[StoredJson[Message]]:
        """Adds a message.

        Raises:
            Fault: Also when a run is active on the thread.
        """
        made = new_message(request, thread_id, self._context.now(), self._context.new_id)

        def write(connection: Connection) -> StoredJson[Message]:
            active = self._context.active_run(connection, thread_id)
            if active is not None:
                raise Fault(
                    400, f"Can't add messages to {thread_id} while a run {active.id} is active."
                )
            attach(self._context, connection, thread_id, [made], "")
            return add_messages(connection, [made])[0]

        return Write(write)

    def retrieve(self, thread_id: str, message_id: str) -> StoredJson[Message]:
        """Returns a message."""
        with self._context.read_thread(thread_id) as connection:
            found = load_json(connection, messages, Message, message_id, thread_id=thread_id)
        if found is None:
            raise not_found("message", message_id)
        return found

    def update(
        self, thread_id: str, message_id: str, update: MessageUpdate
    ) -> Write[StoredJson[Message]]:
        """Changes the metadata. An active run does not hinder it."""

        def write(connection: Connection) -> StoredJson[Message]:
            self._context.active_run(connection, thread_id)
            found = load(connection, messages, Message, message_id, thread_id=thread_id)
            if found is None:
                raise not_found("message", message_id)
            found = changed(found, update)
            return save(connection, messages, found) or StoredJson.of(found)

        return Write(write)

    def list(
        self, thread_id: str, query: PageQuery, *, run_id: str | None = None
    ) -> StoredJson[Page[Message]]:
        """Returns a page of a thread's messages, or of those that one run wrote."""
        where = {"thread_id": thread_id}
        if run_id is not None:
            where["run_id"] = run_id
        with self._context.read_thread(thread_id) as connection:
            return read_page(connection, messages, Message, query, where, parent=thread_id)

    def delete(self, thread_id: str, message_id: str) -> Deleted:
        """Deletes a message."""
        with self._context.begin() as connection:
            self._context.active_run(connection, thread_id)
            if not remove(connection, messages, message_id, thread_id=thread_id):
                raise not_found("message", message_id)
        return Deleted(id=message_id, object="thread.message.deleted")
