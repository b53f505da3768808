"""Evaluations with their scores, and the facts that they are about."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act
from nexus.evaluation.evaluations import model, policy
from nexus.evaluation.evaluations.model import Evaluation, EvaluationState
from nexus.evaluation.schemes.model import BodyKind, SchemeIndicator
from nexus.purchasing.facts.model import FactState, ServiceFact


async def take(act: Act, row_id: UUID, expected_version: int | None = None) -> Evaluation:
    """The evaluation, visible and locked."""
    return await act.take(
        Evaluation, row_id, visible=policy.visible, expected_version=expected_version
    )


async def scores_of(
    session: AsyncSession, evaluation_id: UUID
) -> dict[tuple[str, BodyKind], Decimal]:
    """Every score, by leaf and body."""
    score, node = model.EvaluationScore, SchemeIndicator
    found = await session.execute(
        select(node.code, score.body, score.score)
        .join(node, node.id == score.indicator_id)
        .where(score.evaluation_id == evaluation_id)
    )
    return {(code, body): points for code, body, points in found}


async def leaf(session: AsyncSession, scheme_id: UUID, code: str) -> SchemeIndicator | None:
    """The scheme's indicator of that code."""
    node = SchemeIndicator
    return await session.scalar(select(node).where(node.scheme_id == scheme_id, node.code == code))


async def leaves_of_body(
    session: AsyncSession, scheme_id: UUID, body: BodyKind
) -> list[SchemeIndicator]:
    """The leaves that the body scores."""
    node = SchemeIndicator
    found = await session.scalars(
        select(node)
        .where(node.scheme_id == scheme_id, node.bodies.contains([body.value]))
        .order_by(node.position)
    )
    return list(found)


async def take_score(
    session: AsyncSession, evaluation_id: UUID, indicator_id: UUID, body: BodyKind
) -> model.EvaluationScore | None:
    """What the body gave the leaf already."""
    row = model.EvaluationScore
    return await session.scalar(
        select(row).where(
            row.evaluation_id == evaluation_id,
            row.indicator_id == indicator_id,
            row.body == body,
        )
    )


def frame(contract_id: Any, from_on: Any, until_on: Any) -> Select[Any]:
    """The facts that count for the contract in the period, in the order of their keys."""
    fact = ServiceFact
    return (
        select(fact.id)
        .where(
            fact.contract_id == contract_id,
            fact.state == FactState.COUNTED,
            fact.happened_on >= from_on,
            fact.happened_on < until_on,
        )
        .order_by(fact.id)
    )


async def frame_of(session: AsyncSession, row: Evaluation) -> list[UUID]:
    """What there is to look at, now."""
    found = await session.scalars(frame(row.contract_id, row.from_on, row.until_on))
    return list(found)


async def is_open(session: AsyncSession, contract_id: UUID) -> bool:
    """Whether an evaluation of the contract is under way."""
    asked = exists().where(Evaluation.contract_id == contract_id, Evaluation.published_at.is_(None))
    return bool(await session.scalar(select(asked)))


async def take_responses_over(session: AsyncSession, now: datetime, limit: int) -> list[Evaluation]:
    """Whose response period is over, untold; locked."""
    row = Evaluation
    found = await session.scalars(
        select(row)
        .where(
            row.state == EvaluationState.RESPONSE_PERIOD,
            row.response_told_at.is_(None),
            row.response_due_at <= now,
        )
        .order_by(row.response_due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(found)
