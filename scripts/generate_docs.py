#!/usr/bin/env python3
"""Write the pages of docs/ that list what the code has: `api.md`, `configuration.md` and `functions.md`.

    python scripts/generate_docs.py            # write them
    python scripts/generate_docs.py --check    # write nothing; end with 1 when one is not as it would be written

Run it after adding a function or a setting. `tests/test_docs.py` fails when it was forgotten.
"""

# ruff: noqa: E501

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

NOTE = "<!-- Written by scripts/generate_docs.py: change the code or the script, not this page. -->"

# One line a setting of lightstream.conf.DEFAULTS.
MEANINGS = {
    "spark.app.name": "The program's name.",
    "spark.master": "Where Spark would run. Everything runs in this process.",
    "spark.sql.adaptive.enabled": "How Spark plans queries while they run. No query can tell.",
    "spark.sql.allowNamedFunctionArguments": "Whether functions take arguments by name.",
    "spark.sql.ansi.doubleQuotedIdentifiers": "Whether double quotes stand around names, or around strings.",
    "spark.sql.ansi.enabled": "Overflow, bad casts and missing elements are errors (`true`) or NULL (`false`).",
    "spark.sql.ansi.enforceReservedKeywords": "Whether SQL's reserved words may be names.",
    "spark.sql.ansi.relationPrecedence": "Whether `JOIN` binds closer than a comma in `FROM`.",
    "spark.sql.autoBroadcastJoinThreshold": "Up to which size Spark sends a table to all machines. There is one.",
    "spark.sql.avro.compression.codec": "How Avro files that are written are compressed.",
    "spark.sql.caseSensitive": "Whether column names are told apart by case.",
    "spark.sql.charAsVarchar": "Whether columns of the type `CHAR` become `VARCHAR`.",
    "spark.sql.chunkBase64String.enabled": "Whether `base64` breaks its text into lines.",
    "spark.sql.columnNameOfCorruptRecord": "The column that takes the text of bad records, if the schema has it.",
    "spark.sql.crossJoin.enabled": "Whether joins without a condition may stand without `CROSS`.",
    "spark.sql.decimalOperations.allowPrecisionLoss": "Whether decimal results give up scale before they overflow.",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "How many rows a frame for a Python function may have.",
    "spark.sql.execution.arrow.pyspark.enabled": "Whether pandas' frames go through Arrow, as they always do here.",
    "spark.sql.execution.arrow.pyspark.fallback.enabled": "What happens where Arrow fails.",
    "spark.sql.execution.arrow.useLargeVarTypes": "Whether Arrow's strings and bytes are of the large types.",
    "spark.sql.execution.pandas.inferPandasDictAsMap": "Whether a dict in a pandas frame is a map, or a struct.",
    "spark.sql.execution.pandas.structHandlingMode": "What structs are in pandas.",
    "spark.sql.execution.pyspark.binaryAsBytes": "Whether bytes come to Python as `bytes`, or as `bytearray`.",
    "spark.sql.execution.pythonUDF.arrow.enabled": "Whether `udf` converts values by the rules of Arrow.",
    "spark.sql.execution.pythonUDF.pandas.intToDecimalCoercionEnabled": "Whether Python functions may return whole numbers for decimals.",
    "spark.sql.execution.pythonUDF.pandas.preferIntExtensionDtype": "Whether whole numbers with NULLs are given to pandas functions as such.",
    "spark.sql.execution.pythonUDTF.arrow.enabled": "Whether `udtf` converts values by the rules of Arrow.",
    "spark.sql.fileSource.insert.enforceNotNull": "Whether rows that are inserted are checked for NULLs.",
    "spark.sql.files.ignoreCorruptFiles": "Whether unreadable files are passed over.",
    "spark.sql.files.ignoreInvalidPartitionPaths": "Whether directories that fit no partitions are passed over.",
    "spark.sql.files.ignoreMissingFiles": "Whether files that have gone since they were listed are passed over.",
    "spark.sql.files.ignoredPathSegmentRegex": "Which files are hidden.",
    "spark.sql.files.maxPartitionBytes": "How much of a file a task of Spark's reads. There are none.",
    "spark.sql.files.maxRecordsPerFile": "How many rows a file that is written may have; 0 for any number.",
    "spark.sql.function.concatBinaryAsString": "Whether `concat` of bytes is a string.",
    "spark.sql.function.eltOutputAsString": "Whether `elt` of bytes is a string.",
    "spark.sql.groupByAliases": "Whether `GROUP BY` may name an alias of the select list.",
    "spark.sql.groupByOrdinal": "Whether a number in `GROUP BY` is a position.",
    "spark.sql.json.enablePartialResults": "Whether the good fields of a bad JSON record are kept.",
    "spark.sql.jsonGenerator.ignoreNullFields": "Whether JSON that is written leaves out what is NULL.",
    "spark.sql.legacy.timeParserPolicy": "Which rules date-time patterns follow.",
    "spark.sql.mapKeyDedupPolicy": "What happens to a map with a key twice.",
    "spark.sql.orc.compression.codec": "How ORC files that are written are compressed.",
    "spark.sql.orc.mergeSchema": "Whether the schemas of all ORC files are merged, or that of one is taken.",
    "spark.sql.orderByOrdinal": "Whether a number in `ORDER BY` is a position.",
    "spark.sql.parquet.binaryAsString": "Whether Parquet's bytes without a meaning are strings.",
    "spark.sql.parquet.compression.codec": "How Parquet files that are written are compressed.",
    "spark.sql.parquet.datetimeRebaseModeInRead": "The calendar of dates and times in Parquet files that do not tell it.",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "The calendar of dates and times in Parquet files that are written.",
    "spark.sql.parquet.fieldId.read.enabled": "Whether Parquet columns are found by number.",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "Whether Parquet's local times are `TIMESTAMP_NTZ`.",
    "spark.sql.parquet.int96AsTimestamp": "Whether Parquet's INT96 is a timestamp.",
    "spark.sql.parquet.int96RebaseModeInRead": "The calendar of INT96 timestamps in files that do not tell it.",
    "spark.sql.parquet.int96RebaseModeInWrite": "The calendar of INT96 timestamps that are written: there are none.",
    "spark.sql.parquet.int96TimestampConversion": "Whether other engines' times of the type INT96 are moved.",
    "spark.sql.parquet.mergeSchema": "Whether the schemas of all Parquet files are merged, or that of one is taken.",
    "spark.sql.parquet.outputTimestampType": "What Parquet's timestamps are written as. It is microseconds, also for `INT96`: "
    "Spark reads both as the same type.",
    "spark.sql.parquet.writeLegacyFormat": "Whether Parquet files are as those of Spark 1.4.",
    "spark.sql.parser.escapedStringLiterals": "Whether backslashes in SQL strings are kept as they are.",
    "spark.sql.parser.quotedRegexColumnNames": "Whether names in backquotes are regular expressions.",
    "spark.sql.pivotMaxValues": "How many values a pivot may find.",
    "spark.sql.preserveCharVarcharTypeInfo": "Whether `CHAR` and `VARCHAR` stay types of columns.",
    "spark.sql.pyspark.inferNestedDictAsStruct.enabled": "Whether a dict in a dict is a struct, or a map.",
    "spark.sql.pyspark.toJSON.returnDataFrame": "Whether `toJSON` returns a DataFrame, or an RDD.",
    "spark.sql.python.filterPushdown.enabled": "Whether a connector's `pushFilters` is asked; one that has it needs this.",
    "spark.sql.readSideCharPadding": "Whether values of `CHAR` are padded when they are read.",
    "spark.sql.repl.eagerEval.enabled": "Whether a DataFrame shows its rows in a notebook.",
    "spark.sql.repl.eagerEval.maxNumRows": "How many rows it shows.",
    "spark.sql.repl.eagerEval.truncate": "How many characters of a cell it shows.",
    "spark.sql.session.timeZone": "The session's time zone.",
    "spark.sql.shuffle.partitions": "There is no shuffle. The number is written to checkpoints, where Spark looks for it.",
    "spark.sql.sources.default": "The format where none is named.",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "Whether partition columns get types, or are all strings.",
    "spark.sql.sources.partitionOverwriteMode": "Whether `overwrite` replaces all (`STATIC`) or partitions (`DYNAMIC`).",
    "spark.sql.storeAssignmentPolicy": "Which casts `INSERT` may put in.",
    "spark.sql.streaming.checkpointLocation": "Where checkpoints go: below it, a directory per query name.",
    "spark.sql.streaming.fileSink.log.cleanupDelay": "How long old entries of a file sink's log stay.",
    "spark.sql.streaming.fileSink.log.compactInterval": "How often a file sink compacts its log.",
    "spark.sql.streaming.fileSink.log.deletion": "Whether old entries of a file sink's log go.",
    "spark.sql.streaming.fileSource.cleaner.numThreads": "Threads of `cleanSource`; 0 cleans between batches.",
    "spark.sql.streaming.fileSource.log.cleanupDelay": "How long old entries of the source log stay.",
    "spark.sql.streaming.fileSource.log.compactInterval": "The least distance of compactions of the source log.",
    "spark.sql.streaming.fileSource.schema.forceNullable": "Whether all columns of a file stream can be NULL.",
    "spark.sql.streaming.fileStreamSink.ignoreMetadata": "Whether all files of a file sink's directory are read, whatever its "
    "log says.",
    "spark.sql.streaming.forceDeleteTempCheckpointLocation": "Whether a temporary checkpoint goes after a failure too.",
    "spark.sql.streaming.metricsEnabled": "Whether metrics go to Spark's metrics system.",
    "spark.sql.streaming.minBatchesToRetain": "How many batches the logs of a checkpoint keep.",
    "spark.sql.streaming.multipleWatermarkPolicy": "Which of several watermarks holds: `min` or `max`. Kept by a checkpoint.",
    "spark.sql.streaming.noDataMicroBatches.enabled": "Whether a moved watermark starts a batch without data.",
    "spark.sql.streaming.noDataProgressEventInterval": "How often an idle query reports.",
    "spark.sql.streaming.numRecentProgressUpdates": "How many reports `recentProgress` keeps (one less than this).",
    "spark.sql.streaming.pollingDelay": "How often a source that cannot wake the query is asked.",
    "spark.sql.streaming.queryEvolution.enableSourceEvolution": "Whether sources have names.",
    "spark.sql.streaming.schemaInference": "Whether a stream without a schema infers it from the files that are there.",
    "spark.sql.streaming.statefulOperator.allowMultiple": "Whether late rows are judged by the watermark of the batch "
    "before (`true`) or of this one.",
    "spark.sql.streaming.statefulOperator.checkCorrectness.enabled": "Whether plans with a known trap are refused.",
    "spark.sql.streaming.stopActiveRunOnRestart": "Whether a start on a checkpoint in use stops the query that runs on it.",
    "spark.sql.streaming.stopTimeout": "How long `stop()` waits; 0 for as long as it takes.",
    "spark.sql.streaming.triggerAvailableNowWrapper.enabled": "Whether sources without `availableNow` get it by a wrapper.",
    "spark.sql.timeType.enabled": "Whether the functions of the type TIME are there.",
    "spark.sql.timestampNanosTypes.enabled": "Whether there are timestamps of nanoseconds.",
    "spark.sql.timestampType": "What `TIMESTAMP` means: `TIMESTAMP_LTZ` or `TIMESTAMP_NTZ`.",
    "spark.sql.transposeMaxValues": "How many rows `transpose` may make columns of.",
    "spark.sql.tvf.allowMultipleTableArguments.enabled": "Whether a table function may be given several tables.",
    "spark.sql.variable.substitute": "Whether `${...}` in SQL text is replaced.",
    "lightstream.database": "The DuckDB file that results live in; in memory without one. Given when the session starts: "
    '`lightstream.session("activity.duckdb")`, or `lightstream run --database`.',
    "lightstream.trigger.missed": "When a batch overran its `processingTime` interval, the next one starts at once (`now`, "
    "as in Spark) or at the next boundary (`wait`).",
}  # fmt: skip

