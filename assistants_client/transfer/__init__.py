"""The way in and the way out: archives of what a server stores, and their import into an engine.

The commands ``assistants export`` and ``assistants import`` call these functions; so can a program
or a notebook. Names only.
"""

from typing import TYPE_CHECKING

from assistants_client._lazy_names import lazy_names

if TYPE_CHECKING:
    from assistants_client.transfer.archive import ArchiveError, read_archive

__all__ = [
    "ArchiveError",
    "read_archive",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "ArchiveError": "archive",
            "read_archive": "archive",
        },
    )
