"""What servers of language models answer: chunks, streams, whole answers, refusals.

Two APIs are spoken here: chat completions, and below it the Responses API. The last part puts
answers together to behaviours: functions from a request and its number to an answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from fake_server import Answer, Behaviour

Document: TypeAlias = dict[str, Any]

USAGE: Final = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
#: What most fake servers come to say.
ANSWER: Final = "It is 17."
#: The arguments of the call that most of them make, as JSON and as text.
OSLO: Final = {"city": "Oslo"}
OSLO_TEXT: Final = '{"city": "Oslo"}'
ROME: Final = {"city": "Rome"}
ROME_TEXT: Final = '{"city": "Rome"}'
DONE: Final = "data: [DONE]\n\n"


# --- any API ------------------------------------------------------------------------------------


def sse(*events: object, done: bool = True, **headers: str) -> Answer:
    """A stream: documents become ``data:`` events; texts, bytes and pauses are sent as they are."""
    blocks: list[bytes | float | str] = []
    for event in (*events, *([DONE] if done else [])):
        if isinstance(event, dict):
            blocks.append(f"data: {json.dumps(event)}\n\n".encode())
        elif isinstance(event, str) and event != "cut":
            blocks.append(event.encode())
        else:
            blocks.append(event)  # type: ignore[arg-type]
    return Answer(200, "text/event-stream", blocks, headers)


def document(body: object, status: int = 200, kind: str = "application/json") -> Answer:
    """A body in one piece."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, kind, [content])


def refuses(status: int, body: object, **headers: str) -> Answer:
    """A refusal: its status and its body; a text stands for the usual body with that message."""
    if isinstance(body, str):
        body = {"error": {"message": body}}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, "application/json", [content], named)


def unsupported(field: str, words: str, code: str = "unsupported_parameter") -> Answer:
    """OpenAI's refusal of a field of the request."""
    error = {"message": words, "type": "invalid_request_error", "param": field, "code": code}
    return refuses(400, {"error": error})


# --- chat completions ---------------------------------------------------------------------------


def chunk(finish: object = None, *, index: object = 0, **delta: Any) -> Document:
    """A piece of an answer."""
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": "c-1", "object": "chat.completion.chunk", "choices": [choice]}


def call(
    name: str | None,
    arguments: object = None,
    id: object = "call_1",
    index: object = 0,
    **more: Any,
) -> Document:
    """A call, or a piece of one; ``None`` leaves a field out."""
    function = {"name": name, "arguments": arguments}
    fields = {"index": index, "id": id, "type": "function"}
    given = {key: value for key, value in fields.items() if value is not None}
    inner = {key: value for key, value in function.items() if value is not None}
    return {**given, "function": inner, **more}


def says(text: str = ANSWER, finish: object = "stop", usage: object = USAGE) -> Answer:
    """A streamed text, as OpenAI streams it."""
    end = {"choices": [], "usage": usage}
    return sse(chunk(role="assistant", content=""), chunk(content=text), chunk(finish), end)


def calls(*pieces: Document, finish: object = "tool_calls", **delta: Any) -> Answer:
    """A stream with one chunk for each piece of a call; ``delta`` comes before them."""
    first = chunk(**{"role": "assistant", "content": None, **delta})
    return sse(first, *(chunk(tool_calls=[piece]) for piece in pieces), chunk(finish))


def whole(finish: object = "stop", *, usage: object = USAGE, **message: Any) -> Answer:
    """An answer that is not streamed."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}
    return document({"id": "c-1", "object": "chat.completion", "choices": [choice], "usage": usage})


# --- the Responses API --------------------------------------------------------------------------


def event(kind: str, **fields: Any) -> str:
    """One event of a stream."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"


def event_stream(*events: str | Sequence[str]) -> Answer:
    """A stream of events, some of them in groups."""
    groups = [[one] if isinstance(one, str) else one for one in events]
    return sse(*[one for group in groups for one in group], done=False)


