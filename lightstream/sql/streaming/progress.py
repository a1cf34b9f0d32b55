"""The reports about the triggers of a streaming query: `query.lastProgress`, and what listeners are given."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from lightstream.stream.progress import rounded

if TYPE_CHECKING:
    from lightstream.sql.row import Row


class _Report(dict[str, Any]):
    """A part of a report: a dict that shows as JSON."""

    _jdict: dict[str, Any] | None

    @property
    def json(self) -> str:
        """The report as compact JSON."""
        return json.dumps(self._json_object())

    @property
    def prettyJson(self) -> str:
        """The report as indented JSON."""
        return json.dumps(self._json_object(), indent=4)

    def _json_object(self) -> dict[str, Any]:
        # Made by hand, without JSON to begin from: the fields themselves.
        return self._jdict if self._jdict is not None else json.loads(json.dumps(dict(self), default=str))

    def __str__(self) -> str:
        return self.prettyJson

    def __repr__(self) -> str:
        return self.prettyJson


class StreamingQueryProgress(_Report):
    """The numbers of one trigger. Fields are attributes and items; `id` and `runId` are text as items."""

    def __init__(
        self,
        id: uuid.UUID,
        runId: uuid.UUID,
        name: str | None,
        timestamp: str,
        batchId: int,
        batchDuration: int,
        durationMs: dict[str, int],
        eventTime: dict[str, str],
        stateOperators: list[StateOperatorProgress],
        sources: list[SourceProgress],
        sink: SinkProgress,
        numInputRows: int | None,
        inputRowsPerSecond: float | None,
        processedRowsPerSecond: float | None,
        observedMetrics: dict[str, Row],
        jprogress: Any = None,
        jdict: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            id=id,
            runId=runId,
            name=name,
            timestamp=timestamp,
            batchId=batchId,
            batchDuration=batchDuration,
            durationMs=durationMs,
            eventTime=eventTime,
            stateOperators=stateOperators,
            sources=sources,
            sink=sink,
            numInputRows=numInputRows,
            inputRowsPerSecond=inputRowsPerSecond,
            processedRowsPerSecond=processedRowsPerSecond,
            observedMetrics=observedMetrics,
        )
        self._jdict = jdict

    @classmethod
    def fromJson(cls, j: dict[str, Any]) -> StreamingQueryProgress:
        """Return the report of a JSON object."""
        observed: dict[str, Row] = {}
        for key, values in j.get("observedMetrics", {}).items():
            from lightstream.sql.row import Row

            observed[key] = Row(**values)
        return cls(
            jdict=j,
            id=uuid.UUID(j["id"]),
            runId=uuid.UUID(j["runId"]),
            name=j["name"],
            timestamp=j["timestamp"],
            batchId=j["batchId"],
            batchDuration=j["batchDuration"],
            durationMs=dict(j.get("durationMs", {})),
            eventTime=dict(j.get("eventTime", {})),
            stateOperators=[StateOperatorProgress.fromJson(s) for s in j["stateOperators"]],
            sources=[SourceProgress.fromJson(s) for s in j["sources"]],
            sink=SinkProgress.fromJson(j["sink"]),
            numInputRows=j.get("numInputRows"),
            inputRowsPerSecond=j.get("inputRowsPerSecond"),
            processedRowsPerSecond=j.get("processedRowsPerSecond"),
            observedMetrics=observed,
        )

    @property
    def id(self) -> uuid.UUID:
        """The query's id, the same after a restart from its checkpoint."""
        found: uuid.UUID = super().__getitem__("id")
        return found

    @property
    def runId(self) -> uuid.UUID:
        """The id of this run."""
        found: uuid.UUID = super().__getitem__("runId")
        return found

    @property
    def name(self) -> str | None:
        """The query's name, None if it has none."""
        found: str | None = self["name"]
        return found

    @property
    def timestamp(self) -> str:
        """When the trigger began."""
        return str(self["timestamp"])

    @property
    def batchId(self) -> int:
        """The id of the batch; of the batch to come for a trigger without one."""
        return int(self["batchId"])

    @property
    def batchDuration(self) -> int:
        """How long the trigger took, in milliseconds."""
        return int(self["batchDuration"])

    @property
    def durationMs(self) -> dict[str, int]:
        """How long the parts of the trigger took, in milliseconds."""
        found: dict[str, int] = self["durationMs"]
        return found

    @property
    def eventTime(self) -> dict[str, str]:
        """`watermark`, and `min`, `max` and `avg` of the batch's event times; empty without a watermark."""
        found: dict[str, str] = self["eventTime"]
        return found

    @property
    def stateOperators(self) -> list[StateOperatorProgress]:
        """The operators that keep state, the last of the flow first."""
        found: list[StateOperatorProgress] = self["stateOperators"]
        return found

    @property
    def sources(self) -> list[SourceProgress]:
        """The sources, in plan order."""
        found: list[SourceProgress] = self["sources"]
        return found

    @property
    def sink(self) -> SinkProgress:
        """The sink."""
        found: SinkProgress = self["sink"]
        return found

    @property
    def observedMetrics(self) -> dict[str, Row]:
        """The metrics of `DataFrame.observe`."""
        found: dict[str, Row] = self["observedMetrics"]
        return found

    @property
    def numInputRows(self) -> int:
        """The rows read from all sources."""
        if self["numInputRows"] is not None:
            return int(self["numInputRows"])
        return sum(s.numInputRows for s in self.sources)

    @property
    def inputRowsPerSecond(self) -> float:
        """The rows that arrived in a second, since the trigger before."""
        if self["inputRowsPerSecond"] is not None:
            return float(self["inputRowsPerSecond"])
        return sum(s.inputRowsPerSecond for s in self.sources)

    @property
    def processedRowsPerSecond(self) -> float:
        """The rows processed in a second of the trigger."""
        if self["processedRowsPerSecond"] is not None:
            return float(self["processedRowsPerSecond"])
        return sum(s.processedRowsPerSecond for s in self.sources)

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        return str(value) if key in ("id", "runId") else value


