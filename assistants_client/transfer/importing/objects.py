"""Objects of sources as the engine stores them: every field in form, within its limits. Pure.

Fields that a source has are kept as they are where they can be; what is absent has the value that
the engine would have given it. Keys that nobody knows are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import fields_dict, frozen

from assistants_client._json.codec import decode, encode
from assistants_client.models._base import EMPTY_AS_NULL, OMIT_IF_NONE, Struct
from assistants_client.models.assistants import Assistant
from assistants_client.models.files import File
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import ACTIVE_STATUSES, FINAL_STATUSES, Run
from assistants_client.models.threads import Thread
from assistants_client.models.vector_stores import VectorStore, VectorStoreFile
from assistants_client.transfer.importing.contents import Contents, Report
from assistants_client.transfer.importing.times import Times

Document = dict[str, Any]

_PAIRS: Final = 16
_KEY: Final = 64
_VALUE: Final = 512
#: Where the id stands in metadata that an object had before.
WAS: Final = "was"

_CLASSES: Final[Mapping[str, type[Struct]]] = {
    "assistant": Assistant,
    "thread": Thread,
    "message": Message,
    "run": Run,
    "step": RunStep,
    "file": File,
    "vector_store": VectorStore,
    "vector_store_file": VectorStoreFile,
}
_OBJECTS: Final = {kind: fields_dict(cls)["object"].default for kind, cls in _CLASSES.items()}
#: The kinds of which there are many: what is complete already is not read and written once more.
_OFTEN: Final = ("message", "run", "step")
#: The fields that objects of a kind always have.
_ALWAYS: Final = {
    kind: {
        name
        for name, field in fields_dict(_CLASSES[kind]).items()
        if not name.startswith("_") and OMIT_IF_NONE.items() - field.metadata.items()
    }
    for kind in _OFTEN
}
_EMPTY_AS_NULL: Final = {
    kind: [
        name
        for name, field in fields_dict(_CLASSES[kind]).items()
        if not EMPTY_AS_NULL.items() - field.metadata.items()
    ]
    for kind in _OFTEN
}
#: No time in seconds is as late.
_SECONDS: Final = 100_000_000_000
#: The fields that hold times, of all kinds together.
_TIMES: Final = (
    "created_at", "completed_at", "incomplete_at", "started_at", "expires_at", "expired_at",
    "failed_at", "cancelled_at", "last_active_at",
)  # fmt: skip
#: What is filled in where a source has nothing.
_DEFAULTS: Final[Mapping[str, Document]] = {
    "assistant": {
        "tools": [],
        "tool_resources": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
    },
    "thread": {"tool_resources": {}},
    "message": {"status": "completed"},
    "run": {
        "truncation_strategy": {"type": "auto"},
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    },
    "file": {"status": "processed", "purpose": "assistants"},
}
#: The tools that the engine knows.
_TOOLS: Final = frozenset({"code_interpreter", "file_search", "function"})
#: Names of models that no service of the protocol serves any more begin with these.
_GONE: Final = ("gpt-3.5", "gpt-4-", "text-davinci")
#: The roles of the protocol, by what sources call them; of others, who speaks to whom decides.
ROLES: Final = {"user": "user", "assistant": "assistant"}
_OTHER_ROLES: Final = {
    "ai": "assistant",
    "agent": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "tool": "assistant",
    "function": "assistant",
    "messagerole.agent": "assistant",
    "messagerole.assistant": "assistant",
    "outgoing": "assistant",
    "apimessage": "assistant",
}


def role_of(role: object) -> tuple[str, bool]:
    """Returns the protocol's role for a source's, and whether it is another one."""
    if isinstance(role, str):
        if role in ROLES:
            return role, False
        return _OTHER_ROLES.get(role.strip().lower(), "user"), True
    return "user", True


@frozen
class Forms:
    """Brings documents into the form in which they are stored.

    Attributes:
        times: Reads times; those that the source could be refused for were read before.
        model_map: Models' names and what assistants have in their place.
    """

    times: Times
    model_map: Mapping[str, str]

    def body(
        self, kind: str, document: Document, created_at: int, report: Report, **fields: Any
    ) -> Document:
        """Returns an object's document.

        Args:
            kind: What it is.
            document: Its document as it was read.
            created_at: Its time.
            report: Reports losses.
            fields: Fields that are known: its id, and those of what it belongs to.
        """
        made = {**_DEFAULTS.get(kind, {}), **document, **fields}
        for name in _TIMES:
            value = made.get(name)
            if value is None or (type(value) is int and 0 < value < _SECONDS):
                continue
            seconds = self.times.read(value).seconds
            made[name] = None if seconds is None else int(seconds)
        made["created_at"] = created_at
        if kind == "message" and "completed_at" not in document and made["status"] == "completed":
            made["completed_at"] = created_at
        made["object"] = _OBJECTS[kind]
        if kind in ("file", "vector_store_file"):
            made.pop("metadata", None) if not made.get("metadata") else None
        else:
            made["metadata"] = metadata(made.get("metadata"), report)
        if kind in _OFTEN and made.keys() >= _ALWAYS[kind]:
            for name in _EMPTY_AS_NULL[kind]:
                if made[name] == {}:
                    made[name] = None
            return made  # it is as complete as the classes would make it
        shown: Document = encode(decode(_CLASSES[kind], made))
        return shown

    def assistant(self, document: Document, report: Report) -> Document:
        """Returns an assistant's own fields in form."""
        made = self._tools(dict(document), report)
        model = made.get("model")
        if isinstance(model, str) and model in self.model_map:
            made["model"] = self.model_map[model]
        elif isinstance(model, str) and model:
            if model == "gpt-4" or model.startswith(_GONE):
                report("model_gone", "model", model)
            elif self.model_map:
                report("model_unmapped", "model", model)
        return made

    def _tools(self, made: Document, report: Report) -> Document:
        """Returns the tools and what belongs to them, those of the first version mapped."""
        tools = _parsed(made.get("tools"))
        kept: list[Any] = []
        for number, tool in enumerate(tools if isinstance(tools, list) else ()):
            one = {"type": tool} if isinstance(tool, str) else tool
            if not isinstance(one, dict) or not isinstance(one.get("type"), str):
                report("part_dropped", f"tools[{number}]", "a tool without a type")
                continue
            if one["type"] == "retrieval":
                report("v1_mapped", f"tools[{number}]", "retrieval is file_search")
                one = {"type": "file_search"}
            elif one["type"] not in _TOOLS:
                report("tool_unknown", f"tools[{number}]", one["type"][:80])
            elif one["type"] == "function" and not isinstance(one.get("function"), dict):
                names = ("name", "description", "parameters", "strict")
                function = {name: one[name] for name in names if name in one}
                if not isinstance(function.get("name"), str):
                    report("part_dropped", f"tools[{number}]", "a function without a name")
                    continue
                one = {"type": "function", "function": function}
            kept.append(one)
        if tools not in (None, [], "") and not isinstance(tools, list):
            report("part_dropped", "tools", f"they are of the type {type(tools).__name__}")
        made["tools"] = kept
        file_ids = made.pop("file_ids", None)
        if file_ids and isinstance(file_ids, list):
            report("v1_mapped", "file_ids", f"{len(file_ids)} files")
            if any(tool["type"] == "code_interpreter" for tool in kept):
                resources = dict(made.get("tool_resources") or {})
                resources.setdefault("code_interpreter", {"file_ids": file_ids[:20]})
                made["tool_resources"] = resources
        response_format = _parsed(made.get("response_format"))
        if isinstance(response_format, str) and response_format != "auto":
            response_format = {"type": response_format}
        if response_format is not None:
            made["response_format"] = response_format
        return made

    def message(self, document: Document, contents: Contents, report: Report) -> Document:
        """Returns a message's own fields in form."""
        made = dict(document)
        role, is_mapped = role_of(made.get("role"))
        if is_mapped:
            report("role_mapped", "role", f"{str(made.get('role'))[:40]} is {role}")
        made["role"] = role
        made["content"] = contents.parts(made.get("content"))
        for name in ("run_id", "assistant_id"):
            if made.get(name) is not None and not (isinstance(made[name], str) and made[name]):
                made[name] = None
        file_ids = made.pop("file_ids", None)
        if file_ids and isinstance(file_ids, list) and not made.get("attachments"):
            report("v1_mapped", "file_ids", f"{len(file_ids)} files")
            tools = [{"type": "file_search"}]
            made["attachments"] = [{"file_id": one, "tools": tools} for one in file_ids]
        made["attachments"] = self._attachments(made.get("attachments"), contents, report)
        if made.get("status") == "in_progress":
            made["status"] = "incomplete"
            made["incomplete_details"] = {"reason": "run_expired"}
        return made

    def _attachments(
        self, attachments: object, contents: Contents, report: Report
    ) -> list[Document]:
        kept: list[Document] = []
        for number, one in enumerate(attachments if isinstance(attachments, list) else ()):
            if not isinstance(one, dict) or not isinstance(one.get("file_id"), str):
                report("part_dropped", f"attachments[{number}]", "it names no file")
                continue
            tools = one.get("tools")
            kept.append({**one, "tools": _typed(tools)})
            contents.named.append((one["file_id"], "attachment_without_bytes"))
        return kept

    def run(self, document: Document, report: Report) -> Document:
        """Returns a run's own fields in form: one that was under way has expired."""
        made = self._tools(dict(document), lambda *_: None)
        made["assistant_id"] = made.get("assistant_id") or ""  # as a run has it that names none
        status = made.get("status")
        if status in ACTIVE_STATUSES or not isinstance(status, str) or not status:
            report("run_closed", "status", str(status)[:40])
            made.update(status="expired", required_action=None, expires_at=None)
        elif status in FINAL_STATUSES:
            made["required_action"] = None
        return made

    def step(self, document: Document, report: Report) -> Document:
        """Returns a step's own fields in form."""
        made = dict(document)
        made["assistant_id"] = made.get("assistant_id") or ""  # as for a run
        details = made.get("step_details")
        if not isinstance(details, dict) or not isinstance(details.get("type"), str):
            report("part_dropped", "step_details", "they have no type")
            details = {"type": "tool_calls"}
        if details["type"] == "tool_calls":
            calls = details.get("tool_calls")
            calls = calls if isinstance(calls, list) else []
            kept = [_in_form(one) for one in calls if _is_call(one)]
            details = {**details, "tool_calls": kept}
            for number, call in enumerate(kept):
                if call["type"] == "function" and call["function"].get("output") is None:
                    path = f"step_details.tool_calls[{number}].function.output"
                    report("tool_output_missing", path, None)
        made["step_details"], made["type"] = details, details["type"]
        if made.get("status") in (None, "", "in_progress"):
            made["status"] = "expired" if made.get("status") else "completed"
        return made