# What stands in Spark's list of functions and is syntax here: the parser takes it apart.
SYNTAX = {
    "case": "case when true then 1 end",
    "cast": "cast('1' as int)",
    "||": "'a' || 'b'",
    "sql_keywords": "(select count(*) from sql_keywords())",
}

KINDS = ("scalar", "aggregate", "window", "generator")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    names = list(head)
    lines = [names, ["---"] * len(names), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def code(text: str) -> str:
    """Return text as Markdown code inside a table."""
    quoted = text.replace("|", "\\|")
    return f"`{quoted}`"


# ---- configuration.md -----------------------------------------------------------------------------------------


def configuration() -> str:
    """Return docs/configuration.md."""
    from lightstream.conf import DEFAULTS, FIXED

    if set(MEANINGS) != set(DEFAULTS):
        missing, gone = sorted(set(DEFAULTS) - set(MEANINGS)), sorted(set(MEANINGS) - set(DEFAULTS))
        raise SystemExit(f"MEANINGS lacks {missing}, and has {gone}, which conf.py has not")
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "lightstream").rglob("*.py"))]

    def is_read(key: str) -> bool:
        call = re.compile(rf'\b(?:get|boolean|integer|duration_ms)\(\s*"{re.escape(key)}"')
        return key == "lightstream.database" or any(call.search(text) for text in texts)

    def rows(keys: Iterable[str]) -> list[tuple[str, str, str]]:
        return [(code(k), code(DEFAULTS[k] or "") if DEFAULTS[k] else "", MEANINGS[k]) for k in sorted(keys)]

    head = ("key", "default", "meaning")
    ours = [key for key in DEFAULTS if key.startswith("lightstream.")]
    sparks = [key for key in DEFAULTS if key not in ours]
    return "\n\n".join(
        [
            "# Configuration",
            NOTE,
            "Settings are given to `SparkSession.builder.config(key, value)`, to `spark.conf.set(key, value)` or with "
            "`SET key = value`. A query keeps the settings of the moment at which it was started. A key that is not listed "
            "can be set and read back, and has no effect.",
            "## Of lightstream",
            table(head, rows(ours)),
            "## Of Spark, with its defaults",
            "The default time zone is the machine's.",
            table(head, rows(key for key in sparks if key not in FIXED and is_read(key))),
            "## Of Spark, built in",
            "These have one meaning here; any other value is refused, as are all of Spark's `spark.sql.legacy.*`.",
            table(head, rows(key for key in sparks if key in FIXED)),
            "## Of Spark, accepted without effect",
            "These can be set and read back. Nothing here asks for them: what happens is what the default says.",
            table(head, rows(key for key in sparks if key not in FIXED and not is_read(key))),
        ]
    ) + "\n"  # fmt: skip


