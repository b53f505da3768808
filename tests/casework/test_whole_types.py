"""Every field of visits, pairing, openings and training is read, by whoever sees the row."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.casework.pairing import operations as pairing
from nexus.casework.pairing import rules as pairing_rules
from nexus.casework.pairing.contributions import operations as contributions
from nexus.casework.pairing.model import ContactMeans
from nexus.casework.visits import operations, rules
from nexus.graph import specs
from nexus.graph.declare import TYPES
from tests.casework.visiting import Place, a_place, put_plan, put_visit, told
from tests.conftest import Api
from tests.deeds import acting
from tests.making import now, today

ROOTS = ("visits", "visitPlans", "changeReports", "visitChecklists", "pairings", "contributions")


def fields_of(name: str) -> str:
    """All fields of a type; of what they lead to, the id."""
    shown = []
    for field, spec in TYPES[name].fields.items():
        if isinstance(spec, specs.Pages):
            shown.append(f"{field}(first: 2) {{ nodes {{ id }} }}")
        elif isinstance(spec, specs.ToOne):
            target = TYPES[TYPES[name].targets[field]]
            shown.append(f"{field} {{ id: {'code' if target.key == 'code' else 'id'} }}")
        elif isinstance(spec, specs.Derived | specs.Listed):
            continue
        else:
            shown.append(field)
    return " ".join(shown)


@pytest.fixture(scope="module")
async def place(engine: AsyncEngine) -> Place:
    made = await a_place(engine)
    plan = await put_plan(engine, made, household_id=made.home.id, awaits_window=False)
    row = await put_visit(engine, made, plan_id=plan.id)
    async with acting(engine, made.worker) as act:
        given = told(danger=True, change=rules.Change(["OTHER"]))
        await operations.perform_visit(act, row.id, given, expected_version=1)
    async with acting(engine, made.worker) as act:
        pair = await pairing.start_pairing(
            act,
            household_id=made.home.id,
            station_id=made.station.id,
            helper=pairing_rules.Helper("worker", worker_id=made.post.id),
            valid_from=today(),
        )
    async with acting(engine, made.worker) as act:
        await pairing.record_contact(
            act, pairing_id=pair.id, means=ContactMeans.VISIT, performed_at=now()
        )
    async with acting(engine, made.worker) as act:
        gift = pairing_rules.Gift("hours", today(), minutes=30)
        await contributions.record_contribution(act, gift, pairing_id=pair.id)
    return made


@pytest.mark.parametrize("root", ROOTS)
async def test_every_field_is_read(engine: AsyncEngine, api: Api, place: Place, root: str) -> None:
    name = TYPES["Query"].targets[root]
    document = f"{{ {root}(first: 2) {{ nodes {{ __typename {fields_of(name)} }} }} }}"
    for account in (place.lead, place.clerk):
        answer: dict[str, Any] = await api(account)(document)
        assert "errors" not in answer, answer
        assert answer["data"][root]["nodes"]


async def test_what_is_listed_succeeds(engine: AsyncEngine, api: Api, place: Place) -> None:
    """What may be done with a visit that found danger, by whom."""
    document = "{ visits(first: 1, filter: {danger: true}) { nodes { allowedActions } } }"
    for account, allowed in (
        (place.lead, {"updateVisit", "verifyVisit", "answerDanger"}),
        (place.clerk, {"verifyVisit", "answerDanger"}),
        (place.worker, {"updateVisit"}),
    ):
        answer = await api(account)(document)
        (node,) = answer["data"]["visits"]["nodes"]
        assert set(node["allowedActions"]) == allowed, account.role
