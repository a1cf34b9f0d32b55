"""`rate`, `rate-micro-batch` and `socket`."""

from __future__ import annotations

import contextlib
import datetime
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lightstream.clock import ManualClock
from lightstream.errors import AnalysisException, PySparkException, StreamingQueryException
from lightstream.sources import rate
from lightstream.sql import SparkSession

CREATED_MS = 1_700_000_000_250


@pytest.fixture(scope="module")
def spark() -> Any:
    return SparkSession.builder.getOrCreate()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    found = ManualClock(CREATED_MS)
    monkeypatch.setattr(rate, "SYSTEM_CLOCK", found)
    return found


class Batches:
    """A query that keeps its batches."""

    def __init__(self, frame: Any, checkpoint: Path) -> None:
        self.frame, self.checkpoint = frame, checkpoint
        self.rows: list[list[Any]] = []

    def start(self, **trigger: Any) -> Any:
        writer = self.frame.writeStream.foreachBatch(lambda rows, _: self.rows.append(rows.collect()))
        writer = writer.option("checkpointLocation", str(self.checkpoint))
        return (writer.trigger(**trigger) if trigger else writer).start()

    def once(self) -> Any:
        """Run what is there and return the progress of the last batch."""
        query = self.start(availableNow=True)
        query.awaitTermination()
        return query.lastProgress


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


# ---- rate -----------------------------------------------------------------------------------------------------


def test_rate_goes_on_from_the_time_of_its_first_start(
    spark: Any, clock: ManualClock, tmp_path: Path
) -> None:
    batches = Batches(spark.readStream.format("rate").option("rowsPerSecond", 2).load(), tmp_path)
    first = batches.once()
    source = first["sources"][0]
    assert (first["numInputRows"], source["startOffset"], source["endOffset"]) == (0, "null", "0")
    assert (tmp_path / "sources" / "0" / "0").read_text() == f"v1\n{CREATED_MS}"
    clock.advance(3_999)
    second = batches.once()
    assert second["numInputRows"] == 6
    assert second["sources"][0]["latestOffset"] == "3"
    times = [row.timestamp.timestamp() * 1000 - CREATED_MS for row in batches.rows[-1]]
    assert [row.value for row in batches.rows[-1]] == [0, 1, 2, 3, 4, 5]
    assert times == pytest.approx([0, 500, 1000, 1500, 2000, 2500], abs=0.01)  # floats of seconds since 1970
    shown = "RateStreamV2[rowsPerSecond=2, rampUpTimeSeconds=0, numPartitions=default"
    assert second["sources"][0]["description"] == shown
    clock.set(CREATED_MS - 60_000)  # a clock that was set back makes no rows
    batches.once()
    assert len(batches.rows) == 2


@pytest.mark.parametrize(
    ("second", "values"), [(0, 0), (1, 1), (2, 3), (5, 15), (6, 25), (8, 45)]
)  # as Spark makes them
def test_rate_ramps_up(spark: Any, clock: ManualClock, tmp_path: Path, second: int, values: int) -> None:
    frame = spark.readStream.format("rate").option("rowsPerSecond", 10).option("rampUpTime", "5s").load()
    batches = Batches(frame, tmp_path)
    batches.once()
    clock.advance(1000 * second)
    batches.once()
    assert sum(map(len, batches.rows)) == values


def test_a_damaged_time_of_creation_is_an_error(spark: Any, clock: ManualClock, tmp_path: Path) -> None:
    batches = Batches(spark.readStream.format("rate").load(), tmp_path)
    batches.once()
    (tmp_path / "sources" / "0" / "0").write_text("v1\nsoon")
    with pytest.raises(StreamingQueryException) as caught:
        batches.once()
    assert caught.value.__cause__.getCondition() == "LIGHTSTREAM_LOG_DAMAGED"  # type: ignore[union-attr]


# ---- rate-micro-batch -----------------------------------------------------------------------------------------


def test_each_batch_of_rate_micro_batch_has_as_many_rows(spark: Any, tmp_path: Path) -> None:
    reader = spark.readStream.format("rate-micro-batch").options(rowsPerBatch=3, startTimestamp=1000)
    batches = Batches(reader.options(advanceMillisPerBatch=500, numPartitions=2).load(), tmp_path)
    progress = [batches.once(), batches.once()]
    assert [[row.value for row in rows] for rows in batches.rows] == [[0, 1, 2], [3, 4, 5]]
    assert [{row.timestamp.timestamp() for row in rows} for rows in batches.rows] == [{1.0}, {1.5}]
    source = progress[1]["sources"][0]
    assert (tmp_path / "offsets" / "1").read_text().splitlines()[-1] == '{"offset":6,"timestamp":2000}'
    assert source["latestOffset"] == "null"
    assert (
        source["description"]
        == "RatePerMicroBatchStream[rowsPerBatch=3, numPartitions=2, startTimestamp=1000, advanceMsPerBatch=500]"
    )


