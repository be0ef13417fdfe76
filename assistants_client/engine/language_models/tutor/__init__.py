"""The language model that needs no server: a tutor of mathematics. Names only."""

from typing import TYPE_CHECKING

from assistants_client._lazy_names import lazy_names

if TYPE_CHECKING:
    from assistants_client.engine.language_models.tutor.tutor import Tutor

__all__ = ["Tutor"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, {"Tutor": "tutor"})
