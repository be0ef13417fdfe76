"""Names of a package that are imported when somebody first asks for them (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any


def names_of(
    package: str, exported: Sequence[str], modules: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: Its name.
        exported: Its ``__all__``.
        modules: Where a name that is not there yet is looked for, in this order; a space between
            two.
    """

    def get(name: str) -> Any:
        if name in exported:
            for module in modules.split():
                found = vars(import_module(f"{package}.{module}"))
                if name in found:
                    setattr(sys.modules[package], name, found[name])
                    return found[name]
        from assistants_client._habits import no_export  # for who misses a name

        raise no_export(package, name)

    return get, lambda: sorted({*vars(sys.modules[package]), *exported})
