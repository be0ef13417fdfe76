"""What people are used to from other clients, and what they are told here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from mistake_kit import message

from assistants_client import Client, ConfigurationError

pytestmark = pytest.mark.usefixtures("clean_environment")


def test_what_other_clients_have(client: Client) -> None:
    """Habits from elsewhere: lists with an index, options of a single call, a session by name."""
    messages: Any = client.messages.list("thread_1")
    runs: Any = client.runs
    instead = (
        "it is fetched while it is iterated. next(iter(it)) is its first item, list(it) are all of "
        "them, and next(it.pages()) is its first page, with data, first_id, last_id and has_more"
    )

    def create(**fields: Any) -> Callable[[], object]:
        return lambda: runs.create("thread_1", assistant_id="asst_1", **fields)

    assert message(TypeError, lambda: messages[0]) == (
        f"'LazyList' object is not subscriptable: {instead}"
    )
    assert message(AttributeError, lambda: messages.data) == (
        f"'LazyList' object has no attribute 'data': {instead}"
    )
    assert message(TypeError, create(timeout=5)) == (
        "Runs.create() has no field 'timeout'; client.with_options(timeout=...) varies it for "
        "single calls"
    )
    assert message(TypeError, create(stream=True)) == (
        "Runs.create() has no field 'stream'; client.runs.stream and its like take the same fields"
    )
    assert message(TypeError, create(instruction="Be brief.")) == (
        "Runs.create() has no field 'instruction'; do you mean 'instructions'?"
    )
    assert message(TypeError, create(zeal=3)) == (
        "Runs.create() has no field 'zeal'; what only your server knows goes into extra_body={...}"
    )
    assert message(TypeError, lambda: runs.create(thread_id="thread_1")) == (
        "Runs.create() needs thread_id before the fields, by position"
    )
    for_any: Any = client
    assert message(AttributeError, lambda: for_any.beta.threads) == (
        "'Client' object has no attribute 'beta': what it holds elsewhere is here the client's "
        "own, as client.threads is"
    )
    assert message(AttributeError, lambda: runs.create_and_poll("thread_1")) == (
        "'Runs' object has no attribute 'create_and_poll': client.wait_for_run(run) waits for a "
        "run, upload_and_wait for a file"
    )
    assert message(AttributeError, lambda: runs.begin) == "'Runs' object has no attribute 'begin'"
    url, session = "https://server.test/v1", cast("Any", "a session")
    assert message(ConfigurationError, lambda: Client(url, session=session)) == (
        "session: expected a requests.Session, got str"
    )
    assert message(ConfigurationError, lambda: Client.azure("me", api_version="v1")) == (
        "endpoint: not an http or https URL such as https://host/v1 (the value is not shown here: "
        "it may be a key in the wrong place)"
    )


def test_two_threads_on_one_stream(embedded: Callable[..., Client]) -> None:
    """The second is told what to do instead; the first goes on."""
    begun, goes_on = threading.Event(), threading.Event()

    def slow(_: object) -> str:
        begun.set()
        goes_on.wait(20)
        return "Hello."

    client = embedded(slow)
    assistant = client.assistants.create(model="m")
    thread = client.threads.create()
    texts: list[str] = []
    with client.runs.stream(thread.id, assistant_id=assistant.id) as stream:
        first = threading.Thread(target=lambda: texts.extend(stream.text()))
        first.start()
        assert begun.wait(20)
        second = message(ConfigurationError, lambda: next(stream))
        goes_on.set()
        first.join()

    assert second == (
        "the stream is being iterated already, by another thread or by the tool that asks; let one "
        "thread iterate, and hand its events on, as with a queue.Queue"
    )
    assert "".join(texts) == "Hello."
