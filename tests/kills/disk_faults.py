"""A disk that fails at its n-th change: `disk_faults.c`, built and preloaded into a process.

The variables of the environment that it reads:

DISK_FAULTS_PATHS   the files and directories it is about, separated by colons
DISK_FAULTS_AT      the number of the change, from 1 on; without it, every change
DISK_FAULTS_HOW     kill (before the change), torn (half of a write, then killed), full (ENOSPC from the change on),
                    fail (EIO, once), read-only (EROFS from the change on)
DISK_FAULTS_WHILE   the faults last as long as this file exists
DISK_FAULTS_LOG     a file that notes each change
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "disk_faults.c")


@functools.cache
def library() -> str | None:
    """Build the library once a process; None where that is not possible (no Linux, no C compiler)."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    directory = tempfile.mkdtemp(prefix="disk-faults-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    path = os.path.join(directory, "disk_faults.so")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", path, SOURCE, "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return path if done.returncode == 0 else None


def environment(paths: list[str], how: str = "", at: int | None = None, **more: str) -> dict[str, str]:
    """Return the variables for a process whose disk fails; `log`, `last` (DISK_FAULTS_WHILE) are paths."""
    found = {"LD_PRELOAD": library() or "", "DISK_FAULTS_PATHS": ":".join(paths), "DISK_FAULTS_HOW": how}
    if at is not None:
        found["DISK_FAULTS_AT"] = str(at)
    for name, variable in (("log", "DISK_FAULTS_LOG"), ("last", "DISK_FAULTS_WHILE")):
        if name in more:
            found[variable] = more[name]
    return found
