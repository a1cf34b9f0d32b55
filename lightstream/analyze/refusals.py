"""What Spark refuses in a streaming query before it starts, by output mode (SPARK_SEMANTICS section 7)."""

from __future__ import annotations

from lightstream.analyze.stream_join import JoinCondition, is_event_time, time_bound_ms
from lightstream.analyze.time_windows import is_session
from lightstream.conf import Conf
from lightstream.errors import AnalysisException, unsupported
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t

_WITH_STATE = "applyInPandasWithState"
OUTPUT_MODES = ("append", "complete", "update")


def check_streaming(plan: lp.LogicalPlan, output_mode: str, conf: Conf) -> None:
    """Refuse what Spark refuses, and by name what lightstream does not have yet.

    Raises:
        AnalysisException: with Spark's condition.
        UnsupportedOperationException: LIGHTSTREAM_UNSUPPORTED.
    """
    streaming = [node for node in plan.walk_up() if node.is_streaming]
    aggregates = [node for node in streaming if isinstance(node, lp.Aggregate)]
    if sum(isinstance(n, lp.GroupsWithState) and n.program.name == _WITH_STATE for n in streaming) > 1:
        raise _legacy(f"Multiple {_WITH_STATE}s are not supported on a streaming DataFrames/Datasets")
    if output_mode == "complete" and not aggregates:
        raise _mode("complete", "no streaming aggregations")
    if output_mode == "append" and not all(map(_has_event_time, aggregates)):
        raise _mode("append", "streaming aggregations without watermark")
    sessions = [node for node in aggregates if output_mode == "update" and any(map(is_session, node.keys))]
    if sessions and sessions[-1] is aggregates[-1]:
        raise _mode("update", "session window streaming aggregations")
    for node in streaming:
        _check_node(node, output_mode, bool(aggregates))
    if any(_reads_late_rows(node, output_mode) for node in streaming):
        raise _legacy(
            "Detected pattern of possible 'correctness' issue due to global watermark. The query contains stateful "
            "operation which can emit rows older than the current watermark plus allowed late record delay, which are "
            '"late rows" in downstream stateful operations and these rows can be discarded. What follows it and keeps '
            f"state is not supported in {output_mode} output mode."
        )
    if sessions:
        raise _mode("update", "session window streaming aggregations")
    for node in streaming:
        _check_support(node)


def _reads_late_rows(node: lp.LogicalPlan, output_mode: str) -> bool:
    """Return whether an operator keeps state by event time and reads from one whose rows may be late."""
    match node:
        case lp.Aggregate() | lp.Deduplicate(within_watermark=True):
            keeps = True
        case lp.Deduplicate():
            keeps = any(map(is_event_time, node.keys))
        case _:
            keeps = is_stream_join(node)
    below = (n for child in node.children for n in child.walk())
    return keeps and any(n.is_streaming and _gives_late_rows(n, output_mode) for n in below)


def _gives_late_rows(node: lp.LogicalPlan, output_mode: str) -> bool:
    if isinstance(node, lp.GroupsWithState):
        return bool(node.program.name == _WITH_STATE and node.program.drops_late_rows)
    return isinstance(node, lp.Aggregate) and output_mode != "append"


def is_stream_join(node: lp.LogicalPlan) -> bool:
    """Return whether a node joins two streams."""
    return isinstance(node, lp.Join) and node.left.is_streaming and node.right.is_streaming


def _has_event_time(aggregate: lp.Aggregate) -> bool:
    keys = aggregate.output[: len(aggregate.keys)]
    return any(lp.DELAY_MARK in (key.metadata or {}) for key in keys)


def _check_node(node: lp.LogicalPlan, output_mode: str, aggregated: bool) -> None:
    match node:
        case lp.Aggregate():
            for aggregate in node.aggregates:
                if isinstance(aggregate.child, e.Call) and aggregate.child.distinct:
                    raise _legacy(
                        "Distinct aggregations are not supported on streaming DataFrames/Datasets. Consider using "
                        "approx_count_distinct() instead."
                    )
                if isinstance(aggregate.child, e.Call) and aggregate.child.name == "(list)":
                    raise _legacy("Streaming aggregation doesn't support group aggregate pandas UDF")
        case lp.Sort():
            below = any(isinstance(n, lp.Aggregate) for n in node.child.walk())
            if output_mode != "complete" or not below:
                raise _legacy(
                    "Sorting is not supported on streaming DataFrames/Datasets, unless it is on aggregated "
                    "DataFrame/Dataset in Complete output mode"
                )
        case lp.Deduplicate(within_watermark=True) if not any(
            lp.DELAY_MARK in (a.metadata or {}) for a in node.output
        ):
            raise _legacy(
                "dropDuplicatesWithinWatermark is not supported on streaming DataFrames/DataSets without watermark"
            )
        case lp.Deduplicate(within_watermark=True) if any(
            lp.DELAY_MARK in (a.metadata or {}) and isinstance(a.type, t.StructType) for a in node.output
        ):
            # Spark takes the window for a number, and forgets its keys in the next batch.
            raise unsupported(
                "dropDuplicatesWithinWatermark by the time of a window",
                "Use dropDuplicates, with the window.",
            )
        case lp.Limit() if node.offset:
            raise _legacy("Offset is not supported on streaming DataFrames/Datasets")
        case lp.Limit() if output_mode == "update":
            raise _legacy("Limits are not supported on streaming DataFrames/Datasets in Update output mode")
        case lp.SetOperation(kind="union") if not (node.left.is_streaming and node.right.is_streaming):
            raise _legacy("Union between streaming and batch DataFrames/Datasets is not supported")
        case lp.SetOperation(kind="except") if node.right.is_streaming:
            raise _legacy("Except on a streaming DataFrame/Dataset on the right is not supported")
        case lp.SetOperation(kind="intersect"):
            raise _legacy("Intersect of streaming DataFrames/Datasets is not supported")
        case lp.Sample():
            raise _legacy("Sampling is not supported on streaming DataFrames/Datasets")
        case lp.GroupsWithState():
            _check_groups(node, output_mode, aggregated)
        case lp.Join() if not (node.left.is_streaming and node.right.is_streaming):
            _check_static_join(node)
        case lp.Join():
            _check_stream_join(node, output_mode)


