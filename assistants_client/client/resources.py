"""Functions that make a client's resources; each is imported when it is first used."""
# ruff: noqa: PLC0414 - the classes are exported for the annotations of the client's attributes

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from assistants_client._calls.run_calls import RunCalls as RunCalls
    from assistants_client._http.transport import Transport
    from assistants_client.resources.assistants import Assistants as Assistants
    from assistants_client.resources.files import Files as Files
    from assistants_client.resources.messages import Messages as Messages
    from assistants_client.resources.run_steps import RunSteps as RunSteps
    from assistants_client.resources.runs import Runs as Runs
    from assistants_client.resources.threads import Threads as Threads
    from assistants_client.resources.vector_store_file_batches import (
        VectorStoreFileBatches as VectorStoreFileBatches,
    )
    from assistants_client.resources.vector_store_files import VectorStoreFiles as VectorStoreFiles
    from assistants_client.resources.vector_stores import VectorStores as VectorStores
    from assistants_client.waiting.waiter import Waiter


class _Connected(Protocol):
    """A client, as far as its resources need it."""

    _waiter: Waiter

    @property
    def _transport(self) -> Transport: ...
    @property
    def _run_calls(self) -> RunCalls: ...


def run_calls(client: _Connected) -> RunCalls:
    """The requests about one run, for waits and for streams."""
    from assistants_client._calls.run_calls import RunCalls

    return RunCalls(client._transport)


def assistants(client: _Connected) -> Assistants:
    """Assistants: models with instructions and tools."""
    from assistants_client.resources.assistants import Assistants

    return Assistants(client._transport)


def threads(client: _Connected) -> Threads:
    """Threads: conversations."""
    from assistants_client.resources.threads import Threads

    return Threads(client._transport)


def messages(client: _Connected) -> Messages:
    """The messages of threads."""
    from assistants_client.resources.messages import Messages

    return Messages(client._transport, client._waiter, client._run_calls)


def runs(client: _Connected) -> Runs:
    """Runs: assistants at work on threads."""
    from assistants_client.resources.runs import Runs

    return Runs(client._transport, client._waiter, client._run_calls)


def run_steps(client: _Connected) -> RunSteps:
    """The steps of runs: messages and tool calls."""
    from assistants_client.resources.run_steps import RunSteps

    return RunSteps(client._transport)


def files(client: _Connected) -> Files:
    """Uploaded files."""
    from assistants_client.resources.files import Files

    return Files(client._transport, client._waiter)


def vector_stores(client: _Connected) -> VectorStores:
    """Vector stores: files to search."""
    from assistants_client.resources.vector_stores import VectorStores

    return VectorStores(client._transport, client._waiter)


def vector_store_files(client: _Connected) -> VectorStoreFiles:
    """The files in vector stores."""
    from assistants_client.resources.vector_store_files import VectorStoreFiles

    return VectorStoreFiles(client._transport, client._waiter)


def vector_store_file_batches(client: _Connected) -> VectorStoreFileBatches:
    """Files added to vector stores together."""
    from assistants_client.resources.vector_store_file_batches import VectorStoreFileBatches

    return VectorStoreFileBatches(client._transport, client._waiter)
