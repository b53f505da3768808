"""A mapping profile, and the entry it makes of a row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from nexus.exchange.reading.tables import Layout


class ImportKind(StrEnum):
    NEEDS = "needs"
    OFFERS = "offers"
    RECOGNITIONS = "recognitions"
    TICKETS = "tickets"
    OCDS = "ocds"
    """Open contracting: the standard says what its names mean, so the profile says the source."""


class BuiltinProfile(StrEnum):
    """Profiles that come along: of the tables that townships and counties keep."""

    TOWNSHIP_NEEDS = "township_needs"
    RECOGNITIONS = "recognitions"
    HOTLINE_TICKETS = "hotline_tickets"


class Absence(StrEnum):
    """What it means that a newer file no longer has a row."""

    KEEP = "keep"
    WITHDRAW = "withdraw"


class Meaning(StrEnum):
    """What a quantity of 0 or 1, or a word in its place, says."""

    FIGURE = "figure"
    OPEN = "open"
    """Asked for without a quantity: an open-ended line, never one piece."""
    NOT_ASKED = "not_asked"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Field:
    """Where one value comes from: the first column that has one, then the path, then `value`."""

    name: str
    columns: tuple[str, ...] = ()
    collect: tuple[str, ...] = ()
    """All of these columns, each on a line of its own behind its name."""
    join: tuple[str, ...] = ()
    """All of these columns run together: 广东 + 广州市."""
    path: str | None = None
    value: Any = None
    values: Mapping[str, Any] = field(default_factory=dict)
    """Spellings → code. A spelling that is not listed stands for itself."""
    only_listed: bool = False
    refuse: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class AreaField(Field):
    """The division: a code or name, looked up within another one."""

    within: Field | None = None
    unknown_is_within: bool = False
    """A name that is no division (a development zone) stands for the wider one, with a note."""


@dataclass(frozen=True, slots=True)
class LineSpec:
    """How a line is read: from a quantity cell, from the entries of a list cell, or as stated.

    `columns` are synonyms of one column; without any, the line has no figure.
    """

    columns: tuple[str, ...]
    kind: Field
    unit: Field
    item: Field
    item_code: str | None = None
    specification: tuple[str, ...] = ()
    items: Mapping[str, str] = field(default_factory=dict)
    """The item in the source's words → item code; other words fall back on `item_code`."""


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Quantity columns that no [[lines]] names, known by their cells' type in a JSON file."""

    type: str
    kind: str
    unit: str


@dataclass(frozen=True, slots=True)
class Quantities:
    zero: Meaning = Meaning.REFUSE
    one: Meaning = Meaning.FIGURE
    blank: Meaning = Meaning.NOT_ASKED
    """An empty cell: no line, noted as blank (not the same as 0); or an open-ended line."""
    words: Mapping[str, Meaning] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Review:
    """When a row counts as reviewed at its source. Without columns: never, or `always`."""

    columns: tuple[str, ...] = ()
    accepted: frozenset[str] = frozenset()
    always: bool = False


@dataclass(frozen=True, slots=True)
class PublicText:
    """Templates of the public title and summary: {field names} and {lines}."""

    title: str
    summary: str


@dataclass(frozen=True, slots=True)
class Publisher:
    """The authority under whose name needs are published: by credit code or by name."""

    uscc: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    kind: ImportKind
    source: str
    type: str
    layout: Layout
    blank: tuple[str, ...]
    key: tuple[str, ...]
    fields: Mapping[str, Field]
    ignored: frozenset[str]
    area: AreaField | None
    lines: tuple[LineSpec, ...]
    unlisted: Unlisted | None
    quantities: Quantities
    review: Review
    absence: Absence
    largest_absence: Decimal
    public: PublicText | None
    publisher: Publisher


def standard(source: str, encoding: str | None) -> Profile:
    """The profile of open contracting data: where it comes from, and how its text is encoded."""
    return Profile(
        kind=ImportKind.OCDS,
        source=source,
        type="document",
        layout=Layout(encoding=encoding),
        blank=(),
        key=(),
        fields={},
        ignored=frozenset(),
        area=None,
        lines=(),
        unlisted=None,
        quantities=Quantities(),
        review=Review(),
        absence=Absence.KEEP,
        largest_absence=Decimal(1),
        public=None,
        publisher=Publisher(),
    )


@dataclass(frozen=True, slots=True)
class LineEntry:
    """One line as the source has it. `quantity` None: asked for, or offered, without a figure."""

    item: str
    item_code: str | None
    kind: str
    unit: str
    quantity: Decimal | None
    specification: str | None = None
    group_code: str | None = None
    """The code for an item whose own words the code list does not know."""


@dataclass(frozen=True, slots=True)
class AreaEntry:
    """A division still to be looked up: its text, what it lies within, and the way out."""

    text: str
    within: str | None = None
    unknown_is_within: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as an import works on it. `blanks` are the quantity columns left empty."""

    key: str
    fields: Mapping[str, Any]
    lines: tuple[LineEntry, ...]
    blanks: tuple[str, ...]
    area: AreaEntry | None
    reviewed: bool

    def text(self, name: str) -> str | None:
        """A field's text, or None."""
        value = self.fields.get(name)
        return None if value is None else str(value)

    def day(self, name: str) -> date | None:
        """A field that `rules` has read as a date."""
        value = self.fields.get(name)
        return value if isinstance(value, date) else None