# ---- functions.md ---------------------------------------------------------------------------------------------


def functions() -> str:
    """Return docs/functions.md."""
    from lightstream.functions import registry
    from lightstream.functions.spark_names import SPARK_NAMES

    families = _families()
    here = set(registry.names())
    syntax = sorted(name for name in SYNTAX if name not in here and _is_supported(SYNTAX[name]))
    reasons = _reasons(sorted(SPARK_NAMES - here - set(syntax)))
    plain = [name for name, reason in reasons.items() if not reason]
    parts = [
        "# Functions",
        NOTE,
        f"Of the {len(SPARK_NAMES)} functions and operators of Spark 4.3, {len(SPARK_NAMES & here) + len(syntax)} are here. "
        "They give Spark's values, types, nullability, column names and errors. What is not here is refused by name "
        "when the query is analysed.",
        "Names with `=` between them are the same function.",
        table(("family", "kind", "functions"), _catalogue(families)),
    ]
    if syntax:
        parts += ["## Syntax", table(("function", "as in"), [(code(n), code(SYNTAX[n])) for n in syntax])]
    parts += ["## Refused", ", ".join(code(name) for name in plain) + "."]
    told = [(code(name), reason) for name, reason in reasons.items() if reason]
    if told:
        parts += ["Refused with a reason:", table(("function", "reason"), told)]
    return "\n\n".join(parts) + "\n"


