"""``assistants chat``: in a real terminal, through pipes, and what is shown of a run."""

from __future__ import annotations

import io
import json
import os
import queue
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from model_server import model_server
from served_process import environment
from terminal import CTRL_C, CTRL_D, Terminal

from assistants_client import Client, CodeInterpreterTool, FileSearchTool, FunctionTool
from assistants_client.cli.chat import ChatSession, Screen, converse
from assistants_client.engine import Engine, Scripted, call
from assistants_client.errors import NotFoundError, RunError
from assistants_client.models.tools import FunctionDefinition

Ended: TypeAlias = subprocess.CompletedProcess[str]
WEATHER = FunctionTool(function=FunctionDefinition(name="get_weather"))


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    """A language model."""
    with model_server() as url:
        yield url


def chat(folder: Path, typed: str, *options: str, **variables: str) -> Ended:
    """The command with lines from a pipe, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "assistants_client", "chat", *options],
        cwd=folder,
        env=environment(folder, **variables),
        input=typed,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def terminal(folder: Path, *options: str, **variables: str) -> Terminal:
    """The command in a terminal."""
    command = [sys.executable, "-m", "assistants_client", "chat", *options]
    return Terminal(command, environment(folder, **variables), folder)


# --- through pipes ------------------------------------------------------------------------------


def test_answers_go_to_a_pipe_and_all_else_beside_it(
    tmp_path: Path, command: Callable[..., Ended]
) -> None:
    """The offline tutor answers each line; its code, and how to go on, are on the other stream."""
    done = chat(tmp_path, "Solve 3x + 11 = 14\n\n")

    assert done.returncode == 0
    assert done.stdout.startswith("3x + 11 = 14 is solved like this.")
    assert done.stdout.count("\n") == 1
    assert "[code]\n    # 3x + 11 = 14\n" in done.stderr
    assert "[output]\n    x = 1\n" in done.stderr
    told = done.stderr.splitlines()[-1]
    assert told.startswith("To go on: assistants chat --assistant asst_")

    to_go_on = told.removeprefix("To go on: assistants ").split()
    again = command(*to_go_on, typed="How much is 7 * 6?\n")

    assert again.stdout.startswith("7 * 6 = 42.")
    assert again.stderr.splitlines()[-1] == told


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--base-url", "http://127.0.0.1:9/v1"], 1, "is the server running"),
        (["--base-url", "127.0.0.1:8000"], 2, "base_url: not an http or https URL"),
        (["--assistant", "asst_none"], 1, "No assistant found with id 'asst_none'"),
        (["--file", "none.csv"], 2, "there is no file 'none.csv'"),
    ],
)
@pytest.mark.usefixtures("pauses")
def test_what_cannot_be_done_is_one_line(
    command: Callable[..., Ended], options: list[str], status: int, words: str
) -> None:
    """It is told before anything is asked, and the exit status is its kind."""
    done = command("chat", *options)

    assert done.returncode == status
    assert done.stdout == ""
    assert done.stderr.startswith("assistants chat: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_an_unknown_option_and_an_unknown_command_are_told(
    command: Callable[..., Ended],
) -> None:
    """The last line says what is wrong, what is near it, and which commands there are."""
    option, other = command("chat", "--modle", "m"), command("caht")
    far, inner = command("chat", "--zzz"), command("serve", "--prot=1")

    assert (option.returncode, other.returncode) == (2, 2)
    assert option.stderr.endswith(
        "error: unrecognized arguments: --modle m; did you mean --model?\n"
    )
    assert re.search("'caht'.*serve.*chat.*; did you mean chat\\?", other.stderr)
    assert far.stderr.endswith("assistants chat: error: unrecognized arguments: --zzz\n")
    assert inner.stderr.endswith("unrecognized arguments: --prot=1; did you mean --port?\n")


def test_the_command_alone_tells_what_there_is(command: Callable[..., Ended]) -> None:
    """It is no success either."""
    done = command()

    assert done.returncode == 2
    assert re.search(r"(?s)commands:.*\n +serve .*\n +chat ", done.stderr)


def test_help_fits_a_terminal_and_names_every_option(command: Callable[..., Ended]) -> None:
    """Each option has its words, and no line is longer than 80 columns."""
    told = command("chat", "--help", COLUMNS="80").stdout

    options = "assistant thread model instructions file base-url api-key"
    assert [f"  --{name} " in told for name in options.split()] == [True] * 7
    assert "exit status:" in told
    assert max(map(len, told.splitlines())) <= 80


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """The message names the extra, and that a server would do as well."""
    (tmp_path / "werkzeug.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'werkzeug'\", name='werkzeug')"
    )
    path = f"{tmp_path}{os.pathsep}{environment(tmp_path)['PYTHONPATH']}"
    done = chat(tmp_path, "Hello", PYTHONPATH=path)

    assert done.returncode == 6
    assert done.stderr.count("\n") == 1
    assert 'pip install "assistants-client[engine]"' in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other pipes")
def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path, model_url: str) -> None:
    """As with ``assistants chat | head -1``: it ends, and says nothing about it."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "assistants_client", "chat"],
        cwd=tmp_path,
        env=environment(tmp_path, ASSISTANTS_MODEL_URL=model_url),
        input=b"Hello",
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(write)

    assert done.returncode == 1
    assert done.stderr.startswith(b"To go on: ")
    assert done.stderr.count(b"\n") == 1


