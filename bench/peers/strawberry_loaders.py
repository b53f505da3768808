"""The Strawberry peer's reads: one loader a relation, each batch under the same row policies."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import aliased, load_only
from strawberry.dataloader import DataLoader

from nexus.acting import EVERYWHERE, Actor
from nexus.casework import policy as casework_policy
from nexus.casework.model import Station
from nexus.charity import policy as charity_policy
from nexus.charity.model import CharityProject, Offer
from nexus.matching.pledges import policy as pledges_policy
from nexus.matching.pledges.model import Pledge
from nexus.needs import policy as needs_policy
from nexus.needs.model import Need, SubjectKind
from nexus.organizations import policy as organizations_policy
from nexus.organizations.model import Organization

Batch = Callable[[list[UUID]], Awaitable[list[Any]]]

NEED = (
    Need.id, Need.no, Need.category, Need.urgency, Need.subject_kind, Need.public_title,
    Need.public_summary, Need.needed_by, Need.publish_from, Need.state, Need.version,
    Need.published_at, Need.station_id, Need.area_code, Need.publisher_id,
)  # fmt: skip
"""The columns that the GraphQL type shows or its policy reads; no others are loaded."""
PLEDGE = (
    Pledge.id, Pledge.no, Pledge.quantity, Pledge.state, Pledge.need_id, Pledge.offer_id,
    Pledge.organization_id, Pledge.created_at,
)  # fmt: skip


class Loaders:
    """What one operation reads with: its own loaders, as their documentation asks for."""

    def __init__(self, engine: AsyncEngine, writer: AsyncEngine, actor: Actor) -> None:
        self.engine, self.writer, self.actor = engine, writer, actor
        self.needs = DataLoader(self._by_id(Need, needs_policy.visible, NEED))
        self.stations = DataLoader(
            self._by_id(Station, casework_policy.visible, (Station.no, Station.name))
        )
        self.offers = DataLoader(self._by_id(Offer, charity_policy.visible, (Offer.project_id,)))
        self.projects = DataLoader(
            self._by_id(
                CharityProject,
                charity_policy.project_visible,
                (CharityProject.name, CharityProject.organization_id),
            )
        )
        self.organizations = DataLoader(
            self._by_id(Organization, organizations_policy.visible, (Organization.name,))
        )
        self._pledges: dict[int, DataLoader[UUID, list[Any]]] = {}

    def pledges(self, first: int) -> DataLoader[UUID, list[Any]]:
        """The newest pledges of each need."""
        if first not in self._pledges:
            self._pledges[first] = DataLoader(self._newest_pledges(first))
        return self._pledges[first]

    def _by_id(self, model: Any, visible: Any, columns: tuple[Any, ...]) -> Batch:
        async def load(keys: list[UUID]) -> list[Any]:
            found = await self.rows(
                select(model)
                .options(load_only(*columns))
                .where(model.id.in_(keys), visible(self.actor, model))
            )
            by_id = {row.id: row for row in found}
            return [by_id.get(key) for key in keys]

        return load

    def _newest_pledges(self, first: int) -> Batch:
        async def load(keys: list[UUID]) -> list[Any]:
            order = (Pledge.created_at.desc(), Pledge.id.desc())
            rank = func.row_number().over(partition_by=Pledge.need_id, order_by=order)
            ranked = (
                select(*PLEDGE, rank.label("rank"))
                .where(Pledge.need_id.in_(keys), pledges_policy.visible(self.actor, Pledge))
                .subquery()
            )
            row = aliased(Pledge, ranked)
            columns = [getattr(row, column.key) for column in PLEDGE]
            found = await self.rows(
                select(row)
                .options(load_only(*columns))
                .where(ranked.c.rank <= first)
                .order_by(ranked.c.rank)
            )
            by_need: dict[UUID, list[Any]] = {key: [] for key in keys}
            for one in found:
                by_need[one.need_id].append(one)
            return list(by_need.values())

        return load

    async def rows(self, statement: Select[Any]) -> list[Any]:
        """The rows, in a session of their own: batches run side by side."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            return list((await session.execute(statement)).scalars())


async def page_of_needs(loaders: Loaders, first: int, filter: Any) -> list[Need]:
    """The newest visible needs, one more than the page holds."""
    statement = (
        select(Need)
        .options(load_only(*NEED))
        .where(needs_policy.visible(loaders.actor, Need))
        .order_by(Need.listed_at.desc(), Need.id.desc())
        .limit(first + 1)
    )
    if filter.state:
        statement = statement.where(Need.state.in_(filter.state))
    if filter.area:
        beyond = f"{filter.area}~"
        statement = statement.where(
            Need.shown_area_code >= filter.area, Need.shown_area_code < beyond
        )
    if filter.category:
        statement = statement.where(Need.category.in_(filter.category))
    if filter.urgency:
        statement = statement.where(Need.urgency.in_(filter.urgency))
    return await loaders.rows(statement)


def see_place(actor: Actor, need: Need) -> bool:
    """As needs.policy.may_read_place, over values."""
    if actor.role in EVERYWHERE or need.subject_kind is SubjectKind.GROUP:
        return True
    return bool(actor.covers(need.area_code)) or need.publisher_id == actor.organization_id
