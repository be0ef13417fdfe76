"""The way in and the way out: archives of what a server stores, and their import into an engine.

The commands ``assistants export`` and ``assistants import`` call these functions; so can a program
or a notebook. Names only.
"""

from typing import TYPE_CHECKING

from assistants_client._lazy_names import lazy_names

if TYPE_CHECKING:
    from assistants_client.transfer.archive import ArchiveError, read_archive
    from assistants_client.transfer.export import ExportReport, export
    from assistants_client.transfer.importing.importer import import_files
    from assistants_client.transfer.importing.options import DatabaseUnusableError, TransferError
    from assistants_client.transfer.importing.summary import ImportProgress, ImportSummary
    from assistants_client.transfer.live_source import ExportError
    from assistants_client.transfer.losses import Loss, Place
    from assistants_client.transfer.targets.convert import ConversionReport, convert

__all__ = [
    "ArchiveError",
    "ConversionReport",
    "DatabaseUnusableError",
    "ExportError",
    "ExportReport",
    "ImportProgress",
    "ImportSummary",
    "Loss",
    "Place",
    "TransferError",
    "convert",
    "export",
    "import_files",
    "read_archive",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "ArchiveError": "archive",
            "DatabaseUnusableError": "importing.options",
            "ConversionReport": "targets.convert",
            "ExportError": "live_source",
            "ExportReport": "export",
            "ImportProgress": "importing.summary",
            "ImportSummary": "importing.summary",
            "Loss": "losses",
            "Place": "losses",
            "TransferError": "importing.options",
            "convert": "targets.convert",
            "export": "export",
            "import_files": "importing.importer",
            "read_archive": "archive",
        },
    )
