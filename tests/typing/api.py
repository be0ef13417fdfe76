"""What type checkers must say about calls: read by mypy and pyright, never run.

The lines with a deliberate mistake carry mypy's name of the complaint; pyright honours the same
comment. A mistake that a checker does not notice leaves an unused comment behind, and for both of
them that is an error here.
"""

# pyright: standard, reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Callable, Iterator, Mapping

from typing_extensions import assert_type

from assistants_client import (
    Annotation,
    Assistant,
    AssistantRequest,
    AssistantUpdate,
    Client,
    ConstantBackoff,
    ContentPart,
    Deleted,
    ExponentialBackoff,
    FunctionDefinition,
    FunctionTool,
    LazyList,
    Message,
    MessageRequest,
    MessageUpdate,
    Page,
    RequiredToolCall,
    Run,
    RunRequest,
    RunStep,
    RunUpdate,
    StepToolCall,
    SubmitToolOutputsRequest,
    Thread,
    ThreadRequest,
    ThreadRunRequest,
    ThreadUpdate,
    Tool,
    ToolApproval,
    ToolOutput,
)


def assistants(client: Client) -> None:
    """Both call forms of every operation on assistants."""
    assert_type(client.assistants.create(model="m", name=None, tools=[]), Assistant)
    assert_type(client.assistants.create(AssistantRequest(model="m")), Assistant)
    assert_type(client.assistants.retrieve("a"), Assistant)
    assert_type(client.assistants.update("a", name="n"), Assistant)
    assert_type(client.assistants.update("a"), Assistant)
    assert_type(client.assistants.update("a", AssistantUpdate(model="m")), Assistant)
    assert_type(client.assistants.list(limit=3, order="asc"), LazyList[Assistant])
    assert_type(client.assistants.list().pages(), Iterator[Page[Assistant]])
    assert_type(client.assistants.delete("a"), Deleted)
    # A piece may be an object or its JSON form.
    tool = FunctionTool(function=FunctionDefinition(name="f"))
    client.assistants.create(model="m", tools=[tool, {"type": "code_interpreter"}])
    # What was read can be sent back.
    read = client.assistants.retrieve("a")
    client.assistants.update(
        read.id,
        model=read.model,
        name=read.name,
        description=read.description,
        instructions=read.instructions,
        tools=read.tools,
        tool_resources=read.tool_resources,
        metadata=read.metadata,
        temperature=read.temperature,
        top_p=read.top_p,
        response_format=read.response_format,
        reasoning_effort=read.reasoning_effort,
    )


def threads(client: Client) -> None:
    """Both call forms of every operation on threads."""
    assert_type(client.threads.create(), Thread)
    assert_type(client.threads.create(messages=[MessageRequest("Hi")]), Thread)
    assert_type(client.threads.create(ThreadRequest()), Thread)
    assert_type(client.threads.retrieve("t"), Thread)
    assert_type(client.threads.update("t", metadata={"a": "b"}), Thread)
    assert_type(client.threads.update("t", ThreadUpdate(metadata=None)), Thread)
    assert_type(client.threads.list(limit=3, order="asc"), LazyList[Thread])
    assert_type(client.threads.delete("t"), Deleted)


def messages(client: Client) -> None:
    """Both call forms of every operation on messages."""
    assert_type(client.messages.create("t", "Hi"), Message)
    assert_type(client.messages.create("t", content=[{"type": "text", "text": "Hi"}]), Message)
    assert_type(client.messages.create("t", "Hi", role="assistant"), Message)
    assert_type(client.messages.create("t", MessageRequest("Hi", metadata=None)), Message)
    assert_type(client.messages.retrieve("t", "m"), Message)
    assert_type(client.messages.update("t", "m", metadata={}), Message)
    assert_type(client.messages.update("t", "m", MessageUpdate(metadata={})), Message)
    assert_type(client.messages.list("t", run_id="r"), LazyList[Message])
    assert_type(client.messages.delete("t", "m"), Deleted)


