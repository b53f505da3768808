"""The pack of a coordination meeting: four lists of what its reader sees, in one statement."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

import nexus.matching.referrals.reactions  # noqa: F401 - registers the listeners
from nexus.acting import Act, Role, system
from nexus.graph.identifiers import encode
from nexus.matching.referrals.model import ReferralState
from nexus.matching.referrals.operations import tell_overdue_referrals
from nexus.obligations.model import ObligationKind
from nexus.obligations.operations import oblige
from tests.conftest import Api
from tests.deeds import acting
from tests.making import making, now
from tests.matching.test_gap_register import a_gap
from tests.referrals.referring import prepare

COUNTY, TOWN, NEXT_TOWN = "440103", "440103001", "440103002"
PACK = """query($area: String, $first: Int) { coordinationPack(area: $area, first: $first) {
    asOf area { code }
    urgentNeeds { no why dueAt node { __typename id } }
    stuckReferrals { no why node { __typename id } }
    gaps { no why sinceAt node { __typename id } }
    overdueObligations { no why dueAt node { __typename id } } } }"""


@pytest.fixture(scope="module")
async def world(api: Api) -> dict[str, Any]:
    engine = api.engine
    ground = await prepare(engine, urgency="u1")
    late = await ground.requested()
    held = await (await prepare(engine)).in_state(ReferralState.ON_HOLD)
    assert late.ack_due_at is not None
    async with AsyncSession(engine) as session, session.begin():
        await tell_overdue_referrals(session, late.ack_due_at)
    async with making(engine) as m:
        urgent = await m.need(urgency="u2", area_code=TOWN)
        waiting = await m.need(state="submitted", urgency="u1", area_code=TOWN)
        calm = await m.need(urgency="u4", area_code=TOWN)
        beyond = await m.need(urgency="u1", area_code=NEXT_TOWN)
        gap = await a_gap(m, need=await m.need(urgency="u3", area_code=TOWN))
        owner = await m.authority(area_code=COUNTY)
        coordinator = await m.account(Role.GOV_COORDINATOR, area_code=COUNTY)
        foreign = await m.account(Role.GOV_COORDINATOR, area_code="440304")
        charity = await m.account(Role.CHARITY_USER)
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        given: dict[str, Any] = {
            "kind": ObligationKind.RECTIFICATION,
            "organization_id": owner.id,
            "area_code": TOWN,
        }
        past = await oblige(
            Act(session, system(now())), subject=urgent, due_at=now() - timedelta(days=1), **given
        )
        await oblige(
            Act(session, system(now())), subject=calm, due_at=now() + timedelta(days=1), **given
        )
        undated = given | {"kind": ObligationKind.SUPPLEMENT}
        await oblige(Act(session, system(now())), subject=waiting, due_at=None, **undated)
    return {
        "late": late,
        "held": held,
        "urgent": urgent,
        "waiting": waiting,
        "calm": calm,
        "beyond": beyond,
        "gap": gap,
        "past": past,
        "coordinator": coordinator,
        "foreign": foreign,
        "charity": charity,
    }


async def pack(api: Api, who: Any, area: str | None, **more: Any) -> Any:
    answer = await api(who)(PACK, area=area, **more)
    assert "errors" not in answer, answer
    return answer["data"]["coordinationPack"]


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["node"]["id"] for row in rows]


async def test_each_list_has_what_is_stuck_and_nothing_else(
    api: Api, world: dict[str, Any]
) -> None:
    found = await pack(api, world["coordinator"], TOWN, first=100)
    assert found["area"]["code"] == TOWN
    needs = ids(found["urgentNeeds"])
    assert needs.index(encode("Need", world["waiting"].id)) < needs.index(
        encode("Need", world["urgent"].id)
    )
    assert encode("Need", world["calm"].id) not in needs
    assert encode("Need", world["beyond"].id) not in needs
    stuck = ids(found["stuckReferrals"])
    assert {encode("Referral", world[name].id) for name in ("late", "held")} <= set(stuck)
    assert encode("Gap", world["gap"].id) in ids(found["gaps"])
    assert ids(found["overdueObligations"]) == [encode("Obligation", world["past"].id)]
    assert [row["why"] for row in found["overdueObligations"]] == ["RECTIFICATION"]


async def test_a_larger_area_holds_the_smaller_ones_and_first_bounds_each(
    api: Api, world: dict[str, Any]
) -> None:
    found = await pack(api, world["coordinator"], COUNTY, first=1)
    assert [len(found[name]) for name in ("urgentNeeds", "stuckReferrals", "gaps")] == [1, 1, 1]
    whole = await pack(api, world["coordinator"], COUNTY, first=100)
    assert encode("Need", world["beyond"].id) in ids(whole["urgentNeeds"])


@pytest.mark.parametrize("who", ["foreign", "charity", None])
async def test_nobody_else_has_it(api: Api, world: dict[str, Any], who: str | None) -> None:
    account = world[who] if who else None
    for area in (TOWN, COUNTY, "999999", None):
        assert await pack(api, account, area) is None


async def test_an_area_above_the_territory_is_not_given(api: Api, world: dict[str, Any]) -> None:
    assert await pack(api, world["coordinator"], "4401") is None


async def test_what_is_settled_is_no_longer_in_it(api: Api, world: dict[str, Any]) -> None:
    async with acting(api.engine, system(now())) as act:
        row = await act.session.get_one(type(world["past"]), world["past"].id)
        row.state, row.evidence = "done", "已整改"
        row.closed_at, row.closed_by = now(), act.actor.account_id
    found = await pack(api, world["coordinator"], TOWN)
    assert found["overdueObligations"] == []
