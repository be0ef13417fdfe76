"""How long a model may take: a bound on silence, one on the whole, and waiting when asked to."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from fake_server import Answer, FakeServer
from server_answers import always, call, calls, chunk, has_outputs, refuses, says, sse

from assistants_client import Client
from assistants_client.engine import ChatCompletions, Engine
from assistants_client.engine.environment import language_model
from assistants_client.engine.language_models.base import (
    Conversation,
    LanguageModelError,
    TextDelta,
    Turn,
)
from assistants_client.engine.language_models.server_model import ServerModel
from assistants_client.errors import ConfigurationError

HI = Conversation(model="m", turns=[Turn(role="user", text="Hi")])
#: Seconds of a virtual clock in one real second.
FAST = 400.0


def fast(model: ChatCompletions) -> ChatCompletions:
    """A model whose clock runs ahead."""
    model._monotonic = lambda: time.monotonic() * FAST
    return model


def said(model: ChatCompletions) -> str:
    """What it says to a greeting."""
    return "".join(d.text for d in model.respond(HI) if isinstance(d, TextDelta))


def thinks(seconds: float, every: float, beat: object) -> Answer:
    """A stream in which something comes now and then, by the virtual clock, before the answer."""
    pieces = [beat, every / FAST] * int(seconds / every)
    return sse(chunk(role="assistant", content=""), *pieces, chunk(content="a"), chunk("stop"))


@pytest.mark.parametrize(
    "beat", [chunk(reasoning_content="hm"), ": still here\n\n"], ids=["thoughts", "comments"]
)
def test_ten_minutes_of_thinking(beat: object) -> None:
    """Who is silent for five seconds and alive for ten minutes has all the time it needs."""
    with (
        FakeServer(always(thinks(605, 5, beat))) as server,
        closing(fast(ChatCompletions(server.url))) as model,
    ):
        begun = model._monotonic()
        assert said(model) == "a"
        assert model._monotonic() - begun > 600


def test_the_defaults_outlast_a_minute_without_a_word() -> None:
    """DeepSeek's first word was seen after 128 seconds."""
    answer = sse(130 / FAST, chunk(content="a"), chunk("stop"))
    with (
        FakeServer(always(answer)) as server,
        closing(fast(ChatCompletions(server.url))) as model,
    ):
        assert said(model) == "a"


def silent(after: object) -> Answer:
    """A stream that says no more."""
    return sse(after, 30, done=False)


@pytest.mark.parametrize(
    "answer",
    [Answer(200, "text/event-stream", [30]), silent(chunk(content="a"))],
    ids=["before a word", "after one"],
)
def test_silence_has_a_bound(answer: Answer) -> None:
    """The error says how long it was, and what would give it longer, in code or outside."""
    with (
        FakeServer(always(answer)) as server,
        closing(ChatCompletions(server.url, stalled_after=0.2)) as model,
        pytest.raises(LanguageModelError) as caught,
    ):
        said(model)
    assert "gave no sign of life for 0.2 s" in str(caught.value)
    assert "stalled_after= of ChatCompletions, or ASSISTANTS_MODEL_STALLED_AFTER" in str(
        caught.value
    )


def test_the_whole_has_a_bound() -> None:
    """Also where something comes all the time."""
    answer = sse(*[chunk(reasoning_content="hm"), 0.02] * 500)
    with (
        FakeServer(always(answer)) as server,
        closing(ChatCompletions(server.url, timeout=0.3)) as model,
        pytest.raises(LanguageModelError, match=r"within 0\.3 s.*ASSISTANTS_MODEL_TIMEOUT"),
    ):
        said(model)


@pytest.mark.parametrize("name", ["timeout", "stalled_after"])
@pytest.mark.parametrize("value", [0, -1, True, "5", None, float("nan")])
def test_what_is_no_time_is_told(name: str, value: Any) -> None:
    """By the argument's name."""
    with pytest.raises(ConfigurationError, match=f"^{name}: .* is not a number of seconds above 0"):
        ChatCompletions("http://127.0.0.1:1/v1", **{name: value})


