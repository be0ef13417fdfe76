"""Executes the tool calls of a run that requires action: policy, threads, outputs, journal.

Making tools of functions and submitting outputs do not belong here.
"""

from __future__ import annotations

import contextvars
import json
import logging
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from enum import Enum
from typing import Final

from attrs import frozen

from assistants_client._arguments import number
from assistants_client._json.dumps import to_json
from assistants_client._json.plain_values import listed
from assistants_client.errors import ConfigurationError, ToolError
from assistants_client.function_tools.function_tool import ToolFunction, ToolLike, as_tools
from assistants_client.function_tools.journal import OpenJournal, key_of, open_journal
from assistants_client.models.run_requests import ToolOutput
from assistants_client.models.run_streams import Approve, Journal, OnToolError
from assistants_client.models.runs import RequiredToolCall

_log = logging.getLogger(__name__)

#: The maximum size of an output, in bytes of UTF-8.
MAX_OUTPUT_BYTES: Final = 1024 * 1024

_MAX_ERROR_LENGTH = 2000  # characters
_POLL_SECONDS = 0.1  # a wait for threads wakes up so often, as Ctrl-C needs on Windows


def answer_calls(
    tool_calls: Iterable[RequiredToolCall],
    tools: Iterable[ToolLike],
    *,
    on_tool_error: OnToolError = "report",
    approve: Approve | None = None,
    parallel: int = 1,
    journal: Journal | None = None,
    run_id: str = "",
) -> list[ToolOutput]:
    """Runs the functions that a model called, and returns the outputs of one required action.

    A string that a function returns is sent as it is; anything else as JSON, ``None`` as ``null``.

    No function runs before every call was looked up, its arguments were validated and ``approve``
    was called, in the caller's thread and in order.

    The journal ensures that a finished call is not run again, whatever happens before its output is
    submitted: the output is stored, durably, as soon as the function returns. The output text is
    stored, also one that reports an error; refusals are not. One gap remains: a process that dies
    after a function took effect and before its output is stored runs the function again. Processes
    and threads may share a journal; if two execute the same call at the same moment both run it,
    and both send the output that was stored first. Entries are never removed.

    Args:
        tool_calls: ``run.tool_calls``.
        tools: The tools of the run; functions among them need no decorator.
        on_tool_error: The handling of a call that fails, because the function raised or returned a
            value that cannot be sent, the name is unknown or the arguments are not valid.
            ``"report"`` makes the error an output, as in ``{"error": "ValueError: no such city"}``,
            from which the model may learn. ``"raise"`` raises it: before any function is run, where
            that is possible; otherwise no further call is started, those that run are waited for
            (and stored in the journal), and the error of the first in order is raised.
        approve: Called with each call that is to be run; ``False`` or a string refuses it, and the
            string is the output.
        parallel: The maximum number of functions that run at once, each in a thread of its own.
            With 1 they run in the caller's thread.
        journal: A path, where an SQLite file is made, or any mutable mapping of strings.
        run_id: The run, part of the journal's keys; required with a journal.

    Returns:
        One output per call, in order.

    Raises:
        ToolError: A call failed, and ``on_tool_error`` is ``"raise"``.
        ConfigurationError: An argument, or the journal, cannot be used.
    """
    _check(on_tool_error, parallel, journal, run_id)
    functions = {
        item.function.name: item for item in as_tools(tools) if isinstance(item, ToolFunction)
    }
    calls = list(tool_calls)
    executor = _Executor(on_tool_error, open_journal(journal) if journal is not None else None)
    jobs: list[_Job] = []
    outputs: dict[int, str] = {}
    for index, call in enumerate(calls):
        key = key_of(run_id, call)
        known = executor.journal.find(key) if executor.journal is not None else None
        if known is None:
            ready = _prepare(call, functions, approve, executor)
            if not isinstance(ready, str):
                jobs.append(_Job(index, call, key, ready))
                continue
            known = ready
        outputs[index] = known
    run = _run_in_turn if parallel == 1 or len(jobs) < 2 else _run_in_threads
    outputs.update(run(jobs, executor, parallel))
    return [
        ToolOutput(tool_call_id=call.id, output=outputs[index]) for index, call in enumerate(calls)
    ]


@frozen
class _Job:
    index: int
    call: RequiredToolCall
    key: str
    act: Callable[[], object]


@frozen
class _Executor:
    """Converts results and errors to outputs."""

    on_tool_error: OnToolError
    journal: OpenJournal | None

    def run(self, job: _Job) -> str:
        """Runs the function of a call, and returns the output."""
        name = job.call.function.name
        reason = ""
        try:
            result = job.act()
            if isinstance(result, Generator):  # its own errors are the function's
                result = listed(result)
        except Exception as error:
            output, reason = self.failure(job.call, error), type(error).__name__
        else:
            try:
                output = _text(result, name)
            except ValueError as error:
                output = self.failure(job.call, error)
                reason = f"a result, {type(result).__name__}, that cannot be sent"
        if reason:
            _log.warning(
                "The tool %s failed with %s; the model gets the error as output. "
                'on_tool_error="raise" raises it.',
                name,
                reason,
            )
        return self.journal.store(job.key, output) if self.journal is not None else output

    def failure(self, call: RequiredToolCall, error: Exception | str) -> str:
        """Returns the output that reports an error, unless it is to be raised."""
        text = error if isinstance(error, str) else _described(error)
        text = text if len(text) <= _MAX_ERROR_LENGTH else f"{text[:_MAX_ERROR_LENGTH]}…"
        if self.on_tool_error == "raise":
            cause = error if isinstance(error, Exception) else None
            raise ToolError(f"{call.function.name}: {text}", call) from cause
        return _sendable(json.dumps({"error": text}, ensure_ascii=False))


