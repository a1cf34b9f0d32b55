"""Whether a file is complete: nobody has it open for writing."""

from __future__ import annotations

import enum
import errno
import os
import signal
from typing import NamedTuple

try:
    import fcntl

    # A lease is broken by a signal to its holder, by default one that ends the process. This one is ignored by
    # default; we hold a lease for microseconds only.
    _LEASES = hasattr(fcntl, "F_SETLEASE") and hasattr(fcntl, "F_SETSIG")
except ImportError:
    _LEASES = False


class Writing(enum.Enum):
    """Whether somebody has a file open for writing."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"
    GONE = "gone"


class FileState(NamedTuple):
    """What a look at a file found; size (bytes) and times are those of now, 0 when the file is gone."""

    writing: Writing
    size: int
    mtime_ns: int


def look_at(path: str, *, ask_kernel: bool) -> FileState:
    """Look at a file; with `ask_kernel` find out whether it is open for writing, by any process on this machine.

    Linux grants a read lease on a file only when nobody has it open for writing, to the file's owner and to root.
    """
    if ask_kernel and _LEASES:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return FileState(Writing.GONE, 0, 0)
        except OSError:
            pass  # not readable: whoever reads the data will say so
        else:
            try:
                writing = _ask_for_lease(descriptor)
                status = os.fstat(descriptor)
            finally:
                os.close(descriptor)  # ends the lease
            return FileState(writing, status.st_size, status.st_mtime_ns)
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return FileState(Writing.GONE, 0, 0)
    return FileState(Writing.UNKNOWN, status.st_size, status.st_mtime_ns)


def _ask_for_lease(descriptor: int) -> Writing:
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return Writing.YES if error.errno == errno.EAGAIN else Writing.UNKNOWN
    return Writing.NO