def runs(client: Client) -> None:
    """Both call forms of every operation on runs."""
    assert_type(client.runs.create("t", assistant_id="a"), Run)
    assert_type(client.runs.create("t", RunRequest(assistant_id="a", tool_choice="auto")), Run)
    assert_type(client.runs.create("t", assistant_id="a", extra_body={"x": [1]}), Run)
    assert_type(client.runs.create("t", RunRequest(assistant_id="a", extra_body={})), Run)
    approval = ToolApproval(tool_call_id="c", approve=True)
    assert_type(client.runs.submit_tool_approvals("t", "r", [approval]), Run)
    thread = ThreadRequest()
    assert_type(client.runs.create_thread_and_run(assistant_id="a", thread=thread), Run)
    assert_type(client.runs.create_thread_and_run(ThreadRunRequest(assistant_id="a")), Run)
    assert_type(client.runs.retrieve("t", "r"), Run)
    assert_type(client.runs.poll("t", "r"), tuple[Run, Mapping[str, str]])
    assert_type(client.runs.update("t", "r", metadata=None), Run)
    assert_type(client.runs.update("t", "r", RunUpdate()), Run)
    assert_type(client.runs.list("t"), LazyList[Run])
    assert_type(client.runs.cancel("t", "r"), Run)
    outputs = [ToolOutput(tool_call_id="c", output="o")]
    assert_type(client.runs.submit_tool_outputs("t", "r", tool_outputs=outputs), Run)
    assert_type(client.runs.submit_tool_outputs("t", "r", outputs), Run)
    request = SubmitToolOutputsRequest(outputs)
    assert_type(client.runs.submit_tool_outputs("t", "r", request), Run)


def run_steps(client: Client) -> None:
    """Every operation on run steps."""
    assert_type(client.run_steps.retrieve("t", "r", "s", include=["a"]), RunStep)
    assert_type(client.run_steps.list("t", "r", page_size=5), LazyList[RunStep])


def waiting(client: Client, run: Run, log: Callable[[Run], None]) -> None:
    """Both forms of waiting, with every kind of backoff."""
    assert_type(client.wait_for_run(run), Run)
    assert_type(client.wait_for_run(thread_id="t", run_id="r", check=False), Run)
    client.wait_for_run(run, timeout=float("inf"), backoff=1, on_poll=log)
    assert_type(client.wait_for_runs([run, ("thread", "run")], timeout=5), Iterator[Run])
    assert_type(list(client.wait_for_runs(client.runs.list("thread"), check=True)), list[Run])
    Client("https://host/v1", max_polls_per_second=2.5)
    client.wait_for_run(run, backoff=ExponentialBackoff(1, factor=2))
    client.wait_for_run(run, backoff=ConstantBackoff(1.5))
    client.wait_for_run(run, backoff=lambda polls, elapsed: polls * elapsed, on_poll=print)


def connecting() -> None:
    """The forms of making a client."""
    assert_type(Client(), Client)
    assert_type(Client("https://host/v1", api_key="k", timeout=(1, 2.5)), Client)
    assert_type(Client("https://host/v1", api_key=lambda: "k", retries=1), Client)
    with Client(headers={"a": "b"}, params={"c": 1}) as client:
        assert_type(client, Client)
        assert_type(client.with_options(timeout=3), Client)


def answers(assistant: Assistant, message: Message, run: Run, step: RunStep) -> None:
    """What is read has types throughout."""
    assert_type(assistant.name, str | None)
    assert_type(assistant.tools, list[Tool])
    assert_type(assistant.metadata, dict[str, str])
    assert_type(message.content, list[ContentPart])
    assert_type(message.text, str)
    assert_type(message.status, str | None)
    assert_type(message.citations, list[Annotation])
    assert_type(run.status, str)
    assert_type(run.is_final, bool)
    assert_type(run.tool_calls, list[RequiredToolCall])
    assert_type(step.tool_calls, list[StepToolCall])
    if run.last_error is not None:
        assert_type(run.last_error.message, str)
    for part in message.content:
        if part.type == "text":
            print(part)
    for item in LazyList[Run](lambda query: Page(), lambda run: run.id):
        assert_type(item, Run)


# --- deliberate mistakes -------------------------------------------------------------------------


