"""The official Python client: files, vector stores with upload and polling, search, file search."""

import json

import openai

client = openai.OpenAI(max_retries=0)
beta = client.beta
is_old = not hasattr(client, "vector_stores")  # then they cannot be searched, nor have attributes
stores = beta.vector_stores if is_old else client.vector_stores
told = {}
CAPITALS = b"Oslo is the capital of Norway.\n\nLima is the capital of Peru.\n"
RIVERS = b"The Danube flows into the Black Sea.\n"
CONTENT = "step_details.tool_calls[*].file_search.results[*].content"


def refusal(call):
    """How a call is refused, by the client's own class."""
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code]
    return None


# Files
file = client.files.create(file=("capitals.txt", CAPITALS), purpose="assistants")
told["file"] = {**file.to_dict(), "id": file.id[:5], "created_at": None}
told["content"] = client.files.content(file.id).read() == CAPITALS
told["processed"] = client.files.wait_for_processing(file.id, poll_interval=0.05).status
listed = list(client.files.list(purpose="assistants"))
told["listed"] = [
    [found.id for found in listed].count(file.id),
    sorted({found.purpose for found in listed}),
]

# Stores
store = stores.create(
    name="Facts",
    expires_after={"anchor": "last_active_at", "days": 7},
    metadata={"a": "1"},
)
attached = stores.files.create_and_poll(
    file_id=file.id,
    vector_store_id=store.id,
    poll_interval_ms=50,
    **({} if is_old else {"attributes": {"topic": "capitals", "year": 2020}}),
)
told["attached"] = [attached.status, attached.last_error]
uploaded = stores.files.upload_and_poll(
    vector_store_id=store.id, file=("rivers.md", RIVERS), poll_interval_ms=50
)
told["uploaded"] = uploaded.status
batch = stores.file_batches.upload_and_poll(
    vector_store_id=store.id,
    files=[(f"note{number}.txt", f"Note number {number}.".encode()) for number in range(3)],
    poll_interval_ms=50,
)
told["batch"] = [batch.status, batch.file_counts.to_dict()]
told["batch_files"] = len(stores.file_batches.list_files(batch.id, vector_store_id=store.id).data)
store = stores.retrieve(store.id)
told["store"] = [store.status, store.file_counts.completed, store.name, store.expires_at > 0]
told["store_updated"] = stores.update(store.id, name="All facts").name
told["store_files"] = len(stores.files.list(store.id, filter="completed", limit=2).data)

# What old versions do not have
if not is_old:
    told["attributes"] = attached.attributes
    told["file_content"] = [
        part.text for part in stores.files.content(file.id, vector_store_id=store.id)
    ]
    question = {"query": "capital of Norway", "max_num_results": 3}
    found = stores.search(store.id, **question).data
    text = found[0].content[0].text
    told["search"] = [found[0].filename, "Oslo" in text, 0 <= found[0].score <= 1]
    only = {"type": "eq", "key": "topic", "value": "capitals"}
    told["filtered"] = [each.filename for each in stores.search(store.id, filters=only, **question)]

# File search in a run
assistant = beta.assistants.create(
    model="m",
    tools=[{"type": "file_search"}],
    tool_resources={"file_search": {"vector_store_ids": [store.id]}},
)
told["resources"] = assistant.tool_resources.file_search.vector_store_ids == [store.id]
run = beta.threads.create_and_run_poll(
    assistant_id=assistant.id,
    thread={"messages": [{"role": "user", "content": "Use file_search"}]},
)
told["run"] = [run.status, run.last_error and run.last_error.to_dict()]
steps = beta.threads.runs.steps.list(
    run.id, thread_id=run.thread_id, order="asc", include=[CONTENT]
).data
call = steps[0].step_details.tool_calls[0]
told["step"] = [call.type, len(call.file_search.results) > 0]
told["step_text"] = "Oslo" in call.file_search.results[0].content[0].text
without = beta.threads.runs.steps.retrieve(
    steps[0].id, thread_id=run.thread_id, run_id=run.id
).step_details.tool_calls[0]
told["step_without"] = [result.content for result in without.file_search.results]

# A file that comes with a message
with_file = beta.threads.create(
    messages=[
        {
            "role": "user",
            "content": "Use file_search",
            "attachments": [{"file_id": file.id, "tools": [{"type": "file_search"}]}],
        }
    ]
)
told["thread_store"] = len(with_file.tool_resources.file_search.vector_store_ids)
run = beta.threads.runs.create_and_poll(
    thread_id=with_file.id, assistant_id=assistant.id, poll_interval_ms=50
)
told["run_with_file"] = run.status

# Deletion, errors
told["detached"] = stores.files.delete(file.id, vector_store_id=store.id).to_dict()["object"]
told["store_deleted"] = stores.delete(store.id).to_dict()["object"]
told["file_deleted"] = client.files.delete(file.id).to_dict()["object"]
told["errors"] = {
    "gone": refusal(lambda: client.files.retrieve(file.id)),
    "store gone": refusal(lambda: stores.retrieve(store.id)),
    "no such file": refusal(
        lambda: stores.files.create(vector_store_id=store.id, file_id="file-none")
    ),
    "purpose": refusal(lambda: client.files.create(file=b"x", purpose="nothing")),
}
print(json.dumps(told))
