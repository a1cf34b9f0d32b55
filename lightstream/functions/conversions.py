"""Types used as functions: `int(x)` is a cast that does not show in column names."""

from __future__ import annotations

from lightstream.conf import Conf
from lightstream.functions import mismatch
from lightstream.functions.casts import can_cast, cast_nullable, refused_cast
from lightstream.functions.registry import Binder, Bound, scalar
from lightstream.plan import types as t
from lightstream.plan.expressions import Cast, Expression, nullable_of, type_of

_TYPES: dict[str, t.DataType] = {
    "boolean": t.BooleanType(),
    "tinyint": t.ByteType(),
    "smallint": t.ShortType(),
    "int": t.IntegerType(),
    "bigint": t.LongType(),
    "float": t.FloatType(),
    "double": t.DoubleType(),
    "decimal": t.DecimalType(10, 0),
    "string": t.StringType(),
    "binary": t.BinaryType(),
    "date": t.DateType(),
    "timestamp": t.TimestampType(),
}


def _cast_to(target: t.DataType) -> Binder:
    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        if len(args) != 1:
            raise mismatch.wrong_count(name, "1", len(args))
        source, mode = type_of(args[0]), "ansi" if conf.ansi else "legacy"
        if not can_cast(source, target, mode):
            raise refused_cast(f"CAST({mismatch.text_of(args[0])} AS {target.sql()})", source, target, mode)
        nullable = cast_nullable(nullable_of(args[0]), source, target, mode)
        return Bound((Cast(args[0], target, mode, True, nullable),), target, nullable)

    return bind


for _name, _target in _TYPES.items():
    scalar(_name, _cast_to(_target), "{0}", shown="{0}")
