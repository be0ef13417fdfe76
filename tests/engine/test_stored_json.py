"""What is answered is the JSON that is stored, and the same as of the object that it stands for."""

from __future__ import annotations

import json

import pytest
from engine_store import Store
from werkzeug.test import Client as Web

from assistants_client._json.codec import encode
from assistants_client._protocol import ENGINE_POLL_AFTER_MS
from assistants_client.engine.services.messages import Messages
from assistants_client.engine.services.runs import Runs
from assistants_client.engine.services.threads import Threads
from assistants_client.engine.storage.keyset_pages import PageQuery
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.models.lists import Page
from assistants_client.models.messages import Message, MessageRequest

#: Characters that JSON or a database may treat in their own way; among them the half of a pair.
ODD = 'a"b\\c\n \u2028 Straße 🐑 \ud83d "data":[]'


def test_an_object_is_its_json() -> None:
    """It is encoded once, decoded where that is asked for, and its JSON is itself."""
    made = Message(id="msg_1", created_at=1, metadata={"note": ODD})
    stored = StoredJson.of(made)
    assert json.loads(stored.text) == stored.document == encode(made)
    assert StoredJson.of(stored) is stored
    assert StoredJson(Message, stored.text).decoded() == made


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_page_is_joined_as_it_would_be_encoded(store: Store, count: int) -> None:
    """Whatever is in its items."""
    thread = store.new_thread()
    for _ in range(count):
        store.messages.create(thread, MessageRequest(ODD, metadata={"note": ODD}))
    found = Messages(store.context).list(thread, PageQuery(limit=2))
    page = found.decoded()
    assert isinstance(page, Page)
    assert json.loads(found.text) == encode(page)
    assert (len(page.data), page.has_more) == (min(count + 1, 2), count > 1)


def test_responses_are_what_is_stored(store: Store) -> None:
    """Of a POST, its repeat, the object read again, and a list: the same bytes."""
    run = store.new_run()
    thread = run.thread_id
    web = Web(store.app())
    other = store.new_thread()
    sent = {"role": "user", "content": "Hi", "metadata": {"note": "Straße 🐑"}}
    first, again = (
        web.post(f"/v1/threads/{other}/messages", json=sent, headers={"Idempotency-Key": "k"}).text
        for _ in range(2)
    )
    message = json.loads(first)["id"]
    one = web.get(f"/v1/threads/{other}/messages/{message}").text
    listed = web.get(f"/v1/threads/{other}/messages?limit=1").text
    assert first == again == one == Messages(store.context).retrieve(other, message).text
    assert one in listed
    assert web.get(f"/v1/threads/{thread}").text == Threads(store.context).retrieve(thread).text
    read = web.get(f"/v1/threads/{thread}/runs/{run.id}")
    assert read.text == Runs(store.context).retrieve(thread, run.id).text
    assert int(read.headers[ENGINE_POLL_AFTER_MS]) > 0  # it is known without the object