def misspelled(client: Client) -> None:
    """A field that does not exist."""
    client.assistants.create(modell="m")  # type: ignore[call-overload]
    client.assistants.create(model="m", nam="n")  # type: ignore[call-overload]
    client.assistants.create(AssistantRequest(modell="m"))  # type: ignore[call-arg]
    client.assistants.update("a", nam="n")  # type: ignore[call-overload]
    client.assistants.update("a", AssistantUpdate(nam="n"))  # type: ignore[call-arg]
    client.threads.create(message=[])  # type: ignore[call-overload]
    client.threads.create(ThreadRequest(message=[]))  # type: ignore[call-arg]
    client.threads.update("t", messages=[])  # type: ignore[call-overload]
    client.threads.update("t", ThreadUpdate(messages=[]))  # type: ignore[call-arg]
    client.messages.create("t", "Hi", rol="user")  # type: ignore[call-overload]
    client.messages.create("t", MessageRequest("Hi", rol="user"))  # type: ignore[call-arg]
    client.runs.create("t", assistant="a")  # type: ignore[call-overload]
    client.runs.create("t", RunRequest(assistant="a"))  # type: ignore[call-arg]
    client.runs.update("t", "r", meta={})  # type: ignore[call-overload]
    client.runs.submit_tool_outputs("t", "r", outputs=[])  # type: ignore[call-overload]
    client.assistants.list(pagesize=3)  # type: ignore[call-arg]


def missing(client: Client) -> None:
    """A field that is needed."""
    client.assistants.create()  # type: ignore[call-overload]
    client.assistants.create(name="n")  # type: ignore[call-overload]
    client.assistants.create(AssistantRequest())  # type: ignore[call-arg]
    client.messages.create("t")  # type: ignore[call-overload]
    client.messages.create("t", MessageRequest())  # type: ignore[call-arg]
    client.runs.create("t")  # type: ignore[call-overload]
    client.runs.create("t", RunRequest())  # type: ignore[call-arg]
    client.runs.create_thread_and_run()  # type: ignore[call-overload]
    client.runs.create_thread_and_run(ThreadRunRequest())  # type: ignore[call-arg]
    client.runs.submit_tool_outputs("t", "r")  # type: ignore[call-overload]
    client.runs.submit_tool_outputs("t", "r", SubmitToolOutputsRequest())  # type: ignore[call-arg]


def missing_ids(client: Client) -> None:
    """An id that is needed."""
    client.runs.create(assistant_id="a")  # type: ignore[call-overload]
    client.messages.update("t", metadata={})  # type: ignore[call-overload]
    client.runs.retrieve("t")  # type: ignore[call-arg]


def wrong_typed(client: Client, thread: Thread, run: Run) -> None:
    """A field, an id or a request of another type."""
    client.assistants.create(model=5)  # type: ignore[call-overload]
    client.assistants.create(AssistantRequest(model=5))  # type: ignore[arg-type]
    client.assistants.create(model="m", tools=[5])  # type: ignore[list-item]
    client.assistants.create(model="m", temperature="1")  # type: ignore[call-overload]
    client.assistants.create(model="m", reasoning_effort="extreme")  # type: ignore[call-overload]
    client.assistants.update("a", AssistantRequest(model="m"))  # type: ignore[call-overload]
    client.messages.create("t", 5)  # type: ignore[call-overload]
    client.messages.create("t", "Hi", role="system")  # type: ignore[call-overload]
    client.messages.create("t", MessageRequest("Hi", role="system"))  # type: ignore[arg-type]
    client.runs.create(thread, assistant_id="a")  # type: ignore[call-overload]
    client.runs.create("t", assistant_id="a", extra_body=5)  # type: ignore[call-overload]
    client.runs.create("t", RunRequest(assistant_id="a", extra_bodies={}))  # type: ignore[call-arg]
    ToolApproval(tool_call_id="c", approve="yes")  # type: ignore[arg-type]
    client.runs.create("t", assistant_id=None)  # type: ignore[call-overload]
    client.runs.create("t", RunRequest(assistant_id=None))  # type: ignore[arg-type]
    client.runs.create("t", assistant_id="a", parallel_tool_calls=None)  # type: ignore[call-overload]
    client.runs.create("t", ThreadRequest())  # type: ignore[call-overload]
    client.runs.retrieve(thread, run)  # type: ignore[arg-type]
    client.assistants.list(order="up")  # type: ignore[arg-type]


def both_forms(client: Client, run: Run) -> None:
    """An object and its fields at once."""
    client.assistants.create(AssistantRequest(model="m"), model="m")  # type: ignore[call-overload]
    client.runs.create("t", RunRequest(assistant_id="a"), model="m")  # type: ignore[call-overload]
    client.wait_for_run(run, thread_id="t", run_id="r")  # type: ignore[call-overload]
    client.wait_for_run(thread_id="t")  # type: ignore[call-overload]
    client.wait_for_run()  # type: ignore[call-overload]
    client.wait_for_runs(run)  # type: ignore[arg-type]
    client.wait_for_runs(["run"])  # type: ignore[list-item]
