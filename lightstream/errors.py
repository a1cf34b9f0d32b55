"""Error classes, with the names, conditions and accessors of `pyspark.errors`.

Every error carries a condition (`UNRESOLVED_COLUMN.WITH_SUGGESTION`), its SQLSTATE where Spark has one, and
its message parameters. Conditions of our own begin with `LIGHTSTREAM_`.
"""

from __future__ import annotations

from typing import Any


class PySparkException(Exception):
    """Base of all errors raised by lightstream.

    Args:
        condition: Spark's error condition, e.g. `DIVIDE_BY_ZERO`; `LIGHTSTREAM_...` where Spark has none.
        message: what failed, where, and what to do.
        sqlstate: five characters, where Spark's condition has one.
        parameters: the condition's message parameters.
        context: the place in the SQL text, shown after message and SQLSTATE.
    """

    def __init__(
        self,
        condition: str | None = None,
        message: str = "",
        *,
        sqlstate: str | None = None,
        parameters: dict[str, str] | None = None,
        context: str = "",
        errorClass: str | None = None,
        messageParameters: dict[str, Any] | None = None,
    ) -> None:
        self.condition = condition or errorClass
        self.message = message
        self.sqlstate = sqlstate
        self.context = context
        merged = parameters if parameters is not None else messageParameters
        self.parameters = {str(k): str(v) for k, v in (merged or {}).items()}
        super().__init__(self._text())

    def _text(self) -> str:
        # Spark prints its unnamed ("legacy") conditions without a prefix.
        if self.condition is None or self.condition.startswith("_LEGACY"):
            return self.message + self.context
        text = f"[{self.condition}] {self.message}"
        return (f"{text} SQLSTATE: {self.sqlstate}" if self.sqlstate else text) + self.context

    def __str__(self) -> str:
        return self._text()

    def getCondition(self) -> str | None:
        """Return the error condition."""
        return self.condition

    def getErrorClass(self) -> str | None:
        """Return the error condition (Spark's older name of it)."""
        return self.condition

    def getSqlState(self) -> str | None:
        """Return the SQLSTATE, or None."""
        return self.sqlstate

    def getMessage(self) -> str:
        """Return the message with its condition."""
        return self._text()

    def getMessageParameters(self) -> dict[str, str]:
        """Return the message parameters."""
        return dict(self.parameters)

    def getQueryContext(self) -> list[Any]:
        """Return the query contexts (always empty here)."""
        return []


class AnalysisException(PySparkException):
    """A plan that cannot be resolved or is refused."""


class SessionNotSameException(PySparkException):
    """DataFrames of two sessions in one operation."""


class TempTableAlreadyExistsException(AnalysisException):
    """A temporary view of that name exists."""


class ParseException(AnalysisException):
    """SQL text that cannot be parsed."""


class IllegalArgumentException(PySparkException):
    """An argument with an impossible value."""


class ArithmeticException(PySparkException):
    """Overflow or division by zero under ANSI rules."""


class UnsupportedOperationException(PySparkException):
    """An operation that Spark, or lightstream, does not support."""


class ArrayIndexOutOfBoundsException(PySparkException):
    """An array index outside the array under ANSI rules."""


class DateTimeException(PySparkException):
    """A date or time that does not exist or cannot be parsed under ANSI rules."""


class NumberFormatException(IllegalArgumentException):
    """Text that is no number under ANSI rules."""


class StreamingQueryException(PySparkException):
    """The error that terminated a streaming query."""


class QueryExecutionException(PySparkException):
    """A query that failed while it ran."""


class PythonException(PySparkException):
    """An exception in a user's Python function."""


class SparkRuntimeException(PySparkException):
    """An error at run time."""


class SparkNoSuchElementException(PySparkException):
    """A setting or element that does not exist."""


class SparkUpgradeException(PySparkException):
    """A result that differs between Spark versions. Kept for programs that name it."""


class PickleException(PySparkException):
    """A value that cannot be pickled. Kept for programs that name it."""


class UnknownException(PySparkException):
    """An error of no known class."""


class PySparkValueError(PySparkException, ValueError):
    """ValueError with a condition."""


class PySparkTypeError(PySparkException, TypeError):
    """TypeError with a condition."""


class PySparkIndexError(PySparkException, IndexError):
    """IndexError with a condition."""


class PySparkAttributeError(PySparkException, AttributeError):
    """AttributeError with a condition."""


class PySparkRuntimeError(PySparkException, RuntimeError):
    """RuntimeError with a condition."""


class PySparkAssertionError(PySparkException, AssertionError):
    """AssertionError with a condition; `data` has what it is about, if that was asked for."""

    data: Any = None


class PySparkNotImplementedError(PySparkException, NotImplementedError):
    """NotImplementedError with a condition."""


class PySparkPicklingError(PySparkException):
    """An object that cannot be pickled."""


class PySparkKeyError(PySparkException, KeyError):
    """KeyError with a condition."""


class PySparkImportError(PySparkException, ImportError):
    """A missing package; the message names the pip command."""


class StreamingPythonRunnerInitializationException(PySparkException):
    """Kept for programs that name it; never raised here."""


def unsupported(what: str, hint: str = "") -> UnsupportedOperationException:
    """Return the error for something Spark has and lightstream does not."""
    tail = f" {hint}" if hint else ""
    return UnsupportedOperationException(
        "LIGHTSTREAM_UNSUPPORTED", f"{what} is not supported by lightstream.{tail}", sqlstate="0A000"
    )


def missing_package(what: str, package: str, extra: str) -> PySparkImportError:
    """Return the error for a package that is not installed; `extra` is what of lightstream brings it."""
    return PySparkImportError(
        "PACKAGE_NOT_INSTALLED",
        f"{what} needs the package {package}, which is not installed: pip install 'lightstream[{extra}]'",
        parameters={"package_name": package},
    )


def internal(what: str) -> PySparkException:
    """Return the error for a state that should be impossible."""
    return PySparkException("INTERNAL_ERROR", what, sqlstate="XX000")
