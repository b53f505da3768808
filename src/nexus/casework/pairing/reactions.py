"""What pairings do when a household moves."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.casework.pairing.model import HelperKind, Pairing, PairingState
from nexus.casework.visits.queries import station_near
from nexus.core.outbox import Event, hears
from nexus.recipients.model import Household


@hears("household.updated")
async def pairings_follow_the_household(session: AsyncSession, event: Event, now: datetime) -> None:
    """An organization's pairing is looked after by the station of where the household lives now.

    That of a worker stays with the worker's station, until somebody ends it.
    """
    if not event.facts.get("area_before"):
        return
    home = await session.get_one(Household, event.object_id)
    station = await station_near(session, home.area_code)
    if station is None:
        return
    act = Act(session, system(now))
    found = await session.scalars(
        select(Pairing)
        .where(
            Pairing.household_id == home.id,
            Pairing.state == PairingState.ACTIVE,
            Pairing.helper_kind != HelperKind.WORKER,
            Pairing.station_id != station.id,
        )
        .order_by(Pairing.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for row in found.all():
        row.station_id = station.id
        row.version += 1
        act.record("pairing.moved", row, station_id=station.id)
