"""Java's datetime patterns: writing a timestamp by one, reading text by one.

Both are translated only where DuckDB gives exactly what Java gives; the rest is refused by the letter's name.
"""

from __future__ import annotations

import re

from lightstream.dataclass import dataclass
from lightstream.errors import (
    IllegalArgumentException,
    SparkRuntimeException,
    SparkUpgradeException,
    unsupported,
)
from lightstream.functions.cast_times import is_utc
from lightstream.functions.registry import SqlContext
from lightstream.functions.spelling import error_sql, text_sql


@dataclass(frozen=True, slots=True)
class Part:
    """A run of one letter, or literal text (then `letter` is empty)."""

    letter: str
    count: int
    text: str = ""


# How often a letter may stand in a row.
_MOST = {
    "y": 6, "M": 4, "L": 4, "d": 2, "D": 3, "E": 4, "H": 2, "h": 2, "k": 2, "K": 2, "m": 2, "s": 2, "S": 9, "a": 1,
    "Q": 4, "q": 4, "X": 3, "x": 3, "Z": 5, "V": 2, "G": 4, "F": 1, "z": 4, "O": 4,
}  # fmt: skip


def split(pattern: str) -> list[Part]:
    """Return the parts of a pattern; optional sections show as parts with the letters `[` and `]`.

    Raises:
        PySparkException: the conditions by which Spark refuses a pattern.
        UnsupportedOperationException: a letter that Spark has and that is not translated.
    """
    parts: list[Part] = []
    position = depth = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "'":
            position = _quoted(pattern, position, parts)
        elif char.isascii() and char.isalpha():
            end = position
            while end < len(pattern) and pattern[end] == char:
                end += 1
            _check_letter(pattern, char, end - position)
            parts.append(Part(char, end - position))
            position = end
        else:
            depth += (char == "[") - (char == "]")
            if char in "{}#" or depth < 0:
                raise _unrecognized(pattern)
            parts.append(Part(char, 1) if char in "[]" else Part("", 0, char))
            position += 1
    return parts


def _quoted(pattern: str, position: int, parts: list[Part]) -> int:
    if pattern.startswith("''", position):
        parts.append(Part("", 0, "'"))
        return position + 2
    text, at = "", position + 1
    while True:
        end = pattern.find("'", at)
        if end < 0:
            raise _malformed(pattern)
        text += pattern[at:end]
        if not pattern.startswith("''", end):
            parts.append(Part("", 0, text))
            return end + 1
        text, at = text + "'", end + 2


def _check_letter(pattern: str, letter: str, count: int) -> None:
    if letter in "ABnNp":
        raise IllegalArgumentException(
            "INVALID_DATETIME_PATTERN.ILLEGAL_CHARACTER",
            f"Unrecognized datetime pattern: {pattern}. The letter {letter} is not allowed.",
            sqlstate="22007",
            parameters={"c": letter, "pattern": pattern},
        )
    if letter in "ec":
        raise IllegalArgumentException(
            "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_WEEK_BASED_PATTERN",
            f"The pattern letter {letter} counts weeks, which patterns do not since Spark 3.0. Use extract().",
            sqlstate="42K0B",
            parameters={"c": letter},
        )
    if letter in "YWwu":
        raise _unrecognized(pattern)
    if letter in "blCUt":
        raise _malformed(pattern)
    if letter not in _MOST:
        raise unsupported(f"The datetime pattern letter {letter}")
    if count > _MOST[letter]:
        if letter in "XxZVGFzOQq":
            raise unsupported(f"The datetime pattern {letter * count}")
        raise _unrecognized(pattern)


def _unrecognized(pattern: str) -> SparkUpgradeException:
    return SparkUpgradeException(
        "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_PATTERN_RECOGNITION",
        f"The datetime pattern '{pattern}' is one of Spark before 3.0.",
        sqlstate="42K0B",
        parameters={"pattern": f"'{pattern}'"},
    )


def _malformed(pattern: str) -> SparkRuntimeException:
    return SparkRuntimeException(
        "INVALID_DATETIME_PATTERN.WITH_SUGGESTION",
        f"Unrecognized datetime pattern: '{pattern}'.",
        sqlstate="22007",
        parameters={"pattern": f"'{pattern}'"},
    )


