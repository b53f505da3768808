"""Bringing a report from triage to its end; intake, transfers and reporters are beside it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.accounts import policy as accounts
from nexus.accounts.model import Account, AccountState
from nexus.acting import Act, system
from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_reason, check_text
from nexus.discovery import model, policy, queries, rules
from nexus.discovery.intake.operations import suspected_household
from nexus.discovery.trail.operations import check_not_offered, check_station, reply, step

# --- From triage to the visit ---


async def triage_report(
    act: Act,
    report_id: UUID,
    *,
    expected_version: int,
    owner_id: UUID | None = None,
    station_id: UUID | None = None,
    household_id: UUID | None = None,
) -> model.DiscoveryReport:
    """Somebody answers for it from now on: the actor unless another is named (INV-20)."""
    row = await queries.take_report(act, report_id, expected_version)
    act.permit(policy.may_triage, row)
    model.TRANSITIONS.after("triage", row.state)
    owner = await _owner(act, row, owner_id or act.actor.account_id)
    row.station_id = await check_station(act, station_id, row.custody_area_code)
    row.household_id = await suspected_household(act, household_id) or row.household_id
    row.owner_id = owner.id
    act.move(row, model.TRANSITIONS, "triage")
    await step(act, row, model.CustodyKind.TRIAGED)
    act.record("discovery.triaged", row, owner_id=owner.id)
    await reply(act, row)
    return row


async def assign_report(
    act: Act,
    report_id: UUID,
    *,
    expected_version: int,
    worker_id: UUID,
    reason: str | None = None,
) -> model.DiscoveryReport:
    """A social worker or aide of the area is to visit; again for another one."""
    row = await queries.take_report(act, report_id, expected_version)
    act.permit(policy.may_assign, row)
    before = row.state
    model.TRANSITIONS.after("assign", before)
    worker = await _owner(act, row, worker_id, field="workerId")
    if worker.role not in policy.VISITORS:
        raise Invalid(
            f"An account of role {worker.role.name} makes no visits: assign it to a SOCIAL_WORKER "
            "or an AIDE.",
            field="workerId",
        )
    row.state_reason = (
        check_reason(reason, most=rules.MAX_REASON, impersonal=True) if reason else None
    )
    row.owner_id = worker.id
    act.move(row, model.TRANSITIONS, "assign")
    await step(act, row, model.CustodyKind.ASSIGNED, reason=row.state_reason)
    act.record("discovery.assigned", row, owner_id=worker.id)
    if before is not row.state:
        await reply(act, row)
    return row


async def record_first_contact(
    act: Act, report_id: UUID, *, expected_version: int, contacted_at: datetime | None = None
) -> model.DiscoveryReport:
    """Somebody spoke to them; that stops the first clock."""
    row = await queries.take_report(act, report_id, expected_version)
    act.permit(policy.may_contact, row)
    model.TRANSITIONS.after("contact", row.state)
    if row.contacted_at is not None:
        raise GuardFailed(
            "The first contact is recorded already.", contactedAt=row.contacted_at.isoformat()
        )
    moment = rules.check_moment(
        contacted_at or act.now, act.now, field="contactedAt", since=row.received_at
    )
    await answer_first(act, row, moment)
    act.move(row, model.TRANSITIONS, "contact")
    act.record("discovery.contacted", row)
    return row


async def answer_first(act: Act, row: model.DiscoveryReport, moment: datetime) -> None:
    """Keep the first response, and tell the hotline of it. The caller counts the version up."""
    row.contacted_at = moment
    await reply(act, row, "CONTACTED")


async def flag_danger(
    act: Act, report_id: UUID, *, expected_version: int, danger: bool = True
) -> model.DiscoveryReport:
    """Somebody is in danger after all, or is not; the first clock counts anew."""
    row = await queries.take_report(act, report_id, expected_version)
    act.permit(policy.may_flag_danger, row)
    model.TRANSITIONS.after("flag_danger", row.state)
    if row.danger is danger:
        raise GuardFailed(f"The danger flag is {'set' if danger else 'not set'} already.")
    due, _, _ = await queries.due_dates(
        act.session, area_code=row.area_code, received_at=row.received_at, danger=False
    )
    row.danger = danger
    row.contact_due_at = act.now if danger else due
    act.move(row, model.TRANSITIONS, "flag_danger")
    act.record("discovery.danger_flagged", row, danger=danger)
    return row


async def verify_report(
    act: Act,
    report_id: UUID,
    *,
    expected_version: int,
    visited_at: datetime,
    findings: str,
) -> model.DiscoveryReport:
    """The worker was there and says what was found."""
    row = await queries.take_report(act, report_id, expected_version)
    act.permit(policy.may_verify, row)
    model.TRANSITIONS.after("verify", row.state)
    row.findings = check_text(findings, field="findings")
    row.visited_at = rules.check_moment(
        visited_at, act.now, field="visitedAt", since=row.received_at
    )
    row.contacted_at = row.contacted_at or row.visited_at
    row.verified_at = act.now
    row.verified_by = act.actor.account_id
    row.state_reason = None
    act.move(row, model.TRANSITIONS, "verify")
    act.record("discovery.verified", row)
    await reply(act, row)
    return row


# --- The end ---


async def dismiss_report(
    act: Act, report_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.DiscoveryReport:
    """The visit did not confirm it; said by another person than the visitor (INV-18)."""
    return await _end(act, report_id, expected_version, "dismiss", "discovery.dismissed", reason)


async def close_report(
    act: Act, report_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.DiscoveryReport:
    """Settled without a need: helped on the spot, or an existing benefit was found."""
    return await _end(act, report_id, expected_version, "close", "discovery.closed", reason)


async def _end(
    act: Act, report_id: UUID, expected_version: int, verb: str, event: str, reason: str | None
) -> model.DiscoveryReport:
    row = await queries.take_report(act, report_id, expected_version)
    act.permit(getattr(policy, f"may_{verb}"), row)
    model.TRANSITIONS.after(verb, row.state)
    row_reason = check_reason(reason, most=rules.MAX_REASON, impersonal=True)
    check_not_offered(row)
    act.move(row, model.TRANSITIONS, verb)
    row.state_reason = row_reason
    row.ended_at = act.now
    act.record(event, row)
    await reply(act, row)
    return row


async def convert_report(act: Act, report_id: UUID) -> model.DiscoveryReport:
    """A need is being recorded from it, by the slice above and in the same transaction.

    A report may need more than one: the first converts it.
    """
    row = await queries.take_report(act, report_id)
    act.permit(policy.may_convert, row)
    model.TRANSITIONS.after("convert", row.state)
    check_not_offered(row)
    first = row.state is not model.ReportState.CONVERTED
    act.move(row, model.TRANSITIONS, "convert")
    row.state_reason = None
    row.ended_at = row.ended_at or act.now
    act.record("discovery.converted" if first else "discovery.linked", row)
    if first:
        await reply(act, row)
    return row


async def mark_duplicate(
    act: Act, report_id: UUID, *, expected_version: int, original_id: UUID
) -> model.DiscoveryReport:
    """It tells of what another report tells; its ticket hears what becomes of that one."""
    first, second = sorted((report_id, original_id))
    await queries.take_report(act, first)
    await queries.take_report(act, second)
    row = await queries.take_report(act, report_id, expected_version)
    original = await queries.take_report(act, original_id)
    act.permit(policy.may_mark_duplicate, row)
    model.TRANSITIONS.after("mark_duplicate", row.state)
    if original_id == report_id:
        raise Invalid("A report is no duplicate of itself.", field="originalId")
    check_not_offered(row)
    if original.state is model.ReportState.DUPLICATE_OF:
        raise GuardFailed(
            "That report is itself a duplicate: name the one it is a duplicate of.",
            field="originalId",
        )
    if await queries.has_duplicates(act.session, row.id):
        raise GuardFailed(
            "Other reports are duplicates of this one: mark the other report as the duplicate."
        )
    row.owner_id = row.owner_id or act.actor.account_id
    row.duplicate_of_id = original.id
    row.ended_at = act.now
    act.move(row, model.TRANSITIONS, "mark_duplicate")
    act.record("discovery.marked_duplicate", row, original_id=original.id)
    await reply(act, row)
    return row


# --- Clocks ---


async def tell_overdue_reports(session: AsyncSession, now: datetime) -> int:
    """First contact or the visit did not come in time: told once each; how many were told."""
    act, told = Act(session, system(now)), 0
    for visit, clock in ((False, "contact"), (True, "verify")):
        for row in await queries.take_overdue(session, now, visit=visit):
            setattr(row, f"{clock}_overdue_at", now)
            act.record("discovery.overdue", row, clock=clock, danger=row.danger)
            told += 1
    return told


async def _owner(
    act: Act, row: model.DiscoveryReport, account_id: UUID, *, field: str = "ownerId"
) -> Account:
    account = await act.find(Account, account_id, visible=accounts.visible)
    if account.state is not AccountState.ACTIVE:
        raise Invalid(f"The account is {account.state.value}.", field=field)
    if account.role not in policy.HANDLERS or not queries.covers_account(
        account, row.custody_area_code
    ):
        raise Invalid(
            f"The owner is of a station or authority of {row.custody_area_code}: name one of them.",
            field=field,
        )
    return account
