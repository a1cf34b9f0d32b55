"""`cleanSource`: deletes or archives the files of finished batches, in the background."""

from __future__ import annotations

import logging
import os
import queue
import shutil
import threading
from collections.abc import Sequence

from lightstream import crash
from lightstream.errors import IllegalArgumentException
from lightstream.sources.file_options import ARCHIVE, OFF, FileStreamOptions
from lightstream.sources.globs import name_pattern
from lightstream.sources.paths import display_path, local_path

logger = logging.getLogger(__name__)


class SourceCleaner:
    """Cleans files on threads of its own; what fails is logged and left, as in Spark.

    Args:
        archive_directory: where to move files to, below their full original path; None deletes them.
        threads: `spark.sql.streaming.fileSource.cleaner.numThreads`; 0 cleans at once, in the caller's thread.
    """

    def __init__(self, archive_directory: str | None, threads: int = 1) -> None:
        self._archive_directory = archive_directory
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name="lightstream-clean", daemon=True) for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def clean(self, paths: Sequence[str]) -> None:
        """Delete or archive files, soon."""
        for path in paths:
            if self._threads:
                self._queue.put(path)
            else:
                self._clean(path)

    def stop(self, timeout_s: float = 30.0) -> None:
        """Finish what was asked for, then end."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(timeout_s)

    def _run(self) -> None:
        while (path := self._queue.get()) is not None:
            self._clean(path)

    def _clean(self, path: str) -> None:
        if crash.at is not None:
            crash.at("clean-begun")
        try:
            if self._archive_directory is None:
                os.unlink(path)
            else:
                target = self._archive_directory.rstrip("/") + path
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.move(path, target)
        except OSError as error:
            logger.warning("cleanSource could not clean %s: %s", path, error)
        if crash.at is not None:
            crash.at("clean-done")


def open_cleaner(options: FileStreamOptions, source_path: str, threads: int) -> SourceCleaner | None:
    """Return the cleaner that the options ask for, or None.

    Raises:
        IllegalArgumentException: archived files could be read again from where they are moved to.
    """
    if options.clean_source == OFF:
        return None
    if options.clean_source != ARCHIVE:
        return SourceCleaner(None, threads)
    archive = local_path(options.archive_directory or "")
    if _archive_matches_source(archive, source_path):
        raise IllegalArgumentException(
            None,
            "requirement failed: Base archive path cannot be set to the path where archived path can possibly match "
            "with source pattern. Ensure the base archive path doesn't match with source pattern in depth, where the "
            f"depth is minimum of depth on both paths. source path: {display_path(source_path)} / "
            f"base archive path: {display_path(archive)}",
        )
    return SourceCleaner(archive, threads)


def _archive_matches_source(archive: str, source: str) -> bool:
    # As deep as both go: a source reads to any depth below its path.
    components = zip(archive.split("/")[1:], source.split("/")[1:], strict=False)
    return all(name_pattern(pattern).fullmatch(name) for name, pattern in components if name and pattern)
