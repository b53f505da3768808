"""Turning changes into deliveries, leasing endpoints, settling attempts, delivering again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Update, Uuid, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.refusals import Invalid
from nexus.exchange.webhooks import model, policy
from nexus.exchange.webhooks.deliveries import queries, rules
from nexus.exchange.webhooks.queries import live_secrets

LEASE = timedelta(seconds=60)
"""No batch takes longer; what a killed worker had leased is free again after it."""
WINDOW = 500
"""Events turned into deliveries in one transaction."""
KEPT = timedelta(days=90)
"""How long the log keeps what is finished."""

_D = model.WebhookDelivery
_S = model.WebhookDeliveryState


@dataclass(frozen=True)
class Lease:
    """One turn at one endpoint: it holds while the endpoint counts no later one."""

    endpoint_id: UUID
    number: int


@dataclass(frozen=True)
class Parcel:
    """A delivery about to be sent."""

    delivery_id: UUID
    object_id: UUID
    attempts: int
    expires_at: datetime
    body: bytes


@dataclass(frozen=True)
class Batch:
    """What one turn sends at once: each parcel of another object. `withheld` is not sent."""

    url: str
    sealed: Sequence[tuple[UUID, bytes]]
    """The live secrets: id and ciphertext, the newest first."""
    parcels: Sequence[Parcel] = ()
    withheld: Sequence[UUID] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt."""

    parcel: Parcel
    status: int | None
    error: str | None
    duration_ms: int
    accepted: bool
    retry_after: int | None = None


async def fan_out(session: AsyncSession, now: datetime) -> int:
    """Turn the next settled events into deliveries; how far it came: 0 when there was none.

    The cursor's row is the turn: one worker at a time, so deliveries stand in the feed's order.
    """
    cursor = await session.scalar(
        select(model.FeedCursor)
        .where(model.FeedCursor.name == queries.CURSOR)
        .with_for_update(skip_locked=True)
    )
    if cursor is None:
        return 0
    endpoints = await queries.listening(session)
    end = await queries.next_place(session, cursor, WINDOW if endpoints else None)
    if end is None:
        return 0
    window = {
        "start_xact": cursor.xact,
        "start_position": cursor.position,
        "end_xact": end[0],
        "end_position": end[1],
        "now": now,
        "expires": now + rules.LIFE,
    }
    for endpoint, account in endpoints:
        actor = queries.actor_of(account, now)
        await session.execute(
            queries.fan_out_of(actor.role),
            {
                **actor.binds(),
                **window,
                "endpoint_id": endpoint.id,
                "since": endpoint.since_xact,
                "any_kind": not endpoint.kinds,
                "kinds": endpoint.kinds,
            },
        )
    cursor.xact, cursor.position = end
    return 1


async def lease(
    session: AsyncSession, now: datetime, *, limit: int, failing: bool, besides: Sequence[UUID]
) -> list[Lease]:
    """Turns at up to `limit` endpoints with something due, healthy or failing ones."""
    if limit <= 0:
        return []
    found = await session.scalars(queries.ready(now, failing=failing, besides=besides).limit(limit))
    leases = []
    for row in found:
        row.lease += 1
        row.leased_until = now + LEASE
        leases.append(Lease(row.id, row.lease))
    return leases


async def take_batch(
    session: AsyncSession, turn: Lease, now: datetime, *, size: int
) -> Batch | None:
    """What to send now, judged for the account as it stands; None when the turn is over.

    While the breaker is open it is one delivery: a probe.
    """
    found = await queries.leased(session, turn.endpoint_id, turn.number)
    if found is None:
        return None
    endpoint, account = found
    actor = queries.actor_of(account, now)
    probing = endpoint.failures >= rules.BREAKER_AFTER
    heads = await session.execute(
        queries.heads_of(actor.role),
        {
            **actor.binds(),
            "endpoint_id": endpoint.id,
            "now": now,
            "size": 1 if probing else size,
        },
    )
    secrets = await live_secrets(session, endpoint.id, now)
    sealed = [(secret.id, secret.ciphertext) for secret in secrets]
    rows = heads.all()
    return Batch(
        endpoint.url,
        sealed,
        [_parcel(row) for row in rows if row.tombstone is not None],
        [row.id for row in rows if row.tombstone is None],
    )


