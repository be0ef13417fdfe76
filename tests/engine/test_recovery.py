"""A process that is killed in the middle of a run: what the next one finds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from databases import fresh
from engine_http import Http
from thorough import another_case

from assistants_client.engine import Engine, Scripted

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")

#: Starts a run on a thread with messages, tells the world, and is killed while the model answers.
KILLED = """
import os, sys, time
from assistants_client.engine import Engine, Scripted, TextDelta, call
sys.path.insert(0, sys.argv[2])
from engine_http import Http

def say(*words):
    os.write(1, (" ".join(words) + "\\n").encode())

def hang(conversation):
    say("HANGING")
    time.sleep(60)

if sys.argv[3] == "queued":
    engine = Engine(sys.argv[1], Scripted([hang, "never"]), workers=1)
else:
    script = {
        "asked": [hang],
        "writing": [[TextDelta(text="so far"), hang]],
        "after_tools": [[call("code_interpreter", code="1 + 1")], hang],
    }[sys.argv[3]]
    engine = Engine(sys.argv[1], Scripted(script))
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


@pytest.mark.parametrize(
    "moment", [pytest.param("asked", marks=another_case), "writing", "after_tools"]
)
def test_a_killed_process_leaves_a_final_run_and_a_usable_thread(
    tmp_path: Path, moment: str
) -> None:
    """After ``kill -9`` the run has failed and says why, and no acknowledged message is missing."""
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    path, acknowledged = killed(url, moment)

    with Engine(url, Scripted(["Back again."])) as engine:
        http = Http(engine)
        run = http.send("GET", path)
        assert run["status"] == "failed"
        assert "process" in run["last_error"]["message"]
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
        assert http.texts(path)[-1] == "Back again."


def test_a_run_that_was_still_queued_is_carried_by_the_next_process(tmp_path: Path) -> None:
    """Nothing of it was begun, so it is simply done, without anyone asking."""
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    path, _ = killed(url, "queued")

    with Engine(url, Scripted(["Done after all."])) as engine:
        engine.open()
        http = Http(engine)
        assert http.wait(path)["status"] == "completed"
        assert http.texts(path) == ["Hello", "Done after all."]
