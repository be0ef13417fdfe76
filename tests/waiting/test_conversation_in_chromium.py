"""A conversation in a real browser: what a model wrote is text, and nothing of it runs."""

import html
import re
import shutil
import subprocess

import pytest

from assistants_client.models.messages import Message, Text, TextPart
from assistants_client.models.replies import Reply
from assistants_client.models.run_steps import (
    CodeInterpreterCall,
    CodeInterpreterRecord,
    LogsOutput,
    RunStep,
    ToolCallsDetails,
)
from assistants_client.models.runs import Run, Usage

EVIL = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title='too'\">"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
    "--window-size=900,900",
]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def chromium(tmp_path):
    """Runs Chromium on a page; answers what it prints."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed")

    def run(page, *options):
        done = subprocess.run(
            [program, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *options, page.as_uri()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=90,
            check=True,
        )
        return done.stdout.decode()

    return run


def say(role, text, at):
    """A message of one text."""
    part = TextPart(text=Text(value=text))
    return Message(id=f"msg_{at}", role=role, created_at=1_800_000_000 + at, content=[part])


@pytest.fixture
def page(tmp_path, client, wire):
    """A page of what a notebook would show: a thread's messages, steps, a reply."""
    messages = [
        ("user", "What does this do? " + EVIL),
        ("assistant", "It would change the title.\n\n    x = 1\n\nHere it is again: " + EVIL),
        ("user", "Thank you & good-bye"),
    ]
    data = [
        {
            "id": f"msg_{n}",
            "role": role,
            "created_at": 1_800_000_000 + n,
            "content": [{"type": "text", "text": {"value": text, "annotations": []}}],
        }
        for n, (role, text) in enumerate(messages)
    ]
    listed = {"object": "list", "data": data[::-1], "has_more": False}
    wire.get("https://server.test/v1/threads/thread_1/messages", json=listed)
    record = CodeInterpreterRecord(input="print('<b>1</b>')", outputs=[LogsOutput(logs="<b>1</b>")])
    step = RunStep(
        id="step_1",
        type="tool_calls",
        status="completed",
        step_details=ToolCallsDetails(tool_calls=[CodeInterpreterCall(code_interpreter=record)]),
    )
    run = Run(id="run_1", status="completed", model="gpt", usage=Usage(total_tokens=12))
    forms = [
        client.messages.list("thread_1")._repr_html_(),
        step._repr_html_(),
        Reply(run, [say("assistant", EVIL, 9)])._repr_html_(),
        Run(id="run_2" + EVIL, status=EVIL, model=EVIL)._repr_html_(),
    ]
    place = tmp_path / "page.html"
    body = "\n<hr>\n".join(forms)
    place.write_text(
        f'<!doctype html><meta charset="utf-8"><title>calm</title>\n{body}\n', encoding="utf-8"
    )
    return place


def test_a_script_in_a_message_is_shown_as_text(chromium, page, tmp_path):
    """No script and no image comes to be, the title stays, and the words are there to read."""
    dom = chromium(page, "--dump-dom")
    assert "<title>calm</title>" in dom
    assert set(re.findall(r"<(script|img|b)\b", dom)) == {"b"}  # ours, in bold
    assert dom.count(html.escape("<script>document.title", quote=False)) >= 6
    text = html.unescape(re.sub(r"<[^>]+>", "", dom))
    assert (
        text.index("What does this do?") < text.index("It would") < text.index("Thank you & good")
    )
    assert "print('<b>1</b>')" in text

    picture = tmp_path / "conversation.png"
    chromium(page, f"--screenshot={picture}")
    assert picture.read_bytes().startswith(PNG)
    assert picture.stat().st_size > 5_000
