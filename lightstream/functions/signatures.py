"""Signatures: one line of text that says what a function takes and gives.

`"string, int, int=2147483647 -> string"`: parameters, `->`, result.

Parameters
    a type's DDL name (`int`, `string`, `array<int>`), a group (`any numeric integral fractional orderable atomic
    array map struct interval`), alternatives (`string|binary`), or a variable, one capital letter: all arguments of
    one variable are brought to their common type (`array<T>, T`).
    `=value` gives a default (which column names show, as in Spark), `?` makes a parameter optional, `*` and `+`
    repeat the last one.

Result
    a type, a variable, or `$0` for an argument's type. It can be NULL when an argument can; `!` after it says never,
    `?` always.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from lightstream.conf import Conf
from lightstream.dataclass import dataclass
from lightstream.functions import mismatch
from lightstream.functions.coercion import as_decimal, cast_to, common_type, implicit_type
from lightstream.functions.registry import Bound, any_nullable
from lightstream.plan import types as t
from lightstream.plan.ddl import parse_type
from lightstream.plan.expressions import Expression, LambdaFunction, Literal, type_of

_GROUPS: dict[str, tuple[type[t.DataType], ...]] = {
    "any": (t.DataType,),
    "numeric": (t.NumericType,),
    "integral": (t.IntegralType,),
    "fractional": (t.FractionalType,),
    "decimal": (t.DecimalType,),
    "atomic": (t.AtomicType,),
    "array": (t.ArrayType,),
    "map": (t.MapType,),
    "struct": (t.StructType,),
    "interval": (t.AnsiIntervalType, t.CalendarIntervalType),
    "daytime": (t.DayTimeIntervalType,),
    "yearmonth": (t.YearMonthIntervalType,),
    "anytimestamp": (t.TimestampType, t.TimestampNTZType),
}
_SHOWN_GROUPS = {
    "array": "ARRAY",
    "map": "MAP",
    "struct": "STRUCT",
    "numeric": "NUMERIC",
    "integral": "INTEGRAL",
}


@dataclass(frozen=True, slots=True)
class Spec:
    """What one parameter accepts: a group, a concrete type, a pattern with variables, or alternatives."""

    text: str
    group: str = ""
    concrete: t.DataType | None = None
    variable: str = ""
    parts: tuple[Spec, ...] = ()
    choices: tuple[Spec, ...] = ()

    def accepts(self, data_type: t.DataType) -> bool:
        """Return whether an argument of this type needs no cast."""
        if self.choices:
            return any(choice.accepts(data_type) for choice in self.choices)
        if self.variable:
            return True
        if self.group == "orderable":
            return is_orderable(data_type)
        if self.parts:
            return self.fits_nested(data_type)
        if self.group:
            return isinstance(data_type, _GROUPS[self.group])
        return data_type == self.concrete or _same_but_nullability(data_type, self.concrete)

    def fits_nested(self, data_type: t.DataType) -> bool:
        """Return whether a nested pattern (`array<T>`, `map<K,V>`) has the shape of a type."""
        if self.group == "array" and isinstance(data_type, t.ArrayType):
            return self.parts[0].accepts(data_type.elementType)
        if self.group == "map" and isinstance(data_type, t.MapType):
            return self.parts[0].accepts(data_type.keyType) and self.parts[1].accepts(data_type.valueType)
        return False

    def shown(self) -> str:
        """Return the parameter's type as error messages print it."""
        if self.choices:
            return "(" + " or ".join(choice.shown() for choice in self.choices) + ")"
        if self.concrete is not None:
            return f'"{self.concrete.sql()}"'
        return f'"{_SHOWN_GROUPS.get(self.group, self.text.upper())}"'


