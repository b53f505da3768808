"""Rows that ask for help: recorded, revised, paused and resumed as needs."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import or_, select

from nexus.areas.queries import resolve_code
from nexus.casework.model import Station, StationState
from nexus.core.refusals import Forbidden, GuardFailed, Invalid
from nexus.exchange.importing.model import ExternalRef, ObjectType
from nexus.exchange.importing.parties import Parties
from nexus.exchange.importing.queries import item_code_of
from nexus.exchange.importing.rules import joined, quantity_text
from nexus.exchange.profiles.model import Entry, LineEntry, Profile
from nexus.exchange.profiles.rules import filled
from nexus.exchange.profiles.values import shown
from nexus.needs import model
from nexus.needs.operations import (
    create_need,
    release_imported,
    restore_imported,
    submit_need,
    withdraw_imported,
)
from nexus.needs.revision.operations import revise_imported
from nexus.needs.rules import (
    ABSENT,
    LineInput,
    NeedDetails,
    check_public_text,
)
from nexus.recipients.operations import create_household

E = TypeVar("E", bound=StrEnum)

NOTHING_ASKED = "its source asks for nothing now"
NOT_REVIEWED = "its source no longer says that it is reviewed"
NOT_PUBLIC = "its text holds personal data"
LISTED_ITEMS = 8
LARGEST_HOUSEHOLD = 50


@dataclass
class Wanted:
    """A row with its area and codes looked up: what the need should be."""

    entry: Entry
    area: str
    category: str
    urgency: model.Urgency
    origin: str
    lines: list[LineInput]
    title: str | None = None
    summary: str | None = None
    notes: list[str] = field(default_factory=list)

    def parts(self) -> dict[str, Any]:
        """The content by part, as plain values."""
        entry = self.entry
        return {
            "lines": [vars(line) for line in self.lines],
            "blanks": entry.blanks,
            "text": [entry.text("description"), self.title, self.summary],
            "area": self.area,
            "review": entry.reviewed,
            "facts": [
                self.category,
                self.urgency,
                self.origin,
                *(
                    entry.text(name)
                    for name in ("needed_by", "population_group", "temporary_type", "evidence")
                ),
            ],
        }

    def shown(self) -> dict[str, Any]:
        """What a preview says of it: codes and things, nobody's words about a person."""
        return {
            "area": self.area,
            "category": self.category,
            "urgency": self.urgency.upper(),
            "items": [_listed(line) for line in self.lines[:LISTED_ITEMS]],
        }


async def read(parties: Parties, profile: Profile, entry: Entry, area: str) -> Wanted:
    """The row's words as codes; UnknownCode with the likely one."""
    session = parties.act.session
    _check_territory(parties, area)
    urgency = await resolve_code(session, "urgency", entry.text("urgency") or "", field="urgency")
    wanted = Wanted(
        entry=entry,
        area=area,
        category=await resolve_code(
            session, "need_category", entry.text("category") or "", field="category"
        ),
        urgency=model.Urgency(urgency.lower()),
        origin=await resolve_code(
            session, "origin", entry.text("origin") or "import", field="origin"
        ),
        lines=[],
    )
    wanted.lines = [await _line(parties, line, wanted.notes) for line in entry.lines]
    if profile.public is not None:
        listed = joined(map(_listed, wanted.lines), most=LISTED_ITEMS)
        wanted.title = filled(profile.public.title, entry, listed)
        wanted.summary = filled(profile.public.summary, entry, listed)
    return wanted


async def create(parties: Parties, wanted: Wanted, ref: ExternalRef, profile: Profile) -> None:
    """Record the need; a row that asks for nothing is only remembered."""
    if not wanted.lines:
        wanted.notes.append("the row asks for nothing: known, but no need stands behind it")
        return
    entry = wanted.entry
    household = await _household(parties, profile, wanted, ref.last_run_id)
    subject = model.SubjectKind.GROUP if household is None else model.SubjectKind.HOUSEHOLD
    details = _details(wanted)
    details["owner_id"] = parties.vouch.actor.account_id
    details["station_id"] = await _station(parties, wanted)
    details["visibility"] = _VISIBLE[subject]
    details["reviewed"] = entry.reviewed
    row = await create_need(
        parties.act,
        subject_kind=subject,
        area_code=wanted.area,
        household_id=household,
        group_name=entry.text("group"),
        origin=wanted.origin,
        category=wanted.category,
        urgency=wanted.urgency,
        lines=wanted.lines,
        publisher_id=parties.publisher_id,
        **details,
    )
    ref.object_type, ref.object_id = ObjectType.NEED, row.id
    await _settle(parties, wanted, row)