def test_variables_set_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who never see the model can give it longer too."""
    monkeypatch.setenv("ASSISTANTS_MODEL_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("ASSISTANTS_MODEL_TIMEOUT", "900")
    monkeypatch.setenv("ASSISTANTS_MODEL_STALLED_AFTER", "1.5")
    monkeypatch.setenv("ASSISTANTS_MODEL_SHOW_THINKING", "yes")
    model = language_model()
    assert isinstance(model, ServerModel)
    model.close()
    assert (model._timeout, model._stalled_after, model._show_thinking) == (900, 1.5, True)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("ASSISTANTS_MODEL_TIMEOUT", "soon", "'soon' is not a number"),
        ("ASSISTANTS_MODEL_STALLED_AFTER", "0", "is not a number of seconds above 0"),
        ("ASSISTANTS_MODEL_SHOW_THINKING", "maybe", "'maybe' is not 1 or 0"),
    ],
)
def test_a_variable_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    """It is named."""
    monkeypatch.setenv("ASSISTANTS_MODEL_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        language_model()
    assert str(caught.value).startswith(f"${variable}: ")
    assert words in str(caught.value)


# --- a server that asks to wait ------------------------------------------------------------------

CODE = call("code_interpreter", '{"code": "1"}')


def throttled(
    hint: str | None, words: str = "Slow down."
) -> Callable[[dict[str, Any], int], Answer]:
    """Calls a tool, refuses the next request, and answers the one after that."""
    refusal = refuses(429, words, **({} if hint is None else {"Retry_After": hint}))
    return lambda body, n: calls(CODE) if n == 1 else refusal if n == 2 else says()


def run_of(server: FakeServer) -> tuple[str, str]:
    """The status of a run with the code interpreter, and what its error says."""
    with (
        closing(ChatCompletions(server.url)) as model,
        Client(engine=Engine("sqlite://", model=model)) as client,
    ):
        assistant = client.assistants.create(model="m", tools=[{"type": "code_interpreter"}])
        thread = client.threads.create(messages=[{"role": "user", "content": "Reckon"}])
        run = client.runs.create(thread.id, assistant_id=assistant.id)
        run = client.wait_for_run(run, check=False)
        return run.status, "" if run.last_error is None else run.last_error.message


@pytest.mark.parametrize(
    ("hint", "words"),
    [("1", "Slow down."), (None, "Rate limit reached. Please try again in 0.1s.")],
)
def test_a_later_round_waits(hint: str | None, words: str) -> None:
    """As long as the server says, in a header or in words; what the tools did is not lost."""
    with FakeServer(throttled(hint, words)) as server:
        begun = time.monotonic()
        assert run_of(server) == ("completed", "")
        assert time.monotonic() - begun >= 0.5
        assert len(server.requests) == 3


def test_no_longer_than_the_run_may_take() -> None:
    """A run that would expire first fails at once, with the server's words."""
    with FakeServer(throttled("3000")) as server:
        status, words = run_of(server)
        assert (status, len(server.requests)) == ("failed", 2)
        assert "Slow down." in words


@pytest.mark.parametrize("status", [429, 503])
def test_a_first_round_does_not_wait(status: int) -> None:
    """There is nothing to lose; the caller decides."""
    refusal = refuses(status, "Slow down.", Retry_After="1")
    with FakeServer(always(refusal)) as server:
        assert run_of(server)[0] == "failed"
        assert len(server.requests) == 1


def test_an_exhausted_quota_is_not_waited_for() -> None:
    """Whatever a header says: it does not come back."""
    error = {"message": "You exceeded your current quota.", "code": "insufficient_quota"}
    refusal = refuses(429, {"error": error}, Retry_After="1")
    with FakeServer(lambda body, n: calls(CODE) if n == 1 else refusal) as server:
        assert run_of(server)[0] == "failed"
        assert len(server.requests) == 2


def test_without_a_hint_nothing_is_asked_again() -> None:
    """Nobody knows when."""
    with FakeServer(throttled(None)) as server:
        assert run_of(server)[0] == "failed"
        assert len(server.requests) == 2


def test_a_run_that_waits_can_be_cancelled() -> None:
    """At once."""
    with (
        FakeServer(throttled("300")) as server,
        closing(ChatCompletions(server.url)) as model,
        Client(engine=Engine("sqlite://", model=model)) as client,
    ):
        assistant = client.assistants.create(model="m", tools=[{"type": "code_interpreter"}])
        thread = client.threads.create(messages=[{"role": "user", "content": "Reckon"}])
        run = client.runs.create(thread.id, assistant_id=assistant.id)
        while len(server.requests) < 2:
            time.sleep(0.01)
        client.runs.cancel(thread.id, run.id)
        begun = time.monotonic()
        assert client.wait_for_run(run, check=False).status == "cancelled"
        assert time.monotonic() - begun < 1.5
        assert not has_outputs(server.bodies[0])
