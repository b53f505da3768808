"""A small world of its own: a library with authors, books, shelves and readers.

It has what the real slices seldom have together: equal sort keys, microseconds, nulls, 70 columns,
a key that is no UUID, rows that some do not see.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry
from sqlalchemy import (
    ColumnElement,
    func,
    literal,
    select,
    true,
)

from nexus.acting import Act, Actor, Role, plain_transition
from nexus.core.refusals import CapacityExhausted, Forbidden, Invalid
from nexus.graph.declare import (
    JSON,
    Connection,
    any_of,
    at_least,
    at_most,
    classified,
    collection,
    computed,
    containing,
    derived,
    extend,
    holds,
    mutation,
    node,
    one,
    query,
    record,
    register_enums,
    result,
    static,
    to_many,
    to_one,
    transition,
    within,
)
from nexus.graph.declare import Fen as FenScalar
from nexus.graph.guards import guard
from nexus.graph.identifiers import decode
from nexus.graph.registering import registering
from nexus.graph.specs import Order, Registry
from tests.graph import model

LIBRARY = Registry()


def sees_authors(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Hidden authors are for administrators."""
    return true() if actor.role is Role.PLATFORM_ADMIN else ~row.hidden


def sees_books(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Lost books are for administrators; the rest is for everyone."""
    if actor.role is Role.PLATFORM_ADMIN:
        return true()
    return row.state != model.BookState.LOST  # type: ignore[no-any-return]


def sees_all(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Everyone sees every row."""
    return true()


def may_move(actor: Actor, row: Any) -> Any:
    """Librarians (here: station leads) and administrators."""
    return actor.role in {Role.STATION_LEAD, Role.PLATFORM_ADMIN}


def may_lose(actor: Actor, row: Any) -> Any:
    """Only cheap books may be lost, and only by administrators."""
    if actor.role is not Role.PLATFORM_ADMIN:
        return False
    return row.value_fen < 1000


def may_read_email(actor: Actor, row: Any) -> Any:
    """Administrators read addresses; authors of this century are public."""
    if actor.role is Role.PLATFORM_ADMIN:
        return True
    return row.born_on >= date(2000, 1, 1)


guard("ck_lib_book_pages_positive", "A book has at least one page.", rule="PAGES")


async def create_book(act: Act, given: Any) -> model.Book:
    """A book as ordered. Refuses empty titles; lets the table judge the pages."""
    if act.actor.role is Role.ANONYMOUS and given.title != "donated":
        raise Forbidden("Sign in to order books.")
    if not given.title.strip():
        raise Invalid("A book needs a title.", field="title")
    if given.title == "boom":
        raise RuntimeError("a fault that no one foresaw: secret 12345")
    row = model.Book(
        title=given.title,
        price=given.price,
        pages=given.pages,
        value_fen=given.value_fen,
        bought_on=act.actor.today(),
        created_at=act.now,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("book.ordered", row)
    return row


async def count_readers(act: Act, name: str) -> dict[str, Any]:
    """An answer without a row."""
    if name == "nobody":
        raise CapacityExhausted("There is no such reader.", available=0)
    return {"greeting": f"Hello {name}", "secret": "s3cret"}


def _deed(verb: str) -> Any:
    return plain_transition(
        model.Book,
        model.TRANSITIONS,
        verb,
        event=f"book.{verb}",
        visible=sees_books,
        may=may_lose if verb == "lose" else may_move,
        needs_reason=verb == "lose",
    )


with registering(LIBRARY):
    register_enums(model.BookState)

    @node(model.Shelf, visible=sees_all, key="code")
    class Shelf:
        """Where books stand."""

        code: str
        title: str
        closed: bool

    @node(model.Author, visible=sees_authors)
    class Author:
        """Who writes."""

        name: str
        email: str | None = classified(model.Author.email, allowed=may_read_email)
        born_on: date | None
        created_at: datetime

    @node(
        model.Book,
        visible=sees_books,
        transitions=model.TRANSITIONS,
        actions={
            "shelve_book": ("shelve", may_move),
            "lend_book": ("lend", may_move),
            "lose_book": ("lose", may_lose),
            "praise_book": (None, sees_all),
        },
    )
    class Book:
        """What is lent."""

        title: str
        state: model.BookState
        state_reason: str | None
        version: int
        author: Author | None = to_one(model.Book.author_id)
        shelf: Shelf | None = to_one(model.Book.shelf_code)
        price: Decimal
        weight: Decimal | None
        value_fen: FenScalar
        pages: int
        tags: list[str]
        facts: JSON | None
        bought_on: date
        created_at: datetime
        heavy: bool | None = computed(lambda actor, row: row.weight > 1)
        loud_title: str = computed(lambda actor, row: func.upper(row.title))

    @record
    class Similar:
        """A book like this one, and how like."""

        score: int
        why: str
        book: Book | None = to_one(model.Book.id)

    def similar(actor: Actor, row: Any, limit: Any) -> Any:
        """Other books of the same state, cheapest first."""
        other = model.Book.__table__.alias()
        return (
            select(
                other.c.id.label("id"),
                other.c.pages.label("score"),
                literal("same state").label("why"),
            )
            .where(other.c.state == row.state, other.c.id != row.id)
            .order_by(other.c.price, other.c.id)
            .limit(limit)
        )

    @node(model.Wide, visible=sees_all)
    class Wide:
        """A row of 70 columns."""

        __annotations__ = {f"c{number}": int for number in range(70)}

    @extend(Author)
    class AuthorBooks:
        books: Connection[Book] = to_many(
            model.Book.author_id, order=Order(("bought_on",), descending=True)
        )
        secret_books: Connection[Book] | None = to_many(
            model.Book.author_id, order=Order(("title",)), allowed=may_read_email
        )

    @extend(Book)
    class BookLikes:
        like: list[Similar] = derived(similar, default=2, maximum=5)

    @query
    class LibraryQuery:
        books: Connection[Book] = collection(
            "Book",
            orders={
                "TITLE": Order(("title",)),
                "NEWEST": Order(("created_at",), descending=True),
                "STATE_PRICE": Order(("state", "price")),
                "DEAREST": Order(("value_fen", "pages"), descending=True),
            },
            filters={
                "state": any_of(model.Book.state),
                "title": any_of(model.Book.title),
                "text": containing(model.Book.title),
                "bought_before": at_most(model.Book.bought_on, date),
                "made_after": at_least(model.Book.created_at, datetime),
                "dearer_than": at_least(model.Book.price, Decimal),
                "on_shelf": holds(lambda row: row.shelf_code.is_not(None)),
            },
        )
        authors: Connection[Author] = collection("Author", orders={"NAME": Order(("name",))})
        shelves: Connection[Shelf] = collection(
            "Shelf", orders={"CODE": Order(("code",))}, filters={"under": within(model.Shelf.code)}
        )
        wides: Connection[Wide] = collection("Wide", orders={"ID": Order(())})
        first_author: Author | None = one(lambda actor, row: row.name == "Ai")
        opening: str | None = static(
            lambda day="any", hour=None: f"{day}:{hour}", day=str | None, hour=int | None
        )

    @strawberry.input
    class CreateBookInput:
        title: str
        price: Decimal = Decimal("1.5")
        pages: int = 1
        value_fen: FenScalar = FenScalar(0)
        idempotency_key: str

    @record
    class Greeting:
        """An answer that is kept nowhere."""

        greeting: str
        secret: str

    @strawberry.input
    class GreetInput:
        name: str

    BookResult = result("Book", Book)

    @mutation(BookResult)
    async def order_book(act, input: CreateBookInput):  # type: ignore[no-untyped-def]
        """Order a book."""
        return await create_book(act, input)

    @strawberry.input
    class PraiseBookInput:
        id: strawberry.ID
        idempotency_key: str

    @mutation(BookResult)
    async def praise_book(act, input: PraiseBookInput):  # type: ignore[no-untyped-def]
        """Say something nice: it costs a page."""
        row = await act.take(model.Book, decode(input.id, "Book"), visible=sees_books)
        row.pages += 1
        row.version += 1
        act.record("book.praised", row)
        return row

    @mutation(result("Greeting", Greeting))
    async def greet(act, input: GreetInput):  # type: ignore[no-untyped-def]
        """Greet a reader; nothing is kept."""
        return await count_readers(act, input.name)

    transition("shelve_book", BookResult, _deed("shelve"), "Put it on its shelf.")
    transition("lend_book", BookResult, _deed("lend"), "Lend it.")
    transition("lose_book", BookResult, _deed("lose"), "It is lost.")
