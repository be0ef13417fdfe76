"""The engine as a whole: runs processed for real, opening, closing, forks, the environment."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_http import Http
from thorough import another_case
from werkzeug.test import Client

import assistants_client as ac
from assistants_client.engine import (
    ChatCompletions,
    Conversation,
    Engine,
    LanguageModel,
    Script,
    Scripted,
    Tutor,
    call,
    environment,
    lifecycle,
)
from assistants_client.engine.language_models.base import Turn
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.errors import ConfigurationError

VARIABLES = (
    "ASSISTANTS_API_KEY",
    "ASSISTANTS_BASE_URL",
    "ASSISTANTS_DATABASE_URL",
    "ASSISTANTS_MODEL_URL",
    "ASSISTANTS_MODEL_KEY",
    "ASSISTANTS_MODEL",
    "ASSISTANTS_MODEL_API",
    "ASSISTANTS_MODEL_MAP",
    "ASSISTANTS_TOKEN",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the variables that the engine reads."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["sqlite://", "sqlite:///{}/test.db"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database in memory, and one in a file."""
    return str(request.param).format(tmp_path)


class Slow:
    """A model that answers when it is let go."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.go = threading.Event()

    def respond(self, conversation: Conversation) -> Iterator[Any]:
        """Waits, and then says so."""
        self.asked.set()
        self.go.wait(30)
        yield from Scripted(["at last"]).respond(conversation)


@pytest.fixture
def slow() -> Iterator[Slow]:
    """Let go at the end, so that no thread stays behind."""
    made = Slow()
    yield made
    made.go.set()
    for thread in threading.enumerate():
        if thread.name.startswith("assistants-"):
            thread.join(10)


def test_a_run_is_processed_to_its_end(url: str) -> None:
    """A question is answered, and the threads that processed the run are gone soon after."""
    with Engine(url, Scripted(["Good day."])) as engine:
        http = Http(engine)
        path = http.start()
        run = http.wait(path)
        assert (run["status"], run["completed_at"] is not None) == ("completed", True)
        assert http.texts(path) == ["Hello", "Good day."]


def test_a_round_of_code_and_functions(url: str) -> None:
    """One answer with both kinds of calls: the code runs, the function waits, then it goes on."""
    script: list[Script] = [
        [call("code_interpreter", code="print(6 * 7)"), call("get_weather", city="Paris")],
        "Warm, and 42.",
    ]
    tools = [
        {"type": "code_interpreter"},
        {"type": "function", "function": {"name": "get_weather"}},
    ]
    with Engine(url, Scripted(script)) as engine:
        http = Http(engine)
        path = http.start(tools=tools)
        run = http.wait(path)
        assert run["status"] == "requires_action"
        [pending] = run["required_action"]["submit_tool_outputs"]["tool_calls"]
        assert pending["function"]["name"] == "get_weather"
        output = {"tool_outputs": [{"tool_call_id": pending["id"], "output": "22 C"}]}
        http.send("POST", f"{path}/submit_tool_outputs", output)
        assert http.wait(path)["status"] == "completed"
        assert http.texts(path)[-1] == "Warm, and 42."
        first = http.send("GET", f"{path}/steps?order=asc")["data"][0]
        code, function = first["step_details"]["tool_calls"]
        assert code["code_interpreter"]["outputs"] == [{"type": "logs", "logs": "42\n"}]
        assert function["function"]["output"] == "22 C"


def test_many_runs_at_once(url: str) -> None:
    """More runs than workers, on threads of their own: all are completed."""
    with Engine(url, Scripted(["answer"] * 12), workers=4) as engine:
        http = Http(engine)
        paths = [http.start() for _ in range(12)]
        assert {http.wait(path)["status"] for path in paths} == {"completed"}


def test_a_cancelled_run_leaves_its_thread_usable(
    url: str, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the model never comes back: after a moment the thread is free."""
    monkeypatch.setattr(lifecycle, "CANCEL_GRACE", 0.1)
    with Engine(url, slow) as engine:
        http = Http(engine)
        path = http.start()
        assert slow.asked.wait(10)
        assert http.send("POST", f"{path}/cancel")["status"] == "cancelling"
        assert http.wait(path)["status"] == "cancelled"
        thread = path.partition("/runs/")[0]
        http.send("POST", f"{thread}/messages", {"role": "user", "content": "Still there?"})
        slow.go.set()


