"""Every documented limit, sent to the embedded engine past this client's own checks."""

import pytest
from databases import fresh
from protocol_limits import LIMITS

import assistants_client as ac
from assistants_client import BadRequestError, Client
from assistants_client.engine import Engine, Scripted

PATHS = {
    ac.AssistantRequest: "/assistants",
    ac.AssistantUpdate: "/assistants/asst_1",
    ac.ThreadRequest: "/threads",
    ac.ThreadUpdate: "/threads/thread_1",
    ac.MessageRequest: "/threads/thread_1/messages",
    ac.MessageUpdate: "/threads/thread_1/messages/msg_1",
    ac.RunRequest: "/threads/thread_1/runs",
    ac.RunUpdate: "/threads/thread_1/runs/run_1",
    ac.ThreadRunRequest: "/threads/runs",
    ac.SubmitToolOutputsRequest: "/threads/thread_1/runs/run_1/submit_tool_outputs",
    ac.VectorStoreRequest: "/vector_stores",
    ac.VectorStoreUpdate: "/vector_stores/vs_1",
    ac.VectorStoreFileRequest: "/vector_stores/vs_1/files",
    ac.VectorStoreFileBatchRequest: "/vector_stores/vs_1/file_batches",
    ac.SearchRequest: "/vector_stores/vs_1/search",
}
ROWS = [
    pytest.param(row, id=f"{row[0].__name__}-{row[2]}-{row[3]}"[:90])
    for row in LIMITS
    if row[0] in PATHS
]


@pytest.fixture(scope="module")
def engine_client():
    """A client of an engine in memory."""
    with Engine(fresh("sqlite://"), model=Scripted([])) as engine, Client(engine=engine) as client:
        yield client


@pytest.mark.parametrize("row", ROWS)
def test_the_engine_answers_with_the_field_and_the_limit(engine_client, row):
    """A 400 of the documented form, whose ``param`` is the field; the body is read first of all."""
    cls, given, field, words, _, beyond = row
    name = field.partition(".")[0].partition("[")[0]

    with pytest.raises(BadRequestError) as caught:
        engine_client._transport.send("POST", PATHS[cls], document={**given, name: beyond})

    error = caught.value
    assert (error.type, error.param) == ("invalid_request_error", field)
    assert words in str(error)
    assert error.code
