"""Which files a stream has taken, by directory and name."""

from __future__ import annotations

from collections.abc import Collection


class SeenFiles:
    """The files taken so far, with their modification times, and the age below which files are ignored.

    A file is new when it was not taken and is not older than `max_age_ms` before the newest file taken, as that
    stood after the last batch. Spark forgets files below that age; here they are kept while they exist, so that a
    listing need not look at them again, and count as forgotten.

    Args:
        max_age_ms: `maxFileAge`; None for no limit.
        name_only: `fileNameOnly`: same-named files in different directories are one file.
    """

    def __init__(self, max_age_ms: int | None, *, name_only: bool = False) -> None:
        self._max_age_ms = max_age_ms
        self.name_only = name_only
        self._names: dict[str, dict[str, int]] = {}
        self._latest_ms = 0
        self._horizon_ms = -(2**63)

    def __len__(self) -> int:
        return sum(map(len, self._names.values()))

    def add(self, directory: str, name: str, mtime_ms: int) -> None:
        """Remember a taken file."""
        self._of(directory)[name] = mtime_ms
        if mtime_ms > self._latest_ms:
            self._latest_ms = mtime_ms

    def end_batch(self) -> None:
        """Move the age limit up to the newest file taken."""
        if self._max_age_ms is not None:
            self._horizon_ms = self._latest_ms - self._max_age_ms

    def is_new(self, directory: str, name: str, mtime_ms: int) -> bool:
        """Return whether a file is to be taken."""
        if mtime_ms < self._horizon_ms:
            return False
        taken_ms = self._of(directory).get(name)
        return taken_ms is None or taken_ms < self._horizon_ms

    def ignore(self, directory: str, name: str, mtime_ms: int) -> None:
        """Remember a file that is too old, so that listings pass over it."""
        self._of(directory).setdefault(name, mtime_ms)

    def known(self, directory: str) -> Collection[str]:
        """Return the names that a listing of a directory may pass over."""
        return self._of(directory)

    def forgotten(self, directory: str) -> list[str]:
        """Return the names of a directory that are below the age limit: new if they were touched since."""
        horizon_ms = self._horizon_ms
        return [name for name, mtime_ms in self._of(directory).items() if mtime_ms < horizon_ms]

    def sweep(self, directory: str, existing: Collection[str]) -> None:
        """Drop what is below the age limit and no longer exists, given all names of a directory."""
        if self.name_only:
            return
        names = self._of(directory)
        for name in [name for name in self.forgotten(directory) if name not in existing]:
            del names[name]

    def _of(self, directory: str) -> dict[str, int]:
        key = "" if self.name_only else directory
        names = self._names.get(key)
        if names is None:
            names = self._names[key] = {}
        return names
