"""How a slice declares what can be followed: streams of the rows that events tell of."""

from collections.abc import Mapping
from inspect import get_annotations
from typing import Any

from nexus.graph import specs
from nexus.graph.declare import Declared, field_of
from nexus.graph.filters import FilterField
from nexus.graph.registering import current


def heard(
    declared: type, *kinds: str, fact: str | None = None, concerns: specs.May | None = None
) -> specs.Heard:
    """Events of these kinds tell of a row of the type: their object, or the one a fact names."""
    return specs.Heard(frozenset(kinds), declared.__name__, fact, concerns)


def narrowed(entry: FilterField, *, fact: str | None = None) -> tuple[FilterField, str | None]:
    """An argument that the row must fit. `fact` names its value where the event has it."""
    return entry, fact


def stream(
    *told: specs.Heard,
    filtered_as: Any = None,
    arguments: Mapping[str, tuple[FilterField, str | None]] | None = None,
    about: str,
) -> Any:
    """A field of the root subscription; `filtered_as` is the collection whose filter it takes."""
    given = arguments or {}
    shown = {name: entry.annotation | None for name, (entry, _) in given.items()}
    filters: dict[str, specs.Filter] = {}
    if filtered_as is not None:
        filters = filtered_as.spec.filters
        shown["filter"] = filtered_as.arguments["filter"]
    narrowings = {
        specs.camel(name): specs.Narrowing(entry.spec, fact)
        for name, (entry, fact) in given.items()
    }
    return Followed(specs.Stream(told, filters, narrowings), shown, about)


class Followed(Declared):
    """A stream's spec with the GraphQL arguments it takes."""

    def __init__(self, told: specs.Stream, arguments: Mapping[str, Any], about: str) -> None:
        super().__init__(specs.Static(lambda: None), arguments, about)
        self.told = told


def subscription(cls: type) -> type:
    """A slice's share of the root subscription type."""
    registry = current()
    for name, annotation in get_annotations(cls).items():
        declared = cls.__dict__[name]
        if not isinstance(declared, Followed):
            raise TypeError(f"{cls.__name__}.{name} is no stream")
        registry.streams[specs.camel(name)] = declared.told
        registry.subscriptions[name] = field_of(name, annotation, declared, cls.__module__)
    return cls
