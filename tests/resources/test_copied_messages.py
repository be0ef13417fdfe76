"""Messages that were read, sent again: a conversation that is copied or imported."""

import json

from assistants_client import Client, Message, MessageRequest, RefusalPart, Text, TextPart
from assistants_client.engine import Engine, Scripted

BASE = "https://server.test/v1"
READ = {
    "id": "msg_1",
    "role": "assistant",
    "content": [
        {"type": "text", "text": {"value": "See [1].", "annotations": [{"type": "file_citation"}]}},
        {"type": "image_file", "image_file": {"file_id": "file_1"}},
        {"type": "refusal", "refusal": "I cannot help."},
    ],
}
SENT = [
    {"type": "text", "text": "See [1]."},
    {"type": "image_file", "image_file": {"file_id": "file_1"}},
    {"type": "text", "text": "I cannot help."},
]


def sent(wire):
    """The last body."""
    return json.loads(wire.calls[-1].request.body)


def test_parts_that_were_read_are_sent(client, wire):
    """As objects and as JSON, with a message, a thread and a run."""
    wire.post(f"{BASE}/threads/thread_1/messages", json={"id": "m"})
    wire.post(f"{BASE}/threads", json={"id": "t"})
    wire.post(f"{BASE}/threads/thread_1/runs", json={"id": "r"})
    message = Message.from_dict(READ)
    for content in (message.content, READ["content"], message.to_dict()["content"]):
        client.messages.create("thread_1", content, role="assistant")
        assert sent(wire)["content"] == SENT
        copied = {"role": message.role, "content": content}
        client.threads.create(messages=[copied, MessageRequest(content)])
        assert [one["content"] for one in sent(wire)["messages"]] == [SENT, SENT]
        client.runs.create("thread_1", assistant_id="a", additional_messages=[copied])
        assert sent(wire)["additional_messages"][0]["content"] == SENT


def test_messages_that_were_read_are_sent(client, wire):
    """Whole, as a list that was read or exported has them: without what only the server says."""
    wire.post(f"{BASE}/threads", json={"id": "t"})
    wire.post(f"{BASE}/threads/thread_1/runs", json={"id": "r"})
    beside = {"attachments": [{"file_id": "file_1", "tools": []}], "metadata": {"page": "3"}}
    document = {"object": "thread.message", "created_at": 1, "assistant_id": "a", **READ, **beside}
    wanted = {"role": "assistant", "content": SENT, **beside}
    for message in (document, Message.from_dict(document)):
        client.threads.create(messages=[message])
        assert sent(wire)["messages"] == [wanted]
        client.runs.create("thread_1", assistant_id="a", additional_messages=[message])
        assert sent(wire)["additional_messages"] == [wanted]
    client.threads.create(messages=[{**document, "attachments": [], "metadata": {}}])
    assert sent(wire)["messages"] == [{"role": "assistant", "content": SENT}]


def test_a_thread_is_copied_to_another_server(clean_environment):
    """Its messages are read from one engine and sent to the other."""
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    texts = []
    for _ in range(2):
        with Client(engine=Engine("sqlite:///:memory:", model=Scripted([]))) as client:
            made = client.threads.create(messages=said)
            said = list(client.messages.list(made.id, order="asc"))
            texts.append([(one.role, one.text) for one in said])
    assert texts == [[("user", "Hi"), ("assistant", "Hello.")]] * 2


def test_parts_that_were_made_are_sent_likewise(client, wire):
    """Text in its object, or alone; a bare one of JSON as ever."""
    wire.post(f"{BASE}/threads/thread_1/messages", json={"id": "m"})
    parts = [
        TextPart(text=Text(value="a")),
        RefusalPart(refusal="b"),
        {"type": "text", "text": "c"},
    ]
    client.messages.create("thread_1", parts)
    assert [one["text"] for one in sent(wire)["content"]] == ["a", "b", "c"]
