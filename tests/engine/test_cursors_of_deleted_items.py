"""Lists go on from where a deleted item was: programs delete what a list yields as they go."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from databases import fresh
from engine_store import Clock, Store
from werkzeug.test import Client

from assistants_client.engine.services._base import Context
from assistants_client.engine.storage import deleted_items
from assistants_client.engine.storage.database import Database, add, load_all, remove
from assistants_client.engine.storage.keyset_pages import PageQuery, read_page
from assistants_client.engine.storage.tables import threads
from assistants_client.models.threads import Thread


@pytest.fixture
def http(store: Store) -> Client:
    """A client of the application."""
    return Client(store.app())


def made(http: Client, path: str, body: object = None) -> dict[str, Any]:
    """What a POST makes."""
    response = http.post(f"/v1{path}", json={} if body is None else body)
    assert response.status_code == 200, response.text
    document: dict[str, Any] = response.get_json()
    return document


def upload(http: Client, **fields: str) -> str:
    """The id of a new file."""
    form = {"purpose": "assistants", "file": (io.BytesIO(b"x"), "x.txt"), **fields}
    return str(http.post("/v1/files", data=form).get_json()["id"])


def assistants(http: Client) -> tuple[str, str]:
    """Five assistants: the path of their list, and how one of it is deleted."""
    for _ in range(5):
        made(http, "/assistants", {"model": "m"})
    return "/assistants", "/assistants/{}"


def threads_(http: Client) -> tuple[str, str]:
    """Five threads."""
    for _ in range(5):
        made(http, "/threads")
    return "/threads", "/threads/{}"


def stores(http: Client) -> tuple[str, str]:
    """Five vector stores."""
    for _ in range(5):
        made(http, "/vector_stores")
    return "/vector_stores", "/vector_stores/{}"


def files(http: Client) -> tuple[str, str]:
    """Five files."""
    for _ in range(5):
        upload(http)
    return "/files", "/files/{}"


def messages(http: Client) -> tuple[str, str]:
    """Five messages."""
    path = f"/threads/{made(http, '/threads')['id']}/messages"
    for _ in range(5):
        made(http, path, {"role": "user", "content": "x"})
    return path, path + "/{}"


def store_files(http: Client) -> tuple[str, str]:
    """Five files of a store, taken out of it."""
    path = f"/vector_stores/{made(http, '/vector_stores')['id']}/files"
    for _ in range(5):
        made(http, path, {"file_id": upload(http)})
    return path, path + "/{}"


def store_files_as_files(http: Client) -> tuple[str, str]:
    """Five files of a store, deleted as files."""
    return store_files(http)[0], "/files/{}"


def batch_files(http: Client) -> tuple[str, str]:
    """Five files of a batch, taken out of its store."""
    store = f"/vector_stores/{made(http, '/vector_stores')['id']}"
    body = {"file_ids": [upload(http) for _ in range(5)]}
    batch = made(http, f"{store}/file_batches", body)
    return f"{store}/file_batches/{batch['id']}/files", store + "/files/{}"


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(
    "make",
    [
        assistants,
        threads_,
        stores,
        files,
        messages,
        store_files,
        store_files_as_files,
        batch_files,
    ],
)
def test_a_list_is_emptied_while_it_is_gone_through(
    http: Client, make: Callable[[Client], tuple[str, str]], order: str
) -> None:
    """Each page follows the last item of the one before, which is gone by then; so does an end."""
    path, item = make(http)
    seen: list[str] = []
    query = f"?limit=2&order={order}"
    while True:
        answer = http.get(f"/v1{path}{query}")
        assert answer.status_code == 200, answer.text
        page = answer.get_json()["data"]
        if not page:
            break
        for one in page:
            assert http.delete("/v1" + item.format(one["id"])).status_code == 200
            seen.append(one["id"])
        query = f"?limit=2&order={order}&after={page[-1]['id']}"
    assert len(seen) == len(set(seen)) == 5
    assert http.get(f"/v1{path}").get_json()["data"] == []


def test_a_deleted_item_marks_its_place_either_way(http: Client) -> None:
    """Before it and behind it stands what did so when it was there."""
    for _ in range(5):
        made(http, "/assistants", {"model": "m"})
    ids = [one["id"] for one in http.get("/v1/assistants?order=asc").get_json()["data"]]
    http.delete(f"/v1/assistants/{ids[2]}")

    def listed(query: str) -> list[str]:
        page = http.get(f"/v1/assistants?order=asc&{query}={ids[2]}").get_json()
        return [one["id"] for one in page["data"]]

    assert (listed("before"), listed("after")) == (ids[:2], ids[3:])


def test_a_file_that_came_again_marks_its_place_in_the_batch_it_left(http: Client) -> None:
    """It is in the store, but not in that batch any more: the list goes on from where it was."""
    store = f"/vector_stores/{made(http, '/vector_stores')['id']}"
    ids = [upload(http) for _ in range(3)]
    batch = made(http, f"{store}/file_batches", {"file_ids": ids})["id"]
    made(http, f"{store}/files", {"file_id": ids[1]})

    def listed(path: str, query: str) -> list[str]:
        answer = http.get(f"/v1{store}{path}?order=asc&{query}={ids[1]}")
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.get_json()["data"]]

    path = f"/file_batches/{batch}/files"
    assert (listed(path, "before"), listed(path, "after")) == (ids[:1], ids[2:])
    assert (listed("/files", "before"), listed("/files", "after")) == ([ids[0], ids[2]], [])


def test_a_deleted_item_of_another_list_is_no_place_in_this_one(http: Client) -> None:
    """Neither that of another thread nor that of another noun, nor an id that never was."""
    gone = messages(http)[0]
    message = http.get(f"/v1{gone}").get_json()["data"][0]["id"]
    http.delete(f"/v1{gone}/{message}")
    other = messages(http)[0]
    for path, cursor in ((other, message), ("/assistants", message), (gone, "msg_never")):
        answer = http.get(f"/v1{path}?after={cursor}")
        assert (answer.status_code, answer.get_json()["error"]["param"]) == (400, "after")


def test_a_file_that_expired_still_marks_its_place(store: Store, clock: Clock) -> None:
    """Before it is dropped, and after."""
    http = Client(store.app())
    expiry = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    first, second, third = upload(http), upload(http, **expiry), upload(http)
    clock.move(3601)

    def behind() -> list[str]:
        answer = http.get(f"/v1/files?order=asc&after={second}")
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.get_json()["data"]]

    assert behind() == [third]
    fourth = upload(http)  # which drops what has expired
    assert behind() == [third, fourth]
    assert [one["id"] for one in http.get("/v1/files").get_json()["data"]] == [fourth, third, first]


def test_a_file_whose_status_has_changed_still_marks_its_place(http: Client) -> None:
    """A list of those with one status is gone on with when the cursor's file has another one."""
    store = f"/vector_stores/{made(http, '/vector_stores')['id']}"
    batch = made(http, f"{store}/file_batches", {"file_ids": [upload(http)]})
    cursor = http.get(f"/v1{store}/files?filter=in_progress").get_json()["last_id"]
    made(http, f"{store}/file_batches/{batch['id']}/cancel")
    later = upload(http)
    made(http, f"{store}/files", {"file_id": later})
    page = http.get(f"/v1{store}/files?filter=in_progress&order=asc&after={cursor}").get_json()
    assert [one["id"] for one in page["data"]] == [later]


