"""The call that makes each published example of a request. Written by hand.

A call gets the client, the ids of the example's path in order, and its body, whose texts it takes
over; what the body is made of stands here, in this library's own classes. ``test_published.py``
makes the calls and compares.
"""

from typing import Any

from assistants_client import (
    AssistantRequest,
    CodeInterpreterTool,
    FileExpiry,
    FileSearchResources,
    FileSearchTool,
    FunctionDefinition,
    FunctionTool,
    MessageRequest,
    RunRequest,
    RunStream,
    StaticChunking,
    StaticChunkingSizes,
    ThreadRequest,
    ThreadRunRequest,
    ToolOutput,
    ToolResources,
    VectorStoreFileRequest,
)


def _messages(body: Any) -> list[MessageRequest]:
    return [MessageRequest(m["content"], role=m["role"]) for m in body["messages"]]


def _functions(body: Any) -> list[FunctionTool]:
    return [
        FunctionTool(
            function=FunctionDefinition(
                name=tool["function"]["name"],
                description=tool["function"]["description"],
                parameters=tool["function"]["parameters"],
            )
        )
        for tool in body["tools"]
    ]


def _outputs(body: Any) -> list[ToolOutput]:
    return [
        ToolOutput(tool_call_id=given["tool_call_id"], output=given["output"])
        for given in body["tool_outputs"]
    ]


def _begin(stream: RunStream) -> None:
    """Sends a stream's request, which goes out with its first event."""
    with stream:
        next(stream)


def _store(body: Any) -> ToolResources:
    given = body["tool_resources"]["file_search"]["vector_store_ids"]
    return ToolResources(file_search=FileSearchResources(vector_store_ids=given))


def _batch(body: Any) -> list[VectorStoreFileRequest]:
    first, second = body["files"]
    sizes = second["chunking_strategy"]["static"]
    return [
        VectorStoreFileRequest(first["file_id"], attributes=first["attributes"]),
        VectorStoreFileRequest(
            second["file_id"], chunking_strategy=StaticChunking(static=StaticChunkingSizes(**sizes))
        ),
    ]


