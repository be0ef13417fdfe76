"""The pytest plugin, in test suites of other people: fixtures, reports, and what it costs to have.

Each suite here is run by a pytest of its own, most of them within this process.
"""

from __future__ import annotations

import configparser
import importlib.util
import os
import sys
import warnings
from pathlib import Path

import pytest

# What a suite within this process uses stays loaded; else each would import the engine again.
import assistants_client.testing.doubles  # noqa: F401

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PLUGIN = "assistants_client.testing.plugin"
#: The fixtures that the plugin is there for.
FIXTURES = {"assistants", "scripted_model", "assistants_clock", "assistants_faults"}

VIEW = """
from assistants_client import AssistantsError, MessageRequest
from flask import Flask, request

def create_app(client, assistant_id):
    app = Flask(__name__)

    @app.post("/ask")
    def ask():
        try:
            thread = client.threads.create(messages=[MessageRequest(request.form["question"])])
            run = client.runs.create(thread.id, assistant_id=assistant_id)
            client.wait_for_run(run, timeout=60)
        except AssistantsError:
            return "Please ask again later.", 503
        return next(iter(client.messages.list(thread.id))).text

    return app
"""

SUITE_OF_THE_VIEW = """
import pytest
import requests
import responses
from assistants_client import Client
from views import create_app

@pytest.fixture
def page(assistants):
    assistant = assistants.assistants.create(model="gpt-4o", instructions="Be brief.")
    return create_app(assistants, assistant.id).test_client()

def test_the_answer_is_shown(page, scripted_model):
    scripted_model.reply("It rains.", to="Bergen")

    answer = page.post("/ask", data={"question": "And in Bergen?"})

    assert answer.text == "It rains."
    assert scripted_model.conversations[0].instructions == "Be brief."

def test_a_slow_answer_is_waited_for(page, scripted_model, assistants_clock):
    scripted_model.reply("At last.", after=45)
    assert page.post("/ask", data={"question": "Well?"}).text == "At last."

def test_one_that_is_too_slow(page, scripted_model):
    scripted_model.reply("Too late.", after=90)
    assert page.post("/ask", data={"question": "Well?"}).status_code == 503

def test_a_failed_run(page, scripted_model):
    scripted_model.fail("The model is overloaded.")
    assert page.post("/ask", data={"question": "Well?"}).status_code == 503

def test_a_server_that_fails_for_a_moment(page, scripted_model, assistants_faults):
    scripted_model.reply("Here I am.")
    assistants_faults.next(status=502, times=2, on="GET /threads/*/runs/*")
    assert page.post("/ask", data={"question": "Well?"}).text == "Here I am."

@responses.activate
def test_with_plain_responses():
    responses.post("https://assistants.test/v1/threads", status=401, json={"error": {}})
    client = Client("https://assistants.test/v1", api_key="k")
    page = create_app(client, "asst_1").test_client()
    assert page.post("/ask", data={"question": "x"}).status_code == 503

@responses.activate
def test_the_fixtures_beside_responses_for_other_servers(page, scripted_model):
    responses.get("https://elsewhere.test/", body="Elsewhere.")
    scripted_model.reply("Both.")
    assert page.post("/ask", data={"question": "Well?"}).text == "Both."
    assert requests.get("https://elsewhere.test/").text == "Elsewhere."
"""

START = """
from assistants_client import MessageRequest

def start(client, question="Hi"):
    assistant = client.assistants.create(model="m")
    thread = client.threads.create(messages=[MessageRequest(question)])
    return client.runs.create(thread.id, assistant_id=assistant.id)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty folder where warnings are errors, and no plugin is there that is not named."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini(
        "[pytest]\naddopts = --strict-markers --strict-config -p no:cacheprovider\n"
        "filterwarnings =\n    error\n"
    )
    pytester.makepyfile(starting=START)
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Runs a suite within this process, with the plugin."""
    with warnings.catch_warnings():
        # Another test may have imported the plugin, whose own asserts nobody wants rewritten.
        warnings.simplefilter("ignore", pytest.PytestAssertRewriteWarning)
        return suite.runpytest_inprocess("-p", PLUGIN, *arguments)


