"""``GET /threads`` by metadata and by words: what is found, in pages, at which cost, for whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import fresh
from engine_store import Store
from tenants import Tenants
from test_query_plans import fill, plans, read_whole
from werkzeug.test import Client as Web

from assistants_client import Client, errors
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.services import _thread_search


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A client of an engine whose model says one thing."""
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    with Engine(url, Scripted(["Otters eat clams."])) as engine, Client(engine=engine) as made:
        yield made


def begun(client: Client, words: str, **metadata: str) -> str:
    """The id of a new thread."""
    return client.threads.create(
        messages=[{"role": "user", "content": words}], metadata=metadata
    ).id


def found(client: Client, search: str | None = None, **metadata: str) -> list[str]:
    """The ids of the threads that are found, newest first."""
    listed = client.threads.list(search=search, metadata=metadata or None, page_size=2)
    return [thread.id for thread in listed]


def test_threads_are_found_both(client: Client) -> None:
    """All pairs count; what is changed or cleared is found no more, nor is a deleted thread."""
    one = begun(client, "a", user="7", shop="north")
    two = begun(client, "b", user="7", shop="south")
    begun(client, "c", user="8", shop="south")
    assert found(client, user="7") == [two, one]
    assert found(client, user="7", shop="south") == [two]
    assert found(client, user="7", shop="east") == []
    assert found(client, User="7") == []
    client.threads.update(one, metadata={"user": "9"})
    assert (found(client, user="7"), found(client, user="9")) == ([two], [one])
    client.threads.update(one, metadata=None)
    assert found(client, user="9") == []
    client.threads.delete(two)
    assert found(client, user="7") == []


def test_any_metadata_may_be_asked_for(client: Client) -> None:
    """Brackets, spaces, signs and letters of all scripts are no syntax."""
    pairs = {"a[b]": "1&2=3", "naïve key": "ein Wort", "鍵": "値", "empty": "", "%": "50 %"}
    made = begun(client, "x", **pairs)
    assert found(client, **pairs) == [made]
    for key, value in pairs.items():
        assert found(client, **{key: value}) == [made]
        assert found(client, **{key: f"{value}!"}) == []


def test_threads_are_found_by_words(client: Client) -> None:
    """All words in one message, in any of their forms, and of any author."""
    one = begun(client, "My refund for the blue kettle is late.")
    two = begun(client, "Where is the kettle?")
    client.messages.create(two, "I asked for a refund, and spoke of blue things.")
    assert found(client, "refunds") == [two, one]
    assert found(client, "KETTLE refund") == [one]
    assert found(client, "kettles, blue!") == [one]
    assert found(client, "zebra") == []
    assert found(client, "clams") == []
    assistant = client.assistants.create(model="m")
    client.ask(one, "What do otters eat?", assistant_id=assistant.id)
    assert found(client, "clams") == [one]


def test_words_go_with_their_messages(client: Client) -> None:
    """A deleted message is found no more, nor is one of a deleted thread."""
    one, two = begun(client, "walrus"), begun(client, "walrus")
    added = client.messages.create(two, "narwhal")
    assert found(client, "narwhal") == [two]
    client.messages.delete(two, added.id)
    assert found(client, "narwhal") == []
    client.threads.delete(one)
    assert found(client, "walrus") == [two]


@pytest.mark.parametrize("search", ["羊", "羊毛", "한국", "ÄRGER", "q" * 64])
def test_words_of_all_scripts_are_found(client: Client, search: str) -> None:
    """As file search finds them; the marks of the index are no words."""
    made = begun(client, "羊毛 한국어 Ärger " + "q" * 64)
    assert found(client, search) == [made]
    for mark in ("t1", "§t1", "n"):
        assert found(client, mark) == []


def test_both_together_and_in_pages(client: Client) -> None:
    """Pages go forwards and backwards; a cursor may have ceased to be in the list."""
    made = [begun(client, "kettle" if n % 2 else "spoon", user=str(n % 3)) for n in range(24)]
    wanted = [one for n, one in enumerate(made) if n % 2 and n % 3 == 1]
    assert found(client, "kettle", user="1") == wanted[::-1]
    pairs = {"search": "kettle", "metadata": {"user": "1"}}
    assert [one.id for one in client.threads.list(order="asc", **pairs)] == wanted
    before = client.threads.list(before=wanted[2], order="asc", **pairs)
    assert {one.id for one in before} == {*wanted[:2]}
    client.threads.update(wanted[1], metadata={"user": "2"})
    after = client.threads.list(after=wanted[1], order="asc", **pairs)
    assert [one.id for one in after] == wanted[2:]


