"""The Flask and Django examples under gunicorn: four processes, a hundred users at once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from gunicorn_kit import Asked, ask, ask_at_once, gunicorn, percentiles
from served_process import served

from assistants_client import Client
from assistants_client.engine import Engine

USERS = 100
WORKERS = ("--workers", "4", "--threads", "32")
FLASK = ("flask", "09_flask_view:app")
DJANGO = ("django", "10_django_view:application")
SLOW = """
import time
from assistants_client.engine import Engine, Scripted

def slowly(conversation):
    time.sleep(0.5)
    return "Done."

application = Engine("sqlite:///assistants.db", model=Scripted([slowly] * 1000))
"""


@pytest.fixture(autouse=True)
def _is_installed() -> None:
    pytest.importorskip("gunicorn", reason="gunicorn is not installed")


def question(user: int) -> str:
    """Everybody asks something else."""
    return f"How much is {1000 + user} * 7?"


def answer(user: int) -> str:
    """What the offline tutor answers to it, the code interpreter having run."""
    return (
        f"{1000 + user} * 7 = {(1000 + user) * 7}. The code interpreter computed it. "
        "(I am the offline tutor, not a language model.)"
    )


def check_answers(asked: list[Asked]) -> None:
    """Everybody got their own whole answer, in pieces, and no server error."""
    assert Counter(one.statuses for one in asked) == {(200, 200): len(asked)}
    assert [one.text for one in asked] == [answer(user) for user in range(len(asked))]
    assert sum(one.pieces > 1 for one in asked) > len(asked) / 2


def check_threads(client: Client, asked: list[Asked]) -> None:
    """Each conversation is kept as it was: one question and one answer, none lost or doubled."""
    assert len({one.thread_id for one in asked}) == len(asked)
    for user, one in enumerate(asked):
        messages = client.messages.list(one.thread_id, order="asc")
        assert [message.text for message in messages] == [question(user), answer(user)]


def check_log(log: Path) -> None:
    """Nothing went wrong unseen."""
    text = log.read_text()
    for word in ("locked", "Traceback", "[ERROR]", "[CRITICAL]", "Warning"):
        assert word not in text, text


@pytest.mark.parametrize(
    ("framework", "application", "options"),
    [(*FLASK, ("--preload",)), (*DJANGO, ())],
    ids=["Flask, loaded before the fork", "Django"],
)
def test_a_hundred_users_share_a_database(
    framework: str,
    application: str,
    options: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Four processes, each with an engine of its own on one SQLite file, answer all at once."""
    pytest.importorskip(framework, reason=f"{framework} is not installed")
    with gunicorn(application, tmp_path, *WORKERS, *options) as serving:
        asked = ask_at_once(USERS, lambda user: ask(serving.port, question(user)))

    with capsys.disabled():
        print(f"\n{USERS} users of {application} {' '.join(options)}")
        print(f"    first word: {percentiles([one.first for one in asked])}")
        print(f"    last word:  {percentiles([one.whole for one in asked])}")
    check_answers(asked)
    check_log(serving.log)
    with Engine(f"sqlite:///{tmp_path / 'assistants.db'}") as engine, Client(engine=engine) as own:
        check_threads(own, asked)


def test_a_hundred_users_share_a_server(tmp_path: Path) -> None:
    """The same processes without an engine of their own: all of them ask one that is served."""
    pytest.importorskip("flask", reason="flask is not installed")
    with served(tmp_path) as server:
        variables = {"ASSISTANTS_BASE_URL": server.base_url}
        with gunicorn(FLASK[1], tmp_path, *WORKERS, "--preload", **variables) as serving:
            asked = ask_at_once(USERS, lambda user: ask(serving.port, question(user)))
        with Client(server.base_url) as client:
            check_threads(client, asked)

    check_answers(asked)
    check_log(serving.log)


def test_workers_that_are_replaced_lose_no_answer(tmp_path: Path) -> None:
    """A worker that has served its share finishes what it streams before it goes."""
    pytest.importorskip("flask", reason="flask is not installed")
    options = ("--workers", "2", "--threads", "8", "--preload", "--max-requests", "10")
    with gunicorn(FLASK[1], tmp_path, *options) as serving:
        asked = ask_at_once(30, lambda user: ask(serving.port, question(user)))

    assert serving.log.read_text().count("Autorestarting worker") >= 2
    assert Counter(one.statuses for one in asked) == {(200, 200): len(asked)}
    assert [one.text for one in asked] == [answer(user) for user in range(len(asked))]


def test_workers_that_are_replaced_finish_their_runs(tmp_path: Path) -> None:
    """Also runs that nobody streams, as long as the engine waits for them when it closes."""
    (tmp_path / "slow.py").write_text(SLOW, "utf-8")
    options = ("--workers", "2", "--threads", "8", "--preload", "--max-requests", "10")
    with (
        gunicorn("slow:application", tmp_path, *options) as serving,
        Client(f"http://127.0.0.1:{serving.port}/v1") as client,
    ):
        assistant = client.assistants.create(model="slow")
        begun = {"messages": [{"role": "user", "content": "Go."}]}
        runs = [
            client.runs.create_thread_and_run(assistant_id=assistant.id, thread=begun)
            for _ in range(30)
        ]
        done = list(client.wait_for_runs(runs, timeout=60, check=False))

    assert serving.log.read_text().count("Autorestarting worker") >= 2
    assert Counter(run.status for run in done) == {"completed": 30}
