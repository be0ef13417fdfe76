"""Takes objects of the protocol: by ``object``, else by the prefix of their id, else by their form.

Gaps are filled from what encloses an object: its thread, its run. Fields of the protocol's first
version and of Azure's library get today's names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Final

from assistants_client.transfer.found import Found, Kind
from assistants_client.transfer.reading.contents import (
    content_of,
    from_json_text,
    is_protocol_part,
    role_for_protocol,
    role_of,
)
from assistants_client.transfer.reading.state import Context, FileState, derived_id

KINDS: Final[dict[object, Kind]] = {
    "assistant": "assistant",
    "thread": "thread",
    "thread.message": "message",
    "thread.run": "run",
    "thread.run.step": "step",
    "file": "file",
    "vector_store": "vector_store",
    "vector_store.file": "vector_store_file",
}
#: Objects that stand between those of the protocol and say nothing of their own.
NO_OBJECTS: Final = frozenset(("export", "export.end", "thread.deleted", "thread.message.deleted"))
#: Members of threads and runs that are objects of their own.
INNER: Final = ("messages", "Messages", "runs", "steps", "run_steps", "vector_store_files")
#: What some servers and scripts write for an id that there is not.
_NO_IDS = frozenset(("", "null", "None", "none", "undefined"))
#: Names that scripts give the time.
_TIMES: Final = ("createdAt", "timestamp", "created", "createdDate", "time")
#: Literals of Python that are read, such as the tools that a migration tool takes.
_LITERAL = 64 * 1024


def kind_of(value: dict[str, Any]) -> Kind | None:
    """Returns the kind of an object of the protocol, or nothing where it is none."""
    name = value.get("object")
    if name:
        return KINDS.get(name) if isinstance(name, str) else None
    id_ = value.get("id")
    if isinstance(id_, str):
        kind = _kind_by_id(id_, value)
        if kind is not None:
            return kind
    content = value.get("content")
    if isinstance(content, list) and "role" in value and "tool_calls" not in value:
        return "message" if any(map(is_protocol_part, content)) else None
    return None


def _kind_by_id(id_: str, value: dict[str, Any]) -> Kind | None:
    prefix = "file" if id_.startswith("file-") else id_.partition("_")[0]
    if prefix == "msg":
        return "message" if _is_message(value) else None
    if prefix == "file" and "vector_store_id" in value:
        return "vector_store_file"
    kind, fields = _BY_PREFIX.get(prefix, (None, frozenset()))
    is_thread = kind == "thread" and not {"role", "message"} & value.keys()
    return kind if is_thread or fields & value.keys() else None


#: By prefix of ids: the kind, and fields of which an object of it has at least one.
_BY_PREFIX: Final[dict[str, tuple[Kind, frozenset[str]]]] = {
    "thread": ("thread", frozenset()),
    "asst": ("assistant", frozenset(("model", "instructions", "tools"))),
    "run": ("run", frozenset(("status",))),
    "step": ("step", frozenset(("step_details", "run_id"))),
    "vs": ("vector_store", frozenset(("name", "file_counts", "status"))),
    "file": ("file", frozenset(("filename",))),
}


def _is_message(value: dict[str, Any]) -> bool:
    """Returns whether something with a message's id is the protocol's, and not a chat's."""
    if "content" not in value or "tool_calls" in value or role_of(value.get("role")) == "call":
        return False
    content = value["content"]
    return not content or isinstance(content, str) or any(map(is_protocol_part, content))


