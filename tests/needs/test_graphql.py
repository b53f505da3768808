"""Needs through the graph: the story of one, what each reader gets, filters and orders."""

import base64
import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.needs.model import NeedKind, NeedState, Urgency, Visibility
from tests.conftest import Api
from tests.making import Maker, making, today

V = Visibility


def gid(kind: str, row: Any) -> str:
    """The global id of a row, or of an id."""
    return base64.b64encode(f"{kind}:{getattr(row, 'id', row)}".encode()).decode()


async def mutate(
    api: Api, who: Any, name: str, given: dict[str, Any], fields: str = "id version state"
) -> dict[str, Any]:
    """Run one mutation with a fresh key: the need's fields, or the refusal's."""
    kind = f"{name[0].upper()}{name[1:]}Input"
    if name in ("submitNeed", "returnNeed", "rejectNeed", "pauseNeed", "reopenNeed", "cancelNeed"):
        kind = "TransitionInput"
    answer = await api(who)(
        f"mutation($input: {kind}!) {{ done: {name}(input: $input) {{ __typename "
        f"... on Need {{ {fields} }} ... on Refusal {{ code message field details }} }} }}",
        input={"idempotencyKey": str(uuid4())} | given,
    )
    assert "errors" not in answer, answer
    done: dict[str, Any] = answer["data"]["done"]
    return done


async def ask(api: Api, who: Any, row: Any, fields: str) -> dict[str, Any] | None:
    """The need's fields, or None when the reader does not see it."""
    answer = await api(who)(
        f"query($id: ID!) {{ node(id: $id) {{ ... on Need {{ {fields} }} }} }}",
        id=gid("Need", row),
    )
    assert "errors" not in answer, answer
    node: dict[str, Any] | None = answer["data"]["node"]
    return node


