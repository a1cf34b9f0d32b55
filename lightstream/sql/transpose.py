"""`DataFrame.transpose`: columns as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightstream.errors import AnalysisException
from lightstream.functions.coercion import common_type_without_strings
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.plan.expressions import Alias, Attribute, Cast, Expression, Literal, SortOrder
from lightstream.sql.column import column_expression

if TYPE_CHECKING:
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.dataframe_stat import Statistics


def transposed(df: Statistics, index: Any) -> DataFrame:
    """Return the transposed rows, which are read at once.

    Raises:
        AnalysisException: TRANSPOSE_INVALID_INDEX_COLUMN, TRANSPOSE_NO_LEAST_COMMON_TYPE, TRANSPOSE_EXCEED_ROW_LIMIT.
    """
    from lightstream.sql.local_data import local_rows
    from lightstream.sql.rows import to_rows

    columns = df._plan.output
    key: Expression = columns[0] if index is None else column_expression(index)
    if not isinstance(key, Attribute):
        (key,) = df._state.analyze(r.Project(df._plan, (key,))).output
    if key.id not in {a.id for a in columns}:
        raise _invalid("it must be a column")
    if isinstance(key.type, t.ArrayType | t.MapType | t.StructType):
        raise _invalid(f"it must be of atomic type, but found: {key.type.simpleString()}")
    others = [a for a in columns if a.id != key.id]
    kind = common_type_without_strings([a.type for a in others]) if others else t.StringType()
    if kind is None:
        first, second = (a.type.sql() for a in others[:2])
        raise AnalysisException(
            "TRANSPOSE_NO_LEAST_COMMON_TYPE",
            f"Transpose requires non-index columns to share a least common type, but {first} and {second} do not.",
            sqlstate="42K09",
            parameters={"dt1": first, "dt2": second},
        )
    items = (
        Alias(Cast(key, t.StringType()), ("key",)),
        *(Alias(Cast(a, kind) if a.type != kind else a, (f"c{i}",)) for i, a in enumerate(others)),
    )
    sorted_rows = r.Sort(df._plan, (SortOrder(key),))
    most = int(df._state.conf.get("spark.sql.transposeMaxValues") or 0)
    limit = Literal(most + 1, t.IntegerType())
    result = df._run(r.Project(r.Limit(sorted_rows, limit), items))
    rows = to_rows(result.tuples(), result.schema)
    if len(rows) > most:
        raise AnalysisException(
            "TRANSPOSE_EXCEED_ROW_LIMIT",
            f"Number of rows exceeds the allowed limit of {most} for TRANSPOSE.",
            sqlstate="54006",
            parameters={"maxValues": str(most), "config": "spark.sql.transposeMaxValues"},
        )
    rows = [row for row in rows if row[0] is not None]
    fields = [t.StructField("key", t.StringType(), False), *(t.StructField(row[0], kind) for row in rows)]
    made = [(a.name, *(row[i] for row in rows)) for i, a in enumerate(others, 1)]
    return local_rows(made, t.StructType(fields), df._session)


def _invalid(why: str) -> AnalysisException:
    return AnalysisException(
        "TRANSPOSE_INVALID_INDEX_COLUMN",
        f"Invalid index column for TRANSPOSE: {why}.",
        sqlstate="42804",
        parameters={"reason": why},
    )