def _parcel(row: Any) -> Parcel:
    body = rules.payload(
        kind=row.kind,
        occurred_at=row.occurred_at,
        object_id=row.object_id,
        object_type=row.object_type.upper(),
        version=row.object_version,
        sequence=row.sequence,
        tombstone=row.tombstone,
    )
    return Parcel(row.id, row.row_id, row.attempts, row.expires_at, body)


async def settle(
    session: AsyncSession,
    turn: Lease,
    now: datetime,
    outcomes: Sequence[Outcome],
    withheld: Sequence[UUID],
    chance: float,
) -> bool:
    """Write down what came of a batch; whether the turn goes on. Nothing when it was lost."""
    endpoint = await session.scalar(
        select(model.WebhookEndpoint)
        .where(model.WebhookEndpoint.id == turn.endpoint_id)
        .with_for_update()
    )
    if endpoint is None or endpoint.lease != turn.number:
        return False
    await _deliver(session, [one for one in outcomes if one.accepted], now)
    for outcome in outcomes:
        if not outcome.accepted:
            await _postpone(session, endpoint.id, outcome, now, chance)
    if withheld:
        await session.execute(_pending(withheld).values(state=_S.WITHHELD, finished_at=now))
    await _judge_endpoint(session, endpoint, now, outcomes, chance)
    endpoint.leased_until = now + LEASE
    return endpoint.state is model.WebhookEndpointState.ACTIVE and endpoint.retry_at is None


def _pending(ids: Any) -> Update:
    """Of these deliveries those that still wait: what ended meanwhile is left as it is."""
    return update(_D).where(_D.id.in_(ids), _D.state == _S.PENDING)


async def _deliver(session: AsyncSession, outcomes: Sequence[Outcome], now: datetime) -> None:
    if not outcomes:
        return
    done: Any = (
        func.unnest(
            literal([one.parcel.delivery_id for one in outcomes], ARRAY(Uuid())),
            literal([one.status for one in outcomes], ARRAY(Integer())),
            literal([one.duration_ms for one in outcomes], ARRAY(Integer())),
        )
        .table_valued("id", "status", "duration", name="done")
        .render_derived()
    )
    await session.execute(
        update(_D)
        .where(_D.id == done.c.id, _D.state == _S.PENDING)
        .values(
            state=_S.DELIVERED,
            attempts=_D.attempts + 1,
            finished_at=now,
            last_attempt_at=now,
            last_status=done.c.status,
            last_duration_ms=done.c.duration,
            last_error=None,
        )
        .execution_options(synchronize_session=False)
    )


async def _postpone(
    session: AsyncSession, endpoint_id: UUID, outcome: Outcome, now: datetime, chance: float
) -> None:
    """A failed attempt: later again, and what follows of the same object no earlier; or dead."""
    parcel = outcome.parcel
    asked = min(timedelta(seconds=outcome.retry_after or 0), rules.LONGEST_PAUSE)
    due = now + max(rules.pause(parcel.attempts + 1, chance), asked)
    over = now >= parcel.expires_at
    await session.execute(
        _pending([parcel.delivery_id]).values(
            attempts=parcel.attempts + 1,
            last_attempt_at=now,
            last_status=outcome.status,
            last_duration_ms=outcome.duration_ms,
            last_error=rules.failure(outcome.status, outcome.error),
            **({"state": _S.DEAD, "finished_at": now} if over else {"due_at": due}),
        )
    )
    if not over:
        await session.execute(
            update(_D)
            .where(
                _D.endpoint_id == endpoint_id,
                _D.object_id == parcel.object_id,
                _D.state == _S.PENDING,
                _D.due_at < due,
            )
            .values(due_at=due)
        )


