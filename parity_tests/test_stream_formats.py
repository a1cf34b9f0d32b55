"""Streams over files that are no JSON: batches, restarts, what counts as input."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import orc
from stream_cases import Cases, Engine, compare

CASES = Cases("stream of files")


def parquet(columns: dict[str, Any]) -> bytes:
    """Return the content of a Parquet file."""
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


@CASES
def text(engine: Engine) -> None:
    engine.write("a", b"one\ntwo\r\n\n")
    engine.write("b", b"")
    engine.write("c", b"three")
    stream = engine.spark.readStream.option("maxFilesPerTrigger", 1)
    engine.run(stream.text(engine.path("in")))
    engine.write("d", b"four\n")
    engine.run(engine.spark.readStream.text(engine.path("in")))


@CASES
def text_counted_and_with_its_origin(engine: Engine) -> None:
    engine.write("p=1/a", b"x\ny\nx\n")
    engine.write("p=2/b", b"x\n")
    frame = engine.spark.readStream.format("text").load(engine.path("in"))
    engine.run(frame.groupBy("p", "value").count(), "update")
    whole = engine.spark.readStream.text(engine.path("in"), wholetext=True)
    engine.run(whole.select("value", "p", "_metadata.file_name"), checkpoint="whole")


@CASES
def csv_files(engine: Engine) -> None:
    engine.write("p=1/a", b'k,n\na,1\n"b, c",2\nbad\n')
    engine.write("p=1/b", b'k,n\n"x""y",3,4\n\n')
    schema = "k string, n int, _corrupt_record string"
    reader = engine.spark.readStream.schema(schema).option("maxFilesPerTrigger", 1)
    engine.run(reader.csv(engine.path("in"), header=True))
    engine.write("p=2/c", b"k,n\n,\n")
    engine.run(reader.csv(engine.path("in"), header=True))
    counted = engine.spark.readStream.schema("k string, n int").csv(engine.path("in"), header=True)
    engine.run(
        counted.groupBy("p").agg(engine.F.count("*"), engine.F.sum("n")), "complete", checkpoint="counted"
    )


@CASES
def csv_with_inference(engine: Engine) -> None:
    engine.write("a", b"k;n\na;1\n")
    engine.attempt("no schema", lambda: engine.spark.readStream.csv(engine.path("in")))
    engine.set("spark.sql.streaming.schemaInference", "true")
    engine.run(engine.spark.readStream.csv(engine.path("in"), sep=";", header=True, inferSchema=True))


@CASES
def csv_that_fails(engine: Engine) -> None:
    engine.write("a", b"a,1\n")
    engine.write("b", b"b,x\n")
    reader = engine.spark.readStream.schema("k string, n int").option("maxFilesPerTrigger", 1)
    writer = reader.csv(engine.path("in"), mode="FAILFAST").writeStream.format("noop")
    engine.fail(writer.option("checkpointLocation", engine.path("checkpoint")).start())


@CASES
def parquet_files(engine: Engine) -> None:
    engine.write("a", parquet({"k": ["a", "b"], "n": [1, 2]}))
    engine.write("b", parquet({"n": [3], "k": ["a"]}))
    reader = engine.spark.readStream.schema("k string, n bigint, missing double").option(
        "maxFilesPerTrigger", 1
    )
    engine.run(reader.parquet(engine.path("in")))
    engine.write("c", parquet({"k": ["c", None]}))
    engine.run(reader.parquet(engine.path("in")))


@CASES
def parquet_files_counted(engine: Engine) -> None:
    engine.write("p=1/a", parquet({"k": ["a", "b", "a"], "n": [1, 2, 3]}))
    engine.write("p=2/b", parquet({"k": ["a"], "n": [4]}))
    engine.set("spark.sql.streaming.schemaInference", "true")
    frame = engine.spark.readStream.parquet(engine.path("in"))
    engine.run(frame.groupBy("k").agg(engine.F.sum("n"), engine.F.count("*")), "complete")
    engine.run(frame.groupBy().count(), "complete", checkpoint="counted")
    engine.run(frame.where("n > 1").select("_metadata.file_name", "n", "p"), checkpoint="filtered")


@CASES
def orc_files(engine: Engine) -> None:
    def file(columns: dict[str, Any]) -> bytes:
        out = io.BytesIO()
        orc.write_table(pa.table(columns), out)
        return out.getvalue()

    engine.attempt("no schema", lambda: engine.spark.readStream.orc(engine.path("in")))
    engine.write("p=1/a", file({"k": ["a", "b"], "n": [1, 2]}))
    engine.write("p=2/b", file({"n": [3], "k": ["a"]}))
    reader = engine.spark.readStream.schema("k string, n bigint, missing double")
    engine.run(reader.option("maxFilesPerTrigger", 1).orc(engine.path("in")))
    engine.write("p=1/c", b"no ORC file")
    writer = reader.orc(engine.path("in")).writeStream.format("noop")
    engine.fail(writer.option("checkpointLocation", engine.path("checkpoint")).start())


@CASES
def parquet_without_a_schema(engine: Engine) -> None:
    engine.write("a", parquet({"k": ["a"]}))
    engine.attempt("no schema", lambda: engine.spark.readStream.parquet(engine.path("in")))


@CASES
def parquet_that_is_damaged(engine: Engine) -> None:
    engine.write("a", parquet({"k": ["a"]}))
    engine.write("b", b"no Parquet file")
    reader = engine.spark.readStream.schema("k string").option("maxFilesPerTrigger", 1)
    writer = reader.parquet(engine.path("in")).writeStream.format("noop")
    engine.fail(writer.option("checkpointLocation", engine.path("checkpoint")).start())


@pytest.mark.parametrize("program", list(CASES))
def test_formats(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)
