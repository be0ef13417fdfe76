"""Any server of the chat completions API as a language model, over a real socket."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from assistants_client.engine.language_models.base import (
    Conversation,
    Delta,
    Finish,
    FunctionSpec,
    LanguageModelError,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
    Turn,
)
from assistants_client.engine.language_models.chat_completions import ChatCompletions
from assistants_client.errors import ConfigurationError

KEY = "sk-very-secret"
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
HI = Conversation(model="gpt-x", turns=[Turn(role="user", text="Hi")])

Handler = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A server of this test: each request is handed to ``reply``, and recorded."""

    def __init__(self) -> None:
        self.reply: Handler = answers({})
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.released = threading.Event()
        outer = self

        class Handle(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.requests.append((self.path, headers, body))
                outer.reply(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handle)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        """Lets go whatever is held back, and stops."""
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, document: object, status: int = 200, **options: Any) -> list[Delta]:
        """What the model makes of one document."""
        self.reply = answers(document, status)
        return respond(self.url, **options)

    def failure(self, reply: Handler, **options: Any) -> LanguageModelError:
        """The error that a reply makes; no error ever holds the key."""
        self.reply = reply
        with pytest.raises(LanguageModelError) as caught:
            respond(self.url, **options)
        assert KEY not in str(caught.value)
        return caught.value


@contextmanager
def model(url: str, api_key: Any = KEY, **options: Any) -> Iterator[ChatCompletions]:
    """A model that is closed again."""
    made = ChatCompletions(url, api_key, **options)
    try:
        yield made
    finally:
        made.close()


def respond(url: str, asked: Conversation = HI, **options: Any) -> list[Delta]:
    """One whole answer."""
    with model(url, **options) as made:
        return list(made.respond(asked))


def answers(
    document: object, status: int = 200, content_type: str = "application/json", **headers: str
) -> Handler:
    """A reply with this document, or with these bytes."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def says(message: object, finish_reason: object = "stop", **fields: Any) -> dict[str, Any]:
    """A whole answer around a message."""
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish_reason}], **fields}


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
                "content": None,
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
        ToolCallDelta(index=2, id=None, name="h", arguments="{}"),
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
        ("", None),
        (None, None),
        (7, None),
        ("half a pair: \ud83d", "half a pair: \N{REPLACEMENT CHARACTER}"),
    ],
)
def test_content_of_other_forms(server: Server, content: object, text: str | None) -> None:
    """Lists of parts are joined, null is no text, and what no database takes is replaced."""
    deltas = server.answer(says({"content": content}))

    assert [d.text for d in deltas if isinstance(d, TextDelta)] == ([] if text is None else [text])


def test_a_refusal_is_text(server: Server) -> None:
    """A model that refuses says so."""
    assert server.answer(says({"content": None, "refusal": "No."}))[0] == TextDelta(text="No.")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("length", "length"),
        ("max_tokens", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "stop"),
        ("eos", "stop"),
        (None, "stop"),
        (["odd"], "stop"),
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


# --- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([1, 2], r"answered with not an answer of that API: \[1, 2\]"),
        ({"id": "x"}, r'without a message: \{"id": "x"\}'),
        ({"choices": []}, "without a message"),
        ({"choices": [{"text": "old"}]}, "without a message"),
        ({"choices": {"0": 1}}, "without a message"),
        (says({"tool_calls": [{"id": "x"}]}), r'a tool call without a function: \{"id": "x"\}'),
        (says({"tool_calls": "f()"}), "a tool call without a function"),
        ({"error": {"message": "Out of memory"}}, "an error: Out of memory"),
        ({"error": "Out of memory"}, "an error: Out of memory"),
        ({"error": {"message": f"bad key {KEY}"}}, r"bad key \*\*\*"),
    ],
)
def test_nonsense_with_200(server: Server, document: object, words: str) -> None:
    """What is no answer is told, with what came instead."""
    error = server.failure(answers(document))

    assert error.code == "server_error"
    assert str(error).startswith(f"The language model at {server.url} answered with ")
    assert re.search(words, str(error))


def test_long_nonsense_is_cut(server: Server) -> None:
    """An excerpt is short, whatever came."""
    assert len(str(server.failure(answers({"x": "y" * 100_000})))) < 500


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"<html>Welcome!</html>", "text/html", r"200 without JSON \(text/html, 21 bytes\)$"),
        (b"", "application/json", "without JSON"),
        (b"{'single': 'quotes'}", "application/json", "without JSON"),
    ],
)
def test_200_that_is_not_json(server: Server, body: bytes, kind: str, words: str) -> None:
    """A page, an empty body and broken JSON are told by status, type and size."""
    text = str(server.failure(answers(body, content_type=kind)))

    assert text.startswith(f"The language model at {server.url} gave no answer of the chat")
    assert re.search(words, text)


def test_a_truncated_body(server: Server) -> None:
    """A connection that ends within the body is told."""
    reply = answers(b'{"choices": [', Content_Length="1000")

    assert "cut short" in str(server.failure(reply))


@pytest.mark.parametrize(
    ("status", "document", "code", "words"),
    [
        (401, {"error": {"message": "Invalid key"}}, "server_error", "refused the key (401)"),
        (401, {"error": {"message": KEY}}, "server_error", "Check ASSISTANTS_MODEL_KEY"),
        (403, {"detail": "No"}, "server_error", "refused the key (403): No"),
        (
            404,
            {"error": {"message": 'model "gpt-x" not found, try pulling it first'}},
            "server_error",
            "does not serve the model 'gpt-x' (404)",
        ),
        (
            400,
            {"error": {"message": "Invalid model name passed in model=gpt-x.", "code": "400"}},
            "server_error",
            "ASSISTANTS_MODEL, or model= of ChatCompletions",
        ),
        (404, {"detail": "Not Found"}, "server_error", "It usually ends in /v1."),
        (
            429,
            {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}},
            "rate_limit_exceeded",
            "takes no more for now (429): You exceeded your current quota",
        ),
        (
            400,
            {
                "error": {
                    "code": 400,
                    "type": "exceed_context_size_error",
                    "message": "request (30003 tokens) exceeds the available context size",
                }
            },
            "invalid_prompt",
            "answered 400: request (30003 tokens) exceeds",
        ),
        (
            400,
            {"error": {"message": "too long", "code": "context_length_exceeded"}},
            "invalid_prompt",
            "answered 400: too long",
        ),
        (400, {"error": {"message": "Unknown field"}}, "server_error", "400: Unknown field"),
        (500, {}, "server_error", "answered 500: no further words"),
        (503, {"error": {"message": "Loading model"}}, "server_error", "503: Loading model"),
    ],
)
def test_refusals(server: Server, status: int, document: object, code: str, words: str) -> None:
    """Each says where, what and, where that is known, what to do; the code is the run's."""
    error = server.failure(answers(document, status))

    assert error.code == code
    assert str(error).startswith(f"The language model at {server.url} ")
    assert words in str(error)


