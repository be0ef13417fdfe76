"""An archive's threads as turns: what was said and called, in order, before any target's form."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from attrs import define, field, frozen

from assistants_client.transfer.archive import Document, file_path, files_folder, read_archive
from assistants_client.transfer.live_source import created_at
from assistants_client.transfer.losses import Loss, Losses, Place

#: What becomes of calls that no target has a form for: of code, searches and tools unknown here.
ToolsAs: TypeAlias = Literal["text", "drop"]

#: The roles that every target has.
_ROLES: Final = frozenset({"user", "assistant", "system", "developer"})
#: The longest id of a call that is taken elsewhere.
_LONGEST_CALL_ID: Final = 64
#: The longest URL of an image that is taken elsewhere; bytes in base64 are a third longer.
_LONGEST_URL: Final = 20_971_520
_MOST_IMAGE_BYTES: Final = (_LONGEST_URL - 64) * 3 // 4
_IMAGES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)


@frozen
class Citation:
    """A citation of a file, and the place of its mark's end in the text."""

    file_id: str
    filename: str
    index: int


@frozen
class TextPart:
    """Text, with the citations whose files are known by name."""

    text: str
    citations: tuple[Citation, ...] = ()


@frozen
class ImagePart:
    """An image by its URL, which may be a ``data:`` URL."""

    url: str
    detail: str = "auto"


@frozen
class Turn:
    """What one side said. It has at least one part, and no text in it is empty."""

    id: str
    role: str
    parts: tuple[TextPart | ImagePart, ...]
    created_at: int

    @property
    def text(self) -> str:
        """All texts, joined by newlines."""
        return "\n".join(part.text for part in self.parts if isinstance(part, TextPart))


@frozen
class Call:
    """A call of a function with its output; the id is the only one of its thread."""

    id: str
    name: str
    arguments: str
    output: str
    created_at: int


@define
class ArchivedThread:
    """A thread of an archive; ``document`` is its line."""

    document: Document
    turns: list[Turn | Call] = field(factory=list)


def archived_threads(
    archive: Path,
    losses: Losses,
    *,
    threads: Iterable[str] | None,
    tools: ToolsAs,
    has_citations: bool,
) -> Iterator[ArchivedThread]:
    """Yields the threads of an archive with their turns, one at a time in memory.

    Args:
        archive: The archive.
        losses: Counts what cannot come along.
        threads: Only these.
        tools: What becomes of calls of other tools than functions.
        has_citations: Whether the target has them; else their marks stay in the text.

    Raises:
        ArchiveError: It is no archive, or not a whole one.
    """
    only = None if threads is None else set(threads)
    reader = _Reader(archive, losses, tools, has_citations=has_citations)
    within: list[Document] = []
    for document in read_archive(archive):
        kind = document["object"]
        if kind == "file":
            reader.filenames[str(document.get("id"))] = str(document.get("filename") or "")
        if kind == "thread":
            if within:
                yield reader.thread(within)
            within = [document] if only is None or document.get("id") in only else []
        elif within:
            within.append(document)
    if within:
        yield reader.thread(within)


