"""The news that concerns a partner, in the order of the feed."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Select,
    Uuid,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.accounts.model import Account
from nexus.casework.visits.model import ChangeReport, Visit
from nexus.core.db import TransactionId
from nexus.core.following import Place
from nexus.core.outbox import Event
from nexus.discovery.model import DiscoveryReport, HotlineReply
from nexus.exchange.messages import model
from nexus.exchange.messages.news import rules
from nexus.exchange.webhooks.model import FeedCursor
from nexus.matching.pledges.model import Delivery, Pledge
from nexus.matching.referrals.model import Referral
from nexus.needs.model import Need, NeedLine
from nexus.organizations.model import Organization
from nexus.recipients.model import Household, Recipient

CURSOR = "messages"

_P = model.ExchangePartner


async def take_cursor(session: AsyncSession) -> FeedCursor | None:
    """The reader's place, locked: one worker at a time, so messages stand in the feed's order."""
    return await session.scalar(
        select(FeedCursor).where(FeedCursor.name == CURSOR).with_for_update(skip_locked=True)
    )


async def has_partners(session: AsyncSession) -> bool:
    """Whether anybody is told anything."""
    found = select(exists().where(_P.state != model.PartnerState.CLOSED))
    return bool(await session.scalar(found))


def about(event: Any, need: Any, pledge: Any, delivery: Any, referral: Any) -> Any:
    """SQL FROM: the event with the need it is about, itself or through pledge or referral."""
    named = case(
        (event.object_type == "need", event.object_id),
        else_=func.coalesce(pledge.need_id, referral.need_id),
    )
    of_pledge = func.coalesce(
        delivery.pledge_id, case((event.object_type == "pledge", event.object_id))
    )
    return (
        select(event)
        .outerjoin(delivery, and_(event.object_type == "delivery", delivery.id == event.object_id))
        .outerjoin(pledge, pledge.id == of_pledge)
        .outerjoin(referral, and_(event.object_type == "referral", referral.id == event.object_id))
        .join(need, need.id == named)
    )


def subject_of(need: Any, recipient: Any) -> Any:
    """SQL: whose order the need's messages keep: the household, or a group's need itself."""
    return func.coalesce(need.household_id, recipient.household_id, need.id)


def news(start: Place, end: tuple[int, int]) -> Select[Any]:
    """The events after `start` up to `end` that a partner is told of, in the feed's order."""
    event, need = aliased(Event), aliased(Need)
    pledge, delivery = aliased(Pledge), aliased(Delivery)
    referral = aliased(Referral)
    line, helper, recipient = aliased(NeedLine), aliased(Organization), aliased(Recipient)
    place = tuple_(event.xact, event.position)
    found = about(event, need, pledge, delivery, referral).with_only_columns(
        *(event.id.label("event_id"), event.kind, event.occurred_at, event.object_type),
        *(event.object_version, event.sequence.label("event_sequence"), event.facts),
        *(need.id.label("need_id"), need.no.label("need_no"), need.category, need.urgency),
        subject_of(need, recipient).label("subject_id"),
        func.coalesce(delivery.no, pledge.no, referral.no, need.no).label("object_no"),
        func.coalesce(delivery.quantity, pledge.quantity).label("quantity"),
        *(delivery.delivered_on, line.item_code, line.unit),
        *(helper.no.label("helper_no"), helper.uscc.label("helper_code")),
        *(_P.id.label("partner_id"), event.xact, event.position),
        *(null().label("change_id"), null().label("report_id")),
    )
    return (  # type: ignore[no-any-return]
        found.join(_P, _P.organization_id == need.publisher_id)
        .outerjoin(recipient, recipient.id == need.recipient_id)
        .outerjoin(line, line.id == pledge.line_id)
        .outerjoin(helper, helper.id == _helper(pledge, referral))
        .where(
            event.kind.in_(rules.told_kinds()),
            place > _at(start),
            place <= _at(end),
            event.xact >= _P.since_xact,
            _P.state != model.PartnerState.CLOSED,
        )
        .order_by(event.xact, event.position)
    )


def change_news(start: Place, end: tuple[int, int]) -> Select[Any]:
    """As `news`: changes in households, for the authority that recognised them."""
    event, report, home = aliased(Event), aliased(ChangeReport), aliased(Household)
    visit = aliased(Visit)
    place = tuple_(event.xact, event.position)
    return (
        select(
            *(event.id.label("event_id"), event.kind, event.occurred_at, event.object_type),
            *(event.object_version, event.sequence.label("event_sequence"), event.facts),
            *(null().label("need_id"), report.household_id.label("subject_id")),
            *(report.no.label("object_no"), report.changes, report.major, report.happened_on),
            *(home.no.label("household_no"), visit.no.label("visit_no")),
            *(_P.id.label("partner_id"), event.xact, event.position),
            *(report.id.label("change_id"), null().label("report_id")),
        )
        .join(report, and_(event.object_type == "change_report", report.id == event.object_id))
        .join(home, home.id == report.household_id)
        .outerjoin(visit, visit.id == report.visit_id)
        .join(_P, _P.organization_id == report.authority_id)
        .where(
            event.kind == rules.CHANGE_REPORTED,
            place > _at(start),
            place <= _at(end),
            event.xact >= _P.since_xact,
            _P.state != model.PartnerState.CLOSED,
        )
        .order_by(event.xact, event.position)
    )


def replies(start: Place, end: tuple[int, int]) -> Select[Any]:
    """What hotlines were answered after `start` up to `end`, to the partner that has the ticket."""
    event, report, said = aliased(Event), aliased(DiscoveryReport), aliased(HotlineReply)
    place = tuple_(event.xact, event.position)
    partner = partner_of(report)
    return (
        select(
            *(event.id.label("event_id"), event.kind, event.occurred_at, event.xact),
            *(event.position, event.object_version, event.sequence.label("event_sequence")),
            event.facts,
            *(report.id.label("report_id"), report.no.label("report_no"), said.text),
            *(report.id.label("subject_id"), null().label("need_id"), _P.id.label("partner_id")),
            null().label("change_id"),
        )
        .join(report, report.id == event.object_id)
        .join(said, said.id == cast(event.facts["reply_id"].astext, Uuid()))
        .join(_P, _P.id == partner)
        .where(
            event.kind == rules.REPLIED,
            place > _at(start),
            place <= _at(end),
            event.xact >= _P.since_xact,
        )
        .order_by(event.xact, event.position)
    )


def partner_of(report: Any) -> Any:
    """SQL: the partner whose people or machine brought the ticket, else that of the nearest
    authority above the place; null where there is none."""
    partner, authority, bringer = aliased(_P), aliased(Organization), aliased(Account)
    brought = exists().where(
        bringer.id == report.created_by, bringer.organization_id == partner.organization_id
    )
    own = brought.correlate_except(bringer)
    near = func.starts_with(report.area_code, authority.area_code)
    return (
        select(partner.id)
        .join(authority, authority.id == partner.organization_id)
        .where(partner.state != model.PartnerState.CLOSED, or_(own, near))
        .order_by(own.desc(), func.length(authority.area_code).desc(), partner.id)
        .limit(1)
        .correlate(report)
        .scalar_subquery()
    )


def _helper(pledge: Any, referral: Any) -> Any:
    return func.coalesce(pledge.organization_id, referral.to_organization_id)


def _at(place: tuple[int, int]) -> Any:
    return tuple_(literal(place[0], TransactionId()), literal(place[1], BigInteger()))
