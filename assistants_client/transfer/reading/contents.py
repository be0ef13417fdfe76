"""Content and roles of messages, from the forms of other interfaces to the protocol's.

Links and data URLs stay as they are: the import decides about them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from attrs import field, frozen

#: By the name of a role, in small letters, the role that it stands for. ``call`` is the answer of a
#: function. The protocol's own two are not reported.
ROLES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            *("user", "human", "incoming", "customer", "client", "question", "true"),
            *("usermessage", "user_message", "humanmessage", "humanmessagechunk"),
            "messagerole.user",
        ),
        "user",
    ),
    **dict.fromkeys(
        (
            *("assistant", "ai", "bot", "agent", "outgoing", "model", "answer", "false", "chatgpt"),
            *("apimessage", "assistant_message", "aimessage", "aimessagechunk"),
            *("messagerole.agent", "messagerole.assistant"),
        ),
        "assistant",
    ),
    **dict.fromkeys(
        ("system", "developer", "systemmessage", "messagerole.system", "messagerole.developer"),
        "system",
    ),
    **dict.fromkeys(("tool", "function", "toolmessage", "functionmessage"), "call"),
}
_OWN = frozenset(("user", "assistant"))

#: Blocks of content that are kept elsewhere: what they call stands beside the content too.
_KEPT_ELSEWHERE = frozenset(
    ("tool_use", "tool_call", "function_call", "tool_call_chunk", "server_tool_use")
)


class Lose(Protocol):
    """Reports a loss of the object at hand."""

    def __call__(self, code: str, field: str, note: str | None = None) -> object:
        """Reports it."""


@frozen
class Content:
    """The content of a message.

    Attributes:
        parts: In the protocol's form.
        attachments: References to files that stood among them.
    """

    parts: list[dict[str, Any]]
    attachments: list[dict[str, Any]] = field(factory=list)


def role_of(value: object) -> str | None:
    """Returns ``user``, ``assistant``, ``system`` or ``call`` for a role's name, if it is known."""
    if isinstance(value, bool):
        return "user" if value else "assistant"
    return ROLES.get(value.strip().lower()) if isinstance(value, str) else None


def role_for_protocol(value: object, lose: Lose) -> tuple[str, dict[str, str]]:
    """Returns the protocol's role for a name, and the metadata that keeps what gets lost by it."""
    if isinstance(value, str) and value in _OWN:
        return value, {}
    role = role_of(value)
    if role is None:
        lose("role_mapped", "role", "a name of no known role, to user")
        return "user", {}
    if str(value).lower() not in {"true", "false"}:
        lose("role_mapped", "role", f"{str(value).strip().lower()} to {_TO.get(role, role)}")
    return _TO.get(role, role), {"role": str(value).strip().lower()} if role in _TO else {}


#: Roles that the protocol's messages do not have.
_TO: Final[Mapping[str, str]] = {"system": "user", "call": "assistant"}


def text_part(value: str) -> dict[str, Any]:
    """Returns the part of a message that is this text."""
    return {"type": "text", "text": {"value": value, "annotations": []}}


def is_protocol_part(part: object) -> bool:
    """Returns whether a part has the protocol's form, and no other interface's."""
    if not isinstance(part, dict):
        return False
    kind = part.get("type")
    if kind == "text":
        return isinstance(part.get("text"), dict)
    return kind == "image_file" and isinstance(part.get("image_file"), dict)


def _is_whole(part: object) -> bool:
    """Returns whether a part is as servers of the protocol send it."""
    if not isinstance(part, dict):
        return False
    kind = part.get("type")
    inner = part.get(kind) if isinstance(kind, str) else None
    if kind == "text":
        return (
            len(part) == 2
            and isinstance(inner, dict)
            and isinstance(inner.get("value"), str)
            and isinstance(inner.get("annotations"), list)
        )
    if kind in {"image_file", "image_url"}:
        return len(part) == 2 and isinstance(inner, dict)
    return kind == "refusal" and isinstance(inner, str)


def content_of(value: object, lose: Lose) -> Content:
    """Returns content in the protocol's form.

    Args:
        value: A text, a part, or a list of both.
        lose: Reports parts that cannot come along.
    """
    if isinstance(value, list) and all(map(_is_whole, value)):
        return Content(value)
    if value is None or value == "":
        return Content([])
    result = Content([])
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, str):
            result.parts.append(text_part(part))
        elif isinstance(part, dict):
            _add(part, result, lose)
        elif part is not None:
            lose("part_dropped", "content", f"a {type(part).__name__}")
    return result


