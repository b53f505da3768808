"""Projects and offers through GraphQL: the whole way of a charity, filters, what is withheld."""

from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.charity.model import OfferState, ProjectState
from nexus.core.ids import new_id
from nexus.graph.identifiers import encode
from tests.conftest import Api, Ask
from tests.making import making, today

OFFER = """... on Offer { id no title state version available stale preApproved allowedActions
  areas { area { code } } organization { id } project { no state } }
  ... on Refusal { code message field details }"""
PROJECT = """... on CharityProject { id no state version filingNo budgetFen receivedFen spentFen
  allowedActions area { code } offers(first: 5) { nodes { no } } }
  ... on Refusal { code field details }"""


async def do(ask: Ask, name: str, kind: str, shape: str, **given: Any) -> dict[str, Any]:
    """Run one mutation with a fresh key; its answer, which is no error."""
    document = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {shape} }} }}"
    answer = await ask(document, input={"idempotencyKey": str(new_id())} | given)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"][name]
    return found


def offer_terms(**given: Any) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "title": "上门送餐",
        "kind": "SERVICE",
        "category": "CAR",
        "unit": "E48",
        "areas": ["440103"],
        "availableFrom": str(today()),
    }
    return terms | given


async def test_a_charitys_way_from_project_to_listed_offer(engine: AsyncEngine, api: Api) -> None:
    async with making(engine) as m:
        account = await m.account(role=Role.CHARITY_USER)
    ask = api(account)
    terms = {
        "name": "暖冬行动",
        "field": "poverty",
        "area": "440103",
        "startsOn": str(today()),
        "budgetFen": 500_000,
    }
    project = await do(ask, "createProject", "CreateProjectInput", PROJECT, terms=terms)
    assert (project["state"], project["area"]) == ("DRAFT", {"code": "440103"})
    assert project["allowedActions"] == ["updateProject", "fileProject", "cancelProject"]
    moved = {"id": project["id"], "expectedVersion": 1}
    project = await do(ask, "fileProject", "FileProjectInput", PROJECT, filingNo="A-1", **moved)
    moved["expectedVersion"] = 2
    project = await do(ask, "startProject", "TransitionInput", PROJECT, **moved)
    assert project["allowedActions"] == [
        "pauseProject",
        "completeProject",
        "cancelProject",
        "recordProjectFunds",
    ]
    moved["expectedVersion"] = 3
    funds = {"receivedFen": 100, "spentFen": 200}
    told = await do(ask, "recordProjectFunds", "RecordProjectFundsInput", PROJECT, **funds, **moved)
    assert (told["code"], told["details"]["received"]) == ("GUARD_FAILED", 100)

    given = {
        "terms": offer_terms(projectId=project["id"]),
        "capacityMaximum": "12.5",
    }
    offer = await do(ask, "createOffer", "CreateOfferInput", OFFER, **given)
    assert (offer["state"], offer["available"], offer["stale"]) == ("DRAFT", "12.5", False)
    assert offer["areas"] == [{"area": {"code": "440103"}}]
    assert "listOffer" in offer["allowedActions"]
    at = {"id": offer["id"], "expectedVersion": 1}
    offer = await do(ask, "listOffer", "TransitionInput", OFFER, **at)
    assert offer["state"] == "LISTED"
    assert offer["allowedActions"] == [
        "pauseOffer",
        "withdrawOffer",
        "confirmOffer",
        "setCapacity",
        "setOfferAreas",
    ]
    found = await ask(
        "query ($id: ID!) { node(id: $id) { ... on CharityProject { offers { nodes { no } } } } }",
        id=project["id"],
    )
    assert found["data"]["node"]["offers"]["nodes"] == [{"no": offer["no"]}]


