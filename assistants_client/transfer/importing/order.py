"""The order of a thread's messages, decided before anything is stored. Pure.

Each list that a source has is turned so that the oldest stands first; then times decide, and the
list's own order where they are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Final, Literal, TypeAlias

from attrs import define

from assistants_client.transfer.found import Direction

#: The choices of ``order``: what lists are taken for, whatever they say of themselves.
OrderOption: TypeAlias = Literal["auto", "oldest-first", "newest-first", "as-is"]

#: A list's order outweighs times that contradict it by less than so many seconds.
_TOLERANCE: Final = 1.0


@define
class Entry:
    """A message, as far as its place depends on it.

    Attributes:
        n: Where it stands in all that was read.
        list: The list that it stands in, such as a file.
        direction: How that list stands, as far as its reader knows.
        time: Unix seconds with their fraction; ``None`` where it has none.
        role: ``user`` or ``assistant``.
        id: Its id.
        run: The id of the run that wrote it.
    """

    n: int
    list: int
    direction: Direction
    time: float | None
    role: str
    id: str
    run: str | None = None


def ordered(
    entries: Sequence[Entry],
    option: OrderOption,
    run_times: Mapping[str, float],
    step_places: Mapping[str, int],
) -> tuple[list[Entry], str | None]:
    """Returns messages, the oldest first, and why the order is a guess, if it is one.

    Args:
        entries: The messages, as they were read.
        option: ``auto``, or what to take the order of the source for.
        run_times: When runs were made, by their ids.
        step_places: By ids of messages: where in its run the step stands that wrote it.
    """
    if option == "as-is":
        return list(entries), None
    lists = [list(group) for _, group in groupby(entries, key=lambda entry: entry.list)]
    notes: list[str] = []
    if option == "oldest-first":
        turned = [entry for one in lists for entry in one]
    elif option == "newest-first":
        turned = list(reversed(entries))
    elif all(entry.direction == "newest_first" for entry in entries):
        turned = list(reversed(entries))  # pages, one after the other
    else:
        turned = []
        for one in lists:
            is_reversed, note = _stands_newest_first(one, run_times)
            turned += reversed(one) if is_reversed else one
            notes += [note] if note else []
    placed = _by_time(turned)
    if placed is not turned and any(entry.direction != "unknown" for entry in entries):
        notes += ["times contradict the order of the source"] if _contradicts(turned, lists) else []
    if option == "auto" and any(entry.direction == "unknown" for entry in entries):
        placed, is_mended = _mended(placed, step_places)
        notes += ["an answer stood before its question within a second"] if is_mended else []
    return placed, notes[0] if notes else None


def _stands_newest_first(
    entries: Sequence[Entry], run_times: Mapping[str, float]
) -> tuple[bool, str | None]:
    direction = entries[0].direction
    if direction != "unknown":
        return direction == "newest_first", None
    if len(entries) < 2:
        return False, None
    rises, falls = _trend(entry.time for entry in entries)
    if not rises and not falls:
        rises, falls = _trend(run_times.get(entry.run or "") for entry in entries)
    if rises or falls:
        return falls > rises, None
    if entries[0].role == "user":
        return False, None
    if entries[-1].role == "user":
        return True, None
    return False, "neither times nor runs nor roles tell it"


def _trend(times: Iterable[float | None]) -> tuple[int, int]:
    """Returns how often a time is later than the one before, and how often it is earlier."""
    known = [time for time in times if time is not None]
    rises = sum(before < after for before, after in pairwise(known))
    return rises, sum(before > after for before, after in pairwise(known))


def _by_time(entries: list[Entry]) -> list[Entry]:
    """Returns messages by their times; one without follows what it stood behind.

    It is the same list where nothing moves.
    """
    keys: list[float] = []
    first = next((entry.time for entry in entries if entry.time is not None), 0.0)
    for entry in entries:
        keys.append((keys[-1] if keys else first) if entry.time is None else entry.time)
    if all(before <= after for before, after in pairwise(keys)):
        return entries
    places = sorted(range(len(entries)), key=keys.__getitem__)
    return [entries[place] for place in places]


def _contradicts(turned: Sequence[Entry], lists: Sequence[Sequence[Entry]]) -> bool:
    """Returns whether times contradict a list by a second and more; lists may overlap."""
    if len(lists) > 1:
        return False
    known = [entry.time for entry in turned if entry.time is not None]
    return any(before - after >= _TOLERANCE for before, after in pairwise(known))


def _mended(entries: list[Entry], step_places: Mapping[str, int]) -> tuple[list[Entry], bool]:
    """Returns messages in an order in which runs can have written those of the same second."""
    placed: list[Entry] = []
    is_mended = False
    for second, group in groupby(entries, key=lambda e: None if e.time is None else int(e.time)):
        same = list(group)
        if second is None or len(same) < 2 or len({entry.time for entry in same}) == len(same):
            placed += same
            continue
        better = _in_steps(same, step_places)
        before = placed[-1] if placed else None
        if better[0].role != "user" and _lacks_question(before, better[0]):
            question = next((entry for entry in better if entry.role == "user"), None)
            if question is not None:
                better.remove(question)
                better.insert(0, question)
        is_mended = is_mended or better != same
        placed += better
    return placed, is_mended


def _lacks_question(before: Entry | None, answer: Entry) -> bool:
    if before is None:
        return True
    return before.role != "user" and (answer.run is None or answer.run != before.run)


def _in_steps(same: Sequence[Entry], step_places: Mapping[str, int]) -> list[Entry]:
    """Returns messages in which those of one run stand as its steps do."""
    placed = list(same)
    runs = {entry.run for entry in same if entry.run is not None}
    for run in runs:
        where = [place for place, entry in enumerate(same) if entry.run == run]
        if all(same[place].id in step_places for place in where):
            stepped = sorted((same[place] for place in where), key=lambda e: step_places[e.id])
            for place, entry in zip(where, stepped, strict=True):
                placed[place] = entry
    return placed
