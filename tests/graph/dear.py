"""The dearest documents that the limits let through, made from the schema."""

from collections.abc import Iterator

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type

from nexus.graph import specs
from nexus.graph.costs import COLLECTION, COST_LIMIT, ROOT_TOTAL, TOTAL

ROOTS = 20


def _pages(type_: specs.TypeSpec) -> Iterator[tuple[str, specs.Pages]]:
    for name, declared in type_.fields.items():
        if isinstance(declared, specs.Pages):
            yield name, declared


def _leaves(schema: GraphQLSchema, name: str) -> str:
    """Every field of a type that needs no selection and no argument."""
    found = schema.get_type(name)
    assert isinstance(found, GraphQLObjectType)
    return " ".join(
        key
        for key, field in found.fields.items()
        if is_leaf_type(get_named_type(field.type)) and not field.args
    )


def _spread(root: str, arguments: str, below: str, each: int) -> str:
    """The root as often as the limits allow, when one costs so much."""
    times = max(1, min(ROOTS, COST_LIMIT // each))
    return "{ " + " ".join(f"a{n}: {root}{arguments} {{ {below} }}" for n in range(times)) + " }"


def dear_documents(schema: GraphQLSchema, registry: specs.Registry) -> Iterator[tuple[str, str]]:
    """Name and text of each: whole pages, counts, searches, every order, every edge."""
    query = registry.types["Query"]
    for root, declared in _pages(query):
        target = query.targets[root]
        leaves = _leaves(schema, target)
        orders = [f"(orderBy: {name})" for name in declared.orders] if declared.orders else []
        several = orders if len(declared.orders) > 1 else [""]
        page = COLLECTION + 1000
        whole = f"nodes {{ {leaves} }} pageInfo {{ hasNextPage endCursor }}"
        for order in several:
            arguments = f"(first: 1000{', ' + order[1:-1] if order else ''})"
            yield f"{root} {order}", _spread(root, arguments, whole, page)
        counted = COLLECTION + ROOT_TOTAL + 20
        yield f"{root} counted", _spread(root, "", "totalCount", counted)
        for name in declared.filters:
            if name == "text":
                given = '(filter: {text: "老人"})'
                yield f"{root} searched", _spread(root, given, "totalCount nodes { id }", counted)
        for edge, _ in _pages(registry.types[target]):
            below = f"nodes {{ {edge}(first: 3) {{ totalCount nodes {{ id }} }} }}"
            each = 1 + TOTAL + 3
            rows = min(1000, (COST_LIMIT - COLLECTION) // each)
            times = max(1, COST_LIMIT // (COLLECTION + rows * each))
            parts = (f"a{n}: {root}(first: {rows}) {{ {below} }}" for n in range(times))
            yield f"{root}.{edge}", "{ " + " ".join(parts) + " }"
