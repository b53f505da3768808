"""Samples and what was drawn."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act
from nexus.evaluation.evaluations.model import Evaluation
from nexus.evaluation.sampling import model, policy
from nexus.evaluation.sampling.model import EvaluationSample, SampleItem, SampleState
from nexus.purchasing.facts.model import ServiceFact


async def take(act: Act, row_id: UUID, expected_version: int | None = None) -> EvaluationSample:
    """The sample, visible and locked."""
    return await act.take(
        EvaluationSample, row_id, visible=policy.visible, expected_version=expected_version
    )


async def evaluation_of(session: AsyncSession, sample: EvaluationSample) -> Evaluation:
    """What the sample is for."""
    return await session.get_one(Evaluation, sample.evaluation_id)


async def is_live(session: AsyncSession, evaluation_id: UUID) -> bool:
    """Whether one is committed or drawn already."""
    row = EvaluationSample
    found = await session.scalar(
        select(row.id).where(row.evaluation_id == evaluation_id, row.state != SampleState.VOID)
    )
    return found is not None


def drawn_facts(evaluation_id: Any) -> Select[Any]:
    """The service facts that were drawn for the evaluation."""
    row, item, fact = EvaluationSample, SampleItem, ServiceFact
    return (
        select(fact)
        .join(item, item.fact_id == fact.id)
        .join(row, row.id == item.sample_id)
        .where(row.evaluation_id == evaluation_id, row.state == SampleState.DRAWN)
        .order_by(item.position)
    )


async def item(session: AsyncSession, sample_id: UUID, position: int) -> SampleItem | None:
    """The fact drawn at that place."""
    row = model.SampleItem
    return await session.scalar(
        select(row).where(row.sample_id == sample_id, row.position == position)
    )