async def update(
    parties: Parties, wanted: Wanted, ref: ExternalRef, profile: Profile, changed: list[str]
) -> None:
    """Bring the need to what the row says; back from a pause that the import made."""
    if ref.object_id is None:
        await create(parties, wanted, ref, profile)
        return
    row = await parties.act.session.get_one(model.Need, ref.object_id)
    _check_territory(parties, row.area_code)
    if not wanted.lines:
        await withdraw_imported(parties.vouch, row, NOTHING_ASKED)
        wanted.notes.append(f"{NOTHING_ASKED}: paused, kept")
        return
    reviewed = wanted.entry.reviewed
    if not reviewed and "review" in changed:
        await withdraw_imported(parties.vouch, row, NOT_REVIEWED)
    elif _personal(wanted):
        await withdraw_imported(parties.vouch, row, NOT_PUBLIC)
    if changed:
        details = _details(wanted)
        if "review" in changed:
            details["reviewed"] = reviewed
        row = await revise_imported(
            parties.act,
            row.id,
            lines=wanted.lines,
            area_code=wanted.area,
            category=wanted.category,
            urgency=wanted.urgency,
            origin=wanted.origin,
            **details,
        )
    await _settle(parties, wanted, row)


async def withdraw(parties: Parties, ref: ExternalRef) -> None:
    """The source no longer has the row: its need is paused with the reason, and kept."""
    if ref.object_id is not None:
        row = await parties.act.session.get_one(model.Need, ref.object_id)
        _check_territory(parties, row.area_code)
        await withdraw_imported(parties.vouch, row, ABSENT)


def _check_territory(parties: Parties, area: str) -> None:
    if not parties.vouch.actor.covers(area):
        raise Forbidden(f"Area {area} is not in the territory of the account that vouches.")


async def _settle(parties: Parties, wanted: Wanted, row: model.Need) -> None:
    """Publish what may be published, resume what the import had paused, submit the rest."""
    personal = _personal(wanted)
    publishable = wanted.entry.reviewed and wanted.title is not None and personal is None
    if row.subject_kind is not model.SubjectKind.GROUP or not parties.publishes:
        publishable = False
    if personal is not None:
        wanted.notes.append(f"not published: {personal}")
    if not wanted.entry.reviewed:
        wanted.notes.append("not publishable: the source does not say that it is reviewed")
    if row.state is model.NeedState.PAUSED and publishable:
        for reason in (ABSENT, NOTHING_ASKED, NOT_REVIEWED, NOT_PUBLIC):
            if await restore_imported(parties.vouch, row, reason):
                return
        wanted.notes.append(f"stays paused, as it was paused here: {row.state_reason}")
    elif row.state is model.NeedState.DRAFT and not publishable:
        await submit_need(parties.act, row.id, expected_version=row.version)
    elif row.state in _RELEASABLE and publishable:
        await release_imported(
            parties.vouch,
            row,
            title=wanted.title or "",
            summary=wanted.summary or "",
            evidence=wanted.entry.text("evidence") or "reviewed at its source",
        )


_VISIBLE = {
    model.SubjectKind.GROUP: model.Visibility.PUBLIC,
    model.SubjectKind.HOUSEHOLD: model.Visibility.PARTNERS,
}
_RELEASABLE = (model.NeedState.DRAFT, model.NeedState.SUBMITTED, model.NeedState.VERIFIED)


