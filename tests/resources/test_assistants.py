"""``client.assistants``: what each operation sends, and what it answers."""

from assistants_client import (
    Assistant,
    AssistantRequest,
    AssistantUpdate,
    CodeInterpreterResources,
    CodeInterpreterTool,
    Deleted,
    FunctionDefinition,
    FunctionTool,
    JsonSchema,
    ResponseFormat,
    ToolResources,
)
from assistants_client._json.codec import decode

BODY = {
    "model": "m",
    "name": "Math Tutor",
    "tools": [
        {"type": "code_interpreter"},
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
    ],
    "tool_resources": {"code_interpreter": {"file_ids": ["file-1"]}},
    "temperature": 0.5,
    "response_format": {"type": "json_schema", "json_schema": {"name": "s", "strict": True}},
    "description": None,
}


def request():
    """BODY as objects."""
    return AssistantRequest(
        model="m",
        name="Math Tutor",
        tools=[
            CodeInterpreterTool(),
            FunctionTool(function=FunctionDefinition(name="f", parameters={"type": "object"})),
        ],
        tool_resources=ToolResources(
            code_interpreter=CodeInterpreterResources(file_ids=["file-1"])
        ),
        temperature=0.5,
        response_format=ResponseFormat(
            type="json_schema", json_schema=JsonSchema(name="s", strict=True)
        ),
        description=None,
    )


def test_create(expect, payload):
    """POST /assistants, from an object or from keywords with plain JSON inside."""
    for call in (
        lambda client: client.assistants.create(request()),
        lambda client: client.assistants.create(**BODY),
    ):
        made = expect(call, "POST", "/assistants", payload("assistant"), body=BODY)
        assert made == decode(Assistant, payload("assistant"))
        assert isinstance(made.tools[0], CodeInterpreterTool)


def test_retrieve(expect, payload):
    """GET /assistants/{id}."""
    made = expect(
        lambda client: client.assistants.retrieve("asst_1"),
        "GET",
        "/assistants/asst_1",
        payload("assistant"),
    )
    assert made.name == "Math Tutor"


def test_update(expect, payload):
    """POST /assistants/{id} with the given fields alone; null clears."""
    for call in (
        lambda client: client.assistants.update("asst_1", AssistantUpdate(name=None, top_p=0)),
        lambda client: client.assistants.update("asst_1", name=None, top_p=0),
    ):
        body = {"name": None, "top_p": 0}
        made = expect(call, "POST", "/assistants/asst_1", payload("assistant"), body=body)
        assert isinstance(made, Assistant)


def test_update_of_nothing_is_an_empty_object(expect, payload):
    """A body is sent all the same."""
    expect(
        lambda client: client.assistants.update("asst_1"),
        "POST",
        "/assistants/asst_1",
        payload("assistant"),
        body={},
    )


def test_list(listed, payload):
    """GET /assistants with the page's parameters."""
    found, query = listed(
        lambda client: client.assistants.list(
            limit=3, order="asc", after="asst_0", before="asst_9", page_size=2
        ),
        "/assistants",
        payload("assistant"),
    )
    assert [made.name for made in found] == ["Math Tutor"]
    assert query == [("order", "asc"), ("after", "asst_0"), ("before", "asst_9"), ("limit", "2")]


def test_list_without_arguments(listed, payload):
    """Nothing is asked for that was not given."""
    assert (
        listed(lambda client: client.assistants.list(), "/assistants", payload("assistant"))[1]
        == []
    )


def test_delete(expect):
    """DELETE /assistants/{id}."""
    answer = {"id": "asst_1", "object": "assistant.deleted", "deleted": True}
    gone = expect(
        lambda client: client.assistants.delete("asst_1"), "DELETE", "/assistants/asst_1", answer
    )
    assert gone == Deleted(id="asst_1", object="assistant.deleted", deleted=True)
