"""Makes objects from requests, with the server's defaults; refuses messages beyond the bounds.

Pure: times are given, nothing is stored. What depends on other objects is the services'. Fields are
copied by name, so that a new one needs no line here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from attrs import fields

from assistants_client._json.codec import decode, encode
from assistants_client.engine.domain.bounds import MAX_ITEMS, MAX_TEXT
from assistants_client.engine.domain.filled_in import with_defaults, with_detail
from assistants_client.engine.domain.images import MAX_IMAGE
from assistants_client.engine.faults import Fault
from assistants_client.engine.ids import NewId
from assistants_client.models._base import JsonObject, Struct
from assistants_client.models.assistants import Assistant, AssistantRequest
from assistants_client.models.messages import Message, MessageRequest
from assistants_client.models.run_requests import RunRequest, ThreadRunRequest
from assistants_client.models.run_steps import RunStep, StepDetails
from assistants_client.models.runs import Run
from assistants_client.models.threads import Thread, ThreadRequest

StructT = TypeVar("StructT", bound=Struct)
_Document = dict[str, Any]

#: The values of fields that were left out, or given as null, where they are not null.
_DEFAULTS: Final[Mapping[type[Struct], JsonObject]] = {
    Assistant: {
        "tools": [],
        "tool_resources": {},
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
    },
    Thread: {"tool_resources": {}, "metadata": {}},
    Message: {"metadata": {}, "attachments": []},
    Run: {
        "metadata": {},
        "truncation_strategy": {"type": "auto"},
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    },
}

#: The beginnings of an image's address. It is never fetched here, but sent to the model.
_IMAGE_URLS: Final = ("https://", "http://", "data:image/")
#: Characters: four hold three bytes.
_LONGEST_URL: Final = MAX_IMAGE // 3 * 4 + 100

#: The fields that a run takes from its assistant when its request leaves them out.
_INHERITED: Final = (
    "model",
    "instructions",
    "tools",
    "tool_resources",
    "temperature",
    "top_p",
    "response_format",
    "reasoning_effort",
)


def new_assistant(request: AssistantRequest, now: int, new_id: NewId) -> Assistant:
    """Returns the assistant that a request describes."""
    return _made(Assistant, _checked(request), id=new_id("asst_"), created_at=now)


def new_thread(
    request: ThreadRequest | JsonObject, now: int, new_id: NewId, *, at: str = ""
) -> tuple[Thread, list[Message]]:
    """Returns the thread that a request describes, and its first messages.

    Args:
        request: The request.
        now: The time, in Unix seconds.
        new_id: Makes their ids.
        at: The path of the request in the body, such as ``thread.``.
    """
    document = _checked(request, at)
    first = document.pop("messages", None) or ()
    thread = _made(Thread, document, id=new_id("thread_"), created_at=now)
    return thread, [new_message(message, thread.id, now, new_id) for message in first]


def new_message(
    request: MessageRequest | JsonObject, thread_id: str, now: int, new_id: NewId
) -> Message:
    """Returns the message that a caller adds to a thread."""
    document = _checked(request)
    content = document["content"]
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    # Text is sent bare, and comes back with room for annotations.
    document["content"] = [
        {**part, "text": {"value": part["text"]}} if part["type"] == "text" else with_detail(part)
        for part in parts
    ]
    message = _made(Message, document, id=new_id("msg_"), created_at=now, thread_id=thread_id)
    message.status, message.completed_at = "completed", now
    message.role = document.get("role") or "user"
    return message


def new_run(
    request: RunRequest | ThreadRunRequest,
    assistant: Assistant,
    thread_id: str,
    now: int,
    new_id: NewId,
    *,
    run_id: str,
    seconds: int,
) -> tuple[Run, list[Message]]:
    """Returns the run that a request describes, queued, and the messages that go with it.

    Args:
        request: The request.
        assistant: The assistant, whose settings hold where the request has none.
        thread_id: The thread.
        now: The time, in Unix seconds.
        new_id: Makes the messages' ids.
        run_id: The run's id.
        seconds: The time that the run may take.

    Raises:
        Fault: The request demands a tool that the run does not have.
    """
    document = _checked(request)
    settings = encode(assistant)
    for name in _INHERITED:
        if document.get(name) is None:
            document[name] = settings[name]
    added = document.get("additional_instructions")
    if added:
        parts = [document["instructions"], added]
        document["instructions"] = "\n\n".join(part for part in parts if part)
    _require_chosen_tool(document)
    run = _made(
        Run,
        document,
        id=run_id,
        created_at=now,
        thread_id=thread_id,
        status="queued",
        expires_at=now + seconds,
    )
    extra = document.get("additional_messages") or ()
    return run, [new_message(message, thread_id, now, new_id) for message in extra]


def new_step(
    run: Run, details: StepDetails, now: int, new_id: NewId, reasoning: str | None = None
) -> RunStep:
    """Returns an open step of a run.

    Args:
        run: The run.
        details: The message that it writes, or the tools that it calls.
        now: The time, in Unix seconds.
        new_id: Makes its id.
        reasoning: What the model thought aloud before.
    """
    return RunStep(
        id=new_id("step_"),
        created_at=now,
        assistant_id=run.assistant_id,
        thread_id=run.thread_id,
        run_id=run.id,
        expires_at=run.expires_at,
        type=details.type,
        status="in_progress",
        step_details=details,
        reasoning=reasoning,
    )


def changed(stored: StructT, update: object) -> StructT:
    """Returns an object after an update: given fields replace, null clears, the rest stays."""
    return _made(type(stored), encode(stored) | _checked(update))


def _made(cls: type[StructT], document: JsonObject, **server: Any) -> StructT:
    """Returns an object with the fields that a document has for it; the others are dropped."""
    made = {**_DEFAULTS.get(cls, {}), **server}
    for field in fields(cls):
        value = document.get(field.name)
        if value is not None and field.name not in server:
            made[field.name] = value
    if "tools" in made:
        made["tools"] = [with_defaults(tool) for tool in made["tools"]]
    return decode(cls, made)


def _require_chosen_tool(run: JsonObject) -> None:
    choice = run.get("tool_choice")
    if not isinstance(choice, Mapping):
        return
    kind, name = choice["type"], (choice.get("function") or {}).get("name")
    if kind == "function":
        present = any(t["type"] == kind and t["function"]["name"] == name for t in run["tools"])
    else:
        present = any(t["type"] == kind for t in run["tools"])
    if not present:
        what = f"function {name!r}" if kind == "function" else f"tool {kind!r}"
        message = f"Invalid 'tool_choice': the run has no {what}."
        raise Fault(400, message, "invalid_value", "tool_choice")


# --- messages -----------------------------------------------------------------------------------


def _checked(request: object, at: str = "") -> _Document:
    """Returns a request's document, once its messages can be sent to a model.

    Raises:
        Fault: One is too long, or has an image whose address is none; or there are too many.
    """
    document: _Document = dict(encode(request))
    _check_messages(document, at)
    return document


def _check_messages(document: JsonObject, at: str) -> None:
    content = document.get("content")
    _check_number(content, f"{at}content")
    _check_length(content, f"{at}content")
    for index, part in enumerate(content if isinstance(content, Sequence) else ()):
        if isinstance(part, Mapping) and part["type"] == "image_url":
            url = part["image_url"]["url"]
            path = f"{at}content[{index}].image_url.url"
            if not url.lower().startswith(_IMAGE_URLS):
                message = f"Invalid '{path}': expected an http or https address, or a data URL."
                raise Fault(400, message, "invalid_value", path)
            if len(url) > _LONGEST_URL:
                message = f"Invalid '{path}': the image in it is larger than 20 MiB."
                raise Fault(400, message, "string_above_max_length", path)
    for inner in ("messages", "additional_messages"):
        _check_number(document.get(inner), f"{at}{inner}")
        for index, one in enumerate(document.get(inner) or ()):
            _check_messages(one, f"{at}{inner}[{index}].")
    if document.get("thread"):
        _check_messages(document["thread"], f"{at}thread.")


def _check_number(items: object, path: str) -> None:
    if not isinstance(items, str) and isinstance(items, Sequence) and len(items) > MAX_ITEMS:
        message = f"Invalid '{path}': {len(items)} items; at most {MAX_ITEMS} are allowed."
        raise Fault(400, message, "array_above_max_length", path)


def _check_length(content: object, path: str) -> None:
    if isinstance(content, str):
        length = len(content)
    elif isinstance(content, Sequence):
        parts = [part for part in content if isinstance(part, Mapping)]
        length = sum(len(part["text"]) for part in parts if part["type"] == "text")
    else:
        return
    if length > MAX_TEXT:
        message = (
            f"Invalid '{path}': its text has {length} characters; at most {MAX_TEXT} are allowed."
        )
        raise Fault(400, message, "string_above_max_length", path)
