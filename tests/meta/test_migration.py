"""The tables of ``examples/migration.rst``: they render, and what they say of this client is real.

The columns of the other clients are checked in ``tests/clients``, where those clients are.
"""

from __future__ import annotations

import inspect
from typing import Any

import attrs
import pytest
from migration_calls import MIGRATION, Calls, cells

import assistants_client
from assistants_client import Client
from assistants_client._calls.resource import Resource
from assistants_client._suggestions import ATTRIBUTES
from assistants_client.resources.assistants import Assistants

#: What the names in the tables stand for.
OBJECTS = {
    "assistant": "Assistant",
    "thread": "Thread",
    "message": "Message",
    "run": "Run",
    "step": "RunStep",
    "file": "File",
    "store": "VectorStore",
    "batch": "VectorStoreFileBatch",
    "page": "Page",
    "stream": "RunStream",
    "event": "MessageDelta",
    "reply": "Reply",
}


@pytest.fixture(scope="module")
def ours() -> list[str]:
    """The code in our column. Reading it renders the file, where a warning is an error."""
    return cells(MIGRATION.read_text("utf-8"), "assistants-client")


@pytest.fixture
def calls() -> Calls:
    """Looks up calls of this client."""
    names: dict[str, Any] = {
        name: getattr(assistants_client, name) for name in assistants_client.__all__
    }
    names |= {name: names[cls] for name, cls in OBJECTS.items()}
    names["error"] = assistants_client.RateLimitError("slow down", status_code=429)
    names |= {"client": Client("https://assistants.test/v1"), "attrs": attrs}
    return Calls(names, assistants_client.Request)


def public_methods(client: Client) -> set[str]:
    """The methods of a client and its resources, as one writes them."""
    owners = {"client": client}
    for name in dir(client):
        if not name.startswith("_") and isinstance(getattr(client, name), Resource):
            owners[f"client.{name}"] = getattr(client, name)
    return {
        f"{path}.{name}"
        for path, owner in owners.items()
        for name in dir(owner)
        if not name.startswith("_") and inspect.ismethod(getattr(owner, name))
    }


def test_every_call_of_ours_is_real(ours: list[str], calls: Calls) -> None:
    """Each call in our column exists and takes the arguments that it is given."""
    problems = {code: problem for code in ours if (problem := calls.problem(code))}

    assert len(ours) > 150
    assert problems == {}


def test_every_method_of_ours_is_in_the_tables(ours: list[str], calls: Calls) -> None:
    """All 44 operations stand there, and all that is made of them."""
    for code in ours:
        calls.problem(code)
    methods = public_methods(Client("https://assistants.test/v1"))

    assert len(methods) > 44
    # Constructors: the class has them, and so the tables.
    assert methods - calls.seen == {"client.azure", "client.foundry"}
    assert {"Client.azure", "Client.foundry"} <= calls.seen


def test_what_errors_name_instead_is_real(calls: Calls) -> None:
    """The code that stands for an attribute of other clients, and the verbs of all resources."""
    codes = {code for rows in ATTRIBUTES.values() for code in rows.values()}
    verbs, [beta] = set(ATTRIBUTES["Resource"].values()), ATTRIBUTES["Client"].values()
    codes = codes - verbs - {beta} | set(beta.split(", "))
    problems = {code: problem for code in codes if (problem := calls.problem(code))}

    assert problems == {}
    assert verbs <= set(dir(Assistants))


@pytest.mark.parametrize(
    "code",
    [
        "client.runs.crate(thread.id, assistant_id=assistant.id)",
        "client.runs.create(thread.id, assistant=assistant.id)",
        "client.runs.create(thread.id)",
        "client.runs.retrieve(run.id)",
        "client.files.download(file.idd, 'copy.pdf')",
        "client.messages.list(thread.id).pagess()",
        "Nonsense",
        "client.runs.create(",
    ],
)
def test_a_call_that_is_not_real_is_found(calls: Calls, code: str) -> None:
    """A misspelled method, field, keyword or class is a problem, and so is what is missing."""
    assert calls.problem(code)
