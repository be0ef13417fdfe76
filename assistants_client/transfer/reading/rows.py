"""Makes messages of the rows of a table, also of a question and its answer in one row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from attrs import evolve

from assistants_client.transfer.found import Found
from assistants_client.transfer.reading.chat import Chat
from assistants_client.transfer.reading.columns import Columns, columns_of
from assistants_client.transfer.reading.contents import (
    as_json,
    attachment,
    from_json_text,
    role_of,
    text_part,
)
from assistants_client.transfer.reading.state import Context, FileState
from assistants_client.transfer.reading.turns import Call, Turn, turn_of

#: Columns with files, pictures and links: their bytes are elsewhere.
_MEDIA: Final = (
    *("files", "filePaths", "fileUploads", "fileAnnotations", "artifacts"),
    *("message_files", "images"),
)
#: Columns with calls of tools and their outputs, which become steps.
_CALLS: Final = frozenset(("usedTools", "tool_calls", "tool_call_id", "function_call"))
_DJANGO: Final = frozenset(("model", "pk", "fields"))
#: A table has few headers; what has more is none.
_HEADERS: Final = 1000


class Rows:
    """Takes rows out of one file.

    Args:
        state: Of the file.
        chat: Returns the chat of a thread.
    """

    def __init__(self, state: FileState, chat: Callable[[str, str | None], Chat]) -> None:
        self._state = state
        self._chat = chat
        self._known: dict[tuple[str, ...], Columns] = {}

    def columns(self, row: Mapping[str, Any]) -> Columns:
        """Returns what the columns of a row are."""
        names = tuple(row)
        known = self._known.get(names)
        if known is None:
            if len(self._known) >= _HEADERS:
                self._known.clear()
            known = self._known[names] = columns_of(names, self._state.options.columns)
        return known

    def unwrapped(self, row: dict[str, Any]) -> dict[str, Any]:
        """Returns the fields of a row that stands in a dump of Django's."""
        if row.keys() == _DJANGO and isinstance(row["fields"], dict):
            return {**row["fields"], "pk": row["pk"]}
        return row

    def is_row(self, row: dict[str, Any]) -> bool:
        """Returns whether a value is a message, or a question and its answer, by its columns."""
        row = self.unwrapped(row)
        columns = self.columns(row)
        names = columns.by_field
        if columns.is_pair:
            pair = (row[names["question"]], row[names["answer"]])
            return all(one is None or isinstance(one, str) for one in pair) and any(pair)
        if "text" not in names:
            return False
        if "role" in names:
            value = row[names["role"]]
            if role_of(value) is not None:
                return True
            # A word that says what a thing is says of messages whose they are, or nothing.
            return isinstance(value, str) and names["role"].lower() not in {"type", "from"}
        text = from_json_text(row[names["text"]])
        return isinstance(text, dict) and turn_of(text) is not None

    def has_thread(self, row: dict[str, Any]) -> bool:
        """Returns whether a column of the row says its thread."""
        return "thread" in self.columns(self.unwrapped(row)).by_field

    def take(self, row: dict[str, Any], context: Context) -> Iterator[Found]:
        """Yields what a row is."""
        row = self.unwrapped(row)
        columns = self.columns(row)
        names = columns.by_field
        key = self._thread(row, columns, context)
        assistant = row.get(names.get("assistant", ""))
        assistant = assistant if isinstance(assistant, str) and assistant else context.assistant_id
        chat = self._chat(key, assistant)
        for turn in self._turns(row, columns):
            yield from chat.feed(turn, context.direction, names)

    def _thread(self, row: dict[str, Any], columns: Columns, context: Context) -> str:
        column = columns.by_field.get("thread")
        if column is None:
            return context.thread_key or self._state.file_key()
        value = row[column]
        if isinstance(value, dict):
            value = value.get("id")
        if value in (None, ""):
            # No key: rows that only have this in common are no conversation.
            return context.thread_key or self._state.keys.of_content(row)
        return str(value)

    def _turns(self, row: dict[str, Any], columns: Columns) -> Iterator[Turn]:
        """Yields the one message of a row, or the two."""
        names = columns.by_field
        metadata = self._metadata(row, columns)
        id_ = row.get(names.get("id", ""))
        if isinstance(id_, str) and id_ and not id_.isdecimal() and not columns.is_pair:
            base = Turn(id=id_)
        else:
            # A number is no id beyond its table; one id cannot be that of two messages.
            base = Turn()
            if id_ not in (None, ""):
                metadata[names["id"]] = id_
        run = row.get(names.get("run", ""))
        others = {"run_id": run} if isinstance(run, str) and run else {}
        base = evolve(base, time=row.get(names.get("time", "")), metadata=metadata, others=others)
        if columns.is_pair:
            question, answer = row[names["question"]], row[names["answer"]]
            if question:
                yield evolve(base, role="user", content=question)
            else:
                self._state.lose("text_only", kind="message", name=names["question"], note="empty")
            if answer:
                yield evolve(base, role="assistant", content=answer)
            else:
                self._state.lose("text_only", kind="message", name=names["answer"], note="empty")
            return
        yield self._message(row, columns, base)

    def _message(self, row: dict[str, Any], columns: Columns, base: Turn) -> Turn:
        names = columns.by_field
        text = row[names["text"]]
        inner = _unpacked(text)
        role = row.get(names.get("role", ""))
        if isinstance(inner, dict):
            turn = turn_of(inner)
            if turn is not None:
                return evolve(
                    turn,
                    id=base.id or turn.id,
                    time=turn.time if base.time is None else base.time,
                    metadata=base.metadata,
                    role=turn.role if role_of(role) is None else role,
                )
            text = inner.get("text", inner.get("content", inner))
        elif isinstance(inner, list):
            text = inner
        parts, attachments = self._media(row)
        if parts:
            text = [*([text_part(text)] if isinstance(text, str) and text else []), *parts]
        others = {**base.others, **({"attachments": attachments} if attachments else {})}
        base = evolve(base, role=role, content=text, others=others)
        as_turn = turn_of(row)
        if as_turn is not None:
            base = evolve(base, calls=as_turn.calls, answers=as_turn.answers, name=as_turn.name)
        used = row.get("usedTools")
        if isinstance(used, list):
            base = evolve(base, calls=[_used(one) for one in used if isinstance(one, dict)])
        return base

    def _media(self, row: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Returns pictures and attachments beside the text; reports what is only a link or path."""
        parts, attachments = [], []
        for name in _MEDIA:
            value = from_json_text(row.get(name))
            for one in value if isinstance(value, list) else []:
                fields = one if isinstance(one, dict) else {"path": one}
                urls = [fields.get(key) for key in ("src", "url", "data", "path", "filePath")]
                url = next((url for url in urls if isinstance(url, str)), "")
                if isinstance(fields.get("file_id"), str):
                    attachments.append(attachment(fields["file_id"]))
                elif url.startswith("data:image/"):
                    parts.append({"type": "image_url", "image_url": {"url": url}})
                else:
                    is_link = url.startswith(("http:", "https:"))
                    code = "link_not_fetched" if is_link else "attachment_without_bytes"
                    self._state.lose(code, kind="message", name=name)
        return parts, attachments

    def _metadata(self, row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
        """Returns what else a row says, without what names people and what looks like a key."""
        for name in columns.personal:
            if row[name] not in (None, ""):
                self._state.lose("personal_data_skipped", kind="message", name=name)
        for name in columns.secret:
            if row[name] not in (None, ""):
                self._state.lose("secret_skipped", kind="message", name=name)
        kept: dict[str, Any] = {}
        for name in columns.others:
            value = row[name]
            if value in (None, "", [], {}) or name in _MEDIA or name in _CALLS:
                continue
            if name == "metadata" and isinstance(value, dict):
                kept.update(value)
                continue
            if isinstance(value, str) and looks_secret(value):
                self._state.lose("secret_skipped", kind="message", name=name)
            else:
                kept[name] = value
        return kept


def looks_secret(value: str) -> bool:
    """Returns whether a text has the form of an API key."""
    return value.startswith(("sk-", "sess-")) and len(value) >= 20 and " " not in value


def _unpacked(text: object) -> object:
    """Returns the message or the parts that a cell holds as JSON; a text that is JSON stays one."""
    value = from_json_text(text)
    if isinstance(value, dict) and (not isinstance(text, str) or turn_of(value) is not None):
        return value
    if isinstance(value, list) and (
        not isinstance(text, str)
        or (value and all(isinstance(one, dict) and "type" in one for one in value))
    ):
        return value
    return None


def _used(value: dict[str, Any]) -> Call:
    """Returns a call of a tool that a flow reports with its output."""
    name = str(value.get("tool") or value.get("name") or "unknown")
    arguments = as_json(value.get("toolInput"))
    output = as_json(value.get("toolOutput"))
    function = {"name": name, "arguments": arguments, "output": output}
    return Call(None, name, arguments, {"type": "function", "function": function})
