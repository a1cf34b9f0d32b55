"""Resolving expressions: names to columns, calls to catalogue entries, every node typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lightstream.analyze.naming import shown
from lightstream.analyze.scope import Scope, extract_field
from lightstream.errors import AnalysisException, internal, unsupported
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t

if TYPE_CHECKING:
    from lightstream.conf import Conf
    from lightstream.execute.session import SessionState
    from lightstream.plan.logical import LogicalPlan
    from lightstream.plan.relations import Relation
    from lightstream.plan.session_objects import SqlFunction

# Functions that SQL lets one write without parentheses.
_BARE_FUNCTIONS = frozenset(
    {"current_date", "current_timestamp", "current_time", "localtime", "current_user", "user",
     "session_user", "current_catalog", "current_database", "current_schema", "grouping__id"}
)  # fmt: skip


class ExpressionResolver:
    """Resolves expressions over one scope."""

    def __init__(
        self,
        scope: Scope,
        session: SessionState,
        analyze_subquery: Callable[[Relation, Scope], LogicalPlan],
        is_settled: bool = False,
    ) -> None:
        self.scope = scope
        self.session = session
        self.conf: Conf = session.conf
        self.analyze_subquery = analyze_subquery
        self.is_settled = is_settled
        self._lambda_variables: list[dict[str, e.LambdaVariable]] = []
        self._lateral: list[e.Alias] = []  # the aliases that the item to be resolved may name
        self.lateral_used: set[int] = set()
        self._in_window = False  # whether the call to be resolved next is the one that OVER belongs to

    # ---- whole items ------------------------------------------------------------------------------------------

    def named(self, expression: e.Expression) -> list[e.Alias | e.Attribute]:
        """Resolve one select item: stars expand, everything else gets its name and id."""
        if isinstance(expression, e.UnresolvedStar | e.UnresolvedRegex):
            return list(self.expand(expression))
        if isinstance(expression, e.Alias) and len(expression.names) == 1:
            child = trim_alias(self.resolve(expression.child))
            return [replace(expression, child=child, id=expression.id or e.fresh_id())]
        if isinstance(expression, e.Alias):
            child = trim_alias(self.resolve(expression.child))
            if not isinstance(e.type_of(child), t.StructType) or not makes_rows(child):
                raise AnalysisException(
                    "MULTI_ALIAS_WITHOUT_GENERATOR",
                    f"Multi part aliasing ({', '.join(expression.names)}) is not supported with {shown(child)} as it "
                    "is not a generator function.",
                    sqlstate="42K0E",
                    parameters={"expr": f'"{shown(child)}"', "names": ", ".join(expression.names)},
                )
            return [replace(expression, child=child, id=expression.id or e.fresh_id())]
        resolved = self.resolve(expression)
        return [name_item(resolved)]

    def named_all(self, items: Sequence[e.Expression], lateral: bool = False) -> list[e.Alias | e.Attribute]:
        """Resolve a select list, whose items may name aliases before them that are no columns.

        With `lateral` they stay references (`lateral_used`), for an operator above; without, they become what the
        aliases stand for.
        """
        if not lateral:
            return self._expanded_all(items)
        found: list[e.Alias | e.Attribute] = []
        self._lateral = []
        for expression in items:
            named = self.named(expression)
            found += named
            if isinstance(expression, e.Alias):
                self._lateral += [item for item in named if isinstance(item, e.Alias)]
        self._lateral = []
        return found

    def _expanded_all(self, items: Sequence[e.Expression]) -> list[e.Alias | e.Attribute]:
        found: list[e.Alias | e.Attribute] = []
        aliases = self.scope.aliases
        known: dict[int, e.Alias] = {}
        try:
            for expression in items:
                for item in self.named(expression):
                    item = _expanded(item, known)
                    found.append(item)
                    if (
                        isinstance(item, e.Alias)
                        and isinstance(expression, e.Alias)
                        and not makes_rows(item.child)
                    ):
                        aliases.append(item)
                        known[item.id] = item
        finally:
            aliases.clear()
        return found

    def value(self, expression: e.Expression) -> e.Expression:
        """Resolve an expression whose name does not matter."""
        return trim_alias(self.resolve(expression))

    def condition(self, expression: e.Expression, clause: str) -> e.Expression:
        """Resolve a boolean condition.

        Raises:
            AnalysisException: DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN when it is not boolean.
        """
        from lightstream.functions.coercion import implicit_cast

        resolved = self.value(expression)
        found = e.type_of(resolved)
        if isinstance(found, t.NullType) and clause == "having":
            return implicit_cast(resolved, t.BooleanType()) or resolved
        if not isinstance(found, t.BooleanType):
            what, sqlstate = {
                "join": ("JOIN_CONDITION_IS_NOT_BOOLEAN_TYPE", "42K0E"),
                "aggregate filter": ("INVALID_AGGREGATE_FILTER.NOT_BOOLEAN", "42903"),
            }.get(clause, ("DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", "42K09"))
            raise AnalysisException(
                what,
                f'The {clause} condition "{shown(resolved)}" has the type "{found.sql()}"; it must be "BOOLEAN".',
                sqlstate=sqlstate,
                parameters={
                    "sqlExpr": f'"{shown(resolved)}"',
                    "filter": f'"{shown(resolved)}"',
                    "type": f'"{found.sql()}"',
                },
            )
        return resolved

    def expand(self, star: e.Expression) -> Sequence[e.Attribute | e.Alias]:
        """Return the columns that `*`, `t.*`, `struct.*` or a pattern stand for."""
        if isinstance(star, e.UnresolvedRegex):
            flags = 0 if self.conf.case_sensitive else re.IGNORECASE
            pattern = re.compile(star.pattern, flags)
            return [a for a in self.scope.attributes if pattern.fullmatch(a.name)]
        if not isinstance(star, e.UnresolvedStar):
            raise internal("not a star")
        found: Sequence[e.Attribute | e.Alias]
        if not star.target:
            found = self.scope.attributes
        else:
            found = [
                a
                for a in self.scope.attributes
                if len(a.qualifier) >= len(star.target)
                and all(map(self.scope.same, a.qualifier[-len(star.target) :], star.target))
            ]
            if not found:
                found = self._expand_struct(star.target)
        if star.excluded:
            gone = {
                a.id
                for parts in star.excluded
                for a in self.scope.resolve(parts).walk()
                if isinstance(a, e.Attribute)
            }
            found = [item for item in found if item.id not in gone]
        return found

    def _expand_struct(self, target: tuple[str, ...]) -> list[e.Alias]:
        struct = self.scope.find(target)
        struct_type = e.type_of(trim_alias(struct)) if struct is not None else None
        if struct is None or not isinstance(struct_type, t.StructType):
            text = ".".join(f"`{part}`" for part in target)
            columns = ", ".join(f"`{a.name}`" for a in self.scope.attributes)
            raise AnalysisException(
                "CANNOT_RESOLVE_STAR_EXPAND",
                f"Cannot resolve {text}.* given input columns {columns}. Please check that the specified table or "
                "struct exists and is accessible in the input columns.",
                sqlstate="42704",
                parameters={"targetString": text, "columns": columns},
            )
        base = trim_alias(struct)
        return [
            e.Alias(
                e.GetField(base, f.name, i, f.dataType, e.nullable_of(base) or f.nullable),
                (f.name,),
                id=e.fresh_id(),
            )
            for i, f in enumerate(struct_type.fields)
        ]

    # ---- trees ------------------------------------------------------------------------------------------------

    def resolve(self, expression: e.Expression) -> e.Expression:
        """Return the expression resolved and typed. A nested field comes as an Alias with the field's name."""
        match expression:
            case e.Literal(type=t.TimestampType()):
                from lightstream.parse.literals import shown_in

                return shown_in(expression, self.conf.time_zone)
            case e.Attribute() | e.Literal() | e.Call() | e.OuterReference():
                return expression
            case e.UnresolvedAttribute():
                return self._attribute(expression)
            case e.UnresolvedFunction():
                return self._function(expression)
            case e.UnresolvedExtractValue():
                return self._extract(expression)
            case e.Alias():
                return self.value(expression.child)
            case e.Cast():
                return self._cast(expression)
            case e.SortOrder():
                return replace(expression, child=self.value(expression.child))
            case e.WindowExpression():
                return self._window(expression)
            case e.LambdaVariable():
                return self._lambda_variable(expression.name) or expression
            case e.SubqueryExpression():
                return self._subquery(expression)
            case e.PythonUdf():
                return self._python_function(expression)
            case e.GetField():
                return expression
            case e.LazyExpression():
                if self.scope.outer is None and not self.is_settled:
                    from lightstream.plan.logical import NoEnclosingQuery

                    raise NoEnclosingQuery
                return self.resolve(expression.child)
            case e.UnresolvedStar() | e.UnresolvedRegex():
                raise AnalysisException(
                    "INVALID_USAGE_OF_STAR_OR_REGEX",
                    "Invalid usage of '*' in an expression.",
                    sqlstate="42000",
                    parameters={"elem": "'*'", "prettyName": "expression"},
                )
        raise internal(f"{type(expression).__name__} cannot be resolved here")

    def _attribute(self, expression: e.UnresolvedAttribute) -> e.Expression:
        parts = expression.parts
        variable = self._lambda_variable(parts[0])
        if variable is not None:
            value: e.Expression = variable
            for name in parts[1:]:
                value = extract_field(value, name, self.scope.same)
            return value
        if len(parts) == 1 and parts[0].lower() in _BARE_FUNCTIONS and self.scope.find(parts) is None:
            return self._function(e.UnresolvedFunction(parts[0].lower()))
        if not self.session.named_values:
            return self._lateral_alias(parts) or self.scope.resolve(parts)
        try:
            return self._lateral_alias(parts) or self.scope.resolve(parts)
        except AnalysisException as error:
            named = self._named_value(parts) if "UNRESOLVED_COLUMN" in str(error.getCondition()) else None
            if named is None:
                raise
            return named

    def _named_value(self, parts: tuple[str, ...]) -> e.Expression | None:
        """Return the value of a variable, or of a function's parameter, or a field of it."""
        lower = tuple(part.lower() for part in parts)
        values = self.session.named_values
        length = next((n for n in range(1, len(parts) + 1) if lower[:n] in values), None)
        if length is None:
            return None
        value = values[lower[:length]]
        if self.scope.outer is not None and any(isinstance(node, e.Attribute) for node in value.walk()):
            raise unsupported(
                "An expression of columns as an argument of a SQL function whose body has a query",
                "Make it a column first.",
            )
        for name in parts[length:]:
            value = extract_field(value, name, self.scope.same)
        return e.Alias(value, (parts[-1],))

    def own_column(self, node: e.Expression) -> e.Expression:
        """Return a column as this scope names it."""
        return next(
            (a for a in self.scope.attributes if isinstance(node, e.Attribute) and a.id == node.id), node
        )

    def _lateral_alias(self, parts: tuple[str, ...]) -> e.Expression | None:
        """Return the alias of the same select list that a name means, where it means no column."""
        found = [alias for alias in self._lateral if self.scope.same(alias.name, parts[0])]
        if not found or self.scope.find(parts) is not None:
            return None
        if len(found) > 1:
            raise AnalysisException(
                "AMBIGUOUS_LATERAL_COLUMN_ALIAS",
                f"Lateral column alias `{parts[0]}` is ambiguous and has {len(found)} matches.",
                sqlstate="42702",
                parameters={"name": f"`{parts[0]}`", "n": str(len(found))},
            )
        self.lateral_used.add(found[0].id)
        value: e.Expression = replace(found[0].to_attribute(), name=f"lateralAliasReference({parts[0]})")
        for name in parts[1:]:
            value = extract_field(value, name, self.scope.same)
        return value

    def _lambda_variable(self, name: str) -> e.LambdaVariable | None:
        for frame in reversed(self._lambda_variables):
            for known, variable in frame.items():
                if self.scope.same(known, name):
                    return variable
        return None

    def _input_file_name(self, call: e.UnresolvedFunction) -> e.Expression:
        """Return the file that a row comes from.

        Raises:
            AnalysisException: MULTI_SOURCES_UNSUPPORTED_FOR_EXPRESSION.
            UnsupportedOperationException: rows of several files may have become one, or changed their places.
        """
        from lightstream.functions import mismatch, registry

        if call.args:
            raise mismatch.wrong_count("input_file_name", "0", len(call.args))
        leaves = [node for plan in self.scope.plans for node in plan.walk() if isinstance(node, lp.Leaf)]
        path: tuple[e.Expression, ...] = ()
        # What a program has made comes from no file; a table's rows, or those of a batch, do in Spark.
        if not all(isinstance(leaf, lp.OneRow | lp.Range | lp.Values | lp.LocalScan) for leaf in leaves):
            files = [
                leaf for leaf in leaves if isinstance(leaf, lp.DataSourceScan) and leaf.metadata is not None
            ]
            [plan, *others] = self.scope.plans
            while isinstance(plan, lp.Project | lp.Filter | lp.SubqueryAlias | lp.Watermark | lp.Rename):
                plan = plan.child
            if others or (isinstance(plan, lp.Join) and len(files) > 1):
                raise AnalysisException(
                    "MULTI_SOURCES_UNSUPPORTED_FOR_EXPRESSION",
                    'The expression "input_file_name()" does not support more than one source.',
                    sqlstate="42K0E",
                    parameters={"expr": '"input_file_name()"'},
                )
            found = [column for column in self.scope.hidden if column.name.strip("()") == "_metadata"]
            if plan not in files or len(found) != 1:
                raise unsupported(
                    "input_file_name() of a table or a batch, or above a join, union, aggregation, explode, sort or "
                    "limit",
                    "Select it, or _metadata.file_path, next to the files.",
                )
            path = (extract_field(found[0], "file_path", self.scope.same),)
        return registry.bind_call("input_file_name", path, self.conf)

    def _function(self, call: e.UnresolvedFunction) -> e.Expression:
        from lightstream.functions import registry

        if call.name == "(field)":
            return self._updated_field(call)
        if call.name.lower() == "input_file_name":
            return self._input_file_name(call)
        registered = self.session.functions.get(call.name.lower())
        if registered is not None and not is_builtin(call.name):
            return self._python_function(registered(call.args, call.named))
        own = self._sql_function(call.name)
        if own is not None:
            from lightstream.analyze.session_objects import call_function

            if self._lambda_variables:
                raise AnalysisException(
                    "UNSUPPORTED_FEATURE.LAMBDA_FUNCTION_WITH_SQL_UDF",
                    f"The SQL function {own.name} inside a lambda function.",
                    sqlstate="0A000",
                    parameters={"funcName": own.name},
                )
            return call_function(own, call, self)
        if call.name.lower() in self.session.table_functions and not is_builtin(call.name):
            raise AnalysisException(
                "NOT_A_SCALAR_FUNCTION",
                f"`{call.name}` is a table function: call it in the FROM clause.",
                sqlstate="42887",
                parameters={"functionName": f"`{call.name}`"},
            )
        args: list[e.Expression] = []
        lower = call.name.lower()
        over, self._in_window = self._in_window, False
        entry = registry.lookup(lower)
        if entry is not None and entry.kind == "window" and not over:
            raise AnalysisException(
                "WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE",
                f"Window function {lower}() requires an OVER clause.",
                sqlstate="42601",
                parameters={"funcName": f'"{lower}()"'},
            )
        for argument in call.args:
            if isinstance(argument, e.UnresolvedStar | e.UnresolvedRegex):
                if (
                    lower == "count"
                    and isinstance(argument, e.UnresolvedStar)
                    and not argument.target
                    and not call.distinct
                ):
                    args.append(e.Literal(1, t.IntegerType()))
                else:
                    args.extend(self.expand(argument))
            elif isinstance(argument, e.LambdaFunction):
                args.append(argument)
            elif isinstance(argument, e.Alias) and lower in ("struct", "named_struct", "(,)"):
                args.append(replace(argument, child=self.value(argument.child)))
            else:
                resolved = self.resolve(argument)
                args.append(resolved if lower in ("struct", "(,)") else trim_alias(resolved))
        for argument in args:
            if makes_rows(argument):
                raise AnalysisException(
                    "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS",
                    f"The generator is not supported: {shown(argument)} inside {lower}(). Give it a column of its own.",
                    sqlstate="42K0E",
                    parameters={"expression": f'"{shown(argument)}"'},
                )
        if any(isinstance(a, e.LambdaFunction) for a in args):
            args = self._lambdas(lower, args)
        if call.named:
            args += self._named_arguments(call, len(args))
        return registry.bind_call(
            call.name,
            tuple(args),
            self.conf,
            distinct=call.distinct,
            filter=self._aggregate_filter(call),
            order_by=self._orders(call.order_by),
            ignore_nulls=call.ignore_nulls,
        )

    def _aggregate_filter(self, call: e.UnresolvedFunction) -> e.Expression | None:
        from lightstream.functions import registry

        if call.filter is None:
            return None
        entry = registry.lookup(call.name)
        if entry is None or entry.kind != "aggregate":  # which is the error that comes first
            return self.value(call.filter)
        return self.condition(call.filter, "aggregate filter")

    def _sql_function(self, name: str) -> SqlFunction | None:
        if not self.session.sql_functions or is_builtin(name):
            return None
        from lightstream.plan.session_objects import session_name

        return self.session.sql_functions.get(session_name(tuple(name.split("."))) or "")

    def _python_function(self, udf: e.PythonUdf) -> e.Expression:
        if udf.sql_name:
            return udf
        args = tuple(self.value(argument) for argument in udf.args)
        if udf.aggregates:
            from lightstream.functions import registry

            args = tuple(registry.bind_call("(list)", (argument,), self.conf) for argument in args)
        name = self.session.python_function(udf, tuple(map(e.type_of, args)))
        return replace(udf, args=args, sql_name=name)

    def _updated_field(self, call: e.UnresolvedFunction) -> e.Expression:
        """Resolve `Column.withField` and `dropFields`; a dot in the name leads into a struct."""
        from lightstream.functions.fields import update
        from lightstream.parse.identifier import parse_identifier

        struct, name, *value = call.args
        assert isinstance(name, e.Literal)
        path = parse_identifier(name.value)
        return update(self.value(struct), path, self.value(value[0]) if value else None, self.scope.same)

    def _named_arguments(self, call: e.UnresolvedFunction, given: int) -> list[e.Expression]:
        """Return the arguments that a call gives by name, in the order of the function's parameters."""
        from lightstream.errors import unsupported
        from lightstream.functions import registry

        entry = registry.lookup(call.name)
        parameters = entry.extra.get("parameters", ()) if entry is not None else ()
        named = {name.lower(): value for name, value in call.named}
        if tuple(named) != tuple(parameters[given:]):
            raise unsupported(f"A named argument (in {call.name})")
        return [self.value(named[name]) for name in parameters[given:]]

    def _lambdas(self, name: str, args: list[e.Expression]) -> list[e.Expression]:
        """Resolve lambda bodies: the entry says what types its lambdas' parameters have, given the other args."""
        from lightstream.functions import registry

        function = registry.lookup(name)
        typing = function.extra.get("lambda_types") if function is not None else None
        if typing is None:
            raise unsupported(f"The function {name} with a lambda")
        resolved: list[e.Expression] = []
        for position, argument in enumerate(args):
            if not isinstance(argument, e.LambdaFunction):
                resolved.append(argument)
                continue
            types = typing(tuple(resolved), position, len(argument.parameters))
            variables = tuple(
                e.LambdaVariable(p.name, data_type, nullable)
                for p, (data_type, nullable) in zip(argument.parameters, types, strict=False)
            )
            self._lambda_variables.append({v.name: v for v in variables})
            try:
                body = self.value(argument.body)
            finally:
                self._lambda_variables.pop()
            resolved.append(e.LambdaFunction(body, variables))
        return resolved

    def _extract(self, expression: e.UnresolvedExtractValue) -> e.Expression:
        from lightstream.functions import registry

        child = self.value(expression.child)
        key = self.value(expression.extraction)
        child_type = e.type_of(child)
        struct_like = isinstance(child_type, t.StructType) or (
            isinstance(child_type, t.ArrayType) and isinstance(child_type.elementType, t.StructType)
        )
        if struct_like and isinstance(key, e.Literal) and isinstance(key.type, t.StringType):
            return extract_field(child, str(key.value), self.scope.same)
        return registry.bind_call("[]", (child, key), self.conf)

    def _cast(self, cast: e.Cast) -> e.Expression:
        from lightstream.functions.casts import can_cast, cast_nullable, refused_cast

        if cast.mode == "literal" and isinstance(cast.child, e.Literal):
            from lightstream.parse.literals import timestamp_in

            return timestamp_in(str(cast.child.value), self.conf.time_zone)
        child = self.value(cast.child)
        source = e.type_of(child)
        mode = cast.mode if cast.mode != "ansi" or self.conf.ansi else "legacy"
        if not can_cast(source, cast.type, mode):
            raise refused_cast(shown(replace(cast, child=child)), source, cast.type, mode)
        nullable = cast_nullable(e.nullable_of(child), source, cast.type, mode)
        return replace(cast, child=child, mode=mode, nullable=nullable)

    def _orders(self, orders: Sequence[e.SortOrder]) -> tuple[e.SortOrder, ...]:
        resolved = tuple(replace(order, child=self.value(order.child)) for order in orders)
        check_sorts(resolved)
        return resolved

    def _window(self, window: e.WindowExpression) -> e.Expression:
        from lightstream.functions.signatures import is_orderable

        self._in_window = True
        try:
            function = self.value(window.function)
        finally:
            self._in_window = False
        resolved = e.WindowExpression(
            function,
            tuple(self.value(item) for item in window.partition_by),
            self._orders(window.order_by),
            window.frame,
        )
        if isinstance(function, e.PythonUdf) and function.aggregates:
            # Each row's function is given the lists of its frame.
            over = (replace(resolved, function=values) for values in function.args)
            return replace(function, args=tuple(over))
        _check_window(resolved)
        for key in resolved.partition_by:
            if not is_orderable(e.type_of(key)):
                raise AnalysisException(
                    "EXPRESSION_TYPE_IS_NOT_ORDERABLE",
                    f'The expression "{shown(key)}" cannot be sorted because its type "{e.type_of(key).sql()}" is not '
                    "orderable.",
                    sqlstate="42822",
                    parameters={"expr": f'"{shown(key)}"', "exprType": f'"{e.type_of(key).sql()}"'},
                )
        return resolved

    def _subquery(self, subquery: e.SubqueryExpression) -> e.Expression:
        from lightstream.plan.logical import LogicalPlan

        if isinstance(subquery.plan, LogicalPlan):
            return subquery
        inner_scope = Scope((), self.conf.case_sensitive, outer=self.scope)
        plan = self.analyze_subquery(subquery.plan, inner_scope)
        outer = tuple(inner_scope.used_outer.values())
        values = tuple(self.value(v) for v in subquery.values)
        if subquery.kind == "scalar":
            if len(plan.output) != 1:
                raise AnalysisException(
                    "INVALID_SUBQUERY_EXPRESSION.SCALAR_SUBQUERY_RETURN_MORE_THAN_ONE_OUTPUT_COLUMN",
                    f"Scalar subquery must return only one column, but got {len(plan.output)}.",
                    sqlstate="42823",
                    parameters={"number": str(len(plan.output))},
                )
            return replace(subquery, plan=plan, outer=outer, type=plan.output[0].type)
        if subquery.kind == "in":
            values, plan = _match_in(values, plan)
            nullable = any(map(e.nullable_of, (*values, *plan.output)))
            return replace(subquery, plan=plan, outer=outer, values=values, nullable=nullable)
        return replace(subquery, plan=plan, outer=outer, values=values, nullable=False)


