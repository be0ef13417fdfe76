"""The options of an import, checked before anything is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import field, frozen

from assistants_client.errors import AssistantsError, ConfigurationError
from assistants_client.transfer.importing.decisions import OnConflict
from assistants_client.transfer.importing.order import OrderOption
from assistants_client.transfer.reading.columns import FIELDS
from assistants_client.transfer.reading.options import Reader


class TransferError(AssistantsError):
    """An import cannot go on; every thread is either imported as a whole or not at all."""


class DatabaseUnusableError(TransferError):
    """The database cannot be used for the moment; what was imported before is complete."""


@frozen(kw_only=True)
class ImportOptions:
    """How to import; see ``import_files``, whose arguments these are.

    Raises:
        ConfigurationError: One of them cannot be used; it is named.
    """

    as_: Reader | None = None
    columns: Mapping[str, str] = field(factory=dict)
    branches: bool = False
    order: OrderOption = "auto"
    files: Path | None = None
    model_map: Mapping[str, str] = field(factory=dict)
    timezone: str | None = None
    date_format: str | None = None
    on_conflict: OnConflict = "keep"
    restore: bool = False
    dry_run: bool = False

    def __attrs_post_init__(self) -> None:
        _require("as_", self.as_, (*get_args(Reader), None))
        _require("order", self.order, get_args(OrderOption))
        _require("on_conflict", self.on_conflict, get_args(OnConflict))
        for name in self.columns:
            if name not in FIELDS:
                raise ConfigurationError(
                    f"columns: {name!r:.80} is none of the fields {', '.join(FIELDS)}"
                )
        if self.files is not None and not self.files.is_dir():
            raise ConfigurationError(f"files: there is no folder {os.fspath(self.files)}")
        if self.date_format is not None and "%" not in self.date_format:
            raise ConfigurationError(
                f"date_format: {self.date_format!r:.80} has no field such as %d; "
                "an example is %d/%m/%Y %H:%M"
            )
        _ = self.zone

    @property
    def zone(self) -> tzinfo | None:
        """The zone of times that have none; ``None`` where it is not said."""
        if self.timezone is None:
            return None
        try:
            return ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ConfigurationError(
                f"timezone: {self.timezone!r:.80} is no name of a zone; examples are "
                "Europe/Brussels and UTC (where no zone is known: pip install tzdata)"
            ) from None


def _require(name: str, value: object, allowed: tuple[Any, ...]) -> None:
    if value not in allowed:
        known = ", ".join(str(one) for one in allowed if one is not None)
        raise ConfigurationError(f"{name}: {value!r:.80} is none of {known}")
