"""The interface behind which a model's Python runs, and the sandboxes that come with it."""

from __future__ import annotations

from assistants_client.engine.code_interpreter.automatic import AutomaticInterpreter
from assistants_client.engine.code_interpreter.base import FOLDER, CodeInterpreter, CodeResult
from assistants_client.engine.code_interpreter.bubblewrap import BubblewrapInterpreter
from assistants_client.engine.code_interpreter.monty import MontyInterpreter

__all__ = [
    "FOLDER",
    "AutomaticInterpreter",
    "BubblewrapInterpreter",
    "CodeInterpreter",
    "CodeResult",
    "MontyInterpreter",
]
