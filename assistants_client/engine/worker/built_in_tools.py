"""The engine's own tools, executed on behalf of a run: file search and the code interpreter.

Which calls are executed, and when their outputs are stored, is runner.py's. No SQL, and no words of
any model's API.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from assistants_client._json.codec import decode
from assistants_client.engine.code_interpreter import CodeInterpreter
from assistants_client.engine.domain.file_search_tool import (
    RESULTS,
    options_of,
    record_of,
    threshold_of,
)
from assistants_client.engine.faults import named
from assistants_client.engine.services.worker_side.execution import ChangedState, Execution
from assistants_client.engine.services.worker_side.tool_use import ToolUse
from assistants_client.engine.worker.tool_call_records import RecordedCall
from assistants_client.models.run_steps import (
    CodeInterpreterCall,
    CodeInterpreterRecord,
    FileSearchCall,
    FileSearchRecord,
    ImageOutput,
    LogsOutput,
    OutputImage,
)
from assistants_client.models.runs import Run
from assistants_client.models.tools import FileSearchOptions

_log = logging.getLogger(__name__)

#: Seconds for which a search waits for files that are still being read.
FILLING_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1


class BuiltInTools:
    """Executes calls. Safe to share between threads: it holds no state of any run.

    Args:
        execution: Checks the run, and reads the interpreter's state.
        interpreter: Runs the model's code.
        tools: Gives access to what the tools of a run use.
        monotonic: A clock in seconds.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        execution: Execution,
        interpreter: CodeInterpreter,
        tools: ToolUse,
        *,
        monotonic: Callable[[], float],
        sleep: Callable[[float], object],
    ) -> None:
        self._execution = execution
        self._interpreter = interpreter
        self._tools = tools
        self._monotonic = monotonic
        self._sleep = sleep

    def execute(self, run: Run, made: RecordedCall) -> ChangedState | None:
        """Executes a call, and records its output in it.

        Returns:
            The interpreter's state, where it is another one now. It is not stored yet.
        """
        if isinstance(made, FileSearchCall):
            made.file_search = self._search(run, made.file_search)
        elif isinstance(made, CodeInterpreterCall):
            return self._run_code(run, made)
        return None

    def _search(self, run: Run, asked: FileSearchRecord) -> FileSearchRecord:
        options = options_of(run.tools) or FileSearchOptions()
        until = self._monotonic() + FILLING_SECONDS
        while self._tools.is_filling(run) and self._monotonic() < until:
            self._sleep(_POLL_SECONDS)
            self._execution.check(run)
        query = str(asked.extra["query"])
        hits = self._tools.search(
            run,
            query,
            limit=options.max_num_results or RESULTS,
            threshold=threshold_of(options),
        )
        return record_of(options, query, hits)

    def _run_code(self, run: Run, made: CodeInterpreterCall) -> ChangedState | None:
        record = made.code_interpreter
        before = self._execution.load_state(run)
        try:
            with self._tools.workspace(run) as workspace:
                result = self._interpreter.run(record.input, before, workspace.folder)
                images, dropped = self._tools.store_changes(run, workspace)
        except Exception as error:
            # The interpreter's own fault, and still no reason to lose the run.
            _log.exception("The code interpreter failed in run %s", run.id)
            record.outputs = [LogsOutput(logs=f"The code interpreter failed: {named(error)}")]
            return None
        told, shown = result.logs, result.logs if result.shown is None else result.shown
        for remark, paths in (("too large to be given", workspace.left_out), ("not kept", dropped)):
            if paths:
                told += f"\n[files {remark}: {', '.join(paths[:10])}]"
        if told != shown:  # what the protocol does not show
            document = {"input": record.input, "told": told}
            record = made.code_interpreter = decode(CodeInterpreterRecord, document)
        record.outputs = [LogsOutput(logs=shown)] if shown else []
        record.outputs += (ImageOutput(image=OutputImage(file_id=one)) for one in images)
        return None if result.state == before else ChangedState(result.state)
