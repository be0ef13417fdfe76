"""LlamaIndex's assistant agent: a chat, and a function of its own."""

import json

from llama_index.agent.openai import OpenAIAssistantAgent
from llama_index.core.tools import FunctionTool


def get_weather(city: str) -> str:
    """The weather right now."""
    return f"9 C in {city}"


agent = OpenAIAssistantAgent.from_new(
    name="guide",
    instructions="Be brief.",
    tools=[FunctionTool.from_defaults(fn=get_weather)],
    model="m",
    run_retrieve_sleep_time=0.02,
)
told = {
    "hello": agent.chat("Hello").response,
    "tool": agent.chat("get_weather of Oslo").response,
}
told["history"] = [message.content for message in agent.chat_history]
print(json.dumps(told))
