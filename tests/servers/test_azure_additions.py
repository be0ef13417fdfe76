"""What Azure's service adds to the protocol survives: read, kept, readable, and sent back equal."""

import copy

import pytest

from assistants_client import (
    Assistant,
    AssistantUpdate,
    File,
    InvalidRequestError,
    Message,
    Run,
    RunRequest,
    RunStep,
    ToolApproval,
    UnknownTool,
    UnknownToolCall,
    UrlCitation,
)
from assistants_client._json.codec import InvalidValueError, decode, encode, parse

TOOLS = {
    "bing_grounding": {
        "bing_grounding": {"search_configurations": [{"connection_id": "c", "count": 5}]}
    },
    "azure_ai_search": {"azure_ai_search": {}},
    "openapi": {
        "openapi": {
            "name": "weather",
            "spec": {"openapi": "3.1.0", "paths": {}},
            "auth": {"type": "connection", "security_scheme": {"connection_id": "c"}},
            "default_params": ["format"],
        }
    },
    "azure_function": {
        "azure_function": {
            "function": {"name": "f", "parameters": {}},
            "input_binding": {"type": "storage_queue", "storage_queue": {"queue_name": "in"}},
            "output_binding": {"type": "storage_queue", "storage_queue": {"queue_name": "out"}},
        }
    },
    "connected_agent": {"connected_agent": {"id": "asst_2", "name": "n", "description": "d"}},
    "mcp": {"server_label": "docs", "server_url": "https://mcp.test", "allowed_tools": []},
}
RESOURCES = {
    "azure_ai_search": {"indexes": [{"index_name": "i", "query_type": "semantic", "top_k": 5}]},
    "mcp": [{"server_label": "docs", "require_approval": "always", "headers": {}}],
    "code_interpreter": {"data_sources": [{"uri": "azureml://x", "type": "uri_asset"}]},
    "file_search": {
        "vector_stores": [{"name": "v", "configuration": {"data_sources": []}}],
    },
}
AGENT = {
    "id": "asst_1",
    "object": "assistant",
    "created_at": 1795368809,
    "name": "Agent",
    "description": None,
    "model": "gpt-4o",
    "instructions": "Be brief.",
    "tools": [{"type": name, **tool} for name, tool in TOOLS.items()]
    + [{"type": "code_interpreter"}, {"type": "function", "function": {"name": "f"}}],
    "tool_resources": RESOURCES,
    "metadata": {"a": "b"},
    "temperature": 1,
    "top_p": 1.0,
    "response_format": "none",
}
SENT_BACK = AGENT.keys() - {"id", "object", "created_at"}


@pytest.mark.parametrize("form", ["fields", "object"])
def test_an_assistant_can_be_read_and_sent_back_unchanged(client, server, form):
    """The JSON of every field is equal, in both call forms."""
    server.answers("GET", "/assistants/asst_1", AGENT)
    server.answers("POST", "/assistants/asst_1", AGENT)
    agent = client.assistants.retrieve("asst_1")

    fields = {name: getattr(agent, name) for name in SENT_BACK}
    if form == "fields":
        client.assistants.update(agent.id, **fields)
    else:
        client.assistants.update(agent.id, AssistantUpdate(**fields))

    assert server.bodies == [{name: AGENT[name] for name in SENT_BACK}]


@pytest.mark.parametrize("resources", [{}, {"code_interpreter": {}}, {"file_search": {}}])
def test_empty_tool_resources_are_sent_back_as_they_came(resources):
    """A key that was not there is not made up: on an update it would change something."""
    agent = decode(Assistant, {"id": "a", "tool_resources": resources})

    assert encode(AssistantUpdate(tool_resources=agent.tool_resources)) == {
        "tool_resources": resources
    }


@pytest.mark.parametrize("name", list(TOOLS))
def test_a_tool_is_kept_with_everything_it_came_with(name):
    """Its type is known, its settings are in ``raw``, and it can be sent."""
    document = {"type": name, **TOOLS[name]}
    (tool,) = decode(Assistant, {"id": "a", "tools": [document]}).tools

    assert tool == UnknownTool(type=name, raw=document)
    assert encode(RunRequest(assistant_id="a", tools=[tool]))["tools"] == [document]


@pytest.mark.parametrize("name", list(TOOLS))
def test_a_tool_can_be_given_as_plain_json(client, server, name):
    """A tool that this library does not know can be used all the same."""
    tool = {"type": name, **TOOLS[name]}
    server.answers("POST", "/assistants", AGENT)

    client.assistants.create(model="gpt-4o", tools=[tool], tool_resources=RESOURCES)

    assert server.bodies == [{"model": "gpt-4o", "tools": [tool], "tool_resources": RESOURCES}]


