"""Resolving expressions: names to columns, calls to catalogue entries, every node typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lightstream.analyze.calls import function_call, is_volatile, makes_rows, python_function
from lightstream.analyze.naming import name_item, shown, trim_alias
from lightstream.analyze.scope import Scope, extract_field
from lightstream.errors import AnalysisException, internal, unsupported
from lightstream.plan import expressions as e
from lightstream.plan import types as t
from lightstream.plan.type_texts import name_sql

if TYPE_CHECKING:
    from lightstream.conf import Conf
    from lightstream.execute.session import SessionState
    from lightstream.plan.logical import LogicalPlan
    from lightstream.plan.relations import Relation

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
        self.lambda_variables: list[dict[str, e.LambdaVariable]] = []
        self.subqueries: list[tuple[e.Expression, e.Expression]] = []  # given, and resolved
        self._lateral: dict[str, list[e.Alias]] = {}  # what the item to be resolved may name, in lower case
        self.lateral_used: set[int] = set()
        self._shows_aliases = False  # whether what is resolved is only to be named
        # What named aliases, as it was before these became what they stand for.
        self.lateral_items: list[e.Alias | e.Attribute] = []
        self.in_window = False  # whether the call to be resolved next is the one that OVER belongs to

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
        name = self._name_in_cast(expression)
        resolved = self.resolve(expression)
        if name is None and not makes_rows(resolved):
            name = self._name_with_aliases(expression)
        return [name_item(resolved) if name is None else e.Alias(resolved, (name,), id=e.fresh_id())]

    def _name_in_cast(self, expression: e.Expression) -> str | None:
        """Return the name of a DataFrame's item that stands in casts of it: SQL text has no names there."""
        within = expression
        while isinstance(within, e.Cast):
            within = within.child
        if within is expression or not isinstance(within, e.Alias):
            return None
        return within.names[0] if within.names else self.named(within.child)[0].name

    def _name_with_aliases(self, expression: e.Expression) -> str | None:
        """Return the name of an item inside which something has a name: Spark prints that one, too."""
        inner = (node for child in expression.children for node in child.walk())
        if not any(isinstance(n, e.Alias) or (isinstance(n, e.UnresolvedStar) and n.target) for n in inner):
            return None
        subqueries = list(self.subqueries)
        self._shows_aliases = True
        try:
            return name_item(self.resolve(expression)).name
        except AnalysisException:  # it is raised again, or only a name keeps it from being resolved
            return None
        finally:
            self._shows_aliases = False
            self.subqueries = subqueries

    def part(self, alias: e.Alias) -> e.Expression:
        """Return what has a name inside an expression: the name means nothing there, but that Spark prints it."""
        child = alias.child
        if not self._shows_aliases or not alias.names:
            return child
        text = f"{shown(child)} AS {name_sql(alias.name)}"
        if isinstance(child, e.Literal):
            return replace(child, label=text)
        return e.Attribute(text, e.type_of(child), e.nullable_of(child), e.fresh_id())

    def named_all(self, items: Sequence[e.Expression], lateral: bool = False) -> list[e.Alias | e.Attribute]:
        """Resolve a select list, whose items may name aliases before them that are no columns.

        With `lateral` they stay references (`lateral_used`), for an operator above; without, they become what the
        aliases stand for.
        """
        if not lateral:
            return self._expanded_all(items)
        found: list[e.Alias | e.Attribute] = []
        self._lateral = {}
        for expression in items:
            named = self.named(expression)
            found += named
            if self._is_variable(expression):  # and so it is in what comes after
                continue
            for item in named:
                if isinstance(item, e.Alias) and _is_named(expression, item):
                    self._lateral.setdefault(item.name.lower(), []).append(item)
        self._lateral = {}
        return found

    def _is_variable(self, expression: e.Expression) -> bool:
        return (
            bool(self.session.named_values)
            and isinstance(expression, e.UnresolvedAttribute)
            and self.scope.find(expression.parts) is None
        )

    def _expanded_all(self, items: Sequence[e.Expression]) -> list[e.Alias | e.Attribute]:
        found: list[e.Alias | e.Attribute] = []
        aliases = self.scope.aliases
        known: dict[int, e.Alias] = {}
        try:
            for expression in items:
                for named in self.named(expression):
                    item = _expanded(named, known)
                    found.append(item)
                    if item is not named:
                        self.lateral_items.append(named)
                    if (
                        isinstance(item, e.Alias)
                        and _is_named(expression, item)
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
        resolved = self.value(expression)
        found = e.type_of(resolved)
        if clause == "having" and not isinstance(found, t.BooleanType):  # QUALIFY, too
            return self.value(e.Cast(expression, t.BooleanType(), "ansi"))
        if not isinstance(found, t.BooleanType):
            parameters = {"sqlExpr": f'"{shown(resolved)}"', "filter": f'"{shown(resolved)}"'}
            if clause == "aggregate filter":
                parameters = {"filterExpr": f'"{shown(resolved)}"'}
            what, sqlstate = {
                "join": ("JOIN_CONDITION_IS_NOT_BOOLEAN_TYPE", "42K0E"),
                "aggregate filter": ("INVALID_AGGREGATE_FILTER.NOT_BOOLEAN", "42903"),
            }.get(clause, ("DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", "42K09"))
            raise AnalysisException(
                what,
                f'The {clause} condition "{shown(resolved)}" has the type "{found.sql()}"; it must be "BOOLEAN".',
                sqlstate=sqlstate,
                parameters=parameters
                if "filterExpr" in parameters
                else {**parameters, "type": f'"{found.sql()}"'},
            )
        return resolved

    def expand(self, star: e.Expression) -> Sequence[e.Attribute | e.Alias]:
        """Return the columns that `*`, `t.*`, `struct.*` or a pattern stand for."""
        from lightstream.analyze.stars import expanded

        return expanded(self, star)

    # ---- trees ------------------------------------------------------------------------------------------------

    def resolve(self, expression: e.Expression) -> e.Expression:
        """Return the expression resolved and typed. A nested field comes as an Alias with the field's name."""
        match expression:
            case e.Literal(type=t.TimestampType()):
                from lightstream.parse.literals import shown_in

                return shown_in(expression, self.conf.time_zone)
            case e.Attribute():
                return self.scope.current(expression)
            case e.Literal() | e.Call() | e.OuterReference():
                return expression
            case e.UnresolvedAttribute():
                return self._attribute(expression)
            case e.UnresolvedFunction():
                return function_call(self, expression)
            case e.UnresolvedExtractValue():
                return self._extract(expression)
            case e.Alias():
                return self.part(replace(expression, child=self.value(expression.child)))
            case e.Cast():
                return self._cast(expression)
            case e.SortOrder():
                return replace(expression, child=self.value(expression.child))
            case e.WindowExpression():
                from lightstream.analyze.windows import window_call

                return window_call(self, expression)
            case e.LambdaVariable():
                return self._lambda_variable(expression.name) or expression
            case e.SubqueryExpression():
                from lightstream.analyze.subqueries import subquery_expression

                return subquery_expression(self, expression)
            case e.PythonUdf():
                return python_function(self, expression)
            case e.GetField():
                return expression
            case e.LazyExpression():
                if self.scope.outer is None and not self.is_settled:
                    from lightstream.plan.logical import NoEnclosingQuery

                    raise NoEnclosingQuery
                return self.resolve(expression.child)
            case e.UnresolvedStar() | e.UnresolvedRegex():
                raise star_refused("expression")
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
            return function_call(self, e.UnresolvedFunction(parts[0].lower()))
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
        known = self._lateral.get(parts[0].lower(), ())
        found = [alias for alias in known if self.scope.same(alias.name, parts[0])]
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
        for frame in reversed(self.lambda_variables):
            for known, variable in frame.items():
                if self.scope.same(known, name):
                    return variable
        return None

    def _extract(self, expression: e.UnresolvedExtractValue) -> e.Expression:
        from lightstream.functions import registry

        child = self.value(expression.child)
        key = self.value(expression.extraction)
        child_type = e.type_of(child)
        if isinstance(child, e.Literal) and isinstance(child_type, t.NullType):
            return e.Alias(child, (f"{shown(child)}[{shown(key)}]",))
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
        if t.holds(cast.type, t.TimeType):
            from lightstream.functions.mismatch import no_time_type

            raise no_time_type()
        mode = cast.mode if cast.mode != "ansi" or self.conf.ansi else "legacy"
        if not can_cast(source, cast.type, mode):
            raise refused_cast(shown(replace(cast, child=child)), source, cast.type, mode)
        nullable = cast_nullable(e.nullable_of(child), source, cast.type, mode)
        return replace(cast, child=child, mode=mode, nullable=nullable)

    def orders(self, orders: Sequence[e.SortOrder]) -> tuple[e.SortOrder, ...]:
        """Resolve the sort keys of a window or of an aggregate."""
        resolved = tuple(replace(order, child=self.value(order.child)) for order in orders)
        check_sorts(resolved)
        return resolved


def _is_named(expression: e.Expression, item: e.Alias) -> bool:
    """Return whether later items may name one: a column of an enclosing query is none of the select list's."""
    return isinstance(expression, e.Alias) or not isinstance(item.child, e.OuterReference)


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


def check_sorts(orders: Sequence[e.SortOrder]) -> None:
    """Raise DATATYPE_MISMATCH.INVALID_ORDERING_TYPE for sort keys that have no order."""
    from lightstream.functions.signatures import is_orderable

    for order in orders:
        kind = e.type_of(order)
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


def star_refused(place: str) -> AnalysisException:
    """Return INVALID_USAGE_OF_STAR_OR_REGEX: a star stands where no columns are listed."""
    return AnalysisException(
        "INVALID_USAGE_OF_STAR_OR_REGEX",
        f"Invalid usage of '*' in {place if place != 'expression' else 'an expression'}.",
        sqlstate="42000",
        parameters={"elem": "'*'", "prettyName": place},
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
    """Raise UNSUPPORTED_FEATURE.SET_OPERATION_ON_... for columns whose values Spark does not compare as rows."""
    for column in columns:
        for kind, refused in (("VARIANT", t.VariantType), ("MAP", t.MapType)):
            if t.holds(column.type, refused):
                raise AnalysisException(
                    f"UNSUPPORTED_FEATURE.SET_OPERATION_ON_{kind}_TYPE",
                    f"Cannot have {kind} type columns in a set operation or among distinct rows: the type of the "
                    f'column `{column.name}` is "{column.type.sql()}".',
                    sqlstate="0A000",
                    parameters={"colName": f"`{column.name}`", "dataType": f'"{column.type.sql()}"'},
                )
