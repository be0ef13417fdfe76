"""AutoGen's assistant agent: replies, a function of its own, a reset."""

import asyncio
import json

from autogen_agentchat.messages import TextMessage
from autogen_core import CancellationToken
from autogen_ext.agents.openai import OpenAIAssistantAgent
from openai import AsyncOpenAI


async def get_weather(city: str) -> str:
    """The weather right now."""
    return f"9 C in {city}"


async def main():
    """A conversation."""
    agent = OpenAIAssistantAgent(
        name="guide",
        description="A guide",
        client=AsyncOpenAI(),
        model="m",
        instructions="Be brief.",
        tools=["code_interpreter", get_weather],
    )
    token = CancellationToken()
    told = {}
    for name, text in (("hello", "Hello"), ("tool", "get_weather of Oslo")):
        asked = [TextMessage(content=text, source="user")]
        response = await agent.on_messages(asked, token)
        told[name] = response.chat_message.content
    await agent.on_reset(token)
    response = await agent.on_messages([TextMessage(content="Anew", source="user")], token)
    told["anew"] = response.chat_message.content
    await agent.delete_assistant(token)
    print(json.dumps(told))


asyncio.run(main())
