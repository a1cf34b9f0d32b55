"""Files that appear complete or not at all, and never replace another.

A directory in `mirrors` stands for one that is elsewhere: what is created and removed in it is so there first.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Protocol

from lightstream import crash

TEMPORARY_SUFFIX = ".lightstream.tmp"

# Errors of file systems that cannot hard-link.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK)


class Mirror(Protocol):
    """What a directory stands for. Paths are those in the directory."""

    def create(self, path: str, data: bytes) -> None:
        """Create a file there; FileExistsError when the name is taken."""

    def remove(self, path: str) -> None:
        """Remove a file there, if it is there."""

    def shown(self, path: str) -> str:
        """Return what a user calls a path."""


mirrors: dict[str, Mirror] = {}


def shown(path: str) -> str:
    """Return a path as a user knows it."""
    mirror = _mirror_of(path)
    return path if mirror is None else mirror.shown(path)


def _mirror_of(path: str) -> Mirror | None:
    for directory, mirror in mirrors.items():
        if path == directory or path.startswith(f"{directory}/"):
            return mirror
    return None


def create_once(directory: str, name: str, data: bytes, *, durable: bool, label: str = "") -> None:
    """Create `directory/name` with `data`; with `durable`, return when it survives a power failure.

    `label` is what the crash points call the file.

    Raises:
        FileExistsError: the name is taken; what it holds is left as it is.
    """
    with open_once(directory, name, durable=durable, label=label) as descriptor:
        write_all(descriptor, data)


@contextlib.contextmanager
def open_once(directory: str, name: str, *, durable: bool, label: str = "") -> Iterator[int]:
    """Yield a descriptor to write to; on leaving without an error, the file appears as `directory/name`."""
    temporary = temporary_path(directory, name)
    descriptor = _create(temporary)
    try:
        if crash.at is not None:
            crash.at(f"{label}-begun")
        yield descriptor
        if crash.at is not None:
            crash.at(f"{label}-written")
        mirror = _mirror_of(directory)
        if mirror is not None:
            with open(temporary, "rb") as file:
                mirror.create(os.path.join(directory, name), file.read())
        # Hadoop checks a file against its `.name.crc` sibling when there is one: one that was left behind by
        # Spark for an earlier file of this name would make the new file unreadable.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, f".{name}.crc"))
        publish(temporary, os.path.join(directory, name))
        if crash.at is not None:
            crash.at(f"{label}-named")
        if durable:
            # After the name is in place: one journal commit then covers both the content and the name.
            os.fsync(descriptor)
        if crash.at is not None:
            crash.at(f"{label}-forced")
    finally:
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _create(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o644)
    except FileExistsError:
        # Left by a process that was killed. It may be another name of a finished file: never write into it.
        os.unlink(path)
        return os.open(path, flags, 0o644)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, however many calls it takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def remove(directory: str, name: str) -> None:
    """Remove a file and the checksum that Hadoop may have left beside it; a missing file is no error."""
    mirror = _mirror_of(directory)
    if mirror is not None:
        mirror.remove(os.path.join(directory, name))
    for victim in (name, f".{name}.crc"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, victim))


def temporary_path(directory: str, name: str) -> str:
    """Return the path that `directory/name` is written to first; Spark ignores names that begin with a dot."""
    return os.path.join(directory, f".{name}{TEMPORARY_SUFFIX}")


def publish(temporary: str, final: str) -> None:
    """Give a finished file its name.

    Raises:
        FileExistsError: the name is taken.
    """
    try:
        os.link(temporary, final)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # No hard links here: two writers could still race between these two lines, but the checkpoint's lock
        # keeps ours apart and Spark has no stronger promise itself.
        if os.path.exists(final):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), final) from None
        os.rename(temporary, final)
