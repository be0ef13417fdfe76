"""The pytest plugin: fixtures made of ``doubles.py``, and what is said when a test ends badly.

It is imported by every test run of a project that has this package, so it imports nothing else of
the package before a test asks for it.
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
    """What the other fixtures are taken from."""
    try:
        from assistants_client.testing.doubles import opened  # the engine is slow
    except ModuleNotFoundError as error:  # of the engine; it says which command to run
        pytest.fail(str(error), pytrace=False)
    with opened() as doubles:
        request.node.stash[_DOUBLES], request.node.stash[_HAS_PASSED] = doubles, False
        yield doubles
        complaint = _complaint(doubles) if request.node.stash[_HAS_PASSED] else None
    del request.node.stash[_DOUBLES]
    if complaint is not None:
        pytest.fail(complaint, pytrace=False)


# Of the older kind of wrapper, which older versions of pytest know too.
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, None]:
    """What was not used is an error of its own in a test that passed; else it may be the reason."""
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
    """A ``Client`` on an engine in memory, which ``scripted_model`` drives.

    The engine is new in each test. Ids are counted: ``asst_000001``, ``thread_000001``, …
    """
    return _assistants_doubles.client


@pytest.fixture
def scripted_model(_assistants_doubles: Doubles) -> ScriptedModel:
    """The language model: ``.reply("Hello.")``, ``.call("get_weather", city="Oslo")``, ``.fail()``.

    ``.conversations`` lists what it was asked. What is left at the end of the test is an error.
    """
    return _assistants_doubles.model


@pytest.fixture
def assistants_clock(_assistants_doubles: Doubles) -> Clock:
    """The time of engine and client: ``.now``, ``.advance(seconds)``; waiting takes none."""
    return _assistants_doubles.clock


@pytest.fixture
def assistants_faults(_assistants_doubles: Doubles) -> Faults:
    """What goes wrong on demand: ``.next(status=503)``, ``.cut_stream(after_events=3)``.

    What did not come about is an error at the end of the test, which says why nothing matched.
    """
    return _assistants_doubles.faults
