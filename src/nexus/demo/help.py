"""How needs are met: pledges, deliveries, and what was said of them, some to the end."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial

from sqlalchemy import select

from nexus.accounts.model import Account
from nexus.charity.model import Offer
from nexus.demo.deeds import Deeds
from nexus.demo.parties import StaffedStation
from nexus.matching.deliveries import operations as deliveries
from nexus.matching.feedback.operations import give_feedback
from nexus.matching.pledges import operations as pledges
from nexus.matching.pledges.model import Acknowledgement, Delivery, Pledge
from nexus.needs.model import Need, NeedKind, NeedLine

STAGES = ("none", "offered", "accepted", "delivered", "confirmed", "disputed", "withdrawn")
WEIGHTS = (5, 3, 3, 2, 5, 1, 1)


class Help(Deeds):
    """Pledges on published lines and takes them as far as chance says."""

    async def lines(self, need: Need) -> list[NeedLine]:
        """The lines as they stand."""
        async with self.sessions() as session:
            found = await session.scalars(select(NeedLine).where(NeedLine.need_id == need.id))
            return list(found)

    async def give(
        self, need: Need, station: StaffedStation, ago: timedelta, *, whole: bool
    ) -> None:
        """Help for each line that somebody's offer fits; to the last confirmation if `whole`."""
        for line in await self.lines(need):
            found = await self._fitting(line)
            stage = "confirmed" if whole else self.rng.choices(STAGES, WEIGHTS)[0]
            if found is None or stage == "none":
                continue
            pledge = await self._pledge(line, *found, ago - timedelta(days=1), whole=whole)
            if pledge is not None:
                await self._follow(pledge, found[1], station, ago - timedelta(days=1), stage)

    async def _fitting(self, line: NeedLine) -> tuple[Offer, Account] | None:
        """Some charity's offer of the same item, with the account that acts for it."""
        accounts = {organization.id: account for organization, account in self.world.charities}
        statement = (
            select(Offer)
            .where(
                Offer.category == line.category,
                Offer.kind == line.kind.value,
                Offer.unit == line.unit,
                Offer.item_code.is_not_distinct_from(line.item_code),
                Offer.organization_id.in_(accounts),
            )
            .order_by(Offer.no)
        )
        async with self.sessions() as session:
            rows = list(await session.scalars(statement))
        if not rows:
            return None
        offer = self.rng.choice(rows)
        return offer, accounts[offer.organization_id]

    async def _pledge(
        self, line: NeedLine, offer: Offer, account: Account, ago: timedelta, *, whole: bool
    ) -> Pledge | None:
        quantity = line.quantity_required or Decimal(1)
        if not whole:
            quantity = max(Decimal(1), quantity // 2)
        cash = line.kind is NeedKind.CASH
        return await self.attempt(
            account,
            ago,
            lambda act: pledges.offer_pledge(
                act,
                line.id,
                quantity=quantity,
                offer_id=offer.id,
                amount_fen=int(quantity * 100) if cash else None,
                planned_on=self.world.today + timedelta(days=10),
            ),
        )

    async def _follow(
        self, pledge: Pledge, account: Account, station: StaffedStation, ago: timedelta, stage: str
    ) -> None:
        """Take the pledge as far as the stage says."""
        if stage == "offered":
            return
        if stage == "withdrawn":
            deed = partial(pledges.withdraw_pledge, reason="物资调配有变。")
            await self.attempt(
                account, ago, lambda act: deed(act, pledge.id, expected_version=pledge.version)
            )
            return
        await self.attempt(
            station.clerk,
            ago,
            lambda act: pledges.accept_pledge(act, pledge.id, expected_version=pledge.version),
        )
        if stage == "accepted":
            return
        day = (self.world.now - ago).date()
        delivery = await self.attempt(
            account,
            ago,
            lambda act: deliveries.record_delivery(
                act, pledge.id, quantity=pledge.quantity, delivered_on=day, place="home"
            ),
        )
        if delivery is not None and stage != "delivered":
            await self._say(delivery, station, ago, disputed=stage == "disputed")

    async def _say(
        self, delivery: Delivery, station: StaffedStation, ago: timedelta, *, disputed: bool
    ) -> None:
        """The recipient's word, which the station records."""
        deed: Callable[..., Awaitable[Delivery]]
        if disputed:
            deed = partial(deliveries.dispute_delivery, reason="数量与记录不符。")
        else:
            method = self.rng.choice(list(Acknowledgement))
            deed = partial(deliveries.acknowledge_delivery, method=method)
        await self.attempt(
            station.lead,
            ago,
            lambda act: deed(act, delivery.id, expected_version=delivery.version),
        )
        if not disputed:
            rating = self.rng.choice((3, 4, 4, 5, 5, 5))
            await self.attempt(
                station.workers[0],
                ago,
                lambda act: give_feedback(act, delivery_id=delivery.id, rating=rating),
            )
