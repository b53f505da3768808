"""Receiving what somebody tells, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from nexus.acting import Act
from nexus.areas.queries import check_code, resolve_area
from nexus.core.refusals import Forbidden, Invalid, Refusal
from nexus.core.texts import check_text
from nexus.discovery import model, policy, queries, rules
from nexus.discovery.trail.operations import reply, step
from nexus.recipients import policy as recipients
from nexus.recipients.model import Household
from nexus.recipients.vault.contacts import operations as contacts
from nexus.recipients.vault.contacts.queries import phone_hash

OLDEST = timedelta(days=366)
"""What a hotline brings later than that is no report to act on."""
MOST_SIMILAR = 20


class TicketElsewhere(Refusal):
    """Another area has the report of this ticket."""

    code = "TICKET_ELSEWHERE"


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody tells: all that a report begins with."""

    source: str
    area_code: str
    situation: str
    duty_reporter: bool = False
    danger: bool = False
    reporter_name: str | None = None
    reporter_phone: str | None = None
    household_id: UUID | None = None
    received_at: datetime | None = None


async def create_report(act: Act, told: Told) -> model.DiscoveryReport:
    """Anyone who is signed in tells of hardship; the area's station and authority hear (T22b)."""
    return await _receive(act, told, None)


async def record_ticket(act: Act, told: Told, ticket: rules.Ticket) -> model.DiscoveryReport:
    """The report of a hotline's ticket. The same ticket again gives the same report, unchanged.

    TicketElsewhere when the report exists and is not the actor's to see.
    """
    if not policy.may_bring_tickets(act.actor):
        raise Forbidden(
            f"Role {act.actor.role.name} may not enter hotline tickets: tell of it without the "
            "number, or hand it to the authority."
        )
    known = await queries.by_ticket(act.session, ticket)
    if known is None:
        return await _receive(act, told, ticket)
    try:
        return await act.find(model.DiscoveryReport, known.id, visible=policy.visible)
    except Refusal:
        raise TicketElsewhere(
            "This ticket was entered before, and another area has it: nothing is to be done here.",
            field="ticketNo",
        ) from None


async def supplement_report(
    act: Act, report_id: UUID, *, situation: str | None, danger: bool
) -> model.DiscoveryReport:
    """The hotline says more of a ticket: it is added, and danger counts from now. For imports."""
    row = await queries.take_report(act, report_id)
    act.permit(policy.may_supplement, row)
    model.TRANSITIONS.after("flag_danger", row.state)
    if situation is not None:
        said = check_text(situation, field="situation")
        row.situation = f"{row.situation}\n\n{said}"
    newly = danger and not row.danger
    if newly:
        row.danger, row.contact_due_at = True, act.now
    row.version += 1
    act.record("discovery.supplemented", row, danger=newly)
    return row


async def _receive(act: Act, told: Told, ticket: rules.Ticket | None) -> model.DiscoveryReport:
    if not policy.may_report(act.actor):
        raise Forbidden("Sign in to tell of hardship.")
    situation = check_text(told.situation, field="situation")
    await check_code(act.session, "origin", told.source, on=act.actor.today(), field="source")
    code = await resolve_area(act.session, told.area_code)
    received_at = rules.check_moment(
        told.received_at or act.now, act.now, field="receivedAt", since=act.now - OLDEST
    )
    contact_due_at, verify_due_at, versions = await queries.due_dates(
        act.session, area_code=code, received_at=received_at, danger=told.danger
    )
    row = model.DiscoveryReport(
        no=await act.number("DR", code),
        source=told.source,
        duty_reporter=told.duty_reporter,
        contact_id=await _contact(act, told),
        area_code=code,
        situation=situation,
        danger=told.danger,
        ticket_system=ticket.system if ticket else None,
        ticket_type=ticket.type if ticket else None,
        ticket_no=ticket.number if ticket else None,
        household_id=await suspected_household(act, told.household_id),
        received_at=received_at,
        custody_area_code=code,
        contact_due_at=contact_due_at,
        verify_due_at=verify_due_at,
        clock_rules=versions,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    await step(act, row, model.CustodyKind.RECEIVED, from_area_code=None)
    act.record("discovery.received", row, source=row.source, danger=row.danger)
    await reply(act, row)
    return row


async def _contact(act: Act, told: Told) -> UUID | None:
    if told.reporter_name is None and told.reporter_phone is None:
        return None
    return await contacts.record_contact(act, name=told.reporter_name, phone=told.reporter_phone)


async def suspected_household(act: Act, household_id: UUID | None) -> UUID | None:
    """A household that the actor sees, as suspected; only who handles reports names one."""
    if household_id is None:
        return None
    if not policy.may_link(act.actor):
        raise Forbidden(
            f"Role {act.actor.role.name} may not name the household: tell what you know in words.",
            field="householdId",
        )
    return (await act.find(Household, household_id, visible=recipients.visible)).id


async def find_similar(
    act: Act,
    *,
    area_code: str | None = None,
    household_id: UUID | None = None,
    alias: str | None = None,
    ticket_no: str | None = None,
    phone: str | None = None,
) -> Sequence[Row[Any]]:
    """(report_id, score, reasons) of up to 20 reports that may be about the same, likeliest first.

    A deed and not a read: which reports were found by a phone number is history.
    """
    if not policy.may_link(act.actor):
        raise Forbidden(
            f"Role {act.actor.role.name} may not look for reports: tell what you know, the station "
            "will see whether it was told before."
        )
    known = await suspected_household(act, household_id)
    households = [known] if known is not None else []
    if alias is not None:
        households += await queries.households_by_alias(act, alias)
    area = await resolve_area(act.session, area_code) if area_code else None
    hashed = phone_hash(act, phone) if phone else None
    number = rules.check_ticket(rules.TICKET, ticket_no).number if ticket_no else None
    if alias is not None and not (households or area or hashed or number):
        return []
    if not (households or area or hashed or number):
        raise Invalid("Name at least one of area, household, alias, ticket and phone.")
    statement = queries.similar_by(
        act.actor, area_code=area, household_ids=households, phone=hashed, ticket_no=number
    )
    found: Sequence[Row[Any]] = (await act.session.execute(statement.limit(MOST_SIMILAR))).all()
    for one in found:
        if "phone" in one.reasons:
            row = await act.session.get_one(model.DiscoveryReport, one.report_id)
            act.record("discovery.found_by_phone", row)
    return found
