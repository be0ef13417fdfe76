"""Assistants."""

from __future__ import annotations

from typing import Literal

from assistants_client._calls.pagination import LazyList
from assistants_client._calls.resource import ListOptions, Resource, build_path
from assistants_client.models.assistants import Assistant, AssistantRequest, AssistantUpdate
from assistants_client.models.lists import Deleted, Page
from assistants_client.resources._signatures import accepts_fields_of


class Assistants(Resource):
    """``client.assistants``: models with instructions and tools."""

    _ALL = "/assistants"
    _ONE = "/assistants/{assistant_id}"

    @accepts_fields_of(lambda: AssistantRequest)
    def create(self, request: AssistantRequest) -> Assistant:
        """Creates an assistant. ``model`` is required."""
        return self._create(self._ALL, Assistant, request, listed_as=Page[Assistant])

    def retrieve(self, assistant_id: str) -> Assistant:
        """Reads an assistant.

        Raises:
            NotFoundError: There is none with this id.
        """
        return self._send("GET", build_path(self._ONE, assistant_id=assistant_id), Assistant)

    @accepts_fields_of(lambda: AssistantUpdate)
    def update(self, assistant_id: str, request: AssistantUpdate) -> Assistant:
        """Changes the given fields of an assistant; ``None`` clears one."""
        path = build_path(self._ONE, assistant_id=assistant_id)
        return self._send("POST", path, Assistant, request=request)

    def list(
        self,
        *,
        limit: int | None = None,
        order: Literal["asc", "desc"] | None = None,
        after: str | None = None,
        before: str | None = None,
        page_size: int | None = None,
    ) -> LazyList[Assistant]:
        """Lists all assistants lazily, newest first unless ``order`` is ``"asc"``.

        Args:
            limit: At most this many in all.
            order: By time of creation.
            after: Begin behind the item with this id.
            before: Only items before the one with this id; pages then go backwards.
            page_size: Items a request, 1 to 100; the server's default is 20.
        """
        return self._list(
            self._ALL,
            Page[Assistant],
            ListOptions(limit, order, after, before, page_size),
        )

    def delete(self, assistant_id: str) -> Deleted:
        """Deletes an assistant; its runs and threads stay."""
        return self._delete(build_path(self._ONE, assistant_id=assistant_id), assistant_id)