class _Reader:
    def __init__(
        self, archive: Path, losses: Losses, tools: ToolsAs, *, has_citations: bool
    ) -> None:
        self.filenames: dict[str, str] = {}
        self._folder = files_folder(archive)
        self._place = Place(archive.name)
        self._losses = losses
        self._tools = tools
        self._has_citations = has_citations

    def thread(self, documents: list[Document]) -> ArchivedThread:
        """Returns the thread of its lines."""
        made = ArchivedThread(documents[0])
        calls = _PlacedCalls(documents)
        ids: set[str] = set()
        for document in documents:
            if document["object"] != "thread.message":
                continue
            for step, call in calls.before(document):
                self._call(made, step, call, ids)
            self._message(made, document)
            for step, call in calls.after(document):
                self._call(made, step, call, ids)
        for step, call in calls.rest():
            self._call(made, step, call, ids)
        return made

    # --- messages ---------------------------------------------------------------------------------

    def _message(self, made: ArchivedThread, message: Document) -> None:
        role = message.get("role")
        if role not in _ROLES:
            self._lost("role_mapped", message, note=f"{role} to user")
            role = "user"
        content = message.get("content")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        parts: list[TextPart | ImagePart] = []
        for part in content if isinstance(content, list) else []:
            parts += self._part(message, part if isinstance(part, dict) else {})
        for one in message.get("attachments") or []:
            file_id = str(one.get("file_id")) if isinstance(one, dict) else ""
            self._lost("attachment_as_note", message, note=file_id)
            parts.append(TextPart(f"[attached file: {self.filenames.get(file_id) or file_id}]"))
        if parts:
            id_, time = str(message.get("id")), created_at(message)
            made.turns.append(Turn(id_, str(role), tuple(parts), time))
        else:
            self._lost("part_dropped", message, note="nothing is left of it")

    def _part(self, message: Document, part: Document) -> list[TextPart | ImagePart]:
        kind = part.get("type")
        if kind == "text":
            return self._text(message, part.get("text"))
        if kind == "refusal":
            return _texts(part.get("refusal"))
        if kind == "image_file" and isinstance(part.get("image_file"), dict):
            return [self._image_file(message, part["image_file"])]
        if kind == "image_url" and isinstance(part.get("image_url"), dict):
            url = str(part["image_url"].get("url"))
            if len(url) <= _LONGEST_URL:
                return [ImagePart(url, str(part["image_url"].get("detail") or "auto"))]
        self._lost("part_dropped", message, note=f"type {kind!r:.40}")
        return []

    def _text(self, message: Document, text: Any) -> list[TextPart | ImagePart]:
        if not isinstance(text, dict):
            return _texts(text)
        citations = []
        for one in text.get("annotations") or []:
            cited = one.get("file_citation") if isinstance(one, dict) else None
            file_id = str(cited.get("file_id")) if isinstance(cited, dict) else ""
            filename = self.filenames.get(file_id)
            end = one.get("end_index") if isinstance(one, dict) else None
            if not self._has_citations:
                self._lost("citation_as_mark", message, note=file_id)
            elif filename and isinstance(end, int):
                citations.append(Citation(file_id, filename, end))
            else:
                self._lost("citation_without_file", message, note="its mark stays in the text")
        value = text.get("value")
        return [TextPart(value, tuple(citations))] if isinstance(value, str) and value else []

    def _image_file(self, message: Document, image: Document) -> TextPart | ImagePart:
        file_id = str(image.get("file_id"))
        path = file_path(self._folder, file_id)
        if path.is_file() and path.stat().st_size <= _MOST_IMAGE_BYTES:
            content = path.read_bytes()
            kind = next((name for head, name in _IMAGES if content.startswith(head)), None)
            if kind is not None:
                url = f"data:{kind};base64,{base64.b64encode(content).decode()}"
                return ImagePart(url, str(image.get("detail") or "auto"))
        self._lost("image_as_note", message, note=file_id)
        return TextPart(f"[image: {self.filenames.get(file_id) or file_id}]")

    # --- calls ------------------------------------------------------------------------------------

    def _call(self, made: ArchivedThread, step: Document, call: Document, ids: set[str]) -> None:
        kind = call.get("type")
        record = call.get(str(kind))
        record = record if isinstance(record, dict) else {}
        time = created_at(step)
        if kind == "function":
            output = record.get("output")
            if isinstance(output, str):
                id_ = _unused_id(str(call.get("id") or ""), str(step.get("id")), ids)
                name, arguments = str(record.get("name")), str(record.get("arguments") or "{}")
                made.turns.append(Call(id_, name, arguments, output, time))
            else:
                self._lost("tool_output_missing", step, note=str(record.get("name")))
            return
        if self._tools == "drop":
            self._lost("tool_dropped", step, note=str(kind))
            return
        self._lost("tool_as_text", step, note=str(kind))
        text = TextPart(_as_text(str(kind), record, call))
        made.turns.append(Turn(str(step.get("id")), "assistant", (text,), time))

    def _lost(self, code: str, document: Document, *, note: str) -> None:
        id_ = document.get("id")
        self._losses.add(Loss(code, self._place, document["object"], str(id_), note=note))


