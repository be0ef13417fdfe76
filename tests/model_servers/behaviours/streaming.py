"""Which servers do not stream, or tell no tokens when they do; and what is no word about that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fake_server import Answer, FakeServer
from server_answers import (
    ANSWER,
    Document,
    Part,
    refuses,
    says,
    unless,
    unsupported,
    whole,
    without,
)

from behaviours.row import (
    TWICE,
    Right,
    Row,
    brief,
    completes,
    fails,
)

_MISTRAL: Final = "https://github.com/openai/openai-agents-python/issues/442"
_UPSTREAM: Final = "https://github.com/skye-harris/hass_local_openai_llm/issues/89"


def _forbidden(*where: str, value: object = True) -> Answer:
    """Mistral's refusal of a field: FastAPI's, within a message."""
    detail = {"type": "extra_forbidden", "loc": ["body", *where], "input": value}
    told = {"detail": [{**detail, "msg": "Extra inputs are not permitted"}]}
    return refuses(422, {"object": "error", "message": told, "type": "invalid_request_error"})


def _last(holds: Callable[[Document], object]) -> Callable[[FakeServer], object]:
    """A check: something holds for the last request."""
    return lambda server: holds(server.bodies[-1])


def _echo(body: Document) -> Answer:
    """FastAPI's refusal of something else, which quotes the whole request."""
    detail = {"loc": ["body", "messages"], "msg": "Input should be shorter", "input": body}
    return refuses(422, {"detail": [{**detail, "type": "too_long_for_us"}]})


def _passing(refusal: Callable[[Document], Answer]) -> Part:
    """Fails once for a reason of its own, and does nothing but stream."""

    def answer(body: Document, number: int) -> Answer:
        if number == 1:
            return refusal(body)
        if not body.get("stream") or "stream_options" not in body:
            return refuses(400, "This model only supports stream mode.")
        return says()

    return answer


_ONE_REQUEST_EACH: Final[list[Right]] = [
    fails("server_error", requests=1),
    completes(requests=2, usage={"total_tokens": 15}),
]


STREAMING: Final = [
    brief(
        "Mistral: no stream_options",
        _MISTRAL,
        "Refuses with 422 to be told of tokens in a stream.",
        without("stream_options", _forbidden("stream_options", "include_usage")),
        completes(requests=3, check=_last(lambda body: body["stream"] is True)),
        run=TWICE,
    ),
    brief(
        "Databricks: an unknown field",
        "https://github.com/pydantic/pydantic-ai/pull/821",
        "Refuses stream_options in the words of Go.",
        without(
            "stream_options",
            refuses(
                400,
                {"error_code": "BAD_REQUEST", "message": 'json: unknown field "stream_options"\n'},
            ),
        ),
        completes(requests=2, check=_last(lambda body: body["stream"] is True)),
    ),
    brief(
        "OpenAI o1: no stream",
        "https://github.com/github/gh-models/issues/31",
        "Refuses to stream, by a field's value.",
        unless(
            lambda body: body.get("stream"),
            unsupported(
                "stream",
                "Unsupported value: 'stream' does not support true with this model. Supported "
                "values are: false.",
                "unsupported_value",
            ),
            whole(content=ANSWER),
        ),
        completes(check=lambda server: server.bodies[-2].get("stream") is not True),
        run=TWICE,
    ),
    Row(
        name="OpenCode: 'upstream' is no word about streams",
        version="2026-07",
        source=_UPSTREAM,
        does="Fails once in words that hold the letters of stream.",
        answers=_passing(
            lambda body: refuses(400, "Error from provider (Console Go): Upstream request failed")
        ),
        run=TWICE,
        right=_ONE_REQUEST_EACH,
    ),
    Row(
        name="new-api: upstream_error is no word about streams",
        version="2026",
        source="https://github.com/can1357/oh-my-pi/issues/8175",
        does="Fails once with a type that holds the letters of stream.",
        answers=_passing(
            lambda body: refuses(
                400, {"error": {"message": "The provider is busy.", "type": "upstream_error"}}
            )
        ),
        run=TWICE,
        right=_ONE_REQUEST_EACH,
    ),
    Row(
        name="servers of FastAPI: a quoted request is no word about streams",
        version="2025 and 2026",
        source="https://fastapi.tiangolo.com/tutorial/handling-errors/",
        does="Refuses something else with 422, and quotes the whole request, stream and all.",
        answers=_passing(_echo),
        run=TWICE,
        right=_ONE_REQUEST_EACH,
    ),
]
