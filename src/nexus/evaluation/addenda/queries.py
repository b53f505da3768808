"""Addenda of an evaluation, and the scores as they stand with them."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act
from nexus.evaluation.addenda import policy
from nexus.evaluation.addenda.model import AddendumState, EvaluationAddendum
from nexus.evaluation.evaluations.queries import scores_of
from nexus.evaluation.schemes.model import BodyKind
from nexus.evaluation.schemes.rules import Key


async def take(act: Act, row_id: UUID, expected_version: int | None = None) -> EvaluationAddendum:
    """The addendum, visible and locked."""
    return await act.take(
        EvaluationAddendum, row_id, visible=policy.visible, expected_version=expected_version
    )


async def standing_scores(session: AsyncSession, evaluation_id: UUID) -> dict[Key, Decimal]:
    """The published scores with what released addenda corrected."""
    row = EvaluationAddendum
    found = await session.scalars(
        select(row.corrections)
        .where(row.evaluation_id == evaluation_id, row.state == AddendumState.RELEASED)
        .order_by(row.position)
    )
    scores = dict(await scores_of(session, evaluation_id))
    each: Iterable[dict[str, str]]
    for each in found:
        for one in each:
            scores[one["indicator"], BodyKind(one["body"])] = Decimal(one["after"])
    return scores


async def last_position(session: AsyncSession, evaluation_id: UUID) -> int:
    """The number of the latest addendum; 0 where there is none."""
    row = EvaluationAddendum
    found = select(func.max(row.position)).where(row.evaluation_id == evaluation_id)
    return await session.scalar(found) or 0


async def is_proposed(session: AsyncSession, evaluation_id: UUID) -> bool:
    """Whether one waits for a decision."""
    row = EvaluationAddendum
    found = await session.scalar(
        select(row.id).where(
            row.evaluation_id == evaluation_id, row.state == AddendumState.PROPOSED
        )
    )
    return found is not None
