"""What people need: needs in every state, and what became of those that were published."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from nexus.accounts.model import Account
from nexus.acting import Act
from nexus.demo.deeds import Deeds
from nexus.demo.help import Help
from nexus.demo.parties import StaffedStation, World
from nexus.demo.people import Subject
from nexus.demo.wants import GROUP_WANTS, SPARE, URGENCIES, URGENCY_WEIGHTS, WANTS, Want
from nexus.needs import operations as needs
from nexus.needs.drafts.operations import create_need
from nexus.needs.model import CloseReason, Need, NeedKind, SubjectKind, Visibility
from nexus.needs.publication.operations import pause_need, publish_need
from nexus.needs.rules import LineInput

ENDINGS = (
    *("draft", "submitted", "returned", "rejected", "verified", "cancelled", "paused", "closed"),
    *(("published",) * 6),
)
ENDED_EARLY: dict[str, tuple[Callable[..., Awaitable[Any]], str]] = {
    "returned": (needs.return_need, "请补充走访记录。"),
    "rejected": (needs.reject_need, "已纳入专项救助，不再重复发布。"),
    "cancelled": (needs.cancel_need, "与另一条需求重复。"),
}
NEEDS_A_YEAR = 120_000


class Demand(Deeds):
    """Makes the needs, and has those helped that can be."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], world: World) -> None:
        super().__init__(sessions, world)
        self.help = Help(sessions, world)

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

    def _publisher(self, station: StaffedStation) -> UUID:
        return self.world.authorities[station.row.area_code[:6]].id

    async def _lead_to(
        self, ending: str, need: Need, station: StaffedStation, ago: timedelta
    ) -> None:
        """Take the need along its way and stop where its ending says."""
        if ending == "draft":
            return
        worker = next(w for w in station.workers if w.id == need.created_by)
        need = await self._step(worker, ago, need, needs.submit_need)
        if ending in ENDED_EARLY:
            await self._end_early(ending, need, station, ago)
            return
        if ending == "submitted":
            return
        need = await self._step(
            station.lead, ago, need, partial(needs.verify_need, evidence="入户走访记录")
        )
        if ending == "verified":
            return
        need = await self._step(station.clerk, ago, need, publish_need)
        if ending == "paused":
            await self._step(station.clerk, ago, need, partial(pause_need, reason="等待家属确认。"))
            return
        await self.help.give(need, station, ago, whole=ending == "closed")
        if ending == "closed":
            await self._close(need, station)

    async def _step(
        self, who: Account, ago: timedelta, need: Need, deed: Callable[..., Awaitable[Need]]
    ) -> Need:
        return await self.do(
            who, ago, lambda act: deed(act, need.id, expected_version=need.version)
        )

    async def _end_early(
        self, ending: str, need: Need, station: StaffedStation, ago: timedelta
    ) -> None:
        deed, reason = ENDED_EARLY[ending]
        who = station.approver if ending == "cancelled" else station.lead
        await self._step(who, ago, need, partial(deed, reason=reason))

    async def _close(self, need: Need, station: StaffedStation) -> None:
        lines = await self.help.lines(need)
        met = all(line.confirmed >= (line.quantity_required or 1) for line in lines)
        reason = CloseReason.MET if met else CloseReason.EXPIRED_UNMET

        async def deed(act: Act) -> None:
            row = await act.session.get_one(Need, need.id)
            await needs.close_need(
                act, need.id, expected_version=row.version, close_reason=reason, reason="办结。"
            )

        await self.attempt(station.approver, timedelta(hours=2), deed)
