"""`import pyspark...` gives lightstream's modules, also where real pyspark is installed.

The classes here are not derived from those of `importlib.abc`, which takes 8 ms to import.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, cast

from lightstream.errors import PySparkImportError

if TYPE_CHECKING:
    from importlib.abc import Loader


class MissingModule(PySparkImportError, ModuleNotFoundError):
    """A module of pyspark that lightstream has nothing for."""


def install() -> None:
    """Let `import pyspark...` in this process give lightstream's modules from now on."""
    if not any(isinstance(finder, PysparkFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, PysparkFinder())


class PysparkFinder:
    """Finds each module of pyspark under the name of the lightstream module that stands in for it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load a module of pyspark; None for all other modules.

        Raises:
            MissingModule: nothing stands in for it.
        """
        if fullname != "pyspark" and not fullname.startswith("pyspark."):
            return None
        loader = cast("Loader", _Alias(_stand_in(fullname)))
        return ModuleSpec(fullname, loader, is_package=True)


class _Alias:
    """Gives a module under a second name: the same object."""

    def __init__(self, name: str | None) -> None:
        self._name = name
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        if self._name is None:
            return None
        module = importlib.import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        if self._name is None:
            return
        module.__spec__ = self._spec  # the import system has put the second name's there
        if not hasattr(module, "__path__"):
            # pyspark has packages where lightstream has modules; Python asks for this before it imports below one.
            module.__path__ = []


def _stand_in(fullname: str) -> str | None:
    """Return the module for a name of pyspark, None for a package of pyspark that only holds others."""
    from lightstream.pyspark_names import MODULES

    if fullname in MODULES:
        return MODULES[fullname]
    if fullname.startswith("pyspark.sql."):
        name = "lightstream" + fullname.removeprefix("pyspark")
        try:
            found = importlib.util.find_spec(name)
        except ModuleNotFoundError:
            found = None
        if found is not None:
            return name
    elif any(known.startswith(fullname + ".") for known in MODULES):
        return None
    raise MissingModule(
        "LIGHTSTREAM_UNSUPPORTED",
        f"The module {fullname} is not supported by lightstream, which has Spark SQL and Structured Streaming. "
        "On real Spark the program runs with: lightstream run --engine spark",
        sqlstate="0A000",
        parameters={"module": fullname},
    )
