"""The memory, console, noop, foreachBatch and foreach sinks, and how a sink is found."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from engine_fakes import SCHEMA, Gate, Rig, Rows, grouped, new_session

from lightstream.errors import (
    AnalysisException,
    IllegalArgumentException,
    PySparkAttributeError,
    PySparkException,
    StreamingQueryException,
)
from lightstream.plan import expressions as e
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.sinks.console import ConsoleSink, console_options
from lightstream.sinks.contract import Batch
from lightstream.sinks.memory import MemorySink, view_name
from lightstream.sinks.noop import NoopSink
from lightstream.sinks.registry import SinkRequest, find_sink, table_name
from lightstream.stream import triggers
from lightstream.stream.triggers import Trigger

NOW = Trigger(triggers.AVAILABLE_NOW)


@pytest.fixture
def rig() -> Any:
    rig = Rig()
    yield rig
    rig.close()


def run(rig: Rig, *args: Any, **kwargs: Any) -> Any:
    started = rig.start(*args, trigger=NOW, **kwargs)
    started.await_termination(10)
    return started


def written(query: Any) -> list[int]:
    return [report["sink"]["numOutputRows"] for report in query.recent_progress()]


# ---- memory ---------------------------------------------------------------------------------------------------


def test_the_table_is_there_empty_when_start_returns_and_stays_after_the_query(rig: Rig) -> None:
    source, gate = Rows(("a", 1)), Gate()
    source.before_scan = gate
    query = rig.start(source, name="counts")
    assert gate.reached.wait(10)
    assert rig.sql("from counts") == []
    assert rig.session.run(rig.session.views["counts"]).tuples() == []
    gate.open.set()
    query.process_all_available()
    query.stop()
    assert rig.sql("from counts") == [("a", 1)]
    assert rig.session.run(rig.session.views["counts"]).tuples() == [("a", 1)]
    assert query.recent_progress()[0]["sink"] == {"description": "MemorySink", "numOutputRows": 1}


def test_append_and_update_add_rows_and_complete_replaces_them(rig: Rig) -> None:
    rows = [("a", 1), ("b", 2), ("a", 3)]
    assert written(run(rig, Rows(*rows, limit=1), name="appended")) == [1, 1, 1]
    assert sorted(rig.sql("from appended")) == sorted(rows)
    assert written(run(rig, grouped(Rows(*rows, limit=1)), name="updated", mode="update")) == [1, 1, 1]
    assert sorted(rig.sql("from updated")) == [("a", 1, 1), ("a", 2, 4), ("b", 1, 2)]
    assert written(run(rig, grouped(Rows(*rows, limit=1)), name="completed", mode="complete")) == [1, 2, 2]
    assert sorted(rig.sql("from completed")) == [("a", 2, 4), ("b", 1, 2)]


def test_a_new_query_of_a_name_replaces_the_table(rig: Rig) -> None:
    run(rig, Rows(("a", 1)), name="t")
    run(rig, grouped(Rows(("b", 2))), name="t", mode="complete")
    assert rig.sql("from t") == [("b", 1, 2)]
    assert rig.session.views["t"].schema.names == ["k", "n", "s"]
    run(rig, Rows(("c", 3)), name="t")
    assert rig.sql("from t") == [("c", 3)]


def test_names_that_differ_in_case_only_are_one_table(rig: Rig) -> None:
    query = rig.start(Rows(("a", 1)), name="CaseName")
    query.process_all_available()
    assert rig.sql("from casename") == [("a", 1)]
    with pytest.raises(IllegalArgumentException, match="already active"):
        rig.start(Rows(), name="casename")
    query.process_all_available()
    query.stop()
    run(rig, Rows(), name="casename")


def test_a_table_that_no_memory_sink_made_is_left_alone(tmp_path: Path) -> None:
    rig = Rig(new_session(str(tmp_path / "out.db")))
    rig.sql("create table orders as select 1 as id")
    rig.sql("create view looks as select 1 as id")
    for name in ("orders", "Orders", "looks"):
        with pytest.raises(AnalysisException) as caught:
            rig.start(Rows(("a", 1)), name=name)
        assert caught.value.getCondition() == "TABLE_OR_VIEW_ALREADY_EXISTS"
    assert rig.sql("from orders") == [(1,)]
    rig.close()


def test_a_memory_table_in_a_file_outlives_the_process_and_can_be_replaced(tmp_path: Path) -> None:
    for rows in ([("a", 1)], [("b", 2)]):
        rig = Rig(new_session(str(tmp_path / "out.db")))
        run(rig, grouped(Rows(*rows)), name="kept", mode="complete")
        rig.close()
    rig = Rig(new_session(str(tmp_path / "out.db")))
    assert rig.sql("from kept") == [("b", 1, 2)]
    rig.close()


@pytest.mark.parametrize(
    ("name", "table"), [("m1", "m1"), ("1a", "1a"), ("select", "select"), ("`a b`", "a b"), ("`a``b`", "a`b")]
)
def test_names_of_views_are_names_of_queries(name: str, table: str) -> None:
    assert view_name(name) == table


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("my-table", "_LEGACY_ERROR_TEMP_1321"),
        ("a b", "_LEGACY_ERROR_TEMP_1321"),
        ("a.", "_LEGACY_ERROR_TEMP_1321"),
        ("a.b", "TEMP_VIEW_NAME_TOO_MANY_NAME_PARTS"),
    ],
)
def test_other_names_are_refused(name: str, condition: str) -> None:
    with pytest.raises(AnalysisException) as caught:
        view_name(name)
    assert caught.value.getCondition() == condition


def test_a_quoted_name_is_a_table(rig: Rig) -> None:
    run(rig, Rows(("a", 1)), name='`my "own" table`')
    assert rig.sql('from "my ""own"" table"') == [("a", 1)]


def test_two_columns_of_a_name_are_refused(rig: Rig) -> None:
    plan = rig.session.analyze(
        r.Project(
            Rows().plan, (e.UnresolvedAttribute(("k",)), e.Alias(e.UnresolvedAttribute(("v",)), ("K",)))
        )
    )
    with pytest.raises(AnalysisException) as caught:
        rig.start(plan, name="dup")
    assert caught.value.getCondition() == "COLUMN_ALREADY_EXISTS"


def test_an_appending_memory_query_does_not_continue(rig: Rig, tmp_path: Path) -> None:
    run(rig, Rows(("a", 1)), name="m", checkpoint=tmp_path)
    with pytest.raises(AnalysisException, match=f"Delete {tmp_path}/offsets to start over"):
        rig.start(Rows(("a", 1)), name="m", checkpoint=tmp_path)


def test_a_complete_memory_query_continues(rig: Rig, tmp_path: Path) -> None:
    source = Rows(("a", 1))
    run(rig, grouped(source), name="m", mode="complete", checkpoint=tmp_path)
    source.add(("a", 2))
    run(rig, grouped(source), name="m", mode="complete", checkpoint=tmp_path)
    assert rig.sql("from m") == [("a", 2, 3)]


def test_a_batch_that_was_written_is_skipped(rig: Rig) -> None:
    cursor = rig.session.database.cursor()
    sink = MemorySink(rig.session, "m", SCHEMA)
    sink.open("id", cursor)
    batch = Batch(0, "SELECT 'a' AS k, 1::BIGINT AS v", SCHEMA, "append", cursor)
    assert sink.write(batch) == 1
    assert sink.write(batch) == 0
    assert rig.sql("from m") == [("a", 1)]
    sink.stop()


# ---- console --------------------------------------------------------------------------------------------------


def printed(sink_rows: int, truncate: bool, sql: str, schema: t.StructType = SCHEMA) -> tuple[str, int]:
    import duckdb

    out = io.StringIO()
    sink = ConsoleSink("UTC", sink_rows, truncate, out)
    count = sink.write(Batch(3, sql, schema, "append", duckdb.connect()))
    return out.getvalue(), count


HEAD = "-------------------------------------------\nBatch: 3\n-------------------------------------------\n"


def test_the_console_prints_as_spark_does() -> None:
    schema = t.StructType([*SCHEMA.fields, t.StructField("ts", t.TimestampType())])
    sql = "SELECT 'a' AS k, 3::BIGINT AS v, TIMESTAMPTZ '2025-01-01 00:05:00+00' AS ts"
    assert printed(20, True, sql, schema) == (
        HEAD + "+---+---+-------------------+\n"
        "|  k|  v|                 ts|\n"
        "+---+---+-------------------+\n"
        "|  a|  3|2025-01-01 00:05:00|\n"
        "+---+---+-------------------+\n"
        "\n",
        1,
    )


def test_the_console_says_when_there_is_more() -> None:
    sql = "SELECT repeat('x', 30) AS k, range AS v FROM range(3) ORDER BY v"
    assert printed(1, True, sql) == (
        HEAD + "+--------------------+---+\n"
        "|                   k|  v|\n"
        "+--------------------+---+\n"
        "|xxxxxxxxxxxxxxxxx...|  0|\n"
        "+--------------------+---+\n"
        "only showing top 1 row\n",
        3,
    )
    for rows in (0, -1):
        assert printed(rows, False, sql) == (
            HEAD + "+---+---+\n|k  |v  |\n+---+---+\n+---+---+\nonly showing top 0 rows\n",
            3,
        )


def test_the_console_prints_empty_batches() -> None:
    assert printed(20, True, "SELECT '' AS k, 0::BIGINT AS v LIMIT 0") == (
        HEAD + "+---+---+\n|  k|  v|\n+---+---+\n+---+---+\n\n",
        0,
    )


def test_the_console_prints_to_standard_output_of_the_moment(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    query = run(rig, Rows(("a", 1)), "console")
    assert (
        capsys.readouterr().out
        == HEAD.replace("3", "0") + "+---+---+\n|  k|  v|\n+---+---+\n|  a|  1|\n+---+---+\n\n"
    )
    description = query.recent_progress()[0]["sink"]["description"]
    assert description.startswith("org.apache.spark.sql.execution.streaming.ConsoleTable$@")


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, (20, True)), ({"numrows": "5", "truncate": "FALSE"}, (5, False)), ({"numrows": "-1"}, (-1, True))],
)
def test_options_of_the_console(options: dict[str, str], expected: tuple[int, bool]) -> None:
    assert console_options(options) == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [({"numrows": "x"}, 'For input string: "x"'), ({"truncate": "5"}, "5 is not a boolean string.")],
)
def test_options_that_the_console_refuses(options: dict[str, str], text: str) -> None:
    with pytest.raises(IllegalArgumentException, match=text):
        console_options(options)


# ---- noop -----------------------------------------------------------------------------------------------------


def test_what_is_counted_is_computed(rig: Rig) -> None:
    sql = "SELECT i, CASE WHEN i = 3 THEN error('three') ELSE NULL END AS v FROM range({}) AS r(i)"
    schema = t.StructType([t.StructField("i", t.LongType()), t.StructField("v", t.StringType())])
    cursor = rig.session.database.cursor()
    for sink in (NoopSink(), ConsoleSink("UTC", rows=1, output=io.StringIO())):
        assert sink.write(Batch(0, sql.format(3), schema, "complete", cursor)) == 3
        with pytest.raises(Exception, match="three"):
            sink.write(Batch(0, sql.format(4), schema, "complete", cursor))


def test_noop_counts_and_writes_nothing(rig: Rig) -> None:
    query = run(rig, Rows(("a", 1), ("b", 2)), "noop")
    assert query.recent_progress()[0]["sink"] == {"description": "NoopTable", "numOutputRows": 2}


# ---- foreachBatch ---------------------------------------------------------------------------------------------


def test_a_function_gets_each_batch_and_may_use_it_several_times(rig: Rig) -> None:
    seen: list[Any] = []

    def keep(frame: Any, batch_id: int) -> None:
        seen.append((batch_id, frame.tuples(), frame.tuples(), frame.arrow().num_rows))

    query = run(rig, Rows(("a", 1), ("b", 2), limit=1), "foreachBatch", foreach_batch=keep)
    assert seen == [(0, [("a", 1)], [("a", 1)], 1), (1, [("b", 2)], [("b", 2)], 1)]
    assert query.recent_progress()[0]["sink"] == {"description": "ForeachBatchSink", "numOutputRows": -1}
    assert query.recent_progress()[0]["numInputRows"] == 1


def test_a_function_may_leave_a_batch_alone_and_nothing_stays_behind(rig: Rig) -> None:
    run(rig, Rows(("a", 1), ("b", 2), limit=1), "foreachBatch", foreach_batch=lambda frame, batch_id: None)
    assert rig.sql("SELECT table_name FROM duckdb_tables() WHERE database_name = 'lightstream_batches'") == []


def test_columns_of_one_name_reach_a_function(rig: Rig) -> None:
    seen: list[Any] = []
    plan = rig.session.analyze(
        r.Project(
            Rows(("a", 1)).plan,
            (e.UnresolvedAttribute(("k",)), e.Alias(e.UnresolvedAttribute(("v",)), ("k",))),
        )
    )
    run(rig, plan, "foreachBatch", foreach_batch=lambda frame, batch_id: seen.append(frame.tuples()))
    assert seen == [[("a", 1)]]


def test_an_error_of_a_function_shows_its_own_lines(rig: Rig) -> None:
    def boom(frame: Any, batch_id: int) -> None:
        raise KeyError("my text")

    with pytest.raises(StreamingQueryException) as caught:
        run(rig, Rows(("a", 1)), "foreachBatch", foreach_batch=boom)
    cause = caught.value.__cause__
    assert isinstance(cause, PySparkException)
    assert (cause.getCondition(), cause.getSqlState()) == ("FOREACH_BATCH_USER_FUNCTION_ERROR", "39000")
    assert "in boom" in str(cause)
    assert "KeyError: 'my text'" in str(cause)
    assert "python_function.py" not in str(cause)
    assert isinstance(cause.__cause__, KeyError)


# ---- foreach --------------------------------------------------------------------------------------------------


class Writer:
    def __init__(self, wanted: Any = True, fails: bool = False) -> None:
        self.calls: list[Any] = []
        self.wanted = wanted
        self.fails = fails

    def open(self, partition_id: int, epoch_id: int) -> Any:
        self.calls.append(("open", partition_id, epoch_id))
        return self.wanted

    def process(self, row: Any) -> None:
        self.calls.append(row)
        if self.fails:
            raise KeyError("bad row")

    def close(self, error: Exception | None) -> None:
        self.calls.append(("close", repr(error)))


def test_a_writer_is_opened_given_rows_and_closed(rig: Rig) -> None:
    writer = Writer()
    query = run(rig, Rows(("a", 1), ("b", 2), limit=1), "foreach", foreach=writer)
    assert writer.calls == [
        ("open", 0, 0), ("a", 1), ("close", "None"), ("open", 0, 1), ("b", 2), ("close", "None"),
    ]  # fmt: skip
    assert written(query) == [1, 1]
    assert query.recent_progress()[0]["sink"]["description"].startswith("ForeachWriterTable(")


@pytest.mark.parametrize("wanted", [False, None])
def test_a_writer_can_refuse_a_batch(rig: Rig, wanted: Any) -> None:
    writer = Writer(wanted)
    run(rig, Rows(("a", 1)), "foreach", foreach=writer)
    assert writer.calls == [("open", 0, 0), ("close", "None")]


def test_an_error_of_a_writer_reaches_close_and_ends_the_query(rig: Rig) -> None:
    writer = Writer(fails=True)
    with pytest.raises(StreamingQueryException, match="PYTHON_EXCEPTION") as caught:
        run(rig, Rows(("a", 1), ("b", 2)), "foreach", foreach=writer)
    assert "KeyError: 'bad row'" in str(caught.value)
    assert writer.calls == [("open", 0, 0), ("a", 1), ("close", "KeyError('bad row')")]


def test_a_function_is_a_writer(rig: Rig) -> None:
    rows: list[Any] = []
    run(rig, Rows(("a", 1), ("b", 2)), "foreach", foreach=rows.append)
    assert rows == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("attribute", ["process", "open", "close"])
def test_methods_of_a_writer_must_be_callable(rig: Rig, attribute: str) -> None:
    writer = Writer()
    setattr(writer, attribute, 3)
    with pytest.raises(PySparkAttributeError, match=f"Attribute `{attribute}` in provided object `f`"):
        rig.start(Rows(), "foreach", foreach=writer)


def test_a_writer_without_process_is_refused(rig: Rig) -> None:
    with pytest.raises(PySparkAttributeError, match="Attribute `process`"):
        rig.start(Rows(), "foreach", foreach=object())


# ---- finding a sink -------------------------------------------------------------------------------------------

WITH_PATH = {"path": "/out", "checkpointlocation": "/c"}


@pytest.mark.parametrize(
    ("more", "condition", "text"),
    [
        ({"format": "foo"}, "DATA_SOURCE_NOT_FOUND", "data source: foo"),
        ({"format": "MEMORY"}, "DATA_SOURCE_NOT_FOUND", "data source: MEMORY"),
        ({"format": "parquet"}, "_LEGACY_ERROR_TEMP_2047", "'path' is not specified."),
        ({"format": "xml", "options": WITH_PATH}, "LIGHTSTREAM_UNSUPPORTED", r"file sink \(xml\)"),
        (
            {"format": "json", "options": WITH_PATH, "output_mode": "update"},
            "STREAMING_OUTPUT_MODE.UNSUPPORTED_DATASOURCE",
            "output mode: update",
        ),
        (
            {"format": "csv", "options": WITH_PATH, "partition_by": ("k", "v")},
            "ALL_PARTITION_COLUMNS_NOT_ALLOWED",
            "all columns",
        ),
        (
            {"format": "json", "options": {**WITH_PATH, "compression": "lz4"}},
            "LIGHTSTREAM_UNSUPPORTED",
            "compressed by lz4",
        ),
        ({"format": "kafka"}, None, "'kafka.bootstrap.servers' must be specified"),
        ({"format": "hive"}, "_LEGACY_ERROR_TEMP_1187", "Hive data source can only be used with tables"),
        (
            {"format": "jdbc"},
            "_LEGACY_ERROR_TEMP_2049",
            "Data source jdbc does not support streamed writing.",
        ),
        ({"format": "rate"}, "_LEGACY_ERROR_TEMP_2049", "Data source rate does not support"),
        ({"format": "memory"}, "_LEGACY_ERROR_TEMP_1194", "queryName must be specified for memory sink."),
        (
            {"format": "memory", "query_name": "m", "partition_by": ("k",)},
            "_LEGACY_ERROR_TEMP_1197",
            "'memory' does not support partitioning.",
        ),
        (
            {"format": "foreach", "foreach": print, "partition_by": ("k",)},
            "_LEGACY_ERROR_TEMP_1197",
            "'foreach' does not support partitioning.",
        ),
        (
            {"format": "", "table": ("t",), "partition_by": ("zz",)},
            "_LEGACY_ERROR_TEMP_1196",
            r"Partition column zz not found in existing columns \(k, v\).",
        ),
        ({"format": "", "table": ("t",), "partition_by": ("k",)}, "LIGHTSTREAM_UNSUPPORTED", "partitionBy"),
        ({"format": "console", "table": ("t",)}, "_LEGACY_ERROR_TEMP_1192", r"input source\(console\)"),
        (
            {"format": "csv", "table": ("t",)},
            "LIGHTSTREAM_UNSUPPORTED",
            "toTable with the format csv",
        ),
        ({"format": "", "table": ("vw",)}, "_LEGACY_ERROR_TEMP_1190", "Temporary view vw doesn't support"),
        ({"format": "duckdb"}, None, "needs the option dbtable"),
        (
            {"format": "duckdb", "options": {"dbtable": "t", "keys": "k"}},
            None,
            "keys is for the output mode update",
        ),
        (
            {"format": "duckdb", "options": {"dbtable": "t", "locktimeout": "x"}},
            None,
            "number of seconds, not 'x'",
        ),
    ],
)
def test_what_cannot_be_a_sink_is_refused_by_name(
    more: dict[str, Any], condition: str | None, text: str
) -> None:
    session = new_session()
    session.views["vw"] = Rows().plan
    request = SinkRequest(**{"schema": SCHEMA, "output_mode": "append", **more})
    with pytest.raises(PySparkException, match=text) as caught:
        find_sink(request, session)
    assert caught.value.getCondition() == condition


def test_partition_columns_are_ignored_by_console_and_noop_as_in_spark() -> None:
    for name in ("console", "noop"):
        request = SinkRequest(name, SCHEMA, "append", partition_by=("zz",))
        assert find_sink(request, new_session()).temporary_checkpoint


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("t", ("t",)),
        ("s.t", ("s", "t")),
        ("`my table`", ("my table",)),
        ('s."a.b"', ("s", "a.b")),
        ("`a``b`", ("a`b",)),
        ("default.t", ("t",)),
        ("spark_catalog.default.t", ("t",)),
        ("spark_catalog.s.t", ("s", "t")),
    ],
)
def test_names_of_tables(text: str, parts: tuple[str, ...]) -> None:
    assert table_name(text) == parts


@pytest.mark.parametrize("text", ["", ".", "a..b", "`a", "`a`b", "c.s.t", "a."])
def test_what_is_no_name_of_a_table(text: str) -> None:
    with pytest.raises(AnalysisException, match="INVALID_IDENTIFIER"):
        table_name(text)
