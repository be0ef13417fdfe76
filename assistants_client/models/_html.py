"""The HTML of objects in a notebook: short, of escaped text, with no scripts and no links.

The values of objects are untrusted, for a language model may have written them: every value passes
through ``_text``, and nothing is loaded from an address in a message. No I/O.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Final

from attrs import fields

from assistants_client.models._base import Struct
from assistants_client.models.lists import Page
from assistants_client.models.messages import (
    ImageFilePart,
    ImageUrlPart,
    Message,
    RefusalPart,
    TextPart,
)
from assistants_client.models.replies import Reply
from assistants_client.models.run_steps import (
    CodeInterpreterCall,
    FileSearchCall,
    FunctionToolCall,
    LogsOutput,
    MessageCreationDetails,
    RunStep,
    StepToolCall,
)
from assistants_client.models.runs import Run, Usage
from assistants_client.models.threads import Thread

#: Items of a list that are shown.
MAX_ITEMS: Final = 50

_MAX_TEXT_LENGTH = 5000  # characters of one text
_MAX_VALUE_LENGTH = 200  # characters of one value in a table

_BOX = "border:1px solid #8884;border-radius:6px;padding:6px 10px;margin:4px 0;max-width:60em"
_PLAIN = "white-space:pre-wrap;overflow-wrap:anywhere;text-align:left"
_CODE = f"{_PLAIN};font-family:monospace;margin:4px 0"  # Jupyter shows a bare <pre> as prose
_OUTPUT = f"{_CODE};border-left:3px solid #8888;padding-left:8px"
_FAINT = "opacity:.65;font-size:85%"
# Legible on white and on black, for the theme of the notebook is unknown.
_COLOURS: Final[Mapping[str, str]] = {
    "completed": "#258f46",
    "failed": "#d9434d",
    "expired": "#d9434d",
    "incomplete": "#9a6f00",
    "cancelled": "#76808a",
}
_OTHER_COLOUR = "#2b7de0"


def object_html(struct: Struct | Reply) -> str:
    """Returns the HTML of any object of the protocol, or of a reply."""
    for kind, form in _FORMS.items():
        if isinstance(struct, kind):
            return form(struct)
    rows = {
        one.name: getattr(struct, one.name)
        for one in fields(type(struct))
        if one.repr and one.name != "object"
    }
    return _box(_head(type(struct).__name__), _table(rows))


def items_html(items: Sequence[object], *, newest_first: bool, has_more: bool) -> str:
    """Returns the HTML of a list's first items, messages and steps with the oldest first."""
    shown = list(items[:MAX_ITEMS])
    more = has_more or len(items) > len(shown)
    forms: list[str]
    if shown and all(isinstance(item, (Message, RunStep)) for item in shown):
        if newest_first:
            shown.reverse()
        forms = [object_html(item) for item in shown if isinstance(item, Struct)]
    elif shown and all(isinstance(item, Run) for item in shown):
        newest_first = False
        forms = [_run_line(item) for item in shown if isinstance(item, Run)]
    else:
        newest_first = False
        forms = [_div(_FAINT, _text(repr(item), _MAX_VALUE_LENGTH)) for item in shown]
    if not forms:
        return _div(_FAINT, "an empty list")
    if more:
        note = _div(_FAINT, "… earlier ones are not shown" if newest_first else "… and more")
        forms.insert(0 if newest_first else len(forms), note)
    return "".join(forms)


def problem_html(error: Exception) -> str:
    """Returns the HTML of an error."""
    return _div(_FAINT, _text(f"{type(error).__name__}: {error}", _MAX_TEXT_LENGTH))


# --- one form for each noun -----------------------------------------------------------------------


def _message(message: Message) -> str:
    parts = []
    for part in message.content:
        if isinstance(part, TextPart):
            parts.append(_div(_PLAIN, _text(part.text.value)))
        elif isinstance(part, RefusalPart):
            parts.append(_div(f"{_PLAIN};font-style:italic", _text(part.refusal)))
        elif isinstance(part, ImageFilePart):
            parts.append(_note("image", part.image_file.file_id))
        elif isinstance(part, ImageUrlPart):
            parts.append(_note("image", part.image_url.url))
        else:
            parts.append(_note(str(part.type), repr(part)))
    parts.extend(_note("attached", one.file_id or "") for one in message.attachments)
    state = "" if message.status in (None, "completed") else f" {_badge(message.status)}"
    about = f"{message.id} {_moment(message.created_at)}".strip()
    return _box(_head(message.role or "message", about) + state, *parts)


def _run(run: Run) -> str:
    rows: dict[str, object] = {
        "thread": run.thread_id,
        "assistant": run.assistant_id,
        "model": run.model,
        "created": _moment(run.created_at),
        "took": _duration(run),
        "tokens": _tokens(run.usage),
    }
    if run.last_error is not None:
        rows["error"] = f"{run.last_error.code}: {run.last_error.message}"
    if run.incomplete_details is not None:
        rows["incomplete"] = run.incomplete_details.reason
    for call in run.tool_calls:
        rows[f"calls {call.id}"] = f"{call.function.name}({call.function.arguments})"
    return _box(f"{_head('Run', run.id)} {_badge(run.status)}", _table(rows))


