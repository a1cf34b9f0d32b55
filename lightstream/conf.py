"""Settings: Spark's configuration keys with their 4.3 defaults, and ours (`lightstream.*`)."""

from __future__ import annotations

import os
import re

from lightstream.errors import IllegalArgumentException, SparkNoSuchElementException, unsupported

DEFAULTS: dict[str, str | None] = {
    "spark.app.name": "lightstream",
    "spark.master": "local[*]",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.allowNamedFunctionArguments": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "false",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.enforceReservedKeywords": "false",
    "spark.sql.ansi.relationPrecedence": "false",
    "spark.sql.autoBroadcastJoinThreshold": "10485760b",
    "spark.sql.avro.compression.codec": "snappy",
    "spark.sql.caseSensitive": "false",
    "spark.sql.charAsVarchar": "false",
    "spark.sql.chunkBase64String.enabled": "true",
    "spark.sql.columnNameOfCorruptRecord": "_corrupt_record",
    "spark.sql.crossJoin.enabled": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "10000",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.pyspark.fallback.enabled": "true",
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
    "spark.sql.execution.pandas.inferPandasDictAsMap": "false",
    "spark.sql.execution.pandas.structHandlingMode": "legacy",
    "spark.sql.execution.pyspark.binaryAsBytes": "true",
    "spark.sql.execution.pythonUDF.arrow.enabled": "true",
    "spark.sql.execution.pythonUDF.pandas.intToDecimalCoercionEnabled": "false",
    "spark.sql.execution.pythonUDF.pandas.preferIntExtensionDtype": "false",
    "spark.sql.execution.pythonUDTF.arrow.enabled": "true",
    "spark.sql.fileSource.insert.enforceNotNull": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreInvalidPartitionPaths": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.files.ignoredPathSegmentRegex": "^[._]",
    "spark.sql.files.maxPartitionBytes": "134217728b",
    "spark.sql.files.maxRecordsPerFile": "0",
    "spark.sql.function.concatBinaryAsString": "false",
    "spark.sql.function.eltOutputAsString": "false",
    "spark.sql.groupByAliases": "true",
    "spark.sql.groupByOrdinal": "true",
    "spark.sql.json.enablePartialResults": "true",
    "spark.sql.jsonGenerator.ignoreNullFields": "true",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    "spark.sql.mapKeyDedupPolicy": "EXCEPTION",
    "spark.sql.orc.compression.codec": "zstd",
    "spark.sql.orc.mergeSchema": "false",
    "spark.sql.orderByOrdinal": "true",
    "spark.sql.parquet.binaryAsString": "false",
    "spark.sql.parquet.compression.codec": "snappy",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.fieldId.read.enabled": "false",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.parquet.int96AsTimestamp": "true",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96TimestampConversion": "false",
    "spark.sql.parquet.mergeSchema": "false",
    "spark.sql.parquet.outputTimestampType": "INT96",
    "spark.sql.parquet.writeLegacyFormat": "false",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.parser.quotedRegexColumnNames": "false",
    "spark.sql.pivotMaxValues": "10000",
    "spark.sql.preserveCharVarcharTypeInfo": "false",
    "spark.sql.pyspark.inferNestedDictAsStruct.enabled": "false",
    "spark.sql.pyspark.toJSON.returnDataFrame": "false",
    "spark.sql.python.filterPushdown.enabled": "false",
    "spark.sql.readSideCharPadding": "true",
    "spark.sql.repl.eagerEval.enabled": "false",
    "spark.sql.repl.eagerEval.maxNumRows": "20",
    "spark.sql.repl.eagerEval.truncate": "20",
    "spark.sql.session.timeZone": None,  # the machine's time zone
    "spark.sql.shuffle.partitions": "200",
    "spark.sql.sources.default": "parquet",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "true",
    "spark.sql.sources.partitionOverwriteMode": "STATIC",
    "spark.sql.storeAssignmentPolicy": "ANSI",
    "spark.sql.streaming.checkpointLocation": None,
    "spark.sql.streaming.fileSink.log.cleanupDelay": "600000ms",
    "spark.sql.streaming.fileSink.log.compactInterval": "10",
    "spark.sql.streaming.fileSink.log.deletion": "true",
    "spark.sql.streaming.fileSource.cleaner.numThreads": "1",
    "spark.sql.streaming.fileSource.log.cleanupDelay": "600000ms",
    "spark.sql.streaming.fileSource.log.compactInterval": "10",
    "spark.sql.streaming.fileSource.schema.forceNullable": "true",
    "spark.sql.streaming.fileStreamSink.ignoreMetadata": "false",
    "spark.sql.streaming.forceDeleteTempCheckpointLocation": "false",
    "spark.sql.streaming.metricsEnabled": "false",
    "spark.sql.streaming.minBatchesToRetain": "100",
    "spark.sql.streaming.multipleWatermarkPolicy": "min",
    "spark.sql.streaming.noDataMicroBatches.enabled": "true",
    "spark.sql.streaming.noDataProgressEventInterval": "10000ms",
    "spark.sql.streaming.numRecentProgressUpdates": "100",
    "spark.sql.streaming.pollingDelay": "10ms",
    "spark.sql.streaming.queryEvolution.enableSourceEvolution": "false",
    "spark.sql.streaming.schemaInference": "false",
    "spark.sql.streaming.statefulOperator.allowMultiple": "true",
    "spark.sql.streaming.statefulOperator.checkCorrectness.enabled": "true",
    "spark.sql.streaming.stopActiveRunOnRestart": "true",
    "spark.sql.streaming.stopTimeout": "0",
    "spark.sql.streaming.triggerAvailableNowWrapper.enabled": "false",
    "spark.sql.timeType.enabled": "false",
    "spark.sql.timestampNanosTypes.enabled": "false",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    "spark.sql.transposeMaxValues": "500",
    "spark.sql.tvf.allowMultipleTableArguments.enabled": "false",
    "spark.sql.variable.substitute": "true",
    # ours
    "lightstream.database": None,  # the DuckDB file that results live in; in memory without it
    "lightstream.trigger.missed": "now",  # "wait": a missed processingTime trigger waits for the next boundary
}

