"""One row for each server and each of its APIs: how it is asked, and what is special about it.

What belongs here: what the tests of whole runs must know of a server. How it is started is in
conftest.py.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from assistants_client.engine import ChatCompletions, Responses


@frozen
class Peer:
    """A server with one of its APIs, as a model of the engine.

    Attributes:
        model: Asks it.
        tool_choice: What a run must say for its model to call a tool.
        tells_usage: Whether it says how many tokens a streamed answer took.
        tells_length: Whether it says that an answer ended at the bound that it was given.
    """

    model: ChatCompletions | Responses
    tool_choice: str | dict[str, str] = "auto"
    tells_usage: bool = True
    tells_length: bool = True


#: For each server and API: the fixture of its base URL, its model's name, what asks it, and what is
#: special about it.
PEERS: dict[str, tuple[str, str, type[ChatCompletions | Responses], dict[str, Any]]] = {
    "litellm": ("litellm_server", "brain", ChatCompletions, {"tells_length": False}),
    "litellm-responses": ("litellm_server", "brain", Responses, {"tells_length": False}),
    "llama": ("llama_server", "tiny-table", ChatCompletions, {}),
    "llama-responses": ("llama_server", "tiny-table", Responses, {"tells_length": False}),
    # It finds no calls in what a model says, save where one is demanded.
    "llama-cpp-python": (
        "llama_cpp_python_server",
        "tiny-table",
        ChatCompletions,
        {"tool_choice": {"type": "code_interpreter"}, "tells_usage": False},
    ),
    "transformers": ("transformers_server", "tiny-table", ChatCompletions, {}),
    "transformers-responses": (
        "transformers_server",
        "tiny-table",
        Responses,
        {"tells_length": False},
    ),
}
