"""The clock of the testing helpers: nothing takes time, and what is due happens at its moment."""

from __future__ import annotations

import time

import pytest

from assistants_client import (
    ConfigurationError,
    MessageRequest,
    RunExpiredError,
    ThreadLockedError,
    WaitTimeoutError,
)
from assistants_client.testing import assistants
from assistants_client.testing.clock import START, Clock


def test_ids_and_times_are_the_same_in_each_run(doubles, started):
    """Ids count up per kind from 1, and a wait for a model that answers at once takes no time."""
    doubles.model.reply("Hello.")
    doubles.model.reply("Hello.")

    runs = [doubles.client.wait_for_run(started(doubles)) for _ in range(2)]

    assert [run.id for run in runs] == ["run_000001", "run_000002"]
    assert [run.thread_id for run in runs] == ["thread_000001", "thread_000002"]
    assert [run.assistant_id for run in runs] == ["asst_000001", "asst_000002"]
    messages = doubles.client.messages.list("thread_000002", order="asc")
    assert [message.id for message in messages] == ["msg_000003", "msg_000004"]
    steps = doubles.client.run_steps.list("thread_000001", "run_000001")
    assert [step.id for step in steps] == ["step_000001"]
    assert {run.completed_at for run in runs} == {START}
    assert doubles.clock.now == START


def test_files_and_stores_are_counted_too(doubles):
    """So are the ids of files, vector stores and batches."""
    client = doubles.client
    file = client.files.upload(b"The tide comes in.", filename="tide.txt", purpose="assistants")
    store = client.vector_stores.create(file_ids=[file.id])
    batch = client.vector_store_file_batches.create(store.id, file_ids=[file.id])

    assert (file.id, store.id, batch.id) == ("file-000001", "vs_000001", "vsfb_000001")


def test_a_slow_run_takes_no_time(doubles, started):
    """A run of almost ten minutes ends at its moment, while the client waits by its own backoff."""
    begun = time.monotonic()
    doubles.model.reply("At last.", after=590)
    seen = []

    run = doubles.client.wait_for_run(started(doubles), on_poll=lambda run: seen.append(run.status))

    assert run.completed_at - run.created_at == 590
    assert set(seen) == {"in_progress", "completed"}
    assert START + 590 <= doubles.clock.now < START + 600
    assert time.monotonic() - begun < 60


def test_a_wait_that_is_too_short(doubles, started):
    """A timeout of the wait is reached on the test's clock, and the run goes on."""
    doubles.model.reply("At last.", after=60)
    run = started(doubles)

    with pytest.raises(WaitTimeoutError):
        doubles.client.wait_for_run(run, timeout=30)

    assert doubles.clock.now == pytest.approx(START + 30)
    doubles.clock.advance(30)
    assert doubles.client.runs.retrieve(run.thread_id, run.id).status == "completed"


def test_a_run_that_waits_for_outputs_expires(doubles, started):
    """A run whose tool outputs never come has expired after ten minutes."""
    doubles.model.call("look")
    run = doubles.client.wait_for_run(started(doubles, tool="look"))
    assert run.status == "requires_action"

    doubles.clock.advance(601)

    with pytest.raises(RunExpiredError):
        doubles.client.wait_for_run(run)


def test_an_answer_that_comes_too_late(doubles, started):
    """A model that takes longer than a run may take leaves an expired run."""
    doubles.model.reply("Too late.", after=900)

    run = doubles.client.wait_for_run(started(doubles), check=False)

    assert run.status == "expired"
    doubles.clock.advance(900)
    assert len(list(doubles.client.messages.list(run.thread_id))) == 1


def test_things_happen_in_the_order_in_which_they_are_due(doubles, started):
    """However far the clock is moved, each answer comes at its own moment."""
    doubles.model.reply("Later.", after=20)
    doubles.model.reply("Soon.", after=5)
    runs = [started(doubles), started(doubles)]

    doubles.clock.advance(100)

    ended = [doubles.client.runs.retrieve(run.thread_id, run.id) for run in runs]
    assert [run.completed_at - START for run in ended] == [20, 5]
    assert doubles.clock.now == START + 100


def test_a_thread_is_locked_while_its_model_thinks(doubles, started):
    """A run stays in progress until time passes, so that a lock can be seen, and waited for."""
    doubles.model.reply("Done.", after=10)
    run = started(doubles)
    messages = doubles.client.messages

    with pytest.raises(ThreadLockedError):
        messages.create(run.thread_id, "Me too")
    made = messages.create(run.thread_id, "Me too", on_active_run="wait")

    assert made.created_at >= START + 10


def test_a_run_that_is_cancelled_while_its_model_thinks(doubles, started):
    """Cancelling takes effect without the clock, and the reply counts as used."""
    doubles.model.reply("Never mind.", after=10)
    run = started(doubles)

    doubles.client.runs.cancel(run.thread_id, run.id)

    assert doubles.client.runs.retrieve(run.thread_id, run.id).status == "cancelled"
    assert doubles.clock.now == START
    doubles.assert_done()


def test_time_passes_while_a_stream_is_read(doubles):
    """The reader of a stream does not have to move the clock, and cannot, while it waits."""
    client = doubles.client
    doubles.model.reply("Good things come.", after=30)
    assistant = client.assistants.create(model="scripted")
    thread = client.threads.create(messages=[MessageRequest("Well?")])

    with client.runs.stream(thread.id, assistant_id=assistant.id) as stream:
        text = "".join(stream.text())

    assert text == "Good things come."
    assert stream.run.completed_at == START + 30
    assert doubles.clock.now == START + 30


def test_a_run_that_is_left_alone_keeps_no_test_waiting(started, caplog):
    """A model that still waits for its moment at the end is let go of, and fails its run."""
    with assistants() as doubles:
        doubles.model.reply("Nobody waits for me.", after=60)
        started(doubles)

    assert "The test ended before the model answered." in caplog.text


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan")])
def test_what_is_no_time(seconds):
    """The clock moves forwards, and not for ever."""
    with pytest.raises(ConfigurationError, match="is not a number of 0 or more seconds"):
        Clock().advance(seconds)


def test_a_clock_of_its_own():
    """Without an engine it is a clock that is moved."""
    clock = Clock(100.0)
    clock.advance(1.5)

    assert clock.now == 101.5
    assert repr(clock) == "<Clock at 101.500>"
