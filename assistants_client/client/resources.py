"""The client's resources, as attributes; each is imported when it is first used.

What a resource does is in its own file; no method of theirs belongs here.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from assistants_client._suggestions import no_attribute

if TYPE_CHECKING:
    from assistants_client._http.transport import Transport
    from assistants_client.resources._base import Helpers
    from assistants_client.resources.assistants import Assistants
    from assistants_client.resources.files import Files
    from assistants_client.resources.messages import Messages
    from assistants_client.resources.run_steps import RunSteps
    from assistants_client.resources.runs import Runs
    from assistants_client.resources.threads import Threads
    from assistants_client.resources.vector_store_file_batches import VectorStoreFileBatches
    from assistants_client.resources.vector_store_files import VectorStoreFiles
    from assistants_client.resources.vector_stores import VectorStores


class HasResources:
    """The part of ``Client`` that its users call most: an attribute for each resource."""

    _transport: Transport
    _helpers: Helpers

    if not TYPE_CHECKING:  # a type checker says so itself, and means it

        def __getattr__(self, name: str) -> None:
            raise no_attribute(self, name)

    @cached_property
    def assistants(self) -> Assistants:
        """Assistants: models with instructions and tools."""
        from assistants_client.resources.assistants import Assistants

        return Assistants(self._transport, self._helpers)

    @cached_property
    def threads(self) -> Threads:
        """Threads: conversations."""
        from assistants_client.resources.threads import Threads

        return Threads(self._transport, self._helpers)

    @cached_property
    def messages(self) -> Messages:
        """The messages of threads."""
        from assistants_client.resources.messages import Messages

        return Messages(self._transport, self._helpers)

    @cached_property
    def runs(self) -> Runs:
        """Runs: assistants at work on threads."""
        from assistants_client.resources.runs import Runs

        return Runs(self._transport, self._helpers)

    @cached_property
    def run_steps(self) -> RunSteps:
        """What runs did, step by step."""
        from assistants_client.resources.run_steps import RunSteps

        return RunSteps(self._transport, self._helpers)

    @cached_property
    def files(self) -> Files:
        """Uploaded files."""
        from assistants_client.resources.files import Files

        return Files(self._transport, self._helpers)

    @cached_property
    def vector_stores(self) -> VectorStores:
        """Vector stores: files to search."""
        from assistants_client.resources.vector_stores import VectorStores

        return VectorStores(self._transport, self._helpers)

    @cached_property
    def vector_store_files(self) -> VectorStoreFiles:
        """The files in vector stores."""
        from assistants_client.resources.vector_store_files import VectorStoreFiles

        return VectorStoreFiles(self._transport, self._helpers)

    @cached_property
    def vector_store_file_batches(self) -> VectorStoreFileBatches:
        """Files added to vector stores together."""
        from assistants_client.resources.vector_store_file_batches import VectorStoreFileBatches

        return VectorStoreFileBatches(self._transport, self._helpers)
