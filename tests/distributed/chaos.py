"""Kills, stops and restarts the parts of a service under load, and counts what is wrong after.

    python tests/distributed/chaos.py [SECONDS [CLIENTS]]

Not a test that pytest collects. Two ``assistants serve`` and three ``assistants worker`` share one
PostgreSQL and one Redis. Clients post messages and start runs, half of them streamed, answer each
run's one function call, and send each request with its ``Idempotency-Key`` again until it is
answered. Meanwhile a part is killed (SIGKILL) and started again, or stopped (SIGSTOP) for up to
twenty seconds; Redis is killed and started; PostgreSQL restarts as after a crash. When all is over,
each number below the line of what was acknowledged must be 0, and so is the exit status.

The model calls a function in its first round and writes in its second. So a first round that is
asked again after a second one was, is a stored round that was asked twice.
"""

from __future__ import annotations

import collections
import http.client
import http.server
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
import urllib.error
import uuid
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))
from disturbed_service import (
    FINAL,
    REPEAT_SECONDS,
    Acknowledged,
    Part,
    Service,
    count_messages,
    count_run,
    settled,
    told,
)
from ports import free_port
from real_servers import PostgresServer, RedisServer

WEBS, WORKERS = 2, 3
PIECES: Final = [f"{number} " for number in range(12)]


class Model(http.server.ThreadingHTTPServer):
    """A server of the Chat Completions API that notes who asks for which round, and when."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ModelRequest)
        self.noting = threading.Lock()
        #: By question: the rounds it was asked for, in order, and the outputs it was shown.
        self.rounds: dict[str, list[int]] = collections.defaultdict(list)
        self.outputs: dict[str, set[str]] = collections.defaultdict(set)
        self.last_asked: dict[str, float] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: whoever asked was killed."""


