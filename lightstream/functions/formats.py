"""Numbers and values as formatted text: format_number, printf, conv."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import IllegalArgumentException, unsupported
from lightstream.functions import mismatch
from lightstream.functions.cast_numbers import BITS
from lightstream.functions.cast_text import java_text, to_text
from lightstream.functions.coercion import cast_to
from lightstream.functions.registry import Bound, SqlContext, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import error_sql, let, native_sql, text_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, nullable_of, type_of

# ---- format_number --------------------------------------------------------------------------------------------


def _bind_format_number(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) == 2 and isinstance(type_of(args[1]), t.StringType):
        raise unsupported("format_number with a pattern")
    if args and isinstance(type_of(args[0]), t.StringType):
        raise mismatch.unexpected_input(name, args, 0, '"NUMERIC"')
    return signature("numeric, int -> string?").bind(name, args, conf)


def _format_number_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    value = args[0]
    scale = call.args[1]
    if not isinstance(scale, Literal):
        raise unsupported("format_number with a number of digits that is not constant")
    if scale.value is None or scale.value < 0:
        return "CAST(NULL AS VARCHAR)"
    count = int(scale.value)
    source = type_of(call.args[0])
    if isinstance(source, t.IntegralType):
        tail = f" || '.{'0' * count}'" if count else ""
        return f"(format('{{:,}}', {value}){tail})"
    if isinstance(source, t.FloatType | t.DoubleType):
        # Half even over the exact value of the double, in DuckDB and in Java.
        text = f"format('{{:,.{count}f}}', CAST({value} AS DOUBLE))"

        def body(v: str) -> str:
            # Beyond the digits that tell a double from others Java writes zeros.
            long = f"abs({v}) >= 1e{15 - count}"
            shortest = native_sql("format_double", f"CAST(CAST({v} AS DOUBLE) AS VARCHAR)", str(count))
            return (
                f"CASE WHEN NOT isfinite({v}) THEN {_odd(v)} WHEN {long} THEN {shortest} "
                f"ELSE {text.replace(value, v)} END"
            )

        return let(value, body)
    from lightstream.functions.maths import round_decimal

    assert isinstance(source, t.DecimalType)
    kept = min(count, source.scale)
    result = t.DecimalType(38, kept)
    rounded = f"CAST({round_decimal(value, source, count, True, result)} AS VARCHAR)"
    zeros = "0" * (count - kept)

    def grouped(v: str) -> str:
        whole = f"format('{{:,}}', CAST(split_part(ltrim({v}, '-'), '.', 1) AS HUGEINT))"
        if kept == 0 and count == 0:
            tail = "''"
        elif kept == 0:
            tail = f"'.{zeros}'"
        else:
            tail = f"'.' || split_part({v}, '.', 2) || '{zeros}'"
        # The sign is the value's: what is rounded to zero keeps it.
        return f"CASE WHEN {value} < 0 THEN '-' ELSE '' END || {whole} || {tail}"

    return f"({let(rounded, grouped, 'rounded')})"


def _odd(v: str) -> str:
    return f"CASE WHEN isnan({v}) THEN 'NaN' WHEN {v} > 0 THEN '∞' WHEN {v} < 0 THEN '-∞' END"


scalar("format_number", _bind_format_number, _format_number_sql)

# ---- printf ---------------------------------------------------------------------------------------------------

_CONVERSION = re.compile(r"%(?:(\d+)\$)?([-#+ 0,(]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")


def _bind_printf(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not args:
        raise mismatch.wrong_count(name, "> 0", 0)
    pattern = cast_to(args[0], t.StringType(), conf.ansi)
    if not isinstance(pattern, Literal):
        raise unsupported(f"{name} with a format that is not constant")
    return Bound((pattern, *args[1:]), t.StringType(), nullable_of(pattern))


def _printf_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    pattern = call.args[0]
    assert isinstance(pattern, Literal)
    if pattern.value is None:
        return "CAST(NULL AS VARCHAR)"
    text, parts, at, used = str(pattern.value), [], 0, 0
    for match in _CONVERSION.finditer(text):
        if match.start() > at:
            parts.append(_plain(text[at : match.start()]))
        at = match.end()
        index, flags, width, precision, letter = match.groups()
        if letter in "%n":
            parts.append("'%'" if letter == "%" else "chr(10)")
            continue
        if index is None:
            used += 1
        position = int(index) if index else used
        if position >= len(args):
            raise IllegalArgumentException(None, f"Format specifier '{match.group()}' has no argument.")
        spec = _Conversion(match.group(), flags, int(width or 0), precision, letter)
        parts.append(spec.sql(args[position], type_of(call.args[position]), ctx))
    if at < len(text):
        parts.append(_plain(text[at:]))
    return f"({' || '.join(parts)})" if parts else "''"


def _plain(text: str) -> str:
    if "%" in text:
        raise IllegalArgumentException(None, f"Conversion = '%' in the format '{text}' cannot be read.")
    return text_sql(text)


class _Conversion:
    """One `%...` of a format: width, precision and flags as in Java's Formatter."""

    def __init__(self, text: str, flags: str, width: int, precision: str | None, letter: str) -> None:
        self.text, self.flags, self.width, self.letter = text, flags, width, letter
        self.precision = None if precision is None else int(precision)

    def sql(self, value: str, source: t.DataType, ctx: SqlContext) -> str:
        if "(" in self.flags or "#" in self.flags:
            raise self.refused()
        match self.letter, source:
            case ("d", t.IntegralType()):
                body = self._signed(
                    f"format('{{:,}}', {value})" if "," in self.flags else f"CAST({value} AS VARCHAR)"
                )
            case ("f", t.FloatType() | t.DoubleType()):
                body = self._signed(self._fixed(value))
            case ("x" | "X" | "o", t.IntegralType()) if not set(self.flags) & set("+ ,"):
                bits = BITS[type(source)]
                unsigned = f"(CAST({value} AS HUGEINT) & CAST('{2**bits - 1}' AS HUGEINT))"
                body = f"format('{{:{self.letter}}}', CAST({unsigned} AS UBIGINT))"
            case ("s" | "S", t.StringType() | t.IntegralType() | t.FractionalType() | t.BooleanType()):
                body = (
                    java_text(value)
                    if isinstance(source, t.FloatType | t.DoubleType)
                    else to_text(value, source, "ansi", ctx)
                )
                body = f"upper({body})" if self.letter == "S" else body
            case ("b", t.BooleanType()):
                body = f"CAST({value} AS VARCHAR)"
            case ("s" | "S" | "d" | "f" | "x" | "X" | "o", t.NullType()):
                body = "CAST(NULL AS VARCHAR)"
            case ("d", t.DatetimeType() | t.AnsiIntervalType()):
                raise self.refused()
            case ("d", _) | ("f", t.DecimalType() | t.IntegralType() | t.StringType()):
                # Java looks at values: a NULL is of any type.
                text = f"{self.letter} != {source.simpleString()}"
                failure = error_sql(None, text, "", "IllegalArgumentException")
                body = f"CASE WHEN {value} IS NOT NULL THEN {failure} END"
            case _:
                raise self.refused()
        if self.letter in "sS" and self.precision is not None:
            body = f"left({body}, {self.precision})"
        null = "NULL" if self.letter == "S" else "null"
        # Java cuts its word for NULL, too.
        null = null if self.precision is None else null[: self.precision]
        return self._padded(f"coalesce({body}, '{null}')", value)

    def refused(self) -> Exception:
        return unsupported(f"The conversion {self.text} of a format")

    def _fixed(self, value: str) -> str:
        count = 6 if self.precision is None else self.precision
        if count > 20:
            raise self.refused()
        exact = f"CAST(CAST(CAST({value} AS VARCHAR) AS DECIMAL(38,{count})) AS VARCHAR)"
        if "," in self.flags:
            whole = f"format('{{:,}}', CAST(trunc(CAST(split_part({exact}, '.', 1) AS DECIMAL(38,0))) AS HUGEINT))"
            tail = f" || '.' || split_part({exact}, '.', 2)" if count else ""
            sign = f"CASE WHEN starts_with({exact}, '-0') THEN '-' ELSE '' END || "
            exact = f"{sign}{whole}{tail}"
        # What rounds to zero from below keeps its sign.
        signed = f"CASE WHEN {value} < 0 AND NOT starts_with({exact}, '-') THEN '-' ELSE '' END || {exact}"
        return f"CASE WHEN isfinite({value}) THEN {signed} ELSE {java_text(value)} END"

    def _signed(self, text: str) -> str:
        mark = "+" if "+" in self.flags else " " if " " in self.flags else ""
        if not mark:
            return text
        return let(
            f"({text})",
            lambda v: f"CASE WHEN starts_with({v}, '-') THEN {v} ELSE '{mark}' || {v} END",
            "signed",
        )

    def _padded(self, text: str, value: str) -> str:
        if not self.width:
            return text
        side = "rpad" if "-" in self.flags else "lpad"

        def body(v: str) -> str:
            if "0" in self.flags and self.letter in "dfxXo":
                zeros = f"repeat('0', greatest({self.width} - length({v}), 0))"
                signed = f"regexp_replace({v}, '^([-+ ]?)', '\\1' || {zeros})"
                return f"CASE WHEN {value} IS NULL THEN lpad({v}, {self.width}, ' ') ELSE {signed} END"
            if self.letter not in "sS":
                return (
                    f"CASE WHEN length({v}) < {self.width} THEN {side}({v}, {self.width}, ' ') ELSE {v} END"
                )
            # Java counts in units of UTF-16: characters beyond the first 65,536 are two.
            pairs = f"length(regexp_replace({v}, '[^\\x{{10000}}-\\x{{10FFFF}}]', '', 'g'))"
            blanks = f"repeat(' ', greatest({self.width} - length({v}) - {pairs}, 0))"
            return f"{v} || {blanks}" if side == "rpad" else f"{blanks} || {v}"

        return let(text, body, "padded")


