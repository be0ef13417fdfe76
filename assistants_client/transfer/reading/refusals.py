"""Sentences for what is no source: what it is, and what to do instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from assistants_client.transfer.losses import CODES

IDS: Final = (
    "holds ids, not conversations: what they name is on the server, so read it from there with "
    "'assistants export --threads FILE', FILE with one thread id a line"
)
REPR: Final = (
    "holds Python's repr of objects, not JSON: save them again with "
    "json.dump([message.model_dump() for message in page], file)"
)
AGENT_VERSION: Final = (
    "is a version of an agent of the new Foundry service, whose definition has another form: "
    "export the classic agent with 'assistants export --foundry ENDPOINT'"
)
CHATKIT: Final = "holds ChatKit's threads, which are another thing of the same name: not read"
REPORT: Final = "is a report of an import, not its source: name the file that was imported"
UNKNOWN: Final = (
    "no conversation, assistant, file or vector store was recognised in it: for a table of another "
    "form say which column is which, as in --columns thread=...,role=...,text=..."
)
ERROR: Final = (
    "holds a server's error response, not a thread: see its message, and fetch the thread again"
)
RESPONSES: Final = (
    "holds chat completions or responses one by one, not conversations: save the lists of messages"
)

HTML: Final = "is an HTML page, such as a login or an error: fetch the file again, signed in"
PYTHON: Final = (
    "is Python's form of dictionaries, not JSON: write it with json.dump(value, file), not with "
    "str or print"
)

_BINARY: Final = (
    (b"%PDF-", "is a PDF: export the conversations as JSON"),
    (b"\x89PNG", "is a picture: export the conversations as JSON"),
    (b"\xff\xd8\xff", "is a picture: export the conversations as JSON"),
    (
        b"SQLite format 3\0",
        "is a database file: of an Agents SDK's session give the text that "
        "'sqlite3 FILE .dump' writes, as a .sql file; of any other, the rows as JSON or CSV",
    ),
    (
        b"PGDMP",
        "is a dump of PostgreSQL in its own format: give the table's rows, as with "
        "psql -c \"\\copy TABLE to 'FILE.csv' csv header\"",
    ),
    (b"7z\xbc\xaf", "is a 7z archive: unpack it, and name the folder"),
    (b"Rar!", "is a RAR archive: unpack it, and name the folder"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first (zstd -d)"),
    (b"BZh", "is compressed with bzip2: unpack it first (bunzip2)"),
    (b"\xfd7zXZ", "is compressed with xz: unpack it first (unxz)"),
    (b"PAR1", "is a Parquet file: write the rows as JSON or CSV"),
    (b"\x80\x04", "is a Python pickle, which is not opened: save JSON"),
    (b"\x80\x05", "is a Python pickle, which is not opened: save JSON"),
    (b"\xd0\xcf\x11\xe0", "is an old office document: save the table as CSV"),
)
_REPR_OF = re.compile(r"\s*\[?(?:\w*Page\[\w+\]|(?:Thread)?Message|Thread|Run|Assistant)\(\w+=")
_PYTHON = re.compile(r"[\[{\s]*'\w+'\s*:")
_IDS = re.compile(r"\s*(?:thread|conv)_\w+(?:[\s,;]+(?:thread|conv)_\w+)*\s*")


def binary(head: bytes) -> str | None:
    """Returns why a file's first bytes show that it is no text, if they do."""
    for mark, sentence in _BINARY:
        if head.startswith(mark):
            return sentence
    return None


def text(head: str) -> str | None:
    """Returns why a file's first characters show that it cannot be read, if they do."""
    start = head[:4096].lstrip()
    reasons = (
        (start[:5].lower() == "<?xml", "is XML: export the conversations as JSON or CSV"),
        (start[:1] == "<", HTML),
        (_REPR_OF.match(start), REPR),
        (_PYTHON.match(start), PYTHON),
        (
            "\0" in start and start[:1] not in "{[",
            "is no text: export the conversations as JSON or CSV",
        ),
        (_IDS.fullmatch(start[:1024].rpartition("\n")[0] or start), IDS),
    )
    return next((sentence for fits, sentence in reasons if fits), None)


def value(found: Mapping[str, Any]) -> str | None:
    """Returns why an object that no reader takes is no source, if that can be said."""
    kind = str(found.get("object"))
    error, definition, metadata = (found.get(one) for one in ("error", "definition", "metadata"))
    is_error = isinstance(error, (dict, str)) and len(found) <= 4
    is_report = found.get("code") in CODES and {"file", "line", "note"} <= found.keys()
    is_version = isinstance(definition, dict) and isinstance(definition.get("kind"), str)
    was_moved = isinstance(metadata, dict) and "original_v1_id" in metadata
    reasons = (
        (is_error, ERROR),
        (is_report, REPORT),
        (kind.startswith("chatkit."), CHATKIT),
        (kind in {"chat.completion", "chat.completion.chunk", "response"}, RESPONSES),
        (is_version or was_moved, AGENT_VERSION),
    )
    return next((sentence for fits, sentence in reasons if fits), None)
