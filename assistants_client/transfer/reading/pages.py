"""Tells where threads were cut: pages that say that there is more, or are exactly as long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import evolve

from assistants_client.transfer.found import Found

#: Messages of a page where nobody asked for another number, and of the largest.
_PAGES: Final = frozenset((20, 100))
#: Ends of pages that wait for the page after them.
_WAITING: Final = 256


def has_more(value: Mapping[str, Any]) -> bool | None:
    """Returns whether a page says that another follows, or nothing where it says nothing."""
    said = value.get("has_more")
    if isinstance(said, bool):
        return said
    meta = value.get("meta")
    if isinstance(meta, dict) and "nextToken" in meta:
        return bool(meta["nextToken"])
    return None


class Edges:
    """Marks the last message of lists that were cut, save where the file goes on with them."""

    def __init__(self) -> None:
        self._waiting: dict[str, Found] = {}

    def of_list(self, elements: Iterable[Found], says_more: bool | None) -> Iterator[Found]:
        """Yields the objects of a list, without its last message if that has to wait."""
        # The last message so far, and what came after it, so that all stay in their order.
        held: list[Found] = []
        count, keys = 0, set[str | None]()
        for found in elements:
            if found.kind != "message" or found.is_cut:
                if not held or len(held) >= _WAITING:
                    yield found
                else:
                    held.append(found)
                continue
            key = found.thread_key or ""
            if count == 0 and key in self._waiting:
                yield self._waiting.pop(key)
            count += 1
            if len(keys) < 2:
                keys.add(key)
            yield from held
            held = [found]
        if held and (says_more or (says_more is None and count in _PAGES and len(keys) == 1)):
            last = held.pop(0)
            if len(self._waiting) >= _WAITING:
                first = next(iter(self._waiting))
                yield evolve(self._waiting.pop(first), is_cut=True)
            self._waiting[last.thread_key or ""] = last
        yield from held

    def rest(self) -> Iterator[Found]:
        """Yields what still waits, for nothing followed."""
        for found in self._waiting.values():
            yield evolve(found, is_cut=True)
        self._waiting.clear()
