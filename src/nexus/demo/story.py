"""Offers, needs in every state, pledges, deliveries and words on them: deeds of those who act."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from nexus.accounts.model import Account
from nexus.acting import Act
from nexus.charity import operations as charity
from nexus.charity.model import CharityProject, Offer, OfferKind
from nexus.charity.projects.operations import (
    ProjectTerms,
    create_project,
    file_project,
    start_project,
)
from nexus.core.refusals import Refusal
from nexus.demo.parties import PROVINCE, StaffedStation, World
from nexus.demo.people import Subject
from nexus.demo.wants import GROUP_WANTS, SPARE, URGENCIES, URGENCY_WEIGHTS, WANTS, Want
from nexus.matching.deliveries import operations as deliveries
from nexus.matching.feedback.operations import give_feedback
from nexus.matching.pledges import operations as pledges
from nexus.matching.pledges.model import Acknowledgement, Pledge
from nexus.needs import operations as needs
from nexus.needs.drafts.operations import create_need
from nexus.needs.model import CloseReason, Need, NeedKind, NeedLine, SubjectKind, Visibility
from nexus.needs.publication.operations import pause_need, publish_need
from nexus.needs.rules import LineInput

T = TypeVar("T")
ENDINGS = (
    "draft", "submitted", "returned", "rejected", "verified", "cancelled", "paused", "closed",
    "published", "published", "published", "published", "published", "published",
)  # fmt: skip
HELP = ("none", "offered", "accepted", "delivered", "confirmed", "disputed", "withdrawn")
HELP_WEIGHTS = (5, 3, 3, 2, 5, 1, 1)
NEEDS_A_YEAR = 120_000


class Story:
    """Does one deed after another, each in its own transaction, as its account, some time ago."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], world: World) -> None:
        self.sessions, self.world, self.rng = sessions, world, world.rng

    async def do(self, account: Account, ago: timedelta, deed: Callable[[Act], Awaitable[T]]) -> T:
        async with self.sessions() as session, session.begin():
            return await deed(Act(session, self.world.actor(account, ago)))

    # Supply --------------------------------------------------------------------------------

    async def list_offers(self, progress: Callable[[int, int], None]) -> None:
        """A project and a handful of offers for every charity; some approved beforehand."""
        for number, (organization, account) in enumerate(self.world.charities):
            project = await self._project(organization.name, account)
            for want in self.rng.sample(WANTS, k=5):
                await self._offer(account, project, want)
            progress(number + 1, len(self.world.charities))

    async def _project(self, name: str, account: Account) -> CharityProject:
        ago = timedelta(days=200)
        terms = ProjectTerms(
            name=f"{name}困难群众帮扶项目",
            field="poverty",
            area=PROVINCE,
            starts_on=self.world.today - timedelta(days=190),
            ends_on=self.world.today + timedelta(days=400),
            budget_fen=self.rng.randint(20, 300) * 1_000_000,
        )
        row = await self.do(account, ago, lambda act: create_project(act, terms=terms))
        row = await self.do(
            account,
            ago,
            lambda act: file_project(
                act, row.id, expected_version=row.version, filing_no=f"示范备{row.no[-6:]}"
            ),
        )
        return await self.do(
            account,
            ago,
            lambda act: start_project(act, row.id, expected_version=row.version),
        )

    async def _offer(self, account: Account, project: CharityProject, want: Want) -> None:
        ago = timedelta(days=self.rng.randint(30, 150))
        county = self.rng.choice(self.world.stations).row.area_code[:6]
        area = self.rng.choices((PROVINCE, county[:4], county), (5, 3, 2))[0]
        terms = charity.OfferTerms(
            title=f"{want.item}帮扶",
            kind=OfferKind(want.kind.value),
            category=want.category,
            unit=want.unit,
            areas=[area],
            available_from=self.world.today - timedelta(days=180),
            available_to=self.world.today + timedelta(days=365),
            item_code=want.item_code,
            project_id=project.id,
        )
        capacity = want.quantity(0.99) * self.rng.choice((5, 10, 20, 40))
        row = await self.do(
            account,
            ago,
            lambda act: charity.create_offer(act, terms=terms, capacity_maximum=capacity),
        )
        await self.do(
            account, ago, lambda act: charity.list_offer(act, row.id, expected_version=row.version)
        )

    # Demand --------------------------------------------------------------------------------

    async def tell_needs(
        self, subjects: list[Subject], progress: Callable[[int, int], None]
    ) -> None:
        """Needs in every state; those that can be helped get help, some of it to the end."""
        total = max(84, round(NEEDS_A_YEAR * self.world.scale))
        willing = [subject for subject in subjects if subject.consent is not None]
        for number in range(total):
            ending = ENDINGS[number % len(ENDINGS)]
            ago = timedelta(days=self.rng.randint(2, 40))
            if number % 12 == 11:
                need, station = await self._group_need(ago)
            else:
                subject = self.rng.choice(willing)
                station = subject.station
                need = await self._personal_need(subject, ago)
            await self._lead_to(ending, need, station, ago)
            progress(number + 1, total)

    async def _personal_need(self, subject: Subject, ago: timedelta) -> Need:
        rng = self.rng
        want = rng.choices(WANTS, [one.weight for one in WANTS])[0]
        if rng.random() < 0.06:
            category, item, summary = SPARE
            want = Want(category, NeedKind.SERVICE, item, None, "E48", (2,), item, summary)
        worker = rng.choice(subject.station.workers)
        consent = subject.consent
        assert consent is not None
        return await self.do(
            worker,
            ago,
            lambda act: create_need(
                act,
                subject_kind=SubjectKind.RECIPIENT,
                recipient_id=subject.recipient.id,
                area_code=subject.household.area_code,
                origin="station_visit",
                category=want.category,
                urgency=rng.choices(URGENCIES, URGENCY_WEIGHTS)[0],
                lines=[self._line(want)],
                publisher_id=self._publisher(subject.station),
                public_title=want.title,
                public_summary=want.summary,
                needed_by=self.world.today + timedelta(days=rng.randint(5, 60)),
                visibility=rng.choices((Visibility.PUBLIC, Visibility.PARTNERS), (6, 4))[0],
                consent_id=consent.id,
                station_id=subject.station.row.id,
            ),
        )

    async def _group_need(self, ago: timedelta) -> tuple[Need, StaffedStation]:
        station = self.rng.choice(self.world.stations)
        want = self.rng.choice(GROUP_WANTS)
        town = station.row.name.removesuffix("社会工作服务站（示范）")
        need = await self.do(
            self.rng.choice(station.workers),
            ago,
            lambda act: create_need(
                act,
                subject_kind=SubjectKind.GROUP,
                group_name=f"{town}困难家庭",
                area_code=station.row.area_code,
                origin="committee",
                category=want.category,
                urgency=self.rng.choices(URGENCIES, URGENCY_WEIGHTS)[0],
                lines=[self._line(want)],
                publisher_id=self._publisher(station),
                public_title=want.title,
                public_summary=want.summary,
                visibility=Visibility.PUBLIC,
                station_id=station.row.id,
            ),
        )
        return need, station

    def _line(self, want: Want) -> LineInput:
        return LineInput(
            kind=want.kind,
            item=want.item,
            item_code=want.item_code,
            quantity_required=want.quantity(self.rng.random()),
            unit=want.unit,
        )

    def _publisher(self, station: StaffedStation) -> object:
        return self.world.authorities[station.row.area_code[:6]].id

    async def _lead_to(
        self, ending: str, need: Need, station: StaffedStation, ago: timedelta
    ) -> None:
        """Take the need along its way and stop where its ending says."""
        if ending == "draft":
            return
        worker = next(w for w in station.workers if w.id == need.created_by)
        need = await self.do(
            worker, ago, lambda act: needs.submit_need(act, need.id, expected_version=need.version)
        )
        if ending == "submitted":
            return
        short = {
            "returned": (needs.return_need, "请补充走访记录。"),
            "rejected": (needs.reject_need, "已纳入专项救助，不再重复发布。"),
            "cancelled": (needs.cancel_need, "与另一条需求重复。"),
        }
        if ending in short:
            deed, why = short[ending]
            who = station.lead if ending != "cancelled" else station.approver
            await self.do(
                who, ago, lambda act: deed(act, need.id, expected_version=need.version, reason=why)
            )
            return
        need = await self.do(
            station.lead,
            ago,
            lambda act: needs.verify_need(
                act, need.id, expected_version=need.version, evidence="入户走访记录"
            ),
        )
        if ending == "verified":
            return
        need = await self.do(
            station.clerk,
            ago,
            lambda act: publish_need(act, need.id, expected_version=need.version),
        )
        if ending == "paused":
            await self.do(
                station.clerk,
                ago,
                lambda act: pause_need(
                    act, need.id, expected_version=need.version, reason="等待家属确认。"
                ),
            )
            return
        await self._help(need, station, ago, whole=ending == "closed")
        if ending == "closed":
            await self._close(need, station)

    async def _close(self, need: Need, station: StaffedStation) -> None:
        lines = await self._lines(need)
        met = all(line.confirmed >= (line.quantity_required or 1) for line in lines)
        reason = CloseReason.MET if met else CloseReason.EXPIRED_UNMET

        async def deed(act: Act) -> None:
            row = await act.session.get_one(Need, need.id)
            await needs.close_need(
                act, need.id, expected_version=row.version, close_reason=reason, reason="办结。"
            )

        await self._try(station.approver, timedelta(hours=2), deed)

    async def _lines(self, need: Need) -> list[NeedLine]:
        async with self.sessions() as session:
            statement = select(NeedLine).where(NeedLine.need_id == need.id)
            return list(await session.scalars(statement))

    # Help ----------------------------------------------------------------------------------

    async def _try(
        self, account: Account, ago: timedelta, deed: Callable[[Act], Awaitable[T]]
    ) -> T | None:
        """None where a rule refuses: the world is made by chance, the rules are not."""
        try:
            return await self.do(account, ago, deed)
        except Refusal:
            return None

    async def _help(
        self, need: Need, station: StaffedStation, ago: timedelta, *, whole: bool
    ) -> None:
        for line in await self._lines(need):
            found = await self._fitting(line)
            if found is None:
                continue
            offer, account = found
            stage = "confirmed" if whole else self.rng.choices(HELP, HELP_WEIGHTS)[0]
            if stage != "none":
                await self._pledge(line, offer, account, station, ago, stage)

    async def _fitting(self, line: NeedLine) -> tuple[Offer, Account] | None:
        """Some charity's listed offer of the same item for the line's area."""
        accounts = {organization.id: account for organization, account in self.world.charities}
        async with self.sessions() as session:
            offers = await session.scalars(
                select(Offer)
                .where(
                    Offer.category == line.category,
                    Offer.kind == line.kind.value,
                    Offer.unit == line.unit,
                    Offer.item_code.is_not_distinct_from(line.item_code),
                )
                .order_by(Offer.no)
            )
            rows = [row for row in offers if row.organization_id in accounts]
        if not rows:
            return None
        offer = self.rng.choice(rows)
        return offer, accounts[offer.organization_id]

    async def _pledge(
        self,
        line: NeedLine,
        offer: Offer,
        account: Account,
        station: StaffedStation,
        ago: timedelta,
        stage: str,
    ) -> None:
        quantity = line.quantity_required or Decimal(1)
        if stage != "confirmed":
            quantity = max(Decimal(1), quantity // 2)
        soon = ago - timedelta(days=1)
        pledge = await self._try(
            account,
            soon,
            lambda act: pledges.offer_pledge(
                act,
                line.id,
                quantity=quantity,
                offer_id=offer.id,
                amount_fen=int(quantity * 100) if line.kind is NeedKind.CASH else None,
                planned_on=self.world.today + timedelta(days=10),
            ),
        )
        if pledge is None or stage == "offered":
            return
        if stage == "withdrawn":
            await self._try(
                account,
                soon,
                lambda act: pledges.withdraw_pledge(
                    act, pledge.id, expected_version=pledge.version, reason="物资调配有变。"
                ),
            )
            return
        await self._try(
            station.clerk,
            soon,
            lambda act: pledges.accept_pledge(act, pledge.id, expected_version=pledge.version),
        )
        if stage != "accepted":
            await self._deliver(pledge, quantity, account, station, soon, stage)

    async def _deliver(
        self,
        pledge: Pledge,
        quantity: Decimal,
        account: Account,
        station: StaffedStation,
        ago: timedelta,
        stage: str,
    ) -> None:
        day = (self.world.now - ago).date()
        delivery = await self._try(
            account,
            ago,
            lambda act: deliveries.record_delivery(
                act, pledge.id, quantity=quantity, delivered_on=day, place="home"
            ),
        )
        if delivery is None or stage == "delivered":
            return
        if stage == "disputed":
            await self._try(
                station.lead,
                ago,
                lambda act: deliveries.dispute_delivery(
                    act, delivery.id, expected_version=delivery.version, reason="数量与记录不符。"
                ),
            )
            return
        await self._try(
            station.workers[0],
            ago,
            lambda act: deliveries.acknowledge_delivery(
                act,
                delivery.id,
                expected_version=delivery.version,
                method=self.rng.choice(list(Acknowledgement)),
            ),
        )
        await self._try(
            station.workers[0],
            ago,
            lambda act: give_feedback(
                act, delivery_id=delivery.id, rating=self.rng.choice((3, 4, 4, 5, 5, 5))
            ),
        )
