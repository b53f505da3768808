"""Hours of the demo's volunteers: at the door, by hand, a long day; and a certificate of them."""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from nexus.accounts.model import Account
from nexus.acting import SHANGHAI, Act, Role
from nexus.demo.deeds import Deeds
from nexus.volunteering.certificates.operations import issue_certificate, prepare_certificate
from nexus.volunteering.hours.operations import check_in, check_out
from nexus.volunteering.hours.reviews.operations import confirm_hours, record_hours
from nexus.volunteering.model import Volunteer
from nexus.volunteering.tasks.model import VolunteerTask
from nexus.volunteering.tasks.operations import end_task, start_task


class Hours(Deeds):
    """Keeps the hours of a task that is over."""

    async def keep(self, organizer: Account, task: VolunteerTask, people: list[Volunteer]) -> None:
        """Four came and went; two are entered by hand, one of whom waits for a second look."""
        second = self._colleague(organizer)
        begun = partial(start_task, task_id=task.id, expected_version=task.version)
        task = await self.do(organizer, self._ago(task.starts_at), begun)
        for person in people[:4]:
            await self._at_the_door(organizer, task, person)
        over = partial(end_task, task_id=task.id, expected_version=task.version)
        task = await self.do(organizer, self._ago(task.ends_at), over)
        for place, person in enumerate(people[4:6]):
            row = await self.attempt(
                organizer,
                self._ago(task.ends_at) - timedelta(days=1),
                partial(self._by_hand, task=task, volunteer_id=person.id),
            )
            if row is not None and place == 0:
                confirms = partial(confirm_hours, row_id=row, expected_version=1)
                await self.attempt(second, timedelta(days=4), confirms)
        await self._certify(organizer, second, people[0])

    def _colleague(self, organizer: Account) -> Account:
        """Another of the organization, who decides on what the organizer entered."""
        return next(
            account
            for account, _ in self.world.shown
            if account.role is Role.VOL_ORG
            and account.organization_id == organizer.organization_id
            and account.id != organizer.id
        )

    def _ago(self, moment: datetime) -> timedelta:
        return self.world.now - moment

    async def _at_the_door(
        self, organizer: Account, task: VolunteerTask, person: Volunteer
    ) -> None:
        """Ticked off a few minutes late, and gone before the end."""
        came = task.starts_at + timedelta(minutes=self.rng.randint(1, 20))
        went = task.ends_at - timedelta(minutes=self.rng.randint(0, 30))
        comes = partial(check_in, task_id=task.id, volunteer_id=person.id)
        pair = await self.attempt(organizer, self._ago(came), comes)
        if pair is not None:
            goes = partial(check_out, row_id=pair.id, expected_version=pair.version)
            await self.attempt(organizer, self._ago(went), goes)

    async def _by_hand(self, act: Act, *, task: VolunteerTask, volunteer_id: UUID) -> UUID:
        """Two hours of the task that lie on one day."""
        start, end = task.starts_at, task.starts_at + timedelta(hours=2)
        if start.astimezone(SHANGHAI).date() != end.astimezone(SHANGHAI).date():
            start, end = task.starts_at, task.starts_at + timedelta(minutes=30)
        row = await record_hours(
            act,
            task.id,
            volunteer_id=volunteer_id,
            started_at=start,
            ended_at=end,
            reason="签到设备没有电,按签到表补记",
            evidence={"签到表": "第 2 页"},
        )
        return row.id

    async def _certify(self, handler: Account, head: Account, person: Volunteer) -> None:
        """Prepared by one, issued by another."""
        row = await self.attempt(
            handler,
            timedelta(days=3),
            partial(
                prepare_certificate,
                volunteer_id=person.id,
                from_on=self.world.today - timedelta(days=30),
                until_on=self.world.today - timedelta(days=3),
            ),
        )
        if row is not None:
            issues = partial(issue_certificate, row_id=row.id, expected_version=row.version)
            await self.attempt(head, timedelta(days=2), issues)
