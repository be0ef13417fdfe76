"""Usage of runs and steps: reported once they are over, and then always."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from stream_bench import FUNCTION, Stream, StreamBench

from assistants_client.engine import LanguageModelError, Script, TokenUsage, call

FIRST = [call("f"), TokenUsage(prompt_tokens=7, completion_tokens=2, cached_tokens=4)]
SECOND = ["It is warm.", TokenUsage(prompt_tokens=20, completion_tokens=5, reasoning_tokens=3)]


def usage(read: int, written: int, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    """Tokens as they are reported."""
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_token_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


@pytest.fixture
def benches() -> Iterator[Any]:
    """Makes benches, and closes them."""
    made: list[StreamBench] = []

    def make(*script: Script) -> StreamBench:
        made.append(StreamBench([*script]))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


def submitted(bench: StreamBench, first: Stream) -> Stream:
    """The second leg of a run that waits."""
    [asked] = first.last_run["required_action"]["submit_tool_outputs"]["tool_calls"]
    outputs = [{"tool_call_id": asked["id"], "output": "warm"}]
    return bench.open(f"{first.run_path}/submit_tool_outputs", {"tool_outputs": outputs})


def reported_early(stream: Stream) -> list[Any]:
    """The usage of all that was not over yet, and of what ended."""
    return [
        document.get("usage")
        for name, document in stream.seen
        if "message" not in name and document.get("status") and not name.endswith("completed")
    ]


def steps_of(bench: StreamBench, stream: Stream) -> list[Any]:
    """The usage of a run's steps, oldest first."""
    found = bench.send("GET", f"{stream.run_path}/steps?order=asc")["data"]
    return [step["usage"] for step in found]


def test_nothing_is_reported_before_the_end(benches: Any) -> None:
    """Not while the run waits, nor after that; the sums at the end are those of all legs."""
    bench = benches(FIRST, SECOND)
    first = bench.run(FUNCTION)
    first.rest()
    assert set(reported_early(first)) == {None}
    assert bench.send("GET", first.run_path)["usage"] is None
    assert steps_of(bench, first) == [None]
    second = submitted(bench, first)
    second.rest()
    assert set(reported_early(second)) == {None}
    assert second.last_run["usage"] == usage(27, 7, cached=4, reasoning=3)
    assert bench.send("GET", first.run_path)["usage"] == usage(27, 7, cached=4, reasoning=3)
    assert steps_of(bench, first) == [usage(7, 2, cached=4), usage(20, 5, reasoning=3)]


def test_a_run_that_ends_where_it_waits(benches: Any) -> None:
    """It and its step report the tokens of the leg that is done."""
    bench = benches(FIRST)
    first = bench.run(FUNCTION)
    first.rest()
    ended = bench.send("POST", f"{first.run_path}/cancel")
    assert ended["status"] in {"cancelling", "cancelled"}
    run = bench.send("GET", first.run_path)
    assert (run["status"], run["usage"]) == ("cancelled", usage(7, 2, cached=4))
    assert steps_of(bench, first) == [usage(7, 2, cached=4)]


def test_a_second_leg_that_fails(benches: Any) -> None:
    """The tokens of the first one are reported."""
    bench = benches(FIRST, LanguageModelError("down"))
    first = bench.run(FUNCTION)
    first.rest()
    second = submitted(bench, first)
    second.rest()
    assert (second.last_run["status"], second.last_run["usage"]) == (
        "failed",
        usage(7, 2, cached=4),
    )


@pytest.mark.parametrize(
    ("script", "steps"),
    [
        (LanguageModelError("down"), []),
        (["So far", LanguageModelError("down")], [usage(0, 0)]),
        (["Hello", TokenUsage(prompt_tokens=0, completion_tokens=0)], [usage(0, 0)]),
    ],
    ids=["failed at once", "failed while it wrote", "a model that reports none"],
)
def test_zeros_where_nothing_is_known(benches: Any, script: Script, steps: list[Any]) -> None:
    """Whatever is over has a usage."""
    bench = benches(script)
    stream = bench.run()
    stream.rest()
    assert stream.last_run["usage"] == usage(0, 0)
    assert steps_of(bench, stream) == steps


def test_text_before_calls(benches: Any) -> None:
    """One answer is counted once: its tokens are those of the step that calls."""
    bench = benches(["Let me see.", *FIRST], SECOND)
    first = bench.run(FUNCTION)
    first.rest()
    assert steps_of(bench, first) == [usage(0, 0), None]
    submitted(bench, first).rest()
    assert steps_of(bench, first) == [
        usage(0, 0),
        usage(7, 2, cached=4),
        usage(20, 5, reasoning=3),
    ]