def _check_window(window: e.WindowExpression) -> None:
    """Raise where a function does not stand over such a window."""
    function = window.function
    _check_bounds(window)
    if isinstance(function, e.Call) and function.distinct:
        raise AnalysisException(
            "DISTINCT_WINDOW_FUNCTION_UNSUPPORTED",
            f'Distinct window functions are not supported: "{shown(window)}".',
            sqlstate="0A000",
            parameters={"windowExpr": f'"{shown(window)}"'},
        )
    frame = _required_frame(function)
    if frame is None:
        if (window.order_by or window.frame not in (None, _ALL_ROWS)) and _is_ordered_set(function):
            raise AnalysisException(
                "INVALID_WINDOW_SPEC_FOR_AGGREGATION_FUNC",
                f'Cannot specify ORDER BY or a window frame for "{shown(function)}".',
                sqlstate="42601",
                parameters={"aggFunc": f'"{shown(function)}"'},
            )
        return
    if not window.order_by:
        raise AnalysisException(
            "WINDOW_FUNCTION_FRAME_NOT_ORDERED",
            f"The window function {shown(function)} requires the window to be ordered: add an ORDER BY clause.",
            sqlstate="42601",
            parameters={"wf": shown(function)},
        )
    if window.frame is not None and frame == "offset":
        name = function.name if isinstance(function, e.Call) else ""
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1035", f"Cannot specify window frame for {name} function."
        )
    if window.frame is not None and frame == "rows" and window.frame != _ROWS_SO_FAR:
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1036",
            "Window Frame of " + shown(function) + " must match the required frame "
            "specifiedwindowframe(RowFrame, unboundedpreceding$(), currentrow$()).",
        )


