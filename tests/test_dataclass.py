"""The project's dataclass decorator behaves as the standard one."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field
from typing import Any

import pytest

from lightstream.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Base:
    """A base."""

    name: str


@dataclass(frozen=True, slots=True)
class Point(Base):
    """A point."""

    x: int = 0
    tags: dict[str, int] = field(default_factory=dict, compare=False)
    seen: list[int] = field(default_factory=list, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Nothing:
    """Without fields."""


@dataclass(slots=True)
class Counter:
    """A mutable one, with a field that is no argument."""

    start: int
    total: int = field(init=False)

    def __post_init__(self) -> None:
        self.total = self.start


@dataclass(frozen=True, slots=True, eq=False)
class ById:
    """Compared by identity."""

    x: int


def standard(cls: type) -> Any:
    """Return the class as the standard library makes it."""
    body = {"__annotations__": cls.__annotations__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return dataclasses.dataclass(frozen=True, slots=True)(type(cls.__name__, (), body))


def test_construction_takes_positions_names_and_defaults() -> None:
    assert Point("a") == Point(name="a", x=0) and Point("a", 2).x == 2
    first, second = Point("a"), Point("a")
    assert first.tags == {} and first.tags is not second.tags
    for wrong in ((), ("a", 1, {}, [], 5)):
        with pytest.raises(TypeError):
            Point(*wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
        Point("a", y=1)  # type: ignore[call-arg]


def test_equality_and_hash_are_those_of_the_compared_fields() -> None:
    assert Point("a", 1, {"k": 1}) == Point("a", 1, {"k": 2})
    assert hash(Point("a", 1)) == hash(Point("a", 1)) and Point("a", 1) != Point("a", 2)
    assert Base("a") != Point("a") and Point("a").__eq__("a") is NotImplemented
    assert Nothing() == Nothing() and hash(Nothing()) == hash(Nothing())
    assert ById(1) != ById(1) and len({ById(1), ById(1)}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(Counter(1))


def test_text_is_the_standard_one() -> None:
    assert repr(Point("a", 1)) == "Point(name='a', x=1, tags={})"
    assert repr(Nothing()) == repr(standard(Nothing)())
    assert repr(Base("a")) == repr(standard(Base)("a"))


def test_frozen_objects_refuse_changes_and_have_no_dict() -> None:
    for act in (lambda p: setattr(p, "x", 1), lambda p: delattr(p, "x")):
        with pytest.raises(dataclasses.FrozenInstanceError, match="field 'x'"):
            act(Point("a"))
    assert not hasattr(Point("a"), "__dict__")
    counter = Counter(3)
    counter.start = 4
    assert (counter.start, counter.total) == (4, 3)


def test_the_functions_of_dataclasses_work() -> None:
    point = Point("a", 1, {"k": 1})
    assert [f.name for f in dataclasses.fields(point)] == ["name", "x", "tags", "seen"]
    assert dataclasses.replace(point, x=5) == Point("a", 5)
    assert dataclasses.asdict(Base("a")) == {"name": "a"} and dataclasses.is_dataclass(Point)
    match point:
        case Point(name, x):
            assert (name, x) == ("a", 1)


@pytest.mark.parametrize("thing", [Point("a", 1, {"k": 1}), Nothing(), Counter(2)])
def test_objects_can_be_pickled_and_copied(thing: Any) -> None:
    for other in (pickle.loads(pickle.dumps(thing)), copy.copy(thing), copy.deepcopy(thing)):
        assert other == thing and repr(other) == repr(thing)
