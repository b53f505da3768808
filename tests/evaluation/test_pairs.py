"""Every verb of the evaluations' state machines from every state, by every role, near and far."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.acting import Act, Actor, Role
from nexus.core.ids import new_id
from nexus.evaluation.evaluations import operations as o
from nexus.evaluation.evaluations.model import PUBLIC, TRANSITIONS, Evaluation, EvaluationState
from nexus.evaluation.rectifications import model as rectifications
from nexus.evaluation.rectifications import operations as rectifying
from nexus.evaluation.rectifications.model import Rectification, RectificationState
from nexus.purchasing.procurements.suppliers.policy import (
    AUTHORITIES,
    BUYERS,
    SUPPLIERS,
    SUPPLIERS_PEOPLE,
)
from tests.evaluation.scene import ROAD, Staged, brought, fresh, heard, planned, scored, staged
from tests.making import making, now, number
from tests.pairs import ROLES, every_pair, somebody
from tests.purchasing.bought import do, rows_of

E, R = EvaluationState, RectificationState
SEES_ALL = {Role.PLATFORM_ADMIN, Role.SYSTEM}
WHY = {"reason": "补看记录"}


async def _rectify(act: Act, row_id: Any, *, expected_version: int, finding: str) -> Any:
    """The evaluation, so that its state is what comes out."""
    await rectifying.open_rectification(
        act, row_id, expected_version=expected_version, finding=finding
    )
    return await act.session.get_one(Evaluation, row_id)


VERBS: Mapping[str, tuple[Any, dict[str, Any]]] = {
    "start": (o.start_evaluation, {}),
    "score": (
        o.score_indicator,
        {"indicator": "D1", "score": Decimal(50), "evidence": "查看资料"},
    ),
    "draft": (o.draft_evaluation, {"report": "服务基本达标。"}),
    "open_response": (o.open_evaluation_response, {}),
    "respond": (o.respond_to_evaluation, {"response": "无异议。"}),
    "redraft": (o.redraft_evaluation, WHY),
    "finalize": (o.finalize_evaluation, {}),
    "publish": (o.publish_evaluation, {}),
    "rectify": (_rectify, {"finding": "记录不全"}),
    "close": (rectifying.close_evaluation, {}),
}
BODIES = {Role.GOV_CLERK, Role.GOV_COORDINATOR, Role.GOV_APPROVER}
DOERS: dict[str, set[Role]] = {
    **{verb: {Role.EVALUATOR} for verb in ("start", "draft", "open_response")},
    **{verb: {Role.EVALUATOR} for verb in ("redraft", "finalize")},
    "score": {Role.EVALUATOR, Role.BUYER} | BODIES,
    "respond": set(SUPPLIERS),
    "publish": {Role.BUYER, Role.SUPERVISOR},
    "rectify": {Role.EVALUATOR, Role.BUYER},
    "close": {Role.BUYER},
}


def actors_of(at: Staged) -> dict[tuple[Role, bool], Actor]:
    """One of each role who belongs to it, and one who does not."""
    homes = {
        **dict.fromkeys(BUYERS, at.made.buyer.id),
        Role.EVALUATOR: at.evaluator.id,
        **dict.fromkeys(SUPPLIERS_PEOPLE, at.made.supplier.id),
    }
    found: dict[tuple[Role, bool], Actor] = {}
    doers = {role for those in DOERS.values() for role in those}
    for role in ROLES:
        found[role, True] = somebody(role, homes.get(role, new_id()), "4401")
        if role in doers:
            found[role, False] = somebody(role, new_id(), "45")
    return found


def _sees(row: Evaluation, role: Role, near: bool) -> bool:
    parties = BUYERS | SUPPLIERS_PEOPLE | AUTHORITIES | {Role.EVALUATOR}
    return row.state in PUBLIC or role in SEES_ALL or (near and role in parties)


def expected(row: Evaluation, verb: str, name: tuple[Role, bool]) -> str:
    role, near = name
    if not _sees(row, role, near):
        return "NOT_FOUND"
    if not near or role not in DOERS[verb]:
        return "FORBIDDEN"
    if verb == "score" and row.finalized_at is not None:
        return "EVALUATION_FINAL"
    after = TRANSITIONS.moves[verb].get(row.state)
    if after is None:
        return "WRONG_STATE"
    if verb == "score" and role in BODIES:
        return "FORBIDDEN"
    if verb == "finalize":
        return "RESPONSE_PENDING"
    if verb == "close" and row.state is E.RECTIFYING:
        return "RECTIFICATIONS_OPEN"
    return after.value


async def _seated(engine: AsyncEngine, at: Staged) -> dict[Any, Actor]:
    """The actors as accounts: whoever succeeds is named by a key."""
    found = actors_of(at)
    async with making(engine) as m:
        for (role, near), actor in found.items():
            if near and role not in SEES_ALL:
                await m.put(
                    Account(
                        id=actor.account_id,
                        username=number("u").lower(),
                        name="测试员",
                        role=role,
                        area_code=None,
                        created_at=now(),
                    )
                )
    return found


async def test_every_pair_of_an_evaluation(engine: AsyncEngine) -> None:
    assert set(VERBS) == set(TRANSITIONS.moves)
    at = await staged(engine)
    actors = await _seated(engine, at)
    row = await planned(engine, at)
    assert await every_pair(engine, [row], VERBS, actors, expected) == []
    for state, step in ROAD:
        row = await step(engine, at, row)
        if state is E.IN_PROGRESS:
            await heard(engine, at, row)
            row = await scored(engine, at, row)
        assert row.state is state
        found = await every_pair(engine, [await fresh(engine, row)], VERBS, actors, expected)
        assert found == []


RECTIFY: Mapping[str, tuple[Any, dict[str, Any]]] = {
    "submit": (rectifying.submit_rectification, {"action": "已补录"}),
    "send_back": (rectifying.send_back_rectification, {"reason": "仍缺两份"}),
    "verify": (rectifying.verify_rectification, {}),
}


def _expected(row: Rectification, verb: str, name: tuple[Role, bool]) -> str:
    role, near = name
    doers = set(SUPPLIERS) if verb == "submit" else {Role.BUYER}
    if not near or role not in doers:
        return "FORBIDDEN"
    after = rectifications.TRANSITIONS.moves[verb].get(row.state)
    return after.value if after else "WRONG_STATE"


async def test_every_pair_of_a_rectification(engine: AsyncEngine) -> None:
    at = await staged(engine)
    actors = await _seated(engine, at)
    row = await brought(engine, at, E.RECTIFYING)
    (one,) = await rows_of(engine, Rectification, Rectification.evaluation_id == row.id)
    assert await every_pair(engine, [one], RECTIFY, actors, _expected) == []
    for deed, who, given in (
        (rectifying.submit_rectification, at.made.lead, {"action": "已补录"}),
        (rectifying.verify_rectification, at.made.manager, {}),
    ):
        one = await do(engine, who, deed, one.id, expected_version=one.version, **given)
        assert await every_pair(engine, [one], RECTIFY, actors, _expected) == []
