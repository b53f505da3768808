"""Recording what the authority decided, its reviews, tapers and ends."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, Deed, plain_transition, system
from nexus.areas.queries import check_code
from nexus.core.refusals import GuardFailed, Invalid
from nexus.organizations import policy as organization_policy
from nexus.organizations.model import Organization
from nexus.recipients import model, policy, queries, rules

TABLE = model.RECOGNITION_TRANSITIONS


class PeriodConflict(GuardFailed):
    """Another recognition covers part of the period; `details` name it (INV-34)."""

    code = "PERIOD_CONFLICT"


async def record_recognition(
    act: Act,
    *,
    category: str,
    authority_id: UUID,
    level: model.Level,
    decided_on: date,
    valid_from: date,
    rule_version: str,
    household_id: UUID | None = None,
    recipient_id: UUID | None = None,
    valid_to: date | None = None,
    income_ratio_band: str | None = None,
    recheck_months: int | None = None,
) -> model.Recognition:
    """A decision of the authority, pending until confirmed (T5a). One subject, one category."""
    household = await _lock_subject(act, household_id, recipient_id)
    act.permit(policy.may_recognise, household)
    rules.check_period(valid_from, valid_to)
    rules.check_recheck(recheck_months)
    await check_code(act.session, "recipient_category", category, on=decided_on, field="category")
    await act.find(Organization, authority_id, visible=organization_policy.visible)
    row = model.Recognition(
        no=await act.number("G", household.area_code),
        household_id=household_id,
        recipient_id=recipient_id,
        category=category,
        authority_id=authority_id,
        level=level,
        decided_on=decided_on,
        valid_from=valid_from,
        valid_to=valid_to,
        income_ratio_band=income_ratio_band,
        recheck_months=recheck_months,
        checked_on=decided_on,
        recheck_due_on=rules.recheck_due(decided_on, recheck_months),
        rule_version=rule_version,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    await _check_conflict(act, row, household.id)
    act.session.add(row)
    await act.session.flush()
    act.record("recognition.recorded", row, category=category)
    return row


async def _lock_subject(
    act: Act, household_id: UUID | None, recipient_id: UUID | None
) -> model.Household:
    """The household of the subject, locked: recognitions of one household come one by one."""
    if household_id is not None and recipient_id is None:
        return await act.take(model.Household, household_id, visible=policy.visible)
    if recipient_id is None or household_id is not None:
        raise Invalid("Name either a household or a recipient.", field="recipientId")
    recipient = await act.find(model.Recipient, recipient_id, visible=policy.recipient_visible)
    return await act.take(model.Household, recipient.household_id, visible=policy.visible)


async def _check_conflict(act: Act, row: model.Recognition, household_id: UUID) -> None:
    with act.session.no_autoflush:
        other = await queries.conflicting_recognition(act, row, household_id)
    if other is None:
        return
    until = other.valid_to.isoformat() if other.valid_to else "open end"
    raise PeriodConflict(
        f"{other.category} is recognised from {other.valid_from} to {until} ({other.no}) and "
        f"cannot stand beside {row.category} from {row.valid_from}: end it or correct the period.",
        field="validFrom",
        rule="INV-34",
        conflictingNo=other.no,
        conflictingCategory=other.category,
        conflictingFrom=other.valid_from,
        conflictingTo=other.valid_to,
    )


async def _take(act: Act, row_id: UUID, expected_version: int) -> tuple[model.Recognition, UUID]:
    """The recognition and its household, both locked, the household first."""
    seen = await act.find(model.Recognition, row_id, visible=policy.recognition_visible)
    household = await _lock_subject(act, seen.household_id, seen.recipient_id)
    row = await act.take(
        model.Recognition,
        row_id,
        visible=policy.recognition_visible,
        expected_version=expected_version,
    )
    act.permit(policy.may_recognise, row)
    return row, household.id


async def confirm_recognition(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Recognition:
    """It holds from its first day on. Dibao and tekun of one person exclude each other (INV-34)."""
    row, household_id = await _take(act, row_id, expected_version)
    act.move(row, TABLE, "confirm")
    await _check_conflict(act, row, household_id)
    row.state_reason = reason
    act.record("recognition.confirmed", row, category=row.category)
    return row


async def uphold_recognition(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    recheck_months: int | None = None,
    reason: str | None = None,
) -> model.Recognition:
    """The review found no change: the next check counts from today, by the class given (T24)."""
    row, _ = await _take(act, row_id, expected_version)
    rules.check_recheck(recheck_months)
    act.move(row, TABLE, "uphold")
    today: date = act.actor.today()
    row.recheck_months = recheck_months or row.recheck_months
    row.checked_on = today
    row.recheck_due_on = rules.recheck_due(today, row.recheck_months)
    row.state_reason = reason
    act.record("recognition.upheld", row)
    return row


async def taper_recognition(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Recognition:
    """Income rose above the line: served for exactly six months more, then it ends (T11b)."""
    row, household_id = await _take(act, row_id, expected_version)
    act.move(row, TABLE, "taper")
    row.valid_to = rules.add_months(act.actor.today(), rules.TAPER_MONTHS)
    rules.check_period(row.valid_from, row.valid_to)
    await _check_conflict(act, row, household_id)
    row.state_reason = reason
    act.record("recognition.tapered", row)
    return row


async def end_recognition(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Recognition:
    """It no longer holds from today. A taper ends by the clock alone, not before its six months."""
    row, _ = await _take(act, row_id, expected_version)
    if not (reason or "").strip():
        raise Invalid("'end' needs a reason.", field="reason")
    today: date = act.actor.today()
    if row.state is model.RecognitionState.TAPER and row.valid_to and row.valid_to > today:
        raise GuardFailed(
            f"The taper lasts until {row.valid_to} and then ends by itself.",
            rule="INV-35",
            validTo=row.valid_to,
        )
    act.move(row, TABLE, "end")
    if row.valid_to is None or row.valid_to > today:
        row.valid_to = max(today, row.valid_from + timedelta(days=1))
    row.state_reason = reason
    act.record("recognition.ended", row, category=row.category)
    return row


def _plain(verb: str, event: str) -> Deed:
    return plain_transition(
        model.Recognition,
        TABLE,
        verb,
        event=event,
        visible=policy.recognition_visible,
        may=policy.may_recognise,
        needs_reason=True,
    )


review_recognition = _plain("review", "recognition.under_review")
suspend_recognition = _plain("suspend", "recognition.suspended")
reinstate_recognition = _plain("reinstate", "recognition.reinstated")
mark_recognition_error = _plain("mark_error", "recognition.entered_in_error")


async def end_tapers(session: AsyncSession, now: datetime) -> int:
    """The clock: tapers whose six months are over end; how many."""
    act = Act(session, system(now))
    row: Any = model.Recognition
    due = await session.execute(
        select(row.id, row.version).where(
            row.state == model.RecognitionState.TAPER, row.valid_to <= act.actor.today()
        )
    )
    ended = due.all()
    for row_id, version in ended:
        await end_recognition(
            act, row_id, expected_version=version, reason="the taper of six months is over"
        )
    return len(ended)