def test_tool_resources_of_its_own_are_readable():
    """They are in ``extra`` of the object they came with."""
    resources = decode(Assistant, AGENT).tool_resources

    assert resources.extra["azure_ai_search"] == RESOURCES["azure_ai_search"]
    assert resources.code_interpreter.extra == RESOURCES["code_interpreter"]
    (store,) = resources.file_search.vector_stores
    assert store.extra == {"name": "v", "configuration": {"data_sources": []}}


def test_a_source_on_the_web():
    """It is among the citations, with its address; it goes back as it came."""
    mark = {
        "type": "url_citation",
        "text": "[1]",
        "url_citation": {"url": "https://a.test", "title": "A"},
        "start_index": 4,
        "end_index": 7,
    }
    part = {"type": "text", "text": {"value": "See [1]", "annotations": [mark]}}
    message = decode(Message, {"id": "m", "content": [part]})

    [found] = message.citations
    assert isinstance(found, UrlCitation)
    assert (found.url, repr(found)) == (
        "https://a.test",
        "UrlCitation(text='[1]', url='https://a.test')",
    )
    assert encode(message)["content"] == [part]


@pytest.mark.parametrize("kind", ["bing_grounding", "azure_ai_search", "openapi", "mcp"])
def test_a_tool_call_of_a_step_is_kept(kind):
    """With its settings, whatever they are."""
    call = {"id": "call_1", "type": kind, kind: {"requesturl": "https://a.test"}}
    details = {"type": "tool_calls", "tool_calls": [call]}
    step = decode(RunStep, {"id": "s", "step_details": details})

    assert step.tool_calls == [UnknownToolCall(type=kind, raw=call)]
    assert encode(step)["step_details"] == details


def test_a_functions_call_in_a_step_may_lack_its_output():
    """Azure's steps never hold it."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    details = {"type": "tool_calls", "tool_calls": [call]}
    (kept,) = decode(RunStep, {"id": "s", "step_details": details}).tool_calls

    assert kept.function.output is None


PENDING = {"id": "call_1", "type": "mcp", "name": "search", "arguments": "{}"}
APPROVAL = {
    "type": "submit_tool_approval",
    "submit_tool_approval": {"tool_calls": [PENDING]},
}


def test_a_run_that_asks_for_approval_can_be_read(client, server):
    """Waiting ends there, and the calls are in ``required_action.extra``."""
    document = {"id": "r", "thread_id": "t", "status": "requires_action"}
    server.answers("GET", "/threads/t/runs/r", {**document, "required_action": APPROVAL})

    run = client.wait_for_run(thread_id="t", run_id="r")

    assert run.required_action.type == "submit_tool_approval"
    assert run.required_action.extra["submit_tool_approval"]["tool_calls"] == [PENDING]
    assert run.tool_calls == []
    assert encode(run)["required_action"].items() >= APPROVAL.items()


def test_approvals_are_submitted_where_outputs_are(client, server):
    """The same path, and no tool outputs in the body."""
    path = "/threads/t/runs/r/submit_tool_outputs"
    server.answers("POST", path, {"id": "r", "status": "queued"})

    client.runs.submit_tool_approvals(
        "t",
        "r",
        tool_approvals=[
            ToolApproval(tool_call_id="call_1", approve=True, headers={"x": "y"}),
            {"tool_call_id": "call_2", "approve": False},
        ],
    )

    assert server.sent == [("POST", path)]
    assert server.bodies == [
        {
            "tool_approvals": [
                {"tool_call_id": "call_1", "approve": True, "headers": {"x": "y"}},
                {"tool_call_id": "call_2", "approve": False},
            ]
        }
    ]


def test_an_approval_is_checked_before_it_is_sent(client, server):
    """A misspelled or missing answer would be taken for another one."""
    with pytest.raises(InvalidRequestError, match=r"tool_approvals\[0\].approve"):
        client.runs.submit_tool_approvals("t", "r", [{"tool_call_id": "c"}])
    assert server.sent == []


def test_a_run_takes_tool_resources_through_extra_body(client, server):
    """A field that only some servers know goes into the body beside the declared ones."""
    server.answers("POST", "/threads/t/runs", {"id": "r"})

    client.runs.create(
        "t", assistant_id="a", instructions=None, extra_body={"tool_resources": RESOURCES}
    )
    client.runs.create("t", RunRequest(assistant_id="a", extra_body={"tool_resources": {}}))

    assert server.bodies == [
        {"assistant_id": "a", "instructions": None, "tool_resources": RESOURCES},
        {"assistant_id": "a", "tool_resources": {}},
    ]


def test_extra_body_is_for_every_request_with_fields(client, server):
    """Also for one within another."""
    server.answers("POST", "/threads/runs", {"id": "r"})
    from assistants_client import MessageRequest, ThreadRequest

    client.runs.create_thread_and_run(
        assistant_id="a",
        thread=ThreadRequest(
            messages=[MessageRequest("hi", extra_body={"name": "n"})], extra_body={"tags": ["x"]}
        ),
        extra_body={"priority": 1},
    )

    assert server.bodies == [
        {
            "assistant_id": "a",
            "thread": {
                "messages": [{"role": "user", "content": "hi", "name": "n"}],
                "tags": ["x"],
            },
            "priority": 1,
        }
    ]


@pytest.mark.parametrize("field", ["model", "include", "extra_body"])
def test_extra_body_does_not_go_past_the_checks_of_a_field(client, server, field):
    """What is declared is given as a field, so that it is checked."""
    with pytest.raises(InvalidRequestError) as caught:
        client.runs.create("t", assistant_id="a", extra_body={field: 5})
    assert caught.value.path == f"extra_body.{field}"
    assert "give it as that" in str(caught.value)
    assert server.sent == []


@pytest.mark.parametrize("extra", ["text", 5, None, [("a", 1)]])
def test_extra_body_is_an_object(client, extra):
    """Anything else is refused before sending."""
    with pytest.raises(InvalidRequestError, match="Invalid 'extra_body': expected an object"):
        client.threads.create(extra_body=extra)


def test_a_misspelled_field_is_still_an_error(client):
    """``extra_body`` is the one way past the declared fields."""
    with pytest.raises(TypeError, match="instrucctions"):
        client.runs.create("t", assistant_id="a", instrucctions="x")


def test_the_engine_knows_no_extra_body():
    """It is a word between a caller and this client, never a field on the wire."""
    with pytest.raises(InvalidValueError) as caught:
        parse(RunRequest, {"assistant_id": "a", "extra_body": {}})
    assert caught.value.code == "unknown_parameter"


@pytest.mark.parametrize("status", ["uploaded", "pending", "running"])
def test_a_file_in_work_is_waited_for(timed_client, server, status):
    """Azure's words for it are known."""
    server.answers("POST", "/files", {"id": "f", "status": status})
    server.answers("GET", "/files/f", {"id": "f", "status": status}, {"id": "f", "status": "error"})

    file = timed_client.files.upload_and_wait(b"x", filename="x.txt", backoff=1)

    assert file.status == "error"
    assert [method for method, _ in server.sent] == ["POST", "GET", "GET"]


