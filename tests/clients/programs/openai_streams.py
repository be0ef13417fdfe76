"""The official Python client: streams with its event handler, tools both legs, bare events."""

import json

import openai
from openai import AssistantEventHandler

client = openai.OpenAI(max_retries=0)
beta = client.beta
told = {}
WEATHER = {"type": "function", "function": {"name": "get_weather"}}


class Handler(AssistantEventHandler):
    """Notes what it is told, as applications do."""

    def __init__(self):
        super().__init__()
        self.events = []
        self.calls = []
        self.text = ""
        self.logs = []

    def on_event(self, event):
        """Notes every event's name."""
        self.events.append(event.event)

    def on_text_created(self, text):
        """Notes the beginning of a text."""
        self.calls.append(["text_created", text.value])

    def on_text_delta(self, delta, snapshot):
        """Notes the pieces of a text."""
        self.text += delta.value

    def on_text_done(self, text):
        """Notes the end of a text."""
        self.calls.append(["text_done", text.value == self.text])

    def on_message_done(self, message):
        """Notes the end of a message."""
        self.calls.append(["message_done", message.status])

    def on_tool_call_created(self, tool_call):
        """Notes the beginning of a call."""
        self.calls.append(["tool_call_created", tool_call.type])

    def on_tool_call_delta(self, delta, snapshot):
        """Notes what code says."""
        if delta.type == "code_interpreter" and delta.code_interpreter:
            self.logs += [output.logs for output in delta.code_interpreter.outputs or ()]

    def on_tool_call_done(self, tool_call):
        """Notes the end of a call."""
        self.calls.append(["tool_call_done", tool_call.type])

    def on_run_step_done(self, run_step):
        """Notes the end of a step."""
        self.calls.append(["run_step_done", run_step.type, run_step.status])

    def on_end(self):
        """Notes the end."""
        self.calls.append(["end"])

    def on_exception(self, exception):
        """Notes a failure."""
        self.calls.append(["exception", repr(exception)])


def noted(handler):
    """All that a handler noted."""
    return {
        "events": handler.events,
        "calls": handler.calls,
        "text": handler.text,
        "logs": handler.logs,
    }


assistant = beta.assistants.create(model="m", tools=[WEATHER, {"type": "code_interpreter"}])

# Plain, with an event handler
thread = beta.threads.create(messages=[{"role": "user", "content": "Good day to you"}])
with beta.threads.runs.stream(
    thread_id=thread.id, assistant_id=assistant.id, event_handler=(plain := Handler())
) as stream:
    stream.until_done()
    told["final"] = [
        stream.get_final_run().status,
        [message.content[0].text.value for message in stream.get_final_messages()],
        len(stream.get_final_run_steps()),
    ]
told["plain"] = noted(plain)

# Code, thread and run in one request, as text deltas
with beta.threads.create_and_run_stream(
    assistant_id=assistant.id,
    thread={"messages": [{"role": "user", "content": "Use code_interpreter"}]},
    event_handler=(code := Handler()),
) as stream:
    told["code_text"] = "".join(stream.text_deltas)
told["code"] = noted(code)

# Tool outputs, both legs streamed
thread = beta.threads.create(
    messages=[{"role": "user", "content": "get_weather of Oslo and Bergen"}]
)
with beta.threads.runs.stream(
    thread_id=thread.id, assistant_id=assistant.id, event_handler=(first := Handler())
) as stream:
    stream.until_done()
    run = stream.current_run
calls = run.required_action.submit_tool_outputs.tool_calls
told["asked"] = [[call.function.name, json.loads(call.function.arguments)] for call in calls]
snapshot = stream.current_run_step_snapshot
told["asked_snapshot"] = [
    [call.function.name, json.loads(call.function.arguments)]
    for call in snapshot.step_details.tool_calls
]
with beta.threads.runs.submit_tool_outputs_stream(
    thread_id=thread.id,
    run_id=run.id,
    tool_outputs=[{"tool_call_id": call.id, "output": "9 C"} for call in calls],
    event_handler=(second := Handler()),
) as stream:
    stream.until_done()
    told["answered"] = stream.get_final_run().status
told["first_leg"] = noted(first)
told["second_leg"] = noted(second)

# Bare events, without the helper
told["bare"] = [
    event.event
    for event in beta.threads.runs.create(
        thread.id,
        assistant_id=assistant.id,
        additional_messages=[{"role": "user", "content": "And now?"}],
        stream=True,
    )
]

# A model that fails
with beta.threads.create_and_run_stream(
    assistant_id=assistant.id,
    thread={"messages": [{"role": "user", "content": "fail"}]},
    event_handler=(failing := Handler()),
) as stream:
    stream.until_done()
told["failing"] = [failing.events[-1], stream.current_run.status]

# Left in the middle, then cancelled
with beta.threads.create_and_run_stream(
    assistant_id=assistant.id,
    thread={"messages": [{"role": "user", "content": "Speak slowly"}]},
) as stream:
    for event in stream:
        if event.event == "thread.message.delta":
            break
    run = stream.current_run
beta.threads.runs.cancel(run.id, thread_id=run.thread_id)
told["left"] = beta.threads.runs.poll(run.id, thread_id=run.thread_id, poll_interval_ms=50).status

# Its thread is deleted in the middle
try:
    with beta.threads.create_and_run_stream(
        assistant_id=assistant.id,
        thread={"messages": [{"role": "user", "content": "Speak slowly"}]},
    ) as stream:
        for event in stream:
            if event.event == "thread.message.created":
                beta.threads.delete(event.data.thread_id)
except openai.APIError as error:
    told["broken_off"] = [type(error).__name__, "was deleted" in error.message]
print(json.dumps(told))
