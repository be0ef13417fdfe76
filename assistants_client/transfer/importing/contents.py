"""The contents of messages, in the protocol's form. Pure, but for what it reports.

Offsets of annotations that do not fit their text are not guessed: the annotation is dropped and the
text stays. Links are kept, and never followed. Large ``data:`` URLs in texts become files.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from attrs import define, field, frozen

#: Reports a loss: its code, the field, and a note.
Report: TypeAlias = Callable[[str, str | None, str | None], object]

#: From so many characters on a ``data:`` URL within a text becomes a file.
_LONG_URL: Final = 4096
_DATA_URL: Final = re.compile(
    rf"data:([a-z]{{1,20}}/[a-z0-9.+-]{{1,80}})?((?:;[a-z0-9=.+-]{{1,80}}){{0,4}}),"
    rf"([A-Za-z0-9+/=_-]{{{_LONG_URL},}})",
    re.IGNORECASE,
)
#: Extensions of files that are made of data, by their types.
_EXTENSIONS: Final = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
    "application/pdf": ".pdf",
    "application/json": ".json",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/plain": ".txt",
}


@frozen
class MadeFile:
    """A file that was part of a text."""

    id: str
    filename: str
    content: bytes


@define
class Contents:
    """Brings contents into form.

    Attributes:
        report: Reports losses.
        takes_data: Whether ``data:`` URLs within texts become files.
        made: The files that were made of them so far.
        named: The files that contents refer to, by their ids, each with the code of the loss that
            it is if it is not there.
    """

    report: Report
    takes_data: bool = True
    made: list[MadeFile] = field(factory=list)
    named: list[tuple[str, str]] = field(factory=list)

    def parts(self, content: object) -> list[dict[str, Any]]:
        """Returns the parts of a content."""
        if content is None:
            return []
        if isinstance(content, (str, dict)):
            content = [content]
        if not isinstance(content, list):
            self.report("part_dropped", "content", f"it is of the type {type(content).__name__}")
            return []
        return [made for place, part in enumerate(content) for made in self._part(part, place)]

    def _part(self, part: object, place: int) -> Iterator[dict[str, Any]]:
        path = f"content[{place}]"
        if isinstance(part, str):
            part = {"type": "text", "text": part}
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            if part is not None:
                self.report("part_dropped", path, "it has no type")
            return
        kind = part["type"]
        if kind == "text":
            yield {**part, "text": self._text(part.get("text"), f"{path}.text")}
        elif kind == "image_file":
            image = part.get("image_file")
            file_id = image.get("file_id") if isinstance(image, dict) else None
            if not isinstance(file_id, str):
                self.report("part_dropped", path, "an image without the id of its file")
                return
            self.named.append((file_id, "attachment_without_bytes"))
            yield part
        elif kind == "image_url":
            image = part.get("image_url")
            url = image if isinstance(image, str) else image and image.get("url")
            if not isinstance(url, str):
                self.report("part_dropped", path, "an image without its address")
                return
            if not url.lower().startswith("data:"):
                self.report("link_not_fetched", f"{path}.image_url", None)
            yield {**part, "image_url": {"url": url} if isinstance(image, str) else image}
        else:
            yield part

    def _text(self, text: object, path: str) -> dict[str, Any]:
        if isinstance(text, dict):
            value, annotations = text.get("value"), text.get("annotations")
            more = {key: text[key] for key in text if key not in ("value", "annotations")}
        else:
            value, annotations, more = text, None, {}
        value = "" if value is None else value if isinstance(value, str) else str(value)
        kept = list(self._annotations(value, annotations, path))
        if self.takes_data and len(value) > _LONG_URL and "data:" in value:
            value, kept = self._without_data(value, kept)
        return {"value": value, "annotations": kept, **more}

    def _annotations(self, value: str, annotations: object, path: str) -> Iterator[dict[str, Any]]:
        for number, one in enumerate(annotations if isinstance(annotations, list) else ()):
            if not isinstance(one, dict) or not _fits(value, one):
                self.report("annotation_dropped", f"{path}.annotations[{number}]", None)
                continue
            for name in ("file_citation", "file_path"):
                reference = one.get(name)
                if isinstance(reference, dict) and isinstance(reference.get("file_id"), str):
                    self.named.append((reference["file_id"], "citation_without_file"))
            yield one

    def _without_data(
        self, value: str, annotations: list[dict[str, Any]]
    ) -> tuple[str, list[dict[str, Any]]]:
        """Returns a text with links to files in the place of the data that it held."""
        pieces: list[str] = []
        added: list[dict[str, Any]] = []
        end = 0
        for found in _DATA_URL.finditer(value):
            file = _file_of(found)
            if file is None:
                continue
            link = f"sandbox:/mnt/data/{file.filename}"
            pieces += [value[end : found.start()], link]
            end = found.end()
            start = sum(map(len, pieces)) - len(link)
            shift = len(link) - (found.end() - found.start())
            for one in annotations:
                if isinstance(one.get("start_index"), int) and one["start_index"] >= found.end():
                    one["_shift"] = one.get("_shift", 0) + shift
            added.append(
                {
                    "type": "file_path",
                    "text": link,
                    "file_path": {"file_id": file.id},
                    "start_index": start,
                    "end_index": start + len(link),
                }
            )
            self.made.append(file)
        for one in annotations:
            moved = one.pop("_shift", 0)
            if moved:
                one["start_index"] += moved
                one["end_index"] += moved
        return "".join([*pieces, value[end:]]), [*annotations, *added]


def _fits(value: str, annotation: dict[str, Any]) -> bool:
    """Returns whether an annotation's text is where it says; without offsets it is anywhere."""
    start, end, mark = (annotation.get(name) for name in ("start_index", "end_index", "text"))
    if start is None and end is None:
        return True
    if type(start) is not int or type(end) is not int or not 0 <= start <= end <= len(value):
        return False
    return not isinstance(mark, str) or not mark or value[start:end] == mark


def _file_of(found: re.Match[str]) -> MadeFile | None:
    kind, options, data = (found[1] or "text/plain").lower(), found[2].lower(), found[3]
    if ";base64" not in options:
        return None
    try:
        padded = data.rstrip("=") + "=" * (-len(data.rstrip("=")) % 4)
        content = base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None
    name = hashlib.sha256(content).hexdigest()[:24]
    return MadeFile(f"file-{name}", f"{name}{_EXTENSIONS.get(kind, '.bin')}", content)
