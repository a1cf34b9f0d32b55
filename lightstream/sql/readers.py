"""What `spark.read` and `spark.readStream` share: format, schema, options, and the options of each format."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from lightstream.errors import AnalysisException
from lightstream.plan import relations as r
from lightstream.plan.types import CharType, StructType, VarcharType, holds
from lightstream.sql.arguments import need_str, not_expected
from lightstream.sql.dataframe import DataFrame

if TYPE_CHECKING:
    from lightstream.sql.session import SparkSession

_FILES = "pathGlobFilter recursiveFileLookup modifiedBefore modifiedAfter"
_STREAM_FILES = "pathGlobFilter recursiveFileLookup"
_JSON = (
    "primitivesAsString prefersDecimal allowComments allowUnquotedFieldNames allowSingleQuotes "
    "allowNumericLeadingZero allowBackslashEscapingAnyCharacter mode columnNameOfCorruptRecord dateFormat "
    "timestampFormat multiLine allowUnquotedControlChars lineSep"
)
_CSV = (
    "sep encoding quote escape comment header inferSchema ignoreLeadingWhiteSpace ignoreTrailingWhiteSpace nullValue "
    "nanValue positiveInf negativeInf dateFormat timestampFormat maxColumns maxCharsPerColumn"
)
_CSV_MORE = "mode columnNameOfCorruptRecord multiLine charToEscapeQuoteEscaping"
_XML = (
    "excludeAttribute attributePrefix valueTag ignoreSurroundingSpaces rowValidationXSDPath ignoreNamespace "
    "wildcardColName encoding inferSchema nullValue dateFormat timestampFormat mode columnNameOfCorruptRecord "
    "multiLine samplingRatio locale"
)
# The parameters of each method after the path, in pyspark's order. `schema` stands where pyspark has it.
BATCH_OPTIONS = {
    "json": f"schema {_JSON} samplingRatio dropFieldIfAllNull encoding locale {_FILES} allowNonNumericNumbers "
            "useUnsafeRow",
    "csv": f"schema {_CSV} maxMalformedLogPerPartition {_CSV_MORE} samplingRatio enforceSchema emptyValue locale "
           f"lineSep {_FILES} unescapedQuoteHandling",
    "xml": f"rowTag schema {_XML}",
    "orc": f"mergeSchema {_FILES}",
    "text": f"wholetext lineSep {_FILES}",
}  # fmt: skip
STREAM_OPTIONS = {
    "json": f"schema {_JSON} locale dropFieldIfAllNull encoding {_STREAM_FILES} allowNonNumericNumbers useUnsafeRow",
    "csv": f"schema {_CSV} maxMalformedLogPerPartition {_CSV_MORE} enforceSchema emptyValue locale lineSep "
           f"{_STREAM_FILES} unescapedQuoteHandling",
    "xml": f"rowTag schema {_XML}",
    "orc": f"mergeSchema {_STREAM_FILES}",
    "parquet": f"mergeSchema {_STREAM_FILES} datetimeRebaseMode int96RebaseMode",
    "text": f"wholetext lineSep {_STREAM_FILES}",
}  # fmt: skip


def option_text(value: Any) -> str:
    """Return an option's value as Spark passes it on."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Reader:
    """Base of both readers."""

    _streaming = False

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._format: str | None = None
        self._schema: StructType | None = None
        self._options: dict[str, str] = {}

    def format(self, source: str) -> Self:
        """Name the format: `json`, ..."""
        self._format = need_str("source", source)
        return self

    def schema(self, schema: StructType | str) -> Self:
        """Give the schema, as a StructType or as DDL text."""
        if isinstance(schema, str):
            from lightstream.plan.ddl import parse_schema

            schema = parse_schema(schema)
        if not isinstance(schema, StructType):
            raise not_expected("schema", "str or struct type", schema)
        if holds(schema, CharType, VarcharType):
            raise AnalysisException(
                "UNSUPPORTED_CHAR_OR_VARCHAR_AS_STRING",
                "Columns that are read cannot have the types CHAR and VARCHAR. Write STRING.",
                sqlstate="0A000",
            )
        self._schema = schema
        return self

    def option(self, key: str, value: Any) -> Self:
        """Set an option of the format; None leaves it as it is."""
        if value is not None:
            # Option names are the same in any case: the last one given holds.
            self._options = {k: v for k, v in self._options.items() if k.lower() != key.lower()}
            self._options[key] = option_text(value)
        return self

    def options(self, **options: Any) -> Self:
        """Set several options."""
        for key, value in options.items():
            self.option(key, value)
        return self

    def _read(self, paths: tuple[str, ...]) -> DataFrame:
        self._spark._check_running()
        if paths and any(key.lower() == "path" for key in self._options):
            raise _path_twice(self._streaming)
        relation = r.DataSourceRead(
            self._format, self._schema, dict(self._options), paths, is_streaming=self._streaming
        )
        return DataFrame(self._spark._state.analyze(relation), self._spark)

    def _table(self, name: str) -> DataFrame:
        from lightstream.sql.statements import table_name

        self._spark._check_running()
        relation = r.UnresolvedTable(table_name(name), self._streaming, dict(self._options))
        return DataFrame(self._spark._state.analyze(relation), self._spark)


def _path_twice(streaming: bool) -> AnalysisException:
    # Programs can match on nothing but these texts.
    if streaming:
        return AnalysisException(
            "_LEGACY_ERROR_TEMP_1188",
            "There is a 'path' option set and load() is called with a path parameter. Either remove the path option, "
            "or call load() without the parameter.",
            parameters={"method": "load", "config": "spark.sql.legacy.pathOptionBehavior.enabled"},
        )
    return AnalysisException(
        "_LEGACY_ERROR_TEMP_1306",
        "There is a 'path' or 'paths' option set and load() is called with path parameters. Either remove the path "
        "option if it's the same as the path parameter, or add it to the load() parameter if you do want to read "
        "multiple paths.",
    )


def format_method(
    name: str, parameter: str, options: str, defaults: dict[str, Any]
) -> Callable[..., DataFrame]:
    """Return the method of a reader for one format, with the options of pyspark's as keyword arguments."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("self", kind), inspect.Parameter(parameter, kind)]
    parameters += [
        inspect.Parameter(option, kind, default=defaults.get(option)) for option in options.split()
    ]
    signature = inspect.Signature(parameters)

    def method(self: Any, *args: Any, **kwargs: Any) -> DataFrame:
        try:
            given = signature.bind(self, *args, **kwargs).arguments
        except TypeError as error:
            raise TypeError(f"{name}() {error}") from None
        given.pop("self")
        path = given.pop(parameter)
        schema = given.pop("schema", None)
        if schema is not None:
            self.schema(schema)
        self.options(**{**defaults, **given}).format(name)
        result: DataFrame = self._load_paths(parameter, path)
        return result

    method.__name__ = method.__qualname__ = name
    method.__doc__ = (
        f"Read {name.upper() if name != 'text' else 'text'} files; the options are those of the format."
    )
    method.__signature__ = signature  # type: ignore[attr-defined]
    return method
