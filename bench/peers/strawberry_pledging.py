"""The Strawberry peer's mutation: the rows that nexus writes, through the ORM's unit of work."""

import hashlib
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import NUMBERS
from nexus.core.ids import new_id
from nexus.core.outbox import Event
from nexus.graph.idempotency import IdempotencyKey
from nexus.matching.pledges.model import Allocation, AllocationMove, Bucket, Pledge, PledgeState
from nexus.needs.model import Need, NeedLine
from nexus.needs.policy import line_visible
from nexus.organizations.queries import is_verified


class NeedOrder(Enum):
    """The one order that is asked for."""

    PUBLISHED = "published"


async def offer_pledge(context: Any, line_id: UUID, quantity: Decimal, key: str) -> Pledge | str:
    """The new pledge, or the code of a refusal."""
    async with AsyncSession(context.writer, expire_on_commit=False) as session, session.begin():
        actor = context.actor
        known = await session.get(IdempotencyKey, (actor.account_id, key))
        if known is not None and known.row_id is not None:
            return await session.get_one(Pledge, known.row_id)
        found = await session.execute(
            select(NeedLine, Need, is_verified(actor.organization_id))
            .join(Need, Need.id == NeedLine.need_id)
            .where(NeedLine.id == line_id, line_visible(actor, NeedLine))
        )
        row = found.one_or_none()
        if row is None:
            return "NOT_FOUND"
        line, need, verified = row
        if not verified or not line.published:
            return "GUARD_FAILED"
        number = await session.scalar(select(NUMBERS.next_value()))
        pledge = _pledge(actor, line, need, quantity, f"{number:06d}")
        digest = hashlib.sha256(f"offerPledge {line_id} {quantity}".encode()).digest()
        session.add(
            IdempotencyKey(
                account_id=actor.account_id,
                key=key,
                input_hash=digest,
                row_id=pledge.id,
                created_at=actor.now,
            )
        )
        session.add(pledge)
        session.add(_event(actor, pledge))
        await session.flush()
        allocation = Allocation(
            id=new_id(),
            pledge_id=pledge.id,
            line_id=line.id,
            quantity=quantity,
            created_at=actor.now,
        )
        session.add(allocation)
        await session.flush()
        session.add(
            AllocationMove(
                allocation_id=allocation.id,
                from_bucket=Bucket.OPEN,
                to_bucket=Bucket.RESERVED,
                quantity=quantity,
                moved_at=actor.now,
                moved_by=actor.account_id,
            )
        )
        return pledge


def _pledge(actor: Any, line: NeedLine, need: Need, quantity: Decimal, number: str) -> Pledge:
    return Pledge(
        id=new_id(),
        no=f"P-{need.shown_area_code}-{actor.now.year}-{number}",
        need_id=need.id,
        line_id=line.id,
        organization_id=actor.organization_id,
        quantity=quantity,
        expires_at=actor.now + timedelta(days=3),
        state=PledgeState.OFFERED,
        version=1,
        created_at=actor.now,
        created_by=actor.account_id,
    )


def _event(actor: Any, pledge: Pledge) -> Event:
    return Event(
        kind="pledge.offered",
        object_type="pledge",
        object_id=pledge.id,
        object_version=1,
        actor_id=actor.account_id,
        actor_role=actor.role.value,
        organization_id=actor.organization_id,
        occurred_at=actor.now,
        facts={
            "need_id": str(pledge.need_id),
            "line_id": str(pledge.line_id),
            "organization_id": str(pledge.organization_id),
            "quantity": str(pledge.quantity),
        },
    )