@pytest.fixture
def installed(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The same where pytest finds the plugin by itself, by the entry point that setup.cfg names."""
    config = configparser.RawConfigParser()
    config.read(ROOT / "setup.cfg")
    points = config["options.entry_points"]["pytest11"].strip()
    site = suite.mkdir("site")
    about = site / "assistants_client-0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: assistants-client\nVersion: 0\n")
    (about / "entry_points.txt").write_text(f"[pytest11]\n{points}\n")
    paths = [str(site), str(ROOT), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    return suite


def test_a_suite_of_a_flask_view(suite):
    """A program's own tests: answers, slow ones, failures, faults, and ``responses`` beside."""
    pytest.importorskip("flask")
    suite.makepyfile(views=VIEW, test_views=SUITE_OF_THE_VIEW)

    run(suite).assert_outcomes(passed=7)


def test_what_was_not_used_is_an_error_of_a_test_that_passed(suite):
    """The report is that of ``assert_done``, without a traceback; other tests are not touched."""
    suite.makepyfile(
        """
        from starting import start

        def test_a_reply_too_many(assistants, scripted_model):
            scripted_model.reply("Hello.")
            scripted_model.reply("Bye.")
            assistants.wait_for_run(start(assistants))

        def test_a_fault_too_many(assistants, assistants_faults):
            assistants_faults.next(status=500, on="DELETE")
            assistants.threads.create()

        def test_that_is_right(assistants, scripted_model):
            scripted_model.reply("Hello.")
            assert assistants.wait_for_run(start(assistants)).id == "run_000001"

        def test_that_clears(scripted_model):
            scripted_model.reply("Hello.")
            scripted_model.clear()
        """
    )

    result = run(suite)

    result.assert_outcomes(passed=4, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_a_reply_too_many*",
            "Scripted model: prepared and not used: 1; asked without an answer: 0.",
            "Asked, and answered with:",
            "  1. user: Hi -> 'Hello.'",
            "Prepared, and left:",
            "  'Bye.': the model was not asked again",
            "*ERROR at teardown of test_a_fault_too_many*",
            "Faults were ordered and did not occur.",
            "  status 500 on DELETE: 0 of 1 occurred",
            "    POST /threads: not a DELETE",
        ],
        consecutive=False,
    )
    assert "Traceback" not in result.stdout.str()


def test_a_test_that_failed_is_told_what_was_not_used(suite):
    """It has one failure, which shows what did not match, since that may be the reason."""
    suite.makepyfile(
        """
        import pytest
        from starting import start

        def test_that_fails(assistants, scripted_model):
            scripted_model.reply("Rain.", to="Bergen")
            assistants.wait_for_run(start(assistants, "Oslo?"))

        @pytest.mark.xfail
        def test_that_is_expected_to(scripted_model):
            scripted_model.reply("Rain.")
            raise KeyError

        def test_that_is_skipped(scripted_model):
            scripted_model.reply("Rain.")
            pytest.skip("not today")
        """
    )

    result = run(suite)

    result.assert_outcomes(failed=1, xfailed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "E *RunFailedError: run run_000001 *Scripted model: no answer was prepared that fits *",
            "E *'Rain.', to 'Bergen': 'Bergen' is not in the question",
            "*Assistants doubles*",
            "Scripted model: prepared and not used: 1; asked without an answer: 1.",
        ]
    )


