"""What a file of each format holds: the rows as DuckDB is asked for them, and how it, or Python, writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lightstream.conf import Conf
from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, IllegalArgumentException, NumberFormatException, unsupported
from lightstream.functions.registry import SqlContext
from lightstream.functions.spelling import quote, text_sql
from lightstream.plan import types as t
from lightstream.sinks.files.layout import Layout, refuse_empty, unsupported_type
from lightstream.sources.avro.format import NOT_IN_AVRO
from lightstream.sources.file_options import codec_name, flag
from lightstream.sources.java_text import java_integer
from lightstream.sources.orc.format import NOT_IN_ORC

if TYPE_CHECKING:
    import pyarrow as pa

ROW_METADATA = "org.apache.spark.sql.parquet.row.metadata"
SPARK_VERSION = "4.3.0"
"""Whose files these are: readers of Spark take dates and timestamps by its calendar."""


@dataclass(frozen=True, slots=True)
class Lines:
    """How Python writes the lines of a text format: what DuckDB cannot write."""

    separator: str
    encoding: str
    codec: str | None
    mark: bytes  # before the text


@dataclass(frozen=True, slots=True)
class PartFormat:
    """The content of part files.

    `columns` are SQL over the columns of a layout, for lines of text one column `line`, and `names` what they are
    called; `header` is SQL of the first line. `copy` are options of DuckDB's COPY. `write` writes rows into a new file,
    where neither DuckDB nor `lines` does. A file has `max_records` rows at most, any number where that is 0.
    """

    extension: str
    columns: str
    names: str
    copy: str
    header: str | None = None
    lines: Lines | None = None
    write: Callable[[pa.RecordBatchReader, str], None] | None = None
    skips_empty: bool = False  # lines without a character are none
    max_records: int = 0


def part_format(name: str, layout: Layout, options: Mapping[str, str], conf: Conf) -> PartFormat:
    """Return what the files of a format hold. Keys of `options` are in lower case; unknown ones are ignored.

    Raises:
        AnalysisException: EMPTY_SCHEMA_NOT_SUPPORTED_FOR_DATASOURCE, UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE.
        IllegalArgumentException: CODEC_NOT_AVAILABLE; an option that cannot be read.
        UnsupportedOperationException: an option or a type that is not supported here.
    """
    refuse_empty(name, layout.schema)
    for field, _ in layout.data:
        if not _is_supported(name, field.dataType):
            raise unsupported_type(name, field)
    for field, _ in layout.partitions:
        if isinstance(field.dataType, t.CalendarIntervalType):
            raise unsupported_type(name, field)
    text = options.get("maxrecordsperfile", conf.get("spark.sql.files.maxRecordsPerFile") or "0")
    limit = java_integer(text)
    if limit is None:
        raise NumberFormatException(None, f'For input string: "{text}"')
    makers = {"parquet": _parquet, "orc": _orc, "avro": _avro, "json": _json, "csv": _csv, "text": _text}
    return replace(makers[name](layout, options, conf), max_records=max(limit, 0))


_NOT_IN_CSV = (
    t.ArrayType, t.MapType, t.StructType, t.CalendarIntervalType, t.VariantType, t.NullType,
)  # fmt: skip


def _is_supported(name: str, data_type: t.DataType) -> bool:
    """Return whether Spark writes values of a type in a format."""
    if name == "text":
        return isinstance(data_type, t.StringType)
    if name == "csv":
        return not isinstance(data_type, _NOT_IN_CSV)
    return not t.holds(
        data_type, *{"orc": NOT_IN_ORC, "avro": NOT_IN_AVRO}.get(name, (t.CalendarIntervalType,))
    )


# ---- Parquet ----------------------------------------------------------------------------------------------------

_PARQUET_CODECS = {
    "none": ("", "uncompressed"), "uncompressed": ("", "uncompressed"), "snappy": (".snappy", "snappy"),
    "gzip": (".gz", "gzip"), "zstd": (".zstd", "zstd"), "lz4_raw": (".lz4raw", "lz4_raw"),
}  # fmt: skip
_PARQUET_NOT_DONE = ("lz4", "lzo", "brotli")


def _parquet(layout: Layout, options: Mapping[str, str], conf: Conf) -> PartFormat:
    default = conf.get("spark.sql.parquet.compression.codec") or "snappy"
    codec = options.get("compression", options.get("parquet.compression", default)).lower()
    if codec in _PARQUET_NOT_DONE:
        raise unsupported(f"Parquet files compressed by {codec}", "Choose snappy, gzip, zstd or lz4_raw.")
    if codec not in _PARQUET_CODECS:
        raise _no_codec(codec, [*_PARQUET_CODECS, *_PARQUET_NOT_DONE])
    for field, _ in layout.data:
        if t.holds(field.dataType, t.NullType, t.VariantType):
            raise unsupported(
                f"A Parquet column of the type {field.dataType.simpleString()} (`{field.name}`)"
            )
    if not conf.case_sensitive or len({n.lower() for n in layout.schema.names}) == len(layout.data):
        extension, name = _PARQUET_CODECS[codec]
        metadata = ", ".join(
            f"{text_sql(key)}: {text_sql(value)}"
            for key, value in {
                "org.apache.spark.version": SPARK_VERSION,
                ROW_METADATA: layout.schema.json(),
            }.items()
        )
        return PartFormat(
            f"{extension}.parquet",
            *_named(layout),
            f"FORMAT parquet, COMPRESSION {name}, KV_METADATA {{{metadata}}}",
        )
    raise unsupported("Parquet files with columns whose names differ in case only")


# ---- ORC, Avro --------------------------------------------------------------------------------------------------

_ORC_CODECS = {
    "none": ("", "uncompressed"), "uncompressed": ("", "uncompressed"), "snappy": (".snappy", "snappy"),
    "zlib": (".zlib", "zlib"), "lz4": (".lz4", "lz4"), "zstd": (".zstd", "zstd"),
}  # fmt: skip
_ORC_NOT_DONE = ("lzo", "brotli")


def _orc(layout: Layout, options: Mapping[str, str], conf: Conf) -> PartFormat:
    from lightstream.sources.orc.files import write_orc

    default = conf.get("spark.sql.orc.compression.codec") or "zstd"
    codec = options.get("compression", options.get("orc.compress", default)).lower()
    if codec in _ORC_NOT_DONE:
        raise unsupported(f"ORC files compressed by {codec}", "Choose snappy, zlib, lz4 or zstd.")
    if codec not in _ORC_CODECS:
        raise _no_codec(codec, [*_ORC_CODECS, *_ORC_NOT_DONE])
    extension, name = _ORC_CODECS[codec]

    def write(rows: pa.RecordBatchReader, path: str) -> None:
        write_orc(rows, layout.schema, path, name)

    return PartFormat(f"{extension}.orc", *_named(layout), "", write=write)


_AVRO_CODECS = {
    "uncompressed": "null", "snappy": "snappy", "deflate": "deflate", "bzip2": "bzip2", "xz": "xz",
    "zstandard": "zstandard",
}  # fmt: skip


def _avro(layout: Layout, options: Mapping[str, str], conf: Conf) -> PartFormat:
    from lightstream.sources.avro.files import write_avro, written_schema

    default = conf.get("spark.sql.avro.compression.codec") or "snappy"
    codec = options.get("compression", default).lower()
    if codec not in _AVRO_CODECS:
        raise _no_codec(codec, list(_AVRO_CODECS))
    if flag(options, "positionalFieldMatching", False):
        raise unsupported("The Avro option positionalFieldMatching")
    written = written_schema(layout.schema, options)

    def write(rows: pa.RecordBatchReader, path: str) -> None:
        write_avro(rows, layout.schema, written, path, _AVRO_CODECS[codec], SPARK_VERSION)

    return PartFormat(".avro", *_named(layout), "", write=write)


def _named(layout: Layout) -> tuple[str, str]:
    """Return the columns of a layout as they are, and what they are called."""
    columns = ", ".join(f"{column} AS {quote(field.name)}" for field, column in layout.data)
    return columns, ", ".join(quote(field.name) for field, _ in layout.data)


# ---- lines of text ----------------------------------------------------------------------------------------------

_TEXT_CODECS: dict[str, tuple[str, str | None]] = {
    "none": ("", None), "uncompressed": ("", None), "gzip": (".gz", "gzip"), "bzip2": (".bz2", "bzip2"),
    "deflate": (".deflate", "deflate"),
}  # fmt: skip
_TEXT_NOT_DONE = ("lz4", "snappy")
# Java writes these from their first byte on, the first one with a mark before the text.
_BIG_ENDIAN = {"utf-16": "utf-16-be", "utf-32": "utf-32-be"}


def _lines(
    extension: str, line: str, options: Mapping[str, str], encoding: str = "utf-8", header: str | None = None
) -> PartFormat:
    """Return files of lines; `line` and `header` are SQL."""
    codec = options.get("compression", "none").lower()
    if codec in _TEXT_NOT_DONE:
        raise unsupported(f"Text files compressed by {codec}", "Choose gzip, bzip2 or deflate.")
    if codec not in _TEXT_CODECS:
        raise _no_codec(codec, [*_TEXT_CODECS, *_TEXT_NOT_DONE])
    suffix, name = _TEXT_CODECS[codec]
    separator = options.get("linesep", "\n")
    if not separator:
        raise IllegalArgumentException(None, "requirement failed: 'lineSep' cannot be an empty string.")
    lines = None
    if separator != "\n" or encoding != "utf-8" or name not in (None, "gzip"):
        mark = b"\xfe\xff" if encoding == "utf-16" else b""
        lines = Lines(separator, _BIG_ENDIAN.get(encoding, encoding), name, mark)
    copy = (
        f"FORMAT csv, HEADER {str(header is not None).lower()}, QUOTE '', ESCAPE '', DELIMITER '', "
        f"COMPRESSION {'gzip' if name == 'gzip' else 'none'}"
    )
    return PartFormat(f"{extension}{suffix}", f"{line} AS line", "line", copy, header, lines)


def _context(options: Mapping[str, str], conf: Conf) -> SqlContext:
    if options.get("locale", "en-US").replace("_", "-").lower() != "en-us":
        raise unsupported(f"The option locale with the value {options['locale']}", "Only en-US is.")
    if options.get("timezone", conf.time_zone) != conf.time_zone:
        raise unsupported("The option timeZone of files that are written", "Set spark.sql.session.timeZone.")
    return SqlContext(ansi=conf.ansi, time_zone=conf.time_zone)


_JSON_OPTIONS = ("dateformat", "timestampformat", "timestampntzformat", "ignorenullfields", "sortkeys")
_JSON_NOT_DONE = ("pretty", "writenonasciicharacterascodepoint")


def _json(layout: Layout, options: Mapping[str, str], conf: Conf) -> PartFormat:
    from lightstream.functions.json_texts import json_record

    for name in _JSON_NOT_DONE:
        if flag(options, name, False):
            raise unsupported(f"The JSON option {name}")
    ignores = flag(options, "ignoreNullFields", conf.boolean("spark.sql.jsonGenerator.ignoreNullFields"))
    given = {name: value for name, value in options.items() if name in _JSON_OPTIONS}
    line = json_record(layout.data, {**given, "ignorenullfields": str(ignores)}, _context(options, conf))
    encoding = codec_name(options.get("encoding", options.get("charset", "UTF-8")), "JSONOptions")
    return _lines(".json", line, options, encoding)


_CSV_OPTIONS = (
    "escapequotes", "chartoescapequoteescaping", "nullvalue", "emptyvalue", "quoteall", "ignoreleadingwhitespace",
    "ignoretrailingwhitespace", "dateformat", "timestampformat", "timestampntzformat", "linesep",
    "comment",
)  # fmt: skip


def _csv(layout: Layout, options: Mapping[str, str], conf: Conf) -> PartFormat:
    from lightstream.functions.csv_texts import csv_header, csv_record
    from lightstream.sources.csv.options import parse_options

    parsed = parse_options(options)
    given = {name: value for name, value in options.items() if name in _CSV_OPTIONS}
    given |= {"sep": parsed.separator, "quote": parsed.quote, "escape": parsed.escape}
    line = csv_record(layout.data, given, _context(options, conf))
    header = csv_header(layout.schema.names, given) if parsed.header else None
    compression = options.get(
        "compression", options.get("codec", "none")
    )  # of text formats CSV alone has both names
    made = _lines(".csv", line, {**options, "compression": compression}, parsed.encoding, header)
    # A record without any text is no line.
    return replace(made, skips_empty=True) if len(layout.data) == 1 else made


def _text(layout: Layout, options: Mapping[str, str], conf: Conf) -> PartFormat:
    if len(layout.data) != 1:
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1290",
            f"Text data source supports only a single column, and you have {len(layout.data)} columns.",
            parameters={"schemaSize": str(len(layout.data))},
        )
    ((_, column),) = layout.data
    return _lines(".txt", f"coalesce({column}, '')", options)


def _no_codec(codec: str, known: Sequence[str]) -> IllegalArgumentException:
    return IllegalArgumentException(
        "CODEC_NOT_AVAILABLE.WITH_AVAILABLE_CODECS_SUGGESTION",
        f"The codec {codec} is not available. Available codecs are {', '.join(known)}.",
        sqlstate="56038",
        parameters={"codecName": codec, "availableCodecs": ", ".join(known)},
    )
