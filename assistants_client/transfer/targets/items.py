"""Turns as items of conversations: what Conversations, Responses and the Agents SDK take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from assistants_client.transfer.targets.turns import Call, ImagePart, TextPart, Turn

Item: TypeAlias = dict[str, Any]

_DETAILS: Final = frozenset({"auto", "low", "high"})


def items_of(turn: Turn | Call) -> list[Item]:
    """Returns the items of a turn; those of a call stand together."""
    if isinstance(turn, Call):
        call: Item = {"type": "function_call", "call_id": turn.id}
        output: Item = {"type": "function_call_output", "call_id": turn.id}
        return [
            call | {"name": turn.name, "arguments": turn.arguments},
            output | {"output": turn.output},
        ]
    texts = [part for part in turn.parts if isinstance(part, TextPart)]
    is_text = len(texts) == len(turn.parts)
    if turn.role == "assistant" and is_text:
        if any(part.citations for part in texts):
            return [_output_message(turn, texts)]
        # The one form of an answer that the description has for input.
        return [{"type": "message", "role": "assistant", "content": turn.text}]
    if is_text and len(texts) == 1:
        return [{"type": "message", "role": turn.role, "content": turn.text}]
    parts = [_input_part(part) for part in turn.parts]
    return [{"type": "message", "role": turn.role, "content": parts}]


def _input_part(part: TextPart | ImagePart) -> Item:
    if isinstance(part, TextPart):
        return {"type": "input_text", "text": part.text}
    detail = part.detail if part.detail in _DETAILS else "auto"
    return {"type": "input_image", "image_url": part.url, "detail": detail}


def _output_message(turn: Turn, texts: Sequence[TextPart]) -> Item:
    return {
        "type": "message",
        "id": turn.id if turn.id.startswith("msg_") else f"msg_{turn.id}",
        "status": "completed",
        "role": "assistant",
        "content": [
            {
                "type": "output_text",
                "text": part.text,
                "annotations": [
                    {
                        "type": "file_citation",
                        "file_id": one.file_id,
                        "filename": one.filename,
                        "index": one.index,
                    }
                    for one in part.citations
                ],
                "logprobs": [],
            }
            for part in texts
        ],
    }
