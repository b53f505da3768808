"""Evaluations of one place: one the buyer reads, one the evaluator works on, one to be answered."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Actor, Role
from nexus.casework.visits.model import Visit
from nexus.core.drawing import frame_hash
from nexus.core.ids import new_id
from nexus.evaluation.addenda.model import AddendumState, EvaluationAddendum
from nexus.evaluation.evaluations.model import Evaluation, EvaluationScore, EvaluationState
from nexus.evaluation.independence.model import OrganizationTie, TieKind
from nexus.evaluation.rectifications.model import Rectification
from nexus.evaluation.sampling.model import (
    EvaluationSample,
    SampleFindingKind,
    SampleItem,
    SampleState,
)
from nexus.evaluation.sampling.rules import commitment
from nexus.evaluation.schemes import operations as schemes
from nexus.evaluation.schemes.model import (
    BodyKind,
    EvaluationScheme,
    Grade,
    SchemeIndicator,
    SchemeState,
)
from nexus.evaluation.voice.model import ClientFeedback, VoiceState, VoiceWay
from nexus.organizations.model import Organization
from nexus.purchasing.contracts.model import Contract, FactKind
from nexus.purchasing.facts.model import ClaimWay, ServiceFact
from nexus.purchasing.procurements.suppliers.model import StandingEffect
from tests.deeds import acting
from tests.house.matrix_world import Place
from tests.making import Maker, now, number, today
from tests.purchasing import bought
from tests.purchasing.bought import Bought

MakeEvent = Callable[[Maker, Place, str, Any], Awaitable[Any]]
TEMPLATE = UUID("01900000-0000-7000-8000-000000000025")
SEED = "5" * 32
DAY = timedelta(days=1)


async def evaluate(m: Maker, engine: AsyncEngine, place: Place, event: MakeEvent) -> None:
    """Three contracts: of the authority as buyer, and two that it evaluates for others."""
    town = {"area_code": place.county}
    third, other, serving = [await m.organization(**town) for _ in range(3)]
    place.rows["Organization/evaluator"] = third
    await _schemes(m, engine, place)
    own = await _contract(m, place, place.authority, place.charity)
    theirs = await _contract(m, place, other, serving)
    asked = await _contract(m, place, other, place.charity)
    place.rows |= {"Contract/evaluated": own.contract, "Contract/heard": theirs.contract}
    await _published(m, place, own, third, event)
    facts = [await _fact(m, place, theirs) for _ in range(3)]
    row = await _evaluation(m, place, theirs.contract, place.authority)
    await _scores(m, row)
    place.rows["Evaluation/assessed"] = row
    await _sampled(m, place, row, facts)
    await _heard(m, place, row, facts)
    await _answering(m, place, asked)
    await _drafted(m, place, await _contract(m, place, other, place.charity), event)


async def _schemes(m: Maker, engine: AsyncEngine, place: Place) -> None:
    """One in force, and a draft that somebody else wrote."""
    writer = Actor(Role.BUYER, place.giver.id, place.authority.id, "", now())
    for key in ("EvaluationScheme", "EvaluationScheme[draft]"):
        async with acting(engine, writer) as act:
            made = await schemes.create_scheme(
                act,
                code=f"M-{new_id().hex.upper()}",
                title="探访服务评价",
                source="合同附件",
                least_answers=1,
                template_id=TEMPLATE,
            )
        if key == "EvaluationScheme":
            await m.session.execute(
                update(EvaluationScheme)
                .where(EvaluationScheme.id == made.id)
                .values(state=SchemeState.EFFECTIVE, adopted_at=now(), adopted_by=place.clerk.id)
            )
            await m.session.commit()
        place.rows[key] = await m.session.get_one(EvaluationScheme, made.id, populate_existing=True)
    for key in ("", "[draft]"):
        place.rows[f"SchemeIndicator{key}"] = await m.session.scalar(
            select(SchemeIndicator).where(
                SchemeIndicator.scheme_id == place[f"EvaluationScheme{key}"].id,
                SchemeIndicator.code == "D1",
            )
        )


async def _contract(m: Maker, place: Place, buyer: Organization, supplier: Organization) -> Bought:
    made = Bought(
        buyer=buyer,
        supplier=supplier,
        station=place["Station"],
        lead=place.giver,
        worker=place.staff,
        home=place["Household"],
        contract=Contract(),
        manager=place.giver,
        colleague=place.clerk,
        finance=place.clerk,
    )
    return await bought.bought(m, near=made, area_code=place.county)


async def _fact(m: Maker, place: Place, made: Bought) -> ServiceFact:
    """A visit that counts for it."""
    visit: Visit
    (visit,) = await bought.visits(m, made, 1, household_id=place["Household"].id)
    row = ServiceFact(
        contract_id=made.contract.id,
        contract_item_id=made.items[0].id,
        fact_kind=FactKind.VISIT,
        fact_id=visit.id,
        visit_id=visit.id,
        happened_on=today() - DAY,
        quantity=Decimal(1),
        household_id=place["Household"].id,
        entered_by=place.staff.id,
        claim=ClaimWay.HAND,
        claimed_at=now(),
        claimed_by=place.staff.id,
    )
    await m.put(row)
    return row


async def _evaluation(
    m: Maker, place: Place, contract: Contract, evaluator: Organization, **fields: Any
) -> Evaluation:
    """In progress, planned by the charity's account."""
    row = Evaluation(
        **{
            "no": number("EV"),
            "contract_id": contract.id,
            "buyer_id": contract.buyer_id,
            "supplier_id": contract.supplier_id,
            "evaluator_id": evaluator.id,
            "area_code": place.county,
            "scheme_id": place["EvaluationScheme"].id,
            "from_on": today() - 30 * DAY,
            "until_on": today() + DAY,
            "independence_months": 24,
            "independence_rule": "made",
            "planned_by": place.giver.id,
            "earlier_responses": [],
            "state": EvaluationState.IN_PROGRESS,
            "created_at": now(),
        }
        | fields
    )
    await m.put(row)
    return row


