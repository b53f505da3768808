"""An emergency in one place, a rule that was relaxed there, and help in stages."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from nexus.emergencies.model import (
    EmergencyArea,
    EmergencyEvent,
    EmergencyPeriod,
    EmergencyState,
    Relaxation,
)
from nexus.needs.model import Tranche, Visibility
from tests.house.matrix_world import Place
from tests.making import Maker, now, number, today


async def declare(m: Maker, place: Place) -> None:
    """An active event of the place's county, in its first phase."""
    place.rows["EmergencyEvent"] = event = EmergencyEvent(
        no=number("E"),
        name=place.says("EmergencyEvent.name"),
        kind="natural_disaster",
        level="ii",
        legal_basis="plan",
        relaxed_rules=["provisional_publication"],
        seat_code=place.county,
        authority_id=place.authority.id,
        state=EmergencyState.ACTIVE,
        state_reason=place.says("EmergencyEvent.stateReason"),
        starts_at=now(),
        created_at=now(),
        created_by=place.clerk.id,
    )
    await m.put(event)
    area = EmergencyArea(event_id=event.id, area_code=place.county)
    period = EmergencyPeriod(
        event_id=event.id, phase="emergency", starts_on=today() - timedelta(days=1)
    )
    await m.put(area, period)


async def relax(m: Maker, place: Place) -> None:
    """For the place's need: a rule relaxed and settled, a tranche released; needs for the deeds."""
    need = place["Need"]
    place.rows["Relaxation"] = relaxation = Relaxation(
        rule="provisional_publication",
        rule_version="supplement_working_days@CN/2020-01-01",
        subject_type="need",
        subject_id=need.id,
        area_code=place.town,
        event_id=place["EmergencyEvent"].id,
        obligation_id=place["Obligation[authority]"].id,
        reason=place.says("Relaxation.reason"),
        relaxed_at=now(),
        relaxed_by=place.clerk.id,
        settled_at=now(),
        settled_as="supplemented",
        settled_by=place.clerk.id,
    )
    place.rows["Tranche"] = tranche = _tranche(place, need.id)
    tranche.reason = place.says("Tranche.reason")
    await m.put(relaxation, tranche)
    told: dict[str, Any] = {
        "area_code": place.town,
        "publisher_id": place.authority.id,
        "owner_id": place.clerk.id,
        "created_by": place.clerk.id,
    }
    unverified: dict[str, Any] = {"provisional": True, "verified_at": None, "verified_by": None}
    place.rows["Need/provisional"] = await m.need(**told | unverified)
    staged: list[dict[str, Any]] = [
        {"asked": False, "published": False, "est_unit_value_fen": 1},
        {"tranche_no": 2, "held": True, "published": False, "est_unit_value_fen": 1},
    ]
    place.rows["Need/staged"] = row = await m.need(
        lines=staged, approval_cap_fen=100, visibility=Visibility.PARTNERS, **told
    )
    place.rows["Tranche[partners]"] = part = _tranche(place, row.id)
    await m.put(part)


def _tranche(place: Place, need_id: UUID) -> Tranche:
    return Tranche(
        need_id=need_id,
        no=1,
        amount_fen=10,
        ground="first",
        released_at=now(),
        released_by=place.clerk.id,
    )
