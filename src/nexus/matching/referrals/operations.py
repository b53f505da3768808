"""Sending, answering, working on and ending referrals; the clocks that press for an answer."""

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import SHANGHAI, Act, system
from nexus.areas.queries import check_code, due_after
from nexus.casework.model import Station, StationState
from nexus.core.refusals import Invalid
from nexus.core.texts import check_reason
from nexus.matching.pledges import policy as pledges_policy
from nexus.matching.referrals import model, policy, queries, rules
from nexus.matching.referrals.drafts.operations import (
    Package,
    create_referral,
    draw_up_again,
    refer_onward,
)
from nexus.matching.referrals.model import Referral
from nexus.matching.referrals.reservations.operations import release, reserve
from nexus.needs.model import Need
from nexus.organizations.model import Organization, OrganizationState
from nexus.recipients.operations import alias_for

__all__ = [
    "Package",
    "accept_referral",
    "complete_referral",
    "confirm_outcome",
    "create_referral",
    "expire_referrals",
    "fail_referral",
    "hold_referral",
    "hold_under_consent",
    "mark_referral_error",
    "recall_referral",
    "refer_onward",
    "reject_referral",
    "reopen_referral",
    "resume_referral",
    "send_referral",
    "start_referral",
    "tell_overdue_referrals",
]

_STATES = model.TRANSITIONS
_SLICE = 500


async def _take(
    act: Act, row_id: UUID, expected_version: int, may: Any, verb: str
) -> tuple[Referral, Referral | None]:
    """The referral and its parent, both locked, parent first; permitted, and in a fitting state."""
    parent = await queries.parent_of(act.session, row_id)
    row = await queries.take(act, row_id, expected_version)
    act.permit(may, row)
    _STATES.after(verb, row.state)
    return row, parent


def _about(row: Referral) -> dict[str, Any]:
    return {
        "need_id": row.need_id,
        "from_organization_id": row.from_organization_id,
        "to_organization_id": row.to_organization_id,
        "urgency": row.urgency.value,
        "parent_id": row.parent_id,
    }


def _move(act: Act, row: Referral, verb: str, event: str, reason: str | None, **more: Any) -> None:
    before = row.state
    act.move(row, _STATES, verb)
    row.state_reason = reason
    act.record(event, row, state_before=before, **_about(row), **more)


# Sending and answering ---------------------------------------------------------------------


