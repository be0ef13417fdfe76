"""Lazy imports of a package's names, at their first use (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, module_of: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Returns the ``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: Its name.
        module_of: By exported name, the module below the package that defines it.
    """

    def get(name: str) -> Any:
        module = module_of.get(name)
        if module is None:
            from assistants_client._suggestions import no_export  # needed for the error only

            raise no_export(package, name)
        found = getattr(import_module(f"{package}.{module}"), name)
        setattr(sys.modules[package], name, found)
        return found

    return get, lambda: sorted({*vars(sys.modules[package]), *module_of})
