"""Answering the tool calls of a run that requires action: policy, threads, outputs, journal.

How a function becomes a tool is not said here, nor how outputs are submitted.
"""

from __future__ import annotations

import contextvars
import json
import logging
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Final

from attrs import frozen

from assistants_client._json.dumps import to_json
from assistants_client.errors import ConfigurationError, ToolError
from assistants_client.function_tools.function_tool import ToolFunction, ToolLike, as_tools
from assistants_client.function_tools.journal import OpenJournal, key_of, open_journal
from assistants_client.models.run_streams import Approve, Journal, OnToolError
from assistants_client.models.runs import RequiredToolCall, ToolOutput

_log = logging.getLogger(__name__)

#: The longest output that is sent, in bytes of UTF-8.
MAX_OUTPUT_BYTES: Final = 1024 * 1024

_LONGEST_ERROR = 2000  # characters
_GLANCE = 0.1  # seconds after which a wait for threads looks up, as Ctrl-C needs on Windows


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
    """Runs the functions that a model asked for, and answers all calls of one required action.

    A text that a function returns is sent as it is; anything else as JSON, ``None`` as ``null``.

    Nothing runs before every call was looked up, its arguments were read and ``approve`` was asked,
    in the caller's thread and in order.

    The journal makes sure that a call which finished is not run again, whatever happens before its
    output is submitted: the output is stored, and on the disk, as soon as the function returns.
    What is stored is the output text, also one that reports an error; refusals are not. One gap
    remains: a process that dies after a function took effect and before its output is stored runs
    the function again. Processes and threads may share a journal; if two answer the same call at
    the same moment both run it, and both send the output that was stored first. Nothing is ever
    removed from it.

    Args:
        tool_calls: ``run.tool_calls``.
        tools: The tools of the run; functions among them need no decorator.
        on_tool_error: What becomes of a call that cannot be answered, because the function raised
            or returned what cannot be sent, the name is not known or the arguments do not fit.
            ``"report"`` makes it an output, as in ``{"error": "ValueError: no such city"}``, from
            which the model may learn. ``"raise"`` raises it: before any function is run, where that
            can be told; otherwise no further call is started, those that run are waited for (and
            kept in the journal), and the error of the first in order is raised.
        approve: Called with each call that is to be run; ``False`` or a text refuses it, and the
            text is the output.
        parallel: How many functions may run at once, each in a thread of its own. With 1 they run
            in the caller's thread.
        journal: A path, where an SQLite file is made, or any mutable mapping of texts.
        run_id: The run, by which the journal tells calls apart; needed with one.

    Returns:
        One output per call, in order.

    Raises:
        ToolError: A call cannot be answered, and that is to be raised.
        ConfigurationError: An argument cannot be used, or the journal.
    """
    _check(on_tool_error, parallel, journal, run_id)
    functions = {
        item.function.name: item for item in as_tools(tools) if isinstance(item, ToolFunction)
    }
    asked = list(tool_calls)
    answers = _Answers(on_tool_error, open_journal(journal) if journal is not None else None)
    jobs: list[_Job] = []
    outputs: dict[int, str] = {}
    for index, call in enumerate(asked):
        key = key_of(run_id, call)
        known = answers.journal.find(key) if answers.journal is not None else None
        if known is None:
            ready = _prepared(call, functions, approve, answers)
            if not isinstance(ready, str):
                jobs.append(_Job(index, call, key, ready))
                continue
            known = ready
        outputs[index] = known
    run = _run_in_turn if parallel == 1 or len(jobs) < 2 else _run_in_threads
    outputs.update(run(jobs, answers, parallel))
    return [
        ToolOutput(tool_call_id=call.id, output=outputs[index]) for index, call in enumerate(asked)
    ]


@frozen
class _Job:
    index: int
    call: RequiredToolCall
    key: str
    act: Callable[[], object]


