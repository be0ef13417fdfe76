"""Runs: what they take from their assistant, the thread's lock, cancelling, tool outputs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from engine_store import Store, committing
from sqlalchemy.exc import IntegrityError

from assistants_client._json.codec import encode, parse
from assistants_client.engine.domain.state_machine import CANCEL_GRACE
from assistants_client.engine.faults import Fault
from assistants_client.engine.services._base import Context
from assistants_client.engine.services.runs import Runs
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.keyset_pages import PageQuery
from assistants_client.models.assistants import AssistantRequest, AssistantUpdate
from assistants_client.models.messages import MessageRequest
from assistants_client.models.run_requests import (
    RunRequest,
    RunUpdate,
    SubmitToolOutputsRequest,
    ThreadRunRequest,
    ToolOutput,
)
from assistants_client.models.run_steps import (
    CodeInterpreterCall,
    FunctionRecord,
    FunctionToolCall,
    RunStep,
    StepToolCall,
)
from assistants_client.models.runs import Run, Usage
from assistants_client.models.threads import ThreadRequest
from assistants_client.models.tools import CodeInterpreterTool

ALL = PageQuery(limit=100, order="asc")


def refusal(call: Callable[[], object]) -> Fault:
    """What a call is refused with; nothing of it is the caller's field."""
    with pytest.raises(Fault) as caught:
        call()
    return caught.value


def test_a_run_takes_from_its_assistant_what_its_request_leaves_open(store: Store) -> None:
    """Null is as good as left out; additional instructions are appended."""
    assistant = store.assistants.create(
        AssistantRequest(
            model="m",
            instructions="Be kind.",
            temperature=0.3,
            tools=[{"type": "code_interpreter"}],
        )
    )
    request = RunRequest(
        assistant_id=assistant.id, model=None, additional_instructions="Be brief.", top_p=0.5
    )
    run = store.runs.create(store.new_thread(), request)
    document = encode(run)
    assert document.pop("id").startswith("run_")
    assert document.pop("thread_id").startswith("thread_")
    assert document == {
        "object": "thread.run",
        "created_at": int(store.clock.time),
        "assistant_id": assistant.id,
        "status": "queued",
        "required_action": None,
        "last_error": None,
        "expires_at": int(store.clock.time) + 600,
        "started_at": None,
        "cancelled_at": None,
        "failed_at": None,
        "completed_at": None,
        "incomplete_details": None,
        "model": "m",
        "instructions": "Be kind.\n\nBe brief.",
        "tools": [{"type": "code_interpreter"}],
        "tool_resources": {"code_interpreter": {"file_ids": []}},
        "metadata": {},
        "usage": None,
        "temperature": 0.3,
        "top_p": 0.5,
        "max_prompt_tokens": None,
        "max_completion_tokens": None,
        "truncation_strategy": {"type": "auto", "last_messages": None},
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "response_format": "auto",
        "reasoning_effort": None,
    }
    assert store.woken == [run.id]
    store.assistants.update(assistant.id, AssistantUpdate(model="other"))
    assert store.current(run) == run


def test_a_run_overrides_its_assistant(store: Store) -> None:
    """Instructions, model and tools of the request win, the empty ones too."""
    assistant = store.assistants.create(
        AssistantRequest(model="m", instructions="Be kind.", tools=[CodeInterpreterTool()])
    )
    request = RunRequest(assistant_id=assistant.id, instructions="", model="n", tools=[])
    run = store.runs.create(store.new_thread(), request)
    assert (run.instructions, run.model, run.tools) == ("", "n", [])


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "function", "function": {"name": "absent"}},
        {"type": "code_interpreter"},
        {"type": "file_search"},
    ],
)
def test_a_tool_that_the_run_does_not_have_cannot_be_chosen(
    store: Store, choice: dict[str, object]
) -> None:
    """The refusal comes at once, rather than from the model's server."""
    assistant_id = store.new_run().assistant_id
    request = parse(RunRequest, {"assistant_id": assistant_id, "tool_choice": choice})
    assert refusal(lambda: store.runs.create(store.new_thread(), request)).param == "tool_choice"
    function = {"type": "function", "function": {"name": "get_weather"}}
    request = parse(RunRequest, {"assistant_id": assistant_id, "tool_choice": function})
    assert encode(store.runs.create(store.new_thread(), request))["tool_choice"] == function


