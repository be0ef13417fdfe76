"""Assistants, threads and messages: their defaults, updates, lists, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from engine_store import Store

from assistants_client._json.codec import encode, parse
from assistants_client.engine.faults import Fault
from assistants_client.engine.storage.keyset_pages import PageQuery
from assistants_client.models.assistants import AssistantRequest, AssistantUpdate
from assistants_client.models.messages import MessageRequest, MessageUpdate
from assistants_client.models.run_requests import RunRequest, ThreadRunRequest
from assistants_client.models.threads import ThreadRequest, ThreadUpdate

ALL = PageQuery(limit=100, order="asc")


def refusal(call: Callable[[], object]) -> Fault:
    """What a call is refused with."""
    with pytest.raises(Fault) as caught:
        call()
    return caught.value


def test_an_assistant_has_the_documented_defaults(store: Store) -> None:
    """What is left out, or null, is as the protocol documents it."""
    made = store.assistants.create(AssistantRequest(model="m", temperature=None, metadata=None))
    document = encode(made)
    assert document.pop("id").startswith("asst_")
    assert document == {
        "object": "assistant",
        "created_at": int(store.clock.time),
        "name": None,
        "description": None,
        "model": "m",
        "instructions": None,
        "tools": [],
        "tool_resources": {},
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
        "reasoning_effort": None,
    }
    assert store.assistants.retrieve(made.id) == made


def test_an_update_replaces_what_is_given_and_clears_what_is_null(store: Store) -> None:
    """Fields left out stay; metadata is replaced as a whole; null goes back to the default."""
    request = AssistantRequest(model="m", name="n", metadata={"a": "1", "b": "2"}, temperature=0.2)
    made = store.assistants.create(request)
    update = AssistantUpdate(name=None, metadata={"c": "3"}, temperature=None, model="n")
    changed = store.assistants.update(made.id, update)
    assert (changed.name, changed.metadata, changed.temperature) == (None, {"c": "3"}, 1.0)
    assert (changed.model, changed.created_at) == ("n", made.created_at)
    assert store.assistants.update(made.id, AssistantUpdate()) == changed
    assert store.assistants.update(made.id, AssistantUpdate(metadata=None)).metadata == {}


def test_assistants_are_listed_and_deleted(store: Store) -> None:
    """A deleted assistant is gone from everywhere, and cannot be deleted again."""
    made = [store.assistants.create(AssistantRequest(model="m")) for _ in range(3)]
    deleted = store.assistants.delete(made[1].id)
    assert encode(deleted) == {"id": made[1].id, "object": "assistant.deleted", "deleted": True}
    assert store.assistants.list(ALL).data == [made[0], made[2]]
    for call in (
        lambda: store.assistants.delete(made[1].id),
        lambda: store.assistants.retrieve(made[1].id),
        lambda: store.assistants.update(made[1].id, AssistantUpdate()),
        lambda: store.runs.create(store.new_thread(), RunRequest(assistant_id=made[1].id)),
        lambda: store.runs.create_thread_and_run(ThreadRunRequest(assistant_id=made[1].id)),
    ):
        fault = refusal(call)
        assert fault.status == 404
        assert fault.message == f"No assistant found with id '{made[1].id}'."


def test_a_thread_is_made_with_its_messages(store: Store) -> None:
    """The first messages stand in their order; what is given of the thread is kept."""
    request = ThreadRequest(
        messages=[MessageRequest("one"), MessageRequest("two", role="assistant")],
        metadata={"k": "v"},
    )
    thread = store.threads.create(request)
    assert thread.id.startswith("thread_")
    assert encode(thread)["tool_resources"] == {}
    assert store.threads.retrieve(thread.id) == thread
    found = store.messages.list(thread.id, ALL).data
    assert [(m.role, m.text) for m in found] == [("user", "one"), ("assistant", "two")]
    changed = store.threads.update(thread.id, ThreadUpdate(metadata=None))
    assert changed.metadata == {}


def test_a_deleted_thread_takes_everything_with_it(store: Store) -> None:
    """Its messages, runs and steps are gone, and whoever carries its run is told."""
    execution, work = store.claimed()
    execution.begin_message(work.run)
    store.threads.delete(work.run.thread_id)
    assert store.stopped == [work.run.id]
    for call in (
        lambda: store.threads.retrieve(work.run.thread_id),
        lambda: store.threads.update(work.run.thread_id, ThreadUpdate()),
        lambda: store.threads.delete(work.run.thread_id),
        lambda: store.messages.list(work.run.thread_id, ALL),
        lambda: store.messages.create(work.run.thread_id, MessageRequest("x")),
        lambda: store.runs.retrieve(work.run.thread_id, work.run.id),
        lambda: store.run_steps.list(work.run.thread_id, work.run.id, ALL),
    ):
        fault = refusal(call)
        assert (fault.status, fault.message) == (
            404,
            f"No thread found with id '{work.run.thread_id}'.",
        )


def test_a_message_comes_back_as_output_text(store: Store) -> None:
    """Input text, whole or in parts, becomes text with annotations; it is complete at once."""
    thread_id = store.new_thread()
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": ""}]
    request = parse(MessageRequest, {"role": "user", "content": parts, "metadata": {"k": "v"}})
    made = store.messages.create(thread_id, request)
    document = encode(made)
    assert document["content"] == [
        {"type": "text", "text": {"value": text, "annotations": []}} for text in ("a", "")
    ]
    assert (made.status, made.completed_at) == ("completed", int(store.clock.time))
    assert (made.run_id, made.assistant_id, made.attachments) == (None, None, [])
    assert store.messages.retrieve(thread_id, made.id) == made


def test_a_message_is_changed_and_deleted_in_its_own_thread_only(store: Store) -> None:
    """An id under another thread is unknown there."""
    thread_id, other = store.new_thread(), store.new_thread()
    made = store.messages.create(thread_id, MessageRequest("x"))
    changed = store.messages.update(thread_id, made.id, MessageUpdate(metadata={"a": "b"}))
    assert (changed.metadata, changed.text) == ({"a": "b"}, "x")
    for call in (
        lambda: store.messages.retrieve(other, made.id),
        lambda: store.messages.update(other, made.id, MessageUpdate()),
        lambda: store.messages.delete(other, made.id),
    ):
        assert refusal(call).message == f"No message found with id '{made.id}'."
    assert store.messages.delete(thread_id, made.id).object == "thread.message.deleted"
    assert made.id not in [m.id for m in store.messages.list(thread_id, ALL).data]


FILES = {"code_interpreter": {"file_ids": ["file-1"]}}
STORES = {"file_search": {"vector_store_ids": ["vs_1"]}}
NEW_STORES: dict[str, object] = {"file_search": {"vector_stores": [{"file_ids": ["file-1"]}]}}
IMAGE = [
    {"type": "text", "text": "a"},
    {"type": "image_url", "image_url": {"url": "/home/me/a.png"}},
]
LARGE_IMAGE = [
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'A' * 28_000_000}"}}
]
GONE_IMAGE = [{"type": "image_file", "image_file": {"file_id": "file-1"}}]
ATTACHED = [{"file_id": "file-1", "tools": [{"type": "code_interpreter"}]}]


@pytest.mark.parametrize(
    ("cls", "document", "param", "code"),
    [
        (
            ThreadRequest,
            {"messages": [{"role": "user", "content": IMAGE}]},
            "messages[0].content[1].image_url.url",
            "invalid_value",
        ),
        (
            MessageRequest,
            {"role": "user", "content": IMAGE},
            "content[1].image_url.url",
            "invalid_value",
        ),
        (
            RunRequest,
            {"additional_messages": [{"role": "user", "content": IMAGE}]},
            "additional_messages[0].content[1].image_url.url",
            "invalid_value",
        ),
        (
            ThreadRunRequest,
            {"thread": {"messages": [{"role": "user", "content": IMAGE}]}},
            "thread.messages[0].content[1].image_url.url",
            "invalid_value",
        ),
        (
            MessageRequest,
            {"role": "user", "content": LARGE_IMAGE},
            "content[0].image_url.url",
            "string_above_max_length",
        ),
        (
            AssistantUpdate,
            {"tool_resources": NEW_STORES},
            "tool_resources.file_search.vector_stores",
            "unknown_parameter",
        ),
        (
            ThreadUpdate,
            {"tool_resources": NEW_STORES},
            "tool_resources.file_search.vector_stores",
            "unknown_parameter",
        ),
        (
            ThreadRunRequest,
            {"tool_resources": NEW_STORES},
            "tool_resources.file_search.vector_stores",
            "unknown_parameter",
        ),
        (
            MessageRequest,
            {"role": "user", "content": "a", "attachments": [{"file_id": "file-1"}]},
            "attachments[0].tools",
            "missing_required_parameter",
        ),
        (
            MessageRequest,
            {"role": "user", "content": "a", "attachments": [{"tools": [{"type": "file_search"}]}]},
            "attachments[0].file_id",
            "missing_required_parameter",
        ),
    ],
)
def test_what_is_not_served_is_refused_by_its_path(
    store: Store, cls: type, document: dict[str, object], param: str, code: str
) -> None:
    """Nothing that the engine cannot do is silently left out, and nothing is stored."""
    fault = refused_request(store, cls, document)
    assert (fault.status, fault.code, fault.param) == (400, code, param)
    assert param in fault.message


@pytest.mark.parametrize(
    ("cls", "document", "where"),
    [
        (ThreadRequest, {"messages": [{"role": "user", "content": GONE_IMAGE}]}, "messages[0]."),
        (MessageRequest, {"role": "user", "content": GONE_IMAGE}, ""),
        (
            RunRequest,
            {"additional_messages": [{"role": "user", "content": GONE_IMAGE}]},
            "additional_messages[0].",
        ),
    ],
)
def test_an_image_must_be_a_file(
    store: Store, cls: type, document: dict[str, object], where: str
) -> None:
    """An image whose file there is not is refused by its path."""
    fault = refused_request(store, cls, document)
    assert (fault.status, fault.code) == (404, "file_not_found")
    assert fault.param == f"{where}content[0].image_file.file_id"


@pytest.mark.parametrize(
    ("cls", "document", "param"),
    [
        (
            AssistantRequest,
            {"model": "m", "tool_resources": FILES},
            "tool_resources.code_interpreter.file_ids[0]",
        ),
        (
            AssistantUpdate,
            {"tool_resources": STORES},
            "tool_resources.file_search.vector_store_ids[0]",
        ),
        (
            ThreadRequest,
            {"tool_resources": NEW_STORES},
            "tool_resources.file_search.vector_stores[0].file_ids[0]",
        ),
        (ThreadUpdate, {"tool_resources": FILES}, "tool_resources.code_interpreter.file_ids[0]"),
        (
            ThreadRequest,
            {"messages": [{"role": "user", "content": "a", "attachments": ATTACHED}]},
            "messages[0].attachments[0].file_id",
        ),
        (
            MessageRequest,
            {"role": "user", "content": "a", "attachments": ATTACHED},
            "attachments[0].file_id",
        ),
        (
            RunRequest,
            {"additional_messages": [{"role": "user", "content": "a", "attachments": ATTACHED}]},
            "additional_messages[0].attachments[0].file_id",
        ),
        (
            ThreadRunRequest,
            {"tool_resources": STORES},
            "tool_resources.file_search.vector_store_ids[0]",
        ),
        (
            ThreadRunRequest,
            {"thread": {"tool_resources": FILES}},
            "thread.tool_resources.code_interpreter.file_ids[0]",
        ),
    ],
)
def test_files_and_stores_that_do_not_exist_are_refused_by_their_path(
    store: Store, cls: type, document: dict[str, object], param: str
) -> None:
    """The id is named, and nothing is stored."""
    fault = refused_request(store, cls, document)
    assert (fault.status, fault.param) == (404, param)
    assert "'file-1'" in fault.message or "'vs_1'" in fault.message


@pytest.mark.parametrize(
    ("cls", "document", "param"),
    [
        (
            ThreadUpdate,
            {"tool_resources": {"code_interpreter": {"file_ids": ["asst_1"]}}},
            "tool_resources.code_interpreter.file_ids[0]",
        ),
        (
            ThreadUpdate,
            {"tool_resources": {"file_search": {"vector_store_ids": ["file-1"]}}},
            "tool_resources.file_search.vector_store_ids[0]",
        ),
        (RunRequest, {"assistant_id": "thread_1"}, "assistant_id"),
    ],
)
def test_ids_of_another_kind_are_refused_by_their_path(
    store: Store, cls: type, document: dict[str, object], param: str
) -> None:
    """The wrong kind of id is no missing object."""
    fault = refused_request(store, cls, document)
    assert (fault.status, fault.code, fault.param) == (400, "invalid_value", param)


def refused_request(store: Store, cls: type, document: dict[str, object]) -> Fault:
    """How a request is refused, and that nothing of it is stored."""
    assistant = store.assistants.create(AssistantRequest(model="m"))
    thread_id = store.threads.create(ThreadRequest()).id
    if cls in {RunRequest, ThreadRunRequest}:
        document = {"assistant_id": assistant.id, **document}
    request: Any = parse(cls, document)
    calls: dict[type, Callable[[], object]] = {
        AssistantRequest: lambda: store.assistants.create(request),
        AssistantUpdate: lambda: store.assistants.update(assistant.id, request),
        ThreadRequest: lambda: store.threads.create(request),
        ThreadUpdate: lambda: store.threads.update(thread_id, request),
        MessageRequest: lambda: store.messages.create(thread_id, request),
        RunRequest: lambda: store.runs.create(thread_id, request),
        ThreadRunRequest: lambda: store.runs.create_thread_and_run(request),
    }
    fault = refusal(calls[cls])
    assert store.assistants.list(ALL).data == [assistant]
    assert [thread.id for thread in store.threads.list(ALL).data] == [thread_id]
    assert store.messages.list(thread_id, ALL).data == []
    assert store.runs.list(thread_id, ALL).data == []
    return fault


def test_empty_tool_resources_are_no_reason_to_refuse(store: Store) -> None:
    """Many programs send the empty forms; they ask for nothing."""
    empty: dict[str, object] = {
        "code_interpreter": {"file_ids": []},
        "file_search": {"vector_store_ids": []},
    }
    tools = [{"type": name} for name in empty]
    request = parse(AssistantRequest, {"model": "m", "tools": tools, "tool_resources": empty})
    assert encode(store.assistants.create(request))["tool_resources"] == empty
    request = parse(AssistantRequest, {"model": "m", "tool_resources": empty})
    assert encode(store.assistants.create(request))["tool_resources"] == {}
    made = store.new_thread()
    message = parse(MessageRequest, {"role": "user", "content": "a", "attachments": []})
    assert store.messages.create(made, message).attachments == []
