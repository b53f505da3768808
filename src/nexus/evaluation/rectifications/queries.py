"""What is still to be put right."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act
from nexus.evaluation.rectifications import policy
from nexus.evaluation.rectifications.model import Rectification, RectificationState


async def take(act: Act, row_id: UUID, expected_version: int | None = None) -> Rectification:
    """The rectification, visible and locked."""
    return await act.take(
        Rectification, row_id, visible=policy.visible, expected_version=expected_version
    )


async def of_evaluation(
    session: AsyncSession, evaluation_id: UUID
) -> Sequence[tuple[str, RectificationState]]:
    """Number and state of each."""
    row = Rectification
    found = await session.execute(
        select(row.no, row.state).where(row.evaluation_id == evaluation_id).order_by(row.no)
    )
    return [(no, state) for no, state in found]


async def take_due(
    session: AsyncSession, state: RectificationState, moment: Any, now: datetime, limit: int
) -> list[Rectification]:
    """Of that state and past that moment; locked."""
    row = Rectification
    found = await session.scalars(
        select(row)
        .where(row.state == state, moment <= now)
        .order_by(moment)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(found)