def test_a_thread_and_its_run_are_made_together(store: Store) -> None:
    """Both, with the messages, or nothing at all."""
    assistant = store.assistants.create(AssistantRequest(model="m"))
    thread = ThreadRequest(messages=[MessageRequest("Hello")], metadata={"k": "v"})
    request = ThreadRunRequest(assistant_id=assistant.id, thread=thread, metadata={"r": "s"})
    run = store.runs.create_thread_and_run(request)
    assert store.threads.retrieve(run.thread_id).metadata == {"k": "v"}
    assert [m.text for m in store.messages.list(run.thread_id, ALL).data] == ["Hello"]
    assert (run.metadata, run.status, store.woken) == ({"r": "s"}, "queued", [run.id])
    empty = store.runs.create_thread_and_run(
        ThreadRunRequest(assistant_id=assistant.id, instructions="Greet.")
    )
    assert store.messages.list(empty.thread_id, ALL).data == []


USER, ASSISTANT = MessageRequest("Hello"), MessageRequest("Hello", role="assistant")
PICTURE = MessageRequest([{"type": "image_url", "image_url": {"url": "https://host.test/a.png"}}])


@pytest.mark.parametrize(
    ("stored", "instructions", "request_fields", "is_about_something"),
    [
        ([], None, {}, False),
        ([ASSISTANT], None, {}, False),
        ([], "", {"instructions": "", "additional_instructions": ""}, False),
        ([], None, {"additional_messages": [ASSISTANT]}, False),
        ([], "Greet.", {}, True),
        ([], None, {"instructions": "Greet."}, True),
        ([], None, {"additional_instructions": "Greet."}, True),
        ([], None, {"additional_messages": [USER]}, True),
        ([ASSISTANT, USER, ASSISTANT], None, {}, True),
        ([PICTURE], None, {}, True),
    ],
)
def test_a_run_needs_a_user_message_or_instructions(
    store: Store,
    stored: list[MessageRequest],
    instructions: str | None,
    request_fields: dict[str, Any],
    is_about_something: bool,
) -> None:
    """A run about nothing is refused, and neither it nor its messages are kept."""
    assistant = store.assistants.create(AssistantRequest(model="m", instructions=instructions))
    thread = store.threads.create(ThreadRequest(messages=stored)).id
    request = RunRequest(assistant_id=assistant.id, **request_fields)
    if is_about_something:
        assert store.runs.create(thread, request).status == "queued"
        return
    with pytest.raises(Fault) as caught:
        store.runs.create(thread, request)
    fault = caught.value
    assert (fault.status, fault.code, fault.param) == (400, "invalid_thread", None)
    assert fault.type == "invalid_request_error"
    assert len(store.messages.list(thread, ALL).data) == len(stored)
    assert store.runs.list(thread, ALL).data == []


def test_a_thread_and_a_run_about_nothing_are_not_made(store: Store) -> None:
    """The thread is not left behind; an answer that a run wrote is no question either."""
    assistant = store.assistants.create(AssistantRequest(model="m"))
    with pytest.raises(Fault, match="no user message") as caught:
        store.runs.create_thread_and_run(ThreadRunRequest(assistant_id=assistant.id))
    assert caught.value.code == "invalid_thread"
    assert store.threads.list(ALL).data == []


def test_additional_messages_come_before_the_run(store: Store) -> None:
    """They are added to the thread in the same step as the run."""
    thread_id = store.new_thread()
    assistant = store.assistants.create(AssistantRequest(model="m"))
    more = [MessageRequest("More"), MessageRequest("Even more", role="assistant")]
    store.runs.create(thread_id, RunRequest(assistant_id=assistant.id, additional_messages=more))
    texts = [m.text for m in store.messages.list(thread_id, ALL).data]
    assert texts == ["Hello", "More", "Even more"]


def test_an_active_run_locks_its_thread(store: Store) -> None:
    """Messages and further runs are refused in the documented words; the rest is not."""
    run = store.new_run()
    fault = refusal(lambda: store.messages.create(run.thread_id, MessageRequest("x")))
    assert (fault.status, fault.param, fault.code) == (400, None, None)
    assert fault.message == (
        f"Can't add messages to {run.thread_id} while a run {run.id} is active."
    )
    fault = refusal(lambda: store.new_run(run.thread_id))
    assert (fault.status, fault.param, fault.code) == (400, None, None)
    assert fault.message == f"Thread {run.thread_id} already has an active run {run.id}."
    assert store.runs.update(run.thread_id, run.id, RunUpdate(metadata={"a": "b"})).metadata


def test_a_run_in_progress_is_not_updated(store: Store) -> None:
    """Before and after it is; the refusal names the status, and no field."""
    execution, work = store.claimed()
    run = work.run

    def update(value: str) -> Run:
        return store.runs.update(run.thread_id, run.id, RunUpdate(metadata={"a": value}))

    fault = refusal(lambda: update("b"))
    assert (fault.status, fault.param, fault.code) == (400, None, None)
    assert fault.message == "Cannot update run with status 'in_progress'."
    execution.finish(run, "completed")
    assert update("c").metadata == {"a": "c"}


