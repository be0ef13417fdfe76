"""The built-in sandbox: pydantic-monty, a subset of Python in worker processes of its own.

No value made by the code ever enters this process, only text.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal

from attrs import evolve, frozen
from pydantic_monty import (
    Monty,
    MontyCrashedError,
    MontyError,
    MontyRuntimeError,
    MontySession,
    MontySyntaxError,
    MountDir,
    ResourceLimits,
)

from assistants_client.engine.code_interpreter.base import (
    AFRESH,
    BUSY_SECONDS,
    CLOSED,
    FOLDER,
    UNCHANGED,
    CodeResult,
)
from assistants_client.engine.code_interpreter.logs import Logs
from assistants_client.engine.code_interpreter.monty_edits import as_written
from assistants_client.engine.code_interpreter.monty_helpers import HELPERS, PREFIX
from assistants_client.engine.code_interpreter.monty_kept import Kept, split
from assistants_client.engine.code_interpreter.monty_modules import MODULES
from assistants_client.engine.code_interpreter.monty_source import VALUE, rewritten
from assistants_client.engine.code_interpreter.monty_tree import UnsupportedError

_log = logging.getLogger(__name__)

_DESCRIPTION = """\
Runs Python code in a sandbox and answers with what it printed and the value of a last expression, \
or the traceback. Variables and functions are kept for the next call.
The sandbox is a subset of Python. Only these modules exist: asyncio (gather, run, sleep), base64, \
binascii, bisect, collections (namedtuple, Counter, defaultdict, deque), copy, csv, dataclasses, \
datetime, decimal, functools (cache, lru_cache, partial, reduce), hashlib, heapq, itertools, json, \
math, os (files and paths only), pathlib, random, re, sys, time, tomllib, typing, unicodedata. \
There are no third-party packages (no numpy, pandas, matplotlib, sympy) and no fractions, \
operator, statistics or string: their imports are passed over, and using one fails. Compute with \
int, float or decimal.Decimal.
Not supported: class inheritance (so no exceptions of your own, Enum or ABC), method decorators \
(property, staticmethod, classmethod), yield, del of names, super, input, globals, sys.exit; \
comparison methods of classes but __eq__ (sort with key=); list(f) or enumerate(f) of an open file \
(use f.read().splitlines()), encodings but UTF-8; strptime without a whole date, fractions in \
timedelta (convert to whole seconds); re.VERBOSE. map, zip and generator expressions are evaluated \
at once: none may be endless. They and reversed see a list as it is then, as do enumerate and zip \
outside of for. Texts of exceptions may differ from CPython's. Beside a class with __bool__ or \
__len__, and/or take bool values only. Do not mix 1, 1.0 and True as keys of one dict, nor rely \
on the order of a set. Sums of floats that must be exact: math.fsum.
There is no network, no environment and no other process. The files of this conversation are in \
the working directory, /mnt/data; nothing else can be read or written. To give the user a file, \
write it there, with open or pathlib, and link to it in your answer: \
[result.csv](sandbox:/mnt/data/result.csv). Images that are written there (PNG, JPEG, GIF, WebP) \
are shown to the user. Time, memory, output and the size of files are limited."""

_FORKED = (
    "The code interpreter cannot be used here: the process that this one was forked from had used "
    "it before. Fork before the first run with code, or run code in the parent only."
)

#: Seconds beyond the time limit after which a worker that does not answer is killed.
_GRACE_SECONDS = 1.0

#: The sandbox's own threads, the same for all pools, do not survive a fork: in the child a fresh
#: pool waits for ever, and the parent's stalls the parent as well. So the first process to start a
#: sandbox is recorded, and a child of it refuses.
_started_in: int | None = None


class MontyInterpreter:
    """The built-in interpreter: a sandboxed subset of Python, in worker processes of its own.

    Nothing is started before the first call. Every call gets a fresh worker, so that nothing but
    ``state`` passes from one call to another. ``state`` must come from this class unchanged: it is
    not authenticated. It keeps the limits under which it was made.

    Args:
        seconds: Time one call may compute, and again the time it may sleep.
        memory_bytes: Memory of the code's own objects.
        output_bytes: Length of the output in UTF-8; what exceeds it is cut, and the logs say so.
        state_bytes: Size up to which the variables are kept.
        written_bytes: Size of all that one call may write into files.
        workers: Calls that run at once; the others wait. None takes the number of processors.
    """

    description: str = _DESCRIPTION

    def __init__(
        self,
        *,
        seconds: float = 5.0,
        memory_bytes: int = 64 * 1024 * 1024,
        output_bytes: int = 64 * 1024,
        state_bytes: int = 4 * 1024 * 1024,
        written_bytes: int = 32 * 1024 * 1024,
        workers: int | None = None,
    ) -> None:
        self._limits: ResourceLimits = {
            "max_feed_duration_secs": seconds,
            "max_total_sleep_secs": seconds,
            "max_memory": memory_bytes,
        }
        self._request_seconds = seconds + 2 * _GRACE_SECONDS
        self._output_bytes = output_bytes
        self._state_bytes = state_bytes
        self._written_bytes = written_bytes
        self._workers = workers
        self._lock = threading.Lock()
        self._pool: Monty | None = None
        self._closed = False

    def run(self, code: str, state: bytes | None = None, folder: Path | None = None) -> CodeResult:
        """Runs the code; see ``CodeInterpreter.run``."""
        if _started_in not in (None, os.getpid()):
            return CodeResult(logs=_FORKED, state=state, failed=True)
        try:
            with self._mounted(folder) as mount:
                return self._run(code, state, mount)
        except Exception as error:  # whatever happens out there, the run goes on
            if self._closed:
                return CodeResult(logs=CLOSED, state=state, failed=True)
            _log.warning("The code interpreter failed", exc_info=True)
            text = f"The code interpreter failed: {error}\n{UNCHANGED}"
            return CodeResult(logs=text, state=state, failed=True)

    def close(self) -> None:
        """Stops the workers; see ``CodeInterpreter.close``."""
        self._closed = True
        if _started_in not in (None, os.getpid()):
            return  # the workers are the parent's
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.__exit__(None, None, None)

    def _mounted(self, folder: Path | None) -> AbstractContextManager[MountDir | None]:
        if folder is None:
            return nullcontext()
        return MountDir(
            host_path=folder,
            virtual_path=FOLDER,
            mode="read-write",
            write_bytes_limit=self._written_bytes,
        )

    def _run(self, code: str, state: bytes | None, mount: MountDir | None) -> CodeResult:
        output = Logs(self._output_bytes)
        try:
            pool = self._open()
            with pool.checkout(limits=self._limits, assert_message_annotations=False) as session:
                kept = Kept() if state is None else _restore(session, state)
                call = _Call(session, output, mount)
                return self._execute(call, code, kept, state)
        except _UnreadableStateError:
            afresh = self._run(code, None, mount)
            return evolve(afresh, logs=f"{AFRESH}\n{afresh.logs}")
        except MontyCrashedError as error:
            # Also what stops code that does not look at the clock, such as one huge power.
            output.add_remark(f"The code was stopped: {error}\n{UNCHANGED}")
            return _result(output, state, failed=True)

    def _execute(self, call: _Call, code: str, kept: Kept, state: bytes | None) -> CodeResult:
        output = call.output
        try:
            new = rewritten(
                code,
                has_truth=kept.has_truth,
                is_bound=lambda name: state is not None and call.is_bound(name),
            )
        except UnsupportedError as error:
            line = code.splitlines()[error.line - 1].strip()
            output.add_remark(
                f'Traceback (most recent call last):\n  File "<python-input>", line {error.line}\n'
                f"    {line}\nNotImplementedError: {error}"
            )
            return _result(output, state, failed=True)
        failed = False
        after = kept.after(new)
        try:
            for name in sorted(new.helpers - kept.helpers):
                call.feed(HELPERS[name])
            call.feed(new.code)
            if new.has_value:
                value = call.value()
                if value:
                    output.set_value(value)
        except (MontyRuntimeError, MontySyntaxError) as error:
            failed = True
            text = as_written(error.display(), {**kept.lines, **new.lines}, PREFIX)
            output.add_remark(_explained(text, after.absent))
            if isinstance(error.exception(), (TimeoutError, MemoryError)):
                # Stopped in the middle of an operation: the state in there is inconsistent.
                output.add_remark(UNCHANGED, is_shown=False)
                return _result(output, state, failed=True)
        dumped = self._dump(call.session, after, output)
        return _result(output, dumped, failed=failed or output.is_cut)

    def _dump(self, session: MontySession, kept: Kept, output: Logs) -> bytes | None:
        try:
            state = kept.joined(session.dump())
        except MontyRuntimeError as error:
            reason = str(error)
        else:
            if len(state) <= self._state_bytes:
                return state
            reason = f"{len(state)} bytes, the limit is {self._state_bytes}"
        output.add_remark(
            f"The variables cannot be kept ({reason}); the next call starts afresh.",
            is_shown=False,
        )
        return None

    def _open(self) -> Monty:
        global _started_in  # noqa: PLW0603 - one fact about the process, not about an instance
        _started_in = os.getpid()  # before the lock, so that no child waits for a lock held here
        with self._lock:
            if self._closed:
                raise RuntimeError(CLOSED)
            if self._pool is None:
                pool = Monty(
                    min_processes=0,
                    max_processes=self._workers,
                    checkout_timeout=BUSY_SECONDS,
                    request_timeout=self._request_seconds,
                    max_checkouts_per_worker=1,
                    feed_duration_limit_grace=_GRACE_SECONDS,
                )
                self._pool = pool.__enter__()
            return self._pool


@frozen
class _Call:
    """One call's session, with where its output goes and its files."""

    session: MontySession
    output: Logs
    mount: MountDir | None

    def feed(self, code: str, write: Callable[[str], None] | None = None) -> None:
        """Runs code, whose output goes to the logs unless said otherwise."""
        taking = self.output.write if write is None else write

        def take(_stream: Literal["stdout", "stderr"], text: str) -> None:
            taking(text)

        # The closing None keeps the value of the code from being sent over here.
        self.session.feed_run(f"{code}\nNone", print_callback=take, mount=self.mount)

    def value(self) -> str:
        """Returns the text of the last expression's value, as far as it may be long."""
        pieces: list[str] = []
        self.feed(
            f"if {VALUE} is not None: {PREFIX}print({PREFIX}repr({VALUE}), end='')\n{VALUE} = None",
            pieces.append,
        )
        return "".join(pieces)

    def is_bound(self, name: str) -> bool:
        """Returns whether a name is bound."""
        try:
            self.feed(name)
        except MontyRuntimeError:
            return False
        return True


_UNBOUND = re.compile(r"^NameError: name '(\w+)' is not defined.*", re.MULTILINE)


def _explained(traceback: str, absent: Mapping[str, str]) -> str:
    """Returns the traceback, saying of a name that was not imported what it would be."""

    def explanation(found: re.Match[str]) -> str:
        what = absent.get(found[1])
        if what is None:
            return found[0]
        kind = "ImportError" if what.partition(".")[0] in MODULES else "ModuleNotFoundError"
        return f"{kind}: {what} is not there in this sandbox, so {found[1]} is not defined"

    return _UNBOUND.sub(explanation, traceback)


def _result(output: Logs, state: bytes | None, *, failed: bool) -> CodeResult:
    return CodeResult(logs=output.text(), shown=output.shown(), state=state, failed=failed)


class _UnreadableStateError(Exception):
    """The state is damaged, or made by another version of the sandbox."""


def _restore(session: MontySession, state: bytes) -> Kept:
    try:
        kept, dumped = split(state)
        session.load_session(dumped)
    except (MontyError, ValueError) as error:
        raise _UnreadableStateError from error
    return kept
