"""The library's tables: authors, books, shelves, and a table of 70 columns."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Integer, MetaData, Text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Fen, Id
from nexus.core.states import Transitions


class LibraryBase(Base):
    """Tables that no migration knows."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Base.metadata.naming_convention)


class BookState(StrEnum):
    ORDERED = "ordered"
    ON_SHELF = "on_shelf"
    LENT = "lent"
    LOST = "lost"


_B = BookState
TRANSITIONS = Transitions(
    BookState,
    {
        "shelve": {_B.ORDERED: _B.ON_SHELF, _B.LENT: _B.ON_SHELF},
        "lend": {_B.ON_SHELF: _B.LENT},
        "lose": {_B.LENT: _B.LOST, _B.ON_SHELF: _B.LOST},
    },
)


class Shelf(LibraryBase):
    __tablename__ = "lib_shelf"

    code: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    title: Mapped[str]
    closed: Mapped[bool] = mapped_column(default=False)


class Author(LibraryBase):
    __tablename__ = "lib_author"

    id: Mapped[Id]
    name: Mapped[str]
    email: Mapped[str | None]
    hidden: Mapped[bool] = mapped_column(default=False)
    born_on: Mapped[date | None]
    created_at: Mapped[datetime]


class Book(LibraryBase):
    __tablename__ = "lib_book"

    id: Mapped[Id]
    title: Mapped[str]
    state: Mapped[BookState] = mapped_column(default=_B.ORDERED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("lib_author.id"), index=True)
    shelf_code: Mapped[str | None] = mapped_column(ForeignKey("lib_shelf.code"))
    price: Mapped[Decimal]
    weight: Mapped[Decimal | None]
    value_fen: Mapped[Fen] = mapped_column(default=0)
    pages: Mapped[int] = mapped_column(default=1)
    tags: Mapped[list[str]] = mapped_column(default=list)
    facts: Mapped[dict[str, Any] | None]
    bought_on: Mapped[date]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("pages > 0", name="pages_positive"),
        CheckConstraint("pages < 100000", name="pages_few"),
    )


class Wide(LibraryBase):
    __tablename__ = "lib_wide"

    id: Mapped[Id]


for _number in range(70):
    setattr(
        Wide,
        f"c{_number}",
        mapped_column(f"c{_number}", Integer(), default=_number, nullable=False),
    )
