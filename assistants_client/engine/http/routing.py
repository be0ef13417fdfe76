"""Finds what a path leads to. Which paths there are is said in routes.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Generic, TypeVar

from attrs import define, field, frozen

HandlerT = TypeVar("HandlerT")


@frozen
class Route(Generic[HandlerT]):
    """The destination of requests of one method and pattern.

    Attributes:
        pattern: Its path, with the names of ids: ``/threads/<thread_id>``.
        handler: What handles them.
    """

    pattern: str
    handler: HandlerT
    _names: Mapping[int, str]

    def ids(self, path: str) -> dict[str, str]:
        """Returns the ids in a path that leads here, by their names."""
        segments = path.split("/")
        return {name: segments[number] for number, name in self._names.items()}


@define
class _Node(Generic[HandlerT]):
    """The continuations of the beginning of a path.

    Attributes:
        segments: What follows, by the next segment of the path.
        any_segment: What follows where the next segment is an id.
        routes: What the path leads to if it ends here, by method.
    """

    segments: dict[str, _Node[HandlerT]] = field(factory=dict)
    any_segment: _Node[HandlerT] | None = None
    routes: dict[str, Route[HandlerT]] = field(factory=dict)


class Router(Generic[HandlerT]):
    """The routes of an application.

    Args:
        routes: Method, pattern and handler of each. Who serves ``GET`` serves ``HEAD``.
    """

    def __init__(self, routes: Iterable[tuple[str, str, HandlerT]]) -> None:
        self._root: Final[_Node[HandlerT]] = _Node()
        for method, pattern, handler in routes:
            self._add(method, pattern, handler)

    def find(self, path: str) -> Mapping[str, Route[HandlerT]]:
        """Returns the routes of a path, by method; none where it leads nowhere.

        A segment that is named goes before an id, where both have the method.
        """
        nodes = [self._root]
        for segment in path.split("/")[1:]:
            named = [node.segments[segment] for node in nodes if segment in node.segments]
            by_id = [node.any_segment for node in nodes if node.any_segment and segment]
            nodes = named + by_id
        if len(nodes) == 1:
            return nodes[0].routes
        return {method: route for node in reversed(nodes) for method, route in node.routes.items()}

    def _add(self, method: str, pattern: str, handler: HandlerT) -> None:
        node, names = self._root, {}
        for number, segment in enumerate(pattern.split("/")[1:], start=1):
            if segment.startswith("<"):
                names[number] = segment.strip("<>")
                node.any_segment = node = node.any_segment or _Node()
            else:
                node = node.segments.setdefault(segment, _Node())
        route = Route(pattern, handler, names)
        node.routes[method] = route
        if method == "GET":
            node.routes["HEAD"] = route
