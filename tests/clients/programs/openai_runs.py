"""The official Python client: runs by polling, tool outputs, steps, cancelling, many in a list."""

import json

import openai

client = openai.OpenAI(max_retries=0)
beta = client.beta
runs = beta.threads.runs
told = {}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def refusal(call):
    """How a call is refused, by the client's own class."""
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.message]
    return None


def texts(thread_id):
    """What was said on a thread, oldest first."""
    found = beta.threads.messages.list(thread_id, order="asc")
    return [message.content[0].text.value for message in found]


assistant = beta.assistants.create(
    model="gpt-4o", tools=[WEATHER, {"type": "code_interpreter"}], instructions="Be brief."
)

# A plain run
thread = beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
run = runs.create_and_poll(
    thread_id=thread.id,
    assistant_id=assistant.id,
    additional_instructions="Be kind.",
    metadata={"r": "1"},
    poll_interval_ms=50,
)
told["run"] = run.to_dict()
told["texts"] = texts(thread.id)
told["steps"] = [step.to_dict() for step in runs.steps.list(run.id, thread_id=thread.id)]
told["step_again"] = runs.steps.retrieve(
    told["steps"][0]["id"],
    thread_id=thread.id,
    run_id=run.id,
    include=["step_details.tool_calls[*].file_search.results[*].content"],
).id
told["run_updated"] = runs.update(run.id, thread_id=thread.id, metadata={"r": "2"}).metadata
told["messages_of_run"] = len(beta.threads.messages.list(thread.id, run_id=run.id).data)

# Code
code = beta.threads.create_and_run_poll(
    assistant_id=assistant.id,
    thread={"messages": [{"role": "user", "content": "Use code_interpreter"}]},
)
told["code_steps"] = [
    step.step_details.to_dict()
    for step in runs.steps.list(code.id, thread_id=code.thread_id, order="asc")
]

# Function tools: two calls at once, answered in one request
asked = beta.threads.create_and_run_poll(
    assistant_id=assistant.id,
    thread={"messages": [{"role": "user", "content": "get_weather of Oslo and Bergen"}]},
)
told["asked"] = asked.to_dict()
calls = asked.required_action.submit_tool_outputs.tool_calls
told["refusals"] = {
    "locked for messages": refusal(
        lambda: beta.threads.messages.create(asked.thread_id, role="user", content="x")
    ),
    "locked for runs": refusal(lambda: runs.create(asked.thread_id, assistant_id=assistant.id)),
    "half of the outputs": refusal(
        lambda: runs.submit_tool_outputs(
            asked.id,
            thread_id=asked.thread_id,
            tool_outputs=[{"tool_call_id": calls[0].id, "output": "x"}],
        )
    ),
    "cancelled when over": refusal(lambda: runs.cancel(run.id, thread_id=thread.id)),
}
done = runs.submit_tool_outputs_and_poll(
    run_id=asked.id,
    thread_id=asked.thread_id,
    tool_outputs=[
        {"tool_call_id": call.id, "output": json.loads(call.function.arguments)["city"] + ": 9 C"}
        for call in calls
    ],
)
told["answered"] = [done.status, texts(done.thread_id)[-1], done.usage.to_dict()]
told["answered_steps"] = [
    step.step_details.to_dict()
    for step in runs.steps.list(done.id, thread_id=done.thread_id, order="asc")
]

# A failure, and a tool choice of the run's own
failed = beta.threads.create_and_run_poll(
    assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "fail"}]}
)
told["failed"] = [failed.status, failed.last_error.code]

# Cancelling while it speaks, and while it waits for outputs
slow = beta.threads.create_and_run(
    assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Speak slowly"}]}
)
told["cancelling"] = runs.cancel(slow.id, thread_id=slow.thread_id).status
told["cancelled"] = runs.poll(slow.id, thread_id=slow.thread_id, poll_interval_ms=50).status
waiting = beta.threads.create_and_run_poll(
    assistant_id=assistant.id,
    thread={"messages": [{"role": "user", "content": "get_weather of Oslo"}]},
)
runs.cancel(waiting.id, thread_id=waiting.thread_id)
waiting = runs.poll(waiting.id, thread_id=waiting.thread_id, poll_interval_ms=50)
told["cancelled_waiting"] = [waiting.status, waiting.required_action]

# Many runs on one thread
for _ in range(22):
    runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=20)
told["run_pages"] = [len(page.data) for page in runs.list(thread.id, limit=20).iter_pages()]
told["listed"] = len({found.id for found in runs.list(thread.id, limit=20)})
print(json.dumps(told))
