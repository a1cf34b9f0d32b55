"""Where part files go: a directory of this machine, or one of an object store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from lightstream import crash
from lightstream.checkpoint.sink_log import SinkFile
from lightstream.conf import Conf
from lightstream.sinks.files.parts import TEMPORARY, Part, put
from lightstream.sources.paths import to_uri
from lightstream.storage.paths import is_remote
from lightstream.storage.settings import settings_of


class Target(Protocol):
    """A directory that is written to."""

    def exists(self) -> bool:
        """Return whether anything is there."""

    def log_directory(self) -> str:
        """Return the local directory in which the sink's log is kept."""

    def make_hidden(self, identity: str, *, replaces: bool = False) -> str:
        """Return a new local directory for files that are being written; `replaces` what is at the path."""

    def place(self, parts: Sequence[Part], names: Sequence[str]) -> list[SinkFile]:
        """Give finished files their names, for good; those that have them already are replaced."""

    def replace(self, parts: Sequence[Part], names: Sequence[str], directories: set[str] | None) -> None:
        """Give finished files their names in place of what is in some directories, or of everything."""

    def mark(self) -> None:
        """Say that all files are there: `_SUCCESS`."""

    def close(self) -> None:
        """Remove what is hidden."""


def target_of(path: str, conf: Conf, options: Mapping[str, str]) -> Target:
    """Return the directory at a whole path."""
    if is_remote(path):
        from lightstream.sinks.files.store_target import StoreTarget
        from lightstream.storage.opening import open_store

        return StoreTarget(open_store(path, settings_of(conf.values, options)), path, conf)
    return LocalTarget(path)


class LocalTarget:
    """A local directory; files are hidden below it, so that they only change their names."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._hidden = ""

    def exists(self) -> bool:
        """Return whether anything is there."""
        return os.path.exists(self._path)

    def log_directory(self) -> str:
        """Return the directory itself."""
        return self._path

    def make_hidden(self, identity: str, *, replaces: bool = False) -> str:
        """Return a new directory below the path, or beside a file that is to be replaced."""
        above = os.path.dirname(self._path) if replaces and os.path.isfile(self._path) else self._path
        self._hidden = os.path.join(above, TEMPORARY, identity)
        shutil.rmtree(self._hidden, ignore_errors=True)
        os.makedirs(self._hidden)
        return self._hidden

    def place(self, parts: Sequence[Part], names: Sequence[str]) -> list[SinkFile]:
        """Rename finished files, and force them to disk."""
        return [self._placed(part, name) for part, name in zip(parts, names, strict=True)]

    def _placed(self, part: Part, name: str) -> SinkFile:
        path = os.path.join(self._path, name)
        put(part, path)
        if crash.at is not None:
            crash.at("part-named")
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # After the name is in place: one journal commit then covers both the content and the name.
            os.fsync(descriptor)
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        return SinkFile(to_uri(path), status.st_size, status.st_mtime_ns // 1_000_000)

    def replace(self, parts: Sequence[Part], names: Sequence[str], directories: set[str] | None) -> None:
        """Remove what is to go, and rename finished files."""
        if directories is None or directories:
            self._remove(directories)
        os.makedirs(self._path, exist_ok=True)
        for part, name in zip(parts, names, strict=True):
            put(part, os.path.join(self._path, name))

    def _remove(self, directories: set[str] | None) -> None:
        if os.path.isfile(self._path):
            os.unlink(self._path)
        for directory in [""] if directories is None else directories:
            whole = os.path.join(self._path, directory)
            for name in os.listdir(whole) if os.path.isdir(whole) else ():
                victim = os.path.join(whole, name)
                if os.path.isdir(victim) and not os.path.islink(victim):
                    if name != TEMPORARY:
                        shutil.rmtree(victim)
                else:
                    os.unlink(victim)

    def mark(self) -> None:
        """Make the empty file."""
        open(os.path.join(self._path, "_SUCCESS"), "wb").close()

    def close(self) -> None:
        """Remove what is hidden."""
        if self._hidden:
            shutil.rmtree(self._hidden, ignore_errors=True)
            with suppress(OSError):  # others may be writing there
                os.rmdir(os.path.dirname(self._hidden))
