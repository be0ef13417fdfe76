"""Assistants: made, changed, listed, deleted. A run keeps a copy of what it takes from one."""

from __future__ import annotations

from attrs import frozen
from sqlalchemy import Connection

from assistants_client.engine.domain.filled_in import shown_assistant
from assistants_client.engine.domain.new_objects import changed, new_assistant
from assistants_client.engine.faults import not_found
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._resources import refuse_new_stores, resolve_resources
from assistants_client.engine.services._write import Write
from assistants_client.engine.storage.database import add, load, remove, save
from assistants_client.engine.storage.keyset_pages import PageQuery, read_page
from assistants_client.engine.storage.tables import assistants
from assistants_client.models.assistants import Assistant, AssistantRequest, AssistantUpdate
from assistants_client.models.lists import Deleted, Page


@frozen
class Assistants:
    """The operations under ``/assistants``. An unknown id is refused with a ``Fault``."""

    _context: Context

    def create(self, request: AssistantRequest) -> Write[Assistant]:
        """Makes an assistant."""
        made = new_assistant(request, self._context.now(), self._context.new_id)

        def write(connection: Connection) -> Assistant:
            resolve_resources(self._context, connection, made.tool_resources)
            add(connection, assistants, made, tenant=self._context.caller.tenant)
            return shown_assistant(made)

        return Write(write)

    def retrieve(self, assistant_id: str) -> Assistant:
        """Returns an assistant."""
        with self._context.database.read() as connection:
            found = load(connection, assistants, Assistant, assistant_id, **self._context.visible)
        if found is None:
            raise not_found("assistant", assistant_id)
        return shown_assistant(found)

    def update(self, assistant_id: str, update: AssistantUpdate) -> Write[Assistant]:
        """Changes the fields that are given; null clears."""
        refuse_new_stores(update)

        def write(connection: Connection) -> Assistant:
            found = load(connection, assistants, Assistant, assistant_id, **self._context.visible)
            if found is None:
                raise not_found("assistant", assistant_id)
            found = changed(found, update)
            if update.tool_resources:
                resolve_resources(self._context, connection, found.tool_resources)
            save(connection, assistants, found)
            return shown_assistant(found)

        return Write(write)

    def list(self, query: PageQuery) -> Page[Assistant]:
        """Returns a page of all assistants that the caller sees."""
        with self._context.database.read() as connection:
            stored = read_page(
                connection, assistants, Assistant, query, {}, tenant=self._context.only_tenant
            )
        page = stored.decoded()
        page.data = [shown_assistant(assistant) for assistant in page.data]
        return page

    def delete(self, assistant_id: str) -> Deleted:
        """Deletes an assistant; its runs stay, and go on."""
        with self._context.database.begin() as connection:
            if not remove(connection, assistants, assistant_id, **self._context.visible):
                raise not_found("assistant", assistant_id)
        return Deleted(id=assistant_id, object="assistant.deleted")
