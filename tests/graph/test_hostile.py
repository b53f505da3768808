"""Hostile documents: each is refused within 50 ms of CPU and 20 MB, before it reaches SQL.

Measured on the real schema, for its size is what an attacker multiplies.
"""

import time
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import get_introspection_query

from nexus.acting import anonymous
from nexus.graph.errors import RequestError
from nexus.graph.execution import Executor
from nexus.schema import make_schema

CPU_SECONDS = 0.05
MEMORY = 20_000_000
ANYONE = anonymous(datetime(2026, 5, 1, tzinfo=UTC))


def nested(depth: int, before: str = "{ areas { nodes ", after: str = "}}") -> str:
    """`children` within `children`."""
    inner = "{ children { nodes " * depth + "{ id }" + " } }" * depth
    return before + inner + after


def chain(length: int, last: str = "id") -> str:
    """Fragments that lead from one to the next."""
    links = "".join(f" fragment F{n} on Area {{ ...F{n + 1} }}" for n in range(length))
    return f"{{ areas {{ nodes {{ ...F0 }} }} }}{links} fragment F{length} on Area {{ {last} }}"


def doubling(levels: int) -> str:
    """Each fragment holds the next one twice, under two aliases."""
    links = "".join(
        f" fragment F{n} on Area {{ a: parent {{ ...F{n + 1} }} b: parent {{ ...F{n + 1} }} }}"
        for n in range(levels)
    )
    return f"{{ areas {{ nodes {{ ...F0 }} }} }}{links} fragment F{levels} on Area {{ id }}"


def doubling_spreads(levels: int) -> str:
    """Each fragment spreads the next one twice on one level."""
    links = "".join(
        f" fragment F{n} on Area {{ ...F{n + 1} ... on Area {{ ...F{n + 1} }} }}"
        for n in range(levels)
    )
    return f"{{ areas {{ nodes {{ ...F0 }} }} }}{links} fragment F{levels} on Area {{ id }}"


DOCUMENTS: dict[str, str] = {
    "deep selections": nested(12),
    "very deep selections": nested(150),
    "deeper than the stack": nested(480),
    "only braces": "{" * 1900,
    "only brackets": "{ areas(first: " + "[" * 1900,
    "deep list value": "{ areas(filter: {text: " + "[" * 900 + "]" * 900 + "}) { totalCount } }",
    "deep object value": "{ areas(filter: "
    + "{text:" * 600
    + "1"
    + "}" * 600
    + ") { totalCount } }",
    "deep variable type": "query ($v: "
    + "[" * 900
    + "Int"
    + "]" * 900
    + ") { areas { totalCount } }",
    "fragment chain": chain(150),
    "long fragment chain": chain(380),
    "fragment cycle": chain(3, "...F0"),
    "fragment to itself": "{ areas { nodes { ...F } } } fragment F on Area { ...F }",
    "fragment cycle through fields": (
        "{ areas { nodes { ...F } } } fragment F on Area { parent { ...F } }"
    ),
    "two fragments in a cycle": (
        "{ areas { nodes { ...A } } } fragment A on Area { ...B } "
        "fragment B on Area { parent { ...A } }"
    ),
    "doubling fragments": doubling(14),
    "doubling fragments past reason": doubling(60),
    "doubling spreads": doubling_spreads(14),
    "doubling spreads past reason": doubling_spreads(80),
    "unused fragments": "{ areas { totalCount } }" + " fragment F on Area { id }" * 250,
    "same fragment name again and again": "{ areas { totalCount } }"
    + " fragment A on Area { id }" * 250,
    "aliases": "{ " + " ".join(f"a{n}: areas {{ totalCount }}" for n in range(51)) + " }",
    "many aliases": "{ " + " ".join(f"a{n}: __typename" for n in range(600)) + " }",
    "aliases in a fragment spread often": (
        "{ areas { nodes { ...F parent { ...F parent { ...F } } } } } fragment F on Area { "
        + " ".join(f"a{n}: name" for n in range(30))
        + " }"
    ),
    "an alias of 64 characters": "{ " + "a" * 64 + ": areas { totalCount } }",
    "one field over and over": "{ areas { nodes { " + "name " * 1500 + "} } }",
    "a root field over and over": "{ " + "areas { totalCount } " * 300 + "}",
    "overlapping fields": "{ areas { nodes { "
    + " ".join(f"parent {{ x: {'name' if n % 2 else 'code'} }}" for n in range(200))
    + " } } }",
    "overlapping arguments": "{ areas { nodes { "
    + " ".join(f"children(first: {n}) {{ totalCount }}" for n in range(200))
    + " } } }",
    "directives": "{ areas { nodes { name " + "@include(if: true) " * 300 + "} } }",
    "directives everywhere": "{ areas { nodes { " + "name @skip(if: false) " * 200 + "} } }",
    "unknown directives": "{ areas " + "@a " * 900 + "{ totalCount } }",
    "unknown fields": "{ " + " ".join(f"nedes{n}" for n in range(900)) + " }",
    "unknown fields with near names": "{ areas { nodes { "
    + " ".join(f"childrem{n}" for n in range(600))
    + " } } }",
    "unknown arguments": "{ areas("
    + " ".join(f"firts{n}: 1" for n in range(450))
    + ") { totalCount } }",
    "unknown types": " ".join(f"fragment F{n} on Aera{n} {{ id }}" for n in range(300)),
    "unknown variables": "{ areas(first: $a" + ", first: $b" * 300 + ") { totalCount } }",
    "unused variables": "query ("
    + " ".join(f"$v{n}: Int" for n in range(450))
    + ") { areas { totalCount } }",
    "many operations": " ".join(f"query Q{n} {{ areas {{ totalCount }} }}" for n in range(240)),
    "many operations with fragments": " ".join(
        f"query Q{n} {{ areas {{ nodes {{ ...F }} }} }}" for n in range(100)
    )
    + " fragment F on Area { ...G } fragment G on Area { ...H } fragment H on Area { id }",
    "tokens": "{ areas(filter: {text: [" + "1," * 3000 + "]}) { totalCount } }",
    "comments": "#\n" * 60_000 + "{ areas { totalCount } }",
    "a huge integer": "{ areas(first: " + "9" * 100_000 + ") { totalCount } }",
    "a huge float": "{ areas(first: 1e" + "9" * 100_000 + ") { totalCount } }",
    "a page of billions": "{ areas(first: 2147483647) { nodes { id } } }",
    "a negative page": "{ areas(first: -1) { nodes { id } } }",
    "pages within pages": (
        "{ areas(first: 1000) { nodes { children(first: 1000) { nodes { id } } } } }"
    ),
    "pages within pages within pages": (
        "{ areas(first: 40) { nodes { children(first: 40) { nodes { children(first: 40) "
        "{ nodes { id } } } } } } }"
    ),
    "counting all tables often": "{ "
    + " ".join(f"a{n}: areas {{ totalCount }}" for n in range(18))
    + " }",
    "introspection of introspection": (
        "{ __schema { types { fields { type { fields { type { fields { "
        "type { name } } } } } } } } }"
    ),
    "introspection loop": (
        "{ __schema { types { possibleTypes { interfaces { possibleTypes { name } } } } } }"
    ),
    "the schema many times": "{ "
    + " ".join(
        f"a{n}: __schema {{ types {{ fields {{ args {{ type {{ name kind "
        "ofType { name kind } } } } } }"
        for n in range(19)
    )
    + " }",
    "a thousand ids": "{ nodes(ids: [" + '"QXJlYTo0NA==",' * 1001 + "]) { id } }",
    "a type definition": "type Query { a: Int }" * 100,
    "a subscription": "subscription { areas { totalCount } }",
    "an empty selection": "{ areas { } }",
    "nothing": "",
    "a null character": "{ areas \0 { totalCount } }",
    "a long name": "{ " + "a" * 100_000 + " }",
}


