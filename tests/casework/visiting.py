"""A station with its people and a household, and visits in whatever state. All made up."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Act, Actor, Role
from nexus.casework.model import RiskTier, Station, Worker
from nexus.casework.visits import model, rules
from nexus.core.ids import new_id
from nexus.core.refusals import Refusal
from nexus.recipients.model import Household
from tests.making import COUNTER, Maker, making, now, today

TOWN, FAR = "440103001", "440304001"
S = model.VisitState
Deed = Callable[[Act, Any], Awaitable[Any]]
WHOLE = {"FOOD": True, "HEAT": True, "HOME": True, "HEALTH": "SAME", "INCOME": False}
"""Answers to all that the first checklist asks for."""


@dataclass
class Place:
    """A station of a town, who works there, and a household of the town."""

    station: Station
    lead: Account
    worker: Account
    aide: Account
    post: Worker
    other_post: Worker
    clerk: Account
    approver: Account
    home: Household


async def make_place(m: Maker, area_code: str = TOWN) -> Place:
    """A lead, a worker and an aide at a new station; clerk and approver of the county."""
    station = await m.station(area_code=area_code)
    people = {
        role: await m.account(
            role, area_code=area_code, organization_id=station.organization_id, organization=None
        )
        for role in (Role.STATION_LEAD, Role.SOCIAL_WORKER, Role.AIDE)
    }
    posts = {role: await m.worker(account, station) for role, account in people.items()}
    return Place(
        station=station,
        lead=people[Role.STATION_LEAD],
        worker=people[Role.SOCIAL_WORKER],
        aide=people[Role.AIDE],
        post=posts[Role.SOCIAL_WORKER],
        other_post=posts[Role.AIDE],
        clerk=await m.account(Role.GOV_CLERK, area_code=area_code[:6]),
        approver=await m.account(Role.GOV_APPROVER, area_code=area_code[:6]),
        home=await m.household(area_code=area_code),
    )


async def a_place(engine: AsyncEngine, area_code: str = TOWN) -> Place:
    """One of its own."""
    async with making(engine) as m:
        return await make_place(m, area_code)


def told(**fields: Any) -> rules.Told:
    """An hour ago, all well."""
    given: dict[str, Any] = {"performed_at": now() - timedelta(hours=1), "minutes": 40}
    return rules.Told(**given | {"findings": WHOLE} | fields)


async def put_plan(engine: AsyncEngine, place: Place, **fields: Any) -> model.VisitPlan:
    """An active plan of the household, a new one unless told."""
    async with making(engine) as m:
        if "household_id" not in fields:
            fields["household_id"] = (await m.household(area_code=TOWN)).id
        if fields.get("state") is model.VisitPlanState.ENDED:
            fields = {"ended_at": now(), "awaits_window": False} | fields
        row = model.VisitPlan(
            **{
                "no": f"VP-{next(COUNTER)}-{new_id().hex[-6:]}",
                "station_id": place.station.id,
                "worker_id": place.post.id,
                "tier": RiskTier.HIGH,
                "starts_on": today() - timedelta(days=10),
                "created_at": now(),
                "created_by": place.lead.id,
            }
            | fields
        )
        await m.put(row)
        return row


async def put_visit(
    engine: AsyncEngine, place: Place, state: S = S.SCHEDULED, **fields: Any
) -> model.Visit:
    """A visit with all that its state asks for, to be made these days."""
    row: dict[str, Any] = {
        "no": f"V-{next(COUNTER)}-{new_id().hex[-6:]}",
        "household_id": place.home.id,
        "station_id": place.station.id,
        "worker_id": place.post.id,
        "kind": model.VisitKind.HOME,
        "tier": RiskTier.HIGH,
        "window_from": today() - timedelta(days=2),
        "window_to": today() + timedelta(days=3),
        "findings": {},
        "state": state,
        "created_at": now(),
        "created_by": place.lead.id,
    } | fields
    row["due_on"] = row["window_to"] - timedelta(days=1)
    if state in model.PERFORMED:
        moment = now() - timedelta(hours=2)
        row = {"performed_at": moment, "recorded_at": moment, "performed_by": place.aide.id} | row
    if state is S.VERIFIED:
        row |= {
            "verified_at": now(),
            "verified_by": place.lead.id,
            "verified_how": model.VisitCheck.PHONE,
        }
    async with making(engine) as m:
        visit = model.Visit(**row)
        await m.put(visit)
        return visit


class UndoneError(Exception):
    """Rolls back what was tried."""


async def tried(session: AsyncSession, actor: Actor, row: Any, deed: Deed) -> str:
    """The state after the deed, or the code of the refusal; nothing stays done."""
    try:
        async with session.begin_nested():
            done = await deed(Act(session, actor), row)
            await session.flush()
            raise UndoneError(done.state.value)
    except UndoneError as undone:
        return str(undone)
    except Refusal as refusal:
        return refusal.code
