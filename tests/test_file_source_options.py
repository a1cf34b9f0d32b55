"""Options of file sources: what Spark 4.3.0 accepted, and its words for what it refused."""

from __future__ import annotations

import pytest

from lightstream.errors import IllegalArgumentException
from lightstream.sources.file_options import FileStreamOptions, read_listing_options, read_stream_options

TIME = (
    "Time must be specified as seconds (s), milliseconds (ms), microseconds (us), minutes (m or min), hour (h), or "
    "day (d). E.g. 50s, 100ms, or 250us.\n"
)


def test_defaults() -> None:
    assert read_stream_options({"path": "/x"}) == FileStreamOptions(
        max_files=None,
        max_bytes=None,
        max_file_age_ms=7 * 24 * 3600 * 1000,
        latest_first=False,
        file_name_only=False,
        clean_source="off",
        archive_directory=None,
        max_cached_files=10_000,
        discard_cached_input_ratio=0.2,
    )


def test_names_are_matched_without_case() -> None:
    assert read_stream_options({"MAXfilesPerTRIGGER": "3"}).max_files == 3


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        ({"maxFilesPerTrigger": "+5"}, "max_files", 5),
        ({"maxBytesPerTrigger": "9223372036854775807"}, "max_bytes", 2**63 - 1),
        ({"maxFileAge": "5"}, "max_file_age_ms", 5),
        ({"maxFileAge": "5d"}, "max_file_age_ms", 432_000_000),
        ({"maxFileAge": "7D"}, "max_file_age_ms", 604_800_000),
        ({"maxFileAge": " 10s "}, "max_file_age_ms", 10_000),
        ({"maxFileAge": "2min"}, "max_file_age_ms", 120_000),
        ({"maxFileAge": "2500us"}, "max_file_age_ms", 2),
        ({"latestFirst": "TRUE"}, "latest_first", True),
        ({"fileNameOnly": "true"}, "file_name_only", True),
        ({"cleanSource": "Delete"}, "clean_source", "delete"),
        ({"cleanSource": "ARCHIVE", "sourceArchiveDir": "/a"}, "archive_directory", "/a"),
        ({"maxCachedFiles": "0"}, "max_cached_files", 0),
        ({"discardCachedInputRatio": "0.5"}, "discard_cached_input_ratio", 0.5),
        ({"latestFirst": "true", "maxFilesPerTrigger": "1", "maxFileAge": "1s"}, "max_file_age_ms", None),
        ({"latestFirst": "true", "maxBytesPerTrigger": "1", "maxFileAge": "1s"}, "max_file_age_ms", None),
        ({"latestFirst": "true", "maxFileAge": "1s"}, "max_file_age_ms", 1000),
    ],
)
def test_values_that_spark_takes(options: dict[str, str], field: str, value: object) -> None:
    assert getattr(read_stream_options(options), field) == value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        *(
            ({"maxFilesPerTrigger": bad}, f"Invalid value '{bad}' for option 'maxFilesPerTrigger', "
             "must be a positive integer")
            for bad in ("0", "x", "-1", "99999999999", " 5", "1.5", "")
        ),
        ({"maxBytesPerTrigger": "10k"}, "Invalid value '10k' for option 'maxBytesPerTrigger', "
         "must be a positive integer"),
        (
            {"maxFilesPerTrigger": "1", "maxBytesPerTrigger": "1"},
            "Options 'maxFilesPerTrigger' and 'maxBytesPerTrigger' can't be both set at the same time",
        ),
        ({"maxFileAge": "zz"}, f"{TIME}Failed to parse time string: zz"),
        ({"maxFileAge": "5 days"}, f"{TIME}Failed to parse time string: 5 days"),
        ({"maxFileAge": "1.5h"}, f"{TIME}Failed to parse time string: 1.5h"),
        ({"maxFileAge": "5w"}, f'{TIME}Invalid suffix: "w"'),
        ({"maxFileAge": "-1s"}, "requirement failed: maxFileAge must not be negative (-1s)"),
        ({"latestFirst": "zz"}, "Invalid value 'zz' for option 'latestFirst', must be 'true' or 'false'"),
        ({"latestFirst": " true"}, "Invalid value ' true' for option 'latestFirst', must be 'true' or 'false'"),
        ({"fileNameOnly": "1"}, "Invalid value '1' for option 'fileNameOnly', must be 'true' or 'false'"),
        ({"cleanSource": "zz"}, "Invalid mode for clean source option Some(zz). Must be one of ARCHIVE,DELETE,OFF"),
        ({"cleanSource": "archive"}, "Archive mode must be used with 'sourceArchiveDir' option."),
        ({"maxCachedFiles": "-1"}, "Invalid value '-1' for option 'maxCachedFiles', must be an integer greater than or "
         "equal to 0"),
        ({"discardCachedInputRatio": "1.5"}, "Invalid value '1.5' for option 'discardCachedInputRatio', must be a "
         "positive float between 0 and 1"),
        ({"discardCachedInputRatio": "NaN"}, "Invalid value 'NaN' for option 'discardCachedInputRatio', must be a "
         "positive float between 0 and 1"),
        ({"modifiedBefore": "2020-01-01T00:00:00"}, "option 'modifiedbefore' is not allowed in file stream sources"),
        ({"modifiedAfter": "2020-01-01T00:00:00"}, "option 'modifiedafter' is not allowed in file stream sources"),
    ],
)  # fmt: skip
def test_values_that_spark_refuses(options: dict[str, str], message: str) -> None:
    with pytest.raises(IllegalArgumentException) as caught:
        read_stream_options(options)
    assert str(caught.value) == message


def test_listing_options() -> None:
    options = read_listing_options(
        {"RecursiveFileLookup": "True", "pathGlobFilter": "*.json", "basePath": " /b ", "timeZone": "+02:00"}
    )
    assert (options.recursive, options.name_glob, options.base_path) == (True, "*.json", "/b")
    assert options.time_zone == "+02:00"
    assert read_listing_options({"basePath": " "}).base_path is None


def test_listing_options_that_are_refused() -> None:
    with pytest.raises(IllegalArgumentException, match='For input string: "zz"'):
        read_listing_options({"recursiveFileLookup": "zz"})
    with pytest.raises(IllegalArgumentException, match="Illegal file pattern"):
        read_listing_options({"pathGlobFilter": "[a"})
