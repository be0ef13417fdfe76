"""Deletions, however the server words its answer."""


def test_an_answer_without_a_body(client, wire):
    """A 204 says that it is done; the id is that of the call."""
    wire.delete("https://server.test/v1/threads/thread_1", status=204)
    deleted = client.threads.delete("thread_1")
    assert (deleted.id, deleted.deleted) == ("thread_1", True)


def test_an_answer_with_a_body(client, wire):
    """What the server says counts."""
    body = {"id": "thread_1", "object": "thread.deleted", "deleted": False}
    wire.delete("https://server.test/v1/threads/thread_1", json=body)
    assert client.threads.delete("thread_1").deleted is False
