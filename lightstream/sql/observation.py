"""`pyspark.sql.observation`: metrics of a DataFrame, taken while an action runs."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any

from lightstream.errors import IllegalArgumentException, PySparkAssertionError, PySparkValueError
from lightstream.plan import relations as r
from lightstream.sql.arguments import cannot_be_empty, not_expected

if TYPE_CHECKING:
    from lightstream.plan.types import StructType
    from lightstream.sql.column import Column
    from lightstream.sql.dataframe import DataFrame

__all__ = ["Observation"]


class Observation:
    """Metrics of the rows of one DataFrame (`DataFrame.observe`), as the first action that reads them has seen them.

    Spark: an action that stops early (`show`, `limit`) tells of the rows it happened to read; here that is refused.
    """

    def __init__(self, name: str | None = None) -> None:
        if name is not None:
            if not isinstance(name, str):
                raise not_expected("name", "str", name)
            if name == "":
                raise PySparkValueError(
                    "VALUE_NOT_NON_EMPTY_STR",
                    f"Value for `name` must be a non-empty string, got '{name}'.",
                    parameters={"arg_name": "name", "arg_value": str(name)},
                )
        self._name = name
        self._used = False
        self._done = threading.Event()
        self._metrics: dict[str, Any] = {}
        self._error: Exception | None = None

    def _on(self, df: DataFrame, *exprs: Column) -> DataFrame:
        """Return a DataFrame whose rows are observed."""
        if self._used:
            raise PySparkAssertionError(
                "REUSE_OBSERVATION", "An Observation can be used with a DataFrame only once."
            )
        if df.isStreaming:
            raise IllegalArgumentException(
                None,
                "An Observation does not support streaming DataFrames, which have metrics for each micro-batch: "
                "observe by a name, and read observedMetrics from the progress (of a StreamingQueryListener, or "
                "query.lastProgress).",
            )
        name = self._name or str(uuid.uuid4())
        found = df._with(r.CollectMetrics(df._plan, name, df._items(exprs), self))
        self._used = True
        return found

    @property
    def get(self) -> dict[str, Any]:
        """The metrics by name; waits for the first action to end.

        Raises:
            PySparkAssertionError: NO_OBSERVE_BEFORE_GET.
            PySparkException: the metrics cannot be computed.
        """
        if not self._used:
            raise PySparkAssertionError(
                "NO_OBSERVE_BEFORE_GET", "Should observe by calling `DataFrame.observe` before `get`."
            )
        self._done.wait()
        if self._error is not None:
            raise self._error
        return dict(self._metrics)

    def _tell(self, schema: StructType, values: tuple[Any, ...]) -> None:
        """Learn the metrics, the first time."""
        if not self._done.is_set():
            from lightstream.sql.rows import to_rows

            [row] = to_rows([values], schema)
            self._metrics = dict(zip(schema.names, row, strict=True))
            self._done.set()

    def _fail(self, error: Exception) -> None:
        """Learn why there are no metrics, the first time."""
        if not self._done.is_set():
            self._error = error
            self._done.set()


def observed(df: DataFrame, observation: Any, exprs: tuple[Any, ...]) -> DataFrame:
    """Return a DataFrame whose rows are observed, by an Observation or under a name."""
    from lightstream.sql.column import Column

    if not exprs:
        raise cannot_be_empty("exprs")
    if not all(isinstance(one, Column) for one in exprs):
        raise not_expected("exprs", "list[Column]", exprs)
    if isinstance(observation, Observation):
        return observation._on(df, *exprs)
    if isinstance(observation, str):
        return df._with(r.CollectMetrics(df._plan, observation, df._items(exprs)))
    raise not_expected("observation", "Observation or str", observation)
