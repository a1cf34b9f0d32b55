"""Where a query goes on: decided from the newest entries of its two logs, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from lightstream.checkpoint.damage import concurrent_update, damaged
from lightstream.checkpoint.logs import CommitEntry, OffsetEntry
from lightstream.dataclass import dataclass
from lightstream.errors import SparkRuntimeException


@dataclass(frozen=True, slots=True)
class RestartPoint:
    """The batch that a query runs first.

    `rerun` says that `offsets/<batch_id>` is written and the batch has to be run again exactly: with
    `end_offsets` and `batch_timestamp_ms` from there. Otherwise both are None and the batch is still to be
    planned. `start_offsets` is empty for batch 0. `conf` holds the settings that stay with the checkpoint.
    """

    batch_id: int
    rerun: bool
    start_offsets: tuple[str | None, ...]
    end_offsets: tuple[str | None, ...] | None
    watermark_ms: int
    batch_timestamp_ms: int | None
    conf: dict[str, str] = field(default_factory=dict)


FIRST_START = RestartPoint(
    batch_id=0, rerun=False, start_offsets=(), end_offsets=None, watermark_ms=0, batch_timestamp_ms=None
)


def decide_restart(
    latest_offsets: tuple[int, OffsetEntry] | None,
    latest_commit: tuple[int, CommitEntry] | None,
    offsets_of: Callable[[int], OffsetEntry | None],
    path: str = "",
) -> RestartPoint:
    """Return the first batch to run, given the newest entry of each log; `offsets_of` reads older offsets.

    Raises:
        SparkRuntimeException: CONCURRENT_STREAM_LOG_UPDATE when a batch is committed whose offsets were never
            written; LIGHTSTREAM_CHECKPOINT_DAMAGED when offsets are missing.
    """
    if latest_offsets is None:
        if latest_commit is not None:
            raise damaged(
                f"{path}/offsets/{latest_commit[0]}",
                f"it is missing, while commits/{latest_commit[0]} says that the batch is done",
            )
        return FIRST_START
    batch_id, entry = latest_offsets
    committed_id, commit = latest_commit if latest_commit is not None else (-1, CommitEntry())
    if committed_id > batch_id:
        # A plan for that batch must have existed: someone else is at work here, or files were taken away.
        raise concurrent_update(f"{path}/commits/{committed_id}", batch_id)
    before = OffsetEntry(0, 0, ())
    if batch_id > 0:
        previous = offsets_of(batch_id - 1)
        if previous is None:
            raise damaged(
                f"{path}/offsets/{batch_id - 1}", f"it is missing, and batch {batch_id} starts where it ends"
            )
        before = previous
    if committed_id == batch_id:
        return RestartPoint(
            batch_id=batch_id + 1,
            rerun=False,
            start_offsets=_merge(before.offsets, entry.offsets),
            end_offsets=None,
            watermark_ms=max(entry.batch_watermark_ms, commit.next_batch_watermark_ms),
            batch_timestamp_ms=None,
            conf=entry.conf,
        )
    # Commits that are further behind are no reason to stop (Spark warns): the newest planned batch is the one
    # that may be half done, all earlier ones ended before it was planned.
    return RestartPoint(
        batch_id=batch_id,
        rerun=True,
        start_offsets=before.offsets,
        end_offsets=_merge(before.offsets, entry.offsets),
        watermark_ms=entry.batch_watermark_ms,
        batch_timestamp_ms=entry.batch_timestamp_ms,
        conf=entry.conf,
    )


def check_source_count(point: RestartPoint, source_count: int) -> None:
    """Check that the query has as many sources as its checkpoint.

    Raises:
        SparkRuntimeException: LIGHTSTREAM_SOURCES_CHANGED.
    """
    offsets = point.start_offsets if point.end_offsets is None else point.end_offsets
    if point is not FIRST_START and len(offsets) != source_count:
        raise SparkRuntimeException(
            "LIGHTSTREAM_SOURCES_CHANGED",
            f"There are [{len(offsets)}] sources in the checkpoint offsets and now there are [{source_count}] "
            "sources requested by the query. Cannot continue. Use a new checkpoint directory for a changed query.",
            sqlstate="42K03",
        )


def _merge(older: tuple[str | None, ...], newer: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """Return `newer`, with `older` where a source has no offset in the newer batch."""
    padded = older + (None,) * (len(newer) - len(older))
    return tuple(old if new is None else new for old, new in zip(padded, newer, strict=False))
