"""A need, charities and stations to let pledges happen between, deed by deed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import NOWHERE, Act, Actor, Role, View, anonymous, system
from nexus.charity.model import Offer
from nexus.core.refusals import Refusal
from nexus.matching.deliveries import operations as deliveries
from nexus.matching.pledges import operations as pledges
from nexus.matching.pledges.model import Acknowledgement, Delivery, Pledge, PledgeState
from nexus.needs.model import Need
from nexus.supervision.operations import Finding, verify
from tests.making import making, now, today

ELSEWHERE = "4451"

SNAPSHOT = text(
    """
    SELECT json_build_object(
        'pledges', (SELECT json_agg(p ORDER BY id) FROM pledge p WHERE need_id = :need),
        'allocations', (SELECT json_agg(a ORDER BY id) FROM allocation a
                        WHERE line_id IN (SELECT id FROM need_line WHERE need_id = :need)),
        'lines', (SELECT json_agg(l ORDER BY id) FROM need_line l WHERE need_id = :need),
        'offers', (SELECT json_agg(o ORDER BY id) FROM offer o),
        'deliveries', (SELECT json_agg(d ORDER BY id) FROM delivery d WHERE need_id = :need),
        'moves', (SELECT count(*) FROM allocation_move),
        'events', (SELECT count(*) FROM event)
    )
    """
)


def actor_of(account: Account | None, at: datetime | None = None) -> Actor:
    """The account as it would be after sign-in; None is nobody."""
    moment = at or now()
    if account is None:
        return anonymous(moment)
    prefix = {"CN": "", None: NOWHERE}.get(account.area_code, account.area_code)
    organization = account.organization_id or UUID(int=0)
    return Actor(Role(account.role), account.id, organization, str(prefix), moment)


@dataclass
class Bridge:
    """One published need of 10 kg, an offer of 8 kg, and everybody who may or may not act."""

    engine: AsyncEngine
    need: Need
    offer: Offer
    people: dict[str, Account | None] = field(default_factory=dict)

    @property
    def line_id(self) -> UUID:
        return self.need.lines[0].id

    async def act(
        self,
        who: str | Account | None,
        deed: Callable[..., Awaitable[Any]],
        *given: Any,
        at: datetime | None = None,
        **more: Any,
    ) -> Any:
        """Do it in one transaction, as the door does."""
        account = self.people[who] if isinstance(who, str) else who
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            return await deed(Act(session, actor_of(account, at)), *given, **more)

    async def refused(
        self, who: str | None, deed: Callable[..., Awaitable[Any]], *given: Any, **more: Any
    ) -> Refusal:
        """The refusal, after making sure that nothing changed."""
        before = await self.snapshot()
        try:
            await self.act(who, deed, *given, **more)
        except Refusal as refusal:
            assert await self.snapshot() == before
            return refusal
        raise AssertionError(f"{deed.__name__} was not refused to {who}")

    async def snapshot(self) -> Any:
        """Everything a refused deed must leave alone."""
        async with AsyncSession(self.engine) as session:
            return (await session.execute(SNAPSHOT, {"need": self.need.id})).scalar_one()

    async def findings(self) -> list[Finding]:
        async with AsyncSession(self.engine) as session:
            return await verify(View(session, system(now())))

    async def counters(self) -> tuple[Any, ...]:
        """reserved, committed, delivered, confirmed of the first line."""
        async with AsyncSession(self.engine) as session:
            found = await session.execute(
                text("SELECT reserved, committed, delivered, confirmed FROM need_line WHERE id=:i"),
                {"i": self.line_id},
            )
            return tuple(found.one())

    async def taken(self, offer: Offer | None = None) -> tuple[Any, ...]:
        """capacity_reserved and capacity_used of the offer."""
        async with AsyncSession(self.engine) as session:
            found = await session.execute(
                text("SELECT capacity_reserved, capacity_used FROM offer WHERE id = :i"),
                {"i": (offer or self.offer).id},
            )
            return tuple(found.one())

    async def pledge(self, quantity: str = "5", **more: Any) -> Pledge:
        """A pledge from the bridge's offer."""
        given: dict[str, Any] = {"quantity": Decimal(quantity), "offer_id": self.offer.id} | more
        made: Pledge = await self.act("pledger", pledges.offer_pledge, self.line_id, **given)
        return made

    async def deliver(self, pledge: Pledge, quantity: str) -> Delivery:
        """Recorded by the pledging organization, today."""
        made: Delivery = await self.act(
            "pledger",
            deliveries.record_delivery,
            pledge.id,
            quantity=Decimal(quantity),
            delivered_on=today(),
        )
        return made

    async def acknowledge(self, delivery: Delivery) -> Delivery:
        made: Delivery = await self.act(
            "worker",
            deliveries.acknowledge_delivery,
            delivery.id,
            expected_version=delivery.version,
            method=Acknowledgement.SIGNATURE,
        )
        return made

    async def step(self, who: str, deed: Callable[..., Awaitable[Any]], row: Any) -> Any:
        """A transition with a reason, at the row's own version."""
        return await self.act(who, deed, row.id, expected_version=row.version, reason="说明")

    async def pledge_in(self, state: PledgeState) -> Pledge:
        """A pledge that came to the state by deeds."""
        pledge = await self.pledge()
        s = PledgeState
        if state is s.REJECTED:
            await self.step("worker", pledges.reject_pledge, pledge)
        elif state is s.WITHDRAWN:
            await self.step("pledger", pledges.withdraw_pledge, pledge)
        elif state is s.EXPIRED:
            await self.expire(pledge)
        elif state is not s.OFFERED:
            pledge = await self.step("worker", pledges.accept_pledge, pledge)
        if state in (s.PARTLY_FULFILLED, s.FULFILLED):
            await self.deliver(pledge, "2" if state is s.PARTLY_FULFILLED else "5")
        if state in (s.RELEASE_REQUESTED, s.RELEASED):
            pledge = await self.step("pledger", pledges.request_release, pledge)
        if state is s.RELEASED:
            await self.step("worker", pledges.release_pledge, pledge)
        found: Pledge = await self.reload(pledge)
        assert found.state is state
        return found

    async def expire(self, pledge: Pledge) -> bool:
        """Let the clock strike at the end of this pledge's time; whether that ended it."""
        async with AsyncSession(self.engine) as session, session.begin():
            await pledges.expire_pledges(session, pledge.expires_at)
        found: Pledge = await self.reload(pledge)
        return found.version > pledge.version

    async def reload(self, row: Any) -> Any:
        async with AsyncSession(self.engine) as session:
            return await session.get_one(type(row), row.id)


