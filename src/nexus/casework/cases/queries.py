"""Taking cases and plans, what else is open for a household, and what the clocks find."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act, Actor
from nexus.casework.cases import model, policy
from nexus.casework.cases.model import Case, CasePlan, CaseState, GoalState, PlanState
from nexus.casework.model import Worker
from nexus.graph.sql import quoted
from nexus.recipients.merging.queries import canonical_household, canonical_recipient
from nexus.recipients.model import Household

BATCH = 500
REVIEWED = (CaseState.INTERVENTION,)
"""States in which a plan is to be reviewed."""


async def take(act: Act, case_id: UUID, expected_version: int | None = None) -> Case:
    """The case, visible and locked."""
    return await act.take(Case, case_id, visible=policy.visible, expected_version=expected_version)


async def take_plan(
    act: Act, plan_id: UUID, expected_version: int | None = None
) -> tuple[CasePlan, Case]:
    """A plan and its case, both visible and locked; the case first."""
    found = await act.find(CasePlan, plan_id, visible=policy.plan_visible)
    file = await take(act, found.case_id)
    plan = await act.take(
        CasePlan, plan_id, visible=policy.plan_visible, expected_version=expected_version
    )
    return plan, file


def homes_of(household_id: Any) -> Select[Any]:
    """SQL: every record of the household that a case may hang on, merged ones with it."""
    row = aliased(Household)
    home = canonical_household(household_id)
    return select(row.id).where(or_(row.id == home, row.merged_into_id == home))


async def open_case(
    session: AsyncSession, household_id: UUID, recipient_id: UUID | None, *, but: UUID | None = None
) -> Case | None:
    """The open case of the household as a whole, or of this person; merged records count as one."""
    row = Case
    found = select(row).where(
        row.household_id.in_(homes_of(household_id)), row.state.in_(model.OPEN)
    )
    if recipient_id is None:
        found = found.where(row.recipient_id.is_(None))
    else:
        found = found.where(
            canonical_recipient(row.recipient_id) == canonical_recipient(recipient_id)
        )
    if but is not None:
        found = found.where(row.id != but)
    return await session.scalar(found.limit(1))


def of_household(row: Any, household_id: Any) -> ColumnElement[bool]:
    """SQL: the case is of the household, whichever of its merged records it hangs on."""
    return row.household_id.in_(homes_of(household_id))  # type: ignore[no-any-return]


async def same_home(session: AsyncSession, one: UUID, other: UUID) -> bool:
    """Whether two household records are one."""
    if one == other:
        return True
    return bool(
        await session.scalar(select(canonical_household(one) == canonical_household(other)))
    )


async def next_step(session: AsyncSession, case_id: UUID) -> int:
    """The place of the next step of the trail; the case is locked."""
    last = await session.scalar(
        select(func.max(model.CaseStep.position)).where(model.CaseStep.case_id == case_id)
    )
    return 1 + (last or 0)


async def plan_in(session: AsyncSession, case_id: UUID, *states: PlanState) -> CasePlan | None:
    """The case's plan in one of the states, locked; at most one is approved, one pending."""
    row = CasePlan
    return await session.scalar(
        select(row).where(row.case_id == case_id, row.state.in_(states)).with_for_update()
    )


async def last_number(session: AsyncSession, case_id: UUID) -> int:
    """The number of the case's latest plan; 0 before the first."""
    last = await session.scalar(
        select(func.max(CasePlan.number)).where(CasePlan.case_id == case_id)
    )
    return last or 0


async def goals_of(session: AsyncSession, plan_id: UUID) -> Sequence[model.Goal]:
    """A plan's goals, in their order."""
    row = model.Goal
    found = await session.scalars(select(row).where(row.plan_id == plan_id).order_by(row.position))
    return found.all()


async def open_goals(session: AsyncSession, case_id: UUID) -> int:
    """How many goals of the approved plan are not settled."""
    row, plan = model.Goal, CasePlan
    count = select(func.count()).select_from(row).join(plan, plan.id == row.plan_id)
    found = await session.scalar(
        count.where(
            plan.case_id == case_id,
            plan.state == PlanState.APPROVED,
            row.state == GoalState.OPEN,
        )
    )
    return found or 0


