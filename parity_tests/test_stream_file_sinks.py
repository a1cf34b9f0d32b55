"""Streams into files: the directory, its log, refusals, reading it; and queries that each engine goes on with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare

CASES = Cases("stream into files")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SCHEMA = "k string, n int"
_ROWS = (
    [{"k": "a", "n": 1}, {"k": "b", "n": 2}],
    [{"k": "a/b", "n": 3}],
    [],
    [{"k": None, "n": 5}],
    [{"k": "z"}],
)


def shown(path: Path) -> list[Any]:
    """Return the files of a sink, their rows where they are text, and its log, without names that are their own."""
    files: dict[str, Any] = {}
    for file in path.rglob("*"):
        name = str(file.relative_to(path))
        if not file.is_file() or file.name.startswith("."):
            continue
        lines = [] if name.endswith((".parquet", ".orc")) else file.read_text().split("\n")
        if name.startswith("_spark_metadata"):
            entries = [json.loads(line) for line in lines[1:]]
            lines = [lines[0], *(_UUID.sub("UUID", e["path"].rpartition(str(path))[2]) for e in entries)]
            lines += sorted({json.dumps({**e, "path": 0, "size": 0, "modificationTime": 0}) for e in entries})
        files.setdefault(_UUID.sub("UUID", name), []).append(lines)
    return sorted((name, sorted(found)) for name, found in files.items())


def rows_in(engine: Engine) -> None:
    for number, rows in enumerate(_ROWS):
        engine.write(f"f{number}", rows)


def into(engine: Engine, format: str, frame: Any = None, by: tuple[str, ...] = (), **options: Any) -> Any:
    """Return a query of what is there into files, a file a batch."""
    stream = engine.stream(schema=_SCHEMA, maxFilesPerTrigger=1)
    writer = (
        (stream if frame is None else frame(stream)).writeStream.format(format).trigger(availableNow=True)
    )
    writer = writer.options(**{"checkpointLocation": engine.path(f"checkpoint-{format}"), **options})
    query = (writer.partitionBy(*by) if by else writer).start(engine.path(format))
    assert query.awaitTermination(120)
    return query


@CASES
def directories_and_logs(engine: Engine) -> None:
    rows_in(engine)
    engine.set("spark.sql.streaming.fileSink.log.compactInterval", "3")
    engine.set("spark.sql.streaming.fileSink.log.cleanupDelay", "0")
    engine.set("spark.sql.streaming.minBatchesToRetain", "1")
    for format, by, options in (
        ("json", ("k",), {}),
        ("csv", (), {"header": True}),
        ("parquet", (), {"compression": "gzip"}),
        ("orc", ("K",), {}),
    ):
        query = into(engine, format, by=by, **options)
        engine.tell(shown(Path(engine.path(format))))
        engine.tell([entry["sink"]["numOutputRows"] for entry in query.recentProgress])
        engine.tell(re.sub(r"file:.*/", "file:/", query.lastProgress["sink"]["description"]))
    engine.write("more", [{"k": "b", "n": 9}])
    into(engine, "json", by=("k",))
    engine.tell(shown(Path(engine.path("json"))))


@CASES
def what_is_refused(engine: Engine) -> None:
    rows_in(engine)
    for name, mode in (("json", "update"), ("csv", "complete")):
        writer = engine.stream(schema=_SCHEMA).groupBy("k").count().writeStream.format(name).outputMode(mode)
        writer = writer.option("checkpointLocation", engine.path("c"))
        engine.attempt(mode, lambda writer=writer: writer.start(engine.path("x")))  # type: ignore[misc]
    writer = engine.stream(schema=_SCHEMA).writeStream.format("json")
    engine.attempt("no checkpoint", lambda: writer.start(engine.path("x")))
    engine.attempt("no path", lambda: writer.option("checkpointLocation", engine.path("c")).start())
    for by in (("zz",), ("k", "n"), ("k", "K")):
        engine.attempt(str(by), lambda by=by: writer.partitionBy(*by).start(engine.path("x")))  # type: ignore[misc]
    for number, (format, items, options) in enumerate((
        ("text", ("n",), {}), ("csv", ("array(n) a",), {}), ("parquet", ("make_interval(1) a",), {}),
        ("json", ("n",), {"compression": "foo"}),
    )):  # fmt: skip
        frame = engine.stream(schema=_SCHEMA).selectExpr(*items)
        writer = frame.writeStream.format(format).option("checkpointLocation", engine.path(f"c{number}"))
        engine.fail(writer.options(**options).start(engine.path(f"x{number}")))


@CASES
def directories_are_read_by_their_logs(engine: Engine) -> None:
    rows_in(engine)
    into(engine, "json", by=("k",))
    into(engine, "csv")
    read = engine.spark.read.schema(_SCHEMA)
    for place in ("json/k=a", "json/k=new", "csv"):
        engine.write("orphan", '{"n":77}\n' if "json" in place else "orphan,77\n", into=place)
    engine.tell_frame(engine.spark.read.json(engine.path("json")))
    engine.tell_frame(read.csv(engine.path("csv")))
    engine.tell_frame(read.csv(engine.path("csv/*")))
    engine.tell_frame(read.csv([engine.path("csv"), engine.path("csv")]))
    engine.tell_frame(read.option("pathGlobFilter", "orphan").csv(engine.path("csv")))
    engine.tell_frame(engine.spark.read.option("recursiveFileLookup", True).json(engine.path("json")))
    engine.tell_frame(engine.spark.read.json(engine.path("json/k=a")))
    engine.set("spark.sql.streaming.fileStreamSink.ignoreMetadata", "true")
    engine.tell_frame(read.csv(engine.path("csv")))
    engine.set("spark.sql.streaming.fileStreamSink.ignoreMetadata", "false")
    stream = engine.spark.readStream.schema(_SCHEMA).option("maxFilesPerTrigger", 2)
    engine.run(stream.csv(engine.path("csv")))
    engine.write("more", [{"k": "b", "n": 9}])
    into(engine, "csv")
    engine.run(stream.csv(engine.path("csv")))
    cleaning = stream.option("cleanSource", "delete").csv(engine.path("csv"))
    engine.fail(engine.start(cleaning, checkpoint="cleaning"))


@pytest.mark.parametrize("program", list(CASES))
def test_file_sinks(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)


@pytest.mark.parametrize("first", ["spark", "lightstream"])
def test_each_engine_goes_on_with_the_files_of_the_other(
    spark: Any, lightstream: Any, tmp_path: Path, first: str
) -> None:
    engines = [spark, lightstream] if first == "spark" else [lightstream, spark]
    source, out, checkpoint = (str(tmp_path / name) for name in ("in", "out", "checkpoint"))
    Path(source).mkdir()
    written = 0
    for turn in range(4):
        engine = engines[turn % 2]
        for _ in range(4):
            hidden = tmp_path / "arriving"
            hidden.write_text(json.dumps({"k": "ab"[written % 2], "n": written}) + "\n")
            hidden.rename(Path(source) / f"f{written:03}")
            written += 1
        engine.conf.set("spark.sql.streaming.fileSink.log.compactInterval", "5")
        stream = engine.readStream.schema(_SCHEMA).option("maxFilesPerTrigger", 1).json(source)
        writer = (
            stream.writeStream.format("parquet").partitionBy("k").option("checkpointLocation", checkpoint)
        )
        writer.trigger(availableNow=True).start(out).awaitTermination()
        for reader in engines:
            rows = reader.read.parquet(out).select("k", "n").collect()
            assert sorted(map(tuple, rows)) == sorted(("ab"[n % 2], n) for n in range(written))
            reader.conf.unset("spark.sql.streaming.fileSink.log.compactInterval")
    logged = {path.name for path in (tmp_path / "out" / "_spark_metadata").iterdir() if path.name[0] != "."}
    assert {"4.compact", "9.compact", "14.compact"} <= logged
