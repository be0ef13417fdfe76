"""Function tools: the assistant requests a call of your function, and goes on with its output.

1. Make a tool of a function: the docstring describes it, the annotations become its JSON Schema.
2. Create an assistant that has it.
3. Ask: the function is called, and its output submitted, while you wait.
4. Read the run's steps: the calls and their outputs.

Assumes the extra ``engine``. The engine's offline tutor calls no functions, so ``Scripted`` plays
the language model here. For a real one set ``ASSISTANTS_MODEL_URL`` and ``ASSISTANTS_MODEL`` (any
server of the chat-completions API), or a server of the protocol in ``ASSISTANTS_BASE_URL``.
"""

import os
from typing import Literal

from assistants_client import Client, FunctionToolCall, tool


@tool
def get_weather(city: str, unit: Literal["C", "F"] = "C") -> str:
    """The weather right now.

    Args:
        city: The city's name.
        unit: Celsius or Fahrenheit.
    """
    return f"17 {unit} and rain in {city}"


def connect() -> Client:
    """A client whose language model can call functions."""
    if os.environ.get("ASSISTANTS_BASE_URL") or os.environ.get("ASSISTANTS_MODEL_URL"):
        return Client()
    from assistants_client.engine import Engine, Scripted, call

    look = call("get_weather", city="Oslo")
    model = Scripted([look, lambda conversation: f"Now: {conversation.turns[-1].text}."])
    return Client(engine=Engine(model=model))


client = connect()
assistant = client.assistants.create(
    instructions="Answer questions about the weather. Look it up; never guess.",
    tools=[get_weather],
    model=os.environ.get("ASSISTANTS_MODEL", "gpt-4o"),
)
thread = client.threads.create()
reply = client.ask(
    thread.id, "How is the weather in Oslo?", assistant_id=assistant.id, tools=[get_weather]
)
print(reply.text)

for step in client.run_steps.list(thread.id, reply.run.id, order="asc"):
    for made in step.tool_calls:
        if isinstance(made, FunctionToolCall):
            print(f"{made.function.name}({made.function.arguments}) = {made.function.output}")
