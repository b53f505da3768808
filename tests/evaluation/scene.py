"""A contract with counted visits, its evaluator, and an evaluation on its road. All made up."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Act, Role
from nexus.evaluation.evaluations import operations as o
from nexus.evaluation.evaluations.model import Evaluation, EvaluationScore, EvaluationState
from nexus.evaluation.rectifications import operations as rectifying
from nexus.evaluation.rectifications.model import Rectification
from nexus.evaluation.sampling import operations as sampling
from nexus.evaluation.schemes import operations as schemes
from nexus.evaluation.schemes.model import BodyKind, EvaluationScheme
from nexus.evaluation.schemes.queries import content_of
from nexus.evaluation.schemes.rules import Content
from nexus.evaluation.voice import operations as voice
from nexus.evaluation.voice.model import ClientFeedback
from nexus.organizations.model import Organization, OrganizationType
from nexus.purchasing.contracts.model import FactKind
from nexus.purchasing.facts.operations import claim_fact
from tests.deeds import actor_of
from tests.making import Maker, making, today
from tests.purchasing import bought
from tests.purchasing.bought import COUNTY, Bought, do, rows_of

TEMPLATE = UUID("01900000-0000-7000-8000-000000000025")
E = EvaluationState
LATER = timedelta(days=30)
"""After which a response period of working days is over for certain."""


@dataclass
class Staged:
    """A contract that was worked under, and who evaluates it."""

    made: Bought
    evaluator: Organization
    assessor: Account
    supervisor: Account
    scheme: EvaluationScheme
    content: Content
    facts: list[Any]


async def evaluating(m: Maker) -> tuple[Organization, Account]:
    """A third party with an evaluator."""
    body = await m.organization(org_type=OrganizationType.COMPANY, area_code="44")
    return body, await m.account(Role.EVALUATOR, organization=body, area_code=COUNTY)


async def adopted(engine: AsyncEngine, made: Bought, **more: Any) -> EvaluationScheme:
    """The buyer's scheme after the template, in force."""
    given = {"code": "VISITS", "title": "探访服务评价", "source": "合同附件", "least_answers": 1}
    row = await do(
        engine, made.manager, schemes.create_scheme, **{**given, "template_id": TEMPLATE, **more}
    )
    return await do(  # type: ignore[no-any-return]
        engine, made.colleague, schemes.adopt_scheme, row.id, expected_version=row.version
    )


async def staged(engine: AsyncEngine, visits: int = 4) -> Staged:
    """Visits that count, an evaluator without ties, a scheme in force, a client who agrees."""
    async with making(engine) as m:
        made = await bought.bought(m)
        rows = await bought.visits(m, made, visits)
        person = await m.recipient(made.home)
        await m.consent(person, purposes=["EVAL"], data_classes=["D2"])
        evaluator, assessor = await evaluating(m)
        supervisor = await m.account(Role.SUPERVISOR, area_code="4401")
    facts = [
        await do(
            engine,
            made.lead,
            claim_fact,
            made.items[0].id,
            kind=FactKind.VISIT,
            fact_id=row.id,
        )
        for row in rows
    ]
    scheme = await adopted(engine, made)
    async with AsyncSession(engine) as session:
        content = await content_of(session, scheme.id)
    return Staged(made, evaluator, assessor, supervisor, scheme, content, facts)


async def planned(engine: AsyncEngine, at: Staged, **more: Any) -> Evaluation:
    """The buyer has the last sixty days evaluated."""
    given = {
        "scheme_id": at.scheme.id,
        "evaluator_id": at.evaluator.id,
        "from_on": today() - timedelta(days=60),
        "until_on": today(),
    } | more
    return await do(  # type: ignore[no-any-return]
        engine, at.made.manager, o.plan_evaluation, at.made.contract.id, **given
    )


async def move(
    engine: AsyncEngine, who: Any, deed: Any, row: Evaluation, **more: Any
) -> Evaluation:
    """The deed on the evaluation as it stands now."""
    current = await fresh(engine, row)
    done = await do(engine, who, deed, row.id, expected_version=current.version, **more)
    return done if isinstance(done, Evaluation) else await fresh(engine, row)


