"""What makes a scheme, and what scores come to: by rules, by the database, by another reckoning."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.core.refusals import Forbidden, Invalid, NotFound
from nexus.evaluation.schemes import operations, rules
from nexus.evaluation.schemes.model import Aspect, BodyKind, Grade, SchemeState
from nexus.evaluation.schemes.queries import content_of
from nexus.evaluation.schemes.rules import Content, Indicator, Step
from nexus.purchasing.procurements.suppliers.model import StandingEffect
from tests.evaluation.scene import TEMPLATE, adopted
from tests.making import making
from tests.purchasing import bought
from tests.purchasing.bought import do

T, B, C = BodyKind.THIRD_PARTY, BodyKind.BUYER, BodyKind.CLIENT
D = Decimal
STEPS = (
    Step(Grade.EXCELLENT, D(90), StandingEffect.PRIORITY),
    Step(Grade.GOOD, D(80), StandingEffect.NORMAL),
    Step(Grade.QUALIFIED, D(60), StandingEffect.RECTIFICATION),
    Step(Grade.UNQUALIFIED, D(0), StandingEffect.BARRED),
)
SMALL = Content(
    bodies={T: D(50), B: D(20), C: D(30)},
    steps=STEPS,
    indicators=(
        Indicator("O", None, "产出", D(70), Aspect.OUTPUT),
        Indicator("O1", "O", "数量", D("33.33"), Aspect.OUTPUT, (T, B)),
        Indicator("O2", "O", "质量", D("66.67"), Aspect.OUTPUT, (T,)),
        Indicator("S", None, "满意度", D(30), Aspect.SATISFACTION, (C,)),
    ),
)
SCORES = {("O1", T): D(80), ("O2", T): D(90), ("O1", B): D(70), ("S", C): D(75)}


def test_a_total_reckoned_by_hand() -> None:
    """T: (33.33·80 + 66.67·90)/100 = 86.667 → 86.67; 50 % of it, 20 % of 70, 30 % of 75."""
    found = rules.reckon(SMALL, SCORES)
    assert found.by_body == {"buyer": "70.00", "client": "75.00", "third_party": "86.67"}
    assert (found.total, found.grade) == (D("79.84"), Grade.QUALIFIED)


@pytest.mark.parametrize(
    ("points", "grade"),
    [("100", "excellent"), ("90", "excellent"), ("89.99", "good"), ("80", "good"),
     ("79.99", "qualified"), ("60", "qualified"), ("59.99", "unqualified"), ("0", "unqualified")],
)  # fmt: skip
def test_a_grade_begins_at_its_total(points: str, grade: str) -> None:
    found = rules.reckon(SMALL, dict.fromkeys(SCORES, D(points)))
    assert (found.total, found.grade.value) == (D(points), grade)


points = st.decimals(0, 100, places=2)


@settings(max_examples=300, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(SCORES, points)))
def test_another_reckoning_agrees(scores: dict[Any, Decimal]) -> None:
    """By decimals of 28 digits instead of fractions."""

    def cents(value: Decimal) -> Decimal:
        return value.quantize(D("0.01"), ROUND_HALF_UP)

    third = cents((scores["O1", T] * D("33.33") + scores["O2", T] * D("66.67")) / 100)
    total = cents((third * 50 + scores["O1", B] * 20 + scores["S", C] * 30) / 100)
    found = rules.reckon(SMALL, scores)
    assert found.total == total
    assert 0 <= found.total <= 100
    better = {key: min(D(100), value + 1) for key, value in scores.items()}
    assert rules.reckon(SMALL, better).total >= found.total


def _with(**changes: Any) -> Content:
    """One indicator changed."""
    code = changes.pop("at")
    kept = [replace(one, **changes) if one.code == code else one for one in SMALL.indicators]
    return replace(SMALL, indicators=tuple(kept))


@pytest.mark.parametrize(
    "content",
    [
        replace(SMALL, bodies={T: D(50), B: D(20), C: D(29)}),
        _with(at="O1", weight=D("33.34")),
        _with(at="S", weight=D(29)),
    ],
)
def test_weights_sum_to_100_at_every_level(content: Content) -> None:
    with pytest.raises(rules.WeightsWrong):
        rules.check_content(content)


@pytest.mark.parametrize(
    "content",
    [
        replace(SMALL, bodies={T: D(70), C: D(30)}),
        replace(SMALL, steps=STEPS[:3]),
        replace(SMALL, steps=(*STEPS[:3], replace(STEPS[3], from_total=D(1)))),
        replace(SMALL, indicators=SMALL.indicators[1:]),
        _with(at="O", bodies=(T,)),
        _with(at="S", bodies=()),
        _with(at="O2", aspect=Aspect.PROCESS),
        _with(at="S", code="O1"),
        _with(at="O1", weight=D(0)),
    ],
)
def test_what_is_no_scheme(content: Content) -> None:
    with pytest.raises(Invalid):
        rules.check_content(content)


async def test_the_template_is_whole_and_nobodys(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        content = await content_of(session, TEMPLATE)
    rules.check_content(content)
    assert {one.aspect for one in content.indicators if one.parent is None} == set(Aspect)
    async with making(engine) as m:
        made = await bought.parties(m)
    with pytest.raises(Forbidden):
        await do(engine, made.manager, operations.adopt_scheme, TEMPLATE, expected_version=1)


async def test_a_second_person_adopts_and_the_earlier_one_retires(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        made = await bought.parties(m)
        stranger = await bought.parties(m)
    first = await adopted(engine, made)
    given = {"code": "visits", "title": "二", "source": "合同", "least_answers": 1}
    second = await do(engine, made.manager, operations.create_scheme, **given, content=SMALL)
    assert (second.code, second.revision, second.state) == ("VISITS", 2, SchemeState.DRAFT)
    with pytest.raises(Forbidden):
        await do(engine, made.manager, operations.adopt_scheme, second.id, expected_version=1)
    with pytest.raises(NotFound):
        await do(engine, stranger.manager, operations.adopt_scheme, second.id, expected_version=1)
    changed = await do(
        engine, made.manager, operations.change_scheme, second.id, expected_version=1,
        content=_with(at="S", title="服务对象满意度"),
    )  # fmt: skip
    await do(
        engine, made.colleague, operations.adopt_scheme, second.id,
        expected_version=changed.version,
    )  # fmt: skip
    async with AsyncSession(engine) as session:
        states = {
            row.revision: row.state
            for row in await bought.rows_of(
                engine, type(first), type(first).buyer_id == made.buyer.id
            )
        }
        assert states == {1: SchemeState.RETIRED, 2: SchemeState.EFFECTIVE}
        kept = await content_of(session, second.id)
    assert rules.reckon(kept, SCORES) == rules.reckon(SMALL, SCORES)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE scheme_body SET weight = weight + 1 WHERE scheme_id = :id AND kind = 'client'",
        "UPDATE scheme_indicator SET weight = 90 WHERE scheme_id = :id AND code = 'S'",
        "DELETE FROM scheme_grade WHERE scheme_id = :id AND grade = 'good'",
        "UPDATE scheme_indicator SET bodies = '{}' WHERE scheme_id = :id AND code = 'S'",
        "DELETE FROM scheme_body WHERE scheme_id = :id AND kind = 'client'",
    ],
)
async def test_the_database_holds_every_level(
    engine: AsyncEngine, owner_engine: AsyncEngine, change: str
) -> None:
    """INV-29, for a draft at commit; and nothing at all once it is in force."""
    async with making(engine) as m:
        made = await bought.parties(m)
    given = {"code": "VISITS", "title": "一", "source": "合同", "least_answers": 1}
    draft = await do(engine, made.manager, operations.create_scheme, **given, content=SMALL)
    with pytest.raises(DBAPIError, match="not whole"):
        async with AsyncSession(owner_engine) as session, session.begin():
            await session.execute(text(change), {"id": draft.id})
    await do(engine, made.colleague, operations.adopt_scheme, draft.id, expected_version=1)
    async with AsyncSession(owner_engine) as session:
        with pytest.raises(DBAPIError, match="in force"):
            await session.execute(text(change), {"id": draft.id})