def test_only_one_of_many_runs_started_at_once_gets_the_thread(store: Store) -> None:
    """Threads, and another process's connections, race for one lock."""
    thread_id = store.new_thread()
    assistant = store.assistants.create(AssistantRequest(model="m"))
    others = [Database(str(store.context.database._url)) for _ in range(2)]
    services = [
        committing(Runs, Context(database=database))
        for database in [store.context.database, *others] * 4
    ]

    def start(runs: Any) -> Run | None:
        try:
            return runs.create(thread_id, RunRequest(assistant_id=assistant.id))
        except Fault:
            return None

    with ThreadPoolExecutor(len(services)) as pool:
        started = [run for run in pool.map(start, services) if run is not None]
    assert len(started) == 1
    assert len(store.runs.list(thread_id, ALL).data) == 1
    for database in others:
        database.close()


def test_the_database_itself_lets_no_second_run_in(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the run that holds the thread's lock was overlooked."""
    run = store.new_run()
    monkeypatch.setattr(Context, "active_run", lambda *_: None)
    with pytest.raises(IntegrityError):
        store.runs.create(run.thread_id, RunRequest(assistant_id=run.assistant_id))


def test_a_queued_run_is_cancelled_by_the_next_look(store: Store) -> None:
    """Cancel answers with ``cancelling``; nobody carries it, so it has ended when next read."""
    run = store.new_run()
    asked = store.runs.cancel(run.thread_id, run.id)
    assert (asked.status, store.stopped) == ("cancelling", [run.id])
    ended = store.current(run)
    assert (ended.status, ended.cancelled_at) == ("cancelled", int(store.clock.time))
    assert (ended.expires_at, ended.started_at) == (None, None)
    fault = refusal(lambda: store.runs.cancel(run.thread_id, run.id))
    assert (fault.status, fault.message) == (400, "Cannot cancel run with status 'cancelled'.")
    store.messages.create(run.thread_id, MessageRequest("usable"))


def test_a_cancelled_thread_is_free_without_anyone_reading_the_run(store: Store) -> None:
    """The lock itself is settled when it is asked for."""
    run = store.new_run()
    store.runs.cancel(run.thread_id, run.id)
    store.messages.create(run.thread_id, MessageRequest("usable"))
    assert store.current(run).status == "cancelled"


def test_a_carried_run_has_a_moment_to_notice_its_cancelling(store: Store) -> None:
    """It is cancelled by its carrier, or by the clock when that does nothing."""
    _, work = store.claimed()
    run = work.run
    store.runs.cancel(run.thread_id, run.id)
    assert store.current(run).status == "cancelling"
    assert store.runs.cancel(run.thread_id, run.id).status == "cancelling"
    assert refusal(lambda: store.new_run(run.thread_id)).status == 400
    store.clock.move(CANCEL_GRACE)
    assert store.current(run).status == "cancelled"


def test_lists_show_settled_runs(store: Store) -> None:
    """A run in a list, its steps and its messages are as they would be on their own."""
    execution, work = store.claimed()
    execution.begin_message(work.run)
    store.clock.move(600)
    [run] = store.runs.list(work.run.thread_id, ALL).data
    [step] = store.run_steps.list(run.thread_id, run.id, ALL).data
    message = store.messages.list(run.thread_id, ALL, run_id=run.id).data[0]
    assert (run.status, step.status, message.status) == ("expired", "expired", "incomplete")
    assert store.run_steps.retrieve(run.thread_id, run.id, step.id) == step


@pytest.mark.parametrize("carried", [False, True])
def test_a_run_expires(store: Store, *, carried: bool) -> None:
    """Ten minutes after its creation a run has ended, and its thread is free."""
    run = store.new_run()
    if carried:
        assert Execution(store.context).claim(run.id)
    store.clock.move(599.9)
    assert not store.current(run).is_final
    store.clock.move(0.1)
    ended = store.current(run)
    assert (ended.status, ended.expires_at, ended.last_error) == ("expired", None, None)
    store.new_run(run.thread_id)


def test_unknown_runs_and_steps_are_not_found(store: Store) -> None:
    """Each id is looked for under its parent only."""
    run, other = store.new_run(), store.new_run()
    for call in (
        lambda: store.runs.retrieve(other.thread_id, run.id),
        lambda: store.runs.update(other.thread_id, run.id, RunUpdate()),
        lambda: store.runs.cancel(other.thread_id, run.id),
        lambda: store.run_steps.list(other.thread_id, run.id, ALL),
    ):
        fault = refusal(call)
        assert (fault.status, fault.message) == (404, f"No run found with id '{run.id}'.")
    fault = refusal(lambda: store.run_steps.retrieve(run.thread_id, run.id, "step_x"))
    assert fault.message == "No run step found with id 'step_x'."


# --- tool outputs -------------------------------------------------------------------------------


def waiting(store: Store) -> tuple[Run, RunStep]:
    """A run that waits for the outputs of ``a`` and ``b``, after a call of the interpreter's."""
    execution, work = store.claimed()
    calls: list[StepToolCall] = [
        CodeInterpreterCall(id="code"),
        *(
            FunctionToolCall(id=name, function=FunctionRecord(name="f", arguments="{}"))
            for name in ("a", "b")
        ),
    ]
    usage = Usage(prompt_tokens=1, completion_tokens=2, total_tokens=3)
    step = execution.begin_tools_step(work.run, calls, usage=usage)
    return execution.require_action(work.run, step), step


def outputs(*given: tuple[str, str]) -> SubmitToolOutputsRequest:
    """A request with these ids and outputs."""
    return SubmitToolOutputsRequest(
        [ToolOutput(tool_call_id=call_id, output=output) for call_id, output in given]
    )


def test_a_run_says_what_it_waits_for(store: Store) -> None:
    """The pending calls stand in ``required_action``; the step stays open."""
    run, step = waiting(store)
    assert store.current(run) == run
    assert run.status == "requires_action"
    assert [call.id for call in run.tool_calls] == ["a", "b"]
    assert run.usage is None
    assert store.run_steps.retrieve(run.thread_id, run.id, step.id).status == "in_progress"


def test_outputs_complete_the_step_and_queue_the_run(store: Store) -> None:
    """All outputs at once: they stand in the step, and the run goes on with its old expiry."""
    run, step = waiting(store)
    store.woken.clear()
    store.clock.move(5)
    answered = store.runs.submit_tool_outputs(run.thread_id, run.id, outputs(("b", "2"), ("a", "")))
    assert (answered.status, answered.required_action) == ("queued", None)
    assert (answered.expires_at, store.woken) == (run.expires_at, [run.id])
    done = store.run_steps.retrieve(run.thread_id, run.id, step.id)
    assert (done.status, done.completed_at) == ("completed", int(store.clock.time))
    found = [c.function.output for c in done.tool_calls if isinstance(c, FunctionToolCall)]
    assert found == ["", "2"]
    work = Execution(store.context).claim(run.id)
    assert work is not None
    assert (work.steps, work.run.started_at) == ([done], int(store.clock.time))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((("a", "1"),), "Missing outputs for call_ids: ['b']"),
        ((), "Missing outputs for call_ids: ['a', 'b']"),
        ((("a", "1"), ("b", "2"), ("a", "3")), "Duplicate call_ids submitted: ['a']"),
        (
            (("a", "1"), ("b", "2"), ("c", "3")),
            "Unknown call_ids submitted: ['c']; expected ['a', 'b']",
        ),
        ((("code", "1"), ("a", "1"), ("b", "2")), "Unknown call_ids submitted: ['code']; expected"),
    ],
)
def test_outputs_must_be_those_of_the_pending_calls(
    store: Store, given: tuple[tuple[str, str], ...], said: str
) -> None:
    """Anything else is refused as a whole, and the run waits on."""
    run, _ = waiting(store)
    fault = refusal(lambda: store.runs.submit_tool_outputs(run.thread_id, run.id, outputs(*given)))
    assert (fault.status, fault.param) == (400, "tool_outputs")
    assert fault.message.startswith(said)
    assert store.current(run) == run


