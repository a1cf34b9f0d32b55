"""Names of a package that are imported when they are first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any


def lazy_names(package: str, modules: Mapping[str, str], name: str, namespace: dict[str, Any]) -> Any:
    """Return the value of a name from the module that has it, for a module's `__getattr__`.

    Args:
        modules: for each name the module that defines it.
        namespace: the package's globals, where the value is kept.
    """
    if name not in modules:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(modules[name]), name)
    namespace[name] = value
    return value
