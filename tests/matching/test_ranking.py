"""The ranking in SQL equals a plain one in Python, over a made-up supply and demand."""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Integer, bindparam, literal_column, select, true
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Actor, Role, system
from nexus.charity.model import Offer, OfferArea, OfferKind, OfferState
from nexus.core.ids import new_id
from nexus.matching.suggestions import queries
from nexus.needs.model import Need, NeedKind, NeedLine, NeedState, SubjectKind, Urgency
from nexus.recipients.model import Band, Gender, Recipient
from tests.making import Maker, making, now, number, today

OFFERS, LINES, SEED = 260, 130, 20261124
AREAS = ("CN", "44", "4401", "440103", "440103001", "440103002", "440104", "4403", "440305")
ITEMS = (None, "PPE", "PPE.MASK", "PPE.MASK.SURG", "PPE.GOWN", "FOOD")
TIERS = {"DB": "BASIC", "TK": "BASIC", "BY": "SPECIAL"}
ALL = literal_column("NULL", Integer())


@dataclass
class World:
    """What was made, and what the reference needs to know of each line."""

    offers: list[tuple[Offer, list[str], bool]] = field(default_factory=list)
    """Offer, areas, whether its organization is verified."""
    lines: list[tuple[NeedLine, Need, "Person | None"]] = field(default_factory=list)


@dataclass
class Person:
    recipient: Recipient
    categories: list[str]
    consents: bool


def above(wide: str, code: str) -> bool:
    return wide == "CN" or code.startswith(wide)


def level(area: str, place: str) -> int:
    return min(0 if code == "CN" else len(code) for code in (area, place))


def eligible(offer: Offer, person: Person | None, *, told: bool) -> bool:
    """`told` False: a charity, to which the consents here tell nothing of the person."""
    asks_person = offer.min_age or offer.max_age or offer.gender or offer.disability_only
    asks_word = offer.recipient_categories or offer.tiers
    if person is None:
        return not asks_person and not asks_word
    if not person.consents or not told:
        return person.consents
    born = person.recipient.birth_year
    if born is not None:
        oldest = today().year - born
        if offer.min_age is not None and oldest < offer.min_age:
            return False
        if offer.max_age is not None and oldest - 1 > offer.max_age:
            return False
    gender = person.recipient.gender
    if offer.gender and gender is not Gender.UNKNOWN and gender.value != offer.gender:
        return False
    if offer.disability_only and person.recipient.disability is Band.NONE:
        return False
    fitting = [
        category
        for category in person.categories
        if (not offer.recipient_categories or category in offer.recipient_categories)
        and (not offer.tiers or TIERS[category] in offer.tiers)
    ]
    return bool(fitting) or not asks_word


