"""Resources of the tools of assistants, threads and messages: checked, and created on request.

A request may name files and stores, and describe new stores; what is stored names them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from assistants_client._json.codec import encode
from assistants_client.engine.faults import Fault
from assistants_client.engine.services._base import Context, add_messages
from assistants_client.engine.services._contents import require_files
from assistants_client.engine.services._stores import (
    NewFile,
    is_expired,
    new_store,
    put_files,
    require_store,
)
from assistants_client.engine.storage.database import add, load, save
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import threads, vector_stores
from assistants_client.engine.storage.thread_index import put_metadata
from assistants_client.models.messages import Attachment, ImageFilePart, Message
from assistants_client.models.runs import Run
from assistants_client.models.threads import Thread
from assistants_client.models.tools import (
    CodeInterpreterResources,
    FileSearchResources,
    NewVectorStore,
    ToolResources,
)
from assistants_client.models.vector_stores import StoreExpiry, VectorStore

#: The expiry of a store that was created along with a thread.
THREAD_EXPIRY: Final = StoreExpiry(days=7)
#: The number of files that the code interpreter of one assistant or thread may reach.
_MOST_FILES: Final = 20


def resolve_resources(
    context: Context,
    connection: Connection,
    resources: ToolResources | None,
    *,
    at: str = "",
    expires_after: StoreExpiry | None = None,
) -> None:
    """Checks what resources name, and makes the stores that they describe, in their place.

    Args:
        context: The context of the services.
        connection: The transaction.
        resources: The resources as requested; changed to what is stored.
        at: The path of them in the body, such as ``thread.``.
        expires_after: The expiry of stores that are created here.

    Raises:
        Fault: A file or a store does not exist.
    """
    if resources is None:
        return
    code, search = resources.code_interpreter, resources.file_search
    if code is not None:
        path = f"{at}tool_resources.code_interpreter.file_ids[{{}}]"
        code.file_ids = code.file_ids or []
        require_files(context, connection, code.file_ids, path)
    if search is not None:
        path = f"{at}tool_resources.file_search"
        for number, store_id in enumerate(search.vector_store_ids or ()):
            param = f"{path}.vector_store_ids[{number}]"
            require_store(context, connection, store_id, param=param)
        for new in search.vector_stores or ():
            store = _made(context, connection, new, f"{path}.vector_stores[0]", expires_after)
            search.vector_store_ids = [store.id]
        search.vector_store_ids = search.vector_store_ids or []
        search.vector_stores = None


def refuse_new_stores(request: object, at: str = "") -> None:
    """Refuses to create stores where the protocol does not allow it.

    Raises:
        Fault: They are asked for.
    """
    resources = encode(request).get("tool_resources") or {}
    if "vector_stores" in (resources.get("file_search") or {}):
        path = f"{at}tool_resources.file_search.vector_stores"
        raise Fault(400, f"Unknown parameter: '{path}'.", "unknown_parameter", path)


def _made(
    context: Context,
    connection: Connection,
    new: NewVectorStore,
    path: str,
    expires_after: StoreExpiry | None,
) -> VectorStore:
    document: dict[str, Any] = encode(new)
    file_ids = document.get("file_ids") or []
    require_files(context, connection, file_ids, f"{path}.file_ids[{{}}]")
    now = context.now()
    store = new_store(
        connection,
        context.new_id("vs_"),
        now,
        context.caller.tenant,
        expires_after=expires_after,
        metadata=document.get("metadata"),
    )
    chunking = document.get("chunking_strategy")
    files = [NewFile(file_id=i, chunking_strategy=chunking) for i in dict.fromkeys(file_ids)]
    put_files(connection, store, files, now, context.caller.tenant)
    return store


def store_thread(
    context: Context, connection: Connection, thread: Thread, first: Sequence[Message], at: str = ""
) -> StoredJson[Thread]:
    """Stores a new thread with its first messages and their attachments.

    Returns:
        The thread as JSON, with what the attachments add.
    """
    resolve_resources(
        context, connection, thread.tool_resources, at=at, expires_after=THREAD_EXPIRY
    )
    stored = add(connection, threads, thread, tenant=context.caller.tenant)
    put_metadata(connection, thread.id, thread.metadata, is_new=True)
    _require_images(context, connection, first, f"{at}messages[{{}}].")
    if apply_attachments(context, connection, thread, first, f"{at}messages[{{}}]."):
        stored = StoredJson.of(thread)
    add_messages(connection, first)
    return stored


def apply_attachments(
    context: Context, connection: Connection, thread: Thread, messages: Sequence[Message], at: str
) -> bool:
    """Lets a thread's tools reach what is attached to its new messages.

    Files for the code interpreter join the thread's own; those for the file search go into the
    thread's store, which is made when there is none that can be used.

    Args:
        context: The context of the services.
        connection: The transaction.
        thread: The thread, which is stored already; it is changed, and stored again.
        messages: The messages.
        at: The path of the messages in the body: a ``{}`` in it is the number of each.

    Returns:
        Whether the thread was changed.

    Raises:
        Fault: An attachment names no file or no tool, or a file that does not exist.
    """
    code: list[str] = []
    search: list[str] = []
    for number, message in enumerate(messages):
        for place, attachment in enumerate(message.attachments):
            path = f"{at.format(number)}attachments[{place}]"
            _require_whole(attachment, path)
            file_id = attachment.file_id or ""
            require_files(context, connection, [file_id], f"{path}.file_id")
            kinds = {tool.type for tool in attachment.tools}
            code += [file_id] if "code_interpreter" in kinds else []
            search += [file_id] if "file_search" in kinds else []
    if not code and not search:
        return False
    resources = thread.tool_resources = thread.tool_resources or ToolResources()
    if code:
        known = resources.code_interpreter or CodeInterpreterResources()
        ids = list(dict.fromkeys([*(known.file_ids or ()), *code]))
        if len(ids) > _MOST_FILES:
            message_ = f"The code interpreter of a thread reaches at most {_MOST_FILES} files."
            raise Fault(400, message_, "array_above_max_length", f"{at.format(0)}attachments")
        resources.code_interpreter = CodeInterpreterResources(file_ids=ids)
    if search:
        store = _thread_store(context, connection, thread, resources)
        new = [NewFile(file_id=file_id) for file_id in dict.fromkeys(search)]
        put_files(connection, store, new, context.now(), context.caller.tenant)
        resources.file_search = FileSearchResources(vector_store_ids=[store.id])
    save(connection, threads, thread)
    return True


def attach(
    context: Context, connection: Connection, thread_id: str, messages: Sequence[Message], at: str
) -> None:
    """Applies the attachments of new messages of a thread, by its id; see `apply_attachments`.

    Raises:
        Fault: Also when an image of theirs is no file.
    """
    _require_images(context, connection, messages, at)
    if any(message.attachments for message in messages):
        thread = load(connection, threads, Thread, thread_id)
        if thread is not None:
            apply_attachments(context, connection, thread, messages, at)


def reachable(connection: Connection, run: Run) -> list[ToolResources]:
    """Returns the resources of a run's tools: the run's (its assistant's), then its thread's."""
    thread = load(connection, threads, Thread, run.thread_id)
    both = (run.tool_resources, None if thread is None else thread.tool_resources)
    return [resources for resources in both if resources is not None]


def _require_images(
    context: Context, connection: Connection, messages: Sequence[Message], at: str
) -> None:
    for number, message in enumerate(messages):
        for place, part in enumerate(message.content):
            if isinstance(part, ImageFilePart):
                path = f"{at.format(number)}content[{place}].image_file.file_id"
                require_files(context, connection, [part.image_file.file_id], path)


def _thread_store(
    context: Context, connection: Connection, thread: Thread, resources: ToolResources
) -> VectorStore:
    search = resources.file_search
    for store_id in (search.vector_store_ids or ()) if search is not None else ():
        store = load(connection, vector_stores, VectorStore, store_id)
        if store is not None and not is_expired(store, context.clock()):
            return store
    # The thread may be another tenant's, where the caller sees those of all.
    tenant = thread_tenant(connection, thread.id)
    store_id = context.new_id("vs_")
    return new_store(connection, store_id, context.now(), tenant, expires_after=THREAD_EXPIRY)


def thread_tenant(connection: Connection, thread_id: str) -> str | None:
    """Returns the tenant of a thread, if it has one: that of all that is made within it."""
    query = select(threads.c.tenant).where(threads.c.id == thread_id)
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def _require_whole(attachment: Attachment, path: str) -> None:
    for name in ("file_id", "tools"):
        if not getattr(attachment, name):
            message = f"Missing required parameter: '{path}.{name}'."
            raise Fault(400, message, "missing_required_parameter", f"{path}.{name}")
