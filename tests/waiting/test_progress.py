"""What a wait shows of its progress: in a log file, a terminal, a notebook."""

import io
import json
import sys
from types import SimpleNamespace

import pytest

from assistants_client import Run, RunFailedError
from assistants_client.waiting import Time

RUN = Run(id="run_a", thread_id="thread_a", status="queued")


class Stream(io.StringIO):
    """A standard error whose kind a test chooses."""

    def __init__(self, tty, encoding="utf-8"):
        super().__init__()
        self._tty = tty
        self._encoding = encoding

    encoding = property(lambda self: self._encoding)

    def isatty(self):
        """Whether it is a terminal."""
        return self._tty


@pytest.fixture
def poll(client, clock, monkeypatch):
    """Makes the client read one status after the other, the last one again and again."""
    client._waiter.clock = Time(clock.now, clock.sleep)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)

    def script(*statuses):
        left = list(statuses)

        def answer(thread_id, run_id):
            status = left.pop(0) if len(left) > 1 else left[0]
            return Run(id=run_id, thread_id=thread_id, status=status), {}

        monkeypatch.setattr(client._run_calls, "poll", answer)

    return script


def stderr_is(monkeypatch, stream):
    """Gives the display another standard error: pytest has its own plans with the real one."""
    fake = SimpleNamespace(stderr=stream, modules=sys.modules)
    monkeypatch.setattr("assistants_client.waiting.progress.sys", fake)
    return stream


@pytest.fixture
def log(monkeypatch):
    """A standard error that is a file."""
    return stderr_is(monkeypatch, Stream(tty=False))


@pytest.fixture
def terminal(monkeypatch):
    """A standard error that is a terminal, where tqdm is not installed."""
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setenv("COLUMNS", "60")
    return stderr_is(monkeypatch, Stream(tty=True))


def test_nothing_is_shown_unless_asked_for(client, poll, terminal):
    """Not even in a terminal."""
    poll("queued", "completed")
    client.wait_for_run(RUN, backoff=1)
    assert list(client.wait_for_runs([RUN], backoff=1))
    assert terminal.getvalue() == ""


def test_a_log_gets_a_line_when_the_status_changes(client, poll, log):
    """And only then; no line is written over."""
    poll("queued", "queued", "in_progress", "in_progress", "in_progress", "completed")
    client.wait_for_run(RUN, backoff=40, progress=True)
    assert log.getvalue().splitlines() == [
        "run run_a  queued  0:00",
        "run run_a  in_progress  1:20",
        "run run_a  completed  3:20",
    ]


def test_a_log_gets_some_lines_for_many_runs(client, poll, log):
    """At most one for each tenth, however many runs there are."""
    poll("completed")
    runs = [("thread", f"run_{n}") for n in range(500)]
    assert len(list(client.wait_for_runs(runs, progress=True))) == 500
    lines = log.getvalue().splitlines()
    assert lines[0] == "0 of 500 runs finished  0:00"
    assert lines[-1] == "500 of 500 runs finished  0:00"
    assert len(lines) == 11


def test_a_terminal_has_one_live_line(client, clock, poll, terminal):
    """It is written over while the time goes on, and left standing at the end."""
    poll("queued", "in_progress", "completed")
    client.wait_for_run(RUN, backoff=2, progress=True)
    shown = terminal.getvalue()
    assert shown.count("\n") == 1
    assert shown.endswith("\n")
    texts = [text.rstrip() for text in shown.rstrip("\n").split("\r")]
    assert texts[1] == "run run_a  ...  0:00"
    assert "run run_a  queued  0:01" in texts
    assert texts[-1] == "run run_a  completed  0:04"
    assert sum(clock.waits) == pytest.approx(4)


def test_the_time_goes_on_however_short_the_pauses(client, poll, terminal):
    """Many short pauses, one after the other, are a long one."""
    poll(*["in_progress"] * 25, "completed")
    list(client.wait_for_runs([RUN], backoff=0.1, progress=True))
    assert "0 of 1 runs finished  0:01" in terminal.getvalue().split("\r")


def test_a_shorter_text_leaves_nothing_of_a_longer_one(client, poll, terminal):
    """The line is padded."""
    poll("in_progress_for_long", "completed")
    client.wait_for_run(RUN, backoff=1, progress=True)
    long, short = terminal.getvalue().rstrip("\n").split("\r")[-2:]
    assert len(short) >= len(long.rstrip())


def test_the_line_fits_the_terminal(client, poll, terminal, monkeypatch):
    """A line that wraps could not be written over."""
    monkeypatch.setenv("COLUMNS", "20")
    poll("queued", "completed")
    client.wait_for_run(RUN, backoff=1, progress=True)
    assert max(len(text) for text in terminal.getvalue().strip().split("\r")) <= 19


def test_a_server_cannot_move_the_cursor(client, poll, log):
    """Control characters of a status are shown as question marks."""
    poll("evil\x1b[2J\r\n\x9b31m", "completed")
    client.wait_for_run(RUN, backoff=1, progress=True)
    assert log.getvalue().splitlines()[0] == "run run_a  evil?[2J???31m  0:00"


def test_what_the_program_prints_has_a_line_of_its_own(client, poll, terminal):
    """The live line makes room for it, and comes back after it."""
    poll("completed")
    for run in client.wait_for_runs([("t", "a"), ("t", "b")], progress=True):
        print("got", run.id, file=terminal)
    poll("queued", "completed")
    client.wait_for_run(
        RUN, backoff=1, progress=True, on_poll=lambda run: print(run.status, file=terminal)
    )
    lines = [line.rpartition("\r")[2] for line in terminal.getvalue().split("\n")]
    assert lines[:-1] == [
        "got a",
        "got b",
        "2 of 2 runs finished  0:00",
        "queued",
        "completed",
        "run run_a  completed  0:01",
    ]


