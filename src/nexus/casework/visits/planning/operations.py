"""Starting, changing and ending plans of visits; the clocks that make windows of them."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import SHANGHAI, Act, system
from nexus.areas.queries import due_after, parameter
from nexus.casework.cases.model import Case
from nexus.casework.editing.operations import apply_edits
from nexus.casework.model import RiskTier
from nexus.casework.visits import model, policy, queries, rules
from nexus.casework.visits.operations import check_case
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, Invalid
from nexus.core.texts import check_reason
from nexus.recipients.model import Household

ACTIVE = model.VisitPlanState.ACTIVE
MOST = 500
"""Plans and visits that a clock looks at in one transaction."""


async def plan_visits(
    act: Act,
    *,
    household_id: UUID,
    station_id: UUID,
    tier: RiskTier,
    worker_id: UUID | None = None,
    kind: model.VisitKind = model.VisitKind.HOME,
    case_id: UUID | None = None,
    starts_on: date | None = None,
) -> model.VisitPlan:
    """The household is visited from now on, as often as its tier says; one plan a household."""
    if not policy.may_plan(act.actor):
        raise Forbidden(
            f"Role {act.actor.role.name} may not plan visits: a lead or social worker does."
        )
    home = await queries.find_household(act, household_id)
    station = await queries.check_station(act, station_id)
    if worker_id is not None:
        await queries.check_worker(act, worker_id, station.id)
    if case_id is not None:
        await check_case(act, case_id, home.id)
    await _check_unplanned(act, home.id)
    row = model.VisitPlan(
        id=act.row_id,
        no=await act.number("VP", home.area_code),
        household_id=home.id,
        case_id=case_id,
        station_id=station.id,
        worker_id=worker_id,
        tier=tier,
        kind=kind,
        starts_on=_begin(act, starts_on),
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("visit_plan.started", row, tier=tier.value)
    return row


def _begin(act: Act, starts_on: date | None) -> date:
    today: date = act.actor.today()
    day = starts_on or today
    if day < today:
        raise Invalid(
            f"startsOn {day} is over: a plan begins today or later; visits that were made already "
            "are recorded as such.",
            field="startsOn",
        )
    return day


async def _check_unplanned(act: Act, household_id: UUID) -> None:
    """Two that plan at once take turns at the household's row."""
    await act.session.execute(
        select(Household.id).where(Household.id == household_id).with_for_update(key_share=True)
    )
    row = model.VisitPlan
    found = await act.session.scalars(
        select(row).where(
            row.household_id == household_id, row.state == model.VisitPlanState.ACTIVE
        )
    )
    other = found.first()
    if other is not None:
        raise rules.AlreadyPlanned(
            f"Visits to this household are planned already, under {other.no}: change that plan.",
            field="householdId",
            no=other.no,
        )


async def change_plan(
    act: Act,
    plan_id: UUID,
    *,
    expected_version: int,
    changes: dict[str, object],
    happened_at: datetime | None = None,
) -> model.VisitPlan:
    """Another tier, worker or kind from now on; a scheduled visit follows at once."""
    row = await queries.take_plan(act, plan_id, None)
    act.permit(policy.may_change_plan, row)
    model.PLAN_TRANSITIONS.after("change", row.state)
    worker_id = changes.get("worker_id")
    if isinstance(worker_id, UUID):
        await queries.check_worker(act, worker_id, row.station_id)
    made_at = rules.check_performed(happened_at, act.now) if happened_at else None
    before = row.tier
    await apply_edits(act, row, expected_version=expected_version, changes=changes, made_at=made_at)
    act.record("visit_plan.changed", row, fields=sorted(changes), tier=row.tier.value)
    await follow_plan(act, row, retimed=before is not row.tier)
    return row


async def retier_plan(act: Act, row: model.VisitPlan, tier: RiskTier) -> None:
    """Another tier of a plan that is locked, by news; nothing where it is that already."""
    if row.tier is tier:
        return
    await apply_edits(act, row, expected_version=row.version, changes={"tier": tier})
    act.record("visit_plan.changed", row, fields=["tier"], tier=tier.value)
    await follow_plan(act, row, retimed=True)