class StateOperatorProgress(_Report):
    """The numbers of one operator that keeps state."""

    def __init__(
        self,
        operatorName: str,
        numRowsTotal: int,
        numRowsUpdated: int,
        numRowsRemoved: int,
        allUpdatesTimeMs: int,
        allRemovalsTimeMs: int,
        commitTimeMs: int,
        memoryUsedBytes: int,
        numRowsDroppedByWatermark: int,
        numShufflePartitions: int,
        numStateStoreInstances: int,
        customMetrics: dict[str, int],
        jprogress: Any = None,
        jdict: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            operatorName=operatorName,
            numRowsTotal=numRowsTotal,
            numRowsUpdated=numRowsUpdated,
            numRowsRemoved=numRowsRemoved,
            allUpdatesTimeMs=allUpdatesTimeMs,
            allRemovalsTimeMs=allRemovalsTimeMs,
            commitTimeMs=commitTimeMs,
            memoryUsedBytes=memoryUsedBytes,
            numRowsDroppedByWatermark=numRowsDroppedByWatermark,
            numShufflePartitions=numShufflePartitions,
            numStateStoreInstances=numStateStoreInstances,
            customMetrics=customMetrics,
        )
        self._jdict = jdict

    @classmethod
    def fromJson(cls, j: dict[str, Any]) -> StateOperatorProgress:
        """Return the report of a JSON object."""
        return cls(
            jdict=j,
            operatorName=j["operatorName"],
            numRowsTotal=j["numRowsTotal"],
            numRowsUpdated=j["numRowsUpdated"],
            numRowsRemoved=j["numRowsRemoved"],
            allUpdatesTimeMs=j["allUpdatesTimeMs"],
            allRemovalsTimeMs=j["allRemovalsTimeMs"],
            commitTimeMs=j["commitTimeMs"],
            memoryUsedBytes=j["memoryUsedBytes"],
            numRowsDroppedByWatermark=j["numRowsDroppedByWatermark"],
            numShufflePartitions=j["numShufflePartitions"],
            numStateStoreInstances=j["numStateStoreInstances"],
            customMetrics=dict(j.get("customMetrics", {})),
        )

    @property
    def operatorName(self) -> str:
        """The operator, in Spark's word."""
        return str(self["operatorName"])

    @property
    def numRowsTotal(self) -> int:
        """The rows in the state."""
        return int(self["numRowsTotal"])

    @property
    def numRowsUpdated(self) -> int:
        """The rows that the batch wrote to the state."""
        return int(self["numRowsUpdated"])

    @property
    def allUpdatesTimeMs(self) -> int:
        """How long the updates took."""
        return int(self["allUpdatesTimeMs"])

    @property
    def numRowsRemoved(self) -> int:
        """The rows that the watermark removed from the state."""
        return int(self["numRowsRemoved"])

    @property
    def allRemovalsTimeMs(self) -> int:
        """How long the removals took."""
        return int(self["allRemovalsTimeMs"])

    @property
    def commitTimeMs(self) -> int:
        """How long the state's transaction took."""
        return int(self["commitTimeMs"])

    @property
    def memoryUsedBytes(self) -> int:
        """The memory that the state takes."""
        return int(self["memoryUsedBytes"])

    @property
    def numRowsDroppedByWatermark(self) -> int:
        """The rows that came too late."""
        return int(self["numRowsDroppedByWatermark"])

    @property
    def numShufflePartitions(self) -> int:
        """Always 1 (Spark: the partitions of the state)."""
        return int(self["numShufflePartitions"])

    @property
    def numStateStoreInstances(self) -> int:
        """Always 1 (Spark: the stores of all partitions)."""
        return int(self["numStateStoreInstances"])

    @property
    def customMetrics(self) -> dict[str, int]:
        """What else the operator counts."""
        found: dict[str, int] = self["customMetrics"]
        return found


