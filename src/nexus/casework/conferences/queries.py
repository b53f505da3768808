"""Taking conferences, who was asked, and what is still owed by their decisions."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act
from nexus.casework.conferences import model, policy
from nexus.obligations.model import Obligation, ObligationState


async def take(
    act: Act, conference_id: UUID, expected_version: int | None = None
) -> model.CaseConference:
    """The conference, visible and locked."""
    return await act.take(
        model.CaseConference,
        conference_id,
        visible=policy.visible,
        expected_version=expected_version,
    )


async def parties(session: AsyncSession, conference_id: UUID) -> Sequence[model.ConferenceParty]:
    """Who was asked, locked."""
    row = model.ConferenceParty
    found = await session.scalars(
        select(row).where(row.conference_id == conference_id).order_by(row.id).with_for_update()
    )
    return found.all()


async def decided(session: AsyncSession, conference_id: UUID) -> int:
    """How many decisions there are."""
    row = model.ConferenceDecision
    found = await session.scalar(
        select(func.count()).select_from(row).where(row.conference_id == conference_id)
    )
    return found or 0


async def owed(session: AsyncSession, conference_id: UUID) -> list[str]:
    """The numbers of the obligations that its decisions made and that are open."""
    row = model.ConferenceDecision
    found = await session.scalars(
        select(Obligation.no)
        .join(row, row.obligation_id == Obligation.id)
        .where(row.conference_id == conference_id, Obligation.state == ObligationState.OPEN)
        .order_by(Obligation.no)
    )
    return list(found)


async def has_exception(
    session: AsyncSession, conference_id: UUID, rule: model.ExceptedRule
) -> bool:
    """Whether the conference relaxed that rule already."""
    row = model.ConferenceException
    found = await session.scalar(
        select(row.id).where(row.conference_id == conference_id, row.rule == rule)
    )
    return found is not None
