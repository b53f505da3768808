"""Drawing up a referral: whose, to whom, about which lines, with which data package."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select

from nexus.acting import CHARITY, GOVERNMENT, STATION, Act
from nexus.areas.queries import check_code
from nexus.casework import policy as casework_policy
from nexus.casework.model import Station
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound
from nexus.matching.referrals import model, policy, queries, rules
from nexus.matching.referrals.rules import Side
from nexus.needs import policy as needs_policy
from nexus.needs.model import Need, NeedLine, SubjectKind
from nexus.needs.queries import is_consent_of
from nexus.organizations import policy as organizations_policy
from nexus.organizations.model import Organization, OrganizationType
from nexus.recipients.model import Consent
from nexus.recipients.policy import consent_visible


@dataclass(frozen=True, kw_only=True)
class Package:
    """To whom, and what may be read there. Classes and bases are codes of domain.md 8."""

    to_organization_id: UUID
    to_station_id: UUID | None = None
    data_classes: Sequence[str] = ()
    consent_id: UUID | None = None
    legal_basis: str | None = None
    title: str | None = None
    summary: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class _Receiver:
    organization: Organization
    station: Station | None

    @property
    def side(self) -> Side:
        if self.station is not None:
            return Side.STATION
        authority = self.organization.org_type is OrganizationType.GOVERNMENT_BODY
        return Side.GOV if authority else Side.CHARITY

    @property
    def area_code(self) -> str:
        return self.station.area_code if self.station else self.organization.area_code


async def create_referral(
    act: Act, need_id: UUID, *, lines: Mapping[UUID, Decimal | None], package: Package
) -> model.Referral:
    """A draft about lines of a need; none named means all that it asks for.

    The consent is the need's unless another of the person is named. A charity refers to authorities
    and stations; to pass on what was referred to it is `refer_onward`.
    """
    if not policy.may_create(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} may not refer.")
    need = await act.find(Need, need_id, visible=needs_policy.visible)
    if act.actor.role not in CHARITY:
        await _check_holds(act, need)
    rules.check_need(need)
    receiver = await _receiver(act, package)
    if act.actor.role in CHARITY and receiver.side is Side.CHARITY:
        raise Forbidden(
            "A charity refers to an authority or a station; referOnward passes on what was "
            "referred to you.",
            field="toOrganizationId",
        )
    group = need.subject_kind is SubjectKind.GROUP
    declared = rules.check_classes(package.data_classes, about_group=group)
    consent_id = await _ground(act, need, receiver, package)
    row = await _draw_up(act, need, receiver, package)
    row.data_classes = declared
    row.consent_id = consent_id
    row.legal_basis = package.legal_basis
    row.recipient_id = await _person(act, need, consent_id)
    await _write(act, row, await _lines(act, need, lines))
    return row


async def refer_onward(
    act: Act,
    parent_id: UUID,
    *,
    expected_version: int,
    line_ids: Sequence[UUID],
    package: Package,
) -> model.Referral:
    """A draft that passes on lines of a referral received: on the same ground, with no more data.

    `line_ids` are those of the referral's own lines; none means all.
    """
    parent = await queries.take(act, parent_id, expected_version)
    act.permit(policy.may_refer_onward, parent)
    model.TRANSITIONS.after("refer_onward", parent.state)
    need = await act.session.get_one(Need, parent.need_id)
    receiver = await _receiver(act, package)
    declared = rules.check_classes(package.data_classes, about_group=parent.about_group)
    rules.check_onward_classes(declared, parent.data_classes)
    if package.consent_id is not None or package.legal_basis is not None:
        raise Invalid(
            "An onward referral rests on what its parent rests on: leave consentId and "
            "legalBasis out.",
            field="consentId",
        )
    row = await _draw_up(act, need, receiver, package)
    row.title, row.summary = row.title or parent.title, row.summary or parent.summary
    row.data_classes, row.parent_id = declared, parent.id
    row.consent_id, row.legal_basis = parent.consent_id, parent.legal_basis
    row.recipient_id = parent.recipient_id
    row.referred_by_civil_affairs = parent.referred_by_civil_affairs
    theirs = {line.id: line for line in await queries.lines_of(act.session, parent.id)}
    if not set(line_ids) <= set(theirs):
        raise NotFound("No such ReferralLine in the referral you received.", field="lineIds")
    kept = [theirs[one] for one in line_ids or theirs]
    await _write(act, row, [_line(line.line_id, line, line.quantity) for line in kept])
    return row


async def draw_up_again(act: Act, old: model.Referral) -> model.Referral:
    """A draft that takes a completed referral up again; it points at the old one (INV-21)."""
    kept = {
        column.key: getattr(old, column.key)
        for column in model.Referral.__table__.columns
        if column.key in _KEPT
    }
    row = model.Referral(
        **kept,
        id=new_id(),
        no=await act.number("RF", old.shown_area_code),
        reopens_id=old.id,
        owner_id=act.actor.account_id,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    lines = await queries.lines_of(act.session, old.id)
    await _write(act, row, [_line(line.line_id, line, line.quantity) for line in lines])
    return row


_KEPT = frozenset(
    {
        *("direction", "from_organization_id", "from_station_id", "to_organization_id"),
        *("to_station_id", "need_id", "recipient_id", "about_group", "parent_id", "area_code"),
        *("to_area_code", "shown_area_code", "category", "urgency", "title", "summary", "note"),
        *("data_classes", "consent_id", "legal_basis", "referred_by_civil_affairs"),
    }
)


async def _check_holds(act: Act, need: Need) -> None:
    """Authorities and stations refer needs that are theirs, not every one they may read."""
    theirs = needs_policy.may_read_detail(act.actor, need)
    if theirs is not True:
        raise Forbidden("Only the need's own territory and its publisher may refer it.")


async def _receiver(act: Act, package: Package) -> _Receiver:
    organization = await act.find(
        Organization, package.to_organization_id, visible=organizations_policy.visible
    )
    if package.to_station_id is None:
        return _Receiver(organization, None)
    station = await act.find(Station, package.to_station_id, visible=casework_policy.visible)
    if station.organization_id != organization.id:
        raise Invalid(
            f"Station {station.no} is not run by {organization.no}: name its operator.",
            field="toStationId",
        )
    return _Receiver(organization, station)


async def _ground(act: Act, need: Need, receiver: _Receiver, package: Package) -> UUID | None:
    """The consent it rests on; None where a legal basis stands, or there is no person."""
    if package.legal_basis is not None:
        await _check_basis(act, receiver, package)
        return None
    if package.consent_id is None or need.subject_kind is SubjectKind.GROUP:
        return need.consent_id
    await act.find(Consent, package.consent_id, visible=consent_visible)
    if not await is_consent_of(act.session, need, package.consent_id):
        raise NotFound("No such Consent of this need's recipient.", field="consentId")
    return package.consent_id


async def _check_basis(act: Act, receiver: _Receiver, package: Package) -> None:
    if package.consent_id is not None:
        raise Invalid("Give a consent or a legal basis, not both.", field="legalBasis")
    if act.actor.role not in GOVERNMENT and receiver.side is not Side.GOV:
        raise GuardFailed(
            "Without consent an authority refers, or somebody refers to an authority: "
            "ask the person for their consent.",
            field="legalBasis",
            rule="INV-11",
        )
    await check_code(
        act.session,
        "legal_basis",
        str(package.legal_basis),
        on=act.actor.today(),
        field="legalBasis",
    )


async def _person(act: Act, need: Need, consent_id: UUID | None) -> UUID | None:
    if need.recipient_id is not None or consent_id is None:
        return need.recipient_id
    found = await act.session.scalar(select(Consent.recipient_id).where(Consent.id == consent_id))
    assert found is not None
    return found


async def _draw_up(act: Act, need: Need, receiver: _Receiver, package: Package) -> model.Referral:
    side = _side(act)
    station_id = need.station_id if side is Side.STATION else None
    _check_another(act, receiver, station_id)
    return model.Referral(
        id=new_id(),
        no=await act.number("RF", need.shown_area_code),
        direction=rules.direction(side, receiver.side, need.area_code, receiver.area_code),
        from_organization_id=act.actor.organization_id,
        from_station_id=station_id,
        to_organization_id=receiver.organization.id,
        to_station_id=receiver.station.id if receiver.station else None,
        need_id=need.id,
        about_group=need.subject_kind is SubjectKind.GROUP,
        area_code=need.area_code,
        to_area_code=receiver.area_code,
        shown_area_code=need.shown_area_code,
        category=need.category,
        urgency=need.urgency,
        title=rules.clean(package.title or need.public_title, field="title") or "",
        summary=rules.clean(package.summary or need.public_summary, field="summary") or "",
        note=rules.clean(package.note, field="note"),
        referred_by_civil_affairs=side is Side.GOV,
        owner_id=act.actor.account_id,
        created_at=act.now,
        created_by=act.actor.account_id,
    )


def _side(act: Act) -> Side:
    if act.actor.role in STATION:
        return Side.STATION
    return Side.GOV if act.actor.role in GOVERNMENT else Side.CHARITY


def _check_another(act: Act, receiver: _Receiver, station_id: UUID | None) -> None:
    to_station = receiver.station.id if receiver.station else None
    if receiver.organization.id == act.actor.organization_id and to_station == station_id:
        raise Invalid("A referral goes to somebody else.", field="toOrganizationId")


async def _lines(
    act: Act, need: Need, wanted: Mapping[UUID, Decimal | None]
) -> list[model.ReferralLine]:
    found = await act.session.execute(
        select(NeedLine).where(NeedLine.need_id == need.id, NeedLine.asked).order_by(NeedLine.id)
    )
    theirs = {line.id: line for line in found.scalars()}
    if not set(wanted) <= set(theirs):
        raise NotFound("No such NeedLine in this need.", field="lines")
    chosen = wanted or dict.fromkeys(theirs)
    return [_line(key, theirs[key], _quantity(theirs[key], chosen[key])) for key in chosen]


def _quantity(line: NeedLine, quantity: Decimal | None) -> Decimal | None:
    if quantity is None:
        return None
    most = line.quantity_required
    if quantity <= 0 or (most is not None and quantity > most):
        raise Invalid(
            f"A quantity lies above zero and within the line's {most or 'need'}, not {quantity}.",
            field="lines",
        )
    return quantity


def _line(line_id: UUID, source: Any, quantity: Decimal | None) -> model.ReferralLine:
    return model.ReferralLine(
        line_id=line_id,
        kind=source.kind,
        item_code=source.item_code,
        item=source.item,
        unit=source.unit,
        quantity=quantity,
    )


async def _write(act: Act, row: model.Referral, lines: Sequence[model.ReferralLine]) -> None:
    if not row.title or not row.summary:
        raise Invalid(
            "The receiver decides by a title and a summary: give both, without personal data.",
            field="title" if not row.title else "summary",
        )
    for line in lines:
        rules.clean(line.item, field="item")
        line.to_organization_id = row.to_organization_id
        line.to_station_id = row.to_station_id
    row.lines = list(lines)
    act.session.add(row)
    await act.session.flush()
    act.record(
        "referral.created",
        row,
        need_id=row.need_id,
        parent_id=row.parent_id,
        reopens_id=row.reopens_id,
        to_organization_id=row.to_organization_id,
    )