def _check_bounds(window: e.WindowExpression) -> None:
    """Raise where an interval bounds a frame on one side and another type on the other one."""
    if window.frame is None:
        return
    offsets = [window.frame.lower.offset, window.frame.upper.offset]
    kinds = [offset.type for offset in offsets if isinstance(offset, e.Literal)]
    if len(kinds) == 2 and kinds[0] != kinds[1]:
        one, other = (f'"{kind.sql()}"' for kind in kinds)
        raise AnalysisException(
            "DATATYPE_MISMATCH.SPECIFIED_WINDOW_FRAME_DIFF_TYPES",
            f"The window frame begins at a value of type {one} and ends at one of type {other}; they must agree.",
            sqlstate="42K09",
            parameters={"lowerType": one, "upperType": other},
        )


def _expanded(item: e.Alias | e.Attribute, aliases: dict[int, e.Alias]) -> e.Alias | e.Attribute:
    """Return a select item with references to earlier aliases replaced by what these stand for."""
    if not aliases or not any(isinstance(n, e.Attribute) and n.id in aliases for n in item.walk()):
        return item

    def expand(node: e.Expression) -> e.Expression:
        if not isinstance(node, e.Attribute) or node.id not in aliases:
            return node
        child = aliases[node.id].child
        if is_volatile(child):
            raise unsupported(
                "A reference to an alias of a value that is not deterministic", "Use a subquery."
            )
        return child

    if isinstance(item, e.Attribute):
        return e.Alias(expand(item), (aliases[item.id].name,), id=e.fresh_id())
    return replace(item, child=item.child.transform_up(expand))


