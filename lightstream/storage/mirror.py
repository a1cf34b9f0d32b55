"""A local directory that stands for a directory of logs in an object store.

It begins as a copy. What `lightstream.atomic` creates in it is created in the store first, if the name is free there,
and what it removes is removed there first: so the store is what counts, and logs need not know where they are.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable

from lightstream import atomic
from lightstream.storage.local import make_directory
from lightstream.storage.objects import ObjectStore
from lightstream.storage.paths import split


class Mirror:
    """The copy of a directory, until `close`.

    Args:
        store: where the directory is.
        path: its whole path there.
        below: where in the copy it is: the rest of the copy is a local directory like others.
        wanted: which of its files are copied, by their paths below it.
        parent: where the copy is to be, the system's temporary directory otherwise.
    """

    def __init__(
        self,
        store: ObjectStore,
        path: str,
        *,
        below: str = "",
        wanted: Callable[[str], bool] = lambda relative: True,
        parent: str | None = None,
    ) -> None:
        self.path = path
        self.root = make_directory(parent)
        self.directory = os.path.join(self.root, below) if below else self.root
        self._store = store
        self._wanted = wanted
        self._known: set[str] = set()
        try:
            self.refresh()
        except BaseException:
            self.close()
            raise
        atomic.mirrors[self.directory] = self

    def refresh(self) -> None:
        """Learn what others have written, and removed: files do not change."""
        start = len(split(self.path)[1]) + 1 if split(self.path)[1] else 0
        found = {split(each.path)[1][start:]: each.mtime_ms for each in self._store.objects(self.path)}
        there = {name for name in found if self._wanted(name)}
        os.makedirs(self.directory, exist_ok=True)
        for name in self._known - there:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.directory, name))
        new = sorted(there - self._known)
        for directory in {os.path.dirname(name) for name in new}:
            os.makedirs(os.path.join(self.directory, directory), exist_ok=True)
        # A file that is seen is whole.
        pairs = [
            (f"{self.path}/{name}", os.path.join(self.root, f".{n}.fetched")) for n, name in enumerate(new)
        ]
        gone = set(self._store.fetch_all(pairs))
        for (path, fetched), name in zip(pairs, new, strict=True):
            if path not in gone:
                os.utime(fetched, (found[name] / 1000, found[name] / 1000))
                os.rename(fetched, os.path.join(self.directory, name))
        self._known = there

    def shown(self, path: str) -> str:
        """Return what a path in the copy stands for."""
        relative = os.path.relpath(path, self.directory)
        return self.path if relative == "." else f"{self.path}/{relative}"

    def create(self, path: str, data: bytes) -> None:
        """Create a file in the store.

        Raises:
            FileExistsError: the name is taken.
        """
        try:
            self._store.create(self.shown(path), data)
        except FileExistsError as error:
            raise FileExistsError(error.errno, error.strerror, path) from None
        self._known.add(os.path.relpath(path, self.directory))

    def remove(self, path: str) -> None:
        """Remove a file from the store."""
        self._store.delete([self.shown(path)])
        self._known.discard(os.path.relpath(path, self.directory))

    def close(self) -> None:
        """Remove the copy. Safe to call twice."""
        atomic.mirrors.pop(self.directory, None)
        shutil.rmtree(self.root, ignore_errors=True)
