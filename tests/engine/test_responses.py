"""Servers of the Responses API as language models: what is asked and answered.

What they have in common with those of chat completions (keys, time, refusals) is tested there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from chat_bench import FULL, HI, KEY, Handler, Server, answers, model, respond

from assistants_client import Client
from assistants_client.engine import Engine, Responses
from assistants_client.engine.language_models.base import (
    Conversation,
    Delta,
    Finish,
    LanguageModelError,
    RefusalDelta,
    TextDelta,
    TokenUsage,
    ToolCallDelta,
)

USAGE = {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11}
USED = TokenUsage(prompt_tokens=9, completion_tokens=2)
STOP = Finish(reason="stop")


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a port of its own."""
    made = Server()
    yield made
    made.close()


def says(*output: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A whole answer of these parts."""
    return {"object": "response", "status": "completed", "output": list(output), **fields}


def message(*texts: str, kind: str = "output_text") -> dict[str, Any]:
    """A message in an answer."""
    name = "refusal" if kind == "refusal" else "text"
    content = [{"type": kind, name: text} for text in texts]
    return {"id": "msg_1", "type": "message", "role": "assistant", "content": content}


def function_call(arguments: Any, name: str = "f", call_id: str = "call_1") -> dict[str, Any]:
    """A call in an answer."""
    fields = {"call_id": call_id, "name": name, "arguments": arguments}
    return {"id": f"fc_{call_id}", "type": "function_call", **fields}


def event(name: str, place: int | None = None, **fields: Any) -> dict[str, Any]:
    """An event of an answer."""
    placed = {} if place is None else {"output_index": place}
    return {"type": f"response.{name}", **placed, **fields}


def text(delta: str, place: int = 0) -> dict[str, Any]:
    """A piece of text."""
    return event("output_text.delta", place, item_id=f"msg_{place}", delta=delta)


def piece(delta: str, place: int = 0) -> dict[str, Any]:
    """A piece of a call's arguments."""
    return event("function_call_arguments.delta", place, delta=delta)


def end(*output: dict[str, Any], status: str = "completed", **fields: Any) -> dict[str, Any]:
    """The last event."""
    return event(status, response=says(*output, status=status, **fields))


def streams(*events: dict[str, Any] | str, content_type: str = "text/event-stream") -> Handler:
    """A reply that is a stream."""
    body = ""
    for one in events:
        named = f"event: {one['type']}\n" if isinstance(one, dict) and "type" in one else ""
        body += f"{named}data: {one if isinstance(one, str) else json.dumps(one)}\n\n"
    return answers(body.encode(), content_type=content_type)


def read(server: Server, *events: dict[str, Any] | str, **options: Any) -> list[Delta]:
    """What the model makes of a stream, without what says that nothing has come yet."""
    server.reply = streams(*events, **options)
    deltas = respond(server.url, kind=Responses)
    return [delta for delta in deltas if delta != TextDelta(text="")]


def texts(*words: str) -> list[Delta]:
    """Pieces of text, and an ordinary end."""
    return [*(TextDelta(text=word) for word in words), STOP]


# --- what is asked ------------------------------------------------------------------------------


def test_a_bare_question(server: Server) -> None:
    """Only what is set is sent, and that the server is to keep nothing."""
    server.answer(says(message("Hello")), kind=Responses)

    [(path, headers, body)] = server.requests
    assert path == "/v1/responses"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": "gpt-x",
        "input": [{"type": "message", "role": "user", "content": "Hi"}],
        "store": False,
        "stream": True,
    }


def test_a_full_question(server: Server) -> None:
    """Instructions, calls and their outputs, functions and options go out in that API's form."""
    server.reply = answers(says(message("ok")))
    respond(server.url, FULL, kind=Responses)

    def sent(call: str, name: str, arguments: str) -> dict[str, Any]:
        return {"type": "function_call", "call_id": call, "name": name, "arguments": arguments}

    nothing = {"type": "object", "properties": {}, "additionalProperties": False}
    replaced = "\N{REPLACEMENT CHARACTER}"
    assert server.requests[0][2] == {
        "model": "gpt-x",
        "instructions": "Be kind",
        "input": [
            {"type": "message", "role": "user", "content": f"Hi {replaced}"},
            {"type": "message", "role": "assistant", "content": "Well"},
            sent("c1", "f", '{"x": 1}'),
            sent("c2", "f", '{"unreadable": "{no"}'),
            {"type": "function_call_output", "call_id": "c1", "output": "2"},
            {"type": "function_call_output", "call_id": "c2", "output": ""},
            sent("c3", "g", "{}"),
        ],
        "include": ["reasoning.encrypted_content"],
        "tools": [
            {
                "type": "function",
                "name": "f",
                "description": "F",
                "parameters": {"type": "object"},
                "strict": True,
            },
            {"type": "function", "name": "g", "parameters": nothing, "strict": False},
        ],
        "tool_choice": {"type": "function", "name": "f"},
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 300,
        "reasoning": {"effort": "low"},
        "text": {
            "format": {
                "type": "json_schema",
                "name": "point",
                "schema": {"type": "object"},
                "strict": True,
            }
        },
        "store": False,
        "stream": True,
    }


