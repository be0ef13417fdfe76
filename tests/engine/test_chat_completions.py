"""Any server of the chat completions API as a language model: what is asked and answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from chat_bench import HI, KEY, STREAMED, Server, answers, model, respond, says

from assistants_client.engine.language_models.base import (
    Conversation,
    Finish,
    FunctionSpec,
    LanguageModelError,
    RefusalDelta,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
    Turn,
)
from assistants_client.engine.language_models.chat_completions import ChatCompletions
from assistants_client.engine.language_models.wire import valid_arguments
from assistants_client.errors import ConfigurationError


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a port of its own."""
    made = Server()
    yield made
    made.close()


# --- what is asked ------------------------------------------------------------------------------


def test_a_bare_question(server: Server) -> None:
    """Only what is set is sent: the model, the messages, the key, and nothing else."""
    server.answer(says({"role": "assistant", "content": "Hello"}))

    [(path, headers, body)] = server.requests
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": "gpt-x",
        "messages": [{"role": "user", "content": "Hi"}],
        **STREAMED,
    }


def test_a_full_question(server: Server) -> None:
    """Instructions, calls and their outputs, functions and options go out in that API's form."""
    call = ToolCall(id="c1", name="f", arguments='{"x": 1}')
    broken = ToolCall(id="c2", name="f", arguments="{no")
    asked = Conversation(
        model="gpt-x",
        instructions="Be kind",
        turns=[
            Turn(role="user", text="Hi \ud83d"),
            Turn(role="assistant", tool_calls=[call, broken]),
            Turn(role="tool", text="2", tool_call_id="c1"),
            Turn(
                role="assistant", text="Well", tool_calls=[ToolCall(id="c", name="g", arguments="")]
            ),
        ],
        functions=[
            FunctionSpec(name="f", description="F", parameters={"type": "object"}, strict=True),
            FunctionSpec(name="g"),
        ],
        tool_choice="function:f",
        parallel_tool_calls=False,
        temperature=0.5,
        top_p=0.9,
        max_completion_tokens=300,
        reasoning_effort="low",
        response_format={"type": "json_object"},
    )
    server.reply = answers(says({"content": "ok"}))
    respond(server.url, asked)

    def sent(call: str, name: str, arguments: str) -> dict[str, Any]:
        return {"id": call, "type": "function", "function": {"name": name, "arguments": arguments}}

    nothing = {"type": "object", "properties": {}, "additionalProperties": False}
    assert server.requests[0][2] == {
        "model": "gpt-x",
        "messages": [
            {"role": "system", "content": "Be kind"},
            {"role": "user", "content": "Hi \N{REPLACEMENT CHARACTER}"},
            {
                "role": "assistant",
                "tool_calls": [
                    sent("c1", "f", '{"x": 1}'),
                    sent("c2", "f", '{"unreadable": "{no"}'),
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "2"},
            {"role": "assistant", "content": "Well", "tool_calls": [sent("c", "g", "{}")]},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "F",
                    "parameters": {"type": "object"},
                    "strict": True,
                },
            },
            {"type": "function", "function": {"name": "g", "parameters": nothing}},
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 300,
        "reasoning_effort": "low",
        "response_format": {"type": "json_object"},
        **STREAMED,
    }


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("odd", ["NaN", "1e400", "[" * 100_000], ids=["NaN", "large", "deep"])
def test_arguments_that_no_server_reads_go_back_as_text(odd: str) -> None:
    """JSON has no such numbers, and readers of it have an end."""
    arguments = f'{{"a": {odd}}}'
    sent = valid_arguments(ToolCall(id="c", name="f", arguments=arguments))
    assert json.loads(sent) == {"unreadable": arguments}


def test_defaults_are_not_sent(server: Server) -> None:
    """Every run has a temperature and a top_p of 1, and there are models that refuse both."""
    server.reply = answers(says({"content": "ok"}))
    turns = [Turn(role="user", text="Hi")]
    respond(server.url, Conversation(model="m", turns=turns, temperature=1.0, top_p=1.0))
    respond(server.url, Conversation(model="m", turns=turns, temperature=0.0, top_p=0.0))

    first, second = (body for _, _, body in server.requests)
    assert set(first) == {"model", "messages", *STREAMED}
    assert (second["temperature"], second["top_p"]) == (0.0, 0.0)


def test_which_model_is_asked(server: Server) -> None:
    """The map replaces one name, ``model`` replaces all."""
    document = says({"content": "ok"})
    server.answer(document, model_map={"gpt-x": "mapped"})
    server.answer(document, model_map={"other": "mapped"})
    server.answer(document, model_map={"gpt-x": "mapped"}, model="fixed")

    assert [body["model"] for _, _, body in server.requests] == ["mapped", "gpt-x", "fixed"]