#: By operation and title.
CALLS: dict[tuple[str, str], Any] = {
    ("GET /assistants", ""): lambda c, i, b: list(c.assistants.list(order="desc", page_size=20)),
    ("POST /assistants", "Code Interpreter"): lambda c, i, b: c.assistants.create(
        model=b["model"],
        name=b["name"],
        instructions=b["instructions"],
        tools=[CodeInterpreterTool()],
    ),
    ("POST /assistants", "Files"): lambda c, i, b: c.assistants.create(
        AssistantRequest(
            model=b["model"],
            instructions=b["instructions"],
            tools=[FileSearchTool()],
            tool_resources=_store(b),
        )
    ),
    ("GET /assistants/{assistant_id}", ""): lambda c, i, b: c.assistants.retrieve(*i),
    ("POST /assistants/{assistant_id}", ""): lambda c, i, b: c.assistants.update(
        *i, model=b["model"], instructions=b["instructions"], tools=[FileSearchTool()]
    ),
    ("DELETE /assistants/{assistant_id}", ""): lambda c, i, b: c.assistants.delete(*i),
    ("GET /files", ""): lambda c, i, b: list(c.files.list()),
    ("POST /files", ""): lambda c, i, b: c.files.upload(
        b"{}",
        filename=b["file"],
        purpose=b["purpose"],
        expires_after=FileExpiry(seconds=int(b["expires_after[seconds]"])),
    ),
    ("DELETE /files/{file_id}", ""): lambda c, i, b: c.files.delete(*i),
    ("GET /files/{file_id}", ""): lambda c, i, b: c.files.retrieve(*i),
    ("GET /files/{file_id}/content", ""): lambda c, i, b: c.files.content(*i),
    ("POST /threads", "Empty"): lambda c, i, b: c.threads.create(),
    ("POST /threads", "Messages"): lambda c, i, b: c.threads.create(messages=_messages(b)),
    ("POST /threads/runs", "Default"): lambda c, i, b: c.runs.create_thread_and_run(
        ThreadRunRequest(
            assistant_id=b["assistant_id"], thread=ThreadRequest(messages=_messages(b["thread"]))
        )
    ),
    ("POST /threads/runs", "Streaming"): lambda c, i, b: _begin(
        c.runs.stream_thread_and_run(
            assistant_id=b["assistant_id"], thread=ThreadRequest(messages=_messages(b["thread"]))
        )
    ),
    ("POST /threads/runs", "Streaming with Functions"): lambda c, i, b: _begin(
        c.runs.stream_thread_and_run(
            assistant_id=b["assistant_id"],
            thread=ThreadRequest(messages=_messages(b["thread"])),
            tools=_functions(b),
            replace_tools=True,
        )
    ),
    ("GET /threads/{thread_id}", ""): lambda c, i, b: c.threads.retrieve(*i),
    ("POST /threads/{thread_id}", ""): lambda c, i, b: c.threads.update(*i, metadata=b["metadata"]),
    ("DELETE /threads/{thread_id}", ""): lambda c, i, b: c.threads.delete(*i),
    ("GET /threads/{thread_id}/messages", ""): lambda c, i, b: list(c.messages.list(*i)),
    ("POST /threads/{thread_id}/messages", ""): lambda c, i, b: c.messages.create(*i, b["content"]),
    ("GET /threads/{thread_id}/messages/{message_id}", ""): lambda c, i, b: c.messages.retrieve(*i),
    ("POST /threads/{thread_id}/messages/{message_id}", ""): lambda c, i, b: c.messages.update(
        *i, metadata=b["metadata"]
    ),
    ("DELETE /threads/{thread_id}/messages/{message_id}", ""): lambda c, i, b: c.messages.delete(
        *i
    ),
    ("GET /threads/{thread_id}/runs", ""): lambda c, i, b: list(c.runs.list(*i)),
    ("POST /threads/{thread_id}/runs", "Default"): lambda c, i, b: c.runs.create(
        *i, RunRequest(assistant_id=b["assistant_id"])
    ),
    ("POST /threads/{thread_id}/runs", "Streaming"): lambda c, i, b: _begin(
        c.runs.stream(*i, assistant_id=b["assistant_id"])
    ),
    ("POST /threads/{thread_id}/runs", "Streaming with Functions"): lambda c, i, b: _begin(
        c.runs.stream(*i, assistant_id=b["assistant_id"], tools=_functions(b), replace_tools=True)
    ),
    ("GET /threads/{thread_id}/runs/{run_id}", ""): lambda c, i, b: c.runs.retrieve(*i),
    ("POST /threads/{thread_id}/runs/{run_id}", ""): lambda c, i, b: c.runs.update(
        *i, metadata=b["metadata"]
    ),
    ("POST /threads/{thread_id}/runs/{run_id}/cancel", ""): lambda c, i, b: c.runs.cancel(*i),
    ("GET /threads/{thread_id}/runs/{run_id}/steps", ""): lambda c, i, b: list(
        c.run_steps.list(*i)
    ),
    ("GET /threads/{thread_id}/runs/{run_id}/steps/{step_id}", ""): lambda c, i, b: (
        c.run_steps.retrieve(*i)
    ),
    ("POST /threads/{thread_id}/runs/{run_id}/submit_tool_outputs", "Default"): lambda c, i, b: (
        c.runs.submit_tool_outputs(*i, tool_outputs=_outputs(b))
    ),
    ("POST /threads/{thread_id}/runs/{run_id}/submit_tool_outputs", "Streaming"): (
        lambda c, i, b: _begin(c.runs.submit_tool_outputs_stream(*i, tool_outputs=_outputs(b)))
    ),
    ("GET /vector_stores", ""): lambda c, i, b: list(c.vector_stores.list()),
    ("POST /vector_stores", ""): lambda c, i, b: c.vector_stores.create(name=b["name"]),
    ("GET /vector_stores/{vector_store_id}", ""): lambda c, i, b: c.vector_stores.retrieve(*i),
    ("POST /vector_stores/{vector_store_id}", ""): lambda c, i, b: c.vector_stores.update(
        *i, name=b["name"]
    ),
    ("DELETE /vector_stores/{vector_store_id}", ""): lambda c, i, b: c.vector_stores.delete(*i),
    ("POST /vector_stores/{vector_store_id}/file_batches", ""): lambda c, i, b: (
        c.vector_store_file_batches.create(*i, files=_batch(b))
    ),
    ("GET /vector_stores/{vector_store_id}/file_batches/{batch_id}", ""): lambda c, i, b: (
        c.vector_store_file_batches.retrieve(*i)
    ),
    ("POST /vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel", ""): lambda c, i, b: (
        c.vector_store_file_batches.cancel(*i)
    ),
    ("GET /vector_stores/{vector_store_id}/file_batches/{batch_id}/files", ""): lambda c, i, b: (
        list(c.vector_store_file_batches.list_files(*i))
    ),
    ("GET /vector_stores/{vector_store_id}/files", ""): lambda c, i, b: list(
        c.vector_store_files.list(*i)
    ),
    ("POST /vector_stores/{vector_store_id}/files", ""): lambda c, i, b: (
        c.vector_store_files.create(*i, b["file_id"])
    ),
    ("GET /vector_stores/{vector_store_id}/files/{file_id}", ""): lambda c, i, b: (
        c.vector_store_files.retrieve(*i)
    ),
    ("DELETE /vector_stores/{vector_store_id}/files/{file_id}", ""): lambda c, i, b: (
        c.vector_store_files.delete(*i)
    ),
    ("POST /vector_stores/{vector_store_id}/files/{file_id}", ""): lambda c, i, b: (
        c.vector_store_files.update(*i, attributes=b["attributes"])
    ),
    ("GET /vector_stores/{vector_store_id}/files/{file_id}/content", ""): lambda c, i, b: (
        c.vector_store_files.content(*i)
    ),
    ("POST /vector_stores/{vector_store_id}/search", ""): lambda c, i, b: c.vector_stores.search(
        *i, b["query"], filters=b["filters"]
    ),
}