def metadata(value: object, report: Report) -> dict[str, str]:
    """Returns metadata within the protocol's limits: 16 pairs of 64 and 512 characters."""
    value = _parsed(value)
    if not isinstance(value, dict):
        if value:
            report("metadata_cut", "metadata", f"it is of the type {type(value).__name__}")
        return {}
    made: dict[str, str] = {}
    notes: list[str] = []
    for key, entry in value.items():
        if len(made) == _PAIRS:
            notes.append(f"{len(value)} pairs, at most {_PAIRS} are allowed")
            break
        text = entry if isinstance(entry, str) else _as_text(entry)
        if len(key) > _KEY:
            notes.append(f"a key of {len(key)} characters, at most {_KEY} are allowed")
        if len(text) > _VALUE:
            notes.append(f"a value of {len(text)} characters, at most {_VALUE} are allowed")
        made[key[:_KEY]] = text[:_VALUE]
    if notes:
        report("metadata_cut", "metadata", "; ".join(dict.fromkeys(notes)))
    return made


def with_former(document: Document, former: str | None) -> Document:
    """Returns an object with the id in its metadata that it had before, if it had another."""
    if former is None:
        return document
    found = document.get("metadata")
    return {**document, "metadata": {WAS: former, **(found if isinstance(found, dict) else {})}}