async def fresh(engine: AsyncEngine, row: Any) -> Any:
    """The row as it stands in the database."""
    async with AsyncSession(engine) as session:
        return await session.get_one(type(row), row.id)


async def heard(
    engine: AsyncEngine, at: Staged, row: Evaluation, satisfaction: int = 5
) -> Evaluation:
    """Sample drawn, its clients asked, each satisfied so much, and tallied."""
    sample = await do(
        engine,
        at.assessor,
        sampling.commit_sample,
        row.id,
        expected_version=(await fresh(engine, row)).version,
        size=3,
    )
    await do(engine, at.assessor, sampling.draw_sample, sample.id, expected_version=1)
    await move(engine, at.assessor, voice.ask_sampled_clients, row)
    for asked in await bought.rows_of(
        engine, ClientFeedback, ClientFeedback.evaluation_id == row.id
    ):
        await do(
            engine,
            at.assessor,
            voice.answer_client_feedback,
            asked.id,
            expected_version=asked.version,
            satisfaction=satisfaction,
        )
    return await move(engine, at.assessor, voice.tally_client_voice, row)


async def scored(engine: AsyncEngine, at: Staged, row: Evaluation, points: int = 85) -> Evaluation:
    """Every leaf scored by the evaluator and the buyer."""

    async def score(act: Act, body: BodyKind) -> Any:
        version = (await act.session.get_one(Evaluation, row.id)).version
        for code, by in at.content.expected():
            if by is body:
                done = await o.score_indicator(
                    act,
                    row.id,
                    expected_version=version,
                    indicator=code,
                    score=Decimal(points),
                    evidence="抽样记录属实",
                )
                version = done.version

    await do(engine, at.assessor, score, BodyKind.THIRD_PARTY)
    await do(engine, at.made.manager, score, BodyKind.BUYER)
    return await fresh(engine, row)  # type: ignore[no-any-return]


async def _drafted(engine: AsyncEngine, at: Staged, row: Evaluation) -> Evaluation:
    if not await rows_of(engine, EvaluationScore, EvaluationScore.evaluation_id == row.id):
        await heard(engine, at, row)
        await scored(engine, at, row)
    return await move(engine, at.assessor, o.draft_evaluation, row, report="服务基本达标。")


async def _final(engine: AsyncEngine, at: Staged, row: Evaluation) -> Evaluation:
    await move(engine, at.made.lead, o.respond_to_evaluation, row, response="无异议。")
    return await move(engine, at.assessor, o.finalize_evaluation, row)


async def _rectifying(engine: AsyncEngine, at: Staged, row: Evaluation) -> Evaluation:
    return await move(
        engine, at.made.manager, rectifying.open_rectification, row, finding="记录不全"
    )


async def _closed(engine: AsyncEngine, at: Staged, row: Evaluation) -> Evaluation:
    found = await bought.rows_of(engine, Rectification, Rectification.evaluation_id == row.id)
    for one in found:
        done = await do(
            engine,
            at.made.lead,
            rectifying.submit_rectification,
            one.id,
            expected_version=one.version,
            action="已补录",
        )
        await do(
            engine,
            at.made.manager,
            rectifying.verify_rectification,
            one.id,
            expected_version=done.version,
        )
    return await move(engine, at.made.manager, rectifying.close_evaluation, row)


ROAD: tuple[tuple[EvaluationState, Any], ...] = (
    (E.IN_PROGRESS, lambda e, at, row: move(e, at.assessor, o.start_evaluation, row)),
    (E.DRAFT, _drafted),
    (E.RESPONSE_PERIOD, lambda e, at, row: move(e, at.assessor, o.open_evaluation_response, row)),
    (E.FINAL, _final),
    (E.PUBLISHED, lambda e, at, row: move(e, at.supervisor, o.publish_evaluation, row)),
    (E.RECTIFYING, _rectifying),
    (E.CLOSED, _closed),
)


async def brought(engine: AsyncEngine, at: Staged, to: EvaluationState) -> Evaluation:
    """An evaluation taken along its road to the state."""
    row = await planned(engine, at)
    for state, step in ROAD:
        if row.state is to:
            break
        row = await step(engine, at, row)
        assert row.state is state
    return row


def acting_at(account: Account, moment: datetime) -> Any:
    """The account at another moment."""
    return actor_of(account, moment)
