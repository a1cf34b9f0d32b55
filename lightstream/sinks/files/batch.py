"""`df.write`: the rows of a batch query as a directory of files."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, IllegalArgumentException
from lightstream.execute.batch import run
from lightstream.plan import logical as lp
from lightstream.sinks.files.formats import part_format
from lightstream.sinks.files.layout import make_layout, refuse_duplicates
from lightstream.sinks.files.parts import part_names, write_parts, writing_to
from lightstream.sinks.files.targets import target_of
from lightstream.sources.paths import display_path, file_path, is_below

if TYPE_CHECKING:
    from lightstream.execute.session import SessionState

SaveMode = Literal["append", "overwrite", "ignore", "error"]


@dataclass(frozen=True, slots=True)
class FileWrite:
    """What a `DataFrameWriter` says. Keys of `options` are in lower case."""

    format: str
    path: str
    mode: SaveMode
    options: Mapping[str, str]
    partition_by: Sequence[str] = ()


def write_files(plan: lp.LogicalPlan, write: FileWrite, session: SessionState) -> None:
    """Write the rows of a plan as files, and `_SUCCESS` when all are there.

    What is to be replaced goes when the new files are complete. Guarantee: what fails leaves no new file.

    Raises:
        AnalysisException: PATH_ALREADY_EXISTS; columns, types or options that Spark refuses.
        SparkRuntimeException: TASK_WRITE_FAILED.
    """
    conf, path = session.conf, file_path(write.path)
    target = target_of(path, conf, write.options)
    layout = make_layout(plan.schema, write.partition_by, case_sensitive=conf.case_sensitive)
    refuse_duplicates([name if conf.case_sensitive else name.lower() for name in plan.schema.names])
    exists = target.exists() if write.mode in ("error", "ignore") else False
    if exists and write.mode == "error":
        raise AnalysisException(
            "PATH_ALREADY_EXISTS",
            f'Path {display_path(path)} already exists. Set mode as "overwrite" to overwrite the existing path.',
            sqlstate="42K04",
            parameters={"outputPath": display_path(path)},
        )
    if exists and write.mode == "ignore":
        return
    format = part_format(write.format, layout, write.options, conf)
    dynamic = bool(layout.partitions) and _overwrites_partitions(write, session)
    if write.mode == "overwrite":
        _refuse_own_input(plan, path)
    result = run(plan, session)
    identity = str(uuid.uuid4())
    with writing_to(path):
        try:
            hidden = target.make_hidden(identity, replaces=write.mode == "overwrite")
            parts = write_parts(result.take, layout, format, hidden, conf.time_zone, result.cursor)
            replaced: set[str] | None = set()
            if write.mode == "overwrite":
                replaced = {part.directory for part in parts} if dynamic else None
            target.replace(parts, part_names(parts, identity, format, layout), replaced)
        finally:
            target.close()
        target.mark()


def _overwrites_partitions(write: FileWrite, session: SessionState) -> bool:
    """Return whether only those partitions are replaced that have new rows."""
    default = session.conf.get("spark.sql.sources.partitionOverwriteMode") or "STATIC"
    mode = write.options.get("partitionoverwritemode", default).upper()
    if mode not in ("STATIC", "DYNAMIC"):
        raise IllegalArgumentException(
            None, f"No value found for '{mode}': partitionOverwriteMode is static or dynamic."
        )
    return mode == "DYNAMIC"


def _refuse_own_input(plan: lp.LogicalPlan, path: str) -> None:
    for node in plan.walk():
        for text in getattr(node.reader, "paths", ()) if isinstance(node, lp.DataSourceScan) else ():
            read = file_path(text)
            if is_below(read, path) or is_below(path, read):
                raise AnalysisException(
                    "UNSUPPORTED_OVERWRITE.PATH",
                    f"Can't overwrite the target that is also being read from: {display_path(path)}.",
                    sqlstate="42902",
                    parameters={"path": display_path(path)},
                )