async def hand_over_plan(act: Act, row: model.VisitPlan, worker_id: UUID) -> None:
    """Another worker has the case: the visits are theirs too. The plan is locked."""
    if row.worker_id == worker_id:
        return
    await apply_edits(act, row, expected_version=row.version, changes={"worker_id": worker_id})
    act.record("visit_plan.changed", row, fields=["worker_id"], tier=row.tier.value)
    await follow_plan(act, row, retimed=False)


async def start_for_case(act: Act, case: Case, tier: RiskTier) -> None:
    """A plan of visits for the household of a case that has none, by its worker."""
    home = await act.session.get_one(Household, case.household_id)
    row = model.VisitPlan(
        id=new_id(),
        no=await act.number("VP", home.area_code),
        household_id=home.id,
        case_id=case.id,
        station_id=case.station_id,
        worker_id=case.worker_id,
        tier=tier,
        starts_on=act.actor.today(),
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("visit_plan.started", row, tier=row.tier.value, case_id=case.id)


async def follow_plan(act: Act, row: model.VisitPlan, *, retimed: bool) -> None:
    """Bring the scheduled visit of a plan to what the plan says now."""
    visit = model.Visit
    found = await act.session.scalars(
        select(visit)
        .where(
            visit.plan_id == row.id,
            visit.state == model.VisitState.SCHEDULED,
            visit.follow_up.is_(False),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    open_visit = found.one_or_none()
    if open_visit is None:
        return
    changes: dict[str, object] = {"kind": row.kind, "worker_id": row.worker_id}
    if open_visit.with_worker_id is not None:
        changes.pop("kind")
    before = open_visit.version
    await apply_edits(act, open_visit, expected_version=before, changes=changes)
    if retimed:
        await _retime(act, row, open_visit)
        open_visit.version = before + 1
    if open_visit.version > before:
        act.record("visit.replanned", open_visit, plan_id=row.id)


async def _retime(act: Act, plan: model.VisitPlan, row: model.Visit) -> None:
    window, rule = await _window(act, plan, act.actor.today())
    row.tier, row.rule = plan.tier, rule
    row.window_from, row.window_to = window.opens, window.to
    row.due_on = window.to - timedelta(days=1)
    row.overdue_told_at = None


async def _window(act: Act, plan: model.VisitPlan, today: date) -> tuple[rules.Window, str]:
    home = await act.session.get_one(Household, plan.household_id)
    figure = await queries.interval_of(act.session, plan.tier, on=today, area_code=home.area_code)
    share = await parameter(act.session, "visit_window_ratio", on=today, area_code=home.area_code)
    last, first = await queries.last_seen(act.session, plan)
    window = rules.window_after(
        last,
        value=figure.whole,
        unit=figure.unit,
        share=share.value,
        today=today,
        first=first,
    )
    return window, figure.version


async def end_plan(
    act: Act, plan_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.VisitPlan:
    """No more visits are due; the scheduled one is cancelled with it."""
    row = await queries.take_plan(act, plan_id, expected_version)
    act.permit(policy.may_end_plan, row)
    said = check_reason(reason)
    await close_plan(act, row, said)
    return row


async def close_plan(act: Act, row: model.VisitPlan, reason: str) -> None:
    """End a plan that is locked, and what is open of it."""
    act.move(row, model.PLAN_TRANSITIONS, "end")
    row.state_reason, row.ended_at, row.awaits_window = reason, act.now, False
    act.record("visit_plan.ended", row)
    visit = model.Visit
    found = await act.session.scalars(
        select(visit)
        .where(visit.plan_id == row.id, visit.state == model.VisitState.SCHEDULED)
        .order_by(visit.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for one in found:
        act.move(one, model.TRANSITIONS, "cancel")
        one.state_reason = reason
        act.record("visit.cancelled", one, plan_id=row.id)


# --- Clocks ---


async def plan_due_visits(session: AsyncSession, now: datetime) -> int:
    """The next window of every plan that has no open visit; how many were planned.

    Not of a household that was merged into one with a plan of its own: it is visited there.
    """
    act = Act(session, system(now))
    row, home, other = model.VisitPlan, aliased(Household), aliased(model.VisitPlan)
    elsewhere = (
        select(other.id)
        .where(
            other.household_id == home.merged_into_id, other.state == model.VisitPlanState.ACTIVE
        )
        .exists()
    )
    found = await session.scalars(
        select(row)
        .join(home, home.id == row.household_id)
        .where(row.awaits_window, ~elsewhere)
        .order_by(row.id)
        .limit(MOST)
        .with_for_update(of=row, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    plans = found.all()
    for plan in plans:
        await _schedule(act, plan)
    return len(plans) + await _follow_changes(act)


async def _schedule(act: Act, plan: model.VisitPlan) -> None:
    today: date = act.actor.today()
    window, rule = await _window(act, plan, today)
    home = await act.session.get_one(Household, plan.household_id)
    row = model.Visit(
        id=new_id(),
        no=await act.number("V", home.area_code),
        household_id=plan.household_id,
        plan_id=plan.id,
        case_id=plan.case_id,
        station_id=plan.station_id,
        worker_id=plan.worker_id,
        kind=plan.kind,
        tier=plan.tier,
        window_from=window.opens,
        window_to=window.to,
        due_on=window.to - timedelta(days=1),
        rule=rule,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    plan.awaits_window = False
    act.session.add(row)
    await act.session.flush()
    act.record("visit.scheduled", row, plan_id=plan.id)


async def _follow_changes(act: Act) -> int:
    """A visit soon after each major change: within hours, as the figure in force says."""
    row = model.ChangeReport
    found = await act.session.scalars(
        select(row)
        .where(row.major, row.follow_up_id.is_(None))
        .order_by(row.id)
        .limit(MOST)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    reports = found.all()
    for report in reports:
        await _follow_change(act, report)
    return len(reports)


async def _follow_change(act: Act, report: model.ChangeReport) -> None:
    home = await act.session.get_one(Household, report.household_id)
    plan = await _plan_of(act, report.household_id)
    due = await due_after(
        act.session, "visit_after_change_hours", report.recorded_at, area_code=home.area_code
    )
    today: date = act.actor.today()
    end = max(due.at.astimezone(SHANGHAI).date(), today + timedelta(days=1))
    row = model.Visit(
        id=new_id(),
        no=await act.number("V", home.area_code),
        household_id=report.household_id,
        plan_id=plan.id if plan else None,
        station_id=report.station_id,
        worker_id=plan.worker_id if plan and plan.station_id == report.station_id else None,
        kind=model.VisitKind.HOME,
        tier=plan.tier if plan else None,
        window_from=today,
        window_to=end + timedelta(days=1),
        due_on=end,
        rule=due.rule,
        follow_up=True,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    report.follow_up_id = row.id
    report.version += 1
    act.record("visit.scheduled", row, change_id=report.id)


async def _plan_of(act: Act, household_id: UUID) -> model.VisitPlan | None:
    row = model.VisitPlan
    found = await act.session.scalars(
        select(row).where(
            row.household_id == household_id, row.state == model.VisitPlanState.ACTIVE
        )
    )
    return found.one_or_none()


async def tell_overdue_visits(session: AsyncSession, now: datetime) -> int:
    """A window is over and nobody went: told once; how many were told."""
    act = Act(session, system(now))
    rows = await queries.take_overdue(session, act.actor.today(), MOST)
    for row in rows:
        row.overdue_told_at = now
        act.record("visit.overdue", row, plan_id=row.plan_id)
    return len(rows)


async def show_due_visits(session: AsyncSession, now: datetime) -> int:
    """Put visits whose window opened on the worklists; how many."""
    moved = await session.scalar(text("SELECT work_tick_visit(:now)"), {"now": now})
    return int(moved or 0)
