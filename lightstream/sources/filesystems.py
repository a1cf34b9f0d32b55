"""What can be relied on in the file system that a directory is on."""

from __future__ import annotations

import enum
import os
import sys

_LOCAL = frozenset(
    {
        "bcachefs",
        "btrfs",
        "ext2",
        "ext3",
        "ext4",
        "f2fs",
        "jfs",
        "overlay",
        "ramfs",
        "rootfs",
        "tmpfs",
        "xfs",
        "zfs",
    }
)
_NETWORK = frozenset(
    {"afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "lustre", "nfs", "nfs4", "smb3"}
)


class Trust(enum.Enum):
    """How changes of a directory show."""

    EVENTS = "events"
    """All writers are on this machine: inotify tells all, a lease tells whether a file is being written."""
    DIRECTORY_TIME = "directory time"
    """Other machines write too: the directory's modification time tells that something changed."""
    NOTHING = "nothing"
    """Not known: only a listing tells."""


def trust_of(directory: str) -> Trust:
    """Return how far the file system of a directory can be trusted; careful where it is not known."""
    if sys.platform != "linux":
        return Trust.DIRECTORY_TIME if os.name == "posix" else Trust.NOTHING
    kind = _mounted_kind(os.path.realpath(directory))
    if kind in _LOCAL:
        return Trust.EVENTS
    return Trust.DIRECTORY_TIME if kind in _NETWORK else Trust.NOTHING


def _mounted_kind(path: str) -> str:
    best, kind = -1, ""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                fields = line.split()
                mount_point = _unescape(fields[4])
                below = mount_point == "/" or path == mount_point or path.startswith(mount_point + "/")
                # Of two on one point, the later covers the earlier.
                if below and len(mount_point) >= best:
                    best, kind = len(mount_point), fields[fields.index("-") + 1]
    except (OSError, ValueError, IndexError):
        return ""
    return kind


def _unescape(text: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text
