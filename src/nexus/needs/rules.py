"""What is right in a need: its subject, its lines, its public text, and when it may close."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol, Required, TypedDict
from uuid import UUID

from nexus.core.personal_data import find_personal_data
from nexus.core.refusals import GuardFailed, Invalid
from nexus.needs.model import (
    CloseReason,
    NeedKind,
    PopulationGroup,
    SubjectKind,
    TemporaryType,
    Urgency,
    Visibility,
)

FINEST_SHOWN = {SubjectKind.RECIPIENT: 6, SubjectKind.HOUSEHOLD: 6}
"""Digits of the finest division shown outside: a county. A group is shown where it is (INV-13)."""
REOPEN_WITHIN = timedelta(days=90)
CASH_UNIT = "CNY"
USUAL_UNIT = {
    NeedKind.CASH: CASH_UNIT,
    NeedKind.GOODS: "C62",
    NeedKind.SERVICE: "E48",
    NeedKind.HOURS: "HUR",
}
LARGEST_QUANTITY = Decimal("99999999999.999")
MAX_TITLE = 200
MAX_TEXT = 5000
ABSENT = "absent from the newer snapshot"
"""Why an imported need is paused when its source no longer lists it."""
PROTECTED_VISIBILITY = frozenset({Visibility.NAMED, Visibility.INTERNAL})
"""How far a need of a household with a protected address may go (D7)."""


@dataclass(frozen=True, kw_only=True)
class LineInput:
    """One kind of help. `quantity_required` None: asked for without a quantity, open-ended."""

    kind: NeedKind
    item: str
    item_code: str | None = None
    quantity_required: Decimal | None = None
    unit: str | None = None
    """UNECE Rec 20; None is the usual unit of the kind (piece, service unit, hour, yuan)."""
    specification: str | None = None
    est_unit_value_fen: int | None = None
    tranche_no: int = 1


class NeedDetails(TypedDict, total=False):
    """What a need may have; a name left out keeps its default or what it was."""

    population_group: PopulationGroup | None
    temporary_type: TemporaryType | None
    internal_description: str | None
    public_title: str | None
    public_summary: str | None
    shown_area_code: str | None
    needed_by: date | None
    publish_from: date | None
    publish_until: date | None
    visibility: Visibility
    consent_id: UUID | None
    station_id: UUID | None
    owner_id: UUID
    reviewed: bool


class NeedFacts(NeedDetails):
    """What a new need has, besides its subject and its lines."""

    area_code: Required[str]
    origin: Required[str]
    category: Required[str]
    urgency: Required[Urgency]


class NeedChanges(NeedDetails, total=False):
    """What may be changed in a draft; the subject may not."""

    area_code: str
    origin: str
    category: str
    urgency: Urgency
    group_name: str


class Counted(Protocol):
    """A line with its counters."""

    position: int
    item: str
    unit: str
    quantity_required: Decimal | None
    asked: bool
    reserved: Decimal
    committed: Decimal
    delivered: Decimal
    confirmed: Decimal


def check_line(line: LineInput, *, at: int) -> LineInput:
    """The line with trimmed texts and a unit; Invalid names the line, counted from 1."""
    item = line.item.strip()
    if not item:
        raise Invalid(
            f"Line {at} needs an item: say what is asked for.", field=line_field(at, "item")
        )
    _short(item, MAX_TITLE, line_field(at, "item"))
    specification = _text(line.specification, MAX_TEXT, line_field(at, "specification"))
    check_quantity(line.quantity_required, field=line_field(at, "quantityRequired"))
    if line.est_unit_value_fen is not None and line.est_unit_value_fen < 0:
        raise Invalid("A unit value cannot be negative.", field=line_field(at, "estUnitValueFen"))
    if line.tranche_no < 1:
        raise Invalid("Tranches are counted from 1.", field=line_field(at, "trancheNo"))
    unit = (line.unit or "").strip() or USUAL_UNIT[line.kind]
    if (unit == CASH_UNIT) != (line.kind is NeedKind.CASH):
        raise Invalid(
            f"Line {at} is {line.kind.name} in {unit}: cash is asked for in {CASH_UNIT}, "
            "and nothing else is.",
            field=line_field(at, "unit"),
        )
    return LineInput(
        kind=line.kind,
        item=item,
        item_code=line.item_code,
        quantity_required=line.quantity_required,
        unit=unit,
        specification=specification,
        est_unit_value_fen=line.est_unit_value_fen,
        tranche_no=line.tranche_no,
    )


def check_quantity(quantity: Decimal | None, *, field: str) -> None:
    """Above 0, with at most three decimals; None is an open-ended line, which is not nothing."""
    if quantity is None:
        return
    if not quantity.is_finite():
        raise Invalid("A quantity is a number.", field=field)
    if quantity == 0:
        raise Invalid(
            "A quantity of 0 is no need: leave the line out, or leave out its quantity if it is "
            "asked for without one.",
            field=field,
        )
    if quantity < 0:
        raise Invalid(f"A quantity lies above 0; {quantity} does not.", field=field)
    if quantity > LARGEST_QUANTITY or quantity != round(quantity, 3):
        raise Invalid(
            f"A quantity has at most three decimals and is at most {LARGEST_QUANTITY}.", field=field
        )


def check_lines(lines: Sequence[LineInput]) -> list[LineInput]:
    """At least one line, each of them right."""
    if not lines:
        raise Invalid("A need has at least one line: say what is asked for.", field="lines")
    return [check_line(line, at=at) for at, line in enumerate(lines, 1)]


def shown_area(subject_kind: SubjectKind, area_code: str, given: str | None = None) -> str:
    """The division that readers outside see: a person's need no finer than the county (INV-13).

    `given` is a coarser one, or any from there up; Invalid when it does not contain the area.
    """
    finest = FINEST_SHOWN.get(subject_kind)
    if given is not None and given != "CN" and not area_code.startswith(given):
        raise Invalid(
            f"The area shown, {given}, must contain the area of the need.", field="shownAreaCode"
        )
    shown = given or area_code
    return shown[:finest] if finest and shown != "CN" else shown


@dataclass(frozen=True)
class Subject:
    """Who or what a need is of: exactly the one that its kind says."""

    kind: SubjectKind
    recipient_id: UUID | None
    household_id: UUID | None
    group_name: str | None


def check_subject(subject: Subject) -> None:
    """Invalid unless the subject of the kind is given, and no other."""
    given = {
        SubjectKind.RECIPIENT: ("recipientId", subject.recipient_id is not None),
        SubjectKind.HOUSEHOLD: ("householdId", subject.household_id is not None),
        SubjectKind.GROUP: ("groupName", bool((subject.group_name or "").strip())),
    }
    field, present = given.pop(subject.kind)
    if not present:
        raise Invalid(f"A need of a {subject.kind.value} names it in {field}.", field=field)
    for other, also in given.values():
        if also:
            raise Invalid(
                f"A need of a {subject.kind.value} has no {other}: leave it out.", field=other
            )


def check_period(start: date | None, end: date | None) -> None:
    """Publication ends after it begins; the end is exclusive."""
    if start is not None and end is not None and end <= start:
        raise Invalid(
            f"publishUntil {end} must lie after publishFrom {start}.", field="publishUntil"
        )


def check_public_text(texts: Mapping[str, str | None]) -> None:
    """No personal data in what goes out: the refusal names kind and field, never the value.

    INV-13, scenario 20. `texts` is field name → text.
    """
    found = {
        field: sorted({one.kind.value for one in find_personal_data(text or "")})
        for field, text in texts.items()
    }
    dirty = {field: kinds for field, kinds in found.items() if kinds}
    if not dirty:
        return
    told = "; ".join(
        f"{field} contains personal data ({', '.join(kinds)})" for field, kinds in dirty.items()
    )
    raise GuardFailed(
        f"{told}. Take it out: the public text tells nobody who or where a person is.",
        field=next(iter(dirty)),
        rule="INV-13",
        kinds=sorted({kind for kinds in dirty.values() for kind in kinds}),
        fields=list(dirty),
    )


def check_text(text: str | None, *, field: str, most: int = MAX_TEXT) -> str:
    """A required text, trimmed."""
    found = (text or "").strip()
    if not found:
        raise Invalid(f"{field} is missing: say it in a sentence.", field=field)
    _short(found, most, field)
    return found


def optional_text(text: str | None, *, field: str, most: int = MAX_TEXT) -> str | None:
    """A text trimmed; an empty one is none."""
    return _text(text, most, field)


def line_texts(lines: Iterable[Counted]) -> dict[str, str | None]:
    """The words of the lines that go out with the need, by field."""
    texts: dict[str, str | None] = {}
    for line in lines:
        texts[line_field(line.position, "item")] = line.item
        texts[line_field(line.position, "specification")] = getattr(line, "specification", None)
    return texts


def live(line: Counted) -> Decimal:
    """What is bound to the line by allocations, in any of the four buckets."""
    return line.reserved + line.committed + line.delivered + line.confirmed


def is_met(line: Counted) -> bool:
    """Confirmed as required; of an open-ended line, something is confirmed; or asked no more."""
    if not line.asked:
        return True
    if line.quantity_required is None:
        return line.confirmed > 0
    return line.confirmed >= line.quantity_required


def check_closable(reason: CloseReason, lines: Sequence[Counted]) -> None:
    """INV-05: met only when every line is confirmed; otherwise nothing may be under way."""
    if reason is CloseReason.MET:
        short = [line for line in lines if not is_met(line)]
        if short:
            raise GuardFailed(
                f"Not met yet: {'; '.join(map(_progress, short))}. Wait for the confirmations, or "
                "close for another reason.",
                field="closeReason",
                rule="INV-05",
                lines=[str(line.position) for line in short],
                shortfalls=[_progress(line) for line in short],
            )
    check_nothing_under_way(lines)


def check_nothing_under_way(lines: Sequence[Counted]) -> None:
    """No line has anything reserved or committed (INV-05)."""
    busy = [line for line in lines if line.reserved + line.committed > 0]
    if busy:
        told = "; ".join(
            f"line {line.position} ({line.item}): {plain(line.reserved)} reserved, "
            f"{plain(line.committed)} committed"
            for line in busy
        )
        raise GuardFailed(
            f"Help is under way: {told}. Release or deliver it first.",
            rule="INV-05",
            lines=[str(line.position) for line in busy],
        )


def check_untouched(lines: Sequence[Counted]) -> None:
    """Nothing was ever bound to a line: what has a history is closed, not cancelled."""
    check_nothing_under_way(lines)
    helped = [line for line in lines if live(line) > 0]
    if helped:
        raise GuardFailed(
            "Help was delivered on "
            + ", ".join(f"line {line.position} ({line.item})" for line in helped)
            + ": close the need instead of cancelling it.",
            rule="INV-05",
            lines=[str(line.position) for line in helped],
        )


def check_reopen(closed_at: datetime | None, now: datetime) -> None:
    """Within 90 days of the closing."""
    if closed_at is None or now - closed_at > REOPEN_WITHIN:
        raise GuardFailed(
            f"Closed more than {REOPEN_WITHIN.days} days ago: record a new need.",
            rule="reopen_within_90_days",
            days=REOPEN_WITHIN.days,
        )


def _progress(line: Counted) -> str:
    wanted = plain(line.quantity_required) if line.quantity_required is not None else "any"
    return (
        f"line {line.position} ({line.item}): {plain(line.confirmed)} of {wanted} "
        f"{line.unit} confirmed"
    )


def plain(quantity: Decimal) -> str:
    """The figure without the zeros of its column: 4.000 → 4."""
    text = f"{quantity:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def line_field(position: int, name: str) -> str:
    """How a refusal names a field of a line, counted from 1."""
    return f"lines[{position}].{name}"


def _text(text: str | None, most: int, field: str) -> str | None:
    found = (text or "").strip() or None
    if found is not None:
        _short(found, most, field)
    return found


def _short(text: str, most: int, field: str) -> None:
    if len(text) > most:
        raise Invalid(f"{field} has {len(text)} characters; at most {most} fit.", field=field)