# --- in a terminal ------------------------------------------------------------------------------


def test_a_conversation_in_a_terminal(tmp_path: Path, model_url: str) -> None:
    """Code is shown, Ctrl-C cancels an answer, a failure is told, and all go on to the next."""
    shown = terminal(tmp_path, ASSISTANTS_MODEL_URL=model_url)
    shown.expect("Ctrl-C cancels an answer, Ctrl-D leaves.\r\n> ")
    shown.type("use code_interpreter\r")
    shown.expect(r"\[code\]\r\n    print\(6 \* 7\)\r\n\[output\]\r\n    42\r\nThe tool said: 42")
    shown.expect("> ")
    shown.type("Speak slowly\r")
    shown.expect("You said: Speak slowly 0 1 2")
    shown.type(CTRL_C)
    shown.expect("\r\nCancelling the answer. Ctrl-C again leaves.\r\n> ")
    shown.type("Now fail\r")
    shown.expect("assistants chat: run .* is failed: server_error: .*The model is down.\r\n> ")
    shown.type("Are you there?\r")
    shown.expect("You said: Are you there\\?\r\n> ")
    shown.type(CTRL_D)
    thread_id = shown.expect(r"To go on: assistants chat --assistant \S+ --thread (\S+)")[1]

    assert shown.end() == 0
    assert "Traceback" not in shown.shown
    with Client(engine=Engine(f"sqlite:///{tmp_path / 'assistants.db'}")) as client:
        runs = [run.status for run in client.runs.list(thread_id, order="asc")]
    assert runs == ["completed", "cancelled", "failed", "completed"]


def test_ctrl_c_before_a_question_leaves(tmp_path: Path, model_url: str) -> None:
    """It is left as by Ctrl-C, and nothing is kept of a conversation that did not begin."""
    shown = terminal(tmp_path, ASSISTANTS_MODEL_URL=model_url)
    shown.expect("> ")

    assert shown.end(pressing=CTRL_C) == 130
    assert "Traceback" not in shown.shown
    assert "To go on" not in shown.shown
    with Client(engine=Engine(f"sqlite:///{tmp_path / 'assistants.db'}")) as client:
        assert list(client.assistants.list()) == []


def test_ctrl_c_clears_a_line_first(tmp_path: Path, model_url: str) -> None:
    """Only on an empty line it leaves; what was typed is not sent."""
    pytest.importorskip("readline", reason="no readline here")
    shown = terminal(tmp_path, ASSISTANTS_MODEL_URL=model_url)
    shown.expect("> ")
    shown.type("Not this")
    shown.expect("Not this")
    shown.type(CTRL_C)
    shown.expect("\r\n> ")
    shown.type("But this\r")
    shown.expect("You said: But this\r\n> ")

    assert shown.end(pressing=CTRL_C) == 130
    assert "You said: Not" not in shown.shown


