"""Rows: tuples whose values have names."""

from __future__ import annotations

from typing import Any

from lightstream.errors import (
    PySparkAttributeError,
    PySparkRuntimeError,
    PySparkTypeError,
    PySparkValueError,
)


class Row(tuple[Any, ...]):
    """A row of a DataFrame: a tuple that also knows its field names.

    `Row(name="Ann", age=3)` has names; `Row("name", "age")` makes a kind of row to call with values.
    """

    __fields__: list[str]

    def __new__(cls, *args: Any, **kwargs: Any) -> Row:
        if args and kwargs:
            raise PySparkValueError(
                "CANNOT_SET_TOGETHER",
                "Row takes values or named values, not both.",
                parameters={"arg_list": "args and kwargs"},
            )
        if kwargs:
            return row_of(list(kwargs), kwargs.values())
        return tuple.__new__(cls, args)

    def asDict(self, recursive: bool = False) -> dict[str, Any]:
        """Return the values by name; with `recursive` nested rows become dicts too.

        Raises:
            PySparkTypeError: the row has no names.
        """
        if "__fields__" not in self.__dict__:
            raise PySparkTypeError("CANNOT_CONVERT_TYPE", "A Row without field names has no dict.")
        values = map(_as_dict, self) if recursive else self
        return dict(zip(self.__fields__, values, strict=False))

    def __contains__(self, item: object) -> bool:
        if "__fields__" in self.__dict__:
            return item in self.__fields__
        return super().__contains__(item)

    def __call__(self, *args: Any) -> Row:
        """Return a row of this kind with the given values."""
        if len(args) > len(self):
            raise PySparkValueError(
                "TOO_MANY_VALUES",
                f"Expected {len(self)} values for `fields`, got {len(args)}.",
                parameters={"expected": str(len(self)), "item": "fields", "actual": str(len(args))},
            )
        return row_of(list(self), args)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, int | slice):
            return super().__getitem__(item)
        try:
            return super().__getitem__(self.__fields__.index(item))
        except (AttributeError, IndexError, ValueError):
            raise PySparkValueError(message=str(item)) from None

    def __getattr__(self, item: str) -> Any:
        try:
            return super().__getitem__(self.__dict__["__fields__"].index(item))
        except (KeyError, IndexError, ValueError):
            raise PySparkAttributeError(
                "ATTRIBUTE_NOT_SUPPORTED",
                f"Attribute `{item}` is not supported.",
                sqlstate="0A000",
                parameters={"attr_name": item},
            ) from None

    def __setattr__(self, key: Any, value: Any) -> None:
        if key != "__fields__":
            raise PySparkRuntimeError("READ_ONLY", "Row is read-only.", parameters={"object": "Row"})
        self.__dict__[key] = value

    def __reduce__(self) -> Any:
        if "__fields__" in self.__dict__:
            return row_of, (self.__fields__, tuple(self))
        return tuple.__reduce__(self)

    def __repr__(self) -> str:
        if "__fields__" in self.__dict__:
            named = ", ".join(f"{k}={v!r}" for k, v in zip(self.__fields__, self, strict=False))
            return f"Row({named})"
        return f"<Row({', '.join(map(repr, self))})>"


def row_of(names: list[str], values: Any) -> Row:
    """Return a row with the given field names (which may repeat) and values."""
    row: Row = tuple.__new__(Row, values)
    row.__dict__["__fields__"] = names
    return row


def _as_dict(value: Any) -> Any:
    if isinstance(value, Row):
        return value.asDict(True)
    if isinstance(value, list):
        return [_as_dict(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_dict(item) for key, item in value.items()}
    return value
