"""`import pyspark...` gives lightstream's modules: the same objects, every name that pyspark programs import."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lightstream import pyspark_imports
from lightstream.errors import PySparkImportError


@pytest.fixture(autouse=True)
def finder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the finder for one test, whatever pyspark this process has."""

    def clear() -> dict[str, object]:
        names = [name for name in sys.modules if name == "pyspark" or name.startswith("pyspark.")]
        return {name: sys.modules.pop(name) for name in names}

    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    before = clear()
    pyspark_imports.install()
    yield
    clear()
    sys.modules.update(before)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "stand_in"),
    [
        ("pyspark", "lightstream.pyspark_names"),
        ("pyspark.sql", "lightstream.sql"),
        ("pyspark.sql.functions", "lightstream.sql.functions"),
        ("pyspark.sql.types", "lightstream.sql.types"),
        ("pyspark.sql.window", "lightstream.sql.window"),
        ("pyspark.sql.streaming", "lightstream.sql.streaming"),
        ("pyspark.sql.session", "lightstream.sql.session"),
        ("pyspark.sql.dataframe", "lightstream.sql.dataframe"),
        ("pyspark.sql.column", "lightstream.sql.column"),
        ("pyspark.sql.utils", "lightstream.sql.utils"),
        ("pyspark.errors", "lightstream.errors"),
        ("pyspark.errors.exceptions.base", "lightstream.errors"),
        ("pyspark.errors.exceptions.captured", "lightstream.errors"),
        ("pyspark.conf", "lightstream.sql.context"),
        ("pyspark.context", "lightstream.sql.context"),
    ],
)
def test_it_is_the_same_module(name: str, stand_in: str) -> None:
    module = importlib.import_module(name)
    assert module is importlib.import_module(stand_in)
    assert module.__name__ == stand_in
    assert module.__spec__ is not None and module.__spec__.name == stand_in
    assert sys.modules[name] is module


def test_the_forms_of_import() -> None:
    namespace: dict[str, object] = {}
    exec(
        "import pyspark, pyspark.sql.functions as F\n"
        "from pyspark.sql import SparkSession, DataFrame, Column, Row, Window, functions\n"
        "from pyspark.sql.types import *\n"
        "from pyspark.sql.functions import col, expr\n"
        "from pyspark.sql.utils import AnalysisException as Old\n"
        "from pyspark.errors import AnalysisException as New\n"
        "from pyspark import SparkConf, SparkContext, StorageLevel\n"
        "assert pyspark.sql.functions is F is functions\n"
        "assert Old is New\n"
        "assert StructType([StructField('a', LongType())]).simpleString() == 'struct<a:bigint>'\n",
        namespace,
    )
    assert namespace["SparkSession"] is importlib.import_module("lightstream").sql.SparkSession


@pytest.mark.parametrize(
    "name", ["pyspark.ml", "pyspark.pandas", "pyspark.sql.nothing", "pyspark.plan", "pyspark.core.files"]
)
def test_what_is_not_there_is_refused_by_name(name: str) -> None:
    with pytest.raises(PySparkImportError, match=rf"{name} is not supported by lightstream") as refused:
        importlib.import_module(name)
    assert isinstance(refused.value, ModuleNotFoundError)  # programs look for it, too
    assert refused.value.getCondition() == "LIGHTSTREAM_UNSUPPORTED"
    assert name not in sys.modules


def test_other_modules_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyspark_like.py").write_text("here = True\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert importlib.import_module("pyspark_like").here


def test_installed_once() -> None:
    pyspark_imports.install()
    assert sum(isinstance(one, pyspark_imports.PysparkFinder) for one in sys.meta_path) == 1