def test_the_number_of_places_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest are."""
    monkeypatch.setattr(deleted_items, "MAX_PLACES", 3)
    database = Database(fresh("sqlite://"))
    with database.begin() as connection:
        for number in range(6):
            add(connection, threads, Thread(id=f"t{number}", created_at=1))
    for number in range(5):
        with database.begin() as connection:
            remove(connection, threads, f"t{number}")
    with database.read() as connection:
        known = [
            number
            for number in range(6)
            if deleted_items.place_of_deleted(connection, threads, f"t{number}", None)
        ]
        page = read_page(connection, threads, Thread, PageQuery(order="asc", after="t2"), {})
        assert load_all(connection, threads, Thread) == page.decoded().data
    assert known == [2, 3, 4]
    database.close()


def test_a_database_without_places_gets_them(tmp_path: Any, clock: Clock) -> None:
    """One that was made before there were any."""
    url = fresh(f"sqlite:///{tmp_path / 'old.db'}")
    old = Database(url)
    with old.begin() as connection:
        connection.exec_driver_sql("DROP TABLE deleted_items")
        add(connection, threads, Thread(id="t", created_at=1))
    old.close()
    database = Database(url)
    http = Client(Store(Context(database=database, clock=clock), clock).app())
    assert http.delete("/v1/threads/t").status_code == 200
    assert http.get("/v1/threads?after=t").status_code == 200
    database.close()
