"""ag2's assistant agent: found by its name or made, replies, a function of its own."""

import json
import os

from autogen import UserProxyAgent
from autogen.agentchat.contrib.gpt_assistant_agent import GPTAssistantAgent

config = {
    "config_list": [
        {
            "model": "m",
            "api_key": os.environ["OPENAI_API_KEY"],
            "base_url": os.environ["OPENAI_BASE_URL"],
        }
    ]
}
WEATHER = {
    "name": "get_weather",
    "description": "The weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


def get_weather(city):
    """The weather right now."""
    return f"9 C in {city}"


def guide():
    """The assistant of this name, instructions and tools, found or made."""
    return GPTAssistantAgent(
        name="ag2-guide",
        instructions="Be brief.",
        llm_config=config,
        assistant_config={"tools": [{"type": "function", "function": WEATHER}]},
    )


agent = guide()
# In this version it has no default, and is taken from no other place.
agent.llm_config["check_every_ms"] = 20
agent.register_function({"get_weather": get_weather})
user = UserProxyAgent(
    name="user", human_input_mode="NEVER", max_consecutive_auto_reply=0, code_execution_config=False
)
told = {}
for name, text in (("hello", "Hello"), ("tool", "get_weather of Oslo")):
    chat = user.initiate_chat(agent, message=text, silent=True, clear_history=False)
    told[name] = chat.chat_history[-1]["content"].strip()
again = guide()
told["found_again"] = again.assistant_id == agent.assistant_id
agent.delete_assistant()
print(json.dumps(told))
