"""Reads conversations that are trees: ChatGPT's account export, and LibreChat's.

A question that was asked again, or answered again, has several versions. One path is a thread: the
current one, or that to the newest message. Other messages are counted, or make threads as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from assistants_client.transfer.found import Found
from assistants_client.transfer.reading.chat import Chat
from assistants_client.transfer.reading.contents import (
    as_json,
    attachment,
    is_protocol_part,
    role_of,
)
from assistants_client.transfer.reading.state import FileState
from assistants_client.transfer.reading.turns import Call, Turn

#: Branches of one conversation that become threads; each is as long as the conversation.
BRANCHES: Final = 1000


@frozen
class _Node:
    """A message, and the one before it.

    Attributes:
        parent: Its id.
        turn: The message; nothing for what only holds the tree together.
        age: Grows with time, and is less for what was not finished.
    """

    parent: str | None
    turn: Turn | None
    age: tuple[bool, float | str]


def is_chatgpt(value: Mapping[str, Any]) -> bool:
    """Returns whether a value is a conversation of ChatGPT's account export."""
    mapping = value.get("mapping")
    return isinstance(mapping, dict) and all(isinstance(one, dict) for one in mapping.values())


def is_librechat(value: Mapping[str, Any]) -> bool:
    """Returns whether a value is a conversation that LibreChat wrote."""
    return "conversationId" in value and (
        isinstance(value.get("messagesTree"), list)
        or (
            isinstance(value.get("messages"), list)
            and any(isinstance(one, dict) and "messageId" in one for one in value["messages"])
        )
    )


class Trees:
    """Takes trees out of one file."""

    def __init__(self, state: FileState) -> None:
        self._state = state

    def chatgpt(self, value: dict[str, Any]) -> Iterator[Found]:
        """Yields a conversation of ChatGPT's."""
        key = next(
            (value[name] for name in ("conversation_id", "id") if isinstance(value.get(name), str)),
            None,
        ) or self._state.keys.of_content(value.get("title"), value.get("create_time"))
        nodes = {}
        for id_, node in value["mapping"].items():
            message = node.get("message")
            turn = self._chatgpt_turn(message) if isinstance(message, dict) else None
            parent = node.get("parent")
            time = message.get("create_time") if isinstance(message, dict) else None
            nodes[id_] = _Node(
                parent if isinstance(parent, str) else None,
                turn,
                (True, float(time) if isinstance(time, (int, float)) else 0.0),
            )
        current = value.get("current_node")
        title = {"title": value["title"]} if isinstance(value.get("title"), str) else {}
        thread = {"id": key, "metadata": title}
        if value.get("create_time") is not None:
            thread["created_at"] = value["create_time"]
        yield from self._threads(thread, nodes, current if isinstance(current, str) else None)

    def _chatgpt_turn(self, message: dict[str, Any]) -> Turn | None:
        author, content = message.get("author"), message.get("content")
        role = author.get("role") if isinstance(author, dict) else None
        if not isinstance(content, dict):
            return None
        id_ = message.get("id") if isinstance(message.get("id"), str) else None
        kind, parts = content.get("content_type"), content.get("parts")
        if isinstance(parts, list):
            found = [made for part in parts if (made := self._part(part, id_)) is not None]
        else:
            text = content.get("text") or content.get("result")
            found = [text] if isinstance(text, str) and text else []
        metadata = message.get("metadata")
        hidden = isinstance(metadata, dict) and metadata.get("is_visually_hidden_from_conversation")
        if not found or hidden:
            return None
        if role_of(role) in {"user", "assistant"} and kind not in {"thoughts", "reasoning_recap"}:
            return Turn(role=role, content=found, id=id_, time=message.get("create_time"))
        note = str(kind) if isinstance(kind, str) and kind.isidentifier() else "unknown"
        self._state.lose("part_dropped", kind="message", id_=id_, note=f"not shown: {note}")
        return None

    def _part(self, part: object, id_: str | None) -> object:
        if isinstance(part, str):
            return part or None
        fields = part if isinstance(part, dict) else {}
        pointer = fields.get("asset_pointer")
        if isinstance(pointer, str):
            file_id = pointer.partition("://")[2].partition("?")[0]
            if file_id and "image" in str(fields.get("content_type")):
                return {"type": "image_file", "image_file": {"file_id": file_id}}
        self._state.lose("part_dropped", kind="message", id_=id_, name="content")
        return None

    def librechat(self, value: dict[str, Any]) -> Iterator[Found]:
        """Yields a conversation of LibreChat's."""
        listed = value.get("messages") or value.get("messagesTree") or []
        messages = list(_flat(listed, None))
        threads = [one["thread_id"] for one, _ in messages if isinstance(one.get("thread_id"), str)]
        key = threads[0] if threads else str(value["conversationId"])
        nodes = {}
        for message, parent in messages:
            id_ = str(message.get("messageId"))
            time = message.get("createdAt")
            is_whole = not (message.get("unfinished") or message.get("error"))
            above = message.get("parentMessageId")
            nodes[id_] = _Node(
                above if isinstance(above, str) else parent,
                self._librechat_turn(message, id_),
                (is_whole, time if isinstance(time, str) else ""),
            )
        title = {"title": value["title"]} if isinstance(value.get("title"), str) else {}
        yield from self._threads({"id": key, "metadata": title}, nodes, None)

    def _librechat_turn(self, message: dict[str, Any], id_: str) -> Turn:
        role = "user" if message.get("isCreatedByUser") else "assistant"
        model = message.get("model")
        others: dict[str, Any] = {}
        if role == "assistant" and isinstance(model, str) and model.startswith("asst_"):
            others["assistant_id"] = model
        files = message.get("files")
        ids = [one.get("file_id") for one in files or [] if isinstance(one, dict)]
        attachments = [attachment(one) for one in ids if isinstance(one, str)]
        if attachments:
            others["attachments"] = attachments
        parts, calls = [], []
        content = message.get("content")
        for part in content if isinstance(content, list) else []:
            call = part.get("tool_call") if isinstance(part, dict) else None
            if isinstance(call, dict):
                calls.append(_librechat_call(call))
            elif isinstance(part, dict) and part.get("type") == "image_file":
                inner = part.get("image_file")
                known = inner.get("file_id") if isinstance(inner, dict) else None
                parts.append({"type": "image_file", "image_file": {"file_id": known}})
            elif is_protocol_part(part) or not isinstance(part, dict):
                parts.append(part)
            elif part.get("type") == "error":
                self._state.lose("part_dropped", kind="message", id_=id_, note="an error's text")
            else:
                parts.append(part)
        text = message.get("text")
        return Turn(
            role=role,
            content=parts or (text if isinstance(text, str) else None),
            id=id_,
            time=message.get("createdAt"),
            calls=calls,
            others=others,
        )

    def _threads(
        self, thread: dict[str, Any], nodes: Mapping[str, _Node], current: str | None
    ) -> Iterator[Found]:
        """Yields the thread of the current path, and of the others or what they hold."""
        leaves = _leaves(nodes)
        leaf = current
        if leaf not in nodes and leaves:
            leaf = max(leaves, key=lambda one: nodes[one].age)
        path = _path(nodes, leaf, set())
        yield from self._thread(thread, nodes, path)
        seen = set(path)
        branches = [one for one in leaves if one not in seen]
        if self._state.options.branches:
            for other in branches[:BRANCHES]:
                made = {**thread, "id": f"{thread['id']}-{other}"}
                yield from self._thread(made, nodes, _path(nodes, other, set()))
            branches = branches[BRANCHES:]
        for other in branches:
            for id_ in _path(nodes, other, seen):
                seen.add(id_)
                if nodes[id_].turn is not None:
                    self._state.lose("branch_left_out", kind="message", id_=id_)

    def _thread(
        self, thread: dict[str, Any], nodes: Mapping[str, _Node], path: list[str]
    ) -> Iterator[Found]:
        key = str(thread["id"])
        document = {"object": "thread", **thread}
        yield self._state.found("tree", "thread", document, thread_key=key)
        chat = Chat(self._state, key, "tree")
        for id_ in path:
            turn = nodes[id_].turn
            if turn is not None:
                yield from chat.feed(turn)
        yield from chat.end()


