"""The way in and the way out: archives of what a server stores, and their import into an engine.

The commands ``assistants export`` and ``assistants import`` call these functions; so can a program
or a notebook. Names only.
"""

from typing import TYPE_CHECKING

from assistants_client._lazy_names import lazy_names

if TYPE_CHECKING:
    from assistants_client.transfer.archive import ArchiveError, read_archive
    from assistants_client.transfer.export import ExportReport, export
    from assistants_client.transfer.live_source import ExportError
    from assistants_client.transfer.losses import Loss, Place

__all__ = [
    "ArchiveError",
    "ExportError",
    "ExportReport",
    "Loss",
    "Place",
    "export",
    "read_archive",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "ArchiveError": "archive",
            "ExportError": "live_source",
            "ExportReport": "export",
            "Loss": "losses",
            "Place": "losses",
            "export": "export",
            "read_archive": "archive",
        },
    )
