"""Observations of a batch query: the rows that pass are kept in a table, and the metrics are taken of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lightstream.analyze.metrics import check_metric_names, metrics_plan
from lightstream.compile.compiler import compile_plan
from lightstream.compile.select import distinct_names
from lightstream.conf import Conf
from lightstream.errors import PySparkException, unsupported
from lightstream.execute.batch import Result, batch_scan, execute_compiled, set_now
from lightstream.plan import logical as lp

if TYPE_CHECKING:
    import duckdb


def with_observations(plan: lp.LogicalPlan, conf: Conf, cursor: duckdb.DuckDBPyConnection) -> lp.LogicalPlan:
    """Return a plan that reads what its observations have seen; they are told their metrics.

    Raises:
        AnalysisException: DUPLICATED_METRICS_NAME.
        PySparkException: the rows cannot be read.
    """
    check_metric_names(plan)
    set_now(cursor, time.time_ns() // 1000)
    return _Observed(conf, cursor).placed(plan, None)


class _Observed:
    def __init__(self, conf: Conf, cursor: duckdb.DuckDBPyConnection) -> None:
        self._conf = conf
        self._cursor = cursor
        self._tables: dict[int, lp.TableScan] = {}

    def placed(self, node: lp.LogicalPlan, limit: int | None) -> lp.LogicalPlan:
        """Return a plan with tables for observations. `limit`: how many rows of it are asked for at most."""
        if isinstance(node, lp.Limit) and node.count is not None:
            asked = node.count + node.offset
            limit = asked if limit is None else min(asked, limit)
        elif isinstance(node, lp.Sort) or not isinstance(node, lp.RowByRow):
            limit = None  # it takes all rows of its inputs, whatever is asked of it
        placed = node.map_children(lambda child: self.placed(child, limit))
        if not isinstance(placed, lp.CollectMetrics):
            return placed
        if placed.observation is None:
            return placed.child
        if id(node) not in self._tables:
            self._tables[id(node)] = self._table(placed, limit)
        return self._tables[id(node)]

    def _table(self, node: lp.CollectMetrics, limit: int | None) -> lp.TableScan:
        names = tuple(distinct_names(node.output))
        table = f"lightstream_observed_{len(self._tables)}"
        prefix = f"CREATE TEMP TABLE {table} AS "
        compiled = compile_plan(node.child, self._conf)
        [(rows,)] = execute_compiled(compiled, self._cursor, batch_scan, prefix=prefix).fetchall()
        scan = lp.TableScan(node.output, f"temp.main.{table}", names)
        if limit is not None and rows > limit:
            node.observation._fail(
                unsupported(
                    "An Observation whose rows a limit (limit, show, take, head, first) cuts off",
                    "Spark tells then of the rows that it happened to read. Observe an action that reads all rows.",
                )
            )
            return scan
        metrics = metrics_plan(node, scan)
        try:
            [values] = Result(metrics.schema, compile_plan(metrics, self._conf), self._cursor).tuples()
        except PySparkException as error:
            node.observation._fail(error)
        else:
            node.observation._tell(metrics.schema, values)
        return scan
