"""A client, and a server on a real socket that plays recorded streams to it."""

import pytest
from stream_kit import StreamServer

from assistants_client import Client


@pytest.fixture
def server(clean_environment):
    """The server; tests say what it answers."""
    started = StreamServer()
    yield started
    started.close()


@pytest.fixture
def client(server):
    """A client of the server that does not wait between polls or tries."""
    with Client(server.url, backoff=0.001, retries=0, timeout=5) as made:
        yield made
