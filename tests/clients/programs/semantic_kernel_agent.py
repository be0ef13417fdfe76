"""Semantic Kernel's assistant agent: invoked, streamed, with a plugin's function."""

import asyncio
import json

from openai import AsyncOpenAI
from semantic_kernel.agents import AssistantAgentThread, OpenAIAssistantAgent
from semantic_kernel.functions import kernel_function


class Weather:
    """A plugin."""

    @kernel_function(name="get_weather", description="The weather right now")
    def get_weather(self, city: str) -> str:
        """The weather."""
        return f"9 C in {city}"


async def main():
    """A conversation."""
    client = AsyncOpenAI()
    definition = await client.beta.assistants.create(model="m", name="guide")
    agent = OpenAIAssistantAgent(client=client, definition=definition, plugins=[Weather()])
    thread = AssistantAgentThread(client=client)
    told = {}
    for name, text in (("hello", "Hello"), ("tool", "Weather-get_weather of Oslo")):
        said = []
        async for response in agent.invoke(messages=text, thread=thread):
            said.append(str(response.content))
        told[name] = said
    pieces = []
    async for response in agent.invoke_stream(messages="Good day", thread=thread):
        pieces.append(str(response.content))
    told["stream"] = ["".join(pieces), len(pieces) > 1]
    pieces = []
    async for response in agent.invoke_stream(
        messages="Weather-get_weather of Bergen", thread=thread
    ):
        pieces.append(str(response.content))
    told["stream_tool"] = "".join(pieces)
    await thread.delete()
    await client.beta.assistants.delete(definition.id)
    print(json.dumps(told))


asyncio.run(main())
