"""Suggestions: each hard filter lets pass and holds back, reasons add up, sight is limited."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Integer, literal_column, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Actor, Role, anonymous, system
from nexus.charity import operations as charity
from nexus.charity.model import Offer, OfferKind, OfferState
from nexus.core.ids import new_id
from nexus.graph.identifiers import encode
from nexus.matching.suggestions import queries
from nexus.needs.model import Need, NeedLine, Urgency
from nexus.recipients.model import Band, ConsentState, Gender, RecognitionState
from tests.conftest import Api
from tests.deeds import acting, actor_of
from tests.making import Maker, from_today, making, now, today

ALL = literal_column("NULL", Integer())


async def suggested(engine: AsyncEngine, actor: Actor, line: NeedLine) -> dict[Any, int]:
    """Offer id → score, as the actor is shown them for the line."""
    found = queries.offers_for_line(actor, NeedLine, ALL).correlate(NeedLine).lateral()
    statement = select(found.c.offer_id, found.c.score).select_from(NeedLine, found)
    async with AsyncSession(engine) as session:
        rows = await session.execute(statement.where(NeedLine.id == line.id))
        return {row.offer_id: row.score for row in rows}


async def matching(engine: AsyncEngine, actor: Actor, offer: Offer) -> dict[Any, int]:
    """Line id → score, as the actor is shown them for the offer."""
    found = queries.needs_for_offer(actor, Offer, ALL).correlate(Offer).lateral()
    statement = select(found.c.line_id, found.c.score).select_from(Offer, found)
    async with AsyncSession(engine) as session:
        rows = await session.execute(statement.where(Offer.id == offer.id))
        return {row.line_id: row.score for row in rows}


async def fits(engine: AsyncEngine, need: Need, offer: Offer, actor: Actor | None = None) -> bool:
    """Whether the two match; both directions must say the same, with the same score."""
    who = actor or system(now())
    line = need.lines[0]
    forth = (await suggested(engine, who, line)).get(offer.id)
    back = (await matching(engine, who, offer)).get(line.id)
    assert forth == back
    return forth is not None


async def make_need(m: Maker, line: dict[str, Any] | None = None, **given: Any) -> Need:
    """A published group need of 10 kg in a county, of a category that no other test looks at."""
    if not given.keys() & {"recipient_id", "household_id"}:
        given = {"group_name": "某医院"} | given
    return await m.need(lines=[line or {}], **({"area_code": "440103"} | given))


async def make_offer(m: Maker, **given: Any) -> Offer:
    return await m.offer(**({"areas": ["440103"]} | given))


OFFER_FILTERS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("listed", {"state": OfferState.LISTED}, {"state": OfferState.PAUSED}),
    ("not a draft", {}, {"state": OfferState.DRAFT}),
    ("not blocked", {}, {"state": OfferState.BLOCKED}),
    (
        "not stale",
        {"review_due_on": from_today()},
        {"review_due_on": from_today(-1)},
    ),
    ("kind", {}, {"kind": OfferKind.SERVICE}),
    ("unit", {}, {"unit": "C62"}),
    ("category", {}, {"category": "MED"}),
    (
        "room",
        {"capacity_maximum": Decimal(5), "capacity_used": Decimal("4.999")},
        {"capacity_maximum": Decimal(5), "capacity_used": Decimal(2), "capacity_reserved": 3},
    ),
    ("no figure", {"capacity_maximum": None}, {"kind": OfferKind.HOURS}),
    (
        "ends later",
        {"available_to": from_today(1)},
        {"available_to": from_today()},
    ),
    ("area above", {"areas": ["CN"]}, {"areas": ["45"]}),
    ("area of the city", {"areas": ["4401"]}, {"areas": ["4403"]}),
    ("area below", {"areas": ["440103001"]}, {"areas": ["440104001"]}),
    ("one area of several", {"areas": ["4403", "44"]}, {"areas": ["4403", "440104"]}),
]


@pytest.mark.parametrize(("name", "good", "bad"), OFFER_FILTERS, ids=[f[0] for f in OFFER_FILTERS])
async def test_filters_of_the_offer(
    engine: AsyncEngine, name: str, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    async with making(engine) as m:
        need = await make_need(m)
        passing = await make_offer(m, **good)
        failing = await make_offer(m, **bad)
    assert await fits(engine, need, passing)
    assert not await fits(engine, need, failing)


@pytest.mark.parametrize(
    ("offered", "needed", "passes"),
    [
        (None, None, True),
        (None, "PPE.MASK", True),
        ("PPE.MASK", "PPE.MASK", True),
        ("PPE", "PPE.MASK.SURG", True),
        ("PPE.MASK.SURG", "PPE.MASK", True),
        ("PPE.MASK", None, False),
        ("PPE.MASK", "PPE.GOWN", False),
        ("PPE.MASK", "PPE.MASKS", False),
        ("PPE.MASK_S", "PPE.MASK", False),
    ],
)
async def test_items(
    engine: AsyncEngine, offered: str | None, needed: str | None, passes: bool
) -> None:
    async with making(engine) as m:
        need = await make_need(m, {"item_code": needed})
        offer = await make_offer(m, item_code=offered)
    assert await fits(engine, need, offer) is passes


@pytest.mark.parametrize("state", ["draft", "submitted", "suspended", "deregistered"])
async def test_only_verified_organizations(engine: AsyncEngine, state: str) -> None:
    async with making(engine) as m:
        need = await make_need(m)
        doubtful = await make_offer(m, organization=await m.organization(state=state))
        sound = await make_offer(m)
    assert not await fits(engine, need, doubtful)
    assert await fits(engine, need, sound)


LINES: list[tuple[str, dict[str, Any], bool]] = [
    ("open", {}, True),
    ("one left", {"reserved": Decimal(4), "confirmed": Decimal(5)}, True),
    ("full", {"reserved": Decimal(4), "delivered": Decimal(6)}, False),
    ("open-ended", {"quantity_required": None, "committed": Decimal(99)}, True),
    ("not published", {"published": False}, False),
]


@pytest.mark.parametrize(("name", "line", "passes"), LINES, ids=[line[0] for line in LINES])
async def test_lines_must_be_open(
    engine: AsyncEngine, owner_engine: AsyncEngine, name: str, line: dict[str, Any], passes: bool
) -> None:
    async with making(owner_engine) as m:
        need = await make_need(m, line)
        offer = await make_offer(m)
    assert await fits(engine, need, offer) is passes


@pytest.mark.parametrize(
    ("starts", "needed_by", "passes"),
    [
        (from_today(), None, True),
        (from_today(5), None, True),
        (from_today(5), from_today(5), True),
        (from_today(5), from_today(4), False),
        (from_today(-5), from_today(-9), True),
        (from_today(1), from_today(-9), False),
    ],
)
async def test_the_offers_period_meets_the_needs(
    engine: AsyncEngine, starts: date, needed_by: date | None, passes: bool
) -> None:
    async with making(engine) as m:
        need = await make_need(m, needed_by=needed_by)
        offer = await make_offer(m, available_from=starts)
    assert await fits(engine, need, offer) is passes


def born(years: int) -> int:
    return today().year - years


PEOPLE: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("old enough", {"min_age": 60}, {"birth_year": born(60)}, True),
    ("too young", {"min_age": 60}, {"birth_year": born(59)}, False),
    ("young enough", {"max_age": 17}, {"birth_year": born(18)}, True),
    ("too old", {"max_age": 17}, {"birth_year": born(19)}, False),
    ("age not known", {"min_age": 60}, {"birth_year": None}, True),
    ("her", {"gender": "female"}, {"gender": Gender.FEMALE}, True),
    ("not him", {"gender": "female"}, {"gender": Gender.MALE}, False),
    ("gender not known", {"gender": "female"}, {}, True),
    ("disabled", {"disability_only": True}, {"disability": Band.MILD}, True),
    ("not disabled", {"disability_only": True}, {}, False),
    (
        "both asked, one given",
        {"disability_only": True, "min_age": 60},
        {"disability": Band.MILD, "birth_year": born(30)},
        False,
    ),
]


@pytest.mark.parametrize(
    ("name", "offer_of", "person", "passes"), PEOPLE, ids=[p[0] for p in PEOPLE]
)
@pytest.mark.parametrize("subject", ["recipient", "household"])
async def test_the_person_the_offer_is_for(
    engine: AsyncEngine,
    subject: str,
    name: str,
    offer_of: dict[str, Any],
    person: dict[str, Any],
    passes: bool,
) -> None:
    async with making(engine) as m:
        recipient = await m.recipient(**person)
        consent = await m.consent(recipient)
        given: dict[str, Any] = {"household_id": recipient.household_id, "consent_id": consent.id}
        if subject == "recipient":
            given["recipient_id"] = recipient.id
        need = await make_need(m, **given)
        offer = await make_offer(m, **offer_of)
    assert await fits(engine, need, offer) is passes


async def test_one_member_of_a_household_must_be_all_that_is_asked(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        home = await m.household()
        old = await m.recipient(home, birth_year=born(80))
        await m.recipient(home, birth_year=born(30), disability=Band.SEVERE)
        consent = await m.consent(old)
        need = await make_need(m, household_id=home.id, consent_id=consent.id)
        both = await make_offer(m, min_age=60, disability_only=True)
        either = await make_offer(m, disability_only=True)
        empty = await m.household()
        unknown = await make_need(m, household_id=empty.id, consent_id=consent.id)
    assert not await fits(engine, need, both)
    assert await fits(engine, need, either)
    assert await fits(engine, unknown, both)


@pytest.mark.parametrize(
    "offer_of",
    [
        {"min_age": 1},
        {"max_age": 99},
        {"gender": "male"},
        {"disability_only": True},
        {"recipient_categories": ["DB"]},
        {"tiers": ["BASIC"]},
    ],
)
async def test_a_group_is_no_person(engine: AsyncEngine, offer_of: dict[str, Any]) -> None:
    async with making(engine) as m:
        need = await make_need(m)
        restricted = await make_offer(m, **offer_of)
        free = await make_offer(m)
    assert not await fits(engine, need, restricted)
    assert await fits(engine, need, free)


RECOGNITIONS: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("of the category", {"recipient_categories": ["DB"]}, {}, True),
    ("one of several", {"recipient_categories": ["TK", "DB"]}, {}, True),
    ("of a part of it", {"recipient_categories": ["TK"]}, {"category": "TK-F"}, True),
    ("of another", {"recipient_categories": ["TK"]}, {}, False),
    ("of the tier", {"tiers": ["BASIC"]}, {}, True),
    ("of another tier", {"tiers": ["SPECIAL"]}, {}, False),
    ("category but not tier", {"recipient_categories": ["DB"], "tiers": ["SPECIAL"]}, {}, False),
    ("tapering", {"tiers": ["BASIC"]}, {"state": RecognitionState.TAPER}, True),
    ("under review", {"tiers": ["BASIC"]}, {"state": RecognitionState.UNDER_REVIEW}, True),
    ("pending", {"tiers": ["BASIC"]}, {"state": RecognitionState.PENDING}, False),
    ("ended", {"tiers": ["BASIC"]}, {"state": RecognitionState.ENDED}, False),
    ("run out", {"tiers": ["BASIC"]}, {"valid_to": from_today()}, False),
    ("not yet", {"tiers": ["BASIC"]}, {"valid_from": from_today(1)}, False),
]


@pytest.mark.parametrize(
    ("name", "offer_of", "recognition", "passes"), RECOGNITIONS, ids=[r[0] for r in RECOGNITIONS]
)
@pytest.mark.parametrize("of_household", [False, True])
async def test_recognitions(
    engine: AsyncEngine,
    of_household: bool,
    name: str,
    offer_of: dict[str, Any],
    recognition: dict[str, Any],
    passes: bool,
) -> None:
    async with making(engine) as m:
        recipient = await m.recipient()
        home = {"household_id": recipient.household_id} if of_household else {}
        await m.recognition(recipient, **recognition, **home)
        need = await make_need(m, recipient_id=recipient.id, household_id=recipient.household_id)
        offer = await make_offer(m, **offer_of)
    assert await fits(engine, need, offer) is passes


CONSENTS: list[tuple[str, dict[str, Any], bool]] = [
    ("granted", {}, True),
    ("withdrawn", {"state": ConsentState.WITHDRAWN}, False),
    ("run out", {"expires_on": from_today()}, False),
    ("for another purpose", {"purposes": ["PUB", "DELIV"]}, False),
    ("of another class", {"data_classes": ["D2"]}, False),
    ("to another receiver", {"receiver_ids": [new_id()]}, False),
]


@pytest.mark.parametrize(("name", "consent", "passes"), CONSENTS, ids=[c[0] for c in CONSENTS])
async def test_the_consent_to_matching_is_live(
    engine: AsyncEngine, name: str, consent: dict[str, Any], passes: bool
) -> None:
    async with making(engine) as m:
        recipient = await m.recipient()
        given = await m.consent(recipient, **consent)
        need = await make_need(m, recipient_id=recipient.id, consent_id=given.id)
        offer = await make_offer(m)
    assert await fits(engine, need, offer) is passes


async def test_a_named_receiver_is_the_offers_organization(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        named = await m.organization()
        recipient = await m.recipient()
        given = await m.consent(recipient, receiver_ids=[named.id])
        need = await make_need(m, recipient_id=recipient.id, consent_id=given.id)
        own = await make_offer(m, organization=named)
        other = await make_offer(m)
    assert await fits(engine, need, own)
    assert not await fits(engine, need, other)


async def test_a_stale_offer_returns_after_its_owner_confirms(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        need = await make_need(m)
        offer = await make_offer(m, organization=owner, review_due_on=today() - timedelta(days=1))
    assert not await fits(engine, need, offer)
    async with acting(engine, account) as act:
        await charity.confirm_offer(act, offer.id, expected_version=1)
    assert await fits(engine, need, offer)


async def test_who_is_shown_which_offers(engine: AsyncEngine) -> None:
    """Authorities and stations all; a charity its own; nobody else any."""
    async with making(engine) as m:
        owner = await m.organization()
        need = await make_need(m)
        own = await make_offer(m, organization=owner)
        other = await make_offer(m)
        charity_user = await m.account(role=Role.CHARITY_USER, organization=owner)
        everybody = {role: await m.account(role=role) for role in Role if role is not Role.SYSTEM}
    line = need.lines[0]
    shown = await suggested(engine, actor_of(charity_user), line)
    assert own.id in shown
    assert other.id not in shown
    for role, account in everybody.items():
        actor = anonymous(now()) if role is Role.ANONYMOUS else actor_of(account)
        found = await suggested(engine, actor, line)
        sees = role.value.startswith(("gov_", "station_", "social_", "aide", "supervisor"))
        sees = sees or role in (Role.AUDITOR, Role.PLATFORM_ADMIN)
        assert {own.id, other.id} <= found.keys() if sees else not found, role


async def test_a_charity_sees_lines_of_its_own_offers_alone(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        unverified = await m.organization(state="suspended")
        need = await make_need(m)
        hidden = await make_need(m, visibility="internal")
        offer = await make_offer(m, organization=owner)
        own = await m.account(role=Role.CHARITY_USER, organization=owner)
        other = await m.account(role=Role.CHARITY_USER)
        clerk = await m.account(role=Role.GOV_CLERK, area_code="4401")
        away = await m.account(role=Role.GOV_CLERK, area_code="4403")
        suspended = await m.account(role=Role.CHARITY_USER, organization=unverified)
    seen = await matching(engine, actor_of(own), offer)
    assert need.lines[0].id in seen
    assert hidden.lines[0].id not in seen
    assert await matching(engine, actor_of(other), offer) == {}
    assert await matching(engine, actor_of(suspended), offer) == {}
    assert {need.lines[0].id, hidden.lines[0].id} <= (
        await matching(engine, actor_of(clerk), offer)
    ).keys()
    assert hidden.lines[0].id not in await matching(engine, actor_of(away), offer)


async def test_a_charity_learns_nothing_finer_than_the_need_shows(engine: AsyncEngine) -> None:
    """An offer for one town matches every need of the county it lies in (INV-13)."""
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        recipient = await m.recipient()
        given: dict[str, Any] = {"recipient_id": recipient.id, "shown_area_code": "440103"}
        here = await make_need(m, area_code="440103001", **given)
        there = await make_need(m, area_code="440103002", **given)
        city = await make_need(m, area_code="440106001", **given | {"shown_area_code": "4401"})
        offer = await make_offer(m, organization=owner, areas=["440103001"])
    charity_user = actor_of(account)
    scores = await matching(engine, charity_user, offer)
    assert scores[here.lines[0].id] == scores[there.lines[0].id]
    assert city.lines[0].id in scores
    for need in (here, there, city):
        assert await fits(engine, need, offer, charity_user)
    assert [await fits(engine, need, offer) for need in (here, there, city)] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("offer_of", "data_class"),
    [
        ({"min_age": 60}, "D3"),
        ({"disability_only": True}, "D5"),
        ({"recipient_categories": ["TK"]}, "D4"),
    ],
)
async def test_an_offer_is_no_question_about_a_person(
    engine: AsyncEngine, offer_of: dict[str, Any], data_class: str
) -> None:
    """To a charity a condition on persons counts only where the consent covers its class."""
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        recipient = await m.recipient(birth_year=born(30))
        silent = await m.consent(recipient)
        telling = await m.consent(recipient, data_classes=["D1", data_class])
        untold = await make_need(m, recipient_id=recipient.id, consent_id=silent.id)
        told = await make_need(m, recipient_id=recipient.id, consent_id=telling.id)
        offer = await make_offer(m, organization=owner, **offer_of)
    charity_user = actor_of(account)
    assert await fits(engine, untold, offer, charity_user)
    assert not await fits(engine, told, offer, charity_user)
    assert not await fits(engine, untold, offer)


MATCHES = """
query ($id: ID!) { node(id: $id) { ... on NeedLine { suggestions(first: 50) {
  score ruleVersion available openQuantity
  offer { id title organization { name } areas { area { code } } }
  line { id need { publicTitle } }
  reasons { code points text } } } } }
