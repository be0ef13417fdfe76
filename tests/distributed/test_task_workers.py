"""Runs that a web process is asked for with ``executor="celery"``, and workers process."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from attrs import define, field
from rabbitmq_server import RabbitServer
from real_servers import PostgresServer, RedisServer
from scripted_chat import ScriptedChat
from served_process import Served, Working
from thorough import another_case

from assistants_client import Client
from assistants_client.models.runs import Run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")

PATIENCE = 60.0
#: A request that makes a run takes no longer than that, whatever the broker does; in seconds.
PROMPTLY = 1.5


@define
class Site:
    """A web process and workers on one database, and a client of the first."""

    folder: Path
    variables: dict[str, str]
    web: Served = field(init=False)
    client: Client = field(init=False)
    assistant: str = field(init=False)
    workers: list[Working] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.web = Served(self.folder, "--executor", "celery", **self.variables)
        self.client = Client(self.web.base_url, api_key="none", retries=0)
        tools = [{"type": "code_interpreter"}]
        self.assistant = self.client.assistants.create(model="m", tools=tools).id

    def work(self, *options: str) -> Working:
        """Another worker."""
        self.workers.append(Working(self.folder, *options, **self.variables))
        return self.workers[-1]

    def ask(self, question: str) -> Run:
        """A run that was created."""
        thread = {"messages": [{"role": "user", "content": question}]}
        return self.client.runs.create_thread_and_run(assistant_id=self.assistant, thread=thread)

    def texts(self, run: Run) -> list[str]:
        """The assistant's messages, once the run has completed."""
        self.client.wait_for_run(run, timeout=PATIENCE)
        found = self.client.messages.list(run.thread_id, order="asc")
        return [message.text for message in found if message.role == "assistant"]

    def carrier(self, run: Run) -> Working:
        """The worker that has claimed a run."""
        with closing(sqlite3.connect(self.folder / "assistants.db")) as database:
            query = "SELECT owner FROM runs WHERE id = ?"
            ((owner,),) = database.execute(query, (run.id,)).fetchall()
        (found,) = [one for one in self.workers if one.process.pid == int(owner.split("/")[1])]
        return found

    def close(self) -> None:
        """Ends all."""
        self.client.close()
        for one in (self.web, *self.workers):
            if one.process.poll() is None:
                one.process.send_signal(signal.SIGCONT)
            one.kill()


MakeSite = Callable[..., Site]


@pytest.fixture
def site(tmp_path: Path, chat: ScriptedChat) -> Iterator[MakeSite]:
    """Makes a site with a broker."""
    made: list[Site] = []

    def make(broker: RedisServer | RabbitServer, database: str = "") -> Site:
        variables = {
            "ASSISTANTS_BROKER": broker.url,
            "ASSISTANTS_MODEL_URL": chat.url,
            # Another program's; ours has its own.
            "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
        }
        if database:
            variables["ASSISTANTS_DATABASE_URL"] = database
        made.append(Site(tmp_path, variables))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_runs_and_files_are_done_by_a_worker(
    site: MakeSite, broker: RedisServer | RabbitServer, chat: ScriptedChat
) -> None:
    """The web process does neither; both stop in order, at once, when nothing is under way."""
    here = site(broker)
    worker = here.work()
    assert here.texts(here.ask("say|Hello")) == ["You said: Hello"]
    assert chat.rounds("say|Hello") == {1: 1}
    file = here.client.files.upload(("notes.txt", b"Oslo is in Norway."), purpose="assistants")
    store = here.client.vector_stores.create(file_ids=[file.id])
    here.client.vector_stores.wait(store.id, timeout=PATIENCE)
    (found,) = here.client.vector_stores.search(store.id, "Oslo")
    assert "Norway" in found.content[0].text

    assert f"through {broker.url.replace(':guest@', ':***@')}" in here.web.output
    assert worker.stop(signal.SIGINT) == 130
    assert here.web.stop() == 0
    for output in (worker.output, here.web.output):
        assert "Traceback" not in output
        assert "ERROR" not in output


