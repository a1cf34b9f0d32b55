"""Structs with fields added, replaced or dropped: what `Column.withField` and `dropFields` call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lightstream.errors import AnalysisException
from lightstream.functions import mismatch
from lightstream.functions.registry import Bound, SqlContext, scalar
from lightstream.functions.spelling import let, quote
from lightstream.plan import types as t
from lightstream.plan.expressions import Alias, Call, Expression, GetField, Literal, nullable_of, type_of

Same = Callable[[str, str], bool]
_TEXT = t.StringType()


def update(struct: Expression, path: Sequence[str], value: Expression | None, same: Same) -> Expression:
    """Return the struct with the field of a path set to a value, or dropped where the value is None.

    Raises:
        AnalysisException: FIELD_NOT_FOUND, DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE, ...CANNOT_DROP_ALL_FIELDS.
    """
    kind = type_of(struct)
    if not isinstance(kind, t.StructType):
        raise mismatch.unexpected_input("update_fields", (struct,), 0, '"STRUCT"')
    name, rest = path[0], path[1:]
    matches = [field for field in kind if same(field.name, name)]
    if rest:
        if not matches:
            if value is None:
                return struct  # Spark: there is nothing to drop
            names = ", ".join(f"`{field.name}`" for field in kind)
            raise AnalysisException(
                "FIELD_NOT_FOUND",
                f"No such struct field `{name}` in {names}.",
                sqlstate="42704",
                parameters={"fieldName": f"`{name}`", "fields": names},
            )
        if len(matches) > 1:
            raise AnalysisException(
                "AMBIGUOUS_REFERENCE_TO_FIELDS",
                f"Ambiguous reference to the field `{name}`. It appears {len(matches)} times in the schema.",
                sqlstate="42000",
                parameters={"field": f"`{name}`", "count": str(len(matches))},
            )
        field = matches[0]
        inner = GetField(
            struct,
            field.name,
            kind.fields.index(field),
            field.dataType,
            nullable_of(struct) or field.nullable,
        )
        value = update(inner, rest, value, same)
    elif value is None and not matches:
        return struct
    before = struct.args if isinstance(struct, Call) and struct.name == "update_fields" else (struct,)
    step = (Literal(name, _TEXT), Literal(value is None, t.BooleanType()), value or Literal(None, _TEXT))
    args = (*before, *step)
    found = _updated(args, same)
    if not found.fields:
        raise mismatch.data_mismatch(
            "CANNOT_DROP_ALL_FIELDS", "update_fields", (struct,), "Cannot drop all fields in struct."
        )
    return Call("update_fields", args, found, nullable_of(args[0]), shown="update_fields")


def _steps(args: Sequence[Expression]) -> Iterator[tuple[str, bool, int]]:
    """Yield name, whether it is dropped, and the position of the value, for each step."""
    for at in range(1, len(args), 3):
        name, drops = args[at], args[at + 1]
        assert isinstance(name, Literal)
        assert isinstance(drops, Literal)
        yield str(name.value), bool(drops.value), at + 2


def _updated(args: Sequence[Expression], same: Same) -> t.StructType:
    kind = type_of(args[0])
    assert isinstance(kind, t.StructType)
    fields = list(kind.fields)
    for name, drops, at in _steps(args):
        if drops:
            fields = [field for field in fields if not same(field.name, name)]
            continue
        # Spark: a field that is replaced keeps its place, and takes the new spelling.
        new = t.StructField(name, type_of(args[at]), nullable_of(args[at]))
        if any(same(field.name, name) for field in fields):
            fields = [new if same(field.name, name) else field for field in fields]
        else:
            fields.append(new)
    return t.StructType(fields)


def _sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    kind = type_of(call.args[0])
    assert isinstance(kind, t.StructType)
    new = call.type
    assert isinstance(new, t.StructType)

    def packed(struct: str) -> str:
        # By lower case: which spellings are the same was settled when the type was.
        values = {f.name.lower(): f"struct_extract_at({struct}, {i})" for i, f in enumerate(kind, 1)}
        for name, drops, at in _steps(call.args):
            if not drops:
                values[name.lower()] = args[at]
        fields = ", ".join(f"{quote(f.name)} := {values[f.name.lower()]}" for f in new.fields)
        return f"CASE WHEN {struct} IS NOT NULL THEN struct_pack({fields}) END"

    return let(args[0], packed, f"fields{len(call.args)}")


def _shown(call: Call, args: Sequence[str]) -> str:
    steps = ("dropfield()" if drops else f"WithField({args[at]})" for _, drops, at in _steps(call.args))
    return f"update_fields({', '.join((args[0], *steps))})"


def _bind(name: str, args: tuple[Expression, ...], conf: object) -> Bound:
    del name, conf
    args = tuple(a.child if isinstance(a, Alias) else a for a in args)
    return Bound(args, _updated(args, lambda a, b: a.lower() == b.lower()), nullable_of(args[0]))


scalar("update_fields", _bind, _sql, shown=_shown)
