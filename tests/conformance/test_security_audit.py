"""The checks of graphql-cop, by which scanners judge an endpoint: two findings, both by choice."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

INTROSPECTION = "{ __schema { types { name fields { name } } } }"
CIRCULAR = "{ __schema { types " + "{ fields { type " * 5 + "{ name }" + " } }" * 5 + " } }"
FORM = {"content-type": "application/x-www-form-urlencoded"}
BROWSER = {"accept": "text/html"}
PAGES = ("graphiql", "graphql playground", "apollo sandbox", "altair")

Check = Callable[[httpx.AsyncClient], Awaitable[bool]]
"""Whether the endpoint has the weakness."""


async def _data(client: httpx.AsyncClient, query: Any, **options: Any) -> Any:
    response = await client.post("/graphql", json={"query": query}, **options)
    return response.json().get("data")


async def alias_overloading(client: httpx.AsyncClient) -> bool:
    """A hundred aliases of one field are executed."""
    aliases = " ".join(f"alias{number}: __typename" for number in range(101))
    return await _data(client, f"{{ {aliases} }}") is not None


async def array_batching(client: httpx.AsyncClient) -> bool:
    """An array of requests is executed."""
    response = await client.post("/graphql", json=[{"query": "{ __typename }"}] * 10)
    return isinstance(response.json(), list)


async def directive_overloading(client: httpx.AsyncClient) -> bool:
    """Directives that nobody knows are taken one by one: as many errors as directives."""
    response = await client.post("/graphql", json={"query": "{ __typename " + "@aa" * 10 + " }"})
    return len(response.json()["errors"]) == 10


async def known_directive_overloading(client: httpx.AsyncClient) -> bool:
    """A flood of a directive that is known is executed."""
    return await _data(client, "{ __typename " + "@include(if: true)" * 60 + " }") is not None


async def circular_introspection(client: httpx.AsyncClient) -> bool:
    """A description that grows with each turn of the circle is given."""
    return await _data(client, CIRCULAR) is not None


async def get_based_query(client: httpx.AsyncClient) -> bool:
    """A query is executed by GET."""
    return "data" in (await client.get("/graphql", params={"query": "{ __typename }"})).json()


async def get_based_mutation(client: httpx.AsyncClient) -> bool:
    """A mutation is executed by GET."""
    parameters = {"query": "mutation { __typename }"}
    return "data" in (await client.get("/graphql", params=parameters)).json()


async def form_encoded_query(client: httpx.AsyncClient) -> bool:
    """A query is executed from a form, which another site could post."""
    response = await client.post("/graphql", content="query={__typename}", headers=FORM)
    return "data" in response.json()


async def introspection(client: httpx.AsyncClient) -> bool:
    """The schema is told."""
    return await _data(client, INTROSPECTION) is not None


async def ide(client: httpx.AsyncClient) -> bool:
    """A page for trying out queries is served."""
    text = (await client.get("/graphql", headers=BROWSER)).text.lower()
    return any(page in text for page in PAGES)


async def field_suggestions(client: httpx.AsyncClient) -> bool:
    """A misspelt name is answered with names that are there."""
    queries = (
        "{ need }",
        "{ needs { totalCuont } }",
        "{ needs(frist: 1) { totalCount } }",
        "query ($v: NeedFlter) { __typename }",
        "{ needs(filter: {stat: DRAFT}) { totalCount } }",
        "{ needs(filter: {state: DRFT}) { totalCount } }",
        "{ needs(orderBy: NEWST) { totalCount } }",
        "{ __schema { typs { name } } }",
        "{ __typename @inclde(if: true) }",
        "{ ... on Ned { id } }",
        "{ ...Fragmen } fragment Fragment on Query { __typename }",
    )
    for query in queries:
        response = await client.post("/graphql", json={"query": query})
        if "did you mean" in response.text.lower():
            return True
    given = {"query": "query ($f: NeedFilter) { needs(filter: $f) { totalCount } }"}
    misspelt: tuple[dict[str, list[str]], ...] = ({"stat": []}, {"state": ["DRFT"]})
    for value in misspelt:
        response = await client.post("/graphql", json={**given, "variables": {"f": value}})
        if "did you mean" in response.text.lower():
            return True
    return False


async def trace_mode(client: httpx.AsyncClient) -> bool:
    """How long each part took is told."""
    response = await client.post("/graphql", json={"query": "{ __typename }"})
    return "tracing" in response.json().get("extensions", {})


async def field_duplication(client: httpx.AsyncClient) -> bool:
    """A field asked five hundred times costs five hundred times: here it is one."""
    query = "{ __schema { " + "types { name } " * 500 + "} }"
    return await _data(client, query) is not None


async def unhandled_errors(client: httpx.AsyncClient) -> bool:
    """A request of the wrong form is answered with a traceback."""
    response = await client.post("/graphql", json={"query": "{ __typename }", "variables": [[]]})
    return response.status_code >= 500 or "traceback" in response.text.lower()


CHECKS: tuple[Check, ...] = (
    alias_overloading,
    array_batching,
    directive_overloading,
    known_directive_overloading,
    circular_introspection,
    get_based_query,
    get_based_mutation,
    form_encoded_query,
    introspection,
    ide,
    field_suggestions,
    trace_mode,
    field_duplication,
    unhandled_errors,
)
BY_CHOICE = {"get_based_query", "introspection"}
"""Reads may be cached by URL; the schema is public documentation."""


async def test_only_what_is_chosen_is_found(http: httpx.AsyncClient) -> None:
    found = {check.__name__ for check in CHECKS if await check(http)}
    assert found == BY_CHOICE
