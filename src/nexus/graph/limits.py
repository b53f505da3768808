"""One pass over a document before validation: how deep, how wide, which variables matter.

Each fragment is measured once, so the time is linear in the document's tokens whatever the
fragments expand to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

from nexus.graph.errors import RequestCode, RequestError

MAX_TOKENS = 2000
MAX_COMMENTS = 500
MAX_FRAGMENTS = 100
MAX_DEPTH = 15
MAX_FIELDS = 1000
"""Fields with every fragment expanded."""
MAX_ALIASES = 50
MAX_DIRECTIVES = 50
MAX_ROOTS = 20
"""Root fields of one operation: each may be a search through a table, or a deed."""
MAX_NAME = 63
"""Characters of an alias: PostgreSQL cuts longer column names."""
SIZES = ("first", "last")


@dataclass
class Extent:
    """What a selection set expands to, and the variables it uses."""

    depth: int = 0
    width: int = 0
    """Fields on its own level."""
    rows: int = 0
    """Fields on its own level that are not about the schema."""
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    conditions: set[str] = field(default_factory=set)
    """Variables of @skip and @include."""
    arguments: set[str] = field(default_factory=set)
    """Variables in arguments of fields."""
    sizes: set[str] = field(default_factory=set)
    """Variables that are the size of a page."""

    def include(self, other: "Extent", deeper: int = 0) -> None:
        """Count `other` in, `deeper` levels below. RequestError 422 past a limit."""
        self.depth = max(self.depth, other.depth + deeper)
        if not deeper:
            self.width += other.width
            self.rows += other.rows
        self.fields += other.fields
        self.aliases += other.aliases
        self.directives += other.directives
        self.conditions |= other.conditions
        self.arguments |= other.arguments
        self.sizes |= other.sizes
        for what, found, most in (
            ("levels", self.depth, MAX_DEPTH),
            ("fields", self.fields, MAX_FIELDS),
            ("aliases", self.aliases, MAX_ALIASES),
            ("directives", self.directives, MAX_DIRECTIVES),
        ):
            if found > most:
                raise too_large(f"The document has more than {most} {what}.")


def too_large(message: str) -> RequestError:
    """422: past a limit of size."""
    return RequestError(422, RequestCode.DOCUMENT_TOO_LARGE, message)


def variables_in(node: ValueNode) -> Iterator[str]:
    """The variables a literal mentions."""
    if isinstance(node, VariableNode):
        yield node.name.value
    for part in getattr(node, "values", None) or ():
        yield from variables_in(part)
    for entry in getattr(node, "fields", None) or ():
        yield from variables_in(entry.value)


class Measure:
    """Measures operations of one document; remembers its fragments."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self.fragments = fragments
        self._known: dict[str, Extent] = {}
        self._open: set[str] = set()

    def operation(self, node: OperationDefinitionNode) -> Extent:
        """The extent of an operation. The arguments of a mutation's own fields do not count."""
        total = Extent(directives=len(node.directives or ()))
        deed = node.operation is OperationType.MUTATION
        self._selections(node.selection_set, total, deed=deed)
        if total.width > MAX_ROOTS:
            raise too_large(f"The operation has more than {MAX_ROOTS} root fields.")
        return total

    def _selections(self, found: SelectionSetNode, total: Extent, *, deed: bool = False) -> None:
        for node in found.selections:
            own = Extent()
            self._directives(node.directives or (), own)
            total.include(own)
            if isinstance(node, FieldNode):
                total.width += 1
                total.rows += not node.name.value.startswith("__")
                total.include(self._field(node, deed=deed), deeper=1)
            elif isinstance(node, FragmentSpreadNode):
                total.include(self._fragment(node.name.value, deed=deed))
            elif isinstance(node, InlineFragmentNode):
                inner = Extent()
                self._selections(node.selection_set, inner, deed=deed)
                total.include(inner)

    def _directives(self, directives: tuple[DirectiveNode, ...], own: Extent) -> None:
        own.directives += len(directives)
        for directive in directives:
            for argument in directive.arguments or ():
                own.conditions.update(variables_in(argument.value))

    def _field(self, node: FieldNode, *, deed: bool) -> Extent:
        own = Extent(fields=1, aliases=node.alias is not None)
        if node.alias is not None and len(node.alias.value) > MAX_NAME:
            raise too_large(f"An alias has more than {MAX_NAME} characters.")
        if not deed:
            for argument in node.arguments or ():
                own.arguments.update(variables_in(argument.value))
                if argument.name.value in SIZES and isinstance(argument.value, VariableNode):
                    own.sizes.add(argument.value.name.value)
        if node.selection_set is not None:
            self._selections(node.selection_set, own)
        return own

    def _fragment(self, name: str, *, deed: bool) -> Extent:
        if name in self._open or name not in self.fragments:
            return Extent()
        if name not in self._known:
            self._open.add(name)
            known = Extent()
            self._selections(self.fragments[name].selection_set, known, deed=deed)
            self._open.discard(name)
            self._known[name] = known
        return self._known[name]
