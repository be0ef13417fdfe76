"""The state that readers of one file share: its place, its losses, and what was recognised."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from attrs import evolve, field, frozen

from assistants_client.transfer.found import Direction, Found, Kind
from assistants_client.transfer.losses import Loss, Losses, Place
from assistants_client.transfer.reading.options import Reader, ReadOptions

#: Names of files that are a thread's id: ``thread_…``, a UUID, or what is as long and has digits.
_IS_ID = re.compile(r"thread[_-]\w+|(?=[^0-9]*[0-9])[0-9A-Za-z_-]{20,64}")
#: Suffixes that a name may have behind the thread's id.
_SUFFIXES = frozenset((".gz", ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".sql"))


@frozen
class Context:
    """All that encloses the values at hand.

    Attributes:
        thread_key: The thread that they belong to.
        run_key: The run that they belong to.
        assistant_id: The assistant that they belong to.
        direction: How the list stands that they are in.
        has_more: A page around them says whether another follows.
        depth: Wrappers around them.
        is_list: They are elements of a list.
    """

    thread_key: str | None = None
    run_key: str | None = None
    assistant_id: str | None = None
    direction: Direction = "unknown"
    has_more: bool | None = None
    depth: int = 0
    is_list: bool = False


class Keys:
    """Makes keys for threads that have none, so that the same threads get the same again.

    Attributes:
        placed: Files of vector stores that were met as objects: store and file.
    """

    def __init__(self) -> None:
        self.placed: set[tuple[str, str]] = set()
        self._files: dict[str, str] = {}
        self._equal: Counter[str] = Counter()

    def of_file(self, file: str) -> str:
        """Returns the file's name without suffixes; with its folder, if that was another's."""
        path = PurePosixPath(file.replace("\\", "/"))
        name = _stem(path.name)
        if self._files.setdefault(name, file) != file:
            name = f"{path.parent.name}-{name}"
        return name

    def of_content(self, *values: object) -> str:
        """Returns a key made from what a thread begins with, and how many had the same before."""
        text = json.dumps(values, sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:24]
        self._equal[digest] += 1
        nth = self._equal[digest]
        return f"chat-{digest}" if nth == 1 else f"chat-{digest}-{nth}"


def _stem(name: str) -> str:
    while (path := PurePosixPath(name)).suffix.lower() in _SUFFIXES:
        name = path.stem
    return name


def derived_id(prefix: str, *values: object) -> str:
    """Returns an id made from what it is for."""
    text = json.dumps(values, sort_keys=True, default=str)
    return prefix + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:24]


@frozen
class _Seen:
    """The objects that a reader took of a file."""

    objects: Counter[str] = field(factory=Counter)
    columns: dict[str, str] = field(factory=dict)
    directions: set[Direction] = field(factory=set)


class FileState:
    """The state of one file.

    Args:
        file: Its name, as it is shown.
        losses: Takes what is lost.
        options: How it is to be read.
        keys: Makes keys for threads.

    Attributes:
        number: The line or number of what is read at the moment.
        reasons: What stood there and is no conversation, by how often, in the words of a refusal.
        unknown: Objects of lists that no reader knows.
        empty: Threads that were saved without anything in them.
    """

    def __init__(self, file: str, losses: Losses, options: ReadOptions, keys: Keys) -> None:
        self.file = file
        self.losses = losses
        self.options = options
        self.keys = keys
        self.number: int | None = None
        self.reasons: Counter[str] = Counter()
        self.unknown = 0
        self.empty = 0
        self.seen: dict[Reader, _Seen] = {}

    def uses(self, reader: Reader) -> bool:
        """Returns whether a reader may take objects."""
        return self.options.as_ is None or self.options.as_ == reader

    def place(self) -> Place:
        """Returns the place of what is read at the moment."""
        return Place(self.file, self.number)

    def lose(
        self,
        code: str,
        *,
        kind: str | None = None,
        id_: object = None,
        name: str | None = None,
        note: str | None = None,
    ) -> None:
        """Reports a loss at this place."""
        shown = str(id_) if isinstance(id_, (str, int)) and not isinstance(id_, bool) else None
        self.losses.add(Loss(code, self.place(), kind, shown, name, note))

    def found(
        self,
        reader: Reader,
        kind: Kind,
        document: dict[str, Any],
        *,
        thread_key: str | None = None,
        run_key: str | None = None,
        direction: Direction = "unknown",
        columns: Mapping[str, str] | None = None,
    ) -> Found:
        """Returns an object, and counts it for its reader."""
        seen = self.seen.get(reader)
        if seen is None:
            seen = self.seen[reader] = _Seen()
        seen.objects[kind] += 1
        if columns is not None and not columns.items() <= seen.columns.items():
            seen.columns.update(columns)
        if kind == "message":
            seen.directions.add(direction)
        return Found(kind, document, Place(self.file, self.number), thread_key, run_key, direction)

    def file_key(self) -> str:
        """Returns the key of a thread that only the file's name can tell."""
        return self.keys.of_file(self.file)

    def file_is_id(self) -> str | None:
        """Returns the file's name where it is a thread's id."""
        name = _stem(PurePosixPath(self.file.replace("\\", "/")).name)
        return name if _IS_ID.fullmatch(name) else None

    def total(self) -> int:
        """Returns the number of objects that were found."""
        return sum(seen.objects.total() for seen in self.seen.values())


def inside(context: Context, **changes: Any) -> Context:
    """Returns the context of what stands one level deeper."""
    return evolve(context, depth=context.depth + 1, **changes)


#: Members whose value is the id of the thread that encloses something, best first.
THREAD_NAMES: Final = (
    "thread_id",
    "threadId",
    "openai_thread_id",
    "sessionId",
    "session_id",
    "conversation_id",
    "conversationId",
    "chat_id",
    "chatId",
)