async def build_bridge(engine: AsyncEngine, **need: Any) -> Bridge:
    """A bridge of its own; rows of other bridges in the database do not matter to it."""
    async with making(engine) as m:
        station = await m.organization()
        charity, rival = await m.organization(), await m.organization()
        publisher = await m.authority()
        lines = need.pop("lines", [{"quantity_required": Decimal(10)}])
        made = await m.need(lines=lines, publisher_id=publisher.id, **need)
        offer = await m.offer(organization=charity, capacity_maximum=Decimal(8))
        people: dict[str, Account | None] = {
            "pledger": await m.account("charity_user", charity),
            "client": await m.account("charity_client", charity),
            "rival": await m.account("charity_user", rival),
            "vol_org": await m.account("vol_org", rival),
            "publisher": await m.account("gov_clerk", publisher, area_code=ELSEWHERE),
            "own_station": await m.account("station_lead", charity),
            "worker": await m.account("social_worker", station),
            "second_worker": await m.account("social_worker", station),
            "elsewhere": await m.account("gov_approver", area_code=ELSEWHERE),
            "nobody": None,
        }
        for role in Role:
            if role not in (Role.ANONYMOUS, Role.SYSTEM, Role.CHARITY_CLIENT, Role.CHARITY_USER):
                people.setdefault(role.value, await m.account(role))
    return Bridge(engine, made, offer, people)
