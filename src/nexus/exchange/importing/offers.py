"""Rows that offer help: one offer for each line, of an organization that the import may enter."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select

from nexus.acting import Act, Actor, Role
from nexus.areas.model import COUNTRY
from nexus.areas.queries import resolve_area, resolve_code
from nexus.areas.rules import UnknownArea
from nexus.charity import model
from nexus.charity.operations import (
    OfferTerms,
    create_offer,
    list_offer,
    pause_offer,
    resume_offer,
    set_capacity,
    update_offer,
)
from nexus.core.personal_data import find_personal_data
from nexus.core.refusals import Forbidden, GuardFailed, Invalid
from nexus.exchange.importing.model import ExternalRef, ObjectType
from nexus.exchange.importing.parties import Parties, register
from nexus.exchange.importing.queries import item_code_of
from nexus.exchange.importing.rules import digests
from nexus.exchange.profiles.model import Entry, LineEntry, Profile
from nexus.exchange.profiles.rules import filled
from nexus.exchange.profiles.values import shown
from nexus.exchange.reading.tables import plain
from nexus.needs.rules import ABSENT
from nexus.organizations.model import Organization, OrganizationState, OrganizationType
from nexus.organizations.queries import is_called

NOT_REVIEWED = "its source no longer says that it is reviewed"
OFFER = "/offer"
"""What follows the row's `type` in the references of single offers: a row may offer several."""


@dataclass(frozen=True)
class WantedOffer:
    """One thing a row offers. `key` is unique among all rows of the source."""

    key: str
    kind: str
    unit: str
    category: str
    item: str
    item_code: str | None
    maximum: Decimal | None

    def parts(self) -> dict[str, Any]:
        return {"offer": [self.item, self.item_code], "capacity": self.maximum}


@dataclass
class Wanted:
    """A row with its area and codes looked up: what its organization offers."""

    entry: Entry
    area: str
    offers: list[WantedOffer]
    organization: str
    org_type: OrganizationType
    organization_area: str
    title: str | None
    summary: str | None
    starts_on: date | None
    ends_on: date | None
    notes: list[str] = field(default_factory=list)

    def parts(self) -> dict[str, Any]:
        """The content by part, as plain values."""
        return {
            "lines": [vars(one) for one in self.offers],
            "blanks": self.entry.blanks,
            "text": [self.title, self.summary],
            "area": self.area,
            "review": self.entry.reviewed,
            "facts": [str(self.starts_on), str(self.ends_on)],
        }


async def read(parties: Parties, profile: Profile, entry: Entry, area: str) -> Wanted:
    """The row's words as codes; UnknownCode with the likely one."""
    session = parties.act.session
    notes: list[str] = []
    words = entry.fields["category"]
    categories = [
        await resolve_code(session, "need_category", str(word), field="category")
        for word in (words if isinstance(words, list) else [words])
    ]
    return Wanted(
        entry=entry,
        area=area,
        offers=[
            await _offer(parties, entry, line, category, notes)
            for line in entry.lines
            for category in categories
        ],
        organization=entry.text("organization") or "",
        org_type=_org_type(entry.text("org_type") or ""),
        organization_area=await _organization_area(parties, entry, notes),
        title=profile.public.title if profile.public else None,
        summary=_fit_for_all(filled(profile.public.summary, entry, ""), notes)
        if profile.public
        else None,
        starts_on=entry.day("available_from"),
        ends_on=entry.day("available_to"),
        notes=notes,
    )


async def create(parties: Parties, wanted: Wanted, ref: ExternalRef, profile: Profile) -> None:
    """Enter the organization when it is new, and list what it offers."""
    if not wanted.offers:
        wanted.notes.append("the row offers nothing: known, but no offer stands behind it")
        return
    act = await _as_owner(parties, wanted)
    for one in wanted.offers:
        await _create(parties, act, wanted, one, profile, ref)


