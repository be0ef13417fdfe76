"""Text that servers send without deltas, refusals, and responses that are not urllib3's."""

import io
import json

import pytest
import requests
import responses
from stream_kit import BEGUN, ENDED, close_delimited, message, run, sse, text_delta, text_of

from assistants_client import Client, MessageCompleted, MessageDelta, MessageIncomplete

CREATED = ("thread.message.created", message(1, status="in_progress"))
COMPLETED = ("thread.message.completed", message(1, "Hello"))
REFUSED = {**message(2), "content": [{"type": "refusal", "refusal": "I cannot help."}]}
FORMS = {
    "whole": [CREATED, COMPLETED],
    "never created": [COMPLETED],
    "begun with text": [
        ("thread.message.created", message(1, "Hel", status="in_progress")),
        ("thread.message.delta", text_delta(1, "lo")),
        COMPLETED,
    ],
    "completed with more": [CREATED, ("thread.message.delta", text_delta(1, "Hel")), COMPLETED],
    "in progress again": [
        CREATED,
        ("thread.message.delta", text_delta(1, "Hello")),
        ("thread.message.in_progress", message(1, status="in_progress")),
        COMPLETED,
    ],
    "incomplete": [
        CREATED,
        ("thread.message.incomplete", message(1, "Hello", status="incomplete")),
    ],
    "completed twice": [CREATED, COMPLETED, COMPLETED],
    "as usual": [CREATED, ("thread.message.delta", text_delta(1, "Hello")), COMPLETED],
}


def body(events):
    """A stream's bytes."""
    return b"".join(sse(*event) for event in [*BEGUN, *events, *ENDED])


@pytest.mark.parametrize("form", FORMS)
def test_text_without_deltas_is_delivered_once(server, client, form):
    """As events that hold it, in order; so text() and who reads deltas alone get all of it."""
    server.scripts = [close_delimited(body(FORMS[form]))] * 2
    assert "".join(client.runs.stream("thread_1", assistant_id="asst_1").text()) == "Hello"
    stream = client.runs.stream("thread_1", assistant_id="asst_1")
    events = list(stream)
    assert text_of(events) == "Hello"
    assert [one.text for one in stream.messages] == ["Hello"]
    last_delta = max(at for at, one in enumerate(events) if isinstance(one, MessageDelta))
    whole = (MessageCompleted, MessageIncomplete)
    assert last_delta < next(at for at, one in enumerate(events) if isinstance(one, whole))
    assert sum(isinstance(one, whole) for one in events) == (2 if "twice" in form else 1)


@pytest.mark.parametrize("content", ["{}", [{"index": 0, "type": "text", "text": "{}"}]], ids=str)
def test_text_of_deltas_may_stand_bare(server, client, content):
    """As it may in messages; in pieces, and without a message that is whole at the end."""

    def delta(text):
        document = {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": content}}
        return "thread.message.delta", json.loads(json.dumps(document).replace("{}", text))

    server.scripts = [close_delimited(body([CREATED, delta("Hel"), delta("lo")]))]
    stream = client.runs.stream("thread_1", assistant_id="asst_1")
    assert "".join(stream.text()) == "Hello"
    assert [one.text for one in stream.messages] == ["Hello"]


def test_the_question_is_no_answer(server, client):
    """A server that sends the user's messages as well does not have them in the text."""
    asked = ("thread.message.completed", message(9, "How much?", role="user"))
    server.scripts = [close_delimited(body([asked, CREATED, COMPLETED]))]
    assert "".join(client.runs.stream("thread_1", assistant_id="asst_1").text()) == "Hello"


@pytest.mark.parametrize("with_delta", [True, False])
def test_a_refusal_is_no_empty_answer(server, client, wire_of_ask, with_delta):
    """Its words are in the text of a stream; a message and a reply have them as their refusal."""
    part = {"index": 0, "type": "refusal", "refusal": "I cannot help."}
    delta = {"id": "msg_2", "object": "thread.message.delta", "delta": {"content": [part]}}
    deltas = [("thread.message.delta", delta)] if with_delta else []
    completed = ("thread.message.completed", REFUSED)
    server.scripts = [close_delimited(body([*deltas, completed]))]
    stream = client.runs.stream("thread_1", assistant_id="asst_1")
    assert "".join(stream.text()) == "I cannot help."
    assert stream.messages[0].refusal == "I cannot help."
    reply = wire_of_ask.ask("thread_1", "?", assistant_id="asst_1")
    assert (reply.text, reply.refusal) == ("", "I cannot help.")


@pytest.fixture
def wire_of_ask():
    """A client whose every question is refused by the model."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as fake:
        fake.add_passthru("http://127.0.0.1")
        base = "https://server.test/v1/threads/thread_1"
        fake.post(f"{base}/runs", json=run("completed"))
        fake.get(f"{base}/messages", json={"data": [REFUSED], "has_more": False})
        yield Client("https://server.test/v1", api_key="k")


class OtherRead1(io.BytesIO):
    """A fake's response, whose ``read1`` knows nothing of content encodings."""

    def stream(self, amount, decode_content=None):
        """As urllib3's."""
        while block := self.read(amount):
            yield block


def test_a_response_with_another_read1_is_read(monkeypatch):
    """As those of vcrpy, while it records and while it replays."""
    send = "assistants_client._http.session.CookielessSession.send"

    def answered(_, request, **__):
        made = requests.Response()
        made.status_code, made.request, made.url = 200, request, request.url
        made.raw = OtherRead1(body(FORMS["as usual"]))
        made.headers["Content-Type"] = "text/event-stream"
        return made

    monkeypatch.setattr(send, answered)
    stream = Client("https://server.test/v1", api_key="k").runs.stream(
        "thread_1", assistant_id="asst_1"
    )
    assert "".join(stream.text()) == "Hello"
