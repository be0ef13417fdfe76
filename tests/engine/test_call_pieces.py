"""Which call each piece of a streamed answer belongs to, whatever its index and its id."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import pytest

from assistants_client.engine.language_models.base import LanguageModelError
from assistants_client.engine.language_models.call_pieces import CallPieces
from assistants_client.engine.worker.answer import AnswerBuilder

OSLO, ROME = '{"city": "Oslo"}', '{"city": "Rome"}'


def piece(
    name: str | None = None, arguments: object = None, id: object = None, index: object = 0
) -> dict[str, Any]:
    """A piece of a call; what is ``None`` is left out."""
    function = {"name": name, "arguments": arguments}
    fields = {"index": index, "id": id}
    given = {key: value for key, value in fields.items() if value is not None}
    return {**given, "function": {k: v for k, v in function.items() if v is not None}}


def made_of(*lists: list[dict[str, Any] | None]) -> list[tuple[str, str]]:
    """The calls that come of pieces: their names and arguments."""
    pieces, answer, numbers = CallPieces(), AnswerBuilder(), iter(range(100))
    for delta in chain(chain.from_iterable(map(pieces.add, lists)), pieces.finish(has_text=True)):
        answer.add(delta)
    return [(c.name, c.arguments) for c in answer.tool_calls((), lambda: f"new_{next(numbers)}")]


TWO = [("f", OSLO), ("f", ROME)]


@pytest.mark.parametrize(
    ("pieces", "made"),
    [
        pytest.param([piece("f", OSLO), piece("f", ROME)], TWO, id="one index, no ids"),
        pytest.param([piece("f", OSLO, "f"), piece("f", ROME, "f")], TWO, id="names as ids"),
        pytest.param([piece("f", OSLO, "a"), piece("f", ROME, "b")], TWO, id="one index, own ids"),
        pytest.param(
            [piece("f", OSLO, "a", 0), piece("f", ROME, "a", 1)], TWO, id="one id, own indexes"
        ),
        pytest.param(
            [piece("f", OSLO, None, None), piece("f", ROME, None, None)], TWO, id="neither"
        ),
        pytest.param(
            [piece("f", OSLO), piece("f", OSLO)], [("f", OSLO)] * 2, id="the same twice, no ids"
        ),
        pytest.param(
            [piece("f", OSLO, "a"), piece("f", OSLO, "a")], [("f", OSLO)], id="one call once more"
        ),
        pytest.param(
            [piece("f", None, None, None)] * 2, [("f", "{}")] * 2, id="no arguments, no index"
        ),
        pytest.param([piece("f"), piece("g")], [("f", "{}"), ("g", "{}")], id="other names"),
        pytest.param(
            [piece("get_"), piece("get_weather", OSLO)], [("get_weather", OSLO)], id="grows"
        ),
        pytest.param(
            [piece("f", "", "a"), piece(None, OSLO[:5]), piece(None, OSLO[5:])],
            [("f", OSLO)],
            id="as the API has it",
        ),
        pytest.param(
            [
                piece("f", "", "a", 0),
                piece(None, OSLO[:5], None, 1),
                piece(None, OSLO[5:], None, 2),
            ],
            [("f", OSLO)],
            id="another index each time",
        ),
        pytest.param(
            [piece("f", "", "a"), piece(None, OSLO[:5], "b"), piece(None, OSLO[5:], "c")],
            [("f", OSLO)],
            id="another id each time",
        ),
        pytest.param(
            [piece("f", OSLO[:5]), piece("f", OSLO[5:])], [("f", OSLO)], id="the name repeated"
        ),
        pytest.param(
            [piece("f", OSLO[:5], "a"), piece("f", OSLO[5:9], "a"), piece("f", OSLO[9:], "b")],
            [("f", OSLO)],
            id="the name repeated, another id at last",
        ),
        pytest.param(
            [
                piece("f", "", "a", 0),
                piece("f", "", "b", 0),
                piece(None, OSLO, "a", 0),
                piece(None, ROME, "b", 0),
            ],
            TWO,
            id="interleaved under one index",
        ),
        pytest.param(
            [piece("f", ""), piece(None, OSLO), piece("f", ""), piece(None, ROME)],
            TWO,
            id="no ids, names by themselves",
        ),
        pytest.param(
            [piece("f", "{}", "a"), piece(None, OSLO), piece("f", "{}", "b"), piece(None, ROME)],
            TWO,
            id="{} for none yet",
        ),
        pytest.param(
            [piece("f", json.dumps(OSLO), "a"), piece("f", ROME, "b")],
            TWO,
            id="encoded twice",
        ),
        pytest.param(
            [piece("f", "{broken", "a"), piece("f", ROME, "b")],
            [("f", "{broken"), ("f", ROME)],
            id="broken, then another",
        ),
        pytest.param([piece("f", {"city": "Oslo"})], [("f", OSLO)], id="an object"),
        pytest.param([piece("f", "null", "a")], [("f", "{}")], id="null as text"),
        pytest.param([piece("f", OSLO, 7)], [("f", OSLO)], id="a number for an id"),
        pytest.param([piece("f", OSLO, "a", "0")], [("f", OSLO)], id="a text for an index"),
        pytest.param(
            [{"index": 0, "id": "a", "type": "function"}, piece("f", OSLO)],
            [("f", OSLO)],
            id="the id first",
        ),
        pytest.param(
            [piece("", "", ""), piece(None, None, None)], [], id="empty forms beside a text"
        ),
        pytest.param([{"name": "f", "arguments": OSLO}], [("f", OSLO)], id="no object around it"),
    ],
)
def test_pieces_one_by_one(pieces: list[dict[str, Any]], made: list[tuple[str, str]]) -> None:
    """No two calls are joined, and none is lost."""
    assert made_of(*([one] for one in pieces)) == made


def test_pieces_that_come_together() -> None:
    """Two names in one chunk are two calls; null is none; two pieces of one call are one."""
    assert made_of([piece("f", OSLO, "a"), None, piece("f", OSLO, "a")]) == [("f", OSLO)] * 2
    assert made_of([piece("f", OSLO[:5], "a"), piece(None, OSLO[5:])]) == [("f", OSLO)]


def test_choices_count_their_calls_for_themselves() -> None:
    """The same index in another choice is another call."""
    pieces, answer = CallPieces(), AnswerBuilder()
    for choice, arguments in ((0, OSLO), (1, ROME)):
        for delta in pieces.add([piece("f", arguments)], choice):
            answer.add(delta)
    assert [c.arguments for c in answer.tool_calls((), iter("ab").__next__)] == [OSLO, ROME]


@pytest.mark.parametrize("found", ["f", 7, [["f"]]])
def test_what_is_no_piece(found: object) -> None:
    """It is shown."""
    with pytest.raises(LanguageModelError, match="a tool call without a function"):
        list(CallPieces().add(found))


def test_arguments_without_a_name() -> None:
    """Nobody can be called with them."""
    pieces = CallPieces()
    assert list(pieces.add([piece(None, OSLO, "a")])) == []
    with pytest.raises(LanguageModelError, match="a tool call without a function"):
        list(pieces.finish(has_text=True))


def test_what_a_server_attaches() -> None:
    """To a call, to its function, before it and after it, in pieces; null is nothing."""
    pieces = CallPieces()
    for one in (
        {"extra_content": {"a": 1}, "index": 0},
        {**piece("f", OSLO, "x"), "extra": None, "extra_content": {"b": 2}},
        {**piece("f", ROME, "y", 1), "function": {"name": "f", "arguments": ROME, "sign": "s"}},
    ):
        list(pieces.add([one]))
    assert pieces.states() == {
        0: {"extra_content": {"a": 1, "b": 2}},
        1: {"function": {"sign": "s"}},
    }
