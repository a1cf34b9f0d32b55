"""The options of Spark's JSON source."""

from __future__ import annotations

import codecs
from collections.abc import Mapping

from lightstream.dataclass import dataclass
from lightstream.errors import IllegalArgumentException, unsupported
from lightstream.sources.json.record_reader import (
    MAX_DEPTH,
    MAX_NUMBER_CHARS,
    MAX_STRING_CHARS,
    STANDARD,
    Tolerance,
)

PERMISSIVE, DROPMALFORMED, FAILFAST = "PERMISSIVE", "DROPMALFORMED", "FAILFAST"

_NOT_DONE = ("singleVariantColumn", "explodeEmbeddedArray", "useUnsafeRow")


@dataclass(frozen=True, slots=True)
class JsonOptions:
    """Options of one JSON read, parsed and with their defaults."""

    mode: str = PERMISSIVE
    corrupt_column: str = "_corrupt_record"
    time_zone: str = "UTC"
    multi_line: bool = False
    line_separator: bytes | None = None
    encoding: str | None = None
    date_format: str | None = None
    timestamp_format: str | None = None
    timestamp_ntz_format: str | None = None
    datetime_fallback: bool | None = None
    tolerance: Tolerance = STANDARD
    # inference only
    primitives_as_string: bool = False
    prefers_decimal: bool = False
    drop_field_if_all_null: bool = False
    infer_timestamp: bool = False
    sampling_ratio: float = 1.0
    ignore_corrupt_files: bool = False
    ignore_missing_files: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the way records are found and tokenized is the default one, which DuckDB can read."""
        return (
            not self.multi_line
            and self.line_separator in (None, b"\n")
            and self.encoding is None
            and self.tolerance == STANDARD
        )


def parse_options(
    options: Mapping[str, str],
    *,
    time_zone: str = "UTC",
    corrupt_column: str = "_corrupt_record",
    ignore_corrupt_files: bool = False,
    ignore_missing_files: bool = False,
) -> JsonOptions:
    """Return the options of a read; unknown ones are ignored, as Spark does.

    Args:
        options: the reader's options, names in any case.
        time_zone: the session's time zone.
        corrupt_column: `spark.sql.columnNameOfCorruptRecord`.
        ignore_corrupt_files: `spark.sql.files.ignoreCorruptFiles`.
        ignore_missing_files: `spark.sql.files.ignoreMissingFiles`.

    Raises:
        IllegalArgumentException: a value that cannot be read.
        UnsupportedOperationException: an option that is not supported here.
    """
    lower = {str(name).lower(): str(value) for name, value in options.items() if value is not None}
    for name in _NOT_DONE:
        if lower.get(name.lower(), "false").lower() != "false":
            raise unsupported(f"The JSON option {name}")
    locale = lower.get("locale", "en-US")
    if locale.replace("_", "-").lower() != "en-us":
        raise unsupported(f"The JSON option locale with the value {locale!r}", "Only en-US is.")
    flag = _Flags(lower)
    multi_line = flag("multiLine", False)
    encoding = lower.get("encoding", lower.get("charset"))
    separator = lower.get("linesep")
    if separator == "":
        raise _illegal("'lineSep' cannot be an empty string.")
    if encoding is not None:
        encoding = _checked_encoding(encoding, multi_line, separator is not None)
    tolerance = Tolerance(
        single_quotes=flag("allowSingleQuotes", True),
        unquoted_names=flag("allowUnquotedFieldNames", False),
        comments=flag("allowComments", False),
        leading_zeros=flag("allowNumericLeadingZeros", False),
        non_numeric_numbers=flag("allowNonNumericNumbers", True),
        any_escape=flag("allowBackslashEscapingAnyCharacter", False),
        control_chars=flag("allowUnquotedControlChars", False),
        max_depth=flag.integer("maxNestingDepth", MAX_DEPTH),
        max_number_chars=flag.integer("maxNumLen", MAX_NUMBER_CHARS),
        max_string_chars=flag.integer("maxStringLen", MAX_STRING_CHARS),
    )
    if tolerance.max_string_chars < tolerance.max_number_chars:
        # Spark's parser takes some numbers, and not others, for strings then.
        raise unsupported("The JSON option maxStringLen with a smaller value than maxNumLen")
    return JsonOptions(
        mode=_mode(lower.get("mode")),
        corrupt_column=lower.get("columnnameofcorruptrecord", corrupt_column),
        time_zone=lower.get("timezone", time_zone),
        multi_line=multi_line,
        line_separator=separator.encode(encoding or "utf-8") if separator is not None else None,
        encoding=encoding,
        date_format=lower.get("dateformat"),
        timestamp_format=lower.get("timestampformat"),
        timestamp_ntz_format=lower.get("timestampntzformat"),
        datetime_fallback=flag("enableDateTimeParsingFallback", False)
        if "enabledatetimeparsingfallback" in lower
        else None,
        tolerance=tolerance,
        primitives_as_string=flag("primitivesAsString", False),
        prefers_decimal=flag("prefersDecimal", False),
        drop_field_if_all_null=flag("dropFieldIfAllNull", False),
        infer_timestamp=flag("inferTimestamp", False),
        sampling_ratio=flag.number("samplingRatio", 1.0),
        ignore_corrupt_files=flag("ignoreCorruptFiles", ignore_corrupt_files),
        ignore_missing_files=flag("ignoreMissingFiles", ignore_missing_files),
    )


class _Flags:
    def __init__(self, lower: dict[str, str]) -> None:
        self.lower = lower

    def __call__(self, name: str, default: bool) -> bool:
        text = self.lower.get(name.lower())
        if text is None:
            return default
        if text.lower() not in ("true", "false"):
            raise _unreadable(text)
        return text.lower() == "true"

    def integer(self, name: str, default: int) -> int:
        text = self.lower.get(name.lower())
        if text is None:
            return default
        try:
            return int(text)
        except ValueError:
            raise _unreadable(text) from None

    def number(self, name: str, default: float) -> float:
        text = self.lower.get(name.lower())
        if text is None:
            return default
        try:
            return float(text)
        except ValueError:
            raise _unreadable(text) from None


def _mode(text: str | None) -> str:
    # Spark warns about an unknown mode and goes on with the default.
    mode = (text or PERMISSIVE).upper()
    return mode if mode in (DROPMALFORMED, FAILFAST) else PERMISSIVE


_ENCODINGS = ("iso-8859-1", "us-ascii", "utf-16", "utf-16be", "utf-16le", "utf-32", "utf-8")


def _checked_encoding(name: str, multi_line: bool, has_separator: bool) -> str:
    if name.lower() not in _ENCODINGS:
        raise IllegalArgumentException(
            "INVALID_PARAMETER_VALUE.CHARSET",
            f"The encoding {name!r} is none of {', '.join(_ENCODINGS)}.",
            sqlstate="22023",
            parameters={"parameter": "`charset`", "functionName": "`JSONOptionsInRead`", "charset": name},
        )
    codec = codecs.lookup(name).name
    if not multi_line:
        if codec in ("utf-16", "utf-32"):
            raise _illegal(
                f"The {name} encoding must not be included in the denyList when multiLine is disabled: "
                "denylist: UTF-16, UTF-32"
            )
        if codec != "utf-8" and not has_separator:
            raise _illegal(f"The lineSep option must be specified for the {name} encoding")
    return codec


def _illegal(message: str) -> IllegalArgumentException:
    return IllegalArgumentException(None, f"requirement failed: {message}")


def _unreadable(text: str) -> IllegalArgumentException:
    return IllegalArgumentException(None, f'For input string: "{text}"')
