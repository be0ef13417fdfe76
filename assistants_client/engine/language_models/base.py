"""The interface of a language model: one method, from a conversation to deltas.

Only the vocabulary belongs here. No HTTP, no database, no runs: a model gets turns, tools and
sampling options, and answers with deltas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

from attrs import field, frozen

#: The name under which the code interpreter is offered to a model, as a function of one string
#: argument, ``code``.
CODE_INTERPRETER = "code_interpreter"
#: The same of the file search; its argument is ``query``.
FILE_SEARCH = "file_search"
#: The code of a ``LanguageModelError`` about a conversation that is too long for the model. A run
#: that fails for it has the code ``invalid_prompt``.
TOO_LONG = "context_length_exceeded"

_LONGEST_SHOWN = 100


@frozen(kw_only=True)
class ToolCall:
    """A call that a model asked for. ``arguments`` is the JSON text, exactly as it came."""

    id: str
    name: str
    arguments: str


def _beginning(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")


@frozen(kw_only=True)
class Image:
    """An image that a user sent: ``url`` is its address, or a ``data:`` URL that holds it.

    ``detail`` is the resolution in which the model should see it.
    """

    url: str = field(repr=_beginning)
    detail: Literal["auto", "low", "high"] | None = None


@frozen(kw_only=True)
class State:
    """The state that a model's server attached to an answer and wants back with it, unchanged.

    Opaque to all but the model that made it: thought signatures, reasoning, encrypted items.

    Attributes:
        origin: The server and the model that it came from; it is sent to no other.
        turn: The state of the answer as a whole.
        calls: The state of each tool call, by the call's id.
    """

    origin: str
    turn: Mapping[str, Any] = field(factory=dict, repr=False)
    calls: Mapping[str, Mapping[str, Any]] = field(factory=dict, repr=False)


@frozen(kw_only=True)
class Turn:
    """One entry of a conversation.

    ``user`` and ``assistant`` turns have text; an assistant turn may have ``tool_calls`` instead
    or as well; a ``tool`` turn answers the call named by ``tool_call_id``.

    A user's turn with images has ``parts``: its texts and images in their order. Its ``text`` names
    the images, for models that cannot see. An assistant's turn has ``parts`` where it is one answer
    of several messages: their texts.

    ``state`` is the state that the server that wrote an assistant's turn wants back with it.
    """

    role: Literal["user", "assistant", "tool"]
    text: str = ""
    parts: Sequence[str | Image] = ()
    tool_calls: Sequence[ToolCall] = ()
    tool_call_id: str | None = None
    state: State | None = None


@frozen(kw_only=True)
class FunctionSpec:
    """A function that the model may call.

    ``parameters`` is a JSON Schema object, to be followed exactly where ``strict`` is true.
    """

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None


@frozen(kw_only=True)
class Conversation:
    """Everything a model needs for its next answer. ``None`` means: the model's own default.

    ``temperature``, ``top_p``, ``parallel_tool_calls``, ``max_completion_tokens`` and
    ``reasoning_effort`` are those of the run, or of its assistant.
    """

    model: str
    turns: Sequence[Turn]
    instructions: str | None = None
    """The assistant's or the run's, with what the run adds."""
    functions: Sequence[FunctionSpec] = ()
    tool_choice: str | None = None
    """``"none"``, ``"auto"``, ``"required"`` or the name of one function after ``"function:"``."""
    parallel_tool_calls: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_completion_tokens: int | None = None
    reasoning_effort: str | None = None
    response_format: Mapping[str, Any] | None = None
    """As in the protocol: ``{"type": "json_object"}`` and the like."""


@frozen(kw_only=True)
class TextDelta:
    """A piece of the answer's text."""

    text: str


@frozen(kw_only=True)
class RefusalDelta:
    """A piece of the text in which the model refuses to answer."""

    text: str


@frozen(kw_only=True)
class ThinkingDelta:
    """A piece of the model's reasoning: no part of the answer."""

    text: str


@frozen(kw_only=True)
class ImageDelta:
    """An image that the model made: ``url`` is its address, or a ``data:`` URL that holds it."""

    url: str = field(repr=_beginning)


@frozen(kw_only=True)
class UrlCitationDelta:
    """A source on the web of the answer's text: its ``url``, and its ``title`` where it has one.

    ``start`` and ``end``, in characters of the message's text so far, bound the text that it is the
    source of. Where ``mark`` is given it stands for the source wherever it is in the text.
    """

    url: str
    title: str | None = None
    start: int | None = None
    end: int | None = None
    mark: str | None = None


@frozen(kw_only=True)
class ToolCallDelta:
    """A piece of a tool call: pieces of one ``index`` are one call, ``arguments`` is joined."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@frozen(kw_only=True)
class NewMessage:
    """The beginning of another message of the same answer; ``state`` belongs to that message."""

    state: State | None = None


@frozen(kw_only=True)
class StateDelta:
    """The state that the server wants back: once, when the answer is complete.

    ``origin`` and ``turn`` are as in :class:`State`; ``calls`` has the state of each tool call, by
    the ``index`` of its deltas.
    """

    origin: str
    turn: Mapping[str, Any] = field(factory=dict, repr=False)
    calls: Mapping[int, Mapping[str, Any]] = field(factory=dict, repr=False)


@frozen(kw_only=True)
class TokenUsage:
    """Tokens spent on this answer: ``prompt_tokens`` read, ``completion_tokens`` written.

    Of those read, ``cached_tokens`` came from the server's cache; of those written,
    ``reasoning_tokens`` were reasoning. ``None`` means that the server does not report it.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


@frozen(kw_only=True)
class Finish:
    """The reason for which the answer ended.

    A ``reason`` of ``length`` makes the run incomplete and ``content_filter`` the message. ``word``
    is the server's own word for it, where that is another one; ``model`` is its name for the model
    that answered, where it gives one.
    """

    reason: Literal["stop", "length", "tool_calls", "content_filter"]
    word: str | None = None
    model: str | None = field(default=None, eq=False)


Delta: TypeAlias = (
    TextDelta
    | RefusalDelta
    | ThinkingDelta
    | ImageDelta
    | UrlCitationDelta
    | ToolCallDelta
    | NewMessage
    | StateDelta
    | TokenUsage
    | Finish
)


class LanguageModelError(Exception):
    """An error of a model that could not answer.

    Attributes:
        code: The run's ``last_error.code``: ``server_error``, ``rate_limit_exceeded`` or
            ``invalid_prompt``. Or ``TOO_LONG``, where the conversation does not fit into the
            model's context: it is asked again with fewer messages, if the run lets it.
        retry_after: Seconds after which the request may be repeated: only where the server has
            asked for that, and has done nothing.
    """

    def __init__(
        self, message: str, *, code: str = "server_error", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after


class LanguageModel(Protocol):
    """Anything with ``respond``. It may be called from several threads at once."""

    def respond(self, conversation: Conversation) -> Iterator[Delta]:
        """Answers the conversation, piece by piece.

        The iterator is closed, if it can be, when its rest is not needed: the run was cancelled.
        Between two pieces only: a model that may have to wait can yield an empty ``TextDelta`` at
        intervals, to be closed soon.

        Raises:
            LanguageModelError: The model is down, too slow, refuses, or answers nonsense. Its
                message becomes the run's ``last_error``. Any other exception fails the run as well;
                of that only the class is reported, because its message may hold a secret.
        """
        ...
