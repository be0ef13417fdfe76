"""The protocol as plain JSON, spoken to an engine in this process.

It imports no part of pytest: programs that tests start use it as well.
"""

from __future__ import annotations

import time
from typing import Any

import requests
from attrs import define, field

from assistants_client.engine import Engine
from assistants_client.engine.http.in_process_adapter import EngineAdapter


@define
class Http:
    """A session with one engine, which it finds at ``http://engine``."""

    engine: Engine
    session: requests.Session = field(factory=requests.Session)

    def __attrs_post_init__(self) -> None:
        self.session.mount("http://engine", EngineAdapter(self.engine))

    def send(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """What is answered, which must not be a refusal."""
        response = self.session.request(method, f"http://engine/v1{path}", json=body)
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.json()
        return document

    def start(self, question: str = "Hello", **options: Any) -> str:
        """The path of a new run on a new thread."""
        assistant = self.send("POST", "/assistants", {"model": "m", **options})
        body = {
            "assistant_id": assistant["id"],
            "thread": {"messages": [{"role": "user", "content": question}]},
        }
        run = self.send("POST", "/threads/runs", body)
        return f"/threads/{run['thread_id']}/runs/{run['id']}"

    def wait(self, path: str, seconds: float = 20) -> dict[str, Any]:
        """The run, once it is final or requires action."""
        until = time.monotonic() + seconds
        while True:
            run = self.send("GET", path)
            if run["status"] not in {"queued", "in_progress", "cancelling"}:
                return run
            assert time.monotonic() < until, f"still {run['status']} after {seconds} s"
            time.sleep(0.005)

    def texts(self, path: str) -> list[str]:
        """The texts of the run's thread, oldest first."""
        thread = path.partition("/runs/")[0]
        found = self.send("GET", f"{thread}/messages?order=asc")["data"]
        return [m["content"][0]["text"]["value"] for m in found if m["content"]]