def test_the_newest_messages_count(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of words in very many messages; with metadata, all messages of its newest threads do."""
    monkeypatch.setattr(_thread_search, "MOST_MESSAGES", 3)
    monkeypatch.setattr(_thread_search, "MOST_THREADS", 2)
    made = [begun(client, "hello", user="7" if n < 4 else "8") for n in range(8)]
    assert found(client, "hello") == made[:4:-1]
    assert found(client, "hello", user="7") == made[3:1:-1]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("metadata=user:7", "Invalid 'metadata': write metadata[KEY]=VALUE, as in metadata[user]"),
        ("metadata.user=7", "Invalid 'metadata.user': write metadata[KEY]=VALUE"),
        ("metadata[]=7", "Invalid 'metadata[]': write metadata[KEY]=VALUE"),
        ("metadata[a]=1&metadata[a]=2", "a thread has one value of a key, here are two"),
        ("search=%3F!", "Invalid 'search': there is no word in '?!'"),
        (f"search={'a' * 501}", "501 characters are above the maximum of 500"),
        ("&".join(f"metadata[k{n}]=1" for n in range(17)), "17 pairs are above the maximum of 16"),
    ],
)
def test_what_cannot_be_asked_for(store: Store, query: str, words: str) -> None:
    """It is refused in words: a filter that is not understood must not list everything."""
    response = Web(store.app()).get(f"/v1/threads?{query}")
    assert response.status_code == 400
    assert words in response.get_json()["error"]["message"]


def test_the_client_refuses_the_same(client: Client) -> None:
    """Before anything is sent."""
    for wrong in ({"metadata": "user=7"}, {"metadata": {"user": 7}}, {"search": 7}):
        with pytest.raises(errors.InvalidRequestError):
            client.threads.list(**wrong)  # type: ignore[arg-type]  # what people do


def test_a_tenant_finds_its_own(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of others have the same words and metadata; who is not isolated finds all."""
    monkeypatch.setattr(_thread_search, "MOST_MESSAGES", 3)
    monkeypatch.setattr(_thread_search, "MOST_THREADS", 2)
    tenants = Tenants(store)
    body = {"messages": [{"role": "user", "content": "Hello"}], "metadata": {"user": "7"}}
    made = {}
    for who in ("ben", *["ann"] * 5):
        made[who] = tenants.made(who, "/threads", body)["id"]
    for query in ("search=hello", "metadata[user]=7", "metadata[user]=7&search=hello"):
        listed = tenants.ask("ben", "GET", f"/threads?{query}").get_json()["data"]
        assert [one["id"] for one in listed] == [made["ben"]]
        assert len(tenants.ask("web", "GET", f"/threads?{query}").get_json()["data"]) >= 2


def test_searches_read_no_table_whole(store: Store) -> None:
    """Whatever is asked for, rows are found by indexes."""
    store.context.database.open()
    with store.context.database.begin() as connection:
        if connection.dialect.name == "postgresql":
            fill(connection)
    web = Web(store.app())
    pairs = {"user": "7", "shop": "north"}
    first = [{"role": "user", "content": "Hello"}]
    made = web.post("/v1/threads", json={"messages": first, "metadata": pairs}).get_json()["id"]
    both = "&".join(f"metadata[{key}]={value}" for key, value in pairs.items())
    with plans(store.context.database) as explained:
        for query in (
            "metadata[user]=7",
            both,
            "search=hello",
            f"{both}&search=hello",
        ):
            for more in ("", "&order=asc", f"&after={made}", f"&before={made}"):
                assert web.get(f"/v1/threads?{query}{more}").status_code == 200
    assert read_whole(explained) == []


def test_a_message_of_any_size_is_indexed(client: Client) -> None:
    """As far as the index of one message reaches; PostgreSQL would refuse what is more."""
    first = "beginning " + " ".join(f"{n:x}Ωψ" for n in range(40_000))
    made = begun(client, first[:250_000])
    assert found(client, "beginning") == [made]


def test_odd_signs_are_stored(client: Client) -> None:
    """A NUL or half a pair of surrogates in a text hinders nothing."""
    made = begun(client, "sheep\x00 and goats", user="a\x00b")
    assert found(client, "goats") == [made]
    assert found(client, user="a\x00b") == [made]


def test_words_move_with_their_message(store: Store) -> None:
    """An import may give messages other numbers, so that they are in order."""
    web = Web(store.app())
    said = [{"role": "user", "content": "walrus"}]
    made = web.post("/v1/threads", json={"messages": said}).get_json()["id"]
    with store.context.database.begin() as connection:
        connection.exec_driver_sql("UPDATE messages SET seq = 1000")
    found = web.get("/v1/threads?search=walrus").get_json()["data"]
    assert [one["id"] for one in found] == [made]
    assert web.delete(f"/v1/threads/{made}").status_code == 200
    assert web.get("/v1/threads?search=walrus").get_json()["data"] == []
