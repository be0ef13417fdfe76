"""What threads with a code interpreter cost one ``assistants serve``: time per call, and memory.

    python tests/benchmarks/interpreter/served.py [THREADS [INTERPRETER]]

Each of the THREADS (50) makes a table and keeps it, and later goes on with it; a model in this
process answers at once. Printed are the seconds by the clock of runs with a call, and of runs
without one for comparison; then the memory of the server with its sandboxes (PSS, Linux), in MiB:
before the first call, right after the calls, and a minute later. What of it is each idle thread's
is the last line. INTERPRETER is that of ``assistants serve`` (``bubblewrap``). The Python that runs
this must have the extras ``engine`` and ``data``.
"""

from __future__ import annotations

import http.server
import json
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

BENCHMARKS: Final = Path(__file__).parents[1]
sys.path.insert(0, str(BENCHMARKS))
sys.path.insert(0, str(BENCHMARKS.parents[1]))

from bench_interpreter import mebibytes  # noqa: E402 (after the path)
from environments import ROOT, Side  # noqa: E402 (after the path)
from servers import served, tree  # noqa: E402 (after the path)

from assistants_client import Client  # noqa: E402 (after the path)

#: Seconds after which a sandbox that nobody uses has ended.
IDLE: Final = 65.0
#: Runs that are under way at once.
AT_ONCE: Final = 2
MAKE: Final = "import pandas as pd\ntable = pd.DataFrame({'a': range(1000)})\nprint(len(table))"
GO_ON: Final = "table = table + 1\nprint(int(table['a'].sum()))"
NOTHING: Final = "Nothing to do."
#: What a user says: the code that the model has run, and what that prints.
PRINTED: Final = {MAKE: "1000\n", GO_ON: "500500\n", NOTHING: ""}


class _Model(http.server.BaseHTTPRequestHandler):
    """Has the code of the last message run, and says that it is done."""

    def do_POST(self) -> None:
        """Answers a chat completion."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        last = asked["messages"][-1]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        if last["role"] == "user" and last["content"] != NOTHING:
            [tool] = asked["tools"]
            arguments = json.dumps({"code": last["content"]})
            function = {"name": tool["function"]["name"], "arguments": arguments}
            call = {"index": 0, "id": "call_1", "type": "function", "function": function}
            self._send({"tool_calls": [call]}, "tool_calls")
        else:
            self._send({"content": "Done."}, "stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, delta: dict[str, Any], end: str) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": end}
        self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def timed(client: Client, assistant: str, thread: str, code: str) -> float:
    """The seconds of a run, whose code has printed what it is to."""
    client.messages.create(thread, code)
    begun = time.perf_counter()
    run = client.wait_for_run(client.runs.create(thread, assistant_id=assistant))
    took = time.perf_counter() - begun
    printed = [
        output.logs
        for step in client.run_steps.list(thread, run.id)
        for call in step.tool_calls
        for output in call.code_interpreter.outputs
    ]
    assert "".join(printed) == PRINTED[code], printed
    return took


def report(name: str, seconds: list[float]) -> None:
    """Prints the median and the largest."""
    print(f"{name:44} median {statistics.median(seconds):6.3f} s, most {max(seconds):6.3f} s")


def main(count: int, interpreter: str) -> None:
    """Measures and prints."""
    model = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Model)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    options = ["--model-url", f"http://127.0.0.1:{model.server_port}/v1", "--model", "m"]
    options += ["--code-interpreter", interpreter]
    side = Side("ours", Path(sys.executable), ROOT)
    with (
        served(side, "assistants serve", *options) as server,
        Client(f"http://127.0.0.1:{server.port}/v1", api_key="any") as client,
    ):

        def memory() -> float:
            return mebibytes(tree(server.pid))

        assistant = client.assistants.create(model="m", tools=[{"type": "code_interpreter"}]).id
        threads = [client.threads.create().id for _ in range(count)]
        none = [timed(client, assistant, thread, NOTHING) for thread in threads[:11]][1:]
        before = memory()
        report("runs without a call, one by one", none)
        with ThreadPoolExecutor(AT_ONCE) as pool:

            def all_at_once(code: str) -> list[float]:
                return list(pool.map(lambda it: timed(client, assistant, it, code), threads))

            report(f"{count} first calls, {AT_ONCE} at once", all_at_once(MAKE))
            report(f"{count} calls with what was kept, {AT_ONCE} at once", all_at_once(GO_ON))
        after = memory()
        time.sleep(IDLE)
        idle = memory()
        late = [timed(client, assistant, thread, MAKE) for thread in threads[:10]]
        report("calls after a minute, one by one", late)
    print(f"memory: {before:.0f} MiB before, {after:.0f} after the calls, {idle:.0f} when idle")
    print(f"an idle thread: {1024 * (idle - before) / count:.0f} KiB")
    model.shutdown()


if __name__ == "__main__":
    main(int((sys.argv[1:] or ["50"])[0]), (sys.argv[2:] or ["bubblewrap"])[0])