async def _scores(m: Maker, row: Evaluation) -> None:
    """Of every leaf by every body."""
    leaves = await m.session.scalars(
        select(SchemeIndicator).where(SchemeIndicator.scheme_id == row.scheme_id)
    )
    await m.put(
        *(
            EvaluationScore(
                evaluation_id=row.id,
                indicator_id=leaf.id,
                body=BodyKind(body),
                score=Decimal(80),
                evidence="查看资料",
                fact_ids=[],
                scored_at=now(),
                scored_by=row.planned_by,
            )
            for leaf in leaves.all()
            for body in leaf.bodies
        )
    )


async def _published(
    m: Maker, place: Place, made: Bought, third: Organization, event: MakeEvent
) -> None:
    """What the buyer reads, with an addendum and something to put right."""
    row = await _evaluation(m, place, made.contract, third)
    await _scores(m, row)
    place.rows["EvaluationScore"] = await m.session.scalar(
        select(EvaluationScore).where(EvaluationScore.evaluation_id == row.id).limit(1)
    )
    told: dict[str, Any] = {
        "report": "服务达标",
        "state_reason": place.says("Evaluation.stateReason"),
        "drafted_at": now(),
        "response_due_at": now() - DAY,
        "response_rule": "made",
        "total": Decimal(80),
        "body_scores": {"buyer": "80.00"},
        "grade": Grade.GOOD,
        "effect": StandingEffect.NORMAL,
        "scheme_version": "M/1",
        "finalized_at": now(),
        "finalized_by": place.giver.id,
        "published_at": now(),
        "published_by": place.clerk.id,
        "state": EvaluationState.PUBLISHED,
    }
    for name, value in told.items():
        setattr(row, name, value)
    await m.put(row)
    place.rows["Evaluation"] = row
    place.rows["EvaluationEvent"] = await event(m, place, "evaluation.published", row)
    place.rows["ServiceFact/voiced"] = await _fact(m, place, made)
    for position, (key, state) in enumerate(
        (("", AddendumState.RELEASED), ("/proposed", AddendumState.PROPOSED)), start=1
    ):
        decided = state is AddendumState.RELEASED
        place.rows[f"EvaluationAddendum{key}"] = addendum = EvaluationAddendum(
            evaluation_id=row.id,
            buyer_id=row.buyer_id,
            evaluator_id=row.evaluator_id,
            area_code=row.area_code,
            position=position,
            statement="更正",
            corrections=[],
            total=Decimal(80),
            body_scores={},
            grade=Grade.GOOD,
            effect=StandingEffect.NORMAL,
            proposed_at=now(),
            proposed_by=place.giver.id,
            decided_at=now() if decided else None,
            decided_by=place.clerk.id if decided else None,
            state=state,
        )
        await m.put(addendum)
    place.rows["Rectification"] = rectification = _rectification(place, row)
    place.rows["OrganizationTie"] = tie = OrganizationTie(
        organization_id=place.authority.id,
        other_id=place.charity.id,
        kind=TieKind.CONTRACT,
        from_on=today() - 9 * DAY,
        note="曾签合同",
        declared_at=now(),
        declared_by=place.giver.id,
    )
    await m.put(rectification, tie)