def test_bounds_and_formats_of_that_api(server: Server) -> None:
    """Its least bound is 16 tokens; a plain format stays as it is; defaults are not sent."""
    server.reply = answers(says(message("ok")))
    asked = Conversation(
        model="m",
        turns=HI.turns,
        max_completion_tokens=1,
        response_format={"type": "json_object"},
        temperature=1.0,
        top_p=1.0,
    )
    respond(server.url, asked, kind=Responses)

    body = server.requests[0][2]
    assert (body["max_output_tokens"], body["text"]) == (16, {"format": {"type": "json_object"}})
    assert {"temperature", "top_p", "tools", "instructions"}.isdisjoint(body)


def test_nothing_but_instructions(server: Server) -> None:
    """The user begins then, in a word; without any there is no question."""
    server.reply = answers(says(message("ok")))
    respond(server.url, Conversation(model="m", turns=[], instructions="Greet"), kind=Responses)

    body = server.requests[0][2]
    assert body["input"] == [{"type": "message", "role": "user", "content": "Begin."}]
    assert body["instructions"] == "Greet"
    with pytest.raises(LanguageModelError, match="nothing to answer"):
        respond(server.url, Conversation(model="m", turns=[]), kind=Responses)


def test_its_address_and_models(server: Server) -> None:
    """The path is not doubled, the map replaces a name, and the repr shows both."""
    url = f"{server.url}/responses"
    server.reply = answers(says(message("ok")))
    respond(url, kind=Responses, model_map={"gpt-x": "mapped"})

    assert [(path, body["model"]) for path, _, body in server.requests] == [
        ("/v1/responses", "mapped")
    ]
    with model(url, kind=Responses, model="m") as made:
        assert repr(made) == f"Responses('{server.url}', model='m')"


# --- what is streamed ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([text("a"), text(" b"), end(message("a b"))], texts("a", " b")),
        ([text("a"), end(message("a"), usage=USAGE)], [TextDelta(text="a"), USED, STOP]),
        ([text("a"), event("output_text.done", 0, text="a"), end()], texts("a")),
        ([text("a"), event("output_item.done", 0, item=message("a")), end()], texts("a")),
        ([text("a"), "[DONE]"], texts("a")),
        # Nothing in pieces: the part, or the whole answer, tells it.
        ([event("output_item.done", 0, item=message("a", "b")), end()], texts("a", "b")),
        ([end(message("a"))], texts("a")),
        # The end counts its parts in another way.
        ([text("a", place=1), end(message("a"))], texts("a")),
        ([event("refusal.delta", 0, delta="No."), end()], [RefusalDelta(text="No."), STOP]),
        ([end(message("No.", kind="refusal"))], [RefusalDelta(text="No."), STOP]),
        (
            [
                event("created", response=says(status="in_progress", error=None)),
                event("in_progress", response=says(status="in_progress")),
                event("output_item.added", 0, item={"type": "reasoning", "summary": []}),
                event("reasoning_summary_text.delta", 0, delta="hm"),
                event("output_item.added", 1, item=message()),
                event("content_part.added", 1, part={"type": "output_text", "text": ""}),
                text("a", place=1),
                {"type": "keepalive"},
                end(message("a")),
            ],
            texts("a"),
        ),
        ([text("\ud83d"), text("\ude00!"), end()], texts("\U0001f600!")),
        ([text("a\ud83d"), end()], texts("a", "\N{REPLACEMENT CHARACTER}")),
        (
            [
                text("a"),
                end(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            ],
            [TextDelta(text="a"), Finish(reason="length")],
        ),
        (
            [end(status="incomplete", incomplete_details={"reason": "content_filter"})],
            [Finish(reason="content_filter")],
        ),
        ([text("a"), end(status="incomplete")], [TextDelta(text="a"), Finish(reason="length")]),
    ],
)
def test_text(server: Server, events: list[dict[str, Any] | str], expected: list[Delta]) -> None:
    """Each piece of text is passed on, nothing twice; usage and the end are told last."""
    assert read(server, *events) == expected


