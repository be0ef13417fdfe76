"""What the engine fills in where a request was silent, as the service did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from databases import fresh
from werkzeug.test import Client as Http

from assistants_client import Client, ImageFilePart, ImageUrlPart
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.language_models.base import Conversation, FunctionSpec, Image, Turn
from assistants_client.engine.language_models.chat_wire import request_document
from assistants_client.models.events import ThreadCreated

Json = dict[str, Any]
CODE, SEARCH = {"type": "code_interpreter"}, {"type": "file_search"}
NO_FILES = {"code_interpreter": {"file_ids": []}}
NO_STORES = {"file_search": {"vector_store_ids": []}}
BARE = {"type": "function", "function": {"name": "now"}}
EMPTY = {"type": "object", "properties": {}}
QUESTION = {"role": "user", "content": "x"}


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine in memory."""
    with Engine(fresh("sqlite://"), model=Scripted(["Hello"] * 9)) as made:
        yield made


@pytest.fixture
def http(engine: Engine) -> Http:
    """Its face."""
    return Http(engine)


def send(http: Http, path: str, body: Json | None = None) -> Any:
    """A document that is answered, which is no refusal."""
    response = http.get(path) if body is None else http.post(path, json=body)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ([], {}),
        ([BARE], {}),
        ([CODE], NO_FILES),
        ([SEARCH], NO_STORES),
        ([CODE, BARE, SEARCH], {**NO_FILES, **NO_STORES}),
    ],
)
def test_tools_have_their_resources(http: Http, tools: list[Json], expected: Json) -> None:
    """However an assistant got its tools, and however it is read; its runs have the same."""
    made = send(http, "/assistants", {"model": "m", "tools": tools, "instructions": "x"})
    path = f"/assistants/{made['id']}"
    bare = send(http, "/assistants", {"model": "m"})
    updated = send(http, f"/assistants/{bare['id']}", {"tools": tools})
    listed = send(http, "/assistants")["data"]
    thread = send(http, "/threads", {})["id"]
    run = send(http, f"/threads/{thread}/runs", {"assistant_id": made["id"]})
    own = {"assistant_id": bare["id"], "tools": tools, "instructions": "x"}
    shown = [made, send(http, path), updated, *listed, run, send(http, "/threads/runs", own)]
    assert [one["tool_resources"] for one in shown] == [expected] * 7
    assert send(http, f"/threads/{thread}")["tool_resources"] == {}


def test_the_files_of_a_tool_that_is_off(engine: Engine, http: Http) -> None:
    """They are not shown, and there again once it is on; they may be given before it is on."""
    with Client(engine=engine) as client:
        file_id = client.files.upload(b"x", filename="a.txt").id
    files = {"code_interpreter": {"file_ids": [file_id]}}
    made = send(http, "/assistants", {"model": "m", "tool_resources": files})
    path = f"/assistants/{made['id']}"
    assert made["tool_resources"] == {}
    for tools, expected in (([CODE], files), ([], {}), ([SEARCH], NO_STORES), ([CODE], files)):
        assert send(http, path, {"tools": tools})["tool_resources"] == expected
    assert send(http, path, {"tool_resources": None})["tool_resources"] == NO_FILES


def test_a_new_thread_in_a_stream_has_the_files_of_a_code_interpreter(
    engine: Engine, http: Http
) -> None:
    """Whatever it has besides; read again it has what it was given."""
    assistant = send(http, "/assistants", {"model": "m"})["id"]
    store = send(http, "/vector_stores", {})["id"]
    given = {"file_search": {"vector_store_ids": [store]}}
    thread = {"messages": [QUESTION], "tool_resources": given}
    with (
        Client(engine=engine) as client,
        client.runs.stream_thread_and_run(assistant_id=assistant, thread=thread) as stream,
    ):
        first = next(stream)
    assert isinstance(first, ThreadCreated)
    made: Any = first.thread
    assert made.tool_resources.code_interpreter.file_ids == []
    assert made.tool_resources.file_search.vector_store_ids == [store]
    assert send(http, f"/threads/{made.id}")["tool_resources"] == given


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ({"name": "f"}, {"name": "f", "parameters": EMPTY, "strict": False}),
        ({"name": "f", "strict": None}, {"name": "f", "parameters": EMPTY, "strict": False}),
        (
            {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
            {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
        ),
    ],
)
def test_functions_have_parameters_and_strict(http: Http, function: Json, expected: Json) -> None:
    """Of assistants and of runs, also where a run or an update has tools of its own."""
    tools = [{"type": "function", "function": function}]
    made = send(http, "/assistants", {"model": "m", "tools": tools, "instructions": "x"})
    other = send(http, "/assistants", {"model": "m", "instructions": "x"})["id"]
    shown = [
        made,
        send(http, f"/assistants/{made['id']}", {"tools": tools}),
        send(http, "/threads/runs", {"assistant_id": made["id"]}),
        send(http, "/threads/runs", {"assistant_id": other, "tools": tools}),
    ]
    assert [one["tools"] for one in shown] == [[{"type": "function", "function": expected}]] * 4


@pytest.mark.parametrize("given", [{}, {"detail": "low"}])
def test_images_have_a_detail(engine: Engine, given: Json) -> None:
    """Of every message that a caller writes: ``auto`` where nothing is said."""
    detail = given.get("detail", "auto")
    with Client(engine=engine) as client:
        file_id = client.files.upload(b"\x89PNG", filename="a.png", purpose="vision").id
        content: list[Json] = [
            {"type": "image_url", "image_url": {"url": "https://host.test/a.png", **given}},
            {"type": "image_file", "image_file": {"file_id": file_id, **given}},
        ]
        message = {"role": "user", "content": content}
        thread = client.threads.create(messages=[message])
        client.messages.create(thread.id, content=content)
        assistant = client.assistants.create(model="m")
        client.runs.create(
            thread.id,
            assistant_id=assistant.id,
            additional_messages=[message],
            on_active_run="wait",
        )
        written = [one for one in client.messages.list(thread.id) if one.role == "user"]
    assert len(written) == 3
    for one in written:
        address, upload = one.content
        assert isinstance(address, ImageUrlPart)
        assert isinstance(upload, ImageFilePart)
        assert (address.image_url.detail, upload.image_file.detail) == (detail, detail)


def test_servers_of_models_do_not_get_what_was_filled_in() -> None:
    """Not all of them know these fields, and left out they mean the same."""
    turn = Turn(role="user", parts=[Image(url="https://host.test/a.png", detail="auto")])
    spec = FunctionSpec(name="f", parameters=EMPTY, strict=False)
    conversation = Conversation(model="m", instructions=None, turns=[turn], functions=[spec])
    sent = request_document(conversation, model="m", max_tokens_field="max_tokens", origin="x")
    assert sent["messages"][0]["content"][0]["image_url"] == {"url": "https://host.test/a.png"}
    assert sent["tools"][0]["function"] == {"name": "f", "parameters": EMPTY}
