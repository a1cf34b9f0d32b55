"""What the processes of a program have used: wall time, processor time, memory."""

from __future__ import annotations

import os
import resource
import time
from types import TracebackType

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Stopwatch:
    """Takes the wall time and the processor time of this process and its children, in seconds."""

    wall_s = 0.0
    cpu_s = 0.0

    def __enter__(self) -> Stopwatch:
        self._cpu_s, self._wall_s = cpu_seconds(), time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wall_s = time.monotonic() - self._wall_s
        self.cpu_s = cpu_seconds() - self._cpu_s


def cpu_seconds() -> float:
    """Return the processor time, of user and system, of this process and all below it."""
    total = 0
    for fields in _tree().values():
        total += sum(int(fields[i]) for i in (11, 12, 13, 14))
    if total:
        return total / _TICKS_A_SECOND
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def memory_bytes() -> int:
    """Return the resident memory of this process and all below it; 0 where there is no /proc."""
    return sum(int(fields[21]) * _PAGE_BYTES for fields in _tree().values())


def peak_memory_bytes() -> int:
    """Return the sum of the highest resident memories of this process and all below it that still run."""
    peak = sum(_peak_bytes(pid) for pid in _tree())
    return peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _peak_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            return next((int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM")), 0)
    except OSError:
        return 0


def _tree() -> dict[int, list[str]]:
    """Return the fields of /proc/PID/stat, from the state on, of this process and all below it."""
    everyone: dict[int, list[str]] = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return {}
    for name in names:
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                    everyone[int(name)] = file.read().rpartition(")")[2].split()
            except OSError:
                continue
    mine = {os.getpid()}
    grown = True
    while grown:
        more = {pid for pid, fields in everyone.items() if int(fields[1]) in mine} - mine
        mine |= more
        grown = bool(more)
    return {pid: everyone[pid] for pid in mine if pid in everyone}