# Settings whose meaning is built in: any other value would change answers, so it is refused.
FIXED: dict[str, frozenset[str]] = {
    "spark.sql.allowNamedFunctionArguments": frozenset({"true"}),
    "spark.sql.ansi.doubleQuotedIdentifiers": frozenset({"false"}),
    "spark.sql.ansi.enforceReservedKeywords": frozenset({"false"}),
    "spark.sql.ansi.relationPrecedence": frozenset({"false"}),
    "spark.sql.charAsVarchar": frozenset({"false"}),
    "spark.sql.chunkBase64String.enabled": frozenset({"true"}),
    "spark.sql.crossJoin.enabled": frozenset({"true"}),
    "spark.sql.decimalOperations.allowPrecisionLoss": frozenset({"true"}),
    "spark.sql.execution.arrow.useLargeVarTypes": frozenset({"false"}),
    "spark.sql.execution.pandas.inferPandasDictAsMap": frozenset({"false"}),
    "spark.sql.execution.pandas.structHandlingMode": frozenset({"legacy"}),
    "spark.sql.execution.pyspark.binaryAsBytes": frozenset({"true"}),
    "spark.sql.execution.pythonUDF.arrow.enabled": frozenset({"true"}),
    "spark.sql.execution.pythonUDF.pandas.intToDecimalCoercionEnabled": frozenset({"false"}),
    "spark.sql.execution.pythonUDF.pandas.preferIntExtensionDtype": frozenset({"false"}),
    "spark.sql.execution.pythonUDTF.arrow.enabled": frozenset({"true"}),
    "spark.sql.fileSource.insert.enforceNotNull": frozenset({"false"}),
    "spark.sql.files.ignoreInvalidPartitionPaths": frozenset({"false"}),
    "spark.sql.files.ignoredPathSegmentRegex": frozenset({"^[._]"}),
    "spark.sql.function.concatBinaryAsString": frozenset({"false"}),
    "spark.sql.function.eltOutputAsString": frozenset({"false"}),
    "spark.sql.groupByAliases": frozenset({"true"}),
    "spark.sql.groupByOrdinal": frozenset({"true"}),
    "spark.sql.json.enablePartialResults": frozenset({"true"}),
    "spark.sql.legacy.timeParserPolicy": frozenset({"corrected", "exception"}),
    "spark.sql.mapKeyDedupPolicy": frozenset({"exception"}),
    "spark.sql.orderByOrdinal": frozenset({"true"}),
    "spark.sql.parquet.binaryAsString": frozenset({"false"}),
    "spark.sql.parquet.datetimeRebaseModeInRead": frozenset({"corrected"}),
    "spark.sql.parquet.datetimeRebaseModeInWrite": frozenset({"corrected"}),
    "spark.sql.parquet.fieldId.read.enabled": frozenset({"false"}),
    "spark.sql.parquet.inferTimestampNTZ.enabled": frozenset({"true"}),
    "spark.sql.parquet.int96AsTimestamp": frozenset({"true"}),
    "spark.sql.parquet.int96RebaseModeInRead": frozenset({"corrected"}),
    "spark.sql.parquet.int96RebaseModeInWrite": frozenset({"corrected"}),
    "spark.sql.parquet.int96TimestampConversion": frozenset({"false"}),
    # Written are microseconds, which Spark reads as the same type: INT96 is what old readers of Parquet know.
    "spark.sql.parquet.outputTimestampType": frozenset({"int96", "timestamp_micros"}),
    "spark.sql.parquet.writeLegacyFormat": frozenset({"false"}),
    "spark.sql.parser.quotedRegexColumnNames": frozenset({"false"}),
    "spark.sql.preserveCharVarcharTypeInfo": frozenset({"false"}),
    "spark.sql.pyspark.inferNestedDictAsStruct.enabled": frozenset({"false"}),
    "spark.sql.pyspark.toJSON.returnDataFrame": frozenset({"false"}),
    "spark.sql.readSideCharPadding": frozenset({"true"}),
    "spark.sql.storeAssignmentPolicy": frozenset({"ansi"}),
    "spark.sql.streaming.fileSource.schema.forceNullable": frozenset({"true"}),
    "spark.sql.streaming.queryEvolution.enableSourceEvolution": frozenset({"false"}),
    "spark.sql.streaming.statefulOperator.checkCorrectness.enabled": frozenset({"true"}),
    "spark.sql.timeType.enabled": frozenset({"false"}),
    "spark.sql.timestampNanosTypes.enabled": frozenset({"false"}),
    "spark.sql.timestampType": frozenset({"timestamp_ltz"}),
    "spark.sql.tvf.allowMultipleTableArguments.enabled": frozenset({"false"}),
}