# ---- writing --------------------------------------------------------------------------------------------------

# What strftime writes as Java does; years from 1 to 9999 only.
_STRFTIME = {
    "yyyy": "%Y", "yy": "%y", "MM": "%m", "M": "%-m", "MMM": "%b", "MMMM": "%B", "LL": "%m", "L": "%-m",
    "LLL": "%b", "LLLL": "%B", "dd": "%d", "d": "%-d", "DDD": "%j", "D": "%-j", "E": "%a", "EE": "%a", "EEE": "%a",
    "EEEE": "%A", "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S",
    "a": "%p", "SSS": "%g", "SSSSSS": "%f",
}  # fmt: skip


def written(pattern: str, local: str, instant: str, ctx: SqlContext) -> str:
    """Return the text of a local TIMESTAMP (and its instant) by a pattern."""
    parts = [part for part in split(pattern) if part.letter not in ("[", "]")]
    if not parts:
        return f"CASE WHEN {local} IS NOT NULL THEN '' END"
    slow = " || ".join(_piece(part, local, instant, ctx) for part in parts)
    if any(part.letter * part.count not in _STRFTIME for part in parts if part.letter):
        return f"({slow})"
    directives = "".join(
        _STRFTIME[part.letter * part.count] if part.letter else part.text.replace("%", "%%") for part in parts
    )
    fast = f"strftime({local}, {text_sql(directives)})"
    if not any(part.letter == "y" for part in parts):
        return fast
    return f"CASE WHEN year({local}) BETWEEN 1 AND 9999 THEN {fast} ELSE {slow} END"


def _piece(part: Part, local: str, instant: str, ctx: SqlContext) -> str:
    if not part.letter:
        return text_sql(part.text)
    letters = part.letter * part.count
    match part.letter:
        case "y":
            return _year(f"year({local})", part.count)
        case "S":
            return f"left(strftime({local}, '%f') || '000', {part.count})"
        case "k":
            return _padded(f"CASE WHEN hour({local}) = 0 THEN 24 ELSE hour({local}) END", part.count)
        case "K":
            return _padded(f"hour({local}) % 12", part.count)
        case "D":
            return _padded(f"dayofyear({local})", part.count)
        case "Q" | "q":
            return _quarter(f"quarter({local})", part.count)
        case "X" | "x" | "Z":
            return _offset(letters, local, instant, ctx)
        case "V" if part.count == 2:
            return f"CASE WHEN {local} IS NOT NULL THEN {text_sql(ctx.time_zone)} END"
    if letters not in _STRFTIME:
        raise unsupported(f"Writing by the datetime pattern {letters}")
    return f"strftime({local}, '{_STRFTIME[letters]}')"


def _padded(number: str, width: int) -> str:
    return f"printf('%0{width}d', CAST({number} AS BIGINT))"


def _year(year: str, count: int) -> str:
    if count == 2:
        return _padded(f"abs({year}) % 100", 2)
    sign = f"CASE WHEN {year} < 0 THEN '-' ELSE '' END"
    if count > 3:  # a year longer than its width has a sign
        sign = f"CASE WHEN {year} < 0 THEN '-' WHEN {year} >= {10**count} THEN '+' ELSE '' END"
    return f"({sign} || {_padded(f'abs({year})', count)})"


def _quarter(quarter: str, count: int) -> str:
    if count < 3:
        return _padded(quarter, count)
    if count == 3:
        return f"('Q' || {quarter})"
    return f"(['1st', '2nd', '3rd', '4th'][{quarter}] || ' quarter')"


def _offset(letters: str, local: str, instant: str, ctx: SqlContext) -> str:
    if letters == "ZZZZ":
        raise unsupported("Writing by the datetime pattern ZZZZ")
    style = {"Z": "xx", "ZZ": "xx", "ZZZ": "xx", "ZZZZZ": "XXX"}.get(letters, letters)
    if is_utc(ctx):
        text = {"x": "+00", "xx": "+0000", "xxx": "+00:00"}.get(style, "Z")
        return f"CASE WHEN {local} IS NOT NULL THEN '{text}' END"
    total = f"((epoch_us({local}) - epoch_us({instant})) // 60000000)"
    hours = f"printf('%02d', abs({total}) // 60)"
    minutes = f"printf('%02d', abs({total}) % 60)"
    sign = f"CASE WHEN epoch_us({local}) < epoch_us({instant}) THEN '-' ELSE '+' END"
    if style.lower() == "x":
        rest = f"CASE WHEN {total} % 60 = 0 THEN '' ELSE {minutes} END"
    else:
        rest = minutes if style.lower() == "xx" else f"':' || {minutes}"
    text = f"({sign} || {hours} || {rest})"
    if style[0] == "X":
        text = f"CASE WHEN {local} = make_timestamp(epoch_us({instant})) THEN 'Z' ELSE {text} END"
    return text


