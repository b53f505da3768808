"""Organizations through GraphQL: the register, the deeds, the refusals, and who reads a reason."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import NOBODY
from nexus.core.ids import new_id
from nexus.graph.identifiers import encode
from nexus.organizations.model import Organization
from tests.conftest import Api
from tests.making import credit_code, making

CREATE = """
mutation ($input: CreateOrganizationInput!) {
  createOrganization(input: $input) {
    __typename
    ... on Organization { id no name state version uscc area { code } allowedActions }
    ... on Refusal { code message field details }
  }
}
"""
MOVE = """
mutation ($input: TransitionInput!) {
  %sOrganization(input: $input) {
    __typename
    ... on Organization { state version stateReason allowedActions redactions }
    ... on Refusal { code field details }
  }
}
"""
READ = """
query ($id: ID!) {
  node(id: $id) {
    id
    ... on Organization { name state stateReason redactions allowedActions }
  }
}
"""


def given(**changes: Any) -> dict[str, Any]:
    return {
        "name": "同心慈善会",
        "orgType": "ASSOCIATION",
        "areaCode": "4401",
        "uscc": credit_code(),
        "idempotencyKey": str(new_id()),
    } | changes


async def deed(api: Api, account: Any, document: str, **values: Any) -> dict[str, Any]:
    answer = await api(account)(document, input={"idempotencyKey": str(new_id())} | values)
    assert "errors" not in answer, answer
    (outcome,) = answer["data"].values()
    return dict(outcome)


async def test_from_draft_to_verified(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        user = await m.account(role="charity_user")
        approver = await m.account(role="gov_approver", area_code="4401")
        elsewhere = await m.account(role="gov_approver", area_code="4402")
    made = await deed(api, user, CREATE, **given())
    assert (made["__typename"], made["state"], made["version"]) == ("Organization", "DRAFT", 1)
    assert made["allowedActions"] == ["updateOrganization", "submitOrganization"]

    async def seen(account: Any) -> Any:
        return (await api(account)(READ, id=made["id"]))["data"]["node"]

    assert await seen(None) is None
    assert await seen(elsewhere) is None
    assert (await seen(approver))["state"] == "DRAFT"
    foreign = await deed(api, elsewhere, MOVE % "verify", id=made["id"], expectedVersion=1)
    assert foreign["code"] == "NOT_FOUND"
    early = await deed(api, approver, MOVE % "verify", id=made["id"], expectedVersion=1)
    assert early["code"] == "WRONG_STATE"

    sent = await deed(api, user, MOVE % "submit", id=made["id"], expectedVersion=1)
    assert (sent["state"], sent["version"]) == ("SUBMITTED", 2)
    own = await deed(api, user, MOVE % "verify", id=made["id"], expectedVersion=2)
    assert own["code"] == "FORBIDDEN"
    done = await deed(api, approver, MOVE % "verify", id=made["id"], expectedVersion=2)
    assert (done["state"], done["version"]) == ("VERIFIED", 3)
    assert done["allowedActions"] == [
        "suspendOrganization",
        "deregisterOrganization",
        "addQualification",
    ]
    assert (await seen(None))["state"] == "VERIFIED"
    assert (await seen(None))["allowedActions"] == []


async def test_who_registered_it_never_decides(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        approver = await m.account(role="gov_approver", area_code="44")
    made = await deed(api, approver, CREATE, **given())
    await deed(api, approver, MOVE % "submit", id=made["id"], expectedVersion=1)
    for verb in ("verify", "reject"):
        refused = await deed(
            api, approver, MOVE % verb, id=made["id"], expectedVersion=2, reason="核实"
        )
        assert refused["code"] == "FORBIDDEN"
    state = (await api(approver)(READ, id=made["id"]))["data"]["node"]
    assert state["state"] == "SUBMITTED"
    assert state["allowedActions"] == ["updateOrganization", "addQualification"]


async def test_a_code_with_a_letter_for_a_digit(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        user = await m.account(role="charity_user")
    code = credit_code("51440100")
    before = await count(engine)
    refused = await deed(api, user, CREATE, **given(uscc=code.replace("0", "O", 1)))
    assert (refused["__typename"], refused["code"]) == ("Refusal", "BAD_CREDIT_CODE")
    assert refused["field"] == "uscc"
    assert refused["details"]["suggestion"] == code
    unknown = await deed(api, user, CREATE, **given(areaCode="44O1"))
    assert (unknown["code"], unknown["field"]) == ("UNKNOWN_AREA", "areaCode")
    assert unknown["details"]["suggestion"] == "4401"
    assert await count(engine) == before


async def count(engine: AsyncEngine) -> int:
    async with AsyncSession(engine) as session:
        return (await session.execute(select(func.count()).select_from(Organization))).scalar_one()


async def test_a_taken_code_is_refused_and_the_key_keeps_its_answer(
    api: Api, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        user = await m.account(role="charity_user")
        taken = await m.organization()
    before = await count(engine)
    asked = given(uscc=taken.uscc)
    first = await deed(api, user, CREATE, **asked)
    assert first["code"] == "ALREADY_REGISTERED"
    assert await deed(api, user, CREATE, **asked) == first
    assert await count(engine) == before


async def test_update_leaves_out_clears_and_keeps(api: Api, engine: AsyncEngine) -> None:
    document = """
    mutation ($input: UpdateOrganizationInput!) {
      updateOrganization(input: $input) {
        __typename
        ... on Organization { name alternateName website uscc version }
        ... on Refusal { code details }
      }
    }
    """
    async with making(engine) as m:
        user = await m.account(role="charity_user")
    made = await deed(
        api, user, CREATE, **given(website="https://example.org/", alternateName="同心")
    )
    kept = await deed(
        api, user, document, id=made["id"], expectedVersion=1, website=None, name=None
    )
    assert kept["website"] is None
    assert (kept["name"], kept["alternateName"], kept["uscc"], kept["version"]) == (
        "同心慈善会",
        "同心",
        made["uscc"],
        2,
    )
    old = await deed(api, user, document, id=made["id"], expectedVersion=1, name="又")
    assert (old["code"], old["details"]["current"]) == ("VERSION_CONFLICT", 2)


async def test_the_reason_is_for_the_party_and_its_authority(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        party = await m.organization(state="suspended", state_reason="证书到期", area_code="4401")
        member = await m.account(role="charity_user", organization=party)
        clerk = await m.account(role="gov_clerk", area_code="4401")
        elsewhere = await m.account(role="gov_clerk", area_code="4402")
        other = await m.account(role="charity_user")
    row_id = encode("Organization", party.id)
    for account, told in (
        (member, True),
        (clerk, True),
        (elsewhere, False),
        (other, False),
        (None, False),
    ):
        node = (await api(account)(READ, id=row_id))["data"]["node"]
        assert node["name"] == party.name
        assert node["stateReason"] == ("证书到期" if told else None)
        assert node["redactions"] == ([] if told else ["stateReason"])


async def test_qualifications_are_seen_with_their_holder(api: Api, engine: AsyncEngine) -> None:
    add = """
    mutation ($input: AddQualificationInput!) {
      addQualification(input: $input) {
        __typename
        ... on Qualification { id kind grade validTo organization { name } }
        ... on Refusal { code field }
      }
    }
    """
    read = """
    query ($id: ID!) {
      node(id: $id) { ... on Organization { qualifications(first: 5) { totalCount } } }
    }
    """
    async with making(engine) as m:
        shown = await m.organization(area_code="4401")
        draft = await m.organization(state="draft", area_code="4401")
        approver = await m.account(role="gov_approver", area_code="44")
        user = await m.account(role="charity_user")
    values = {"kind": "RATING", "grade": "4a", "validFrom": "2026-01-01", "validTo": "2031-01-01"}
    ids = []
    for party in (shown, draft):
        row_id = encode("Organization", party.id)
        refused = await deed(api, user, add, organizationId=row_id, **values)
        assert refused["code"] == ("FORBIDDEN" if party is shown else "NOT_FOUND")
        made = await deed(api, approver, add, organizationId=row_id, **values)
        assert made["grade"] == "4A"
        assert made["organization"]["name"] == party.name
        ids.append(made["id"])
    anybody = api()
    one = "query ($id: ID!) { node(id: $id) { ... on Qualification { grade } } }"
    assert (await anybody(one, id=ids[0]))["data"]["node"] == {"grade": "4A"}
    assert (await anybody(one, id=ids[1]))["data"]["node"] is None
    row_id = encode("Organization", shown.id)
    node = (await anybody(read, id=row_id))["data"]["node"]
    assert node["qualifications"]["totalCount"] == 1
    hidden = encode("Organization", draft.id)
    assert (await anybody(read, id=hidden))["data"]["node"] is None


async def test_foreign_and_missing_answer_alike(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        draft = await m.organization(state="draft")
        user = await m.account(role="charity_user")
    body = {"query": READ, "variables": {"id": encode("Organization", draft.id)}}
    foreign = await api.post(user, body)
    body["variables"] = {"id": encode("Organization", new_id())}
    missing = await api.post(user, body)
    assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content)


async def test_the_register_is_filtered(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        wanted = await m.organization(name="登记册里的基金会", org_type="foundation")
        await m.organization(name="登记册里的草稿", org_type="foundation", state="draft")
    document = """{
      organizations(first: 10, filter: {text: "登记册里", orgType: [FOUNDATION], area: "44"}) {
        totalCount nodes { no name }
      }
    }"""
    found = (await api()(document))["data"]["organizations"]
    assert found == {"totalCount": 1, "nodes": [{"no": wanted.no, "name": wanted.name}]}


async def test_what_the_system_registered_is_not_everybodys(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        imported = await m.organization(state="draft", created_by=NOBODY, area_code="4401")
        charity = await m.account(role="charity_user")
        clerk = await m.account(role="gov_clerk", area_code="4401")
    row_id = encode("Organization", imported.id)
    assert (await api()(READ, id=row_id))["data"]["node"] is None
    assert (await api(charity)(READ, id=row_id))["data"]["node"] is None
    assert (await api(clerk)(READ, id=row_id))["data"]["node"]["state"] == "DRAFT"
