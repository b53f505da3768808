"""Handing a household's visits over to the station of where it lives now."""

from uuid import UUID

from nexus.acting import Act
from nexus.casework.editing.operations import apply_edits
from nexus.casework.visits import model, queries


async def hand_over(act: Act, household_id: UUID, area_code: str) -> int:
    """The plan and what is open go to the station of the new place; how many rows.

    Who was to go stays behind: the lead there names another. What was made stays where it was.
    Where no station is near, nothing changes: the authority of the new place sees it.
    """
    station = await queries.station_near(act.session, area_code)
    if station is None:
        return 0
    moved = 0
    plan = await queries.active_plan(act.session, household_id)
    if plan is not None and plan.station_id != station.id:
        await _give(act, plan, station.id, {"worker_id": None})
        act.record("visit_plan.changed", plan, station_id=station.id, tier=plan.tier.value)
        moved += 1
    for visit in await queries.take_open(act.session, household_id):
        if visit.station_id == station.id:
            continue
        joint = visit.kind is model.VisitKind.JOINT
        changes: dict[str, object] = {"worker_id": None, "with_worker_id": None}
        await _give(act, visit, station.id, changes | ({"kind": "home"} if joint else {}))
        act.record("visit.replanned", visit, station_id=station.id)
        moved += 1
    return moved


async def _give(
    act: Act, row: model.Visit | model.VisitPlan, station_id: UUID, changes: dict[str, object]
) -> None:
    before = row.version
    row.station_id = station_id
    await apply_edits(act, row, expected_version=before, changes=changes)
    row.version = before + 1