# ---- reading --------------------------------------------------------------------------------------------------

_SHORT_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_LONG_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
# Letters: what the text must look like (stricter than strptime), and what strptime reads it by.
_READ = {
    "yyyy": (r"\d{4}", "%Y"), "y": (r"\d{1,4}", "%Y"), "yy": (r"\d\d", "%Y"),
    "MM": (r"(?:0[1-9]|1[0-2])", "%m"), "M": (r"\d{1,2}", "%m"),
    "LL": (r"(?:0[1-9]|1[0-2])", "%m"), "L": (r"\d{1,2}", "%m"),
    "MMM": (rf"(?:{_SHORT_MONTHS})", "%b"), "MMMM": (rf"(?:{_LONG_MONTHS})", "%B"),
    "dd": (r"(?:0[1-9]|[12]\d|3[01])", "%d"), "d": (r"\d{1,2}", "%d"),
    "HH": (r"(?:[01]\d|2[0-3])", "%H"), "H": (r"\d{1,2}", "%H"),
    "hh": (r"(?:0[1-9]|1[0-2])", "%I"), "h": (r"(?:0?[1-9]|1[0-2])", "%I"),
    "mm": (r"[0-5]\d", "%M"), "m": (r"[0-5]?\d", "%M"), "ss": (r"[0-5]\d", "%S"), "s": (r"[0-5]?\d", "%S"),
    "a": (r"(?:AM|PM)", "%p"),
}  # fmt: skip
_WIDTHLESS = ("M", "L", "d", "H", "h", "m", "s")
_MINUTES = r"[0-5]\d"
_HOURS = r"(?:0\d|1[0-7])"
_ZONES = {
    "X": rf"(?:Z|[+-](?:{_HOURS}(?:{_MINUTES})?|18(?:00)?))",
    "XX": rf"(?:Z|[+-](?:{_HOURS}{_MINUTES}|1800))",
    "XXX": rf"(?:Z|[+-](?:{_HOURS}:{_MINUTES}|18:00))",
    "x": rf"[+-](?:{_HOURS}(?:{_MINUTES})?|18(?:00)?)",
    "xx": rf"[+-](?:{_HOURS}{_MINUTES}|1800)",
    "xxx": rf"[+-](?:{_HOURS}:{_MINUTES}|18:00)",
}
_ZONES |= {"Z": _ZONES["xx"], "ZZ": _ZONES["xx"], "ZZZ": _ZONES["xx"], "ZZZZZ": _ZONES["XXX"]}


@dataclass(frozen=True, slots=True)
class Reading:
    """The local TIMESTAMP of a text, NULL where it does not fit; `offset` is its distance from UTC in microseconds."""

    local: str
    offset: str = ""


