"""to_char and to_number."""

from __future__ import annotations

import decimal
from decimal import Decimal

from lightstream.execute.natives.failure import failing
from lightstream.functions.number_patterns import no_such_number, number_pattern


@failing
def to_char(value: str, pattern: str) -> str:
    """Return a number, given as text, by a pattern."""
    return number_pattern(pattern).write(Decimal(value))


@failing
def to_number(text: str, pattern: str, fails: bool) -> str | None:
    """Return the number that a text writes by a pattern, as text; fail or None where it writes none."""
    value = number_pattern(pattern).read(text)
    if value is None and fails:
        raise no_such_number(text, pattern)
    return None if value is None else f"{value:f}"


def decimal_operation(operator: str, left: str, right: str, scale: int) -> str:
    """Return a product, quotient or remainder of decimals, computed exactly and rounded half up to a scale."""
    with decimal.localcontext(prec=200, rounding=decimal.ROUND_HALF_UP):
        one, other = Decimal(left), Decimal(right)
        match operator:
            case "*":
                found = one * other
            case "/":
                found = one / other
            case "%":
                found = one % other
            case _:
                return str((int(one // other) + 2**63) % 2**64 - 2**63)
        return f"{found.quantize(Decimal(1).scaleb(-scale)):f}"


def round_text(value: str, digits: int, even: bool) -> str:
    """Return the text of a double rounded to digits behind the point, half up or half even."""
    number = Decimal(value)
    if number == 0:
        return "0"  # without a sign
    if not number.is_finite() or -int(number.as_tuple().exponent) <= digits:
        return value
    rounding = decimal.ROUND_HALF_EVEN if even else decimal.ROUND_HALF_UP
    rounded = number.quantize(Decimal(1).scaleb(-digits), rounding, decimal.Context(prec=400))
    return "0" if rounded == 0 else f"{rounded:E}"


def decimal_negative(value: str) -> str:
    """Return a decimal with the other sign, in the 34 digits that Spark's minus has."""
    with decimal.localcontext(prec=34, rounding=decimal.ROUND_HALF_EVEN):
        return f"{-Decimal(value):f}"


def format_double(text: str, count: int) -> str:
    """Return a double, given by its shortest text, with so many digits after the point and its thousands apart."""
    with decimal.localcontext() as context:
        context.prec = 1200
        value = decimal.Decimal(text)
        if count < -int(value.as_tuple().exponent):
            value = decimal.Decimal(float(text))
        return f"{value.quantize(decimal.Decimal(1).scaleb(-count), decimal.ROUND_HALF_EVEN):,f}"
