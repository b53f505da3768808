"""Obligations: one open for a subject, who sees and settles them, and the clock that tells."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import literal, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import NOBODY, Act, Actor, Role, system
from nexus.core.ids import new_id
from nexus.core.refusals import (
    Forbidden,
    GuardFailed,
    Invalid,
    NotFound,
    Refusal,
    VersionConflict,
    WrongState,
)
from nexus.needs.model import Need
from nexus.obligations import model, operations, policy
from nexus.obligations.model import ObligationKind as K
from nexus.obligations.model import ObligationState as S
from nexus.obligations.queries import has_open
from nexus.organizations.model import Organization
from tests.deeds import acting, actor_of, count_of, events_of, reread
from tests.making import TOWN, making, now

VERBS = ("discharge", "waive")


@dataclass
class Scene:
    """A need of a town, its authority, a charity, and the clerk who obliges."""

    need: Need
    authority: Organization
    charity: Organization
    other: Organization
    clerk: Account


@pytest.fixture(scope="module")
async def scene(engine: AsyncEngine) -> Scene:
    async with making(engine) as m:
        authority = await m.authority(area_code=TOWN[:6])
        return Scene(
            await m.need(publisher_id=authority.id),
            authority,
            await m.organization(),
            await m.organization(),
            await m.account(Role.GOV_CLERK, authority, area_code=TOWN[:6]),
        )


async def owe(act: Act, scene: Scene, kind: K = K.SUPPLEMENT, **more: Any) -> model.Obligation:
    given: dict[str, Any] = {
        "kind": kind,
        "subject": scene.need,
        "organization_id": scene.charity.id,
        "area_code": TOWN,
        "due_at": act.now + timedelta(days=3),
    }
    return await operations.oblige(act, **(given | more))


@pytest.fixture
async def owed(engine: AsyncEngine, scene: Scene) -> AsyncIterator[model.Obligation]:
    async with acting(engine, scene.clerk) as act:
        row = await owe(act, scene)
    yield row
    async with acting(engine, system(now())) as act:
        await operations.discharge(
            act, kind=K.SUPPLEMENT, subject_id=scene.need.id, evidence="cleared away"
        )


def test_every_verb_is_tried() -> None:
    assert set(model.TRANSITIONS.moves) == set(VERBS)


async def test_a_second_of_the_kind_is_the_first(
    engine: AsyncEngine, scene: Scene, owed: model.Obligation
) -> None:
    async with acting(engine, scene.clerk) as act:
        again = await owe(act, scene, organization_id=scene.other.id, due_at=now())
    assert (again.id, again.organization_id) == (owed.id, scene.charity.id)
    assert await events_of(engine, owed) == ["obligation.opened"]
    async with acting(engine, scene.clerk) as act:
        other_kind = await owe(act, scene, K.DISCLOSURE)
    assert other_kind.id != owed.id


async def test_two_at_once_open_one(engine: AsyncEngine, scene: Scene) -> None:
    async with making(engine) as m:
        need = await m.need()

    async def one() -> model.Obligation:
        async with acting(engine, scene.clerk) as act:
            return await owe(act, scene, subject=need)

    rows = await asyncio.gather(*(one() for _ in range(6)))
    assert len({row.id for row in rows}) == 1
    assert await events_of(engine, rows[0]) == ["obligation.opened"]


async def test_each_organization_has_its_own_to_stop(engine: AsyncEngine, scene: Scene) -> None:
    async with acting(engine, scene.clerk) as act:
        rows = [
            await owe(act, scene, K.STOP_PROCESSING, organization_id=one.id)
            for one in (scene.charity, scene.other, scene.charity)
        ]
    assert rows[0].id == rows[2].id != rows[1].id
    async with acting(engine, system(now())) as act:
        done = await operations.discharge(
            act,
            kind=K.STOP_PROCESSING,
            subject_id=scene.need.id,
            organization_id=scene.other.id,
            evidence="stopped",
        )
        assert [row.id for row in done] == [rows[1].id]
        assert await operations.waive(
            act, kind=K.STOP_PROCESSING, subject_id=scene.need.id, reason="gone"
        )


async def test_the_number_does_not_tell_where_the_subject_is(
    engine: AsyncEngine, scene: Scene, owed: model.Obligation
) -> None:
    assert TOWN[:6] not in owed.no
    assert owed.no.startswith(f"OB-{scene.charity.area_code}-")


async def test_what_is_open_is_known_to_others(
    engine: AsyncEngine, scene: Scene, owed: model.Obligation
) -> None:
    async with AsyncSession(engine) as session:

        async def ask(*kinds: K, table: str = "need") -> bool:
            return bool(
                await session.scalar(select(has_open(table, literal(owed.subject_id), *kinds)))
            )

        assert await ask()
        assert await ask(K.SUPPLEMENT)
        assert not await ask(K.RECTIFICATION)
        assert not await ask(table="consent")


async def test_settling_from_below_is_idempotent(engine: AsyncEngine, scene: Scene) -> None:
    async with making(engine) as m:
        need = await m.need()
    async with acting(engine, scene.clerk) as act:
        row = await owe(act, scene, subject=need)
        given: dict[str, Any] = {"kind": K.SUPPLEMENT, "subject_id": need.id}
        assert len(await operations.discharge(act, **given, evidence="handed in")) == 1
        assert await operations.discharge(act, **given, evidence="handed in") == []
    assert await events_of(engine, row) == ["obligation.opened", "obligation.done"]
    async with acting(engine, scene.clerk) as act:
        assert (await owe(act, scene, subject=need)).id != row.id


# Every state, verb and role. ----------------------------------------------------------------

OWNERS = {
    *(Role.CHARITY_CLIENT, Role.CHARITY_USER, Role.VOL_ORG, Role.STATION_LEAD),
    *(Role.SOCIAL_WORKER, Role.GOV_CLERK, Role.GOV_APPROVER, Role.GOV_COORDINATOR),
}
WATCHERS = {
    *(Role.GOV_CLERK, Role.GOV_APPROVER, Role.GOV_COORDINATOR, Role.STATION_LEAD),
    *(Role.SOCIAL_WORKER, Role.AIDE, Role.SUPERVISOR, Role.AUDITOR, Role.DPO),
}
EVERYWHERE = {Role.PLATFORM_ADMIN, Role.SYSTEM}
STATION = {Role.STATION_LEAD, Role.SOCIAL_WORKER, Role.AIDE}
ROLES = [role for role in Role if role is not Role.ANONYMOUS]


def sees(role: Role, *, own: bool, near: bool) -> bool:
    if role in EVERYWHERE:
        return True
    if role in WATCHERS:
        return near if role in STATION else near or own
    return own and role in OWNERS


def may(role: Role, verb: str, *, own: bool, near: bool, kind: K) -> bool:
    if verb == "discharge":
        return role is Role.SYSTEM or (own and role in OWNERS)
    waivers = {Role.GOV_APPROVER} | ({Role.DPO} if kind in model.PER_ORGANIZATION else set())
    return role in waivers and near and not own


async def attempt(act: Act, row: model.Obligation, verb: str, version: int) -> Any:
    if verb == "discharge":
        return await operations.discharge_obligation(
            act, row.id, expected_version=version, evidence="done"
        )
    return await operations.waive_obligation(
        act, row.id, expected_version=version, reason="not needed"
    )


async def put_in(session: AsyncSession, row: model.Obligation, state: S, at: Any) -> None:
    if state is not S.OPEN:
        row.state, row.closed_at, row.closed_by = state, at, new_id()
        row.evidence = row.state_reason = "said"
    await session.flush()


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("kind", [K.SUPPLEMENT, K.STOP_PROCESSING])
async def test_every_state_verb_and_role(
    engine: AsyncEngine, scene: Scene, state: S, kind: K
) -> None:
    """Own or not, near or not: what the table lists succeeds; all else refuses, unchanged."""
    moment = now()
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin() as whole:
        made = await owe(Act(session, system(moment)), scene, kind, subject=await fresh(session))
        await put_in(session, made, state, moment)
        for role in ROLES:
            for own in (True, False):
                for near in (True, False):
                    await try_both(session, made, role, own=own, near=near)
        await whole.rollback()


async def fresh(session: AsyncSession) -> Need:
    """A need's stand-in: only its table and id count."""
    return Need(id=new_id())


async def try_both(
    session: AsyncSession, row: model.Obligation, role: Role, *, own: bool, near: bool
) -> None:
    mine = row.organization_id if own else NOBODY
    area = "" if role in EVERYWHERE else (TOWN[:6] if near else "4403")
    actor = Actor(role, new_id(), mine, area, now())
    near = near or role in EVERYWHERE
    seen = sees(role, own=own, near=near)
    for verb in VERBS:
        allowed = may(role, verb, own=own, near=near, kind=row.kind)
        expected: type[Refusal] | None = NotFound if not seen else None if allowed else Forbidden
        if expected is None and row.state not in model.TRANSITIONS.moves[verb]:
            expected = WrongState
        found = await outcome(session, actor, row, verb)
        assert found is expected, (role, verb, own, near)


async def outcome(
    session: AsyncSession, actor: Actor, row: model.Obligation, verb: str
) -> type[Refusal] | None:
    """How it ends: None for done, or the refusal, after which the row is unchanged; undone."""
    before = (row.state, row.version)
    savepoint = await session.begin_nested()
    try:
        await attempt(Act(session, actor), row, verb, row.version)
        found = None
    except Refusal as refusal:
        found = type(refusal)
        await session.refresh(row)
        assert (row.state, row.version) == before
    await savepoint.rollback()
    await session.refresh(row)
    return found


# Guards. ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evidence", "refusal"),
    [("", Invalid), ("  ", Invalid), ("长" * 2001, Invalid), ("致电13800138000告知", GuardFailed)],
)
async def test_evidence_is_said_and_names_nobody(
    engine: AsyncEngine, scene: Scene, owed: model.Obligation, evidence: str, refusal: type[Refusal]
) -> None:
    async with making(engine) as m:
        giver = await m.account(Role.CHARITY_USER, scene.charity)
    with pytest.raises(refusal) as refused:
        async with acting(engine, giver) as act:
            await operations.discharge_obligation(
                act, owed.id, expected_version=1, evidence=evidence
            )
    assert "13800138000" not in refused.value.message
    assert (await reread(engine, owed)).state is S.OPEN
    assert await events_of(engine, owed) == ["obligation.opened"]


async def test_two_clients_at_once_settle_it_once(
    engine: AsyncEngine, scene: Scene, owed: model.Obligation
) -> None:
    async with making(engine) as m:
        givers = [await m.account(Role.CHARITY_USER, scene.charity) for _ in range(4)]

    async def one(giver: Account) -> str:
        try:
            async with acting(engine, giver) as act:
                row = await operations.discharge_obligation(
                    act, owed.id, expected_version=1, evidence="done"
                )
            return row.state
        except Refusal as refusal:
            return refusal.code

    found = await asyncio.gather(*(one(giver) for giver in givers))
    assert sorted(found) == ["VERSION_CONFLICT"] * 3 + ["done"]
    assert await events_of(engine, owed) == ["obligation.opened", "obligation.done"]


async def test_a_waiver_needs_a_reason_and_a_version(
    engine: AsyncEngine, scene: Scene, owed: model.Obligation
) -> None:
    async with making(engine) as m:
        approver = await m.account(Role.GOV_APPROVER, scene.authority, area_code="4401")
    for given, refusal in (
        ({"expected_version": 1}, Invalid),
        ({"expected_version": 2, "reason": "not needed"}, VersionConflict),
    ):
        with pytest.raises(refusal):
            async with acting(engine, approver) as act:
                await operations.waive_obligation(act, owed.id, **given)
    assert (await reread(engine, owed)).version == 1
    async with acting(engine, approver) as act:
        row = await operations.waive_obligation(
            act, owed.id, expected_version=1, reason="not needed"
        )
    assert (row.state, row.closed_by) == (S.WAIVED, approver.id)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("subject_id", "gen_random_uuid()"),
        ("organization_id", "gen_random_uuid()"),
        ("due_at", "now()"),
        ("kind", "'review'"),
    ],
)
async def test_what_it_is_about_never_changes(
    engine: AsyncEngine, owed: model.Obligation, column: str, value: str
) -> None:
    """The application's role has no right to: an obligation cannot be handed on or put off.

    Only an emergency that ends starts its clock, which a trigger guards.
    """
    with pytest.raises(DBAPIError, match=r"permission denied|stands"):
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"UPDATE obligation SET {column} = {value}")


async def test_overdue_is_told_once_each(
    engine: AsyncEngine, scene: Scene, owed: model.Obligation
) -> None:
    assert not await told(engine, owed, now() + timedelta(days=2))
    late = now() + timedelta(days=4)
    assert await told(engine, owed, late)
    assert not await told(engine, owed, late + timedelta(days=1))
    assert (await reread(engine, owed)).overdue_told_at == late


async def told(engine: AsyncEngine, row: model.Obligation, at: Any) -> bool:
    """Whether a stroke of the clock at that moment tells it anew."""
    before = await events_of(engine, row)
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        await operations.tell_overdue(session, at)
    after = await events_of(engine, row)
    assert after[len(before) :] in ([], ["obligation.overdue"])
    return len(after) > len(before)


async def test_two_clocks_at_once_tell_once(
    engine: AsyncEngine, scene: Scene, owed: model.Obligation
) -> None:
    late = now() + timedelta(days=4)
    await asyncio.gather(*(told(engine, owed, late) for _ in range(4)))
    assert (await events_of(engine, owed)).count("obligation.overdue") == 1


async def test_nothing_is_written_by_a_refusal(
    engine: AsyncEngine, scene: Scene, owed: model.Obligation
) -> None:
    rows = await count_of(engine, model.Obligation)
    async with making(engine) as m:
        stranger = await m.account(Role.CHARITY_USER, scene.other)
    for row_id in (owed.id, new_id()):
        with pytest.raises(NotFound) as refused:
            async with acting(engine, stranger) as act:
                await operations.discharge_obligation(
                    act, row_id, expected_version=1, evidence="said"
                )
        assert refused.value.message == "No such Obligation, or it is not yours to see."
    assert await count_of(engine, model.Obligation) == rows


async def test_the_area_is_withheld_from_the_owner(engine: AsyncEngine, scene: Scene) -> None:
    async with making(engine) as m:
        giver = await m.account(Role.CHARITY_USER, scene.charity)
    assert not policy.may_read_area(actor_of(giver), None)
    assert policy.may_read_area(actor_of(scene.clerk), None)


LIST = """query { obligations(filter: {subjectType: "need", kind: [SUPPLEMENT]}) { nodes {
    id no kind subjectType subject { id __typename } owner { name } area { code } dueAt overdue
    state details allowedActions redactions version } } }"""
DONE = """mutation($input: DischargeObligationInput!) { dischargeObligation(input: $input) {
    ... on Obligation { state evidence closedAt } ... on Refusal { code message } } }"""


async def test_the_owner_settles_it_over_the_api(
    engine: AsyncEngine, api: Any, scene: Scene, owed: model.Obligation
) -> None:
    async with making(engine) as m:
        giver = await m.account(Role.CHARITY_USER, scene.charity)
        stranger = await m.account(Role.CHARITY_USER, scene.other)
    call = api(giver)
    (node,) = [
        one for one in (await call(LIST))["data"]["obligations"]["nodes"] if one["no"] == owed.no
    ]
    assert node["subject"]["__typename"] == "Need"
    assert (node["area"], node["redactions"]) == (None, ["area"])
    assert (node["overdue"], node["allowedActions"]) == (False, ["dischargeObligation"])
    assert (await api(stranger)(LIST))["data"]["obligations"]["nodes"] == []
    near = await api(scene.clerk)(LIST)
    (watched,) = [o for o in near["data"]["obligations"]["nodes"] if o["no"] == owed.no]
    assert (watched["area"], watched["allowedActions"]) == ({"code": TOWN}, [])
    given = {
        "id": node["id"],
        "expectedVersion": 1,
        "evidence": "材料已补齐",
        "idempotencyKey": str(new_id()),
    }
    first = await call(DONE, input=given)
    assert first["data"]["dischargeObligation"]["state"] == "DONE"
    assert await call(DONE, input=given) == first
    refused = await call(DONE, input=given | {"idempotencyKey": str(new_id())})
    assert refused["data"]["dischargeObligation"]["code"] == "VERSION_CONFLICT"
