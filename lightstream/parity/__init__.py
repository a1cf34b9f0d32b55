"""Compares what programs and queries give on real Spark and on lightstream.

For tests: `assert_parity(query, data)` compares one streaming query, batch by batch; the fixture `engine` runs a test
once on each engine. `pytest` finds the fixture by itself where lightstream is installed; elsewhere
`pytest_plugins = ["lightstream.parity"]` or `-p lightstream.parity` names it.

For programs: `lightstream parity app.py`.
"""

from __future__ import annotations

import os
import sys

from lightstream.parity.queries import Engine, assert_parity
from lightstream.run import STANDS_IN

__all__ = ["Engine", "assert_parity"]

if "pytest" in sys.modules:  # not when only the command line asks: pytest takes long to import
    from lightstream.parity.fixtures import engine, pytest_configure

    __all__ += ["engine", "pytest_configure"]

    if STANDS_IN in os.environ:  # a process that a `lightstream run -m pytest` has started to share its work
        from lightstream.pyspark_imports import install

        install()