def test_a_run_of_a_closed_engine_is_processed_by_the_next(
    tmp_path: Path, slow: Slow, caplog: pytest.LogCaptureFixture
) -> None:
    """Closing waits as long as it was told to. What the model says after that is nobody's."""
    url = f"sqlite:///{tmp_path / 'test.db'}"
    with Engine(url, slow, close_seconds=0.05) as engine:
        path = Http(engine).start()
        assert slow.asked.wait(10)
    slow.go.set()
    with Engine(url, Scripted(["at once"])) as engine:
        http = Http(engine)
        assert http.wait(path)["status"] == "completed"
        assert http.texts(path) == ["Hello", "at once"]
    until = time.monotonic() + 20
    while any(thread.name == "assistants-run" for thread in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert not caplog.records


def test_a_request_that_comes_while_it_closes_is_refused(
    slow: Slow, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be sent again, perhaps to the next process, and the log has nothing about it."""
    engine = Engine("sqlite://", slow, close_seconds=30)
    Http(engine).start()
    assert slow.asked.wait(10)
    closing = threading.Thread(target=engine.close)
    closing.start()
    until = time.monotonic() + 20
    while engine._finalizer.alive:
        assert time.monotonic() < until
        time.sleep(0.01)
    answer = Client(engine).post("/v1/threads")
    slow.go.set()
    closing.join(20)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert not caplog.records


def test_a_run_that_has_only_just_come_is_processed_before_the_end(tmp_path: Path) -> None:
    """As of a job that starts a run and is over: its thread is not left locked."""
    for number in range(5):
        url = f"sqlite:///{tmp_path / f'{number}.db'}"
        with Engine(url, Scripted(["one"])) as engine:
            path = Http(engine).start()
        with Engine(url, Scripted()) as engine:
            assert Http(engine).send("GET", path)["status"] == "completed"


def test_closing_goes_on_when_the_database_is_gone(
    monkeypatch: pytest.MonkeyPatch, slow: Slow, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be written any more is logged, and left to the next process."""

    def fail(_: Execution) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(Execution, "release_all", fail)
    engine = Engine("sqlite://", slow, close_seconds=0.01)
    Http(engine).start()
    assert slow.asked.wait(10)
    engine.close()
    assert "the disk is gone" in caplog.text


def test_nothing_is_opened_or_started_before_it_is_needed(tmp_path: Path) -> None:
    """An engine alone makes no file; a request alone starts no thread but the one that looks out.

    That one sees to what other processes leave behind.
    """
    path = tmp_path / "test.db"
    # Threads of what was closed before may still be ending.
    before = set(threading.enumerate())
    with Engine(f"sqlite:///{path}", Scripted()) as engine:
        assert not path.exists()
        Http(engine).send("POST", "/threads")
        assert path.exists()
        begun = [thread.name for thread in threading.enumerate() if thread not in before]
        assert begun == ["assistants-lookout"]
    before = set(threading.enumerate())
    with Engine("sqlite://", Scripted()) as engine:
        Http(engine).send("POST", "/threads")
        assert not set(threading.enumerate()) - before
    assert [found.name for found in tmp_path.iterdir()] == ["test.db"]


def test_an_engine_that_is_dropped_closes_its_database(tmp_path: Path) -> None:
    """Without ``close`` no connection is left behind, and no warning is given."""
    engine = Engine(f"sqlite:///{tmp_path / 'test.db'}", Scripted())
    http = Http(engine)
    http.send("POST", "/threads")
    del engine, http
    gc.collect()
    assert [found.name for found in tmp_path.iterdir()] == ["test.db"]


LEFT_OPEN = """
import sys
from assistants_client import Client
from assistants_client.engine import Engine, Scripted
client = Client(engine=Engine(sys.argv[1], Scripted(["one"])))
thread = client.threads.create(messages=[{"role": "user", "content": "Hi"}])
assistant = client.assistants.create(model="m")
client.wait_for_run(client.runs.create(thread.id, assistant_id=assistant.id))
"""


def test_a_program_need_not_close_its_client(tmp_path: Path) -> None:
    """At the program's end its connections are closed, and no warning is given."""
    url = f"sqlite:///{tmp_path / 'test.db'}"
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", LEFT_OPEN, url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [found.name for found in tmp_path.iterdir()] == ["test.db"]


def test_a_closed_engine_says_so() -> None:
    """It does not open again, and closing twice does nothing."""
    engine = Engine("sqlite://", Scripted())
    http = Http(engine)
    http.send("POST", "/threads")
    engine.close()
    engine.close()
    with pytest.raises(ConfigurationError, match="closed"):
        http.send("POST", "/threads")


def test_a_database_that_cannot_be_opened_is_raised_to_the_caller() -> None:
    """In the process it is an exception with the reason, over HTTP a 503; each call tries again."""
    with Engine("sqlite:////nowhere/x.db", Scripted()) as engine:
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="does not exist"):
                Http(engine).send("POST", "/threads")
        response = Client(engine).post("/v1/threads")
        assert (response.status_code, response.get_json()["error"]["type"]) == (503, "server_error")
        assert "nowhere" not in response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workers": 0}, "workers"),
        ({"run_seconds": 0}, "run_seconds"),
        ({"close_seconds": -1}, "close_seconds"),
        ({"token": ""}, "token"),
        ({"token": 5}, "token: expected a string, got int"),
        ({"model": "gpt-4o"}, "model: expected a language model .*, got str"),
        ({"url": "nonsense"}, "URL"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(options: dict[str, Any], said: str) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigurationError, match=said):
        Engine(**options)


def test_run_seconds_and_clock_are_used(slow: Slow) -> None:
    """A run of this engine expires when its own clock says so."""
    now = 1000.0
    with Engine("sqlite://", slow, run_seconds=7, clock=lambda: now) as engine:
        http = Http(engine)
        path = http.start()
        run = http.send("GET", path)
        assert (run["created_at"], run["expires_at"]) == (1000, 1007)
        now = 1007
        assert http.send("GET", path)["status"] == "expired"
        slow.go.set()


def test_a_token_is_for_others_only(tmp_path: Path) -> None:
    """Over HTTP it is asked for; inside the process it is not needed, and nothing shows it."""
    url = f"sqlite:///{tmp_path / 'test.db'}"
    with Engine(url, Scripted(), token="secret") as engine:
        Http(engine).send("POST", "/threads")
        assert Client(engine).post("/v1/threads").status_code == 401
        headers = {"authorization": "Bearer secret"}
        assert Client(engine).post("/v1/threads", headers=headers).status_code == 200
        assert repr(engine) == f"<Engine on {url}, Scripted>"


FORKED = """
import os, sys
from assistants_client.engine import Engine, Scripted
sys.path.insert(0, sys.argv[2])
from engine_http import Http
engine = Engine(sys.argv[1], Scripted(["one", "two", "three"]))
http = Http(engine)
assert http.wait(http.start())["status"] == "completed"
child = os.fork()
path = http.start()
assert http.wait(path)["status"] == "completed", path
if child:
    assert os.waitpid(child, 0)[1] == 0
engine.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_parent_and_forked_child_go_on_with_one_engine(tmp_path: Path) -> None:
    """Both start runs and process them, each with its own threads and connections."""
    here = str(Path(__file__).parent)
    url = f"sqlite:///{tmp_path / 'test.db'}"
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED, url, here],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


# --- the environment ----------------------------------------------------------------------------


def model_of(**variables: str) -> LanguageModel:
    """The model that an engine chooses."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        with Engine("sqlite://") as engine:
            return engine._model


def test_a_key_without_a_server_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever has set it means a server, which would be named by another variable."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSISTANTS_API_KEY", "a-secret")
    ac.Client().close()

    assert "ASSISTANTS_API_KEY is not used: the embedded engine answers" in caplog.text
    assert "set ASSISTANTS_BASE_URL as well" in caplog.text
    assert "a-secret" not in caplog.text


