"""Recipients, consents, recognitions and the vault as clients meet them: through GraphQL."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.graph.identifiers import encode
from tests.making import TOWN, making, now, today
from tests.recipients.test_households import SEE
from tests.recipients.test_vault import NUMBERS

REFUSED = "... on Refusal { code message field details }"


def key() -> str:
    return str(new_id())


async def one(api: Any, account: Any, name: str, selection: str, /, **given: Any) -> Any:
    """The answer of one mutation."""
    kind = name[0].upper() + name[1:] + "Input"
    if name.split("_")[0] in TRANSITIONS:
        kind = "TransitionInput"
    document = (
        f"mutation ($i: {kind}!) {{ {name}(input: $i) {{ __typename {selection} {REFUSED} }} }}"
    )
    answer = await api(account)(document, i=given)
    assert "errors" not in answer, answer
    return answer["data"][name]


TRANSITIONS = {
    "grantConsent",
    "withdrawConsent",
    "confirmRecognition",
    "openStation",
    "suspendAccount",
}


@pytest.fixture
async def people(engine: AsyncEngine) -> dict[str, Any]:
    async with making(engine) as m:
        await m.area(TOWN)
        return {
            "approver": await m.account(role=Role.GOV_APPROVER, area_code="440103"),
            "worker": await m.account(role=Role.SOCIAL_WORKER, area_code="440103"),
            "charity": await m.account(role=Role.CHARITY_USER),
            "officer": await m.account(role=Role.DPO, area_code="4401"),
            "elsewhere": await m.account(role=Role.GOV_APPROVER, area_code="440104"),
        }


async def person(api: Any, worker: Any) -> str:
    """A recipient in a new household, recorded by the worker; the global id."""
    home = await one(
        api,
        worker,
        "createHousehold",
        "... on Household { id no allowedActions area { code } }",
        size=2,
        areaCode=TOWN,
        idempotencyKey=key(),
    )
    assert home["area"] == {"code": TOWN}
    assert home["allowedActions"] == ["updateHousehold", "createRecipient"]
    made = await one(
        api,
        worker,
        "createRecipient",
        "... on Recipient { id birthYear household { no } }",
        householdId=home["id"],
        birthYear=1960,
        gender="FEMALE",
        idempotencyKey=key(),
    )
    assert made["household"] == {"no": home["no"]}
    return str(made["id"])


async def test_from_household_to_consent(api: Any, people: dict[str, Any]) -> None:
    worker, approver = people["worker"], people["approver"]
    recipient = await person(api, worker)
    recorded = await one(
        api,
        approver,
        "recordRecognition",
        "... on Recognition { id state recheckDueOn allowedActions version }",
        recipientId=recipient,
        category="DB",
        level="COUNTY",
        ruleVersion="2026-1",
        authorityId=encode("Organization", approver.organization_id),
        decidedOn=str(today()),
        validFrom=str(today()),
        recheckClass="CHANGEABLE",
        idempotencyKey=key(),
    )
    assert recorded["state"] == "PENDING"
    assert recorded["allowedActions"] == [
        "confirmRecognition",
        "changeRecheckClass",
        "prolongRecognition",
        "markRecognitionError",
    ]
    confirmed = await one(
        api,
        approver,
        "confirmRecognition",
        "... on Recognition { state }",
        id=recorded["id"],
        expectedVersion=1,
        idempotencyKey=key(),
    )
    assert confirmed["state"] == "ACTIVE"
    charity = encode("Organization", people["charity"].organization_id)
    consent = await one(
        api,
        worker,
        "recordConsent",
        "... on Consent { id state purposes receivers { organization { id } } }",
        recipientId=recipient,
        givenBy="SELF",
        purposes=["MATCH"],
        dataClasses=["D1"],
        receiverIds=[charity],
        textVersion="1",
        textHash="0",
        method="PAPER_SCAN",
        obtainedAt=now().isoformat(),
        expiresOn=str(today() + timedelta(days=90)),
        idempotencyKey=key(),
    )
    assert consent["state"] == "REQUESTED"
    assert consent["receivers"] == [{"organization": {"id": charity}}]
    granted = await one(
        api,
        worker,
        "grantConsent",
        "... on Consent { state allowedActions }",
        id=consent["id"],
        expectedVersion=1,
        idempotencyKey=key(),
    )
    assert granted == {
        "__typename": "Consent",
        "state": "GRANTED",
        "allowedActions": ["withdrawConsent", "supersedeConsent"],
    }
    document = """query ($id: ID!) { node(id: $id) { ... on Recipient {
        identityFields allowedActions
        recognitions { totalCount nodes { state category } }
        consents { nodes { state } } } } }"""
    seen = await api(worker)(document, id=recipient)
    assert seen["data"]["node"] == {
        "identityFields": [],
        "allowedActions": ["updateRecipient", "moveRecipient"],
        "recognitions": {"totalCount": 1, "nodes": [{"state": "ACTIVE", "category": "DB"}]},
        "consents": {"nodes": [{"state": "GRANTED"}]},
    }
    for stranger in ("charity", "elsewhere"):
        unseen = await api(people[stranger])(document, id=recipient)
        missing = await api(people[stranger])(document, id=encode("Recipient", new_id()))
        assert unseen["data"] == missing["data"] == {"node": None}
    for kind in ("households", "recipients", "recognitions", "consents"):
        answer = await api(people["charity"])(f"{{ {kind} {{ totalCount nodes {{ id }} }} }}")
        assert answer["data"][kind] == {"totalCount": 0, "nodes": []}


async def test_identity_through_the_graph(
    api: Any, engine: AsyncEngine, people: dict[str, Any]
) -> None:
    worker, number = people["worker"], next(NUMBERS)
    recipient = await person(api, worker)
    given = {
        "recipientId": recipient,
        "name": "陈测试",
        "idNumber": number,
        "idempotencyKey": key(),
    }
    for _ in range(2):
        sealed = await one(
            api, worker, "recordIdentity", "... on Recipient { id identityFields }", **given
        )
        assert sealed == {
            "__typename": "Recipient",
            "id": recipient,
            "identityFields": ["ID_NUMBER", "NAME"],
        }
    found = await one(
        api,
        worker,
        "findRecipientByIdNumber",
        "... on Recipient { id }",
        idNumber=number,
        idempotencyKey=key(),
    )
    assert found["id"] == recipient
    reveal = await one(
        api,
        worker,
        "requestReveal",
        "... on Reveal { id fields purpose account { name } }",
        recipientId=recipient,
        fields=["NAME", "ID_NUMBER"],
        purpose="CASE",
        idempotencyKey=key(),
    )
    assert reveal["fields"] == ["ID_NUMBER", "NAME"]
    assert reveal["account"] == {"name": worker.name}
    selection = "... on RevealedIdentity { name idNumber phone address }"
    opened = await one(api, worker, "openReveal", selection, id=reveal["id"])
    assert opened == {
        "__typename": "RevealedIdentity",
        "name": "陈测试",
        "idNumber": number,
        "phone": None,
        "address": None,
    }
    for other in ("approver", "charity", "officer", "elsewhere"):
        refused = await one(api, people[other], "openReveal", selection, id=reveal["id"])
        assert refused["code"] == "NOT_FOUND"
        for name in ("findRecipientByIdNumber",):
            answer = await one(
                api,
                people[other],
                name,
                "... on Recipient { id }",
                idNumber=number,
                idempotencyKey=key(),
            )
            assert ("id" in answer) is (other == "approver")
    log = await api(people["officer"])("{ reveals { nodes { id fields } } }")
    assert reveal["id"] in [row["id"] for row in log["data"]["reveals"]["nodes"]]
    erased = await one(
        api,
        people["officer"],
        "eraseIdentity",
        "... on Recipient { identityFields }",
        recipientId=recipient,
        reason="asked",
        idempotencyKey=key(),
    )
    assert erased["identityFields"] == []
    gone = await one(api, worker, "openReveal", selection, id=reveal["id"])
    assert gone["code"] == "IDENTITY_ERASED"


async def test_no_table_keeps_identity_in_clear(
    api: Any, engine: AsyncEngine, owner_engine: AsyncEngine, people: dict[str, Any]
) -> None:
    worker, number = people["worker"], next(NUMBERS)
    recipient = await person(api, worker)
    secrets = {
        "name": "赵某测",
        "idNumber": number,
        "phone": "13800135791",
        "address": "测试巷77号",
    }
    await one(
        api,
        worker,
        "recordIdentity",
        "... on Recipient { id }",
        recipientId=recipient,
        idempotencyKey=key(),
        **secrets,
    )
    await one(
        api,
        worker,
        "findRecipientByIdNumber",
        "... on Recipient { id }",
        idNumber=number,
        idempotencyKey=key(),
    )
    async with owner_engine.connect() as connection:
        tables = await connection.execute(
            text(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
                "WHERE schemaname IN ('public', 'vault')"
            )
        )
        for (table,) in tables.all():
            rows = await connection.scalar(text(f"SELECT json_agg(t)::text FROM {table} t"))
            for secret in secrets.values():
                assert secret not in (rows or ""), table
                assert secret.encode().hex() not in (rows or ""), table


async def test_a_key_used_for_another_number_is_refused_without_telling(
    api: Any, people: dict[str, Any]
) -> None:
    worker, same = people["worker"], key()
    recipient = await person(api, worker)
    first, second = next(NUMBERS), next(NUMBERS)
    for number, code in ((first, None), (second, "IDEMPOTENCY_KEY_REUSED")):
        answer = await one(
            api,
            worker,
            "recordIdentity",
            "... on Recipient { id }",
            recipientId=recipient,
            idNumber=number,
            idempotencyKey=same,
        )
        assert answer.get("code") == code
        assert first not in json.dumps(answer)


EVERYTHING = """{
    viewer { name allowedActions accessTokens { nodes { label allowedActions } } }
    accounts(first: 2) { totalCount nodes { name role redactions allowedActions } }
    stations(first: 2) { nodes { name state allowedActions parent { name }
        workers(first: 2) { nodes { grade allowedActions account { name } } } } }
    households(first: 2) { totalCount nodes { no allowedActions
        recipients(first: 2) { nodes { no identityFields allowedActions guardian { no }
            consents(first: 2) { nodes { no allowedActions
                receivers(first: 2) { organization { name } } } }
            recognitions(first: 2) { nodes { no allowedActions authority { name } } } } }
        recognitions(first: 2) { nodes { no } } } }
    recipients(first: 5, filter: {area: "4401"}) { totalCount }
    recognitions(first: 5, filter: {state: [ACTIVE], category: ["DB"]}) { totalCount }
    consents(first: 5, orderBy: EXPIRING) { totalCount edges { cursor } }
    reveals(first: 2) { nodes { fields recipient { no } account { name } } }
}"""


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM])
async def test_every_role_may_ask_everything(api: Any, engine: AsyncEngine, role: Role) -> None:
    async with making(engine) as m:
        person = await m.recipient()
        await m.recognition(person)
        await m.consent(person)
        await m.worker()
        account = None if role is Role.ANONYMOUS else await m.account(role=role, area_code="44")
    answer = await api(account)(EVERYTHING)
    assert "errors" not in answer, answer
    seen = answer["data"]["recipients"]["totalCount"] > 0
    assert seen is (role in SEE)
