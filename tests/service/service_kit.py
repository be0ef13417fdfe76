"""An engine on a port of this process, whose model waits until it is let go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests
from attrs import define, field
from werkzeug.serving import make_server

from assistants_client.engine import Conversation

WITHIN = 30.0  # seconds, on a busy machine


@contextmanager
def on_a_port(application: Any) -> Iterator[str]:
    """The address of a WSGI application, without a path."""
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@define
class Gate:
    """A model's answer that waits; ``asked`` counts the conversations that have come."""

    asked: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    is_open: threading.Event = field(factory=threading.Event)

    def __call__(self, conversation: Conversation) -> str:
        """Answers when the gate is open."""
        self.asked.release()
        assert self.is_open.wait(WITHIN)
        return "Done."

    def await_asked(self, number: int) -> None:
        """Waits until so many conversations have come."""
        for _ in range(number):
            assert self.asked.acquire(timeout=WITHIN)


def until(is_so: Callable[[], object]) -> None:
    """Waits until something is so."""
    end = time.monotonic() + WITHIN
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def ask(url: str, question: str = "Hello", *, model: str = "m", **more: Any) -> requests.Response:
    """The response to a new run on a new thread, of a new assistant."""
    headers = more.pop("headers", {})
    tools = more.pop("tools", [])
    assistant = requests.post(
        f"{url}/v1/assistants",
        json={"model": model, "name": "Tutor", "tools": tools},
        headers=headers,
        timeout=WITHIN,
    ).json()
    thread = {"messages": [{"role": "user", "content": question}]}
    body = {"assistant_id": assistant["id"], "thread": thread, **more}
    response = requests.post(
        f"{url}/v1/threads/runs",
        json=body,
        headers=headers,
        timeout=WITHIN,
        stream=bool(more.get("stream")),
    )
    assert response.status_code == 200, response.text
    return response


def settled(url: str, run: dict[str, Any], **headers: str) -> dict[str, Any]:
    """The run, once it has ended or needs its caller."""
    found = dict(run)

    def is_settled() -> bool:
        path = f"{url}/v1/threads/{run['thread_id']}/runs/{run['id']}"
        found.update(requests.get(path, headers=headers, timeout=WITHIN).json())
        return found["status"] not in {"queued", "in_progress", "cancelling"}

    until(is_settled)
    return found
