"""Triggers: when batches run, what they take, how a query ends; and every way to spell an interval."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stream_cases import Cases, Engine, compare

CASES = Cases("stream trigger")

INTERVALS = (
    "0 seconds", "1 second", "5 seconds", "  5   SECONDS ", "interval 1 second", "INTERVAL 2 Minutes", "1.5 seconds",
    ".5 seconds", "100 milliseconds", "1 millisecond", "10 microseconds", "1 hour 30 minutes", "1 day", "2 weeks",
    "+1 second", "- 1 second", "-1 second", "1 minute -30 seconds", "1 month", "1 year 2 seconds", "5", "5s", "5 secs",
    "seconds", "abc", "1,5 seconds", "1.5 minutes", "1e3 seconds", "interval", "intervals 5 seconds", "5 seconds 3",
    "1:30", "PT5S", "1.0000000001 seconds", "99999999999999999999 seconds", "9223372036854775807 days", "0.0 seconds",
    "5 second ago", "1 nanosecond", "five seconds", "",  "   ",
)  # fmt: skip


def interval(text: str) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        engine.attempt(text, lambda: engine.stream().writeStream.trigger(processingTime=text))

    return program


for text in INTERVALS:
    CASES.add(f"every {text!r}", interval(text))

ARGUMENTS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "two": {"once": True, "availableNow": True},
    "two, one of them false": {"once": False, "processingTime": "1 second"},
    "once=False": {"once": False},
    "availableNow=False": {"availableNow": False},
    "once=1": {"once": 1},
    "a number": {"processingTime": 5},
    "continuous of nothing": {"continuous": ""},
    "continuous of what is no interval": {"continuous": "abc"},
    "realTime of what is no interval": {"realTime": "abc"},
}


@CASES
def what_a_trigger_is_not(engine: Engine) -> None:
    for name, arguments in ARGUMENTS.items():
        engine.attempt(name, lambda given=arguments: engine.stream().writeStream.trigger(**given))
    engine.attempt("by position", lambda: engine.stream().writeStream.trigger("1 second"))


@CASES
def triggers_that_files_cannot_have(engine: Engine) -> None:
    for name, trigger, sink, mode in (
        ("continuous", {"continuous": "1 second"}, "noop", "append"),
        ("continuous, update", {"continuous": "1 second"}, "noop", "update"),
        ("realTime, noop", {"realTime": "1 second"}, "noop", "append"),
        ("realTime, noop, long", {"realTime": "10 minutes"}, "noop", "update"),
        ("realTime, short", {"realTime": "1 second"}, "console", "append"),
        ("realTime, append", {"realTime": "10 minutes"}, "console", "append"),
        ("realTime, complete", {"realTime": "10 minutes"}, "console", "complete"),
    ):
        writer = engine.stream().writeStream.format(sink).outputMode(mode).trigger(**trigger)
        engine.attempt(name, lambda made=writer: made.start())
    realtime = engine.writer(engine.stream(), realTime="10 minutes")
    engine.attempt("realTime, foreachBatch", realtime.start)
    batches = engine.writer(engine.stream(), continuous="1 second")
    engine.attempt("continuous, foreachBatch", batches.start)


@CASES
def once_takes_everything_in_one_batch(engine: Engine) -> None:
    engine.put(0, 1, 3)
    engine.run(engine.stream(maxFilesPerTrigger=1), once=True)
    engine.put(4)
    engine.run(engine.stream(maxFilesPerTrigger=1), once=True)
    engine.run(engine.stream(maxFilesPerTrigger=1), once=True)


@CASES
def once_takes_all_bytes(engine: Engine) -> None:
    engine.put(0, 1, 3)
    engine.run(engine.stream(maxBytesPerTrigger=10).groupBy("k").count(), "update", once=True)


@CASES
def available_now_keeps_the_limit(engine: Engine) -> None:
    engine.put(0, 1, 3, 4)
    engine.run(engine.stream(maxFilesPerTrigger=3).select("k"), availableNow=True)


@CASES
def available_now_without_a_limit(engine: Engine) -> None:
    engine.put(0, 1, 3, 4)
    engine.run(engine.stream().select("k"), availableNow=True)


@CASES
def available_now_without_files(engine: Engine) -> None:
    query = engine.run(engine.stream(), availableNow=True)
    engine.tell([[p["batchId"], p["numInputRows"], sorted(p["durationMs"])] for p in query.recentProgress])
    engine.tell(query.isActive, query.status, query.exception())


@CASES
def once_without_files(engine: Engine) -> None:
    query = engine.run(engine.stream(), once=True)
    engine.tell([[p["batchId"], p["numInputRows"], sorted(p["durationMs"])] for p in query.recentProgress])


@CASES
def an_aggregation_without_files(engine: Engine) -> None:
    engine.run(engine.stream().groupBy().count(), "complete", availableNow=True)
    engine.put(2)
    engine.run(engine.stream().groupBy().count(), "complete", availableNow=True)


@CASES
def empty_files_are_a_batch(engine: Engine) -> None:
    engine.put(2)
    engine.run(engine.stream(), availableNow=True)


@CASES
def available_now_leaves_files_that_arrive_meanwhile(engine: Engine) -> None:
    engine.put(0, 1)

    def batch(rows: Any, batch_id: int) -> None:
        engine.tell(batch_id, rows.count())
        if batch_id == 0:
            engine.put(3, 4)

    def writer() -> Any:
        frame = engine.stream(maxFilesPerTrigger=1)
        writing = frame.writeStream.foreachBatch(batch).trigger(availableNow=True)
        return writing.option("checkpointLocation", engine.path("checkpoint"))

    engine.finish(writer().start())
    engine.tell("again")
    engine.finish(writer().start())


@CASES
def once_leaves_files_that_arrive_meanwhile(engine: Engine) -> None:
    engine.put(0)

    def batch(rows: Any, batch_id: int) -> None:
        engine.tell(batch_id, rows.count())
        engine.put(1)

    query = engine.stream().writeStream.foreachBatch(batch).trigger(once=True).start()
    engine.finish(query)


@CASES
def the_default_takes_files_as_they_come(engine: Engine) -> None:
    query = engine.start(engine.stream().select("k", "n"))
    for position in (0, 2, 3):
        engine.put(position)
        query.processAllAvailable()
    engine.tell_progress(query)
    query.stop()
    engine.tell(query.isActive, query.status, query.exception())


@CASES
def the_default_keeps_the_limit(engine: Engine) -> None:
    engine.put(0, 1, 3)
    query = engine.start(engine.stream(maxFilesPerTrigger=2).groupBy("k").count(), "update")
    query.processAllAvailable()
    engine.put(4)
    query.processAllAvailable()
    engine.tell_progress(query)
    query.stop()


@CASES
def every_so_often(engine: Engine) -> None:
    engine.put(0)
    query = engine.start(engine.stream(maxFilesPerTrigger=1).select("k"), processingTime="100 milliseconds")
    query.processAllAvailable()
    engine.put(1, 3)
    query.processAllAvailable()
    engine.tell_progress(query)
    query.stop()


@CASES
def the_first_batch_does_not_wait_for_the_interval(engine: Engine) -> None:
    engine.put(0)
    told: list[int] = []
    writer = engine.stream().writeStream.foreachBatch(lambda rows, batch_id: told.append(rows.count()))
    query = writer.trigger(processingTime="1 hour").start()
    engine.until(lambda: query.recentProgress)
    engine.tell(told, query.isActive)
    query.stop()
    engine.tell(query.status["message"])


@CASES
def the_last_trigger_given_counts(engine: Engine) -> None:
    engine.put(0, 1)
    writer = engine.writer(engine.stream(maxFilesPerTrigger=1).select("n"), once=True)
    engine.finish(writer.trigger(processingTime="1 hour").trigger(availableNow=True).start())


@CASES
def waiting_for_all_that_is_there_after_the_end(engine: Engine) -> None:
    engine.put(0)
    query = engine.run(engine.stream().select("n"), once=True)
    engine.put(1)
    query.processAllAvailable()
    engine.tell(query.awaitTermination(), query.awaitTermination(1), query.isActive)
    engine.tell(len(query.recentProgress))


@CASES
def stopping_twice(engine: Engine) -> None:
    query = engine.start(engine.stream())
    engine.tell(query.isActive)
    query.processAllAvailable()  # it has begun
    query.stop()
    query.stop()
    engine.tell(query.isActive, query.awaitTermination(), query.exception(), query.status)


@CASES
def waiting_with_a_timeout(engine: Engine) -> None:
    query = engine.start(engine.stream())
    engine.tell(query.awaitTermination(0.05))
    for timeout in (0, -1, "1", None):
        if timeout is not None:
            engine.attempt(repr(timeout), lambda given=timeout: query.awaitTermination(given))
    query.stop()


@CASES
def a_program_of_one_statement(engine: Engine) -> None:
    engine.put(0)
    writer = engine.stream().writeStream.trigger(once=True)
    query = writer.start(
        format="memory", outputMode="append", queryName="one_statement", checkpointLocation=engine.path("c")
    )
    engine.finish(query)
    engine.tell_frame(engine.spark.table("one_statement"))


@pytest.mark.parametrize("program", list(CASES))
def test_trigger(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)
