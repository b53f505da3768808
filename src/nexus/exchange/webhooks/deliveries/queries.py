"""What is to be sent, judged for the endpoint's account at the moment of sending."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    DateTime,
    Insert,
    Integer,
    Select,
    Uuid,
    and_,
    any_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.accounts.model import Account
from nexus.accounts.queries import area_prefix
from nexus.acting import NOBODY, Actor, Role, shape
from nexus.core.db import TransactionId
from nexus.core.following import settled
from nexus.core.outbox import Event
from nexus.exchange.changes import policy as changes_policy
from nexus.exchange.changes.queries import object_id, status
from nexus.exchange.webhooks import model
from nexus.exchange.webhooks.queries import is_live

CURSOR = "webhooks"

_E, _D = model.WebhookEndpoint, model.WebhookDelivery
_PENDING = _D.state == model.WebhookDeliveryState.PENDING
_MOMENT = DateTime(timezone=True)
_ENDPOINT_ID: Any = bindparam("endpoint_id", type_=Uuid())


def actor_of(account: Account, now: datetime) -> Actor:
    """The account, as whom its endpoint's changes are judged."""
    return Actor(
        role=Role(account.role),
        account_id=account.id,
        organization_id=account.organization_id or NOBODY,
        area_prefix=area_prefix(account.area_code),
        now=now,
    )


async def listening(session: AsyncSession) -> Sequence[tuple[model.WebhookEndpoint, Account]]:
    """The endpoints that changes are kept for, with their accounts."""
    found = await session.execute(
        select(_E, Account)
        .join(Account, Account.id == _E.account_id)
        .where(_E.state != model.WebhookEndpointState.CLOSED, is_live(Account))
        .order_by(_E.id)
    )
    return [(row[0], row[1]) for row in found]


async def next_place(
    session: AsyncSession, cursor: model.FeedCursor, limit: int | None
) -> tuple[int, int] | None:
    """The place of the last of the next `limit` settled events (of all, without); None if none."""
    start = tuple_(literal(cursor.xact, TransactionId()), literal(cursor.position, BigInteger()))
    after = [settled(Event), tuple_(Event.xact, Event.position) > start]
    window = select(Event.xact, Event.position).where(*after)
    if limit is None:
        last = window.order_by(Event.xact.desc(), Event.position.desc()).limit(1)
    else:
        rows = window.order_by(Event.xact, Event.position).limit(limit).subquery()
        last = select(rows).order_by(rows.c.xact.desc(), rows.c.position.desc()).limit(1)
    found = (await session.execute(last)).first()
    return None if found is None else (found[0], found[1])


@cache
def fan_out_of(role: Role) -> Insert:
    """INSERT … SELECT: a delivery for each change of a window that an actor of the role may know.

    Parameters: the actor's, endpoint_id, since, kinds, any_kind, start_* and end_*, now, expires.
    """
    event = aliased(Event)
    now = bindparam("now", type_=_MOMENT)
    made = {
        "id": func.gen_random_uuid(),
        "endpoint_id": _ENDPOINT_ID,
        "event_id": event.id,
        "object_id": event.object_id,
        "kind": event.kind,
        "state": literal(model.WebhookDeliveryState.PENDING.value),
        "attempts": literal(0, Integer()),
        "due_at": func.greatest(now, _waiting_for(event)),
        "created_at": now,
        "expires_at": bindparam("expires", type_=_MOMENT),
    }
    chosen = select(*made.values()).where(*_in_window(event))
    chosen = chosen.where(
        event.xact >= bindparam("since", type_=TransactionId()),
        event.object_type.in_(changes_policy.told_tables(role)),
        or_(
            bindparam("any_kind", type_=Boolean()),
            event.kind == any_(bindparam("kinds", type_=_E.kinds.type)),
        ),
        status(shape(role), event).is_not(None),
    )
    # The table itself: the ORM would take the parameters for the row's values.
    table: Any = _D.__table__
    return insert(table).from_select(list(made), chosen.order_by(event.xact, event.position))


def _in_window(event: Any) -> list[ColumnElement[bool]]:
    def at(name: str) -> Any:
        return tuple_(
            bindparam(f"{name}_xact", type_=TransactionId()),
            bindparam(f"{name}_position", type_=BigInteger()),
        )

    place = tuple_(event.xact, event.position)
    return [place > at("start"), place <= at("end")]


def _waiting_for(event: Any) -> Any:
    """SQL: when the last that waits for the same object is due: nothing may come before it."""
    earlier = aliased(_D)
    last = select(func.max(earlier.due_at)).where(
        earlier.endpoint_id == _ENDPOINT_ID,
        earlier.object_id == event.object_id,
        earlier.state == model.WebhookDeliveryState.PENDING,
    )
    return last.correlate_except(earlier).scalar_subquery()


@cache
def heads_of(role: Role) -> Select[Any]:
    """The deliveries whose turn it is: due, and the first that is pending of their object.

    With their events, the object's id, and whether an actor of the role may know of the change:
    false for a change, true for a tombstone, null for nothing.
    """
    event, earlier = aliased(Event), aliased(_D)
    blocked = (
        exists()
        .where(
            earlier.endpoint_id == _D.endpoint_id,
            earlier.object_id == _D.object_id,
            earlier.state == model.WebhookDeliveryState.PENDING,
            earlier.position < _D.position,
        )
        .correlate_except(earlier)
    )
    columns: list[Any] = [
        *(_D.id, _D.object_id.label("row_id"), _D.attempts, _D.expires_at),
        *(event.kind, event.occurred_at, event.object_type, event.object_version, event.sequence),
        object_id(event).label("object_id"),
        status(shape(role), event).label("tombstone"),
    ]
    return (
        select(*columns)
        .join(event, event.id == _D.event_id)
        .where(
            _D.endpoint_id == bindparam("endpoint_id", type_=Uuid()),
            _PENDING,
            _D.due_at <= bindparam("now", type_=_MOMENT),
            ~blocked,
        )
        .order_by(_D.position)
        .limit(bindparam("size", type_=Integer()))
    )


def ready(now: datetime, *, failing: bool, besides: Sequence[UUID]) -> Select[Any]:
    """Endpoints with something due that nobody has leased, those that wait longest first."""
    due = exists().where(_D.endpoint_id == _E.id, _PENDING, _D.due_at <= now)
    secret = model.WebhookSecret
    signs = exists().where(
        secret.endpoint_id == _E.id, or_(secret.expires_at.is_(None), secret.expires_at > now)
    )
    account = aliased(Account)
    owner = exists().where(account.id == _E.account_id, is_live(account))
    return (
        select(_E)
        .where(
            _E.state == model.WebhookEndpointState.ACTIVE,
            _E.id.not_in(besides),
            _E.failures > 0 if failing else _E.failures == 0,
            or_(_E.leased_until.is_(None), _E.leased_until <= now),
            or_(_E.retry_at.is_(None), _E.retry_at <= now),
            and_(owner, signs, due),
        )
        .order_by(_E.leased_until.nulls_first(), _E.id)
        .with_for_update(skip_locked=True)
    )


async def leased(
    session: AsyncSession, endpoint_id: UUID, lease: int
) -> tuple[model.WebhookEndpoint, Account] | None:
    """The endpoint and its account while the lease holds, both live; None otherwise."""
    found = (
        await session.execute(
            select(_E, Account)
            .join(Account, Account.id == _E.account_id)
            .where(
                _E.id == endpoint_id,
                _E.lease == lease,
                _E.state == model.WebhookEndpointState.ACTIVE,
                is_live(Account),
            )
        )
    ).first()
    return None if found is None else (found[0], found[1])
