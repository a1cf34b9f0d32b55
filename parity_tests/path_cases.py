"""Programs that name files: paths in SQL, where rows come from, which files a DataFrame reads."""

from __future__ import annotations

import json
import os
import tempfile
from functools import cache
from typing import Any

from frames_cases import many


@cache
def directory() -> str:
    """Return a directory of three files with a column `n`, one with a name that URIs have to quote."""
    found = tempfile.mkdtemp(prefix="paths-")
    for number, name in enumerate(("a.json", "b c%.json", "d.json")):
        with open(os.path.join(found, name), "w", encoding="utf-8") as file:
            file.writelines(json.dumps({"n": 2 * number + i, "x": [i]}) + "\n" for i in range(2))
    return found


@cache
def partitions() -> str:
    """Return a directory of partitions, of which one has a file with another ending, and one a time."""
    found = tempfile.mkdtemp(prefix="partitions-")
    paths = ("v=1/w=10%3A00%3A00/a.json", "v=x%20y/w=11%3A30%3A00.25/b.txt", "c.txt")
    for number, path in enumerate(paths):
        name = os.path.join(found, path)
        os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "w", encoding="utf-8") as file:
            file.write(json.dumps({"n": number}) + "\n")
    with open(os.path.join(found, "v=1/w=10%3A00%3A00/empty"), "w", encoding="utf-8"):
        return found


def filtered(s: Any, pattern: str, reader: Any = None) -> Any:
    """Return the rows of the partitions' files that match a pattern."""
    reader = s.spark.read if reader is None else reader
    return reader.option("pathGlobFilter", pattern).json(partitions()).orderBy("n")


def read(s: Any) -> Any:
    return s.spark.read.json(directory())


def names(s: Any) -> Any:
    return s.F.input_file_name().alias("file")


def streamed(s: Any, frame: Any) -> Any:
    """Return the rows of a stream."""
    name = f"paths_{id(frame)}"
    query = frame.writeStream.format("memory").queryName(name).trigger(availableNow=True).start()
    query.awaitTermination()
    return s.spark.table(name)


def view(s: Any) -> Any:
    read(s).createOrReplaceTempView("paths")
    return s.spark


many(
    "paths",
    in_sql=lambda s: s.spark.sql(f"select n from json.`{directory()}` where n > 1 order by n"),
    in_sql_with_a_view=lambda s: s.spark.sql(
        f"select n, e from json.`{directory()}` lateral view explode(x) t as e order by n"
    ),
    in_sql_missing=lambda s: s.spark.sql("select * from json.`/nowhere/at/all`"),
    in_sql_unknown=lambda s: s.spark.sql(f"select * from nothing.`{directory()}`"),
    in_sql_with_columns_of_its_name=lambda s: s.spark.sql(f"select json.n from json.`{directory()}`"),
    table=lambda s: s.spark.table(f"text.`{directory()}/a.json`"),
    name=lambda s: read(s).select(names(s), "n").orderBy("n"),
    name_without_an_alias=lambda s: (
        read(s).select(s.F.input_file_name()).distinct().orderBy("input_file_name()")
    ),
    name_filtered=lambda s: read(s).where(s.F.input_file_name().endswith("d.json")).select("n").orderBy("n"),
    name_sorted_by=lambda s: read(s).select("n").orderBy(s.F.input_file_name().desc(), "n"),
    name_grouped_by=lambda s: read(s).groupBy(names(s)).count().orderBy("file"),
    name_of_a_view=lambda s: view(s).sql("select distinct input_file_name() f from paths order by f"),
    name_aggregated=lambda s: read(s).agg(s.F.max(s.F.input_file_name())),
    name_of_a_join=lambda s: read(s).join(read(s), "n").select(names(s)),
    name_of_no_file=lambda s: s.spark.range(2).select(names(s)),
    name_with_an_argument=lambda s: view(s).sql("select input_file_name(1) from paths"),
    name_in_a_stream=lambda s: streamed(
        s, s.spark.readStream.schema("n long").json(directory()).select(names(s), "n")
    ).orderBy("n"),
    metadata_of_a_view=lambda s: view(s).sql("select distinct _metadata.file_name f from paths order by f"),
    metadata_sorted_by=lambda s: read(s).select("n").orderBy(s.F.col("_metadata.file_path").desc(), "n"),
    files=lambda s: sorted(read(s).where("n > 1").select("n").inputFiles()),
    files_of_a_union=lambda s: sorted(read(s).union(read(s)).inputFiles()),
    files_of_none=lambda s: s.spark.range(1).inputFiles(),
    stream_of_a_view=lambda s: (view(s), s.spark.readStream.table("paths")),
    partitions_of_files_that_do_not_count=lambda s: filtered(s, "*.json"),
    partitions_of_files_beside_them=lambda s: filtered(s, "c.txt"),
    partitions_with_times=lambda s: filtered(s, "*.txt"),
    partitions_as_bytes=lambda s: filtered(s, "*", s.spark.read.schema("n int, v binary, w binary")),
    partitions_that_are_no_numbers=lambda s: filtered(s, "*", s.spark.read.schema("n int, v int")),
    no_bytes=lambda s: s.spark.read.option("pathGlobFilter", "empty").json(partitions()),
    no_paths=lambda s: s.spark.read.schema("n int").json([]),
    no_paths_of_text=lambda s: s.spark.read.format("text").load(),
    no_paths_and_no_schema=lambda s: s.spark.read.json([]),
    text_is_lines_unless_the_call_says_otherwise=lambda s: s.spark.read.option("wholetext", True).text(
        f"{directory()}/a.json"
    ),
    varchar=lambda s: s.spark.read.schema("n varchar(3)").json(directory()),
    varchar_inside=lambda s: s.spark.readStream.schema("n long, x array<char(3)>").json(directory()),
    pivoted_star=lambda s: s.sales.groupBy("year").pivot("quarter").agg(s.F.count("*")),
)

many(
    "shared",
    broadcast=lambda s: _looked_up(s, s.spark.sparkContext.broadcast({"a": 1})),
    accumulator=lambda s: _counted(s),
    accumulator_of_text=lambda s: s.spark.sparkContext.accumulator("x"),
)


def _looked_up(s: Any, known: Any) -> Any:
    look = s.F.udf(lambda x: known.value.get(x), "int")
    return s.spark.createDataFrame([("a",), ("b",)], "x string").select(look("x").alias("y")).orderBy("y")


def _counted(s: Any) -> Any:
    seen = s.spark.sparkContext.accumulator(1)

    def see(x: int) -> int:
        seen.add(x)
        return x

    s.spark.range(4).select(s.F.udf(see, "long")("id")).collect()
    return seen.value