def test_commands_in_a_terminal(tmp_path: Path, model_url: str) -> None:
    """Help, another thread, a list of them, the way back, a file, and what is none of these."""
    (tmp_path / "a b.txt").write_text("a")
    shown = terminal(tmp_path, ASSISTANTS_MODEL_URL=model_url)
    shown.expect("/help says more. .*\r\n> ")
    shown.type("First\r")
    shown.expect("You said: First\r\n> ")
    shown.type("/help\r")
    first = shown.expect(r"/file PATH [^$]*the thread (thread_\w+)\.\r\n> ")[1]
    shown.type("/new\r")
    shown.expect(f"Back to the last one: /threads {first}\r\n> ")
    shown.type("Second\r")
    shown.expect("You said: Second\r\n> ")
    shown.type("/threads\r")
    shown.expect(rf"\* thread_\w+  \S+ \S+  Second\r\n  {first}  \S+ \S+  First\r\n> ")
    shown.type(f"/threads {first}\r")
    shown.expect(f"Going on with {first}")
    shown.type("/file 'a b.txt'\r")
    shown.expect("It goes with the next message")
    shown.type("/file none.txt\r")
    shown.expect("assistants chat: file: there is no file 'none.txt'")
    shown.type("/thraeds\r")
    shown.expect("There is no command /thraeds; did you mean /threads\\? /help lists them")
    shown.type("/usr/bin is what?\r")
    shown.expect(r"You said: /usr/bin is what\?\r\n> ")
    shown.type(CTRL_D)
    shown.expect(f"To go on: assistants chat --assistant \\S+ --thread {first}")

    assert shown.end() == 0
    with Client(engine=Engine(f"sqlite:///{tmp_path / 'assistants.db'}")) as client:
        messages = list(client.messages.list(first, order="asc"))
    assert [len(message.attachments) for message in messages] == [0, 0, 1, 0]


def test_a_second_ctrl_c_leaves(
    tmp_path: Path, serve: Callable[..., Any], http_answer: Callable[..., bytes]
) -> None:
    """A server that does not end the run keeps nobody: Ctrl-C again, and it is left."""
    run = {"id": "run_1", "thread_id": "thread_1", "status": "in_progress", "object": "thread.run"}
    event = f"event: thread.run.created\ndata: {json.dumps(run)}\n\n".encode()
    asked: queue.Queue[bytes] = queue.Queue()

    def answer(connection: Any) -> None:
        line = server.requests[-1].split(b" HTTP")[0]
        asked.put(line)
        if line.endswith(b"/runs"):
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
            connection.sendall(head + event)
        elif not line.endswith(b"/cancel"):
            connection.sendall(http_answer({"id": "one"}))
            return
        server.pause(60)

    server = serve(answer)
    shown = terminal(tmp_path, "--base-url", server.url)
    shown.expect("> ")
    shown.type("Hello\r")
    while not asked.get(timeout=20).endswith(b"/runs"):
        pass
    server.pause(0.2)  # until the event is read
    shown.type(CTRL_C)
    shown.expect("Ctrl-C again leaves.")
    assert asked.get(timeout=20).endswith(b"/cancel")

    assert shown.end(pressing=CTRL_C) == 130
    assert "Traceback" not in shown.shown


# --- what is shown ------------------------------------------------------------------------------


class Talk:
    """A conversation with a scripted model, its streams, and its client."""

    def __init__(self, *answers: Any, **options: Any) -> None:
        self.model = Scripted(answers)
        self.client = Client(engine=Engine("sqlite://", model=self.model))
        self.answers, self.asides = io.StringIO(), io.StringIO()
        self.screen = Screen(self.answers, self.asides)
        given: dict[str, Any] = dict.fromkeys(("assistant_id", "thread_id", "model"))
        given |= {"instructions": None, "default_model": "m", "files": []}
        if "tools" in options:
            made = self.client.assistants.create(model="m", tools=options.pop("tools"))
            given["assistant_id"] = made.id
        self.session = ChatSession(self.client, self.screen, **given | options)


def test_options_reach_the_model(tmp_path: Path) -> None:
    """Model, instructions and files are those given; the files come with the first message."""
    (tmp_path / "sales.csv").write_text("1,2")
    talk = Talk(
        "Hello.", "Bye.", model="x", instructions="Be brief.", files=[tmp_path / "sales.csv"]
    )
    talk.session.answer("Hi")
    talk.session.answer("Again")
    first, _, second, _ = talk.client.messages.list(talk.session.thread_id, order="asc")

    assert talk.answers.getvalue() == "Hello.\nBye.\n"
    assert [asked.model for asked in talk.model.conversations] == ["x", "x"]
    assert "Be brief." in str(talk.model.conversations[0])
    assert [one.tools for one in first.attachments] == [[CodeInterpreterTool()]]
    assert second.attachments == []


