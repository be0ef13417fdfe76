"""Reads conversations, chat lines and sessions by openai's models and the Agents SDK.

Run by an interpreter that has ``openai`` and ``openai-agents``; its argument is the folder. Prints
the numbers of what was valid.
"""

import asyncio
import json
import sqlite3
import sys
from pathlib import Path

from agents import SQLiteSession
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import ResponseInputItem
from pydantic import BaseModel, TypeAdapter

FOLDER = Path(sys.argv[1])
ITEM = TypeAdapter(ResponseInputItem)
MESSAGES = TypeAdapter(list[ChatCompletionMessageParam])


def unknown_fields(made):
    """The fields that a model has not, of it and all in it."""
    if isinstance(made, list):
        return [name for one in made for name in unknown_fields(one)]
    if not isinstance(made, BaseModel):
        return []
    inner = [
        name for name in type(made).model_fields for name in unknown_fields(getattr(made, name))
    ]
    return [*(made.model_extra or ()), *inner]


def items_of_conversations():
    """The number of valid items."""
    number = 0
    for path in sorted((FOLDER / "o").glob("*/*.json")):
        for item in json.loads(path.read_text("utf-8"))["items"]:
            made = ITEM.validate_python(item)
            assert unknown_fields(made) == [], item
            number += 1
    return number


def messages_of_chat():
    """The number of valid messages."""
    number = 0
    for line in (FOLDER / "o.jsonl").read_text("utf-8").splitlines():
        messages = json.loads(line)["messages"]
        MESSAGES.validate_python(messages)
        number += len(messages)
    return number


async def items_of_sessions():
    """By session, the number of items that the SDK reads."""
    with sqlite3.connect(FOLDER / "o.db") as database:
        ids = [row[0] for row in database.execute("SELECT session_id FROM agent_sessions")]
    found = {}
    for id_ in ids:
        session = SQLiteSession(id_, FOLDER / "o.db")
        items = await session.get_items()
        for item in items:
            ITEM.validate_python(item)
        await session.add_items([{"role": "user", "content": "And then?"}])
        assert len(await session.get_items()) == len(items) + 1
        found[id_] = len(items)
        session.close()
    return found


print(
    json.dumps(
        {
            "items": items_of_conversations(),
            "messages": messages_of_chat(),
            "sessions": asyncio.run(items_of_sessions()),
        }
    )
)
