"""A scheme's parts, as plain values and for the graph."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act, Actor
from nexus.evaluation.schemes import model, policy
from nexus.evaluation.schemes.model import BodyKind
from nexus.evaluation.schemes.rules import Content, Indicator, Step


async def take(
    act: Act, row_id: UUID, expected_version: int | None = None
) -> model.EvaluationScheme:
    """The scheme, visible and locked."""
    return await act.take(
        model.EvaluationScheme, row_id, visible=policy.visible, expected_version=expected_version
    )


async def content_of(session: AsyncSession, scheme_id: UUID) -> Content:
    """All of the scheme that a grade depends on, indicators in the order of the tree."""
    body, step, node = model.SchemeBody, model.SchemeGrade, model.SchemeIndicator
    bodies = await session.execute(
        select(body.kind, body.weight).where(body.scheme_id == scheme_id)
    )
    steps = await session.execute(
        select(step.grade, step.from_total, step.effect).where(step.scheme_id == scheme_id)
    )
    nodes = (
        await session.scalars(
            select(node).where(node.scheme_id == scheme_id).order_by(node.position, node.id)
        )
    ).all()
    codes = {one.id: one.code for one in nodes}
    return Content(
        bodies={found.kind: found.weight for found in sorted(bodies)},
        steps=tuple(Step(*found) for found in steps),
        indicators=tuple(
            Indicator(
                one.code,
                codes.get(one.parent_id) if one.parent_id else None,
                one.title,
                one.weight,
                one.aspect,
                tuple(BodyKind(each) for each in one.bodies),
                one.guidance,
            )
            for one in _downwards(list(nodes))
        ),
    )


def _downwards(
    nodes: list[model.SchemeIndicator], parent: UUID | None = None
) -> list[model.SchemeIndicator]:
    """Parents before their children."""
    found: list[model.SchemeIndicator] = []
    for one in nodes:
        if one.parent_id == parent:
            found += [one, *_downwards(nodes, one.id)]
    return found


async def last_revision(session: AsyncSession, buyer_id: UUID, code: str) -> int:
    """The number of the code's latest revision; 0 where there is none."""
    row = model.EvaluationScheme
    found = select(func.max(row.revision)).where(row.buyer_id == buyer_id, row.code == code)
    return await session.scalar(found) or 0


async def take_effective(act: Act, buyer_id: UUID, code: str) -> model.EvaluationScheme | None:
    """The buyer's scheme of that code that is in force, locked."""
    row = model.EvaluationScheme
    return await act.session.scalar(
        select(row)
        .where(
            row.buyer_id == buyer_id,
            row.code == code,
            row.state == model.SchemeState.EFFECTIVE,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def bodies_shown(actor: Actor, row: Any, limit: Any) -> Select[Any]:
    """Who scores, for a derived field."""
    body = aliased(model.SchemeBody)
    chosen = select(func.upper(body.kind).label("kind"), body.weight)
    return (
        chosen.where(body.scheme_id == row.id).order_by(body.weight.desc(), body.kind).limit(limit)
    )


def grades_shown(actor: Actor, row: Any, limit: Any) -> Select[Any]:
    """What is reached from which total, for a derived field."""
    step = aliased(model.SchemeGrade)
    chosen = select(
        func.upper(step.grade).label("grade"),
        step.from_total,
        func.upper(step.effect).label("effect"),
    )
    return chosen.where(step.scheme_id == row.id).order_by(step.from_total.desc()).limit(limit)