_JOIN_TYPES = {
    "inner": "Inner",
    "leftouter": "LeftOuter",
    "rightouter": "RightOuter",
    "fullouter": "FullOuter",
    "leftsemi": "LeftSemi",
}


def _check_stream_join(join: lp.Join, output_mode: str) -> None:
    if join.kind == "leftanti":
        raise _legacy("LeftAnti joins with a streaming DataFrame/Dataset on the right are not supported")
    name = _JOIN_TYPES[join.kind]
    modes = ("append", "update") if join.kind in ("inner", "leftsemi") else ("append",)
    if output_mode not in modes:
        only = "Append and Update output modes" if "update" in modes else "Append output mode"
        raise _legacy(
            f"{name} join between two streaming DataFrames/Datasets is not supported in {output_mode.title()} output "
            f"mode, only in {only}"
        )
    if join.kind == "inner":
        return
    condition = JoinCondition.of(join)
    sides = {
        "rightouter": ((join.right, join.left),),
        "fullouter": ((join.left, join.right), (join.right, join.left)),
    }.get(join.kind, ((join.left, join.right),))
    # A second is as good as any watermark to find out whether there is a bound.
    bounded = any(
        time_bound_ms(_written(join.condition), stored.output, other.output, 1_000_000) is not None
        for stored, other in sides
    )
    if condition.time_key is None and not bounded:
        raise _legacy(
            f"Stream-stream {name} join between two streaming DataFrame/Datasets is not supported without a watermark "
            "in the join keys, or a watermark on the nullable side and an appropriate range condition"
        )


def _written(condition: e.Expression | None) -> list[e.Expression]:
    """Return the conditions that AND puts together, as they are written: with BETWEEN whole."""
    if isinstance(condition, e.Call) and condition.name == "and":
        return [part for argument in condition.args for part in _written(argument)]
    return [] if condition is None else [condition]


def _check_groups(node: lp.GroupsWithState, output_mode: str, aggregated: bool) -> None:
    name = node.program.name
    if name != _WITH_STATE:
        return
    if not aggregated:
        if node.output_mode != output_mode:
            raise _legacy(
                f"{name} in {node.output_mode} mode is not supported with {output_mode.capitalize()} output mode on a "
                "streaming DataFrame/Dataset"
            )
    elif node.output_mode == "update":
        raise _legacy(
            f"{name} in update mode is not supported with aggregation on a streaming DataFrame/Dataset"
        )
    elif any(isinstance(n, lp.Aggregate) for n in node.child.walk()):
        raise _legacy(
            f"{name} in append mode is not supported after aggregation on a streaming DataFrame/Dataset"
        )
    watermarked = any(lp.DELAY_MARK in (a.metadata or {}) for a in node.values)
    if node.program.drops_late_rows and not watermarked:
        raise _legacy(
            "Watermark must be specified in the query using '[Dataset/DataFrame].withWatermark()' for using event-time "
            f"timeout in a {name}. Event-time timeout not supported without watermark."
        )


def _check_static_join(join: lp.Join) -> None:
    left = join.left.is_streaming
    if left and join.kind == "rightouter":
        raise _legacy(
            "RightOuter join with a streaming DataFrame/Dataset on the left and a static DataFrame/DataSet on the "
            "right not supported"
        )
    if not left and join.kind == "leftouter":
        raise _legacy(
            "LeftOuter join with a streaming DataFrame/Dataset on the right and a static DataFrame/Dataset on the "
            "left is not supported"
        )
    if join.kind == "fullouter":
        sides = ("left", "right") if left else ("right", "left")
        raise _legacy(
            f"FullOuter joins with streaming DataFrames/Datasets on the {sides[0]} and a static DataFrame/Dataset on "
            f"the {sides[1]} is not supported"
        )
    if not left and join.kind == "leftsemi":
        raise _legacy(
            "LeftSemi join with a streaming DataFrame/Dataset on the right and a static DataFrame/Dataset on the left "
            "is not supported"
        )
    if not left and join.kind == "leftanti":
        raise _legacy("LeftAnti joins with a streaming DataFrame/Dataset on the right are not supported")


def _check_support(node: lp.LogicalPlan) -> None:
    match node:
        case lp.SetOperation(kind="except"):
            raise unsupported("except on a stream")
        case lp.SetOperation() if not node.all:
            raise unsupported("A set operation that removes duplicates on a stream")
        case lp.Watermark() if any(isinstance(n, lp.Watermark) for n in node.child.walk()):
            raise unsupported("Two watermarks on one branch", "Spark fails such a query when it runs.")
        case lp.Generate() if any(isinstance(n, lp.Aggregate) for n in node.walk() if n.is_streaming):
            raise unsupported("Generate above a streaming aggregation")


def _mode(mode: str, what: str) -> AnalysisException:
    return AnalysisException(
        "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION",
        f"Invalid streaming output mode: {mode}. This output mode is not supported for {what} on streaming "
        "DataFrames/DataSets.",
        sqlstate="42KDE",
        parameters={"outputMode": mode, "operation": what},
    )


def _legacy(message: str) -> AnalysisException:
    return AnalysisException("_LEGACY_ERROR_TEMP_3102", message)
