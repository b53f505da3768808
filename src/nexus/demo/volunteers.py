"""A volunteer organization with its people, a team, and tasks that are over, full and drafted."""

from datetime import timedelta
from functools import partial

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.demo.hours import Hours
from nexus.volunteering import operations as volunteering
from nexus.volunteering.model import Volunteer
from nexus.volunteering.operations import Abilities, Person
from nexus.volunteering.tasks import operations as tasks
from nexus.volunteering.tasks import queries
from nexus.volunteering.tasks.model import VolunteerTask
from nexus.volunteering.tasks.operations import TaskTerms
from nexus.volunteering.tasks.rules import PositionTerms
from nexus.volunteering.tasks.signups.operations import sign_up
from nexus.volunteering.teams import operations as teams

SURNAMES = ("欧阳", "司徒", "东方", "上官", "令狐", "诸葛", "皇甫", "尉迟")
SKILLS = ("elderly", "tutoring", "medical_escort", "delivery", "emotional_support", "community")
LONG_AGO = timedelta(days=60)


class Volunteers(Hours):
    """Makes them by deeds; who they are goes to the vault."""

    async def help_out(self) -> None:
        """Eight volunteers, a team, one task of last week, one that is full, one draft."""
        organizer = self._of(Role.VOL_ORG)
        people = [await self._volunteer(organizer, surname) for surname in SURNAMES]
        await self._alone(organizer)
        area = self.world.stations[0].row.area_code
        team = await self.do(
            organizer, LONG_AGO, lambda act: teams.create_team(act, name="银龄陪伴队", area=area)
        )
        for person in people[:4]:
            joins = partial(teams.add_team_member, team_id=team.id, volunteer_id=person.id)
            await self.do(organizer, LONG_AGO, joins)
        past = await self._task(organizer, "重阳节前探访独居长者", days=-7, slots=6)
        await self._sign(organizer, past, people[:6], timedelta(days=12))
        await self.keep(organizer, past, people[:6])
        full = await self._task(organizer, "周末陪诊与代办", days=6, slots=3)
        await self._sign(organizer, full, people[2:7], timedelta(days=1))
        await self.do(
            organizer,
            timedelta(hours=2),
            lambda act: tasks.create_task(act, terms=self._terms("冬衣配送", 20, 10)),
        )

    def _of(self, role: Role) -> Account:
        return next(account for account, _ in self.world.shown if account.role is role)

    async def _volunteer(self, organizer: Account, surname: str) -> Volunteer:
        """Entered by the organization, and seen by the station's lead."""
        skills = self.rng.sample(SKILLS, 2)
        born = self.world.today.year - self.rng.randint(22, 68)
        row = await self.do(
            organizer,
            LONG_AGO,
            lambda act: volunteering.register_volunteer(
                act,
                person=Person(name=f"{surname}示范"),
                birth_year=born,
                abilities=Abilities(
                    area=self.world.stations[0].row.area_code, skills=skills, languages=["yue"]
                ),
            ),
        )
        return await self._admit(self.world.stations[0].lead, organizer, row)

    async def _alone(self, organizer: Account) -> Volunteer:
        """The demo's own volunteer, who registered and joined."""
        account = self._of(Role.VOLUNTEER)
        area = self.world.stations[0].row.area_code
        row = await self.do(
            account,
            LONG_AGO,
            lambda act: volunteering.register_volunteer(
                act,
                person=Person(name="慕容示范"),
                birth_year=self.world.today.year - 30,
                abilities=Abilities(area=area, skills=["elderly"], languages=["yue", "zh-Hans"]),
            ),
        )
        home = organizer.organization_id
        assert home is not None
        await self.do(account, LONG_AGO, lambda act: teams.join_roster(act, home))
        return await self._admit(organizer, organizer, row)

    async def _admit(self, verifier: Account, organizer: Account, row: Volunteer) -> Volunteer:
        for account, deed in (
            (verifier, volunteering.verify_volunteer),
            (organizer, volunteering.activate_volunteer),
        ):
            moves = partial(deed, volunteer_id=row.id, expected_version=row.version)
            row = await self.do(account, LONG_AGO, moves)
        return row

    def _terms(self, name: str, days: int, slots: int) -> TaskTerms:
        start = self.world.now.replace(minute=0, second=0, microsecond=0) + timedelta(days=days)
        station = self.world.stations[0].row
        return TaskTerms(
            name=name,
            category="elderly",
            area=station.area_code,
            place=station.name,
            starts_at=start,
            ends_at=start + timedelta(hours=3),
            expected=slots,
            insured=True,
            positions=[PositionTerms(role="陪伴", slots=slots)],
            station_id=station.id,
        )

    async def _task(self, organizer: Account, name: str, *, days: int, slots: int) -> VolunteerTask:
        """Made by the organization, published by the station's lead, open for sign-ups."""
        ago = timedelta(days=20)
        terms = self._terms(name, days, slots)
        row = await self.do(organizer, ago, lambda act: tasks.create_task(act, terms=terms))
        lead = self.world.stations[0].lead
        for account, deed in (
            (organizer, tasks.submit_task),
            (lead, tasks.publish_task),
            (organizer, tasks.open_recruitment),
        ):
            moves = partial(deed, task_id=row.id, expected_version=row.version)
            row = await self.do(account, ago, moves)
        return row

    async def _sign(
        self, organizer: Account, task: VolunteerTask, people: list[Volunteer], ago: timedelta
    ) -> None:
        """One after another: who comes late waits."""
        async with self.sessions() as session:
            (position,) = await queries.positions_of(session, task.id)
        for person in people:
            comes = partial(sign_up, position_id=position.id, volunteer_id=person.id)
            await self.attempt(organizer, ago, comes)
