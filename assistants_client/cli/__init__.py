"""The command ``assistants``. Names only."""

from typing import TYPE_CHECKING

from assistants_client._lazy_names import lazy_names

if TYPE_CHECKING:
    from assistants_client.cli.command_line import main

__all__ = ["main"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, {"main": "command_line"})
