"""Conferences: who sees what, what a decision owes, exceptions, every state, verb and role."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import CHARITY, GOVERNMENT, OVERSIGHT, STATION, Act, Actor, Role
from nexus.casework.cases.model import Case, CaseState
from nexus.casework.conferences import model, operations, policy
from nexus.casework.conferences.model import (
    CaseConference,
    ConferenceDecision,
    ConferenceException,
    ConferenceParty,
    ConferenceState,
    ExceptedRule,
)
from nexus.casework.conferences.rules import StillOwed
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, Refusal, WrongState
from nexus.obligations.model import Obligation, ObligationKind, ObligationState
from nexus.obligations.operations import discharge_obligation
from nexus.organizations.model import Organization
from tests.casework.desk import COUNTY, TOWN, Station1, case_in, open_station
from tests.deeds import acting, actor_of, events_of, reread
from tests.making import making, now, number, today

S = ConferenceState


@pytest.fixture(scope="module")
async def desk(engine: AsyncEngine) -> Station1:
    return await open_station(engine)


@pytest.fixture(scope="module")
async def charity(engine: AsyncEngine) -> Organization:
    async with making(engine) as m:
        return await m.organization()


@pytest.fixture
async def file(engine: AsyncEngine, desk: Station1) -> Case:
    async with making(engine) as m:
        return await case_in(m, desk, CaseState.INTERVENTION)


async def _convene(
    engine: AsyncEngine, desk: Station1, file: Case, *others: Organization
) -> CaseConference:
    async with acting(engine, desk.lead) as act:
        return await operations.convene_conference(
            act,
            case_id=file.id,
            agenda="住房与照料",
            meets_at=now(),
            organization_ids=[one.id for one in others],
        )


async def _hold(
    engine: AsyncEngine, desk: Station1, file: Case, charity: Organization
) -> CaseConference:
    row = await _convene(engine, desk, file, charity)
    async with acting(engine, desk.lead) as act:
        return await operations.hold_conference(
            act,
            row.id,
            expected_version=1,
            minutes="一致同意",
            attended_ids=[charity.id, desk.organization.id],
        )


async def test_from_the_table_to_the_deed(
    engine: AsyncEngine, desk: Station1, file: Case, charity: Organization
) -> None:
    """Convened, held, decided, owed, done, followed up, closed."""
    row = await _hold(engine, desk, file, charity)
    due = today() + timedelta(days=9)
    async with acting(engine, desk.lead) as act:
        row = await operations.record_decision(
            act,
            row.id,
            expected_version=2,
            measure="每月送米十公斤",
            organization_id=charity.id,
            due_on=due,
        )
    async with AsyncSession(engine) as session:
        decision = (
            await session.scalars(
                select(ConferenceDecision).where(ConferenceDecision.conference_id == row.id)
            )
        ).one()
        debt = await session.get_one(Obligation, decision.obligation_id)
    assert (debt.kind, debt.organization_id, debt.subject_id) == (
        ObligationKind.CONFERENCE_FOLLOW_UP,
        charity.id,
        decision.id,
    )
    assert debt.due_at is not None
    assert debt.due_at.date() in (due, due + timedelta(days=1))
    with pytest.raises(StillOwed) as owed:
        async with acting(engine, desk.lead) as act:
            await operations.follow_up_conference(act, row.id, expected_version=3)
    assert owed.value.details["obligations"] == [debt.no]
    async with making(engine) as m:
        giver = await m.account(Role.CHARITY_USER, charity)
    async with acting(engine, giver) as act:
        await discharge_obligation(act, debt.id, expected_version=1, evidence="首批已送达")
    async with acting(engine, desk.lead) as act:
        row = await operations.follow_up_conference(act, row.id, expected_version=3)
    async with acting(engine, desk.lead) as act:
        row = await operations.close_conference(act, row.id, expected_version=4)
    assert row.state is S.CLOSED
    assert await events_of(engine, row) == [
        f"conference.{verb}" for verb in ("convened", "held", "decided", "followed_up", "closed")
    ]
    async with AsyncSession(engine) as session:
        assert (await session.get_one(Obligation, debt.id)).state is ObligationState.DONE


async def test_who_was_not_asked_owes_nothing(
    engine: AsyncEngine, desk: Station1, file: Case, charity: Organization
) -> None:
    row = await _hold(engine, desk, file, charity)
    async with making(engine) as m:
        stranger = await m.organization()
    with pytest.raises(Invalid):
        async with acting(engine, desk.lead) as act:
            await operations.record_decision(
                act,
                row.id,
                expected_version=2,
                measure="送米",
                organization_id=stranger.id,
                due_on=today(),
            )
    with pytest.raises(Invalid):
        async with acting(engine, desk.lead) as act:
            await operations.record_decision(
                act,
                row.id,
                expected_version=2,
                measure="送米",
                organization_id=charity.id,
                due_on=today() - timedelta(days=1),
            )
    assert (await reread(engine, row)).version == 2


async def test_no_personal_data_reaches_the_table(
    engine: AsyncEngine, desk: Station1, file: Case
) -> None:
    with pytest.raises(Invalid) as found:
        async with acting(engine, desk.lead) as act:
            await operations.convene_conference(
                act,
                case_id=file.id,
                agenda="请致电13800138000",
                meets_at=now(),
                organization_ids=[],
            )
    assert found.value.details["kinds"] == ["phone"]


async def test_inviting_twice_asks_once(
    engine: AsyncEngine, desk: Station1, file: Case, charity: Organization
) -> None:
    row = await _convene(engine, desk, file, charity, desk.organization)
    async with acting(engine, desk.lead) as act:
        await operations.invite_parties(
            act, row.id, expected_version=1, organization_ids=[charity.id, charity.id]
        )
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(ConferenceParty.organization_id).where(ConferenceParty.conference_id == row.id)
        )
        assert sorted(found) == sorted([charity.id, desk.organization.id])


async def test_an_exception_is_the_authoritys_and_says_why(
    engine: AsyncEngine, desk: Station1, file: Case, charity: Organization
) -> None:
    row = await _hold(engine, desk, file, charity)
    given: dict[str, Any] = {
        "rule": ExceptedRule.RESIDENCE,
        "rule_version": "T3b",
        "valid_to": today() + timedelta(days=90),
    }
    with pytest.raises(Forbidden):
        async with acting(engine, desk.lead) as act:
            await operations.grant_exception(
                act, row.id, expected_version=2, reason="户籍在外", **given
            )
    with pytest.raises(Invalid):
        async with acting(engine, desk.coordinator) as act:
            await operations.grant_exception(act, row.id, expected_version=2, reason=" ", **given)
    async with acting(engine, desk.coordinator) as act:
        row = await operations.grant_exception(
            act, row.id, expected_version=2, reason="户籍在外,实际居住三年", **given
        )
    with pytest.raises(GuardFailed):
        async with acting(engine, desk.coordinator) as act:
            await operations.grant_exception(
                act, row.id, expected_version=3, reason="再次", **given
            )
    async with AsyncSession(engine) as session:
        made = (
            await session.scalars(
                select(ConferenceException).where(ConferenceException.conference_id == row.id)
            )
        ).one()
    assert (made.case_id, made.granted_by) == (file.id, desk.coordinator.id)


async def test_a_party_sees_the_table_but_not_the_case(
    engine: AsyncEngine, desk: Station1, file: Case, charity: Organization
) -> None:
    row = await _hold(engine, desk, file, charity)
    async with acting(engine, desk.lead) as act:
        await operations.record_decision(
            act,
            row.id,
            expected_version=2,
            measure="送米",
            organization_id=desk.organization.id,
            due_on=today(),
        )
    async with making(engine) as m:
        giver = actor_of(await m.account(Role.CHARITY_USER, charity))
        other = actor_of(await m.account(Role.CHARITY_USER))
    async with AsyncSession(engine) as session:
        for actor, sees in ((giver, 1), (other, 0)):
            found = await session.scalars(
                select(CaseConference.id).where(
                    CaseConference.id == row.id, policy.visible(actor, CaseConference)
                )
            )
            assert len(list(found)) == sees
        decisions = await session.scalars(
            select(ConferenceDecision.id).where(
                ConferenceDecision.conference_id == row.id,
                policy.decision_visible(giver, ConferenceDecision),
            )
        )
        assert list(decisions) == []
    with pytest.raises(NotFound):
        async with acting(engine, giver) as act:
            await operations.convene_conference(
                act, case_id=file.id, agenda="再议", meets_at=now(), organization_ids=[]
            )


async def test_a_conference_is_about_an_open_case(engine: AsyncEngine, desk: Station1) -> None:
    async with making(engine) as m:
        closed = await case_in(m, desk, CaseState.CLOSED)
    with pytest.raises(WrongState):
        await _convene(engine, desk, closed)


# --- Every state, verb and role ---

RUNS = frozenset({Role.STATION_LEAD, Role.GOV_COORDINATOR})
SEES = STATION | GOVERNMENT | OVERSIGHT | CHARITY | {Role.DPO, Role.SYSTEM, Role.VOL_ORG}
ALLOWED: dict[str, frozenset[Role]] = {
    **dict.fromkeys(model.TRANSITIONS.moves, RUNS),
    "grant_exception": frozenset({Role.GOV_COORDINATOR, Role.GOV_APPROVER}),
}
NAMES = {
    "invite": "invite_parties",
    "decide": "record_decision",
    "grant_exception": "grant_exception",
}


def _given(verb: str, desk: Station1) -> dict[str, Any]:
    home = desk.organization.id
    known: dict[str, dict[str, Any]] = {
        "invite": {"organization_ids": [home]},
        "hold": {"minutes": "已议", "attended_ids": [home]},
        "decide": {"measure": "送米", "organization_id": home, "due_on": today()},
        "grant_exception": {
            "rule": ExceptedRule.RESIDENCE,
            "rule_version": "T3b",
            "valid_to": today() + timedelta(days=9),
            "reason": "户籍在外",
        },
        "cancel": {"reason": "改期"},
    }
    return known.get(verb, {})


class UndoneError(Exception):
    """Rolls back what was tried."""


async def tried(session: AsyncSession, actor: Actor, row: Any, verb: str, given: Any) -> str:
    deed = getattr(operations, NAMES.get(verb, f"{verb}_conference"))
    try:
        async with session.begin_nested():
            done = await deed(Act(session, actor), row.id, expected_version=1, **given)
            await session.flush()
            raise UndoneError(done.state.value)
    except UndoneError as undone:
        return str(undone)
    except Refusal as refusal:
        return refusal.code


@pytest.mark.parametrize("state", S)
async def test_every_state_verb_and_role(
    engine: AsyncEngine, desk: Station1, file: Case, state: ConferenceState
) -> None:
    async with making(engine) as m:
        row = CaseConference(
            no=number("CC"),
            case_id=file.id,
            area_code=TOWN,
            organization_id=desk.organization.id,
            agenda="议程",
            meets_at=now(),
            state=state,
            created_at=now(),
            created_by=desk.lead.id,
        )
        if state is not S.CONVENED:
            row.held_at, row.minutes = now(), "已议"
        await m.put(row)
        await m.put(
            ConferenceParty(
                conference_id=row.id, organization_id=desk.organization.id, invited_at=now()
            )
        )
    async with acting(engine, desk.worker) as act:
        for verb, roles in ALLOWED.items():
            for role in Role:
                who = desk.lead if role is Role.STATION_LEAD else desk.worker
                actor = Actor(role, who.id, desk.organization.id, COUNTY, now())
                expected = "NOT_FOUND" if role not in SEES else "FORBIDDEN"
                if role in roles:
                    expected = model.TRANSITIONS.moves[verb].get(state, "WRONG_STATE")
                given = _given(verb, desk)
                found = await tried(act.session, actor, row, verb, given)
                assert found == expected, (verb, role)
                if role is not Role.SYSTEM:
                    away = Actor(role, new_id(), new_id(), "4403", now())
                    assert await tried(act.session, away, row, verb, given) == "NOT_FOUND"
    fresh = await reread(engine, row)
    assert (fresh.state, fresh.version) == (state, 1)