def _run_line(run: Run) -> str:
    facts = [run.model, _moment(run.created_at), _duration(run), _tokens(run.usage)]
    about = " · ".join(fact for fact in facts if fact)
    return _div("", f"{_head('Run', run.id)} {_badge(run.status)} {_faint(about)}")


def _step(step: RunStep) -> str:
    rows: dict[str, object] = {}
    if isinstance(step.step_details, MessageCreationDetails):
        rows["message"] = step.step_details.message_creation.message_id
    if step.last_error is not None:
        rows["error"] = f"{step.last_error.code}: {step.last_error.message}"
    head = f"{_head(step.type or 'step', step.id)} {_badge(step.status)}"
    return _box(head, *map(_call, step.tool_calls), _table(rows))


def _call(call: StepToolCall) -> str:
    if isinstance(call, CodeInterpreterCall):
        code = call.code_interpreter
        printed = [one.logs for one in code.outputs if isinstance(one, LogsOutput)]
        return _pre(code.input) + "".join(_pre(logs, _OUTPUT) for logs in printed)
    if isinstance(call, FunctionToolCall):
        asked = _pre(f"{call.function.name}({call.function.arguments})")
        output = call.function.output
        return asked if output is None else asked + _pre(output, _OUTPUT)
    if isinstance(call, FileSearchCall):
        found = [
            f"{one.file_name or one.file_id} ({one.score})" for one in call.file_search.results
        ]
        return _note("file search", ", ".join(found) or "nothing found")
    return _note(str(call.type), repr(call))


def _thread(thread: Thread) -> str:
    rows = {"created": _moment(thread.created_at), **thread.metadata}
    return _box(_head("Thread", thread.id), _table(rows))


def _page(page: Page[Any]) -> str:
    times = [getattr(item, "created_at", 0) for item in page.data]
    return items_html(
        page.data,
        newest_first=len(times) > 1 and times[0] > times[-1],
        has_more=bool(page.has_more),
    )


def _reply(reply: Reply) -> str:
    return "".join([*map(_message, reply.messages), _run_line(reply.run)])


_FORMS: Final[Mapping[type, Callable[[Any], str]]] = {
    Message: _message,
    Run: _run,
    RunStep: _step,
    Thread: _thread,
    Page: _page,
    Reply: _reply,
}


# --- pieces ---------------------------------------------------------------------------------------


def _text(value: object, longest: int = _MAX_TEXT_LENGTH) -> str:
    """Returns a value as text, shortened and escaped; all values pass through here."""
    text = str(value)
    left = len(text) - longest
    if left > 0:
        text = f"{text[:longest]}… ({left} more characters)"
    # Lone surrogates, which UTF-8 cannot encode, become question marks.
    return html.escape(text.encode("utf-8", "replace").decode())


def _div(style: str, *inner: str) -> str:
    return f'<div style="{style}">{"".join(inner)}</div>'


def _box(*inner: str) -> str:
    return _div(_BOX, *inner)


def _faint(text: str) -> str:
    return f'<span style="{_FAINT}">{_text(text, _MAX_VALUE_LENGTH)}</span>'


def _head(name: str, about: str = "") -> str:
    return f"<b>{_text(name, _MAX_VALUE_LENGTH)}</b> {_faint(about)}"


def _badge(status: str) -> str:
    colour = _COLOURS.get(status, _OTHER_COLOUR)
    return f'<span style="color:{colour}">{_text(status or "no status", _MAX_VALUE_LENGTH)}</span>'


def _note(name: str, value: str) -> str:
    return _div(_FAINT, f"[{_text(name, _MAX_VALUE_LENGTH)}] {_text(value, _MAX_VALUE_LENGTH)}")


def _pre(text: str, style: str = _CODE) -> str:
    return f'<pre style="{style}">{_text(text)}</pre>'


def _table(values: Mapping[str, object]) -> str:
    lines = [
        f'<tr><td style="{_FAINT};text-align:left;vertical-align:top">'
        f"{_text(name, _MAX_VALUE_LENGTH)}</td>"
        f'<td style="{_PLAIN}">{_text(value, _MAX_VALUE_LENGTH)}</td></tr>'
        for name, value in values.items()
        if value not in ("", None, [], {})
    ]
    return f"<table>{''.join(lines)}</table>" if lines else ""


def _moment(seconds: int) -> str:
    try:
        moment = datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, OSError, TypeError, ValueError):  # a server's number is untrusted
        return ""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if seconds else ""


def _duration(run: Run) -> str:
    end: object = run.completed_at or run.failed_at or run.cancelled_at
    begin: object = run.started_at or run.created_at
    if isinstance(end, int) and isinstance(begin, int) and end >= begin > 0:
        return f"{end - begin} s"
    return ""


def _tokens(usage: Usage | None) -> str:
    return f"{usage.total_tokens} tokens" if usage is not None else ""
