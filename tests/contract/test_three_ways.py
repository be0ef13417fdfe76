"""The same program has the same results however the engine is reached."""

import sys
from collections.abc import Callable

import pytest

from assistants_client import (
    Client,
    CodeInterpreterCall,
    CodeInterpreterTool,
    LogsOutput,
    MessageRequest,
    NotFoundError,
    ThreadLockedError,
)

QUESTION = "I need to solve the equation `{}`. Can you help me?"

if sys.platform == "win32":
    pytest.skip("the sandbox is started anew for each call, slowly there", allow_module_level=True)


def solve(client: Client, equation: str) -> tuple[str, list[str], list[str]]:
    """The model program: the answer, the code that ran, and what it printed."""
    assistant = client.assistants.create(
        name="Math Tutor", model="any", tools=[CodeInterpreterTool()]
    )
    thread = client.threads.create()
    client.messages.create(thread.id, QUESTION.format(equation))
    run = client.runs.create(
        thread.id, assistant_id=assistant.id, instructions="Please address the user as Jane Doe."
    )
    run = client.wait_for_run(run, timeout=30)
    assert run.status == "completed"
    steps = client.run_steps.list(thread.id, run.id, order="asc")
    calls = [call for step in steps for call in step.tool_calls]
    code = [call.code_interpreter.input for call in calls if isinstance(call, CodeInterpreterCall)]
    logs = [
        output.logs
        for call in calls
        if isinstance(call, CodeInterpreterCall)
        for output in call.code_interpreter.outputs
        if isinstance(output, LogsOutput)
    ]
    (answer,) = client.messages.list(thread.id, limit=1)
    return answer.text, code, logs


@pytest.mark.parametrize(
    ("equation", "solution"), [("3x + 11 = 14", "x = 1"), ("5x - 20 = 15", "x = 7")]
)
def test_the_model_program(connect: Callable[[], Client], equation: str, solution: str) -> None:
    """The equation is solved by code that really ran, and the user is addressed as told."""
    answer, code, logs = solve(connect(), equation)
    assert solution in answer
    assert answer.startswith("Jane Doe")
    assert logs == [f"{solution}\n"]
    printed: list[str] = []
    exec(code[0], {"print": lambda text: printed.append(str(text))})
    assert printed == [solution]


def test_what_was_written_is_there_for_the_next(connect: Callable[[], Client]) -> None:
    """A second client on the same database finds everything, with equal objects."""
    first = connect()
    assistant = first.assistants.create(model="any", name="Kept", metadata={"a": "1"})
    thread = first.threads.create(messages=[MessageRequest("one"), MessageRequest("two")])
    run = first.wait_for_run(first.runs.create(thread.id, assistant_id=assistant.id))
    first.close()

    second = connect()
    assert second.assistants.retrieve(assistant.id) == assistant
    assert second.threads.retrieve(thread.id) == thread
    assert second.runs.retrieve(thread.id, run.id) == run
    texts = [message.text for message in second.messages.list(thread.id, order="asc")]
    assert texts[:2] == ["one", "two"]


def test_every_verb(connect: Callable[[], Client]) -> None:
    """Create, retrieve, update, list and delete do what they say, and then the thing is gone."""
    client = connect()
    assistant = client.assistants.create(model="any", name="A", description="d")
    changed = client.assistants.update(assistant.id, name=None, metadata={"k": "v"})
    assert (changed.name, changed.description, changed.metadata) == (None, "d", {"k": "v"})
    assert [a.id for a in client.assistants.list()] == [assistant.id]

    thread = client.threads.create()
    assert client.threads.update(thread.id, metadata={"t": "1"}).metadata == {"t": "1"}
    message = client.messages.create(thread.id, "hello", metadata={"m": "1"})
    assert client.messages.retrieve(thread.id, message.id) == message
    assert client.messages.update(thread.id, message.id, metadata=None).metadata == {}

    run = client.runs.create(thread.id, assistant_id=assistant.id, additional_instructions="Hm.")
    run = client.wait_for_run(run)
    assert client.runs.update(thread.id, run.id, metadata={"r": "1"}).metadata == {"r": "1"}
    assert [r.id for r in client.runs.list(thread.id)] == [run.id]
    for step in client.run_steps.list(thread.id, run.id):
        assert client.run_steps.retrieve(thread.id, run.id, step.id) == step
    both = client.runs.create_thread_and_run(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "2 + 2"}]}
    )
    (newest,) = client.messages.list(client.wait_for_run(both).thread_id, limit=1)
    assert "4" in newest.text

    assert client.messages.delete(thread.id, message.id).deleted
    assert client.threads.delete(thread.id).deleted
    assert client.assistants.delete(assistant.id).deleted
    with pytest.raises(NotFoundError, match="No assistant found with id"):
        client.assistants.retrieve(assistant.id)
    with pytest.raises(NotFoundError):
        client.messages.list(thread.id).__iter__().__next__()


def test_lists_neither_skip_nor_repeat(connect: Callable[[], Client]) -> None:
    """Messages of one second come in order, both ways, whatever the size of a page."""
    client = connect()
    thread = client.threads.create()
    made = [client.messages.create(thread.id, str(number)).id for number in range(41)]
    for page_size in (1, 7, 20, 100):
        for order, expected in (("asc", made), ("desc", made[::-1])):
            listed = client.messages.list(thread.id, order=order, page_size=page_size)  # type: ignore[arg-type]
            assert [message.id for message in listed] == expected
        first_three = client.messages.list(thread.id, order="asc", limit=3, page_size=page_size)
        assert [message.text for message in first_three] == ["0", "1", "2"]


def test_the_lock(connect: Callable[[], Client]) -> None:
    """While a run is active its thread takes neither message nor run, and then it does again."""
    client = connect()
    assistant = client.assistants.create(model="any")
    thread = client.threads.create(messages=[{"role": "user", "content": "hello"}])
    run = client.runs.create(thread.id, assistant_id=assistant.id)
    holders = set()
    for _ in range(1000):  # until the run has ended, which may be before the first
        try:
            client.messages.create(thread.id, "too early?")
            break
        except ThreadLockedError as error:
            holders.add(error.run_id)
    assert holders <= {run.id}
    client.wait_for_run(run, check=False)
    assert client.messages.create(thread.id, "now").text == "now"