async def test_a_need_from_its_record_to_its_end(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        recipient = await m.recipient()
        consent = await m.consent(recipient)
        station = await m.station()
        authority = await m.authority()
        worker = await m.account(role=Role.SOCIAL_WORKER, area_code="440103")
        lead = await m.account(role=Role.STATION_LEAD, area_code="440103")
        clerk = await m.account(role=Role.GOV_CLERK, organization=authority, area_code="440103")
        charity = await m.account(role=Role.CHARITY_USER)
    made = await mutate(
        api,
        worker,
        "createNeed",
        {
            "subjectKind": "RECIPIENT",
            "recipientId": gid("Recipient", recipient),
            "areaCode": "440103001",
            "origin": "station_visit",
            "category": "LIV",
            "urgency": "U2",
            "internalDescription": "两位老人,无收入",
            "stationId": gid("Station", station),
            "publisherId": gid("Organization", authority),
            "lines": [
                {"kind": "GOODS", "item": "大米", "quantityRequired": "20", "unit": "KGM"},
                {"kind": "CASH", "item": "生活补助"},
            ],
        },
        "id version state allowedActions redactions lines(first: 5) { nodes { id item unit "
        "quantityRequired openQuantity coverage open } }",
    )
    assert (made["state"], made["version"], made["redactions"]) == ("DRAFT", 1, [])
    assert set(made["allowedActions"]) == {
        "updateNeed",
        "addNeedLine",
        "removeNeedLine",
        "submitNeed",
        "cancelNeed",
    }
    rice, cash = made["lines"]["nodes"]
    assert (rice["quantityRequired"], rice["openQuantity"], rice["open"]) == ("20", "20", False)
    assert (cash["unit"], cash["openQuantity"], cash["coverage"]) == ("CNY", None, "NONE")

    need = {"id": made["id"]}
    one = need | {"expectedVersion": 1}
    text = {"publicTitle": "口粮", "publicSummary": "两位老人需要口粮。"}
    done = await mutate(
        api, worker, "updateNeed", one | text | {"consentId": gid("Consent", consent)}
    )
    assert done["version"] == 2
    steps: list[tuple[Any, str, dict[str, Any], str]] = [
        (worker, "submitNeed", {}, "SUBMITTED"),
        (lead, "verifyNeed", {"evidence": "visit", "approvalCapFen": 80_000}, "VERIFIED"),
        (clerk, "publishNeed", {}, "PUBLISHED"),
        (clerk, "pauseNeed", {"reason": "flood"}, "PAUSED"),
        (clerk, "resumeNeed", {"reason": "over"}, "PUBLISHED"),
        (clerk, "closeNeed", {"closeReason": "EXPIRED_UNMET"}, "CLOSED"),
    ]
    for version, (who, name, given, state) in enumerate(steps, 2):
        done = await mutate(api, who, name, need | {"expectedVersion": version} | given)
        assert (done.get("state"), done.get("version")) == (state, version + 1), done

    mine = await api(clerk)(
        "query($id: ID!) { node(id: $id) { ... on Need { approvalCapFen history(first: 20) "
        "{ nodes { kind actorRole facts } } } } }",
        id=made["id"],
    )
    kinds = [event["kind"] for event in mine["data"]["node"]["history"]["nodes"]]
    assert kinds == [
        f"need.{verb}"
        for verb in (
            "created", "updated", "submitted", "verified", "published", "paused", "resumed",
            "closed",
        )
    ]  # fmt: skip
    assert mine["data"]["node"]["approvalCapFen"] == 80_000
    assert "两位老人" not in json.dumps(mine, ensure_ascii=False), "facts hold no free text"

    theirs = await api(charity)(
        "query($id: ID!) { node(id: $id) { ... on Need { publicTitle redactions history(first: 1)"
        " { nodes { kind } } } } }",
        id=made["id"],
    )
    assert theirs["data"]["node"]["publicTitle"] == "口粮"
    assert theirs["data"]["node"]["history"] is None


CLASSIFIED = """
    area { code } station { name } household { id } recipient { id } consent { id } owner { id }
    origin internalDescription evidence reviewed approvalCapFen stateReason verifiedAt
"""
SHOWN = "publicTitle publicSummary groupName category urgency shownArea { code } redactions"


async def test_outside_the_territory_only_the_released_text_is_shown(
    api: Api, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        need = await m.need(
            visibility=V.PUBLIC,
            station_id=(await m.station()).id,
            internal_description="家在三楼",
            approval_cap_fen=100,
            state_reason="张三要求",
        )
        charity = await m.account(role=Role.CHARITY_USER)
        worker = await m.account(role=Role.SOCIAL_WORKER)
    for who in (charity, None):
        told = await ask(api, who, need, CLASSIFIED + SHOWN)
        assert told is not None
        shown = {name: told.pop(name) for name in ("publicTitle", "category", "urgency")}
        assert shown == {"publicTitle": "大米和食用油", "category": "LIV", "urgency": "U3"}
        assert told.pop("shownArea") == {"code": "440103"}
        withheld = set(told.pop("redactions"))
        del told["publicSummary"], told["groupName"]
        assert told == dict.fromkeys(told)
        assert withheld >= set(told)
    mine = await ask(api, worker, need, CLASSIFIED + SHOWN)
    assert mine is not None
    assert mine["redactions"] == []
    assert all(mine[name] for name in ("area", "station", "household", "recipient", "consent"))
    assert mine["internalDescription"] == "家在三楼"


async def test_the_lines_area_is_for_the_territory(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need(visibility=V.PUBLIC)
        charity = await m.account(role=Role.CHARITY_USER)
        worker = await m.account(role=Role.SOCIAL_WORKER)
    fields = "lines(first: 1) { nodes { item area { code } redactions } }"
    told = await ask(api, charity, need, fields)
    assert told == {"lines": {"nodes": [{"item": "大米", "area": None, "redactions": ["area"]}]}}
    mine = await ask(api, worker, need, fields)
    assert mine is not None
    assert mine["lines"]["nodes"][0]["area"] == {"code": "440103001"}


async def test_a_publisher_or_station_that_tells_the_town_is_withheld(
    api: Api, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        station = await m.station()
        for code, of_group, shown in (
            ("440103", False, True),
            ("44", False, True),
            ("CN", False, True),
            ("440103001", False, False),
            ("440103001", True, True),
        ):
            authority = await m.authority(area_code=code)
            fields: dict[str, Any] = {"group_name": "城东医院"} if of_group else {}
            need = await m.need(
                visibility=V.PUBLIC, publisher_id=authority.id, station_id=station.id, **fields
            )
            told = await ask(api, None, need, "publisher { name } redactions")
            assert told is not None
            assert (told["publisher"] is not None) is shown
            assert ("publisher" in told["redactions"]) is not shown
            assert ("station" in told["redactions"]) is not of_group


async def test_a_withdrawal_ends_the_view_at_once(api: Api, engine: AsyncEngine) -> None:
    """INV-12, through the door: the partner reads it, the consent is withdrawn, it is gone."""
    async with making(engine) as m:
        need = await m.need(visibility=V.PUBLIC)
        charity = await m.account(role=Role.CHARITY_CLIENT)
        worker = await m.account(role=Role.SOCIAL_WORKER)
    line = gid("NeedLine", need.lines[0])
    assert await ask(api, charity, need, "publicTitle") is not None
    answer = await api(worker)(
        "mutation($input: TransitionInput!) { withdrawConsent(input: $input) "
        "{ __typename ... on Refusal { message } } }",
        input={
            "id": gid("Consent", need.consent_id),
            "expectedVersion": 1,
            "idempotencyKey": str(uuid4()),
            "reason": "her wish",
        },
    )
    assert answer["data"]["withdrawConsent"]["__typename"] == "Consent", answer
    assert await ask(api, charity, need, "publicTitle") is None
    assert await ask(api, None, need, "publicTitle") is None
    gone = await api(charity)("query($id: ID!) { node(id: $id) { id } }", id=line)
    assert gone["data"]["node"] is None
    assert await ask(api, worker, need, "publicTitle") is not None


async def test_an_id_number_in_the_summary_is_named_by_its_kind(
    api: Api, engine: AsyncEngine
) -> None:
    """Scenario 20."""
    number = "11010519491231002X"
    async with making(engine) as m:
        need = await m.need(state=NeedState.VERIFIED)
        clerk = await m.account(role=Role.GOV_CLERK)
    told = await mutate(
        api,
        clerk,
        "publishNeed",
        {"id": gid("Need", need), "expectedVersion": 1, "publicSummary": f"证号{number}"},
    )
    assert (told["code"], told["field"]) == ("GUARD_FAILED", "publicSummary")
    assert told["details"]["kinds"] == ["id_number"]
    assert number not in json.dumps(told)
    kept = await ask(api, clerk, need, "state version publicSummary")
    assert kept is not None
    assert (kept["state"], kept["version"]) == ("VERIFIED", 1)
    assert number not in kept["publicSummary"]


async def test_met_is_refused_with_the_lines_as_data(api: Api, engine: AsyncEngine) -> None:
    """Scenario 13."""
    async with making(engine) as m:
        need = await m.need(lines=[{"confirmed": Decimal(4)}])
        clerk = await m.account(role=Role.GOV_CLERK)
    told = await mutate(
        api,
        clerk,
        "closeNeed",
        {"id": gid("Need", need), "expectedVersion": 1, "closeReason": "MET"},
    )
    assert (told["code"], told["details"]["rule"]) == ("GUARD_FAILED", "INV-05")
    assert told["details"]["lines"] == ["1"]
    assert "4 of 10 KGM confirmed" in told["message"]


async def test_quantities_and_lines_through_the_graph(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        approver = await m.account(role=Role.GOV_APPROVER)
        need = await m.need(lines=[{"committed": Decimal(4)}])
        draft = await m.need(state=NeedState.DRAFT)
    line = {"lineId": gid("NeedLine", need.lines[0]), "expectedVersion": 1}
    told = await mutate(api, approver, "changeQuantity", line | {"quantity": "3"})
    assert (told["code"], told["details"]["minimum"]) == ("GUARD_FAILED", "4")
    told = await mutate(
        api,
        approver,
        "changeQuantity",
        line | {"quantity": None},
        "lines(first: 1) { nodes { quantityRequired openQuantity } }",
    )
    assert told["lines"]["nodes"] == [{"quantityRequired": None, "openQuantity": None}]
    items = "version lines(first: 9) { nodes { id item } }"
    told = await mutate(
        api,
        approver,
        "addNeedLine",
        {
            "id": gid("Need", draft),
            "expectedVersion": 1,
            "line": {"kind": "HOURS", "item": "陪诊"},
        },
        items,
    )
    assert [one["item"] for one in told["lines"]["nodes"]] == ["大米", "陪诊"]
    told = await mutate(
        api,
        approver,
        "removeNeedLine",
        {"lineId": told["lines"]["nodes"][0]["id"], "expectedVersion": 2},
        items,
    )
    assert [one["item"] for one in told["lines"]["nodes"]] == ["陪诊"]
    told = await mutate(
        api,
        approver,
        "updateNeed",
        {"id": gid("Need", draft), "expectedVersion": 3, "category": None},
    )
    assert (told["code"], told["field"]) == ("INVALID", "category")


async def test_foreign_and_missing_needs_answer_alike(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need(state=NeedState.DRAFT)
        elsewhere = await m.account(role=Role.GOV_APPROVER, area_code="4402")
        charity = await m.account(role=Role.CHARITY_USER)
    for who in (elsewhere, charity):
        for name in ("submitNeed", "pauseNeed", "cancelNeed"):
            answers = [
                await mutate(api, who, name, {"id": wanted, "expectedVersion": 1, "reason": "x"})
                for wanted in (gid("Need", need), gid("Need", uuid4()), "nonsense")
            ]
            assert answers[0] == answers[1] == answers[2]
            assert answers[0]["code"] == "NOT_FOUND"


# --- The collection ---


async def listed(
    api: Api, who: Any, order: str = "NEWEST", first: int = 50, **filters: Any
) -> list[str]:
    """The public titles in the order of the collection, read in pages of three."""
    titles: list[str] = []
    after = None
    while len(titles) < first:
        answer = await api(who)(
            "query($filter: NeedFilter, $order: NeedOrder, $after: String) { needs(first: 3, "
            "filter: $filter, orderBy: $order, after: $after) { totalCount nodes { publicTitle } "
            "pageInfo { hasNextPage endCursor } } }",
            filter=filters,
            order=order,
            after=after,
        )
        assert "errors" not in answer, answer
        page = answer["data"]["needs"]
        titles += [node["publicTitle"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            assert page["totalCount"] == len(titles)
            break
        after = page["pageInfo"]["endCursor"]
    return titles


@pytest.fixture(scope="module")
async def catalogue(engine: AsyncEngine) -> tuple[Any, Sequence[str]]:
    """A reader over a city of its own, and needs that differ in everything filtered by."""
    async with making(engine) as m:
        reader = await m.account(role=Role.SUPERVISOR, area_code="4451")
        await _catalogue(m)
    return reader, ("a", "b", "c", "d", "e")


async def _catalogue(m: Maker) -> None:
    day = timedelta(days=1)
    cash: dict[str, Any] = {"kind": NeedKind.CASH, "unit": "CNY", "item": "补助"}
    full = {"reserved": Decimal(10)}
    rows: list[dict[str, Any]] = [
        {"public_title": "a", "urgency": Urgency.U3, "needed_by": today() + 9 * day},
        {"public_title": "b", "urgency": Urgency.U1, "category": "MED.DRUG"},
        {"public_title": "c", "urgency": Urgency.U3, "needed_by": today() + day, "lines": [cash]},
        {
            "public_title": "d",
            "urgency": Urgency.U2,
            "state": NeedState.PAUSED,
            "area_code": "445102001",
        },
        {"public_title": "e", "urgency": Urgency.U4, "group_name": "韩江医院", "lines": [full]},
    ]
    for row in rows:
        await m.need(**{"area_code": "445103001", "visibility": V.PUBLIC} | row)


@pytest.mark.parametrize(
    ("order", "titles"),
    [("NEWEST", "edcba"), ("PUBLISHED", "edcba"), ("URGENCY", "bdcae"), ("NEEDED_BY", "cabde")],
)
async def test_the_orders(
    api: Api, catalogue: tuple[Any, Sequence[str]], order: str, titles: str
) -> None:
    assert "".join(await listed(api, catalogue[0], order, area="4451")) == titles


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"state": ["PAUSED"]}, "d"),
    ({"state": ["PAUSED", "PUBLISHED"]}, "abcde"),
    ({"category": ["MED"]}, "b"),
    ({"category": ["MED.DRUG"]}, "b"),
    ({"category": ["MED.COST"]}, ""),
    ({"category": ["LIV", "MED"]}, "abcde"),
    ({"kind": ["CASH"]}, "c"),
    ({"kind": ["CASH", "GOODS"]}, "abcde"),
    ({"urgency": ["U1", "U4"]}, "be"),
    ({"subjectKind": ["GROUP"]}, "e"),
    ({"area": "445102"}, "d"),
    ({"area": "445102001"}, ""),
    ({"area": "445103001"}, "e"),
    ({"open": True}, "abc"),
    ({"open": False}, "de"),
    ({"neededBy": (today() + timedelta(days=2)).isoformat()}, "c"),
    ({"text": "韩江"}, "e"),
    ({"text": "%"}, ""),
    ({"visibility": ["PARTNERS"]}, ""),
]


@pytest.mark.parametrize(("filters", "titles"), FILTERS, ids=[str(f[0]) for f in FILTERS])
async def test_the_filters(
    api: Api, catalogue: tuple[Any, Sequence[str]], filters: dict[str, Any], titles: str
) -> None:
    """`area` follows the area shown: a person's town cannot be searched for."""
    found = await listed(api, catalogue[0], **{"area": "4451"} | filters)
    assert "".join(sorted(found)) == titles


async def test_a_visitor_lists_what_is_public(
    api: Api, catalogue: tuple[Any, Sequence[str]]
) -> None:
    assert "".join(await listed(api, None, area="4451")) == "ecba"