def test_the_clock_is_that_of_the_engine_and_the_client(suite):
    """``assistants_clock`` moves both; each test has its own."""
    suite.makepyfile(
        """
        import pytest
        from assistants_client import RunExpiredError
        from starting import start

        @pytest.mark.parametrize("turn", [1, 2])
        def test_time(assistants, scripted_model, assistants_clock, turn):
            assert assistants_clock.now == 1_800_000_000
            scripted_model.reply("Never.", after=3600)
            run = start(assistants)
            assistants_clock.advance(601)
            with pytest.raises(RunExpiredError):
                assistants.wait_for_run(run)
            assert run.expires_at == 1_800_000_600
        """
    )

    run(suite).assert_outcomes(passed=2)


def test_the_fixtures_are_listed_with_what_they_do(suite):
    """``pytest --fixtures`` shows the four, each with a line."""
    result = run(suite, "--fixtures")

    shown = result.stdout.str()
    assert {name for name in FIXTURES if f"\n{name} -- " in shown} == FIXTURES
    assert "_assistants_doubles" not in shown


def test_it_is_there_once_the_package_is_installed_and_costs_nothing(installed):
    """Pytest finds it by itself; a suite without it loads neither the client nor requests."""
    installed.makepyfile(
        """
        import sys

        def test_first(pytestconfig):
            assert pytestconfig.pluginmanager.has_plugin("assistants_client.testing.plugin")
            ours = sorted(name for name in sys.modules if name.startswith("assistants_client"))
            assert ours == [
                "assistants_client",
                "assistants_client._lazy_names",
                "assistants_client._public_names",
                "assistants_client._version",
                "assistants_client.testing",
                "assistants_client.testing.plugin",
            ]
            assert not {"requests", "urllib3", "attrs", "sqlalchemy"} & set(sys.modules)
        """
    )

    # Another plugin that may be there takes seconds to start.
    result = installed.runpytest_subprocess("-p", "no:hypothesispytest")

    result.assert_outcomes(passed=1)


def test_without_the_engine_the_fixtures_name_the_command(suite, monkeypatch):
    """Where the extra is missing, other tests run, and a test that asks for a fixture is told."""
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    for name in list(sys.modules):
        if name.startswith(("assistants_client.engine", "assistants_client.testing.")):
            monkeypatch.delitem(sys.modules, name)
    suite.makepyfile(
        """
        def test_without():
            from assistants_client import Client

        def test_with(assistants):
            raise KeyError("not reached")
        """
    )

    result = run(suite)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(['*sqlalchemy*pip install "assistants-client[engine?"*'])
    assert "Traceback" not in result.stdout.str()


def test_many_processes(suite):
    """Under pytest-xdist every test still begins with ids and a clock of its own."""
    if importlib.util.find_spec("xdist") is None:
        pytest.skip("pytest-xdist is not installed")
    suite.makepyfile(
        """
        import pytest
        from starting import start

        @pytest.mark.parametrize("number", range(2))
        def test_one(assistants, scripted_model, number):
            scripted_model.reply("Hello.")
            assert assistants.wait_for_run(start(assistants)).id == "run_000001"

        def test_too_many(scripted_model):
            scripted_model.reply("Hello.")
        """
    )

    result = run(suite, "-p", "xdist", "-n", "1")

    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["Scripted model: prepared and not used: 1; *"])


def test_another_framework_uses_the_same(suite):
    """``unittest`` opens the doubles by itself, as a Django test would."""
    suite.makepyfile(
        test_unit="""
        import unittest
        from assistants_client.testing import assistants
        from starting import start

        class Views(unittest.TestCase):
            def setUp(self):
                doubles = assistants()
                self.doubles = doubles.__enter__()
                self.addCleanup(doubles.__exit__, None, None, None)

            def test_answer(self):
                self.doubles.model.reply("Hello.")
                run = self.doubles.client.wait_for_run(start(self.doubles.client))
                self.assertEqual(run.status, "completed")

            def test_too_many(self):
                self.doubles.model.reply("Hello.")
        """
    )

    result = run(suite, "-p", "no:assistants_client.testing.plugin")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["E * AssertionError: Scripted model: prepared and not used: 1; asked without *"]
    )
