"""The twenty mistakes people make, and the whole message that each gives: it says what to do."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mistake_kit import AZURE_KEY, OPENAI_KEY, message

from assistants_client import (
    APIConnectionError,
    Assistant,
    AuthenticationError,
    Client,
    CodeInterpreterTool,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    RunExpiredError,
    RunFailedError,
    ThreadLockedError,
    ToolError,
    tool,
)
from assistants_client._http.event_loop_warning import _warn
from assistants_client.engine import ChatCompletions, Engine, Scripted, call

URL = "https://server.test/v1"
pytestmark = pytest.mark.usefixtures("clean_environment", "pauses")


def refused(
    wire: Any, client: Client, status: int, body: Any, base_url: str = URL
) -> Callable[[], object]:
    """A request that the server refuses so; the URL may have a query."""
    url = re.compile(re.escape(f"{base_url}/threads/thread_1") + r"(\?.*)?$")
    wire.get(url, status=status, **{"json" if isinstance(body, dict) else "body": body})
    return lambda: client.threads.retrieve("thread_1")


def test_1_wrong_key(wire: Any) -> None:
    """Whether it is wrong, missing, empty or sent to nobody is told apart."""
    body = {"error": {"message": "Incorrect API key provided.", "type": "invalid_request_error"}}

    wrong = message(AuthenticationError, refused(wire, Client(URL, api_key="no"), 401, body))
    missing = message(AuthenticationError, refused(wire, Client(URL), 401, body))
    empty = message(ConfigurationError, lambda: Client(URL, api_key=""))
    without = message(ConfigurationError, lambda: Client(api_key=OPENAI_KEY))

    assert wrong == (
        "GET /threads/thread_1: answered 401 (the key was not accepted: look at api_key= or "
        "ASSISTANTS_API_KEY): Incorrect API key provided."
    )
    assert missing == (
        "GET /threads/thread_1: answered 401 (no key was sent: give api_key=, or set "
        "ASSISTANTS_API_KEY): Incorrect API key provided."
    )
    assert empty == (
        "api_key: it is empty; is the variable set that it comes from? For a server that asks for "
        "no key, leave it out"
    )
    assert without == (
        "api_key: there is no server to send it to; give base_url, or set ASSISTANTS_BASE_URL. The "
        "embedded engine needs no key; that of its language model is ASSISTANTS_MODEL_KEY, or "
        "OPENAI_API_KEY"
    )


@pytest.mark.parametrize(
    ("client", "base_url", "advice"),
    [
        (
            lambda: Client("https://me.openai.azure.com/openai/v1", api_key=OPENAI_KEY),
            "https://me.openai.azure.com/openai/v1",
            "the key sent has the form of OpenAI's, sk-…; this host takes Azure's",
        ),
        (
            lambda: Client("https://me.openai.azure.com/openai", api_key=AZURE_KEY),
            "https://me.openai.azure.com/openai",
            "this host takes keys in a header of its own: use Client.azure",
        ),
        (
            lambda: Client.foundry(
                "https://me.services.ai.azure.com/api/projects/p", lambda: AZURE_KEY
            ),
            "https://me.services.ai.azure.com/api/projects/p",
            "what was sent is no token of Entra ID; give Client.foundry a credential, such as "
            "azure-identity's DefaultAzureCredential()",
        ),
        (
            lambda: Client("https://api.openai.com/v1", api_key=AZURE_KEY),
            "https://api.openai.com/v1",
            "the key sent has not the form of OpenAI's, sk-…",
        ),
        (
            lambda: Client(URL, api_key=OPENAI_KEY),
            URL,
            "the key sent has the form of OpenAI's, sk-…: is it this server's?",
        ),
    ],
)
def test_2_key_of_another_service(
    wire: Any, client: Callable[[], Client], base_url: str, advice: str
) -> None:
    """What can be seen of the key and the host is said; the key is not."""
    act = refused(wire, client(), 401, {"error": {"message": "Access denied."}}, base_url)

    assert message(AuthenticationError, act) == (
        f"GET /threads/thread_1: answered 401 ({advice}): Access denied."
    )


def test_2_key_where_a_credential_is_needed() -> None:
    """Foundry takes no keys; what it takes is named."""
    key: Any = OPENAI_KEY
    endpoint = "https://me.services.ai.azure.com/api/projects/p"

    assert message(ConfigurationError, lambda: Client.foundry(endpoint, key)) == (
        "credential: expected a callable that returns a token, or an object with get_token (such "
        "as azure-identity's), got str"
    )


@pytest.mark.parametrize("body", [{"detail": "Not Found"}, "<h1>Not Found</h1>"])
def test_3_base_url_with_a_slash_or_without_v1(wire: Any, body: Any) -> None:
    """A slash at the end does no harm; a missing path is asked about."""
    wire.get(f"{URL}/threads/thread_1", json={"id": "thread_1"})
    with Client(f"{URL}/", api_key="k") as client:
        assert client.threads.retrieve("thread_1").id == "thread_1"

    act = refused(wire, Client("https://server.test"), 404, body, "https://server.test")

    assert message(NotFoundError, act) == (
        "GET /threads/thread_1: answered 404 (the base URL has no path: is /v1 missing at its "
        f"end?): {body['detail'] if isinstance(body, dict) else body}"
    )


def test_3_base_url_of_a_server_of_language_models(wire: Any) -> None:
    """Its address belongs into another variable; web frameworks say no more than not found."""
    act = refused(wire, Client(URL, api_key="k"), 404, {"detail": "Not Found"})

    assert message(NotFoundError, act) == (
        "GET /threads/thread_1: answered 404 (this server has no such operation: does it speak the "
        "Assistants protocol? One of language models is used by the embedded engine, with "
        "ASSISTANTS_MODEL_URL): Not Found"
    )


def test_3_where_the_key_and_the_base_url_come_from(
    wire: Any, monkeypatch: pytest.MonkeyPatch, embedded: Callable[..., Client]
) -> None:
    """Where the environment has one too, the message says which of the two was used."""
    monkeypatch.setenv("ASSISTANTS_API_KEY", "of-the-variable")
    body = {"error": {"message": "No."}}
    own = message(AuthenticationError, refused(wire, Client(URL, api_key="no"), 401, body))
    variables = message(AuthenticationError, refused(wire, Client(URL), 401, body))
    monkeypatch.setenv("ASSISTANTS_BASE_URL", "http://127.0.0.1:9/v1")
    wire.stop()
    here = message(APIConnectionError, lambda: Client(retries=0).threads.retrieve("thread_1"))
    given = Client("http://127.0.0.1:8/v1", retries=0)
    there = message(APIConnectionError, lambda: given.threads.retrieve("thread_1"))
    served = embedded(model=ChatCompletions("http://no.invalid/v1", "k"))
    assistant = served.assistants.create(model="m")
    thread = served.threads.create(messages=[{"role": "user", "content": "Hi"}])
    run = served.runs.create(thread.id, assistant_id=assistant.id)
    failed = served.wait_for_run(run, check=False)
    wire.start()

    assert failed.last_error is not None
    assert "ASSISTANTS_BASE_URL" not in failed.last_error.message
    assert "(the key given was not accepted; ASSISTANTS_API_KEY has another): No." in own
    assert "(the key of ASSISTANTS_API_KEY was not accepted): No." in variables
    assert here.endswith("and the base URL right? It is that of ASSISTANTS_BASE_URL.")
    assert there.endswith("right? The program gave it; ASSISTANTS_BASE_URL names another.")


def test_4_id_of_the_wrong_kind(client: Client, wire: Any) -> None:
    """It is refused before anything is sent, and the argument is named; so is an object."""
    assistant: Any = Assistant(id="asst_1")

    assert message(InvalidRequestError, lambda: client.threads.retrieve("run_1")) == (
        "thread_id: 'run_1' is the id of a run, not of a thread"
    )
    for act in (
        lambda: client.runs.create("thread_1", assistant_id="thread_1"),
        lambda: client.runs.stream("thread_1", assistant_id="thread_1"),
        lambda: client.ask("thread_1", "Hello", assistant_id="thread_1"),
    ):
        assert message(InvalidRequestError, act) == (
            "assistant_id: 'thread_1' is the id of a thread, not of an assistant"
        )
    assert message(
        InvalidRequestError, lambda: client.runs.create("thread_1", assistant_id=assistant)
    ) == ("assistant_id: expected an id, a string, got Assistant; pass its .id")
    assert len(wire.calls) == 0


def test_5_missing_assistant(embedded: Callable[..., Client]) -> None:
    """It says why there may be none with an id that looks right."""
    client = embedded()
    thread = client.threads.create()

    assert message(
        NotFoundError, lambda: client.runs.create(thread.id, assistant_id="asst_gone")
    ) == (
        "POST /threads/thread_…/runs: answered 404 (deleted, or made on another server or in "
        "another database?): No assistant found with id 'asst_gone'."
    )


def test_6_thread_locked(embedded: Callable[..., Client]) -> None:
    """It names the run, and the ways to wait for it or end it."""
    client = embedded(call("f"))
    assistant = client.assistants.create(model="m", instructions="x", tools=[f])
    run = client.runs.create_thread_and_run(assistant_id=assistant.id)

    assert message(
        ThreadLockedError, lambda: client.messages.create(run.thread_id, "Are you there?")
    ) == (
        "POST /threads/thread_…/messages: answered 400: Can't add messages to thread_… while a run "
        "run_… is active. (wait_for_run waits for it, with tools=[...] where it asks for outputs; "
        'on_active_run="wait" waits too, and "cancel" ends it)'
    )


def test_7_model_retired(embedded: Callable[..., Client], wire: Any) -> None:
    """It names the model and the ways to put another in its place."""
    wire.post(
        "http://models.test/v1/chat/completions",
        status=404,
        json={"error": {"message": "The model `gpt-4-turbo` has been deprecated."}},
    )
    client = embedded(model=ChatCompletions("http://models.test/v1"))
    assistant = client.assistants.create(model="gpt-4-turbo")
    thread = client.threads.create()

    assert message(
        RunFailedError, lambda: client.ask(thread.id, "Hello", assistant_id=assistant.id)
    ) == (
        "run run_… on thread thread_… is failed: server_error: The language model at "
        "http://models.test/v1 does not serve the model 'gpt-4-turbo' (404): The model "
        "`gpt-4-turbo` has been deprecated. The assistant or the run names it. "
        'model_map={"gpt-4-turbo": "…"} of ChatCompletions, or '
        "ASSISTANTS_MODEL_MAP=gpt-4-turbo=…, puts another in its place; ASSISTANTS_MODEL names one "
        "for all runs."
    )


def test_8_model_server_down(embedded: Callable[..., Client]) -> None:
    """It names the address, and asks what to look at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    client = embedded(model=ChatCompletions(url))
    assistant = client.assistants.create(model="m")
    thread = client.threads.create()

    assert message(
        RunFailedError, lambda: client.ask(thread.id, "Hello", assistant_id=assistant.id)
    ) == (
        f"run run_… on thread thread_… is failed: server_error: The language model at {url} gave "
        "no answer: no connection. Is the server running, and the URL right?"
    )


