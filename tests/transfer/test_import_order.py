"""The order of messages: lists that stand either way, equal times, times that contradict."""

from __future__ import annotations

import random

import pytest

from assistants_client.transfer.found import Direction
from assistants_client.transfer.importing.order import Entry, OrderOption, ordered


def entries(
    *given: tuple[str, float | None, str], direction: Direction = "unknown", file: int = 0
) -> list[Entry]:
    """Messages of a list; each is its id, its time and its role, with its run behind a slash."""
    made = []
    for n, (name, time, author) in enumerate(given):
        role, _, run = author.partition("/")
        made.append(Entry(file * 100 + n, file, direction, time, role, name, run or None))
    return made


def order_of(
    found: list[Entry], option: OrderOption = "auto", **known: dict[str, float]
) -> tuple[str, bool]:
    """The ids in their order, joined, and whether that is a guess."""
    steps = {name: int(place) for name, place in known.get("steps", {}).items()}
    placed, guess = ordered(found, option, known.get("runs", {}), steps)
    return "".join(entry.id for entry in placed), guess is not None


def test_times_decide() -> None:
    """Messages in any order of the file stand as they were made."""
    found = entries(*((name, float(at), "user") for at, name in enumerate("abcdef")))
    for seed in range(20):
        shuffled = found[:]
        random.Random(seed).shuffle(shuffled)
        assert order_of(shuffled)[0] == "abcdef"


def test_equal_times_keep_the_order_of_a_list_that_rises() -> None:
    """Within a second the file decides."""
    found = entries(("a", 1, "user"), ("b", 1, "assistant"), ("c", 1, "user"), ("d", 2, "user"))
    assert order_of(found) == ("abcd", False)


def test_equal_times_are_turned_with_a_list_that_falls() -> None:
    """Newest first is newest first within a second too."""
    found = entries(("d", 2, "user"), ("c", 1, "user"), ("b", 1, "assistant"), ("a", 1, "user"))
    assert order_of(found) == ("abcd", False)


def test_a_list_that_says_it_is_newest_first_is_turned_without_any_times() -> None:
    """Its reader knows; nothing is guessed."""
    found = entries(("b", None, "user"), ("a", None, "user"), direction="newest_first")
    assert order_of(found) == ("ab", False)


def test_pages_newest_first_in_several_files_are_one_list() -> None:
    """At the seam two messages have the same second."""
    first = entries(("d", 2, "user"), ("c", 1, "assistant"), direction="newest_first")
    second = entries(("b", 1, "user"), ("a", 0, "user"), direction="newest_first", file=1)
    assert order_of(first + second) == ("abcd", False)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("user", "assistant", ("ab", False)),
        ("assistant", "user", ("ba", False)),
        ("assistant", "assistant", ("ab", True)),
    ],
)
def test_without_times_who_speaks_first_decides(
    first: str, last: str, expected: tuple[str, bool]
) -> None:
    """The first message is the user's; where no end is, the order is a guess."""
    assert order_of(entries(("a", None, first), ("b", None, last))) == expected


def test_without_times_runs_decide() -> None:
    """The answer of the later run is the later one."""
    found = entries(("b", 5, "assistant/two"), ("a", 5, "assistant/one"))
    assert order_of(found, runs={"one": 1.0, "two": 2.0}) == ("ab", False)


def test_an_answer_before_its_question_within_a_second_is_mended() -> None:
    """A merge that sorted by seconds has done that."""
    found = entries(
        ("a", 1, "user"), ("b", 2, "assistant/r1"), ("d", 3, "assistant/r2"), ("c", 3, "user")
    )
    assert order_of(found) == ("abcd", True)


def test_a_second_answer_of_the_same_run_stays_before_the_next_question() -> None:
    """It lacks no question."""
    found = entries(
        ("a", 1, "user"), ("b", 2, "assistant/r1"), ("c", 3, "assistant/r1"), ("d", 3, "user")
    )
    assert order_of(found) == ("abcd", False)


def test_steps_order_the_answers_of_a_run() -> None:
    """They were written in this order, within one second."""
    found = entries(("a", 1, "user"), ("c", 2, "assistant/r"), ("b", 2, "assistant/r"))
    assert order_of(found, steps={"b": 0, "c": 1})[0] == "abc"


def test_times_that_contradict_a_known_order_decide_and_are_reported() -> None:
    """Both cannot be right."""
    found = entries(("a", 9, "user"), ("b", 1, "user"), direction="oldest_first")
    assert order_of(found) == ("ba", True)


def test_a_message_without_a_time_follows_what_it_stood_behind() -> None:
    """Also where the others move."""
    found = entries(("c", 3, "user"), ("d", None, "assistant"), ("a", 1, "user"), ("b", None, "u"))
    assert order_of(found, "oldest-first") == ("abcd", False)


def test_what_the_caller_says_is_done() -> None:
    """As it is, or turned, whatever the times say."""
    found = entries(("b", 2, "user"), ("a", 1, "user"), ("c", 1, "user"))
    assert order_of(found, "as-is") == ("bac", False)
    assert order_of(found, "newest-first")[0] == "cab"
    assert order_of(found, "oldest-first")[0] == "acb"