def is_volatile(expression: e.Expression) -> bool:
    """Return whether an expression may give another value each time."""
    from lightstream.functions import registry

    for node in expression.walk():
        if isinstance(node, e.PythonUdf) and not node.deterministic:
            return True
        if isinstance(node, e.Call) and not registry.entry_of(node).deterministic:
            return True
    return False


def check_sorts(orders: Sequence[e.SortOrder]) -> None:
    """Raise DATATYPE_MISMATCH.INVALID_ORDERING_TYPE for sort keys that have no order."""
    from lightstream.functions.signatures import is_orderable

    for order in orders:
        kind = e.type_of(order)
        if any(isinstance(node, e.Call) and node.name == "(shown)" for node in order.walk()):
            raise AnalysisException(
                "UNSUPPORTED_SQL_UDF_USAGE",
                f"Using SQL function {shown(order.child)} in Sort is not supported: sort by a column that has it.",
                sqlstate="0A000",
                parameters={"functionName": f"`{shown(order.child).partition('(')[0]}`", "nodeName": "Sort"},
            )
        if not is_orderable(kind):
            direction = "ASC" if order.ascending else "DESC"
            text = f'"{shown(order.child)} {direction} NULLS {"FIRST" if order.nulls_first else "LAST"}"'
            raise AnalysisException(
                "DATATYPE_MISMATCH.INVALID_ORDERING_TYPE",
                f"Cannot resolve {text} due to data type mismatch: The `sortorder` does not support ordering on type "
                f'"{kind.sql()}".',
                sqlstate="42K09",
                parameters={"sqlExpr": text, "functionName": "`sortorder`", "dataType": f'"{kind.sql()}"'},
            )


