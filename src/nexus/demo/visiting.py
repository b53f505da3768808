"""Opening hours, visits that were made, missed and are due, a change, danger, and a pairing."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from nexus.accounts.model import Account
from nexus.acting import Act, Role
from nexus.casework.model import RiskTier, Worker
from nexus.casework.openings.operations import add_schedule
from nexus.casework.pairing import rules as pairing_rules
from nexus.casework.pairing.contributions.operations import record_contribution
from nexus.casework.pairing.model import ContactMeans
from nexus.casework.pairing.operations import record_contact, start_pairing
from nexus.casework.visits import operations, rules
from nexus.casework.visits.model import Visit, VisitPlan, VisitState
from nexus.casework.visits.pictures.model import PictureKind, Signer
from nexus.casework.visits.pictures.operations import keep_picture, request_picture
from nexus.casework.visits.pictures.rules import ALBUM, album_of, digest
from nexus.casework.visits.planning.operations import plan_due_visits, plan_visits
from nexus.core.signing import LINKS
from nexus.demo.deeds import Deeds
from nexus.demo.parties import StaffedStation
from nexus.demo.people import Subject
from nexus.demo.pictures import signature

MOST = 24
"""Households that are visited: enough to look at, whatever the scale."""
BEGUN = timedelta(days=12)
WEEKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
HOURS = (("08:30", "12:00"), ("14:00", "17:30"))
FINE = {"FOOD": True, "HEAT": True, "HOME": True, "HEALTH": "SAME", "INCOME": False}
WORSE = FINE | {"HEALTH": "WORSE", "HELP": "需要陪同复诊"}


class Visits(Deeds):
    """Made by deeds, as workers make them."""

    async def visit_homes(self, subjects: list[Subject]) -> None:
        """Stations open; some households are visited, one is in danger, one has a helper."""
        for station in self.world.stations[:6]:
            for opens, closes in HOURS:
                await self._open(station, opens, closes)
        chosen = subjects[:MOST]
        for number, subject in enumerate(chosen):
            await self._plan(subject, list(RiskTier)[number % 3])
        async with self.sessions() as session, session.begin():
            await plan_due_visits(session, self.world.now - BEGUN)
        for number, subject in enumerate(chosen[: MOST // 2]):
            await self._visit(subject, number)
        async with self.sessions() as session, session.begin():
            await plan_due_visits(session, self.world.now)
        await self._pair(chosen[0])

    async def _open(self, station: StaffedStation, opens: str, closes: str) -> None:
        await self.attempt(
            station.approver,
            timedelta(hours=1),
            lambda act: add_schedule(
                act,
                station_id=station.row.id,
                rrule=WEEKDAYS,
                opens=opens,
                closes=closes,
                valid_from=self.world.today,
            ),
        )

    async def _post(self, subject: Subject) -> UUID | None:
        account = subject.station.workers[0]
        async with self.sessions() as session:
            found = await session.scalars(
                select(Worker.id).where(
                    Worker.account_id == account.id, Worker.station_id == subject.station.row.id
                )
            )
            return found.first()

    async def _plan(self, subject: Subject, tier: RiskTier) -> VisitPlan | None:
        post = await self._post(subject)
        return await self.attempt(
            subject.station.lead,
            BEGUN,
            lambda act: plan_visits(
                act,
                household_id=subject.household.id,
                station_id=subject.station.row.id,
                tier=tier,
                worker_id=post,
            ),
        )

    async def _visit(self, subject: Subject, number: int) -> None:
        """Most were made; the second was missed, the third found a change, the fourth danger."""
        async with self.sessions() as session:
            row = await session.scalar(
                select(Visit).where(
                    Visit.household_id == subject.household.id,
                    Visit.state == VisitState.SCHEDULED,
                )
            )
        if row is None:
            return
        worker, ago = subject.station.workers[0], timedelta(days=6 - number % 5, hours=3)
        if number == 1:
            await self.attempt(
                worker,
                ago,
                lambda act: operations.miss_visit(
                    act, row.id, expected_version=row.version, reason="家中无人,邻居称外出探亲"
                ),
            )
            return
        told = rules.Told(
            performed_at=self.world.now - ago - timedelta(hours=2),
            minutes=20 + number,
            findings=WORSE if number == 2 else FINE,
            summary="示范记录:当事人情绪平稳。",
            located_in=subject.household.area_code,
            danger=number == 3,
            change=rules.Change(["ILLNESS"], note="确诊慢性病") if number == 2 else None,
        )
        await self.attempt(
            worker,
            ago,
            lambda act: operations.perform_visit(act, row.id, told, expected_version=row.version),
        )
        if number % 3 == 0:
            await self._sign(row.id, worker, ago, signature(number))

    async def _sign(self, visit_id: UUID, worker: Account, ago: timedelta, image: bytes) -> None:
        """The client signs on the phone; without the keys of pictures there is no signature."""
        async with self.sessions() as session:
            info = session.info
        if LINKS not in info or ALBUM not in info:
            return

        async def deed(act: Act) -> Any:
            row = await request_picture(
                act,
                visit_id=visit_id,
                kind=PictureKind.SIGNATURE,
                signer=Signer.RECIPIENT,
                caption=None,
                content_type="image/png",
                size=len(image),
                sha256=digest(image),
                taken_at=act.now,
            )
            return await keep_picture(act, row.id, album_of(act.session.info), image)

        await self.attempt(worker, ago, deed)

    async def _pair(self, subject: Subject) -> None:
        giver = next(a for a, _ in self.world.shown if a.role is Role.CHARITY_USER)
        if giver.organization_id is None:
            return
        helper = pairing_rules.Helper(
            "volunteer_organization", organization_id=giver.organization_id
        )
        begun = self.world.today - BEGUN
        pairing = await self.attempt(
            subject.station.lead,
            BEGUN,
            lambda act: start_pairing(
                act,
                household_id=subject.household.id,
                station_id=subject.station.row.id,
                helper=helper,
                valid_from=begun,
            ),
        )
        if pairing is None:
            return
        ago = timedelta(days=3)
        await self.attempt(
            giver,
            ago,
            lambda act: record_contact(
                act,
                pairing_id=pairing.id,
                means=ContactMeans.VISIT,
                performed_at=self.world.now - ago,
                note="送米上门,聊家常",
            ),
        )
        gift = pairing_rules.Gift("hours", self.world.today - ago, minutes=120)
        await self.attempt(
            subject.station.lead,
            timedelta(days=1),
            lambda act: record_contribution(act, gift, pairing_id=pairing.id),
        )
