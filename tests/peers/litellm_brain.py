"""The stand-in for a language model behind LiteLLM's proxy: a few rules and no learning.

What belongs here: what is answered, decided from the messages alone. Run inside the proxy by the
interpreter of the peers' environment, never imported by a test. HTTP, keys, request validation,
the shape of answers and chunks are LiteLLM's own; nothing of them may enter here.
"""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

from litellm import CustomLLM, EmbeddingResponse, ModelResponse
from litellm.llms.custom_llm import CustomLLMError
from litellm.types.utils import GenericStreamingChunk

TOOL = "code_interpreter"
EQUATION = re.compile(r"(-?\d*)\s*x\s*([+-]\s*\d+)?\s*=\s*(-?\d+)")
FAILURE = re.compile(r"fail with (\d{3})")
#: What means the same, for embeddings: one number of a vector for each line.
MEANINGS = ({"car", "automobile"}, {"doctor", "physician"})
NAME = re.compile(r"(?i:address the user as) ([A-Z]\w*(?: [A-Z]\w*)*)")


def text_of(message: dict[str, Any]) -> str:
    """A message's text, whether it came as a string, as parts or not at all."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def code_for(question: str) -> str | None:
    """Python that solves the linear equation in the question, or None without one."""
    found = EQUATION.search(question)
    if found is None:
        return None
    factor, shift, right = (part.replace(" ", "") for part in found.groups(default="0"))
    factor = {"": "1", "-": "-1"}.get(factor, factor)
    return f"x = ({int(right)} - ({int(shift)})) / ({int(factor)})\nprint(x)"


def fail_if_asked(messages: list[dict[str, Any]]) -> None:
    """Raise the provider's error that the last message asks for ("fail with 429")."""
    if found := FAILURE.search(text_of(messages[-1])):
        raise CustomLLMError(status_code=int(found[1]), message="The brain fails as asked.")


def decide(request: dict[str, Any]) -> tuple[str, str | None]:
    """The text to say, and the code to have run before more is said."""
    messages, options = request["messages"], request["optional_params"]
    tools = [] if options.get("tool_choice") == "none" else options.get("tools") or []
    name = next((found[1] for message in messages if (found := NAME.search(text_of(message)))), "")
    address = f"{name}, " if name else ""
    last = messages[-1]
    if last.get("role") == "tool":
        result = text_of(last).strip()
        try:
            return f"{address}x = {float(result):g}.", None
        except ValueError:
            return f"{address}the tool said: {result}", None
    code = code_for(text_of(last))
    if code is None:
        return f"{address}please give me a linear equation in x.", None
    if not any((tool.get("function") or {}).get("name") == TOOL for tool in tools):
        return f"{address}I cannot solve that without {TOOL}.", None
    return "", code


class Brain(CustomLLM):
    """Answers with `decide`, whole or in pieces."""

    async def acompletion(self, *_: Any, **request: Any) -> ModelResponse:
        """One whole answer."""
        fail_if_asked(request["messages"])
        text, code = decide(request)
        message: dict[str, Any] = {"role": "assistant", "content": text or None}
        if code is not None:
            function = {"name": TOOL, "arguments": json.dumps({"code": code})}
            message["tool_calls"] = [{"id": "call_brain", "type": "function", "function": function}]
        reason = "stop" if code is None else "tool_calls"
        return ModelResponse(
            model=request["model"], choices=[{"message": message, "finish_reason": reason}]
        )

    async def astreaming(self, *_: Any, **request: Any) -> AsyncIterator[GenericStreamingChunk]:
        """The same answer, word by word, or its tool call in two pieces."""
        text, code = decide(request)
        for word in re.findall(r"\S+\s*", text):
            yield chunk(text=word)
        fail_if_asked(request["messages"])  # after the first words, where a stream can break
        if code is not None:
            arguments = json.dumps({"code": code})
            yield chunk(tool_use=fragment("call_brain", TOOL, arguments[:10]))
            yield chunk(tool_use=fragment(None, None, arguments[10:]))
        yield chunk(finish_reason="stop" if code is None else "tool_calls")

    async def aembedding(
        self, model: str, input: list[str], model_response: EmbeddingResponse, *_: Any, **__: Any
    ) -> EmbeddingResponse:
        """One vector for each text."""
        model_response.model = model
        model_response.data = [
            {"object": "embedding", "index": index, "embedding": vector_of(text)}
            for index, text in enumerate(input)
        ]
        return model_response


def vector_of(text: str) -> list[float]:
    """How often each meaning occurs; the last number is for what has none of them."""
    words = re.findall(r"\w+", text.lower())
    return [*(float(sum(word in meant for word in words)) for meant in MEANINGS), 0.01]


def fragment(call_id: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    """A piece of the first tool call."""
    function = {"name": name, "arguments": arguments}
    return {"index": 0, "id": call_id, "type": "function", "function": function}


def chunk(
    text: str = "", tool_use: dict[str, Any] | None = None, finish_reason: str = ""
) -> GenericStreamingChunk:
    """A piece of an answer as LiteLLM wants it from a handler."""
    return {
        "text": text,
        "tool_use": tool_use,
        "is_finished": bool(finish_reason),
        "finish_reason": finish_reason,
        "usage": None,
        "index": 0,
    }


brain = Brain()
