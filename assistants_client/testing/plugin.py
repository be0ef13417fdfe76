"""The pytest plugin: fixtures made of ``doubles.py``, and reports on tests that fail.

It is imported by every test run of a project that has this package, so it imports nothing else of
the package before a test uses a fixture.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from assistants_client.client.client import Client
    from assistants_client.testing import Clock, Doubles, Faults, ScriptedModel

_DOUBLES = pytest.StashKey["Doubles"]()
_HAS_PASSED = pytest.StashKey[bool]()


@pytest.fixture
def _assistants_doubles(request: pytest.FixtureRequest) -> Iterator[Doubles]:
    """Yields the doubles that the other fixtures are members of."""
    try:
        from assistants_client.testing.doubles import opened  # the engine is slow to import
    except ModuleNotFoundError as error:  # of the engine; the message has the command to install it
        pytest.fail(str(error), pytrace=False)
    with opened() as doubles:
        request.node.stash[_DOUBLES], request.node.stash[_HAS_PASSED] = doubles, False
        yield doubles
        complaint = _complaint(doubles) if request.node.stash[_HAS_PASSED] else None
    del request.node.stash[_DOUBLES]
    if complaint is not None:
        pytest.fail(complaint, pytrace=False)


# The older kind of wrapper, which older versions of pytest support too.
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, None]:
    """Adds the report on unused doubles to a test that failed: it may be the reason.

    In a test that passed they are an error of their own.
    """
    outcome = yield
    doubles = item.stash.get(_DOUBLES, None)
    if doubles is None or call.when != "call":
        return
    report: pytest.TestReport = outcome.get_result()
    item.stash[_HAS_PASSED] = report.passed
    complaint = _complaint(doubles) if report.failed else None
    if complaint is not None:
        report.sections.append(("Assistants doubles", complaint))


def _complaint(doubles: Doubles) -> str | None:
    try:
        doubles.assert_done()
    except AssertionError as error:
        return str(error)
    return None


@pytest.fixture
def assistants(_assistants_doubles: Doubles) -> Client:
    """Returns a ``Client`` of an engine in memory, whose model is ``scripted_model``.

    The engine is new in each test. Ids are counted: ``asst_000001``, ``thread_000001``, …
    """
    return _assistants_doubles.client


@pytest.fixture
def scripted_model(_assistants_doubles: Doubles) -> ScriptedModel:
    """Returns the model: ``.reply("Hello.")``, ``.call("get_weather", city="Oslo")``, ``.fail()``.

    ``.conversations`` lists its prompts. A reply that is unused at the end of the test is an error.
    """
    return _assistants_doubles.model


@pytest.fixture
def assistants_clock(_assistants_doubles: Doubles) -> Clock:
    """Returns the clock of engine and client: ``.now``, ``.advance(seconds)``; waits take none."""
    return _assistants_doubles.clock


@pytest.fixture
def assistants_faults(_assistants_doubles: Doubles) -> Faults:
    """Returns the faults on demand: ``.next(status=503)``, ``.cut_stream(after_events=3)``.

    A fault that did not occur is an error at the end of the test, which says why nothing matched.
    """
    return _assistants_doubles.faults
