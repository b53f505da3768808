"""The open obligations of a need."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.obligations.model import Obligation, ObligationKind, ObligationState


async def owed_by(session: AsyncSession, need_id: UUID) -> Sequence[Obligation]:
    """The need's open obligations, the first due first. Take the need first."""
    found = await session.scalars(
        select(Obligation)
        .where(
            Obligation.subject_type == "need",
            Obligation.subject_id == need_id,
            Obligation.state == ObligationState.OPEN,
        )
        .order_by(Obligation.sorts_at, Obligation.id)
    )
    return found.all()


async def is_waived(session: AsyncSession, need_id: UUID) -> bool:
    """Whether the need's supplement was waived."""
    found = await session.scalars(
        select(Obligation.id).where(
            Obligation.subject_type == "need",
            Obligation.subject_id == need_id,
            Obligation.kind == ObligationKind.SUPPLEMENT,
            Obligation.state == ObligationState.WAIVED,
        )
    )
    return found.first() is not None
