"""Runs: started, changed, cancelled, given tool outputs. Workers write in ``worker_side``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen
from sqlalchemy import Connection, bindparam, select

from assistants_client._json.codec import encode
from assistants_client.engine.domain.bounds import MAX_TEXT
from assistants_client.engine.domain.filled_in import resources_of
from assistants_client.engine.domain.new_objects import changed, new_run, new_thread
from assistants_client.engine.events.stream_state import RUN, THREAD
from assistants_client.engine.faults import Fault, not_found
from assistants_client.engine.services._base import (
    Context,
    RunQueued,
    RunStopped,
    add_messages,
    change_run,
    emit_events,
    end_step,
    require_run,
)
from assistants_client.engine.services._resources import (
    attach,
    refuse_new_stores,
    resolve_resources,
    store_thread,
)
from assistants_client.engine.services._usage import tenant_of
from assistants_client.engine.services._write import Write
from assistants_client.engine.storage.database import (
    add,
    emit_after_commit,
    load,
    load_all,
    load_json,
    save,
)
from assistants_client.engine.storage.json_fields import text_field
from assistants_client.engine.storage.keyset_pages import PageQuery, read_page
from assistants_client.engine.storage.run_columns import usage_columns
from assistants_client.engine.storage.statements import Statement
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import assistants, messages, run_steps, runs
from assistants_client.models._base import UNSET, JsonObject
from assistants_client.models.assistants import Assistant
from assistants_client.models.lists import Page
from assistants_client.models.messages import Message
from assistants_client.models.run_requests import (
    RunRequest,
    RunUpdate,
    SubmitToolOutputsRequest,
    ThreadRunRequest,
)
from assistants_client.models.run_steps import FunctionToolCall, RunStep
from assistants_client.models.runs import Run
from assistants_client.models.threads import ThreadRequest


@frozen
class Runs:
    """The operations under ``/threads/{id}/runs``. Unknown ids are refused with a ``Fault``."""

    _context: Context

    def create(self, thread_id: str, request: RunRequest) -> Write[StoredJson[Run]]:
        """Queues a run on a thread.

        Raises:
            Fault: Also when the thread has an active run, or there is nothing to answer.
        """
        now, run_id = self._context.now(), self._context.new_id("run_")

        def write(connection: Connection) -> StoredJson[Run]:
            active = self._context.active_run(connection, thread_id)
            if active is not None:
                raise Fault(400, f"Thread {thread_id} already has an active run {active.id}.")
            assistant = _require_assistant(self._context, connection, request.assistant_id)
            run, extra = new_run(
                request,
                assistant,
                thread_id,
                now,
                self._context.new_id,
                run_id=run_id,
                seconds=self._context.run_seconds,
            )
            run.tool_resources = resources_of(run.tools, run.tool_resources)
            attach(self._context, connection, thread_id, extra, "additional_messages[{}].")
            if not _has_subject(run, extra) and not _has_user_message(connection, thread_id):
                raise _about_nothing()
            add_messages(connection, extra)
            return _add_run(connection, run, self._context.caller.tenant)

        return Write(write, run_id=run_id)

    def create_thread_and_run(self, request: ThreadRunRequest) -> Write[StoredJson[Run]]:
        """Makes a thread with its first messages, and queues a run on it: all of it, or nothing.

        Raises:
            Fault: Also when there is nothing to answer.
        """
        now, run_id = self._context.now(), self._context.new_id("run_")
        refuse_new_stores(request)
        wanted = ThreadRequest() if request.thread is UNSET else request.thread

        def write(connection: Connection) -> StoredJson[Run]:
            assistant = _require_assistant(self._context, connection, request.assistant_id)
            thread, first = new_thread(wanted, now, self._context.new_id, at="thread.")
            run, _ = new_run(
                request,
                assistant,
                thread.id,
                now,
                self._context.new_id,
                run_id=run_id,
                seconds=self._context.run_seconds,
            )
            if request.tool_resources:
                resolve_resources(self._context, connection, run.tool_resources)
            run.tool_resources = resources_of(run.tools, run.tool_resources)
            stored = store_thread(self._context, connection, thread, first, "thread.")
            if not _has_subject(run, first):
                raise _about_nothing()
            emit_events(connection, run.id, THREAD, stored, "created")
            return _add_run(connection, run, self._context.caller.tenant)

        return Write(write, run_id=run_id)

    def retrieve(self, thread_id: str, run_id: str) -> StoredJson[Run]:
        """Returns a run."""
        with self._context.read_thread(thread_id) as connection:
            found = load_json(connection, runs, Run, run_id, thread_id=thread_id)
        if found is None:
            raise not_found("run", run_id)
        return found

    def update(self, thread_id: str, run_id: str, update: RunUpdate) -> Write[StoredJson[Run]]:
        """Changes the metadata.

        Raises:
            Fault: Also when the run is in progress.
        """

        def write(connection: Connection) -> StoredJson[Run]:
            self._context.active_run(connection, thread_id)
            run = require_run(connection, thread_id, run_id)
            if run.status == "in_progress":
                raise Fault(400, f"Cannot update run with status '{run.status}'.")
            run = changed(run, update)
            return save(connection, runs, run) or StoredJson.of(run)

        return Write(write)

    def list(self, thread_id: str, query: PageQuery) -> StoredJson[Page[Run]]:
        """Returns a page of a thread's runs."""
        with self._context.read_thread(thread_id) as connection:
            where = {"thread_id": thread_id}
            return read_page(connection, runs, Run, query, where, parent=thread_id)

    def cancel(self, thread_id: str, run_id: str) -> Write[Run]:
        """Asks for a run to be cancelled; it is ``cancelling`` until that is done.

        Raises:
            Fault: Also when the run has ended.
        """

        def write(connection: Connection) -> Run:
            self._context.active_run(connection, thread_id)
            run = require_run(connection, thread_id, run_id)
            if run.is_final:
                raise Fault(400, f"Cannot cancel run with status '{run.status}'.")
            if run.status != "cancelling":
                change_run(connection, run, "cancelling", cancelling_since=self._context.clock())
            emit_after_commit(connection, RunStopped(run_id))
            return run

        return Write(write)

    def submit_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputsRequest
    ) -> Write[Run]:
        """Answers all calls that a run waits for, and queues it again.

        Raises:
            Fault: Also when the run waits for none, or not exactly for these.
        """
        given = [_tool_output(output) for output in encode(request.tool_outputs)]
        length = sum(len(output) for _, output in given)
        if length > MAX_TEXT:
            message = (
                f"Invalid 'tool_outputs': the outputs have {length} characters together; at most "
                f"{MAX_TEXT} are allowed."
            )
            raise Fault(400, message, "string_above_max_length", "tool_outputs")

        def write(connection: Connection) -> Run:
            self._context.active_run(connection, thread_id)
            run = require_run(connection, thread_id, run_id)
            if run.status != "requires_action":
                raise Fault(400, f"Runs in status '{run.status}' do not accept tool outputs.")
            _require_all([call.id for call in run.tool_calls], [call_id for call_id, _ in given])
            _answer_calls(connection, run, dict(given), self._context.now())
            change_run(connection, run, "queued")
            emit_after_commit(connection, RunQueued(run.id, tenant_of(connection, run.id)))
            return run

        return Write(write, run_id=run_id)


