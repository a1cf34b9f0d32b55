"""The options of file sources: what they mean, and Spark's words for what they must not be."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

from lightstream.dataclass import dataclass
from lightstream.errors import IllegalArgumentException, NumberFormatException
from lightstream.sources.java_text import java_double, java_integer

OFF, DELETE, ARCHIVE = "off", "delete", "archive"

_DURATION = re.compile(r"(-?[0-9]+)([a-z]+)?")
_UNIT_US = {
    "us": 1,
    "ms": 1000,
    "s": 1_000_000,
    "m": 60_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
_SEVEN_DAYS_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class FileStreamOptions:
    """The options of a file stream, checked."""

    max_files: int | None = None
    max_bytes: int | None = None
    max_file_age_ms: int | None = _SEVEN_DAYS_MS  # None: no limit
    latest_first: bool = False
    file_name_only: bool = False
    clean_source: str = OFF
    archive_directory: str | None = None
    max_cached_files: int = 10_000
    discard_cached_input_ratio: float = 0.2
    names_sort_by_time: bool = False  # ours: new objects of a store have greater names than those before


@dataclass(frozen=True, slots=True)
class ListingOptions:
    """The options that decide which files are listed, in batch and in streams."""

    recursive: bool = False
    name_glob: str | None = None
    base_path: str | None = None
    modified_before: str | None = None
    modified_after: str | None = None
    time_zone: str | None = None


def read_listing_options(options: Mapping[str, str]) -> ListingOptions:
    """Return the listing options among a reader's options; names are matched without case.

    Raises:
        IllegalArgumentException: `recursiveFileLookup` is no boolean, or `pathGlobFilter` no pattern.
        DateTimeException: `timeZone` is none.
    """
    given = _lower(options)
    recursive = given.get("recursivefilelookup", "false")
    if recursive.lower() not in ("true", "false"):
        raise IllegalArgumentException(None, f'For input string: "{recursive}"')
    if "timezone" in given:
        from lightstream.functions.zones import zone_of

        zone_of(given["timezone"])
    name_glob = given.get("pathglobfilter")
    if name_glob is not None:
        from lightstream.sources.globs import name_pattern

        name_pattern(name_glob)
    return ListingOptions(
        recursive=recursive.lower() == "true",
        name_glob=name_glob,
        base_path=(given.get("basepath") or "").strip() or None,
        modified_before=given.get("modifiedbefore"),
        modified_after=given.get("modifiedafter"),
        time_zone=given.get("timezone"),
    )


def read_stream_options(options: Mapping[str, str]) -> FileStreamOptions:
    """Return the stream options among a reader's options; names are matched without case.

    Raises:
        IllegalArgumentException: a value that Spark refuses, in Spark's words (programs can match on nothing else).
    """
    given = _lower(options)
    for name in ("modifiedbefore", "modifiedafter"):
        if name in given:
            raise IllegalArgumentException(None, f"option '{name}' is not allowed in file stream sources")
    max_files = _positive(given, "maxFilesPerTrigger", 2**31)
    max_bytes = _positive(given, "maxBytesPerTrigger", 2**63)
    if max_files is not None and max_bytes is not None:
        raise IllegalArgumentException(
            None, "Options 'maxFilesPerTrigger' and 'maxBytesPerTrigger' can't be both set at the same time"
        )
    age_ms: int | None = _duration_ms(given.get("maxfileage", "7d"))
    latest_first = _boolean(given, "latestFirst")
    if latest_first and (max_files is not None or max_bytes is not None):
        # The files left behind would grow too old to be taken ever.
        age_ms = None
    clean_source = given.get("cleansource", OFF).lower()
    if clean_source not in (OFF, DELETE, ARCHIVE):
        raise IllegalArgumentException(
            None,
            f"Invalid mode for clean source option Some({given['cleansource']}). "
            "Must be one of ARCHIVE,DELETE,OFF",
        )
    archive_directory = given.get("sourcearchivedir")
    if clean_source == ARCHIVE and archive_directory is None:
        raise IllegalArgumentException(None, "Archive mode must be used with 'sourceArchiveDir' option.")
    return FileStreamOptions(
        max_files=max_files,
        max_bytes=max_bytes,
        max_file_age_ms=age_ms,
        latest_first=latest_first,
        file_name_only=_boolean(given, "fileNameOnly"),
        clean_source=clean_source,
        archive_directory=archive_directory,
        max_cached_files=_cached_files(given),
        discard_cached_input_ratio=_ratio(given),
        names_sort_by_time=_boolean(given, "namesSortByTime"),
    )


def flag(options: Mapping[str, str], name: str, default: bool) -> bool:
    """Return a boolean among a format's options, whose names are in lower case.

    Raises:
        IllegalArgumentException: the value is no boolean.
    """
    text = options.get(name.lower())
    if text is None:
        return default
    if text.lower() not in ("true", "false"):
        raise IllegalArgumentException(None, f'For input string: "{text}"')
    return text.lower() == "true"


# What Java and Python decode alike.
_ENCODINGS = ("utf-8", "iso-8859-1", "us-ascii", "utf-16", "utf-16be", "utf-16le", "utf-32")


def codec_name(name: str, function: str | None = None) -> str:
    """Return Python's name for an encoding that Spark's options can name; `function` is who Spark says refuses it.

    Raises:
        IllegalArgumentException: INVALID_PARAMETER_VALUE.CHARSET, or the name alone without a function.
    """
    if name.lower() not in _ENCODINGS:
        if function is None:
            raise IllegalArgumentException(None, name)
        raise IllegalArgumentException(
            "INVALID_PARAMETER_VALUE.CHARSET",
            f"The encoding {name!r} is none of {', '.join(_ENCODINGS)}.",
            sqlstate="22023",
            parameters={"parameter": "`charset`", "functionName": f"`{function}`", "charset": name},
        )
    return codecs.lookup(name).name


def _lower(options: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in options.items()}


def _invalid(value: str, name: str, must_be: str) -> IllegalArgumentException:
    return IllegalArgumentException(None, f"Invalid value '{value}' for option '{name}', must be {must_be}")


def _positive(given: dict[str, str], name: str, limit: int) -> int | None:
    text = given.get(name.lower())
    if text is None:
        return None
    value = java_integer(text)
    if value is None or not 0 < value < limit:
        raise _invalid(text, name, "a positive integer")
    return value


def _cached_files(given: dict[str, str]) -> int:
    text = given.get("maxcachedfiles", "10000")
    value = java_integer(text)
    if value is None or not 0 <= value < 2**31:
        raise _invalid(text, "maxCachedFiles", "an integer greater than or equal to 0")
    return value


def _ratio(given: dict[str, str]) -> float:
    text = given.get("discardcachedinputratio", "0.2")
    value = java_double(text)
    if value is None or not 0 <= value <= 1:
        raise _invalid(text, "discardCachedInputRatio", "a positive float between 0 and 1")
    return value


def _boolean(given: dict[str, str], name: str) -> bool:
    text = given.get(name.lower(), "false")
    if text.lower() not in ("true", "false"):
        raise _invalid(text, name, "'true' or 'false'")
    return text.lower() == "true"


def _duration_ms(text: str) -> int:
    found_ms = duration_us(text, "ms") // 1000
    if found_ms < 0:
        raise IllegalArgumentException(None, f"requirement failed: maxFileAge must not be negative ({text})")
    return found_ms


def duration_us(text: str, unit: str) -> int:
    """Return the microseconds of a time such as `50s`, in a unit when it names none.

    Raises:
        NumberFormatException: it is no time.
    """
    match = _DURATION.fullmatch(text.strip().lower())
    if match is not None and (match[2] is None or match[2] in _UNIT_US):
        return int(match[1]) * _UNIT_US[match[2] or unit]
    reason = f"Failed to parse time string: {text}" if match is None else f'Invalid suffix: "{match[2]}"'
    raise NumberFormatException(
        None,
        "Time must be specified as seconds (s), milliseconds (ms), microseconds (us), minutes (m or min), "
        f"hour (h), or day (d). E.g. 50s, 100ms, or 250us.\n{reason}",
    )