def test_what_a_model_writes_cannot_steer_the_terminal() -> None:
    """Control characters are left out, of code and output as well; tabs and breaks stay."""
    talk = Talk(call("code_interpreter", code="print('\\x1b[2J\ta')"), "\x1b]0;x\x07b\x9b\rc")
    talk.session.answer("Go")

    assert talk.answers.getvalue() == "]0;xbc\n"
    assert talk.asides.getvalue().endswith("[output]\n    [2J\ta\n")


def test_lines_are_broken_at_words_in_a_terminal() -> None:
    """Of answers, however their pieces come, and of no text that goes to a pipe."""
    text = (
        "The quick brown fox jumps.\n\n    over = 1\nAn unbreakablewordofmany 漢字漢字漢字漢字 "
        "e\u0301nd"
    )
    wrapped = (
        "The quick\nbrown fox\njumps.\n\n    over = 1\nAn\nunbreakablew\nordofmany 漢\n"
        "字漢字漢字漢\n字 e\u0301nd\n"
    )
    for size in (1, 3, len(text)):
        shown = io.StringIO()
        screen = Screen(shown, shown, lambda: 12)
        for start in range(0, len(text), size):
            screen.text(text[start : start + size])
        screen.end_line()
        assert shown.getvalue() == wrapped
    plain = io.StringIO()
    screen = Screen(plain, plain)
    screen.text(text)

    assert plain.getvalue() == text


def test_searches_are_shown(tmp_path: Path) -> None:
    """The files that were found, with their scores, before the answer."""
    (tmp_path / "rivers.md").write_text("The Glomma is the longest river of Norway.")
    talk = Talk(
        call("file_search", query="river"),
        "The Glomma.",
        tools=[FileSearchTool()],
        files=[tmp_path / "rivers.md"],
    )
    talk.session.answer("Which is the longest?")

    assert talk.asides.getvalue().startswith("[file search] rivers.md (")


def test_a_file_needs_a_tool_that_reads_it(tmp_path: Path) -> None:
    """An assistant without one is named, and nothing stays uploaded."""
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(ValueError, match=r"--file: assistant asst_.* cannot read files"):
        Talk(tools=[WEATHER], files=[tmp_path / "a.txt"])


def test_a_function_cannot_be_answered_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and what can be done; the run is cancelled, and lines of a pipe asked no more."""
    talk = Talk(call("get_weather", city="Oslo"), "Yes.", tools=[WEATHER])
    monkeypatch.setattr("sys.stdin", io.StringIO("How warm is it?\nAre you there?\n"))

    with pytest.raises(RunError) as caught:
        converse(talk.session, talk.screen, interactive=False)
    [run] = talk.client.runs.list(talk.session.thread_id)

    assert str(caught.value) == (
        'the assistant asks for the function call get_weather({"city": "Oslo"}), which cannot be '
        "answered here; the run is cancelled. Answer it in a program, with client.ask(..., "
        "tools=[...])"
    )
    assert run.status == "cancelled"
    assert talk.answers.getvalue() == ""


def test_a_function_call_ends_only_that_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal the refusal is told, and the next question is answered."""
    talk = Talk(call("get_weather", city="Oslo"), "Yes.", tools=[WEATHER])
    lines = iter(["How warm is it?", "  ", "Are you there?"])

    def typed(_: str) -> str:
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", typed)
    converse(talk.session, talk.screen, interactive=True)

    assert "which cannot be answered here; the run is cancelled" in talk.asides.getvalue()
    assert talk.answers.getvalue() == "Yes.\n"


def test_a_question_that_is_refused_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Typed again, the model sees it once; the file goes with it."""
    with Client(engine=Engine("sqlite:///:memory:", model=Scripted(["Four."]))) as client:
        screen = Screen(io.StringIO(), io.StringIO())
        session = ChatSession(
            client,
            screen,
            assistant_id=None,
            thread_id=None,
            model=None,
            default_model="m",
            instructions=None,
            files=[__file__],
        )
        made, session.assistant_id = session.assistant_id, "asst_gone"
        with pytest.raises(NotFoundError):
            session.answer("2 + 2?")
        session.assistant_id = made
        session.answer("2 + 2?")
        asked, answer = client.messages.list(session.thread_id, order="asc")

    assert (asked.text, answer.text) == ("2 + 2?", "Four.")
    assert len(asked.attachments) == 1


def test_a_failed_run_is_raised() -> None:
    """What the run says of its failure is the error's message."""
    talk = Talk(["Hel", ValueError("no")])

    with pytest.raises(RunError, match="is failed"):
        talk.session.answer("Hi")
    assert talk.answers.getvalue() == "Hel\n"
