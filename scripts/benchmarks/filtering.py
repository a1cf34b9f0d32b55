"""(c) A filter to a table: all at once and file by file."""

from __future__ import annotations

from benchmarks.contract import Bar, Benchmark, Contender, Measure, Values, Work
from benchmarks.engines import LIGHTSTREAM, SPARK, files_of, open_session, read_stream, start_to_table
from benchmarks.hand import open_database, read_json
from benchmarks.usage import Stopwatch

COLUMNS = {"gt": "VARCHAR", "Model": "VARCHAR", "Arrival_Time": "BIGINT", "Creation_Time": "BIGINT"}


def stream(work: Work, engine: str, files_a_trigger: int | None = None) -> Values:
    """Filter what is there into a table, in append mode."""
    spark = open_session(work, engine)
    with Stopwatch() as watch:
        rows = read_stream(spark, work.data, files_a_trigger).where("gt like '%stairs%'")
        chosen = rows.select("gt", "Model", "Arrival_Time", "Creation_Time")
        if engine == SPARK:
            writer = chosen.writeStream.format("parquet").option("path", work.path("stairs"))
            writer = writer.option("checkpointLocation", work.path("checkpoint"))
            query = writer.trigger(availableNow=True).start()
        else:
            query = start_to_table(chosen, work, "append", "stairs", availableNow=True)
        query.awaitTermination()
    result = spark.read.parquet(work.path("stairs")) if engine == SPARK else spark.table("stairs")
    return {"seconds": watch.wall_s, "cpu_s": watch.cpu_s, "rows": result.count()}


def by_hand(work: Work, one_file_at_a_time: bool) -> Values:
    """Filter into a table with one statement, or with one transaction a file."""
    db = open_database(work.path("results.duckdb"))
    files = files_of(work.data)
    select = "SELECT gt, Model, Arrival_Time, Creation_Time FROM {} WHERE gt LIKE '%stairs%'"
    with Stopwatch() as watch:
        if one_file_at_a_time:
            db.execute(f"CREATE TABLE stairs ({', '.join(f'{n} {kind}' for n, kind in COLUMNS.items())})")
            for file in files:
                db.execute("BEGIN")
                db.execute(f"INSERT INTO stairs {select.format(read_json([file], **COLUMNS))}")
                db.execute("INSERT INTO files VALUES (?)", [file])
                db.execute("COMMIT")
        else:
            db.execute(f"CREATE TABLE stairs AS {select.format(read_json(files, **COLUMNS))}")
    [(rows,)] = db.execute("SELECT count(*) FROM stairs").fetchall()
    return {"seconds": watch.wall_s, "cpu_s": watch.cpu_s, "rows": rows}


BENCHMARKS = (
    Benchmark(
        "c",
        "filter to a table",
        (
            Contender("lightstream", stream, {"engine": LIGHTSTREAM}),
            Contender("raw DuckDB", by_hand, {"one_file_at_a_time": False}),
            Contender("Spark", stream, {"engine": SPARK}, spark=True),
            Contender("lightstream, file by file", stream, {"engine": LIGHTSTREAM, "files_a_trigger": 1}),
            Contender("hand-written loop, file by file", by_hand, {"one_file_at_a_time": True}),
        ),
        (Measure("seconds", "query"), Measure("cpu_s", "CPU")),
        (
            Bar("within 1.5x of raw DuckDB", "seconds", 1.5, "raw DuckDB"),
            Bar(
                "file by file: within 1.5x of the hand-written loop",
                "seconds",
                1.5,
                "hand-written loop, file by file",
                contender="lightstream, file by file",
            ),
        ),
        "A quarter of the rows, four columns. lightstream and DuckDB write to a DuckDB file, Spark to Parquet.",
    ),
)