def _leaves(nodes: Mapping[str, _Node]) -> list[str]:
    """Returns the ids of messages that nothing follows; all of them in a circle."""
    parents = {node.parent for node in nodes.values()}
    return [id_ for id_ in nodes if id_ not in parents] or list(nodes)


def _path(nodes: Mapping[str, _Node], leaf: str | None, known: set[str]) -> list[str]:
    """Returns the ids from the first message, or the first after known ones, to this one."""
    path: dict[str, None] = {}
    here = leaf
    while here is not None and here in nodes and here not in path and here not in known:
        path[here] = None
        here = nodes[here].parent
    return list(path)[::-1]


def _flat(messages: list[Any], parent: str | None) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Yields the messages of a list, and those that stand inside of them, with their parents."""
    waiting = [(one, parent) for one in reversed(messages)]
    while waiting:
        message, above = waiting.pop()
        if not isinstance(message, dict):
            continue
        yield message, above
        children = message.get("children")
        if isinstance(children, list):
            id_ = str(message.get("messageId"))
            waiting += [(one, id_) for one in reversed(children)]


def _librechat_call(call: dict[str, Any]) -> Call:
    """Returns a call with its output, where it has one."""
    id_ = call.get("id") if isinstance(call.get("id"), str) else None
    inner = call.get("code_interpreter")
    if isinstance(inner, dict):
        step = {"id": id_, "type": "code_interpreter", "code_interpreter": inner}
        return Call(id_, "code_interpreter", "", step)
    if call.get("type") in {"file_search", "retrieval"}:
        return Call(id_, "file_search", "", {"id": id_, "type": "file_search", "file_search": {}})
    function = call.get("function")
    fields = {**call, **(function if isinstance(function, dict) else {})}
    name, arguments = str(fields.get("name")), as_json(fields.get("args", fields.get("arguments")))
    output = fields.get("output")
    if output is None:
        return Call(id_, name, arguments)
    made = {"name": name, "arguments": arguments, "output": as_json(output)}
    return Call(id_, name, arguments, {"id": id_, "type": "function", "function": made})