def _catalogue(families: dict[str, list[str]]) -> list[tuple[str, str, str]]:
    """Return the rows of the table of functions: those of one family and one kind in each."""
    from lightstream.functions import registry

    rows = []
    for family, names in families.items():
        groups: dict[str, dict[str, list[str]]] = {kind: defaultdict(list) for kind in KINDS}
        for name in names:
            entry = registry.lookup(name)
            assert entry is not None
            if not entry.extra.get("refused"):
                groups[entry.kind][entry.name].append(name)
        for kind, entries in groups.items():
            if entries:
                texts = (" = ".join(code(name) for name in aliases) for _, aliases in sorted(entries.items()))
                rows.append((family.replace("_", " "), kind, ", ".join(texts)))
    return rows


def _families() -> dict[str, list[str]]:
    """Return the names by the module that registers them.

    The catalogue does not keep the module: it is read off the call, while the catalogue is loaded.
    """
    from lightstream.functions import registry

    found: dict[str, list[str]] = defaultdict(list)
    register = registry._register

    def noting(names: str, *rest: object) -> None:
        frame = sys._getframe(1)
        while frame.f_globals["__name__"] == registry.__name__ and frame.f_back is not None:
            frame = frame.f_back
        public = [name for name in names.split() if not name.startswith("(")]
        found[frame.f_globals["__name__"].rpartition(".")[2]] += public
        register(names, *rest)  # type: ignore[arg-type]

    registry._register = noting  # type: ignore[assignment]
    try:
        known = registry.names()
    finally:
        registry._register = register
    if not known or not found:
        raise SystemExit("the catalogue was loaded before it could be watched")
    return {family: found[family] for family in sorted(found)}


