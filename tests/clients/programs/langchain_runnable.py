"""LangChain's assistant runnable, in its classic and in its community package."""

import json

from langchain_classic.agents.openai_assistant import OpenAIAssistantRunnable
from langchain_community.agents.openai_assistant import OpenAIAssistantV2Runnable
from langchain_core.tools import tool

told = {}


@tool
def get_weather(city: str) -> str:
    """The weather right now."""
    return f"9 C in {city}"


for name, runnable in (
    ("classic", OpenAIAssistantRunnable),
    ("community", OpenAIAssistantV2Runnable),
):
    plain = runnable.create_assistant(
        name="guide", instructions="Be brief.", tools=[{"type": "code_interpreter"}], model="m"
    )
    plain.check_every_ms = 20
    said = plain.invoke({"content": "Hello"})
    again = plain.invoke({"content": "And again", "thread_id": said[0].thread_id})
    agent = runnable.create_assistant(
        name="agent", instructions="", tools=[get_weather], model="m", as_agent=True
    )
    agent.check_every_ms = 20
    [action] = agent.invoke({"content": "get_weather of Oslo"})
    output = get_weather.invoke(action.tool_input)
    finish = agent.invoke(
        {"content": "", "intermediate_steps": [(action, output)]}
        | {"run_id": action.run_id, "thread_id": action.thread_id}
    )
    told[name] = {
        "said": said[0].content[0].text.value,
        "again": again[0].content[0].text.value,
        "action": [action.tool, action.tool_input],
        "finish": finish.return_values["output"],
    }
print(json.dumps(told))
