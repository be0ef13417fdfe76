"""Streams of the engine, over a socket: tool rounds in one loop, and a wire that breaks."""

import threading

import pytest
from stream_kit import text_of

from assistants_client import Client, tool
from assistants_client.models.events import Done, RunRequiresAction
from assistants_client.models.run_requests import ToolOutput

pytest.importorskip("sqlalchemy")
serving = pytest.importorskip("werkzeug.serving")


@pytest.fixture
def engine_client(clean_environment, tmp_path):
    """A client of an engine whose model adds twice, and then says so."""
    from assistants_client.engine import Engine
    from assistants_client.engine.language_models.scripted import Scripted, call

    script = [call("add", a=1, b=2), call("add", a=3, b=4), "The sums are 3 and 7."]
    with Engine(f"sqlite:///{tmp_path / 'engine.db'}", model=Scripted(script)) as engine:
        httpd = serving.make_server("127.0.0.1", 0, engine, threaded=True)
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        with Client(f"http://127.0.0.1:{httpd.server_port}/v1", backoff=0.01) as client:
            yield client
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def asked():
    """The function, and what it was called with."""
    seen = []

    @tool
    def add(a: int, b: int) -> int:
        """Adds two numbers."""
        seen.append((a, b))
        return a + b

    return add, seen


def started(client, add, **options):
    """A stream on a new thread, with the function as the assistant's tool."""
    assistant = client.assistants.create(model="m", tools=[add])
    thread = client.threads.create(messages=[{"role": "user", "content": "Add!"}])
    return client.runs.stream(thread.id, assistant_id=assistant.id, **options)


def check(client, stream, events):
    """The run is complete, and the snapshots are what the engine has."""
    run = stream.run
    assert events[-1] == Done()
    assert run == client.runs.retrieve(run.thread_id, run.id)
    assert run.status == "completed"
    assert text_of(events) == "The sums are 3 and 7."
    listed = client.messages.list(run.thread_id, order="asc")
    assert stream.messages == [message for message in listed if message.run_id == run.id]
    assert stream.run_steps == list(client.run_steps.list(run.thread_id, run.id, order="asc"))


def test_two_rounds_by_hand(engine_client):
    """The loop answers each call, and goes on."""
    add, _ = asked()
    events = []
    with started(engine_client, add) as stream:
        for event in stream:
            events.append(event)
            if isinstance(event, RunRequiresAction):
                stream.submit_tool_outputs(
                    [ToolOutput(tool_call_id=c.id, output="7") for c in event.run.tool_calls]
                )
    assert sum(isinstance(event, RunRequiresAction) for event in events) == 2
    check(engine_client, stream, events)


def test_two_rounds_with_functions(engine_client):
    """The functions are called, each time once."""
    add, seen = asked()
    stream = started(engine_client, add, tools=[add])
    events = list(stream)
    assert seen == [(1, 2), (3, 4)]
    check(engine_client, stream, events)


@pytest.mark.parametrize("after", range(1, 14, 3))
def test_a_wire_that_breaks(engine_client, after):
    """Wherever the first stream breaks, the rest is found by polling."""
    add, seen = asked()
    stream = started(engine_client, add, tools=[add])
    events = [next(stream) for _ in range(after)]
    stream._session.interrupt()
    events.extend(stream)
    assert seen == [(1, 2), (3, 4)]
    check(engine_client, stream, events)