def _is_supported(expression: str) -> bool:
    from lightstream.errors import PySparkException
    from lightstream.sql import SparkSession

    try:
        SparkSession.builder.getOrCreate().sql(f"select {expression}")
    except PySparkException:
        return False
    return True


def _reasons(names: Iterable[str]) -> dict[str, str]:
    """Return, for each refused name, what its refusal says beyond the name."""
    from lightstream.conf import Conf
    from lightstream.errors import PySparkException
    from lightstream.functions import registry

    found = {}
    for name in names:
        try:
            registry.bind_call(name, (), Conf())
        except PySparkException as error:
            text = (error.getMessage() or "").removesuffix(f" SQLSTATE: {error.getSqlState()}")
            start = re.escape(
                f"[{error.getCondition()}] The function {name} is not supported by lightstream."
            )
            match = re.fullmatch(rf"(?:{start})\s*(.*)", text)
            if match is None:
                raise SystemExit(f"{name} is not refused by name: {error}") from None
            found[name] = match[1].replace("|", "\\|")
    return found


# ---- the command ----------------------------------------------------------------------------------------------


def _api() -> str:
    import api_table

    return api_table.page(NOTE)


PAGES = {"configuration.md": configuration, "functions.md": functions, "api.md": _api}


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare only; end with 1 when a page is stale")
    check = parser.parse_args().check
    stale = []
    for name, page in PAGES.items():
        path, text = ROOT / "docs" / name, page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    if check and stale:
        print(f"Stale: {', '.join(stale)}. Run: python scripts/generate_docs.py", file=sys.stderr)
        return 1
    print("Written: " + ", ".join(stale) if stale else "Nothing to do.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