class _ModelRequest(http.server.BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        """Calls the function in the first round; writes in twelve pieces in the second."""
        messages = json.loads(self.rfile.read(int(self.headers["content-length"])))["messages"]
        question = next(m["content"] for m in reversed(messages) if m["role"] == "user")
        outputs = [m["content"] for m in messages if m["role"] == "tool"]
        with self.server.noting:
            self.server.rounds[question].append(1 if outputs else 0)
            self.server.outputs[question].update(outputs)
            self.server.last_asked[question] = time.monotonic()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        if outputs:
            for piece in PIECES:
                self._send({"content": piece})
                time.sleep(random.uniform(0, 0.05))
            self._send({}, "stop")
        else:
            time.sleep(random.uniform(0, 0.2))
            function = {"name": "stamp", "arguments": json.dumps({"of": question})}
            call = {"index": 0, "id": f"call_{uuid.uuid4().hex}", "type": "function"}
            self._send({"tool_calls": [{**call, "function": function}]})
            self._send({}, "tool_calls")
        self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, delta: dict[str, Any], end: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": end}
        self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing."""


class Load:
    """Clients, and what they were told."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.over = threading.Event()
        self.messages: list[Acknowledged] = []
        self.runs: list[Acknowledged] = []
        #: By run: the output that was acknowledged.
        self.submitted: dict[str, str] = {}
        self.completed_at: dict[str, float] = {}
        self.streams = collections.Counter[str]()
        self.mistakes: list[str] = []
        function = {"name": "stamp", "parameters": {"type": "object", "properties": {}}}
        body = {"model": "m", "tools": [{"type": "function", "function": function}]}
        self.assistant = service.repeat("POST", "/assistants", body)["id"]

    def work(self) -> None:
        """The life of one client: now a message to a thread of its own, now a run."""
        try:
            thread = self.service.repeat("POST", "/threads", {})["id"]
            while not self.over.is_set():
                text = uuid.uuid4().hex
                if random.random() < 0.5:
                    self._post(thread, text)
                else:
                    self._run(text)
                time.sleep(random.uniform(0, 0.5))
        except Exception as error:
            self.mistakes.append(f"{type(error).__name__}: {error}")

    def _post(self, thread: str, text: str) -> None:
        message = {"role": "user", "content": text}
        made = self.service.repeat("POST", f"/threads/{thread}/messages", message)
        self.messages.append((thread, made["id"], text))

    def _run(self, text: str) -> None:
        thread = {"messages": [{"role": "user", "content": text}]}
        body = {"assistant_id": self.assistant, "thread": thread}
        run = self.service.repeat("POST", "/threads/runs", body)
        self.runs.append((run["thread_id"], run["id"], text))
        path = f"/threads/{run['thread_id']}/runs/{run['id']}"
        until = time.monotonic() + REPEAT_SECONDS
        while run["status"] not in FINAL and time.monotonic() < until:
            if run["status"] == "requires_action":
                run = self._submit(run, path)
                continue
            time.sleep(random.uniform(0.1, 0.3))
            run = self.service.repeat("GET", path)
        self.completed_at[run["id"]] = time.monotonic()

    def _submit(self, run: Any, path: str) -> Any:
        """Submits the output of the run's call; every other time it reads the stream after it."""
        call = run["required_action"]["submit_tool_outputs"]["tool_calls"][0]
        output = uuid.uuid4().hex
        body = {"tool_outputs": [{"tool_call_id": call["id"], "output": output}]}
        path_of_outputs = f"{path}/submit_tool_outputs"
        if random.random() < 0.5:
            self._stream(path_of_outputs, {**body, "stream": True})
            run = self.service.repeat("GET", path)
        if run["status"] == "requires_action":
            try:
                run = self.service.repeat("POST", path_of_outputs, body)
            except urllib.error.HTTPError as error:
                if error.code != 400:
                    raise
                # The request for a stream was taken after all, by a process that had been stopped.
                run = self.service.repeat("GET", path)
        self.submitted[run["id"]] = output
        return run

    def _stream(self, path: str, body: Any) -> None:
        """Reads a stream; the deltas of one that ends whole are the message's text, each once."""
        name, whole = "", None
        # By message: one that a worker has left half-written is not the one that comes later.
        texts: dict[str, str] = collections.defaultdict(str)
        try:
            with self.service.open("POST", path, body, uuid.uuid4().hex) as response:
                for line in response:
                    kind, _, rest = line.decode().rstrip("\n").partition(": ")
                    if kind == "event":
                        name = rest
                    elif kind == "data" and name == "thread.message.delta":
                        delta = json.loads(rest)
                        for part in delta["delta"]["content"]:
                            texts[delta["id"]] += part["text"]["value"]
                    elif kind == "data" and name == "thread.message.completed":
                        message = json.loads(rest)
                        text, whole = texts[message["id"]], message["content"][0]["text"]["value"]
        except (OSError, ValueError, http.client.HTTPException):
            self.streams["broken off"] += 1
            return
        if name != "done" or whole is None:
            self.streams[f"ended after {name or 'nothing'}"] += 1
        elif whole != "".join(PIECES) or text not in {whole, ""}:
            self.streams["wrong"] += 1
        else:
            self.streams["whole" if text else "whole, with the message alone"] += 1


def disturb(
    parts: list[Part], redis: RedisServer, postgres: PostgresServer, seconds: float
) -> None:
    """Kills, stops and restarts, one after the other, each after a random while."""
    counts: collections.Counter[str] = collections.Counter()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(random.uniform(0.5, 3.0))
        act = random.choices(["kill", "stop", "redis", "postgres"], [10, 4, 2, 1])[0]
        counts[act] += 1
        part = random.choice(parts)
        if act == "kill":
            part.kill()
            part.start()
        elif act == "stop":
            part.process.send_signal(signal.SIGSTOP)
            time.sleep(random.choice([0.1, 0.5, 2.0, 20.0]))
            part.process.send_signal(signal.SIGCONT)
        elif act == "redis":
            redis.kill()
            time.sleep(random.choice([0.0, 1.0, 5.0]))
            redis.start()
        else:
            postgres.stop("immediate")
            time.sleep(random.choice([0.0, 2.0]))
            postgres.start()
    print(f"in {seconds:.0f} s: {dict(counts)}", flush=True)


def counted(load: Load, model: Model) -> collections.Counter[str]:
    """Counts what is wrong with what is stored, by kind."""
    service = load.service
    statuses, reasons = settled(service, load.runs)
    wrong = collections.Counter(
        {
            "requests that failed": len(load.mistakes),
            "runs that have no end": sum(one not in FINAL for one in statuses.values()),
            "runs that failed though they lost fewer than three workers": sum(
                not reason.startswith("The process") for reason in reasons
            ),
            "streams that were wrong": load.streams["wrong"],
            "stored rounds asked again": sum(
                0 in rounds[rounds.index(1) :] for rounds in model.rounds.values() if 1 in rounds
            ),
            "completed runs asked again": sum(
                model.last_asked.get(text, 0) > load.completed_at.get(run, float("inf"))
                for _, run, text in load.runs
            ),
            "questions shown two outputs": sum(len(some) > 1 for some in model.outputs.values()),
            "runs lost or doubled": 0,
            "outputs lost": 0,
            "calls doubled": 0,
            "steps or messages left open": 0,
            "threads left locked": 0,
        }
    )
    count_messages(service, load.messages, wrong)
    for thread, run, _ in load.runs:
        steps, said = count_run(service, thread, run, wrong)
        calls = [c for step in steps for c in step["step_details"].get("tool_calls", ())]
        wrong["calls doubled"] += len(calls) > 1
        outputs = [call["function"]["output"] for call in calls]
        if run in load.submitted:
            wrong["outputs lost"] += load.submitted[run] not in outputs
        if statuses.get(run) == "completed":
            texts = [one["content"][0]["text"]["value"] for one in said]
            wrong["messages doubled"] += len(texts) > 1
            wrong["messages lost"] += "".join(PIECES) not in texts
    ends = collections.Counter(statuses.values())
    print(f"{len(load.messages)} messages, {len(load.runs)} runs acknowledged; ends: {dict(ends)}")
    print(f"streams: {dict(load.streams)}")
    again = sum(len(rounds) > len(set(rounds)) for rounds in model.rounds.values())
    print(f"runs with a round that was asked again since it had not been stored: {again}")
    return wrong


def main() -> int:
    """Runs it all, and returns the exit status."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 120.0
    clients = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    model = Model()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        redis, postgres = RedisServer(place), PostgresServer()
        try:
            common = (
                *("--database", postgres.fresh(), "--broker", redis.url),
                *("--model-url", f"http://127.0.0.1:{model.server_port}/v1", "--model", "m"),
            )
            serve = ("serve", "--executor", "celery")
            ports = [free_port() for _ in range(WEBS)]
            parts = [
                Part(place / f"web{port}.log", *serve, "--port", str(port), *common)
                for port in ports
            ]
            parts += [
                Part(place / f"worker{number}.log", "worker", "--workers", "16", *common)
                for number in range(WORKERS)
            ]
            try:
                load = Load(Service(ports))
                some = [threading.Thread(target=load.work, daemon=True) for _ in range(clients)]
                for client in some:
                    client.start()
                disturb(parts, redis, postgres, seconds)
                load.over.set()
                for client in some:
                    client.join(REPEAT_SECONDS * 2)
                wrong = counted(load, model)
            finally:
                for part in parts:
                    part.process.send_signal(signal.SIGCONT)
                    part.kill()
                if "CHAOS_LOGS" in os.environ:
                    for log in place.glob("*.log"):
                        (Path(os.environ["CHAOS_LOGS"]) / log.name).write_bytes(log.read_bytes())
        finally:
            redis.kill()
            postgres.close()
    return told(wrong, load.mistakes)


if __name__ == "__main__":
    sys.exit(main())
