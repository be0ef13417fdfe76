"""Python functions as tools of assistants. Names only."""

from typing import TYPE_CHECKING

from assistants_client._lazy_names import lazy_names

if TYPE_CHECKING:
    from assistants_client.function_tools.dispatch import answer_calls
    from assistants_client.function_tools.function_tool import (
        ToolFunction,
        ToolLike,
        as_tools,
        tool,
    )

__all__ = ["ToolFunction", "ToolLike", "answer_calls", "as_tools", "tool"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "ToolFunction": "function_tool",
            "ToolLike": "function_tool",
            "as_tools": "function_tool",
            "tool": "function_tool",
            "answer_calls": "dispatch",
        },
    )
