"""A tutor solves an equation by running code, and answers the way the run was told to.

Needs nothing but the extra ``engine``. With ``ASSISTANTS_MODEL_URL`` set, a real model answers;
with ``ASSISTANTS_BASE_URL``, a remote server does.
"""

import os

from assistants_client import Client, CodeInterpreterTool

client = Client()

assistant = client.assistants.create(
    name="Math Tutor",
    instructions="You are a personal math tutor. Write and run code to answer math questions.",
    tools=[CodeInterpreterTool()],
    model=os.environ.get("ASSISTANTS_MODEL", "gpt-4o"),
)
thread = client.threads.create()
client.messages.create(thread.id, "I need to solve the equation `3x + 11 = 14`. Can you help me?")

run = client.runs.create(
    thread.id,
    assistant_id=assistant.id,
    instructions="Please address the user as Jane Doe. The user has a premium account.",
)
run = client.wait_for_run(run)

for message in client.messages.list(thread.id, order="asc"):
    print(f"{message.role}: {message.text}")
