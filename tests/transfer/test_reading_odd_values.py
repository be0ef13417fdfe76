"""Whatever stands in a place, sources are read or refused, and messages have a form."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from reading_kit import message, page, result, source

from assistants_client.transfer.reading.options import SourceError

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TREE = {"parent": None, "message": {"author": {"role": "user"}, "content": {"parts": ["x"]}}}
LIBRE = {"messageId": "a", "parentMessageId": "b", "text": "x", "content": [{"type": "tool_call"}]}
CITED = {"type": "file_citation", "file_id": "f", "index": 1}
DOCUMENTS: dict[str, Any] = {
    "a page": page(message(1, file_ids=["f"], agent_id="a", run_id="r")),
    "an assistant": {
        "id": "asst_1",
        "model": "m",
        "tools": [{"type": "retrieval"}],
        "file_ids": ["f"],
        "tool_resources": {"file_search": {}},
        "response_format": "auto",
    },
    "a thread": {
        "id": "thread_A",
        "created_at": 1,
        "messages": [message(1)],
        "runs": [{"id": "run_1", "status": "queued", "tool_calls": [CALL], "tools": []}],
    },
    "a step": {
        "id": "step_1",
        "run_id": "run_1",
        "step_details": {"tool_calls": [{"type": "retrieval", "retrieval": {}}]},
    },
    "a chat": [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c", "content": "x"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
    ],
    "responses": [
        {"role": "user", "content": [{"type": "output_text", "text": "x", "annotations": [CITED]}]},
        {"role": "user", "content": [{"type": "image", "source": {"data": "x"}}]},
        {"type": "code_interpreter_call", "id": "c", "code": "1", "outputs": [{"type": "logs"}]},
        {"type": "function_call", "call_id": "d", "name": "f", "arguments": "{}"},
    ],
    "LangChain": [
        {"type": "ai", "data": {"content": "x", "tool_calls": [{"name": "f", "args": {}}]}},
        {"lc": 1, "type": "constructor", "id": ["AIMessage"], "kwargs": {"content": "x"}},
    ],
    "rows": [
        {"thread_id": "t", "role": "user", "text": "x", "files": [{"src": "x"}], "usedTools": [{}]},
        {"id": 1, "session_id": "s", "message": {"type": "human", "content": "x"}},
        {"model": "m", "pk": 1, "fields": {"thread": 3, "role": "user", "text": "x"}},
        {"conversation_id": "c", "query": "x", "answer": "y", "metadata": {"a": "b"}},
    ],
    "steps": {
        "id": "t",
        "metadata": {"thread_id": "x"},
        "steps": [{"id": "s", "type": "user_message", "output": "x", "createdAt": "2025"}],
        "elements": [{"forId": "s", "url": "x"}],
    },
    "ChatGPT": {"id": "c", "title": "T", "create_time": 1.5, "mapping": {"a": TREE}},
    "LibreChat": {"conversationId": "c", "messages": [LIBRE], "title": "T"},
    "a text of a file": {
        "vector_store_id": "v",
        "file_id": "f",
        "content": {"object": "vector_store.file_content.page", "data": [{"text": "x"}]},
    },
}
ODD: list[Any] = [None, True, 7, 1.5, "", "x", [], {}, [None], [[]], ["x"], [{}], {"id": {}}]


def variants(document: Any) -> Iterator[Any]:
    """The document with an odd value in each place, and without each member."""

    def places(value: Any) -> Iterator[tuple[Any, Any]]:
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            if isinstance(value[key], (dict, list)):
                yield from places(value[key])

    count = sum(1 for _ in places(document))
    for number in range(count):
        for odd in [*ODD, ...]:
            made = copy.deepcopy(document)
            holder, key = list(places(made))[number]
            if odd is ...:
                del holder[key]
            else:
                holder[key] = odd
            yield made


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_an_odd_value_in_any_place(tmp_path: Path, document: Any) -> None:
    """The form of a message is that of the protocol, and its thread has a key."""
    for made in variants(document):
        try:
            found = result(source(tmp_path, "a.json", made)).found
        except SourceError as error:
            assert str(error).startswith(str(tmp_path))  # noqa: PT017 - most variants are read
            continue
        for one in found:
            assert isinstance(one.thread_key, (str, type(None)))
            if one.kind == "message":
                assert one.thread_key
                assert one.document["role"] in {"user", "assistant"}
                assert all(isinstance(part, dict) for part in one.document["content"])
