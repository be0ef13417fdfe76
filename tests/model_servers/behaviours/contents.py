"""What answers hold beside plain text: parts, thoughts, refusals, sources, images, odd fields."""

from __future__ import annotations

from typing import Final

from server_answers import (
    ANSWER,
    OSLO_TEXT,
    USAGE,
    Document,
    always,
    call,
    chunk,
    document,
    not_streamed,
    refuses,
    sse,
    tool_round,
    unless,
    whole,
)

from behaviours.row import (
    FUNCTIONS,
    OPENAI_TYPES,
    PLAIN,
    RECORDED,
    TWICE,
    Row,
    brief,
    calls_weather,
    completes,
    fails,
)

_SOURCES: Final = ["https://one.example/a", "https://two.example/b"]
_PERPLEXITY: Final = (
    f"{RECORDED}/chat_citations_with_perplexity_sonar_returns_search_result_citations"
)
_SEARCH: Final = (
    f"{RECORDED}/chat_citations_with_openai_gpt-4o-mini-search-preview_returns_url_citations_when_"
    "web_search_is_enabled.yml"
)
_MISTRAL: Final = (
    f"{RECORDED}/chat_mistral_hybrid_reasoning_streams_thinking_separately_from_content.yml"
)
_REFUSAL: Final = f"{OPENAI_TYPES}/chat"
_SNOWFLAKE: Final = (
    "https://github.com/pydantic/pydantic-ai/tree/main/tests/models/cassettes/test_snowflake"
)
_IMAGES: Final = "https://openrouter.ai/docs/features/multimodal/image-generation"
_THINK: Final = "https://github.com/vllm-project/vllm/issues/34625"
#: A picture of one pixel.
_PIXEL: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)


def _note(start: int = 0, end: int = 6) -> Document:
    """A citation of an address, as OpenAI tells it."""
    cited = {"url": _SOURCES[1], "title": "B", "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": cited}


def _image() -> Document:
    """An image of an answer, as OpenRouter tells it."""
    return {"type": "image_url", "index": 0, "image_url": {"url": _PIXEL}}


def _cited(chunk: Document) -> Document:
    """A chunk of Perplexity's, which has all addresses at its top."""
    found = [{"title": "T", "url": url} for url in _SOURCES]
    return {**chunk, "citations": _SOURCES, "search_results": found}


