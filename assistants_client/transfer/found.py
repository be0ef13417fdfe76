"""Objects in the protocol's shape, which readers of sources pass to the import one by one.

A reader knows a format; it knows no rule about ids, times, order or what is stored already.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from assistants_client.transfer.losses import Place

Kind: TypeAlias = Literal[
    "assistant",
    "thread",
    "message",
    "run",
    "step",
    "file",
    "vector_store",
    "vector_store_file",
    "file_text",
]
#: How the messages of one source stand in it, as far as the reader knows.
Direction: TypeAlias = Literal["oldest_first", "newest_first", "unknown"]


@frozen
class Found:
    """An object of a source.

    Attributes:
        kind: What it is. ``file_text`` is the parsed text of a file: ``{"file_id", "text"}``.
        document: Its fields under the protocol's names, with content in the protocol's form. Times
            are as they stood (any form), ids as they stood or absent, unknown keys are kept.
        place: Where it stood.
        thread_key: What holds messages, runs and steps together: the thread's id, or, where there
            is none, what the source has in its place (a session's id, a file's name). ``None`` for
            what belongs to no thread.
        run_key: For steps: the id of their run.
        direction: For messages: how the list stands that this one is in.
        is_cut: For messages: the list they stand in says that there is more, or has exactly the
            length of a page (20 or 100). Only the last one of a list has it: where another source
            goes on, messages of the thread stand beyond it, and nothing is missing.
    """

    kind: Kind
    document: dict[str, Any]
    place: Place
    thread_key: str | None = None
    run_key: str | None = None
    direction: Direction = "unknown"
    is_cut: bool = field(default=False)