class SourceProgress(_Report):
    """The numbers of one source. Offsets are JSON text, `null` before the first."""

    def __init__(
        self,
        description: str,
        startOffset: str,
        endOffset: str,
        latestOffset: str,
        numInputRows: int,
        inputRowsPerSecond: float,
        processedRowsPerSecond: float,
        metrics: dict[str, str],
        jprogress: Any = None,
        jdict: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            description=description,
            startOffset=startOffset,
            endOffset=endOffset,
            latestOffset=latestOffset,
            numInputRows=numInputRows,
            inputRowsPerSecond=inputRowsPerSecond,
            processedRowsPerSecond=processedRowsPerSecond,
            metrics=metrics,
        )
        self._jdict = jdict

    @classmethod
    def fromJson(cls, j: dict[str, Any]) -> SourceProgress:
        """Return the report of a JSON object."""

        def text(value: Any) -> str:
            return value if isinstance(value, str) else json.dumps(value)

        return cls(
            jdict=j,
            description=j["description"],
            startOffset=text(j["startOffset"]),
            endOffset=text(j["endOffset"]),
            latestOffset=text(j["latestOffset"]),
            numInputRows=j["numInputRows"],
            inputRowsPerSecond=j["inputRowsPerSecond"],
            processedRowsPerSecond=j["processedRowsPerSecond"],
            metrics=dict(j.get("metrics", {})),
        )

    @property
    def description(self) -> str:
        """The source in words."""
        return str(self["description"])

    @property
    def startOffset(self) -> str:
        """Where the batch begins."""
        return str(self["startOffset"])

    @property
    def endOffset(self) -> str:
        """Where the batch ends."""
        return str(self["endOffset"])

    @property
    def latestOffset(self) -> str:
        """The end of what the source has."""
        return str(self["latestOffset"])

    @property
    def numInputRows(self) -> int:
        """The rows read."""
        return int(self["numInputRows"])

    @property
    def inputRowsPerSecond(self) -> float:
        """The rows that arrived in a second, since the trigger before."""
        return float(self["inputRowsPerSecond"])

    @property
    def processedRowsPerSecond(self) -> float:
        """The rows processed in a second of the trigger."""
        return float(self["processedRowsPerSecond"])

    @property
    def metrics(self) -> dict[str, str]:
        """What else the source counts."""
        found: dict[str, str] = self["metrics"]
        return found


class SinkProgress(_Report):
    """The numbers of the sink."""

    def __init__(
        self,
        description: str,
        numOutputRows: int,
        metrics: dict[str, str],
        jprogress: Any = None,
        jdict: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(description=description, numOutputRows=numOutputRows, metrics=metrics)
        self._jdict = jdict

    @classmethod
    def fromJson(cls, j: dict[str, Any]) -> SinkProgress:
        """Return the report of a JSON object."""
        return cls(
            jdict=j,
            description=j["description"],
            numOutputRows=j["numOutputRows"],
            metrics=dict(j.get("metrics", {})),
        )

    @property
    def description(self) -> str:
        """The sink in words."""
        return str(self["description"])

    @property
    def numOutputRows(self) -> int:
        """The rows written; -1 when the sink does not tell."""
        return int(self["numOutputRows"])

    @property
    def metrics(self) -> dict[str, str]:
        """What else the sink counts."""
        found: dict[str, str] = self["metrics"]
        return found


def progress_of(record: dict[str, Any], exact: bool = False) -> StreamingQueryProgress:
    """Return the report of the engine's record.

    Rates are rounded and metrics are texts and numbers, as in Spark's JSON; with `exact` (for listeners, as in Spark)
    only in the JSON.
    """
    shown = rounded(record)
    if not exact:
        return StreamingQueryProgress.fromJson(shown)
    progress = StreamingQueryProgress.fromJson(record)
    progress._jdict = shown
    observed = record.get("observedMetrics", {})
    if observed:
        from lightstream.sql.rows import to_rows

        for name, metrics in observed.items():
            [progress["observedMetrics"][name]] = to_rows([metrics.row], metrics.schema)
    for part, shown_part in zip(progress.sources, shown["sources"], strict=True):
        part._jdict = shown_part
    return progress
