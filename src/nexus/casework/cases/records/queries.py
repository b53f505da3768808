"""Taking what is written into a case file, and what closing needs to know of it."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act
from nexus.casework.cases import queries
from nexus.casework.cases.model import Case
from nexus.casework.cases.records import model, policy


async def take_note(
    act: Act, note_id: UUID, expected_version: int | None = None
) -> tuple[model.CaseNote, Case]:
    """A note and its case, both visible and locked; the case first."""
    found = await act.find(model.CaseNote, note_id, visible=policy.note_visible)
    file = await queries.take(act, found.case_id)
    note = await act.take(
        model.CaseNote,
        note_id,
        visible=policy.note_visible,
        expected_version=expected_version,
    )
    return note, file


async def last_attempts(session: AsyncSession, case_id: UUID, most: int) -> Sequence[bool]:
    """Whether the latest attempts reached somebody, latest first."""
    row = model.ContactAttempt
    found = await session.scalars(
        select(row.reached)
        .where(row.case_id == case_id)
        .order_by(row.attempted_at.desc(), row.id.desc())
        .limit(most)
    )
    return found.all()


async def last_outcome(session: AsyncSession, case_id: UUID) -> model.EvaluationOutcome | None:
    """What the latest evaluation came to."""
    row = model.CaseEvaluation
    return await session.scalar(
        select(row.outcome)
        .where(row.case_id == case_id)
        .order_by(row.evaluated_at.desc(), row.id.desc())
        .limit(1)
    )