def _personal(wanted: Wanted) -> str | None:
    """Why the public text cannot go out, naming the kind and never the value; None if it can."""
    texts: dict[str, str | None] = {
        "title": wanted.title,
        "summary": wanted.summary,
        "group": wanted.entry.text("group"),
    }
    for at, line in enumerate(wanted.lines, 1):
        texts[f"line {at}"] = line.item
        texts[f"the specification of line {at}"] = line.specification
    try:
        check_public_text(texts)
    except GuardFailed as refusal:
        return refusal.message
    return None


def _details(wanted: Wanted) -> NeedDetails:
    entry = wanted.entry
    group, temporary = entry.text("population_group"), entry.text("temporary_type")
    description = [entry.text("description") or ""]
    if entry.blanks:
        description.append(f"Left blank at the source: {', '.join(entry.blanks)}")
    return NeedDetails(
        population_group=_member(model.PopulationGroup, group, "population_group"),
        temporary_type=_member(model.TemporaryType, temporary, "temporary_type"),
        needed_by=entry.day("needed_by"),
        internal_description="\n".join(filter(None, description)) or None,
        public_title=wanted.title,
        public_summary=wanted.summary,
    )


def _member(values: type[E], text: str | None, name: str) -> E | None:
    if text is None:
        return None
    try:
        return values(text.lower())
    except ValueError:
        known = ", ".join(each.value for each in values)
        raise Invalid(f"{shown(text)} is no {name}: it is one of {known}.", field=name) from None


async def _line(parties: Parties, line: LineEntry, notes: list[str]) -> LineInput:
    session = parties.act.session
    kind = await resolve_code(session, "need_kind", line.kind, field="kind")
    return LineInput(
        kind=model.NeedKind(kind.lower()),
        item=line.item,
        item_code=await item_code_of(session, line, notes),
        quantity_required=line.quantity,
        unit=await resolve_code(session, "unit", line.unit, field="unit"),
        specification=line.specification,
    )


def _listed(line: LineInput) -> str:
    quantity = quantity_text(line.quantity_required)
    return f"{line.item}×{quantity}" if quantity else line.item


async def _household(
    parties: Parties, profile: Profile, wanted: Wanted, run_id: UUID
) -> UUID | None:
    """The household of that number at the source, recorded when first met."""
    number = wanted.entry.text("household")
    if number is None:
        return None
    session = parties.act.session
    known = await session.scalar(
        select(ExternalRef).where(
            ExternalRef.system == profile.source,
            ExternalRef.type == ObjectType.HOUSEHOLD,
            ExternalRef.value == number,
        )
    )
    if known is not None:
        return known.object_id
    made = await create_household(
        parties.act, size=_size(wanted.entry.text("household_size")), area_code=wanted.area
    )
    session.add(
        ExternalRef(
            system=profile.source,
            type=ObjectType.HOUSEHOLD,
            value=number,
            object_type=ObjectType.HOUSEHOLD,
            object_id=made.id,
            parts={},
            first_seen_at=parties.act.now,
            last_run_id=run_id,
        )
    )
    return made.id


def _size(text: str | None) -> int:
    if text is None or not text.isdecimal() or not 1 <= int(text) <= LARGEST_HOUSEHOLD:
        raise Invalid(
            f"A household has 1 to {LARGEST_HOUSEHOLD} members: give the figure.",
            field="household_size",
        )
    return int(text)


async def _station(parties: Parties, wanted: Wanted) -> UUID | None:
    """The station the row names by number or name; for a household else the town's only one."""
    named = wanted.entry.text("station")
    if named is None and wanted.entry.text("household") is None:
        return None
    asked = select(Station.id).where(parties.vouch.actor.covers(Station.area_code)).limit(2)
    if named is not None:
        asked = asked.where(or_(Station.no == named, Station.name == named))
    else:
        asked = asked.where(Station.area_code == wanted.area, Station.state == StationState.ACTIVE)
    found = list(await parties.act.session.scalars(asked))
    if len(found) != 1:
        what = shown(named) if named else f"Area {wanted.area}"
        many = "more than one station" if found else "no station"
        raise Invalid(f"{what} has {many} in your territory: name one by number.", field="station")
    return found[0]
