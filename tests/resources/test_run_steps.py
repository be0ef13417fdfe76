"""``client.run_steps``: what each operation sends, and what it answers."""

from assistants_client import CodeInterpreterCall, RunStep

ALL = "/threads/thread_1/runs/run_1/steps"
CONTENT = "step_details.tool_calls[*].file_search.results[*].content"


def test_retrieve(expect, payload):
    """GET the step, with its tool calls."""
    made = expect(
        lambda client: client.run_steps.retrieve("thread_1", "run_1", "step_1"),
        "GET",
        f"{ALL}/step_1",
        payload("run_step_tools"),
    )
    assert isinstance(made, RunStep)
    assert isinstance(made.tool_calls[0], CodeInterpreterCall)


def test_retrieve_with_more(expect, payload):
    """``include`` is repeated under its name with brackets."""
    expect(
        lambda client: client.run_steps.retrieve(
            "thread_1", "run_1", "step_1", include=[CONTENT, "b"]
        ),
        "GET",
        f"{ALL}/step_1",
        payload("run_step_message"),
        query=[("include[]", CONTENT), ("include[]", "b")],
    )


def test_list(listed, payload):
    """GET the run's steps."""
    found, query = listed(
        lambda client: client.run_steps.list(
            "thread_1", "run_1", include=(CONTENT,), order="asc", before="step_9"
        ),
        ALL,
        payload("run_step_message"),
    )
    assert found[0].step_details.message_creation.message_id == "msg_1"
    assert found[0].tool_calls == []
    assert sorted(query) == [("before", "step_9"), ("include[]", CONTENT), ("order", "asc")]


def test_list_without_arguments(listed, payload):
    """Nothing is asked for that was not given."""
    _, query = listed(
        lambda client: client.run_steps.list("thread_1", "run_1", include=[]),
        ALL,
        payload("run_step_message"),
    )
    assert query == []