def test_a_refusal_without_a_key(server: Server) -> None:
    """The words fit when no key was given."""
    error = server.failure(answers({}, 401), api_key=None)

    assert "refused a request without a key (401)" in str(error)


def test_when_to_come_back(server: Server) -> None:
    """A server that says how long to wait is quoted."""
    error = server.failure(answers({"error": "slow down"}, 429, Retry_After="7"))

    assert str(error).endswith("slow down. It asks to wait 7 s.")


def test_an_html_502(server: Server) -> None:
    """A gateway's page is quoted shortly, and a traceback in an error is not quoted at all."""
    page = b"<html><head><title>502 Bad Gateway</title></head>" + b" " * 5000 + b"</html>"
    trace = {"error": {"message": "Boom\nTraceback (most recent call last)\n  File x"}}

    assert "answered 502: <html><head><title>502 Bad Gateway" in str(
        server.failure(answers(page, 502, "text/html"))
    )
    assert str(server.failure(answers(trace, 500))).endswith("answered 500: Boom")


def test_a_redirect(server: Server) -> None:
    """A redirect is not followed; its target is told."""
    error = server.failure(answers({}, 302, Location="https://elsewhere/v2"))

    assert "answered 302 (a redirect to elsewhere" in str(error)


def test_a_connection_that_is_closed(server: Server) -> None:
    """A server that hangs up without a word is told."""
    error = server.failure(lambda handler: handler.connection.shutdown(socket.SHUT_RDWR))

    assert "gave no answer" in str(error)


def test_a_refused_connection() -> None:
    """A server that is down is told with its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        with pytest.raises(LanguageModelError) as caught:
            respond(url)

    assert str(caught.value).startswith(
        f"The language model at {url} gave no answer: no connection"
    )


def hang(server: Server) -> Handler:
    """A reply that never begins."""

    def reply(_: BaseHTTPRequestHandler) -> None:
        server.released.wait(10)

    return reply


def drip(server: Server) -> Handler:
    """A reply that begins at once and goes on, byte by byte, for as long as anyone listens."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        try:
            while not server.released.wait(0.02):
                handler.wfile.write(b" ")
                handler.wfile.flush()
        except OSError:
            pass

    return reply


@pytest.mark.parametrize("reply", [hang, drip])
def test_a_slow_server_does_not_hold_the_run(
    server: Server, reply: Callable[[Server], Handler]
) -> None:
    """The timeout is for the whole answer, whether nothing comes or a byte now and then."""
    begun = time.monotonic()
    error = server.failure(reply(server), timeout=0.3)

    assert 0.2 < time.monotonic() - begun < 2.0
    assert "gave no whole answer within 0.3 s" in str(error)
    assert "timeout=" in str(error)


def test_no_bound_at_all(server: Server) -> None:
    """An infinite timeout is possible, for those who want it."""
    deltas = server.answer(says({"content": "x"}), timeout=float("inf"))

    assert deltas[0] == TextDelta(text="x")


def test_a_key_that_cannot_be_had(server: Server) -> None:
    """A callable that raises is told by the kind of its error, and nothing is sent."""

    def get_token() -> str:
        raise PermissionError(f"cannot read {KEY}")

    error = server.failure(answers({}), api_key=get_token)
    assert str(error) == "The callable given as api_key raised PermissionError."
    error = server.failure(answers({}), api_key=lambda: "two\nlines")
    assert "was not asked: api_key" in str(error)
    assert server.requests == []