def test_it_works_on_postgresql(
    site: MakeSite, redis: RedisServer, postgres: PostgresServer, chat: ScriptedChat
) -> None:
    """Two workers share what comes."""
    chat.seconds = 0.2
    here = site(redis, postgres.fresh())
    here.work("--workers", "2")
    here.work("--workers", "2")
    runs = [here.ask(f"say|{number}") for number in range(12)]
    assert [here.texts(run) for run in runs] == [[f"You said: {n}"] for n in range(12)]
    assert [chat.rounds(f"say|{number}") for number in range(12)] == [{1: 1}] * 12


def test_functions_are_called_by_the_client(
    site: MakeSite, redis: RedisServer, chat: ScriptedChat
) -> None:
    """Each output has the run queued anew, by another task."""
    here = site(redis)
    here.work()
    here.work()
    called: list[str] = []

    def first() -> str:
        """Is called once."""
        called.append("first")
        return "one"

    def second() -> str:
        """Is called once."""
        called.append("second")
        return "two"

    thread = here.client.threads.create()
    reply = here.client.ask(
        thread.id,
        "call|first|second",
        assistant_id=here.assistant,
        tools=[first, second],
        timeout=PATIENCE,
    )
    assert reply.text == "You said: two"
    assert called == ["first", "second"]
    assert sorted(chat.rounds("call|first|second").values()) == [1, 1, 1]


def test_a_run_is_cancelled_wherever_it_is(
    site: MakeSite, redis: RedisServer, chat: ScriptedChat
) -> None:
    """Its worker stops, though the model has not answered, and is free for the next one."""
    here = site(redis)
    here.work("--workers", "1")
    run = here.ask("wait|for it")
    chat.wait_for("wait|for it", asked=1)
    here.client.runs.cancel(run.thread_id, run.id)
    ended = here.client.wait_for_run(run, check=False, timeout=PATIENCE)
    assert ended.status == "cancelled"
    assert here.texts(here.ask("say|Next")) == ["You said: Next"]


def test_a_task_that_is_delivered_twice_is_done_once(
    site: MakeSite, redis: RedisServer, chat: ScriptedChat
) -> None:
    """While it is done, and when it is over."""
    from assistants_client.engine.worker.celery_tasks import RUNS, CelerySender

    here = site(redis)
    here.work()
    run = here.ask("wait|for it")
    chat.wait_for("wait|for it", asked=1)
    sender = CelerySender(redis.url, RUNS)
    sender.submit(run.id)
    sender.submit(run.id)
    # Those that come after them are done, so they were seen.
    assert here.texts(here.ask("say|Next")) == ["You said: Next"]
    chat.gate.set()
    assert here.texts(run) == ["So be it."]
    sender.submit(run.id)
    sender.close()
    assert here.texts(here.ask("say|Last")) == ["You said: Last"]
    assert chat.rounds("wait|for it") == {1: 1}
    assert here.texts(run) == ["So be it."]


def test_a_sibling_goes_on_with_the_run_of_a_killed_worker(
    site: MakeSite, redis: RedisServer, chat: ScriptedChat
) -> None:
    """Neither is a stored answer of the model asked for again, nor code run that has run."""
    question = "code|n = 1|n = n + 1\nprint(n)"
    here = site(redis)
    here.work()
    here.work()
    run = here.ask(question)
    chat.wait_for(question, asked=1, rounds=3)
    here.carrier(run).kill()
    chat.wait_for(question, asked=2, rounds=3)
    chat.gate.set()

    assert here.texts(run) == ["So be it."]
    assert sorted(chat.rounds(question).values()) == [1, 1, 2]
    assert chat.outputs(question)[-1].strip() == "2"
    steps = [*here.client.run_steps.list(run.thread_id, run.id)]
    assert {step.status for step in steps} == {"completed"}
    assert len(steps) == 3


@another_case
def test_a_worker_that_comes_back_finds_its_run_taken(
    site: MakeSite, redis: RedisServer, chat: ScriptedChat
) -> None:
    """It stood still for longer than its lease: what it then does is not heard any more."""
    here = site(redis)
    here.work()
    here.work()
    run = here.ask("wait|for it")
    chat.wait_for("wait|for it", asked=1)
    stopped = here.carrier(run)
    os.kill(stopped.process.pid, signal.SIGSTOP)
    chat.wait_for("wait|for it", asked=2)
    chat.gate.set()
    assert here.texts(run) == ["So be it."]
    os.kill(stopped.process.pid, signal.SIGCONT)
    assert here.texts(here.ask("say|Next")) == ["You said: Next"]
    assert stopped.stop() == 0
    assert here.texts(run) == ["So be it."]


