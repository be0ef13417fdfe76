"""Times in all their forms."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from assistants_client.transfer.importing.times import DateError, Times, is_suspect


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1748000000, 1748000000.0),
        (1748000000.25, 1748000000.25),
        ("1748000000", 1748000000.0),
        (1748000000123, 1748000000.123),
        ("1748000000123456", 1748000000.123456),
        (1748000000123456789, 1748000000.1234567),
        ("2025-05-23T11:33:20Z", 1748000000.0),
        ("2025-05-23 11:33:20+00:00", 1748000000.0),
        ("2025-05-23T13:33:20.5+0200", 1748000000.5),
        ("2025-05-23 11:33:20 UTC", 1748000000.0),
        ("2025/05/23 11:33", 1747999980.0),
        ("2025-05-23", 1747958400.0),
        ("/Date(1748000000123)/", 1748000000.123),
        ("/Date(1748000000000+0200)/", 1748000000.0),
        (None, None),
        ("", None),
        (0, None),
        (True, None),
        ("yesterday", None),
        ("2025-13-45", None),
        ([1], None),
        (float("nan"), None),
        (10**400, None),
    ],
)
def test_forms(value: object, expected: float | None) -> None:
    """Each is Unix seconds, with a fraction where it has one."""
    assert Times().read(value).seconds == expected


def test_a_time_without_a_zone_is_of_the_zone_that_is_named() -> None:
    """Without one it is UTC, which is noted."""
    assumed = Times().read("2025-05-23T13:33:20")
    assert (assumed.seconds, assumed.is_zone_assumed) == (1748007200.0, True)
    known = Times(ZoneInfo("Europe/Brussels")).read("2025-05-23T13:33:20")
    assert (known.seconds, known.is_zone_assumed) == (1748000000.0, False)


@pytest.mark.parametrize("text", ["01/03/2024", "13-05-24 10:00", "1.3.2024, 10:00"])
def test_a_date_that_may_be_read_two_ways_is_refused(text: str) -> None:
    """Also one that could be read in one way only: the next one could not."""
    with pytest.raises(DateError):
        Times().read(text)


def test_the_form_of_dates_can_be_said() -> None:
    """Other forms are read all the same."""
    times = Times(ZoneInfo("UTC"), "%d/%m/%Y %H:%M")
    assert times.read("23/05/2025 11:33").seconds == 1747999980.0
    assert times.read("2025-05-23 11:33").seconds == 1747999980.0
    assert times.read("nonsense").seconds is None


def test_times_before_the_protocol_and_after_tomorrow_are_not_credible() -> None:
    """The days between are."""
    now = 1_800_000_000.0
    assert is_suspect(1_600_000_000, now)
    assert is_suspect(now + 2 * 24 * 60 * 60, now)
    assert not is_suspect(now - 1, now)
