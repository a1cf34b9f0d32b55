"""Numbers in text, as Java reads and rounds them."""

from __future__ import annotations

import re
import struct
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation, Overflow

from lightstream.sources.json.characters import is_basic
from lightstream.sources.json.record_reader import BadValue

_JAVA_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z")  # digits of any script
_WIDE = Context(
    prec=2100, rounding=ROUND_HALF_UP, Emin=-999999999, Emax=999999999, traps=[InvalidOperation, Overflow]
)


def parse_decimal(text: str) -> Decimal:
    """Return a decimal number in the syntax of Java's BigDecimal.

    Raises:
        BadValue: the text is no number.
    """
    if not (_JAVA_DECIMAL.match(text) and is_basic(text)):
        raise BadValue("no number")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise BadValue("no number") from None


def to_decimal(number: Decimal, precision: int, scale: int) -> Decimal:
    """Return a number rounded half up to a scale.

    Raises:
        BadValue: it has more digits than the precision.
    """
    if number.adjusted() > precision:
        if number == 0:
            return Decimal(0).scaleb(-scale)
        raise BadValue("too many digits")
    if number.adjusted() < -scale - 1:
        return Decimal(0).scaleb(-scale)
    rounded = number.quantize(Decimal(1).scaleb(-scale), context=_WIDE)
    if not rounded:
        return Decimal(0).scaleb(-scale)
    if len(rounded.as_tuple().digits) > precision:
        raise BadValue("too many digits")
    return rounded


def parse_float32(text: str) -> float:
    """Return the 32-bit float nearest to a decimal number, rounded once."""
    double = float(text)
    single = _to_float32(double)
    if single == double or double != double or abs(double) == float("inf"):
        return single
    # A double half-way between two floats has lost the digits that decide.
    exact, rounded = Decimal(text), Decimal(double)
    if exact == rounded:
        return single
    neighbour = _to_float32(double + (double - single)) if abs(single) != float("inf") else _below(single)
    if _distance(single, rounded) != _distance(neighbour, rounded):
        return single
    low, high = sorted((single, neighbour))
    return low if exact < rounded else high


def _to_float32(double: float) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", double))[0])
    except OverflowError:
        return float("inf") if double > 0 else float("-inf")


_LARGEST_FLOAT = float(struct.unpack("<f", b"\xff\xff\x7f\x7f")[0])
_BEYOND_FLOAT = Decimal(2**128)


def _below(infinite: float) -> float:
    return _LARGEST_FLOAT if infinite > 0 else -_LARGEST_FLOAT


def _distance(single: float, number: Decimal) -> Decimal:
    value = Decimal(single) if abs(single) != float("inf") else _BEYOND_FLOAT.copy_sign(number)
    return _WIDE.subtract(value, number).copy_abs()