def test_only_a_waiting_run_takes_outputs(store: Store) -> None:
    """Queued, answered, cancelled: each refusal names the status."""
    run, _ = waiting(store)
    answer = outputs(("a", "1"), ("b", "2"))
    store.runs.submit_tool_outputs(run.thread_id, run.id, answer)
    fault = refusal(lambda: store.runs.submit_tool_outputs(run.thread_id, run.id, answer))
    assert (fault.status, fault.message) == (
        400,
        "Runs in status 'queued' do not accept tool outputs.",
    )
    store.clock.move(600)
    fault = refusal(lambda: store.runs.submit_tool_outputs(run.thread_id, run.id, answer))
    assert "'expired'" in fault.message


@pytest.mark.parametrize(("end", "status"), [("cancel", "cancelled"), ("expire", "expired")])
def test_a_run_that_nobody_answers_ends_with_its_step(store: Store, end: str, status: str) -> None:
    """Cancelled or expired, it waits for nothing any more."""
    run, step = waiting(store)
    if end == "cancel":
        assert store.runs.cancel(run.thread_id, run.id).required_action is None
    else:
        store.clock.move(600)
    ended = store.current(run)
    assert (ended.status, ended.required_action) == (status, None)
    assert store.run_steps.retrieve(run.thread_id, run.id, step.id).status == status