def read(pattern: str, v: str) -> Reading:
    """Return how text is read by a pattern.

    Spark: the widths are strict, what is missing is that of 1970-01-01 00:00:00, and case does not count.
    """
    parts = split(pattern)
    zone = ""
    if parts and parts[-1].letter * parts[-1].count in _ZONES:
        zone = _ZONES[parts[-1].letter * parts[-1].count]
        parts = parts[:-1]
    _check_readable(parts)
    # Java takes any number of zeros before a number without a width; strptime does not.
    fixed = any(part.letter == "S" or re.search(r"\d", part.text) for part in parts)
    zeros = not fixed and any(part.letter * part.count in _WIDTHLESS for part in parts)
    looks, directives, short_year_at = "", "", -1
    for part in parts:
        letters = part.letter * part.count
        if not part.letter:
            looks += re.sub(r"([^A-Za-z0-9\s])", r"\\\1", part.text) if part.text.isascii() else part.text
            directives += part.text.upper().replace("%", "%%")
        elif part.letter == "S":
            looks += rf"\d{{1,{part.count}}}"
            directives += "%f"
        else:
            if letters == "yy":
                short_year_at = len(looks)
            looks += ("0*" if zeros and letters in _WIDTHLESS else "") + _READ[letters][0]
            directives += _READ[letters][1]
    text = f"upper({v})"
    if zone:
        text = f"regexp_replace({text}, {text_sql(f'{zone}$')}, '')"
    if short_year_at >= 0:  # Java: a year of two digits is one of this century
        before, after = looks[:short_year_at], looks[short_year_at + 4 :]
        groups = rf"^(?i)({before})(\d\d)({after})$"
        text = rf"regexp_replace({text}, {text_sql(groups)}, '\120\2\3')"
    if zeros:
        text = rf"regexp_replace({text}, '(^|[^0-9])0+([0-9])', '\1\2', 'g')"
    if not any(part.letter == "y" for part in parts):
        text, directives = f"'1970 ' || {text}", f"%Y {directives}"
    letters_used = {part.letter for part in parts}
    if "h" in letters_used and "a" not in letters_used:  # Spark takes the morning
        text, directives = f"{text} || ' AM'", f"{directives} %p"
    fits = f"regexp_full_match({v}, {text_sql(f'(?i){looks}{zone}')})"
    odd = ""
    if any(part.letter == "y" and part.count == 4 for part in parts):
        signed = looks.replace(_READ["yyyy"][0], r"(?:\+\d{5,10}|-\d{4,10})", 1)
        odd = f"WHEN regexp_full_match({v}, {text_sql(f'(?i){signed}{zone}')}) THEN {_odd_year()}"
    local = f"CASE WHEN {fits} THEN try_strptime({text}, {text_sql(directives)}) {odd} END"
    return Reading(local, _offset_of(v) if zone else "")


def _odd_year() -> str:
    return error_sql(
        "LIGHTSTREAM_UNSUPPORTED",
        "Reading a year that is not in 0 to 9999 by a datetime pattern is not supported by lightstream.",
        "0A000",
        "UnsupportedOperationException",
    )


def _check_readable(parts: list[Part]) -> None:
    seen: set[str] = set()
    for i, part in enumerate(parts):
        letters = part.letter * part.count
        if part.letter == "E":
            raise _unrecognized("".join(p.letter * p.count or p.text for p in parts))
        if part.letter and letters not in _READ and not (part.letter == "S" and part.count <= 6):
            raise unsupported(f"Reading by the datetime pattern {letters}")
        if not part.letter and not part.text.isascii():
            raise unsupported("Reading by a datetime pattern with text beyond ASCII")
        kind = {"L": "M", "h": "H"}.get(part.letter, part.letter)
        if kind and kind in seen:
            raise unsupported(f"Reading by a datetime pattern that has {part.letter} twice")
        seen.add(kind)
        touches = i > 0 and _digits(part) and _digits(parts[i - 1])
        if touches and (part.count < 2 or part.letter == "S" or parts[i - 1].count < 2):
            # Java reads numbers that touch by their widths.
            raise unsupported("Reading by a datetime pattern whose numbers touch and have no width")
    if "a" in seen and not any(part.letter == "h" for part in parts):
        raise unsupported("Reading by a datetime pattern that has a without h")


def _digits(part: Part) -> bool:
    return bool(part.letter) and part.letter != "a" and not (part.letter in "ML" and part.count > 2)


def _offset_of(v: str) -> str:
    found = rf"regexp_extract({v}, '[+-]\d\d:?(?:\d\d)?$')"
    digits = f"rpad(regexp_replace({found}, '[^0-9]', '', 'g'), 4, '0')"
    minutes = f"(CAST(left({digits}, 2) AS BIGINT) * 60 + CAST(right({digits}, 2) AS BIGINT))"
    return f"({minutes} * CASE WHEN {found} LIKE '-%' THEN -60000000 ELSE 60000000 END)"


def pattern_of(name: str, pattern: str | None, *, reads: bool) -> None:
    """Check a pattern where a call is bound, so that what is refused is refused before it runs."""
    if pattern is None:
        return
    if reads:
        read(pattern, "''")
    else:
        written(pattern, "now", "now", SqlContext())