# Settings with a few values, which Spark shows like this.
_CHOICES: dict[str, str] = {"spark.sql.sources.partitionOverwriteMode": "STATIC, DYNAMIC"}

_BOOLEAN = {"true": True, "false": False}
_DURATION = re.compile(r"\s*(-?\d+)\s*(us|ms|s|m|min|h|d)?\s*$")
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, None: 1}


DEFAULT_SCHEMA = "default"


class Conf:
    """The settings of one session: a mapping of text to text over the defaults.

    `schema`: where names of tables without a schema are looked up (USE); Spark's `default` is DuckDB's `main`.
    """

    def __init__(self, values: dict[str, str] | None = None, schema: str = DEFAULT_SCHEMA) -> None:
        self.values: dict[str, str] = dict(values or {})
        self.schema = schema

    def get(self, key: str) -> str | None:
        """Return a setting or its default; None when it has neither.

        Raises:
            SparkNoSuchElementException: the key is neither set nor known.
        """
        if key in self.values:
            return self.values[key]
        if key not in DEFAULTS:
            raise SparkNoSuchElementException(
                "SQL_CONF_NOT_FOUND",
                f'The SQL config "{key}" cannot be found. Please verify that the config exists.',
                sqlstate="42K0I",
                parameters={"sqlConf": f'"{key}"'},
            )
        if key == "spark.sql.session.timeZone":
            return local_time_zone()
        return DEFAULTS[key]

    def set(self, key: str, value: str) -> None:
        """Set a key; a bad boolean or time zone is refused, and what would change answers that are built in."""
        default = DEFAULTS.get(key)
        if default in ("true", "false") and value.strip().lower() not in _BOOLEAN:
            raise IllegalArgumentException(
                "INVALID_CONF_VALUE.TYPE_MISMATCH",
                f'The value "{value}" in the config "{key}" is invalid. It should be boolean.',
                sqlstate="22022",
                parameters={"confName": key, "confValue": value, "confType": "boolean"},
            )
        is_number = default is not None and default.isdigit() and key != "spark.sql.streaming.stopTimeout"
        if is_number and re.fullmatch(r"\s*[+-]?\d+\s*", value) is None:
            raise IllegalArgumentException(
                "INVALID_CONF_VALUE.TYPE_MISMATCH",
                f"The value '{value}' in the config \"{key}\" is invalid. It should be a/an 'int' value.",
                sqlstate="22022",
                parameters={"confName": key, "confValue": value, "confType": "int"},
            )
        if key == "spark.sql.shuffle.partitions" and int(value) <= 0:
            raise IllegalArgumentException(
                "INVALID_CONF_VALUE.REQUIREMENT",
                f"The value '{value}' in the config \"{key}\" is invalid. The value of {key} must be positive.",
                sqlstate="22022",
                parameters={
                    "confName": key,
                    "confValue": value,
                    "confRequirement": f"The value of {key} must be positive",
                },
            )
        if key in _CHOICES and value.strip().upper() not in _CHOICES[key].split(", "):
            raise IllegalArgumentException(
                "INVALID_CONF_VALUE.OUT_OF_RANGE_OF_OPTIONS",
                f"The value '{value}' in the config \"{key}\" is invalid. The value must be one of: {_CHOICES[key]}.",
                sqlstate="22022",
                parameters={"confName": key, "confValue": value, "confOptions": _CHOICES[key]},
            )
        if key == "spark.sql.session.timeZone":
            _check_time_zone(value)
        fixed = FIXED.get(key)
        if fixed is not None and value.strip().lower() not in fixed:
            raise unsupported(f"{key}={value}", f"It is always {', or '.join(sorted(fixed))}.")
        if fixed is None and key.startswith("spark.sql.legacy."):
            raise unsupported(f"The setting {key}", "Spark's older behaviours are not built in.")
        self.values[key] = value

    def unset(self, key: str) -> None:
        """Take a key back to its default."""
        self.values.pop(key, None)

    def copy(self) -> Conf:
        """Return an independent copy (a query keeps the settings it was started with)."""
        return Conf(self.values, self.schema)

    def boolean(self, key: str) -> bool:
        """Return a setting as a boolean."""
        return (self.get(key) or "").strip().lower() == "true"

    def integer(self, key: str) -> int:
        """Return a setting as an integer."""
        text = self.get(key) or ""
        try:
            return int(text)
        except ValueError:
            raise IllegalArgumentException(
                "INVALID_CONF_VALUE.TYPE_MISMATCH",
                f'The value "{text}" in the config "{key}" is invalid. It should be an integer.',
                sqlstate="22022",
                parameters={"confName": key, "confValue": text},
            ) from None

    def duration_ms(self, key: str) -> int:
        """Return a setting as milliseconds; text without a unit is milliseconds."""
        text = self.get(key) or ""
        match = _DURATION.match(text)
        if match is None or match.group(2) == "us":
            raise IllegalArgumentException(
                "INVALID_CONF_VALUE.TYPE_MISMATCH",
                f'The value "{text}" in the config "{key}" is invalid. It should be a time such as 10s.',
                sqlstate="22022",
                parameters={"confName": key, "confValue": text},
            )
        return int(match.group(1)) * _UNIT_MS[match.group(2)]

    @property
    def ansi(self) -> bool:
        """Return whether ANSI rules hold (errors instead of NULL)."""
        return self.boolean("spark.sql.ansi.enabled")

    @property
    def case_sensitive(self) -> bool:
        """Return whether column names are told apart by case."""
        return self.boolean("spark.sql.caseSensitive")

    @property
    def escaped_string_literals(self) -> bool:
        """Return whether strings in SQL text keep their backslashes."""
        return self.boolean("spark.sql.parser.escapedStringLiterals")

    @property
    def time_zone(self) -> str:
        """Return the session's time zone."""
        return self.get("spark.sql.session.timeZone") or "UTC"