@dataclass(frozen=True, slots=True)
class Signature:
    """A parsed signature."""

    specs: tuple[Spec, ...]
    least: int
    defaults: tuple[tuple[int, Expression], ...]
    repeats: bool
    result: Spec | int
    nullability: str

    def bind(
        self,
        name: str,
        args: tuple[Expression, ...],
        conf: Conf,
        result: Callable[[tuple[Expression, ...]], t.DataType] | None = None,
    ) -> Bound:
        """Return the call's coerced arguments, type and nullability.

        Raises:
            AnalysisException: WRONG_NUM_ARGS.WITHOUT_SUGGESTION, DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE,
                DATATYPE_MISMATCH.DATA_DIFF_TYPES.
        """
        self.check_count(name, args)
        for position, default in self.defaults:
            if position >= len(args):
                args = (*args, default)
        specs = self._specs_for(len(args))
        coerced = [self._coerce(name, args, i, spec, conf) for i, spec in enumerate(specs)]
        variables = self._unify(name, args, coerced, specs, conf)
        bound = tuple(coerced)
        if result is not None:
            found = result(bound)
        elif isinstance(self.result, int):
            found = type_of(bound[self.result])
        else:
            found = _substitute(self.result, variables)
        nullable = {"!": False, "?": True}.get(self.nullability, any_nullable(bound))
        return Bound(bound, found, nullable)

    def check_count(self, name: str, args: Sequence[Expression]) -> None:
        """Raise WRONG_NUM_ARGS.WITHOUT_SUGGESTION when the number of arguments is wrong."""
        most = len(self.specs)
        if self.least <= len(args) and (self.repeats or len(args) <= most):
            return
        if self.repeats:
            expected = f"> {self.least - 1}"
        elif self.least == most:
            expected = str(most)
        else:
            expected = f"[{', '.join(str(n) for n in range(self.least, most + 1))}]"
        raise mismatch.wrong_count(name, expected, len(args))

    def _specs_for(self, count: int) -> list[Spec]:
        specs = list(self.specs[:count])
        while len(specs) < count:
            specs.append(self.specs[-1])
        return specs

    def _coerce(
        self, name: str, args: tuple[Expression, ...], position: int, spec: Spec, conf: Conf
    ) -> Expression:
        argument = args[position]
        if isinstance(argument, LambdaFunction):
            return argument
        source = type_of(argument)
        if spec.accepts(source):
            return argument
        target = implicit_spec_type(source, spec, conf.ansi)
        if target is None:
            raise mismatch.unexpected_input(name, args, position, spec.shown())
        return cast_to(argument, target, conf.ansi)

    def _unify(
        self,
        name: str,
        args: tuple[Expression, ...],
        coerced: list[Expression],
        specs: list[Spec],
        conf: Conf,
    ) -> dict[str, t.DataType]:
        found: dict[str, list[t.DataType]] = {}
        for argument, spec in zip(coerced, specs, strict=True):
            if not isinstance(argument, LambdaFunction):
                _collect(spec, type_of(argument), found)
        variables: dict[str, t.DataType] = {}
        for variable, types in found.items():
            common = common_type(types, conf.ansi)
            if common is None:
                raise mismatch.different_types(name, args, [type_of(a) for a in coerced])
            variables[variable] = common
        for i, spec in enumerate(specs):
            argument = coerced[i]
            if isinstance(argument, LambdaFunction) or not _has_variable(spec):
                continue
            wanted = _fill(spec, type_of(argument), variables)
            if not _same_but_nullability(type_of(argument), wanted):
                coerced[i] = cast_to(argument, wanted, conf.ansi)
        return variables


def only_strings(text: str) -> Callable[[str, tuple[Expression, ...], Conf], Bound]:
    """Return a binder for functions to which Spark casts nothing: each argument is a string, or NULL."""

    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        found = parse(text)
        found.check_count(name, args)
        for position, argument in enumerate(args):
            if not isinstance(type_of(argument), t.StringType | t.NullType):
                raise mismatch.unexpected_input(name, args, position, '"STRING"')
        return found.bind(name, args, conf)

    return bind


def is_orderable(data_type: t.DataType) -> bool:
    """Return whether values of a type can be compared by `<`."""
    if isinstance(data_type, t.ArrayType):
        return is_orderable(data_type.elementType)
    if isinstance(data_type, t.StructType):
        return all(is_orderable(f.dataType) for f in data_type)
    return not isinstance(data_type, t.MapType | t.CalendarIntervalType | t.VariantType)


def implicit_spec_type(source: t.DataType, spec: Spec, ansi: bool) -> t.DataType | None:
    """Return the type that an argument is cast to for a parameter, or None when it does not fit."""
    if spec.choices:
        if isinstance(source, t.StringType) and any(choice.group == "integral" for choice in spec.choices):
            return None
        options = [implicit_spec_type(source, choice, ansi) for choice in spec.choices]
        found = [option for option in options if option is not None]
        if isinstance(source, t.NullType):
            return found[0] if found else None
        for option in found:
            if all(implicit_type(option, other, ansi) is not None for other in found):
                return option
        return None
    if spec.concrete is not None:
        return implicit_type(source, spec.concrete, ansi)
    null, string = isinstance(source, t.NullType), isinstance(source, t.StringType)
    match spec.group:
        case "numeric" | "fractional":
            return t.DoubleType() if null or string else None
        case "integral":
            return t.IntegerType() if null else None
        case "decimal":
            if isinstance(source, t.IntegralType):
                return as_decimal(source)
            return t.DecimalType(38, 18) if null or string else None
        case "anytimestamp":
            return t.TimestampType() if null or string or isinstance(source, t.DateType) else None
        case "orderable" | "any" | "atomic":
            return None
    if null and spec.group == "array":
        return t.ArrayType(_fill(spec.parts[0], source, {}) if spec.parts else source, True)
    if null and spec.group == "map":
        return t.MapType(source, source, False)
    if spec.group == "array" and spec.parts and isinstance(source, t.ArrayType):
        inner = implicit_spec_type(source.elementType, spec.parts[0], ansi)
        return None if inner is None else t.ArrayType(inner, source.containsNull)
    return None


