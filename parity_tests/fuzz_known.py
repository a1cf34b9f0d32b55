"""What the fuzzer finds and is known to differ (docs/parity.md): by the cut-down query and both answers."""

from __future__ import annotations

import re
import struct

from lightstream.parity.answers import Answer

# The last microsecond of 64 bits is DuckDB's word for "never".
_NEVER = "294247-01-10 04:00:54.77580|microseconds out of range|9223372036854775807"
_WIDE = re.compile(r"Overflow in (subtraction|addition|SUM) of (INT128|DECIMAL)|\] \d{30,} [+*] \d+\. Use")
_HASHED = re.compile(r"\b(hash|xxhash64|crc32|md5|sha|sha1|sha2)\(")
# What Java computes by its own rules, and DuckDB by those of the C library: the last digits differ.
INEXACT = re.compile(
    r"\b(a?(sin|cos|tan)h?|atan2|exp|expm1|ln|log\d*p?|pow|power|cbrt|e|hypot|degrees|radians|sec|csc|cot|acosh|asinh)\("
)
_OVERFLOWS = ("ARITHMETIC_OVERFLOW", "NUMERIC_VALUE_OUT_OF_RANGE", "CAST_OVERFLOW")


def _numbers(rows: tuple[tuple[object, ...], ...]) -> list[float] | None:
    """Return the numbers, as floats of 32 bits, that texts are; None where something else stands in the rows."""
    try:
        values = [float(str(value)) for row in rows for value in row if value is not None]
        return [struct.unpack("f", struct.pack("f", value))[0] for value in values]
    except (ValueError, OverflowError):
        return None


def known_difference(query: str, spark: Answer, ours: Answer) -> str | None:
    """Return why a cut-down query answers otherwise than in Spark, if that is known."""
    both = str(spark.rows) + str(ours.rows) + ours.text
    conditions = [(answer.error or ("", None))[1] or "" for answer in (spark, ours)]
    if re.search(_NEVER, both) and "timestamp" in query:
        return "the last microsecond of 64 bits"
    if "from_unixtime(9223372036854775807" in query or (
        "from_unixtime(" in query and not spark.error and ours.error
    ):
        return "Spark's multiplication of seconds overflows silently"
    indexed = "[" in query or "element_at(" in query
    without = [[(name, kind) for name, kind, _ in answer.columns] for answer in (spark, ours)]
    given = not spark.error and not ours.error
    # Spark shows whatever is left of an earlier element, where the answer is NULL.
    left = [row for row in ours.rows if None not in row]
    if indexed and given and without[0] == without[1] and all(row in spark.rows for row in left):
        return "an element at an index that can be NULL is not nullable"
    taken = r"(\[[^][]*\]|element_at\([^()]*\))"
    if given and re.search(rf"\bisn(ot)?null\([^()]*{taken}|{taken}\)* is (not )?null\b", query):
        return "an element at an index that can be NULL is not nullable"
    names = [name for name, _, _ in spark.columns]
    if given and spark.rows == ours.rows and any(re.search(r"NULL AS `NULL\[|^NULL\[", n) for n in names):
        return "the name of what is taken from NULL"
    if conditions[0] in ("UNSUPPORTED_FEATURE.LITERAL_TYPE", "INTERNAL_ERROR") or "!Window" in spark.text:
        return "an internal error of Spark's"
    if conditions[0] == "PARSE_SYNTAX_ERROR" and ">>" in query:
        return "Spark's lexer takes >> for the end of two types once the word array or map was there"
    if (
        "sum(" in query
        and (spark.rows == ((None,),) or conditions[0] == "ARITHMETIC_OVERFLOW")
        and not ours.error
    ):
        return "a sum whose parts overflow in the order of the rows, and which itself does not"
    if given and "array_sort(" in query and sorted(str(spark.rows)) == sorted(str(ours.rows)):
        return "array_sort by a function that is no order"
    if given and _numbers(spark.rows) is not None and _numbers(spark.rows) == _numbers(ours.rows):
        return "doubles are printed with the fewest digits"
    if given and _HASHED.search(query) and INEXACT.search(query):
        return "the hash of a double whose last digit hangs on the library of mathematics"
    if _WIDE.search(ours.text):
        return "a decimal that needs more than 38 digits on the way is an error"
    if all(condition.startswith(_OVERFLOWS) for condition in conditions):
        return "which condition an overflow has"
    return None
