"""Azure's Python client: agents, threads, messages, runs, streams with its handler, functions.

The default policy refuses anything but HTTPS and asks for a token of Azure's: a key, as a bearer
token or as ``api-key``, is the way in.
"""

import json
import os

from azure.ai.agents import AgentsClient
from azure.ai.agents.models import (
    AgentEventHandler,
    FunctionTool,
    ListSortOrder,
    MessageRole,
    ToolOutput,
    ToolSet,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.pipeline.policies import AzureKeyCredentialPolicy

key = AzureKeyCredential(os.environ["OPENAI_API_KEY"])
client = AgentsClient(
    endpoint=os.environ["OPENAI_BASE_URL"],
    credential=key,
    authentication_policy=AzureKeyCredentialPolicy(key, "Authorization", prefix="Bearer"),
)
told = {}


def get_weather(city: str) -> str:
    """The weather right now.

    :param city: The city's name.
    """
    return json.dumps({"city": city, "degrees": 9})


class Handler(AgentEventHandler):
    """Notes what it is told."""

    def __init__(self):
        super().__init__()
        self.text = ""
        self.calls = []

    def on_message_delta(self, delta):
        """Notes the pieces of a text."""
        self.text += delta.text

    def on_thread_run(self, run):
        """Notes a run's statuses."""
        self.calls.append(str(run.status).rpartition(".")[2].lower())

    def on_done(self):
        """Notes the end."""
        self.calls.append("done")

    def on_error(self, data):
        """Notes an error."""
        self.calls.append(f"error {data}")

    def on_unhandled_event(self, event_type, event_data):
        """Notes what the client does not know."""
        self.calls.append(f"unknown {event_type}")


def said(thread_id):
    """What was said on a thread, oldest first."""
    return [
        message.text_messages[0].text.value
        for message in client.messages.list(thread_id, order=ListSortOrder.ASCENDING)
    ]


# Agents, and pages: 45 by 20
agent = client.create_agent(model="m", name="azure guide", instructions="Be brief.")
told["agent"] = [client.get_agent(agent.id).name, agent.tools]
told["updated"] = client.update_agent(agent.id, name="azure scout").name
by_api_key = AgentsClient(
    os.environ["OPENAI_BASE_URL"],
    key,
    authentication_policy=AzureKeyCredentialPolicy(key, "api-key"),
)
told["by_api_key"] = by_api_key.get_agent(agent.id).name
for number in range(44):
    client.create_agent(model="m", name=f"azure {number}")
told["paged"] = len(
    {found.id for found in client.list_agents(limit=20) if (found.name or "").startswith("azure")}
)

# A run
thread = client.threads.create(metadata={"a": "1"})
client.messages.create(thread.id, role=MessageRole.USER, content="Hello")
run = client.runs.create_and_process(thread_id=thread.id, agent_id=agent.id, polling_interval=0.05)
told["run"] = [run.status, said(thread.id)]
told["steps"] = [str(step.type) for step in client.run_steps.list(thread.id, run.id)]
told["last"] = client.messages.get_last_message_text_by_role(
    thread.id, role=MessageRole.AGENT
).text.value

# A stream with its handler
client.messages.create(thread.id, role="user", content="Good day")
handler = Handler()
with client.runs.stream(thread_id=thread.id, agent_id=agent.id, event_handler=handler) as stream:
    stream.until_done()
told["stream"] = [handler.text, handler.calls]

# Functions by hand, and by the client itself
tools = ToolSet()
tools.add(FunctionTool({get_weather}))
helped = client.create_agent(model="m", name="helped", toolset=tools)
thread = client.threads.create()
client.messages.create(thread.id, role="user", content="get_weather of Oslo and Bergen")
run = client.runs.create(thread_id=thread.id, agent_id=helped.id)
while run.status in ("queued", "in_progress"):
    run = client.runs.get(thread.id, run.id)
calls = run.required_action.submit_tool_outputs.tool_calls
run = client.runs.submit_tool_outputs(
    thread.id, run.id, tool_outputs=[ToolOutput(tool_call_id=c.id, output="9 C") for c in calls]
)
while run.status in ("queued", "in_progress"):
    run = client.runs.get(thread.id, run.id)
told["by_hand"] = [run.status, said(thread.id)[-1]]
client.enable_auto_function_calls(tools)
client.messages.create(thread.id, role="user", content="get_weather of Oslo")
run = client.runs.create_and_process(
    thread_id=thread.id, agent_id=helped.id, toolset=tools, polling_interval=0.05
)
told["by_itself"] = [run.status, said(thread.id)[-1]]

# Cancelling, listing threads, deleting, errors
client.messages.create(thread.id, role="user", content="Speak slowly")
run = client.runs.create(thread_id=thread.id, agent_id=agent.id)
run = client.runs.cancel(thread.id, run.id)
while run.status in ("queued", "in_progress", "cancelling"):
    run = client.runs.get(thread.id, run.id)
told["cancelled"] = run.status
told["threads"] = thread.id in {found.id for found in client.threads.list(limit=20)}
client.threads.delete(thread.id)
client.delete_agent(agent.id)
try:
    client.get_agent(agent.id)
except ResourceNotFoundError as error:
    told["gone"] = [error.status_code, "No assistant found" in str(error)]
try:
    client.create_agent(model="m", temperature=3)
except HttpResponseError as error:
    told["refused"] = [error.status_code, "temperature" in str(error)]
print(json.dumps(told))
