"""Event streams and stateful queries drawn at random, run on both engines, compared batch by batch with the progress.

The same cases are drawn each time. More, and others each time: `LIGHTSTREAM_EXAMPLES=500 pytest
parity_tests/test_stream_differential.py -s`, with `--hypothesis-seed=N` to repeat a run.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from stream_cases import Engine, engines, refusal_of
from stream_drawing import ROUND, SCHEMA, SIDES, Case, draw_case

from lightstream.operators import joined, key_index, keyed
from lightstream.parity.answers import order, rows_of, same
from lightstream.sources import files

_ASKED = os.environ.get("LIGHTSTREAM_EXAMPLES")
_TOGETHER = 4  # queries that run at the same time: a batch of Spark's waits more than it works
_EXAMPLES = -(-int(_ASKED or 12) // _TOGETHER)
_WAIT_S = 120


@pytest.fixture(scope="module")
def tally(spark: Any) -> Iterator[Counter[str]]:
    """What was compared, printed at the end; and what makes Spark faster meanwhile."""
    found: Counter[str] = Counter()
    before = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "1")
    yield found
    spark.conf.set("spark.sql.shuffle.partitions", before)
    print(f"\n{dict(found)}")


_DRAWN = settings(
    max_examples=_EXAMPLES,
    derandomize=_ASKED is None,
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


def as_if_large(patch: pytest.MonkeyPatch) -> None:
    """Let small files and states take the ways of large ones: reading ahead, folding, indexes, mapped copies."""
    patch.setattr(files, "_MIN_BYTES_AHEAD", 0)
    patch.setattr(keyed, "_MIN_FOLD_ROWS", 3)
    patch.setattr(keyed, "_MAX_WHOLE_ROWS", 1)
    patch.setattr(joined, "_MIN_FOLD_ROWS", 3)
    patch.setattr(joined, "_MIN_COPY_ROWS", 1)
    patch.setattr(key_index, "_MIN_ROWS", 1)
    patch.setattr(key_index, "_FRACTION", 1)


def test_streams(spark: Any, lightstream: Any, tmp_path: Path, tally: Counter[str]) -> None:
    differences: list[str] = []

    @_DRAWN
    @given(seed=st.integers(0, 2**63))
    def compare(seed: int) -> None:
        draw = Random(seed)
        cases = [draw_case(draw) for _ in range(_TOGETHER)]
        with pytest.MonkeyPatch.context() as patch:
            if seed % 2:
                as_if_large(patch)
            for text in _compare(spark, lightstream, tmp_path / str(seed), cases, tally):
                differences.append(text)
                print(f"\n{text}", flush=True)  # a long run goes on

    compare()
    assert not differences, f"{len(differences)} differ\n" + "\n\n".join(differences)


def _compare(
    spark: Any, lightstream: Any, directory: Path, cases: list[Case], tally: Counter[str]
) -> Iterator[str]:
    """Run cases on both engines; yield what differs."""
    pairs = [engines(spark, lightstream, directory / str(i)) for i in range(len(cases))]
    in_spark = _play([pair[0] for pair in pairs], cases)
    here = _play([pair[1] for pair in pairs], cases)
    for case, expected, found, (_, engine) in zip(cases, in_spark, here, pairs, strict=True):
        tally["streams"] += 1
        tally["batches"] += sum(told[0] == "batch" for told in expected)
        tally["refused"] += any(told[0] == "refused" for told in expected)
        difference = _difference(expected, found) or _differs_from_static(case, found, engine)
        if difference is not None:
            yield f"{case}\n{difference}"
    shutil.rmtree(directory)


def _play(engines: list[Engine], cases: list[Case]) -> list[list[Any]]:
    """Run all cases on an engine, side by side; return what each told."""
    programs = [_program(engine, case) for engine, case in zip(engines, cases, strict=True)]
    while programs:
        going = [(program, query) for program in programs if (query := next(program, None)) is not None]
        for _, query in going:
            try:
                if query.trigger_ends:
                    assert query.query.awaitTermination(_WAIT_S)
                else:
                    query.query.processAllAvailable()
            except Exception as error:
                query.engine.tell("failed", *refusal_of(error)[:2])
        programs = [program for program, _ in going]
    return [engine.told for engine in engines]


class _Waiting:
    """A query that is waited for."""

    def __init__(self, engine: Engine, query: Any, trigger_ends: bool) -> None:
        self.engine, self.query, self.trigger_ends = engine, query, trigger_ends


def _program(engine: Engine, case: Case) -> Iterator[_Waiting]:
    arrived = 0
    query = None
    for side in SIDES[: case.query.streams]:
        (engine.directory / side).mkdir(exist_ok=True)
    for number, arriving in enumerate(case.rounds):
        for rows in arriving:
            side = case.sides[arrived] if case.sides else SIDES[0]
            engine.write(f"{arrived:03}.json", list(rows), at=arrived, into=side)
            arrived += 1
        if query is not None and number in case.stops:
            _tell_progress(engine, query)
            query.stop()
            query = None
        if query is None:
            for key, value in case.settings.items():
                engine.set(key, value)
            try:
                streams = [
                    engine.stream(side, SCHEMA, maxFilesPerTrigger=case.files_a_batch)
                    for side in SIDES[: case.query.streams]
                ]
                frame = case.query.make(*streams, engine.F)
                trigger = {"availableNow": True} if case.how == ROUND else {}
                query = engine.start(frame, case.query.mode, **trigger)
            except Exception as error:
                engine.tell("refused", *refusal_of(error))
                return
            finally:
                engine.unset()
        yield _Waiting(engine, query, case.how == ROUND)
        if case.how == ROUND:
            _tell_progress(engine, query)
            query = None
    if query is not None:
        _tell_progress(engine, query)
        query.stop()


def _tell_progress(engine: Engine, query: Any) -> None:
    for entry in query.recentProgress:
        if "addBatch" not in entry["durationMs"]:
            continue
        states = [
            [
                state["operatorName"],
                state["numRowsTotal"],
                state["numRowsUpdated"],
                state["numRowsRemoved"],
                state["numRowsDroppedByWatermark"],
                state["customMetrics"].get("numDroppedDuplicateRows"),
            ]
            for state in entry["stateOperators"]
        ]
        # A limit stops Spark reading, and its mean of event times is a running one (docs/parity.md).
        limited = any(state[0] == "globalLimit" for state in states)
        times = {name: time for name, time in entry.get("eventTime", {}).items() if name != "avg"}
        engine.tell("progress", entry["batchId"], None if limited else entry["numInputRows"], times, states)


def _difference(expected: list[Any], found: list[Any]) -> str | None:
    for position, (left, right) in enumerate(zip(expected, found, strict=False)):
        if not same(left, right):
            return f"at {position}:\nspark: {left}\n here: {right}"
    if len(expected) != len(found):
        return f"spark: {expected[len(found) :]}\n here: {found[len(expected) :]}"
    return None


def _differs_from_static(case: Case, told: list[Any], engine: Engine) -> str | None:
    """Say how the end of a stream differs from the same query over all rows, where it must not."""
    batches = [rows for kind, *rest in told if kind == "batch" for rows in [rest[-1]]]
    if not case.query.static or not batches:
        return None
    sides = SIDES[: case.query.streams]
    tables = [engine.spark.read.schema(SCHEMA).json(engine.path(side)) for side in sides]
    frame = case.query.make(*tables, engine.F)
    expected = rows_of(frame)
    if case.query.mode == "complete":
        found = batches[-1]
    elif case.query.streams == 1 and (frame.columns[0] == "a0" or "dropDuplicates" not in case.query.text):
        keys = [i for i, name in enumerate(frame.columns) if name[0] != "a" or not name[1:].isdecimal()]
        latest = {repr([row[i] for i in keys]): row for rows in batches for row in rows}
        found = tuple(latest.values())
        if "having a0" in case.query.text:
            return None  # a group may have left it
    else:
        found = tuple(row for rows in batches for row in rows)
    if not same(_sorted(expected), _sorted(found)):
        return f"a batch query: {_sorted(expected)}\nthe stream's end: {_sorted(found)}"
    return None


def _sorted(rows: Any) -> list[Any]:
    return sorted((list(row) for row in rows), key=order)
