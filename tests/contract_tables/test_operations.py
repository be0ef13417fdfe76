"""Every operation of the protocol has a method that makes it: method, path and query."""

import inspect
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from protocol_operations import FURTHER, FURTHER_OPERATIONS, IDS, OPERATIONS

from assistants_client import Client
from assistants_client._calls.resource import Resource

BASE = "https://server.test/v1"
ALL = OPERATIONS + FURTHER_OPERATIONS


def test_there_are_44_operations_and_a_list_of_threads():
    """No row is there twice, and what goes beyond the specification has a reason."""
    assert len({row.name for row in ALL}) == len(ALL) == 45
    assert {row.name for row in FURTHER_OPERATIONS} == set(FURTHER)


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.name)
def test_an_operation_has_a_method(row, client, wire):
    """Its call sends one request, with the method, the path and every query parameter."""
    document = {"object": "list", "data": []} if "data" in _shape(row) else {"id": "x"}
    wire.add(row.method, re.compile(re.escape(BASE) + ".*"), json=document)

    row.call(client)

    (call,) = wire.calls
    sent = urlsplit(call.request.url.removeprefix(BASE))
    assert (call.request.method, sent.path) == (row.method, row.path.format(**IDS))
    assert set(parse_qs(sent.query)) == set(row.query)


def _shape(row):
    lists = row.answer is None or (row.answer.startswith("List") and row.method == "GET")
    pages = ("VectorStoreSearchResultsPage", "VectorStoreFileContentResponse")
    return {"data"} if lists or row.answer in pages else {"id"}


#: Public methods that make no operation of their own, and what they are instead.
HELPERS = {
    "runs.poll": "a retrieve that shows the headers",
    "runs.submit_tool_approvals": "another body for the tool outputs, of Azure AI Foundry",
    "files.upload_and_wait": "an upload, then retrieves",
    "files.download": "the content, written to a file",
    "files.content_stream": "the content, in blocks",
    "vector_stores.wait": "retrieves until no file is still read",
    "vector_store_files.wait": "retrieves until it is done",
    "vector_store_files.upload_and_wait": "an upload and a create, then retrieves",
    "vector_store_file_batches.wait": "retrieves until it is done",
    "vector_store_file_batches.upload_and_wait": "uploads and a create, then retrieves",
    "runs.stream": "a create that is read while it runs",
    "runs.stream_thread_and_run": "a create that is read while it runs",
    "runs.submit_tool_outputs_stream": "a submission that is read while it runs",
}


def test_every_method_is_an_operation(client, wire):
    """No public method of a resource is missing from the table: it is a row or a helper."""
    wire.add_callback(
        "GET", re.compile(".*"), lambda _: (200, {}, '{"id": "x", "object": "list", "data": []}')
    )
    wire.add_callback("POST", re.compile(".*"), lambda _: (200, {}, '{"id": "x", "data": []}'))
    wire.add_callback("DELETE", re.compile(".*"), lambda _: (200, {}, '{"id": "x"}'))
    watched = _Watched(client)
    for row in ALL:
        row.call(watched)

    public = {
        f"{name}.{method}"
        for name, resource in inspect.getmembers(client)
        if isinstance(resource, Resource) and not name.startswith("_")
        for method, _ in inspect.getmembers(resource, callable)
        if not method.startswith("_")
    }
    assert public - set(HELPERS) == watched.called


class _Watched:
    """A client that remembers which methods of its resources were called."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.called: set[str] = set()

    def __getattr__(self, name):
        resource, called = getattr(self._client, name), self.called

        class Watch:
            def __getattr__(self, method):
                called.add(f"{name}.{method}")
                return getattr(resource, method)

        return Watch()