async def send_referral(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Referral:
    """Ask the receiver: the consent, the receiver and the lines are checked as they are now.

    ConsentMissing (INV-11), ReceiverInactive, AlreadyReferred (INV-08), ParentEnded (INV-19). That
    the receiver lists nothing of the kind only warns.
    """
    row, parent = await _take(act, row_id, expected_version, policy.may_send, "send")
    rules.check_need(await act.session.get_one(Need, row.need_id))
    await _check_goes_on(act, row, parent)
    if taken := await queries.live_on(act.session, row):
        raise _already(taken)
    ack = await due_after(
        act.session, rules.ACK_CLOCK[row.urgency], act.now, area_code=row.area_code
    )
    expiry = await due_after(act.session, rules.EXPIRY_CLOCK, ack.at, area_code=row.area_code)
    row.sent_at, row.sent_by = act.now, act.actor.account_id
    row.ack_due_at, row.ack_rule, row.expires_at = ack.at, ack.rule, expiry.at
    if row.recipient_id is not None:
        await alias_for(act, row.recipient_id, row.to_organization_id)
    if row.direction.value.endswith("to_charity"):
        row.capacity_warning = not await queries.offers_something(act.session, row)
    _move(act, row, "send", "referral.sent", rules.clean(reason, field="reason"))
    try:
        await act.session.flush()
    except IntegrityError as error:
        if "uq_referral_line_live" in str(error.orig):
            raise _already("that was sent at the same moment") from None
        raise
    return row


def _already(no: str) -> rules.AlreadyReferred:
    return rules.AlreadyReferred(
        f"Referral {no} of this line is with this receiver: recall it, or wait for its end.",
        rule="INV-08",
        referral_no=no,
    )


async def _check_goes_on(act: Act, row: Referral, parent: Referral | None) -> None:
    """The parent goes on, the receiver is there, and the ground covers every declared class."""
    rules.check_parent(parent)
    organization = await act.session.get_one(
        Organization, row.to_organization_id, populate_existing=True
    )
    if organization.state is not OrganizationState.VERIFIED:
        raise rules.ReceiverInactive(
            f"{organization.no} is {organization.state.name}: refer to a verified organization.",
            rule="receiver_active",
        )
    if row.to_station_id is not None:
        station = await act.session.get_one(Station, row.to_station_id, populate_existing=True)
        if station.state is not StationState.ACTIVE:
            raise rules.ReceiverInactive(
                f"Station {station.no} is {station.state.name}: refer to one that is open.",
                rule="receiver_active",
            )
    rules.check_ground(await queries.uncovered_classes(act, row), organization.no)


async def accept_referral(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    planned_on: date,
    offer_id: UUID | None = None,
    reason: str | None = None,
) -> Referral:
    """The receiver takes it on, says when, and reserves what the lines ask for in the ledger.

    From now on it reads the data package. CapacityExhausted where a line or the offer has less
    left; nothing is reserved of lines without a quantity, or while the need is not published.
    """
    row, parent = await _take(act, row_id, expected_version, policy.may_accept, "accept")
    rules.check_planned(planned_on, act.actor.today())
    await _check_goes_on(act, row, parent)
    noon = datetime.combine(planned_on, time(12), SHANGHAI)
    outcome = await due_after(act.session, rules.OUTCOME_CLOCK, noon, area_code=row.area_code)
    row.planned_on = planned_on
    row.outcome_due_at, row.outcome_rule = outcome.at, outcome.rule
    row.accepted_at, row.accepted_by = act.now, act.actor.account_id
    row.owner_id = act.actor.account_id
    told = rules.clean(reason, field="reason")
    _move(act, row, "accept", "referral.accepted", told, planned_on=planned_on)
    await act.session.flush()
    if act.actor.role in pledges_policy.PLEDGERS:
        await reserve(act, row, parent, offer_id)
    return row


async def reject_referral(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    code: str,
    reason: str | None = None,
) -> Referral:
    """The receiver declines with a code of `referral_reject_reason`; it lies with the sender."""
    row, _ = await _take(act, row_id, expected_version, policy.may_reject, "reject")
    await check_code(
        act.session, "referral_reject_reason", code, on=act.actor.today(), field="code"
    )
    row.reject_reason = code
    told = rules.clean(reason, field="reason")
    await _end(act, row, "reject", "referral.rejected", told, code=code)
    return row


# Under way ---------------------------------------------------------------------------------


async def start_referral(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Referral:
    """The receiver begins."""
    row, parent = await _take(act, row_id, expected_version, policy.may_start, "start")
    rules.check_parent(parent)
    _move(act, row, "start", "referral.started", rules.clean(reason, field="reason"))
    return row


async def hold_referral(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Referral:
    """Either side interrupts it, with a reason: meanwhile the data package is closed."""
    row, _ = await _take(act, row_id, expected_version, policy.may_hold, "hold")
    _move(act, row, "hold", "referral.held", check_reason(rules.clean(reason, field="reason")))
    return row


async def resume_referral(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Referral:
    """It goes on, if consent, receiver and parent still stand."""
    row, parent = await _take(act, row_id, expected_version, policy.may_resume, "resume")
    told = check_reason(rules.clean(reason, field="reason"))
    await _check_goes_on(act, row, parent)
    _move(act, row, "resume", "referral.resumed", told)
    return row


# Ending ------------------------------------------------------------------------------------


async def complete_referral(
    act: Act, row_id: UUID, *, expected_version: int, outcome: str, reason: str | None = None
) -> Referral:
    """The receiver says what became of it, by a code of `outcome`. Its access ends.

    Help has to show in a delivery where the acceptance reserved something (DeliveryMissing).
    """
    row, parent = await _take(act, row_id, expected_version, policy.may_complete, "complete")
    rules.check_parent(parent)
    await check_code(act.session, "outcome", outcome, on=act.actor.today(), field="outcome")
    lines = await queries.lines_of(act.session, row.id)
    reserved = any(line.pledge_id for line in lines)
    if outcome in rules.HELPED and reserved and not await queries.has_delivery(act.session, lines):
        raise rules.DeliveryMissing(
            "Nothing of what was reserved is recorded as delivered: recordDelivery first, "
            "or choose another outcome.",
            field="outcome",
            rule="referral_outcome",
        )
    row.outcome, row.completed_at, row.completed_by = outcome, act.now, act.actor.account_id
    told = rules.clean(reason, field="reason")
    await _end(act, row, "complete", "referral.completed", told, outcome=outcome)
    return row


async def fail_referral(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Referral:
    """The receiver cannot do it after all, with a reason."""
    row, _ = await _take(act, row_id, expected_version, policy.may_fail, "fail")
    await _end(
        act, row, "fail", "referral.failed", check_reason(rules.clean(reason, field="reason"))
    )
    return row


async def recall_referral(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Referral:
    """The sender takes it back, with a reason: access ends, what was reserved is open again."""
    row, _ = await _take(act, row_id, expected_version, policy.may_recall, "recall")
    await _end(
        act, row, "recall", "referral.recalled", check_reason(rules.clean(reason, field="reason"))
    )
    return row


async def mark_referral_error(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Referral:
    """It should never have been: a lead of the sending side or the DPO, with a reason."""
    row, _ = await _take(act, row_id, expected_version, policy.may_mark_error, "mark_error")
    told = check_reason(rules.clean(reason, field="reason"))
    await _end(act, row, "mark_error", "referral.entered_in_error", told)
    return row


async def _end(
    act: Act, row: Referral, verb: str, event: str, reason: str | None, **more: Any
) -> None:
    """Move to an end: back to the sender's desk, with what was sent onward and what is reserved.

    Only a completed one lets its children go on (INV-19).
    """
    _move(act, row, verb, event, reason, **more)
    row.owner_id = row.sent_by or row.created_by
    if verb != "complete":
        for child in await queries.open_children(act.session, row.id):
            told = "the referral that it was sent onward from has ended"
            await _end(act, child, "recall", "referral.recalled", told)
    await act.session.flush()
    await release(act, row)


async def confirm_outcome(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    contacted_on: date,
    reason: str | None = None,
) -> Referral:
    """The sender asked the client and agrees: outcome and confirmation close the loop (T5e)."""
    row, _ = await _take(
        act, row_id, expected_version, policy.may_confirm_outcome, "confirm_outcome"
    )
    assert row.completed_at is not None
    if row.confirmed_at is not None:
        raise Invalid("This outcome is confirmed already.", field="id")
    completed_on = row.completed_at.astimezone(SHANGHAI).date()
    rules.check_contacted(contacted_on, completed_on, act.actor.today())
    row.contacted_on = contacted_on
    row.confirmed_at, row.confirmed_by = act.now, act.actor.account_id
    told = rules.clean(reason, field="reason")
    _move(act, row, "confirm_outcome", "referral.outcome_confirmed", told, outcome=row.outcome)
    return row


async def reopen_referral(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Referral:
    """A draft that takes the completed one up again; the old row stays as it is (INV-21)."""
    row, _ = await _take(act, row_id, expected_version, policy.may_reopen, "reopen")
    told = check_reason(rules.clean(reason, field="reason"))
    if await queries.is_reopened(act.session, row.id):
        raise Invalid("This referral is reopened already: go on with the new one.", field="id")
    _move(act, row, "reopen", "referral.reopened", told)
    return await draw_up_again(act, row)


# Consent and clocks ------------------------------------------------------------------------


async def hold_under_consent(act: Act, consent_id: UUID, reason: str) -> int:
    """What rests on a consent that no longer holds: accepted ones wait, requests expire; how many.

    The receiver's access ended with the consent's own commit; now the state says so (INV-12).
    """
    rows = await queries.take_under(act.session, consent_id)
    for row in rows:
        if row.state is model.ReferralState.REQUESTED:
            await _end(act, row, "expire", "referral.expired", reason)
        else:
            _move(act, row, "hold", "referral.held", reason)
    return len(rows)


async def expire_referrals(session: AsyncSession, now: datetime) -> int:
    """The clock: requests that nobody answered long after they were due end; how many."""
    act = Act(session, system(now))
    due = queries.due(clock="expiry", now=now, limit=_SLICE)
    rows = list((await session.execute(due)).scalars())
    for row in rows:
        await _end(act, row, "expire", "referral.expired", "nobody answered in time")
    return len(rows)


async def tell_overdue_referrals(session: AsyncSession, now: datetime) -> int:
    """The clock: news, once each, of an answer or an outcome that is late; how many."""
    act = Act(session, system(now))
    told = 0
    for clock in ("ack", "outcome"):
        due = queries.due(clock=clock, now=now, limit=_SLICE)
        rows = list((await session.execute(due)).scalars())
        for row in rows:
            setattr(row, f"{clock}_overdue_at", now)
            late = row.ack_due_at if clock == "ack" else row.outcome_due_at
            act.record("referral.overdue", row, clock=clock, due_at=late, **_about(row))
        await session.flush()
        told += len(rows)
    return told
