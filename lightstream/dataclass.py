"""`dataclasses.dataclass`, at a small part of the time an import takes with it.

The standard one writes and compiles six methods for each class when the module is imported; with a hundred and fifty
classes that is a fifth of a cold start, most of it for classes a program never uses. Here `__init__` is written
when the first object is made, and the others are shared. `fields`, `replace` and `asdict` work as usual.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    from operator import attrgetter

    Class = TypeVar("Class", bound=type)
    _MISSING = dataclasses.MISSING

    def dataclass(*, frozen: bool = False, slots: bool = False, eq: bool = True):
        """Make a class a dataclass, as `dataclasses.dataclass` does."""

        def make(cls: Class) -> Class:
            cls = dataclasses.dataclass(cls, init=False, repr=False, eq=False, slots=slots)
            cls.__init__ = _first_init(cls, frozen)
            cls.__repr__ = _repr
            if frozen:
                cls.__setattr__, cls.__delattr__ = _refuse_to_set, _refuse_to_delete
                if slots:
                    cls.__getstate__, cls.__setstate__ = _state, _set_state
            if eq:
                _compare_by_value(cls, frozen)
            return cls

        return make

    def _first_init(cls: type, frozen: bool) -> Any:
        def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:
            cls.__init__ = init = _written_init(cls, frozen)
            init(self, *args, **kwargs)

        return __init__

    def _written_init(cls: type, frozen: bool) -> Any:
        names: dict[str, Any] = {"_MISSING": _MISSING}
        parameters, body = ["self"], []
        for field in dataclasses.fields(cls):
            name, value = field.name, field.name
            parameter = name
            if not field.init:
                continue
            if field.default is not _MISSING:
                names[f"_default_{name}"] = field.default
                parameter = f"{name}=_default_{name}"
            elif field.default_factory is not _MISSING:
                names[f"_new_{name}"] = field.default_factory
                parameter = f"{name}=_MISSING"
                value = f"_new_{name}() if {name} is _MISSING else {name}"
            parameters.append(parameter)
            if frozen:
                slot = getattr(cls, name, None)
                names[f"_set_{name}"] = getattr(slot, "__set__", None) or _setter(name)
                body.append(f"_set_{name}(self, {value})")
            else:
                body.append(f"self.{name} = {value}")
        if hasattr(cls, "__post_init__"):
            body.append("self.__post_init__()")
        lines = "\n ".join(body or ["pass"])
        exec(f"def __init__({', '.join(parameters)}):\n {lines}", names)
        return names["__init__"]

    def _setter(name: str) -> Any:
        return lambda self, value: object.__setattr__(self, name, value)

    def _repr(self: Any) -> str:
        shown = (f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def _state(self: Any) -> list[Any]:
        return [getattr(self, f.name) for f in dataclasses.fields(self)]

    def _set_state(self: Any, state: list[Any]) -> None:
        for field, value in zip(dataclasses.fields(self), state, strict=True):
            object.__setattr__(self, field.name, value)

    def _refuse_to_set(self: Any, name: str, value: Any) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def _refuse_to_delete(self: Any, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def _compare_by_value(cls: type, frozen: bool) -> None:
        names = [field.name for field in dataclasses.fields(cls) if field.compare]
        # One name more than there may be, so that the values are a tuple in any case.
        values = attrgetter("__class__", *names) if names else type

        def __eq__(self: Any, other: Any) -> bool:
            return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

        def __hash__(self: Any) -> int:
            return hash(values(self))

        cls.__eq__ = __eq__
        cls.__hash__ = __hash__ if frozen else None
