"""The messages whose turn it is, and the partners with something due."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.exchange.messages import model
from nexus.exchange.messages.queries import OUT, WAITING

_P, _M = model.ExchangePartner, model.ExchangeMessage


def heads(partner_id: UUID, now: datetime, limit: int) -> Select[UUID, UUID, int, str, str]:
    """Messages whose turn it is: due, with no earlier one of their household under way."""
    earlier = aliased(_M)
    blocked = (
        exists()
        .where(
            earlier.thread_id == _M.thread_id,
            earlier.direction == model.MessageDirection.OUT,
            earlier.state.in_(model.LIVE),
            earlier.position < _M.position,
        )
        .correlate_except(earlier)
    )
    return (
        select(_M.id, _M.thread_id, _M.sequence, _M.idempotency_key, _M.body)
        .where(_M.partner_id == partner_id, WAITING, _M.due_at <= now, ~blocked)
        .order_by(_M.position)
        .limit(limit)
    )


def overdue(partner_id: UUID, now: datetime) -> Select[model.ExchangeMessage]:
    """Sent messages whose acknowledgement has not come in time, locked."""
    return (
        select(_M)
        .where(
            _M.partner_id == partner_id,
            OUT,
            _M.state == model.MessageState.SENT,
            _M.due_at <= now,
        )
        .order_by(_M.position)
        .limit(500)
        .with_for_update(skip_locked=True)
    )


def ready(now: datetime, besides: Sequence[UUID]) -> Select[model.ExchangePartner]:
    """Partners with something due that nobody has leased, those that wait longest first."""
    signs = exists().where(
        model.ExchangeSecret.partner_id == _P.id,
        or_(
            model.ExchangeSecret.expires_at.is_(None),
            model.ExchangeSecret.expires_at > now,
        ),
    )
    due = exists().where(_M.partner_id == _P.id, OUT, _M.state.in_(model.LIVE), _M.due_at <= now)
    return (
        select(_P)
        .where(
            _P.state == model.PartnerState.ACTIVE,
            _P.id.not_in(besides),
            or_(_P.leased_until.is_(None), _P.leased_until <= now),
            or_(_P.retry_at.is_(None), _P.retry_at <= now),
            or_(_P.mode != model.PartnerMode.CALL_OUT, signs),
            due,
        )
        .order_by(_P.leased_until.nulls_first(), _P.id)
        .with_for_update(skip_locked=True)
    )


async def folders(session: AsyncSession) -> Sequence[model.ExchangePartner]:
    """The partners whose folders are looked into."""
    found = await session.scalars(
        select(_P)
        .where(_P.mode == model.PartnerMode.FILE_DROP, _P.state != model.PartnerState.CLOSED)
        .order_by(_P.id)
    )
    return found.all()
