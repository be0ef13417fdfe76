"""A queue that tenants share: served in turns, so that one with much work keeps no other waiting.

What a tenant is, and what waits here, is not known. It is not locked: its owner does that.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator


class FairQueue:
    """Names that wait: the tenants take turns, and of one tenant's the oldest comes first.

    A tenant that had its turn is the last to have the next; one that comes anew is, too.
    """

    def __init__(self) -> None:
        #: The next turn is the first one's. No tenant stays here without names.
        self._by_tenant: OrderedDict[str | None, deque[str]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[str]:
        """Yields what waits, in no order."""
        for names in self._by_tenant.values():
            yield from names

    def push(self, name: str, tenant: str | None = None) -> None:
        """Adds a name; ``None`` is a tenant as well."""
        self._by_tenant.setdefault(tenant, deque()).append(name)
        self._length += 1

    def pop(self) -> tuple[str, str | None]:
        """Removes the name whose turn it is, and returns it with its tenant.

        Raises:
            IndexError: There is none.
        """
        if not self._length:
            raise IndexError("nothing waits")
        tenant, names = self._by_tenant.popitem(last=False)
        name = names.popleft()
        if names:
            self._by_tenant[tenant] = names
        self._length -= 1
        return name, tenant

    def truncate(self, length: int) -> None:
        """Drops all but those whose turns come next."""
        kept = [self.pop() for _ in range(min(length, self._length))]
        self._by_tenant.clear()
        self._length = 0
        for name, tenant in kept:
            self.push(name, tenant)
