"""The options of Spark's CSV source."""

from __future__ import annotations

from collections.abc import Mapping

from lightstream.dataclass import dataclass
from lightstream.errors import IllegalArgumentException, SparkRuntimeException, unsupported
from lightstream.sources.file_options import codec_name
from lightstream.sources.record_options import PERMISSIVE, lower_names, shared_options

_NOT_DONE = ("singleVariantColumn",)
_HANDLING = ("STOP_AT_CLOSING_QUOTE", "BACK_TO_DELIMITER", "STOP_AT_DELIMITER", "SKIP_VALUE", "RAISE_ERROR")
_DELIMITER_ESCAPES = {
    "\\t": "\t", "\\r": "\r", "\\b": "\b", "\\f": "\f", '\\"': '"', "\\'": "'", "\\\\": "\\",
}  # fmt: skip
NONE = "\0"  # a character that is switched off


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """Options of one CSV read, parsed and with their defaults."""

    mode: str = PERMISSIVE
    corrupt_column: str = "_corrupt_record"
    time_zone: str = "UTC"
    header: bool = False
    separator: str = ","
    quote: str = '"'
    escape: str = "\\"
    escape_escape: str = "\\"
    comment: str = NONE
    null_value: str = ""
    empty_value: str = ""
    nan: str = "NaN"
    positive_inf: str = "Inf"
    negative_inf: str = "-Inf"
    date_format: str | None = None
    timestamp_format: str | None = None
    timestamp_ntz_format: str | None = None
    datetime_fallback: bool | None = None
    multi_line: bool = False
    line_separator: str | None = None
    encoding: str = "utf-8"
    trim_left: bool = False
    trim_right: bool = False
    handling: str = "STOP_AT_DELIMITER"
    max_columns: int = 20480
    max_chars: int = -1
    column_pruning: bool = True
    enforce_schema: bool = True
    # inference only
    infer_schema: bool = False
    prefer_date: bool = True
    sampling_ratio: float = 1.0
    ignore_corrupt_files: bool = False
    ignore_missing_files: bool = False


def parse_options(
    options: Mapping[str, str],
    *,
    time_zone: str = "UTC",
    corrupt_column: str = "_corrupt_record",
    ignore_corrupt_files: bool = False,
    ignore_missing_files: bool = False,
) -> CsvOptions:
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
        if name.lower() in lower:
            raise unsupported(f"The CSV option {name}")
    shared = shared_options(
        "CSV",
        lower,
        time_zone=time_zone,
        corrupt_column=corrupt_column,
        ignore_corrupt_files=ignore_corrupt_files,
        ignore_missing_files=ignore_missing_files,
    )
    quote, escape = _char(lower, "quote", '"'), _char(lower, "escape", "\\")
    return CsvOptions(
        **shared,
        header=_flag(lower, "header", False),
        separator=_delimiter(lower.get("sep", lower.get("delimiter", ","))),
        quote=quote,
        escape=escape,
        escape_escape=_char(lower, "charToEscapeQuoteEscaping", "") or (NONE if quote == escape else escape),
        comment=_char(lower, "comment", NONE),
        null_value=lower.get("nullvalue", ""),
        empty_value=lower.get("emptyvalue", ""),
        nan=lower.get("nanvalue", "NaN"),
        positive_inf=lower.get("positiveinf", "Inf"),
        negative_inf=lower.get("negativeinf", "-Inf"),
        line_separator=_line_separator(lower.get("linesep")),
        encoding=codec_name(lower.get("encoding", lower.get("charset", "UTF-8")), "CSVOptions"),
        trim_left=_flag(lower, "ignoreLeadingWhiteSpace", False),
        trim_right=_flag(lower, "ignoreTrailingWhiteSpace", False),
        handling=_handling(lower.get("unescapedquotehandling", "STOP_AT_DELIMITER")),
        max_columns=_integer(lower, "maxColumns", 20480),
        max_chars=_integer(lower, "maxCharsPerColumn", -1),
        column_pruning=_flag(lower, "columnPruning", not shared["multi_line"]),
        enforce_schema=_flag(lower, "enforceSchema", True),
        infer_schema=_flag(lower, "inferSchema", False),
        prefer_date=_flag(lower, "preferDate", True),
    )


def _char(lower: Mapping[str, str], name: str, default: str) -> str:
    text = lower.get(name.lower())
    if text is None:
        return default
    if len(text) > 1:
        raise SparkRuntimeException(
            "OPTION_VALUE_EXCEEDS_ONE_CHARACTER",
            f"The value of {name} cannot be more than one character.",
            sqlstate="22023",
        )
    return text or (NONE if default else "")


def _flag(lower: Mapping[str, str], name: str, default: bool) -> bool:
    text = lower.get(name.lower(), str(default)).lower()
    if text not in ("true", "false"):
        raise _refused("_LEGACY_ERROR_TEMP_2062", f"{name} flag can be true or false.")
    return text == "true"


def _integer(lower: Mapping[str, str], name: str, default: int) -> int:
    text = lower.get(name.lower(), str(default))
    try:
        return int(text)
    except ValueError:
        raise SparkRuntimeException(
            "_LEGACY_ERROR_TEMP_2146", f"{name} should be an integer. Found {text}."
        ) from None


def _refused(condition: str | None, message: str) -> IllegalArgumentException:
    return IllegalArgumentException(condition, message)


def _delimiter(text: str) -> str:
    """Return what separates cells: one or several characters, some written by an escape."""
    if not text:
        raise _refused("INVALID_DELIMITER_VALUE.EMPTY_STRING", "The delimiter cannot be an empty string.")
    if text == "\\":
        raise _refused(
            "INVALID_DELIMITER_VALUE.SINGLE_BACKSLASH", "A single backslash is no delimiter; write two."
        )
    out, at = "", 0
    while at < len(text):
        if text[at] != "\\" or at + 1 == len(text):
            out += text[at]
            at += 1
            continue
        pair = text[at : at + 2]
        if pair not in _DELIMITER_ESCAPES:
            raise _refused(
                "INVALID_DELIMITER_VALUE.UNSUPPORTED_SPECIAL_CHARACTER",
                f"The delimiter {text!r} has an escape that stands for nothing.",
            )
        out, at = out + _DELIMITER_ESCAPES[pair], at + 2
    return out


def _line_separator(text: str | None) -> str | None:
    if text is None:
        return None
    if not text:
        raise _refused("INVALID_LINE_SEPARATOR.EMPTY", "The 'lineSep' option cannot be an empty string.")
    if len(text) > 2:
        raise _refused(
            "INVALID_LINE_SEPARATOR.TOO_LONG", "The 'lineSep' option can have two characters at most."
        )
    return text


def _handling(text: str) -> str:
    if text.upper() not in _HANDLING:
        raise IllegalArgumentException(
            None,
            "No enum constant com.univocity.parsers.csv.UnescapedQuoteHandling." + text.upper(),
        )
    return text.upper()
