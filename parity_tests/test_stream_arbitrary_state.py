"""Functions with state over groups (applyInPandasWithState, transformWithState), batch by batch with their numbers.

The functions are made inside others: Spark then sends them to its workers by value.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare

CASES = Cases("arbitrary state")
Make = Callable[[Any, Any], Any]  # (frame, engine)

SCHEMA = "ts timestamp, k string, n int"
FILES: list[list[tuple[int, str | None, int | None]]] = [
    [(0, "a", 1), (1, "b", None), (2, "a", 3)],
    [(20, "a", 5), (21, None, 7)],
    [(40, "c", 9)],
    [(60, "c", 9), (5, "a", 1), (61, "b", 2), (61, "b", 4)],
    [(62, "a", 6), (90, "d", 1)],
]
OUTPUT = "k string, n long, w string"
ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"


def put(engine: Engine, *positions: int) -> None:
    for position in positions:
        rows = [
            {"ts": f"2025-01-01T{m // 60:02}:{m % 60:02}:00Z", "k": k, "n": n} for m, k, n in FILES[position]
        ]
        engine.write(f"{position}.json", rows, at=position)


def source(engine: Engine) -> Any:
    return engine.stream(schema=SCHEMA, maxFilesPerTrigger=1)


def late(df: Any) -> Any:
    return df.withWatermark("ts", "5 minutes")


def tell_state(engine: Engine, query: Any) -> None:
    for entry in query.recentProgress:
        if "addBatch" in entry["durationMs"]:
            engine.tell(entry["batchId"], entry["numInputRows"], entry.get("eventTime", {}))
            for state in entry["stateOperators"]:
                numbers = ("Total", "Updated", "Removed", "DroppedByWatermark")
                engine.tell(state["operatorName"], *(state[f"numRows{number}"] for number in numbers))


def query(mode: str, make: Make, again: bool = False, rocksdb: bool = False) -> Callable[[Engine], None]:
    """A query over all files, one a batch; with `again`, over the last ones from the same checkpoint."""

    def program(engine: Engine) -> None:
        if rocksdb:
            engine.set("spark.sql.streaming.stateStore.providerClass", ROCKSDB)
        for positions in ((0, 1, 2), (3, 4)) if again else (range(5),):
            put(engine, *positions)
            running = engine.start(make(source(engine), engine), mode, availableNow=True)
            assert running.awaitTermination(120)
            tell_state(engine, running)

    return program


def failing(make: Make, mode: str = "append", rocksdb: bool = False) -> Callable[[Engine], None]:
    """A query that fails: the words of its error that the program can match on are told."""

    def program(engine: Engine) -> None:
        if rocksdb:
            engine.set("spark.sql.streaming.stateStore.providerClass", ROCKSDB)
        put(engine, 0)
        writer = make(source(engine), engine).writeStream.format("noop").outputMode(mode)
        running = writer.option("checkpointLocation", engine.path("checkpoint")).start()
        try:
            running.processAllAvailable()
        except Exception as error:  # every engine's errors are what is compared
            words = (
                "PYTHON_EXCEPTION",
                "ZeroDivisionError",
                "STATE_NOT_EXISTS",
                "CANNOT_WITHOUT",
                "CANNOT_BE_NONE",
            )
            words += (
                "VALUE_NOT_POSITIVE",
                "NOT_EXPECTED_TYPE",
                "UDF_RETURN_TYPE",
                "STRUCT_ARRAY_LENGTH_MISMATCH",
            )
            words += (
                "RESULT_COLUMN_SCHEMA_MISMATCH",
                "INCORRECT_TIME_MODE_TO_ASSIGN_TTL",
                "EMPTY_LIST_VALUE",
            )
            words += (
                "INVALID_HANDLE_STATE",
                "INVALID_TIME_MODE",
                "EMITTING_ROWS_OLDER_THAN_WATERMARK",
                "mine",
            )
            engine.tell(type(error).__name__, [word for word in words if word in str(error)])
        else:
            engine.tell("no error")
        running.stop()

    return program


# ---- applyInPandasWithState ---------------------------------------------------------------------------------------


def applied(
    function: Any,
    engine: Engine,
    df: Any,
    mode: str,
    timeout: str = "NoTimeout",
    state: str = "s long, c int",
) -> Any:
    return df.groupBy("k").applyInPandasWithState(function, OUTPUT, state, mode, timeout)


def counting() -> Any:
    def count(key: Any, frames: Any, state: Any) -> Any:
        import pandas as pd

        before = state.getOption
        rows = sum(len(frame) for frame in frames)
        state.update(((before[0] if before else 0) + rows, (before[1] if before else 0) + 1))
        told = f"{before} {state.get} {state.exists} {state.hasTimedOut} {state}"
        yield pd.DataFrame({"k": [str(key[0])], "n": [state.get[0]], "w": [told]})

    return count


def timing_out() -> Any:
    def function(key: Any, frames: Any, state: Any) -> Any:
        import pandas as pd

        watermark = state.getCurrentWatermarkMs()
        if state.hasTimedOut:
            shapes = [(list(frame.columns), len(frame)) for frame in frames]
            before = state.getOption
            if str(key[0]) in "ad":
                state.remove()
            elif str(key[0]) == "b":
                state.setTimeoutTimestamp(watermark + 30 * 60_000)
            yield pd.DataFrame({"k": [str(key[0])], "n": [-1], "w": [f"{shapes} {before} {watermark}"]})
            return
        rows = sum(len(frame) for frame in frames)
        if str(key[0]) != "c":  # of c there is a timeout and no state
            state.update((rows, 1))
        state.setTimeoutTimestamp(max(watermark, 1_735_689_600_000) + 10 * 60_000)
        yield pd.DataFrame({"k": [str(key[0])], "n": [rows], "w": [f"{watermark}"]})

    return function


def removing() -> Any:
    def function(key: Any, frames: Any, state: Any) -> Any:
        import pandas as pd

        rows = sum(len(frame) for frame in frames)
        told = f"{state.getOption}"
        if state.exists:
            state.remove()
            told += f" {state.exists} {state.getOption}"
        elif rows > 1 or key[0] == "c":
            state.update((rows, None))
        yield pd.DataFrame({"k": [str(key[0])], "n": [rows], "w": [told]})

    return function


def looking() -> Any:
    def function(key: Any, frames: Any, state: Any) -> Any:
        import pandas as pd

        for frame in frames:
            kinds = {name: kind.kind for name, kind in frame.dtypes.items()}
            told = f"{kinds} {frame.index} {frame['n'].tolist()} {type(key).__name__} {type(key[0]).__name__}"
            yield pd.DataFrame({"k": [str(key[0])], "n": [len(frame)], "w": [told]})
            yield pd.DataFrame()

    return function


def keeping() -> Any:
    def function(key: Any, frames: Any, state: Any) -> Any:
        import pandas as pd

        told = f"{state.getOption}"
        state.update((2**40, 1.5, "ü", True, None, 7))
        yield pd.DataFrame({"w": [told], "k": [str(key[0])], "n": [1]})

    return function


CASES.add("counts, update", query("update", lambda df, e: applied(counting(), e, df, "update"), again=True))
CASES.add("counts, append", query("append", lambda df, e: applied(counting(), e, df, "append")))
for _mode in ("append", "update"):
    CASES.add(
        f"event time timeouts, {_mode}",
        query(_mode, lambda df, e, m=_mode: applied(timing_out(), e, late(df), m, "EventTimeTimeout")),
    )
CASES.add("state that is removed", query("update", lambda df, e: applied(removing(), e, df, "update")))
CASES.add("what a function is given", query("append", lambda df, e: applied(looking(), e, df, "append")))
CASES.add(
    "values of several types",
    query(
        "append",
        lambda df, e: applied(
            keeping(), e, df, "append", state="l long, d double, s string, b boolean, n int, i int"
        ),
    ),
)
CASES.add(
    "two keys",
    query(
        "append",
        lambda df, e: (
            df.withColumn("odd", e.F.col("n") % 2)
            .groupBy("odd", "k")
            .applyInPandasWithState(counting(), OUTPUT, "s long, c int", "append", "NoTimeout")
        ),
    ),
)
CASES.add(
    "of deduplicated rows",
    query("append", lambda df, e: applied(counting(), e, late(df).dropDuplicates(["k", "n"]), "append")),
)
CASES.add(
    "then an aggregation, complete",
    query("complete", lambda df, e: applied(counting(), e, df, "append").groupBy("k").agg(e.F.max("n"))),
)
CASES.add(
    "columns computed above",
    query(
        "update", lambda df, e: applied(counting(), e, df, "update").where("n > 1").selectExpr("n * 2 m", "k")
    ),
)


@CASES
def event_time_timeouts_without_data(engine: Engine) -> None:
    frame = applied(timing_out(), engine, late(source(engine)), "append", "EventTimeTimeout")
    running = engine.start(frame, "append")
    for position in range(5):
        put(engine, position)
        running.processAllAvailable()
    tell_state(engine, running)
    running.stop()


@CASES
def processing_time_timeouts(engine: Engine) -> None:
    def function(key: Any, frames: Any, state: Any) -> Any:
        import pandas as pd

        if state.hasTimedOut:
            before = state.get
            state.remove()
            yield pd.DataFrame({"k": [str(key[0])], "n": [-1], "w": [str(before)]})
            return
        rows = sum(len(frame) for frame in frames)
        state.update((rows, 0))
        state.setTimeoutDuration(1)
        yield pd.DataFrame(
            {"k": [str(key[0])], "n": [rows], "w": [str(state.getCurrentProcessingTimeMs() > 10**12)]}
        )

    put(engine, 0)
    frame = applied(function, engine, source(engine), "append", "ProcessingTimeTimeout")
    running = frame.writeStream.format("memory").queryName("timed_out").outputMode("append").start()
    table = engine.spark.table
    engine.until(lambda: table("timed_out").where("n > 0").count() == 2)
    engine.until(lambda: table("timed_out").where("n < 0").count() == 2)
    running.stop()
    engine.tell_frame(table("timed_out"))


@CASES
def refusals_of_functions_with_state(engine: Engine) -> None:
    put(engine, 0)
    df, F = source(engine), engine.F
    attempts: dict[str, Callable[[], Any]] = {
        "update in append": lambda: engine.start(applied(counting(), engine, df, "update"), "append").stop(),
        "append in update": lambda: engine.start(applied(counting(), engine, df, "append"), "update").stop(),
        "append in complete": lambda: engine.start(
            applied(counting(), engine, df, "append"), "complete"
        ).stop(),
        "complete": lambda: applied(counting(), engine, df, "complete"),
        "no such mode": lambda: applied(counting(), engine, df, "foo"),
        "no such timeout": lambda: applied(counting(), engine, df, "append", "foo"),
        "no watermark": lambda: engine.start(
            applied(counting(), engine, df, "append", "EventTimeTimeout"), "append"
        ).stop(),
        "twice": lambda: engine.start(
            applied(counting(), engine, applied(counting(), engine, df, "append"), "append"), "append"
        ).stop(),
        "update before an aggregation": lambda: engine.start(
            applied(counting(), engine, df, "update").groupBy("k").count(), "update"
        ).stop(),
        "aggregation without time": lambda: engine.start(
            applied(counting(), engine, late(df), "append").groupBy("k").count(), "append"
        ).stop(),
        "after an aggregation": lambda: engine.start(
            applied(counting(), engine, late(df).groupBy(F.window("ts", "5 minutes"), "k").count(), "append"),
            "append",
        ).stop(),
        "in a batch": lambda: applied(
            counting(), engine, engine.spark.read.schema(SCHEMA).json(engine.path("in")), "append"
        ).collect(),
    }
    for name, attempt in attempts.items():
        engine.attempt(name, attempt)


def using(use: Any) -> Any:
    def function(key: Any, frames: Any, state: Any) -> Any:
        use(state)
        return iter(())

    return function


USES: dict[str, tuple[Any, str]] = {
    "a state that is not there": (lambda state: state.get, "NoTimeout"),
    "an update with nothing": (lambda state: state.update(None), "NoTimeout"),
    "an update of another length": (lambda state: state.update((1, 2, 3)), "NoTimeout"),
    "a duration without timeouts": (lambda state: state.setTimeoutDuration(5), "NoTimeout"),
    "a duration of nothing": (lambda state: state.setTimeoutDuration(0), "ProcessingTimeTimeout"),
    "a duration as text": (lambda state: state.setTimeoutDuration("5 minutes"), "ProcessingTimeTimeout"),
    "a time without timeouts": (lambda state: state.setTimeoutTimestamp(5), "NoTimeout"),
    "a watermark without one": (lambda state: state.getCurrentWatermarkMs(), "NoTimeout"),
    "an error of its own": (lambda state: 1 // 0, "NoTimeout"),
}
for _name, (_use, _timeout) in USES.items():
    CASES.add(_name, failing(lambda df, e, u=_use, t=_timeout: applied(using(u), e, df, "append", t)))


def giving(what: str) -> Any:
    def function(key: Any, frames: Any, state: Any) -> Any:
        import pandas as pd

        frame = pd.DataFrame({"k": ["a"], "n": [1], "w": ["x"]})
        return {"none": None, "a frame": frame, "a column less": [frame[["k", "n"]]], "texts": ["a"]}[what]

    return function


for _name in ("none", "a frame", "a column less", "texts"):
    CASES.add(f"gives {_name}", failing(lambda df, e, w=_name: applied(giving(w), e, df, "append")))


# ---- transformWithState -----------------------------------------------------------------------------------------


def base(engine: Engine) -> tuple[Any, Any]:
    """Return StatefulProcessor and Row of an engine."""
    package = "pyspark" if engine.F.__name__.startswith("pyspark") else "lightstream"
    streaming = importlib.import_module(f"{package}.sql.streaming")
    return streaming.StatefulProcessor, importlib.import_module(f"{package}.sql").Row


def transformed(
    processor: Any, df: Any, mode: str = "append", time: str = "None", output: str = OUTPUT, **more: Any
) -> Any:
    return df.groupBy("k").transformWithState(processor, output, mode, time, **more)


def times_out(engine: Engine) -> Any:
    parent, row = base(engine)

    class Times(parent):  # type: ignore[misc,valid-type]
        def init(self, handle: Any) -> None:
            pass

        def handleInputRows(self, key: Any, rows: Any, times: Any) -> Any:
            for r in rows:
                yield row(e=r.ts, k=r.k)

    return Times()


def starting(in_init: Any, in_rows: Any, engine: Engine) -> Any:
    parent, _ = base(engine)

    class Starting(parent):  # type: ignore[misc,valid-type]
        def init(self, handle: Any) -> None:
            self.handle = handle
            self.value = handle.getValueState("value", "a int")
            self.values = handle.getListState("values", "a int")
            in_init(handle)

        def handleInputRows(self, key: Any, rows: Any, times: Any) -> Any:
            in_rows(self)
            return iter(())

    return Starting()


PROCESSING: dict[str, tuple[Any, Any]] = {
    "a time to live without the clock": (lambda h: h.getValueState("v", "a int", 1000), lambda p: None),
    "a state variable after init": (lambda h: None, lambda p: p.handle.getValueState("w", "a int")),
    "a timer without a time mode": (lambda h: None, lambda p: p.handle.registerTimer(5)),
    "a list of nothing": (lambda h: None, lambda p: p.values.put([])),
    "a value of another length": (lambda h: None, lambda p: p.value.update((1, 2))),
}
for _name, (_init, _rows) in PROCESSING.items():
    CASES.add(
        _name, failing(lambda df, e, i=_init, r=_rows: transformed(starting(i, r, e), df), rocksdb=True)
    )


@CASES
def refusals_of_processors(engine: Engine) -> None:
    engine.set("spark.sql.streaming.stateStore.providerClass", ROCKSDB)
    put(engine, 0)
    df = source(engine)
    processor = times_out(engine)
    engine.attempt("no such time mode", lambda: transformed(processor, df, "append", "foo"))
    engine.attempt("no such output mode", lambda: transformed(processor, df, "foo"))
    engine.attempt("complete", lambda: engine.start(transformed(processor, df), "complete").stop())
    engine.attempt(
        "no such column", lambda: transformed(processor, late(df), time="EventTime", eventTimeColumnName="x")
    )


@pytest.mark.parametrize("program", list(CASES))
def test_arbitrary_state(
    spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]
) -> None:
    compare(spark, lightstream, tmp_path, program)


@pytest.mark.long
def test_a_program_with_processors(tmp_path: Path) -> None:
    program = Path(__file__).parent / "state_program.py"
    printed = []
    for engine in ("spark", "lightstream"):
        directory = tmp_path / engine
        directory.mkdir()
        run = subprocess.run(
            [sys.executable, "-m", "lightstream.cli", "run", "--engine", engine, str(program)],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": str(program.parent.parent), "PYSPARK_PYTHON": sys.executable},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert run.returncode == 0, run.stderr[-3000:]
        printed.append(run.stdout.splitlines())
    assert printed[0] == printed[1]
    assert len(printed[0]) > 20
