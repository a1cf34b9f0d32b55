"""The pages of docs/: generated ones are fresh, and the others name what the code has."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lightstream.conf import FIXED
from lightstream.sinks import attached, console, duckdb_table, memory, noop, python_function, registry
from lightstream.sinks import delta as delta_sink
from lightstream.sinks import iceberg as iceberg_sink
from lightstream.sinks import kafka as kafka_sink
from lightstream.sinks.files import sink as files
from lightstream.sources import file_options, iceberg, record_options
from lightstream.sources import registry as formats
from lightstream.sources.avro import format as avro_format
from lightstream.sources.csv import options as csv_options
from lightstream.sources.delta import reader as delta
from lightstream.sources.json import options as json_options
from lightstream.sources.kafka import options as kafka_options
from lightstream.sources.orc import format as orc_format
from lightstream.sources.parquet import format as parquet_format
from lightstream.sources.text import format as text_format

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def table_names(text: str) -> set[str]:
    """Return the names in code style in the first columns of a page's tables of options, in lower case."""
    found: set[str] = set()
    for table in re.findall(r"^\| option \|.*\n\|[-|]+\n((?:\|.*\n?)+)", text, re.MULTILINE):
        for line in table.splitlines():
            found |= {name.lower() for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    return found


def test_generated_pages_are_fresh() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "generate_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_every_option_of_sources_is_described() -> None:
    read = re.compile(
        r"""(?:get|flag|flag\.\w+|_positive|_boolean|_flag|_char|_integer|number)"""
        r"""\(\s*(?:given, |options, |lower, |source\.options, )?"(\w+)\""""
        r"""|if "(\w+)" in lower"""
    )
    found: set[str] = set()
    for module in (
        file_options,
        json_options,
        record_options,
        csv_options,
        text_format,
        parquet_format,
        orc_format,
        avro_format,
    ):
        found |= {(a or b).lower() for a, b in read.findall(inspect.getsource(module))}
    found |= {"modifiedbefore", "modifiedafter"}
    found |= {*delta.READ_OPTIONS, *delta.STREAM_OPTIONS} - {"path"}
    assert {"maxfilespertrigger", "multiline", "mode"} < found
    assert table_names(page("sources.md")) == found


def test_every_option_of_sinks_is_described() -> None:
    read = re.compile(r"""options\.get\("(\w+)""")
    found: set[str] = set()
    for module in (registry, console, files, iceberg):
        found |= set(read.findall(inspect.getsource(module)))
    assert {"numrows", "dbtable", "retention"} < found
    assert table_names(page("sinks.md")) == found


def test_every_option_of_kafka_is_described() -> None:
    source = inspect.getsource(kafka_options)
    found = set(re.findall(r"""(?:_count|_flag)\(given, "([\w.]+)\"""", source))
    found |= set(re.findall(r"""given\.get\("(\w+)\"""", source))
    found |= {f"{which}{kind}" for which in ("starting", "ending") for kind in ("offsets", "timestamp")}
    text = page("kafka.md").lower()
    assert {"maxOffsetsPerTrigger", "maxtriggerdelay"} < found
    assert [name for name in found if f"`{name.lower()}`" not in text] == []


def test_sinks_state_the_guarantee_of_their_classes() -> None:
    stated = {
        sink: guarantee.strip()
        for sink, _, guarantee, _ in re.findall(r"^\| (`.*`) \|(.*)\|(.*)\|(.*)\|$", page("sinks.md"), re.MULTILINE)
        if "(" in sink
    }  # fmt: skip
    classes = {
        '`toTable("t")`, `format("duckdb")`': duckdb_table.DuckDBTableSink,
        '`format("delta")`': delta_sink.DeltaSink,
        '`format("iceberg")`': iceberg_sink.IcebergSink,
        ", ".join(
            f'`format("{name}")`' for name in ("parquet", "orc", "avro", "json", "csv", "text")
        ): files.FileSink,
        '`format("memory")`': memory.MemorySink,
        '`format("console")`': console.ConsoleSink,
        '`format("noop")`': noop.NoopSink,
        '`format("kafka")`': kafka_sink.KafkaSink,
        '`format("kafka")` with `lightstream.exactlyOnce`': kafka_sink.ExactlyOnceKafkaSink,
        "`foreachBatch(f)`": python_function.ForeachBatchSink,
        "`foreach(f)`": python_function.ForeachSink,
    }
    assert stated.keys() == classes.keys()
    for sink, kind in classes.items():
        text = re.search(r"Guarantee: (.*?)[.;]", inspect.getdoc(kind) or "")
        assert text is not None
        assert text[1] == stated[sink], sink
    assert set(registry.FORMATS) == set(re.findall(r'format\("(\w+)"\)`', "".join(classes)))
    assert attached.AttachedFile.longest_s == 1.0  # "every second under load"


def test_formats_of_sources_are_named() -> None:
    text = page("sources.md").lower()
    for name in formats.FILE_FORMATS:
        assert f"## {name}" in text


@pytest.mark.parametrize("name", sorted(path.name for path in DOCS.glob("*.md")))
def test_links_and_names_lead_somewhere(name: str) -> None:
    text = page(name)
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (DOCS / link).exists(), link
    for path, function in re.findall(r"`((?:tests|parity_tests|scripts)/\w+\.py)(?:::(\w+))?`", text):
        assert (ROOT / path).exists(), path
        if function:
            assert f"def {function}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{function}"


def test_settings_that_are_built_in_are_listed() -> None:
    built_in = page("configuration.md").partition("built in")[2].partition("without effect")[0]
    assert set(re.findall(r"\| `(spark\.[\w.]+)` \|", built_in)) == set(FIXED)