class Protocol:
    """Takes objects of the protocol out of one file."""

    def __init__(self, state: FileState) -> None:
        self._state = state

    def take(self, kind: Kind, value: dict[str, Any], context: Context) -> Iterator[Found]:
        """Yields the object, and what has to be there for it."""
        if kind == "message":
            yield self._message(value, context)
        elif kind == "run":
            yield self._run(value, context)
        elif kind == "step":
            yield self._step(value, context)
        elif kind == "assistant":
            yield from self._assistant(value)
        else:
            if kind == "thread":
                value = {name: one for name, one in value.items() if name not in INNER}
                changes = dict[str, Any]()
                self._fill_time(value, changes)
                value.update(changes)
            elif kind == "vector_store_file":
                self._state.keys.placed.add(
                    (str(value.get("vector_store_id")), str(value.get("id")))
                )
            key = _id(value.get("id")) if kind == "thread" else None
            yield self._state.found("protocol", kind, value, thread_key=key)

    def _message(self, value: dict[str, Any], context: Context) -> Found:
        state = self._state
        id_ = value.get("id")

        def lose(code: str, field: str, note: str | None = None) -> None:
            state.lose(code, kind="message", id_=id_, name=field, note=note)

        changes: dict[str, Any] = {}
        thread = _id(value.get("thread_id")) or context.thread_key
        if thread is None:
            thread = state.file_key()
        if thread != value.get("thread_id"):
            changes["thread_id"] = thread
        self._fill_time(value, changes)
        role, kept = role_for_protocol(value.get("role"), lose)
        if role != value.get("role"):
            changes["role"] = role
        if kept:
            changes["metadata"] = {**_dict(value.get("metadata")), **kept}
        content = content_of(value.get("content"), lose)
        if content.parts != value.get("content"):
            changes["content"] = content.parts
        old = value.get("file_ids")
        attachments = [*(_list(value.get("attachments"))), *content.attachments]
        if isinstance(old, list) and old:
            lose("v1_mapped", "file_ids", f"{len(old)} files, now attachments")
            known = {one.get("file_id") for one in attachments if isinstance(one, dict)}
            tools = [{"type": "file_search"}]
            attachments += [{"file_id": one, "tools": tools} for one in old if one not in known]
        if len(attachments) != len(_list(value.get("attachments"))):
            changes["attachments"] = attachments
        self._fill_ids(value, changes)
        document = {**value, **changes} if changes else value
        for name in ("file_ids", "agent_id"):
            if name in document:
                document = {key: one for key, one in document.items() if key != name}
        return state.found(
            "protocol", "message", document, thread_key=thread, direction=context.direction
        )

    def _fill_ids(self, value: dict[str, Any], changes: dict[str, Any]) -> None:
        """Gives ids of assistants and runs today's names, and takes words for none as none."""
        for name in ("assistant_id", "run_id"):
            one = value.get(name)
            if one is not None and _id(one) is None:
                changes[name] = None
        agent = _id(value.get("agent_id"))
        if agent and not _id(value.get("assistant_id")):
            changes["assistant_id"] = agent

    def _fill_time(self, value: dict[str, Any], changes: dict[str, Any]) -> None:
        """Takes a time that stands under another name."""
        if value.get("created_at") is None:
            time = next((value[name] for name in _TIMES if value.get(name) is not None), None)
            if time is not None:
                changes["created_at"] = time

    def _run(self, value: dict[str, Any], context: Context) -> Found:
        changes: dict[str, Any] = {}
        thread = _id(value.get("thread_id")) or context.thread_key
        if thread != value.get("thread_id"):
            changes["thread_id"] = thread
        self._fill_ids(value, changes)
        calls = value.get("tool_calls")
        if isinstance(calls, list) and calls and not value.get("required_action"):
            changes["required_action"] = {
                "type": "submit_tool_outputs",
                "submit_tool_outputs": {"tool_calls": calls},
            }
        if isinstance(value.get("tools"), (list, str)):
            self._tools(value, changes, "run")
        drop = {"agent_id", "tool_calls", *INNER}
        document = {**value, **changes} if changes else value
        if drop & document.keys():
            document = {name: one for name, one in document.items() if name not in drop}
        return self._state.found("protocol", "run", document, thread_key=thread)

    def _step(self, value: dict[str, Any], context: Context) -> Found:
        changes: dict[str, Any] = {}
        thread = _id(value.get("thread_id")) or context.thread_key
        run = _id(value.get("run_id")) or context.run_key
        self._fill_ids(value, changes)
        if thread != value.get("thread_id"):
            changes["thread_id"] = thread
        if run != value.get("run_id"):
            changes["run_id"] = run
        details = value.get("step_details")
        calls = details.get("tool_calls") if isinstance(details, dict) else None
        if isinstance(calls, list) and any(_is_retrieval(one) for one in calls):
            self._state.lose("v1_mapped", kind="step", id_=value.get("id"), name="step_details")
            mapped = [_search_call(one) if _is_retrieval(one) else one for one in calls]
            changes["step_details"] = {**_dict(details), "tool_calls": mapped}
        document = {**value, **changes} if changes else value
        if "agent_id" in document:
            document = {name: one for name, one in document.items() if name != "agent_id"}
        return self._state.found("protocol", "step", document, thread_key=thread, run_key=run)

    def _assistant(self, value: dict[str, Any]) -> Iterator[Found]:
        state, changes, id_ = self._state, dict[str, Any](), value.get("id")
        self._tools(value, changes, "assistant")
        old = value.get("file_ids")
        if isinstance(old, list) and old:
            state.lose("v1_mapped", kind="assistant", id_=id_, name="file_ids")
            tools = changes.get("tools", value.get("tools"))
            kinds = {one.get("type") for one in _list(tools) if isinstance(one, dict)}
            resources = dict(_dict(value.get("tool_resources")))
            if "code_interpreter" in kinds:
                resources.setdefault("code_interpreter", {"file_ids": old})
            if "file_search" in kinds and not _dict(resources.get("file_search")):
                # The first version searched an assistant's files, without a store around them.
                store = derived_id("vs_", "files of an assistant", id_, old)
                resources["file_search"] = {"vector_store_ids": [store]}
                document = {"id": store, "object": "vector_store", "name": f"Files of {id_}"}
                if "created_at" in value:
                    document["created_at"] = value["created_at"]
                yield state.found("protocol", "vector_store", document)
                for one in old:
                    inner = {"id": one, "object": "vector_store.file", "vector_store_id": store}
                    yield state.found("protocol", "vector_store_file", inner)
            changes["tool_resources"] = resources
        form = value.get("response_format")
        if isinstance(form, str) and form != "auto":
            parsed = from_json_text(form)
            changes["response_format"] = parsed if isinstance(parsed, dict) else {"type": form}
        document = {**value, **changes} if changes else value
        if "file_ids" in document:
            document = {name: one for name, one in document.items() if name != "file_ids"}
        yield state.found("protocol", "assistant", document)

    def _tools(self, value: dict[str, Any], changes: dict[str, Any], kind: str) -> None:
        """Gives tools the form of today: objects, and ``file_search`` for ``retrieval``."""
        tools = value.get("tools")
        if isinstance(tools, str):
            tools = _literal(tools)
        if not isinstance(tools, list):
            if tools is not None:
                changes["tools"] = []
                self._state.lose("tool_unknown", kind=kind, id_=value.get("id"), name="tools")
            return
        mapped = []
        for given in tools:
            one = {"type": given} if isinstance(given, str) else given
            if isinstance(one, dict) and one.get("type") == "retrieval":
                self._state.lose("v1_mapped", kind=kind, id_=value.get("id"), name="tools")
                one = {"type": "file_search"}
            mapped.append(one)
        if mapped != value.get("tools"):
            changes["tools"] = mapped


def _id(value: object) -> str | None:
    """Returns an id, or nothing for what stands for none."""
    return value if isinstance(value, str) and value not in _NO_IDS else None


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_retrieval(call: object) -> bool:
    return isinstance(call, dict) and call.get("type") == "retrieval"


def _search_call(call: dict[str, Any]) -> dict[str, Any]:
    inner = _dict(call.get("retrieval"))
    others = {name: one for name, one in call.items() if name != "retrieval"}
    return {**others, "type": "file_search", "file_search": inner}


def _literal(text: str) -> Any:
    """Returns what a text says in JSON, or in Python, or nothing."""
    value = from_json_text(text)
    if isinstance(value, str) and len(value) <= _LITERAL:
        try:
            value = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return [text] if text.isidentifier() else text
    return value
