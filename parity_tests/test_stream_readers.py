"""Reading files as a stream: which files are taken, in which batch, and what every option of the reader does."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from typing import Any

import pytest
from stream_cases import FILES, FIRST_TIME_S, Cases, Engine, compare

CASES = Cases("stream reader")
N = [{"n": i} for i in range(6)]


def numbered(engine: Engine, *names: str, into: str = "in") -> None:
    """Let files arrive, the i-th with the row `n = i`."""
    for position, name in enumerate(names):
        engine.write(name, [N[position]], into=into)


# ---- which files, and when ------------------------------------------------------------------------------------------


@CASES
def files_by_their_number(engine: Engine) -> None:
    numbered(engine, "e.json", "d.json", "c.json", "b.json", "a.json")
    engine.run(engine.stream(schema="n int", maxFilesPerTrigger="2"))


@CASES
def files_by_their_bytes(engine: Engine) -> None:
    for name, width in (("a", 10), ("b", 90), ("c", 20), ("d", 20), ("e", 200)):
        engine.write(name, [{"k": "x" * width}])
    engine.run(engine.stream(schema="k string", maxBytesPerTrigger=100).selectExpr("length(k)"))


@CASES
def one_file_is_always_taken(engine: Engine) -> None:
    numbered(engine, "a", "b")
    engine.run(engine.stream(schema="n int", maxBytesPerTrigger=1))


@CASES
def latest_first(engine: Engine) -> None:
    numbered(engine, "a", "b", "c", "d", "e")
    engine.run(engine.stream(schema="n int", maxFilesPerTrigger=2, latestFirst=True))


@CASES
def latest_first_while_files_arrive(engine: Engine) -> None:
    numbered(engine, "a", "b", "c")

    def batch(rows: Any, batch_id: int) -> None:
        engine.tell(batch_id, [row.n for row in rows.collect()])
        if batch_id == 0:
            engine.write("d", [N[5]])

    frame = engine.stream(schema="n int", maxFilesPerTrigger=1, latestFirst="true")
    query = frame.writeStream.foreachBatch(batch).start()
    query.processAllAvailable()
    engine.tell_progress(query)


@CASES
def an_older_file_waits_for_what_was_listed(engine: Engine) -> None:
    numbered(engine, "a", "b", "c")

    def batch(rows: Any, batch_id: int) -> None:
        engine.tell(batch_id, [row.n for row in rows.collect()])
        if batch_id == 0:
            engine.write("d", [N[5]], at=-100)

    query = engine.stream(schema="n int", maxFilesPerTrigger=1).writeStream.foreachBatch(batch).start()
    query.processAllAvailable()


@CASES
def no_cache_of_what_was_listed(engine: Engine) -> None:
    numbered(engine, "a", "b", "c")

    def batch(rows: Any, batch_id: int) -> None:
        engine.tell(batch_id, [row.n for row in rows.collect()])
        if batch_id == 0:
            engine.write("d", [N[5]], at=-100)

    frame = engine.stream(schema="n int", maxFilesPerTrigger=1, maxCachedFiles=0)
    query = frame.writeStream.foreachBatch(batch).start()
    query.processAllAvailable()


@CASES
def a_rest_of_the_list_is_dropped(engine: Engine) -> None:
    numbered(engine, "a", "b", "c")

    def batch(rows: Any, batch_id: int) -> None:
        engine.tell(batch_id, sorted(row.n for row in rows.collect()))
        if batch_id == 0:
            engine.write("d", [N[5]], at=-100)

    frame = engine.stream(schema="n int", maxFilesPerTrigger=2, discardCachedInputRatio=1.0)
    query = frame.writeStream.foreachBatch(batch).start()
    query.processAllAvailable()


@CASES
def files_of_one_name(engine: Engine) -> None:
    engine.write("x/same.json", [N[0]])
    engine.write("y/same.json", [N[1]])
    engine.write("y/other.json", [N[2]])
    for named in ("false", "true"):
        frame = engine.stream("in/*", schema="n int", fileNameOnly=named, maxFilesPerTrigger=1)
        engine.run(frame, checkpoint=f"checkpoint-{named}")


@CASES
def files_that_are_too_old(engine: Engine) -> None:
    engine.write("new", [N[0]], at=1000)
    engine.write("old at first", [N[1]], at=0)
    engine.run(engine.stream(schema="n int", maxFileAge="60s"))
    engine.write("too old", [N[2]], at=939)
    engine.write("just right", [N[3]], at=945)
    engine.run(engine.stream(schema="n int", maxFileAge="60s"))


@CASES
def age_does_not_count_with_latest_first_and_a_limit(engine: Engine) -> None:
    engine.write("new", [N[0]], at=1000)
    options = {"maxFileAge": "60s", "latestFirst": True, "maxFilesPerTrigger": 5}
    engine.run(engine.stream(schema="n int", **options))
    engine.write("old", [N[2]], at=1)
    engine.run(engine.stream(schema="n int", **options))


@CASES
def ages_in_every_unit(engine: Engine) -> None:
    engine.write("a", [N[0]])
    for age in ("7d", "1h", "5m", "5min", "10s", "100ms", "100us", "5", " 1D ", "0s"):
        query = engine.stream(schema="n int", maxFileAge=age).writeStream.format("noop")
        query = query.trigger(once=True).start()
        engine.tell(age, query.awaitTermination(60))


@CASES
def a_changed_file_is_not_read_again_and_a_copy_is(engine: Engine) -> None:
    engine.write("a", [N[0]])
    engine.run(engine.stream(schema="n int"))
    engine.write("a", [N[1], N[2]], at=50)
    engine.run(engine.stream(schema="n int"))
    engine.write("b", [N[1], N[2]], at=60)
    engine.run(engine.stream(schema="n int"))


@CASES
def names_that_are_hidden(engine: Engine) -> None:
    numbered(engine, "_a.json", ".b.json", "c.json._COPYING_", "d.txt", "e", "f.json.tmp")
    engine.write("g.json", [{"n": 7}], into="in/_sub")
    engine.run(engine.stream(schema="n int"))


@CASES
def compressed_files(engine: Engine) -> None:
    engine.write("a.json.gz", gzip.compress(b'{"n":1}\n{"n":2}\n'))
    engine.write("b.json", [N[3]])
    engine.run(engine.stream(schema="n int"))


@CASES
def directories_below(engine: Engine) -> None:
    engine.write("top.json", [N[0]])
    engine.write("sub/deep.json", [N[1]])
    engine.write("sub/more/deeper.json", [N[2]])
    engine.run(engine.stream(schema="n int"), checkpoint="flat")
    engine.run(engine.stream(schema="n int", recursiveFileLookup=True), checkpoint="deep")


@CASES
def names_by_a_pattern(engine: Engine) -> None:
    numbered(engine, "a1.json", "a2.json", "b1.json", "a1.txt")
    engine.run(engine.stream(schema="n int", pathGlobFilter="a*.json"), checkpoint="star")
    engine.run(engine.stream(schema="n int", pathGlobFilter="{a,b}1.*"), checkpoint="braces")
    engine.run(engine.stream(schema="n int", pathGlobFilter="[!a]*"), checkpoint="class")


PATTERNS = ("in/*.json", "in/day=*", "in/{x,y}", "in/[xy]/*.json", "in/?", "in/*/*")


def pattern(path: str) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        engine.write("top.json", [N[0]])
        engine.write("x/a.json", [N[1]])
        engine.write("y/b.json", [N[2]])
        engine.write("z/c.json", [N[3]])
        engine.write("day=1/d.json", [N[4]])
        engine.run(engine.stream(path, schema="n int"))

    return program


for path in PATTERNS:
    CASES.add(f"the path {path}", pattern(path))


@CASES
def odd_names(engine: Engine) -> None:
    numbered(engine, "a b.json", "50%.json", "ü.json", "a+b.json", "x#y.json", into="in/o d%d")
    query = engine.run(engine.stream("in/o d%d", schema="n int").select("n", "_metadata.file_name"))
    described = query.recentProgress[0]["sources"][0]["description"]
    engine.tell(described.replace(engine.path("in"), ""))


@CASES
def ways_to_name_a_path(engine: Engine) -> None:
    engine.write("a.json", [N[0]])
    path = engine.path("in")
    ways: tuple[Callable[[Any], Any], ...] = (
        lambda read: read.schema("n int").format("json").load(path),
        lambda read: read.format("json").load(path, schema="n int"),
        lambda read: read.load(path, format="json", schema="n int"),
        lambda read: read.format("JSON").option("path", path).schema("n int").load(),
        lambda read: read.schema("n int").json("file://" + path),
        lambda read: read.schema("n int").json("file:" + path + "/"),
        lambda read: read.schema("n int").json(path + "//../in/"),
    )
    for position, way in enumerate(ways):
        frame = way(engine.spark.readStream)
        engine.run(frame, checkpoint=f"checkpoint-{position}", once=True)
    for read in (engine.spark.readStream, engine.spark.read):
        twice = read.schema("n int").option("path", path)
        engine.attempt("a path twice", lambda given=twice: given.json(path))


@CASES
def a_question_mark_in_a_name(engine: Engine) -> None:
    numbered(engine, "a.json", "q?.json")
    engine.run(engine.stream(schema="n int"))


@CASES
def a_colon_in_a_name(engine: Engine) -> None:
    numbered(engine, "a.json", "10:30.json")
    engine.run(engine.stream(schema="n int"))


# ---- partitions -------------------------------------------------------------------------------------------------


@CASES
def partitions_become_columns(engine: Engine) -> None:
    engine.write("day=1/kind=x/a.json", [N[0]])
    engine.write("day=2/kind=y/b.json", [N[1]])
    engine.write("day=3/kind=__HIVE_DEFAULT_PARTITION__/c.json", [N[2]])
    frame = engine.stream(schema="n int")
    engine.tell(frame.columns)
    engine.run(frame)


@CASES
def partitions_of_the_schemas_types(engine: Engine) -> None:
    engine.write("day=01/a.json", [N[0]])
    engine.write("day=2/b.json", [N[1]])
    engine.run(engine.stream(schema="day string, n int"), checkpoint="strings")
    engine.run(engine.stream(schema="day double, n int"), checkpoint="doubles")


@CASES
def partitions_in_a_query(engine: Engine) -> None:
    for day in (1, 2, 3):
        engine.write(f"day={day}/a.json", [N[day], N[0]])
    frame = engine.stream(schema="n int", maxFilesPerTrigger=1)
    engine.run(frame.groupBy("day").sum("n"), "complete", checkpoint="sums")
    engine.run(frame.where("day + n = 3").select("day", "n"), checkpoint="filter", once=True)


@CASES
def partitions_that_a_filter_leaves_out(engine: Engine) -> None:
    for day in (1, 2):
        engine.write(f"day={day}/a.json", [N[day]])
    engine.run(engine.stream(schema="n int").where("day = 2"))


@CASES
def a_partition_that_comes_later(engine: Engine) -> None:
    engine.write("day=1/a.json", [N[0]])
    query = engine.start(engine.stream(schema="n int"))
    query.processAllAvailable()
    engine.write("day=2/b.json", [N[1]])
    query.processAllAvailable()
    engine.tell_progress(query)


@CASES
def a_base_path(engine: Engine) -> None:
    engine.write("day=1/a.json", [N[0]])
    engine.write("day=2/b.json", [N[1]])
    engine.run(engine.stream("in/day=*", schema="n int"), checkpoint="without")
    engine.run(engine.stream("in/day=*", schema="n int", basePath=engine.path("in")), checkpoint="with")


# ---- the schema -------------------------------------------------------------------------------------------------


@CASES
def a_schema_in_every_form(engine: Engine) -> None:
    T = engine.T
    engine.write("a.json", [{"n": 1, "k": "a", "s": {"p": 1}, "l": [1, 2]}])
    fields = [
        T.StructField("n", T.LongType(), False),
        T.StructField("s", T.StructType([T.StructField("p", T.IntegerType(), False)]), False),
        T.StructField("l", T.ArrayType(T.IntegerType(), False), False),
    ]
    struct = T.StructType(fields)
    for position, schema in enumerate(
        (struct, "k string NOT NULL, n bigint COMMENT 'n'", T.StructType().add("k", "string", False))
    ):
        frame = engine.stream(schema=schema)
        engine.tell(frame.schema.json(), frame.schema.simpleString())
        engine.run(frame, checkpoint=f"checkpoint-{position}", once=True)


@CASES
def the_schema_of_a_table_that_was_read(engine: Engine) -> None:
    engine.put(0, 1)
    schema = engine.spark.read.json(engine.path("in")).schema
    engine.run(engine.stream(schema=schema, maxFilesPerTrigger=1))


@CASES
def an_inferred_schema(engine: Engine) -> None:
    engine.set("spark.sql.streaming.schemaInference", "true")
    engine.put(0, 1)
    frame = engine.stream(schema=None)
    engine.tell(frame.schema.json())
    engine.run(frame)
    engine.attempt("an empty directory", lambda: engine.stream("nothing", schema=None))
    (engine.directory / "nothing").mkdir()
    engine.attempt("an empty directory", lambda: engine.stream("nothing", schema=None))


INFERRING: dict[str, dict[str, Any]] = {
    "primitivesAsString": {"primitivesAsString": True},
    "prefersDecimal": {"prefersDecimal": True},
    "inferTimestamp": {"inferTimestamp": True},
    "dropFieldIfAllNull": {"dropFieldIfAllNull": True},
    "allowNumericLeadingZeros": {"allowNumericLeadingZeros": True},
    "samplingRatio": {"samplingRatio": 1.0},
}


def inferring(options: dict[str, Any]) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        engine.set("spark.sql.streaming.schemaInference", "true")
        engine.write(
            "a.json", '{"a":1,"b":1.5,"c":true,"d":null,"e":"2025-01-01T10:00:00"}\n{"a":2,"l":[]}\n'
        )
        frame = engine.stream(schema=None, **options)
        engine.tell(frame.schema.json())
        engine.run(frame, once=True)

    return program


for name, options in INFERRING.items():
    CASES.add(f"inferring with {name}", inferring(options))


# ---- what is in the files ---------------------------------------------------------------------------------------

ROWS = "a int, t timestamp, d date, s string, x double, _corrupt_record string"
BAD = b'{"a":1,"s":"good"}\n{"a":"one","s":"kept"}\n{broken\n'
# Option name to (options, content of the file, schema).
CONTENTS: dict[str, tuple[dict[str, Any], bytes, str]] = {
    "mode PERMISSIVE": ({"mode": "PERMISSIVE"}, BAD, ROWS),
    "mode DROPMALFORMED": ({"mode": "dropMalformed"}, BAD, "a int, s string"),
    "mode FAILFAST": ({"mode": "FAILFAST"}, BAD, "a int, s string"),
    "mode unknown": ({"mode": "strict"}, BAD, "a int, s string"),
    "columnNameOfCorruptRecord": ({"columnNameOfCorruptRecord": "bad"}, BAD, "a int, bad string"),
    "dateFormat": ({"dateFormat": "dd.MM.yyyy"}, b'{"d":"24.12.2025"}\n{"d":"2025-12-24"}\n', ROWS),
    "timestampFormat": (
        {"timestampFormat": "yyyy/MM/dd HH:mm"}, b'{"t":"2025/12/24 18:30"}\n{"t":"2025-12-24 18:30:00"}\n', ROWS,
    ),
    "timestampNTZFormat": (
        {"timestampNTZFormat": "yyyy/MM/dd HH:mm"}, b'{"t":"2025/12/24 18:30"}\n', "t timestamp_ntz"
    ),
    "timeZone": ({"timeZone": "America/New_York"}, b'{"t":"2025-07-01 12:00:00"}\n', ROWS),
    "locale": ({"locale": "en-US", "dateFormat": "d MMM yyyy"}, b'{"d":"24 Dec 2025"}\n', ROWS),
    "multiLine": ({"multiLine": True}, b'[{"a":1,\n"s":"x"},\n{"a":2}]', ROWS),
    "lineSep": ({"lineSep": ";"}, b'{"a":1};{"a":2};{"a":3}', ROWS),
    "encoding": ({"encoding": "ISO-8859-1", "lineSep": "\n"}, '{"s":"ü"}\n'.encode("latin-1"), ROWS),
    "charset": ({"charset": "UTF-16LE", "lineSep": "\n"}, '{"s":"ü"}\n{"a":2}\n'.encode("utf-16-le"), ROWS),
    "allowSingleQuotes": ({"allowSingleQuotes": False}, b"{'a':1}\n{\"a\":2}\n", ROWS),
    "allowUnquotedFieldNames": ({"allowUnquotedFieldNames": True}, b'{a:1}\n{"a":2}\n', ROWS),
    "allowComments": ({"allowComments": True}, b'{"a":/* one */1}\n{"a":2} // two\n', ROWS),
    "allowNumericLeadingZeros": ({"allowNumericLeadingZeros": True}, b'{"a":007}\n', ROWS),
    "allowNonNumericNumbers": ({"allowNonNumericNumbers": False}, b'{"x":NaN}\n{"x":1.5}\n', ROWS),
    "allowBackslashEscapingAnyCharacter": (
        {"allowBackslashEscapingAnyCharacter": True}, b'{"s":"\\q"}\n{"s":"\\n"}\n', ROWS
    ),
    "allowUnquotedControlChars": ({"allowUnquotedControlChars": True}, b'{"s":"a\tb"}\n', ROWS),
    "enableDateTimeParsingFallback": (
        {"enableDateTimeParsingFallback": True, "dateFormat": "dd.MM.yyyy"}, b'{"d":"2025-12-24"}\n', ROWS
    ),
    "maxNestingDepth": ({"maxNestingDepth": 3}, b'{"s":[[[[1]]]]}\n{"s":[1]}\n', ROWS),
    "maxNumLen": ({"maxNumLen": 5}, b'{"x":1234567}\n{"x":123}\n', ROWS),
    "ignoreCorruptFiles": ({"ignoreCorruptFiles": True}, BAD, ROWS),
    "names of options in any case": ({"MODE": "dropmalformed", "DATEformat": "dd.MM.yyyy"}, BAD, "a int, s string"),
}  # fmt: skip


def content(name: str, options: dict[str, Any], written: bytes, schema: str) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        engine.write("a.json", written)
        frame = engine.stream(schema=schema, **options)
        if name == "mode FAILFAST":
            engine.fail(frame.writeStream.format("noop").start())
        else:
            engine.run(frame)

    return program


for name, case in CONTENTS.items():
    CASES.add(f"the option {name}", content(name, *case))


@CASES
def files_that_cannot_be_read(engine: Engine) -> None:
    engine.write("a.json", [N[0]])
    engine.write("b.json.gz", b"this is not compressed")
    engine.fail(engine.stream(schema="n int").writeStream.format("noop").start())
    engine.run(engine.stream(schema="n int", ignoreCorruptFiles=True), checkpoint="ignoring")


@CASES
def files_that_are_gone(engine: Engine) -> None:
    numbered(engine, "a.json", "b.json")
    engine.run(engine.stream(schema="n int"), once=True)
    (engine.directory / "checkpoint/commits/0").unlink()
    os.unlink(engine.path("in/b.json"))
    engine.run(engine.stream(schema="n int"), once=True)


# ---- cleaning up ------------------------------------------------------------------------------------------------


@CASES
def files_are_deleted_when_they_are_done(engine: Engine) -> None:
    engine.set("spark.sql.streaming.fileSource.cleaner.numThreads", "0")
    numbered(engine, "a", "b", "c")
    engine.run(engine.stream(schema="n int", cleanSource="delete", maxFilesPerTrigger=1))
    engine.tell(sorted(os.listdir(engine.path("in"))))


@CASES
def files_are_archived_when_they_are_done(engine: Engine) -> None:
    engine.set("spark.sql.streaming.fileSource.cleaner.numThreads", "0")
    numbered(engine, "a", "b", "c")
    archive = engine.path("archive")
    frame = engine.stream(
        schema="n int", cleanSource="ARCHIVE", sourceArchiveDir=archive, maxFilesPerTrigger=1
    )
    engine.run(frame)
    engine.tell(sorted(os.listdir(engine.path("in"))))
    engine.tell(sorted(os.listdir(archive + engine.path("in"))))


# ---- values that options cannot have ------------------------------------------------------------------------------

WRONG: dict[str, dict[str, Any]] = {
    "no files": {"maxFilesPerTrigger": 0},
    "less than no files": {"maxFilesPerTrigger": -1},
    "files in words": {"maxFilesPerTrigger": "some"},
    "half files": {"maxFilesPerTrigger": "1.5"},
    "too many files": {"maxFilesPerTrigger": 2**31},
    "no bytes": {"maxBytesPerTrigger": 0},
    "bytes with a unit": {"maxBytesPerTrigger": "1k"},
    "both limits": {"maxFilesPerTrigger": 1, "maxBytesPerTrigger": 1},
    "modifiedBefore": {"modifiedBefore": "2025-01-01T00:00:00"},
    "modifiedAfter": {"modifiedAfter": "2025-01-01T00:00:00"},
    "latestFirst": {"latestFirst": "yes"},
    "fileNameOnly": {"fileNameOnly": "1"},
    "maxFileAge": {"maxFileAge": "old"},
    "maxFileAge of no unit": {"maxFileAge": "5 parsecs"},
    "cleanSource": {"cleanSource": "burn"},
    "archive nowhere": {"cleanSource": "archive"},
    "maxCachedFiles": {"maxCachedFiles": -1},
    "discardCachedInputRatio": {"discardCachedInputRatio": 2},
    "recursiveFileLookup": {"recursiveFileLookup": "maybe"},
    "timeZone": {"timeZone": "Mars/Olympus"},
    "encoding": {"encoding": "klingon"},
    "lineSep": {"lineSep": ""},
    "allowComments": {"allowComments": "maybe"},
    "samplingRatio": {"samplingRatio": 0},
    "nothing": {"maxFilesPerTrigger": None, "mode": None},
}


def wrong(options: dict[str, Any]) -> Callable[[Engine], None]:
    def program(engine: Engine) -> None:
        engine.write("a.json", [{"n": 1, "d": "2025-01-01"}])
        started: list[Any] = []

        def start() -> None:
            started.append(
                engine.stream(schema="n int, d date", **options).writeStream.format("noop").start()
            )

        engine.attempt("start", start)
        for query in started:
            engine.attempt("run", query.processAllAvailable)
            if not query.isActive:
                engine.fail(query)

    return program


for name, options in WRONG.items():
    CASES.add(f"a wrong value: {name}", wrong(options))


@CASES
def what_cannot_be_a_source(engine: Engine) -> None:
    read, path = engine.spark.readStream, engine.path("in")
    engine.write("a.json", [N[0]])
    engine.attempt("no schema", lambda: read.json(path))
    engine.attempt("no path", lambda: read.schema("n int").format("json").load())
    engine.attempt("an empty path", lambda: read.schema("n int").format("json").load(" "))
    engine.attempt("no text for a path", lambda: read.schema("n int").json(5))
    engine.attempt("several paths", lambda: read.schema("n int").json([path, path]))
    engine.attempt("a missing directory", lambda: read.schema("n int").json(path + "/none"))
    engine.attempt("a batch format", lambda: read.format("jdbc").load())
    for text in ("n integer int", "n: int", "struct<n:int>", "int", "", "n int,", "n array<int", "n int not"):
        engine.attempt(f"the schema {text}", lambda given=text: read.schema(given))
    engine.attempt("an unknown type", lambda: read.schema("n number"))
    engine.attempt("no schema at all", lambda: read.schema(5))
    engine.attempt("a table that is none", lambda: read.table("nothing_here"))


@CASES
def a_pattern_that_matches_nothing(engine: Engine) -> None:
    query = engine.run(engine.stream("in/*.none", schema="n int"))
    engine.tell(len(query.recentProgress))


@CASES
def a_single_file_cannot_be_a_stream(engine: Engine) -> None:
    engine.write("a.json", [N[0]])
    engine.fail(engine.start(engine.stream("in/a.json", schema="n int"), availableNow=True))


@CASES
def partitions_that_do_not_fit_the_schema(engine: Engine) -> None:
    engine.write("day=x/a.json", [N[0]])
    engine.attempt("int", lambda: engine.run(engine.stream(schema="day int, n int")))
    engine.write("a=1/b=2/a.json", [N[0]], into="other")
    engine.write("a=1/a.json", [N[0]], into="other")
    engine.attempt("depths", lambda: engine.run(engine.stream("other", schema="n int"), checkpoint="c2"))


@CASES
def what_the_files_say_of_themselves(engine: Engine) -> None:
    engine.write("a.json", [N[0], N[1]], at=7)
    meta = engine.F.col("_metadata")
    frame = engine.stream(schema="n int").select(
        "n", meta.file_name, meta.file_size, meta.file_block_start, meta.file_modification_time.alias("at"),
        engine.F.expr("_metadata.file_path like 'file:/%/in/a.json'").alias("path"),
    )  # fmt: skip
    engine.tell(frame.dtypes)
    engine.run(frame)
    engine.tell(FIRST_TIME_S)


@CASES
def a_file_that_goes_before_its_batch(engine: Engine) -> None:
    engine.put(0)
    last = engine.write("last.json", FILES[1], at=9)
    batches: list[Any] = []

    def take(batch: Any, batch_id: int) -> None:
        last.unlink(missing_ok=True)
        batches.append((batch_id, batch.count()))

    query = (
        engine.stream(maxFilesPerTrigger=1).writeStream.foreachBatch(take).trigger(availableNow=True).start()
    )
    query.awaitTermination()
    engine.tell(batches)


@CASES
def a_stream_is_a_description(engine: Engine) -> None:
    frame = engine.stream()
    engine.tell(frame.isStreaming, frame.columns, frame.dtypes, frame.schema.simpleString())
    engine.tell(engine.spark.range(1).isStreaming, frame.select("k").isStreaming)
    for name in (
        "collect",
        "count",
        "show",
        "toPandas",
        "first",
        "cache",
        "isEmpty",
        "head",
        "toLocalIterator",
    ):
        engine.attempt(name, getattr(frame, name))
    engine.attempt("take", lambda: frame.take(1))
    engine.attempt("tail", lambda: frame.tail(1))
    engine.attempt("foreach", lambda: frame.foreach(print))
    engine.attempt("write", lambda: frame.write)
    engine.attempt("writeTo", lambda: frame.writeTo("t"))
    engine.attempt("checkpoint", lambda: frame.localCheckpoint())
    engine.attempt(
        "sql", lambda: (frame.createOrReplaceTempView("s"), engine.spark.sql("select * from s").collect())
    )
    engine.spark.catalog.dropTempView("s")


@pytest.mark.parametrize("program", list(CASES))
def test_reader(spark: Any, lightstream: Any, tmp_path: Any, program: Callable[[Engine], None]) -> None:
    compare(spark, lightstream, tmp_path, program)
