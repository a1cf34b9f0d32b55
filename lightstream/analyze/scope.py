"""Looking up names among the columns of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from lightstream.errors import AnalysisException, unsupported
from lightstream.plan import expressions as e
from lightstream.plan import types as t
from lightstream.plan.logical import Join, LogicalPlan, Rename, RowByRow, SetOperation


class Scope:
    """The columns that an expression may name, and the enclosing query's for a correlated subquery."""

    def __init__(
        self,
        attributes: Sequence[e.Attribute],
        case_sensitive: bool,
        hidden: Sequence[e.Attribute] = (),
        outer: Scope | None = None,
        plans: Sequence[LogicalPlan] = (),
    ) -> None:
        self.attributes = attributes
        self.plans = plans  # whose columns these are
        self.hidden = hidden
        self.outer = outer
        self.case_sensitive = case_sensitive
        self._names: tuple[dict[str, list[e.Attribute]], dict[str, list[e.Attribute]]] | None = None
        self._nullable: dict[int, bool] | None = None
        self._beside_union: set[int] = set()
        self.used_outer: dict[int, e.Attribute] = {}
        self.aliases: list[e.Alias] = []  # of the select list so far: what comes after may refer to them

    def same(self, left: str, right: str) -> bool:
        """Return whether two names are the same under the session's rule."""
        return left == right or (not self.case_sensitive and left.lower() == right.lower())

    def find(self, parts: tuple[str, ...]) -> e.Expression | None:
        """Return the column, or field of a column, that `parts` name; None when there is none here.

        Raises:
            AnalysisException: AMBIGUOUS_REFERENCE, FIELD_NOT_FOUND.
        """
        if self._names is None:
            # Keys of USING are named with their table only.
            self._names = (_by_name(self.attributes), _by_name(filter(_is_metadata, self.hidden)))
        visible, hidden = self._names
        return self._match(parts, self.attributes, visible) or self._match(parts, self.hidden, hidden)

    def is_ambiguous(self, parts: tuple[str, ...]) -> bool:
        """Return whether several columns have a name."""
        try:
            self.find(parts)
        except AnalysisException as error:
            return error.getCondition() == "AMBIGUOUS_REFERENCE"
        return False

    def current(self, column: e.Attribute) -> e.Attribute:
        """Return a DataFrame's column as it is here: a join may have made it nullable since.

        Raises:
            UnsupportedOperationException: it may be the column of a union, or that of its first table beside it.
        """
        if self._nullable is None:
            self._nullable = {a.id: a.nullable for a in (*self.attributes, *self.hidden)}
            self._beside_union = {i for plan in self.plans for i in _beside_union(plan)}
        if column.id in self._beside_union:
            raise unsupported(
                f"The column {column.name} of a DataFrame that is joined with a union of which it is the first part",
                "Give the two names with alias(), or rename the column of one.",
            )
        nullable = self._nullable.get(column.id, column.nullable)
        return column if nullable == column.nullable else replace(column, nullable=nullable)

    def of_table(self, name: tuple[str, ...]) -> list[e.Attribute]:
        """Return the columns of a table by its alias, or the end of its full name; hidden keys come first."""
        keys = [a for a in self.hidden if not _is_metadata(a)]
        return [
            a
            for a in (*keys, *self.attributes)
            if name and len(a.qualifier) >= len(name) and all(map(self.same, a.qualifier[-len(name) :], name))
        ]

    def _match(
        self, parts: tuple[str, ...], attributes: Iterable[e.Attribute], by_name: dict[str, list[e.Attribute]]
    ) -> e.Expression | None:
        found: dict[int, tuple[e.Attribute, tuple[str, ...]]] = {}
        for attribute in attributes if len(parts) > 1 else ():
            rest = self._rest_after(parts, attribute)
            if rest is not None:
                found.setdefault(attribute.id, (attribute, rest))
        if not found:
            for attribute in by_name.get(parts[0].lower(), ()):
                if self.same(parts[0], attribute.name):
                    found.setdefault(attribute.id, (attribute, parts[1:]))
        if not found:
            return None
        if len(found) > 1:
            raise ambiguous(parts, [attribute for attribute, _ in found.values()])
        attribute, rest = next(iter(found.values()))
        # Spark: the column takes the spelling of the reference.
        base = replace(attribute, name=parts[len(parts) - len(rest) - 1])
        if not rest:
            return base
        value: e.Expression = base
        for name in rest:
            value = extract_field(value, name, self.same)
        return e.Alias(value, (rest[-1],))

    def _alias(self, parts: tuple[str, ...]) -> e.Expression | None:
        """Return an earlier item of the select list by its alias, as a column that the resolver replaces."""
        found = [alias for alias in self.aliases if self.same(alias.name, parts[0])]
        if len(found) > 1:
            raise AnalysisException(
                "AMBIGUOUS_LATERAL_COLUMN_ALIAS",
                f"Lateral column alias `{parts[0]}` is ambiguous and has {len(found)} matches.",
                sqlstate="42702",
                parameters={"name": f"`{parts[0]}`", "n": str(len(found))},
            )
        if not found:
            return None
        value: e.Expression = replace(found[0].to_attribute(), name=f"lateralAliasReference({parts[0]})")
        for name in parts[1:]:
            value = extract_field(value, name, self.same)
        return value

    def _rest_after(self, parts: tuple[str, ...], attribute: e.Attribute) -> tuple[str, ...] | None:
        qualifier = attribute.qualifier
        for length in range(1, min(len(qualifier), len(parts) - 1) + 1):
            prefix = qualifier[len(qualifier) - length :]
            if all(map(self.same, prefix, parts)) and self.same(parts[length], attribute.name):
                return parts[length + 1 :]
        return None

    def resolve(self, parts: tuple[str, ...]) -> e.Expression:
        """Return the column that `parts` name, from the enclosing queries if need be.

        Raises:
            AnalysisException: UNRESOLVED_COLUMN, with suggestions where there are columns.
        """
        found = self.find(parts) or self._alias(parts)
        if found is not None:
            return found
        scope, passed = self.outer, [self]
        while scope is not None:
            found = scope.find(parts)
            if found is not None:
                return found.transform_up(lambda node: outer_reference(node, passed))
            passed.append(scope)
            scope = scope.outer
        raise unresolved_column(parts, self.attributes)


