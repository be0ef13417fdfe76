"""``convert``: an archive as what Conversations, chat completions or the Agents SDK take.

Each target is written under a temporary name, and gets its own when it is complete.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeAlias

from attrs import define, field

from assistants_client.errors import InvalidRequestError
from assistants_client.transfer.archive import ArchiveError, canonical, file_path
from assistants_client.transfer.losses import CODES, Loss, Losses
from assistants_client.transfer.targets.items import Item, items_of
from assistants_client.transfer.targets.turns import (
    ArchivedThread,
    Call,
    ImagePart,
    TextPart,
    ToolsAs,
    Turn,
    archived_threads,
)

#: Citations stay as marks in the text, or become annotations of whole output messages.
CitationsAs: TypeAlias = Literal["marks", "annotations"]
#: What an archive can be made into.
Target: TypeAlias = Literal["conversations", "chat", "agents-sqlite"]

#: The items of one request that creates a conversation, or adds to one, by its description.
MOST_ITEMS: Final = 20
_MOST_METADATA: Final = 16
#: The last second that dates have.
_LAST_SECOND: Final = 253_402_300_799
#: Those of the Agents SDK's ``SQLiteSession``.
_TABLES: Final = """
CREATE TABLE agent_sessions (
    session_id TEXT PRIMARY KEY,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE agent_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    message_data TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (session_id) REFERENCES agent_sessions (session_id) ON DELETE CASCADE
);
CREATE INDEX idx_agent_messages_session_id ON agent_messages (session_id, id);
"""


@define
class ConversionReport:
    """What was written. As text it is a sentence.

    Attributes:
        path: Where it is.
        threads: How many threads it has.
        items: How many items, messages or rows.
        losses: What could not come along, or not as it was, by its code; see ``losses.CODES``.
    """

    path: Path
    threads: int = 0
    items: int = 0
    losses: Counter[str] = field(factory=Counter)

    def __str__(self) -> str:
        said = [f"{self.threads:,} threads, {self.items:,} items"]
        said += [f"{count:,} {CODES[code]}" for code, count in self.losses.items()]
        return "; ".join(said) + "."


def convert(
    archive: str | os.PathLike[str],
    to: str | os.PathLike[str],
    target: Target,
    *,
    threads: Iterable[str] | None = None,
    tools: ToolsAs = "text",
    citations: CitationsAs = "marks",
    on_loss: Callable[[Loss], object] | None = None,
) -> ConversionReport:
    """Writes an archive's threads in the form of another service, and returns what that was.

    * ``conversations``: a folder with one folder a thread, of the bodies of the requests that make
      it a conversation of OpenAI's or Foundry's: ``000-create.json``, then ``001-items.json`` and
      so on, 20 items each. ``id_map.ndjson`` has a line a thread, with room for the new id.
    * ``chat``: a file of JSON lines, one thread each: ``{"messages": [...]}`` of chat completions
      and of fine-tuning. The file ``NAME.ids`` has the thread's id in the same line.
    * ``agents-sqlite``: a database of sessions for the Agents SDK's ``SQLiteSession``, with the
      thread's id as that of the session, and the times.

    Calls of functions stay calls, where their output is there. Code and searches become text.
    Images come along where their bytes are in the archive or their URLs in the message. Attachments
    become notes. One thread at a time is in memory.

    Args:
        archive: An archive, as ``export`` writes it.
        to: The folder or file to write; one that is there is replaced.
        target: The form.
        threads: Only the threads with these ids.
        tools: What becomes of calls of other tools than functions; ``"drop"`` leaves them out.
        citations: ``"annotations"`` keeps those of files with a known name as annotations, in the
            form of whole output messages; else their marks stay in the text. Chat has none.
        on_loss: Called with each thing that cannot come along as it was.

    Raises:
        ArchiveError: It is no archive, or not a whole one, or nothing can be written there.
        InvalidRequestError: There is no such target.
    """
    path = Path(to)
    if target not in _WRITERS:
        raise InvalidRequestError(
            f"target: {target!r} is not one of {', '.join(_WRITERS)}", path="target"
        )
    losses = Losses(on_loss)
    report = ConversionReport(path, losses=losses.counts)
    found = archived_threads(
        Path(archive),
        losses,
        threads=threads,
        tools=tools,
        has_citations=citations == "annotations" and target != "chat",
    )
    try:
        _WRITERS[target](found, path, report)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be written: {error}") from error
    return report


def _conversations(threads: Iterator[ArchivedThread], path: Path, report: ConversionReport) -> None:
    partial = path.with_name(f"{path.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    with (partial / "id_map.ndjson").open("x", encoding="utf-8", newline="\n") as id_map:
        for thread in threads:
            id_ = str(thread.document["id"])
            folder = file_path(partial, id_)
            folder.mkdir()
            batches = _batches([items_of(turn) for turn in thread.turns])
            for number, batch in enumerate(batches):
                body: Item = {"items": batch}
                if number == 0:
                    body["metadata"] = _metadata(thread)
                name = f"{number:03}-{'items' if number else 'create'}.json"
                (folder / name).write_bytes(f"{canonical(body)}\n".encode())
            items = sum(map(len, batches))
            line = {"from": id_, "to": None, "items": items, "requests": len(batches)}
            id_map.write(f"{json.dumps(line)}\n")
            report.threads += 1
            report.items += items
    if path.is_dir():
        shutil.rmtree(path)
    partial.replace(path)


def _batches(groups: list[list[Item]]) -> list[list[Item]]:
    """Returns the items of requests. A call and its output are in the same."""
    batches: list[list[Item]] = [[]]
    for group in groups:
        if len(batches[-1]) + len(group) > MOST_ITEMS:
            batches.append([])
        batches[-1] += group
    return batches


def _metadata(thread: ArchivedThread) -> dict[str, str]:
    metadata = dict(thread.document.get("metadata") or {})
    if len(metadata) < _MOST_METADATA:
        metadata.setdefault("thread_id", str(thread.document["id"]))
    return metadata


def _chat(threads: Iterator[ArchivedThread], path: Path, report: ConversionReport) -> None:
    ids_path = path.with_name(f"{path.name}.ids")
    with _renamed(path) as lines, _renamed(ids_path) as ids:
        for thread in threads:
            messages = [one for turn in thread.turns for one in _chat_messages(turn)]
            if not messages:
                continue  # a request needs one
            lines.write(f"{canonical({'messages': messages})}\n".encode())
            ids.write(f"{thread.document['id']}\n".encode("utf-8", "backslashreplace"))
            report.threads += 1
            report.items += len(messages)


def _chat_messages(turn: Turn | Call) -> list[dict[str, Any]]:
    if isinstance(turn, Call):
        function = {"name": turn.name, "arguments": turn.arguments}
        call = {"id": turn.id, "type": "function", "function": function}
        return [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": turn.id, "content": turn.output},
        ]
    images = [part for part in turn.parts if isinstance(part, ImagePart)]
    if not images:
        return [{"role": turn.role, "content": turn.text}]
    parts = [_chat_part(part) for part in turn.parts]
    if turn.role == "user":
        return [{"role": "user", "content": parts}]
    # Only a user's message may have images: they follow in one.
    said = [{"role": turn.role, "content": turn.text}] if turn.text else []
    return [*said, {"role": "user", "content": [one for one in parts if one["type"] != "text"]}]


def _chat_part(part: TextPart | ImagePart) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    return {"type": "image_url", "image_url": {"url": part.url, "detail": part.detail}}


def _agents_sqlite(threads: Iterator[ArchivedThread], path: Path, report: ConversionReport) -> None:
    partial = path.with_name(f"{path.name}.part")
    partial.unlink(missing_ok=True)
    with closing(sqlite3.connect(partial)) as database:
        database.executescript(_TABLES)
        for thread in threads:
            id_ = thread.document["id"]
            first = int(thread.document.get("created_at") or 0)
            last = max((turn.created_at for turn in thread.turns), default=first)
            database.execute(
                "INSERT INTO agent_sessions VALUES (?, ?, ?)", (id_, _time(first), _time(last))
            )
            rows = [
                (id_, canonical(item), _time(turn.created_at))
                for turn in thread.turns
                for item in items_of(turn)
            ]
            database.executemany(
                "INSERT INTO agent_messages (session_id, message_data, created_at) "
                "VALUES (?, ?, ?)",
                rows,
            )
            database.commit()
            report.threads += 1
            report.items += len(rows)
    partial.replace(path)


@contextmanager
def _renamed(path: Path) -> Iterator[IO[bytes]]:
    partial = path.with_name(f"{path.name}.part")
    with partial.open("wb") as file:
        yield file
    partial.replace(path)


def _time(seconds: int) -> str:
    within = min(max(seconds, 0), _LAST_SECOND)
    return f"{datetime.fromtimestamp(within, timezone.utc):%Y-%m-%d %H:%M:%S}"


_WRITERS: Final[dict[str, Callable[[Iterator[ArchivedThread], Path, ConversionReport], None]]] = {
    "conversations": _conversations,
    "chat": _chat,
    "agents-sqlite": _agents_sqlite,
}
