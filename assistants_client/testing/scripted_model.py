"""The language model of a test, whose answers the test prepares as it goes on.

``Scripted`` plays an answer; matching answers to questions, and the report of a question without
one, belong here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from attrs import define, field

from assistants_client.engine import (
    Call,
    Conversation,
    LanguageModelError,
    Script,
    Scripted,
    TextDelta,
    Turn,
    call,
)
from assistants_client.errors import ConfigurationError
from assistants_client.testing.clock import Clock

#: The codes of a run's ``last_error``.
_CODES: Final = ("server_error", "rate_limit_exceeded", "invalid_prompt")
_MAX_LENGTH: Final = 200  # characters of a text in a message


@define(eq=False)
class _Prepared:
    """A prepared answer."""

    script: Script
    to: str | None
    after: float

    def __str__(self) -> str:
        shown = _shown(self.script)
        shown += "" if self.to is None else f", to {self.to!r}"
        return shown + (f", after {self.after:g} s" if self.after else "")


@define(eq=False)
class _Question:
    """A question to the model, and its answer, if there was one."""

    text: str
    tools: Sequence[str]
    answer: _Prepared | None = field(default=None)

    def __str__(self) -> str:
        tools = f" (tools: {', '.join(self.tools)})" if self.tools else ""
        answer = "nothing fitted" if self.answer is None else str(self.answer)
        return f"{_short(self.text)}{tools} -> {answer}"


class ScriptedModel(Scripted):
    """A model that gives the answers that the test has prepared, in order, each once.

    ``scripted_model.reply("Hello.")`` answers the next question. A reply for one question only has
    a part of it: ``scripted_model.reply("Rain.", to="Bergen")``; the first one that matches is
    given. If none does, the run fails, and its ``last_error`` lists the questions, the replies that
    were prepared and those that were used.

    Attributes:
        conversations: The model's prompts, oldest first: instructions, turns and tools.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self._clock = clock or Clock()
        self._prepared: list[_Prepared] = []
        self._questions: list[_Question] = []

    def reply(self, *answer: Script, to: str | None = None, after: float = 0) -> None:
        """Prepares an answer: text, calls of tools, or several of both.

        Args:
            answer: As for :class:`Scripted`: text, ``call("get_weather", city="Oslo")``, or a
                function that gets the conversation and returns one of these.
            to: A part of the question: of the message, or of the outputs of tools, that the model
                is to answer.
            after: The time until the answer, in seconds of the test's clock.

        Raises:
            ConfigurationError: There is no answer, or ``after`` is not a number of seconds.
        """
        if not answer:
            raise ConfigurationError("reply: what is the model to answer? An empty text is ''")
        if not 0 <= after < float("inf"):
            raise ConfigurationError(f"after: {after!r} is not a number of 0 or more seconds")
        script = answer[0] if len(answer) == 1 else list(answer)
        with self._lock:
            self._prepared.append(_Prepared(script, to, after))

    def call(self, name: str, /, **arguments: Any) -> None:
        """Prepares a call of a tool: ``scripted_model.call("get_weather", city="Oslo")``.

        The engine runs its own: ``scripted_model.call("code_interpreter", code="print(1)")`` and
        ``scripted_model.call("file_search", query="rain")``.
        """
        self.reply(call(name, **arguments))

    def fail(
        self, message: str, *, code: str = "server_error", to: str | None = None, after: float = 0
    ) -> None:
        """Prepares a failure: the run ends as ``failed``, with this ``last_error``.

        Args:
            message: The message of the error.
            code: ``server_error``, ``rate_limit_exceeded`` or ``invalid_prompt``.
            to: As for :meth:`reply`.
            after: As for :meth:`reply`.

        Raises:
            ConfigurationError: There is no such code.
        """
        if code not in _CODES:
            raise ConfigurationError(f"code: {code!r} is none of {', '.join(_CODES)}")
        self.reply(LanguageModelError(message, code=code), to=to, after=after)

    def clear(self) -> None:
        """Removes all unused replies, for a test that does not need them."""
        with self._lock:
            self._prepared.clear()

    def assert_done(self) -> None:
        """Asserts that every reply was used, and every question answered.

        Raises:
            AssertionError: One was not; the message lists the questions and the unused replies.
        """
        with self._lock:
            unanswered = sum(question.answer is None for question in self._questions)
            if self._prepared or unanswered:
                raise AssertionError(
                    f"Scripted model: prepared and not used: {len(self._prepared)}; asked without "
                    f"an answer: {unanswered}.\n{self._report(self._why_left)}"
                )

    def _next(self, conversation: Conversation) -> Script:
        asked = _asked(conversation.turns)
        question = _Question(
            " / ".join(f"{turn.role}: {turn.text}" for turn in asked) or "nothing new",
            [function.name for function in conversation.functions],
        )
        self._questions.append(question)
        for prepared in self._prepared:
            if _fits(prepared, asked):
                self._prepared.remove(prepared)
                question.answer = prepared
                return [self._pause(prepared.after), prepared.script]
        raise LanguageModelError(
            "Scripted model: no answer was prepared that fits the last question.\n"
            f"{self._report(lambda left: f'{left.to!r} is not in the question')}\n"
            "Prepare one with scripted_model.reply(...) before the run is created."
        )

    def _pause(self, seconds: float) -> Iterator[TextDelta]:
        try:
            for _ in self._clock._wait(seconds) if seconds else ():
                yield TextDelta(text="")  # the engine checks whether the run was cancelled
        except TimeoutError:
            raise LanguageModelError("The test ended before the model answered.") from None

    def _report(self, why: Callable[[_Prepared], str]) -> str:
        """Returns the questions and the unused replies, with the reasons why they were not used."""
        lines = ["Asked, and answered with:"]
        lines += [f"  {n}. {question}" for n, question in enumerate(self._questions, 1)]
        lines += [] if self._questions else ["  nothing: no run has reached the model"]
        lines.append("Prepared, and left:")
        lines += [f"  {left}: {why(left)}" for left in self._prepared]
        lines += [] if self._prepared else ["  nothing"]
        return "\n".join(lines)

    def _why_left(self, left: _Prepared) -> str:
        if left.to is None:
            return "the model was not asked again"
        if any(left.to in question.text for question in self._questions):
            return f"the questions with {left.to!r} had other answers"
        return f"no question had {left.to!r} in it"


def _asked(turns: Sequence[Turn]) -> Sequence[Turn]:
    """Returns the turns after the model's last answer."""
    answered = [number for number, turn in enumerate(turns, 1) if turn.role == "assistant"]
    return turns[answered[-1] if answered else 0 :]


def _fits(prepared: _Prepared, asked: Sequence[Turn]) -> bool:
    return prepared.to is None or any(prepared.to in turn.text for turn in asked)


def _shown(script: Script) -> str:
    if isinstance(script, str):
        return _short(repr(script))
    if isinstance(script, Call):
        return _short(f"call {script.name}({script.arguments})")
    if isinstance(script, BaseException):
        return _short(f"failure {str(script)!r}")
    if isinstance(script, Sequence):
        return " + ".join(_shown(part) for part in script)
    return _short(getattr(script, "__qualname__", None) or repr(script))


def _short(text: str) -> str:
    text = text.replace("\n", " ")
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 1]}…"
