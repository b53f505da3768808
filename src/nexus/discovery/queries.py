"""Taking reports, finding those that may be about the same, and what clocks and figures say."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.accounts.model import Account
from nexus.accounts.queries import area_prefix
from nexus.acting import Act, Actor, View
from nexus.areas.queries import due_after
from nexus.discovery import model, policy, rules
from nexus.recipients import policy as recipients
from nexus.recipients.merging.queries import canonical_household
from nexus.recipients.model import Recipient, RecipientAlias
from nexus.recipients.vault.contacts.model import Contact

NEAR_DAYS = 90
"""So far apart two reports may be about the same."""
SCORES = {"household": 60, "phone": 30, "area": 10}
"""What speaks for it, and how much of 100."""


async def take_report(
    act: Act, report_id: UUID, expected_version: int | None = None
) -> model.DiscoveryReport:
    """The report, visible and locked."""
    return await act.take(
        model.DiscoveryReport,
        report_id,
        visible=policy.visible,
        expected_version=expected_version,
    )


async def by_contact(view: View, contact_id: UUID) -> model.DiscoveryReport:
    """The report that somebody told, if the actor sees it. NotFound."""
    row = model.DiscoveryReport
    found = await view.session.scalar(select(row.id).where(row.contact_id == contact_id))
    return await view.find(row, found or contact_id, visible=policy.visible)


async def by_ticket(session: AsyncSession, ticket: rules.Ticket) -> model.DiscoveryReport | None:
    """The report of this ticket, whoever has it. Two that bring one ticket at once take turns."""
    told = f"ticket {ticket.system} {ticket.type} {ticket.number}"
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(told, 0))))
    row = model.DiscoveryReport
    return await session.scalar(
        select(row).where(
            row.ticket_system == ticket.system,
            row.ticket_type == ticket.type,
            row.ticket_no == ticket.number,
        )
    )


async def due_dates(
    session: AsyncSession, *, area_code: str, received_at: datetime, danger: bool
) -> tuple[datetime, datetime, list[str]]:
    """(first contact, visit, versions of the figures): those in force at receipt.

    Where somebody is in danger first contact is due at once.
    """
    contact = await due_after(session, "discovery_contact_hours", received_at, area_code=area_code)
    visit = await due_after(
        session, "discovery_verified_working_days", received_at, area_code=area_code
    )
    return received_at if danger else contact.at, visit.at, [contact.rule, visit.rule]


async def tickets_told(session: AsyncSession, report_id: UUID) -> Sequence[model.DiscoveryReport]:
    """The report and its duplicates, as far as they have a ticket to be answered."""
    row = model.DiscoveryReport
    found = await session.scalars(
        select(row)
        .where(
            or_(row.id == report_id, row.duplicate_of_id == report_id), row.ticket_no.is_not(None)
        )
        .order_by(row.id)
    )
    return found.all()


async def next_position(session: AsyncSession, table: Any, report_id: UUID) -> int:
    """The place of the next row of a report's history; its report is locked."""
    last = await session.scalar(
        select(func.max(table.position)).where(table.report_id == report_id)
    )
    return 1 + (last or 0)


async def has_duplicates(session: AsyncSession, report_id: UUID) -> bool:
    """Whether other reports point at this one as the same."""
    row = model.DiscoveryReport
    return bool(await session.scalar(select(exists().where(row.duplicate_of_id == report_id))))


async def take_overdue(
    session: AsyncSession, now: datetime, *, visit: bool
) -> list[model.DiscoveryReport]:
    """Up to 500 reports whose clock ran out and of which that was not told yet, locked."""
    row = model.DiscoveryReport
    due, told = row.contact_due_at, row.contact_overdue_at
    waits: ColumnElement[bool] = row.contacted_at.is_(None)
    if visit:
        due, told, waits = row.verify_due_at, row.verify_overdue_at, true()
    found = await session.scalars(
        select(row)
        .where(row.state.in_(model.UNVERIFIED), due <= now, told.is_(None), waits)
        .order_by(due, row.id)
        .limit(500)
        .with_for_update(skip_locked=True)
    )
    return list(found)