def test_a_narrow_encoding_is_no_problem(client, poll, monkeypatch):
    """What it cannot say becomes a question mark."""
    stream = stderr_is(monkeypatch, Stream(tty=False, encoding="ascii"))
    poll("läuft", "completed")
    client.wait_for_run(RUN, backoff=1, progress=True)
    assert "l?uft" in stream.getvalue()


def test_the_line_ends_also_after_an_error(client, poll, terminal):
    """What is printed next begins a new line."""
    poll("queued", "failed")
    with pytest.raises(RunFailedError):
        client.wait_for_run(RUN, backoff=1, progress=True)
    assert terminal.getvalue().endswith("failed  0:01\n")


def test_a_display_that_fails_does_not_end_the_wait(client, poll, terminal, monkeypatch):
    """A terminal that is gone, a stream that was closed, no standard error at all."""
    poll("queued", "completed")
    terminal.close()
    assert client.wait_for_run(RUN, backoff=1, progress=True).status == "completed"
    stderr_is(monkeypatch, None)
    poll("queued", "completed")
    assert client.wait_for_run(RUN, backoff=1, progress=True).status == "completed"


def test_on_poll_is_called_as_well(client, poll, log):
    """Both see every answer."""
    seen = []
    poll("queued", "completed")
    client.wait_for_run(RUN, backoff=1, progress=True, on_poll=lambda run: seen.append(run.status))
    assert seen == ["queued", "completed"]


def test_failures_are_counted(client, poll, terminal):
    """Of many runs, those that did not complete are told apart."""
    poll("failed", "completed")
    runs = [("t", "a"), ("t", "b")]
    list(client.wait_for_runs(runs, progress=True, backoff=1))
    assert "2 of 2 runs finished (1 not completed)  0:00" in terminal.getvalue()


def test_tqdm_is_used_where_it_is_installed(client, poll, terminal, monkeypatch):
    """A line for one run; a bar for many, brought to its end."""
    monkeypatch.delitem(sys.modules, "tqdm")
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    poll("queued", "completed")
    client.wait_for_run(RUN, backoff=1, progress=True)
    assert "run run_a  completed  0:01" in terminal.getvalue()
    poll("completed")
    list(client.wait_for_runs([("t", f"r{n}") for n in range(4)], progress=True))
    assert "4 of 4 runs finished  0:00 |" in terminal.getvalue()


def test_the_form_for_tqdm_is_what_tqdm_offers(client, poll, terminal, monkeypatch):
    """The calls that are made of it, seen on one that only listens."""
    made = []

    class Listening:
        def __init__(self, **how):
            self.how, self.n, self.texts = how, 0, []
            made.append(self)

        def set_description_str(self, text):
            self.texts.append(text)

        def update(self, by):
            self.n += by

        def clear(self):
            pass

        def close(self):
            self.texts.append("closed")

    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=Listening))
    poll("queued", "completed")
    client.wait_for_run(RUN, backoff=1, progress=True)
    poll("completed")
    list(client.wait_for_runs([("t", f"r{n}") for n in range(4)], progress=True))
    one, many = made
    assert one.texts[-2:] == ["run run_a  completed  0:01", "closed"]
    assert (many.how["total"], many.n) == (4, 4)
    assert many.texts[-2:] == ["4 of 4 runs finished  0:00", "closed"]
    assert terminal.getvalue() == ""


def test_a_notebook_has_one_output_updated_in_place(client, poll, log, monkeypatch):
    """Escaped, and nothing goes to the standard error."""
    outputs = []
    handle = SimpleNamespace(update=outputs.append)
    display = SimpleNamespace(HTML=str, display=lambda html, display_id: handle)
    shell = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()), display=display)
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    poll("<b>odd</b>", "completed")
    client.wait_for_run(RUN, backoff=1, progress=True)
    assert outputs[1] == "<pre>run run_a  &lt;b&gt;odd&lt;/b&gt;  0:00</pre>"
    assert outputs[-1] == "<pre>run run_a  completed  0:01</pre>"
    assert len(outputs) == len(set(outputs))
    assert log.getvalue() == ""


def test_ipython_in_a_terminal_is_a_terminal(client, poll, log, monkeypatch):
    """Only a kernel makes a notebook."""
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=object))
    poll("completed")
    client.wait_for_run(RUN, progress=True)
    assert "completed" in log.getvalue()


def test_progress_changes_no_request(client, wire, clock, log):
    """On the wire a wait that is shown looks like any other."""
    client._waiter.clock = Time(clock.now, clock.sleep)
    url = "https://server.test/v1/threads/thread_a/runs/run_a"
    for status in ("queued", "completed"):
        wire.get(url, body=json.dumps({"id": "run_a", "thread_id": "t", "status": status}))
    client.wait_for_run(RUN, backoff=1, progress=True)
    assert [call.request.url for call in wire.calls] == [url, url]


def test_a_long_wait_is_told_in_hours(client, poll, log):
    """As a clock would."""
    poll("queued", "completed")
    client.wait_for_run(RUN, backoff=4000, timeout=9999, progress=True)
    assert log.getvalue().splitlines()[-1] == "run run_a  completed  1:06:40"


def test_a_display_that_cannot_begin_is_left_out(client, poll, terminal, monkeypatch):
    """Whatever tqdm has against this terminal."""
    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace())
    poll("queued", "completed")
    assert client.wait_for_run(RUN, backoff=1, progress=True).status == "completed"
    assert terminal.getvalue() == ""
