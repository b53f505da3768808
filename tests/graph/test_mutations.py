"""Deeds through the door: one key one effect, each in its own transaction, refusals as data."""

import asyncio
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import NOBODY, Role
from nexus.core.ids import new_id
from nexus.core.outbox import Event
from nexus.graph import idempotency
from nexus.graph.errors import RequestError
from nexus.graph.idempotency import IdempotencyKey
from nexus.graph.identifiers import encode
from tests.graph import model
from tests.graph.conftest import Library, actor
from tests.graph.library import LIBRARY
from tests.graph.test_library_generated import START

ORDER = """
mutation ($input: CreateBookInput!) {
  orderBook(input: $input) {
    __typename
    ... on Book { id title pages price version state createdAt }
    ... on Refusal { code message field details }
  }
}
"""
LEND = """
mutation ($input: TransitionInput!) {
  lendBook(input: $input) {
    __typename
    ... on Book { id version state }
    ... on Refusal { code field details }
  }
}
"""


def order(title: str = "One", **more: Any) -> dict[str, Any]:
    """The variables of ORDER, with a key of their own."""
    return {"input": {"title": title, "idempotencyKey": str(new_id()), **more}}


async def count(library: Library, table: Any = model.Book) -> int:
    """The rows of the table."""
    async with AsyncSession(library.engine) as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def shelved(library: Library, **more: Any) -> model.Book:
    """A book on its shelf."""
    given = {"title": "Shelved", "price": 1, "state": model.BookState.ON_SHELF, **more}
    book = model.Book(bought_on=START.date(), created_at=START, **given)
    await library.add(book)
    return book


def move(book: model.Book, version: int = 1, **more: Any) -> dict[str, Any]:
    """The variables of a transition."""
    given = {"id": encode("Book", book.id), "expectedVersion": version}
    return {"input": {**given, "idempotencyKey": str(new_id()), **more}}


async def test_a_deed_answers_with_its_row(library: Library) -> None:
    answer = await library.ask(ORDER, order("Two", pages=3, price="2.50"))
    made = answer["data"]["orderBook"]
    assert (made["__typename"], made["title"], made["pages"]) == ("Book", "Two", 3)
    assert (made["price"], made["state"], made["version"]) == ("2.5", "ORDERED", 1)
    assert made["createdAt"] == "2026-05-01T08:00:00+00:00"
    assert "errors" not in answer


async def test_a_key_has_one_effect(library: Library) -> None:
    given = order()
    first = await library.ask(ORDER, given)
    before = await count(library), await count(library, Event)
    assert await library.ask(ORDER, given) == first
    assert (await count(library), await count(library, Event)) == before


