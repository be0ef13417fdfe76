"""The display of a wait's progress: in a terminal, in a notebook, in a log file.

Only texts are made and shown here; the waiting is in ``polling.py``. tqdm and IPython are used
where they are installed. A server's text is shown without its control characters, and a display
that fails ends: the wait goes on.
"""

from __future__ import annotations

import html
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from types import TracebackType
from typing import Any, Protocol, TextIO

from assistants_client.models.runs import Run

_TICK = 0.2  # seconds between two updates
_LOG_STEPS = 10  # lines that a log gets at most for the runs of one wait, beside the last


class Progress:
    """A progress display that shows nothing; those that do are below."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def watching(self, on_poll: Callable[[Run], object] | None) -> Callable[[Run], object] | None:
        """Returns the callable for ``on_poll``; it calls the caller's own too."""
        return on_poll

    def sleeping(self, sleep: Callable[[float], object]) -> Callable[[float], object]:
        """Returns a sleep during which the display is updated.

        Args:
            sleep: Sleeps; where it ends before its time, it returns something true.
        """
        return sleep

    def finished(self, run: Run) -> AbstractContextManager[None]:
        """Counts one of many runs as finished; within, the caller has it, and may print."""
        return nullcontext()


NO_PROGRESS = Progress()


class Display(Protocol):
    """A place where progress is shown."""

    #: True if a text replaces the one before.
    is_live: bool

    def show(self, text: str, finished: int) -> None:
        """Shows the current state."""

    def clear(self) -> None:
        """Clears the line for the program's own output; the next ``show`` comes after it."""

    def close(self) -> None:
        """Ends the display; the last text stays."""