ADDED = event("output_item.added", 0, item=function_call(""))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([ADDED, piece('{"x"'), piece(": 1}")], [("call_1", "f", '{"x": 1}')]),
        (
            [
                ADDED,
                piece("{}"),
                event("function_call_arguments.done", 0, arguments="{}"),
                event("output_item.done", 0, item=function_call("{}")),
                end(function_call("{}")),
            ],
            [("call_1", "f", "{}")],
        ),
        (
            [ADDED, event("function_call_arguments.done", 0, arguments="[]")],
            [("call_1", "f", "[]")],
        ),
        ([event("output_item.done", 0, item=function_call("{}"))], [("call_1", "f", "{}")]),
        ([end(function_call({"x": 1}))], [("call_1", "f", '{"x": 1}')]),
        ([ADDED], [("call_1", "f", "{}")]),
        (  # what it is called comes last
            [piece("{}"), event("output_item.done", 0, item=function_call("{}"))],
            [("call_1", "f", "{}")],
        ),
        (
            [
                ADDED,
                event("output_item.added", 1, item=function_call("", "g", "call_2")),
                piece("{", 0),
                piece("[", 1),
                piece("}", 0),
                piece("]", 1),
            ],
            [("call_1", "f", "{}"), ("call_2", "g", "[]")],
        ),
        (  # parts that are named and not counted
            [
                event("output_item.added", item={**function_call(""), "id": "fc_1"}),
                event("function_call_arguments.delta", item_id="fc_1", delta="{}"),
            ],
            [("call_1", "f", "{}")],
        ),
    ],
)
def test_tool_calls(
    server: Server, events: list[dict[str, Any]], expected: list[tuple[str, str, str]]
) -> None:
    """Calls are put together from pieces, or taken whole from where they come first."""
    *deltas, last = read(server, *events, end())

    assert last == Finish(reason="tool_calls")
    calls: dict[int, list[Any]] = {}
    for delta in deltas:
        assert isinstance(delta, ToolCallDelta)
        known = calls.setdefault(delta.index, [None, None, ""])
        known[:] = [delta.id or known[0], delta.name or known[1], known[2] + delta.arguments]
    assert [tuple(calls[index]) for index in sorted(calls)] == expected


@pytest.mark.parametrize(
    ("events", "words", "code"),
    [
        ([text("a")], "a stream that broke off after some pieces", "server_error"),
        ([event("created", response=says())], "broke off before any piece of it", "server_error"),
        (["{no"], "a piece that is no JSON object: {no", "server_error"),
        ([end()], "an answer without a message: ", "server_error"),
        (["[DONE]"], "an answer without a message: null", "server_error"),
        ([piece("{}"), end()], "a tool call without a function", "server_error"),
        (
            [{"type": "error", "code": "rate_limit_exceeded", "message": "Slow down."}],
            "an error: Slow down.",
            "rate_limit_exceeded",
        ),
        (
            [{"type": "error", "error": {"message": f"bad key {KEY}"}}],
            "bad key ***",
            "server_error",
        ),
        (
            [
                text("a"),
                end(status="failed", error={"code": "context_length_exceeded", "message": "Long"}),
            ],
            "an error: Long",
            "context_length_exceeded",
        ),
        ([end(status="cancelled")], "an error: ", "server_error"),
    ],
)
def test_streams_that_are_no_answer(
    server: Server, events: list[dict[str, Any] | str], words: str, code: str
) -> None:
    """Each is told with what came; the code is the run's."""
    error = server.failure(streams(*events), kind=Responses)

    assert str(error).startswith(f"The language model at {server.url} answered with ")
    assert words in str(error)
    assert error.code == code


def test_a_stream_that_does_not_say_so(server: Server) -> None:
    """It is told by its first line."""
    assert read(server, text("a"), end(), content_type="text/plain") == texts("a")


# --- whole answers ------------------------------------------------------------------------------


def begun(item: dict[str, Any]) -> dict[str, Any]:
    """An event that a part begins, with nothing in it yet."""
    empty = {"content": [], "arguments": "", "encrypted_content": None}
    return event("output_item.added", 0, item={**item, **{k: empty[k] for k in empty if k in item}})


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (
            [begun(function_call('{"x": 1}')), end(function_call('{"x": 1}'))],
            [
                ToolCallDelta(index=0, id="call_1", name="f"),
                ToolCallDelta(index=0, arguments='{"x": 1}'),
                Finish(reason="tool_calls"),
            ],
        ),
        ([begun(message("a")), end(message("a"))], texts("a")),
        ([begun(message("a")), event("output_text.done", 0, text="a"), end()], texts("a")),
        (
            [begun(message("a")), event("content_part.done", 0, part={"text": "a"}), end()],
            texts("a"),
        ),
        (
            [begun(message("a")), event("refusal.done", 0, refusal="No."), end()],
            [RefusalDelta(text="No."), STOP],
        ),
    ],
    ids=["a call", "a message", "its text", "its part", "a refusal"],
)
def test_what_only_the_end_holds(
    server: Server, events: list[dict[str, Any]], expected: list[Delta]
) -> None:
    """A part that was begun, and came in no piece, is told when it is done."""
    server.reply = streams(*events)
    assert [d for d in respond(server.url, kind=Responses) if d != TextDelta(text="")] == expected


