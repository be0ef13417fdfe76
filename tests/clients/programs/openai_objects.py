"""The official Python client: assistants, threads, messages, pages, metadata, deletion, errors."""

import json

import openai

client = openai.OpenAI(max_retries=0)
beta = client.beta
told = {}


def refusal(call):
    """How a call is refused, by the client's own class."""
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code, error.param, error.type]
    return None


# Assistants
assistant = beta.assistants.create(
    model="gpt-4o",
    name="Guide",
    description="Knows the way",
    instructions="Be brief.",
    tools=[
        {"type": "code_interpreter"},
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "The weather",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
                "strict": False,
            },
        },
    ],
    metadata={"a": "1"},
    temperature=0.5,
    top_p=0.9,
    response_format={
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object"}},
    },
)
told["assistant"] = assistant.to_dict()
told["assistant_again"] = beta.assistants.retrieve(assistant.id).to_dict()
told["assistant_updated"] = beta.assistants.update(
    assistant.id, name="Scout", metadata={"b": "2"}, tools=[]
).to_dict()

# Pages: 45 items by 20, all made within a second or two
made = [
    beta.assistants.create(model="m", name=f"number {number}", metadata={}).id
    for number in range(45)
]
descending = [found.id for found in beta.assistants.list(limit=20) if found.id in made]
ascending = [found.id for found in beta.assistants.list(limit=20, order="asc") if found.id in made]
told["pages"] = {
    "descending": descending == made[::-1],
    "ascending": ascending == made,
    "sizes": [len(page.data) for page in beta.assistants.list(limit=20).iter_pages()],
    "before": beta.assistants.list(before=made[0], order="asc").data[-1].id == assistant.id,
}

# Threads and messages
thread = beta.threads.create(
    messages=[
        {"role": "user", "content": "One", "metadata": {"n": "1"}},
        {"role": "assistant", "content": [{"type": "text", "text": "Two"}]},
    ],
    metadata={"page": "3"},
)
told["thread"] = thread.to_dict()
told["empty_thread"] = beta.threads.create().to_dict()
told["thread_updated"] = beta.threads.update(thread.id, metadata={"page": "4"}).to_dict()
message = beta.threads.messages.create(thread.id, role="user", content="Three")
told["message"] = message.to_dict()
told["message_updated"] = beta.threads.messages.update(
    message.id, thread_id=thread.id, metadata={"seen": "yes"}
).metadata
told["messages"] = [
    [found.role, found.content[0].text.value]
    for found in beta.threads.messages.list(thread.id, order="asc")
]
for number in range(42):
    beta.threads.messages.create(thread.id, role="user", content=str(number))
told["message_pages"] = [
    len(page.data) for page in beta.threads.messages.list(thread.id, limit=20).iter_pages()
]

# Deletion
told["message_deleted"] = beta.threads.messages.delete(message.id, thread_id=thread.id).to_dict()
told["assistant_deleted"] = beta.assistants.delete(assistant.id).to_dict()
told["thread_deleted"] = beta.threads.delete(thread.id).to_dict()

# Errors
raw = beta.threads.with_raw_response.create()
told["request_id"] = raw.headers["x-request-id"]
told["errors"] = {
    "gone": refusal(lambda: beta.assistants.retrieve(assistant.id)),
    "deleted twice": refusal(lambda: beta.threads.delete(thread.id)),
    "missing thread": refusal(lambda: beta.threads.messages.list("thread_none")),
    "unknown key": refusal(lambda: beta.assistants.create(model="m", extra_body={"temprature": 1})),
    "metadata": refusal(lambda: beta.threads.create(metadata={"k": 1})),
    "temperature": refusal(lambda: beta.assistants.create(model="m", temperature=3)),
    "role": refusal(lambda: beta.threads.create(messages=[{"role": "system", "content": "x"}])),
    "limit": refusal(lambda: beta.assistants.list(limit=101)),
    "cursor": refusal(lambda: beta.assistants.list(after="asst_none")),
    "key": refusal(client.with_options(api_key="wrong").beta.threads.create),
    "no such path": refusal(client.models.list),
}
print(json.dumps(told))
