"""How files, vector stores, their files and batches come about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance_kit import Json, World
from situations_objects import page_facts


def _uploaded(purpose: str, name: str = "notes.txt", content: bytes = b"Notes.") -> Any:
    return lambda world: world.upload(purpose, name, content)["body"]


def _file_retrieved(world: World) -> Json:
    return world.send("GET", f"/files/{world.file()}")


def _file_deleted(world: World) -> Json:
    return world.send("DELETE", f"/files/{world.file()}")


def _content(world: World) -> Json:
    return world.request("GET", f"/files/{world.file('notes.txt', b'Notes.')}/content")


def _files(world: World) -> Json:
    world.file()
    world.file()
    page = world.send("GET", "/files?limit=2")
    return {
        "page": page,
        "first_id is its first": page["first_id"] == page["data"][0]["id"],
        "last_id is its last": page["last_id"] == page["data"][-1]["id"],
    }


def store(**fields: Any) -> Callable[[World], Json]:
    """A vector store as it is answered when it is made with these fields."""
    return lambda world: world.send("POST", "/vector_stores", fields)


def _store_filled(world: World) -> Json:
    return store(file_ids=[world.file()])(world)


def _store_retrieved(world: World) -> Json:
    return world.send("GET", f"/vector_stores/{store()(world)['id']}")


def _store_updated(world: World) -> Json:
    path = f"/vector_stores/{store()(world)['id']}"
    return world.send("POST", path, {"metadata": {"a": "b"}})


def _store_deleted(world: World) -> Json:
    return world.send("DELETE", f"/vector_stores/{store()(world)['id']}")


def _stores(world: World) -> Json:
    for name in ("one", "two", "three"):
        store(name=name)(world)
    page = world.send("GET", "/vector_stores?limit=3")
    return {
        "page": page,
        "newest first": [one["name"] for one in page["data"]] == ["three", "two", "one"],
        "first_id is its first": page["first_id"] == page["data"][0]["id"],
        "last_id is its last": page["last_id"] == page["data"][-1]["id"],
    }


def _store_file(world: World) -> Json:
    def make() -> Json:
        path = f"/vector_stores/{store()(world)['id']}/files"
        made = world.send("POST", path, {"file_id": world.file()})
        done = world.until(f"{path}/{made['id']}", "completed")
        page = world.send("GET", path)
        deleted = world.send("DELETE", f"{path}/{made['id']}")
        return {"made": made, "done": done, "page": page, "deleted": deleted}

    made: Json = world.once("a file of a store", make)
    return made


def _store_file_in_pieces(world: World) -> Json:
    path = f"/vector_stores/{store()(world)['id']}/files"
    pieces = {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}
    strategy = {"type": "static", "static": pieces}
    return world.send("POST", path, {"file_id": world.file(), "chunking_strategy": strategy})


def _store_files(world: World) -> Json:
    path = f"/vector_stores/{store()(world)['id']}/files"
    made = [world.file() for _ in range(3)]
    for file_id in made:
        world.send("POST", path, {"file_id": file_id})
    return page_facts(world, path, lambda one: one["id"], made)


def _no_store_files(world: World) -> Json:
    return world.send("GET", f"/vector_stores/{store()(world)['id']}/files")


def _batch(world: World) -> Json:
    def make() -> Json:
        path = f"/vector_stores/{store()(world)['id']}/file_batches"
        made = world.send("POST", path, {"file_ids": [world.file(), world.file()]})
        done = world.until(f"{path}/{made['id']}", "completed")
        ascending = world.send("GET", f"{path}/{made['id']}/files?order=asc")
        descending = world.send("GET", f"{path}/{made['id']}/files?order=desc")
        return {
            "made": made,
            "done": done,
            "cancel": world.request("POST", f"{path}/{made['id']}/cancel"),
            "files": ascending,
            "one of its files": world.send("GET", f"{path}/{made['id']}/files?limit=1"),
            "order is ignored": ascending["data"] == descending["data"],
        }

    made: Json = world.once("a batch", make)
    return made


def part(of: Callable[[World], Json], name: str) -> Callable[[World], object]:
    """One of the answers of a longer situation."""
    return lambda world: of(world)[name]


PURPOSES = ("assistants", "vision", "batch", "fine-tune", "user_data", "evals")
#: What a file of these purposes must hold to be taken.
LINES = {
    "batch": b'{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n',
    "fine-tune": b'{"messages": [{"role": "user", "content": "a"}]}\n',
    "evals": b'{"item": {}}\n',
}

SITUATIONS: dict[str, Callable[[World], object]] = {
    **{
        f"file for {purpose}": _uploaded(
            purpose, "lines.jsonl" if purpose in LINES else "a.png", LINES.get(purpose, b"\x89PNG")
        )
        for purpose in PURPOSES[1:]
    },
    "file for assistants": _uploaded("assistants"),
    "file, retrieved": _file_retrieved,
    "file, deleted": _file_deleted,
    "file, its content": _content,
    "files, listed": _files,
    "store, bare": store(),
    "store with a name and an end": store(
        name="Papers", metadata={"a": "b"}, expires_after={"anchor": "last_active_at", "days": 3}
    ),
    "store with a file, made": _store_filled,
    "store, retrieved": _store_retrieved,
    "store, updated": _store_updated,
    "store, deleted": _store_deleted,
    "stores, listed": _stores,
    "store file, made": part(_store_file, "made"),
    "store file, completed": part(_store_file, "done"),
    "store file, in pieces of a size": _store_file_in_pieces,
    "store file, deleted": part(_store_file, "deleted"),
    "store files, page": part(_store_file, "page"),
    "store files, listed": _store_files,
    "store files, none": _no_store_files,
    "batch, made": part(_batch, "made"),
    "batch, completed": part(_batch, "done"),
    "batch, cancelled when completed": part(_batch, "cancel"),
    "batch, its files": _batch,
}
