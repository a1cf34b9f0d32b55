"""Local directories of this process: gone when it ends, or, where it was killed, when another one begins."""

from __future__ import annotations

import atexit
import contextlib
import functools
import glob
import os
import shutil
import tempfile

try:
    import fcntl
except ImportError:  # Windows: what a killed process leaves stays in the temporary directory
    fcntl = None  # type: ignore[assignment]

_PREFIX = "lightstream-objects-"
_LOCK = ".lock"


def make_directory(parent: str | None = None) -> str:
    """Return a new directory, below `parent` or the system's temporary directory."""
    return tempfile.mkdtemp(dir=_own(os.path.abspath(parent or tempfile.gettempdir())))


@functools.cache
def _own(parent: str) -> str:
    """Return the directory of this process; what killed processes have left beside it is removed."""
    os.makedirs(parent, exist_ok=True)
    if fcntl is not None:
        for left in glob.glob(os.path.join(glob.escape(parent), f"{_PREFIX}*")):
            with contextlib.suppress(OSError):
                descriptor = os.open(os.path.join(left, _LOCK), os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody lives there
                    shutil.rmtree(left, ignore_errors=True)
                finally:
                    os.close(descriptor)
    path = tempfile.mkdtemp(prefix=_PREFIX, dir=parent)
    if fcntl is not None:
        # Locked before it has its name: another process would take it for a dead one's.
        unnamed = os.path.join(path, ".unnamed")
        descriptor = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.rename(unnamed, os.path.join(path, _LOCK))
    owner = os.getpid()
    atexit.register(_remove, path, owner)
    return path


def _remove(path: str, owner: int) -> None:
    if os.getpid() == owner:  # not a worker process that was forked
        shutil.rmtree(path, ignore_errors=True)