class Layers(Scope):
    """The columns of a query, and below them those of what it selects from.

    Spark: where two columns of a layer have a name, a sort key by that name is looked for in the next one.
    """

    def __init__(self, layers: Sequence[Scope]) -> None:
        top = layers[0]
        super().__init__(top.attributes, top.case_sensitive, top.hidden, plans=top.plans)
        self.layers = layers

    def find(self, parts: tuple[str, ...]) -> e.Expression | None:
        """Return what `parts` name in the first layer that has it once."""
        for layer in self.layers:
            try:
                found = layer.find(parts)
            except AnalysisException as error:
                if error.getCondition() != "AMBIGUOUS_REFERENCE":
                    raise
                continue
            if found is not None:
                return found
        return None


def _beside_union(plan: LogicalPlan) -> set[int]:
    """Return the columns that the sides of a join have in common because a union on one side has passed them on."""
    while isinstance(plan, RowByRow):
        plan = plan.child
    if not isinstance(plan, Join):
        return set()
    below = _beside_union(plan.left) | _beside_union(plan.right)
    if not isinstance(plan.right, Rename):
        return below
    pairs = zip(plan.right.child.output, plan.right.columns, strict=True)
    moved = {old.id for old, new in pairs if old.id != new.id}
    unions = (node for node in plan.walk() if isinstance(node, SetOperation))
    return below | moved & {column.id for union in unions for column in union.columns}


def _is_metadata(hidden: e.Attribute) -> bool:
    return hidden.name.strip("()") == "_metadata"


def _by_name(attributes: Iterable[e.Attribute]) -> dict[str, list[e.Attribute]]:
    found: dict[str, list[e.Attribute]] = {}
    for attribute in attributes:
        found.setdefault(attribute.name.lower(), []).append(attribute)
    return found


def outer_reference(node: e.Expression, scopes: Sequence[Scope]) -> e.Expression:
    """Return a column of an enclosing query as the queries between, which take note of it, refer to it."""
    if not isinstance(node, e.Attribute):
        return node
    if any(node.id == attribute.id for scope in scopes[1:] for attribute in scope.attributes):
        raise unsupported(
            f"The column {node.name} of a DataFrame that stands in three queries, one in another"
        )
    for scope in scopes:
        scope.used_outer[node.id] = node
    return e.OuterReference(node.name, node.type, node.nullable, node.id, node.qualifier)