"""
LINES_OF = """
query ($id: ID!) { node(id: $id) { ... on Offer { matchingLines(first: 50) {
  score offer { no } line { id item } reasons { code points text } } } } }
"""


async def test_reasons_add_up_and_say_why(engine: AsyncEngine, api: Api) -> None:
    async with making(engine) as m:
        clerk = await m.account(role=Role.GOV_CLERK)
        need = await make_need(
            m,
            {"item_code": "PPE.MASK.SURG", "unit": "C62", "quantity_required": Decimal(200)},
            urgency=Urgency.U2,
            needed_by=today() + timedelta(days=30),
        )
        exact = await make_offer(
            m,
            item_code="PPE.MASK.SURG",
            unit="C62",
            capacity_maximum=Decimal(50),
            areas=["4401"],
            review_due_on=today() + timedelta(days=90),
        )
        wide = await make_offer(m, item_code="PPE", unit="C62", capacity_maximum=None)
    answer = await api(clerk)(MATCHES, id=encode("NeedLine", need.lines[0].id))
    assert "errors" not in answer
    found = answer["data"]["node"]["suggestions"]
    by_offer = {match["offer"]["id"]: match for match in found}
    for match in found:
        assert sum(reason["points"] for reason in match["reasons"]) == match["score"] <= 100
        assert match["ruleVersion"] == "match-1"
    first = by_offer[encode("Offer", exact.id)]
    assert first["available"] == "50"
    assert first["openQuantity"] == "200"
    assert first["reasons"] == [
        {"code": "ITEM_EXACT", "points": 40, "text": "Same item: PPE.MASK.SURG"},
        {"code": "AREA_CITY", "points": 18, "text": "Serves the same city"},
        {
            "code": "URGENCY_U2",
            "points": 12,
            "text": f"Urgency U2, needed by {today() + timedelta(days=30)}",
        },
        {"code": "COVERS_PART", "points": 3, "text": "50 available for 200 C62 still open"},
        {
            "code": "FRESH",
            "points": 2,
            "text": f"Confirmed by its owner; next review due on {today() + timedelta(days=90)}",
        },
    ]
    second = by_offer[encode("Offer", wide.id)]
    assert [reason["code"] for reason in second["reasons"]] == [
        "ITEM_RELATED",
        "AREA_COUNTY",
        "URGENCY_U2",
        "CAPACITY_UNSTATED",
        "FRESH",
    ]
    assert second["score"] == 25 + 25 + 12 + 15 + 4
    back = await api(clerk)(LINES_OF, id=encode("Offer", exact.id))
    assert back["data"]["node"]["matchingLines"] == [
        {
            "score": first["score"],
            "offer": {"no": exact.no},
            "line": {"id": encode("NeedLine", need.lines[0].id), "item": "大米"},
            "reasons": first["reasons"],
        }
    ]


async def test_the_best_come_first_and_first_is_kept(engine: AsyncEngine, api: Api) -> None:
    async with making(engine) as m:
        clerk = await m.account(role=Role.GOV_CLERK)
        need = await make_need(m, {"category": "EDU"})
        for areas in (["CN"], ["44"], ["440103"], ["4401"]):
            await make_offer(m, category="EDU", areas=areas)
    query = "query($id: ID!) { node(id: $id) { ... on NeedLine { suggestions(first: 3) { score }}}}"
    answer = await api(clerk)(query, id=encode("NeedLine", need.lines[0].id))
    scores = [match["score"] for match in answer["data"]["node"]["suggestions"]]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[1] == 25 - 18
    assert scores[1] - scores[2] == 18 - 12


async def test_one_statement_for_all_of_it(engine: AsyncEngine, api: Api) -> None:
    """A page of needs with lines, their suggestions, offers and reasons is one read."""
    async with making(engine) as m:
        clerk = await m.account(role=Role.GOV_CLERK)
        need = await make_need(m)
        await make_offer(m)
    await api(clerk)("{ __typename }")
    query = """{ needs(first: 5) { nodes { lines(first: 3) { nodes {
      suggestions(first: 2) { score reasons { points } offer { no
        matchingLines(first: 2) { score } } } gaps(first: 1) { nodes { state } } } } } } }"""
    reader = api.app.state.executor.reader
    pool, asked = reader.pool, list[str]()

    def note(record: Any) -> None:
        asked.append(record.query)

    class Watched:
        async def borrow(self, own_plan: bool) -> Any:
            connection = await pool.borrow(own_plan)
            connection.add_query_logger(note)
            return connection

        async def give_back(self, connection: Any, own_plan: bool, *, sound: bool) -> None:
            await asyncio.sleep(0)  # the note of the statement is on its way
            connection.remove_query_logger(note)
            await pool.give_back(connection, own_plan, sound=sound)

    reader.pool = Watched()
    try:
        answer = await api(clerk)(query)
    finally:
        reader.pool = pool
    assert "errors" not in answer
    lines = [line for n in answer["data"]["needs"]["nodes"] for line in n["lines"]["nodes"]]
    assert any(line["suggestions"] for line in lines), need.no
    assert len(asked) == 1