@frozen
class _Answers:
    """What becomes of results and errors."""

    on_tool_error: OnToolError
    journal: OpenJournal | None

    def run(self, job: _Job) -> str:
        """The output of a call, after running its function."""
        try:
            output = _text(job.act(), job.call.function.name)
        except Exception as error:
            output = self.failure(job.call, error)
            _log.warning(
                'The tool %s failed with %s; the model is told. on_tool_error="raise" raises it.',
                job.call.function.name,
                type(error).__name__,
            )
        return self.journal.keep(job.key, output) if self.journal is not None else output

    def failure(self, call: RequiredToolCall, error: Exception | str) -> str:
        """The output that reports an error, unless it is to be raised."""
        text = error if isinstance(error, str) else _described(error)
        text = text if len(text) <= _LONGEST_ERROR else f"{text[:_LONGEST_ERROR]}…"
        if self.on_tool_error == "raise":
            cause = error if isinstance(error, Exception) else None
            raise ToolError(f"{call.function.name}: {text}", call) from cause
        return _sendable(json.dumps({"error": text}, ensure_ascii=False))


def _check(on_tool_error: object, parallel: object, journal: object, run_id: str) -> None:
    if on_tool_error not in ("report", "raise"):
        raise ConfigurationError(f"on_tool_error: {on_tool_error!r} is not 'report' or 'raise'")
    if isinstance(parallel, bool) or not isinstance(parallel, int) or parallel < 1:
        raise ConfigurationError(f"parallel: {parallel!r} is not a number of threads, 1 or more")
    if journal is not None and not run_id:
        raise ConfigurationError("run_id: a journal needs it to tell the calls of runs apart")


def _prepared(
    call: RequiredToolCall,
    functions: dict[str, ToolFunction[..., object]],
    approve: Approve | None,
    answers: _Answers,
) -> Callable[[], object] | str:
    """What to run for a call, or at once its output."""
    function = functions.get(call.function.name)
    if function is None:
        known = ", ".join(functions) or "none"
        if answers.on_tool_error == "report":
            _log.warning(
                "The model asked for the tool %.80r, which is not among the functions given (%s); "
                'the model is told. on_tool_error="raise" raises it.',
                call.function.name,
                known,
            )
        return answers.failure(
            call, f"there is no function {call.function.name!r:.80}; known: {known}"
        )
    try:
        arguments = function.read_arguments(_arguments(call))
    except (ValueError, RecursionError) as error:
        return answers.failure(call, f"invalid arguments: {error}")
    verdict = approve(call) if approve is not None else True
    if isinstance(verdict, str):
        return _sendable(verdict)
    if not isinstance(verdict, bool):
        raise ConfigurationError(f"approve: answered {verdict!r:.80}, not True, False or a text")
    if not verdict:
        return json.dumps({"error": f"the call of {call.function.name} was refused by the user"})
    return lambda: function(**arguments)


def _arguments(call: RequiredToolCall) -> str:
    # Some servers send the object itself instead of its text.
    whole = call.function.extra.get("arguments")
    return json.dumps(whole) if isinstance(whole, dict) else call.function.arguments


# --- running ------------------------------------------------------------------------------------


def _run_in_turn(jobs: Sequence[_Job], answers: _Answers, _: int) -> dict[int, str]:
    return {job.index: answers.run(job) for job in jobs}


def _run_in_threads(jobs: Sequence[_Job], answers: _Answers, parallel: int) -> dict[int, str]:
    """Runs calls in threads that nobody waits for when the caller is interrupted."""
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
                done.put((job.index, answers.run(job)))
            except BaseException as error:  # handed to the caller's thread
                stop.set()
                done.put((job.index, error))
        done.put(None)

    count = min(parallel, len(jobs))
    outputs: dict[int, str] = {}
    errors: dict[int, Exception] = {}
    try:
        for _ in range(count):
            context = contextvars.copy_context()
            threading.Thread(
                target=context.run, args=(work,), name="assistants-client-tool", daemon=True
            ).start()
        while count:
            try:
                answer = done.get(timeout=_GLANCE)
            except queue.Empty:
                continue
            if answer is None:
                count -= 1
            elif isinstance(answer[1], str):
                outputs[answer[0]] = answer[1]
            elif isinstance(answer[1], Exception):
                errors[answer[0]] = answer[1]
            else:  # KeyboardInterrupt, SystemExit: at once
                raise answer[1]
    finally:
        stop.set()
    if errors:
        raise errors[min(errors)]
    return outputs


# --- outputs ------------------------------------------------------------------------------------


def _text(result: object, name: str) -> str:
    """A function's result as the text that is sent."""
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
    """The text without the halves of characters that UTF-8 cannot write."""
    return text.encode("utf-8", "replace").decode()


def _described(error: Exception) -> str:
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
