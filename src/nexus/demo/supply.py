"""What charities have: a project and a handful of offers each."""

from collections.abc import Callable
from datetime import timedelta

from nexus.accounts.model import Account
from nexus.charity import operations as charity
from nexus.charity.model import CharityProject, OfferKind
from nexus.charity.projects.operations import (
    ProjectTerms,
    create_project,
    file_project,
    start_project,
)
from nexus.demo.deeds import Deeds
from nexus.demo.parties import PROVINCE
from nexus.demo.wants import WANTS, Want


class Supply(Deeds):
    """Makes the offers."""

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