def test_the_model_is_chosen_by_the_environment(caplog: pytest.LogCaptureFixture) -> None:
    """A model's URL first, then OpenAI's key, else the tutor, which its first run says."""
    environment._warn_once.cache_clear()
    with caplog.at_level(logging.WARNING):
        named = model_of(ASSISTANTS_MODEL_URL="http://host:1/v1", OPENAI_API_KEY="sk-1")
        assert isinstance(named, ChatCompletions)
        assert repr(named) == "ChatCompletions('http://host:1/v1')"
        override = model_of(ASSISTANTS_MODEL_URL="http://host:1/v1", ASSISTANTS_MODEL="mini")
        assert repr(override) == "ChatCompletions('http://host:1/v1', model='mini')"
        mapped = model_of(
            ASSISTANTS_MODEL_URL="http://host:1/v1",
            ASSISTANTS_MODEL_API="responses",
            ASSISTANTS_MODEL_MAP="gpt-4-32k=llama3.2:3b, gpt-4 = phi,",
        )
        names = {"gpt-4-32k": "llama3.2:3b", "gpt-4": "phi"}
        assert repr(mapped) == f"Responses('http://host:1/v1', model_map={names})"
        openai = model_of(OPENAI_API_KEY="sk-1", ASSISTANTS_MODEL_URL="")
        assert repr(openai) == "ChatCompletions('https://api.openai.com/v1')"
    assert caplog.messages == []
    with caplog.at_level(logging.WARNING):
        chosen = model_of(OPENAI_API_KEY="")
        assert isinstance(chosen, Tutor)
        list(chosen.respond(QUESTION))
    [said] = caplog.messages
    assert "ASSISTANTS_MODEL_URL" in said
    with pytest.raises(ConfigurationError, match=r"^\$ASSISTANTS_MODEL_URL: .* not an http"):
        model_of(ASSISTANTS_MODEL_URL="localhost:11434")
    with pytest.raises(ConfigurationError, match=r"^\$ASSISTANTS_MODEL_API: .* got 'soap'"):
        model_of(OPENAI_API_KEY="sk-1", ASSISTANTS_MODEL_API="soap")
    for wrong in ("gpt-4", "gpt-4=", "=phi", "a=b,gpt-4"):
        with pytest.raises(ConfigurationError, match=r"^\$ASSISTANTS_MODEL_MAP: expected old=new"):
            model_of(OPENAI_API_KEY="sk-1", ASSISTANTS_MODEL_MAP=wrong)