async def update(
    parties: Parties, wanted: Wanted, ref: ExternalRef, profile: Profile, changed: list[str]
) -> None:
    """Bring the row's offers to what it says; back from a pause that the import made."""
    known = {child.value: child for child in await _children(parties, ref)}
    if not wanted.offers and not known:
        return
    act = await _as_owner(parties, wanted)
    for one in wanted.offers:
        child = known.pop(_child_key(ref, one), None)
        if child is None:
            await _create(parties, act, wanted, one, profile, ref)
        else:
            await _update(act, wanted, one, child, changed)
    for child in known.values():
        await _pause(act, child, ABSENT)


async def withdraw(parties: Parties, ref: ExternalRef) -> None:
    """The source no longer has the row: its offers are paused with the reason, and kept."""
    for child in await _children(parties, ref):
        row = await parties.act.session.get_one(model.Offer, child.object_id)
        await _pause(_client(parties, row.organization_id), child, ABSENT)


async def _create(
    parties: Parties, act: Act, wanted: Wanted, one: WantedOffer, profile: Profile, ref: ExternalRef
) -> None:
    row = await create_offer(
        act,
        terms=_terms(act, wanted, one, None),
        capacity_maximum=one.maximum,
        organization_id=act.actor.organization_id,
        reviewed=wanted.entry.reviewed,
    )
    act.session.add(
        ExternalRef(
            system=profile.source,
            type=ref.type + OFFER,
            value=_child_key(ref, one),
            object_type=ObjectType.OFFER,
            object_id=row.id,
            parts=digests(one.parts()),
            first_seen_at=act.now,
            last_run_id=ref.last_run_id,
        )
    )
    if wanted.entry.reviewed:
        await list_offer(act, row.id, expected_version=row.version)
    else:
        wanted.notes.append("not listed: the source does not say that it is reviewed")


async def _update(
    act: Act, wanted: Wanted, one: WantedOffer, child: ExternalRef, changed: list[str]
) -> None:
    row = await act.session.get_one(model.Offer, child.object_id)
    if row.state in _FINAL:
        raise GuardFailed(
            f"This offer is {row.state.value} here, its source has changed: make a new one.",
            rule="INV-21",
            state=row.state.name,
        )
    digest = digests(one.parts())
    if child.parts.get("capacity") != digest["capacity"]:
        await set_capacity(act, row.id, expected_version=row.version, maximum=one.maximum)
    told_anew = set(changed) & {"text", "area", "facts"}
    if told_anew or child.parts.get("offer") != digest["offer"]:
        if row.state is model.OfferState.LISTED:
            await pause_offer(act, row.id, expected_version=row.version, reason=ABSENT)
        terms = _terms(act, wanted, one, row)
        await update_offer(act, row.id, expected_version=row.version, terms=terms)
    if "review" in changed and row.reviewed is not wanted.entry.reviewed:
        if row.state is model.OfferState.LISTED:
            await pause_offer(act, row.id, expected_version=row.version, reason=NOT_REVIEWED)
        row.reviewed = wanted.entry.reviewed
        row.version += 1
    await _settle(act, wanted, row)
    child.parts = digest


async def _settle(act: Act, wanted: Wanted, row: model.Offer) -> None:
    """List what is reviewed; resume what the import had paused; leave what people paused here."""
    if not wanted.entry.reviewed:
        wanted.notes.append("not listed: the source does not say that it is reviewed")
    elif row.state is model.OfferState.DRAFT:
        await list_offer(act, row.id, expected_version=row.version)
    elif row.state is model.OfferState.PAUSED and row.state_reason in (ABSENT, NOT_REVIEWED):
        await resume_offer(act, row.id, expected_version=row.version)
    elif row.state in (model.OfferState.PAUSED, model.OfferState.BLOCKED):
        wanted.notes.append(f"stays {row.state.value}, as decided here: {row.state_reason}")


_FINAL = (model.OfferState.WITHDRAWN, model.OfferState.EXPIRED)


async def _pause(act: Act, child: ExternalRef, reason: str) -> None:
    row = await act.session.get_one(model.Offer, child.object_id)
    if row.state is model.OfferState.LISTED:
        await pause_offer(act, row.id, expected_version=row.version, reason=reason)