def _sample(place: Place, row: Evaluation, facts: list[ServiceFact]) -> EvaluationSample:
    frame = sorted(fact.id for fact in facts)
    return EvaluationSample(
        id=new_id(),
        evaluation_id=row.id,
        evaluator_id=place.authority.id,
        size=1,
        frame=frame,
        frame_hash=frame_hash(frame),
        commitment=commitment(SEED),
        seed=SEED,
        committed_at=now(),
        committed_by=place.giver.id,
    )


async def _sampled(m: Maker, place: Place, row: Evaluation, facts: list[ServiceFact]) -> None:
    sample = _sample(place, row, facts)
    sample.state, sample.drawn_at, sample.drawn_by = SampleState.DRAWN, now(), place.giver.id
    items = [
        SampleItem(sample_id=sample.id, position=at, fact_id=fact.id)
        for at, fact in enumerate((facts[0], facts[2]), start=1)
    ]
    items[0].finding, items[0].found_at = SampleFindingKind.CONFIRMED, now()
    items[0].found_by = place.giver.id
    await m.put(sample, *items)
    place.rows |= {"EvaluationSample": sample, "SampleItem": items[0]}


async def _heard(m: Maker, place: Place, row: Evaluation, facts: list[ServiceFact]) -> None:
    """One client answered, another is asked, a third agrees to be."""
    person = await m.recipient(place["Household"])
    agreed = await m.consent(person, purposes=["EVAL"], data_classes=["D2"])
    for key, fact, state in (
        ("ClientFeedback", facts[0], VoiceState.ANSWERED),
        ("ClientFeedback/asked", facts[1], VoiceState.ASKED),
    ):
        answered = state is VoiceState.ANSWERED
        place.rows[key] = said = ClientFeedback(
            contract_id=row.contract_id,
            fact_id=fact.id,
            evaluation_id=row.id,
            buyer_id=row.buyer_id,
            collector_id=place.authority.id,
            area_code=row.area_code,
            way=VoiceWay.FOLLOW_UP,
            consent_id=agreed.id,
            satisfaction=4 if answered else None,
            text=place.says("ClientFeedback.text") if answered else None,
            state_reason=place.says("ClientFeedback.stateReason"),
            asked_at=now(),
            asked_by=place.giver.id,
            ended_at=now() if answered else None,
            ended_by=place.giver.id if answered else None,
            state=state,
        )
        await m.put(said)


async def _drafted(m: Maker, place: Place, made: Bought, event: MakeEvent) -> None:
    """A draft that the charity it is about does not read yet, and what nobody should find there."""
    row = await _evaluation(
        m,
        place,
        made.contract,
        place.authority,
        report=place.says("Evaluation[draft].report"),
        drafted_at=now(),
        state=EvaluationState.DRAFT,
    )
    await _scores(m, row)
    early = _rectification(place, row)
    await m.put(early)
    score = select(EvaluationScore).where(EvaluationScore.evaluation_id == row.id).limit(1)
    place.rows |= {
        "Evaluation[draft]": row,
        "EvaluationEvent[draft]": await event(m, place, "evaluation.drafted", row),
        "EvaluationScore[draft]": await m.session.scalar(score),
        "EvaluationAddendum[proposed]": place["EvaluationAddendum/proposed"],
        "Rectification[draft]": early,
    }


def _rectification(place: Place, row: Evaluation) -> Rectification:
    return Rectification(
        no=number("RT"),
        evaluation_id=row.id,
        buyer_id=row.buyer_id,
        supplier_id=row.supplier_id,
        area_code=row.area_code,
        finding="记录不全",
        due_at=now() + DAY,
        due_rule="made",
        escalate_at=now() + 2 * DAY,
        created_at=now(),
        created_by=place.giver.id,
    )


async def _answering(m: Maker, place: Place, made: Bought) -> None:
    """A draft about the charity, and a sample that is committed."""
    fact = await _fact(m, place, made)
    row = await _evaluation(
        m,
        place,
        made.contract,
        place.authority,
        report="草稿",
        drafted_at=now(),
        response_due_at=now() + 9 * DAY,
        response_rule="made",
        state=EvaluationState.RESPONSE_PERIOD,
    )
    committed = _sample(place, row, [fact])
    await m.put(committed)
    place.rows |= {"Evaluation/answering": row, "EvaluationSample/committed": committed}
