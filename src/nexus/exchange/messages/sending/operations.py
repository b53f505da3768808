"""Leasing partners, taking what is due, settling attempts, and telling who fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.exchange.messages import model, rules
from nexus.exchange.messages.moving.operations import finish, give_up, hold, recover
from nexus.exchange.messages.queries import live_secrets, take_messages
from nexus.exchange.messages.sending import queries

LEASE = timedelta(seconds=60)
"""No batch takes longer; what a killed worker had leased is free again after it."""
REST = timedelta(seconds=5)
"""After a turn in which there was nothing to send after all."""


class Result(StrEnum):
    """What came of one attempt."""

    ACKED = "acked"
    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Lease:
    """One turn at one partner: it holds while the partner counts no later one."""

    partner_id: UUID
    number: int


@dataclass(frozen=True)
class Letter:
    """A message about to be sent."""

    message_id: UUID
    thread_id: UUID
    sequence: int
    key: str
    body: bytes


@dataclass(frozen=True)
class Batch:
    """What one turn sends at once: each letter of another household."""

    mode: model.PartnerMode
    url: str | None
    folder: str | None
    sealed: Sequence[tuple[UUID, bytes]]
    """The live secrets: id and ciphertext, the newest first."""
    letters: Sequence[Letter]
    overdue: int
    """Letters sent before whose acknowledgement has not come in time."""


@dataclass(frozen=True)
class Outcome:
    """What came of one letter."""

    letter: Letter
    result: Result
    status: int | None = None
    error: str | None = None
    retry_after: int | None = None


# --- Turns ---


async def lease(
    session: AsyncSession, now: datetime, *, limit: int, besides: Sequence[UUID]
) -> list[Lease]:
    """Turns at up to `limit` partners with something due."""
    if limit <= 0:
        return []
    leases = []
    for row in await session.scalars(queries.ready(now, besides).limit(limit)):
        row.lease += 1
        row.leased_until = now + LEASE
        leases.append(Lease(row.id, row.lease))
    return leases


async def _leased(session: AsyncSession, turn: Lease) -> model.ExchangePartner | None:
    row = model.ExchangePartner
    return await session.scalar(
        select(row).where(row.id == turn.partner_id, row.lease == turn.number).with_for_update()
    )


async def take_batch(
    session: AsyncSession, turn: Lease, now: datetime, *, posts: int, laid_out: int
) -> Batch | None:
    """What to send now; None when the turn is over. While the breaker is open: one, a probe."""
    partner = await _leased(session, turn)
    if partner is None or partner.state is not model.PartnerState.ACTIVE:
        return None
    late = await _fail_overdue(session, partner, now)
    probing = partner.failures >= rules.BREAKER_AFTER
    size = posts if partner.mode is model.PartnerMode.CALL_OUT else laid_out
    rows = await session.execute(queries.heads(partner.id, now, 1 if probing else size))
    secrets = await live_secrets(session, partner.id, now)
    return Batch(
        partner.mode,
        partner.url,
        partner.folder,
        [(secret.id, secret.ciphertext) for secret in secrets],
        [
            Letter(row.id, row.thread_id, row.sequence, row.idempotency_key, row.body.encode())
            for row in rows
        ],
        late,
    )


async def _fail_overdue(
    session: AsyncSession, partner: model.ExchangePartner, now: datetime
) -> int:
    """A missing acknowledgement is a failure: the message goes out again, or is dead."""
    act = Act(session, system(now))
    late = (await session.scalars(queries.overdue(partner.id, now))).all()
    for row in late:
        row.last_error = "NO_ACK"
        if now >= row.expires_at:
            await give_up(act, row)
        else:
            act.move(row, model.TRANSITIONS, "fail")
    if late and partner.failing_at is None:
        partner.failing_at = now
    await session.flush()
    return len(late)


async def settle(
    session: AsyncSession, turn: Lease, now: datetime, outcomes: Sequence[Outcome], chance: float
) -> bool:
    """Write down what came of a batch; whether the turn goes on. Nothing when it was lost."""
    partner = await _leased(session, turn)
    if partner is None:
        return False
    act = Act(session, system(now))
    rows = await take_messages(session, [outcome.letter.message_id for outcome in outcomes])
    for outcome in outcomes:
        row = rows[outcome.letter.message_id]
        # What ended meanwhile, by an acknowledgement that was quicker, is left as it is.
        if row.state not in model.WAITING:
            continue
        row.attempts += 1
        row.last_attempt_at, row.last_status = now, outcome.status
        await _SETTLERS[outcome.result](act, row, outcome, chance)
    await _judge(act, partner, outcomes, chance)
    partner.leased_until = now + LEASE
    return partner.state is model.PartnerState.ACTIVE and partner.retry_at is None


async def _acked(act: Act, row: model.ExchangeMessage, outcome: Outcome, chance: float) -> None:
    await finish(act, row, "deliver")


async def _sent(act: Act, row: model.ExchangeMessage, outcome: Outcome, chance: float) -> None:
    act.move(row, model.TRANSITIONS, "send")
    row.sent_at, row.last_error = act.now, None
    row.due_at = act.now + rules.ACK_WITHIN
    await hold(act, row)


async def _failed(act: Act, row: model.ExchangeMessage, outcome: Outcome, chance: float) -> None:
    refused = outcome.result is Result.REFUSED
    row.refusals += refused
    row.last_error = outcome.error or rules.failure(outcome.status, None)
    if act.now >= row.expires_at or row.refusals >= rules.MAX_REFUSALS:
        await give_up(act, row)
        return
    act.move(row, model.TRANSITIONS, "fail")
    row.due_at = act.now + rules.pause(row.attempts, chance, outcome.retry_after)
    await hold(act, row)


_SETTLERS = {
    Result.ACKED: _acked,
    Result.SENT: _sent,
    Result.REFUSED: _failed,
    Result.FAILED: _failed,
}


# --- How the partner fares ---


async def _judge(
    act: Act, partner: model.ExchangePartner, outcomes: Sequence[Outcome], chance: float
) -> None:
    """The breaker: an answer closes it, and what waited is due at once."""
    laid_out = partner.mode is not model.PartnerMode.CALL_OUT
    answered = {Result.ACKED, Result.REFUSED} | (set() if laid_out else {Result.SENT})
    if any(outcome.result in answered for outcome in outcomes):
        await recover(act, partner)
        return
    failed = [outcome for outcome in outcomes if outcome.result is Result.FAILED]
    if failed:
        partner.failures += len(failed)
        partner.failing_at = partner.failing_at or act.now
        rest = rules.breaker_pause(partner.failures, chance)
        partner.retry_at = None if rest is None else act.now + rest


async def release(session: AsyncSession, turn: Lease, now: datetime, *, idle: bool) -> None:
    """End the turn; the partner goes to the end of the queue."""
    row = model.ExchangePartner
    await session.execute(
        update(row)
        .where(row.id == turn.partner_id, row.lease == turn.number)
        .values(leased_until=now + REST if idle else now)
    )


async def tell_failing_partners(session: AsyncSession, now: datetime) -> int:
    """A clock: tell once of each partner that has failed for an hour; how many."""
    act = Act(session, system(now))
    row = model.ExchangePartner
    failing = await session.scalars(
        select(row)
        .where(
            row.state == model.PartnerState.ACTIVE,
            row.failing_at <= now - rules.ALERT_AFTER,
            row.alarmed_at.is_(None),
        )
        .order_by(row.id)
        .with_for_update(skip_locked=True)
    )
    told = failing.all()
    for partner in told:
        partner.alarmed_at = now
        act.record("exchange_partner.failing", partner, failures=partner.failures)
    return len(told)
