"""The patterns of to_char and to_number: `S$99,999.00`, `0G000D9MI`, `999PR`."""

from __future__ import annotations

import functools
import re
from decimal import Decimal

from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, IllegalArgumentException, unsupported

_PATTERN = re.compile(r"(S|MI)?(\$)?([09]+(?:,[09]+)*)?(\.)?([09]*)(S|MI|PR)?")
_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class NumberPattern:
    """A pattern taken apart. `groups` are the digits before the point, between separators."""

    text: str
    lead: str
    dollar: bool
    groups: tuple[str, ...]
    point: bool
    fraction: str
    trail: str

    @property
    def precision(self) -> int:
        """The number of digits."""
        return sum(map(len, self.groups)) + len(self.fraction)

    @property
    def scale(self) -> int:
        """The number of digits after the point."""
        return len(self.fraction)

    # ---- writing ----------------------------------------------------------------------------------------------

    def write(self, value: Decimal) -> str:
        """Return a number by the pattern; one that has no room in it is shown by `#`."""
        negative = value < 0
        whole, _, fraction = f"{value.copy_abs():f}".partition(".")
        whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
        room = sum(map(len, self.groups))
        over = len(whole) > room or len(fraction) > len(self.fraction)
        text = {"S": "-" if negative else "+", "MI": "-" if negative else " "}.get(self.lead, "")
        if self.trail == "PR" and negative:
            text = "<" + text
        text += "$" if self.dollar else ""
        digits = whole.rjust(room)
        at = 0
        for i, group in enumerate(self.groups):
            if i:
                text += "," if text[-1:].isdigit() else " "
            for char in digits[at : at + len(group)] if not over else "#" * len(group):
                text += "0" if char == " " and group[0] == "0" else char
            at += len(group)
        if self.point:
            # A zero stands before the point, unless that is the place of the sign.
            zero = text.endswith(" ") and not re.fullmatch("[-+<] +", text)
            text = (text[:-1] + "0" if zero else text) + "."
        text += "#" * len(self.fraction) if over else fraction.ljust(len(self.fraction), "0")
        if text.endswith("."):
            text = text[:-1] + " "
        return self._with_sign(text, negative)

    def _with_sign(self, text: str, negative: bool) -> str:
        if self.trail == "S":
            text = _before_spaces(text, "-" if negative else "+")
        elif self.trail == "MI":
            text = _before_spaces(text, "-") if negative else text + " "
        elif self.trail == "PR":
            text = _before_spaces(text, ">") if negative else text + "  "
        # A sign that comes first stands next to the first digit.
        moved = re.fullmatch(r"([-+<])( +)(.*)", text) if self.lead or self.trail == "PR" else None
        return f"{moved[2]}{moved[1]}{moved[3]}" if moved else text

    # ---- reading ----------------------------------------------------------------------------------------------

    def read(self, text: str) -> Decimal | None:
        """Return the number that a text writes by the pattern, None when it writes none."""
        match = self._reader.fullmatch(_SPACE.sub("", text))
        if match is None:
            return None
        whole, fraction = match["whole"], match["fraction"] or ""
        if not self._fits(whole.split(",")) or not (whole.strip(",") or fraction):
            return None
        negative = match["lead"] == "-" or match["trail"] == "-"
        if self.trail == "PR":
            if (match["open"] is None) != (match["close"] is None):
                return None
            negative = match["open"] is not None
        value = Decimal(f"{whole.replace(',', '') or '0'}.{fraction or '0'}")
        return value.copy_negate() if negative else value

    @property
    def _reader(self) -> re.Pattern[str]:
        return _reader(self)

    def _fits(self, found: list[str]) -> bool:
        """Return whether groups of digits fit: as many as there are zeros, at most as many as there are nines."""
        if not self.groups:
            return found == [""]
        if len(found) > len(self.groups):
            return False
        padded = [""] * (len(self.groups) - len(found)) + found
        return all(
            len(digits) == len(group) if group[0] == "0" else len(digits) <= len(group)
            for digits, group in zip(padded, self.groups, strict=True)
        )


