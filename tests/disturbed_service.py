"""A service that scripts kill under load: its processes, requests to them, and what is wrong after.

For ``engine/kill_under_load.py`` and ``distributed/chaos.py``.
"""

from __future__ import annotations

import collections
import http.client
import json
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

REPEAT_SECONDS: Final = 180
SETTLE_SECONDS: Final = 240
FINAL: Final = {"completed", "failed", "cancelled", "expired", "incomplete"}

#: What was acknowledged: the thread, the id of the message or run, and the message's text.
Acknowledged = tuple[str, str, str]


class Part:
    """A process of the service: killed, stopped, and started again with the same command."""

    def __init__(self, log: Path, *command: str) -> None:
        self._log, self._command = log, command
        self.start()

    def start(self) -> None:
        """Starts it; it may be killed before it answers."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "assistants_client", *self._command], stdout=log, stderr=log
            )

    def kill(self) -> None:
        """Kills it as a machine does that has run out of memory."""
        self.process.kill()
        self.process.wait()


class Service:
    """The web processes' side: requests to whichever of them answers."""

    def __init__(self, ports: list[int]) -> None:
        self.ports = ports

    def send(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """Returns the response to a request; ``None`` where it is to be sent again."""
        try:
            with self.open(method, path, body, key) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            if error.code in {409, 500, 503}:
                return None
            raise
        except (OSError, ValueError, http.client.HTTPException):
            return None

    def open(self, method: str, path: str, body: Any, key: str) -> Any:
        """Sends a request once, to one of them."""
        headers = {"content-type": "application/json", **({"idempotency-key": key} if key else {})}
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{random.choice(self.ports)}/v1{path}"
        request = urllib.request.Request(url, data, headers, method=method)
        return urllib.request.urlopen(request, timeout=60)

    def repeat(self, method: str, path: str, body: Any = None) -> Any:
        """Sends a request until it is answered."""
        key = uuid.uuid4().hex if method == "POST" else ""
        until = time.monotonic() + REPEAT_SECONDS
        while time.monotonic() < until:
            answer = self.send(method, path, body, key)
            if answer is not None:
                return answer
            time.sleep(random.uniform(0.05, 0.2))
        raise TimeoutError(f"{method} {path} was not answered")

    def all_of(self, path: str) -> list[Any]:
        """Returns all items of a list, oldest first."""
        found: list[Any] = []
        after = ""
        while True:
            page = self.repeat("GET", f"{path}?limit=100&order=asc{after}")
            found += page["data"]
            if not page["has_more"]:
                return found
            after = f"&after={page['last_id']}"


def settled(service: Service, runs: Iterable[Acknowledged]) -> tuple[dict[str, str], list[str]]:
    """Returns the status of each run, once none changes any more, and why those that failed did."""
    statuses: dict[str, str] = {}
    reasons = []
    until = time.monotonic() + SETTLE_SECONDS
    for thread, run, _ in runs:
        while statuses.get(run) not in FINAL and time.monotonic() < until:
            found = service.repeat("GET", f"/threads/{thread}/runs/{run}")
            statuses[run] = found["status"]
            if statuses[run] == "failed":
                reasons.append(found["last_error"]["message"])
            elif statuses[run] not in FINAL:
                time.sleep(0.2)
    return statuses, reasons


def count_messages(
    service: Service, messages: Iterable[Acknowledged], wrong: collections.Counter[str]
) -> None:
    """Counts what is wrong with the messages that were acknowledged, oldest first."""
    by_thread = collections.defaultdict(list)
    for thread, identity, text in messages:
        by_thread[thread].append((identity, text))
    wrong.update({"messages lost": 0, "messages doubled": 0, "messages out of order": 0})
    for thread, acknowledged in by_thread.items():
        stored = service.all_of(f"/threads/{thread}/messages")
        texts = [(one["id"], one["content"][0]["text"]["value"]) for one in stored]
        known = set(acknowledged)
        wrong["messages lost"] += len(known - set(texts))
        wrong["messages doubled"] += len(texts) - len({text for _, text in texts})
        wrong["messages out of order"] += [one for one in texts if one in known] != acknowledged


def count_run(
    service: Service, thread: str, run: str, wrong: collections.Counter[str]
) -> tuple[Sequence[Any], Sequence[Any]]:
    """Counts what is wrong with a run and its thread, which has no other.

    Returns:
        The run's steps, and what the assistant said.
    """
    runs = service.all_of(f"/threads/{thread}/runs")
    steps = service.all_of(f"/threads/{thread}/runs/{run}/steps")
    messages = service.all_of(f"/threads/{thread}/messages")
    wrong["runs lost or doubled"] += [one["id"] for one in runs] != [run]
    wrong["steps or messages left open"] += sum(
        one["status"] == "in_progress" for one in [*steps, *messages]
    )
    message = {"role": "user", "content": "Is it locked?"}
    is_locked = False
    try:
        service.repeat("POST", f"/threads/{thread}/messages", message)
    except urllib.error.HTTPError:
        is_locked = True
    wrong["threads left locked"] += is_locked
    return steps, [one for one in messages if one["role"] == "assistant"]


def told(wrong: collections.Counter[str], mistakes: Sequence[str]) -> int:
    """Prints what is wrong, and returns the exit status."""
    for kind, number in wrong.items():
        print(f"{kind}: {number}")
    for mistake in mistakes:
        print(mistake)
    return int(any(wrong.values()))
