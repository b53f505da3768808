"""Recording what the authority decided, its reviews, tapers and ends."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, Deed, plain_transition, system
from nexus.areas.queries import check_code, parameter
from nexus.areas.rules import Figure
from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_reason
from nexus.organizations import policy as organization_policy
from nexus.organizations.model import Organization
from nexus.recipients import model, policy, queries, rules

TABLE = model.RECOGNITION_TRANSITIONS
_R = model.RecognitionState
DEATH = "DEATH"
CLOCK_SLICE = 500


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
    income_ratio: Decimal | None = None,
    income_ratio_band: str | None = None,
    recheck_class: model.RecheckClass | None = None,
    checked_on: date | None = None,
    corrects_id: UUID | None = None,
) -> model.Recognition:
    """A decision of the authority, pending until confirmed (T5a)."""
    household = await _lock_subject(act, household_id, recipient_id)
    act.permit(policy.may_recognise, household)
    rules.check_period(valid_from, valid_to)
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
        income_ratio=income_ratio,
        income_ratio_band=income_ratio_band,
        flags=[],
        checked_on=checked_on or decided_on,
        rule_version=rule_version,
        corrects_id=corrects_id,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    await _set_recheck(act, row, recheck_class, household.area_code)
    most = await parameter(
        act.session, "margin_to_dibao_most", on=decided_on, area_code=household.area_code
    )
    if rules.over_margin(category, income_ratio, most.value):
        row.flags = [rules.PROPORTION]
    await _check_corrected(act, row, household.id)
    await check_conflict(act, row, household.id)
    act.session.add(row)
    await act.session.flush()
    act.record("recognition.recorded", row, category=category, corrects_id=corrects_id)
    return row


async def _set_recheck(
    act: Act, row: model.Recognition, recheck_class: model.RecheckClass | None, area_code: str
) -> None:
    """The class, and the next check counted from the last one by the figure in force then."""
    figure = None
    if recheck_class is not None:
        on = row.checked_on or row.decided_on
        with act.session.no_autoflush:
            figure = await recheck_figure(act.session, recheck_class, on=on, area_code=area_code)
    row.recheck_class = recheck_class
    row.recheck_months = figure.whole if figure else None
    row.recheck_rule = figure.version if figure else None
    row.recheck_due_on = rules.recheck_due(row.checked_on, row.recheck_months)


async def recheck_figure(
    session: AsyncSession, recheck_class: model.RecheckClass, *, on: date, area_code: str
) -> Figure:
    """The months of the class in force on that day (T24a, T24b)."""
    name = f"recheck_{recheck_class.value}_months"
    return await parameter(session, name, on=on, area_code=area_code)


async def _check_corrected(act: Act, row: model.Recognition, household_id: UUID) -> None:
    """What it corrects was entered in error, of the same household, and has no correction yet."""
    if row.corrects_id is None:
        return
    wrong = await act.find(model.Recognition, row.corrects_id, visible=policy.recognition_visible)
    if wrong.state is not _R.ENTERED_IN_ERROR:
        raise GuardFailed(
            f"{wrong.no} is not entered in error: mark it so first, then record the correction.",
            field="correctsId",
            rule="INV-21",
        )
    theirs = await queries.household_of(act, wrong)
    if theirs != household_id:
        raise GuardFailed(
            f"{wrong.no} is about another household: a correction stays with its own.",
            field="correctsId",
            rule="INV-21",
        )


async def _lock_subject(
    act: Act, household_id: UUID | None, recipient_id: UUID | None
) -> model.Household:
    """The household of the subject, locked: its recognitions come one by one."""
    if household_id is not None and recipient_id is None:
        return await act.take(model.Household, household_id, visible=policy.visible)
    if recipient_id is None or household_id is not None:
        raise Invalid("Name either a household or a recipient.", field="recipientId")
    who = await act.find(model.Recipient, recipient_id, visible=policy.recipient_visible)
    household = await act.take(model.Household, who.household_id, visible=policy.visible)
    await act.session.refresh(who, ["household_id"])
    stays = who.household_id == household.id  # or moved while we waited
    return household if stays else await _lock_subject(act, None, recipient_id)


async def check_conflict(act: Act, row: model.Recognition, household_id: UUID) -> None:
    """PeriodConflict with what cannot stand beside it, of the subject living there (INV-34)."""
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


async def _take(
    act: Act, row_id: UUID, expected_version: int
) -> tuple[model.Recognition, model.Household]:
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
    return row, household


async def confirm_recognition(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Recognition:
    """It holds from its first day on. Dibao and tekun of one person exclude each other (INV-34)."""
    row, household = await _take(act, row_id, expected_version)
    act.move(row, TABLE, "confirm")
    await check_conflict(act, row, household.id)
    row.state_reason = reason
    act.record("recognition.confirmed", row, category=row.category)
    return row


async def uphold_recognition(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    recheck_class: model.RecheckClass | None = None,
    checked_on: date | None = None,
    reason: str | None = None,
) -> model.Recognition:
    """The review found no change: the next check counts from it, by the class given (T24)."""
    row, household = await _take(act, row_id, expected_version)
    act.move(row, TABLE, "uphold")
    row.checked_on = _past(checked_on, act.actor.today(), field="checkedOn")
    await _set_recheck(act, row, recheck_class or row.recheck_class, household.area_code)
    row.state_reason = reason
    act.record("recognition.upheld", row, **_clock(row))
    return row


async def change_recheck_class(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    recheck_class: model.RecheckClass,
    checked_on: date | None = None,
    reason: str | None = None,
) -> model.Recognition:
    """Circumstances grew less or more steady: the next check is counted anew, from the last one.

    It may be due at once. What was due before stays in the history (INV-35).
    """
    row, household = await _take(act, row_id, expected_version)
    before, due_before = row.recheck_class, row.recheck_due_on
    act.move(row, TABLE, "change_recheck")
    if checked_on is not None:
        row.checked_on = _past(checked_on, act.actor.today(), field="checkedOn")
    await _set_recheck(act, row, recheck_class, household.area_code)
    row.state_reason = reason
    act.record(
        "recognition.recheck_changed",
        row,
        recheck_class_before=before,
        recheck_due_before=due_before,
        **_clock(row),
    )
    return row


def _clock(row: model.Recognition) -> dict[str, Any]:
    return {
        "checked_on": row.checked_on,
        "recheck_class": row.recheck_class,
        "recheck_due_on": row.recheck_due_on,
        "rule": row.recheck_rule,
    }


def _past(day: date | None, today: date, *, field: str) -> date:
    if day is not None and day > today:
        raise Invalid(f"{field} {day} lies in the future.", field=field)
    return day or today


async def prolong_recognition(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    valid_to: date | None,
    reason: str | None = None,
) -> model.Recognition:
    """The authority set another end, later or earlier but not past; null is an open end."""
    row, household = await _take(act, row_id, expected_version)
    before = row.valid_to
    act.move(row, TABLE, "prolong")
    rules.check_period(row.valid_from, valid_to)
    if valid_to is not None and valid_to <= act.actor.today():
        raise Invalid(
            f"An end on {valid_to} is past: end the recognition instead, with its reason.",
            field="validTo",
        )
    row.valid_to = valid_to
    await check_conflict(act, row, household.id)
    row.state_reason = reason
    act.record("recognition.prolonged", row, valid_to_before=before, valid_to=valid_to)
    return row


async def taper_recognition(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    tapered_on: date | None = None,
    reason: str | None = None,
) -> model.Recognition:
    """Income rose above the line: served for exactly six months more, then it ends (T11b)."""
    row, household = await _take(act, row_id, expected_version)
    TABLE.after("taper", row.state)
    today: date = act.actor.today()
    start = tapered_on or today
    rules.check_taper_start(start, row.valid_from, today)
    figure = await parameter(act.session, "taper_months", on=start, area_code=household.area_code)
    act.move(row, TABLE, "taper")
    row.tapered_on, row.taper_months, row.taper_rule = start, figure.whole, figure.version
    row.valid_to = rules.taper_end(start, figure.whole)
    await check_conflict(act, row, household.id)
    row.state_reason = reason
    act.record(
        "recognition.tapered",
        row,
        tapered_on=start,
        valid_to=row.valid_to,
        rule=figure.version,
    )
    return row


async def end_recognition(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    end_reason: str,
    ended_on: date | None = None,
    reason: str | None = None,
) -> model.Recognition:
    """It holds no longer from today, or from the day given, which is not to come.

    A taper ends by the clock alone, not before its six months; a death ends it at once.
    """
    row, _ = await _take(act, row_id, expected_version)
    today: date = act.actor.today()
    await check_code(act.session, "recognition_end_reason", end_reason, on=today, field="endReason")
    if row.state is _R.TAPER and row.valid_to and row.valid_to > today and end_reason != DEATH:
        raise GuardFailed(
            f"The taper lasts until {row.valid_to} and then ends by itself.",
            rule="INV-35",
            validTo=row.valid_to,
        )
    act.move(row, TABLE, "end")
    last = _past(ended_on, today, field="endedOn")
    if row.valid_to is None or row.valid_to > last:
        row.valid_to = max(last, row.valid_from + timedelta(days=1))
    row.end_reason, row.state_reason = end_reason, reason
    act.record(
        "recognition.ended",
        row,
        category=row.category,
        end_reason=end_reason,
        valid_to=row.valid_to,
    )
    return row


async def mark_recognition_error(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Recognition:
    """It should never have been entered; the row stays as what nexus knew until now."""
    row, _ = await _take(act, row_id, expected_version)
    said = check_reason(reason)
    act.move(row, TABLE, "mark_error")
    row.superseded_at, row.state_reason = act.now, said
    act.record("recognition.entered_in_error", row, category=row.category)
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


async def end_recognitions_over(session: AsyncSession, now: datetime) -> int:
    """The clock: tapers whose six months are over end, and what has reached its own end; how many.

    Up to 500 a stroke.
    """
    act = Act(session, system(now))
    row: Any = model.Recognition
    due = await session.execute(
        select(row.id, row.version, row.state)
        .where(row.state.in_(TABLE.sources("end")), row.valid_to <= act.actor.today())
        .order_by(row.id)
        .limit(CLOCK_SLICE)
    )
    over = due.all()
    for row_id, version, state in over:
        await end_recognition(
            act,
            row_id,
            expected_version=version,
            end_reason="TAPER_OVER" if state is _R.TAPER else "PERIOD_OVER",
        )
    return len(over)
