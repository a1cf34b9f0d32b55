"""Resolved expressions to DuckDB SQL text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lightstream.errors import internal, unsupported
from lightstream.functions import casts, registry
from lightstream.functions.cast_times import of_word
from lightstream.functions.normal_forms import normal_form
from lightstream.functions.predicates import may_fail
from lightstream.functions.registry import OVER, AggregateParts, SqlContext, is_constant
from lightstream.functions.spelling import literal_sql, quote, text_sql
from lightstream.plan import expressions as e
from lightstream.plan import types as t
from lightstream.plan.logical import LogicalPlan

Columns = Mapping[int, str]  # by attribute id, those of the enclosing queries by `outer_key`
_MOMENTS = (t.DateType, t.TimestampType, t.TimestampNTZType)
SubqueryCompiler = Callable[[LogicalPlan, Columns], str]


def outer_key(attribute_id: int) -> int:
    """Return where the text of an enclosing query's column is kept.

    Its id may be that of a column of the query itself: a DataFrame can stand in both.
    """
    return ~attribute_id


class ExpressionCompiler:
    """Spells expressions over columns whose texts are given by attribute id."""

    def __init__(self, context: SqlContext, subquery: SubqueryCompiler) -> None:
        self.context = context
        self.subquery = subquery

    def sql(self, expression: e.Expression, columns: Columns) -> str:
        """Return the text of an expression."""
        match expression:
            case e.Attribute() | e.OuterReference():
                own = isinstance(expression, e.Attribute)
                text = columns.get(expression.id if own else outer_key(expression.id))
                if text is None:
                    raise internal(f"the column {expression.name} is not in reach")
                return text
            case e.Literal():
                return literal_sql(expression)
            case e.Alias():
                return self.sql(expression.child, columns)
            case e.Cast():
                source = e.type_of(expression.child)
                text = self.sql(expression.child, columns)
                if isinstance(expression.type, _MOMENTS) and isinstance(source, t.StringType):
                    value = _without_casts(expression.child)
                    if isinstance(value, e.Literal):
                        word = of_word(str(value.value), expression.type, self.context)
                        text, source = word or (text, source)
                return casts.cast_sql(text, source, expression.type, expression.mode, self.context)
            case e.Call(name="not", args=(e.SubqueryExpression() as subquery,)) if is_not_in(expression):
                if self._is_folded(subquery):
                    return f"(NOT {self._subquery(subquery, columns)})"
                if subquery.outer and len(subquery.values) > 1:
                    return f"(NOT {self._row_among(subquery, columns, or_unknown=True)})"
                return f"coalesce(NOT {self._in_subquery(subquery, columns)}, FALSE)"
            case e.Call():
                return self._call(expression, columns)
            case e.PythonUdf():
                # A function without arguments learns from a constant how many rows there are.
                arguments = [self.sql(argument, columns) for argument in expression.args] or ["0"]
                return f"{expression.sql_name}({', '.join(arguments)})"
            case e.GetField():
                return self._field(expression, columns)
            case e.LambdaVariable():
                return quote(f"lambda_{expression.name}")
            case e.LambdaFunction():
                names = ", ".join(quote(f"lambda_{p.name}") for p in expression.parameters)
                return f"lambda {names}: {self.sql(expression.body, columns)}"
            case e.WindowExpression():
                return self._window(expression, columns)
            case e.SubqueryExpression():
                return self._subquery(expression, columns)
            case e.SortOrder():
                return self.order(expression, columns)
        raise unsupported(f"The expression {type(expression).__name__}")

    def order(self, order: e.SortOrder, columns: Columns) -> str:
        """Return a sort key."""
        return _ordered(self.sql(order.child, columns), e.type_of(order.child), order)

    def _call(self, call: e.Call, columns: Columns) -> str:
        function = registry.lookup(call.name)
        if function is not None and function.kind == "aggregate":
            parts, arguments, cores = self.aggregate(call, columns)
            del arguments
            return _fill(parts.final, cores)
        arguments = [self.sql(argument, columns) for argument in call.args]
        return registry.scalar_sql(call, arguments, self.context)

    def aggregate(self, call: e.Call, columns: Columns) -> tuple[AggregateParts, Sequence[str], list[str]]:
        """Return an aggregate's parts, its argument texts, and the text of each core with DISTINCT and FILTER."""
        parts = registry.aggregate_parts(call, self.context)
        arguments = [self.sql(argument, columns) for argument in call.args]
        cores = [self._core(core, call, arguments, columns) for core in parts.cores]
        return parts, arguments, cores

    def _core(self, core: str, call: e.Call, arguments: Sequence[str], columns: Columns) -> str:
        text = core
        if call.distinct:
            text = text.replace("(", "(DISTINCT ", 1)
            kinds = [e.type_of(argument) for argument in call.args]
            arguments = [normal_form(a, kind) for a, kind in zip(arguments, kinds, strict=True)]
        # DuckDB takes no constants for keys, which order nothing.
        ordered = [o for o in call.order_by if not isinstance(o.child, e.Literal)]
        if ordered:
            keys = ", ".join(self.order(order, columns) for order in ordered)
            text = f"{text[:-1]} ORDER BY {keys.replace('{', '{{').replace('}', '}}')})"
        if call.filter is None:
            return _fill(text, arguments)
        kept = self.sql(call.filter, columns)
        if (
            not call.distinct
        ):  # DuckDB computes the arguments of all rows, Spark those of distinct values alone
            arguments = [f"(CASE WHEN {kept} THEN {a} END)" if may_fail(a) else a for a in arguments]
        return f"{_fill(text, arguments)} FILTER (WHERE {kept})"

    def _field(self, field: e.GetField, columns: Columns) -> str:
        child = self.sql(field.child, columns)
        child_type = e.type_of(field.child)
        if isinstance(child_type, t.ArrayType):
            return f"list_transform({child}, lambda item: struct_extract(item, {text_sql(field.name)}))"
        return f"struct_extract({child}, {text_sql(field.name)})"

    def _window(self, window: e.WindowExpression, columns: Columns) -> str:
        function = window.function
        if not isinstance(function, e.Call):
            raise unsupported("This window function")
        parts = []
        if window.partition_by:
            parts.append("PARTITION BY " + ", ".join(self.sql(p, columns) for p in window.partition_by))
        if window.order_by:
            parts.append("ORDER BY " + ", ".join(self.order(o, columns) for o in window.order_by))
        if window.frame is not None:
            frame = window.frame
            order = e.type_of(window.order_by[0].child) if window.order_by else t.NullType()
            lower = _boundary(frame.lower, "PRECEDING", order)
            upper = _boundary(frame.upper, "FOLLOWING", order)
            # DuckDB has other words for frames that end before they begin.
            if lower == "CURRENT ROW" and upper.endswith(" PRECEDING"):
                lower = f"{_nothing(order)} PRECEDING"
            if upper == "CURRENT ROW" and lower.endswith(" FOLLOWING"):
                upper = f"{_nothing(order)} FOLLOWING"
            parts.append(f"{frame.kind.upper()} BETWEEN {lower} AND {upper}")
        over = f" OVER ({' '.join(parts)})"
        entry = registry.lookup(function.name)
        if entry is not None and entry.kind == "aggregate":
            windowed = entry.extra.get("over")
            if windowed is not None and (text := windowed(function, self.context)) is not None:
                return _fill(text, [self.sql(argument, columns) for argument in function.args]) + over
            aggregate, _, cores = self.aggregate(function, columns)
            cores = [core + over for core in cores]
            if "lambda" not in aggregate.final or not any("lambda" in core for core in cores):
                return _fill(aggregate.final, cores)
            # DuckDB takes no window with a lambda inside the body of another lambda.
            fields = ", ".join(f"c{i}: {core}" for i, core in enumerate(cores))
            final = _fill(aggregate.final, [f"ls_window.c{i}" for i in range(len(cores))])
            return f"list_transform([{{{fields}}}], lambda ls_window: {final})[1]"
        text = self._call(function, columns)
        # A spelling may have a post-processing around the call that OVER belongs to: it marks the place.
        return text.replace(OVER, over) if OVER in text else text + over

    def _subquery(self, subquery: e.SubqueryExpression, columns: Columns) -> str:
        if not isinstance(subquery.plan, LogicalPlan):
            raise internal("a subquery that was not analysed")
        if subquery.kind == "scalar":
            return f"({self.subquery(subquery.plan, columns)})"
        if subquery.kind == "exists":
            return f"EXISTS ({self.subquery(subquery.plan, columns)})"
        if self._is_folded(subquery):
            return self._constant_in(subquery, columns)
        if subquery.outer and len(subquery.values) > 1:
            return self._row_among(subquery, columns)
        # Spark joins with the rows of the subquery: what is NULL by the rules of IN is no match.
        return f"coalesce({self._in_subquery(subquery, columns)}, FALSE)"

    def _is_folded(self, subquery: e.SubqueryExpression) -> bool:
        """Return whether IN looks for a constant that may be NULL, of which Spark sees so while it plans."""
        if len(subquery.values) != 1 or (self.context.ansi and subquery.outer):
            return False
        return e.nullable_of(subquery.values[0]) and is_constant(subquery.values[0])

    def _constant_in(self, subquery: e.SubqueryExpression, columns: Columns) -> str:
        """Return whether a constant is in a subquery.

        Spark: a NULL makes NULL before there are rows to ask; under ANSI rules no rows make false.
        """
        assert isinstance(subquery.plan, LogicalPlan)
        null = "CAST(NULL AS BOOLEAN)"
        if self.context.ansi:
            null = f"CASE WHEN NOT EXISTS ({self.subquery(subquery.plan, columns)}) THEN FALSE END"
        value = self.sql(subquery.values[0], columns)
        found = f"coalesce({self._in_subquery(subquery, columns)}, FALSE)"
        return f"CASE WHEN {value} IS NULL THEN {null} ELSE {found} END"

    def _in_subquery(self, subquery: e.SubqueryExpression, columns: Columns) -> str:
        assert isinstance(subquery.plan, LogicalPlan)
        values = [self.sql(value, columns) for value in subquery.values]
        left = values[0] if len(values) == 1 else f"({', '.join(values)})"
        return f"({left} IN ({self.subquery(subquery.plan, columns)}))"

    def _row_among(self, subquery: e.SubqueryExpression, columns: Columns, or_unknown: bool = False) -> str:
        """Return whether a row is among those of a correlated subquery, where DuckDB's IN takes but one column.

        `or_unknown`: or may be, if what is NULL were known.
        """
        assert isinstance(subquery.plan, LogicalPlan)
        names = [f"ls_c{position}" for position in range(len(subquery.values))]
        same = [
            f"({self.sql(value, columns)} = ls_r.{name})"
            for value, name in zip(subquery.values, names, strict=True)
        ]
        matches = " AND ".join(f"coalesce({part}, TRUE)" if or_unknown else part for part in same)
        rows = f"({self.subquery(subquery.plan, columns)}) AS ls_r({', '.join(names)})"
        return f"EXISTS (SELECT 1 FROM {rows} WHERE {matches})"


