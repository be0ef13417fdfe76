"""``on_active_run`` against the embedded engine in this process, with real runs in real threads."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from assistants_client import Client, ThreadLockedError
from assistants_client.engine import Engine, Scripted


@pytest.fixture
def gate():
    """What the language model waits for before it answers."""
    return threading.Event()


@pytest.fixture
def talk(gate):
    """A client on an engine, a thread, and a run on it that is held at the gate."""

    class Held:
        def __init__(self):
            self._model = Scripted(["one", "two"])

        def respond(self, *arguments, **options):
            gate.wait(20)
            return self._model.respond(*arguments, **options)

    with Engine("sqlite://", model=Held()) as engine, Client(engine=engine, backoff=0.01) as client:
        assistant = client.assistants.create(model="m")
        thread = client.threads.create()
        client.messages.create(thread.id, "hi")
        run = client.runs.create(thread.id, assistant_id=assistant.id)
        yield client, assistant, thread, run
        gate.set()


def test_raise(talk):
    """The engine names the run in its refusals, so that the error can."""
    client, assistant, thread, run = talk

    for call in (
        lambda: client.messages.create(thread.id, "and?"),
        lambda: client.runs.create(thread.id, assistant_id=assistant.id),
    ):
        with pytest.raises(ThreadLockedError) as caught:
            call()
        assert caught.value.run_id == run.id


@pytest.mark.parametrize("noun", ["message", "run"])
def test_wait(talk, gate, noun):
    """The call goes through when the run is over, which completes undisturbed."""
    client, assistant, thread, run = talk
    threading.Timer(0.1, gate.set).start()

    if noun == "message":
        client.messages.create(thread.id, "and?", on_active_run="wait")
    else:
        second = client.runs.create(thread.id, assistant_id=assistant.id, on_active_run="wait")
        assert second.id != run.id
        client.wait_for_run(second, timeout=20)

    assert client.runs.retrieve(thread.id, run.id).status == "completed"


@pytest.mark.parametrize("noun", ["message", "run"])
def test_cancel(talk, gate, noun):
    """The call goes through once the run is cancelled."""
    client, assistant, thread, run = talk
    threading.Timer(0.1, gate.set).start()

    if noun == "message":
        client.messages.create(thread.id, "and?", on_active_run="cancel")
    else:
        client.runs.create(thread.id, assistant_id=assistant.id, on_active_run="cancel")

    assert client.runs.retrieve(thread.id, run.id).status == "cancelled"


def test_each_of_many_who_ask_gets_the_answer_to_their_own(clean_environment):
    """Though all ask at once: a question and its answer stand one after the other."""

    def echo(conversation):
        return f"to {conversation.turns[-1].text}"

    questions = ["a", "b", "c", "d"]
    model = Scripted([echo] * len(questions))
    with Engine("sqlite://", model=model) as engine, Client(engine=engine, backoff=0.01) as client:
        assistant = client.assistants.create(model="m")
        thread = client.threads.create()
        with ThreadPoolExecutor(len(questions)) as pool:
            replies = list(
                pool.map(
                    lambda question: client.ask(
                        thread.id, question, assistant_id=assistant.id, on_active_run="wait"
                    ),
                    questions,
                )
            )
        said = [message.text for message in client.messages.list(thread.id, order="asc")]

    assert [reply.text for reply in replies] == [f"to {question}" for question in questions]
    assert said[1::2] == [f"to {question}" for question in said[::2]]
