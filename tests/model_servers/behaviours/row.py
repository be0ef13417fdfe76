"""What a row of the table is made of: a server's behaviour, the run it meets, what must come of it.

The rows stand in the other files of this folder, one file for each kind; ``__init__`` says how to
add one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import evolve, field, frozen
from fake_server import Behaviour, FakeServer
from server_answers import ANSWER, OSLO, Part, always

from assistants_client.engine import ChatCompletions, Responses

#: OpenAI's own types of what its API takes and tells, a file for each; seen 2026-08.
OPENAI_TYPES: Final = "https://github.com/openai/openai-python/blob/main/src/openai/types"
#: Requests and answers of many servers as they were recorded, 2026-06 to 2026-08.
RECORDED: Final = "https://github.com/crmne/ruby_llm/blob/main/spec/fixtures/vcr_cassettes"

#: A call as it must have come: the function's name, and its arguments as JSON values.
Called: TypeAlias = tuple[str, Any]

#: The call that most of the fake servers make.
WEATHER_OF_OSLO: Final[Called] = ("get_weather", OSLO)


def function(name: str, **fields: Any) -> dict[str, Any]:
    """A function among the tools of a run; it takes a city."""
    parameters = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    made = {"name": name, "description": f"The {name} of a city.", "parameters": parameters}
    return {"type": "function", "function": {**made, **fields}}


WEATHER: Final = function("get_weather")
TIME: Final = function("get_time")


@frozen(kw_only=True)
class Run:
    """What is asked for.

    Attributes:
        messages: The thread's; a text is the user's.
        then: Further messages of the user, each followed by another run.
        tools: The assistant's. With file search among them, there is a file to be found, which
            says when the office opens: ``file``.
        options: Further fields of the run.
        model_options: Arguments of the model's class.
        embedding_options: Arguments of ``Embeddings``.
        output: What all functions give.
        is_cancelled: The run is cancelled while the server still answers.
    """

    messages: Sequence[str | dict[str, str]] = ("How warm is it?",)
    then: Sequence[str] = ()
    tools: Sequence[Mapping[str, Any]] = ()
    options: Mapping[str, Any] = field(factory=dict)
    model_options: Mapping[str, Any] = field(factory=dict)
    embedding_options: Mapping[str, Any] = field(factory=dict)
    output: str = "17 degrees"
    is_cancelled: bool = False
    file: str = "The Oslo office opens at nine. The harbour is closed in winter."

    def having(self, **options: Any) -> Run:
        """The same with further fields of the run."""
        return evolve(self, options={**self.options, **options})


def by_assistant(text: str) -> dict[str, str]:
    """A message that the assistant wrote."""
    return {"role": "assistant", "content": text}


PLAIN: Final = Run()
FUNCTIONS: Final = Run(tools=[WEATHER, TIME])
CODE: Final = Run(tools=[{"type": "code_interpreter"}])
SEARCH: Final = Run(tools=[{"type": "file_search"}])
#: A thread of five messages.
LONG: Final = Run(messages=["One.", by_assistant("Two."), "Three.", by_assistant("Four."), "Five."])
#: Two runs on one thread: what is learnt in the first shows in the second.
TWICE: Final = Run(then=["And now?"])


@frozen(kw_only=True)
class Right:
    """What must come of a run; ``None`` says nothing.

    Attributes:
        status: The run's.
        text: Of all messages of the run, each without space around it, joined with ``|``.
        calls: What the run's steps hold, in order. A search has no arguments there.
        file: Words of why the file could not be read into the store; ``""`` if it was.
        error: The code of ``last_error``.
        words: Must stand in the words of ``last_error``, in any case of letters.
        never: Must not stand in them.
        reason: Why the run's last message is incomplete.
        usage: Fields of the run's usage; objects within may have more.
        parts: The types of the content parts of all messages, in any order.
        links: The addresses of all ``url_citation`` annotations.
        requests: How many requests the server got until then.
        check: Whether the server saw what it had to.
    """

    status: str = "completed"
    text: str | None = None
    calls: Sequence[Called] | None = ()
    error: str | None = None
    words: Sequence[str] = ()
    never: Sequence[str] = ()
    reason: str | None = None
    usage: Mapping[str, Any] | None = None
    parts: Sequence[str] | None = None
    links: Sequence[str] | None = None
    requests: int | None = None
    file: str | None = None
    check: Callable[[FakeServer], object] | None = None


def completes(text: str | None = ANSWER, *calls: Called, **more: Any) -> Right:
    """The run completes, with that text, after these calls."""
    return Right(**{"text": text, "calls": calls, **more})


def calls_weather(text: str | None = ANSWER, **more: Any) -> Right:
    """The run calls ``get_weather`` for Oslo, and completes."""
    return Right(text=text, calls=[WEATHER_OF_OSLO], **more)


def fails(error: str, *words: str, **more: Any) -> Right:
    """The run fails with that code and those words."""
    return Right(status="failed", error=error, words=words, **more)


def told(*words: str) -> Callable[[FakeServer], object]:
    """A check: the last request to the model holds these words."""
    return lambda server: all(
        word in json.dumps(server.bodies[-1], ensure_ascii=False) for word in words
    )


def is_cut(text: str | None = None, **more: Any) -> Right:
    """The run is incomplete, for its answer was cut short or filtered."""
    return Right(status="incomplete", text=text, **more)


@frozen(kw_only=True)
class Row:
    """One behaviour of one server.

    Attributes:
        name: The server and what is odd about it, in a few words; names the test.
        version: Of the server, or when it was seen.
        source: Where it is told, one address or several.
        does: What the server does, in a sentence.
        answers: How it answers.
        embeds: How it answers requests for vectors; with it, file search finds by meaning.
        api: The API that it is asked by.
        run: The run that it meets.
        right: What must come of it; one for each run where there are several.
    """

    name: str
    version: str
    source: str
    does: str
    answers: Behaviour
    right: Right | Sequence[Right]
    run: Run = PLAIN
    embeds: Behaviour | None = None
    api: type[ChatCompletions | Responses] = ChatCompletions


def brief(
    name: str,
    source: str,
    does: str,
    answers: Part,
    right: Right | Sequence[Right] | None = None,
    *,
    run: Run = PLAIN,
    version: str = "2024 to 2026",
    api: type[ChatCompletions | Responses] = ChatCompletions,
) -> Row:
    """A row with its fields by their places, for kinds of which there are many."""
    return Row(
        name=name,
        version=version,
        source=source,
        does=does,
        answers=always(answers),
        right=right or completes(),
        run=run,
        api=api,
    )


def responds(
    name: str, source: str, does: str, answers: Part, right: Right, *, run: Run = PLAIN
) -> Row:
    """The same of a server that is asked by the Responses API."""
    return brief(f"Responses: {name}", source, does, answers, right, run=run, api=Responses)
