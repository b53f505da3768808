"""A small world for the reports: needs of some months, and what became of them."""

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from nexus.core.ids import new_id
from nexus.matching.feedback.model import Feedback, FeedbackSource
from nexus.matching.pledges.model import Allocation, Delivery, DeliveryState, Pledge, PledgeState
from nexus.matching.suggestions.model import Gap, GapState
from nexus.needs.model import Need, NeedState
from tests.making import Maker, now, number

TOWNS = ("440103001", "440103002", "440104001", "441802001")
CATEGORIES = ("LIV", "MED", "CAR")


async def needs_and_help(m: Maker, *, seed: int = 7, count: int = 24) -> list[Need]:
    """Needs published over four months: some taken up, some delivered, some confirmed and rated."""
    chance = Random(seed)
    charity = await m.organization()
    authority = await m.authority()
    person = await m.recipient()
    await m.recognition(person)
    consent = await m.consent(person)
    made = []
    for at in range(count):
        published = now() - timedelta(days=chance.randrange(1, 120), minutes=at)
        closed = chance.random() < 0.2
        need = await m.need(
            state=NeedState.CLOSED if closed else NeedState.PUBLISHED,
            area_code=chance.choice(TOWNS),
            category=chance.choice(CATEGORIES),
            published_at=published,
            publisher_id=authority.id,
            recipient_id=person.id,
            household_id=person.household_id,
            consent_id=consent.id,
            lines=[
                {
                    "quantity_required": Decimal(chance.randrange(1, 20)),
                    "est_unit_value_fen": chance.choice((None, 1250, 99)),
                }
            ],
        )
        made.append(need)
        for _ in range(chance.choice((0, 1, 1, 2))):
            await _help(m, need, charity.id, published, chance)
    return made


async def _help(
    m: Maker, need: Need, organization_id: Any, published: datetime, chance: Random
) -> None:
    """A pledge of an organization's own, and perhaps a delivery, a word for it and a rating."""
    line = need.lines[0]
    moment = min(published + timedelta(days=chance.randrange(0, 20)), now())
    stage = chance.randrange(5)
    pledge = Pledge(
        id=new_id(),
        no=number("PL"),
        need_id=need.id,
        line_id=line.id,
        organization_id=organization_id,
        quantity=Decimal(1),
        expires_at=now() + timedelta(days=5),
        state=PledgeState.FULFILLED if stage else PledgeState.REJECTED,
        created_at=moment,
        created_by=new_id(),
        accepted_at=moment + timedelta(hours=3) if stage else None,
    )
    await m.put(pledge)
    if stage < 2:
        return
    allocation = Allocation(
        id=new_id(),
        pledge_id=pledge.id,
        line_id=line.id,
        quantity=Decimal(1),
        created_at=moment,
    )
    state = chance.choice(
        (
            DeliveryState.RECORDED,
            DeliveryState.REVERSED,
            DeliveryState.ACKNOWLEDGED,
            DeliveryState.VERIFIED,
        )
    )
    confirmed = state in (DeliveryState.ACKNOWLEDGED, DeliveryState.VERIFIED)
    delivery = Delivery(
        id=new_id(),
        no=number("DL"),
        need_id=need.id,
        organization_id=organization_id,
        pledge_id=pledge.id,
        allocation_id=allocation.id,
        quantity=Decimal(1),
        delivered_on=moment.date(),
        state=state,
        acknowledged_at=moment + timedelta(days=1) if confirmed else None,
        acknowledged_by=new_id() if confirmed else None,
        created_at=moment,
        created_by=new_id(),
    )
    await m.put(allocation, delivery)
    if stage > 2:
        word = Feedback(
            id=new_id(),
            need_id=need.id,
            delivery_id=delivery.id,
            source=FeedbackSource.RECIPIENT,
            rating=chance.choice((None, 3, 4, 5)),
            created_at=moment,
            created_by=new_id(),
        )
        await m.put(word)


async def gaps(m: Maker, needs: list[Need], *, seed: int = 11) -> list[Gap]:
    """Open gaps of every third need, some of them in a purchase plan, and one that was waived."""
    chance = Random(seed)
    made = []
    for at, need in enumerate(needs[::3]):
        if need.state is not NeedState.PUBLISHED:
            continue
        line = need.lines[0]
        gap = Gap(
            id=new_id(),
            line_id=line.id,
            need_id=need.id,
            category=need.category,
            kind=line.kind,
            item_code=chance.choice((None, "FOOD.RICE")),
            area_code=need.area_code,
            opened_at=now() - timedelta(days=chance.randrange(1, 40)),
            state=GapState.WAIVED if at == 0 else GapState.OPEN,
            state_reason="no longer needed" if at == 0 else None,
            closed_at=now() if at == 0 else None,
            purchase_ref=f"GM-{at}" if at % 2 else None,
        )
        await m.put(gap)
        made.append(gap)
    return made
