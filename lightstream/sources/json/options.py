"""The options of Spark's JSON source."""

from __future__ import annotations

from collections.abc import Mapping

from lightstream.dataclass import dataclass
from lightstream.errors import IllegalArgumentException, unsupported
from lightstream.sources.file_options import codec_name, flag
from lightstream.sources.json.record_reader import (
    MAX_DEPTH,
    MAX_NUMBER_CHARS,
    MAX_STRING_CHARS,
    STANDARD,
    Tolerance,
)
from lightstream.sources.record_options import PERMISSIVE, lower_names, shared_options

_NOT_DONE = ("explodeEmbeddedArray", "useUnsafeRow")


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
    variant_column: str | None = None  # the one column, of whole records
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
            and self.variant_column is None
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
    lower = lower_names(options)
    for name in _NOT_DONE:
        if lower.get(name.lower(), "false").lower() != "false":
            raise unsupported(f"The JSON option {name}")
    shared = shared_options(
        "JSON",
        lower,
        time_zone=time_zone,
        corrupt_column=corrupt_column,
        ignore_corrupt_files=ignore_corrupt_files,
        ignore_missing_files=ignore_missing_files,
    )
    encoding = lower.get("encoding", lower.get("charset"))
    separator = lower.get("linesep")
    if separator == "":
        raise _illegal("'lineSep' cannot be an empty string.")
    if encoding is not None:
        encoding = _checked_encoding(encoding, shared["multi_line"], separator is not None)
    tolerance = Tolerance(
        single_quotes=flag(lower, "allowSingleQuotes", True),
        unquoted_names=flag(lower, "allowUnquotedFieldNames", False),
        comments=flag(lower, "allowComments", False),
        leading_zeros=flag(lower, "allowNumericLeadingZeros", False),
        non_numeric_numbers=flag(lower, "allowNonNumericNumbers", True),
        any_escape=flag(lower, "allowBackslashEscapingAnyCharacter", False),
        control_chars=flag(lower, "allowUnquotedControlChars", False),
        max_depth=_integer(lower, "maxNestingDepth", MAX_DEPTH),
        max_number_chars=_integer(lower, "maxNumLen", MAX_NUMBER_CHARS),
        max_string_chars=_integer(lower, "maxStringLen", MAX_STRING_CHARS),
    )
    if tolerance.max_string_chars < tolerance.max_number_chars:
        # Spark's parser takes some numbers, and not others, for strings then.
        raise unsupported("The JSON option maxStringLen with a smaller value than maxNumLen")
    return JsonOptions(
        **shared,
        line_separator=separator.encode(encoding or "utf-8") if separator is not None else None,
        encoding=encoding,
        tolerance=tolerance,
        variant_column=lower.get("singlevariantcolumn"),
        primitives_as_string=flag(lower, "primitivesAsString", False),
        prefers_decimal=flag(lower, "prefersDecimal", False),
        drop_field_if_all_null=flag(lower, "dropFieldIfAllNull", False),
        infer_timestamp=flag(lower, "inferTimestamp", False),
    )


def _integer(lower: Mapping[str, str], name: str, default: int) -> int:
    text = lower.get(name.lower(), str(default))
    try:
        return int(text)
    except ValueError:
        raise IllegalArgumentException(None, f'For input string: "{text}"') from None


def _checked_encoding(name: str, multi_line: bool, has_separator: bool) -> str:
    codec = codec_name(name, "JSONOptionsInRead")
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
