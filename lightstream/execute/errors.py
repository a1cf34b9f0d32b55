"""DuckDB's errors, and those of the disk, as Spark's."""

from __future__ import annotations

import errno
import os

from lightstream.errors import PySparkException

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO)


def disk_error(text: str) -> PySparkException:
    """Return the error for a file that could not be written or read."""
    return PySparkException(
        "LIGHTSTREAM_DISK_ERROR",
        f"A file could not be written or read: {text.rstrip('.')}. Make room or give access, then start the query "
        "again: it goes on where it was, and writes nothing twice.",
        sqlstate="58030",
    )


def translated(error: Exception) -> Exception:
    """Return Spark's error for one that came out of DuckDB or of the disk; others are returned as they are."""
    if isinstance(error, PySparkException):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        return disk_error(str(error))
    import duckdb

    if not isinstance(error, duckdb.Error):
        return error
    text = str(error)
    if "fsync failed" in text or any(os.strerror(number) in text for number in _DISK):
        return disk_error(text)
    from lightstream.functions.errors import translate

    known = translate(text)
    if known is not None:
        return known
    return PySparkException(
        "LIGHTSTREAM_DUCKDB_ERROR",
        f"DuckDB could not run the query: {text}",
        sqlstate="XX000",
    )
