"""Records that may be one person, a limit of help and leave to pass it, of one place."""

from decimal import Decimal
from typing import Any

from nexus.core.ids import new_id
from nexus.matching.helped.model import HelpOverride
from nexus.recipients.merging.model import DuplicateSuspicion, SuspicionGround, SuspicionState
from tests.house.matrix_world import Place
from tests.making import Maker, now, number


async def suspect(m: Maker, place: Place) -> None:
    """An open pair whose merge somebody proposed, a merged one, and one to name anew."""
    gone = await m.household(area_code=place.town)
    stays = await m.recipient(gone)
    for row, target in ((place["Recipient"], stays), (place["Household"], gone)):
        row.merged_into_id, row.merged_at = target.id, now()
        await m.put(row)
    place.rows["Household/other"] = await m.household(area_code=place.town)
    place.rows["Recipient/same"] = await m.recipient(place["Household"])
    for key, state in (("", SuspicionState.OPEN), ("/merged", SuspicionState.MERGED)):
        for of in ("", "[protected]"):
            if key and of:
                continue
            await _pair(m, place, f"DuplicateSuspicion{of}{key}", place[f"Household{of}"], state)


async def _pair(m: Maker, place: Place, key: str, home: Any, state: SuspicionState) -> None:
    one, other = await m.recipient(home), await m.recipient(home)
    merged = state is SuspicionState.MERGED
    if merged:
        other.merged_into_id, other.merged_at = one.id, now()
        await m.put(other)
    place.rows[key] = row = DuplicateSuspicion(
        no=number("DS"),
        recipient_id=other.id,
        other_id=one.id,
        area_code=place.town,
        ground=SuspicionGround.REPORTED,
        survivor_id=one.id,
        proposed_by=new_id(),
        proposed_at=now(),
        state=state,
        state_reason=place.says(f"{key.removesuffix('/merged')}.stateReason"),
        decided_by=new_id() if merged else None,
        decided_at=now() if merged else None,
        created_at=now(),
        created_by=place.clerk.id,
    )
    if key == "DuplicateSuspicion":
        place.rows["Recipient/survivor"] = one
    await m.put(row)


async def limit_help(m: Maker, place: Place) -> None:
    """Leave that the first pledge used, and a line on which more needs leave."""
    line = place["NeedLine"]
    place.rows["HelpOverride"] = row = HelpOverride(
        line_id=line.id,
        household_id=place["Household"].id,
        organization_id=place.charity.id,
        quantity=Decimal(20),
        reason=place.says("HelpOverride.reason"),
        rule="help_limit:FOOD.RICE@2020-01-01",
        snapshot={"helped": "200"},
        used_at=now(),
        created_at=now(),
        created_by=place.clerk.id,
    )
    await m.put(row)
    pledge = place["Pledge"]
    pledge.override_id = row.id
    await m.put(pledge)
    need = await m.need(
        recipient_id=place["Recipient"].id,
        household_id=place["Household"].id,
        consent_id=place["Consent/published"].id,
        area_code=place.town,
        publisher_id=place.authority.id,
        owner_id=place.clerk.id,
        lines=[{"item_code": "FOOD.RICE", "quantity_required": Decimal(1000)}],
    )
    place.rows["NeedLine/limited"] = need.lines[0]
