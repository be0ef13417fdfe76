"""The way in and the way out: archives of what a server stores, and their import into an engine.

The commands ``assistants export`` and ``assistants import`` call these functions; so can a program
or a notebook. Names only.
"""

from typing import TYPE_CHECKING

from assistants_client._lazy_names import lazy_names

if TYPE_CHECKING:
    from assistants_client.transfer.archive import ArchiveError, read_archive
    from assistants_client.transfer.importing.importer import import_files
    from assistants_client.transfer.importing.options import DatabaseUnusableError, TransferError
    from assistants_client.transfer.importing.summary import Progress, Summary

__all__ = [
    "ArchiveError",
    "DatabaseUnusableError",
    "Progress",
    "Summary",
    "TransferError",
    "import_files",
    "read_archive",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "ArchiveError": "archive",
            "DatabaseUnusableError": "importing.options",
            "Progress": "importing.summary",
            "Summary": "importing.summary",
            "TransferError": "importing.options",
            "import_files": "importing.importer",
            "read_archive": "archive",
        },
    )
