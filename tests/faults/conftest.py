"""Servers that end with their test, and an environment that nothing leaks into."""

import pytest
from server import QUICK, FaultServer

from assistants_client import Client


@pytest.fixture(autouse=True)
def _environment(clean_environment, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AZURE_OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def listen():
    """Starts servers: ``listen(script, tls=…, keep_bodies=…)``."""
    servers = []

    def start(script, **options):
        servers.append(FaultServer(script, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
        assert server.malformed == []


@pytest.fixture
def connect():
    """Makes clients of a server; they close with the test."""
    clients = []

    def make(server, **options):
        url = server if isinstance(server, str) else server.url
        clients.append(Client(url, **({"api_key": "key-of-the-test", "retries": QUICK} | options)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
