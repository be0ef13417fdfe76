"""What the servers in this folder say on the wire, asked without this package.

These tests hold the ground for those of the engine against the same servers: when one of these
fails, the server has changed and not the engine.
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest
import requests

QUESTION = "I need to solve the equation `3x + 11 = 14`. Can you help me?"
INSTRUCTIONS = "Please address the user as Jane Doe. The user has a premium account."
TOOL = {
    "type": "function",
    "function": {
        "name": "code_interpreter",
        "parameters": {
            "type": "object",
            "properties": {"code": {"type": "string"}},
            "required": ["code"],
        },
    },
}


@dataclass(frozen=True)
class Peer:
    """A server, its one model and its key."""

    url: str
    model: str
    key: str

    def ask(self, messages: list[dict[str, Any]], **fields: Any) -> requests.Response:
        """Post one request and return the whole answer."""
        return requests.post(
            f"{self.url}/chat/completions",
            json={"model": self.model, "messages": messages, **fields},
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=30,
        )


@pytest.fixture
def litellm(litellm_server: str, peer_key: str) -> Peer:
    """LiteLLM's proxy with a few rules behind it."""
    return Peer(litellm_server, "brain", peer_key)


@pytest.fixture
def llama(llama_server: str, peer_key: str) -> Peer:
    """llama.cpp with a model that knows one conversation."""
    return Peer(llama_server, "tiny-table", peer_key)


@pytest.fixture(params=["litellm", "llama"])
def peer(request: pytest.FixtureRequest) -> Peer:
    """Each of the servers in turn."""
    found: Peer = request.getfixturevalue(request.param)
    return found


def conversation(question: str = QUESTION) -> list[dict[str, Any]]:
    """The start of the tutor's conversation."""
    return [
        {"role": "system", "content": INSTRUCTIONS},
        {"role": "user", "content": question},
    ]


def answered(call: dict[str, Any], output: str) -> list[dict[str, Any]]:
    """The two messages that follow when the model's call has been run."""
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": output},
    ]


def run_code(call: dict[str, Any]) -> str:
    """What the code of a call prints."""
    assert call["function"]["name"] == "code_interpreter"
    printed: list[str] = []
    exec(
        json.loads(call["function"]["arguments"])["code"],
        {"print": lambda value: printed.append(f"{value}\n")},
    )
    return "".join(printed)


def events(answer: requests.Response) -> list[str]:
    """The data of a stream's events."""
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [block.removeprefix("data: ") for block in answer.text.split("\n\n") if block]


def test_a_whole_tool_round(peer: Peer) -> None:
    """The model asks for code, and answers in text once the code's output is there."""
    choice = peer.ask(conversation(), tools=[TOOL]).json()["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert not choice["message"]["content"]
    [call] = choice["message"]["tool_calls"]
    output = run_code(call)
    assert output == "1.0\n"

    messages = conversation() + answered(call, output)
    choice = peer.ask(messages, tools=[TOOL]).json()["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert "x = 1." in choice["message"]["content"]
    assert not choice["message"].get("tool_calls")


def test_a_streamed_tool_call(peer: Peer) -> None:
    """A streamed call comes in pieces, its name and id once, and the stream ends with [DONE]."""
    answer = peer.ask(
        conversation(), tools=[TOOL], stream=True, stream_options={"include_usage": True}
    )
    *data, last = events(answer)
    assert last == "[DONE]"
    chunks = [json.loads(datum) for datum in data]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    pieces = [piece for choice in choices for piece in choice["delta"].get("tool_calls") or []]
    assert {piece["index"] for piece in pieces} == {0}
    assert [piece["function"]["name"] for piece in pieces if piece["function"].get("name")] == [
        "code_interpreter"
    ]
    assert len([piece for piece in pieces if piece.get("id")]) == 1
    code = json.loads("".join(piece["function"].get("arguments") or "" for piece in pieces))["code"]
    assert "(14 - " in code
    reasons = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    assert reasons == ["tool_calls"]
    [usage] = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    assert usage["completion_tokens"] > 0


def test_other_numbers_have_another_answer(litellm: Peer) -> None:
    """The rules solve the equation that is asked, and address the user as instructed."""
    messages = conversation("Solve 2x - 4 = 10, please.")
    message = litellm.ask(messages, tools=[TOOL]).json()["choices"][0]["message"]
    [call] = message["tool_calls"]
    messages += answered(call, run_code(call))
    message = litellm.ask(messages, tools=[TOOL]).json()["choices"][0]["message"]
    assert message["content"] == "Jane Doe, x = 7."


def test_without_the_tool_both_say_so(peer: Peer) -> None:
    """A request that offers no tool is answered in text."""
    choice = peer.ask(conversation()).json()["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["content"]


def test_a_bound_on_tokens_cuts_the_arguments(llama: Peer) -> None:
    """With the reason ``length`` a tool call's arguments can end in the middle."""
    choice = llama.ask(conversation(), tools=[TOOL], max_tokens=5).json()["choices"][0]
    assert choice["finish_reason"] == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"])


def test_a_prompt_longer_than_the_context(llama: Peer) -> None:
    """A prompt that does not fit is refused with 400."""
    answer = llama.ask([{"role": "user", "content": "long " * 6000}])
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "exceed_context_size_error"


def test_an_unknown_model(litellm: Peer) -> None:
    """A model that is not served is refused with 400 and a code that is a string."""
    answer = Peer(litellm.url, "no-such-model", litellm.key).ask(conversation())
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "400"


def test_a_wrong_key(llama: Peer) -> None:
    """Another key is refused with 401 and a code that is a number."""
    answer = Peer(llama.url, llama.model, "wrong").ask(conversation())
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == 401


def test_an_unsupported_field(litellm: Peer) -> None:
    """A field that the model behind the proxy does not take is refused with 400, naming it."""
    answer = litellm.ask(conversation(), reasoning_effort="low")
    assert answer.status_code == 400
    assert "reasoning_effort" in answer.json()["error"]["message"]


def test_a_failing_provider(litellm: Peer) -> None:
    """A provider's status passes through the proxy."""
    assert litellm.ask(conversation("fail with 429")).status_code == 429


def test_a_stream_that_breaks(litellm: Peer) -> None:
    """A failure after the first words is an error inside the stream, and no [DONE] follows."""
    answer = litellm.ask(conversation("fail with 500"), stream=True)
    assert answer.status_code == 200
    assert json.loads(events(answer)[-1])["error"]["code"] == "500"