def _check(on_tool_error: object, parallel: object, journal: object, run_id: str) -> None:
    if on_tool_error not in ("report", "raise"):
        raise ConfigurationError(f"on_tool_error: {on_tool_error!r} is not 'report' or 'raise'")
    number("parallel", parallel, at_least=1, whole=True, unit="threads")
    if journal is not None and not run_id:
        raise ConfigurationError("run_id: a journal needs it to distinguish the calls of runs")


def _prepare(
    call: RequiredToolCall,
    functions: dict[str, ToolFunction[..., object]],
    approve: Approve | None,
    executor: _Executor,
) -> Callable[[], object] | str:
    """Returns the function call to run, or the output of a call that does not run."""
    function = functions.get(call.function.name)
    if function is None:
        known = ", ".join(functions) or "none"
        if executor.on_tool_error == "report":
            _log.warning(
                "The model called the tool %.80r, which is not among the functions given (%s); "
                'the model gets the error as output. on_tool_error="raise" raises it.',
                call.function.name,
                known,
            )
        return executor.failure(
            call, f"there is no function {call.function.name!r:.80}; known: {known}"
        )
    try:
        arguments = function.read_arguments(_arguments(call))
    except (ValueError, RecursionError) as error:
        return executor.failure(call, f"invalid arguments: {error}")
    verdict = approve(call) if approve is not None else True
    if isinstance(verdict, str):
        return _sendable(verdict)
    if not isinstance(verdict, bool):
        raise ConfigurationError(f"approve: returned {verdict!r:.80}, not True, False or a text")
    if not verdict:
        return json.dumps({"error": f"the call of {call.function.name} was refused by the user"})
    return lambda: function(**arguments)


def _arguments(call: RequiredToolCall) -> str:
    # Some servers send the JSON object itself instead of its text.
    whole = call.function.extra.get("arguments")
    return json.dumps(whole) if isinstance(whole, dict) else call.function.arguments


# --- running ------------------------------------------------------------------------------------


def _run_in_turn(jobs: Sequence[_Job], executor: _Executor, _: int) -> dict[int, str]:
    return {job.index: executor.run(job) for job in jobs}


def _run_in_threads(jobs: Sequence[_Job], executor: _Executor, parallel: int) -> dict[int, str]:
    """Runs calls in daemon threads, so that an interrupt of the caller does not wait for them."""
    waiting: queue.Queue[_Job] = queue.Queue()
    for job in jobs:
        waiting.put(job)
    done: queue.Queue[tuple[int, str | BaseException] | None] = queue.Queue()
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                break
            try:
                done.put((job.index, executor.run(job)))
            except BaseException as error:  # handed to the caller's thread
                stop.set()
                done.put((job.index, error))
        done.put(None)

    count = min(parallel, len(jobs))
    outputs: dict[int, str] = {}
    errors: dict[int, Exception] = {}
    try:
        for started in range(count):
            if not _started(work):  # as at the interpreter's end: this thread does the work
                count = started + 1
                work()
                break
        while count:
            try:
                finished = done.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if finished is None:
                count -= 1
                continue
            index, outcome = finished
            if isinstance(outcome, str):
                outputs[index] = outcome
            elif isinstance(outcome, Exception):
                errors[index] = outcome
            else:  # KeyboardInterrupt, SystemExit: at once
                raise outcome
    finally:
        stop.set()
    if errors:
        raise errors[min(errors)]
    return outputs


def _started(work: Callable[[], None]) -> bool:
    """Starts a thread; returns false if none can be started."""
    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(work,), name="assistants-client-tool", daemon=True
    )
    try:
        thread.start()
    except RuntimeError as complaint:
        if isinstance(complaint.__context__, KeyboardInterrupt):  # while a lock was released
            raise complaint.__context__ from None
        return False
    return True


# --- outputs ------------------------------------------------------------------------------------


def _text(result: object, name: str) -> str:
    """Returns a function's result as the text that is sent."""
    result = result.value if isinstance(result, Enum) else result
    try:
        text = result if isinstance(result, str) else to_json(result)
    except Exception as error:
        raise ValueError(f"what {name} returned cannot be written as JSON: {error}") from error
    text = _sendable(text)
    size = len(text.encode())
    if size > MAX_OUTPUT_BYTES:
        raise ValueError(
            f"what {name} returned is too long: {size} bytes, at most {MAX_OUTPUT_BYTES} are sent"
        )
    return text


def _sendable(text: str) -> str:
    """Returns the text without lone surrogates, which UTF-8 cannot encode."""
    return text.encode("utf-8", "replace").decode()


def _described(error: Exception) -> str:
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