def local_time_zone() -> str:
    """Return the machine's time zone as an IANA name, UTC when it cannot be told."""
    name = os.environ.get("TZ", "").lstrip(":")
    if name:
        return name
    try:
        target = os.path.realpath("/etc/localtime")
        if "/zoneinfo/" in target:
            return target.split("/zoneinfo/", 1)[1].removeprefix("posix/")
        with open("/etc/timezone", encoding="utf-8") as file:
            return file.read().strip() or "UTC"
    except OSError:
        return "UTC"


def _check_time_zone(name: str) -> None:
    if name in ("UTC", "GMT"):
        return
    if re.fullmatch(r"(?:UTC|GMT|UT)?[+-]\d{1,2}(?::\d{2}){0,2}|Z|UT", name):
        # DuckDB does not know most of these, and takes UTC+05:30 for five hours.
        raise unsupported(f"The session time zone {name}", "Set a region, such as Asia/Kolkata or Etc/GMT-5.")
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise IllegalArgumentException(
            "INVALID_CONF_VALUE.TIME_ZONE",
            f"The value '{name}' in the config \"spark.sql.session.timeZone\" is invalid. "
            "Cannot resolve the given timezone.",
            sqlstate="22022",
            parameters={"confName": "spark.sql.session.timeZone", "confValue": name},
        ) from None