CONTENTS: Final = [
    brief(
        "Mistral: a list of text parts",
        _MISTRAL,
        "Tells the text as a list of parts.",
        sse(chunk(content=[{"type": "text", "text": "It is 17."}]), chunk("stop")),
    ),
    brief(
        "Magistral: thoughts among the parts",
        _MISTRAL,
        "Tells its thoughts as a part of the content, before the text.",
        sse(
            chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]),
            chunk(content="It is 17."),
            chunk("stop"),
        ),
    ),
    brief(
        "llama.cpp: thoughts in tags, in pieces",
        "https://github.com/ggml-org/llama.cpp/issues/25292",
        "Streams thoughts of models it does not know in the text, between tags.",
        sse(
            chunk(content="<thi"),
            chunk(content="nk>\nThe user asks"),
            chunk(content=" for it.\n</th"),
            chunk(content="ink>\n\nIt is 17."),
            chunk("stop"),
        ),
    ),
    brief(
        "MiniMax: thoughts in tags, whole",
        _THINK,
        "Answers whole with thoughts in the text, between tags.",
        not_streamed(whole(content="<think>\nHm.\n</think>\n\nIt is 17.")),
    ),
    Row(
        name="MiniMax: thoughts in tags, then a call",
        version="M2, 2026-02",
        source=_THINK,
        does="Streams thoughts in the text, between tags, and calls then.",
        answers=tool_round(
            sse(
                chunk(content="<think>\nI look.\n</think>\n"),
                chunk(tool_calls=[call("get_weather", OSLO_TEXT)]),
                chunk("tool_calls"),
            )
        ),
        run=FUNCTIONS,
        right=calls_weather(),
    ),
    Row(
        name="MiniMax: thoughts in tags do not come back",
        version="M2, 2026-02",
        source=_THINK,
        does="Thinks in tags; a thread that holds its thoughts grows and grows.",
        answers=unless(
            lambda body: "Hm." in str(body["messages"]),
            refuses(400, "The thoughts of an earlier answer came back."),
            sse(chunk(content="<think>Hm.</think>It is 17."), chunk("stop")),
        ),
        run=TWICE,
        right=completes(),
    ),
    brief(
        "any model: a tag that is no thought",
        _THINK,
        "Writes of the tag in the middle of a text.",
        sse(chunk(content="Write <think> first."), chunk("stop")),
        completes("Write <think> first."),
    ),
    brief(
        "Snowflake Cortex: an empty function_call",
        _SNOWFLAKE,
        "Answers whole with empty fields for all there could be.",
        not_streamed(
            whole(
                "",
                content=ANSWER,
                refusal="",
                tool_calls=None,
                function_call={"name": "", "arguments": ""},
                audio={"id": "", "data": ""},
            ),
            "stream is not supported",
        ),
    ),
    brief(
        "Snowflake Cortex: an empty function_call, streamed",
        _SNOWFLAKE,
        "Streams an empty function_call beside the text.",
        sse(chunk(content=ANSWER, function_call={"name": "", "arguments": ""}), chunk("stop")),
    ),
    brief(
        "Cloudflare: an object for a text",
        "https://github.com/posit-dev/chatlas/blob/main/tests/_vcr/test_provider_cloudflare/"
        "test_cloudflare_data_extraction.yaml",
        "Tells a whole answer in a JSON schema as an object, not as its text.",
        unless(
            lambda body: body.get("stream"),
            refuses(400, {"errors": [{"message": "JSON mode is not supported with stream"}]}),
            whole(content={"degrees": 17}),
        ),
        completes('{"degrees": 17}'),
        run=PLAIN.having(
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "weather", "schema": {"type": "object"}},
            }
        ),
    ),
    brief(
        "OpenAI: a refusal, streamed",
        f"{_REFUSAL}/chat_completion_chunk.py",
        "Streams a refusal beside a content of null.",
        sse(
            chunk(role="assistant", content=None, refusal=""),
            chunk(refusal="I cannot "),
            chunk(refusal="help."),
            chunk("stop"),
        ),
        completes(None, parts=["refusal"]),
    ),
    brief(
        "OpenAI: a refusal, whole",
        f"{_REFUSAL}/chat_completion_message.py",
        "Answers whole with a refusal beside a content of null.",
        not_streamed(whole(content=None, refusal="I cannot help.")),
        completes(None, parts=["refusal"]),
    ),
    brief(
        "Perplexity: addresses at the top of each chunk",
        f"{_PERPLEXITY}_when_streaming.yml",
        "Puts marks such as [2] into the text and their addresses beside it; sends no [DONE].",
        sse(
            _cited(chunk(content="It is ")),
            _cited(chunk(content="17.[2]")),
            {**_cited(chunk("stop")), "usage": USAGE},
            done=False,
        ),
        completes("It is 17.[2]", links=_SOURCES[1:]),
    ),
    brief(
        "Perplexity: addresses in search_results alone",
        f"{_PERPLEXITY}_when_streaming.yml",
        "Tells addresses with their titles; a variant without the list of addresses.",
        sse(
            {
                **chunk("stop", content="[1] and [2]"),
                "search_results": [{"title": "T", "url": url, "date": None} for url in _SOURCES],
            },
            done=False,
        ),
        completes("[1] and [2]", links=_SOURCES),
    ),
    brief(
        "Perplexity: addresses in a whole answer",
        f"{_PERPLEXITY}.yml",
        "Puts marks such as [2] into the text and their addresses at the top of the answer.",
        not_streamed(
            document(
                {
                    "choices": [{"message": {"content": "[1] and [2]"}, "finish_reason": "stop"}],
                    "citations": _SOURCES,
                    "usage": USAGE,
                }
            )
        ),
        completes("[1] and [2]", links=_SOURCES),
    ),
    brief(
        "OpenAI's search models: citations, streamed",
        _SEARCH,
        "Tells what it cites; a variant that streams it in a chunk after the text.",
        sse(chunk(content=ANSWER), chunk(annotations=[_note()]), chunk("stop")),
        completes(links=[_SOURCES[1]]),
    ),
    brief(
        "OpenRouter: citations in a whole answer",
        f"{RECORDED}/chat_citations_with_openrouter_perplexity_sonar_returns_search_result_"
        "citations.yml",
        "Puts what it cites into the message.",
        not_streamed(whole(content=ANSWER, annotations=[_note()])),
        completes(links=[_SOURCES[1]]),
    ),
    brief(
        "OpenRouter: an image, streamed",
        _IMAGES,
        "Puts an image beside the text, as a data: address; a variant that streams it.",
        sse(chunk(content=ANSWER), chunk(images=[_image()]), chunk("stop")),
        completes(parts=["image_file", "text"]),
    ),
    brief(
        "OpenRouter: an image in a whole answer",
        _IMAGES,
        "Puts an image into the message, as a data: address.",
        not_streamed(whole(content=ANSWER, images=[_image()])),
        completes(parts=["image_file", "text"]),
    ),
    brief(
        "OpenRouter: an image alone",
        _IMAGES,
        "Puts an image into the message; a variant without a text.",
        sse(chunk(content="", images=[_image()]), chunk("stop")),
        completes(None, parts=["image_file"]),
    ),
    brief(
        "any model: nothing at all",
        "https://github.com/HunorLaczko/ha-groq-cloud-api/issues/4",
        "Ends without a word.",
        sse(chunk(role="assistant", content=""), chunk("stop")),
        fails("server_error", "empty answer"),
    ),
    Row(
        name="Foundry Local: delta and message in one chunk",
        version="0.7.117, 2025-09",
        source="https://github.com/microsoft/foundry-local/issues/263",
        does="Tells each piece as delta and as message, with an error of null beside them.",
        answers=always(
            sse(
                *(
                    {"error": None, "choices": [{**piece["choices"][0], "message": said}]}
                    for piece, said in (
                        (chunk(content="It is "), {"content": "It is "}),
                        (chunk("stop", content="17."), {"content": "17."}),
                    )
                )
            )
        ),
        right=completes(),
    ),
]