def test_state_over_made_rows(spark: Any, tmp_path: Path) -> None:
    made = spark.readStream.format("rate-micro-batch").option("rowsPerBatch", 10).load()
    batches = Batches(made.selectExpr("value % 2 as k").groupBy("k").count(), tmp_path)
    query = batches.frame.writeStream.outputMode("complete").foreachBatch(
        lambda rows, _: batches.rows.append(sorted(rows.collect()))
    )
    query = query.option("checkpointLocation", str(tmp_path)).start()
    wait_for(lambda: len(batches.rows) >= 3)
    query.stop()
    assert [rows[0]["count"] for rows in batches.rows[:3]] == [5, 10, 15]


# ---- socket ---------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def lines(spark: Any, server: socket.socket, **options: Any) -> Any:
    reader = (
        spark.readStream.format("socket").option("host", "127.0.0.1").option("port", server.getsockname()[1])
    )
    return reader.options(**options).load()


def test_lines_of_a_socket(spark: Any, server: socket.socket, tmp_path: Path) -> None:
    batches = Batches(lines(spark, server), tmp_path)
    query = batches.start()
    connection, _ = server.accept()

    def received() -> list[str]:
        return [row.value for rows in list(batches.rows) for row in rows]

    connection.sendall(b"a\nb\r\n\n\xffpart")
    wait_for(lambda: len(received()) == 3)
    assert received() == ["a", "b", ""]  # the last line has no end yet
    connection.sendall("ial\nüber".encode())
    wait_for(lambda: len(received()) == 4)
    connection.close()
    wait_for(lambda: len(received()) == 5)
    assert received()[3:] == ["\ufffdpartial", "über"]
    query.stop()
    ends = [progress["sources"][0]["endOffset"] for progress in query.recentProgress]
    assert ends[-1] == "4"
    assert query.exception() is None


def test_when_lines_arrived(spark: Any, server: socket.socket, tmp_path: Path) -> None:
    batches = Batches(lines(spark, server, includeTimestamp=True), tmp_path)
    begun = datetime.datetime.now() - datetime.timedelta(seconds=1)
    query = batches.start()
    connection, _ = server.accept()
    connection.sendall(b"a\n")
    wait_for(lambda: any(batches.rows))
    query.stop()
    connection.close()
    [row] = [row for rows in batches.rows for row in rows]
    assert row.value == "a"
    assert begun <= row.timestamp <= datetime.datetime.now()


def test_a_socket_does_not_recover(spark: Any, server: socket.socket, tmp_path: Path) -> None:
    with contextlib.ExitStack() as open_ones:

        def serve() -> None:
            for text in (b"a\nb\n", b"c\n"):
                connection, _ = server.accept()
                open_ones.enter_context(connection)
                connection.sendall(text)

        threading.Thread(target=serve, daemon=True).start()
        batches = Batches(lines(spark, server), tmp_path)
        query = batches.start()
        wait_for(lambda: sum(map(len, batches.rows)) == 2)
        query.stop()
        again = batches.start()
        with pytest.raises(StreamingQueryException) as caught:
            again.awaitTermination()
    assert caught.value.__cause__.getCondition() == "LIGHTSTREAM_SOCKET_NOT_RECOVERABLE"  # type: ignore[union-attr]


def test_nobody_answers(spark: Any, server: socket.socket, tmp_path: Path) -> None:
    frame = lines(spark, server)
    server.close()
    query = Batches(frame, tmp_path).start()
    with pytest.raises(StreamingQueryException, match=r"cannot connect to 127\.0\.0\.1:"):
        query.awaitTermination()


# ---- options --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rate", "rate-micro-batch", "socket"])
def test_a_batch_read_is_refused(spark: Any, name: str) -> None:
    with pytest.raises(AnalysisException) as caught:
        spark.read.format(name).load()
    assert caught.value.getCondition() == "_LEGACY_ERROR_TEMP_1135"


@pytest.mark.parametrize("name", ["rate", "rate-micro-batch", "socket"])
def test_a_schema_is_refused(spark: Any, name: str) -> None:
    with pytest.raises(PySparkException) as caught:
        spark.readStream.format(name).schema("timestamp timestamp, value long").load()
    assert caught.value.getCondition() == "_LEGACY_ERROR_TEMP_2242"
