"""``client.runs``: what each operation sends, and what it answers."""

import json

import pytest

from assistants_client import (
    CodeInterpreterTool,
    MessageRequest,
    NamedFunction,
    NamedToolChoice,
    Run,
    RunRequest,
    RunUpdate,
    SubmitToolOutputsRequest,
    ThreadLockedError,
    ThreadRequest,
    ThreadRunRequest,
    ToolOutput,
    TruncationStrategy,
)

ALL = "/threads/thread_1/runs"
ONE = f"{ALL}/run_1"
CHOICE = {"type": "function", "function": {"name": "f"}}


def test_create(expect, payload):
    """POST to the thread's runs, with every option as it was given."""
    body = {
        "assistant_id": "asst_1",
        "instructions": "Say Jane Doe.",
        "additional_instructions": None,
        "additional_messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "code_interpreter"}],
        "tool_choice": CHOICE,
        "truncation_strategy": {"type": "last_messages", "last_messages": 3},
        "parallel_tool_calls": False,
        "max_prompt_tokens": 256,
        "reasoning_effort": "low",
    }
    request = RunRequest(
        assistant_id="asst_1",
        instructions="Say Jane Doe.",
        additional_instructions=None,
        additional_messages=[MessageRequest("Hi")],
        tools=[CodeInterpreterTool()],
        tool_choice=NamedToolChoice(type="function", function=NamedFunction(name="f")),
        truncation_strategy=TruncationStrategy(type="last_messages", last_messages=3),
        parallel_tool_calls=False,
        max_prompt_tokens=256,
        reasoning_effort="low",
    )
    for call in (
        lambda client: client.runs.create("thread_1", request),
        lambda client: client.runs.create("thread_1", **body),
    ):
        made = expect(call, "POST", ALL, payload("run_queued"), body=body)
        assert isinstance(made, Run)
        assert made.status == "queued"


def test_create_sends_only_what_was_given(expect, payload):
    """Nothing of ours goes into the body; ``include`` goes into the query."""
    body = {"assistant_id": "asst_1"}
    expect(
        lambda client: client.runs.create("thread_1", assistant_id="asst_1"),
        "POST",
        ALL,
        payload("run"),
        body=body,
    )
    expect(
        lambda client: client.runs.create("thread_1", assistant_id="asst_1", include=["a[*].b"]),
        "POST",
        ALL,
        payload("run"),
        body=body,
        query=[("include[]", "a[*].b")],
    )


@pytest.mark.parametrize("path", [ALL, "/threads/runs"])
def test_a_plain_function_is_sent_as_its_schema(client, wire, payload, path):
    """Wherever a run is started, as the wait for it takes the function too."""

    def add(a: int) -> int:
        """Adds."""
        return a

    wire.post(f"https://server.test/v1{path}", json=payload("run"))
    if path == ALL:
        client.runs.create("thread_1", assistant_id="asst_1", tools=[add])
    else:
        client.runs.create_thread_and_run(assistant_id="asst_1", tools=[add])
    [function] = json.loads(wire.calls[0].request.body)["tools"]
    assert function["function"]["name"] == "add"
    assert function["function"]["parameters"]["properties"] == {"a": {"type": "integer"}}


def test_create_thread_and_run(expect, payload):
    """POST /threads/runs, with the thread inside."""
    body = {
        "assistant_id": "asst_1",
        "thread": {"messages": [{"role": "user", "content": "Hi"}]},
        "tool_resources": None,
    }
    thread = ThreadRequest(messages=[MessageRequest("Hi")])
    request = ThreadRunRequest(assistant_id="asst_1", thread=thread, tool_resources=None)
    for call in (
        lambda client: client.runs.create_thread_and_run(request),
        lambda client: client.runs.create_thread_and_run(**body),
    ):
        assert isinstance(expect(call, "POST", "/threads/runs", payload("run"), body=body), Run)


def test_retrieve(expect, payload):
    """GET the run, with its usage."""
    made = expect(
        lambda client: client.runs.retrieve("thread_1", "run_1"), "GET", ONE, payload("run")
    )
    assert made.is_final
    assert made.usage.total_tokens == 168


def test_poll_answers_the_headers_too(client, wire, payload):
    """A server may say there when to ask again."""
    url = f"https://server.test/v1{ONE}"
    wire.get(url, json=payload("run"), headers={"openai-poll-after-ms": "250"})
    run, headers = client.runs.poll("thread_1", "run_1")
    assert run.id == "run_7"
    assert headers["OpenAI-Poll-After-Ms"] == "250"


def test_update(expect, payload):
    """POST the metadata."""
    for call in (
        lambda client: client.runs.update("thread_1", "run_1", metadata={"a": "b"}),
        lambda client: client.runs.update("thread_1", "run_1", RunUpdate(metadata={"a": "b"})),
    ):
        expect(call, "POST", ONE, payload("run"), body={"metadata": {"a": "b"}})


def test_list(listed, payload):
    """GET the thread's runs."""
    found, query = listed(
        lambda client: client.runs.list("thread_1", page_size=7, after="run_0"),
        ALL,
        payload("run"),
    )
    assert [run.id for run in found] == ["run_7"]
    assert sorted(query) == [("after", "run_0"), ("limit", "7")]


def test_cancel(expect, payload):
    """POST without a body."""
    run = payload("run") | {"status": "cancelling"}
    made = expect(
        lambda client: client.runs.cancel("thread_1", "run_1"), "POST", f"{ONE}/cancel", run
    )
    assert made.is_active


def test_submit_tool_outputs(expect, payload):
    """POST all outputs at once, objects and plain ones alike."""
    outputs = [{"tool_call_id": "call_1", "output": "sunny"}, {"tool_call_id": "call_2"}]
    objects = [ToolOutput(tool_call_id="call_1", output="sunny"), ToolOutput(tool_call_id="call_2")]
    for call in (
        lambda c: c.runs.submit_tool_outputs("thread_1", "run_1", objects),
        lambda c: c.runs.submit_tool_outputs("thread_1", "run_1", tool_outputs=outputs),
        lambda c: c.runs.submit_tool_outputs(
            "thread_1", "run_1", SubmitToolOutputsRequest(objects)
        ),
    ):
        body = {"tool_outputs": outputs}
        path = f"{ONE}/submit_tool_outputs"
        assert isinstance(expect(call, "POST", path, payload("run_queued"), body=body), Run)


def test_a_locked_thread_is_an_error_with_the_run(client, wire):
    """The caller may wait for it, or cancel it."""
    text = "Thread thread_1 already has an active run run_9."
    wire.post(f"https://server.test/v1{ALL}", status=400, json={"error": {"message": text}})
    with pytest.raises(ThreadLockedError) as caught:
        client.runs.create("thread_1", assistant_id="asst_1")
    assert caught.value.run_id == "run_9"
