"""Losses: things that cannot come along, or not as they were, counted by code, without content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from attrs import frozen

#: What can be reported, and what it means in a summary's words.
CODES: Final = {
    "annotation_dropped": "annotations that do not fit their text",
    "attachment_as_note": "attachments became notes in the text",
    "attachment_without_bytes": "attachments have no bytes",
    "branch_left_out": "messages of other branches",
    "characters_replaced": "objects had characters that cannot be stored",
    "citation_as_mark": "citations are marks in the text alone",
    "citation_without_file": "citations of files that are not there",
    "conflict": "objects differ from what is stored, and were left",
    "cut_thread": "threads were cut by their export",
    "duplicate": "objects stood there twice",
    "empty_source": "sources hold nothing",
    "file_as_text": "files came as text",
    "id_changed": "ids were changed",
    "image_as_note": "images became notes, since their bytes are not there",
    "link_not_fetched": "links were not fetched",
    "metadata_cut": "objects have less metadata",
    "model_gone": "models are not served any more",
    "model_unmapped": "models have no replacement",
    "not_a_conversation": "sources hold no conversation",
    "order_guessed": "threads whose order is guessed",
    "part_dropped": "parts of messages were dropped",
    "personal_data_skipped": "values that name people were skipped",
    "role_mapped": "roles were changed",
    "run_closed": "runs that were under way have expired",
    "secret_skipped": "values that look like keys were skipped",
    "steps_missing": "runs have no steps",
    "store_without_files": "vector stores lack files",
    "text_only": "messages are text alone",
    "thread_gone": "threads were not there, or were deleted meanwhile",
    "thread_not_given": "threads could not be read from their server",
    "time_missing": "times are missing",
    "time_suspect": "times are not credible",
    "tool_as_text": "tool calls became text",
    "tool_dropped": "tool calls were left out",
    "tool_output_missing": "function calls have no output",
    "tool_unknown": "tools are not known here",
    "truncated_file": "files end in the middle",
    "unreadable_line": "lines cannot be read",
    "v1_mapped": "fields of the protocol's first version",
    "zone_assumed": "times had no zone",
}


@frozen
class Place:
    """Where something stands in a source.

    Attributes:
        file: The file's name as it was given.
        line: Its line, from 1, where lines mean something; else the number of the object or row.
    """

    file: str
    line: int | None = None


@frozen
class Loss:
    """One thing that did not come along, or not as it was.

    Attributes:
        code: One of ``CODES``.
        place: Where it stood.
        object: The kind of object, such as ``message``.
        id: The object's id, if it has one.
        field: The field that is meant.
        note: Lengths, names of fields or of formats; never content.
    """

    code: str
    place: Place
    object: str | None = None
    id: str | None = None
    field: str | None = None
    note: str | None = None


class Losses:
    """Counts losses, and passes each on as it is met.

    Args:
        listener: Called with each loss, such as the writer of a report.
    """

    def __init__(self, listener: Callable[[Loss], object] | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._listener = listener

    def add(self, loss: Loss) -> None:
        """Counts it."""
        if loss.code not in CODES:
            raise ValueError(f"{loss.code!r} is no code of losses")
        self.counts[loss.code] += 1
        if self._listener is not None:
            self._listener(loss)
