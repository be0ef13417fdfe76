"""Times of sources, in whatever form they stand, as Unix seconds. Pure."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final

from attrs import frozen

#: From these numbers on, a time is in milliseconds, microseconds and nanoseconds.
_UNITS: Final = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
#: The protocol is younger than what is older: November 2022.
EARLIEST: Final = datetime(2022, 11, 1, tzinfo=timezone.utc).timestamp()
#: Seconds from now on after which a time is not credible.
LATEST: Final = 24 * 60 * 60

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
_DATE: Final = re.compile(
    r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})"
    r"(?:[T ]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?"
    r" ?(Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_MICROSOFT: Final = re.compile(r"/Date\((-?[0-9]{1,17})(?:[+-][0-9]{4})?\)/")
_DAY_OR_MONTH: Final = re.compile(r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2,4}(?:[ T,].*)?")


class DateError(ValueError):
    """A date that begins with a day or a month, and nothing says with which."""


@frozen
class Reading:
    """A time: Unix seconds with their fraction, or ``None``, and whether its zone is assumed."""

    seconds: float | None
    is_zone_assumed: bool = False


_NONE: Final = Reading(None)


@frozen
class Times:
    """Reads times.

    Attributes:
        zone: The zone of times that have none; ``None`` is UTC, and is noted.
        date_format: The form of dates, as ``datetime.strptime`` reads it, that is tried first.
    """

    zone: tzinfo | None = None
    date_format: str | None = None

    def read(self, value: object) -> Reading:
        """Returns the time that a value stands for.

        Raises:
            DateError: It is a date such as ``01/03/2024``, and there is no ``date_format``.
        """
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return Reading(_in_seconds(value))
        return self._text(value.strip()) if isinstance(value, str) else _NONE

    def _text(self, text: str) -> Reading:
        if self.date_format is not None:
            try:
                return self._with_zone(datetime.strptime(text, self.date_format))
            except ValueError:
                pass  # it has another form
        if _NUMBER.fullmatch(text):
            return Reading(_in_seconds(float(text)))
        if found := _MICROSOFT.fullmatch(text):
            return Reading(int(found[1]) / 1000)
        if found := _DATE.fullmatch(text):
            return self._date(found)
        if self.date_format is None and _DAY_OR_MONTH.fullmatch(text):
            raise DateError(text)
        return _NONE

    def _date(self, found: re.Match[str]) -> Reading:
        year, month, day, hour, minute, second, fraction, zone = found.groups()
        try:
            moment = datetime(
                int(year),
                int(month),
                int(day),
                int(hour or 0),
                int(minute or 0),
                int(second or 0),
                int((fraction or "0").ljust(6, "0")[:6]),
                _zone(zone),
            )
        except ValueError:
            return _NONE
        return self._with_zone(moment)

    def _with_zone(self, moment: datetime) -> Reading:
        if moment.tzinfo is not None:
            return Reading(moment.timestamp())
        assumed = self.zone is None
        zone = timezone.utc if self.zone is None else self.zone
        return Reading(moment.replace(tzinfo=zone).timestamp(), assumed)


def is_suspect(seconds: float, now: float) -> bool:
    """Returns whether a time is not credible: before the protocol's, or in the future."""
    return not EARLIEST <= seconds <= now + LATEST


def _in_seconds(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    if not math.isfinite(number) or number <= 0:
        return None  # 0 is what servers send for "not yet"
    for least, divisor in _UNITS:
        if number >= least:
            return number / divisor
    return number


def _zone(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text[0] not in "+-":
        return timezone.utc
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)
