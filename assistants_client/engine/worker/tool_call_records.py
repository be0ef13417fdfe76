"""Converts the calls that a model asks for into the records of a step: pure.

Running a call, and what its outcome means, is runner.py's.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, TypeAlias

from assistants_client._json.strict import strict_json
from assistants_client.engine.domain.file_search_tool import options_of, record_of
from assistants_client.engine.language_models.base import CODE_INTERPRETER, FILE_SEARCH, ToolCall
from assistants_client.models.run_steps import (
    CodeInterpreterCall,
    CodeInterpreterRecord,
    FileSearchCall,
    FunctionRecord,
    FunctionToolCall,
    LogsOutput,
)
from assistants_client.models.runs import Run
from assistants_client.models.tools import CodeInterpreterTool

#: A call of a tool, as it is stored.
RecordedCall: TypeAlias = CodeInterpreterCall | FileSearchCall | FunctionToolCall

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_NAME: Final = 64


def has_interpreter(run: Run) -> bool:
    """Returns whether the code interpreter is among the run's tools."""
    return any(isinstance(tool, CodeInterpreterTool) for tool in run.tools)


def record_call(run: Run, call: ToolCall, offered: Collection[str]) -> RecordedCall:
    """Returns the record of a call, without an output; one that cannot be done has its fault."""
    if call.name not in offered:
        return _unknown_call(call, offered)
    search = options_of(run.tools)
    if call.name == FILE_SEARCH and search is not None:
        query, fault = _argument_of(call, "query")
        return FileSearchCall(id=call.id, file_search=record_of(search, query, fault=fault))
    if call.name == CODE_INTERPRETER and has_interpreter(run):
        code, fault = _argument_of(call, "code")
        record = CodeInterpreterRecord(input=code)
        if fault is not None:
            record.outputs = [LogsOutput(logs=fault)]
        return CodeInterpreterCall(id=call.id, code_interpreter=record)
    function = FunctionRecord(name=call.name, arguments=call.arguments)
    return FunctionToolCall(id=call.id, function=function)


def is_to_do(made: RecordedCall) -> bool:
    """Returns whether the engine itself has to execute a call that was not executed yet."""
    if isinstance(made, FileSearchCall):
        return "fault" not in made.file_search.extra
    return isinstance(made, CodeInterpreterCall) and not made.code_interpreter.outputs


def _unknown_call(call: ToolCall, offered: Collection[str]) -> FunctionToolCall:
    """Returns the record of a call of an unknown function, whose output says so to the model."""
    # It goes back to the model, and servers check the names they are sent.
    name = _NOT_IN_NAMES.sub("_", call.name)[:_LONGEST_NAME] or "unnamed"
    output = f"There is no function {name!r}; there is {', '.join(offered) or 'none at all'}."
    return FunctionToolCall(
        id=call.id, function=FunctionRecord(name=name, arguments=call.arguments, output=output)
    )


def _argument_of(call: ToolCall, name: str) -> tuple[str, str | None]:
    """Returns the string argument of this name; or all arguments as they came, and the fault."""
    try:
        arguments = strict_json(call.arguments)
    except ValueError as error:
        return call.arguments, f"The arguments are not JSON: {error}. Nothing was done."
    text = arguments.get(name) if isinstance(arguments, dict) else None
    if not isinstance(text, str):
        return call.arguments, f"The arguments have no string named {name!r}. Nothing was done."
    return text, None