async def _judge_endpoint(
    session: AsyncSession,
    endpoint: model.WebhookEndpoint,
    now: datetime,
    outcomes: Sequence[Outcome],
    chance: float,
) -> None:
    """The breaker: one success closes it, and what waited is due at once."""
    if any(outcome.accepted for outcome in outcomes):
        if endpoint.retry_at is not None:
            await _all_due(session, endpoint.id, now)
        endpoint.failures, endpoint.retry_at, endpoint.last_success_at = 0, None, now
        return
    if not outcomes:
        return
    endpoint.failures += len(outcomes)
    rest = rules.breaker_pause(endpoint.failures, chance)
    endpoint.retry_at = None if rest is None else now + rest
    if any(outcome.status == rules.GONE for outcome in outcomes):
        act = Act(session, system(now))
        act.move(endpoint, model.TRANSITIONS, "pause")
        endpoint.state_reason = "The receiver answered 410 Gone."
        act.record("webhook_endpoint.paused", endpoint)
    await _give_up_expired(session, endpoint.id, now)


async def _all_due(session: AsyncSession, endpoint_id: UUID, now: datetime) -> None:
    await session.execute(
        update(_D)
        .where(_D.endpoint_id == endpoint_id, _D.state == _S.PENDING, _D.due_at > now)
        .values(due_at=now)
    )


async def _give_up_expired(session: AsyncSession, endpoint_id: UUID, now: datetime) -> None:
    """What has waited for seven days behind a receiver that fails is dead too."""
    await session.execute(
        update(_D)
        .where(_D.endpoint_id == endpoint_id, _D.state == _S.PENDING, _D.expires_at <= now)
        .values(state=_S.DEAD, finished_at=now, last_error=func.coalesce(_D.last_error, "EXPIRED"))
    )


async def release(session: AsyncSession, turn: Lease, now: datetime) -> None:
    """End the turn; the endpoint goes to the end of the queue."""
    row = model.WebhookEndpoint
    await session.execute(
        update(row)
        .where(row.id == turn.endpoint_id, row.lease == turn.number)
        .values(leased_until=now)
    )


async def redeliver_webhook(act: Act, delivery_id: UUID) -> model.WebhookDelivery:
    """Send it again under the same webhook-id, at once and for seven days."""
    row = await act.take(_D, delivery_id, visible=policy.delivery_visible)
    act.permit(policy.may_manage, row)
    again = model.DELIVERY_TRANSITIONS.after("redeliver", row.state)
    await _open_endpoint(act, row.endpoint_id)
    row.state, row.attempts, row.finished_at = again, 0, None
    row.due_at, row.expires_at = act.now, act.now + rules.LIFE
    act.record("webhook_delivery.redelivered", row, endpoint_id=row.endpoint_id)
    return row


async def redeliver_failed(
    act: Act, endpoint_id: UUID, *, since: datetime
) -> model.WebhookEndpoint:
    """Send again whatever died and was made at or after `since`, in the order of the feed."""
    endpoint = await _open_endpoint(act, endpoint_id)
    act.permit(policy.may_manage, endpoint)
    if since > act.now:
        raise Invalid("`since` lies in the future: give a moment in the past.", field="since")
    again = await act.session.execute(
        update(_D)
        .where(_D.endpoint_id == endpoint_id, _D.state == _S.DEAD, _D.created_at >= since)
        .values(
            state=_S.PENDING,
            attempts=0,
            finished_at=None,
            due_at=act.now,
            expires_at=act.now + rules.LIFE,
        )
        .returning(_D.id)
    )
    act.record("webhook_endpoint.redelivered", endpoint, deliveries=len(again.all()))
    return endpoint


async def _open_endpoint(act: Act, endpoint_id: UUID) -> model.WebhookEndpoint:
    """The endpoint, locked, unless it is closed. Its breaker starts anew."""
    endpoint = await act.take(model.WebhookEndpoint, endpoint_id, visible=policy.visible)
    model.TRANSITIONS.after("update", endpoint.state)
    endpoint.failures, endpoint.retry_at = 0, None
    return endpoint


async def forget_deliveries(session: AsyncSession, now: datetime) -> int:
    """Drop finished deliveries from the log after ninety days, in slices. A clock calls it."""
    old = select(_D.id).where(_D.finished_at < now - KEPT).limit(5000)
    dropped = await session.execute(delete(_D).where(_D.id.in_(old)).returning(_D.id))
    return len(dropped.all())
