"""A server of the chat completions API that fails, refuses, lingers or talks nonsense."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from chat_bench import HI, KEY, Handler, Server, answers, respond, says

from assistants_client.engine import ChatCompletions, Responses
from assistants_client.engine.language_models.base import (
    Conversation,
    Image,
    LanguageModelError,
    TextDelta,
    Turn,
)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a port of its own."""
    made = Server()
    yield made
    made.close()


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
            'model_map={"gpt-x": "…"} of ChatCompletions, or ASSISTANTS_MODEL_MAP=gpt-x=…',
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
            "context_length_exceeded",
            "answered 400: request (30003 tokens) exceeds",
        ),
        (
            400,
            {"error": {"message": "too long", "code": "context_length_exceeded"}},
            "context_length_exceeded",
            "answered 400: too long",
        ),
        (
            400,
            {"error": {"message": "Not that", "code": "content_policy_violation"}},
            "invalid_prompt",
            "answered 400: Not that",
        ),
        (
            402,
            {"error": {"message": "Prompt tokens limit exceeded: 9 > 8"}},
            "rate_limit_exceeded",
            "takes no more for now (402): Prompt tokens limit exceeded: 9 > 8. That is about the "
            "account of the key: ASSISTANTS_MODEL_KEY, or api_key= of ChatCompletions,",
        ),
        (413, {}, "context_length_exceeded", "answered 413: no further words"),
        (
            413,
            {"error": {"message": "Request too large on tokens per minute (TPM): Limit 6000"}},
            "rate_limit_exceeded",
            "answered 413: Request too large on tokens per minute (TPM): Limit 6000",
        ),
        (
            429,
            {"error": {"message": "Too many tokens in the prompt"}},
            "rate_limit_exceeded",
            "takes no more for now (429)",
        ),
        (
            400,
            {"error": {"message": "API key not valid. Please pass a valid API key."}},
            "server_error",
            "refused the key (400): API key not valid. Please pass a valid API key. Check ASSIST",
        ),
        (
            400,
            {"error": {"message": "No", "code": "tool_use_failed", "failed_generation": "<f>"}},
            "server_error",
            "answered 400: No. It generated: <f>. The model wrote what its server cannot read",
        ),
        (
            400,
            {"error": {"message": "llama does not support tools"}},
            "server_error",
            "does not support tools. 'gpt-x' calls no tools there: leave them out, or ask another "
            "model. The assistant or the run names it.",
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


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (
            404,
            {"message": "The model `gpt-4-turbo` does not exist or you do not have access to it."},
        ),
        (
            404,
            {"message": "The model `gpt-4-turbo` has been deprecated, learn more here: https://x"},
        ),
        (403, {"message": "Project `p` does not have access to model `gpt-4-turbo`"}),
        (
            400,
            {"message": "The model `gpt-4-turbo` has been decommissioned and is no longer there"},
        ),
        (404, {"message": "The API deployment for this resource does not exist."}),
        (410, {"message": "Gone.", "code": "ModelNotFound"}),
        (404, {"message": "Not here", "code": "model_not_found"}),
        (404, {"message": "model: gpt-4-turbo", "type": "not_found_error"}),
    ],
)
@pytest.mark.parametrize("kind", [ChatCompletions, Responses])
def test_a_retired_model(
    server: Server, kind: type[ChatCompletions | Responses], status: int, error: dict[str, str]
) -> None:
    """However a server says that it has no such model: who named it, and how it is mapped."""
    asked = Conversation(model="gpt-4-turbo", turns=HI.turns)
    server.reply = answers({"error": error}, status)

    with pytest.raises(LanguageModelError) as caught:
        respond(server.url, asked, kind=kind)

    text = str(caught.value)
    assert f"does not serve the model 'gpt-4-turbo' ({status}): {error['message']}" in text
    assert "The assistant or the run names it." in text
    assert f'model_map={{"gpt-4-turbo": "…"}} of {kind.__name__}' in text
    assert "ASSISTANTS_MODEL_MAP=gpt-4-turbo=…" in text


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("Model not found for that path", "names it for all runs."),
        ("Not Found", "Is that the base URL of a chat completions API? It usually ends in /v1."),
        ("No endpoints found that support tool use.", "names it for all runs."),
        ("No endpoints found matching your data policy", ""),
        (
            "This model is only supported in v1/responses.",
            "ASSISTANTS_MODEL_API=responses, or Responses(…) in the place of ChatCompletions(…), "
            "asks its other API.",
        ),
    ],
)
def test_only_an_unknown_path_is_blamed_on_the_base_url(
    server: Server, said: str, hint: str
) -> None:
    """A 404 in other words is about what they say."""
    text = str(server.failure(answers({"error": {"message": said}}, 404), model="phi"))

    assert text.endswith(hint or said)
    assert ("base URL" in text) is (said == "Not Found")