class _PlacedCalls:
    """The calls of a thread's runs, by the message that they stand before or behind."""

    def __init__(self, documents: list[Document]) -> None:
        messages = {one.get("id") for one in documents if one["object"] == "thread.message"}
        of_run: dict[Any, Any] = {}
        for one in documents:
            if one["object"] == "thread.message" and one.get("run_id"):
                of_run.setdefault(one["run_id"], one.get("id"))
        self._before: dict[Any, list[tuple[Document, Document]]] = {}
        self._after: dict[Any, list[tuple[Document, Document]]] = {}
        #: Of runs of which no message is there, by the time of each.
        self._loose: list[tuple[int, list[tuple[Document, Document]]]] = []
        for run, steps in _runs(documents):
            pending: list[tuple[Document, Document]] = []
            last = None
            for step in steps:
                details = step.get("step_details")
                details = details if isinstance(details, dict) else {}
                written = details.get("message_creation")
                if isinstance(written, dict) and written.get("message_id") in messages:
                    last = written["message_id"]
                    self._before[last] = pending
                    pending = []
                for call in details.get("tool_calls") or []:
                    if isinstance(call, dict):
                        pending.append((step, call))
            if not pending:
                continue
            if last is not None:
                self._after[last] = pending
            elif run.get("id") in of_run:
                self._before[of_run[run["id"]]] = pending
            else:
                self._loose.append((created_at(run), pending))
        self._loose.sort(key=lambda one: one[0], reverse=True)

    def before(self, message: Document) -> Iterator[tuple[Document, Document]]:
        """Yields the calls that stand before a message, with their steps."""
        while self._loose and self._loose[-1][0] < created_at(message):
            yield from self._loose.pop()[1]
        yield from self._before.get(message.get("id"), ())

    def after(self, message: Document) -> Iterable[tuple[Document, Document]]:
        """Returns those that stand behind it."""
        return self._after.get(message.get("id"), ())

    def rest(self) -> Iterator[tuple[Document, Document]]:
        """Yields those that stand behind all messages."""
        while self._loose:
            yield from self._loose.pop()[1]


def _runs(documents: list[Document]) -> Iterator[tuple[Document, list[Document]]]:
    run: Document | None = None
    steps: list[Document] = []
    for one in documents:
        if one["object"] == "thread.run":
            if run is not None:
                yield run, steps
            run, steps = one, []
        elif one["object"] == "thread.run.step":
            steps.append(one)
    if run is not None:
        yield run, steps


def _texts(text: Any) -> list[TextPart | ImagePart]:
    return [TextPart(text)] if isinstance(text, str) and text else []


def _unused_id(id_: str, step_id: str, used: set[str]) -> str:
    """Returns the id of a call, or one made from it where it is too long, absent or in use."""
    made, number = id_, 0
    while not made or len(made) > _LONGEST_CALL_ID or made in used:
        number += 1
        digest = hashlib.sha256(f"{step_id}\0{id_}\0{number}".encode("utf-8", "surrogatepass"))
        made = f"call_{digest.hexdigest()[:24]}"
    used.add(made)
    return made


def _as_text(kind: str, record: Document, call: Document) -> str:
    if kind == "code_interpreter":
        outputs = record.get("outputs") or []
        logs = [str(one.get("logs")) for one in outputs if isinstance(one, dict) and "logs" in one]
        said = "".join(f"\n\n{one}" for one in logs)
        return f"[code_interpreter]\n{record.get('input') or ''}{said}"
    if kind == "file_search":
        results = [one for one in record.get("results") or [] if isinstance(one, dict)]
        names = dict.fromkeys(str(one.get("file_name") or one.get("file_id")) for one in results)
        return f"[file_search] {', '.join(names) or 'nothing was found'}"
    return f"[{kind}] {json.dumps(call, ensure_ascii=False, sort_keys=True)}"