def renamed(value: Any, name: Callable[[str, str], str]) -> Any:
    """Returns a document in which the ids of other objects are those that they have here.

    Args:
        value: The document, or a part of it.
        name: Returns the id that an object of a kind has here.
    """
    if isinstance(value, list):
        return [renamed(one, name) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _renamed(key, inner, name) for key, inner in value.items()}


#: The fields that name other objects, with the kinds of these.
_NAMING: Final = {
    "file_id": "file",
    "file_ids": "file",
    "vector_store_id": "vector_store",
    "vector_store_ids": "vector_store",
    "assistant_id": "assistant",
    "run_id": "run",
    "message_id": "message",
}


def _renamed(key: str, value: Any, name: Callable[[str, str], str]) -> Any:
    kind = _NAMING.get(key)
    if kind is None:
        return renamed(value, name)
    if isinstance(value, str):
        return name(kind, value)
    if isinstance(value, list):
        return [name(kind, one) if isinstance(one, str) else one for one in value]
    return value


def _is_call(call: object) -> bool:
    """Returns whether a call has a type, and what is stored under its name."""
    if not isinstance(call, dict) or not isinstance(call.get("type"), str):
        return False
    return call["type"] != "function" or isinstance(call.get("function"), dict)


def _in_form(call: Document) -> Document:
    """Returns a call with what the engine looks for in those of its own tools."""
    kind = call["type"]
    if kind not in ("code_interpreter", "file_search"):
        return call
    record = call.get(kind)
    record = dict(record) if isinstance(record, dict) else {}
    if kind == "file_search":
        results = record.get("results")
        results = results if isinstance(results, list) else []
        record["results"] = [one for one in results if isinstance(one, dict)]
        record.setdefault("ranking_options", None)
    return {**call, kind: record}


def _typed(tools: object) -> list[Any]:
    known = tools if isinstance(tools, list) else []
    made = [{"type": one} if isinstance(one, str) else one for one in known]
    return [
        {"type": "file_search"} if one["type"] == "retrieval" else one
        for one in made
        if isinstance(one, dict) and isinstance(one.get("type"), str)
    ]


def _parsed(value: object) -> Any:
    """Returns what JSON in a string stands for; other strings as they are."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _as_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