def _require_assistant(context: Context, connection: Connection, assistant_id: str) -> Assistant:
    found = load(connection, assistants, Assistant, assistant_id, **context.visible)
    if found is None:
        raise not_found("assistant", assistant_id)
    return found


def _has_subject(run: Run, added: Sequence[Message]) -> bool:
    """Returns whether a run has instructions, or a user's message among those added with it."""
    return bool(run.instructions) or any(message.role == "user" for message in added)


_FIRST_OF_USER: Final = Statement(
    select(messages.c.seq)
    .where(
        messages.c.thread_id == bindparam("thread_id"),
        messages.c.run_id.is_(None),  # a run's messages are never the user's
        text_field(messages.c.body, "role") == "user",
    )
    .order_by(messages.c.seq)
    .limit(1)
)


def _has_user_message(connection: Connection, thread_id: str) -> bool:
    return _FIRST_OF_USER.first(connection, {"thread_id": thread_id}) is not None


def _about_nothing() -> Fault:
    message = (
        "The thread has no user message, and the run has no instructions: there is nothing to "
        "answer."
    )
    return Fault(400, message, "invalid_thread")


def _add_run(connection: Connection, run: Run, tenant: str | None) -> StoredJson[Run]:
    stored = add(
        connection,
        runs,
        run,
        thread_id=run.thread_id,
        status=run.status,
        active_thread_id=run.thread_id,
        tenant=tenant,
        **usage_columns(run),
    )
    emit_events(connection, run.id, RUN, stored, "created", "queued")
    emit_after_commit(connection, RunQueued(run.id, tenant))
    return stored


def _tool_output(document: JsonObject) -> tuple[str, str]:
    return document["tool_call_id"], document.get("output") or ""


def _require_all(pending: Sequence[str], given: Sequence[str]) -> None:
    """Refuses outputs that are not one for each pending call."""
    param = "tool_outputs"
    twice = [call_id for call_id, times in Counter(given).items() if times > 1]
    if twice:
        raise Fault(400, f"Duplicate call_ids submitted: {twice}", param=param)
    unknown = [call_id for call_id in given if call_id not in pending]
    if unknown:
        raise Fault(
            400, f"Unknown call_ids submitted: {unknown}; expected {[*pending]}", None, param
        )
    missing = [call_id for call_id in pending if call_id not in given]
    if missing:
        raise Fault(400, f"Missing outputs for call_ids: {missing}", None, param)


def _answer_calls(connection: Connection, run: Run, outputs: Mapping[str, str], now: int) -> None:
    """Stores outputs with the calls they answer, and completes the step that made the calls."""
    for step in load_all(connection, run_steps, RunStep, run_id=run.id, status="in_progress"):
        calls = [call for call in step.tool_calls if isinstance(call, FunctionToolCall)]
        for call in calls:
            call.function.output = outputs.get(call.id, call.function.output)
        if calls:
            end_step(connection, step, "completed", now)