def check_subqueries(expression: e.Expression, place: str, predicates: bool = False) -> None:
    """Raise UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY for subqueries where Spark computes none.

    Scalar ones that refer to no column of the enclosing query stand anywhere; `predicates`: IN and EXISTS may, too.
    """
    for node in expression.walk():
        if not isinstance(node, e.SubqueryExpression):
            continue
        if node.kind == "scalar" and node.outer:
            kind, what = "UNSUPPORTED_CORRELATED_SCALAR_SUBQUERY", "a correlated scalar subquery"
        elif node.kind != "scalar" and not predicates:
            kind, what = "UNSUPPORTED_IN_EXISTS_SUBQUERY", "IN or EXISTS with a subquery"
        else:
            continue
        raise AnalysisException(
            f"UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY.{kind}",
            f"There cannot be {what} in {place}. Compute it in a column first.",
            sqlstate="0A000",
        )


def check_no_maps(columns: Sequence[e.Attribute]) -> None:
    """Raise UNSUPPORTED_FEATURE.SET_OPERATION_ON_MAP_TYPE for columns whose values Spark does not compare as rows."""
    for column in columns:
        if t.holds_map(column.type):
            raise AnalysisException(
                "UNSUPPORTED_FEATURE.SET_OPERATION_ON_MAP_TYPE",
                "Cannot have MAP type columns in a set operation or among distinct rows: the type of the column "
                f'`{column.name}` is "{column.type.sql()}".',
                sqlstate="0A000",
                parameters={"colName": f"`{column.name}`", "dataType": f'"{column.type.sql()}"'},
            )


