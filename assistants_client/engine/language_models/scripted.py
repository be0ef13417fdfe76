"""A language model for tests, which answers with the entries of a script, in order.

Nothing random belongs here, nothing that waits by itself, and no rules that choose an answer: a
test that needs those passes a callable.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any, Final, TypeAlias, Union, cast, get_args

from attrs import frozen

from assistants_client.engine.language_models.base import (
    Conversation,
    Delta,
    Finish,
    LanguageModelError,
    RefusalDelta,
    TextDelta,
    TokenUsage,
    ToolCallDelta,
)


@frozen
class Call:
    """A tool call to answer with. ``arguments`` is JSON text, or deliberately none.

    Without an ``id`` the model makes one up, another for every call.
    """

    name: str
    arguments: str = "{}"
    id: str | None = None


#: The argument of each tool that the engine runs.
_BUILT_IN: Final = {"code_interpreter": "code", "file_search": "query"}


def call(name: str, /, **arguments: Any) -> Call:
    """Makes a tool call for a script: ``call("get_weather", city="Paris")``.

    The engine runs its own tools where the run has them: ``call("code_interpreter", code="…")`` and
    ``call("file_search", query="…")``. What they give is in the next conversation, as the output of
    a function is.

    Args:
        name: The function's name.
        arguments: The function's arguments; sent as JSON.

    Raises:
        TypeError: A tool of the engine's is called without its text. ``Call`` takes any arguments.
    """
    wanted = _BUILT_IN.get(name)
    if wanted is not None and not isinstance(arguments.get(wanted), str):
        raise TypeError(f"{name} takes a text named {wanted!r}: call({name!r}, {wanted}='...')")
    return Call(name, json.dumps(arguments))


_DELTAS = (Call, *get_args(Delta))

#: Text comes word by word, the space before a word with the word.
_WORDS = re.compile(r"\s*\S+\s*$|\s*\S+|\s+")

#: One answer: text, a tool call, a delta as it is, an exception to be raised, a callable that is
#: given the conversation and returns any of these, or several of them, mixed at will: a sequence,
#: or an iterator that is read as the answer goes on.
Script: TypeAlias = Union[
    str,
    Call,
    Delta,
    BaseException,
    "Callable[[Conversation], Script]",
    "Sequence[Script]",
    "Iterator[Script]",
    None,
]


class Scripted:
    """Answers each conversation with the next entry of a script.

    ``Scripted(["Hello", call("code_interpreter", code="print(1)"), RuntimeError("down")])`` says
    hello, then calls the code interpreter, then raises. A callable in the script gets the
    conversation and may wait, which makes a slow model; within a list it is called when the
    answer gets there. Text comes word by word, so that there is something to stream.
    The reason for finishing is added unless the entry gives its own ``Finish``, and the usage, in
    words instead of tokens, unless it gives its own ``TokenUsage``.

    Attributes:
        conversations: The conversations that the model was asked to answer, oldest first.
    """

    def __init__(self, answers: Iterable[Script] = ()) -> None:
        """Makes a model of a script.

        Args:
            answers: The entries, in this order one for each call of :meth:`respond`.
        """
        self._answers = iter(list(answers))
        self._given = count(1)
        self._ids = count(1)
        self._lock = threading.Lock()
        self.conversations: list[Conversation] = []

    def respond(self, conversation: Conversation) -> Iterator[Delta]:
        """Answers with the next entry.

        Raises:
            LanguageModelError: The script has no more entries.
        """
        with self._lock:
            self.conversations.append(conversation)
            answer = self._next(conversation)
        return self._play(answer, conversation)

    def _next(self, conversation: Conversation) -> Script:
        """Returns the answer to a conversation; called with the lock held."""
        number = next(self._given)
        try:
            return next(self._answers)
        except StopIteration:
            raise LanguageModelError(
                f"The script has no answer number {number}: it holds {number - 1}."
            ) from None

    def _play(self, answer: Script, conversation: Conversation) -> Iterator[Delta]:
        calls = words = 0
        finished = is_counted = False
        for delta in self._deltas(answer, conversation):
            if isinstance(delta, Call):
                with self._lock:
                    made_up = f"call_{next(self._ids)}"
                yield ToolCallDelta(
                    index=calls,
                    id=delta.id or made_up,
                    name=delta.name,
                    arguments=delta.arguments,
                )
                calls += 1
                words += _words(delta.arguments)
            else:
                calls += isinstance(delta, ToolCallDelta)
                finished = finished or isinstance(delta, Finish)
                is_counted = is_counted or isinstance(delta, TokenUsage)
                if isinstance(delta, (TextDelta, RefusalDelta)):
                    words += _words(delta.text)
                yield delta
        if not is_counted:
            yield TokenUsage(prompt_tokens=_read(conversation), completion_tokens=words)
        if not finished:
            yield Finish(reason="tool_calls" if calls else "stop")

    def _deltas(self, answer: Script, conversation: Conversation) -> Iterator[Delta | Call]:
        if answer is None:
            return
        if isinstance(answer, str):
            for word in _WORDS.findall(answer):
                yield TextDelta(text=word)
        elif isinstance(answer, _DELTAS):
            yield cast("Delta | Call", answer)
        elif isinstance(answer, BaseException):
            raise answer
        elif isinstance(answer, (Sequence, Iterator)):
            for part in answer:
                yield from self._deltas(part, conversation)
        elif callable(answer):
            yield from self._deltas(answer(conversation), conversation)
        else:
            raise TypeError(f"A script cannot hold {type(answer).__name__}: {answer!r}")


def _read(conversation: Conversation) -> int:
    """Counts the words of a conversation."""
    texts = [conversation.instructions or "", *(turn.text for turn in conversation.turns)]
    texts += [made.arguments for turn in conversation.turns for made in turn.tool_calls]
    return sum(map(_words, texts))


def _words(text: str) -> int:
    return len(text.split())
