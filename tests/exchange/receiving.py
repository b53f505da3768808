"""Endpoints with a receiver behind them, a clock to turn, and a courier to carry."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Act, system
from nexus.core.db import Base
from nexus.exchange.webhooks import operations
from nexus.exchange.webhooks import rules as webhook_rules
from nexus.exchange.webhooks.deliveries.reactions import Courier
from nexus.exchange.webhooks.model import WebhookDelivery, WebhookEndpoint
from nexus.exchange.webhooks.rules import Mailroom
from nexus.integrations.fakes import FakePoster, Posted
from tests.deeds import VAULT_KEY, actor_of
from tests.making import now


@dataclass
class Clock:
    """A clock that stands still until it is turned."""

    time: datetime = field(default_factory=now)

    def __call__(self) -> datetime:
        return self.time

    def turn(self, **by: float) -> datetime:
        """Go on by a time."""
        self.time += timedelta(**by)
        return self.time


@dataclass
class Post:
    """A courier over a fake receiver, with a clock."""

    engine: AsyncEngine
    poster: FakePoster = field(default_factory=FakePoster)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.mailroom = Mailroom(VAULT_KEY)
        self.courier = Courier(self.engine, self.poster, self.mailroom, self.clock, lambda: 0.5)

    async def endpoint(
        self, account: Account, url: str = "https://hooks.partner-a.cn/in", kinds: Any = ()
    ) -> tuple[WebhookEndpoint, str]:
        """An endpoint of the account, and its secret."""
        info = {webhook_rules.WEBHOOKS: self.mailroom}
        async with AsyncSession(self.engine, expire_on_commit=False, info=info) as session:
            async with session.begin():
                act = Act(session, actor_of(account, self.clock.time))
                row = await operations.create_webhook_endpoint(
                    act, url=url, kinds=kinds, label=None
                )
                issued = await operations.rotate_webhook_secret(act, row.id, expected_version=1)
        return row, str(issued["secret"])

    async def tell(self, kind: str, *rows: Any) -> None:
        """News of the rows, in one transaction."""
        async with AsyncSession(self.engine) as session, session.begin():
            act = Act(session, system(self.clock.time))
            for row in rows:
                act.record(kind, row)

    async def carry(self) -> None:
        """All that is due now; the clock never stands before the real one."""
        self.clock.time = max(self.clock.time, now())
        await self.courier.run_until_idle()

    async def carry_for(self, **length: float) -> None:
        """Let the time pass, from one due moment to the next."""
        end = self.clock.time + timedelta(**length)
        while (due := await self._next_due()) is not None and due <= end:
            self.clock.time = max(due, self.clock.time)
            await self.carry()
        self.clock.time = end
        await self.carry()

    async def _next_due(self) -> datetime | None:
        async with AsyncSession(self.engine) as session:
            delivery, endpoint = WebhookDelivery, WebhookEndpoint
            rows = await session.execute(
                select(delivery.due_at, endpoint.retry_at)
                .join(endpoint, endpoint.id == delivery.endpoint_id)
                .where(delivery.state == "pending", endpoint.state == "active")
                .order_by(delivery.due_at)
                .limit(200)
            )
            found = [max(due, retry or due) for due, retry in rows]
            found = [moment for moment in found if moment > self.clock.time]
            return min(found) if found else None

    def bodies(self, url: str | None = None) -> list[dict[str, Any]]:
        """What was posted, opened."""
        return [json.loads(p.body) for p in self.poster.posts if url in (None, p.url)]

    def told(self) -> list[tuple[str, str]]:
        """Kind and object of each post."""
        return [(body["type"], body["data"]["id"]) for body in self.bodies()]


async def rows_of(engine: AsyncEngine, model: type[Base], **wanted: Any) -> Sequence[Any]:
    """The rows of a table with these values, oldest first."""
    async with AsyncSession(engine) as session:
        table: Any = model
        found = await session.scalars(select(table).filter_by(**wanted).order_by(table.id))
        return found.all()


async def deliveries_of(engine: AsyncEngine, endpoint_id: UUID) -> Sequence[WebhookDelivery]:
    """The log of an endpoint in the order of the feed."""
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(WebhookDelivery)
            .where(WebhookDelivery.endpoint_id == endpoint_id)
            .order_by(WebhookDelivery.position)
        )
        return found.all()


def verified(posted: Posted, *secrets: str) -> list[bool]:
    """For each secret, whether one of the signatures was made with it (by the book, apart)."""
    given = [one.split(",", 1) for one in posted.headers["webhook-signature"].split(" ")]
    signed = (
        f"{posted.headers['webhook-id']}.{posted.headers['webhook-timestamp']}.".encode()
        + posted.body
    )
    found = []
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        made = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        found.append(["v1", made] in given)
    return found