async def _children(parties: Parties, ref: ExternalRef) -> list[ExternalRef]:
    found = await parties.act.session.scalars(
        select(ExternalRef).where(
            ExternalRef.system == ref.system,
            ExternalRef.type == ref.type + OFFER,
            ExternalRef.value.startswith(f"{ref.value}{_ARROW}", autoescape=True),
        )
    )
    return list(found)


_ARROW = " → "


def _child_key(ref: ExternalRef, one: WantedOffer) -> str:
    return f"{ref.value}{_ARROW}{one.key}"


async def _offer(
    parties: Parties, entry: Entry, line: LineEntry, category: str, notes: list[str]
) -> WantedOffer:
    session = parties.act.session
    kind = (await resolve_code(session, "need_kind", line.kind, field="kind")).lower()
    unit = await resolve_code(session, "unit", line.unit, field="unit")
    parts = (category, line.item, line.specification or "", unit)
    return WantedOffer(
        key=" / ".join(filter(None, parts)),
        kind=kind,
        unit=unit,
        category=category,
        item=line.item,
        item_code=await item_code_of(session, line, notes if kind == "goods" else None),
        maximum=line.quantity,
    )


def _terms(act: Act, wanted: Wanted, one: WantedOffer, row: model.Offer | None) -> OfferTerms:
    """The offer in words. Its first day is the source's, or the day it was first imported."""
    first = row.available_from if row is not None else act.actor.today()
    title = filled(wanted.title, wanted.entry, one.item) if wanted.title else one.item
    return OfferTerms(
        title=title,
        summary=wanted.summary,
        kind=model.OfferKind(one.kind),
        category=one.category,
        unit=one.unit,
        areas=[wanted.area],
        item_code=one.item_code,
        available_from=wanted.starts_on or first,
        available_to=wanted.ends_on,
    )


def _fit_for_all(text: str, notes: list[str]) -> str | None:
    kinds = sorted({one.kind.value for one in find_personal_data(text)})
    if kinds:
        notes.append(f"summary left out: it holds personal data ({', '.join(kinds)})")
        return None
    return text or None


def _org_type(text: str) -> OrganizationType:
    try:
        return OrganizationType(text)
    except ValueError:
        known = ", ".join(each.value for each in OrganizationType)
        raise Invalid(
            f"{shown(text)} is no type of organization: it is one of {known}.", field="org_type"
        ) from None


async def _organization_area(parties: Parties, entry: Entry, notes: list[str]) -> str:
    named = entry.text("organization_area")
    if named is None:
        return COUNTRY
    try:
        return await resolve_area(parties.act.session, named)
    except UnknownArea:
        notes.append(f"{shown(named)} is no area here: the organization is registered for CN")
        return COUNTRY


def _client(parties: Parties, organization_id: UUID) -> Act:
    """The import's own account as the client of an organization whose offers it brings."""
    if parties.own_offers is not None:
        return parties.vouch
    own = parties.act.actor
    actor = Actor(Role.CHARITY_CLIENT, own.account_id, organization_id, "", own.now)
    return Act(parties.act.session, actor)


async def _as_owner(parties: Parties, wanted: Wanted) -> Act:
    """The organization of that name, entered and verified when there is none."""
    if (own := parties.own_offers) is not None:
        named = plain(wanted.organization)
        if named not in {plain(it) for it in (own.name, own.uscc, own.no) if it}:
            raise Forbidden(f"You bring offers of {own.name} only, by that name or its number.")
        return parties.vouch
    session, row = parties.act.session, Organization
    known = select(row).where(is_called(row, wanted.organization)).limit(3)
    found = list(await session.scalars(known))
    if len(found) > 1:
        raise Invalid(
            f"Several organizations are called {shown(wanted.organization)}: which one is it?",
            field="organization",
        )
    if found and found[0].state is not OrganizationState.VERIFIED:
        raise Forbidden(
            f"{shown(wanted.organization)} is {found[0].state.value} here: its offers wait until "
            "the authority verifies it."
        )
    made = found[0] if found else await _register(parties, wanted)
    return _client(parties, made.id)


async def _register(parties: Parties, wanted: Wanted) -> Organization:
    return await register(
        parties.act,
        parties.vouch,
        wanted.organization,
        wanted.org_type,
        wanted.organization_area,
    )
