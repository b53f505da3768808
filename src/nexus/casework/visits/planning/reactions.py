"""What plans of visits do at news of assessments and cases."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.casework.assessments.model import Assessment
from nexus.casework.cases.model import OPEN, Case
from nexus.casework.model import RiskTier
from nexus.casework.visits.planning.operations import (
    close_plan,
    hand_over_plan,
    retier_plan,
    start_for_case,
)
from nexus.casework.visits.queries import active_plan
from nexus.core.outbox import Event, hears

CASE_OVER = "the case is over"


@hears("assessment.completed")
async def follow_assessment(session: AsyncSession, event: Event, now: datetime) -> None:
    """Another tier of risk, another rhythm; where nobody plans visits yet, nothing."""
    row = await session.get_one(Assessment, event.object_id)
    plan = await active_plan(session, row.household_id)
    if plan is not None and row.risk_tier is not None:
        await retier_plan(Act(session, system(now)), plan, RiskTier(row.risk_tier))


@hears("case_plan.approved")
async def follow_case(session: AsyncSession, event: Event, now: datetime) -> None:
    """Whoever has a case is visited by its worker, as its tier says."""
    await _follow(session, await session.get_one(Case, UUID(event.facts["case_id"])), now)


@hears("case.reopened")
async def follow_reopened(session: AsyncSession, event: Event, now: datetime) -> None:
    """As after the approval of its plan."""
    await _follow(session, await session.get_one(Case, event.object_id), now)


@hears("case.assigned")
async def follow_worker(session: AsyncSession, event: Event, now: datetime) -> None:
    """Whoever has the case visits."""
    case = await session.get_one(Case, event.object_id)
    plan = await active_plan(session, case.household_id)
    if plan is not None and plan.case_id == case.id and plan.station_id == case.station_id:
        await hand_over_plan(Act(session, system(now)), plan, case.worker_id)


async def _follow(session: AsyncSession, case: Case, now: datetime) -> None:
    if case.risk_tier is None or case.state not in OPEN:
        return
    act, tier = Act(session, system(now)), RiskTier(case.risk_tier)
    plan = await active_plan(session, case.household_id)
    if plan is None:
        await start_for_case(act, case, tier)
    else:
        await retier_plan(act, plan, tier)


@hears("case.closed")
async def end_with_closed(session: AsyncSession, event: Event, now: datetime) -> None:
    """The plan that came with the case ends with it."""
    await _end(session, event, now)


@hears("case.referred_out")
async def end_with_referred(session: AsyncSession, event: Event, now: datetime) -> None:
    """Others visit from now on."""
    await _end(session, event, now)


async def _end(session: AsyncSession, event: Event, now: datetime) -> None:
    case = await session.get_one(Case, event.object_id)
    plan = await active_plan(session, case.household_id)
    if plan is not None and plan.case_id == case.id:
        await close_plan(Act(session, system(now)), plan, CASE_OVER)
