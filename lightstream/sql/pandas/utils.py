"""`pyspark.sql.pandas.utils`: whether pandas and pyarrow are there, for programs that ask first."""

from __future__ import annotations

import importlib.util

from lightstream.errors import PySparkImportError


def require_minimum_pandas_version() -> None:
    """Check that pandas is installed.

    Raises:
        PySparkImportError: PACKAGE_NOT_INSTALLED.
    """
    _require("pandas", "pip install 'lightstream[pandas]'")


def require_minimum_pyarrow_version() -> None:
    """Check that pyarrow is installed.

    Raises:
        PySparkImportError: PACKAGE_NOT_INSTALLED.
    """
    _require("pyarrow", "pip install pyarrow")


def require_minimum_numpy_version() -> None:
    """Check that NumPy is installed.

    Raises:
        PySparkImportError: PACKAGE_NOT_INSTALLED.
    """
    _require("numpy", "pip install numpy")


def _require(name: str, command: str) -> None:
    if importlib.util.find_spec(name) is None:
        raise PySparkImportError(
            "PACKAGE_NOT_INSTALLED",
            f"This needs {name}, which is not installed: {command}",
            parameters={"package_name": name},
        )
