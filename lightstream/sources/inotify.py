"""Linux's inotify, read by the thread that asks.

Why not through watchdog: a trigger has to see every file that is visible when it begins. The kernel queues an event
before the rename or close that caused it returns, so reading the queue empty is an exact answer, for the price of
one system call. watchdog reads the queue on threads of its own, so that a caller cannot know whether it is done; it
holds back what follows a file that is moved out of the directory for half a second; and it does not tell its
handlers that the kernel dropped events.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import threading
from typing import NamedTuple

CLOSE_WRITE = 0x00000008
MOVED_FROM = 0x00000040
MOVED_TO = 0x00000080
CREATE = 0x00000100
DELETE = 0x00000200
DELETE_SELF = 0x00000400
MOVE_SELF = 0x00000800
ATTRIB = 0x00000004
UNMOUNT = 0x00002000
OVERFLOW = 0x00004000
IGNORED = 0x00008000
IS_DIRECTORY = 0x40000000

GONE_SELF = DELETE_SELF | MOVE_SELF | UNMOUNT | IGNORED
APPEARED = CREATE | MOVED_TO | CLOSE_WRITE | ATTRIB
DISAPPEARED = DELETE | MOVED_FROM

_ONLY_DIRECTORY = 0x01000000
_WATCHED = APPEARED | DISAPPEARED | DELETE_SELF | MOVE_SELF | _ONLY_DIRECTORY
# Events after which there may be a new file to take.
_WORTH_WAKING = CREATE | MOVED_TO | CLOSE_WRITE | OVERFLOW | GONE_SELF

_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
_HEADER = struct.Struct("iIII")
_READ_BYTES = 1 << 18


class Event(NamedTuple):
    """One event: the watch it comes from (-1 for an overflow of the queue), what happened, to which name."""

    watch: int
    mask: int
    name: str


class Inotify:
    """An inotify queue. `add`, `remove` and `drain` may be called from several threads.

    Raises:
        OSError: the system has no inotify, or its limit of instances is reached.
    """

    def __init__(self) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        try:
            descriptor = library.inotify_init1(_NONBLOCK_CLOEXEC)
            self._add_watch = library.inotify_add_watch
            self._remove_watch = library.inotify_rm_watch
        except AttributeError:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
        if descriptor < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._descriptor: int = descriptor
        self._lock = threading.Lock()
        self._read: list[Event] = []
        self._closed = False

    def fileno(self) -> int:
        """Return the descriptor to poll on."""
        return self._descriptor

    def add(self, directory: str) -> int:
        """Watch a directory; return the watch's number, which its events carry.

        Raises:
            OSError: the directory is gone, or the limit of watches is reached (ENOSPC).
        """
        watch: int = self._add_watch(self._descriptor, os.fsencode(directory), _WATCHED)
        if watch < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), directory)
        return watch

    def remove(self, watch: int) -> None:
        """Stop watching; a watch that is gone already is no error."""
        self._remove_watch(self._descriptor, watch)

    def drain(self) -> list[Event]:
        """Return all events of changes that were complete when this was called."""
        with self._lock:
            self._fill()
            events, self._read = self._read, []
        return events

    def fetch(self) -> bool:
        """Take events out of the kernel's queue, for a later `drain`; return whether one is worth a look."""
        with self._lock:
            before = len(self._read)
            self._fill()
            return any(event.mask & _WORTH_WAKING for event in self._read[before:])

    def close(self) -> None:
        """Close the queue."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._descriptor)

    def _fill(self) -> None:
        while not self._closed:
            try:
                data = os.read(self._descriptor, _READ_BYTES)
            except BlockingIOError:
                return
            position = 0
            while position < len(data):
                watch, mask, _, length = _HEADER.unpack_from(data, position)
                position += _HEADER.size
                name = data[position : position + length].rstrip(b"\0")
                position += length
                self._read.append(Event(watch, mask, os.fsdecode(name)))
            if len(data) < _READ_BYTES // 2:
                # Anything queued after this read came after the call.
                return
