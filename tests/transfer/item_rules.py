"""What published descriptions say of items and chat messages, as far as they are written here.

Written by hand from openai-openapi 2.3.0 (2026-08-21): required fields, their types, the bounds.
"""

from __future__ import annotations

from typing import Any

_LONGEST_TEXT = 10_485_760
_LONGEST_URL = 20_971_520
_ROLES = {"user", "assistant", "system", "developer"}


def check_request(body: dict[str, Any], *, creates: bool) -> None:
    """A body that creates a conversation, or adds items to one."""
    assert set(body) == ({"items", "metadata"} if creates else {"items"})
    assert len(body["items"]) <= 20
    if not creates:
        assert body["items"]
    metadata = body.get("metadata", {})
    assert len(metadata) <= 16
    assert all(len(key) <= 64 and len(value) <= 512 for key, value in metadata.items())
    for item in body["items"]:
        check_item(item)


def check_item(item: dict[str, Any]) -> None:
    """An item that a request may have."""
    kind = item["type"]
    if kind == "function_call":
        assert set(item) == {"type", "call_id", "name", "arguments"}
        _text(item["call_id"], 1, 64)
        _text(item["name"], 1, _LONGEST_TEXT)
        _text(item["arguments"], 0, _LONGEST_TEXT)
    elif kind == "function_call_output":
        assert set(item) == {"type", "call_id", "output"}
        _text(item["call_id"], 1, 64)
        _text(item["output"], 0, _LONGEST_TEXT)
    else:
        assert kind == "message"
        assert item["role"] in _ROLES
        (_check_output_message if "id" in item else _check_easy_message)(item)


def _check_easy_message(item: dict[str, Any]) -> None:
    assert set(item) == {"type", "role", "content"}
    if isinstance(item["content"], str):
        _text(item["content"], 1, _LONGEST_TEXT)
        return
    assert item["content"]
    for part in item["content"]:
        if part["type"] == "input_text":
            assert set(part) == {"type", "text"}
            _text(part["text"], 1, _LONGEST_TEXT)
        else:
            assert part["type"] == "input_image"
            assert set(part) == {"type", "image_url", "detail"}
            _text(part["image_url"], 1, _LONGEST_URL)
            assert part["detail"] in {"low", "high", "auto"}


def _check_output_message(item: dict[str, Any]) -> None:
    assert set(item) == {"type", "id", "status", "role", "content"}
    assert item["id"].startswith("msg_")
    assert (item["role"], item["status"]) == ("assistant", "completed")
    for part in item["content"]:
        assert set(part) == {"type", "text", "annotations", "logprobs"}
        assert (part["type"], part["logprobs"]) == ("output_text", [])
        _text(part["text"], 1, _LONGEST_TEXT)
        for one in part["annotations"]:
            assert set(one) == {"type", "file_id", "filename", "index"}
            assert one["type"] == "file_citation"
            assert isinstance(one["index"], int)


def check_chat(body: dict[str, Any]) -> None:
    """A line of chat completions: each call is answered at once, images are a user's."""
    assert set(body) == {"messages"}
    assert body["messages"]
    waiting: list[str] = []
    for message in body["messages"]:
        role = message["role"]
        if waiting:
            assert role == "tool"
        if role == "tool":
            waiting.remove(message["tool_call_id"])
            assert isinstance(message["content"], str)
        elif "tool_calls" in message:
            assert role == "assistant"
            for call in message["tool_calls"]:
                assert set(call) == {"id", "type", "function"}
                assert set(call["function"]) == {"name", "arguments"}
                waiting.append(call["id"])
        elif role == "user" and isinstance(message["content"], list):
            assert {part["type"] for part in message["content"]} <= {"text", "image_url"}
        else:
            assert role in _ROLES
            _text(message["content"], 1, _LONGEST_TEXT)
    assert waiting == []


def _text(value: Any, shortest: int, longest: int) -> None:
    assert isinstance(value, str)
    assert shortest <= len(value) <= longest