# The frame that Spark gives to ranks, and the only one that may be written for them.
_ALL_ROWS = e.WindowFrame("rows", e.FrameBoundary(None), e.FrameBoundary(None))
_ROWS_SO_FAR = e.WindowFrame("rows", e.FrameBoundary(None), e.FrameBoundary(0))


def _is_ordered_set(function: e.Expression) -> bool:
    """Return whether an aggregate has an order of its own, so that Spark gives it no other one in a window."""
    if not isinstance(function, e.Call):
        return False
    return function.name in ("median", "percentile_cont", "percentile_disc") or bool(
        function.order_by and function.name == "listagg"
    )


def _required_frame(function: e.Expression) -> str | None:
    """Return how Spark fixes a window function's frame: "rows", "offset", "" for one that only needs an order."""
    from lightstream.functions import registry

    entry = registry.lookup(function.name) if isinstance(function, e.Call) else None
    if entry is None or entry.kind != "window":
        return None
    return str(entry.extra.get("frame", ""))


def _match_in(
    values: tuple[e.Expression, ...], plan: LogicalPlan
) -> tuple[tuple[e.Expression, ...], LogicalPlan]:
    from lightstream.functions.coercion import common_type, implicit_cast
    from lightstream.plan.logical import Project

    if len(values) != len(plan.output):
        raise AnalysisException(
            "DATATYPE_MISMATCH.IN_SUBQUERY_LENGTH_MISMATCH",
            f"The number of columns in the left hand side ({len(values)}) of an IN subquery does not match the number "
            f"of columns in the output of the subquery ({len(plan.output)}).",
            sqlstate="42K09",
        )
    left: list[e.Expression] = []
    right: list[e.Alias | e.Attribute] = []
    for value, column in zip(values, plan.output, strict=True):
        target = common_type([e.type_of(value), column.type])
        cast_left = implicit_cast(value, target) if target is not None else None
        cast_right = implicit_cast(column, target) if target is not None else None
        if cast_left is None or cast_right is None:
            raise AnalysisException(
                "DATATYPE_MISMATCH.IN_SUBQUERY_DATA_TYPE_MISMATCH",
                f'The data type of the left hand side "{e.type_of(value).sql()}" of an IN subquery is not compatible '
                f'with the data type "{column.type.sql()}" of its output.',
                sqlstate="42K09",
            )
        left.append(cast_left)
        right.append(column if cast_right is column else e.Alias(cast_right, (column.name,), id=e.fresh_id()))
    if all(isinstance(item, e.Attribute) for item in right):
        return tuple(left), plan
    return tuple(left), Project(plan, tuple(right))