scalar("format_string printf", _bind_printf, _printf_sql)

# ---- conv -----------------------------------------------------------------------------------------------------

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LARGEST = 2**64 - 1
_FORMATS = {2: "{:b}", 8: "{:o}", 10: "{}", 16: "{:X}"}


def _conv_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    bases = []
    for base in call.args[1:]:
        if not isinstance(base, Literal):
            raise unsupported("conv between bases that are not constant")
        bases.append(base.value)
    source, target = bases
    if source is None or target is None or not (2 <= source <= 36) or not (2 <= abs(target) <= 36):
        return "CAST(NULL AS VARCHAR)"
    if abs(target) not in _FORMATS:
        raise unsupported("conv to a base other than 2, 8, 10 and 16")
    known = _DIGITS[:source]
    digits = f"regexp_extract(upper(trim({args[0]}, ' ')), '^-?([{known}]*)', 1)"
    value = f"CAST(strpos('{_DIGITS}', ls_d) - 1 AS HUGEINT)"
    values = f"list_transform(regexp_extract_all({digits}, '.'), lambda ls_d: {value})"
    step = f"CASE WHEN ls_n > {_LARGEST} THEN ls_n ELSE ls_n * {source} + ls_d END"
    number = f"list_reduce({values}, lambda ls_n, ls_d: {step}, CAST(0 AS HUGEINT))"
    overflow = f"CAST({_LARGEST} AS HUGEINT)"
    if ctx.ansi:
        overflow = error_sql("ARITHMETIC_OVERFLOW", "Overflow in function conv().", "22003")
    form = _FORMATS[abs(target)]

    def body(n: str) -> str:
        negative = f"starts_with(trim({args[0]}, ' '), '-')"
        if target > 0:
            # Spark: what is below the least number of 64 bits is -1.
            least = f"CASE WHEN {n} > 9223372036854775807 THEN {_LARGEST} ELSE 18446744073709551616 - {n} END"
            value = f"CASE WHEN {negative} AND {n} > 0 THEN {least} ELSE {n} END"
            return f"format('{form}', CAST({value} AS UBIGINT))"
        wrapped = f"CASE WHEN {n} > 9223372036854775807 THEN {n} - 18446744073709551616 ELSE {n} END"
        signed = f"CASE WHEN {negative} AND {n} <= 9223372036854775807 THEN -{n} ELSE {wrapped} END"
        sign = f"CASE WHEN ({signed}) < 0 THEN '-' ELSE '' END"
        return f"{sign} || format('{form}', CAST(abs({signed}) AS UBIGINT))"

    guarded = f"CASE WHEN ls_c > {_LARGEST} THEN {overflow} ELSE ls_c END"
    checked = f"list_transform([{number}], lambda ls_c: {guarded})[1]"
    return f"CASE WHEN trim({args[0]}, ' ') <> '' THEN {let(checked, body, 'number')} END"


scalar("conv", "string, int, int -> string?", _conv_sql)
