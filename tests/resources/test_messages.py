"""``client.messages``: what each operation sends, and what it answers."""

import pytest

from assistants_client import (
    Attachment,
    Deleted,
    FileSearchTool,
    ImageFile,
    ImageFilePart,
    ImageUrl,
    ImageUrlPart,
    InputTextPart,
    Message,
    MessageRequest,
    MessageUpdate,
)

ALL = "/threads/thread_1/messages"
ONE = f"{ALL}/msg_1"


def test_create_from_text(expect, payload):
    """A string alone is a user's message."""
    for call in (
        lambda client: client.messages.create("thread_1", "Hi"),
        lambda client: client.messages.create("thread_1", content="Hi"),
        lambda client: client.messages.create("thread_1", MessageRequest("Hi")),
    ):
        body = {"role": "user", "content": "Hi"}
        assert isinstance(expect(call, "POST", ALL, payload("message"), body=body), Message)


def test_create_from_parts(expect, payload):
    """Text is sent as a bare string; pictures by file or address; attachments with their tools."""
    body = {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "Look:"},
            {"type": "image_file", "image_file": {"file_id": "f", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://a.test/b.png"}},
        ],
        "attachments": [{"file_id": "f", "tools": [{"type": "file_search"}]}],
        "metadata": {"a": "b"},
    }
    request = MessageRequest(
        [
            InputTextPart(text="Look:"),
            ImageFilePart(image_file=ImageFile(file_id="f", detail="low")),
            ImageUrlPart(image_url=ImageUrl(url="https://a.test/b.png")),
        ],
        role="assistant",
        attachments=[Attachment(file_id="f", tools=[FileSearchTool()])],
        metadata={"a": "b"},
    )
    for call in (
        lambda client: client.messages.create("thread_1", request),
        lambda client: client.messages.create("thread_1", **body),
    ):
        expect(call, "POST", ALL, payload("message"), body=body)


def test_retrieve(expect, payload):
    """GET the message, with its parts and marks."""
    made = expect(
        lambda client: client.messages.retrieve("thread_1", "msg_1"), "GET", ONE, payload("message")
    )
    assert made.text.startswith("See ")
    assert len(made.citations) == 2


@pytest.mark.parametrize("metadata", [{"a": "b"}, {}, None])
def test_update(expect, payload, metadata):
    """POST the metadata."""
    for call in (
        lambda client: client.messages.update("thread_1", "msg_1", metadata=metadata),
        lambda client: client.messages.update(
            "thread_1", "msg_1", MessageUpdate(metadata=metadata)
        ),
    ):
        expect(call, "POST", ONE, payload("message"), body={"metadata": metadata})


def test_list(listed, payload):
    """GET the messages of a thread, of one run where it is named."""
    found, query = listed(
        lambda client: client.messages.list("thread_1", run_id="run_1", limit=5, order="desc"),
        ALL,
        payload("message"),
    )
    assert [message.role for message in found] == ["assistant"]
    assert sorted(query) == [("limit", "5"), ("order", "desc"), ("run_id", "run_1")]


def test_delete(expect, payload):
    """DELETE the message."""
    gone = expect(
        lambda client: client.messages.delete("thread_1", "msg_1"),
        "DELETE",
        ONE,
        {"id": "msg_1", "object": "thread.message.deleted", "deleted": True},
    )
    assert gone == Deleted(id="msg_1", object="thread.message.deleted")
