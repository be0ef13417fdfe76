"""The official Python client's class for Azure OpenAI: only its endpoint is another one."""

import json
import os

import openai

ENDPOINT = os.environ["OPENAI_BASE_URL"].removesuffix("/v1")
KEY = os.environ["OPENAI_API_KEY"]
VERSION = "2024-05-01-preview"
told = {}


def asked(client):
    """What a run by polling and a stream answer, after a file went up and a list was emptied."""
    beta = client.beta
    file = client.files.create(file=("notes.txt", b"Notes."), purpose="assistants")
    assistant = beta.assistants.create(
        model="gpt-4o",
        tools=[{"type": "code_interpreter"}],
        tool_resources={"code_interpreter": {"file_ids": [file.id]}},
    )
    thread = beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
    run = beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=50
    )
    said = beta.threads.messages.list(thread.id).data[0].content[0].text.value
    beta.threads.messages.create(thread.id, role="user", content="Good day")
    with beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        streamed = stream.get_final_messages()[0].content[0].text.value
    gone = [
        beta.threads.messages.delete(message.id, thread_id=thread.id).deleted
        for message in beta.threads.messages.list(thread.id, limit=2)
    ]
    return [run.status, said, streamed, gone, client.files.delete(file.id).deleted]


by_key = openai.AzureOpenAI(azure_endpoint=ENDPOINT, api_key=KEY, api_version=VERSION)
told["key"] = asked(by_key)
told["token"] = asked(
    openai.AzureOpenAI(azure_endpoint=ENDPOINT, azure_ad_token=KEY, api_version=VERSION)
)
told["deployment"] = asked(
    openai.AzureOpenAI(
        azure_endpoint=ENDPOINT, azure_deployment="gpt-4o", api_key=KEY, api_version=VERSION
    )
)
told["deployment_in_the_url"] = asked(
    openai.AzureOpenAI(
        base_url=f"{ENDPOINT}/openai/deployments/gpt-4o", api_key=KEY, api_version=VERSION
    )
)
told["version_1"] = asked(openai.OpenAI(base_url=f"{ENDPOINT}/openai/v1/", api_key=KEY))
try:
    by_key.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hi"}])
except openai.NotFoundError as error:
    told["chat"] = error.message
try:
    by_key.with_options(api_key="wrong").beta.assistants.list()
except openai.AuthenticationError as error:
    told["wrong"] = error.code
print(json.dumps(told))