def _same_but_nullability(one: t.DataType, other: t.DataType | None) -> bool:
    return other is not None and t.as_nullable(one) == t.as_nullable(other)


def _has_variable(spec: Spec) -> bool:
    return bool(spec.variable) or any(map(_has_variable, spec.parts))


def _collect(spec: Spec, data_type: t.DataType, found: dict[str, list[t.DataType]]) -> None:
    if spec.variable:
        found.setdefault(spec.variable, []).append(data_type)
    elif spec.parts and isinstance(data_type, t.ArrayType):
        _collect(spec.parts[0], data_type.elementType, found)
    elif spec.parts and isinstance(data_type, t.MapType):
        _collect(spec.parts[0], data_type.keyType, found)
        _collect(spec.parts[1], data_type.valueType, found)


def _fill(spec: Spec, data_type: t.DataType, variables: dict[str, t.DataType]) -> t.DataType:
    """Return `data_type` with the parts that variables stand for replaced."""
    if spec.variable:
        return variables.get(spec.variable, data_type)
    if spec.parts and isinstance(data_type, t.ArrayType):
        return t.ArrayType(_fill(spec.parts[0], data_type.elementType, variables), data_type.containsNull)
    if spec.parts and isinstance(data_type, t.MapType):
        return t.MapType(
            _fill(spec.parts[0], data_type.keyType, variables),
            _fill(spec.parts[1], data_type.valueType, variables),
            data_type.valueContainsNull,
        )
    return data_type


def _substitute(spec: Spec, variables: dict[str, t.DataType]) -> t.DataType:
    if spec.concrete is not None:
        return spec.concrete
    if spec.variable:
        return variables[spec.variable]
    if not spec.parts:
        return t.NullType()  # a bare group: the binder that asked replaces it
    inner = [_substitute(part, variables) for part in spec.parts]
    return t.ArrayType(inner[0]) if spec.group == "array" else t.MapType(inner[0], inner[1])


# ---- reading the text -----------------------------------------------------------------------------------------


@functools.cache
def parse(text: str) -> Signature:
    """Return the signature that a line of text says."""
    left, _, right = text.rpartition("->")
    specs: list[Spec] = []
    defaults: list[tuple[int, Expression]] = []
    least, repeats = 0, False
    for i, item in enumerate(_split(left)):
        word, _, default = item.partition("=")
        if default:
            spec = _spec(word)
            defaults.append((i, _default(default, spec)))
        elif word[-1] in "?*+":
            spec, repeats = _spec(word[:-1]), word[-1] in "*+"
            least = i + 1 if word[-1] == "+" else least
        else:
            spec, least = _spec(word), i + 1
        specs.append(spec)
    result = right.strip()
    nullability = result[-1] if result and result[-1] in "!?" else ""
    result = result.rstrip("!?")
    given: Spec | int = int(result[1:]) if result.startswith("$") else _spec(result or "any")
    return Signature(tuple(specs), least, tuple(defaults), repeats, given, nullability)


def _split(text: str) -> list[str]:
    items, depth, start = [], 0, 0
    for i, char in enumerate(text):
        depth += (char in "<(") - (char in ">)")
        quoted = text.count("'", 0, i) % 2
        if char == "," and depth == 0 and not quoted:
            items.append(text[start:i].strip())
            start = i + 1
    items.append(text[start:].strip())
    return [item for item in items if item]


def _spec(text: str) -> Spec:
    text = text.strip()
    if "|" in text:
        return Spec(text, choices=tuple(_spec(choice) for choice in text.split("|")))
    if re.fullmatch(r"[A-Z]", text):
        return Spec(text, variable=text)
    if text in _GROUPS or text == "orderable":
        return Spec(text, group=text)
    nested = re.fullmatch(r"(array|map)<(.*)>", text)
    if nested:
        parts = tuple(_spec(part) for part in _split(nested.group(2)))
        if all(part.concrete is not None for part in parts):
            return Spec(text, concrete=parse_type(text))
        return Spec(text, group=nested.group(1), parts=parts)
    return Spec(text, concrete=parse_type(text))


def _default(text: str, spec: Spec) -> Literal:
    data_type = spec.concrete or t.NullType()
    if text == "null":
        return Literal(None, t.NullType())
    value: Any
    match data_type:
        case t.StringType():
            value = text.strip("'")
        case t.BooleanType():
            value = text == "true"
        case t.DoubleType():
            value = float(text)
        case t.NullType():
            value, data_type = int(text), t.IntegerType()
        case _:
            value = int(text)
    return Literal(value, data_type)


def with_result(
    text: str, result: Callable[[tuple[Expression, ...]], t.DataType], *, nullable: bool | None = None
) -> Callable[[str, tuple[Expression, ...], Conf], Bound]:
    """Return a binder: arguments by signature text (without a result), the result type by a function of them."""

    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        bound = parse(text + " -> ").bind(name, args, conf, result)
        return bound if nullable is None else replace(bound, nullable=nullable)

    return bind
