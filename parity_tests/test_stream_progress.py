"""What a query says of itself: progress reports, their JSON, listeners' events, status and failures."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from stream_cases import Cases, Engine, Events, cause_of, compare

CASES = Cases("stream progress")
TIMES = ("timestamp", "batchDuration", "inputRowsPerSecond", "processedRowsPerSecond", "id", "runId")
# Not told: what depends on Spark's own state store, and times.
UNTOLD = {*TIMES, "allUpdatesTimeMs", "allRemovalsTimeMs", "commitTimeMs", "memoryUsedBytes", "customMetrics",
          "numShufflePartitions", "numStateStoreInstances"}  # fmt: skip


def keys(value: Any) -> Any:
    """Return the structure of parsed JSON: the names of fields in their order, and the types of values."""
    if isinstance(value, dict):
        return [[name, keys(item)] for name, item in value.items() if name != "customMetrics"]
    if isinstance(value, list):
        return [keys(item) for item in value]
    return type(value).__name__


def numbers(engine: Engine, value: Any) -> Any:
    """Return what of a report does not depend on time or machine."""
    if isinstance(value, dict):
        return [
            [name, numbers(engine, item)]
            for name, item in value.items()
            if name not in UNTOLD | {"durationMs"}
        ]
    if isinstance(value, list):
        return [numbers(engine, item) for item in value]
    return value.replace(str(engine.directory), "") if isinstance(value, str) else value


SINKS: dict[str, Callable[[Any], Any]] = {
    "noop": lambda writer: writer.format("noop"),
    "memory": lambda writer: writer.format("memory").queryName("progress_memory"),
    "console": lambda writer: writer.format("console"),
    "foreachBatch": lambda writer: writer.foreachBatch(lambda rows, batch_id: rows.collect() and None),
    "foreach": lambda writer: writer.foreach(lambda row: None),
}


def of_sink(name: str, stateful: bool) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        engine.put(0, 1)
        frame = engine.stream(maxFilesPerTrigger=1)
        frame = frame.groupBy("k").count() if stateful else frame.select("k", "n")
        writer = SINKS[name](frame.writeStream.outputMode("update")).trigger(availableNow=True)
        query = writer.start()
        assert query.awaitTermination(120)
        for report in query.recentProgress:
            parsed = json.loads(report.json)
            if name in ("console", "foreach"):
                parsed["sink"]["description"] = (
                    parsed["sink"]["description"].partition("@")[0].partition("(")[0]
                )
            engine.tell(keys(parsed))
            engine.tell(numbers(engine, parsed))
        engine.tell(query.lastProgress == query.recentProgress[-1])

    return program


for sink in SINKS:
    CASES.add(f"of {sink}", of_sink(sink, False))
    CASES.add(f"of {sink} with state", of_sink(sink, True))


@CASES
def the_json_in_both_forms(engine: Engine) -> None:
    engine.put(0)
    report = engine.run(engine.stream().groupBy("k").count(), "complete").lastProgress
    engine.tell(json.loads(report.json) == json.loads(report.prettyJson))
    engine.tell(keys(json.loads(report.json)), report.json[:8], report.prettyJson[:10], "\n" in report.json)
    engine.tell(type(report).__name__, isinstance(report, dict), str(report)[:3] == report.prettyJson[:3])


@CASES
def the_attributes_of_a_report(engine: Engine) -> None:
    engine.put(0)
    report = engine.run(engine.stream().groupBy("k").count(), "complete").lastProgress
    engine.tell(report.name, report.batchId, report.numInputRows, sorted(report.durationMs), report.eventTime)
    engine.tell(type(report.id).__name__, type(report.runId).__name__, type(report.timestamp).__name__)
    engine.tell(type(report.inputRowsPerSecond).__name__, type(report.processedRowsPerSecond).__name__)
    engine.tell(type(report.batchDuration).__name__, report.observedMetrics)
    (source,) = report.sources
    engine.tell(
        source.startOffset, source.endOffset, source.latestOffset, source.numInputRows, source.metrics
    )
    engine.tell(report.sink.numOutputRows, report.sink.description, report.sink.metrics)
    (state,) = report.stateOperators
    engine.tell(state.operatorName, state.numRowsTotal, state.numRowsUpdated, state.numRowsRemoved)
    engine.tell(
        state.numRowsDroppedByWatermark, sorted(report), report["batchId"], report["sources"][0]["endOffset"]
    )


@CASES
def before_the_first_report(engine: Engine) -> None:
    query = engine.start(engine.stream())
    first = query.lastProgress
    engine.tell(first is None or first["batchId"] == 0)
    query.processAllAvailable()
    engine.until(lambda: query.lastProgress is not None)
    engine.tell(
        keys(json.loads(query.lastProgress.json)), numbers(engine, json.loads(query.lastProgress.json))
    )
    seen: list[Any] = []
    engine.until(lambda: seen.append(query.status) or not seen[-1]["isTriggerActive"])  # between two looks
    engine.tell(seen[-1])


@CASES
def the_report_of_a_run_without_news(engine: Engine) -> None:
    engine.put(0)
    engine.run(engine.stream().groupBy("k").count(), "complete")
    query = engine.run(engine.stream().groupBy("k").count(), "complete")
    engine.tell(
        [[keys(json.loads(p.json)), numbers(engine, json.loads(p.json))] for p in query.recentProgress]
    )


@CASES
def how_many_reports_are_kept(engine: Engine) -> None:
    engine.set("spark.sql.streaming.numRecentProgressUpdates", "3")
    for position in range(5):
        engine.write(f"{position}.json", [{"n": position}])
    query = engine.run(engine.stream(schema="n int", maxFilesPerTrigger=1))
    engine.tell([p["batchId"] for p in query.recentProgress])


@CASES
def offsets_go_on(engine: Engine) -> None:
    engine.put(0, 1, 3)
    query = engine.run(engine.stream(maxFilesPerTrigger=1))
    engine.tell(
        [[p["sources"][0]["startOffset"], p["sources"][0]["endOffset"]] for p in query.recentProgress]
    )
    engine.put(4)
    query = engine.run(engine.stream(maxFilesPerTrigger=1))
    engine.tell(
        [[p["sources"][0]["startOffset"], p["sources"][0]["endOffset"]] for p in query.recentProgress]
    )


@CASES
def rows_that_an_aggregation_updates(engine: Engine) -> None:
    engine.put(0, 1, 3, 4)
    for mode in ("update", "complete"):
        frame = engine.stream(maxFilesPerTrigger=1).groupBy("k").count()
        query = engine.run(frame, mode, checkpoint=mode)
        for report in query.recentProgress:
            engine.tell([numbers(engine, state) for state in json.loads(report.json)["stateOperators"]])


@CASES
def a_source_that_is_read_twice(engine: Engine) -> None:
    engine.put(0)
    frame = engine.stream()
    query = engine.run(frame.select("k").union(frame.select("k")).union(engine.stream().select("k")))
    engine.tell([[s["numInputRows"] for s in p["sources"]] for p in query.recentProgress])


@CASES
def status_after_the_end(engine: Engine) -> None:
    engine.put(0)
    query = engine.run(engine.stream())
    engine.tell(query.status, query.isActive, query.exception(), query.name)


# ---- listeners --------------------------------------------------------------------------------------------------


def listener(engine: Engine, events: Events, failing: bool = False) -> Any:
    if type(engine.spark).__module__.startswith("pyspark"):
        from pyspark.sql.streaming import StreamingQueryListener as Base
    else:
        from lightstream.sql.streaming import StreamingQueryListener as Base  # type: ignore[assignment]

    class Listener(Base):  # type: ignore[misc, valid-type]
        def onQueryStarted(self, event: Any) -> None:
            events.add("started", event)
            if failing:
                raise ValueError("a listener that fails")

        def onQueryProgress(self, event: Any) -> None:
            events.add("progress", event)
            if failing:
                raise ValueError("a listener that fails")

        def onQueryIdle(self, event: Any) -> None:
            events.add("idle", event)

        def onQueryTerminated(self, event: Any) -> None:
            events.add("terminated", event)

    return Listener()


@CASES
def what_a_listener_hears(engine: Engine) -> None:
    engine.put(0, 1)
    events = Events()
    hearing = listener(engine, events)
    engine.spark.streams.addListener(hearing)
    query = engine.writer(engine.stream(maxFilesPerTrigger=1), availableNow=True).queryName("heard").start()
    engine.tell([kind for kind, _ in events.heard[:1]])
    events.until("terminated")
    engine.spark.streams.removeListener(hearing)
    engine.tell([kind for kind, _ in events.heard])
    for kind, event in events.heard:
        told = event.progress if kind == "progress" else event
        engine.tell(kind, type(event).__name__, str(told.id) == query.id, str(told.runId) == query.runId)
        engine.tell(type(told.id).__name__)
        if kind == "started":
            engine.tell(event.name, type(event.timestamp).__name__, len(event.timestamp), event.jobTags)
        elif kind == "progress":
            engine.tell(type(told).__name__, told.name, told.batchId, told.numInputRows, len(told.sources))
            engine.tell(keys(json.loads(told.json)), numbers(engine, json.loads(told.json)))
        else:
            engine.tell(event.exception, event.errorClassOnException)


@CASES
def what_a_listener_hears_of_observed_metrics(engine: Engine) -> None:
    engine.put(0, 1)
    events = Events()
    hearing = listener(engine, events)
    engine.spark.streams.addListener(hearing)
    F = engine.F
    frame = engine.stream(maxFilesPerTrigger=1).observe(
        "m",
        F.count("*").alias("n"),
        F.expr("max(ts) as ts"),
        F.expr("max(to_date(ts)) as d"),
        F.expr("sum(cast(n as decimal(10,2))) as dec"),
        F.expr("array(named_struct('t', max(ts), 'n', max(n))) as l"),
        F.expr("map('k', max(ts)) as m"),
        F.expr("max(cast(k as binary)) as b"),
        F.expr("max(cast('NaN' as double)) as nan"),
        F.expr("max(null) as nothing"),
    )
    frame.writeStream.format("noop").trigger(availableNow=True).start()
    events.until("terminated")
    engine.spark.streams.removeListener(hearing)
    heard = [event.progress for kind, event in events.heard if kind == "progress"]
    engine.tell([[progress.batchId, repr(progress.observedMetrics["m"])] for progress in heard])
    engine.tell([json.loads(progress.json)["observedMetrics"] for progress in heard])


@CASES
def what_a_listener_hears_of_a_failure(engine: Engine) -> None:
    engine.put(0)
    events = Events()
    hearing = listener(engine, events)
    engine.spark.streams.addListener(hearing)
    frame = engine.stream().select(engine.F.expr("n / (n - n)"))
    query = frame.writeStream.format("noop").start()
    events.until("terminated")
    engine.spark.streams.removeListener(hearing)
    engine.tell([kind for kind, _ in events.heard])
    event = events.heard[-1][1]
    engine.tell(event.errorClassOnException, "DIVIDE_BY_ZERO" in event.exception)
    engine.fail(query)


@CASES
def a_listener_that_fails_does_no_harm(engine: Engine) -> None:
    engine.put(0, 1)
    events, calm = Events(), Events()
    hearing = [listener(engine, events, failing=True), listener(engine, calm)]
    for one in hearing:
        engine.spark.streams.addListener(one)
    engine.run(engine.stream(maxFilesPerTrigger=1))
    calm.until("terminated")
    events.until("terminated")
    for one in hearing:
        engine.spark.streams.removeListener(one)
    engine.tell([kind for kind, _ in events.heard], [kind for kind, _ in calm.heard])


@CASES
def a_listener_that_was_removed(engine: Engine) -> None:
    engine.put(0)
    events, other = Events(), Events()
    removed, kept = listener(engine, events), listener(engine, other)
    engine.spark.streams.addListener(removed)
    engine.spark.streams.addListener(kept)
    engine.spark.streams.removeListener(removed)
    engine.run(engine.stream())
    other.until("terminated")
    engine.spark.streams.removeListener(kept)
    engine.tell(len(events.heard), len(other.heard))


# ---- failures ---------------------------------------------------------------------------------------------------

FAILING: dict[str, str] = {
    "division by zero": "n / (n - n)",
    "modulo zero": "n % (n - n)",
    "a bad cast": "cast(k as int)",
    "a bad date": "cast(k as date)",
    "overflow": "n + 2147483647",
    "an index out of bounds": "array(n)[n + 5]",
    "element_at": "element_at(array(n), n + 5)",
    "a failed assertion": "assert_true(n > 100)",
    "raise_error": "raise_error('told')",
    "a narrowing cast": "cast(n * 1000 as tinyint)",
    "a bad timestamp": "to_timestamp(k, 'yyyy')",
    "a map key twice": "map(n, 1, n, 2)",
    "long overflow": "cast(n as bigint) * 9223372036854775807",
}


def failing(text: str) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        engine.write("a.json", [{"k": "x", "n": 3}])
        query = engine.stream().selectExpr(f"{text} as c").writeStream.format("noop").start()
        engine.fail(query)
        engine.tell([p["batchId"] for p in query.recentProgress])

    return program


for name, text in FAILING.items():
    CASES.add(f"a failure: {name}", failing(text))


@CASES
def a_failure_in_an_aggregation(engine: Engine) -> None:
    engine.write("a.json", [{"n": 1}, {"n": 2}])
    frame = engine.stream().selectExpr("9223372036854775807 - 1 + n * 0 as big", "n").groupBy()
    query = frame.agg(engine.F.sum("big")).writeStream.format("noop").outputMode("complete").start()
    engine.fail(query)


@CASES
def a_failure_in_the_second_batch(engine: Engine) -> None:
    engine.write("a.json", [{"n": 1}])
    engine.write("b.json", [{"n": 0}])
    frame = engine.stream(maxFilesPerTrigger=1).selectExpr("1 / n as c")
    query = frame.writeStream.format("memory").queryName("second_fails").start()
    engine.fail(query)
    engine.tell([[p["batchId"], p["numInputRows"]] for p in query.recentProgress])
    engine.tell_frame(engine.spark.table("second_fails"))


@CASES
def a_function_that_fails(engine: Engine) -> None:
    engine.put(0)

    def batch(rows: Any, batch_id: int) -> None:
        raise KeyError("the words of the function")

    query = engine.stream().writeStream.foreachBatch(batch).start()
    engine.fail(query)
    engine.tell("the words of the function" in str(query.exception()))
    engine.attempt("again", lambda: query.awaitTermination())
    engine.attempt("processAllAvailable", query.processAllAvailable)
    query.stop()
    engine.tell(query.isActive, query.lastProgress)


@CASES
def a_batch_that_fails_in_foreach_batch(engine: Engine) -> None:
    engine.write("a.json", [{"k": "x", "n": 0}])
    engine.fail(engine.start(engine.stream().selectExpr("1 / n as c")))


@CASES
def a_writer_of_rows(engine: Engine) -> None:
    engine.put(0, 1)
    path = engine.path("rows")

    def process(row: Any) -> None:
        with open(path, "a") as file:
            file.write(f"{row.k} {row['n']} {row[2]}\n")

    query = (
        engine.stream(maxFilesPerTrigger=1).writeStream.foreach(process).trigger(availableNow=True).start()
    )
    assert query.awaitTermination(120)
    with open(path) as file:
        engine.tell(sorted(file))
    engine.tell([p["sink"]["numOutputRows"] for p in query.recentProgress])


@CASES
def a_writer_of_rows_that_fails(engine: Engine) -> None:
    engine.put(0)
    frame = engine.stream().select("n")
    engine.fail(frame.writeStream.foreach(lambda row: row.nothing).start())


@CASES
def what_cannot_write_rows(engine: Engine) -> None:
    class NoProcess:
        def open(self, partition_id: int, epoch_id: int) -> bool:
            return True

    class BadOpen:
        open = 5

        def process(self, row: Any) -> None: ...

    for name, writer in (("a text", "f"), ("no process", NoProcess()), ("open that is none", BadOpen())):
        engine.attempt(name, lambda given=writer: engine.stream().writeStream.foreach(given))


@CASES
def the_words_of_a_failure(engine: Engine) -> None:
    engine.put(0)
    query = engine.stream().selectExpr("raise_error('in my words') as c").writeStream.format("noop").start()
    engine.fail(query)
    text = str(query.exception())
    for words in ("in my words", "=== Streaming Query ===", "Identifier: [id = ", "Current Committed Offsets: {}",
                  '{"logOffset":0}}', "Current State: ACTIVE", "Thread State: RUNNABLE", "Logical Plan:"):  # fmt: skip
        engine.tell(words, words in text)
    engine.tell(cause_of(query.exception()))


@pytest.mark.parametrize("program", list(CASES))
def test_progress(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)
