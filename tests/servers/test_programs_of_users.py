"""A user's own program, tested as its author would: with plain ``responses`` and retries on."""

import json
import time

import pytest
import requests
import responses

from assistants_client import APIConnectionError, Client, InternalServerError, RetryPolicy

BASE = "https://assistants.test/v1"


def summarise(client, thread_id):
    """The program: it asks an assistant for a summary and gives its text."""
    client.messages.create(thread_id, "Summarise this thread.")
    run = client.runs.create(thread_id, assistant_id="asst_1")
    client.wait_for_run(run, timeout=30, backoff=0)
    [answer] = client.messages.list(thread_id, limit=1, order="desc")
    return answer.text


@pytest.fixture
def no_sleep(monkeypatch):
    """Fails a test that would take time."""

    def refuse(seconds):
        assert seconds == 0, f"slept {seconds} s"

    monkeypatch.setattr(time, "sleep", refuse)


def program(retries=None):
    """The client as the user's program makes it."""
    return Client(BASE, api_key="k", retries=retries)


@responses.activate
def test_a_503_and_then_a_200(no_sleep):
    """The program does not notice; both requests are seen by the test, and none takes time."""
    responses.get(f"{BASE}/threads/t", status=503)
    responses.get(f"{BASE}/threads/t", json={"id": "t", "metadata": {"a": "b"}})

    with program(RetryPolicy(initial=0)) as client:
        assert client.threads.retrieve("t").metadata == {"a": "b"}

    assert [call.response.status_code for call in responses.calls] == [503, 200]


@responses.activate
def test_a_503_with_retry_after_0_and_then_a_200(no_sleep):
    """With the default policy too, where the server asks for no pause; also for a POST."""
    responses.post(f"{BASE}/threads", status=503, headers={"retry-after": "0"})
    responses.post(f"{BASE}/threads", json={"id": "t"})

    with program() as client:
        assert client.threads.create().id == "t"

    keys = {call.request.headers["Idempotency-Key"] for call in responses.calls}
    assert len(responses.calls) == 2
    assert len(keys) == 1


@responses.activate
def test_three_503_are_the_programs_error(no_sleep):
    """The number of tries can be counted on."""
    responses.get(f"{BASE}/threads/t", status=503, json={"error": {"message": "overloaded"}})

    with program(RetryPolicy(initial=0)) as client, pytest.raises(InternalServerError) as caught:
        client.threads.retrieve("t")

    assert caught.value.attempts == len(responses.calls) == 3


@responses.activate
def test_a_broken_connection_is_faked_with_an_exception(no_sleep):
    """What requests raises becomes this library's error."""
    responses.get(f"{BASE}/threads/t", body=requests.ConnectionError("broken"))

    with program(RetryPolicy(initial=0)) as client, pytest.raises(APIConnectionError):
        client.threads.retrieve("t")


@responses.activate
def test_a_whole_program_with_faults_in_between(no_sleep):
    """Messages, runs, waiting and lists, each failing once where it may be repeated."""
    thread = f"{BASE}/threads/t"
    ended = {"id": "r", "thread_id": "t", "status": "completed"}
    text = [{"type": "text", "text": {"value": "All is well.", "annotations": []}}]
    responses.post(f"{thread}/messages", status=429, headers={"retry-after": "0"})
    responses.post(f"{thread}/messages", json={"id": "m"})
    responses.post(f"{thread}/runs", json={**ended, "status": "queued"})
    responses.get(f"{thread}/runs/r", status=502)
    responses.get(f"{thread}/runs/r", json={**ended, "status": "in_progress"})
    responses.get(f"{thread}/runs/r", json=ended)
    responses.get(f"{thread}/messages", status=500)
    responses.get(
        f"{thread}/messages", json={"data": [{"id": "m2", "content": text}], "has_more": False}
    )

    with program(RetryPolicy(initial=0)) as client:
        assert summarise(client, "t") == "All is well."

    assert [call.response.status_code for call in responses.calls] == [
        429,
        200,
        200,
        502,
        200,
        200,
        500,
        200,
    ]
    assert json.loads(responses.calls[2].request.body) == {"assistant_id": "asst_1"}


def test_matchers_of_responses_see_what_is_sent(no_sleep):
    """A test may insist on header, query and body."""
    from responses import matchers

    with responses.RequestsMock() as mock, program() as client:
        mock.get(
            f"{BASE}/assistants",
            json={"data": [], "has_more": False},
            match=[
                matchers.header_matcher({"Authorization": "Bearer k"}),
                matchers.query_param_matcher({"order": "asc", "limit": "5"}),
            ],
        )
        mock.post(
            f"{BASE}/threads",
            json={"id": "t"},
            match=[matchers.json_params_matcher({"metadata": {"a": "b"}})],
        )

        assert list(client.assistants.list(order="asc", page_size=5)) == []
        assert client.threads.create(metadata={"a": "b"}).id == "t"


@responses.activate
def test_a_stream_is_a_body_of_events(no_sleep):
    """Fakes have it as one text, with the content type of events."""
    run = {"id": "run_a", "thread_id": "t", "status": "completed"}
    part = {"index": 0, "type": "text", "text": {"value": "Hi"}}
    events = [
        ("thread.run.created", json.dumps({**run, "status": "queued"})),
        ("thread.message.delta", json.dumps({"id": "msg_a", "delta": {"content": [part]}})),
        ("thread.run.completed", json.dumps(run)),
        ("done", "[DONE]"),
    ]
    body = "".join(f"event: {name}\ndata: {data}\n\n" for name, data in events)
    responses.post(f"{BASE}/threads/t/runs", body=body, content_type="text/event-stream")

    stream = Client(BASE, api_key="k").runs.stream("t", assistant_id="asst_a")

    assert "".join(stream.text()) == "Hi"
    assert stream.run.status == "completed"