async def test_capacity_areas_confirmation_and_approval(engine: AsyncEngine, api: Api) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_CLIENT, organization=owner)
        coordinator = await m.account(role=Role.GOV_COORDINATOR)
        offer = await m.offer(owner, capacity_reserved=Decimal(7))
    ask, at = api(account), {"id": encode("Offer", offer.id)}
    told = await do(
        ask, "setCapacity", "SetCapacityInput", OFFER, maximum="6", expectedVersion=1, **at
    )
    assert told["code"] == "CAPACITY_EXHAUSTED"
    assert told["details"]["minimum"] == "7.000"
    row = await do(
        ask, "setCapacity", "SetCapacityInput", OFFER, maximum=None, expectedVersion=1, **at
    )
    assert (row["available"], row["version"]) == (None, 2)
    row = await do(
        ask, "setOfferAreas", "SetOfferAreasInput", OFFER, areas=["广州市"], expectedVersion=2, **at
    )
    assert row["areas"] == [{"area": {"code": "4401"}}]
    row = await do(ask, "confirmOffer", "TransitionInput", OFFER, expectedVersion=3, **at)
    assert row["version"] == 4
    told = await do(ask, "approveOffer", "ApproveOfferInput", OFFER, expectedVersion=4, **at)
    assert told["code"] == "FORBIDDEN"
    row = await do(
        api(coordinator), "approveOffer", "ApproveOfferInput", OFFER, expectedVersion=4, **at
    )
    assert (row["preApproved"], row["allowedActions"]) == (True, ["blockOffer", "approveOffer"])
    row = await do(ask, "pauseOffer", "TransitionInput", OFFER, expectedVersion=5, **at)
    row = await do(
        ask,
        "updateOffer",
        "UpdateOfferInput",
        OFFER,
        expectedVersion=6,
        terms=offer_terms(kind="GOODS", category="LIV", unit="KGM", title="大米"),
        **at,
    )
    assert (row["title"], row["preApproved"], row["version"]) == ("大米", False, 7)


OFFERS = """query ($filter: OfferFilter) { offers(first: 100, filter: $filter) {
  totalCount nodes { id } } }"""


async def test_the_directory_is_filtered(engine: AsyncEngine, api: Api) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        listed = await m.offer(owner, category="HOU", areas=["440103", "4403"], title="修房子%")
        service = await m.offer(owner, category="HOU", kind="service", areas=["CN"])
        paused = await m.offer(owner, category="HOU", state=OfferState.PAUSED)
        await m.offer(owner, category="HOU", state=OfferState.DRAFT)
        await m.offer(category="HOU")
        charity_user = await m.account(role=Role.CHARITY_USER)
    organization = encode("Organization", owner.id)

    async def found(account: Any, **conditions: Any) -> set[str]:
        given = {"organization": organization, "category": ["HOU"]} | conditions
        answer = await api(account)(OFFERS, filter=given)
        assert "errors" not in answer, answer
        page = answer["data"]["offers"]
        assert page["totalCount"] == len(page["nodes"])
        return {node["id"] for node in page["nodes"]}

    one, two, three = (encode("Offer", row.id) for row in (listed, service, paused))
    assert await found(None) == {one, two}
    assert await found(charity_user) == {one, two, three}
    assert await found(charity_user, state=["PAUSED"]) == {three}
    assert await found(None, kind=["SERVICE"]) == {two}
    assert await found(None, area="440103001") == {one, two}
    assert await found(None, area="4403") == {one, two}
    assert await found(None, area="4401") == {one, two}
    assert await found(None, area="4405") == {two}
    assert await found(None, area="CN") == {one, two}
    assert await found(None, text="房子%") == {one}
    assert await found(None, organization=encode("Offer", owner.id)) == set()


async def test_projects_are_filtered_and_reasons_withheld(engine: AsyncEngine, api: Api) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        running = await m.project(owner, area_code="440103", field="care")
        ended = await m.project(
            owner, state=ProjectState.PAUSED, state_reason="整改", area_code="4403"
        )
        await m.project(owner, state=ProjectState.DRAFT)
    query = """query ($filter: CharityProjectFilter) { projects(first: 50, filter: $filter) {
      nodes { no stateReason redactions } } }"""
    organization = encode("Organization", owner.id)

    async def found(who: Any, **conditions: Any) -> dict[str, Any]:
        answer = await api(who)(query, filter={"organization": organization} | conditions)
        assert "errors" not in answer, answer
        return {node["no"]: node for node in answer["data"]["projects"]["nodes"]}

    assert (await found(None)).keys() == {running.no, ended.no}
    assert len(await found(account)) == 3
    assert (await found(None, field=["care"])).keys() == {running.no}
    assert (await found(None, area="4403")).keys() == {ended.no}
    assert (await found(None, state=["ACTIVE"])).keys() == {running.no}
    withheld = (await found(None))[ended.no]
    assert (withheld["stateReason"], withheld["redactions"]) == (None, ["stateReason"])
    own = (await found(account))[ended.no]
    assert (own["stateReason"], own["redactions"]) == ("整改", [])