@pytest.mark.parametrize("status", ["processed", "error", "deleting", "deleted", "of a new kind"])
def test_a_file_of_any_other_status_is_not_waited_for(status):
    """An unknown status must not be waited on for ever."""
    assert decode(File, {"id": "f", "status": status}).is_processed


def test_an_attachment_with_a_data_source_goes_round():
    """Without the id of a file, for it has none."""
    attachment = {
        "data_source": {"uri": "azureml://x", "type": "uri_asset"},
        "tools": [{"type": "code_interpreter"}],
    }
    message = decode(Message, {"id": "m", "attachments": [attachment]})

    assert message.attachments[0].extra == {"data_source": attachment["data_source"]}
    assert encode(message)["attachments"] == [attachment]


@pytest.mark.parametrize("kind", ["bing_grounding", "azure_ai_search", "connected_agent"])
def test_a_named_tool_choice_of_its_own_is_kept(kind):
    """Read from a run and sent with the next one."""
    run = decode(Run, {"id": "r", "tool_choice": {"type": kind}})

    assert run.tool_choice.type == kind
    assert encode(RunRequest(assistant_id="a", tool_choice=run.tool_choice))["tool_choice"] == {
        "type": kind
    }


def test_every_thread_can_be_listed(client, server):
    """``GET /threads`` pages like the other lists."""
    first = {"data": [{"id": "thread_1"}, {"id": "thread_2"}], "has_more": True}
    server.answers("GET", "/threads", first, {"data": [{"id": "thread_3"}], "has_more": False})

    threads = client.threads.list(order="desc", page_size=2)

    assert [thread.id for thread in threads] == ["thread_1", "thread_2", "thread_3"]
    assert [path for _, path in server.sent] == [
        "/threads?order=desc&limit=2",
        "/threads?order=desc&limit=2&after=thread_2",
    ]


def test_the_engine_lists_its_threads_too():
    """The same call, against the engine in this process."""
    from assistants_client import Client
    from assistants_client.engine import Engine, Scripted

    with Engine("sqlite://", model=Scripted([])) as engine, Client(engine=engine) as client:
        made = [client.threads.create().id for _ in range(5)]

        assert [thread.id for thread in client.threads.list(order="asc", page_size=2)] == made
        assert [thread.id for thread in client.threads.list(limit=2)] == made[:2:-1]


def test_reading_does_not_change_what_was_read():
    """The document stays the caller's."""
    before = copy.deepcopy(AGENT)
    encode(decode(Assistant, AGENT))
    assert before == AGENT