class _Shown(Progress, ABC):
    def __init__(self, display: Display, now: Callable[[], float]) -> None:
        self._display: Display | None = display
        self._now = now
        self._begun = self._shown_at = now()
        self._finished = 0

    def __exit__(self, *error: object) -> None:
        if self._display is not None:
            self._safely(self._display.close)
        self._display = None

    def sleeping(self, sleep: Callable[[float], object]) -> Callable[[float], object]:
        if self._display is None or not self._display.is_live:
            return sleep

        def sleep_and_tick(seconds: float) -> None:
            until = self._now() + seconds
            is_over = False
            while (left := until - self._now()) > _TICK and not is_over:
                is_over = bool(sleep(_TICK))
                self._show()
            if not is_over:
                sleep(max(left, 0))
            if self._now() - self._shown_at >= _TICK:  # many short sleeps are a long one
                self._show()

        return sleep_and_tick

    @abstractmethod
    def _text(self) -> str: ...

    def _show(self) -> None:
        self._shown_at = self._now()
        display, text = self._display, self._text()
        if display is not None:
            self._safely(lambda: display.show(text, self._finished))

    def _clear(self) -> None:
        if self._display is not None:
            self._safely(self._display.clear)

    def _safely(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception:  # a closed stream, a notebook that is gone: the wait goes on
            self._display = None

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(self._now() - self._begun), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class _OneRun(_Shown):
    def __init__(self, run_id: str, display: Display, now: Callable[[], float]) -> None:
        super().__init__(display, now)
        self._run_id = run_id
        self._status = ""

    def __enter__(self) -> Progress:
        if self._display is not None and self._display.is_live:
            self._show()
        return self

    def watching(self, on_poll: Callable[[Run], object] | None) -> Callable[[Run], object]:
        def seen(run: Run) -> None:
            is_new, self._status = run.status != self._status, run.status
            if on_poll is not None:
                self._clear()
                on_poll(run)
            if is_new or (self._display is not None and self._display.is_live):
                self._show()

        return seen

    def _text(self) -> str:
        return f"run {self._run_id}  {self._status or '...'}  {self._elapsed()}"


class _ManyRuns(_Shown):
    def __init__(self, total: int, display: Display, now: Callable[[], float]) -> None:
        super().__init__(display, now)
        self._total = total
        self._not_completed = 0
        self._reported = 0

    def __enter__(self) -> Progress:
        self._show()
        return self

    @contextmanager
    def finished(self, run: Run) -> Iterator[None]:
        self._finished += 1
        self._not_completed += run.status != "completed"
        steps = self._finished * _LOG_STEPS // self._total
        is_news = steps > self._reported or self._finished == self._total
        is_live = self._display is not None and self._display.is_live
        if is_news or is_live:
            self._reported = steps
            self._show()
        self._clear()
        try:
            yield
        finally:
            if is_live:
                self._show()

    def _text(self) -> str:
        failures = f" ({self._not_completed} not completed)" if self._not_completed else ""
        return f"{self._finished} of {self._total} runs finished{failures}  {self._elapsed()}"


def run_progress(run_id: str, now: Callable[[], float]) -> Progress:
    """Returns the display of one run: its status and the time that has passed."""
    display = _display(None)
    return NO_PROGRESS if display is None else _OneRun(run_id, display, now)


def runs_progress(total: int, now: Callable[[], float]) -> Progress:
    """Returns the display of many runs: how many have finished."""
    display = _display(total)
    return NO_PROGRESS if display is None else _ManyRuns(total, display, now)


def _display(total: int | None) -> Display | None:
    """Returns the display for this program's environment; ``None`` without a standard error."""
    try:
        if _in_notebook():
            return _Notebook()
        if sys.stderr is None:
            return None
        if not sys.stderr.isatty():
            return _Log(sys.stderr)
        try:
            return _Bar(import_module("tqdm").tqdm, total, sys.stderr)
        except ImportError:
            return _Line(sys.stderr)
    except Exception:  # as in ``_Shown._safely``
        return None


def _in_notebook() -> bool:
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _plain(text: str) -> str:
    """Replaces what moves a cursor or is a command to a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


class _Log:
    """A line for each change."""

    is_live = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def show(self, text: str, finished: int) -> None:
        print(_encodable(_plain(text), self._stream), file=self._stream, flush=True)

    def clear(self) -> None:
        pass

    def close(self) -> None:
        pass


class _Line:
    """One line of a terminal, overwritten at each update."""

    is_live = True

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._length = 0

    def show(self, text: str, finished: int) -> None:
        text = _encodable(_plain(text), self._stream)[: shutil.get_terminal_size().columns - 1]
        self._stream.write(f"\r{text.ljust(self._length)}")
        self._stream.flush()
        self._length = len(text)

    def clear(self) -> None:
        self._stream.write(f"\r{' ' * self._length}\r")
        self._stream.flush()

    def close(self) -> None:
        self._stream.write("\n")
        self._stream.flush()


class _Bar:
    """tqdm's bar behind the text; where there is only one run, the text alone."""

    is_live = True

    def __init__(self, tqdm: Any, total: int | None, stream: TextIO) -> None:
        form = "{desc}" if total is None else "{desc} |{bar}| {remaining} left"
        self._bar = tqdm(total=total or 0, bar_format=form, dynamic_ncols=True, file=stream)

    def show(self, text: str, finished: int) -> None:
        self._bar.update(finished - self._bar.n)
        self._bar.set_description_str(_plain(text))

    def clear(self) -> None:
        self._bar.clear()

    def close(self) -> None:
        self._bar.close()


class _Notebook:
    """One output of a cell, updated in place."""

    is_live = True

    def __init__(self) -> None:
        display: Any = import_module("IPython.display")
        self._html: Callable[[str], object] = display.HTML
        self._handle = display.display(self._html("<pre></pre>"), display_id=True)
        self._last = ""

    def show(self, text: str, finished: int) -> None:
        if text != self._last:
            self._last = text
            self._handle.update(self._html(f"<pre>{html.escape(_plain(text))}</pre>"))

    def clear(self) -> None:
        pass

    def close(self) -> None:
        pass


def _encodable(text: str, stream: TextIO) -> str:
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
