"""Errors: what can go wrong, and the attributes of each exception.

1. A call that breaks the protocol's rules: refused before anything is sent.
2. Something that is not there: the server's status, and the request's id for a ticket.
3. A server that cannot be reached, after the tries that ``retries`` allows.
4. A run that does not complete, and a wait that takes too long.

Everything raised on purpose is an ``AssistantsError``; no message holds a key.
Assumes the extra ``engine``, or a server in ``ASSISTANTS_BASE_URL``.
"""

import os

from assistants_client import (
    APIConnectionError,
    AssistantsError,
    Client,
    CodeInterpreterTool,
    InvalidRequestError,
    NotFoundError,
    RunError,
    WaitTimeoutError,
)

client = Client()

try:
    client.messages.list("thread_1", limit=0)
except InvalidRequestError as error:
    print(f"Not sent, because of {error.path}: {error}")

try:
    client.threads.retrieve("thread_that_is_not_there")
except NotFoundError as error:
    print(f"{error.status_code} (request {error.request_id}): {error}")

try:
    Client("http://127.0.0.1:9/v1", api_key="secret", retries=0, timeout=2).threads.create()
except APIConnectionError as error:
    print(f"After {error.attempts} attempts: {error}")

assistant = client.assistants.create(
    instructions="Take your time, and check every step. " * 50,
    tools=[CodeInterpreterTool()],
    model=os.environ.get("ASSISTANTS_MODEL", "gpt-4o"),
)
thread = client.threads.create(messages=[{"role": "user", "content": "How much is 12 * 12?"}])
run = client.runs.create(thread.id, assistant_id=assistant.id, max_prompt_tokens=256)
try:
    client.wait_for_run(run, timeout=60)
except WaitTimeoutError as error:
    print("Still not finished:", error.run)
except RunError as error:
    print(f"{type(error).__name__}: {error}")
except AssistantsError as error:  # whatever else it is
    print(f"{type(error).__name__}: {error}")
