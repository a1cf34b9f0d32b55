"""Drawn JSON files read on both engines, by every way there is here; and a difference cut down to what makes it."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from answers import REFUSED
from json_drawing import CORRUPT, Drawn

from lightstream.sources.json.characters import shown_text

# Rows of one file, in an order that does not depend on the engine; or the condition of the error.
Answer = list[str] | str


@dataclass(slots=True)
class Tally:
    """What was compared, and how much of it DuckDB read."""

    cases: int = 0
    files: int = 0
    lines: int = 0
    refused: int = 0
    alone: int = 0
    alone_fast: int = 0
    streams: int = 0
    schemas: int = 0

    def __str__(self) -> str:
        return (
            f"{self.cases} cases, {self.files} files, {self.lines} lines, {self.streams} streams, "
            f"{self.schemas} inferred schemas compared; {self.refused} files refused by name; "
            f"of {self.alone} files read alone DuckDB read {self.alone_fast}"
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """One file that is read differently, and by which way of reading."""

    case: Drawn
    way: str
    spark: Answer
    ours: Answer

    def __str__(self) -> str:
        (content,) = self.case.files.values()
        answers = f"spark: {shown(self.spark)}\n  here:  {shown(self.ours)}"
        return f"read {self.way}: {content!r}\n  {self.case!r}\n  {answers}"


def shown(answer: Answer) -> str:
    """Return an answer as text."""
    return answer if isinstance(answer, str) else " | ".join(answer) or "no rows"


@contextmanager
def written(files: dict[str, bytes]) -> Iterator[Path]:
    """Give a directory with some files."""
    directory = Path(tempfile.mkdtemp(prefix="drawn-"))
    try:
        for name, content in files.items():
            (directory / name).write_bytes(content)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


# ---- values of both engines in one notation


def _plain_type(kind: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_null(kind):
        return pa.int8()  # Arrow loses elements when it casts lists of nulls to what they are
    if pa.types.is_timestamp(kind):
        return pa.int64()
    if pa.types.is_date(kind):
        return pa.int32()
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.binary()
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _plain_type(f.type)) for f in kind])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_plain_type(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(pa.binary(), _plain_type(kind.item_type))
    return kind


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        # Spark keeps bytes of a bad record that are no UTF-8, and shows them as this; DuckDB has no such strings.
        return shown_text(value)
    if isinstance(value, dict):
        return tuple((name, _plain(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def rows_by_file(table: Any) -> dict[str, list[str]]:
    """Return the rows of each file; the first column has its name."""
    columns = [column.cast(_plain_type(column.type)).to_pylist() for column in table.columns]
    rows: dict[str, list[str]] = {}
    for name, *values in zip(*columns, strict=True):
        rows.setdefault(name.decode(), []).append(repr(tuple(map(_plain, values))))
    for found in rows.values():
        found.sort()
    return rows


# ---- reading


def _schema(session: Any, case: Drawn) -> Any:
    if type(session).__module__.startswith("lightstream"):
        from lightstream.plan import types as t

        return t.StructType.fromJson(case.schema)
    from pyspark.sql.types import StructType

    return StructType.fromJson(case.schema)


def _frame(session: Any, reader: Any, case: Drawn, path: Path) -> Any:
    frame = reader.schema(_schema(session, case)).options(**case.options).format(case.format).load(str(path))
    if case.where is not None:
        frame = frame.where(case.where)
    names = case.columns if case.columns is not None else frame.columns
    return frame.select("_metadata.file_name", *(f"`{name}`" for name in names))


def _condition(error: Exception) -> str:
    if not hasattr(error, "getCondition"):
        java = re.search(r"SparkException: \[([A-Z_.]+)\]", str(error))
        if java is not None:
            return f"error {java.group(1)}"
        return f"{type(error).__name__}: {str(error)[:300]}"
    condition = error.getCondition()
    if REFUSED in str(error):
        condition = REFUSED
    if condition is None or condition.startswith("_LEGACY"):
        return f"error: {str(error).strip().splitlines()[0][:200]}"
    return f"error {condition}"


def _spoken(frame: Any, error: Exception) -> Exception:
    """Return the error of a read: Spark's Arrow transfer only gives it as Java's."""
    if hasattr(error, "getCondition"):
        return error
    try:
        frame.write.format("noop").mode("overwrite").save()
    except Exception as told:
        return told
    return error


def read_all(session: Any, case: Drawn) -> dict[str, Answer]:
    """Return the rows of each file, from one query where none of them fails."""
    session.conf.set("spark.sql.session.timeZone", case.time_zone)
    waiting = [list(case.files)]
    answers: dict[str, Answer] = {}
    while waiting:
        names = waiting.pop()
        with written({name: case.files[name] for name in names}) as directory:
            try:
                frame = _frame(session, session.read, case, directory)
            except Exception as error:
                return dict.fromkeys(case.files, _condition(error))
            try:
                rows = rows_by_file(frame.toArrow())
                answers |= {name: rows.get(name, []) for name in names}
            except Exception as error:
                if len(names) == 1:
                    answers[names[0]] = _condition(_spoken(frame, error))
                else:
                    waiting += [names[: len(names) // 2], names[len(names) // 2 :]]
    return answers


def read_exact_files(case: Drawn) -> dict[str, Answer]:
    """Return the rows of each file by the exact reader; filters are not for it."""
    from lightstream.plan import types as t
    from lightstream.sources.json.exact import read_exact
    from lightstream.sources.json.options import parse_options

    options = parse_options(case.options, time_zone=case.time_zone)
    schema = t.StructType.fromJson(case.schema)
    columns = case.columns if case.columns is not None else tuple(schema.names)
    needed = t.StructType([item for item in schema.fields if item.name in columns])
    answers: dict[str, Answer] = {}
    with written(case.files) as directory:
        for name in case.files:
            try:
                table = read_exact(str(directory / name), needed, options)
            except Exception as error:
                answers[name] = _condition(error)
                continue
            import pyarrow as pa

            taken = [table.column(column) for column in columns]
            names = pa.array([name] * table.num_rows, pa.string())
            answers[name] = rows_by_file(
                pa.table([names, *taken], [str(i) for i in range(len(taken) + 1)])
            ).get(name, [])
    return answers


def read_alone(session: Any, case: Drawn) -> dict[str, Answer]:
    """Return the rows of each file, from a query for each."""
    answers: dict[str, Answer] = {}
    for name in case.files:
        answers |= read_all(session, case.only(name))
    return answers


def read_stream(session: Any, case: Drawn) -> dict[str, Answer]:
    """Return the rows of each file, from a stream over all of them."""
    session.conf.set("spark.sql.session.timeZone", case.time_zone)
    tables: list[Any] = []
    with written(case.files) as directory:
        reader = session.readStream
        if case.files_per_trigger is not None:
            reader = reader.option("maxFilesPerTrigger", case.files_per_trigger)
        try:
            frame = _frame(session, reader, case, directory)
            query = (
                frame.writeStream.foreachBatch(lambda batch, _: tables.append(batch.toArrow()))
                .trigger(availableNow=True)
                .start()
            )
            query.awaitTermination()
        except Exception as error:
            return dict.fromkeys(case.files, _condition(error))
    answers: dict[str, Answer] = {name: [] for name in case.files}
    for table in tables:
        for name, rows in rows_by_file(table).items():
            answers[name] = sorted([*answers[name], *rows])
    return answers


# ---- comparing


@contextmanager
def counted() -> Iterator[set[str]]:
    """Give the set of the files that the exact reader is asked for meanwhile."""
    from lightstream.sources.json import exact

    asked: set[str] = set()
    read = exact.read_exact

    def counting(path: str, *more: Any) -> Any:
        asked.add(path)
        return read(path, *more)

    exact.read_exact = counting  # type: ignore[assignment]
    try:
        yield asked
    finally:
        exact.read_exact = read


Way = Callable[[Drawn], dict[str, Answer]]


def ways(session: Any) -> dict[str, Way]:
    """Return the ways of reading here, by name."""
    return {
        "all at once": lambda case: read_all(session, case),
        "by the exact reader": read_exact_files,
        "alone": lambda case: read_alone(session, case),
        "as a stream": lambda case: read_stream(session, case),
    }


def differing(spark: dict[str, Answer], ours: dict[str, Answer]) -> list[str]:
    """Return the files whose answers differ; what is refused by name here does not count."""
    return [name for name in ours if ours[name] != spark[name] and not _refused(ours[name])]


def _refused(answer: Answer) -> bool:
    return isinstance(answer, str) and REFUSED in answer


def compare(spark: Any, lightstream: Any, case: Drawn, random: Random, tally: Tally) -> list[Difference]:
    """Return one difference for each way of reading that has any, each cut down to what makes it."""
    wanted = read_all(spark, case)
    found = []
    for name, way in ways(lightstream).items():
        asked = case
        if name == "by the exact reader" and case.where is not None:
            continue
        if name == "alone":
            asked = case.only(*random.sample(sorted(case.files), min(6, len(case.files))))
        if name == "as a stream":
            if random.random() < 0.8:
                continue
            # A stream ends with the first file that fails.
            asked = case.only(*(n for n, answer in wanted.items() if not isinstance(answer, str)))
            if not asked.files:
                continue
            tally.streams += 1
        with counted() as exact:
            ours = way(asked)
        if name == "alone":
            tally.alone += len(asked.files)
            tally.alone_fast += len(asked.files) - len(exact)
        tally.refused += sum(map(_refused, ours.values()))
        bad = differing(wanted, ours)
        if bad:
            found.append(cut_down(spark, way, name, asked, bad))
    tally.cases += 1
    tally.files += len(case.files)
    tally.lines += sum(content.count(b"\n") for content in case.files.values())
    return found


# ---- cutting down


def cut_down(spark: Any, way: Way, name: str, case: Drawn, bad: Sequence[str]) -> Difference:
    """Return the smallest case that can be found in which one file is read differently."""

    def differs(smaller: Drawn) -> list[str]:
        return differing(read_all(spark, smaller), way(smaller))

    found = next((n for n in bad if differs(case.only(n)) == [n]), None)
    if found is None:  # it takes several files
        return Difference(
            replace(case, files={"files": b"".join(case.files.values())}), name, "together", "together"
        )
    case = case.only(found)
    case = _smaller_settings(case, differs)
    case = _smaller_content(case, differs)
    case = _smaller_settings(case, differs)
    (found,) = case.files
    return Difference(case, name, read_all(spark, case)[found], way(case)[found])


def _smaller_settings(case: Drawn, differs: Callable[[Drawn], list[str]]) -> Drawn:
    def attempts(case: Drawn) -> Iterator[Drawn]:
        for name in case.options:
            yield replace(case, options={k: v for k, v in case.options.items() if k != name})
        if case.time_zone != "UTC":
            yield replace(case, time_zone="UTC")
        if case.where is not None:
            yield replace(case, where=None)
        if case.columns is not None:
            yield replace(case, columns=None)
        fields = case.schema["fields"]
        corrupt = case.options.get("columnNameOfCorruptRecord", CORRUPT)
        for index, item in enumerate(fields):
            rest = [*fields[:index], *fields[index + 1 :]]
            names = [item["name"] for item in rest]
            if names and names != [corrupt] and (case.columns is None or item["name"] not in case.columns):
                yield replace(case, schema={"type": "struct", "fields": rest})

    changed = True
    while changed:
        changed = False
        for attempt in attempts(case):
            if differs(attempt):
                case, changed = attempt, True
                break
    return case


def _smaller_content(case: Drawn, differs: Callable[[Drawn], list[str]]) -> Drawn:
    (name,) = case.files
    if name.endswith(".gz"):
        return case
    content = case.files[name]
    size = max(1, len(content) // 2)
    while size:
        starts = range(0, len(content), max(1, size // 2))
        attempts = [content[:start] + content[start + size :] for start in starts]
        if size > 1:
            attempts += [content[start : start + size] for start in starts]
        # The shortest of them that still differs; all are read in one query.
        attempts = sorted({attempt for attempt in attempts if attempt != content}, key=len)[:200]
        files = {f"{number:03}.json": attempt for number, attempt in enumerate(attempts)}
        smaller = min(differs(replace(case, files=files)), default=None) if files else None
        if smaller is not None:
            content = files[smaller]
            size = min(size, max(1, len(content) // 2))
        else:
            size //= 2
    return replace(case, files={"000.json": content})


# ---- schemas


def inferred(session: Any, files: dict[str, bytes], options: dict[str, str]) -> str:
    """Return the schema of some files, or the condition of the error."""
    session.conf.set("spark.sql.session.timeZone", "UTC")
    with written(files) as directory:
        try:
            return str(session.read.options(**options).json(str(directory)).schema.json())
        except Exception as error:
            return _condition(error)


def compare_inferred(
    spark: Any, lightstream: Any, files: dict[str, bytes], options: dict[str, str], tally: Tally
) -> str | None:
    """Return how the schemas differ that are inferred from some files, cut down to the lines that make it."""

    def schemas(content: dict[str, bytes]) -> tuple[str, str]:
        return inferred(spark, content, options), inferred(lightstream, content, options)

    def differ(content: dict[str, bytes]) -> bool:
        wanted, ours = schemas(content)
        return wanted != ours and REFUSED not in ours

    tally.schemas += 1
    tally.lines += sum(content.count(b"\n") for content in files.values())
    if not differ(files):
        return None
    for name in list(files):
        rest = {other: content for other, content in files.items() if other != name}
        if rest and differ(rest):
            files = rest
    end = options.get("lineSep", "\n").encode()
    for name in files:
        for pieces, join in ((lambda c: c.split(end)[:-1], end), (lambda c: [bytes([b]) for b in c], b"")):
            parts = pieces(files[name])
            if len(parts) > 400:
                break
            size = max(1, len(parts) // 2)
            while size:
                start = 0
                while start < len(parts):
                    rest = parts[:start] + parts[start + size :]
                    content = join.join(rest) + (end if join else b"")
                    if differ(files | {name: content}):
                        parts = rest
                        files = files | {name: content}
                    else:
                        start += size
                size //= 2
    wanted, ours = schemas(files)
    return f"inferred from {files} with {options}\n  spark: {wanted}\n  here:  {ours}"