def _add(part: dict[str, Any], result: Content, lose: Lose) -> None:
    """Adds a part, or reports it."""
    kind = str(part.get("type") or ("text" if "text" in part else ""))
    if kind in _KEPT_ELSEWHERE:
        return
    if kind in {"text", "input_text", "output_text", "summary_text", "refusal"}:
        _add_text(kind, part, result, lose)
    elif kind in {"image_file", "image_url", "input_image", "image"}:
        image = image_part(kind, part)
        if image is None:
            lose("part_dropped", "content", f"{kind} without an image")
        else:
            result.parts.append(image)
    elif kind in {"input_file", "file"}:
        inner = part.get("file")
        file_id = part.get("file_id") or (inner.get("file_id") if isinstance(inner, dict) else None)
        if isinstance(file_id, str):
            result.attachments.append(attachment(file_id))
        else:
            lose("part_dropped", "content", f"{kind} without a file's id")
    else:
        lose("part_dropped", "content", f"type {_name(kind)}")


def _name(kind: str) -> str:
    """Returns the name of a type, if it is one and no content."""
    return kind if kind.isidentifier() and len(kind) <= 40 else "unknown"


def _add_text(kind: str, part: dict[str, Any], result: Content, lose: Lose) -> None:
    if kind == "refusal":
        text = part.get("refusal")
        if isinstance(text, str):
            result.parts.append({"type": "refusal", "refusal": text})
        return
    inner = part.get("text")
    if isinstance(inner, dict):
        value, annotations = inner.get("value"), inner.get("annotations")
    else:
        value, annotations = inner, part.get("annotations")
    if not isinstance(value, str):
        lose("part_dropped", "content", "text without a value")
        return
    if not isinstance(annotations, list):
        annotations = []
    if kind == "output_text":
        annotations = [
            changed for one in annotations if (changed := _annotation(one, lose)) is not None
        ]
    result.parts.append({"type": "text", "text": {"value": value, "annotations": annotations}})


def _annotation(value: object, lose: Lose) -> dict[str, Any] | None:
    """Returns an annotation of the Responses interface as the protocol has it.

    There a citation of a file is a point in the text, not a mark of some length.
    """
    if isinstance(value, dict):
        start, end = value.get("start_index"), value.get("end_index")
        kind, index = value.get("type"), value.get("index")
        if kind == "url_citation" and isinstance(start, int) and isinstance(end, int):
            inner = {"url": value.get("url"), "title": value.get("title")}
            places = {"text": "", "start_index": start, "end_index": end}
            return {"type": kind, **places, "url_citation": inner}
        if kind in {"file_citation", "file_path"} and isinstance(index, int):
            places = {"text": "", "start_index": index, "end_index": index}
            return {"type": kind, **places, kind: {"file_id": value.get("file_id")}}
    lose("annotation_dropped", "content")
    return None


def image_part(kind: str, part: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns an image in the protocol's form: by a file's id, or by a URL."""
    inner = part.get(kind)
    if kind == "image_file" and isinstance(inner, dict):
        return {"type": "image_file", "image_file": inner}
    if kind == "image_url" and isinstance(inner, dict) and isinstance(inner.get("url"), str):
        return {"type": "image_url", "image_url": inner}
    if kind == "image_url" and isinstance(inner, str):
        return {"type": "image_url", "image_url": {"url": inner}}
    file_id = part.get("file_id")
    if isinstance(file_id, str):
        return {"type": "image_file", "image_file": {"file_id": file_id}}
    url = part.get("image_url") or part.get("url")
    inner = part.get("source")
    source = inner if isinstance(inner, dict) else part
    data, media = source.get("data"), source.get("media_type") or source.get("mime_type")
    if isinstance(data, str):
        url = f"data:{media or 'image/png'};base64,{data}"
    elif source is not part:
        url = source.get("url")
    return {"type": "image_url", "image_url": {"url": url}} if isinstance(url, str) else None


def attachment(file_id: str) -> dict[str, Any]:
    """Returns the attachment of a file, for search: what it was for is not known."""
    return {"file_id": file_id, "tools": [{"type": "file_search"}]}


def as_json(value: object) -> str:
    """Returns arguments or outputs as the text that the protocol has for them."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def plain_text(parts: Iterable[Mapping[str, Any]]) -> str:
    """Returns the texts of parts, one below the other."""
    return "\n".join(part["text"]["value"] for part in parts if part.get("type") == "text")


def from_json_text(value: object) -> Any:
    """Returns what a text of JSON says, also of JSON within JSON; anything else as it is."""
    for _ in range(3):
        if not isinstance(value, str):
            return value
        start = value.lstrip()[:1]
        if start not in {"{", "[", '"'}:
            return value
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