def score(world_offer: Any, world_line: Any, *, told: bool = True) -> int | None:
    """The score by the written rules (match-1), or None when a hard filter fails."""
    offer, areas, verified = world_offer
    line, need, person = world_line
    place = line.area_code if told else need.shown_area_code
    reach = [level(area, place) for area in areas if above(area, place) or above(place, area)]
    left = (
        None
        if offer.capacity_maximum is None
        else offer.capacity_maximum - offer.capacity_reserved - offer.capacity_used
    )
    held = line.reserved + line.committed + line.delivered + line.confirmed
    wanted = None if line.quantity_required is None else line.quantity_required - held
    same = offer.item_code == line.item_code and offer.item_code is not None
    related = (
        offer.item_code is not None
        and line.item_code is not None
        and (
            line.item_code.startswith(f"{offer.item_code}.")
            or offer.item_code.startswith(f"{line.item_code}.")
        )
    )
    ends = need.needed_by and max(need.needed_by, today())
    passes = (
        offer.state is OfferState.LISTED
        and offer.review_due_on >= today()
        and verified
        and line.published
        and (wanted is None or wanted > 0)
        and (left is None or left > 0)
        and offer.kind.value == line.kind.value
        and offer.unit == line.unit
        and offer.category == line.category
        and (offer.item_code is None or same or related)
        and bool(reach)
        and (ends is None or offer.available_from <= ends)
        and (offer.available_to is None or offer.available_to > today())
        and eligible(offer, person, told=told)
    )
    if not passes:
        return None
    item = 40 if same else 15 if offer.item_code is None else 25
    nearest = max(reach)
    area = 25 if nearest >= 6 else 18 if nearest >= 4 else 12 if nearest >= 2 else 6
    urgency: int = {"u1": 15, "u2": 12, "u3": 8, "u4": 4}[need.urgency.value]
    if need.needed_by is not None:
        days = (need.needed_by - today()).days
        urgency = max(urgency, 15 if days <= 3 else 10 if days <= 14 else 0)
    if left is None:
        coverage = 15
    elif wanted is None:
        coverage = 10
    elif left >= wanted:
        coverage = 15
    else:
        coverage = int((15 * left / wanted).to_integral_value(ROUND_FLOOR))
    fresh = max(0, min(5, (offer.review_due_on - today()).days * 5 // 180))
    total: int = item + area + urgency + coverage + fresh
    return total


def day(dice: random.Random, low: int, high: int) -> date:
    return today() + timedelta(days=dice.randint(low, high))


async def make_offers(m: Maker, dice: random.Random, world: World) -> None:
    owners = [(await m.organization(), True) for _ in range(5)]
    owners.append((await m.organization(state="suspended"), False))
    for _ in range(OFFERS):
        owner, verified = dice.choice(owners)
        maximum = dice.choice([None, Decimal(dice.randint(1, 40))])
        reserved = Decimal(0) if maximum is None else Decimal(dice.randint(0, int(maximum)))
        offer = Offer(
            id=new_id(),
            no=number("OF"),
            organization_id=owner.id,
            title="帮扶",
            kind=dice.choice([OfferKind.GOODS, OfferKind.GOODS, OfferKind.SERVICE]),
            category=dice.choice(["LIV", "LIV", "MED"]),
            item_code=dice.choice(ITEMS),
            unit=dice.choice(["C62", "C62", "KGM"]),
            recipient_categories=dice.choice([[], [], [], [], ["DB"], ["DB", "BY"]]),
            tiers=dice.choice([[], [], [], [], ["BASIC"], ["SPECIAL"]]),
            required_documents=[],
            min_age=dice.choice([None, None, None, 60]),
            max_age=dice.choice([None, None, None, 80]),
            gender=dice.choice([None, None, None, "female"]),
            disability_only=dice.random() < 0.15,
            capacity_maximum=maximum,
            capacity_reserved=reserved,
            capacity_used=Decimal(0),
            available_from=day(dice, -30, 10),
            available_to=dice.choice([None, None, day(dice, 11, 60)]),
            review_due_on=day(dice, -15, 185),
            state=dice.choice([OfferState.LISTED] * 6 + [OfferState.PAUSED, OfferState.DRAFT]),
            created_at=now(),
            created_by=new_id(),
        )
        areas = dice.sample(AREAS, dice.choice([1, 1, 1, 2, 3]))
        m.session.add(offer)
        await m.session.flush()
        m.session.add_all(OfferArea.of(offer, code) for code in areas)
        world.offers.append((offer, areas, verified))
    await m.session.commit()


async def make_people(m: Maker, dice: random.Random) -> list[tuple[Person, UUID]]:
    people = []
    for _ in range(14):
        recipient = await m.recipient(
            birth_year=dice.choice([None, today().year - dice.randint(5, 95)]),
            gender=dice.choice(list(Gender)),
            disability=dice.choice([Band.NONE, Band.NONE, Band.SEVERE]),
        )
        categories = dice.choice([[], ["DB"], ["TK"], ["BY"], ["DB", "BY"]])
        for category in categories:
            await m.recognition(recipient, category=category)
        consents = dice.random() < 0.85
        consent = await m.consent(recipient, purposes=["MATCH"] if consents else ["PUB"])
        people.append((Person(recipient, categories, consents), consent.id))
    return people


async def make_lines(m: Maker, dice: random.Random, world: World) -> None:
    people = await make_people(m, dice)
    publisher = await m.authority()
    clerk = await m.account(organization=publisher)
    for _ in range(LINES):
        chosen = dice.choice([None, *people])
        person, consent = chosen or (None, None)
        subject: dict[str, Any] = {"subject_kind": SubjectKind.GROUP, "group_name": "某医院"}
        if person is not None:
            subject = {
                "recipient_id": person.recipient.id,
                "household_id": person.recipient.household_id,
                "consent_id": consent,
            }
        area = dice.choice(AREAS)
        finest = 9 if person is None else 6
        coarser = [code for code in AREAS if above(code, area) and len(code) <= finest]
        required = dice.choice([None, Decimal(dice.randint(1, 60))])
        need = await m.need(
            state=dice.choice([NeedState.PUBLISHED] * 7 + [NeedState.PAUSED]),
            publisher_id=publisher.id,
            owner_id=clerk.id,
            area_code=area,
            shown_area_code=dice.choice(coarser),
            urgency=dice.choice(list(Urgency)),
            needed_by=dice.choice([None, day(dice, -5, 40)]),
            lines=[
                {
                    "kind": dice.choice([NeedKind.GOODS, NeedKind.GOODS, NeedKind.SERVICE]),
                    "category": dice.choice(["LIV", "LIV", "MED"]),
                    "item_code": dice.choice(ITEMS),
                    "unit": dice.choice(["C62", "C62", "KGM"]),
                    "quantity_required": required,
                    "reserved": Decimal(dice.randint(0, int(required or 9))),
                }
            ],
            **subject,
        )
        world.lines.append((need.lines[0], need, person))


@pytest.fixture(scope="module")
async def world(owner_engine: AsyncEngine) -> World:
    made, dice = World(), random.Random(SEED)
    async with making(owner_engine) as m:
        for code in AREAS:
            await m.area(code)
        await make_offers(m, dice, made)
        await make_lines(m, dice, made)
    return made


async def rank(engine: AsyncEngine, statement: Any, row_id: UUID) -> list[tuple[UUID, int]]:
    async with AsyncSession(engine) as session:
        return [(key, points) for key, points in await session.execute(statement, {"id": row_id})]


def by_score(scored: list[tuple[UUID, int | None]]) -> list[tuple[UUID, int]]:
    kept = [(key, points) for key, points in scored if points is not None]
    return sorted(kept, key=lambda pair: (-pair[1], pair[0].bytes))


async def test_the_offers_of_every_line(engine: AsyncEngine, world: World) -> None:
    actor: Actor = system(now())
    found = queries.offers_for_line(actor, NeedLine, ALL).correlate(NeedLine).lateral()
    shown = select(found.c.offer_id, found.c.score).join_from(NeedLine, found, true())
    statement = shown.where(NeedLine.id == bindparam("id"))
    sizes = []
    for entry in world.lines:
        line = entry[0]
        got = await rank(engine, statement, line.id)
        wanted = by_score([(offer[0].id, score(offer, entry)) for offer in world.offers])
        assert got == wanted, f"line {line.id}"
        sizes.append(len(got))
    assert len(sizes) == LINES
    assert sum(1 for size in sizes if size) > LINES / 3, "the world is too sparse to tell"


async def test_the_lines_of_every_offer(engine: AsyncEngine, world: World) -> None:
    actor: Actor = system(now())
    found = queries.needs_for_offer(actor, Offer, ALL).correlate(Offer).lateral()
    shown = select(found.c.line_id, found.c.score).join_from(Offer, found, true())
    statement = shown.where(Offer.id == bindparam("id"))
    sizes = []
    for entry in world.offers:
        offer = entry[0]
        got = await rank(engine, statement, offer.id)
        wanted = by_score([(line[0].id, score(entry, line)) for line in world.lines])
        assert got == wanted, f"offer {offer.id}"
        sizes.append(len(got))
    assert len(sizes) == OFFERS
    assert sum(1 for size in sizes if size) > OFFERS / 5, "the world is too sparse to tell"


async def test_what_charities_are_shown(engine: AsyncEngine, world: World) -> None:
    """Their own offers, by the area that the need shows, and nothing that tells of a person."""
    by_owner: dict[UUID, list[Any]] = {}
    for entry in world.offers:
        if entry[2]:
            by_owner.setdefault(entry[0].organization_id, []).append(entry)
    found = 0
    for owner, entries in by_owner.items():
        actor = Actor(Role.CHARITY_USER, new_id(), owner, "-", now())
        offers = queries.offers_for_line(actor, NeedLine, ALL).correlate(NeedLine).lateral()
        forth = select(offers.c.offer_id, offers.c.score).join_from(NeedLine, offers, true())
        lines = queries.needs_for_offer(actor, Offer, ALL).correlate(Offer).lateral()
        back = select(lines.c.line_id, lines.c.score).join_from(Offer, lines, true())
        for line in world.lines:
            got = await rank(engine, forth.where(NeedLine.id == bindparam("id")), line[0].id)
            wanted = [(entry[0].id, score(entry, line, told=False)) for entry in entries]
            assert got == by_score(wanted), f"line {line[0].id}"
        for entry in entries:
            got = await rank(engine, back.where(Offer.id == bindparam("id")), entry[0].id)
            wanted = [(line[0].id, score(entry, line, told=False)) for line in world.lines]
            assert got == by_score(wanted), f"offer {entry[0].id}"
            found += len(got)
    assert found > OFFERS
