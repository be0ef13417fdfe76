"""How runs end, over a socket: each in the way that the client promises its caller."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from databases import fresh

from assistants_client import (
    BadRequestError,
    Client,
    FunctionToolCall,
    Run,
    RunCancelledError,
    RunExpiredError,
    RunFailedError,
    RunIncompleteError,
    ThreadLockedError,
    ToolOutput,
)
from assistants_client.engine import ChatCompletions, Engine, Scripted
from assistants_client.engine.language_models import (
    Conversation,
    Delta,
    Finish,
    LanguageModel,
    TextDelta,
    call,
)

WEATHER = {"type": "function", "function": {"name": "get_weather"}}


def started(client: Client, **fields: object) -> Run:
    """A run on a thread of its own."""
    assistant = client.assistants.create(model="any")
    thread = client.threads.create(messages=[{"role": "user", "content": "hello"}])
    return client.runs.create(thread.id, assistant_id=assistant.id, **fields)  # type: ignore[call-overload,no-any-return]


class CutShort:
    """A model that stops at its limit."""

    def respond(self, conversation: Conversation) -> Iterator[Delta]:
        """Answers, and says that there was no room for more."""
        yield TextDelta(text="As far as")
        yield Finish(reason="length")


class Blocked:
    """A model that answers when it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def respond(self, conversation: Conversation) -> Iterator[Delta]:
        """Answers late."""
        self.go.wait(20)
        yield TextDelta(text="late")


def test_completed(scripted: Callable[..., Client]) -> None:
    """A run that ends well is answered, and its thread is free."""
    client = scripted("Hello.")
    run = client.wait_for_run(started(client))
    assert (run.status, run.expires_at, run.required_action) == ("completed", None, None)
    assert run.completed_at
    assert client.messages.create(run.thread_id, "again").text == "again"


def test_requires_action_and_on(scripted: Callable[..., Client]) -> None:
    """The wait ends where the caller is needed, and goes on from there with all outputs."""
    client = scripted(
        [call("get_weather", city="Paris"), call("get_weather", city="Rome")], "Mild."
    )
    run = client.wait_for_run(started(client, tools=[WEATHER]))
    assert run.status == "requires_action"
    assert [c.function.name for c in run.tool_calls] == ["get_weather", "get_weather"]
    with pytest.raises(ThreadLockedError):
        client.messages.create(run.thread_id, "not yet")
    first, second = run.tool_calls
    with pytest.raises(BadRequestError, match=second.id):
        client.runs.submit_tool_outputs(
            run.thread_id, run.id, [ToolOutput(tool_call_id=first.id, output="21")]
        )
    outputs = [ToolOutput(tool_call_id=c.id, output="21") for c in run.tool_calls]
    run = client.runs.submit_tool_outputs(run.thread_id, run.id, outputs)
    run = client.wait_for_run(run)
    assert run.status == "completed"
    steps = list(client.run_steps.list(run.thread_id, run.id, order="asc"))
    calls = [c for c in steps[0].tool_calls if isinstance(c, FunctionToolCall)]
    assert [c.function.output for c in calls] == ["21", "21"]


def test_failed(scripted: Callable[..., Client]) -> None:
    """A run that fails raises with what went wrong, or is answered when no check is wished."""
    client = scripted()
    run = started(client)
    with pytest.raises(RunFailedError, match="server_error") as caught:
        client.wait_for_run(run)
    assert caught.value.run is not None
    assert client.wait_for_run(run, check=False).status == "failed"
    assert client.messages.create(run.thread_id, "again").text == "again"


def test_incomplete(with_model: Callable[[LanguageModel], Client]) -> None:
    """A run that reaches a limit raises with the reason, and its message says so too."""
    client = with_model(CutShort())
    with pytest.raises(RunIncompleteError, match="max_completion_tokens") as caught:
        client.wait_for_run(started(client))
    assert caught.value.run is not None
    (message,) = client.messages.list(caught.value.run.thread_id, limit=1)
    assert (message.text, message.status) == ("As far as", "incomplete")


def test_cancelled(with_model: Callable[[LanguageModel], Client]) -> None:
    """A run that is cancelled raises, even when its model hangs, and its thread is free."""
    model = Blocked()
    client = with_model(model)
    run = started(client)
    assert client.runs.cancel(run.thread_id, run.id).status in ("cancelling", "cancelled")
    with pytest.raises(RunCancelledError):
        client.wait_for_run(run, timeout=15)
    assert client.messages.create(run.thread_id, "again").text == "again"
    with pytest.raises(BadRequestError, match="cancelled"):
        client.runs.cancel(run.thread_id, run.id)
    model.go.set()


def test_expired(clean_environment: None) -> None:
    """A run whose outputs do not come in time expires, and raises so."""
    now = [1_800_000_000.0]
    model = Scripted([call("get_weather")])
    with (
        Engine(fresh("sqlite://"), model=model, clock=lambda: now[0]) as engine,
        Client(engine=engine) as client,
    ):
        run = client.wait_for_run(started(client, tools=[WEATHER]))
        assert run.status == "requires_action"
        now[0] += 601
        with pytest.raises(RunExpiredError):
            client.wait_for_run(run)
        assert client.messages.create(run.thread_id, "again").text == "again"


@pytest.mark.parametrize(
    ("url", "said"),
    [("http://127.0.0.1:9/v1", "127.0.0.1:9"), ("http://nowhere.invalid/v1", "nowhere.invalid")],
    ids=["nobody listens", "no such host"],
)
def test_a_model_that_is_down(
    with_model: Callable[[LanguageModel], Client], url: str, said: str
) -> None:
    """The run fails, says which model server could not be reached, and the thread is usable."""
    client = with_model(ChatCompletions(url, api_key="sk-secret-of-the-model"))
    with pytest.raises(RunFailedError, match=said) as caught:
        client.wait_for_run(started(client), timeout=30)
    assert "sk-secret" not in str(caught.value)
    assert caught.value.run is not None
    assert client.messages.create(caught.value.run.thread_id, "again").text == "again"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>no</html>", "JSON"),
        ({"choices": []}, "choices"),
        ({"choices": [{"message": {"content": None}}]}, "empty"),
        ({"error": {"message": "out of paper"}}, "out of paper"),
    ],
    ids=["a page", "no choices", "an empty answer", "an error with 200"],
)
def test_a_model_that_answers_nonsense(
    with_model: Callable[[LanguageModel], Client],
    serve: Callable[..., object],
    http_answer: Callable[..., bytes],
    body: object,
    said: str,
) -> None:
    """The run fails and says what came."""
    server = serve(http_answer(body, "Content-Type: application/json"))
    client = with_model(ChatCompletions(server.url))  # type: ignore[attr-defined]
    with pytest.raises(RunFailedError, match=said):
        client.wait_for_run(started(client), timeout=30)


def test_a_model_that_is_slow(
    with_model: Callable[[LanguageModel], Client], serve: Callable[..., object]
) -> None:
    """The run fails when the model's time is over, however slowly its server drips."""

    def drip(connection: object) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")  # type: ignore[attr-defined]
        while server.pause(0.05):  # type: ignore[attr-defined]
            connection.sendall(b" ")  # type: ignore[attr-defined]

    server = serve(drip)
    client = with_model(ChatCompletions(server.url, timeout=0.5))  # type: ignore[attr-defined]
    begun = time.monotonic()
    with pytest.raises(RunFailedError, match=r"0\.5 s"):
        client.wait_for_run(started(client), timeout=30)
    assert time.monotonic() - begun < 10
