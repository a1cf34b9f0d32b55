"""The fast path: DuckDB reads the files, and every value is checked so that it is Spark's or the statement fails.

Values are read as JSON tokens and cast under a check. DuckDB normalises tokens (`1.50` becomes `1.5`), which only
matters where Spark keeps the text; a value for which it might fails the statement with an error of ours, and the
file is then read by the exact reader. What DuckDB accepts and Spark does not, without any error, is `suspects`'
business.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from lightstream.functions.spelling import duck_type, quote, text_sql
from lightstream.plan import types as t
from lightstream.plan.required import Required
from lightstream.sources.fast_scan import Convert, FastScan
from lightstream.sources.fast_times import DATE_SHAPE, in_zone, timestamp_shapes
from lightstream.sources.file_bytes import escape_glob
from lightstream.sources.json.options import JsonOptions
from lightstream.sources.two_ways import Failure, NotFastError, read_marked

FAILED_MARK = "lightstream-json|"

# Text that no date begins with: Spark gives null for it. (It drops "GMT" before it tries again.)
_NO_DATE = '"[A-FH-SU-Za-z_].*"'


def fast_sql(
    paths: Sequence[str],
    schema: t.StructType,
    columns: Sequence[Required],
    options: JsonOptions,
    *,
    token_texts: Collection[str] = (),
    file_values: Mapping[str, list[str]] | None = None,
) -> str | None:
    """Return the rows of some files as SQL text for FROM, or None when it has to be the exact reader.

    The statement fails where a value cannot be given with certainty: with an error of DuckDB's reader, or with one
    that begins with FAILED_MARK (see `failure`).

    Args:
        paths: the files, not empty.
        schema: the files' columns.
        columns: the columns that are needed and their output names; of `schema`, or of `file_values`.
        options: how to read.
        token_texts: string columns whose values may look like numbers, objects or arrays. They are read as tokens,
            which takes a sixth longer; without it such a value fails the statement.
        file_values: the columns that depend on the file alone, by output name: one SQL constant for each file.
    """
    try:
        return _Scan(paths, schema, columns, options, token_texts, file_values).sql()
    except NotFastError:
        return None


def failure(error: str, schema: t.StructType) -> Failure | None:
    """Return what an error says about the fast path; None when it is about something else."""
    marked = read_marked(FAILED_MARK, error)
    if marked is not None:
        kind, index, path = marked
        return Failure(path, schema.names[index] if kind == "text" else None)
    for begin in ('Malformed JSON in file "', 'JSON transform error in file "'):
        start = error.find(begin)
        if start >= 0:
            rest = error[start + len(begin) :]
            end = min((i for i in (rest.find('", at byte '), rest.find('", in line ')) if i >= 0), default=-1)
            return Failure(rest[:end] if end >= 0 else None)
    if any(part in error for part in _READ_ERRORS):
        return Failure(None)
    return None


_READ_ERRORS = (
    "No files found that match the pattern", "maximum_object_size", "Invalid unicode", "IO Error", "Could not read",
    "GZIP", "gzip", "ZSTD", "zstd", "JSON", "TimeZone",
    "codec can't decode",  # DuckDB's message has bytes of the file that are no UTF-8
)  # fmt: skip


class _Scan(FastScan):
    def __init__(
        self,
        paths: Sequence[str],
        schema: t.StructType,
        columns: Sequence[Required],
        options: JsonOptions,
        token_texts: Collection[str],
        file_values: Mapping[str, list[str]] | None,
    ) -> None:
        # Columns with a NUL in their names cannot be written in SQL text.
        if not options.is_plain or any("\0" in name for name in schema.names):
            raise NotFastError
        # DuckDB's own columns have these names; a column of the data hides them.
        own = any(field.name.lower() in ("filename", "file_index") for field in schema.fields)
        super().__init__(
            FAILED_MARK, paths, schema.fields, columns, options, file_values or {}, names_file=not own
        )
        self.options = options
        self.token_texts = token_texts

    def sql(self) -> str:
        raw: dict[str, str] = {}
        guarded: list[str] = []
        checks: list[str] = []

        def value(name: str, data_type: t.DataType) -> str:
            raw_type, convert = self._reader(data_type, strict=self.strict)
            if raw.setdefault(name, raw_type) != raw_type:
                raise NotFastError
            column = quote(name)
            if raw_type == "VARCHAR":
                # The check of a string does not change it: in WHERE it costs less, and nothing can leave it out.
                checks.append(
                    f"CASE WHEN {_looks_like_token(column)} THEN {self.failed('text')} ELSE true END"
                )
                return column
            converted = convert(column)
            guarded.append(converted if self.strict else column)
            return converted

        items, corrupt = self.items(value)
        if not raw:
            # Without any column DuckDB would not look at what a line is.
            name = next(iter(self.fields), "_")
            raw[name] = "JSON"
            guarded.append(quote(name))
        if len({name.lower() for name in raw}) != len(raw):
            raise NotFastError
        self.never_corrupt(items, corrupt, f"hash({', '.join(guarded or map(quote, raw))})")
        # The guard keeps DuckDB from leaving out columns that nothing else uses, and with them their checks.
        if guarded and (self.strict or not checks):
            checks.append(f"hash({', '.join(guarded if self.strict else guarded[:1])}) IS NOT NULL")
        selected = ", ".join(items) or "1 AS one"
        return f"(SELECT {selected} FROM {self._source(raw)} WHERE {' AND '.join(checks)})"

    def _source(self, raw: dict[str, str]) -> str:
        files = ", ".join(text_sql(escape_glob(path)) for path in self.paths)
        columns = ", ".join(f"{text_sql(name)}: {text_sql(kind)}" for name, kind in raw.items())
        return (
            f"read_json([{files}], columns={{{columns}}}, format='newline_delimited', records=true, "
            "auto_detect=false, hive_partitioning=false)"
        )

    def _otherwise(self, strict: bool, token: str) -> str:
        """Return what stands for a value of the wrong type: null, or a failure where that makes the record bad."""
        return f"CASE WHEN {token} IS NOT NULL THEN {self.failed()} END" if strict else "NULL"

    # --- one method per kind of type: the type that DuckDB reads, and the check

    def _reader(self, data_type: t.DataType, *, strict: bool) -> tuple[str, Convert]:
        if isinstance(data_type, t.StringType):
            return self._string()
        if isinstance(data_type, t.StructType):
            return self._struct(data_type, strict=strict)
        if isinstance(data_type, t.ArrayType):
            return self._array(data_type)
        if isinstance(data_type, t.MapType):
            return self._map(data_type)
        make = _SCALARS.get(type(data_type))
        if make is None:
            raise NotFastError
        return "JSON", make(self, data_type, strict)

    def _string(self) -> tuple[str, Convert]:
        names = list(self.fields)
        if names[self.column] in self.token_texts:
            return "JSON", self._token_text
        failed = self.failed("text")

        def convert(raw: str) -> str:
            return f"CASE WHEN {_looks_like_token(raw)} THEN {failed} ELSE {raw} END"

        return "VARCHAR", convert

    def _token_text(self, raw: str) -> str:
        text = f"CAST({raw} AS VARCHAR)"
        # Of other tokens only those that DuckDB leaves as written: words, and integers but for -0.
        return (
            f"CASE WHEN starts_with({text}, '\"') THEN {raw} ->> '$' "
            f"WHEN {text} IN ('true', 'false', 'NaN', 'Infinity', '-Infinity') "
            f"OR regexp_full_match({text}, '-?[1-9][0-9]*') THEN {text} "
            f"WHEN {text} IS NOT NULL THEN {self.failed()} END"
        )

    def _struct(self, data_type: t.StructType, *, strict: bool) -> tuple[str, Convert]:
        names = [field.name.lower() for field in data_type.fields]
        if not names or len(set(names)) != len(names):
            raise NotFastError
        readers = [(field.name, *self._reader(field.dataType, strict=strict)) for field in data_type.fields]

        def convert(raw: str) -> str:
            parts = ", ".join(
                f"{quote(name)} := {inner(f'struct_extract({raw}, {text_sql(name)})')}"
                for name, _, inner in readers
            )
            return f"CASE WHEN {raw} IS NOT NULL THEN struct_pack({parts}) END"

        return f"STRUCT({', '.join(f'{quote(name)} {kind}' for name, kind, _ in readers)})", convert

    def _array(self, data_type: t.ArrayType) -> tuple[str, Convert]:
        # A scalar of the wrong type spoils the whole array, and where Spark goes on reading then is odd.
        inner_strict = not isinstance(data_type.elementType, t.StructType) or self.strict
        kind, element = self._reader(data_type.elementType, strict=inner_strict)
        variable = f"x{self._depth(data_type)}"
        return f"{kind}[]", lambda raw: f"list_transform({raw}, lambda {variable}: {element(variable)})"

    def _map(self, data_type: t.MapType) -> tuple[str, Convert]:
        if not isinstance(data_type.keyType, t.StringType):
            raise NotFastError
        inner_strict = not isinstance(data_type.valueType, t.StructType) or self.strict
        kind, value = self._reader(data_type.valueType, strict=inner_strict)
        variable = f"x{self._depth(data_type)}"

        def convert(raw: str) -> str:
            values = f"list_transform(map_values({raw}), lambda {variable}: {value(variable)})"
            return f"CASE WHEN {raw} IS NOT NULL THEN map(map_keys({raw}), {values}) END"

        return f"MAP(VARCHAR, {kind})", convert

    def _depth(self, data_type: t.DataType) -> int:
        if isinstance(data_type, t.ArrayType):
            return 1 + self._depth(data_type.elementType)
        if isinstance(data_type, t.MapType):
            return 1 + self._depth(data_type.valueType)
        if isinstance(data_type, t.StructType):
            return max((self._depth(field.dataType) for field in data_type.fields), default=0)
        return 0

    def _boolean(self, data_type: t.DataType, strict: bool) -> Convert:
        def convert(raw: str) -> str:
            text = f"CAST({raw} AS VARCHAR)"
            return (
                f"CASE WHEN {text} = 'true' THEN true WHEN {text} = 'false' THEN false "
                f"ELSE {self._otherwise(strict, text)} END"
            )

        return convert

    def _integer(self, data_type: t.DataType, strict: bool) -> Convert:
        def convert(raw: str) -> str:
            text = f"CAST({raw} AS VARCHAR)"
            # A token that casts and has neither point nor exponent is an integer: strings keep their quotes.
            number = f"TRY_CAST({text} AS {duck_type(data_type)})"
            whole = f"NOT contains({text}, '.') AND NOT contains({text}, 'e')"
            if not strict and not isinstance(data_type, t.ByteType):
                return f"CASE WHEN {whole} THEN {number} END"
            wrapped = ""
            if isinstance(data_type, t.ByteType):
                # Spark's parser takes 128..255 for a byte, and wraps them.
                wide = f"TRY_CAST({text} AS SMALLINT)"
                wrapped = f"WHEN {whole} AND {wide} BETWEEN 128 AND 255 THEN CAST({wide} - 256 AS TINYINT) "
            return (
                f"CASE WHEN {whole} AND {number} IS NOT NULL THEN {number} {wrapped}"
                f"ELSE {self._otherwise(strict, text)} END"
            )

        return convert

    def _double(self, data_type: t.DataType, strict: bool) -> Convert:
        def convert(raw: str) -> str:
            text = f"CAST({raw} AS VARCHAR)"
            return f"coalesce(TRY_CAST({text} AS DOUBLE), {self._special(text, 'DOUBLE', strict)})"

        return convert

    def _special(self, text: str, kind: str, strict: bool) -> str:
        return (
            f"CASE WHEN {text} = '\"NaN\"' THEN CAST('NaN' AS {kind}) "
            f"WHEN {text} IN ('\"Infinity\"', '\"+Infinity\"', '\"+INF\"') THEN CAST('Infinity' AS {kind}) "
            f"WHEN {text} IN ('\"-Infinity\"', '\"-INF\"') THEN CAST('-Infinity' AS {kind}) "
            f"ELSE {self._otherwise(strict, text)} END"
        )

    def _float(self, data_type: t.DataType, strict: bool) -> Convert:
        def convert(raw: str) -> str:
            text = f"CAST({raw} AS VARCHAR)"
            double, single = f"TRY_CAST({text} AS DOUBLE)", f"TRY_CAST({text} AS FLOAT)"
            mirrored = f"(2 * {double} - CAST({single} AS DOUBLE))"
            # Half-way between two floats the digits decide that DuckDB has dropped.
            halfway = (
                f"({double} <> CAST({single} AS DOUBLE) AND isfinite({single}) "
                f"AND CAST(TRY_CAST({mirrored} AS FLOAT) AS DOUBLE) = {mirrored}) "
                f"OR abs({double}) = 340282356779733661637539395458142568448.0::DOUBLE"
            )
            return (
                f"CASE WHEN {halfway} THEN {self.failed()} "
                f"ELSE coalesce({single}, {self._special(text, 'FLOAT', strict)}) END"
            )

        return convert

    def _decimal(self, data_type: t.DataType, strict: bool) -> Convert:
        kind = duck_type(data_type)

        def convert(raw: str) -> str:
            text = f"CAST({raw} AS VARCHAR)"
            plain = f"substring({text}, 2, strlen({text}) - 2)"
            other = self._otherwise(strict, text)
            return (
                f"CASE WHEN regexp_full_match({text}, '-?[0-9]+') "
                # Up to 15 digits come through a double unchanged; `suspects` looks for numbers with more.
                f"OR (strlen({text}) <= 16 AND regexp_full_match({text}, '-?[0-9]+\\.[0-9]+')) "
                f"THEN coalesce(TRY_CAST({text} AS {kind}), {other}) "
                f"WHEN regexp_full_match({text}, '\"[+-]?[0-9]{{1,38}}(\\.[0-9]{{1,38}})?\"') "
                f"THEN coalesce(TRY_CAST({plain} AS {kind}), {other}) "
                f"WHEN {text} IN ('true', 'false', '\"\"') OR {text}[1] IN ('{{', '[') THEN {other} "
                f"WHEN {text} IS NOT NULL THEN {self.failed()} END"
            )

        return convert

    def _timestamp(self, data_type: t.DataType, strict: bool) -> Convert:
        zoned, local = timestamp_shapes(self.options.timestamp_format)

        def convert(raw: str) -> str:
            text = f"CAST({raw} AS VARCHAR)"
            plain = f"substring({text}, 2, strlen({text}) - 2)"
            cases = []
            if zoned is not None:
                cases.append((zoned, f"TRY_CAST({plain} AS TIMESTAMPTZ)"))
            if local is not None:
                literal_z = local.endswith("Z")
                cut = f"substring({text}, 2, strlen({text}) - 3)" if literal_z else plain
                cases.append((local, in_zone(cut, self.options.time_zone)))
            parsed = " ".join(
                f"WHEN regexp_full_match({text}, '\"{shape}\"') THEN coalesce({value}, {self.failed()})"
                for shape, value in cases
            )
            no_text = _no_date(text) if self.options.timestamp_format is None else _no_text(text)
            return (
                f"CASE {parsed} WHEN regexp_full_match({text}, '-?[0-9]{{1,11}}') "
                f"THEN make_timestamptz(CAST({text} AS BIGINT) * 1000000) "
                f"WHEN {no_text} THEN {self._otherwise(strict, text)} "
                f"WHEN {text} IS NOT NULL THEN {self.failed()} END"
            )

        return convert

    def _timestamp_ntz(self, data_type: t.DataType, strict: bool) -> Convert:
        _, local = timestamp_shapes(self.options.timestamp_ntz_format)
        if local is None or local.endswith("Z"):
            raise NotFastError
        return self._local_time("TIMESTAMP", local, strict, self.options.timestamp_ntz_format is None)

    def _date(self, data_type: t.DataType, strict: bool) -> Convert:
        if self.options.date_format not in (None, "yyyy-MM-dd"):
            raise NotFastError
        return self._local_time("DATE", DATE_SHAPE, strict, self.options.date_format is None)

    def _local_time(self, kind: str, shape: str, strict: bool, by_cast: bool) -> Convert:
        def convert(raw: str) -> str:
            text = f"CAST({raw} AS VARCHAR)"
            plain = f"substring({text}, 2, strlen({text}) - 2)"
            other = self._otherwise(strict, text)
            return (
                f"CASE WHEN regexp_full_match({text}, '\"{shape}\"') "
                f"THEN coalesce(TRY_CAST({plain} AS {kind}), {self.failed()}) "
                f"WHEN {_no_date(text) if by_cast else _no_text(text)} OR NOT starts_with({text}, '\"') THEN {other} "
                f"WHEN {text} IS NOT NULL THEN {self.failed()} END"
            )

        return convert


def _looks_like_token(raw: str) -> str:
    # Digits, a minus sign and brackets begin tokens that are no strings; DuckDB rewrites those.
    return f"({raw} BETWEEN '-' AND ':' OR {raw} BETWEEN '[' AND '\\' OR {raw} BETWEEN '{{' AND '|')"


def _no_text(text: str) -> str:
    """Return the condition for tokens that are no string (nor an integer), and for the empty string."""
    return (
        f"{text} IN ('true', 'false', '\"\"') OR {text}[1] IN ('{{', '[') "
        f"OR (NOT starts_with({text}, '\"') AND (contains({text}, '.') OR contains({text}, 'e')))"
    )


def _no_date(text: str) -> str:
    return f"{_no_text(text)} OR regexp_full_match({text}, '{_NO_DATE}')"


_SCALARS: dict[type[t.DataType], Callable[[_Scan, t.DataType, bool], Convert]] = {
    t.BooleanType: _Scan._boolean,
    t.ByteType: _Scan._integer,
    t.ShortType: _Scan._integer,
    t.IntegerType: _Scan._integer,
    t.LongType: _Scan._integer,
    t.DoubleType: _Scan._double,
    t.FloatType: _Scan._float,
    t.DecimalType: _Scan._decimal,
    t.TimestampType: _Scan._timestamp,
    t.TimestampNTZType: _Scan._timestamp_ntz,
    t.DateType: _Scan._date,
}
