"""Opens what is named, tells what each file is, and passes on what is found in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from assistants_client.transfer.found import Direction, Found
from assistants_client.transfer.losses import Losses
from assistants_client.transfer.reading import dumps, refusals, tables
from assistants_client.transfer.reading.columns import FIELDS
from assistants_client.transfer.reading.json_stream import JsonReader
from assistants_client.transfer.reading.opening import Group, SourceFile, group_of
from assistants_client.transfer.reading.options import ReadOptions, Recognised, SourceError
from assistants_client.transfer.reading.state import FileState, Keys
from assistants_client.transfer.reading.text import TextFile
from assistants_client.transfer.reading.walker import Walker


def read(
    paths: Sequence[str | os.PathLike[str]], losses: Losses, options: ReadOptions
) -> Iterator[Found]:
    """Reads files, folders and archives, one after the other, in flat memory.

    All paths are looked at before anything is read, and nothing is written anywhere. A file that
    was named and is no source ends it; in a folder or an archive such a file is reported, unless
    there is no other.

    Args:
        paths: JSON, NDJSON, CSV or SQL files, ``.gz`` and ``.zip`` of them, and folders.
        losses: Takes what is not read, or not as it was.
        options: How they are to be read.

    Yields:
        Each object, in the order of the source.

    Raises:
        SourceError: A file is missing, or is nothing that can be read.
    """
    unknown = sorted(options.columns.keys() - set(FIELDS))
    if unknown:
        raise SourceError(
            f"--columns: there is no field {unknown[0]!r}: the fields are {', '.join(FIELDS)}"
        )
    groups = list[Group]()
    try:
        groups.extend(map(group_of, paths))
        for group in groups:
            for file in group.files:
                if file.is_named:
                    _refuse_by_head(file)
        keys = Keys()
        for group in groups:
            yield from _group(group, losses, options, keys)
    finally:
        for group in groups:
            group.close()


def _refuse_by_head(file: SourceFile) -> None:
    """Refuses what shows by its first bytes that it is no source."""
    if not file.path.is_file():
        return  # a pipe can be read once only
    with file.opened() as stream:
        _kind(file.name, TextFile(stream), ReadOptions())


def _group(group: Group, losses: Losses, options: ReadOptions, keys: Keys) -> Iterator[Found]:
    """Yields what is found behind one path."""
    refused: SourceError | None = None
    good = 0
    for file in group.files:
        state = FileState(file.name, losses, options, keys)
        try:
            yield from _file(file, state)
        except SourceError as error:
            if file.is_named:
                raise
            refused = refused or error
            sentence = str(error).removeprefix(f"{file.name}: ")
            state.number = None
            state.lose("not_a_conversation", note=sentence)
        else:
            good += 1
    if refused is not None and not good:
        raise SourceError(
            f"{group.name}: none of its {len(group.files)} files is a source; the first: {refused}"
        )
    if group.others:
        state = FileState(group.name, losses, options, keys)
        state.lose("not_a_conversation", note=f"files of other kinds: {group.others}")


def _file(file: SourceFile, state: FileState) -> Iterator[Found]:
    """Yields what is found in one file."""
    with file.opened() as stream:
        text = TextFile(stream)
        if not text.head.strip("\ufeff \t\r\n\0"):
            state.lose("truncated_file" if text.is_cut else "empty_source")
            return
        kind = _kind(file.name, text, state.options)
        walker, is_truncated = Walker(state), False
        if kind == "csv":
            yield from walker.walk_all(tables.rows_of(text.head, text.pieces(), state))
        elif kind == "sql":
            yield from walker.walk_all(dumps.rows_of(text.pieces(), state))
        else:
            reader = JsonReader(text.pieces())
            yield from walker.walk_all((reader.line, value) for value in reader.values())
            _report_json(reader, state)
            is_truncated = reader.is_truncated
    state.number = None
    if (text.is_cut or walker.is_unfinished_archive) and not is_truncated:
        is_truncated = True
        state.lose("truncated_file")
    if text.has_other_bytes:
        state.lose("characters_replaced", note="bytes that are no text in its encoding")
    _conclude(state, is_truncated=is_truncated)


def _kind(name: str, text: TextFile, options: ReadOptions) -> str:
    """Returns ``json``, ``csv`` or ``sql``.

    Raises:
        SourceError: It is none of them.
    """
    sentence = refusals.binary(text.head_bytes) or refusals.text(text.head)
    if sentence is not None:
        raise SourceError(f"{name}: {sentence}")
    plain = name.lower().removesuffix(".gz")
    head = text.head.lstrip("\ufeff \t\r\n")
    if head[:1] in {"[", "{"}:
        return "json"
    if plain.endswith(".sql") or dumps.is_dump(head):
        return "sql"
    if plain.endswith((".csv", ".tsv")) or tables.is_table(head, options):
        return "csv"
    if plain.endswith((".json", ".jsonl", ".ndjson")):
        return "json"
    raise SourceError(
        f"{name}: is plain text, such as a transcript: what it says of threads, times and authors "
        "cannot be told from the rest, so save the messages as JSON or CSV"
    )


def _report_json(reader: JsonReader, state: FileState) -> None:
    """Reports what of a text was no JSON, or not as it can be stored."""
    state.number = reader.line
    if reader.failure is not None:
        code = "truncated_file" if reader.is_truncated else "unreadable_line"
        note = reader.failure if reader.is_truncated else f"{reader.failure}: the rest is not read"
        if not state.total() and not reader.is_truncated:
            raise SourceError(f"{state.file}:{reader.line}: is no JSON: {reader.failure}")
        state.lose(code, note=note)
    if reader.replaced:
        state.number = None
        note = f"NUL or half a surrogate pair, in {reader.replaced} values"
        state.lose("characters_replaced", note=note)


def _conclude(state: FileState, *, is_truncated: bool) -> None:
    """Tells what was recognised, and refuses a file in which nothing was."""
    if not state.total():
        if state.reasons or state.unknown:
            sentence = state.reasons.most_common(1)[0][0] if state.reasons else refusals.UNKNOWN
            raise SourceError(f"{state.file}: {sentence}")
        if not state.empty and not is_truncated:
            state.lose("empty_source")
        return
    for reason, count in state.reasons.items():
        if reason != refusals.IDS:
            state.lose("not_a_conversation", note=f"{count} times: {reason}")
    if state.unknown:
        state.lose("not_a_conversation", note=f"{state.unknown} objects of no known kind")
    if state.options.recognised is None:
        return
    for reader, seen in state.seen.items():
        directions: Any = seen.directions - {"unknown"}
        direction: Direction = directions.pop() if len(directions) == 1 else "unknown"
        state.options.recognised(
            Recognised(state.file, reader, dict(seen.columns), direction, seen.objects.total())
        )
