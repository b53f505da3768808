"""Everybody at once, on the same few lines and offers: no deadlock, and every sum still holds."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.charity.model import Offer
from nexus.charity.operations import set_capacity
from nexus.core.db import make_engine
from nexus.core.embedded import Database
from nexus.core.refusals import Refusal
from nexus.matching.deliveries import operations as deliveries
from nexus.matching.pledges import operations as pledges
from nexus.matching.pledges.model import Acknowledgement, Delivery, Pledge
from nexus.needs.model import CloseReason
from nexus.needs.operations import change_quantity, close_need
from nexus.needs.publication.operations import pause_need, resume_need
from nexus.organizations.model import Organization
from tests.making import making, now, today
from tests.matching.bridge import Bridge, build_bridge

WORKERS = 24
DEEDS = 50


class Crowd:
    """Random deeds of everybody on a need with two lines and three offers."""

    def __init__(self, bridge: Bridge, offers: list[Offer]) -> None:
        self.bridge, self.offers = bridge, offers
        self.done: Counter[str] = Counter()

    async def some(self, table: type[Any], chance: random.Random) -> Any:
        """A row of the need, as it stands now."""
        async with AsyncSession(self.bridge.engine) as session:
            found = await session.execute(select(table).where(table.need_id == self.bridge.need.id))
            rows = list(found.scalars())
        return chance.choice(rows) if rows else None

    async def now(self, row: Any) -> int:
        return int((await self.bridge.reload(row)).version)

    async def pledge(self, chance: random.Random) -> Any:
        offer = chance.choice([*self.offers, None])
        return await self.bridge.act(
            "pledger",
            pledges.offer_pledge,
            chance.choice(self.bridge.need.lines).id,
            quantity=Decimal(chance.randint(1, 3)),
            offer_id=offer.id if offer else None,
        )

    async def decide(self, chance: random.Random) -> Any:
        row = await self.some(Pledge, chance)
        who, deed = chance.choice(
            [
                ("worker", pledges.accept_pledge),
                ("worker", pledges.accept_pledge),
                ("worker", pledges.reject_pledge),
                ("pledger", pledges.withdraw_pledge),
                ("pledger", pledges.request_release),
                ("worker", pledges.release_pledge),
            ]
        )
        return row and await self.bridge.step(who, deed, row)

    async def deliver(self, chance: random.Random) -> Any:
        row = await self.some(Pledge, chance)
        return row and await self.bridge.act(
            "pledger",
            deliveries.record_delivery,
            row.id,
            quantity=Decimal(1),
            delivered_on=today(),
        )

    async def settle(self, chance: random.Random) -> Any:
        row = await self.some(Delivery, chance)
        if row is None:
            return None
        if chance.random() < 0.4:
            return await self.bridge.act(
                "worker",
                deliveries.acknowledge_delivery,
                row.id,
                expected_version=row.version,
                method=Acknowledgement.OTP,
            )
        deed = chance.choice([deliveries.dispute_delivery, deliveries.reverse_delivery])
        return await self.bridge.step("worker", deed, row)

    async def strike(self, chance: random.Random) -> Any:
        async with AsyncSession(self.bridge.engine) as session, session.begin():
            return await pledges.expire_pledges(session, now() + timedelta(days=40), limit=4)

    async def govern(self, chance: random.Random) -> Any:
        need = self.bridge.need
        deed: Callable[..., Awaitable[Any]] = chance.choice([pause_need, resume_need, resume_need])
        return await self.bridge.act(
            "gov_approver", deed, need.id, expected_version=await self.now(need), reason="说明"
        )

    async def resize(self, chance: random.Random) -> Any:
        if chance.random() < 0.5:
            return await self.bridge.act(
                "gov_approver",
                change_quantity,
                chance.choice(self.bridge.need.lines).id,
                expected_version=await self.now(self.bridge.need),
                quantity=Decimal(chance.randint(10, 40)),
            )
        offer = chance.choice(self.offers)
        return await self.bridge.act(
            "pledger",
            set_capacity,
            offer.id,
            expected_version=await self.now(offer),
            maximum=Decimal(chance.randint(10, 40)),
        )

    async def close(self, chance: random.Random) -> Any:
        need = self.bridge.need
        return await self.bridge.act(
            "gov_approver",
            close_need,
            need.id,
            expected_version=await self.now(need),
            close_reason=CloseReason.MET,
        )

    async def work(self, seed: int) -> None:
        chance = random.Random(seed)
        deeds = [
            *(self.pledge,) * 6,
            *(self.decide,) * 6,
            *(self.deliver,) * 3,
            *(self.settle,) * 3,
            self.strike,
            self.govern,
            self.resize,
            self.close,
        ]
        for _ in range(DEEDS):
            deed = chance.choice(deeds)
            try:
                await deed(chance)
                self.done[deed.__name__] += 1
            except Refusal as refusal:
                self.done[refusal.code] += 1


async def test_no_deadlock_and_every_sum_holds(database: Database) -> None:
    engine = make_engine(database.app_url, pool_size=WORKERS)
    lines = [{"quantity_required": Decimal(30)}, {"quantity_required": Decimal(30)}]
    bridge = await build_bridge(engine, lines=lines)
    async with making(engine) as m:
        charity = await m.session.get_one(Organization, bridge.offer.organization_id)
        ready: list[dict[str, Any]] = [{"pre_approved": True}, {}, {}]
        offers = [await m.offer(charity, **more) for more in ready]
    crowd = Crowd(bridge, [bridge.offer, *offers])
    # A deadlock is no Refusal: it would come out of the deed it was thrown at.
    try:
        await asyncio.gather(*(crowd.work(seed) for seed in range(WORKERS)))
        assert await bridge.findings() == []
    finally:
        await engine.dispose()
    assert {"pledge", "decide", "deliver", "settle", "strike", "resize"} <= crowd.done.keys()
