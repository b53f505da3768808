"""Ending a message, letting its household's next one go, and a partner that answers again."""

from typing import Any
from uuid import UUID

from sqlalchemy import exists, update
from sqlalchemy.orm import aliased

from nexus.acting import Act
from nexus.exchange.messages import model
from nexus.exchange.messages.queries import WAITING

_M, _S = model.ExchangeMessage, model.MessageState


async def finish(act: Act, row: model.ExchangeMessage, verb: str) -> None:
    """The authority has it: the next of the household may go."""
    act.move(row, model.TRANSITIONS, verb)
    row.finished_at, row.last_error = act.now, None
    if row.died_at is not None:
        act.record("message.recovered", row, partner_id=row.partner_id)
    await _free(act, row)


async def give_up(act: Act, row: model.ExchangeMessage) -> None:
    """Dead until somebody replays it. It does not hold up its household any longer."""
    act.move(row, model.TRANSITIONS, "give_up")
    row.finished_at = row.died_at = act.now
    act.record(
        "message.dead",
        row,
        partner_id=row.partner_id,
        need_id=row.need_id,
        cause=row.last_error,
        attempts=row.attempts,
    )
    await _free(act, row)


def _behind(row: model.ExchangeMessage) -> Any:
    """The messages of the household that wait behind this one."""
    return update(_M).where(_M.thread_id == row.thread_id, WAITING, _M.position > row.position)


async def hold(act: Act, row: model.ExchangeMessage) -> None:
    """What follows of the household is due no earlier."""
    await act.session.execute(_behind(row).where(_M.due_at < row.due_at).values(due_at=row.due_at))


async def _free(act: Act, row: model.ExchangeMessage) -> None:
    await act.session.execute(_behind(row).where(_M.due_at > act.now).values(due_at=act.now))


async def recover(act: Act, partner: model.ExchangePartner) -> None:
    """It answers: what waited for it alone is due at once."""
    if partner.retry_at is not None:
        await _all_due(act, partner.id)
    partner.failures, partner.retry_at, partner.failing_at = 0, None, None
    partner.last_success_at = act.now
    if partner.alarmed_at is not None:
        partner.alarmed_at = None
        act.record("exchange_partner.recovered", partner)


async def _all_due(act: Act, partner_id: UUID) -> None:
    under_way = aliased(_M)
    unanswered = exists().where(
        under_way.thread_id == _M.thread_id,
        under_way.direction == model.MessageDirection.OUT,
        under_way.state == _S.SENT,
    )
    await act.session.execute(
        update(_M)
        .where(_M.partner_id == partner_id, WAITING, _M.due_at > act.now, ~unanswered)
        .values(due_at=act.now)
    )
