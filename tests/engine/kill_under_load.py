"""Kills and stops `assistants serve` at random moments under load, and counts what is wrong after.

    python tests/engine/kill_under_load.py [KILLS] [STOPS] [DATABASE_URL]

Not a test that pytest collects: 200 kills and 60 stops take from ten minutes to half an hour. Two
servers share one database. Writers post messages and start runs at both, and send each request with
its ``Idempotency-Key`` again until it is answered. One server after the other is killed (SIGKILL)
and started again, or stopped (SIGSTOP) for up to twenty seconds and let go on. When all is over,
each number below the line of what was acknowledged must be 0, and so is the exit status.
"""

from __future__ import annotations

import collections
import http.client
import http.server
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from typing import Any, ClassVar

from assistants_client.engine.domain.state_machine import MOST_LOST

WRITERS = 6
READY_SECONDS = 60
SETTLE_SECONDS = 120
FINAL = {"completed", "failed", "cancelled", "expired", "incomplete"}


class Model(http.server.BaseHTTPRequestHandler):
    """A server of the Chat Completions API that counts who asks, by the text of the question."""

    asked: ClassVar[collections.Counter[str]] = collections.Counter()

    def do_POST(self) -> None:
        """Answers in ten pieces over some tenths of a second."""
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Model.asked[request["messages"][-1]["content"]] += 1
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        try:
            for number in range(11):
                delta: dict[str, Any] = {"content": "word "} if number < 10 else {}
                end = None if number < 10 else "stop"
                choice = {"index": 0, "delta": delta, "finish_reason": end}
                self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
                time.sleep(random.uniform(0, 0.08))
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            pass  # whoever asked was killed

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing."""


class Server:
    """`assistants serve` in a process of its own, on one port however often it is started."""

    def __init__(self, database: str, model: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._command = [
            *(sys.executable, "-m", "assistants_client", "serve", "--port", str(self.port)),
            *("--database", database, "--model-url", model, "--model", "m"),
        ]
        self.start()

    def start(self) -> None:
        """Starts it; it may be killed before it answers."""
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(self._command, stdout=quiet, stderr=quiet)

    def kill(self) -> None:
        """As a machine does that has run out of memory."""
        self.process.kill()
        self.process.wait()

    def send(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """The answer to a request; ``None`` where there is none, or it is to be sent again."""
        headers = {"content-type": "application/json", **({"idempotency-key": key} if key else {})}
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}/v1{path}"
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            if error.code in {409, 500, 503}:
                return None
            raise
        except (OSError, ValueError, http.client.HTTPException):
            return None


class Load:
    """Writers, and what they were told."""

    def __init__(self, servers: list[Server]) -> None:
        self.servers = servers
        self.over = threading.Event()
        self.messages: list[tuple[str, str, str]] = []
        self.runs: list[tuple[str, str, str]] = []
        self.mistakes: list[str] = []
        assistant = self.repeat("POST", "/assistants", {"model": "m"})
        self.assistant = assistant["id"]

    def repeat(self, method: str, path: str, body: Any = None) -> Any:
        """Sends a request until it is answered, to whichever server answers."""
        key = uuid.uuid4().hex if method == "POST" else ""
        until = time.monotonic() + READY_SECONDS * 2
        while time.monotonic() < until:
            answer = random.choice(self.servers).send(method, path, body, key)
            if answer is not None:
                return answer
            time.sleep(0.05)
        raise TimeoutError(f"{method} {path} was not answered")

    def write(self) -> None:
        """One writer: now a message to a thread of its own, now a run on a thread of the run's."""
        try:
            thread = self.repeat("POST", "/threads", {})["id"]
            while not self.over.is_set():
                text = uuid.uuid4().hex
                message = {"role": "user", "content": text}
                if random.random() < 0.6:
                    made = self.repeat("POST", f"/threads/{thread}/messages", message)
                    self.messages.append((thread, made["id"], text))
                else:
                    body = {"assistant_id": self.assistant, "thread": {"messages": [message]}}
                    run = self.repeat("POST", "/threads/runs", body)
                    self.runs.append((run["thread_id"], run["id"], text))
                time.sleep(random.uniform(0, 0.2))
        except Exception as error:
            self.mistakes.append(f"{type(error).__name__}: {error}")

    def all_of(self, path: str) -> list[Any]:
        """All items of a list, oldest first."""
        found: list[Any] = []
        after = ""
        while True:
            page = self.repeat("GET", f"{path}?limit=100&order=asc{after}")
            found += page["data"]
            if not page["has_more"]:
                return found
            after = f"&after={page['last_id']}"


