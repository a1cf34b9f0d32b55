"""Every relation has the rule that resolves it, in the module that the analyzer looks in."""

from __future__ import annotations

from importlib import import_module

from lightstream.analyze import analyzer
from lightstream.plan import relations
from lightstream.plan.relations import Relation


def test_relations_have_rules() -> None:
    # Not `__subclasses__`: a dataclass with slots is made twice, and the first one stays for a while.
    kinds = [
        kind for kind in vars(relations).values() if isinstance(kind, type) and issubclass(kind, Relation)
    ]
    assert len(kinds) > 20
    for kind in kinds:
        module = analyzer._MODULES.get(kind, "analyzer")
        import_module(f"lightstream.analyze.{module}")
        if kind is not Relation:
            assert analyzer._rules[kind].__module__ == f"lightstream.analyze.{module}", kind
