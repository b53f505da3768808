"""Discovery reports of one place: one that shows most, and others for deeds; who told of them."""

from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Actor, Role
from nexus.core.ids import new_id
from nexus.core.outbox import Event
from nexus.discovery.model import CustodyKind, CustodyStep, HotlineReply, ReportState
from nexus.needs.model import Need
from nexus.needs.notices.model import MissingNotice
from nexus.recipients.vault.contacts.model import ContactReveal
from nexus.recipients.vault.contacts.operations import record_contact
from tests.deeds import acting
from tests.house.matrix_world import Place, World
from tests.making import Maker, now

ELSEWHERE = "440306"
"""A county of nobody's, to transfer to and from."""
PHONE = "19900009999"


async def report(m: Maker, engine: AsyncEngine, world: World, place: Place) -> None:
    """Reports with trail, reply, notice and history."""
    contact_id = await _contact(engine, world, place)
    mine: dict[str, Any] = {
        "area_code": place.town,
        "created_by": place.staff.id,
        "owner_id": place.staff.id,
    }
    row = await _put(
        m,
        place,
        "DiscoveryReport",
        ReportState.VERIFIED,
        **mine,
        contact_id=contact_id,
        station_id=place["Station"].id,
        household_id=place["Household"].id,
        offered_area_code=ELSEWHERE,
        ticket_system="12345",
        ticket_type="ticket",
        ticket_no=place.says("DiscoveryReport.ticketNo"),
        contacted_at=now(),
    )
    states = (ReportState.RECEIVED, ReportState.TRIAGED, ReportState.ASSIGNED, ReportState.VERIFIED)
    for state in states:
        owned = mine | ({"owner_id": None} if state is ReportState.RECEIVED else {})
        await _put(m, place, f"DiscoveryReport/{state}", state, **owned)
    await _put(
        m,
        place,
        "DiscoveryReport/duplicate",
        ReportState.DUPLICATE_OF,
        **mine,
        duplicate_of_id=row.id,
    )
    await _put(
        m,
        place,
        "DiscoveryReport[incoming]",
        ReportState.TRIAGED,
        area_code=ELSEWHERE,
        offered_area_code=place.town,
    )
    await _beside(m, place, row)


async def _put(m: Maker, place: Place, key: str, state: ReportState, **fields: Any) -> Any:
    told: dict[str, Any] = {
        "situation": place.says(f"{_shown(key)}.situation"),
        "state_reason": place.says(f"{_shown(key)}.stateReason"),
    }
    if state is ReportState.VERIFIED:
        told["findings"] = place.says(f"{_shown(key)}.findings")
    place.rows[key] = made = await m.report(state, **told, **fields)
    return made


def _shown(key: str) -> str:
    return key.partition("/")[0]


async def _contact(engine: AsyncEngine, world: World, place: Place) -> Any:
    """Who told, by the real deed; and a request to see it."""
    name = place.says("vault.contact")
    world.secrets |= {name, PHONE}
    clerk = Actor(Role.GOV_APPROVER, place.clerk.id, place.authority.id, "", now())
    async with acting(engine, clerk) as act:
        contact_id = await record_contact(act, name=name, phone=PHONE)
        asked = insert(ContactReveal).values(
            id=new_id(), contact_id=contact_id, purpose="DELIV", account_id=place.staff.id
        )
        made = await act.session.execute(asked.returning(ContactReveal))
        place.rows["ContactReveal"] = made.scalar_one()
    return contact_id


async def _beside(m: Maker, place: Place, row: Any) -> None:
    place.rows["CustodyStep"] = CustodyStep(
        id=new_id(),
        report_id=row.id,
        position=1,
        kind=CustodyKind.OFFERED,
        from_area_code=place.town,
        to_area_code=ELSEWHERE,
        to_station_id=place["Station"].id,
        owner_id=place.clerk.id,
        by_id=place.clerk.id,
        reason=place.says("CustodyStep.reason"),
        happened_at=now(),
    )
    place.rows["HotlineReply"] = HotlineReply(
        id=new_id(),
        report_id=row.id,
        position=1,
        code="RECEIVED",
        text=place.says("HotlineReply.text"),
        state=ReportState.RECEIVED,
        replied_at=now(),
    )
    for key, about in (
        ("MissingNotice", {"report_id": row.id}),
        ("MissingNotice/need", {"need_id": place["Need"].id}),
    ):
        place.rows[key] = MissingNotice(
            id=new_id(),
            **about,
            items=["INCOME"],
            note=place.says("MissingNotice.note") if key == "MissingNotice" else "身份证复印件",
            due_at=now(),
            given_at=now(),
            given_by=place.clerk.id,
            late=False,
        )
    place.rows["DiscoveryEvent"] = Event(
        id=new_id(),
        kind="discovery.triaged",
        object_type="discovery_report",
        object_id=row.id,
        actor_id=place.clerk.id,
        actor_role="gov_clerk",
        organization_id=place.authority.id,
        occurred_at=now(),
        facts={"by": str(place.clerk.id)},
    )
    keys = ("CustodyStep", "HotlineReply", "MissingNotice", "MissingNotice/need", "DiscoveryEvent")
    await m.put(*(place.rows[key] for key in keys))
    linked = update(Need).where(Need.id == place["Need"].id).values(discovery_report_id=row.id)
    await m.session.execute(linked)
    await m.session.commit()
