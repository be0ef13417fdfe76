"""Which route a path leads to."""

from __future__ import annotations

from itertools import product

import pytest
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from assistants_client.engine.http.routes import ROUTES
from assistants_client.engine.http.routing import Router

METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "get")
#: Segments that are named somewhere, ids, and what is neither.
SEGMENTS = ("threads", "runs", "messages", "vector_stores", "files", "cancel", "steps", "é ü", "")


@pytest.fixture(scope="module")
def router() -> Router[int]:
    """The engine's routes, by their number."""
    return Router([(method, path, number) for number, (method, path, _) in enumerate(ROUTES)])


@pytest.mark.parametrize("length", range(5))
def test_werkzeug_would_find_the_same(router: Router[int], length: int) -> None:
    """The routes, the ids and the methods of each path that can be made of some segments."""
    rules = [
        Rule(path, methods=[method], endpoint=str(i)) for i, (method, path, _) in enumerate(ROUTES)
    ]
    known = Map(rules, merge_slashes=False).bind("")
    leading = 0
    for segments in product(SEGMENTS, repeat=length):
        path = "".join(f"/{segment}" for segment in segments)
        if path.startswith("//"):
            continue  # Werkzeug takes several slashes at the beginning for one
        found = router.find(path)
        for method in METHODS:
            try:
                expected = known.match(path or "/", method=method)
            except NotFound:
                assert not found
                continue
            except MethodNotAllowed as error:
                allowed = set(error.valid_methods or ())
            else:
                route = found[method.upper()]
                assert (str(route.handler), route.ids(path)) == expected
                leading += 1
                continue
            assert set(found) == allowed
    assert leading or not length


def test_a_name_goes_before_an_id_where_both_have_the_method() -> None:
    """As of ``/threads/runs``: a run is created by a POST, and a thread read by a GET."""
    router = Router([("GET", "/a/<id>", 1), ("POST", "/a/<id>", 2), ("POST", "/a/b", 3)])
    found = router.find("/a/b")
    assert {method: route.handler for method, route in found.items()} == {
        "GET": 1,
        "HEAD": 1,
        "POST": 3,
    }
    assert (found["GET"].ids("/a/b"), found["POST"].ids("/a/b")) == ({"id": "b"}, {})
    assert not router.find("/a/")
