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
import http.server
import json
import random
import signal
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any, ClassVar

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

from assistants_client.engine.domain.state_machine import MOST_LOST

WRITERS = 6


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


class Load:
    """Writers, and what they were told."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.over = threading.Event()
        self.messages: list[Acknowledged] = []
        self.runs: list[Acknowledged] = []
        self.mistakes: list[str] = []
        self.assistant = service.repeat("POST", "/assistants", {"model": "m"})["id"]

    def write(self) -> None:
        """One writer: now a message to a thread of its own, now a run on a thread of the run's."""
        try:
            thread = self.service.repeat("POST", "/threads", {})["id"]
            while not self.over.is_set():
                text = uuid.uuid4().hex
                message = {"role": "user", "content": text}
                if random.random() < 0.6:
                    made = self.service.repeat("POST", f"/threads/{thread}/messages", message)
                    self.messages.append((thread, made["id"], text))
                else:
                    body = {"assistant_id": self.assistant, "thread": {"messages": [message]}}
                    run = self.service.repeat("POST", "/threads/runs", body)
                    self.runs.append((run["thread_id"], run["id"], text))
                time.sleep(random.uniform(0, 0.2))
        except Exception as error:
            self.mistakes.append(f"{type(error).__name__}: {error}")


def disturb(servers: list[Part], kills: int, stops: int) -> None:
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


def counted(load: Load) -> collections.Counter[str]:
    """Counts what is wrong with what is stored, by kind."""
    service = load.service
    statuses, _ = settled(service, load.runs)
    wrong = collections.Counter(
        {
            "requests that failed": len(load.mistakes),
            "runs that have no end": sum(one not in FINAL for one in statuses.values()),
            # An answer that was not stored is asked for once more, by whoever takes the run over.
            "questions asked too often": sum(times > MOST_LOST for times in Model.asked.values()),
            "runs lost or doubled": 0,
            "steps or messages left open": 0,
            "threads left locked": 0,
        }
    )
    count_messages(service, load.messages, wrong)
    for thread, run, _ in load.runs:
        _, said = count_run(service, thread, run, wrong)
        wrong["messages doubled"] += len(said) > 1
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
        place = Path(folder)
        common = (
            *("--database", sys.argv[3] if len(sys.argv) > 3 else f"sqlite:///{place}/load.db"),
            *("--model-url", f"http://127.0.0.1:{model.server_port}/v1", "--model", "m"),
        )
        ports = [free_port() for _ in range(2)]
        servers = [
            Part(place / f"{port}.log", "serve", "--port", str(port), *common) for port in ports
        ]
        try:
            load = Load(Service(ports))
            writers = [threading.Thread(target=load.write, daemon=True) for _ in range(WRITERS)]
            for writer in writers:
                writer.start()
            disturb(servers, kills, stops)
            load.over.set()
            for writer in writers:
                writer.join(REPEAT_SECONDS * 2)
            wrong = counted(load)
        finally:
            for server in servers:
                server.process.send_signal(signal.SIGCONT)
                server.kill()
    return told(wrong, load.mistakes)


if __name__ == "__main__":
    sys.exit(main())
