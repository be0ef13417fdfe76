"""The way in and the way out: archives of what a server stores, and their import into an engine.

The commands ``assistants export`` and ``assistants import`` call these functions; so can a program
or a notebook. Names only.
"""

from typing import TYPE_CHECKING

from assistants_client._lazy_names import lazy_names

if TYPE_CHECKING:
    from assistants_client.transfer.archive import ArchiveError, read_archive
    from assistants_client.transfer.exporting import ExportReport, export
    from assistants_client.transfer.found import Direction
    from assistants_client.transfer.importing.decisions import OnConflict
    from assistants_client.transfer.importing.importer import import_files
    from assistants_client.transfer.importing.options import DatabaseUnusableError, TransferError
    from assistants_client.transfer.importing.order import OrderOption
    from assistants_client.transfer.importing.summary import ImportProgress, ImportSummary
    from assistants_client.transfer.live_source import ExportError
    from assistants_client.transfer.losses import Loss, Place
    from assistants_client.transfer.reading.options import Reader, Recognised
    from assistants_client.transfer.targets.convert import (
        CitationsAs,
        ConversionReport,
        Target,
        convert,
    )
    from assistants_client.transfer.targets.turns import ToolsAs

__all__ = [
    "ArchiveError",
    "CitationsAs",
    "ConversionReport",
    "DatabaseUnusableError",
    "Direction",
    "ExportError",
    "ExportReport",
    "ImportProgress",
    "ImportSummary",
    "Loss",
    "OnConflict",
    "OrderOption",
    "Place",
    "Reader",
    "Recognised",
    "Target",
    "ToolsAs",
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
            "CitationsAs": "targets.convert",
            "ConversionReport": "targets.convert",
            "Direction": "found",
            "ExportError": "live_source",
            "ExportReport": "exporting",
            "ImportProgress": "importing.summary",
            "ImportSummary": "importing.summary",
            "Loss": "losses",
            "OnConflict": "importing.decisions",
            "OrderOption": "importing.order",
            "Place": "losses",
            "Reader": "reading.options",
            "Recognised": "reading.options",
            "Target": "targets.convert",
            "ToolsAs": "targets.turns",
            "TransferError": "importing.options",
            "convert": "targets.convert",
            "export": "exporting",
            "import_files": "importing.importer",
            "read_archive": "archive",
        },
    )
