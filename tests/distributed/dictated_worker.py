"""A process that processes runs which others read. Its input says what its model writes, and when.

    python dictated_worker.py DATABASE_URL [BROKER]

Each line of the input is JSON: a text is written, ``null`` is the answer's end. Its output says
``READY``, ``ASKED`` as the model is, and ``STOPPED`` when somebody has stopped a run. Instructions
that begin with ``Write`` are written themselves instead, word by word.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from assistants_client.engine import Engine, TextDelta
from assistants_client.engine.language_models.base import Conversation, Delta
from assistants_client.engine.worker import run_state

#: Whoever stops a run is heard through the relay, or not at all.
run_state.CHECK_SECONDS = 3600.0  # type: ignore[misc]


def say(word: str) -> None:
    """Writes a line that the test waits for."""
    os.write(1, f"{word}\n".encode())


class Dictated:
    """A language model that writes what the input says."""

    def respond(self, conversation: Conversation) -> Iterator[Delta]:
        """Answers."""
        given = conversation.instructions or ""
        if given.startswith("Write"):
            for word in given.split(" "):
                time.sleep(0.01)
                yield TextDelta(text=f"{word} ")
            return
        say("ASKED")
        for line in iter(sys.stdin.readline, ""):
            text = json.loads(line)
            if text is None:
                return
            yield TextDelta(text=text)


def main(url: str, broker: str | None = None) -> None:
    """Processes runs until the process is killed."""
    engine = Engine(url, Dictated(), broker=broker)
    engine._lookout._seconds = 0.02
    cancel = engine._run_pool.cancel

    def stopped(run_id: str) -> None:
        cancel(run_id)
        say("STOPPED")

    pool: Any = engine._run_pool
    pool.cancel = stopped
    engine.open()
    relay: Any = engine._events._relay
    until = time.monotonic() + 2.0
    while relay is not None and not relay._peers and time.monotonic() < until:
        time.sleep(0.001)
    say("READY")
    time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
