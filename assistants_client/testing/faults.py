"""Faults that a test orders: the requests that each applies to, and the report of unused ones.

Raising a fault on a connection belongs into ``connections.py``.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from attrs import define, field

from assistants_client.errors import ConfigurationError

Kind: TypeAlias = Literal["status", "connection_error", "timeout", "lost_answer", "cut_stream"]

#: A method, a path below the base URL in which ``*`` stands for one segment, or both.
_ON: Final = re.compile(r"([A-Z]+)?(?:(?:^| )(/\S*))?")
_SHOWN = 10  # different requests that a report lists


@define(eq=False)
class Fault:
    """One fault and the requests that it applies to; ``left`` counts down to 0."""

    kind: Kind
    on: str | None
    left: int
    status: int = 0
    headers: Mapping[str, str] = field(factory=dict)
    message: str = ""
    after_events: int = 0
    _times: int = field(init=False)
    #: The requests that it did not apply to, and the reasons.
    _missed: Counter[str] = field(factory=Counter, init=False)

    def __attrs_post_init__(self) -> None:
        self._times = self.left

    def applies_to(self, method: str, path: str) -> bool:
        """Returns whether it applies to a request; if not, the reason is kept for the report."""
        wanted_method, wanted_path = _parts(self.on)
        if wanted_method is not None and method != wanted_method:
            self.missed(method, path, f"not a {wanted_method}")
        elif wanted_path is not None and not wanted_path.fullmatch(path):
            self.missed(method, path, "another path")
        else:
            return True
        return False

    def missed(self, method: str, path: str, why: str) -> None:
        """Keeps the reason why it did not apply to a request."""
        self._missed[f"{method} {path}: {why}"] += 1

    def __str__(self) -> str:
        what = {
            "status": f"status {self.status}",
            "cut_stream": f"a stream cut after {self.after_events} events",
        }.get(self.kind, self.kind.replace("_", " "))
        return f"{what} on {self.on or 'any request'}"

    def report(self) -> list[str]:
        """Returns the lines of a report on its use."""
        lines = [f"  {self}: {self._times - self.left} of {self._times} occurred"]
        seen = [f"    {line}" + (f" ({n} times)" if n > 1 else "") for line, n in _most(self)]
        return [*lines, *(seen or ["    no other request was sent since it was ordered"])]


def _most(fault: Fault) -> list[tuple[str, int]]:
    listed = list(fault._missed.items())
    more = len(listed) - _SHOWN
    return [*listed[:_SHOWN], *([(f"and {more} other requests", 1)] if more > 0 else [])]


class Faults:
    """Orders faults of the server and of the connection, for the next requests that match.

    They occur below the client's own code, which retries, resumes and reports as it would with a
    real server. A request with a fault does not reach the engine, unless the response alone is
    lost.
    """

    def __init__(self) -> None:
        self._ordered: list[Fault] = []
        self._lock = threading.Lock()

    def next(
        self,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        message: str = "A fault that the test ordered.",
        connection_error: bool = False,
        timeout: bool = False,
        lost_answer: bool = False,
        times: int = 1,
        on: str | None = None,
    ) -> None:
        """Orders one kind of fault.

        Args:
            status: A response with this status, 300 to 599, and a JSON body as servers send it.
            headers: Headers of that response, such as ``{"Retry-After": "2"}``.
            message: The error message of that response.
            connection_error: No connection is made.
            timeout: The request is sent, and no response comes in time. Takes no time in the test.
            lost_answer: The server processes the request, and the connection breaks before the
                response.
            times: The number of requests it applies to; each retry of a request counts.
            on: The requests: ``"POST"``, ``"/threads/*"``, ``"POST /threads/*/messages"``; ``*``
                stands for one segment of the path. Without it, any request.

        Raises:
            ConfigurationError: An argument cannot be used.
        """
        chosen: dict[Kind, bool] = {
            "status": status is not None,
            "connection_error": connection_error,
            "timeout": timeout,
            "lost_answer": lost_answer,
        }
        kinds: list[Kind] = [kind for kind, is_chosen in chosen.items() if is_chosen]
        if len(kinds) != 1:
            raise ConfigurationError(f"next: give one of {', '.join(chosen)}; got {len(kinds)}")
        if status is not None and not 300 <= status <= 599:
            raise ConfigurationError(f"status: {status} is no fault; 300 to 599 are")
        if headers and status is None:
            raise ConfigurationError("headers: they need a status; other faults are no responses")
        self._order(
            Fault(
                kinds[0],
                on,
                times,
                status=status or 0,
                headers=dict(headers or {}),
                message=message,
            )
        )

    def cut_stream(self, *, after_events: int, times: int = 1, on: str | None = None) -> None:
        """Breaks the connection of the next stream.

        Args:
            after_events: The number of events before the break; 0 breaks it before the first.
            times: The number of streams it applies to.
            on: The requests, as for :meth:`next`.

        Raises:
            ConfigurationError: An argument cannot be used.
        """
        if after_events < 0:
            raise ConfigurationError(f"after_events: {after_events} is below 0")
        self._order(Fault("cut_stream", on, times, after_events=after_events))

    def clear(self) -> None:
        """Removes all unused faults, for a test that does not need them."""
        with self._lock:
            self._ordered.clear()

    def assert_done(self) -> None:
        """Asserts that every fault occurred.

        Raises:
            AssertionError: One did not; the message lists the requests, and the reasons why the
                fault did not apply to them.
        """
        with self._lock:
            left = [line for fault in self._ordered for line in fault.report()]
        if left:
            raise AssertionError("\n".join(["Faults were ordered and did not occur.", *left]))

    def _order(self, fault: Fault) -> None:
        _parts(fault.on)
        if fault.left < 1:
            raise ConfigurationError(f"times: {fault.left} is below 1")
        with self._lock:
            self._ordered.append(fault)

    def _take(self, method: str, path: str) -> Fault | None:
        """Returns the fault for a request, counted as used, or ``None``."""
        with self._lock:
            for fault in self._ordered:
                if fault.kind != "cut_stream" and fault.applies_to(method, path):
                    self._mark_occurred(fault)
                    return fault
        return None

    def _cut_of(self, method: str, path: str, *, is_stream: bool) -> Fault | None:
        """Returns the cut for a stream, or ``None``; it may occur later."""
        with self._lock:
            for fault in self._ordered:
                if fault.kind == "cut_stream" and fault.applies_to(method, path):
                    if is_stream:
                        return fault
                    fault.missed(method, path, "its response was no stream")
        return None

    def _cut(self, fault: Fault) -> None:
        with self._lock:
            self._mark_occurred(fault)

    def _mark_occurred(self, fault: Fault) -> None:
        fault.left -= 1
        if not fault.left and fault in self._ordered:
            self._ordered.remove(fault)


def _parts(on: str | None) -> tuple[str | None, re.Pattern[str] | None]:
    """Returns the method and the path in ``on``; ``None`` is any."""
    if on is None:
        return None, None
    found = _ON.fullmatch(on)
    if not on or found is None:
        raise ConfigurationError(
            f"on: {on!r} is none of 'POST', '/threads/*' and 'POST /threads/*/messages'"
        )
    method, path = found.groups()
    return method, None if path is None else re.compile(re.escape(path).replace(r"\*", "[^/]+"))
