"""What relays write to each other, and which runs they write about."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from assistants_client.engine.events.relay_messages import (
    WantedRuns,
    event_notice,
    packed,
    room_for_notice,
    to_json,
    unpacked,
)


def test_a_message_is_read_as_it_was_written() -> None:
    """With its publisher and number, and each notice in its words."""
    document = to_json({"text": "one two\nthree", "sign": "\u2028é\ud800\x00"})
    event = event_notice("run_1", 7, "thread.run.queued", document, 1000)
    [message] = packed("me", 3, ["here", "want run_2", event], 1000)
    assert message.isascii()
    read = unpacked(message)
    assert read is not None
    publisher, serial, notices = read
    assert (publisher, serial) == ("me", 3)
    assert notices[:2] == [["here"], ["want", "run_2"]]
    assert notices[2][:4] == ["event", "run_1", "7", "thread.run.queued"]
    assert json.loads(notices[2][4]) == {"text": "one two\nthree", "sign": "\u2028é\ud800\x00"}


@pytest.mark.parametrize(
    "message", ["", "1", "1 me", "1 me x\nhere", "2 me 1\nhere", "\x00\xff", "here", "1  4"]
)
def test_what_cannot_be_read_is_nothing(message: str) -> None:
    """Other versions, and other programs."""
    assert unpacked(message) is None


@given(st.lists(st.text("ab ", min_size=1, max_size=60)), st.integers(100, 400))
def test_messages_hold_all_notices_in_order(notices: list[str], limit: int) -> None:
    """Each is within the limit; the number is the last one's alone."""
    messages = [*packed("publisher", 12, notices, limit)]
    read = [unpacked(one) for one in messages]
    assert all(len(one) <= limit for one in messages)
    assert [" ".join(words) for one in read if one for words in one[2]] == notices
    assert [one[1] for one in read if one] == [0] * (len(messages) - 1) + [12] * bool(messages)


@pytest.mark.parametrize("length", range(60, 120))
def test_an_event_that_is_too_large_is_only_counted(length: int) -> None:
    """To the letter: what is not is whole, and within the limit of a message."""
    room = room_for_notice("publisher", 120)
    event = event_notice("run_1", 7, "name", "x" * length, room)
    [message] = packed("publisher", 10**19, [event], 120)
    assert len(message) <= 120
    is_whole = len(f"event run_1 7 name {'x' * length}") <= room
    assert event == (f"event run_1 7 name {'x' * length}" if is_whole else "event run_1 7")


def numbers(wanted: WantedRuns, run_id: str = "run_1", count: int = 1) -> list[int]:
    """The numbers of the next events."""
    found = [wanted.next(run_id, "thread.message.delta") for _ in range(count)]
    return [one[0] for one in found if one is not None]


def test_events_of_a_run_that_is_wanted_are_numbered() -> None:
    """One after the other, for all readers together; of others there is nothing to send."""
    wanted = WantedRuns()
    assert wanted.next("run_1", "thread.run.queued") is None
    wanted.add("run_1", "a", 10)
    first = wanted.next("run_1", "thread.run.queued")
    wanted.add("run_1", "b", 10)
    second = wanted.next("run_1", "thread.run.in_progress")
    assert first is not None
    assert second is not None
    assert (second[0] - first[0], first[1], second[1]) == (1, ["a"], ["a", "b"])
    assert "run_2" not in wanted


@pytest.mark.parametrize("word", ["completed", "requires_action", "failed", "expired"])
def test_nothing_follows_the_last_event(word: str) -> None:
    """Until the run is asked for again: then no number follows upon an earlier one."""
    wanted = WantedRuns()
    wanted.add("run_1", "a", 10)
    assert wanted.next("run_1", f"thread.run.{word}") is not None
    assert "run_1" not in wanted


def test_numbers_never_follow_upon_those_of_before() -> None:
    """A reader that missed any takes none for the next, however often a run is wanted anew."""
    wanted = WantedRuns()
    seen: set[int] = set()
    for turn in range(1, 5):
        wanted.add("run_1", "a", turn)
        wanted.add("run_2", "a", turn)
        numbers(wanted, "run_2", 3 * turn)
        begun = numbers(wanted, count=turn)
        assert not seen & {begun[0], begun[0] - 1}
        seen.update(begun)
        wanted.expire(turn)
        assert "run_1" not in wanted


def test_who_is_gone_wants_nothing() -> None:
    """By its word, or since nothing was heard of it; the others do."""
    wanted = WantedRuns()
    wanted.add("run_1", "a", 10)
    wanted.add("run_1", "b", 20)
    wanted.add("run_2", "b", 20)
    wanted.expire(10)
    found = wanted.next("run_1", "thread.run.queued")
    assert found is not None
    assert found[1] == ["b"]
    wanted.drop("b")
    assert "run_1" not in wanted
    assert "run_2" not in wanted