def test_9_engine_extra_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install, and what would do without."""
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    for name in [name for name in sys.modules if name.startswith("assistants_client.engine")]:
        monkeypatch.delitem(sys.modules, name)

    assert message(ConfigurationError, Client) == (
        "Client() without a base URL runs the embedded engine, and its packages are not installed "
        '(sqlalchemy is missing): pip install "assistants-client[engine]"; or give base_url, or '
        "set ASSISTANTS_BASE_URL"
    )


def test_10_port_in_use(command: Callable[..., Any]) -> None:
    """It names the port, and the option that takes another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("serve", "--port", str(port))

    assert done.returncode == 3
    assert done.stderr == (
        f"assistants serve: 127.0.0.1 port {port} is in use by another program; choose another "
        "port with --port\n"
    )


def test_11_database_not_writable(tmp_path: Path) -> None:
    """It says what is wrong with the place, and where another can be named."""
    url = f"sqlite:///{tmp_path}/missing/assistants.db"
    with Engine(url, model=Scripted()) as engine, Client(engine=engine) as client:
        assert message(ConfigurationError, client.threads.create) == (
            f"The database {url} cannot be opened: the directory {tmp_path}/missing does not "
            "exist. Mend that, or name another: Engine(URL), ASSISTANTS_DATABASE_URL, or "
            "--database of assistants serve"
        )


