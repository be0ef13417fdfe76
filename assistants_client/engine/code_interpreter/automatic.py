"""The interpreter that is taken where none is named: whole Python where that works, else a part.

Nothing is tried before the first need, and what is found is logged once in a process.
"""

from __future__ import annotations

import logging
import threading
from functools import cache
from pathlib import Path
from typing import Final

from assistants_client.engine.code_interpreter.availability import bubblewraps
from assistants_client.engine.code_interpreter.base import CLOSED, CodeInterpreter, CodeResult
from assistants_client.engine.code_interpreter.bubblewrap import BubblewrapInterpreter
from assistants_client.engine.code_interpreter.monty import MontyInterpreter
from assistants_client.errors import ConfigurationError

_log = logging.getLogger(__name__)

BUILT_IN: Final = "the built-in subset of Python"


class AutomaticInterpreter:
    """CPython under bubblewrap where a sandbox can be made, else the built-in interpreter.

    Which one it is, is found out when it is first needed, by starting a sandbox. Code never runs
    without one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chosen: CodeInterpreter | None = None
        self._why_not: str | None = None
        self._closed = False

    @property
    def description(self) -> str:
        """The description for the language model; see ``CodeInterpreter.description``."""
        return self._choice().description

    def __str__(self) -> str:
        chosen = self._choice()
        return str(chosen) if self._why_not is None else f"{BUILT_IN}: {self._why_not}"

    def run(self, code: str, state: bytes | None = None, folder: Path | None = None) -> CodeResult:
        """Runs the code; see ``CodeInterpreter.run``."""
        if self._closed:
            return CodeResult(logs=CLOSED, state=state, failed=True)
        return self._choice().run(code, state, folder)

    def close(self) -> None:
        """Ends the interpreter that was chosen; see ``CodeInterpreter.close``."""
        self._closed = True
        with self._lock:
            if self._chosen is not None:
                self._chosen.close()

    def _choice(self) -> CodeInterpreter:
        if self._chosen is not None:
            return self._chosen
        with self._lock:
            if self._chosen is None:
                try:
                    self._chosen = BubblewrapInterpreter()
                    _tell(logging.INFO, f"Code of models runs in {self._chosen}.")
                except ConfigurationError as error:
                    self._why_not = str(error).removeprefix("code_interpreter: ")
                    self._chosen = MontyInterpreter()
                    level = logging.WARNING if bubblewraps() else logging.INFO
                    _tell(level, f"Code of models runs in {BUILT_IN}: {self._why_not}.")
            return self._chosen


@cache
def _tell(level: int, sentence: str) -> None:
    """Logs a sentence, once in a process."""
    _log.log(level, "%s", sentence)