ODD_BUT_FAIR: dict[str, str] = {
    "the standard introspection": get_introspection_query(),
    "one field many times, deep": "{ areas { nodes { "
    + " ".join("parent { parent { parent { id name code } } }" for _ in range(150))
    + " } } }",
    "one field many times": "{ areas { nodes { " + "name " * 900 + "} } }",
    "ninety fragments in a chain": chain(90),
    "fifty aliases": "{ areas { nodes { " + " ".join(f"a{n}: name" for n in range(50)) + " } } }",
    "a text of 100 kB": '{ areas(filter: {text: "' + "长" * 33_000 + '"}) { nodes { id } } }',
    "many small operations": " ".join(f"query Q{n} {{ __typename }}" for n in range(300)),
}


@pytest.fixture(scope="module")
def executor() -> Executor:
    """The real schema without a database: nothing here may come as far as one."""
    made: Any = Executor(make_schema(), None, None)  # type: ignore[arg-type]
    with pytest.raises(RequestError):
        made.documents.prepare("{ nothing }")  # what graphql-core sets up once
    return made  # type: ignore[no-any-return]


async def refusal(executor: Executor, document: str) -> RequestError:
    """The refusal of the document as nobody's."""
    with pytest.raises(RequestError) as caught:
        await executor.execute(document, ANYONE)
    return caught.value


def test_there_are_enough() -> None:
    assert len(DOCUMENTS) >= 40


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_hostile_document_is_refused_fast(executor: Executor, name: str) -> None:
    document = DOCUMENTS[name]
    assert len(document.encode()) <= 128 * 1024 - 50
    took = []
    for _ in range(3):
        started = time.process_time()
        error = await refusal(executor, document)
        took.append(time.process_time() - started)
    assert 400 <= error.status < 500, error.code
    assert min(took) <= CPU_SECONDS
    tracemalloc.start()
    try:
        await refusal(executor, document)
        assert tracemalloc.get_traced_memory()[1] <= MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ODD_BUT_FAIR)
def test_odd_document_is_prepared_fast(executor: Executor, name: str) -> None:
    """What is not refused costs no more to look at than what is."""
    took = []
    for number in range(3):
        started = time.process_time()
        executor.documents.prepare(ODD_BUT_FAIR[name] + " " * number)
        took.append(time.process_time() - started)
    assert min(took) <= CPU_SECONDS


async def test_standard_introspection_is_answered(executor: Executor) -> None:
    started = time.process_time()
    answer = await executor.execute(get_introspection_query(), ANYONE)
    assert time.process_time() - started < 1
    assert len(answer.data) > 10_000
