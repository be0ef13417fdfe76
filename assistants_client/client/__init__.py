"""The client: one class, and the modules it is assembled from. Names only."""

from typing import TYPE_CHECKING

from assistants_client._lazy_names import lazy_names

if TYPE_CHECKING:
    from assistants_client.client.client import Client

__all__ = ["Client"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, {"Client": "client"})
