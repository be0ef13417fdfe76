"""A process that is killed in the middle of a run: what the next one finds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from databases import fresh
from engine_http import Http
from thorough import another_case

from assistants_client.engine import CodeResult, Engine, Scripted

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")

#: Starts a run on a thread with messages, tells the world, and is killed while the model answers.
KILLED = """
import os, sys, time
from assistants_client.engine import CodeResult, Engine, Scripted, TextDelta, call
sys.path.insert(0, sys.argv[2])
from engine_http import Http

def say(*words):
    os.write(1, (" ".join(words) + "\\n").encode())

def hang(conversation):
    say("HANGING")
    time.sleep(60)

class Hanging:
    description = "Does nothing, slowly."
    def run(self, code, state=None, folder=None):
        if code == "slow":
            hang(None)
        return CodeResult(logs=code, state=b"so far", failed=False)
    def close(self):
        pass

if sys.argv[3] == "queued":
    engine = Engine(sys.argv[1], Scripted([hang, "never"]), workers=1)
else:
    codes = [call("code_interpreter", code=code) for code in ("quick", "slow", "last")]
    script = {
        "asked": [hang],
        "writing": [[TextDelta(text="so far"), hang]],
        "using_tools": [[TextDelta(text="Let me see."), *codes]],
        "after_tools": [codes[:1], hang],
    }[sys.argv[3]]
    engine = Engine(sys.argv[1], Scripted(script), code_interpreter=Hanging())
http = Http(engine)
path = http.start(tools=[{"type": "code_interpreter"}])
if sys.argv[3] == "queued":
    path = http.start()
say("RUN", path)
number = 0
other = http.send("POST", "/threads")["id"]
while True:
    made = http.send("POST", f"/threads/{other}/messages", {"role": "user", "content": str(number)})
    say("MESSAGE", other, made["id"])
    number += 1
"""


def killed(url: str, moment: str) -> tuple[str, list[tuple[str, str]]]:
    """The path of the run, and the messages that were acknowledged before the kill."""
    here = str(Path(__file__).parent)
    path, acknowledged, hanging = "", list[tuple[str, str]](), False
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, url, here, moment], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            # What was said before the kill is read to its end: it was acknowledged.
            for line in process.stdout:
                kind, *rest = line.split()
                if kind == "RUN":
                    path = rest[0]
                elif kind == "MESSAGE":
                    acknowledged.append((rest[0], rest[1]))
                hanging = hanging or kind == "HANGING"
                if hanging and path and len(acknowledged) >= 20:
                    process.kill()
        finally:
            process.kill()
    return path, acknowledged


class Recorder:
    """An interpreter that prints the code, and notes it."""

    description = "Says code again."

    def __init__(self) -> None:
        self.ran: list[tuple[str, bytes | None]] = []

    def run(self, code: str, state: bytes | None = None, folder: Path | None = None) -> CodeResult:
        """Never really runs anything."""
        self.ran.append((code, state))
        return CodeResult(logs=code, state=state, failed=False)

    def close(self) -> None:
        """Has nothing to close."""


@pytest.mark.parametrize(
    "moment", [pytest.param("asked", marks=another_case), "writing", "using_tools", "after_tools"]
)
def test_a_run_of_a_killed_process_goes_on(tmp_path: Path, moment: str) -> None:
    """After ``kill -9``: with the calls that were not done, and without asking for them again.

    No acknowledged message is missing.
    """
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    path, acknowledged = killed(url, moment)

    model, interpreter = Scripted(["Back again.", "And once more."]), Recorder()
    with Engine(url, model, code_interpreter=interpreter) as engine:
        http = Http(engine)
        run = http.wait(path)
        assert run["status"] == "completed"
        said = ["Let me see."] if moment == "using_tools" else []
        assert http.texts(path) == ["Hello", *said, "Back again."]
        # The second call began in the state that the first one had left.
        left = [("slow", b"so far"), ("last", b"so far")] if moment == "using_tools" else []
        assert interpreter.ran == left
        outputs = [turn.text for turn in model.conversations[0].turns if turn.role == "tool"]
        done = {"using_tools": ["quick", "slow", "last"], "after_tools": ["quick"]}
        assert outputs == done.get(moment, [])
        for thread_id, message_id in acknowledged:
            http.send("GET", f"/threads/{thread_id}/messages/{message_id}")
        steps = http.send("GET", f"{path}/steps?order=asc")["data"]
        assert "in_progress" not in {step["status"] for step in steps}
        thread = path.partition("/runs/")[0]
        found = http.send("GET", f"{thread}/messages")["data"]
        assert "in_progress" not in {message["status"] for message in found}
        http.send("POST", f"{thread}/messages", {"role": "user", "content": "Still there?"})
        body = {"assistant_id": run["assistant_id"]}
        again = http.send("POST", f"{thread}/runs", body)
        assert http.wait(f"{thread}/runs/{again['id']}")["status"] == "completed"
        assert http.texts(path)[-1] == "And once more."


def test_a_run_that_was_still_queued_is_carried_by_the_next_process(tmp_path: Path) -> None:
    """What was not begun is simply done, without anyone asking; what was begun goes on."""
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    path, _ = killed(url, "queued")

    with Engine(url, Scripted(["Done after all."] * 2)) as engine:
        engine.open()
        http = Http(engine)
        assert http.wait(path)["status"] == "completed"
        assert http.texts(path) == ["Hello", "Done after all."]
