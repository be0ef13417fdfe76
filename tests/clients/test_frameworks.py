"""Frameworks whose classes for assistants still exist, against ``assistants serve``."""

from __future__ import annotations

import pytest
from clients_kit import Program

HELLO, TOOL = "You said: Hello", "The tool said: 9 C in Oslo"


@pytest.mark.parametrize("package", ["classic", "community"])
def test_langchain(framework_program: Program, package: str) -> None:
    """The runnable answers, goes on with a thread, and as an agent gets a tool's output."""
    assert framework_program("langchain_runnable")[package] == {
        "said": HELLO,
        "again": "You said: And again",
        "action": ["get_weather", {"city": "Oslo"}],
        "finish": TOOL,
    }


def test_autogen(framework_program: Program) -> None:
    """The agent answers, calls its function, and forgets everything when it is reset."""
    assert framework_program("autogen_agent") == {
        "hello": HELLO,
        "tool": TOOL,
        "anew": "You said: Anew",
    }


def test_semantic_kernel(framework_program: Program) -> None:
    """The agent answers and calls its plugin, invoked and streamed."""
    assert framework_program("semantic_kernel_agent") == {
        "hello": [HELLO],
        "tool": [TOOL],
        "stream": ["You said: Good day", True],
        "stream_tool": "The tool said: 9 C in Bergen",
    }


def test_ag2(old_framework_program: Program) -> None:
    """The agent answers, calls its function, and is found again by its name."""
    assert old_framework_program("ag2_agent") == {"hello": HELLO, "tool": TOOL, "found_again": True}


def test_llama_index(old_framework_program: Program) -> None:
    """The agent answers, calls its function, and reads the history back."""
    assert old_framework_program("llama_index_agent") == {
        "hello": HELLO,
        "tool": TOOL,
        "history": ["Hello", HELLO, "get_weather of Oslo", TOOL],
    }
