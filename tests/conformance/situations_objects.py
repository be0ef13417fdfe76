"""How assistants, threads and messages of every sort come about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from conformance_kit import Json, World

FUNCTION = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
BARE_FUNCTION = {"type": "function", "function": {"name": "now", "description": "Tells the time."}}
INTERPRETER = {"type": "code_interpreter"}
SEARCH = {"type": "file_search"}
FINE_SEARCH = {
    "type": "file_search",
    "file_search": {
        "max_num_results": 5,
        "ranking_options": {"ranker": "default_2024_08_21", "score_threshold": 0.5},
    },
}
IMAGE_URL = "https://example.com/image.png"


def assistant(**fields: Any) -> Callable[[World], Json]:
    """An assistant as it is answered when it is made with these fields."""
    return lambda world: world.assistant(**fields)


def _with_store(*tools: object) -> Callable[[World], Json]:
    def make(world: World) -> Json:
        store = world.send("POST", "/vector_stores", {})["id"]
        resources = {"file_search": {"vector_store_ids": [store]}}
        return world.assistant(tools=tools, tool_resources=resources)

    return make


def _assistant_with_file(world: World) -> Json:
    resources = {"code_interpreter": {"file_ids": [world.file()]}}
    return world.assistant(tools=[INTERPRETER], tool_resources=resources)


def _assistant_full(world: World) -> Json:
    return world.assistant(
        name="Tutor", description="Teaches.", instructions="Be brief.", metadata={"a": "b"}
    )


def _assistant_updated(world: World) -> Json:
    made = world.assistant(metadata={"a": "b"})
    return world.send("POST", f"/assistants/{made['id']}", {"name": "New", "metadata": {"a": "c"}})


def _assistant_retrieved(world: World) -> Json:
    return world.send("GET", f"/assistants/{world.assistant()['id']}")


def _assistant_deleted(world: World) -> Json:
    return world.send("DELETE", f"/assistants/{world.assistant()['id']}")


def thread(**fields: Any) -> Callable[[World], Json]:
    """A thread as it is answered when it is made with these fields."""
    return lambda world: world.send("POST", "/threads", fields)


def _thread_with_file(world: World) -> Json:
    resources = {"code_interpreter": {"file_ids": [world.file()]}}
    return thread(tool_resources=resources)(world)


def _thread_with_store(world: World) -> Json:
    store = world.send("POST", "/vector_stores", {})["id"]
    return thread(tool_resources={"file_search": {"vector_store_ids": [store]}})(world)


def _thread_with_new_store(world: World) -> Json:
    stores = [{"file_ids": [world.file()]}]
    return thread(tool_resources={"file_search": {"vector_stores": stores}})(world)


def _thread_updated(world: World) -> Json:
    made = thread()(world)
    return world.send("POST", f"/threads/{made['id']}", {"metadata": {"a": "b"}})


def _thread_deleted(world: World) -> Json:
    return world.send("DELETE", world.thread())


def _message(content: Any, **fields: Any) -> Callable[[World], Json]:
    def make(world: World) -> Json:
        body = {"role": "user", "content": content, **fields}
        return world.send("POST", f"{world.thread()}/messages", body)

    return make


def _message_retrieved(world: World) -> Json:
    path = f"{world.thread()}/messages"
    made = world.send("POST", path, {"role": "user", "content": "Hello"})
    return world.send("GET", f"{path}/{made['id']}")


def _message_updated(world: World) -> Json:
    path = f"{world.thread()}/messages"
    made = world.send("POST", path, {"role": "user", "content": "Hello"})
    return world.send("POST", f"{path}/{made['id']}", {"metadata": {"a": "b"}})


def _message_deleted(world: World) -> Json:
    path = f"{world.thread()}/messages"
    made = world.send("POST", path, {"role": "user", "content": "Hello"})
    return world.send("DELETE", f"{path}/{made['id']}")


def _message_with_image(detail: Json) -> Callable[[World], Json]:
    image = {"type": "image_url", "image_url": {"url": IMAGE_URL, **detail}}
    return _message([{"type": "text", "text": "What is it?"}, image])


def _message_with_attachments(world: World) -> Json:
    files = [
        {"file_id": world.file(), "tools": [SEARCH]},
        {"file_id": world.file(), "tools": [INTERPRETER]},
    ]
    return _message("Look", attachments=files)(world)


def page_facts(world: World, path: str, label: Callable[[Json], Any], made: Sequence[Any]) -> Json:
    """What the pages of a list of three objects, made one after another, are like.

    Args:
        world: Where they are.
        path: The list's.
        label: Tells them apart.
        made: Their labels in the order in which they were made.
    """

    def labels(query: str) -> list[Any]:
        return [label(one) for one in world.send("GET", f"{path}?{query}")["data"]]

    whole = world.send("GET", f"{path}?order=asc")
    middle, last = whole["data"][1]["id"], whole["data"][-1]["id"]
    first_page = world.send("GET", f"{path}?order=asc&limit=2")
    return {
        "whole": whole,
        "first page": first_page,
        "after its last": world.send("GET", f"{path}?order=asc&after={last}"),
        "ascending in order of making": labels("order=asc") == list(made),
        "descending the other way round": labels("order=desc") == list(reversed(made)),
        "descending where nothing is said": labels("") == labels("order=desc"),
        "after the middle": labels(f"order=asc&after={middle}") == list(made[2:]),
        "after the middle, descending": labels(f"order=desc&after={middle}") == list(made[:1]),
        "before the middle": labels(f"order=asc&before={middle}") == list(made[:1]),
        "before the middle, descending": labels(f"order=desc&before={middle}") == list(made[2:]),
        "first_id is its first": first_page["first_id"] == first_page["data"][0]["id"],
        "last_id is its last": first_page["last_id"] == first_page["data"][-1]["id"],
    }


def _messages(world: World) -> Json:
    path = f"/threads/{world.send('POST', '/threads', {})['id']}/messages"
    for text in ("one", "two", "three"):
        world.send("POST", path, {"role": "user", "content": text})

    def text_of(message: Json) -> str:
        text: str = message["content"][0]["text"]["value"]
        return text

    return page_facts(world, path, text_of, ["one", "two", "three"])


def _no_messages(world: World) -> Json:
    made = world.send("POST", "/threads", {})
    return world.send("GET", f"/threads/{made['id']}/messages")


def _assistants(world: World) -> Json:
    first, second, third = (world.assistant(name=name)["id"] for name in ("one", "two", "three"))

    def ids(query: str) -> list[str]:
        page = world.send("GET", f"/assistants?{query}")
        return [one["id"] for one in page["data"]]

    return {
        "page": world.send("GET", "/assistants?limit=2"),
        "newest first": ids("limit=3") == [third, second, first],
        "after, descending": ids(f"limit=1&after={third}") == [second],
        "before, ascending": ids(f"order=asc&limit=1&after={first}&before={third}") == [second],
        "after, ascending": ids(f"order=asc&limit=2&after={first}") == [second, third],
    }


SITUATIONS: dict[str, Callable[[World], object]] = {
    "assistant, bare": assistant(),
    "assistant, with all": _assistant_full,
    "assistant, retrieved": _assistant_retrieved,
    "assistant, updated": _assistant_updated,
    "assistant, deleted": _assistant_deleted,
    "assistant with code_interpreter, no files": assistant(tools=[INTERPRETER]),
    "assistant with code_interpreter, a file": _assistant_with_file,
    "assistant with file_search": assistant(tools=[SEARCH]),
    "assistant with file_search, set up": assistant(tools=[FINE_SEARCH]),
    "assistant with file_search, a store": _with_store(SEARCH),
    "assistant with file_search and code_interpreter": _with_store(SEARCH, INTERPRETER),
    "assistant with a function": assistant(tools=[FUNCTION]),
    "assistant with a bare function": assistant(tools=[BARE_FUNCTION]),
    "assistant with code_interpreter and a function": assistant(tools=[INTERPRETER, FUNCTION]),
    "assistant answering in text": assistant(response_format={"type": "text"}),
    "assistants, listed": _assistants,
    "thread, bare": thread(),
    "thread with metadata": thread(metadata={"a": "b"}),
    "thread with a file": _thread_with_file,
    "thread with code_interpreter, no files": thread(tool_resources={"code_interpreter": {}}),
    "thread with a store": _thread_with_store,
    "thread with a store of its own": _thread_with_new_store,
    "thread, updated": _thread_updated,
    "thread, deleted": _thread_deleted,
    "message of text": _message("Hello"),
    "message, retrieved": _message_retrieved,
    "message, updated": _message_updated,
    "message, deleted": _message_deleted,
    "message with an image_url, no detail": _message_with_image({}),
    "message with an image_url, low": _message_with_image({"detail": "low"}),
    "message with attachments": _message_with_attachments,
    "messages, listed": _messages,
    "messages, none": _no_messages,
}
