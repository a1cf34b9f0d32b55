"""`lightstream checkpoint`: what a checkpoint holds, whether it is whole, and back to an earlier batch."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from lightstream.checkpoint import inspection
from lightstream.checkpoint.inspection import Inspected
from lightstream.checkpoint.remote import local_copy
from lightstream.run import FAILED, OK
from lightstream.sources.paths import file_path, local_path


def show(directory: str, batches: int, as_json: bool) -> int:
    """Print what a checkpoint holds; return the exit code."""
    with local_copy(file_path(directory)) as path:
        found = inspection.inspect(path)
        holder = inspection.holder(path)
    if as_json:
        print(json.dumps({**asdict(found), "holder": holder}, indent=2))
    else:
        for line in _lines(found, holder, batches):
            print(line)
    return _outcome(found)


def verify(directory: str) -> int:
    """Print what is wrong with a checkpoint; return the exit code."""
    with local_copy(file_path(directory)) as path:
        found = inspection.inspect(path)
    if not found.faults:
        print(f"{found.path} is whole: {_summary(found)}.")
    return _outcome(found)


def rewind(directory: str, batch_id: int) -> int:
    """Go back to a batch; return the exit code."""
    path = local_path(directory)
    inspection.rewind(path, batch_id)
    print(
        f"{path} ends with batch {batch_id} now. The query goes on with batch {batch_id + 1}; what its sink has of "
        "that batch and later ones stays there. A table or directory that it wrote to is refused: give it another."
    )
    return OK


def _outcome(found: Inspected) -> int:
    for fault in found.faults:
        print(f"damaged: {fault}", file=sys.stderr)
    return FAILED if found.faults else OK


def _summary(found: Inspected) -> str:
    batches = f"{len(found.batches)} batches" if len(found.batches) != 1 else "1 batch"
    files = sum(source.files for source in found.sources)
    return f"{batches} in its logs, {files:,} files seen" if found.sources else f"{batches} in its logs"


def _lines(found: Inspected, holder: str | None, batches: int) -> Iterator[str]:
    yield f"checkpoint  {found.path}"
    yield f"query id    {found.query_id or 'unknown'}"
    yield f"in use by   {holder or 'no process'}"
    for source in found.sources:
        yield f"source {source.source}    {source.files:,} files seen, up to log offset {source.offset}"
    state = found.state
    if state is not None:
        of = state.unread or (
            f"of batch {state.batch_id}" if state.batch_id is not None else "of no batch yet"
        )
        yield f"state       {state.bytes:,} bytes on disk, {of}"
        for number, name in state.operators:
            yield f"  operator {number}  {name}"
        for name, rows in state.tables:
            yield f"  table {name}  {rows:,} rows"
    shown = found.batches[-batches:] if batches else found.batches
    left_out = len(found.batches) - len(shown)
    yield f"batches     {len(found.batches)}" + (f", the newest {len(shown)}:" if left_out else "")
    for batch in shown:
        yield (
            f"  {batch.batch_id}  {_time(batch.timestamp_ms)}  {'done' if batch.done else 'not done'}"
            + (f"  watermark {_time(batch.watermark_ms)}" if batch.watermark_ms else "")
        )
        for number, offset in enumerate(batch.offsets):
            yield f"      source {number}: {'no offset' if offset is None else offset}"


def _time(ms: int) -> str:
    """Return a time as progress reports have it."""
    try:
        at = datetime.fromtimestamp(ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
