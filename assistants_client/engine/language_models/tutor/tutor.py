"""The offline tutor: answers arithmetic and linear equations without any language model.

The conversation belongs here: the last question, whether the code interpreter may and did run, the
name to address, and the answer in pieces. Reading mathematics and explaining it are elsewhere.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Sequence
from typing import Final

from assistants_client.engine.language_models.base import (
    CODE_INTERPRETER,
    Conversation,
    Delta,
    Finish,
    TextDelta,
    TokenUsage,
    ToolCallDelta,
    Turn,
)
from assistants_client.engine.language_models.tutor.algebra import MathError
from assistants_client.engine.language_models.tutor.equations import find_problem
from assistants_client.engine.language_models.tutor.lessons import explanation, program

#: The tutor's answer to everything that it cannot do.
HELP = (
    "I am the offline tutor built into this engine, not a language model. I can work out "
    "arithmetic, such as 12 * (3 + 4) or 15% of 80, and solve linear equations in one unknown, "
    "such as 3x + 11 = 14. For anything else set a real model: put a key of OpenAI's into the "
    "environment variable OPENAI_API_KEY; or the address of a server with the chat completions API "
    "into ASSISTANTS_MODEL_URL, its key into ASSISTANTS_MODEL_KEY and the model's name into "
    "ASSISTANTS_MODEL. Then start again."
)
_SIGNATURE = "(I am the offline tutor, not a language model.)"
_NOT_RUN = "I worked this out directly; no code was executed."

_ADDRESS = re.compile(
    r"(?i:\baddress (?:the user|them|her|him|me) as|\bcall (?:the user|them|her|him|me))"
    r" ['\"“]?([^\W\d_][^.,;:!?\n\"”]{0,59})"
)
_AFTER_NAME = re.compile(r" (?:and|but|when|who|with|in|at) ")
_WORD = re.compile(r"(?:^\s*)?\S+\s*")


class Tutor:
    """A stand-in for a language model that needs no server; its answers say so.

    With the code interpreter among the functions it writes a program and explains its
    output; without, it computes itself. Other functions are never called. Only the last user turn
    is read. A token is a word here.
    """

    #: Whatever a run names, this is what answers.
    model_names: Final = ("tutor",)

    def respond(self, conversation: Conversation) -> Iterator[Delta]:
        """Answers the conversation; see ``LanguageModel.respond``. Raises nothing."""
        prompt = sum(len(turn.text.split()) for turn in conversation.turns)
        prompt += len((conversation.instructions or "").split())
        arguments, text = _answer(conversation)
        if arguments is not None:
            yield ToolCallDelta(
                index=0,
                id=f"call_{uuid.uuid4().hex}",
                name=CODE_INTERPRETER,
                arguments=arguments,
            )
            yield TokenUsage(prompt_tokens=prompt, completion_tokens=len(arguments.split()))
            yield Finish(reason="tool_calls")
            return
        words = _WORD.findall(text)
        written = words[: conversation.max_completion_tokens]
        for word in written:
            yield TextDelta(text=word)
        yield TokenUsage(prompt_tokens=prompt, completion_tokens=len(written))
        yield Finish(reason="stop" if len(written) == len(words) else "length")


def _answer(conversation: Conversation) -> tuple[str | None, str]:
    """Returns the arguments of a call of the code interpreter, or else the text of the answer."""
    name = _name(conversation.instructions or "")
    asked, since = _last_question(conversation.turns)
    try:
        problem = find_problem(asked)
        if problem is None:
            return None, f"{name}, {HELP}" if name else HELP
        code = program(problem)
        printed = _printed(since)
        if printed is None and _may_run(conversation):
            return json.dumps({"code": code}, ensure_ascii=False), ""
        text = explanation(problem, printed)
        if printed is None:
            text = f"{text} {_NOT_RUN}"
    except MathError as error:
        text = f"I cannot work that out. {error}"
    return None, f"{name}, {text} {_SIGNATURE}" if name else f"{text} {_SIGNATURE}"


def _last_question(turns: Sequence[Turn]) -> tuple[str, Sequence[Turn]]:
    """Returns the text of the last user turn, and the turns after it."""
    for place in range(len(turns) - 1, -1, -1):
        if turns[place].role == "user":
            return turns[place].text, turns[place + 1 :]
    return "", ()


def _printed(turns: Sequence[Turn]) -> str | None:
    """Returns the code interpreter's output in these turns; None when it was not called."""
    calls = {call.id for turn in turns for call in turn.tool_calls if call.name == CODE_INTERPRETER}
    for turn in reversed(turns):
        if turn.role == "tool" and turn.tool_call_id in calls:
            return turn.text
    return None


def _may_run(conversation: Conversation) -> bool:
    offered = any(function.name == CODE_INTERPRETER for function in conversation.functions)
    allowed = (None, "auto", "required", f"function:{CODE_INTERPRETER}")
    return offered and conversation.tool_choice in allowed


def _name(instructions: str) -> str:
    match = _ADDRESS.search(instructions)
    if match is None or not match[1][0].isupper():
        return ""
    name = " ".join(match[1].split())
    return _AFTER_NAME.split(f"{name} ", maxsplit=1)[0].rstrip("'’ ")  # noqa: RUF001 - as people type