def is_not_in(expression: e.Expression) -> bool:
    """Return whether an expression is NOT IN a subquery, which is no opposite: what IN makes of NULL is false."""
    match expression:
        case e.Call(name="not", args=(e.SubqueryExpression(kind="in"),)):
            return True
    return False


def _without_casts(value: e.Expression) -> e.Expression:
    while isinstance(value, e.Cast | e.Alias):
        value = value.child
    return value


def _nothing(order: t.DataType) -> str:
    """Return no distance between values that are sorted by."""
    return "to_days(0)" if isinstance(order, t.DatetimeType) else "0"


def _boundary(boundary: e.FrameBoundary, unbounded: str, order: t.DataType) -> str:
    offset = boundary.offset
    if offset is None:
        return f"UNBOUNDED {unbounded}"
    if not isinstance(offset, e.Literal) or offset.value == 0:
        return "CURRENT ROW"
    size = abs(offset.value)
    text = literal_sql(e.Literal(size, offset.type))
    if isinstance(offset.type, t.AnsiIntervalType) and not isinstance(order, t.AnsiIntervalType):
        text = f"to_months({size})"
        if isinstance(offset.type, t.DayTimeIntervalType):  # days are those of the calendar
            days, rest = divmod(size, 86_400_000_000)
            text = f"(to_days({days}) + to_microseconds({rest}))"
    return f"{text} {'PRECEDING' if offset.value < 0 else 'FOLLOWING'}"


def _ordered(text: str, data_type: t.DataType, order: e.SortOrder) -> str:
    from lightstream.functions.predicates import holds_nulls, refuse_null_order

    direction = "ASC" if order.ascending else "DESC"
    nulls = f"NULLS {'FIRST' if order.nulls_first else 'LAST'}"
    if isinstance(data_type, t.StructType) and holds_nulls(data_type):
        # Inside structs Spark orders NULL before all values, DuckDB after them.
        within = e.SortOrder(order.child, order.ascending, order.ascending)
        fields = [
            _ordered(f"struct_extract_at({text}, {i})", field.dataType, within)
            for i, field in enumerate(data_type, 1)
        ]
        return ", ".join([f"CASE WHEN {text} IS NOT NULL THEN 0 END ASC {nulls}", *fields])
    refuse_null_order(data_type)
    return f"{text} {direction} {nulls}"


def _fill(template: str, values: Sequence[str]) -> str:
    """Replace `{0}`, `{1}`, ... and nothing else; doubled braces stand for themselves."""
    return template.format(*values)
