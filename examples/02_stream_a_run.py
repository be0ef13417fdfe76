"""Streaming: the events of a run, as they happen, and its answer word by word.

1. Start the run with ``runs.stream`` instead of ``runs.create``, within ``with``.
2. Iterate its events to the end, and handle those that matter to you.
3. Afterwards the stream has all that was received: the run, its messages, its steps.
4. For the text alone, ``stream.text()`` is enough.

Assumes the extra ``engine``, or a server in ``ASSISTANTS_BASE_URL``.
"""

import os

from assistants_client import (
    Client,
    CodeInterpreterTool,
    MessageDelta,
    RunCompleted,
    RunFailed,
    RunStepCompleted,
)

client = Client()
assistant = client.assistants.create(
    name="Math Tutor",
    instructions="You are a personal math tutor. Write and run code to answer math questions.",
    tools=[CodeInterpreterTool()],
    model=os.environ.get("ASSISTANTS_MODEL", "gpt-4o"),
)
thread = client.threads.create(messages=[{"role": "user", "content": "Solve 5x - 7 = 28."}])

with client.runs.stream(thread.id, assistant_id=assistant.id) as stream:
    for event in stream:
        match event:
            case MessageDelta(text=text):
                print(text, end="", flush=True)
            case RunStepCompleted(step=step):
                print(f"\n[{step.type} took {len(step.tool_calls)} tool calls]")
            case RunCompleted(run=run):
                print(f"\n[{run.status}, {run.usage.total_tokens if run.usage else '?'} tokens]")
            case RunFailed(run=run):
                print(f"\n[failed: {run.last_error}]")

assert stream.run is not None
assert stream.run.is_final
print("The whole message:", stream.messages[-1].text or stream.messages[-1].refusal)

client.messages.create(thread.id, "And 2x + 9 = 1?")
for piece in client.runs.stream(thread.id, assistant_id=assistant.id).text():
    print(piece, end="", flush=True)
print()