def _before_spaces(text: str, sign: str) -> str:
    bare = text.rstrip(" ")
    return bare + sign + text[len(bare) :]


@functools.lru_cache(maxsize=64)
def _reader(pattern: NumberPattern) -> re.Pattern[str]:
    signs = {"S": "[-+]?", "MI": "-?"}
    opening, closing = ("(?P<open><)?", "(?P<close>>)?") if pattern.trail == "PR" else ("", "")
    lead, trail = (
        f"(?P<{n}>{signs.get(s, '')})" for n, s in (("lead", pattern.lead), ("trail", pattern.trail))
    )
    fraction = rf"(?:\.(?P<fraction>\d{{0,{len(pattern.fraction)}}}))?" if pattern.point else "(?P<fraction>)"
    dollar = r"\$" if pattern.dollar else ""
    whole = r"(?P<whole>\d*(?:,\d+)*)" if pattern.groups else "(?P<whole>)"
    return re.compile(opening + lead + dollar + whole + fraction + trail + closing)


@functools.lru_cache(maxsize=64)
def number_pattern(text: str) -> NumberPattern:
    """Return a pattern taken apart.

    Raises:
        AnalysisException: INVALID_FORMAT..., for text that is no pattern.
        UnsupportedOperationException: a pattern with two signs.
    """
    if not text:
        raise _invalid("EMPTY", text, "The number format string cannot be empty.")
    shown, plain = text.upper(), text.upper().replace("G", ",").replace("D", ".")
    if not re.search("[09]", plain):
        raise _invalid("WRONG_NUM_DIGIT", shown, "The format string requires at least one number digit.")
    for char, name in ((".", ". or D"), ("$", "$"), ("S", "S"), ("MI", "MI"), ("PR", "PR")):
        if plain.count(char) > 1:
            raise _invalid("WRONG_NUM_TOKEN", shown, f"At most one {name} is allowed in the number format.")
    whole, _, fraction = plain.partition(".")
    if "," in fraction:
        message = "Thousands separators (, or G) may not appear after the decimal point in the number format."
        raise _invalid("THOUSANDS_SEPS_MUST_BEFORE_DEC", shown, message)
    if re.search(r"(?<![09]),|,(?![09])", whole):
        message = "Thousands separators (, or G) must have digits in between them in the number format."
        raise _invalid("CONT_THOUSANDS_SEPS", shown, message)
    if re.search(r"[09.].*\$", plain):
        message = "Currency characters must appear before digits in the number format."
        raise _invalid("CUR_MUST_BEFORE_DIGIT", shown, message)
    match = _PATTERN.fullmatch(plain)
    if match is None:
        raise _invalid("UNEXPECTED_TOKEN", shown, "A part of the number format stands where it may not.")
    lead, dollar, groups, point, digits, trail = match.groups()
    if lead and trail:
        raise unsupported(f"The number format {text}, which has two signs,")
    parts = tuple(groups.split(",")) if groups else ()
    return NumberPattern(text, lead or "", bool(dollar), parts, bool(point), digits, trail or "")


def _invalid(kind: str, text: str, message: str) -> AnalysisException:
    return AnalysisException(
        f"INVALID_FORMAT.{kind}",
        f"The format is invalid: '{text}'. {message}",
        sqlstate="42601",
        parameters={"format": f"'{text}'"},
    )


def no_such_number(text: str, pattern: str) -> IllegalArgumentException:
    """Return INVALID_FORMAT.MISMATCH_INPUT."""
    return IllegalArgumentException(
        "INVALID_FORMAT.MISMATCH_INPUT",
        f'The format is invalid: {pattern}. The input "STRING" {text} does not match the format.',
        sqlstate="42601",
        parameters={"inputType": '"STRING"', "input": text, "format": pattern},
    )
