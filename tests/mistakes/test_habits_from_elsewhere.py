"""What people are used to from other clients, and what they are told here."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from mistake_kit import OPENAI_KEY, message

from assistants_client import Client, ConfigurationError, Message

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
    assert message(TypeError, lambda: reversed(messages)) == (
        "'LazyList' object is not reversible: it is fetched while it is iterated; with order='asc' "
        "it begins with the oldest"
    )
    threads: Any = client.threads
    assert message(TypeError, lambda: threads.create(timeout=5)) == (
        "Threads.create() has no field 'timeout'; client.with_options(timeout=...) varies it for "
        "single calls"
    )
    assert message(TypeError, create(retries=5)) == (
        "Runs.create() has no field 'retries'; client.with_options(retries=...) varies it for "
        "single calls"
    )
    assert message(TypeError, create(stream=True)) == (
        "Runs.create() has no field 'stream'; client.runs.stream and its like take the same fields"
    )
    assert message(TypeError, create(instruction="Be brief.")) == (
        "Runs.create() has no field 'instruction'; do you mean 'instructions'?"
    )
    assert message(TypeError, create(zeal=3)) == (
        "Runs.create() has no field 'zeal'; fields of your server alone go into extra_body={...}"
    )
    assert message(TypeError, lambda: runs.create(thread_id="thread_1")) == (
        "Runs.create() needs thread_id before the fields, by position"
    )
    for_any: Any = client
    assert message(AttributeError, lambda: for_any.beta.threads) == (
        "'Client' object has no attribute 'beta'; here it is client.assistants, client.threads, "
        "client.runs"
    )
    assert message(AttributeError, lambda: runs.create_and_poll("thread_1")) == (
        "'Runs' object has no attribute 'create_and_poll'; here it is client.wait_for_run(run)"
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


@pytest.mark.parametrize(
    ("wrong", "here"),
    [
        ("client.threads.messages", "client.messages"),
        ("client.threads.create_and_run", "client.runs.create_thread_and_run"),
        ("client.runs.steps", "client.run_steps"),
        ("client.runs.create_and_stream", "client.runs.stream"),
        ("client.assistants.modify", "update"),
        ("client.files.create", "client.files.upload"),
        ("client.files.get", "retrieve"),
        ("client.vector_stores.file_batches", "client.vector_store_file_batches"),
        ("client.vector_store_files.upload", "client.vector_store_files.upload_and_wait"),
        (
            "client.vector_store_files.create_and_poll",
            "client.vector_store_files.wait(store.id, file.id)",
        ),
        ("stream.until_done", "list(stream)"),
        ("message.as_dict", "message.to_dict()"),
    ],
)
def test_attributes_of_other_clients(client: Client, wrong: str, here: str) -> None:
    """Each is answered with the code to write; what nobody has is not."""
    names = {"client": client, "message": Message(id="msg_1")}
    path, _, name = wrong.rpartition(".")
    with client.runs.stream("thread_1", assistant_id="asst_1") as stream:
        owner = eval(path, {**names, "stream": stream})
        said = message(AttributeError, lambda: getattr(owner, name))
        unknown = message(AttributeError, lambda: owner.zeal)

    has_not = f"{type(owner).__name__!r} object has no attribute "
    assert said == f"{has_not}{name!r}; here it is {here}"
    assert unknown == f"{has_not}'zeal'"


def test_arguments_of_other_clients(client: Client) -> None:
    """Each is answered with the one to give here; a key by position is not shown."""
    for_any, make = cast("Any", client), cast("Any", Client)
    url = "https://server.test/v1"

    def wrong(act: Callable[..., object], *arguments: Any, **fields: Any) -> str:
        return message(TypeError, lambda: act(*arguments, **fields))

    assert wrong(make, url, max_retries=3) == (
        "Client() has no argument 'max_retries'; do you mean 'retries'?"
    )
    assert wrong(make, url, zeal=3) == "Client() has no argument 'zeal'"
    assert wrong(make, url, OPENAI_KEY) == (
        "Client() takes base_url by position and the rest by name, as in api_key=..."
    )
    assert wrong(for_any.wait_for_run, thread_id="t", run_id="r", poll_interval=1) == (
        "wait_for_run() has no argument 'poll_interval'; do you mean 'backoff'?"
    )
    assert wrong(for_any.runs.stream, "thread_1", event_handler=print) == (
        "Runs.stream() has no field 'event_handler'; iterate over the stream instead, as in: for "
        "event in stream"
    )
    assert wrong(for_any.runs.create, "thread_1", max_tokens=10) == (
        "Runs.create() has no field 'max_tokens'; do you mean 'max_completion_tokens'?"
    )
    assert wrong(for_any.assistants.create, file_ids=["file-1"]) == (
        "Assistants.create() has no field 'file_ids'; do you mean 'tool_resources'?"
    )
    assert wrong(for_any.messages.create, "thread_1", "Hi.", file_ids=["file-1"]) == (
        "Messages.create() has no field 'file_ids'; do you mean 'attachments'?"
    )


def test_arguments_of_other_constructors(client: Client) -> None:
    """Those of Azure's clients, and of copies with other options."""
    azure: Any = Client.azure
    foundry: Any = Client.foundry
    options: Any = client.with_options
    url, version = "https://me.openai.azure.com", "2024-05-01-preview"
    for call, words in [
        (lambda: azure(azure_endpoint=url, api_version=version), "'endpoint'"),
        (lambda: azure(url, azure_ad_token_provider=str, api_version=version), "'credential'"),
        (lambda: azure(url, api_version=version, max_retries=1), "'retries'"),
        (lambda: foundry(url, str, default_headers={}), "'headers'"),
        (lambda: options(max_retries=1), "'retries'"),
        (lambda: options(extra_headers={}), "'headers'"),
    ]:
        assert message(TypeError, call).endswith(f"; do you mean {words}?")
    assert message(TypeError, lambda: azure(url, azure_deployment="d", api_version=version)) == (
        "azure() has no argument 'azure_deployment'; the model of an assistant is the name of its "
        "deployment"
    )
    assert message(TypeError, lambda: options(5)) == (
        "with_options() takes its arguments by name, as in timeout=..."
    )
    ask: Any = client.ask
    assert message(TypeError, lambda: ask("t", "?", assistant_id="a", extra_headers={})) == (
        "ask() has no argument 'extra_headers'; client.with_options(headers=...) varies it for "
        "single calls"
    )


def test_imports_of_other_clients() -> None:
    """There is no asynchronous client, and the ImportError says what to do instead."""
    said = message(ImportError, lambda: exec("from assistants_client import AsyncClient"))

    assert said == (
        "cannot import name 'AsyncClient' from 'assistants_client': Client blocks; in an event "
        "loop, await asyncio.to_thread(client.ask, ...)"
    )


def test_two_threads_on_one_stream(embedded: Callable[..., Client]) -> None:
    """The second is told what to do instead; the first goes on."""
    begun, goes_on = threading.Event(), threading.Event()

    def slow(_: object) -> str:
        begun.set()
        goes_on.wait(20)
        return "Hello."

    client = embedded(slow)
    assistant = client.assistants.create(model="m", instructions="x")
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
        "the stream is being iterated already, by another thread or by a tool that calls; let one "
        "thread iterate, and pass its events on, as with a queue.Queue"
    )
    assert "".join(texts) == "Hello."
