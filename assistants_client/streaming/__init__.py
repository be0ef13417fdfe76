"""Streams of runs, from bytes to typed events to objects. Names only."""

from typing import TYPE_CHECKING

from assistants_client._lazy_names import lazy_names

if TYPE_CHECKING:
    from assistants_client.streaming.run_stream import RunStream

__all__ = ["RunStream"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, {"RunStream": "run_stream"})
