"""Messages that were read, sent again: a conversation that is copied or imported."""

import json

from assistants_client import Message, MessageRequest, RefusalPart, Text, TextPart

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