def _right_path(example: Any) -> None:
    example["url"] = example["url"].replace("/files_batches/", "/file_batches/")


def _filled_path(example: Any) -> None:
    example["url"] = example["url"].replace("{vector_store_id}", "vs_1").replace("{file_id}", "f_1")


def _nested_sizes(example: Any) -> None:
    strategy = example["json"]["files"][1]["chunking_strategy"]
    sizes = strategy.keys() - {"type"}
    strategy["static"] = {name: strategy.pop(name) for name in sizes}


def _whole_body(example: Any) -> None:
    example["json"] = example["json_repaired"]


def _empty_object(example: Any) -> None:
    example["json"] = {}


#: Mistakes in examples: what is wrong, and how it is put right before comparing.
MISTAKES: dict[tuple[str, str], tuple[str, Any]] = {
    ("POST /vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel", ""): (
        "the path is not that of the operation",
        _right_path,
    ),
    ("GET /vector_stores/{vector_store_id}/file_batches/{batch_id}/files", ""): (
        "the path is not that of the operation",
        _right_path,
    ),
    ("POST /vector_stores/{vector_store_id}/files/{file_id}", ""): (
        "the path has no ids in it",
        _filled_path,
    ),
    ("POST /vector_stores/{vector_store_id}/file_batches", ""): (
        "the sizes of the chunks do not stand where the schema has them",
        _nested_sizes,
    ),
    ("POST /vector_stores/{vector_store_id}/search", ""): (
        "the body is shortened and no JSON",
        _whole_body,
    ),
    ("POST /threads", "Empty"): (
        "an empty body is announced as JSON; an empty object means the same",
        _empty_object,
    ),
}

_STORES = "the examples of other operations on vector stores have the header"

#: Examples that leave out the header of the beta although the operation is part of it.
WITHOUT_BETA = {
    ("POST /vector_stores/{vector_store_id}/files/{file_id}", ""): _STORES,
    ("GET /vector_stores/{vector_store_id}/files/{file_id}/content", ""): _STORES,
    ("POST /vector_stores/{vector_store_id}/search", ""): _STORES,
}
