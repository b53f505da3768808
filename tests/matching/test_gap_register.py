"""The register: a planned purchase, the first delivery, and a report that tells of nobody."""

from collections import defaultdict
from itertools import product
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import nexus.matching.suggestions.register.reactions  # noqa: F401 - registers the listener
from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, Invalid, NotFound, WrongState
from nexus.matching.pledges.model import PledgeState
from nexus.matching.suggestions.model import TRANSITIONS, Gap, GapRemedy, GapState
from nexus.matching.suggestions.register import operations
from nexus.worker import drain
from tests.conftest import Api
from tests.deeds import acting, events_of, reread
from tests.making import Maker, making, now
from tests.matching.bridge import build_bridge

COUNTY, TOWN = "440103", "440103001"


async def a_gap(m: Maker, **given: Any) -> Gap:
    need = given.pop("need", None) or await m.need(state="published")
    line = need.lines[0]
    row = {
        "id": new_id(),
        "line_id": line.id,
        "need_id": need.id,
        "category": line.category,
        "kind": line.kind.value,
        "area_code": line.area_code,
        "opened_at": now(),
    }
    gap = Gap(**(row | given))
    await m.put(gap)
    return gap


@pytest.fixture
async def coordinator(engine: AsyncEngine) -> Any:
    async with making(engine) as m:
        return await m.account(Role.GOV_COORDINATOR, area_code=COUNTY)


async def test_a_planned_purchase_keeps_the_gap_live(engine: AsyncEngine, coordinator: Any) -> None:
    async with making(engine) as m:
        gap = await a_gap(m)
    async with acting(engine, coordinator) as act:
        await operations.plan_gap_purchase(
            act, gap.id, expected_version=1, reference=" CG-2027-014 "
        )
    row = await reread(engine, gap)
    assert (row.state, row.purchase_ref, row.version) == (
        GapState.ACKNOWLEDGED,
        "CG-2027-014",
        2,
    )
    assert await events_of(engine, gap) == ["gap.purchase_planned"]


@pytest.mark.parametrize("reference", ["", "  ", "the new plan", "x" * 65, "a\nb"])
async def test_a_sentence_is_no_reference(
    engine: AsyncEngine, coordinator: Any, reference: str
) -> None:
    async with making(engine) as m:
        gap = await a_gap(m)
    with pytest.raises(Invalid):
        async with acting(engine, coordinator) as act:
            await operations.plan_gap_purchase(act, gap.id, expected_version=1, reference=reference)
    assert (await reread(engine, gap)).version == 1