def scope_of(plans: Iterable[LogicalPlan], case_sensitive: bool, outer: Scope | None = None) -> Scope:
    """Return the scope over the outputs of one or more plans, their hidden columns included."""
    plans = tuple(plans)
    attributes = [attribute for plan in plans for attribute in plan.output]
    hidden = [attribute for plan in plans for attribute in plan.hidden]
    return Scope(attributes, case_sensitive, hidden, outer, plans)


def extract_field(child: e.Expression, name: str, same: object) -> e.Expression:
    """Return the struct field (or the array of fields, or the map value) `child.name`."""
    is_same = same if callable(same) else str.__eq__
    child_type = e.type_of(child)
    if isinstance(child_type, t.StructType):
        ordinal, field = _field(child_type, name, is_same)
        return e.GetField(child, field.name, ordinal, field.dataType, e.nullable_of(child) or field.nullable)
    if isinstance(child_type, t.ArrayType) and isinstance(child_type.elementType, t.StructType):
        ordinal, field = _field(child_type.elementType, name, is_same)
        array = t.ArrayType(field.dataType, child_type.containsNull or field.nullable)
        return e.GetField(child, field.name, ordinal, array, e.nullable_of(child))
    if isinstance(child_type, t.MapType):
        from lightstream.conf import Conf
        from lightstream.functions import registry

        return registry.bind_call("[]", (child, e.Literal(name, t.StringType())), Conf())
    raise AnalysisException(
        "INVALID_EXTRACT_BASE_FIELD_TYPE",
        f"Can't extract a value from a column of type {child_type.sql()}: the field `{name}` needs a struct, "
        "an array of structs or a map.",
        sqlstate="42000",
        parameters={"base": f'"{getattr(child, "name", "")}"', "other": f'"{child_type.sql()}"'},
    )


def _field(struct: t.StructType, name: str, same: object) -> tuple[int, t.StructField]:
    is_same = same if callable(same) else str.__eq__
    matches = [(i, field) for i, field in enumerate(struct.fields) if is_same(field.name, name)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise AnalysisException(
            "AMBIGUOUS_REFERENCE_TO_FIELDS",
            f"Ambiguous reference to the field `{name}`. It appears {len(matches)} times in the schema.",
            sqlstate="42000",
            parameters={"field": f"`{name}`", "count": str(len(matches))},
        )
    names = ", ".join(f"`{field.name}`" for field in struct.fields)
    raise AnalysisException(
        "FIELD_NOT_FOUND",
        f"No such struct field `{name}` in {names}.",
        sqlstate="42704",
        parameters={"fieldName": f"`{name}`", "fields": names},
    )


def ambiguous(parts: tuple[str, ...], candidates: Sequence[e.Attribute]) -> AnalysisException:
    """Return Spark's error for a name that several columns have."""
    names = ", ".join(
        sorted(".".join(f"`{part}`" for part in (*item.qualifier, item.name)) for item in candidates)
    )
    text = ".".join(f"`{part}`" for part in parts)
    return AnalysisException(
        "AMBIGUOUS_REFERENCE",
        f"Reference {text} is ambiguous, could be: [{names}].",
        sqlstate="42704",
        parameters={"name": text, "referenceNames": f"[{names}]"},
    )


def unresolved_column(parts: tuple[str, ...], attributes: Sequence[e.Attribute]) -> AnalysisException:
    """Return Spark's error for a name that no column has, with the nearest names as suggestions."""
    text = ".".join(f"`{part}`" for part in parts)
    if not attributes:
        return AnalysisException(
            "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION",
            f"A column, variable, or function parameter with name {text} cannot be resolved.",
            sqlstate="42703",
            parameters={"objectName": text},
        )
    wanted = ".".join(parts).lower()
    names = [(*item.qualifier, item.name) for item in attributes]
    # What all have before the table, or before the column, is not said.
    said = next((n for n in (1, 2) if len(parts) <= n and len({name[:-n] for name in names}) == 1), 4)
    candidates = dict.fromkeys(".".join(name[-said:]) for name in names)
    nearest = sorted(candidates, key=lambda name: _distance(name.lower(), wanted))[:5]
    proposal = ", ".join(".".join(f"`{part}`" for part in name.split(".")) for name in nearest)
    return AnalysisException(
        "UNRESOLVED_COLUMN.WITH_SUGGESTION",
        f"A column, variable, or function parameter with name {text} cannot be resolved. "
        f"Did you mean one of the following? [{proposal}].",
        sqlstate="42703",
        parameters={"objectName": text, "proposal": proposal},
    )


def _distance(left: str, right: str) -> int:
    """Return the Levenshtein distance."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]
