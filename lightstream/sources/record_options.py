"""The options that Spark's JSON and CSV sources have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightstream.errors import IllegalArgumentException, unsupported
from lightstream.sources.file_options import flag

PERMISSIVE, DROPMALFORMED, FAILFAST = "PERMISSIVE", "DROPMALFORMED", "FAILFAST"


def lower_names(options: Mapping[str, Any]) -> dict[str, str]:
    """Return options with their names in lower case, those that are None left out."""
    return {str(name).lower(): str(value) for name, value in options.items() if value is not None}


def shared_options(
    format_name: str,
    lower: Mapping[str, str],
    *,
    time_zone: str,
    corrupt_column: str,
    ignore_corrupt_files: bool,
    ignore_missing_files: bool,
) -> dict[str, Any]:
    """Return the fields that the options of a read have in both formats.

    Args:
        format_name: JSON or CSV, for errors.
        lower: the reader's options, names in lower case.
        time_zone: the session's time zone.
        corrupt_column: `spark.sql.columnNameOfCorruptRecord`.
        ignore_corrupt_files: `spark.sql.files.ignoreCorruptFiles`.
        ignore_missing_files: `spark.sql.files.ignoreMissingFiles`.

    Raises:
        IllegalArgumentException: a value that cannot be read.
        UnsupportedOperationException: a locale.
    """
    locale = lower.get("locale", "en-US")
    if locale.replace("_", "-").lower() != "en-us":
        raise unsupported(f"The {format_name} option locale with the value {locale!r}", "Only en-US is.")
    falls_back = "enabledatetimeparsingfallback" in lower
    return {
        "mode": _mode(lower.get("mode")),
        "corrupt_column": lower.get("columnnameofcorruptrecord", corrupt_column),
        "time_zone": lower.get("timezone", time_zone),
        "multi_line": flag(lower, "multiLine", False),
        "date_format": lower.get("dateformat"),
        "timestamp_format": lower.get("timestampformat"),
        "timestamp_ntz_format": lower.get("timestampntzformat"),
        "datetime_fallback": flag(lower, "enableDateTimeParsingFallback", False) if falls_back else None,
        "sampling_ratio": number(lower, "samplingRatio", 1.0),
        "ignore_corrupt_files": flag(lower, "ignoreCorruptFiles", ignore_corrupt_files),
        "ignore_missing_files": flag(lower, "ignoreMissingFiles", ignore_missing_files),
    }


def _mode(text: str | None) -> str:
    # Spark warns about an unknown mode and goes on with the default.
    mode = (text or PERMISSIVE).upper()
    return mode if mode in (DROPMALFORMED, FAILFAST) else PERMISSIVE


def number(lower: Mapping[str, str], name: str, default: float) -> float:
    """Return an option that is a number.

    Raises:
        IllegalArgumentException: it is none.
    """
    text = lower.get(name.lower(), str(default))
    try:
        return float(text)
    except ValueError:
        raise IllegalArgumentException(None, f'For input string: "{text}"') from None
