"""All examples, run in an empty folder with an empty environment; what they print is checked.

Most run in this process, which is quicker. The model program is looked at closer in tests/meta.
"""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from assistants_client import Client
from assistants_client.engine import Engine, Scripted, Tutor, call

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples"
EXAMPLES = sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".py", ".ipynb"))
LINES = 60

#: What each prints: a pattern for the whole text, over all lines.
PRINTED = {
    "math_tutor.py": r"user: .*\nassistant: .*x = 1\b",
    "02_stream_a_run.py": r"\[tool_calls took 1 tool calls\].*\[completed, \d+ tokens\]\n"
    r"The whole message: .*x = 7\b.*\n.*x = -4\b",
    "03_wait_with_backoff.py": r"\A(status: \w+\n)*status: completed\n.*= 12\..*completed .*\b63\b",
    "04_function_tools.py": r"\ANow: 17 C and rain in Oslo\.\n"
    r'get_weather\(\{"city": "Oslo"\}\) = 17 C and rain in Oslo\n\Z',
    "05_file_search.py": r"\A\d\.\d\d garden\.txt: .*Dogs are welcome.*cited: house\.txt\n\Z",
    "06_paginate.py": r"25 messages in all\n.*Line 24.*Line 22.*A page of 10: Line 0 to Line 9, "
    r"more: True\n.*A page of 5: Line 20 to Line 24, more: False\nAfter Line 19 come \['Line 20'",
    "07_handle_errors.py": r"\ANot sent, because of limit: .*\n404 \(request req_\w+\): .*\n"
    r"After 1 attempts: .*127\.0\.0\.1:9.*\nRunIncompleteError: .*max_prompt_tokens",
    "08_own_session.py": r"POST /v1/threads 200 mathematics\nGET /v1/threads/thread_\w+ 200 "
    r"statistics\n\{'course': 'algebra'\}\n",
    "09_flask_view.py": r"\b144\b",
    "10_django_view.py": r"\b144\b",
    "12_celery_worker.py": r"\b144\b",
    "13_serve_the_official_client.py": r"\Acompleted\nuser: .*\nassistant: .*x = 2\.5\b",
    "14_django_asgi.py": r"\b144\b",
}
#: What some need beside the extra ``engine``.
NEEDED = {
    "09_flask_view.py": "flask",
    "10_django_view.py": "django",
    "12_celery_worker.py": "celery",
    "13_serve_the_official_client.py": "openai",
    "14_django_asgi.py": "django",
}
#: These change the process that they run in: Django's settings, Celery's worker.
APART = ("10_django_view.py", "12_celery_worker.py", "14_django_asgi.py")
#: These bring a language model of their own where none is set: what stands in for it on a server.
MODELS = {
    "04_function_tools.py": lambda: Scripted(
        [call("get_weather", city="Oslo"), "Now: 17 C and rain in Oslo."]
    ),
    "05_file_search.py": lambda: Scripted(
        [call("file_search", query="keys porter"), "The porter【0:0†source】."]
    ),
}


@pytest.fixture
def run(
    clean_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> Callable[[str], str]:
    """Runs an example by its name, and answers what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the processes that examples start

    def run(name: str) -> str:
        if name in NEEDED:
            pytest.importorskip(NEEDED[name], reason=f"{NEEDED[name]} is not installed")
        if name in APART:
            command = [sys.executable, "-W", "error", str(FOLDER / name)]
            subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)
        else:
            made = runpy.run_path(str(FOLDER / name), run_name="__main__")
            if isinstance(made.get("client"), Client):
                made["client"].close()
        return capfd.readouterr().out

    return run


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Engine], None]]:
    """Serves an engine, and names its address in the environment."""
    ends: list[Callable[[], object]] = []

    def start(engine: Engine) -> None:
        server = make_server("127.0.0.1", 0, engine, handler_class=_Quiet)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("ASSISTANTS_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        ends.extend([server.shutdown, thread.join, server.server_close, engine.close])

    yield start
    for end in ends:
        end()


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # OpenAI's, of its own client
@pytest.mark.parametrize("name", PRINTED)
def test_an_example_runs_offline(name: str, run: Callable[[str], str], tmp_path: Path) -> None:
    """With nothing set up, each runs to its end and prints what it is there to show."""
    assert re.search(PRINTED[name], run(name), re.DOTALL)
    assert (tmp_path / "assistants.db").exists()


@pytest.mark.parametrize("name", [name for name in PRINTED if name not in NEEDED])
def test_an_example_runs_against_a_server(
    name: str,
    run: Callable[[str], str],
    serve: Callable[[Engine], None],
    tmp_path: Path,
) -> None:
    """With a server in the environment the same program prints the same, and opens no engine."""
    serve(Engine("sqlite://", model=MODELS.get(name, Tutor)()))

    assert re.search(PRINTED[name], run(name), re.DOTALL)
    assert not (tmp_path / "assistants.db").exists()


def test_visitors_of_the_flask_view_are_told_with_a_status(
    serve: Callable[[Engine], None], caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong id, an unknown one and a run that fails; the words of the errors are in the log."""
    pytest.importorskip("flask", reason="flask is not installed")

    def fail(_: object) -> str:
        raise ValueError("internal words")

    serve(Engine("sqlite://", model=Scripted([fail])))
    made = runpy.run_path(str(FOLDER / "09_flask_view.py"))
    browser = made["app"].test_client()
    thread_id = browser.post("/threads").get_json()["thread_id"]
    answers = [
        browser.post(f"/threads/{one}", data="Why?") for one in ("asst_1", "thread_1", thread_id)
    ]
    made["client"].close()

    assert [answer.status_code for answer in answers] == [400, 404, 503]
    assert [answer.get_json() for answer in answers] == [{"error": "There is no answer."}] * 3
    words = ["not of a thread", "No thread found", "is failed: server_error"]
    logged = [record for record in caplog.records if record.filename == "09_flask_view.py"]
    said = [record.getMessage() for record in logged]
    assert all(word in one for word, one in zip(words, said, strict=True))


def test_visitors_of_the_django_view_are_told_with_a_status(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Django's own page for a bad request, without the words of the error."""
    pytest.importorskip("django", reason="django is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{FOLDER}")
    program = (
        "import importlib; importlib.import_module('10_django_view')\n"
        "from django.test import Client\n"
        "for one in ('asst_1', 'thread_1'):\n"
        "    answer = Client().post(f'/threads/{one}', 'Why?', content_type='text/plain')\n"
        "    print(answer.status_code, answer.content.count(b'thread'))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "400 0\n400 0\n"


def test_the_index_names_every_example() -> None:
    """In the order of reading, and nothing that is not there."""
    index = (FOLDER / "README.rst").read_text("utf-8")
    others = [name for name in EXAMPLES if name != "math_tutor.py"]

    assert re.findall(r"^``(\w+\.(?:py|ipynb))`` ", index, re.MULTILINE) == [
        "math_tutor.py",
        *others,
    ]
    assert {name for name in EXAMPLES if name.endswith(".py")} == set(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_is_short_and_says_what_it_shows(name: str) -> None:
    """It fits on a screen, imports no file beside it, and opens with what it shows and assumes."""
    source = (FOLDER / name).read_text("utf-8")
    tree = ast.parse(source)
    imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]

    assert len(source.splitlines()) < LINES
    assert not {Path(other).stem for other in EXAMPLES} & set(imported)
    about = ast.get_docstring(tree) or ""
    if name != "math_tutor.py":
        assert re.search(r"^1\. ", about, re.MULTILINE)
        assert "Assumes " in about or "For real" in about