NOTICE = (
    "No language model is configured: the offline tutor answers, which knows arithmetic and linear "
    "equations only. Set OPENAI_API_KEY or ASSISTANTS_MODEL_URL to use a model."
)
QUESTION = Conversation(model="m", turns=[Turn(role="user", text="1 + 2")])
ELSEWHERE = (
    "OPENAI_API_KEY is not used: OPENAI_BASE_URL names {}; if that is the language model, set "
    "ASSISTANTS_MODEL_URL to it, and ASSISTANTS_MODEL_KEY to its key."
)


@pytest.mark.parametrize(
    ("variables", "reasons"),
    [
        (
            {"OPENAI_BASE_URL": "http://u:pw@127.0.0.1:8791/v1"},
            [ELSEWHERE.format("127.0.0.1:8791")],
        ),
        ({"OPENAI_BASE_URL": "http://[nowhere"}, [ELSEWHERE.format("no host")]),
        (
            {"OPENAI_BASE_URL": "https://openai.com.example"},
            [ELSEWHERE.format("openai.com.example")],
        ),
        (
            {"ASSISTANTS_TOKEN": "my-server-token"},
            ["OPENAI_API_KEY is not used: it is the token of this engine."],
        ),
        (
            {"OPENAI_API_KEY": "", "ASSISTANTS_MODEL": "llama3.2"},
            ["ASSISTANTS_MODEL='llama3.2' is ignored without ASSISTANTS_MODEL_URL."],
        ),
        (
            {"OPENAI_API_KEY": "", "ASSISTANTS_MODEL_KEY": "my-server-token"},
            ["ASSISTANTS_MODEL_KEY is ignored without ASSISTANTS_MODEL_URL."],
        ),
    ],
)
def test_a_key_of_another_server_is_not_sent_to_openai(
    variables: dict[str, str], reasons: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The tutor answers instead, and the warning of its first run says why, without the key."""
    environment._warn_once.cache_clear()
    with caplog.at_level(logging.WARNING):
        chosen = model_of(**{"OPENAI_API_KEY": "my-server-token", **variables})
        assert caplog.messages == []
        list(chosen.respond(QUESTION))

    assert isinstance(chosen, Tutor)
    [said] = caplog.messages
    assert said.partition(" to use a model.")[2] == "".join(f" {reason}" for reason in reasons)


def test_the_tutor_is_announced_by_the_first_run_of_a_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not by clients that are made for something else, nor by each run again."""
    monkeypatch.chdir(tmp_path)
    environment._warn_once.cache_clear()
    for number in range(2):
        with ac.Client() as client:
            assistant = client.assistants.create(model="m")
            thread = client.threads.create()
            assert [one for one in caplog.messages if "tutor" in one] == [NOTICE] * number
            client.ask(thread.id, "1 + 2", assistant_id=assistant.id)

    assert [one for one in caplog.messages if "tutor" in one] == [NOTICE]


def test_openai_may_be_named_by_its_address(caplog: pytest.LogCaptureFixture) -> None:
    """Then its key is used, and nothing is said."""
    with caplog.at_level(logging.WARNING):
        chosen = model_of(OPENAI_API_KEY="sk-1", OPENAI_BASE_URL="https://API.openai.com/v1/")

    assert repr(chosen) == "ChatCompletions('https://api.openai.com/v1')"
    assert caplog.messages == []


def test_the_database_is_chosen_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A URL, else a file in the working directory."""
    monkeypatch.chdir(tmp_path)
    with Engine.from_environment() as engine:
        assert "sqlite:///assistants.db" in repr(engine)
        Http(engine).send("POST", "/threads")
    assert (tmp_path / "assistants.db").exists()
    monkeypatch.setenv("ASSISTANTS_DATABASE_URL", "sqlite:///other.db")
    with Engine.from_environment() as engine:
        assert "sqlite:///other.db" in repr(engine)


@pytest.mark.parametrize(
    "missing",
    [
        "sqlalchemy",
        "pydantic_monty",
        pytest.param("werkzeug", marks=another_case),
    ],
)
def test_a_missing_package_says_what_to_install(missing: str) -> None:
    """The error is an ImportError that names the package and the command."""
    program = f"import sys; sys.modules[{missing!r}] = None\nimport assistants_client.engine"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError")
    assert missing in last
    assert 'pip install "assistants-client[engine]"' in last