def test_keys_and_headers(server: Server) -> None:
    """A callable is asked for every request; no key sends none; headers go along."""
    keys = iter(["one", "two"])
    server.reply = answers(says({"content": "ok"}))
    with model(server.url, lambda: next(keys), headers={"X-Team": "a"}) as made:
        list(made.respond(HI))
        list(made.respond(HI))
    respond(server.url, api_key=None)
    respond(server.url, api_key="")

    sent = [headers.get("authorization") for _, headers, _ in server.requests]
    assert sent == ["Bearer one", "Bearer two", None, None]
    assert server.requests[0][1]["x-team"] == "a"


def test_the_whole_address_may_be_given(server: Server) -> None:
    """``/chat/completions`` at the end of the base URL is not doubled."""
    server.reply = answers(says({"content": "ok"}))
    respond(f"{server.url}/chat/completions/")

    assert server.requests[0][0] == "/v1/chat/completions"


def test_nothing_secret_is_shown() -> None:
    """The key is not in the repr, and a URL that holds a password is refused without showing it."""
    with model("http://localhost:1/v1/", model="m") as made:
        assert repr(made) == "ChatCompletions('http://localhost:1/v1', model='m')"
    with pytest.raises(ConfigurationError) as caught:
        ChatCompletions(f"http://user:{KEY}@localhost:1/v1")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("options", [{"timeout": 0}, {"headers": {"X": "a\nb"}}])
def test_what_cannot_be_used_is_refused_at_once(options: dict[str, Any]) -> None:
    """A wrong timeout or header is told where the model is made, and so is a wrong URL."""
    with pytest.raises(ConfigurationError):
        ChatCompletions("http://localhost:1/v1", **options)
    with pytest.raises(ConfigurationError):
        ChatCompletions("localhost:11434")


def test_nothing_to_answer() -> None:
    """An empty thread without instructions is not sent."""
    with pytest.raises(LanguageModelError, match="nothing to answer") as caught:
        respond("http://localhost:1/v1", Conversation(model="m", turns=[]))
    assert caught.value.code == "invalid_prompt"


# --- what is answered ---------------------------------------------------------------------------


def test_a_plain_answer(server: Server) -> None:
    """Text, usage and the end."""
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}

    assert server.answer(says({"role": "assistant", "content": "Hello"}, usage=usage)) == [
        TextDelta(text="Hello"),
        TokenUsage(prompt_tokens=9, completion_tokens=2),
        Finish(reason="stop"),
    ]


def test_tool_calls(server: Server) -> None:
    """Ids may be missing, arguments may be an object or nothing, the reason may be wrong."""
    calls = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"function": {"name": "g", "arguments": {"y": 2}}},
        {"id": "", "function": {"name": "h"}},
    ]

    assert server.answer(says({"content": None, "tool_calls": calls})) == [
        ToolCallDelta(index=0, id="a", name="f", arguments='{"x": 1}'),
        ToolCallDelta(index=1, id=None, name="g", arguments='{"y": 2}'),
        ToolCallDelta(index=2, id=None, name="h"),
        ToolCallDelta(index=2, arguments="{}"),
        Finish(reason="tool_calls"),
    ]


def test_the_older_form_of_a_call(server: Server) -> None:
    """A single ``function_call`` is a call."""
    message = {"function_call": {"name": "f", "arguments": "{}"}}

    assert server.answer(says(message, "function_call")) == [
        ToolCallDelta(index=0, name="f", arguments="{}"),
        Finish(reason="tool_calls"),
    ]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "a"}, {"type": "text", "text": {"value": "b"}}, "c"], "ac"),
        ({"degrees": 17}, '{"degrees": 17}'),
        ("", ""),
        (None, ""),
        (7, ""),
        ("half a pair: \ud83d", "half a pair: \N{REPLACEMENT CHARACTER}"),
    ],
)
def test_content_of_other_forms(server: Server, content: object, text: str) -> None:
    """Lists of parts are joined, null is no text, and what no database takes is replaced.

    A document in the place of its text is that text.
    """
    deltas = server.answer(says({"content": content}))

    assert "".join(d.text for d in deltas if isinstance(d, TextDelta)) == text


def test_a_refusal_is_told_apart(server: Server) -> None:
    """A model that refuses says so."""
    assert server.answer(says({"content": None, "refusal": "No."}))[0] == RefusalDelta(text="No.")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("length", "length"),
        ("max_tokens", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "stop"),
        ("eos", "stop"),
        (None, "stop"),
    ],
)
def test_reasons_to_finish(server: Server, said: object, meant: str) -> None:
    """An unknown reason is an ordinary end; calls are announced by being there."""
    last = server.answer(says({"content": "x"}, said))[-1]

    assert isinstance(last, Finish)
    assert last.reason == meant


@pytest.mark.parametrize("usage", [None, [], {}, {"prompt_tokens": "many"}])
def test_usage_may_be_missing(server: Server, usage: object) -> None:
    """Usage that is absent or unreadable is not reported."""
    deltas = server.answer(says({"content": "x"}, usage=usage))

    assert deltas == [TextDelta(text="x"), Finish(reason="stop")]