@pytest.mark.parametrize(("limit", "reason"), [(16, "length"), (17, "stop"), (None, "stop")])
def test_an_answer_that_reached_its_bound_is_cut(
    server: Server, limit: int | None, reason: str
) -> None:
    """Also where the server calls it completed, as llama.cpp's does."""
    server.reply = streams(text("a"), end(usage={"input_tokens": 1, "output_tokens": 16}))
    asked = Conversation(model="m", turns=HI.turns, max_completion_tokens=limit)
    assert respond(server.url, asked, kind=Responses)[-1] == Finish(reason=reason)


def test_a_server_that_does_not_stream(server: Server) -> None:
    """Its whole answer is read: texts and calls in order, usage, why it ended."""
    document = says(
        {"type": "reasoning", "summary": []},
        message("a", " b"),
        function_call("{}"),
        function_call(None, "g", "call_2"),
        usage=USAGE,
    )

    assert server.answer(document, kind=Responses) == [
        TextDelta(text="a"),
        TextDelta(text=" b"),
        ToolCallDelta(index=0, id="call_1", name="f"),
        ToolCallDelta(index=0, arguments="{}"),
        ToolCallDelta(index=1, id="call_2", name="g"),
        ToolCallDelta(index=1, arguments="{}"),
        USED,
        Finish(reason="tool_calls"),
    ]


def test_a_server_that_refuses_to_stream(server: Server) -> None:
    """It is asked for whole answers, and not again for what it refused."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        if server.requests[-1][2].get("stream"):
            answers({"error": {"message": "stream is not supported"}}, 400)(handler)
        else:
            answers(says(message("a")))(handler)

    server.reply = reply
    with model(server.url, kind=Responses) as made:
        assert list(made.respond(HI)) == list(made.respond(HI)) == texts("a")
    assert ["stream" in body for *_, body in server.requests] == [True, False, False]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([1], r"not an answer of that API: [1]"),
        ({"id": "x"}, 'an answer without a message: {"id": "x"}'),
        (says(status="in_progress"), "an answer without a message: "),
        (says(status="failed", error={"message": "Boom"}), "an error: Boom"),
        (says({"type": "function_call", "arguments": "{}"}), "a tool call without a function"),
    ],
)
def test_nonsense_with_200(server: Server, document: object, words: str) -> None:
    """What is no answer is told, with what came instead."""
    assert words in str(server.failure(answers(document), kind=Responses))


def test_words_are_of_that_api(server: Server) -> None:
    """What is said of a wrong address or key names this class and this API."""
    assert "Responses API? It usually" in str(server.failure(answers({}, 404), kind=Responses))
    assert "api_key= of Responses." in str(server.failure(answers({}, 401), kind=Responses))
    page = answers(b"<html>", content_type="text/html")
    assert "no answer of the Responses API" in str(server.failure(page, kind=Responses))


# --- with the engine ----------------------------------------------------------------------------


def test_a_run_with_code(server: Server) -> None:
    """The model calls the code interpreter, is told what it printed, and its answer is kept."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        last = server.requests[-1][2]["input"][-1]
        if last["type"] == "message":
            made = function_call('{"code": "print(6 * 7)"}', "code_interpreter")
            streams(event("output_item.done", 0, item=made), end(usage=USAGE))(handler)
        else:
            streams(text(f"It is {last['output'].strip()}."), end(usage=USAGE))(handler)

    server.reply = reply
    with (
        Engine("sqlite://", model=Responses(server.url)) as engine,
        Client(engine=engine) as client,
    ):
        tools = [{"type": "code_interpreter"}]
        assistant = client.assistants.create(model="gpt-x", instructions="Reckon", tools=tools)
        thread = client.threads.create(messages=[{"role": "user", "content": "6 * 7?"}])
        reply_ = client.ask(thread.id, "Now.", assistant_id=assistant.id)

    assert reply_.text == "It is 42."
    assert reply_.run.usage is not None
    assert reply_.run.usage.total_tokens == 22
    assert [item["type"] for item in server.requests[-1][2]["input"]] == [
        "message",  # both of the user's
        "function_call",
        "function_call_output",
    ]