def is_builtin(name: str) -> bool:
    """Return whether Spark has a function of this name: it comes before a registered one."""
    from lightstream.functions import registry
    from lightstream.functions.spark_names import SPARK_NAMES

    return name.lower() in SPARK_NAMES or registry.lookup(name) is not None


def makes_rows(expression: e.Expression) -> bool:
    """Return whether an expression is the call of a generator."""
    from lightstream.functions import registry

    function = registry.lookup(expression.name) if isinstance(expression, e.Call) else None
    return function is not None and function.kind == "generator"


def trim_alias(expression: e.Expression) -> e.Expression:
    """Return what an Alias names: below the top of a select item names mean nothing."""
    while isinstance(expression, e.Alias):
        expression = expression.child
    return expression


def name_item(expression: e.Expression) -> e.Alias | e.Attribute:
    """Return a resolved item with the name that Spark gives it."""
    if isinstance(expression, e.Attribute):
        return expression
    if isinstance(expression, e.Alias):
        return replace(expression, id=expression.id or e.fresh_id())
    if isinstance(expression, e.OuterReference):
        return e.Alias(expression, (expression.name,), id=e.fresh_id())
    if (
        isinstance(expression, e.Cast)
        and not expression.implicit
        and isinstance(expression.child, e.Attribute)
    ):
        return e.Alias(expression, (expression.child.name,), id=e.fresh_id())
    return e.Alias(expression, (shown(expression),), id=e.fresh_id())