def disturb(servers: list[Server], kills: int, stops: int) -> None:
    """Kills and stops, in any order, each after the server has lived for a random while."""
    acts = ["kill"] * kills + ["stop"] * stops
    random.shuffle(acts)
    for number, act in enumerate(acts):
        server = random.choice(servers)
        time.sleep(random.uniform(0.1, 3.0))
        if act == "kill":
            server.kill()
            server.start()
        else:
            server.process.send_signal(signal.SIGSTOP)
            time.sleep(random.choice([0.1, 0.5, 2.0, 20.0]))
            server.process.send_signal(signal.SIGCONT)
        if number % 20 == 19:
            print(f"{number + 1} of {len(acts)}", flush=True)


def settled(load: Load) -> dict[str, str]:
    """The status of each run that was started, once no more of them change."""
    statuses: dict[str, str] = {}
    until = time.monotonic() + SETTLE_SECONDS
    for thread, run, _ in load.runs:
        while statuses.get(run) not in FINAL and time.monotonic() < until:
            statuses[run] = load.repeat("GET", f"/threads/{thread}/runs/{run}")["status"]
            if statuses[run] not in FINAL:
                time.sleep(0.2)
    return statuses


def counted(load: Load) -> dict[str, int]:
    """What is wrong with what is stored, by kind."""
    statuses = settled(load)
    wrong = {
        "requests that failed": len(load.mistakes),
        "runs that have no end": sum(status not in FINAL for status in statuses.values()),
        # An answer that was not stored is asked for once more, by whoever takes the run over.
        "questions asked too often": sum(times > MOST_LOST for times in Model.asked.values()),
        "messages lost": 0,
        "messages doubled": 0,
        "messages out of order": 0,
        "runs lost or doubled": 0,
        "steps or messages left open": 0,
        "threads left locked": 0,
    }
    by_thread = collections.defaultdict(list)
    for thread, identity, text in load.messages:
        by_thread[thread].append((identity, text))
    for thread, acknowledged in by_thread.items():
        stored = load.all_of(f"/threads/{thread}/messages")
        texts = [(one["id"], one["content"][0]["text"]["value"]) for one in stored]
        wrong["messages lost"] += len(set(acknowledged) - set(texts))
        wrong["messages doubled"] += len(texts) - len({text for _, text in texts})
        known = [one for one in texts if one in set(acknowledged)]
        wrong["messages out of order"] += known != acknowledged
    for thread, run, _ in load.runs:
        runs = load.all_of(f"/threads/{thread}/runs")
        wrong["runs lost or doubled"] += [one["id"] for one in runs] != [run]
        objects = load.all_of(f"/threads/{thread}/runs/{run}/steps")
        objects += load.all_of(f"/threads/{thread}/messages")
        wrong["steps or messages left open"] += sum(o["status"] == "in_progress" for o in objects)
        said = [one for one in objects if one.get("role") == "assistant"]
        wrong["messages doubled"] += len(said) > 1
        message = {"role": "user", "content": "Is it locked?"}
        try:
            load.repeat("POST", f"/threads/{thread}/messages", message)
        except urllib.error.HTTPError:
            wrong["threads left locked"] += 1
    ends = collections.Counter(statuses.values())
    print(f"{len(load.messages)} messages, {len(load.runs)} runs acknowledged; ends: {dict(ends)}")
    return wrong


def main() -> int:
    """Runs it all; the exit status."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    stops = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    model = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    model.daemon_threads = True
    threading.Thread(target=model.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        url = sys.argv[3] if len(sys.argv) > 3 else f"sqlite:///{os.path.join(folder, 'load.db')}"
        servers = [Server(url, f"http://127.0.0.1:{model.server_port}/v1") for _ in range(2)]
        try:
            load = Load(servers)
            writers = [threading.Thread(target=load.write, daemon=True) for _ in range(WRITERS)]
            for writer in writers:
                writer.start()
            disturb(servers, kills, stops)
            load.over.set()
            for writer in writers:
                writer.join(READY_SECONDS * 3)
            wrong = counted(load)
        finally:
            for server in servers:
                server.process.send_signal(signal.SIGCONT)
                server.kill()
    for kind, number in wrong.items():
        print(f"{kind}: {number}")
    for mistake in load.mistakes:
        print(mistake)
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
