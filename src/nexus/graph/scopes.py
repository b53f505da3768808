"""OAuth scopes: what a document touches, and whether the credential opens that.

A document touches the types whose rows it selects, wherever they stand in it, and the mutations it
calls. So a scope cannot be got round by an edge from another type or by `node`. The check comes
before planning: a plan knows nothing of scopes.
"""

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)

from nexus.graph.caching import Recent
from nexus.graph.documents import Operation, Prepared
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.specs import Registry

KEPT = 2000

Uses = frozenset[str]


@dataclass(frozen=True)
class ScopeTable:
    """Which names of types and mutations each scope opens, and which need none."""

    opens: Mapping[str, Collection[str]]
    free: Collection[str]


@dataclass
class Scopes:
    """Checks operations of one schema."""

    schema: GraphQLSchema
    registry: Registry
    table: ScopeTable
    _uses: Recent[Hashable, Uses] = field(default_factory=lambda: Recent(KEPT))
    _opened: Recent[frozenset[str], Uses] = field(default_factory=lambda: Recent(KEPT))

    def check(self, prepared: Prepared, operation: Operation, scopes: frozenset[str]) -> None:
        """RequestError 403 when the operation touches what the scopes do not open."""
        key = (prepared.text, operation.name)
        uses = self._uses.get(key)
        if uses is None:
            uses = self._uses.put(key, self.uses(prepared, operation))
        opened = self._opened.get(scopes)
        if opened is None:
            opened = self._opened.put(scopes, self._open(scopes))
        if not uses <= opened:
            raise self._refusal(uses - opened)

    def uses(self, prepared: Prepared, operation: Operation) -> Uses:
        """The declared types and the mutations that the operation touches."""
        walk = _Walk(self.schema, self.registry, prepared)
        root = self.schema.get_root_type(operation.node.operation)
        walk.into(root, operation.node.selection_set)
        return frozenset(walk.found)

    def _open(self, scopes: frozenset[str]) -> Uses:
        opened = set(self.table.free)
        for scope in scopes:
            opened.update(self.table.opens.get(scope, ()))
        return frozenset(opened)

    def _refusal(self, closed: Uses) -> RequestError:
        keys: list[str] = []
        for name in sorted(closed):
            fitting = [scope for scope, opened in self.table.opens.items() if name in opened]
            if not fitting:
                message = f"No scope opens {name}: it is for people, not for machines."
                headers = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
                return RequestError(403, RequestCode.INSUFFICIENT_SCOPE, message, headers)
            if not set(fitting) & set(keys):
                keys.append(fitting[0])
        named = " ".join(keys)
        message = f"This token does not open {', '.join(sorted(closed))}: ask for scope {named}."
        challenge = f'Bearer error="insufficient_scope", scope="{named}"'
        headers = {"WWW-Authenticate": challenge}
        return RequestError(403, RequestCode.INSUFFICIENT_SCOPE, message, headers)


class _Walk:
    """One pass over a valid operation; each fragment once."""

    def __init__(self, schema: GraphQLSchema, registry: Registry, prepared: Prepared) -> None:
        self.schema = schema
        self.registry = registry
        self.fragments = prepared.fragments
        self.found: set[str] = set()
        self._spread: set[str] = set()

    def into(self, parent: Any, selections: SelectionSetNode) -> None:
        for node in selections.selections:
            if isinstance(node, FieldNode):
                self._field(parent, node)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                self._on(condition.name.value if condition else parent.name, node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in self._spread:
                self._spread.add(node.name.value)
                fragment = self.fragments[node.name.value]
                self._on(fragment.type_condition.name.value, fragment.selection_set)

    def _on(self, type_name: str, selections: SelectionSetNode) -> None:
        self._touch(type_name)
        self.into(self.schema.get_type(type_name), selections)

    def _touch(self, name: str) -> None:
        if name in self.registry.types and name != "Query":
            self.found.add(name)

    def _field(self, parent: Any, node: FieldNode) -> None:
        name = node.name.value
        if name.startswith("__"):
            return
        below: Any = get_named_type(parent.fields[name].type)
        self._touch(below.name)
        if parent is self.schema.mutation_type:
            self.found.add(name)
        elif (declaring := self.registry.types.get(parent.name)) is not None:
            # What a connection leads to, even where only its totalCount is asked for.
            self._touch(declaring.targets.get(name, ""))
        if node.selection_set is not None:
            self.into(below, node.selection_set)