def test_12_stream_not_closed(embedded: Callable[..., Client]) -> None:
    """Developers are told how to leave a stream early, and that one must be iterated at all."""
    client = embedded("Hello.")
    assistant = client.assistants.create(model="m", instructions="x")
    thread = client.threads.create()

    with pytest.warns(ResourceWarning) as told:
        client.runs.stream(thread.id, assistant_id=assistant.id)
    [never] = told
    with pytest.warns(ResourceWarning) as told:
        next(client.runs.stream(thread.id, assistant_id=assistant.id))
    [dropped] = told

    assert str(never.message) == (
        "a stream was never iterated, so nothing was sent and no run was started"
    )
    assert re.sub(r"run_\w+", "run_…", str(dropped.message)) == (
        "<RunStream run_… queued> was dropped before its end; leave it with close(), or use it "
        "so: with client.runs.stream(...) as stream"
    )


@tool
def f() -> object:
    """Fails."""
    raise LookupError("no such city")


def test_13_tool_raising(embedded: Callable[..., Client], caplog: pytest.LogCaptureFixture) -> None:
    """The model is told, and the log says how to see the error itself, which then is raised."""
    client = embedded(call("f"), "It failed.", call("f"))
    assistant = client.assistants.create(model="m", tools=[f])
    thread = client.threads.create()

    reply = client.ask(thread.id, "Go", assistant_id=assistant.id, tools=[f])
    assert reply.text == "It failed."
    assert caplog.messages == [
        "The tool f failed with LookupError; the model gets the error as output. "
        'on_tool_error="raise" raises it.'
    ]

    def ask() -> object:
        return client.ask(
            thread.id, "Go", assistant_id=assistant.id, tools=[f], on_tool_error="raise"
        )

    assert message(ToolError, ask) == "f: LookupError: no such city"


