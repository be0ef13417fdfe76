"""From a language model's deltas to one whole answer: pure, the other half of conversation.py."""

from __future__ import annotations

from collections.abc import Callable, Container

from attrs import define, field

from assistants_client.engine.language_models.base import (
    Delta,
    Finish,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)
from assistants_client.models.runs import Usage


@define
class _Call:
    id: str | None = None
    name: str = ""
    arguments: list[str] = field(factory=list)


@define
class Answer:
    """What a model has answered so far; each delta costs the same, however long the answer."""

    _text: list[str] = field(factory=list, init=False)
    _calls: dict[int, _Call] = field(factory=dict, init=False)
    usage: Usage | None = field(default=None, init=False)
    #: ``None`` as long as the model has not said why it ended.
    finish: str | None = field(default=None, init=False)

    def add(self, delta: Delta) -> None:
        """Takes in the next piece."""
        if isinstance(delta, TextDelta):
            self._text.append(delta.text)
        elif isinstance(delta, ToolCallDelta):
            call = self._calls.setdefault(delta.index, _Call())
            call.id = delta.id or call.id
            call.name = delta.name or call.name
            call.arguments.append(delta.arguments)
        elif isinstance(delta, TokenUsage):
            self.usage = Usage(
                prompt_tokens=delta.prompt_tokens,
                completion_tokens=delta.completion_tokens,
                total_tokens=delta.prompt_tokens + delta.completion_tokens,
            )
        elif isinstance(delta, Finish):
            self.finish = delta.reason

    @property
    def has_begun(self) -> bool:
        """Whether the model has said anything."""
        return bool(self.text or self._calls)

    @property
    def text(self) -> str:
        """The text, joined."""
        return "".join(self._text)

    def tool_calls(self, taken: Container[str], new_id: Callable[[], str]) -> list[ToolCall]:
        """The calls, by index.

        Args:
            taken: Ids that are in use: not every model makes up another one for each call.
            new_id: Gives the id of a call that came without one, or with one in use.
        """
        calls: dict[str, ToolCall] = {}
        for _, call in sorted(self._calls.items()):
            call_id = call.id
            if not call_id or call_id in taken or call_id in calls:
                call_id = new_id()
            calls[call_id] = ToolCall(id=call_id, name=call.name, arguments="".join(call.arguments))
        return list(calls.values())

    def argument_pieces(self) -> list[list[str]]:
        """The calls' arguments as they came, in the order of ``tool_calls``."""
        return [
            [piece for piece in call.arguments if piece] for _, call in sorted(self._calls.items())
        ]
