"""What a referral must know of its need, consent, receiver and parent; and what it shows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act, Actor, View
from nexus.charity.model import Offer, OfferState
from nexus.matching.pledges.model import Delivery, DeliveryState
from nexus.matching.referrals import model, policy
from nexus.needs.model import NeedLine
from nexus.recipients.model import Household, Recipient
from nexus.recipients.queries import alias_of

DECLARABLE = ("D1", "D2", "D3", "D4", "D5", "D6")
ADULT_AGE = 18


async def parent_of(session: AsyncSession, referral_id: UUID) -> model.Referral | None:
    """The parent, its state locked against change; a child's deed takes it before the child."""
    child = aliased(model.Referral)
    found = await session.execute(
        select(model.Referral)
        .where(
            model.Referral.id
            == select(child.parent_id).where(child.id == referral_id).scalar_subquery()
        )
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    return found.scalar_one_or_none()


async def take(act: Act, referral_id: UUID, expected_version: int | None = None) -> model.Referral:
    """The referral, visible and locked. NotFound; VersionConflict when it has moved on."""
    return await act.take(
        model.Referral, referral_id, visible=policy.visible, expected_version=expected_version
    )


async def lines_of(session: AsyncSession, referral_id: UUID) -> list[model.ReferralLine]:
    """The referral's lines in the order of the need's: the order in which the ledger is locked."""
    found = await session.execute(
        select(model.ReferralLine)
        .where(model.ReferralLine.referral_id == referral_id)
        .order_by(model.ReferralLine.line_id)
        .execution_options(populate_existing=True)
    )
    return list(found.scalars())


async def open_children(session: AsyncSession, referral_id: UUID) -> list[model.Referral]:
    """What was sent onward from it and is still live, locked."""
    found = await session.execute(
        select(model.Referral)
        .where(model.Referral.parent_id == referral_id, model.Referral.state.in_(model.LIVE))
        .order_by(model.Referral.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found.scalars())


async def take_under(session: AsyncSession, consent_id: UUID) -> list[model.Referral]:
    """The referrals that rest on the consent and may still give or get access, locked."""
    found = await session.execute(
        select(model.Referral)
        .where(
            model.Referral.consent_id == consent_id,
            model.Referral.state.in_((model.ReferralState.REQUESTED, *model.OPEN)),
        )
        .order_by(model.Referral.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found.scalars())


async def uncovered_classes(view: View, referral: model.Referral) -> list[str]:
    """The declared classes that neither a live consent nor a legal basis covers at this moment."""
    row = aliased(model.Referral)
    tests = [
        and_(literal(code) == any_(row.data_classes), ~policy.ground_holds(view.actor, row, code))
        for code in DECLARABLE
    ]
    found = await view.session.execute(select(*tests).where(row.id == referral.id))
    return [code for code, bad in zip(DECLARABLE, found.one(), strict=True) if bad]


async def live_on(session: AsyncSession, referral: model.Referral) -> str | None:
    """The number of a live referral of one of its lines to the same receiver (INV-08)."""
    own, other = aliased(model.ReferralLine), aliased(model.ReferralLine)
    found = await session.execute(
        select(model.Referral.no)
        .join(other, other.referral_id == model.Referral.id)
        .join(own, own.line_id == other.line_id)
        .where(
            own.referral_id == referral.id,
            other.live,
            other.referral_id != referral.id,
            other.to_organization_id == referral.to_organization_id,
            other.to_station_id.is_not_distinct_from(referral.to_station_id),
        )
        .limit(1)
    )
    return found.scalar_one_or_none()


async def is_reopened(session: AsyncSession, referral_id: UUID) -> bool:
    """Whether another referral takes this one up again."""
    row = model.Referral
    found = await session.execute(
        select(row.id).where(
            row.reopens_id == referral_id, row.state != model.ReferralState.ENTERED_IN_ERROR
        )
    )
    return found.first() is not None


async def offers_something(session: AsyncSession, referral: model.Referral) -> bool:
    """Whether the receiver lists an offer of a line's kind and unit with anything left."""
    line = model.ReferralLine
    left = or_(
        Offer.capacity_maximum.is_(None),
        Offer.capacity_maximum > Offer.capacity_reserved + Offer.capacity_used,
    )
    found = await session.execute(
        select(Offer.id)
        .join(line, and_(line.kind == Offer.kind, line.unit == Offer.unit))
        .where(
            line.referral_id == referral.id,
            Offer.organization_id == referral.to_organization_id,
            Offer.state == OfferState.LISTED,
            left,
        )
        .limit(1)
    )
    return found.first() is not None


async def has_delivery(session: AsyncSession, lines: Sequence[model.ReferralLine]) -> bool:
    """Whether anything of what the lines reserved was delivered and not taken back."""
    pledges = [line.pledge_id for line in lines if line.pledge_id]
    found = await session.execute(
        select(Delivery.id)
        .where(Delivery.pledge_id.in_(pledges), Delivery.state != DeliveryState.REVERSED)
        .limit(1)
    )
    return found.first() is not None


async def reservable(session: AsyncSession, line: model.ReferralLine) -> Any:
    """Of the need's line: whether it takes pledges now, by quantity, and how much is open."""
    row = NeedLine
    taken = row.reserved + row.committed + row.delivered + row.confirmed
    found = await session.execute(
        select(
            row.published,
            row.kind,
            row.quantity_required,
            (row.quantity_required - taken).label("open"),
        ).where(row.id == line.line_id)
    )
    return found.one()


def due(*, clock: str, now: datetime, limit: int) -> Select[Any]:
    """The referrals whose clock (`ack`, `outcome` or `expiry`) ran out untold; locked, first due
    first."""
    row = model.Referral
    waits = row.state == model.ReferralState.REQUESTED
    under_way = row.state.in_((*model.OPEN, model.ReferralState.ON_HOLD))
    conditions: dict[str, tuple[Any, ColumnElement[bool]]] = {
        "ack": (row.ack_due_at, and_(waits, row.ack_overdue_at.is_(None))),
        "outcome": (row.outcome_due_at, and_(under_way, row.outcome_overdue_at.is_(None))),
        "expiry": (row.expires_at, waits),
    }
    at, untold = conditions[clock]
    return (
        select(row)
        .where(untold, at <= now)
        .order_by(at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


# What a referral shows ---------------------------------------------------------------------


def overdue(row: Any) -> ColumnElement[bool]:
    """SQL: it was told that the answer or the outcome is late, and it still is."""
    waits = row.state == model.ReferralState.REQUESTED
    under_way = row.state.in_((*model.OPEN, model.ReferralState.ON_HOLD))
    return or_(
        and_(waits, row.ack_overdue_at.is_not(None)),
        and_(under_way, row.outcome_overdue_at.is_not(None)),
    )


def closed_loop(row: Any) -> ColumnElement[bool]:
    """SQL: there is an outcome, and the sender confirmed it with the client."""
    return and_(row.state == model.ReferralState.COMPLETED, row.confirmed_at.is_not(None))


def sent_by_me(row: Any) -> ColumnElement[bool]:
    """SQL: the reader's organization sent it. The reader's values are the statement's own."""
    return row.from_organization_id == _reader()  # type: ignore[no-any-return]


def waiting_for_me(row: Any) -> ColumnElement[bool]:
    """SQL: the reader's organization has to answer it, or to confirm its outcome."""
    answer = and_(row.state == model.ReferralState.REQUESTED, row.to_organization_id == _reader())
    confirm = and_(
        row.state == model.ReferralState.COMPLETED,
        row.confirmed_at.is_(None),
        row.from_organization_id == _reader(),
    )
    return or_(answer, confirm)


def _reader() -> Any:
    return bindparam("actor_organization_id", None, type_=Uuid())


def open_classes(actor: Actor, row: Any) -> ColumnElement[Any]:
    """SQL: the classes of the package that the reader may read at this moment."""
    codes: list[Any] = [
        case((policy.class_open(actor, row, code), literal(code, Text()))) for code in DECLARABLE
    ]
    listed: Any = array(codes, type_=Text())
    return func.array_remove(listed, null(), type_=ARRAY(Text()))


def alias(actor: Actor, row: Any) -> ColumnElement[Any]:
    """SQL: the receiver's name for the person, with class D1 of the package."""
    known = alias_of(row.recipient_id, row.to_organization_id)
    return case((policy.class_open(actor, row, policy.D1), known))


def of_recipient(data_class: str, name: str) -> Any:
    """A field of the person, shown to the receiver with that class of the package."""

    def expression(actor: Actor, row: Any) -> ColumnElement[Any]:
        person = aliased(Recipient)
        found = select(getattr(person, name)).where(person.id == row.recipient_id)
        shown = found.correlate_except(person).scalar_subquery()
        return case((policy.class_open(actor, row, data_class), shown))

    return expression


def of_household(data_class: str, name: str) -> Any:
    """A field of the person's household, shown to the receiver with that class."""

    def expression(actor: Actor, row: Any) -> ColumnElement[Any]:
        home, person = aliased(Household), aliased(Recipient)
        found = (
            select(getattr(home, name))
            .join(person, person.household_id == home.id)
            .where(person.id == row.recipient_id)
            .correlate_except(home, person)
        )
        return case((policy.class_open(actor, row, data_class), found.scalar_subquery()))

    return expression


def is_child(actor: Actor, row: Any) -> ColumnElement[Any]:
    """SQL: whether the person is under age, shown to the receiver with class D6."""
    person = aliased(Recipient)
    years = func.extract("year", actor.today()) - person.birth_year
    found = select(years < ADULT_AGE).where(person.id == row.recipient_id)
    shown = found.correlate_except(person).scalar_subquery()
    return case((policy.class_open(actor, row, "D6"), shown))