def test_14_tool_result_not_json_able(embedded: Callable[..., Client]) -> None:
    """It names the tool and the type, and what can be returned."""

    @tool
    def connect() -> object:
        """Connects."""
        return threading.Lock()

    client = embedded(call("connect"))
    assistant = client.assistants.create(model="m", tools=[connect])
    thread = client.threads.create()

    def ask() -> object:
        return client.ask(
            thread.id, "Go", assistant_id=assistant.id, tools=[connect], on_tool_error="raise"
        )

    assert message(ToolError, ask) == (
        "connect: ValueError: what connect returned cannot be written as JSON: lock has no JSON "
        "form; texts, numbers, lists, dicts, dates, dataclasses, attrs and pydantic objects have "
        "one"
    )


def test_15_run_expired(embedded: Callable[..., Client], clock: Any) -> None:
    """It says what was not done in time, and how it is."""
    client = embedded(call("f"), clock=clock.now)
    assistant = client.assistants.create(model="m", instructions="x", tools=[f])
    started = client.runs.create_thread_and_run(assistant_id=assistant.id)
    run = client.wait_for_run(started)
    clock.sleep(601)

    assert message(
        RunExpiredError, lambda: client.wait_for_run(thread_id=run.thread_id, run_id=run.id)
    ) == (
        "run run_… on thread thread_… is expired: it was not finished, or its tool outputs were "
        "not submitted, in time; start another, and answer its calls with wait_for_run(run, "
        "tools=[...])"
    )