async def test_a_key_is_for_one_input(library: Library) -> None:
    given = order()
    await library.ask(ORDER, given)
    before = await count(library)
    given["input"]["pages"] = 2
    answer = await library.ask(ORDER, given)
    assert answer["data"]["orderBook"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert await count(library) == before


async def test_a_key_is_for_one_mutation(library: Library) -> None:
    book, key = await shelved(library), str(new_id())
    await library.ask(LEND, move(book, idempotencyKey=key))
    shelve = LEND.replace("lendBook", "shelveBook")
    answer = await library.ask(shelve, move(book, 2, idempotencyKey=key))
    assert answer["data"]["shelveBook"]["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_keys_of_two_accounts_are_two(library: Library) -> None:
    given = order()
    one = await library.ask(ORDER, given, by=actor(account=UUID(int=1)))
    other = await library.ask(ORDER, given, by=actor(account=UUID(int=2)))
    assert one["data"]["orderBook"]["id"] != other["data"]["orderBook"]["id"]


async def settled(library: Library, document: str, given: Any) -> Any:
    """The answer, asked for again while the service says to come back: as a client would."""
    while True:
        try:
            return await library.ask(document, given)
        except RequestError as error:
            if error.code != "UNAVAILABLE":
                raise


async def test_copies_side_by_side_have_one_effect(library: Library) -> None:
    given = order("Once")
    before = await count(library)
    answers = await asyncio.gather(*(settled(library, ORDER, given) for _ in range(64)))
    assert await count(library) == before + 1
    assert len({json.dumps(answer) for answer in answers}) == 1


async def test_refused_copies_side_by_side_are_refused_alike(library: Library) -> None:
    given = order("")
    before = await count(library)
    answers = await asyncio.gather(*(settled(library, ORDER, given) for _ in range(32)))
    assert await count(library) == before
    assert {answer["data"]["orderBook"]["code"] for answer in answers} == {"INVALID"}


async def test_a_refusal_is_kept_too(library: Library) -> None:
    """The book becomes available meanwhile; the key's answer stays."""
    book = await shelved(library, state=model.BookState.LENT)
    given = move(book)
    refused = await library.ask(LEND, given)
    assert refused["data"]["lendBook"]["code"] == "WRONG_STATE"
    async with library.engine.begin() as connection:
        await connection.execute(
            text("UPDATE lib_book SET state = 'on_shelf' WHERE id = :id"), {"id": book.id}
        )
    assert await library.ask(LEND, given) == refused


async def test_moves_side_by_side(library: Library) -> None:
    """Different keys on one row: one succeeds, the rest see that it has moved on."""
    book = await shelved(library)
    answers = await asyncio.gather(*(settled(library, LEND, move(book)) for _ in range(16)))
    kinds = [answer["data"]["lendBook"].get("code", "done") for answer in answers]
    assert sorted(set(kinds)) == ["VERSION_CONFLICT", "done"]
    assert kinds.count("done") == 1


async def test_callers_without_account_do_not_share_keys(library: Library) -> None:
    nobody = actor(Role.ANONYMOUS, NOBODY)
    given = order("donated")
    one = await library.ask(ORDER, given, by=nobody)
    again = await library.ask(ORDER, given, by=nobody)
    given["input"]["pages"] = 9
    other = await library.ask(ORDER, given, by=nobody)
    assert one == again
    assert one["data"]["orderBook"]["id"] != other["data"]["orderBook"]["id"]


async def test_keys_are_hashed_with_a_secret(library: Library) -> None:
    """A plain hash of an input could be guessed: two secrets give two hashes."""
    given = order("Secret")
    await library.ask(ORDER, given)
    async with AsyncSession(library.engine) as session:
        key = await session.get_one(IdempotencyKey, (UUID(int=7), given["input"]["idempotencyKey"]))
    assert b"Secret" not in key.input_hash
    library.executor.deeds.secret, kept = b"another", library.executor.deeds.secret
    try:
        answer = await library.ask(ORDER, given)
    finally:
        library.executor.deeds.secret = kept
    assert answer["data"]["orderBook"]["code"] == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize("key", ["", "k" * 201, "a\0b", "line\n"])
async def test_keys_that_cannot_be_kept(library: Library, key: str) -> None:
    before = await count(library)
    answer = await library.ask(ORDER, order(idempotencyKey=key))
    assert answer["data"]["orderBook"]["code"] == "INVALID"
    assert answer["data"]["orderBook"]["field"] == "idempotencyKey"
    assert await count(library) == before


async def test_the_expected_version_decides(library: Library) -> None:
    book = await shelved(library)
    answer = await library.ask(LEND, move(book, version=4))
    assert answer["data"]["lendBook"]["code"] == "VERSION_CONFLICT"
    assert answer["data"]["lendBook"]["details"] == {"current": 1, "expected": 4}
    answer = await library.ask(LEND, move(book))
    assert answer["data"]["lendBook"] == {
        "__typename": "Book",
        "id": encode("Book", book.id),
        "version": 2,
        "state": "LENT",
    }


async def test_foreign_missing_and_malformed_ids_are_one(library: Library) -> None:
    lost = await shelved(library, state=model.BookState.LOST)
    ids = [
        encode("Book", lost.id),
        encode("Book", new_id()),
        encode("Author", lost.id),
        encode("Book", "nonsense"),
        "nonsense",
        "",
    ]
    ask = LEND.replace("code field details", "code message field details")
    answers = set()
    for one in ids:
        given = move(lost, id=one)
        answer = await library.ask(ask, given, by=actor(Role.STATION_LEAD))
        answers.add(json.dumps(answer))
    assert len(answers) == 1
    assert "NOT_FOUND" in answers.pop()


async def test_who_may_not_is_told_so(library: Library) -> None:
    book = await shelved(library)
    answer = await library.ask(LEND, move(book), by=actor(Role.RECIPIENT))
    assert answer["data"]["lendBook"]["code"] == "FORBIDDEN"
    assert (await library.ask(LEND, move(book)))["data"]["lendBook"]["version"] == 2


async def test_deeds_of_one_request_run_in_order_each_by_itself(library: Library) -> None:
    book = await shelved(library)
    document = """
    mutation ($lend: TransitionInput!, $again: TransitionInput!, $back: TransitionInput!) {
      __typename
      lend: lendBook(input: $lend) { ... on Book { version } }
      again: lendBook(input: $again) { ... on Refusal { code } }
      back: shelveBook(input: $back) { ... on Book { version state } }
    }
    """
    given = {
        "lend": move(book)["input"],
        "again": move(book, 2)["input"],
        "back": move(book, 2)["input"],
    }
    answer = await library.ask(document, given)
    assert answer["data"] == {
        "__typename": "Mutation",
        "lend": {"version": 2},
        "again": {"code": "WRONG_STATE"},
        "back": {"version": 3, "state": "ON_SHELF"},
    }


async def test_a_fault_leaves_the_other_deeds_standing(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    document = """
    mutation ($one: CreateBookInput!, $boom: CreateBookInput!, $two: CreateBookInput!) {
      one: orderBook(input: $one) { ... on Book { title } }
      boom: orderBook(input: $boom) { ... on Book { title } }
      two: orderBook(input: $two) { ... on Book { title } }
    }
    """
    given = {n: order(n.replace("boom", "boom"))["input"] for n in ("one", "boom", "two")}
    before = await count(library)
    with caplog.at_level(logging.CRITICAL):
        response = await library.client.post(
            "/graphql",
            json={"query": document, "variables": given},
            headers={"authorization": "PLATFORM_ADMIN"},
        )
    assert response.status_code == 294
    answer = response.json()
    assert answer["data"] == {"one": {"title": "one"}, "boom": None, "two": {"title": "two"}}
    (error,) = answer["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["boom"], "INTERNAL")
    assert "12345" not in response.text
    assert await count(library) == before + 2


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("... on Book { like(first: 6) { score } }", "PAGE_TOO_LARGE"),
        ('... on Book { author { books(after: "x") { totalCount } } }', "BAD_CURSOR"),
        (
            "... on Book { author { books(first: 900) { nodes { author "
            "{ books(first: 900) { nodes { id } } } } } } }",
            "COST_EXCEEDED",
        ),
    ],
)
async def test_a_bad_selection_is_found_before_the_deed(
    library: Library, selection: str, expected: str
) -> None:
    before = await count(library)
    document = (
        f"mutation ($input: CreateBookInput!) {{ orderBook(input: $input) {{ {selection} }} }}"
    )
    with pytest.raises(RequestError) as caught:
        await library.ask(document, order())
    assert caught.value.code == expected
    assert await count(library) == before


async def test_a_named_constraint_speaks(library: Library) -> None:
    before = await count(library)
    answer = await library.ask(ORDER, order(pages=0))
    told = answer["data"]["orderBook"]
    assert (told["code"], told["details"]) == ("GUARD_FAILED", {"rule": "PAGES"})
    assert await count(library) == before


async def test_an_unnamed_check_is_told_by_its_name_and_logged(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    before = await count(library)
    with caplog.at_level(logging.DEBUG):
        answer = await library.ask(ORDER, order("不可见的标题", pages=200_000))
    told = answer["data"]["orderBook"]
    assert (told["code"], told["details"]) == ("GUARD_FAILED", {"rule": "ck_lib_book_pages_few"})
    assert "ck_lib_book_pages_few" in caplog.text
    assert "不可见的标题" not in caplog.text + json.dumps(answer, ensure_ascii=False)
    assert await count(library) == before


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("INSERT INTO lib_book SELECT * FROM lib_book LIMIT 1", "pk_lib_book"),
        ("UPDATE lib_book SET title = NULL", None),
        ("UPDATE lib_book SET author_id = gen_random_uuid()", None),
    ],
)
async def test_a_duplicate_is_a_race_and_all_else_a_fault(
    library: Library, monkeypatch: pytest.MonkeyPatch, statement: str, expected: str | None
) -> None:
    await library.ask(ORDER, order("One"))
    spec = LIBRARY.mutations["orderBook"]

    async def run(act: Any, given: Any) -> Any:
        await act.session.execute(text(statement))

    monkeypatch.setitem(LIBRARY.mutations, "orderBook", replace(spec, run=run))
    before = await count(library)
    answer = await library.ask(ORDER, order("Two"))
    if expected is None:
        assert answer["data"] == {"orderBook": None}
        assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
    else:
        told = answer["data"]["orderBook"]
        assert (told["code"], told["details"]) == ("GUARD_FAILED", {"rule": expected})
    assert await count(library) == before


@pytest.mark.parametrize("title", ["a\0b", "\ud800"])
async def test_a_text_that_cannot_be_stored(library: Library, title: str) -> None:
    before = await count(library)
    answer = await library.ask(ORDER, order(title))
    assert answer["data"]["orderBook"]["code"] == "INVALID"
    assert await count(library) == before


@pytest.fixture
def flaky() -> Iterator[list[str]]:
    """praiseBook fails with each of these SQLSTATEs before it succeeds."""
    states: list[str] = []
    spec = LIBRARY.mutations["praiseBook"]

    async def run(act: Any, given: Any) -> Any:
        row = await spec.run(act, given)
        if states:
            code = states.pop()
            statement = f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$"
            await act.session.execute(text(statement))
        return row

    LIBRARY.mutations["praiseBook"] = replace(spec, run=run)
    yield states
    LIBRARY.mutations["praiseBook"] = spec


PRAISE = """
mutation ($input: PraiseBookInput!) {
  praiseBook(input: $input) { ... on Book { pages } ... on Refusal { code } }
}
"""


async def test_a_lost_race_is_run_again(library: Library, flaky: list[str]) -> None:
    book = await shelved(library)
    flaky += ["40001", "40P01", "40001"]
    given = {"input": {"id": encode("Book", book.id), "idempotencyKey": str(new_id())}}
    answer = await library.ask(PRAISE, given)
    assert answer["data"]["praiseBook"] == {"pages": 2}
    assert flaky == []


async def test_a_race_lost_for_good_is_told(library: Library, flaky: list[str]) -> None:
    book = await shelved(library)
    flaky += ["40P01"] * 9
    given = {"input": {"id": encode("Book", book.id), "idempotencyKey": str(new_id())}}
    with pytest.raises(RequestError) as caught:
        await library.ask(PRAISE, given)
    assert (caught.value.status, caught.value.code) == (503, "UNAVAILABLE")
    flaky.clear()
    assert (await library.ask(PRAISE, given))["data"]["praiseBook"] == {"pages": 2}


async def test_an_answer_that_is_kept_nowhere(library: Library) -> None:
    document = """
    mutation ($name: String!) {
      greet(input: {name: $name}) {
        kind: __typename ... on Greeting { greeting } ...F
      }
    }
    fragment F on Refusal { code }
    """
    before = await count(library, IdempotencyKey)
    answer = await library.ask(document, {"name": "Li"})
    assert answer["data"]["greet"] == {"kind": "Greeting", "greeting": "Hello Li"}
    answer = await library.ask(document, {"name": "nobody"})
    assert answer["data"]["greet"] == {"kind": "Refusal", "code": "CAPACITY_EXHAUSTED"}
    assert await count(library, IdempotencyKey) == before


async def test_the_payload_reads_as_a_query_does(library: Library) -> None:
    document = """
    mutation ($input: CreateBookInput!, $with: Boolean!) {
      orderBook(input: $input) {
        ... on Node { id }
        ...B @include(if: $with)
        ... on Book { title @skip(if: $with) again: title pages pages }
      }
    }
    fragment B on Book { allowedActions like { score } author { name } }
    """
    for including in (True, False):
        given = {**order("Same"), "with": including}
        made = (await library.ask(document, given))["data"]["orderBook"]
        assert next(iter(made)) == "id"
        assert ("allowedActions" in made) == including
        assert ("title" in made) != including
        assert (made["again"], made["pages"]) == ("Same", 1)


async def test_the_clock_forgets_keys_after_their_days(library: Library) -> None:
    document = order("Kept")
    first = await library.ask(ORDER, document)
    assert (await library.ask(ORDER, document)) == first

    async def forgotten(at: datetime) -> int:
        async with AsyncSession(library.engine) as session, session.begin():
            return await idempotency.forget_keys(session, at)

    async with AsyncSession(library.engine) as session:
        newest = await session.scalar(select(func.max(IdempotencyKey.created_at)))
        assert newest is not None
        await session.execute(
            text("DELETE FROM idempotency_key WHERE created_at < :n"), {"n": newest}
        )
        await session.commit()
    now = newest
    assert await forgotten(now + idempotency.KEPT - timedelta(hours=1)) == 0
    assert (await library.ask(ORDER, document)) == first
    assert await forgotten(now + idempotency.KEPT + timedelta(days=1)) >= 1
    assert await forgotten(now + idempotency.KEPT + timedelta(days=1)) == 0
