"""A small world of the real kind: needs in every state, three places, someone of every role."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.acting import NOWHERE, Actor, Role, anonymous, system
from nexus.casework.model import StationState
from nexus.charity.model import OfferState, ProjectState
from nexus.core.refusals import Refusal
from nexus.matching.deliveries import operations as deliveries
from nexus.matching.pledges import operations as pledges
from nexus.needs.model import NeedState
from nexus.recipients.model import ConsentState
from tests.deeds import acting
from tests.making import Maker, making, now, today

LINES: list[dict[str, Any]] = [
    {"item": "大米", "quantity_required": Decimal(10)},
    {"item": "PPE.MASK", "quantity_required": None, "unit": "C62"},
]
PLACES = ("440103001", "440103002", "440304003", "445102001")


@dataclass
class SmallWorld:
    """Who lives in it."""

    accounts: list[Account] = field(default_factory=list)
    organization_ids: list[UUID] = field(default_factory=list)

    def actors(self) -> list[Actor]:
        """Every account, nobody, nexus itself, and some who have lost their place."""
        moment = now()
        found = [anonymous(moment), system(moment)]
        for account in self.accounts:
            prefix = {"CN": "", None: NOWHERE}.get(account.area_code, account.area_code)
            organization = account.organization_id or UUID(int=0)
            found.append(Actor(Role(account.role), account.id, organization, str(prefix), moment))
        return found


async def make_world(engine: AsyncEngine) -> SmallWorld:
    """Make it; every row is valid, no deed is skipped where one is needed."""
    world = SmallWorld()
    async with making(engine) as m:
        charities = [
            await m.organization(state=state, area_code=area)
            for state, area in (
                ("verified", "44"),
                ("verified", "4403"),
                ("suspended", "4451"),
                ("draft", "4401"),
            )
        ]
        world.organization_ids = [charity.id for charity in charities]
        authorities = [await m.authority(area_code=area) for area in ("440103", "4403", "4451")]
        await _people(m, world, charities, authorities)
        stations = [
            await m.station(area_code=place, state=state)
            for place, state in zip(PLACES, (*StationState, *StationState), strict=False)
        ]
        await m.worker(station=stations[0])
        needs = await _needs(m, authorities, stations)
        offers = await _offers(m, charities)
        await m.recognition()
        await m.consent(state=ConsentState.WITHDRAWN, withdrawn_at=now())
    await _pledges(engine, world, needs, offers)
    return world


async def _people(m: Maker, world: SmallWorld, charities: Any, authorities: Any) -> None:
    for at, role in enumerate(Role):
        if role in (Role.ANONYMOUS, Role.SYSTEM):
            continue
        for area in ("440103", "4451"):
            near = area == "440103"
            home = charities[0 if near else 2] if role.value.startswith("charity") else None
            given = {"area_code": area} if home is None else {}
            world.accounts.append(
                await m.account(role, home or authorities[0 if near else 2], **given)
            )
        if at % 3 == 0:
            world.accounts.append(await m.account(role, charities[1], area_code="CN"))


async def _needs(m: Maker, authorities: Any, stations: Any) -> list[Any]:
    needs = []
    for at, state in enumerate((*NeedState, NeedState.PUBLISHED, NeedState.PUBLISHED)):
        given: dict[str, Any] = {"group_name": "东城医院"} if at % 4 == 3 else {}
        needs.append(
            await m.need(
                state=state,
                area_code=PLACES[at % len(PLACES)],
                publisher_id=authorities[at % 3].id,
                public_title=("大米", "口罩 N95", "轮椅", "大米")[at % 4],
                lines=LINES[: 1 + at % 2],
                **given,
            )
        )
    return needs


async def _offers(m: Maker, charities: Any) -> list[Any]:
    offers = []
    for at, state in enumerate(OfferState):
        areas = (("44",), ("440103", "4403"), ("4451",))[at % 3]
        offers.append(await m.offer(charities[at % 2], areas, state=state, title=f"大米{at % 2}"))
    for stage in (ProjectState.ACTIVE, ProjectState.DRAFT):
        await m.project(charities[0], state=stage)
    return offers


async def _pledges(engine: AsyncEngine, world: SmallWorld, needs: Any, offers: Any) -> None:
    """What charities pledge and stations take up; a refused deed is left out."""
    givers = [a for a in world.accounts if Role(a.role) is Role.CHARITY_USER]
    judges = [a for a in world.accounts if Role(a.role) is Role.GOV_COORDINATOR]
    published = [need for need in needs if need.state is NeedState.PUBLISHED]
    for at, need in enumerate(published):
        giver = givers[at % len(givers)]
        try:
            async with acting(engine, giver) as act:
                pledge = await pledges.offer_pledge(act, need.lines[0].id, quantity=Decimal(2))
            async with acting(engine, judges[0]) as act:
                await pledges.accept_pledge(act, pledge.id, expected_version=pledge.version)
            async with acting(engine, giver) as act:
                await deliveries.record_delivery(
                    act, pledge.id, quantity=Decimal(1), delivered_on=today()
                )
        except Refusal:
            continue