async def own_right(act: Act, station_id: UUID) -> model.SelfApproval | None:
    """The actor's right to approve their own work at the station today."""
    row, today = model.SelfApproval, act.actor.today()
    return await act.session.scalar(
        select(row)
        .where(
            row.account_id == act.actor.account_id,
            row.station_id == station_id,
            row.valid_from <= today,
            row.valid_to > today,
            row.revoked_at.is_(None),
        )
        .limit(1)
    )


def holds_right(account_id: Any, station_id: Any, on: Any) -> ColumnElement[bool]:
    """SQL: somebody held the right at the station on that day; for the checks."""
    row = aliased(model.SelfApproval)
    return exists().where(
        row.account_id == account_id,
        row.station_id == station_id,
        row.valid_from <= on,
        row.valid_to > on,
    )


async def take_near_review(session: AsyncSession, now: datetime, days: int) -> list[Case]:
    """Up to a batch of cases whose review comes near and of which that was not told, locked."""
    row = Case
    return await _take_due(session, row.review_due_at <= now + timedelta(days=days), "told")


async def take_overdue_review(session: AsyncSession, now: datetime) -> list[Case]:
    """Up to a batch of cases whose review is late and of which that was not told, locked."""
    return await _take_due(session, Case.review_due_at <= now, "overdue")


async def take_to_hand_over(session: AsyncSession, today: date, days: int) -> list[Case]:
    """Up to a batch of open cases whose owner's post ends soon or has ended, untold, locked."""
    row, post = Case, Worker
    found = await session.scalars(
        select(row)
        .join(post, post.id == row.worker_id)
        .where(
            post.valid_to <= today + timedelta(days=days),
            row.state.in_(model.OPEN),
            row.handover_told_at.is_(None),
        )
        .order_by(post.valid_to, row.id)
        .limit(BATCH)
        .with_for_update(of=row, skip_locked=True)
    )
    return list(found)


async def _take_due(session: AsyncSession, due: ColumnElement[bool], told: str) -> list[Case]:
    row = Case
    found = await session.scalars(
        select(row)
        .where(row.state.in_(REVIEWED), due, getattr(row, f"review_{told}_at").is_(None))
        .order_by(row.review_due_at, row.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    return list(found)


async def take_of_household(session: AsyncSession, household_id: UUID) -> list[Case]:
    """The open cases of a household record, locked."""
    row = Case
    found = await session.scalars(
        select(row)
        .where(row.household_id == household_id, row.state.in_(model.OPEN))
        .order_by(row.id)
        .with_for_update()
    )
    return list(found)


async def take_of_person(session: AsyncSession, recipient_id: UUID, home_id: UUID) -> list[Case]:
    """The open cases of a person that lie with another household, locked."""
    row = Case
    found = await session.scalars(
        select(row)
        .where(
            row.recipient_id == recipient_id,
            row.household_id != home_id,
            row.state.in_(model.OPEN),
        )
        .order_by(row.id)
        .with_for_update()
    )
    return list(found)


def review_overdue(row: Any, now: Any) -> ColumnElement[bool]:
    """SQL: the plan should have been looked at again."""
    return row.state.in_(REVIEWED) & (row.review_due_at <= now)  # type: ignore[no-any-return]


def load_of(key: str) -> Any:
    """A derived select: how many open cases of a worker or station there are, by tier."""

    def counted(actor: Actor, row: Any, limit: ColumnElement[int]) -> Select[Any]:
        file = aliased(Case)
        tier = func.upper(func.coalesce(file.risk_tier, quoted("unassessed")))
        return (
            select(tier.label("tier"), func.count().label("cases"))
            .where(
                getattr(file, key) == row.id,
                file.state.in_(model.OPEN),
                policy.visible(actor, file),
            )
            .group_by(literal_column("1"))
            .order_by(literal_column("1"))
            .limit(limit)
        )

    return counted