def test_another_api_is_named_from_both_sides(server: Server) -> None:
    """The settings are those that lead to the other one."""
    reply = answers({"error": {"message": "This model is only supported in v1/completions"}}, 400)

    text = str(server.failure(reply, kind=Responses))
    assert text.endswith(
        "ASSISTANTS_MODEL_API=chat, or ChatCompletions(…) in the place of Responses(…), asks its "
        "other API."
    )


@pytest.mark.parametrize(
    ("body", "code", "hint"),
    [
        (
            {"error": {"message": "Your input was flagged", "metadata": {"reasons": ["illicit"]}}},
            "invalid_prompt",
            "flagged. illicit. That is about what the instructions or the thread's messages say.",
        ),
        (
            {"code": "The caller does not have permission", "error": "It violates guidelines"},
            "invalid_prompt",
            "It violates guidelines. That is about what the instructions",
        ),
        (
            {"error": {"message": "Territory", "code": "unsupported_country_region_territory"}},
            "server_error",
            "ASSISTANTS_MODEL_URL, or base_url= of ChatCompletions, names another server.",
        ),
        ({"error": {"message": "Out of credits"}}, "rate_limit_exceeded", "names another."),
        ({"error": {"message": "Quota exceeded"}}, "rate_limit_exceeded", "Quota exceeded"),
    ],
)
def test_not_every_403_is_about_the_key(server: Server, body: object, code: str, hint: str) -> None:
    """What was said, from where, and how much are refused with the same status."""
    error = server.failure(answers(body, 403))

    assert error.code == code
    assert hint in str(error)
    assert "refused the key" not in str(error)


def test_a_model_that_was_put_in_anothers_place(server: Server) -> None:
    """Where the refused name is not the run's, it is said where it comes from."""
    reply = answers({"error": {"message": "model not found"}}, 404)

    mapped = str(server.failure(reply, model_map={"gpt-x": "phi"}))
    assert "does not serve the model 'phi' (404)" in mapped
    assert "model_map= of ChatCompletions, puts it in the place of 'gpt-x'" in mapped
    fixed = str(server.failure(reply, model="phi"))
    assert "ASSISTANTS_MODEL, or model= of ChatCompletions, names it for all runs." in fixed


@pytest.mark.parametrize(
    "message",
    [
        "Unsupported parameter: 'max_tokens' is deprecated for this model. Use another.",
        "This field is unknown",
        "Rate limit reached for model gpt-x",
    ],
)
def test_what_is_not_about_the_models_name(server: Server, message: str) -> None:
    """Other words about a model are told as they are."""
    error = server.failure(answers({"error": {"message": message}}, 400))

    assert "does not serve" not in str(error)
    assert f"answered 400: {message}" in str(error)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("The context length is exceeded by images", "context_length_exceeded"),
        ("The container image is outdated", "server_error"),
    ],
)
def test_images_are_not_blamed_for_everything(server: Server, said: str, code: str) -> None:
    """A refusal in other words is told as it is, though there are images."""
    turns = [Turn(role="user", parts=["a", Image(url="https://x/y.png")])]
    server.reply = answers({"error": {"message": said}}, 400)

    with pytest.raises(LanguageModelError, match=f"answered 400: {said}") as caught:
        respond(server.url, Conversation(model="m", turns=turns))
    assert caught.value.code == code


def test_a_refusal_without_a_key(server: Server) -> None:
    """The words fit when no key was given."""
    error = server.failure(answers({}, 401), api_key=None)

    assert "refused a request without a key (401)" in str(error)


def test_when_to_come_back(server: Server) -> None:
    """A server that says how long to wait is quoted."""
    error = server.failure(answers({"error": "slow down"}, 429, Retry_After="7"))

    assert str(error).endswith("slow down. It asks to wait 7 s.")
    error = server.failure(answers({"error": "Overloaded"}, 503, Retry_After="7"))
    assert str(error).endswith("answered 503: Overloaded. It asks to wait 7 s.")


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

    assert 0.2 < time.monotonic() - begun < 10
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


def test_no_thread_can_be_started(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that is about to end: the run says so, and nothing was asked."""

    def start(_: object) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr("threading.Thread.start", start)
    with pytest.raises(LanguageModelError, match="was not asked, since no thread could be started"):
        list(ChatCompletions(server.url).respond(HI))
