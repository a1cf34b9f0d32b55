"""The errors of a checkpoint that cannot be read or written."""

from __future__ import annotations

from lightstream.atomic import shown
from lightstream.errors import SparkRuntimeException

_WHAT_TO_DO = (
    "Restore the checkpoint directory from a backup, or start the query with a new one (it then reads all its "
    "input again)."
)


def damaged(path: str, reason: str, what_to_do: str = _WHAT_TO_DO) -> SparkRuntimeException:
    """Return the error for a checkpoint file that cannot be used."""
    path = shown(path)
    return SparkRuntimeException(
        "LIGHTSTREAM_CHECKPOINT_DAMAGED",
        f"The checkpoint file {path} cannot be used: {reason}. {what_to_do}",
        sqlstate="KD002",
        parameters={"path": path, "reason": reason},
    )


def concurrent_update(path: str, batch_id: int) -> SparkRuntimeException:
    """Return the error for a log entry that another writer has made."""
    path = shown(path)
    return SparkRuntimeException(
        "CONCURRENT_STREAM_LOG_UPDATE",
        f"Another query wrote {path}, while this one is at batch {batch_id}. "
        "Run one query at a time on a checkpoint location.",
        sqlstate="40000",
        parameters={"batchId": str(batch_id)},
    )


def check_version(path: str, text: str) -> None:
    """Check the first line of a log file, `v1`.

    Raises:
        SparkRuntimeException: MALFORMED_LOG_FILE when it is no version, INVALID_LOG_VERSION.MAX_SUPPORTED_VERSION
            when it is a newer one.
    """
    if text == "v1":
        return
    path = shown(path)
    if text[:1] == "v" and text[1:].isdecimal() and int(text[1:]) > 1:
        raise SparkRuntimeException(
            "INVALID_LOG_VERSION.MAX_SUPPORTED_VERSION",
            f"The checkpoint file {path} has version {text}; lightstream reads v1. A newer Spark wrote it: "
            "continue the query there, or start it here with a new checkpoint directory.",
            sqlstate="KD002",
            parameters={"maxSupportedVersion": "1", "version": text[1:]},
        )
    raise SparkRuntimeException(
        "MALFORMED_LOG_FILE",
        f"The checkpoint file {path} should begin with its version, v1, and begins with {text[:40]!r}. {_WHAT_TO_DO}",
        sqlstate="KD002",
        parameters={"text": text},
    )
