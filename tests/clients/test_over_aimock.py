"""The official Python client against ``assistants serve``, whose model is a real Node server.

aimock keeps its connections open, as Node's servers do, and takes a second request on each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from aimock_kit import CountingProxy, aimock
from attrs import frozen
from clients_kit import HERE, TOKEN, Told, database, interpreter, told
from served_process import served

#: As many as ``programs/openai_acceptance.py`` has going at the same time.
AT_ONCE = 4
#: Answers of each day that end in their middle, and their connections with them: one that the
#: server cuts off, and one that is cancelled.
BROKEN_OFF = 2

CALLS = [["get_weather", {"city": "Oslo"}], ["get_weather", {"city": "Bergen"}]]
MORNING = "Good morning to you, and a fine day."
DETAILS = {
    "prompt_token_details": {"cached_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0},
}
MORNING_USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12, **DETAILS}
TWO_ANSWERS_USAGE = {"prompt_tokens": 50, "completion_tokens": 16, "total_tokens": 66, **DETAILS}
NUMBERS = [f"Number {number}, as you wish." for number in range(AT_ONCE)]

EXPECTED: Told = {
    "plain status": "completed",
    "plain texts": ["Good morning", MORNING],
    "plain usage": MORNING_USAGE,
    "plain steps": [["message_creation", "completed"]],
    "plain author": ["assistant", True, True],
    "instructions replaced": ["completed", "Welcome, visitor."],
    "instructions added": ["completed", "A rose is a rose is a rose."],
    "instructions only": ["completed", ["Welcome, visitor."]],
    "instructions only, no thread": ["completed", ["Welcome, visitor."]],
    "second question": "completed",
    "second texts": [
        "My city is Oslo",
        "I shall remember.",
        "Which city is mine?",
        "Yours is Oslo.",
    ],
    "document": ["completed", '{"answer":42}'],
    "cut short": ["incomplete", "max_completion_tokens"],
    "cut text": "Once upon a",
    "code status": "completed",
    "code text": "The code printed 42.",
    "code usage": TWO_ANSWERS_USAGE,
    "code steps": ["tool_calls", "message_creation"],
    "code call": {"input": "print(6 * 7)", "outputs": [{"type": "logs", "logs": "42\n"}]},
    "function status": "requires_action",
    "function calls": CALLS,
    "function ids": 2,
    "locked thread": 400,
    "function answered": ["completed", "It is 9 C in both cities."],
    "function outputs": ["Oslo: 9 C", "Bergen: 9 C"],
    "function usage": TWO_ANSWERS_USAGE,
    "text and call": ["requires_action", "Let me look.", 2],
    "text and call answered": ["completed", ["Let me look.", "It is 9 C."]],
    "file search": ["completed", "The capital is Oslo."],
    "file search steps": ["tool_calls", "message_creation"],
    "stream begins": ["thread.run.created", "thread.run.queued", "thread.run.in_progress"],
    "stream ends": [
        "thread.message.completed",
        "thread.run.step.completed",
        "thread.run.completed",
    ],
    "stream pieces": True,
    "stream text": [MORNING, MORNING],
    "stream usage": MORNING_USAGE,
    "stream of code": ["completed", ["42\n"], "The code printed 42."],
    "first leg": ["thread.run.requires_action", "requires_action"],
    "first leg calls": CALLS,
    "second leg": ["thread.run.step.completed", "thread.run.completed", "completed"],
    "second leg text": "It is 9 C in both cities.",
    "at once": ["completed"] * AT_ONCE,
    "at once texts": NUMBERS,
    "streams at once": NUMBERS,
    "failed": ["failed", "server_error"],
    "failed words": True,
    "rate limit": ["failed", "rate_limit_exceeded"],
    "hung up": ["failed", "server_error"],
    "failed stream": ["thread.run.failed", "failed"],
    "after a failure": "completed",
    "cancelled": "cancelled",
    "cancelled waiting": "cancelled",
    "after a cancel": "completed",
}
#: Where aimock's Responses API differs: no fixture of it sees the format that was asked for.
EXPECTED_OF = {
    "chat": EXPECTED,
    "responses": {
        **EXPECTED,
        "document": ["completed", "No document was asked for."],
    },
}


@frozen
class Days:
    """Two days of an application, one after the other, and what they cost.

    Attributes:
        api: Of the model server.
        told: What the program found on each day.
        requests: So many questions the model server was asked.
        accepted: So many connections to it there were.
        most_at_once: So many were open at the same time.
    """

    api: str
    told: dict[str, dict[str, Any]]
    requests: int
    accepted: int
    most_at_once: int


@pytest.fixture(scope="module", params=["chat", "responses"])
def days(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Days]:
    """What ``openai_acceptance.py`` found, over either of aimock's APIs."""
    python = interpreter("CLIENTS_PYTHON", "the interpreter of tests/clients/requirements.txt")
    folder = tmp_path_factory.mktemp("aimock")
    with aimock(folder) as port:
        proxy = CountingProxy(port)
        model = {"ASSISTANTS_MODEL_URL": proxy.url, "ASSISTANTS_MODEL_API": request.param}
        with served(folder, ASSISTANTS_TOKEN=TOKEN, **database(folder), **model) as running:
            program = [python, "-W", "ignore", str(HERE / "programs" / "openai_acceptance.py")]
            found = told(program, folder, running.base_url)
        proxy.close()
        journal = f"http://127.0.0.1:{port}/__aimock/journal?limit=1&method=POST"
        count = int(requests.get(journal, timeout=10).headers["x-total-count"])
        yield Days(request.param, found, count, proxy.accepted, proxy.most_at_once)


@pytest.mark.parametrize("day", ["first", "second"])
def test_every_check_holds(days: Days, day: str) -> None:
    """Runs, tools, streams and bad ends are as with any other model, twice in a row."""
    found, expected = days.told[day], EXPECTED_OF[days.api]
    names = [name for name in {**expected, **found} if found.get(name) != expected.get(name)]
    wrong = [f"{name}: {found.get(name)}, not {expected.get(name)}" for name in names]
    assert not wrong, f"{len(wrong)} of {len(expected)}:\n" + "\n".join(wrong)


def test_connections_are_kept(days: Days) -> None:
    """No more connections are open than runs go on, and each is used again and again."""
    assert days.most_at_once <= AT_ONCE
    # aimock ends a connection on which nothing was asked for five seconds.
    assert days.accepted <= 2 * (AT_ONCE + BROKEN_OFF)
    assert days.requests > 5 * days.accepted
