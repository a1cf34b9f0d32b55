"""`observe` in a stream: metrics of a batch's rows that pass one place, for the progress report."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from lightstream.analyze.metrics import metrics_plan
from lightstream.compile.compiler import Compiled, Compiler, compile_plan
from lightstream.compile.select import distinct_names
from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.execute.batch import portable
from lightstream.functions.spelling import quote
from lightstream.operators.batch import BatchRun, qualified
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t


class ObservedMetrics(dict[str, Any]):
    """The metrics of a batch, in the form that the JSON of a progress report has them in.

    Args:
        shown: them by name.
        schema: their names and types.
        row: them as `execute.batch.Result.tuples` gives rows.
    """

    def __init__(self, shown: dict[str, Any], schema: t.StructType, row: tuple[Any, ...]) -> None:
        super().__init__(shown)
        self.schema = schema
        self.row = row


class MetricsStep:
    """Keeps a batch's rows at one place of the plan and computes metrics of them."""

    reading: Compiled

    def __init__(self, node: lp.CollectMetrics, position: int, conf: Conf) -> None:
        self.name = node.name
        self.table = f"lightstream_observed_{position}"
        self._node = node
        self._conf = conf
        names = tuple(distinct_names(node.output))
        self.output = lp.TableScan(node.output, qualified(self.table), names, streaming=True, asked=set())
        self._names = {a.id: name for a, name in zip(node.output, names, strict=True)}
        rows = lp.TableScan(node.output, qualified(self.table), names, asked=set())
        metrics = metrics_plan(node, rows)
        self._shapes = [_json(a.type) for a in metrics.output]
        self._schema = t.StructType([t.StructField(a.name, a.type, a.nullable) for a in metrics.output])
        both = lp.Project(metrics, (*map(_as_text, metrics.output), *map(_again, metrics.output)))
        self._metrics = compile_plan(both, conf)
        self._asked = rows.asked

    @property
    def readings(self) -> tuple[Compiled, ...]:
        """The statements that read rows or compute metrics."""
        return (self.reading, self._metrics)

    def compile(self) -> None:
        """Compile the statement that reads the rows; when all that is above has been compiled."""
        needed = {*self.output.asked, *self._asked}
        compiler = Compiler(self._conf)
        select = compiler.plan(self._node.child, needed)
        columns = [(i, name) for i, name in self._names.items() if i in needed]
        names = tuple(name for _, name in columns)
        self.reading = Compiled(select.text(columns), tuple(compiler.scans), names)

    def run(self, run: BatchRun) -> None:
        """Read the rows and compute the metrics."""
        run.read(self.table, self.reading)
        size = len(self._shapes)
        names = [quote(name) for name in self._metrics.names]
        values = [portable(n, field.dataType) for n, field in zip(names[size:], self._schema, strict=True)]
        row = run.row(self._metrics, ", ".join((*names[:size], *values)))
        shown = zip(self._schema.names, self._shapes, row[:size], strict=True)
        run.metrics[self.name] = ObservedMetrics(
            {label: None if value is None else shape(value) for label, shape, value in shown},
            self._schema,
            row[size:],
        )

    def explain(self) -> dict[str, str]:
        """Return the statements by step."""
        return {"read the observed rows": self.reading.shown(), "metrics": self._metrics.shown()}


def _as_text(metric: e.Attribute) -> e.Alias:
    """Return a metric with times as text, in the session's time zone."""
    wanted = _texts(metric.type)
    value = metric if wanted == metric.type else e.Cast(metric, wanted)
    return e.Alias(value, (metric.name,), id=e.fresh_id())


def _again(metric: e.Attribute) -> e.Alias:
    return e.Alias(metric, (metric.name,), id=e.fresh_id())


def _texts(data_type: t.DataType) -> t.DataType:
    match data_type:
        case t.TimestampType() | t.TimestampNTZType() | t.DateType():
            return t.StringType()
        case t.ArrayType():
            return t.ArrayType(_texts(data_type.elementType), data_type.containsNull)
        case t.MapType():
            kinds = (_texts(data_type.keyType), _texts(data_type.valueType))
            return t.MapType(*kinds, data_type.valueContainsNull)
        case t.StructType():
            return t.StructType([t.StructField(f.name, _texts(f.dataType), f.nullable) for f in data_type])
    return data_type


def _json(data_type: t.DataType) -> Callable[[Any], Any]:
    """Return the function that brings values of a type into the form that Spark's progress has them in.

    Raises:
        UnsupportedOperationException: Spark reports no metrics at all with a value of this type among them.
    """
    match data_type:
        case t.TimestampType() | t.TimestampNTZType():
            return lambda value: value.partition(".")[0]
        case t.DateType() | t.StringType() | t.BooleanType() | t.IntegralType() | t.NullType():
            return lambda value: value
        case t.DoubleType() | t.FloatType():
            return _double
        case t.DecimalType():
            return _whole if data_type.scale == 0 else float
        case t.BinaryType():
            return lambda value: base64.b64encode(value).decode()
        case t.ArrayType():
            element = _optional(data_type.elementType)
            return lambda value: [element(one) for one in value]
        case t.StructType():
            fields = [(field.name, _optional(field.dataType)) for field in data_type]
            return lambda value: {name: shape(value[name]) for name, shape in fields}
        case t.MapType():
            key, item = _optional(data_type.keyType), _optional(data_type.valueType)
            if isinstance(data_type.keyType, t.StringType):
                return lambda value: {key(k): item(v) for k, v in value.items()}
            return lambda value: [{"key": key(k), "value": item(v)} for k, v in value.items()]
    raise unsupported(
        f"A metric of type {data_type.simpleString()} in a stream", "Cast it to a string or a number."
    )


def _optional(data_type: t.DataType) -> Callable[[Any], Any]:
    shape = _json(data_type)
    return lambda value: None if value is None else shape(value)


def _double(value: float) -> Any:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _whole(value: Decimal) -> int:
    return int(value)
