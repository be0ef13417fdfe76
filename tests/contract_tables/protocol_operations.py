"""The operations of the protocol, each with the call that makes it. Written by hand.

``test_operations.py`` makes the calls, ``test_spec.py`` compares the rows with the specification.
No field of a body stands here; those are in ``protocol_fields.py``.
"""

from collections.abc import Callable
from typing import Any

from attrs import frozen

from assistants_client import Client

#: What each id of a path is in the calls below.
IDS = {
    "assistant_id": "asst_1",
    "thread_id": "thread_1",
    "message_id": "msg_1",
    "run_id": "run_1",
    "step_id": "step_1",
    "vector_store_id": "vs_1",
    "batch_id": "vsfb_1",
    "file_id": "file-1",
}
_A, _T, _M, _R, _S, _V, _B, _F = IDS.values()

PAGE: dict[str, Any] = {"limit": 5, "order": "asc", "after": "a", "before": "b"}
_FILTERED: dict[str, Any] = {**PAGE, "filter": "completed"}
_INCLUDE = ["step_details.tool_calls[*].file_search.results[*].content"]
_PAGE_QUERY = ("limit", "order", "after", "before")


@frozen
class Operation:
    """A row: what is called, what it may ask for, and what it sends and gets, by schema name."""

    method: str
    path: str
    call: Callable[[Client], object]
    query: tuple[str, ...] = ()
    body: str | None = None
    answer: str | None = None

    @property
    def name(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"


def _listed(listed: Any) -> object:
    return list(listed)


OPERATIONS = [
    Operation(
        "GET",
        "/assistants",
        lambda c: _listed(c.assistants.list(**PAGE)),
        _PAGE_QUERY,
        answer="ListAssistantsResponse",
    ),
    Operation(
        "POST",
        "/assistants",
        lambda c: c.assistants.create(model="m"),
        body="CreateAssistantRequest",
        answer="AssistantObject",
    ),
    Operation(
        "GET",
        "/assistants/{assistant_id}",
        lambda c: c.assistants.retrieve(_A),
        answer="AssistantObject",
    ),
    Operation(
        "POST",
        "/assistants/{assistant_id}",
        lambda c: c.assistants.update(_A, name=None),
        body="ModifyAssistantRequest",
        answer="AssistantObject",
    ),
    Operation(
        "DELETE",
        "/assistants/{assistant_id}",
        lambda c: c.assistants.delete(_A),
        answer="DeleteAssistantResponse",
    ),
    Operation(
        "POST",
        "/threads",
        lambda c: c.threads.create(),
        body="CreateThreadRequest",
        answer="ThreadObject",
    ),
    Operation(
        "GET", "/threads/{thread_id}", lambda c: c.threads.retrieve(_T), answer="ThreadObject"
    ),
    Operation(
        "POST",
        "/threads/{thread_id}",
        lambda c: c.threads.update(_T, metadata=None),
        body="ModifyThreadRequest",
        answer="ThreadObject",
    ),
    Operation(
        "DELETE",
        "/threads/{thread_id}",
        lambda c: c.threads.delete(_T),
        answer="DeleteThreadResponse",
    ),
    Operation(
        "POST",
        "/threads/runs",
        lambda c: c.runs.create_thread_and_run(assistant_id=_A),
        body="CreateThreadAndRunRequest",
        answer="RunObject",
    ),
    Operation(
        "GET",
        "/threads/{thread_id}/messages",
        lambda c: _listed(c.messages.list(_T, run_id=_R, **PAGE)),
        (*_PAGE_QUERY, "run_id"),
        answer="ListMessagesResponse",
    ),
    Operation(
        "POST",
        "/threads/{thread_id}/messages",
        lambda c: c.messages.create(_T, "hi"),
        body="CreateMessageRequest",
        answer="MessageObject",
    ),
    Operation(
        "GET",
        "/threads/{thread_id}/messages/{message_id}",
        lambda c: c.messages.retrieve(_T, _M),
        answer="MessageObject",
    ),
    Operation(
        "POST",
        "/threads/{thread_id}/messages/{message_id}",
        lambda c: c.messages.update(_T, _M, metadata={}),
        body="ModifyMessageRequest",
        answer="MessageObject",
    ),
    Operation(
        "DELETE",
        "/threads/{thread_id}/messages/{message_id}",
        lambda c: c.messages.delete(_T, _M),
        answer="DeleteMessageResponse",
    ),
    Operation(
        "GET",
        "/threads/{thread_id}/runs",
        lambda c: _listed(c.runs.list(_T, **PAGE)),
        _PAGE_QUERY,
        answer="ListRunsResponse",
    ),
    Operation(
        "POST",
        "/threads/{thread_id}/runs",
        lambda c: c.runs.create(_T, assistant_id=_A, include=_INCLUDE),
        ("include[]",),
        body="CreateRunRequest",
        answer="RunObject",
    ),
    Operation(
        "GET",
        "/threads/{thread_id}/runs/{run_id}",
        lambda c: c.runs.retrieve(_T, _R),
        answer="RunObject",
    ),
    Operation(
        "POST",
        "/threads/{thread_id}/runs/{run_id}",
        lambda c: c.runs.update(_T, _R, metadata={}),
        body="ModifyRunRequest",
        answer="RunObject",
    ),
    Operation(
        "POST",
        "/threads/{thread_id}/runs/{run_id}/cancel",
        lambda c: c.runs.cancel(_T, _R),
        answer="RunObject",
    ),
    Operation(
        "POST",
        "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs",
        lambda c: c.runs.submit_tool_outputs(_T, _R, tool_outputs=[]),
        body="SubmitToolOutputsRunRequest",
        answer="RunObject",
    ),
    Operation(
        "GET",
        "/threads/{thread_id}/runs/{run_id}/steps",
        lambda c: _listed(c.run_steps.list(_T, _R, include=_INCLUDE, **PAGE)),
        (*_PAGE_QUERY, "include[]"),
        answer="ListRunStepsResponse",
    ),
    Operation(
        "GET",
        "/threads/{thread_id}/runs/{run_id}/steps/{step_id}",
        lambda c: c.run_steps.retrieve(_T, _R, _S, include=_INCLUDE),
        ("include[]",),
        answer="RunStepObject",
    ),
    Operation(
        "GET",
        "/vector_stores",
        lambda c: _listed(c.vector_stores.list(**PAGE)),
        _PAGE_QUERY,
        answer="ListVectorStoresResponse",
    ),
    Operation(
        "POST",
        "/vector_stores",
        lambda c: c.vector_stores.create(name="n"),
        body="CreateVectorStoreRequest",
        answer="VectorStoreObject",
    ),
    Operation(
        "GET",
        "/vector_stores/{vector_store_id}",
        lambda c: c.vector_stores.retrieve(_V),
        answer="VectorStoreObject",
    ),
    Operation(
        "POST",
        "/vector_stores/{vector_store_id}",
        lambda c: c.vector_stores.update(_V, name=None),
        body="UpdateVectorStoreRequest",
        answer="VectorStoreObject",
    ),
    Operation(
        "DELETE",
        "/vector_stores/{vector_store_id}",
        lambda c: c.vector_stores.delete(_V),
        answer="DeleteVectorStoreResponse",
    ),
    Operation(
        "POST",
        "/vector_stores/{vector_store_id}/search",
        lambda c: c.vector_stores.search(_V, "query"),
        body="VectorStoreSearchRequest",
        answer="VectorStoreSearchResultsPage",
    ),
    Operation(
        "GET",
        "/vector_stores/{vector_store_id}/files",
        lambda c: _listed(c.vector_store_files.list(_V, **_FILTERED)),
        (*_PAGE_QUERY, "filter"),
        answer="ListVectorStoreFilesResponse",
    ),
    Operation(
        "POST",
        "/vector_stores/{vector_store_id}/files",
        lambda c: c.vector_store_files.create(_V, _F),
        body="CreateVectorStoreFileRequest",
        answer="VectorStoreFileObject",
    ),
    Operation(
        "GET",
        "/vector_stores/{vector_store_id}/files/{file_id}",
        lambda c: c.vector_store_files.retrieve(_V, _F),
        answer="VectorStoreFileObject",
    ),
    Operation(
        "POST",
        "/vector_stores/{vector_store_id}/files/{file_id}",
        lambda c: c.vector_store_files.update(_V, _F, attributes={}),
        body="UpdateVectorStoreFileAttributesRequest",
        answer="VectorStoreFileObject",
    ),
    Operation(
        "DELETE",
        "/vector_stores/{vector_store_id}/files/{file_id}",
        lambda c: c.vector_store_files.delete(_V, _F),
        answer="DeleteVectorStoreFileResponse",
    ),
    Operation(
        "GET",
        "/vector_stores/{vector_store_id}/files/{file_id}/content",
        lambda c: c.vector_store_files.content(_V, _F),
        answer="VectorStoreFileContentResponse",
    ),
    Operation(
        "POST",
        "/vector_stores/{vector_store_id}/file_batches",
        lambda c: c.vector_store_file_batches.create(_V, file_ids=[_F]),
        body="CreateVectorStoreFileBatchRequest",
        answer="VectorStoreFileBatchObject",
    ),
    Operation(
        "GET",
        "/vector_stores/{vector_store_id}/file_batches/{batch_id}",
        lambda c: c.vector_store_file_batches.retrieve(_V, _B),
        answer="VectorStoreFileBatchObject",
    ),
    Operation(
        "POST",
        "/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel",
        lambda c: c.vector_store_file_batches.cancel(_V, _B),
        answer="VectorStoreFileBatchObject",
    ),
    Operation(
        "GET",
        "/vector_stores/{vector_store_id}/file_batches/{batch_id}/files",
        lambda c: _listed(c.vector_store_file_batches.list_files(_V, _B, **_FILTERED)),
        (*_PAGE_QUERY, "filter"),
        answer="ListVectorStoreFilesResponse",
    ),
    Operation(
        "GET",
        "/files",
        lambda c: _listed(c.files.list(purpose="vision", limit=5, order="asc", after="a")),
        ("purpose", "limit", "order", "after"),
        answer="ListFilesResponse",
    ),
    Operation(
        "POST",
        "/files",
        lambda c: c.files.upload(b"x", filename="x.txt"),
        body="CreateFileRequest",
        answer="OpenAIFile",
    ),
    Operation("GET", "/files/{file_id}", lambda c: c.files.retrieve(_F), answer="OpenAIFile"),
    Operation(
        "DELETE",
        "/files/{file_id}",
        lambda c: c.files.delete(_F),
        answer="DeleteFileResponse",
    ),
    Operation("GET", "/files/{file_id}/content", lambda c: c.files.content(_F)),
]

#: What the client offers beyond the specification, and why.
FURTHER = {
    "GET /threads": "Azure AI Foundry and the embedded engine list threads",
}
FURTHER_OPERATIONS = [
    Operation("GET", "/threads", lambda c: _listed(c.threads.list(**PAGE)), _PAGE_QUERY),
]