def test_16_metadata_not_strings(client: Client) -> None:
    """The key is named, and what its value should be."""
    metadata: Any = {"page": 3}

    assert message(InvalidRequestError, lambda: client.threads.create(metadata=metadata)) == (
        "Invalid 'metadata.page': expected a string, got an integer."
    )


def test_17_limit_0(client: Client) -> None:
    """It says how all items are had, which 0 may have meant."""
    assert message(InvalidRequestError, lambda: client.messages.list("thread_1", limit=0)) == (
        "limit: 0 is not a whole number of 1 or more; leave it out for all items"
    )


def test_18_forgotten_wait(embedded: Callable[..., Client]) -> None:
    """No answer is there yet, and the run that is printed says what to call."""
    goes_on = threading.Event()
    client = embedded(lambda _: "Hello." if goes_on.wait(20) else None, call("f"))
    assistant = client.assistants.create(model="m", tools=[f])
    thread = client.threads.create()
    client.messages.create(thread.id, "Hello?")
    run = client.runs.create(thread.id, assistant_id=assistant.id)
    messages = [message.text for message in client.messages.list(thread.id)]
    goes_on.set()

    assert messages == ["Hello?"]
    assert str(run) == (f"{run!r} (not finished: client.wait_for_run(run) waits for its messages)")
    assert str(client.wait_for_run(run)) == repr(client.runs.retrieve(thread.id, run.id))
    waiting = client.wait_for_run(client.runs.create(thread.id, assistant_id=assistant.id))
    assert str(waiting) == (
        f"{waiting!r} (it waits for the outputs of its run.tool_calls: client.wait_for_run(run, "
        "tools=[...]) or client.runs.submit_tool_outputs gives them)"
    )


def test_19_inside_an_event_loop(
    embedded: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    """It works; the log says once what is better, which then is not told of."""
    client = embedded("One.", "Two.", "Three.")
    assistant = client.assistants.create(model="m")
    thread = client.threads.create()

    def ask() -> str:
        return client.ask(thread.id, "Hello", assistant_id=assistant.id).text

    async def blocking() -> list[str]:
        return [ask(), ask()]

    async def better() -> str:
        return await asyncio.to_thread(ask)

    _warn.cache_clear()
    assert asyncio.run(better()) == "One."
    assert caplog.messages == []
    assert asyncio.run(blocking()) == ["Two.", "Three."]
    assert caplog.messages == [
        "A blocking call was made inside a running event loop, whose other tasks have to wait for "
        "it. Make it in a thread: await asyncio.to_thread(client.wait_for_run, run)"
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_20_inside_a_forked_worker(tmp_path: Path) -> None:
    """All goes on in a child, save the built-in code interpreter, which says what to do."""
    code = call("code_interpreter", code="print(1)")
    model = Scripted([code, "Done.", code, "Done."])
    url = f"sqlite:///{tmp_path / 'assistants.db'}"
    with (
        Engine(url, model=model, code_interpreter="monty") as engine,
        Client(engine=engine) as client,
    ):
        assistant = client.assistants.create(model="m", tools=[CodeInterpreterTool()])

        def printed() -> str:
            reply = client.ask(client.threads.create().id, "Go", assistant_id=assistant.id)
            assert reply.text == "Done."
            steps = client.run_steps.list(reply.run.thread_id, reply.run.id, order="asc")
            ran: Any = next(iter(steps)).tool_calls[0]
            logs: str = ran.code_interpreter.outputs[0].logs
            return logs

        assert printed() == "1\n"
        child = os.fork()
        if child == 0:
            (tmp_path / "told").write_text(printed())
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0

    assert (tmp_path / "told").read_text() == (
        "The code interpreter cannot be used here: the process that this one was forked from had "
        "used it before. Fork before the first run with code, or run code in the parent only."
    )
