"""The table: every row of the files ``facts_*.py``, and how each situation in it comes about.

The facts were read out of traffic of the service that was published with its clients' tests, all
of it between November 2023 and May 2026, the version v2 of the protocol unless a row's neighbours
say otherwise. No recording is needed here, or contained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import facts_assistants_and_threads
import facts_errors
import facts_files_and_stores
import facts_headers
import facts_messages
import facts_run_steps
import facts_runs
import facts_streams
import facts_tool_streams
import situations_errors
import situations_files
import situations_objects
import situations_runs
import situations_streams
from conformance_kit import World
from recorded_rows import Row

ROWS: list[Row] = [
    *facts_assistants_and_threads.ROWS,
    *facts_messages.ROWS,
    *facts_runs.ROWS,
    *facts_run_steps.ROWS,
    *facts_streams.ROWS,
    *facts_tool_streams.ROWS,
    *facts_files_and_stores.ROWS,
    *facts_errors.ROWS,
    *facts_headers.ROWS,
]

SITUATIONS: Mapping[str, Callable[[World], object]] = {
    **situations_objects.SITUATIONS,
    **situations_runs.SITUATIONS,
    **situations_streams.SITUATIONS,
    **situations_files.SITUATIONS,
    **situations_errors.SITUATIONS,
}
