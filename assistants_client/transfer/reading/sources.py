"""Opens what is named, picks the reader of each file, and passes on what they find."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from assistants_client.transfer.found import Found
from assistants_client.transfer.losses import Losses
from assistants_client.transfer.reading.options import ReadOptions


def read(
    paths: Sequence[str | os.PathLike[str]], losses: Losses, options: ReadOptions
) -> Iterator[Found]:
    """Reads files, folders and archives, one after the other, in flat memory.

    Args:
        paths: JSON, NDJSON, CSV or SQL files, ``.gz`` and ``.zip`` of them, and folders.
        losses: Takes what is not read, or not as it was.
        options: How they are to be read.

    Yields:
        Each object, in the order of the source.

    Raises:
        SourceError: A file is missing, or is nothing that can be read.
    """
    raise NotImplementedError
