"""The Strawberry peer's schema: types over SQLAlchemy rows, relations through loaders."""

import base64
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry.extensions import ParserCache, ValidationCache

from bench.peers.strawberry_loaders import Loaders, page_of_needs, see_place
from bench.peers.strawberry_pledging import NeedOrder, offer_pledge
from nexus.matching.pledges.model import PledgeState
from nexus.needs.model import NeedState, SubjectKind, Urgency

Info = strawberry.Info[Loaders, None]

for enum in (Urgency, NeedState, SubjectKind, PledgeState, NeedOrder):
    strawberry.enum(enum)


def _id(type_name: str, key: UUID) -> strawberry.ID:
    return strawberry.ID(base64.b64encode(f"{type_name}:{key}".encode()).decode())


def key_of(global_id: str) -> UUID:
    """The key within a global id."""
    return UUID(base64.b64decode(global_id).decode().partition(":")[2])


@strawberry.interface
class Node:
    id: strawberry.ID


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Organization:
    name: str


@strawberry.type
class CharityProject:
    name: str
    organization_id: strawberry.Private[UUID]

    @strawberry.field
    async def organization(self, info: Info) -> Organization | None:
        row = await info.context.organizations.load(self.organization_id)
        return Organization(name=row.name) if row else None


@strawberry.type
class Offer:
    project_id: strawberry.Private[UUID | None]

    @strawberry.field
    async def project(self, info: Info) -> CharityProject | None:
        row = await info.context.projects.load(self.project_id) if self.project_id else None
        return CharityProject(name=row.name, organization_id=row.organization_id) if row else None


@strawberry.type
class Station:
    no: str
    name: str


@strawberry.type
class Pledge:
    no: str
    quantity: Decimal
    state: PledgeState
    need_id: strawberry.Private[UUID]
    offer_id: strawberry.Private[UUID | None]
    organization_id: strawberry.Private[UUID]

    @classmethod
    def of(cls, row: Any) -> "Pledge":
        return cls(
            no=row.no,
            quantity=row.quantity,
            state=row.state,
            need_id=row.need_id,
            offer_id=row.offer_id,
            organization_id=row.organization_id,
        )

    @strawberry.field
    async def offer(self, info: Info) -> Offer | None:
        row = await info.context.offers.load(self.offer_id) if self.offer_id else None
        return Offer(project_id=row.project_id) if row else None

    @strawberry.field
    async def organization(self, info: Info) -> Organization | None:
        row = await info.context.organizations.load(self.organization_id)
        return Organization(name=row.name) if row else None

    @strawberry.field
    async def need(self, info: Info) -> Annotated["Need", strawberry.lazy(__name__)] | None:
        row = await info.context.needs.load(self.need_id)
        return Need.of(row) if row else None


@strawberry.type
class PledgeConnection:
    nodes: list[Pledge]


@strawberry.type
class Need(Node):
    no: str
    category: str
    urgency: Urgency
    subject_kind: SubjectKind
    public_title: str | None
    public_summary: str | None
    needed_by: date | None
    publish_from: date | None
    state: NeedState
    version: int
    published_at: datetime | None
    row: strawberry.Private[Any]

    @classmethod
    def of(cls, row: Any) -> "Need":
        return cls(
            id=_id("Need", row.id),
            no=row.no,
            category=row.category,
            urgency=row.urgency,
            subject_kind=row.subject_kind,
            public_title=row.public_title,
            public_summary=row.public_summary,
            needed_by=row.needed_by,
            publish_from=row.publish_from,
            state=row.state,
            version=row.version,
            published_at=row.published_at,
            row=row,
        )

    @strawberry.field
    async def station(self, info: Info) -> Station | None:
        if self.row.station_id is None or not see_place(info.context.actor, self.row):
            return None
        row = await info.context.stations.load(self.row.station_id)
        return Station(no=row.no, name=row.name) if row else None

    @strawberry.field
    async def pledges(self, info: Info, first: int = 20) -> PledgeConnection:
        rows = await info.context.pledges(first).load(self.row.id)
        return PledgeConnection(nodes=[Pledge.of(row) for row in rows])


@strawberry.type
class NeedConnection:
    nodes: list[Need]
    page_info: PageInfo


@strawberry.input
class NeedFilter:
    state: list[NeedState] | None = None
    area: str | None = None
    category: list[str] | None = None
    urgency: list[Urgency] | None = None


@strawberry.type
class Query:
    @strawberry.field
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        row = await info.context.needs.load(key_of(id))
        return Need.of(row) if row else None

    @strawberry.field
    async def needs(
        self, info: Info, first: int, filter: NeedFilter, order_by: NeedOrder
    ) -> NeedConnection:
        rows = await page_of_needs(info.context, first, filter)
        shown = rows[:first]
        cursor = _id("PUBLISHED", shown[-1].id) if shown else None
        info_of_page = PageInfo(has_next_page=len(rows) > first, end_cursor=cursor)
        return NeedConnection(nodes=[Need.of(row) for row in shown], page_info=info_of_page)


@strawberry.type
class Refusal:
    code: str
    message: str


@strawberry.input
class OfferPledgeInput:
    line_id: strawberry.ID
    quantity: Decimal
    idempotency_key: str


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def offer_pledge(
        self, info: Info, input: OfferPledgeInput
    ) -> Annotated[Pledge | Refusal, strawberry.union("PledgeResult")]:
        done = await offer_pledge(
            info.context, key_of(input.line_id), input.quantity, input.idempotency_key
        )
        if isinstance(done, str):
            return Refusal(code=done, message="The pledge was refused.")
        return Pledge.of(done)


schema = strawberry.Schema(Query, Mutation, types=[Need], extensions=[ParserCache, ValidationCache])
