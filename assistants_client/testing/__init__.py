"""Doubles for the tests of programs that use this package, and the pytest plugin. Names only."""

from typing import TYPE_CHECKING

from assistants_client._lazy_names import lazy_names

# pytest loads this in every project that has the package; nothing is imported before it is named.
if TYPE_CHECKING:
    from assistants_client.testing.clock import Clock
    from assistants_client.testing.doubles import Doubles, assistants
    from assistants_client.testing.faults import Faults
    from assistants_client.testing.scripted_model import ScriptedModel

__all__ = ["Clock", "Doubles", "Faults", "ScriptedModel", "assistants"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "Clock": "clock",
            "Doubles": "doubles",
            "Faults": "faults",
            "ScriptedModel": "scripted_model",
            "assistants": "doubles",
        },
    )
