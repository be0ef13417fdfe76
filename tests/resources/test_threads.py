"""``client.threads``: what each operation sends, and what it answers."""

from assistants_client import (
    Deleted,
    FileSearchResources,
    MessageRequest,
    NewVectorStore,
    Thread,
    ThreadRequest,
    ThreadUpdate,
    ToolResources,
)


def test_create(expect, payload):
    """POST /threads, with messages and resources in whatever form they were given."""
    body = {
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]},
        ],
        "tool_resources": {"file_search": {"vector_stores": [{"file_ids": ["f"]}]}},
        "metadata": {"a": "b"},
    }
    request = ThreadRequest(
        messages=[MessageRequest("Hi"), body["messages"][1]],
        tool_resources=ToolResources(
            file_search=FileSearchResources(vector_stores=[NewVectorStore(file_ids=["f"])])
        ),
        metadata={"a": "b"},
    )
    for call in (
        lambda client: client.threads.create(request),
        lambda client: client.threads.create(**body),
    ):
        made = expect(call, "POST", "/threads", payload("thread"), body=body)
        assert isinstance(made, Thread)
        assert made.metadata == {"user": "u1"}


def test_create_of_an_empty_thread(expect, payload):
    """An empty object is sent, in both forms."""
    for call in (
        lambda client: client.threads.create(),
        lambda client: client.threads.create(ThreadRequest()),
    ):
        expect(call, "POST", "/threads", payload("thread"), body={})


def test_retrieve(expect, payload):
    """GET /threads/{id}."""
    made = expect(
        lambda client: client.threads.retrieve("thread_1"),
        "GET",
        "/threads/thread_1",
        payload("thread"),
    )
    assert made.id == payload("thread")["id"]


def test_update(expect, payload):
    """POST /threads/{id}; null clears."""
    for call in (
        lambda client: client.threads.update("thread_1", ThreadUpdate(tool_resources=None)),
        lambda client: client.threads.update("thread_1", tool_resources=None),
    ):
        body = {"tool_resources": None}
        made = expect(call, "POST", "/threads/thread_1", payload("thread"), body=body)
        assert isinstance(made, Thread)


def test_delete(expect, payload):
    """DELETE /threads/{id}."""
    gone = expect(
        lambda client: client.threads.delete("thread_1"),
        "DELETE",
        "/threads/thread_1",
        payload("deleted"),
    )
    assert isinstance(gone, Deleted)
    assert gone.deleted is True


def test_an_answer_to_a_deletion_may_be_short(expect, payload):
    """Some servers leave the noun out."""
    gone = expect(
        lambda client: client.threads.delete("thread_1"),
        "DELETE",
        "/threads/thread_1",
        payload("odd_deleted"),
    )
    assert gone == Deleted(id="msg_1")
