"""What the figures were taken on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import tempfile


def describe(with_spark: bool) -> dict[str, str]:
    """Return machine and versions by name."""
    found = {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB",
        "system": f"{_system()}, Linux {platform.release()}"
        if os.path.exists("/proc")
        else platform.platform(),
        "file system of results": _file_system(tempfile.gettempdir()),
        "Python": platform.python_version(),
        "lightstream": _version("lightstream"),
        "DuckDB": _version("duckdb"),
    }
    if with_spark:
        found["Spark"] = f"{_version('pyspark')}, local[2], 2 shuffle partitions"
        found["Java"] = _java()
    return found


def load() -> str:
    """Return the machine's load averages over 1, 5 and 15 minutes."""
    return ", ".join(f"{value:.2f}" for value in os.getloadavg())


def commit(directory: str) -> str:
    """Return the commit of a checkout, marked when files were changed."""
    done = subprocess.run(
        ["git", "-C", directory, "describe", "--always", "--dirty", "--exclude=*"],
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() or "unknown"


def _version(package: str) -> str:
    if package == "lightstream":
        import lightstream

        return lightstream.__version__
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _java() -> str:
    from lightstream.real_spark import java_home

    home = java_home() or os.environ.get("JAVA_HOME")
    java = os.path.join(home, "bin", "java") if home else "java"
    lines = subprocess.run([java, "-version"], capture_output=True, text=True).stderr.splitlines()
    return lines[0].replace('"', "") if lines else "unknown"


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _system() -> str:
    for line in _lines("/etc/os-release"):
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip().strip('"')
    return platform.system()


def _file_system(directory: str) -> str:
    best = ("", "unknown")
    for line in _lines("/proc/self/mounts"):
        _, point, kind, *_ = line.split()
        if os.path.realpath(directory).startswith(point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []
