"""Alerts: one live for a rule and a subject, who looks after them, and what raises and clears."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import NOBODY, Act, Actor, Role, system
from nexus.core.ids import new_id
from nexus.core.outbox import LISTENERS
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, Refusal, WrongState
from nexus.discovery.operations import mark_duplicate, tell_overdue_reports
from nexus.needs.model import Need
from nexus.obligations.model import Obligation, ObligationKind
from nexus.obligations.operations import discharge, oblige, tell_overdue, waive_obligation
from nexus.supervision.alerts import model, operations, reactions
from nexus.supervision.alerts.model import AlertClass, AlertState, Severity
from nexus.supervision.alerts.rules import RULES
from tests.deeds import acting, events_of, hear_all, reread
from tests.making import COUNTY, TOWN, making, now

VERBS: dict[str, Any] = {
    "acknowledge": operations.acknowledge_alert,
    "handle": operations.handle_alert,
    "resolve": operations.resolve_alert,
    "dismiss": operations.dismiss_alert,
    "reopen": operations.reopen_alert,
}
HANDLERS = {Role.GOV_CLERK, Role.GOV_APPROVER, Role.GOV_COORDINATOR, Role.SUPERVISOR}
DISMISSERS = HANDLERS - {Role.GOV_CLERK}
SEES = HANDLERS | {Role.AUDITOR}
EVERYWHERE = {Role.PLATFORM_ADMIN, Role.SYSTEM}
ROLES = [role for role in Role if role is not Role.ANONYMOUS]
SECOND_HAND = ("dismiss", "reopen")


async def raised(act: Act, **more: Any) -> model.Alert:
    given: dict[str, Any] = {
        "rule": "obligation.overdue",
        "subject_type": "obligation",
        "subject_id": new_id(),
        "area_code": TOWN,
        "evidence": {"obligation": "OB-1"},
    }
    return await operations.raise_alert(act, **(given | more))


@pytest.fixture(autouse=True, scope="module")
async def areas(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        await m.area(TOWN)


def test_every_verb_is_tried() -> None:
    assert set(VERBS) == set(model.TRANSITIONS.moves) - {"clear"}


def test_rules_are_called_by_their_id() -> None:
    assert all(rule.id == name for name, rule in RULES.items())
    assert all(rule.version >= 1 for rule in RULES.values())


async def test_one_is_live_for_a_rule_and_a_subject(engine: AsyncEngine) -> None:
    subject = new_id()
    async with acting(engine, system(now())) as act:
        first = await raised(act, subject_id=subject)
        again = await raised(act, subject_id=subject, severity=Severity.CRITICAL)
        other = await raised(act, subject_id=subject, rule="referral.overdue")
    assert first.id == again.id != other.id
    assert (first.severity, first.rule_version, first.kind) == ("major", 1, "lapse")
    assert await events_of(engine, first) == ["alert.raised"]
    async with acting(engine, system(now())) as act:
        await operations.clear_alert(act, rule="obligation.overdue", subject_id=subject)
        assert (await raised(act, subject_id=subject)).id != first.id


async def test_two_at_once_raise_one(engine: AsyncEngine) -> None:
    subject = new_id()

    async def one() -> model.Alert:
        async with acting(engine, system(now())) as act:
            return await raised(act, subject_id=subject)

    rows = await asyncio.gather(*(one() for _ in range(6)))
    assert len({row.id for row in rows}) == 1
    assert await events_of(engine, rows[0]) == ["alert.raised"]


@pytest.mark.parametrize(
    ("severity", "days"), [(Severity.CRITICAL, 1), (Severity.MAJOR, 3), (Severity.MINOR, 7)]
)
async def test_its_time_is_that_of_its_severity(
    engine: AsyncEngine, severity: Severity, days: int
) -> None:
    async with acting(engine, system(now())) as act:
        row = await raised(act, severity=severity)
    left = row.due_at - row.opened_at
    assert timedelta(days=days) <= left <= timedelta(days=days + 1)
    assert not await escalated(engine, row, row.due_at - timedelta(seconds=1))
    assert await escalated(engine, row, row.due_at)
    assert not await escalated(engine, row, row.due_at + timedelta(days=9))
    assert (await reread(engine, row)).state is AlertState.OPEN


async def escalated(engine: AsyncEngine, row: model.Alert, at: datetime) -> bool:
    """Whether a stroke of the clock at that moment escalates it."""
    before = (await events_of(engine, row)).count("alert.escalated")
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        await operations.escalate_alerts(session, at)
    return (await events_of(engine, row)).count("alert.escalated") > before


# Every state, verb and role. ----------------------------------------------------------------


def may(role: Role, verb: str, row: model.Alert, *, caused: bool) -> bool:
    if role is Role.PLATFORM_ADMIN:
        return row.kind is AlertClass.FAULT
    return role in (DISMISSERS if verb in SECOND_HAND else HANDLERS) and not caused


@pytest.mark.parametrize("state", list(AlertState))
@pytest.mark.parametrize("rule", ["obligation.overdue", "obligation.waived", "message.dead"])
async def test_every_state_verb_and_role(engine: AsyncEngine, state: AlertState, rule: str) -> None:
    """In the territory or not, caused or not: what is listed succeeds; all else changes nothing."""
    causer = new_id()
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin() as whole:
        row = await raised(Act(session, system(now())), rule=rule, caused_by=causer)
        row.state, row.owner_id = state, await an_account(session)
        if state not in model.LIVE:
            row.state_reason, row.closed_at = "settled", now()
        await session.flush()
        for role in ROLES:
            varied = role in SEES
            for area in (COUNTY, "4403") if varied else (COUNTY,):
                for account in (causer, row.owner_id) if varied else (causer,):
                    actor = Actor(role, account, NOBODY, "" if role in EVERYWHERE else area, now())
                    await try_all(session, row, actor)
        await whole.rollback()


async def an_account(session: AsyncSession) -> UUID:
    async with making(session.bind) as m:  # type: ignore[arg-type]
        return (await m.account(Role.GOV_CLERK, area_code=COUNTY)).id


async def try_all(session: AsyncSession, row: model.Alert, actor: Actor) -> None:
    near = actor.area_prefix in ("", COUNTY)
    seen = actor.role in EVERYWHERE or (actor.role in SEES and near)
    caused = actor.account_id == row.caused_by
    for verb in VERBS:
        expected: type[Refusal] | None = None
        if not seen:
            expected = NotFound
        elif not may(actor.role, verb, row, caused=caused):
            expected = Forbidden
        elif row.state not in model.TRANSITIONS.moves[verb]:
            expected = WrongState
        found = await outcome(session, actor, row, verb)
        assert found is expected, (actor.role, verb, actor.area_prefix, caused)


async def outcome(
    session: AsyncSession, actor: Actor, row: model.Alert, verb: str
) -> type[Refusal] | None:
    """How it ends: None for done, or the refusal, after which the row is unchanged; undone."""
    before = (row.state, row.version)
    savepoint = await session.begin_nested()
    try:
        await VERBS[verb](
            Act(session, actor), row.id, expected_version=row.version, reason="settled"
        )
        found = None
    except Refusal as refusal:
        found = type(refusal)
        await session.refresh(row)
        assert (row.state, row.version) == before
    await savepoint.rollback()
    await session.refresh(row)
    return found


async def test_whoever_takes_it_on_owns_it(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        clerk = await m.account(Role.GOV_CLERK, area_code=COUNTY)
        lead = await m.account(Role.GOV_COORDINATOR, area_code="4401")
    async with acting(engine, system(now())) as act:
        row = await raised(act)
    async with acting(engine, clerk) as act:
        row = await operations.acknowledge_alert(act, row.id, expected_version=1)
    assert row.owner_id == clerk.id
    async with acting(engine, lead) as act:
        row = await operations.handle_alert(act, row.id, expected_version=2)
    assert row.owner_id == lead.id
    for deed in (operations.resolve_alert, operations.dismiss_alert):
        with pytest.raises(Invalid):
            async with acting(engine, lead) as act:
                await deed(act, row.id, expected_version=3)
    assert (await reread(engine, row)).state is AlertState.HANDLING
    async with acting(engine, lead) as act:
        await operations.resolve_alert(act, row.id, expected_version=3, reason="spoken to")
    async with acting(engine, lead) as act:
        row = await operations.reopen_alert(act, row.id, expected_version=4, reason="again")
    assert (row.state, row.owner_id, row.closed_at) == (AlertState.OPEN, None, None)


async def test_it_is_not_reopened_beside_another(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        lead = await m.account(Role.GOV_COORDINATOR, area_code=COUNTY)
    async with acting(engine, system(now())) as act:
        row = await raised(act)
    async with acting(engine, lead) as act:
        await operations.dismiss_alert(act, row.id, expected_version=1, reason="nothing")
    async with acting(engine, system(now())) as act:
        await raised(act, subject_id=row.subject_id)
    with pytest.raises(GuardFailed):
        async with acting(engine, lead) as act:
            await operations.reopen_alert(act, row.id, expected_version=2, reason="again")
    assert (await reread(engine, row)).state is AlertState.DISMISSED


# What raises and clears. --------------------------------------------------------------------


async def owed(engine: AsyncEngine, need: Need) -> Obligation:
    async with making(engine) as m:
        charity = await m.organization()
    async with acting(engine, system(now())) as act:
        return await oblige(
            act,
            kind=ObligationKind.SUPPLEMENT,
            subject=need,
            organization_id=charity.id,
            area_code=TOWN,
            due_at=act.now + timedelta(hours=1),
        )


async def alerts_about(engine: AsyncEngine, row: Obligation) -> dict[str, AlertState]:
    async with AsyncSession(engine) as session:
        found = await session.execute(
            select(model.Alert.rule, model.Alert.state).where(model.Alert.subject_id == row.id)
        )
        return {each.rule: each.state for each in found}


def test_its_news_is_heard() -> None:
    """Every kind raises or clears one rule; no override is cleared by news (INV-22)."""
    heard = {(name, one.kind) for name, one in LISTENERS.items() if name.startswith("alerts.")}
    for watch in reactions.WATCHES:
        rule = watch.rule.replace(".", "_")
        assert (f"alerts.raise_{rule}", watch.raised_by) in heard
        for kind in watch.cleared_by:
            assert (f"alerts.clear_{rule}_at_{kind.replace('.', '_')}", kind) in heard
        assert RULES[watch.rule].kind is not AlertClass.OVERRIDE or not watch.cleared_by


async def strike(engine: AsyncEngine, at: datetime) -> None:
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        await tell_overdue(session, at)


async def test_an_overdue_obligation_raises_until_it_is_done(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need()
    row = await owed(engine, need)
    await strike(engine, now() + timedelta(hours=2))
    await hear_all(engine)
    assert await alerts_about(engine, row) == {"obligation.overdue": AlertState.OPEN}
    async with acting(engine, system(now())) as act:
        await discharge(
            act, kind=ObligationKind.SUPPLEMENT, subject_id=need.id, evidence="handed in"
        )
    await hear_all(engine)
    assert await alerts_about(engine, row) == {"obligation.overdue": AlertState.RESOLVED}


async def test_what_was_done_before_the_news_came_raises_nothing(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need()
    row = await owed(engine, need)
    await strike(engine, now() + timedelta(hours=2))
    async with acting(engine, system(now())) as act:
        await discharge(
            act, kind=ObligationKind.SUPPLEMENT, subject_id=need.id, evidence="handed in"
        )
    await hear_all(engine)
    assert await alerts_about(engine, row) == {}


async def test_a_waiver_is_told_of_and_not_settled_by_who_made_it(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need()
        approver = await m.account(Role.GOV_APPROVER, area_code=COUNTY)
    row = await owed(engine, need)
    async with acting(engine, approver) as act:
        await waive_obligation(act, row.id, expected_version=1, reason="not needed")
    await hear_all(engine)
    assert await alerts_about(engine, row) == {"obligation.waived": AlertState.OPEN}
    async with AsyncSession(engine) as session:
        alert = await session.scalar(select(model.Alert).where(model.Alert.subject_id == row.id))
    assert alert is not None
    assert (alert.kind, alert.caused_by) == (AlertClass.OVERRIDE, approver.id)
    with pytest.raises(Forbidden):
        async with acting(engine, approver) as act:
            await operations.dismiss_alert(act, alert.id, expected_version=1, reason="fine")


@pytest.mark.parametrize(("danger", "severity"), [(False, "major"), (True, "critical")])
async def test_a_report_that_waits_raises_until_it_is_one_of_another(
    engine: AsyncEngine, danger: bool, severity: str
) -> None:
    async with making(engine) as m:
        report, original = await m.report(danger=danger), await m.report()
        lead = await m.account(Role.STATION_LEAD, area_code=TOWN)
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        await tell_overdue_reports(session, now() + timedelta(hours=25))
    await hear_all(engine)
    alert = await alert_about(engine, report.id)
    assert (alert.rule, alert.severity, alert.area_code) == ("report.overdue", severity, TOWN)
    assert alert.evidence["clock"] == "contact"
    async with acting(engine, lead) as act:
        await mark_duplicate(act, report.id, expected_version=1, original_id=original.id)
    await hear_all(engine)
    assert (await reread(engine, alert)).state is AlertState.RESOLVED


async def alert_about(engine: AsyncEngine, subject_id: UUID) -> model.Alert:
    async with AsyncSession(engine) as session:
        found = await session.execute(
            select(model.Alert).where(model.Alert.subject_id == subject_id)
        )
        return found.scalar_one()


LIST = """query { alerts(filter: {rule: "obligation.overdue", severity: [MAJOR]}) { nodes {
    id no rule ruleVersion kind stage severity subjectType subject { __typename id } evidence
    area { code } owner { name } dueAt overdue state allowedActions version } } }"""
TAKE = """mutation($input: TransitionInput!) { acknowledgeAlert(input: $input) {
    ... on Alert { state owner { name } allowedActions } ... on Refusal { code } } }"""


async def test_an_authority_takes_it_on_over_the_api(engine: AsyncEngine, api: Any) -> None:
    async with making(engine) as m:
        need = await m.need()
        clerk = await m.account(Role.GOV_CLERK, area_code=COUNTY)
        charity = await m.account(Role.CHARITY_USER)
    row = await owed(engine, need)
    await strike(engine, now() + timedelta(hours=2))
    await hear_all(engine)
    nodes = (await api(clerk)(LIST))["data"]["alerts"]["nodes"]
    (node,) = [one for one in nodes if one["evidence"].get("no") == row.no]
    assert node["subject"]["__typename"] == "Obligation"
    assert node["allowedActions"] == ["acknowledgeAlert"]
    assert (await api(charity)(LIST))["data"]["alerts"]["nodes"] == []
    given = {"id": node["id"], "expectedVersion": 1, "idempotencyKey": str(new_id())}
    answer = await api(clerk)(TAKE, input=given)
    assert answer["data"]["acknowledgeAlert"]["owner"] == {"name": clerk.name}
    assert await api(clerk)(TAKE, input=given) == answer
    refused = await api(charity)(TAKE, input=given | {"idempotencyKey": str(new_id())})
    assert refused["data"]["acknowledgeAlert"] == {"code": "NOT_FOUND"}