def message_item(text: str = ANSWER, id: str = "msg_1", **fields: Any) -> Document:
    """A message among the output."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    made = {"type": "message", "id": id, "role": "assistant", "status": "completed"}
    return {**made, "content": content, **fields}


def call_item(
    arguments: str = OSLO_TEXT, id: str = "fc_1", call_id: str = "call_1", name: str = "get_weather"
) -> Document:
    """A call among the output."""
    made = {"type": "function_call", "id": id, "call_id": call_id, "status": "completed"}
    return {**made, "name": name, "arguments": arguments}


def thought_item(id: str = "rs_1", secret: str = "gAAAA-1") -> Document:
    """A thought among the output, which only the server can read."""
    return {"type": "reasoning", "id": id, "summary": [], "encrypted_content": secret}


def ended(*output: Document, status: str = "completed", **fields: Any) -> str:
    """The event that ends a stream, with all its output."""
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    response = {"id": "resp_1", "status": status, "output": output, "usage": usage, **fields}
    return event(f"response.{status}", response=response)


def items(*output: Document) -> Answer:
    """A stream that tells each part when it is done, and all of them at the end."""
    told = [
        event("response.output_item.done", output_index=place, item=item)
        for place, item in enumerate(output)
    ]
    return sse(*told, ended(*output), done=False)


def text_events(item: Document, place: int = 0) -> list[str]:
    """The events of a message: begun, its text, done."""
    begun = {**item, "content": [], "status": "in_progress"}
    where = {"output_index": place, "item_id": item["id"], "content_index": 0}
    return [
        event("response.output_item.added", output_index=place, item=begun),
        event("response.output_text.delta", **where, delta=item["content"][0]["text"]),
        event("response.output_item.done", output_index=place, item=item),
    ]


# --- behaviours ---------------------------------------------------------------------------------

Part: TypeAlias = Answer | Behaviour


def _of(part: Part, body: Document, number: int) -> Answer:
    return part if isinstance(part, Answer) else part(body, number)


def turns(body: Document) -> list[Document]:
    """What a request holds of a conversation, in either API."""
    found: list[Document] = body.get("messages") or body.get("input") or []
    return found


def roles(body: Document) -> list[str]:
    """Who speaks, in their order, without what the system says."""
    return [turn["role"] for turn in turns(body) if turn["role"] not in ("system", "developer")]


def has_outputs(body: Document) -> bool:
    """Whether what tools gave came with a request."""
    return any(
        turn.get("role") == "tool" or turn.get("type") == "function_call_output"
        for turn in turns(body)
    )


def always(part: Part) -> Behaviour:
    """The same for every request."""
    return lambda body, number: _of(part, body, number)


def in_turn(*parts: Part) -> Behaviour:
    """One answer for each request, the last one again and again."""
    return lambda body, number: _of(parts[min(number, len(parts)) - 1], body, number)


def tool_round(first: Part, then: Part | None = None) -> Behaviour:
    """Calls first, and says something when what the tools gave has come."""
    then = says() if then is None else then
    return lambda body, number: _of(then if has_outputs(body) else first, body, number)


def unless(refused: Callable[[Document], object], refusal: Answer, otherwise: Part) -> Behaviour:
    """Refuses the requests of which something holds."""
    return lambda body, number: refusal if refused(body) else _of(otherwise, body, number)


def not_streamed(otherwise: Part, words: str = "streaming is not supported") -> Behaviour:
    """Refuses to stream, and answers whole."""
    return unless(lambda body: body.get("stream"), refuses(400, words), otherwise)


def without(field: str, refusal: Answer, otherwise: Part | None = None) -> Behaviour:
    """Refuses a field of the request."""
    return unless(lambda body: field in body, refusal, otherwise or says())


def outgrown(refusal: Answer) -> Behaviour:
    """Refuses more than two messages of the thread."""
    return unless(lambda body: len(roles(body)) > 2, refusal, says())


def vectors(body: Mapping[str, Any], number: int = 1) -> Answer:
    """Vectors for the texts that were sent, as OpenAI tells them when asked for numbers."""
    rows = [
        {"object": "embedding", "index": index, "embedding": vector_of(text)}
        for index, text in enumerate(body["input"])
    ]
    return document({"object": "list", "data": rows, "model": body.get("model")})


def vector_of(text: str) -> list[float]:
    """A vector by which texts about offices are alike."""
    return [float("office" in text.lower()), float("harbour" in text.lower()), 0.25]