async def test_only_a_coordinator_of_the_territory_plans(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        gap = await a_gap(m)
        accounts = [
            (await m.account(role, area_code=area), refusal)
            for role, area, refusal in (
                (Role.GOV_CLERK, COUNTY, Forbidden),
                (Role.GOV_APPROVER, COUNTY, Forbidden),
                (Role.STATION_LEAD, TOWN, Forbidden),
                (Role.SUPERVISOR, "44", Forbidden),
                (Role.GOV_COORDINATOR, "440304", NotFound),
            )
        ]
    for account, refusal in accounts:
        with pytest.raises(refusal):
            async with acting(engine, account) as act:
                await operations.plan_gap_purchase(
                    act, gap.id, expected_version=1, reference="CG-1"
                )
    assert (await reread(engine, gap)).version == 1


@pytest.mark.parametrize("state", list(GapState))
async def test_states_of_a_gap(engine: AsyncEngine, coordinator: Any, state: GapState) -> None:
    async with making(engine) as m:
        gap = await a_gap(m, state=state)
    allowed = state in TRANSITIONS.sources("plan_purchase")
    try:
        async with acting(engine, coordinator) as act:
            await operations.plan_gap_purchase(act, gap.id, expected_version=1, reference="CG-1")
        assert allowed
    except WrongState:
        assert not allowed
        assert (await reread(engine, gap)).version == 1


@pytest.mark.parametrize("planned", [None, "CG-2027-014"])
async def test_the_first_delivery_closes_the_gap(engine: AsyncEngine, planned: str | None) -> None:
    bridge = await build_bridge(engine)
    async with making(engine) as m:
        gap = await a_gap(m, need=bridge.need, purchase_ref=planned)
    pledge = await bridge.pledge_in(PledgeState.ACCEPTED)
    await drain(engine)
    assert (await reread(engine, gap)).state is GapState.OPEN
    delivery = await bridge.deliver(pledge, "1")
    await drain(engine)
    row = await reread(engine, gap)
    remedy = GapRemedy.PURCHASE_PLAN if planned else GapRemedy.OFFER
    assert (row.state, row.addressed_by, row.remedy) == (GapState.ADDRESSED, delivery.no, remedy)
    await bridge.deliver(pledge, "1")
    await drain(engine)
    assert (await reread(engine, gap)).version == row.version


# --- The report ---


def withheld(counts: dict[str, int]) -> set[str]:
    """By the book: which counties' and cities' counts are not told, of one category and kind."""
    hidden: set[str] = set()
    for level in (2, 4, 6):
        sums: dict[str, int] = defaultdict(int)
        for code, number in counts.items():
            sums[code[:level]] += number
        families: dict[str, list[str]] = defaultdict(list)
        for code in sums:
            families[code[: level - 2]].append(code)
        for family in families.values():
            small = [code for code in family if sums[code] < 5]
            rest = sorted((c for c in family if sums[c] >= 5), key=lambda c: (sums[c], c))
            hidden |= {*small, *(rest[:1] if len(small) == 1 else [])}
        hidden |= {c for c in sums if any(c[:n] in hidden for n in (2, 4) if n < level)}
    return hidden


REPORT = """query($area: String) { gapReport(area: $area) { cells {
  category kind withheld gaps acknowledged planned oldestAt area { code } } } }"""
COUNTIES = {
    "440103": 7,
    "440104": 3,
    "440105": 9,
    "440304": 2,
    "440305": 1,
    "440402": 12,
    "440403": 6,
    "440502": 5,
}


async def test_the_report_withholds_what_tells_of_somebody(
    engine: AsyncEngine, owner_engine: AsyncEngine, api: Api
) -> None:
    async with AsyncSession(owner_engine) as session, session.begin():
        await session.execute(delete(Gap))
    async with making(engine) as m:
        need = await m.need(state="published", lines=[{"category": "EDU"}])
        for county, number in COUNTIES.items():
            await m.area(county)
            for _ in range(number):
                line = (await m.need(state="published")).lines[0]
                await a_gap(m, need=need, line_id=line.id, area_code=county, category="EDU")
    hidden = withheld(COUNTIES)
    assert {"440103", "440104", "4403", "4405", "440502"} <= hidden
    assert "440403" not in hidden
    for asker, area in product((None, await _official(engine)), ("44", "4401", "4403", "4404")):
        cells = (await api(asker)(REPORT, area=area))["data"]["gapReport"]["cells"]
        level = len(area) + 2
        sums: dict[str, int] = defaultdict(int)
        for code, number in COUNTIES.items():
            if code.startswith(area):
                sums[code[:level]] += number
        assert {c["area"]["code"]: c["gaps"] for c in cells} == {
            code: None if code in hidden else number for code, number in sums.items()
        }
        for cell in cells:
            assert cell["withheld"] == (cell["gaps"] is None)
            assert (cell["oldestAt"] is None) == (cell["planned"] is None) == cell["withheld"]


async def _official(engine: AsyncEngine) -> Any:
    async with making(engine) as m:
        return await m.account(Role.GOV_COORDINATOR, area_code="44")


async def test_an_area_that_is_none_has_no_cells(api: Api) -> None:
    answer = await api(None)(REPORT, area="99")
    assert answer["data"]["gapReport"]["cells"] == []


async def test_the_report_may_be_asked_for_twice_at_once(api: Api) -> None:
    document = '{ a: gapReport { cells { gaps } } b: gapReport(area: "44") { cells { gaps } } }'
    answer = await api(None)(document)
    assert "errors" not in answer, answer
    assert set(answer["data"]) == {"a", "b"}
