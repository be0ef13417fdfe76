"""How servers take texts and tell vectors; the file is found in a run with file search."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

from attrs import evolve
from fake_server import Answer, Behaviour
from server_answers import (
    ANSWER,
    call,
    calls,
    document,
    in_turn,
    refuses,
    tool_round,
    vector_of,
    vectors,
)

from behaviours.row import OPENAI_TYPES, RECORDED, SEARCH, Right, Row, Run, completes, told

#: About seventy passages; the last of them is to be found.
_MANY: Final = evolve(
    SEARCH,
    file=" ".join(f"word{n}" for n in range(2500)) + " The Oslo office opens at nine.",
)
_FOUND: Final = completes(
    ANSWER, ("file_search", {}), file="", check=lambda server: server.embedded
)
_FOUND_AND_SHOWN: Final = evolve(
    _FOUND, check=lambda server: server.embedded and told("opens at nine")(server)
)


def _embeds(
    name: str,
    source: str,
    does: str,
    embeds: Behaviour,
    *,
    run: Run = SEARCH,
    right: Right = _FOUND_AND_SHOWN,
) -> Row:
    """A server of vectors; the model searches for the office."""
    return Row(
        name=f"vectors: {name}",
        version="2024 to 2026",
        source=source,
        does=does,
        answers=tool_round(calls(call("file_search", '{"query": "Oslo office opens"}'))),
        embeds=embeds,
        run=run,
        right=right,
    )


def _rows(tell: Callable[[int, list[float]], dict[str, Any]]) -> Behaviour:
    """Tells each vector in a form of its own, by its number and its numbers."""
    return lambda body, number: document(
        {"data": [tell(n, vector_of(text)) for n, text in enumerate(body["input"])]}
    )


def _at_most(texts: int, refusal: Answer) -> Behaviour:
    """Takes so many texts at once."""
    return lambda body, number: refusal if len(body["input"]) > texts else vectors(body)


def _cannot(words: str) -> Right:
    """No vectors are to be had; the file says why, and the run comes to an answer without it."""
    return Right(text=ANSWER, calls=[("file_search", {})], file=words)


def _in_base64(numbers: Sequence[float]) -> str:
    """Numbers of 32 bits each, as a text."""
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def _in_bytes(numbers: Sequence[float]) -> str:
    """Numbers of 8 bits each, as a text."""
    return base64.b64encode(
        struct.pack(f"{len(numbers)}b", *(round(9 * n) for n in numbers))
    ).decode()


EMBEDDINGS: Final = [
    _embeds(
        "OpenAI",
        f"{OPENAI_TYPES}/embedding.py",
        "Tells numbers, each vector with its index.",
        vectors,
    ),
    _embeds(
        "base64 unasked",
        f"{OPENAI_TYPES}/embedding_create_params.py",
        "Tells vectors as base64 of 32-bit floats; a variant that was not asked to.",
        _rows(lambda n, numbers: {"index": n, "embedding": _in_base64(numbers)}),
    ),
    _embeds(
        "429 at first",
        "https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py",
        "Takes no more for a moment, and says in a header, in milliseconds, for how long.",
        in_turn(refuses(429, "Slow down.", retry_after_ms="10"), vectors),
    ),
    _embeds(
        "Gemini, no index 0",
        "https://github.com/samfoy/pi-session-search/issues/13",
        "Leaves the index out where it is 0.",
        _rows(lambda n, numbers: {"embedding": numbers, **({"index": n} if n else {})}),
        run=_MANY,
        right=_FOUND,
    ),
    _embeds(
        "no index at all",
        "https://github.com/doobidoo/mcp-memory-service/pull/612",
        "Tells vectors in the order of the texts, without an index.",
        _rows(lambda n, numbers: {"object": "embedding", "embedding": numbers}),
        run=_MANY,
        right=_FOUND,
    ),
    _embeds(
        "Gemini, index null",
        "https://github.com/agentscope-ai/QwenPaw/issues/5782",
        "Tells the index as null.",
        _rows(lambda n, numbers: {"index": None, "embedding": numbers}),
    ),
    _embeds(
        "DashScope, ten texts",
        "https://github.com/garrytan/gbrain/issues/1199",
        "Takes ten texts at once.",
        _at_most(
            10,
            refuses(
                400,
                {
                    "error": {
                        "message": "<400> InternalError.Algo.InvalidParameter: Value error, batch "
                        "size is invalid, it should not be larger than 10.: input.contents",
                        "code": "InvalidParameter",
                    }
                },
            ),
        ),
        run=_MANY,
        right=_FOUND,
    ),
    _embeds(
        "text-embeddings-inference, 32 texts",
        "https://github.com/huggingface/text-embeddings-inference/issues/378",
        "Takes 32 texts at once, and refuses more with 413.",
        _at_most(
            32,
            refuses(
                413,
                {"message": "batch size 64 > maximum allowed batch size 32", "type": "Validation"},
            ),
        ),
        run=_MANY,
        right=_FOUND,
    ),
    _embeds(
        "Mistral, tokens of all texts together",
        "https://github.com/chroma-core/chroma/pull/5597",
        "Takes so many characters of all texts together.",
        lambda body, number: (
            refuses(
                400, {"object": "error", "message": "Too many tokens overall, split into more."}
            )
            if sum(map(len, body["input"])) > 4000
            else vectors(body)
        ),
        run=_MANY,
        right=_FOUND,
    ),
    _embeds(
        "llama.cpp, a batch that is too small",
        "https://github.com/lemonade-sdk/lemonade/issues/3591",
        "Refuses with 500 a text that is longer than its physical batch.",
        lambda body, number: refuses(
            500, "input (992 tokens) is too large to process. increase the physical batch size"
        ),
        right=_cannot("increase the physical batch size"),
    ),
    _embeds(
        "vLLM, a model of 512 tokens",
        "https://github.com/vllm-project/vllm/issues/19798",
        "Refuses texts of more than 512 tokens.",
        lambda body, number: refuses(
            400,
            "This model's maximum context length is 512 tokens. However, you requested 1451 tokens "
            "in the input for embedding generation.",
        ),
        right=_cannot("maximum context length is 512 tokens"),
    ),
    _embeds(
        "NIM, a field of its own",
        "https://github.com/plastic-labs/honcho/pull/779",
        "Wants to hear whether a text is a query or a passage.",
        lambda body, number: refuses(
            400, {"detail": "'input_type' parameter is required for asymmetric models"}
        ),
        right=_cannot("'input_type' parameter is required"),
    ),
    _embeds(
        "nulls for vectors",
        "https://github.com/opea-project/GenAIComps/issues/926",
        "Tells null in the place of a vector.",
        _rows(lambda n, numbers: {"index": n, "embedding": None}),
        right=_cannot("gave no vectors"),
    ),
    _embeds(
        "Perplexity, eight bits for each number",
        f"{RECORDED}/embedding_perplexity_int8_embeddings_perplexity_pplx-embed-v1-0_6b_decodes_a_"
        "single_text_into_int8_vectors.yml",
        "Tells base64 of 8-bit integers, and knows no other encoding.",
        lambda body, number: (
            _rows(lambda n, numbers: {"index": n, "embedding": _in_bytes(numbers)})(body, number)
            if body.get("encoding_format") == "base64_int8"
            else refuses(400, "Invalid encoding_format")
        ),
        run=evolve(SEARCH, embedding_options={"encoding": "base64_int8"}),
    ),
]