def test_a_worker_that_stops_hands_back_what_it_has_not_finished(
    site: MakeSite, broker: RedisServer | RabbitServer, chat: ScriptedChat
) -> None:
    """After the seconds that closing waits; with it goes the task, so that nobody has to look."""
    here = site(broker)
    worker = here.work()
    run = here.ask("wait|for it")
    chat.wait_for("wait|for it", asked=1)
    other = here.work()
    assert worker.stop() == 0
    chat.wait_for("wait|for it", asked=2)
    chat.gate.set()
    assert here.texts(run) == ["So be it."]
    for one in (worker, other):
        assert "Traceback" not in one.output
        assert "ERROR" not in one.output
        assert "its worker is gone" not in one.output


def test_a_second_signal_ends_it_at_once(
    site: MakeSite, redis: RedisServer, chat: ScriptedChat
) -> None:
    """The signal itself does, which nothing can delay that the process waits for."""
    here = site(redis)
    worker = here.work()
    here.ask("wait|for it")
    chat.wait_for("wait|for it", asked=1)
    worker.process.send_signal(signal.SIGINT)
    worker.wait_for("Stopping")
    assert worker.stop(signal.SIGINT) == -signal.SIGINT


def test_a_broker_that_is_away_delays_nobody(
    site: MakeSite, broker: RedisServer | RabbitServer, chat: ScriptedChat
) -> None:
    """The run is made at once, and done: workers look for what waits. Both take a new broker up."""
    here = site(broker)
    worker = here.work()
    assert here.texts(here.ask("say|Before")) == ["You said: Before"]
    broker.kill()
    try:
        begun = time.monotonic()
        runs = [here.ask(f"say|Away {number}") for number in range(3)]
        assert time.monotonic() - begun < PROMPTLY
        assert [here.texts(run) for run in runs] == [[f"You said: Away {n}"] for n in range(3)]
        here.web.wait_for("The broker cannot be reached")
        worker.wait_for("Cannot connect")
    finally:
        broker.start()
    assert here.texts(here.ask("say|After")) == ["You said: After"]
    assert chat.rounds("say|After") == {1: 1}
    assert worker.stop() == 0
    assert "Traceback" not in worker.output + here.web.output


def test_a_broker_that_stands_still_delays_nobody(
    site: MakeSite, redis: RedisServer, chat: ScriptedChat
) -> None:
    """It takes connections, and answers none."""
    here = site(redis)
    here.work()
    assert here.texts(here.ask("say|Before")) == ["You said: Before"]
    redis.send_signal(signal.SIGSTOP)
    try:
        begun = time.monotonic()
        run = here.ask("say|Away")
        assert time.monotonic() - begun < PROMPTLY
        assert here.texts(run) == ["You said: Away"]
    finally:
        redis.send_signal(signal.SIGCONT)


def test_a_worker_may_be_there_before_its_broker(
    site: MakeSite, redis: RedisServer, chat: ScriptedChat
) -> None:
    """It works from the first moment on, by what it finds itself, and then by tasks."""
    redis.kill()
    here = site(redis)
    worker = here.work()
    worker.wait_for("Cannot connect")
    assert here.texts(here.ask("say|Early")) == ["You said: Early"]
    redis.start()
    assert here.texts(here.ask("say|Late")) == ["You said: Late"]
    redis.kill()
    worker.wait_for("Connection to broker lost")
    assert worker.stop() == 0


def test_a_broker_that_lets_nobody_in_ends_the_worker(
    site: MakeSite, rabbitmq: RabbitServer
) -> None:
    """With another password nothing would ever come: its status says so, and one line why."""
    here = site(rabbitmq)
    wrong = rabbitmq.url.replace("guest@", "secret@")
    worker = Working(here.folder, **{**here.variables, "ASSISTANTS_BROKER": wrong})
    here.workers.append(worker)
    assert worker.process.wait(PATIENCE) == 1
    worker.kill()
    assert "ACCESS_REFUSED" in worker.output
    assert "Traceback" not in worker.output
    assert "secret" not in worker.output
