"""Which threads servers take: whose turn is first, next and last, and how empty turns are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from server_answers import (
    OSLO_TEXT,
    Document,
    Part,
    call,
    calls,
    in_turn,
    items,
    message_item,
    refuses,
    roles,
    says,
    tool_round,
    unless,
)

from behaviours.row import (
    FUNCTIONS,
    LONG,
    PLAIN,
    Right,
    Row,
    Run,
    by_assistant,
    calls_weather,
    completes,
    fails,
    responds,
    told,
)

_ALTERNATE: Final = refuses(
    400,
    {
        "object": "error",
        "message": "Conversation roles must alternate user/assistant/user/assistant/...",
        "type": "BadRequestError",
        "code": 400,
    },
)
_PREFILL: Final = refuses(
    400,
    "This model does not support assistant message prefill. The conversation must end with a user "
    "message.",
)
_GEMMA: Final = "https://github.com/vllm-project/vllm/issues/16774"
_CLAUDE: Final = "https://github.com/Kilo-Org/kilocode/issues/8260"
_NULL: Final = "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/261"


def _does_not_alternate(body: Document) -> bool:
    """Whether a template of Gemma or Mistral refuses a conversation without tools."""
    found = roles(body)
    return found != [["user", "assistant"][place % 2] for place in range(len(found))]


def _contents(body: Document, role: str) -> list[object]:
    """What the turns of a role hold."""
    return [turn.get("content", "left out") for turn in body["messages"] if turn["role"] == role]


def _takes(
    name: str,
    source: str,
    does: str,
    refused: Callable[[Document], object],
    refusal: Part,
    *,
    otherwise: Part | None = None,
    run: Run = PLAIN,
    right: Right | Sequence[Right] | None = None,
) -> Row:
    """A server that refuses some threads."""
    return Row(
        name=name,
        version="2025 and 2026",
        source=source,
        does=does,
        answers=unless(refused, refusal, otherwise or says()),
        run=run,
        right=right or completes(),
    )


_IMAGE: Final = {
    "role": "user",
    "content": [{"type": "image_url", "image_url": {"url": "https://one.example/a.png"}}],
}
_CALLS: Final = tool_round(calls(call("get_weather", OSLO_TEXT)))

SHAPES: Final = [
    _takes(
        "Gemma on vLLM: two messages of the user",
        _GEMMA,
        "Takes a conversation in which user and assistant alternate only.",
        _does_not_alternate,
        _ALTERNATE,
        run=Run(messages=["I am in Oslo.", "How warm is it?"]),
        right=completes(check=told("I am in Oslo.\\n\\nHow warm is it?")),
    ),
    _takes(
        "Gemma on vLLM: two messages of the user, one with an image",
        _GEMMA,
        "Takes a conversation in which user and assistant alternate only, also with images.",
        _does_not_alternate,
        _ALTERNATE,
        run=Run(messages=["Look at this.", _IMAGE, "How warm is it?"]),
        right=completes(check=told("Look at this.", "https://one.example/a.png", "How warm")),
    ),
    _takes(
        "Gemma on llama.cpp: three messages, refused as 500",
        "https://github.com/nextai-translator/raycast-openai-translator/issues/34",
        "Refuses with 500 what its template does not take.",
        _does_not_alternate,
        refuses(500, "Conversation roles must alternate user/assistant/user/assistant/..."),
        run=Run(messages=["One.", "Two.", by_assistant("Three."), "Four.", "Five.", "Six."]),
        right=completes(check=told("Four.\\n\\nFive.\\n\\nSix.")),
    ),
    _takes(
        "Mistral on vLLM: two messages of the assistant",
        "https://github.com/vllm-project/vllm/issues/6862",
        "Takes a conversation in which user and assistant alternate only.",
        _does_not_alternate,
        _ALTERNATE,
        run=Run(messages=["One.", by_assistant("Two."), by_assistant("Three."), "Four."]),
        right=completes(check=told("Two.\\n\\nThree.")),
    ),
    _takes(
        "Gemma: a question after a failed run",
        _GEMMA,
        "Fails once for a passing reason, and takes turns that alternate only.",
        _does_not_alternate,
        _ALTERNATE,
        otherwise=in_turn(refuses(503, "Loading model"), says()),
        run=Run(then=["Please!"]),
        right=[fails("server_error", "Loading model"), completes()],
    ),
    _takes(
        "Gemma: the assistant begins",
        _GEMMA,
        "Refuses a thread that begins with the assistant.",
        _does_not_alternate,
        _ALTERNATE,
        run=Run(messages=[by_assistant("Hello!"), "How warm is it?"]),
        right=completes(check=told("Hello!")),
    ),
    _takes(
        "Gemma: a shortened thread begins with the assistant",
        _GEMMA,
        "Refuses long threads and those that do not begin with the user.",
        lambda body: "One." in str(body["messages"]),
        refuses(400, "the request exceeds the available context size, try increasing it"),
        otherwise=unless(_does_not_alternate, _ALTERNATE, says()),
        run=LONG,
    ),
    _takes(
        "Claude 4.6: the assistant ends",
        _CLAUDE,
        "Refuses a thread that ends with the assistant.",
        lambda body: roles(body)[-1:] == ["assistant"],
        _PREFILL,
        run=Run(messages=["Tell a story.", by_assistant("Once upon a time.")]),
        right=completes(check=told("Once upon a time.")),
    ),
    _takes(
        "llama.cpp: the assistant ends, and the model thinks",
        "https://github.com/ggml-org/llama.cpp/issues/20861",
        "Refuses to continue an answer with a model that thinks.",
        lambda body: roles(body)[-1:] == ["assistant"],
        refuses(400, "Assistant response prefill is incompatible with enable_thinking."),
        run=Run(messages=["Tell a story.", by_assistant("Once upon a time.")]),
    ),
    _takes(
        "Claude 4.6: the assistant alone",
        _CLAUDE,
        "Refuses a thread that neither begins nor ends with the user.",
        lambda body: roles(body)[:1] != ["user"] or roles(body)[-1:] != ["user"],
        _PREFILL,
        run=Run(messages=[by_assistant("Hello! What can I do?")]),
    ),
    _takes(
        "Qwen 3.5: instructions alone",
        "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/1586",
        "Refuses a request without a turn of the user.",
        lambda body: "user" not in roles(body),
        refuses(400, "No user query found in messages."),
        run=Run(messages=[]),
        right=completes(check=told("Be brief.")),
    ),
    responds(
        "Qwen 3.5, instructions alone",
        "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/1586",
        "Refuses a request without a turn of the user.",
        unless(
            lambda body: "user" not in roles(body),
            refuses(400, "No user query found in messages."),
            items(message_item()),
        ),
        completes(),
        run=Run(messages=[]),
    ),
    _takes(
        "Claude 4.6: what a tool gave may end",
        _CLAUDE,
        "Refuses a conversation that ends with the assistant, not one that ends with a tool.",
        lambda body: roles(body)[-1:] == ["assistant"] or roles(body).count("user") != 1,
        _PREFILL,
        otherwise=_CALLS,
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    _takes(
        "llama-cpp-python 0.3.36: content null beside calls",
        "https://github.com/abetlen/llama-cpp-python/blob/main/llama_cpp/llama_types.py",
        "Takes content as a text, or not at all.",
        lambda body: None in _contents(body, "assistant"),
        refuses(500, "7 validation errors: Input should be a valid string"),
        otherwise=_CALLS,
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    _takes(
        "LM Studio 0.3.5: content null beside calls",
        _NULL,
        "Refuses an assistant's turn with the content null.",
        lambda body: None in _contents(body, "assistant"),
        refuses(400, {"error": "'content' field must be a string or an array of objects."}),
        otherwise=_CALLS,
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    _takes(
        "Bedrock: an empty text beside calls",
        "https://github.com/NousResearch/hermes-agent/pull/55092",
        "Refuses an assistant's turn with an empty text.",
        lambda body: "" in _contents(body, "assistant"),
        refuses(400, {"message": "The text field in the ContentBlock object is blank."}),
        otherwise=_CALLS,
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    _takes(
        "Bedrock: a function that gives nothing",
        "https://github.com/NousResearch/hermes-agent/pull/55092",
        "Takes an empty text of a tool, but no turn of a tool without one.",
        lambda body: [said for said in _contents(body, "tool") if said != ""],
        refuses(400, {"message": "Expected toolResult content."}),
        otherwise=_CALLS,
        run=Run(tools=FUNCTIONS.tools, output=""),
        right=calls_weather(),
    ),
]