def overdue(actor: Actor, row: Any) -> ColumnElement[bool]:
    """SQL: first contact or the visit is late at this moment."""
    waits = row.state.in_(model.UNVERIFIED)
    late = or_(
        and_(row.contacted_at.is_(None), row.contact_due_at <= actor.now),
        row.verify_due_at <= actor.now,
    )
    return and_(waits, late)


def covers_account(account: Account, code: str) -> bool:
    """Whether the division lies in the account's territory."""
    return code.startswith(area_prefix(account.area_code))


# --- What may be about the same ---


def similar_to(actor: Actor, row: Any, limit: ColumnElement[int]) -> Select[Any]:
    """SQL: other reports that the actor handles and that may be about the same, likeliest first."""
    other = aliased(model.DiscoveryReport)
    mine, theirs = aliased(Contact), aliased(Contact)
    phone = (
        select(mine.phone_hmac)
        .where(mine.id == row.contact_id)
        .correlate_except(mine)
        .scalar_subquery()
    )
    signs = {
        "household": canonical_household(other.household_id)
        == canonical_household(row.household_id),
        "phone": _told_by(theirs, other, phone),
        "area": other.area_code == row.area_code,
    }
    near = timedelta(days=NEAR_DAYS)
    handled = policy.as_sql(policy.may_read_detail(actor, row))
    return (
        _scored(actor, other, signs)
        .where(
            handled,
            other.id != row.id,
            other.received_at.between(row.received_at - near, row.received_at + near),
        )
        .limit(limit)
    )


def similar_by(
    actor: Actor,
    *,
    area_code: str | None,
    household_ids: Sequence[UUID],
    phone: bytes | None,
    ticket_no: str | None,
) -> Select[Any]:
    """Reports that the actor handles and that match what somebody is about to tell."""
    row, contact = aliased(model.DiscoveryReport), aliased(Contact)
    signs: dict[str, ColumnElement[bool]] = {}
    if household_ids:
        here = canonical_household(row.household_id)
        signs["household"] = or_(*(here == canonical_household(one) for one in household_ids))
    if phone is not None:
        signs["phone"] = _told_by(contact, row, phone)
    if area_code is not None:
        signs["area"] = row.area_code == area_code
    if ticket_no is not None:
        signs["ticket"] = row.ticket_no == ticket_no
    since = actor.now - timedelta(days=NEAR_DAYS)
    recent = or_(row.received_at >= since, row.state.in_(model.OPEN))
    return _scored(actor, row, signs).where(recent)


def _told_by(contact: Any, report: Any, phone: Any) -> ColumnElement[bool]:
    found = select(contact.id).where(contact.id == report.contact_id, contact.phone_hmac == phone)
    return found.correlate_except(contact).exists()


def _scored(actor: Actor, row: Any, signs: dict[str, ColumnElement[bool]]) -> Select[Any]:
    points: ColumnElement[int] = cast(literal(0), Integer)
    reasons: list[Any] = []
    for name, sign in signs.items():
        worth = SCORES.get(name, 100)
        points = points + case((sign, literal(worth)), else_=literal(0))
        reasons.append(case((sign, literal(name)), else_=None))
    told = func.array_remove(array(reasons, type_=Text()), None, type_=ARRAY(Text()))
    return (
        select(row.id.label("report_id"), points.label("score"), told.label("reasons"))
        .where(
            policy.as_sql(policy.may_read_detail(actor, row)),
            policy.visible(actor, row),
            row.state != model.ReportState.DUPLICATE_OF,
            or_(*signs.values()),
        )
        .order_by(points.desc(), row.received_at.desc(), row.id)
    )


async def households_by_alias(view: View, alias: str) -> list[UUID]:
    """The household of the person whom an organization knows by this name, if it is the actor's."""
    found = await view.session.scalars(
        select(Recipient.household_id)
        .join(RecipientAlias, RecipientAlias.recipient_id == Recipient.id)
        .where(RecipientAlias.alias == alias, recipients.recipient_visible(view.actor, Recipient))
    )
    return list(found)
