"""Service records and pairs: every verb from every state by every role, here and elsewhere."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.queries import area_prefix
from nexus.acting import NOBODY, Act, Actor, Role
from nexus.core.refusals import Refusal
from nexus.recipients.vault.rules import session_info
from nexus.volunteering.hours import operations
from nexus.volunteering.hours.model import (
    CHECK_IN_TRANSITIONS,
    TRANSITIONS,
    CheckIn,
    CheckInState,
    RecordState,
    ServiceRecord,
)
from nexus.volunteering.hours.reviews import operations as reviews
from nexus.volunteering.policy import ORGANIZERS
from tests.deeds import VAULT_KEY
from tests.making import making, now
from tests.volunteering import keeping, made

S = RecordState
ROLES = [role for role in Role if role is not Role.ANONYMOUS]
REVIEWERS = {Role.GOV_COORDINATOR, Role.GOV_APPROVER}
SEEING = REVIEWERS | {
    *(Role.GOV_CLERK, Role.SUPERVISOR, Role.AUDITOR, Role.STATION_LEAD, Role.SOCIAL_WORKER),
    *(Role.AIDE, Role.VOL_ORG, Role.VOLUNTEER, Role.PLATFORM_ADMIN, Role.SYSTEM),
}
WHY = {"reason": "the list of the day says otherwise"}

DEEDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "confirm": (reviews.confirm_hours, {}),
    "approve": (reviews.approve_hours, {}),
    "approve_long_day": (reviews.approve_long_day, WHY),
    "reject": (reviews.reject_hours, WHY),
    "dispute": (reviews.dispute_hours, WHY),
    "uphold": (reviews.uphold_hours, WHY),
    "revoke": (reviews.revoke_hours, WHY),
    "correct": (reviews.correct_hours, WHY),
}
MAY: dict[str, AbstractSet[Role]] = {
    "confirm": ORGANIZERS | REVIEWERS,
    "approve": REVIEWERS,
    "approve_long_day": REVIEWERS | {Role.SUPERVISOR},
    "reject": ORGANIZERS | REVIEWERS | {Role.SUPERVISOR},
    "dispute": ORGANIZERS | REVIEWERS | {Role.VOLUNTEER},
    "uphold": ORGANIZERS | REVIEWERS,
    "revoke": ORGANIZERS | REVIEWERS,
    "correct": ORGANIZERS | REVIEWERS,
}
"""Who does each, of those within the record's organization and province."""


class Scene:
    """A record in each state, and an actor of each role near it and away from it."""

    def __init__(self) -> None:
        self.rows: dict[RecordState, ServiceRecord] = {}
        self.near: dict[Role, Actor] = {}
        self.away: dict[Role, Actor] = {}


@pytest.fixture(scope="module")
async def scene(engine: AsyncEngine) -> Scene:
    found = Scene()
    async with making(engine) as m:
        await m.area("4501")
        own, other = await m.organization(), await m.organization()
        person = await made.volunteer_account(m)
        helper = await made.volunteer(m, person, own)
        task = await keeping.task(m, own)
        for place, state in enumerate(S):
            begun = keeping.morning(3, place * 3)
            found.rows[state] = await keeping.record(m, task, helper, state, started_at=begun)
        for role in ROLES:
            account = person if role is Role.VOLUNTEER else await m.account(role, area_code="44")
            home = own.id if role in ORGANIZERS else account.organization_id or NOBODY
            found.near[role] = Actor(role, account.id, home, area_prefix("44"), now())
            stranger = await m.account(role, organization=other, area_code="4501")
            found.away[role] = Actor(role, stranger.id, other.id, "4501", now())
    return found


async def tried(engine: AsyncEngine, actor: Actor, deed: Callable[[Act], Any]) -> str:
    """The state it led to, or the refusal's code; nothing of it is kept."""
    info = session_info(VAULT_KEY)
    async with AsyncSession(engine, expire_on_commit=False, info=info) as session:
        async with session.begin() as transaction:
            try:
                done = await deed(Act(session, actor))
                await session.flush()
                outcome = str(done.state.value)
            except Refusal as refusal:
                outcome = refusal.code
            await transaction.rollback()
    return outcome


def attempt(verb: str, row: ServiceRecord) -> Callable[[Act], Any]:
    deed, given = DEEDS[verb]
    if verb == "correct":
        given = given | {"started_at": row.started_at, "ended_at": row.ended_at, "minutes": 60}
    return lambda act: deed(act, row.id, expected_version=row.version, **given)


def expected(role: Role, verb: str, state: RecordState) -> str:
    if role not in SEEING:
        return "NOT_FOUND"
    if role not in MAY[verb]:
        return "FORBIDDEN"
    after = TRANSITIONS.moves[verb].get(state)
    if after is None:
        return "WRONG_STATE"
    return S.RECORDED.value if verb == "correct" else after.value


def test_the_table() -> None:
    """domain.md 7.9, said again by hand."""
    assert set(DEEDS) | {"ask_parent", "ask_province"} == set(TRANSITIONS.moves)
    assert {state: TRANSITIONS.verbs(state) for state in S} == {
        S.RECORDED: ["confirm", "ask_parent", "ask_province", "reject"],
        S.PENDING_PARENT: ["ask_province", "approve", "reject"],
        S.PENDING_PROVINCE: ["approve_long_day", "reject"],
        S.EFFECTIVE: ["dispute", "correct", "revoke"],
        S.DISPUTED: ["uphold", "correct", "revoke"],
        S.REJECTED: [],
        S.CORRECTED: [],
        S.REVOKED: [],
    }


async def _all_of(engine: AsyncEngine) -> Any:
    async with AsyncSession(engine) as session:
        rows = await session.execute(
            select(ServiceRecord.id, ServiceRecord.state, ServiceRecord.version).order_by(
                ServiceRecord.id
            )
        )
        return rows.all()


@pytest.mark.parametrize("verb", sorted(DEEDS))
async def test_each_verb_is_done_by_its_roles_from_its_states(
    engine: AsyncEngine, scene: Scene, verb: str
) -> None:
    before = await _all_of(engine)
    got, want = {}, {}
    for state, row in scene.rows.items():
        for role in ROLES:
            got[state, role] = await tried(engine, scene.near[role], attempt(verb, row))
            want[state, role] = expected(role, verb, state)
    assert got == want
    assert await _all_of(engine) == before


async def test_another_organization_and_province_learn_nothing(
    engine: AsyncEngine, scene: Scene
) -> None:
    everywhere = {Role.PLATFORM_ADMIN, Role.SYSTEM}
    for verb in DEEDS:
        for role in set(ROLES) - everywhere:
            row = scene.rows[S.EFFECTIVE]
            assert await tried(engine, scene.away[role], attempt(verb, row)) == "NOT_FOUND", role


async def test_the_city_does_not_pass_what_the_province_must(
    engine: AsyncEngine, scene: Scene
) -> None:
    approver = scene.near[Role.GOV_APPROVER]
    city = Actor(approver.role, approver.account_id, approver.organization_id, "4401", now())
    row = scene.rows[S.PENDING_PROVINCE]
    assert await tried(engine, city, attempt("approve_long_day", row)) == "FORBIDDEN"


@pytest.mark.parametrize("verb", ["confirm", "approve", "approve_long_day", "reject"])
async def test_nobody_decides_on_what_they_recorded(
    engine: AsyncEngine, scene: Scene, verb: str
) -> None:
    """INV-32: time entered by hand has a second person, whoever they are."""
    state = {"approve": S.PENDING_PARENT, "approve_long_day": S.PENDING_PROVINCE}.get(
        verb, S.RECORDED
    )
    row = scene.rows[state]
    actor = scene.near[Role.GOV_APPROVER]
    same = Actor(actor.role, row.recorded_by, actor.organization_id, "44", now())
    assert await tried(engine, same, attempt(verb, row)) == "FORBIDDEN"


async def test_the_parent_organization_passes_a_long_day(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        own, parent = await m.organization(), await m.organization()
        task = await keeping.task(m, own, parent_organization_id=parent.id)
        row = await keeping.record(m, task, state=S.PENDING_PARENT)
        above = await m.account(Role.VOL_ORG, organization=parent, area_code=None)
        beside = await m.account(Role.VOL_ORG, organization=own, area_code=None)
    actors = [
        Actor(Role.VOL_ORG, a.id, a.organization_id or NOBODY, "-", now()) for a in (above, beside)
    ]
    outcomes = [await tried(engine, one, attempt("approve", row)) for one in actors]
    assert outcomes == ["effective", "FORBIDDEN"]


def leaving(pair: CheckIn) -> Callable[[Act], Any]:
    return lambda act: operations.check_out(act, pair.id, expected_version=pair.version)


async def test_pairs_are_ended_by_who_is_there(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        own = await m.organization()
        account = await made.volunteer_account(m)
        person = await made.volunteer(m, account, own)
        task, position = await keeping.running(m, own, check_in_mode="scan")
        there = await made.signup(m, position, person, state="attended")
        pairs = {}
        for place, state in enumerate(CheckInState):
            came = now() - timedelta(minutes=50 - place * 15)
            pairs[state] = await keeping.check_in(
                m,
                task,
                position,
                person,
                state,
                checked_in_at=came,
                pair=place + 1,
                signup_id=there.id,
            )
        accounts = {role: await m.account(role, area_code="44") for role in ROLES}
    got, want = {}, {}
    for role, one in accounts.items():
        home = own.id if role in ORGANIZERS else one.organization_id or NOBODY
        actor = Actor(role, one.id, home, "44", now())
        for state, pair in pairs.items():
            got[role, state] = await tried(engine, actor, leaving(pair))
            if role not in SEEING or role is Role.VOLUNTEER:
                want[role, state] = "NOT_FOUND"
            elif role not in ORGANIZERS:
                want[role, state] = "FORBIDDEN"
            else:
                after = CHECK_IN_TRANSITIONS.moves["check_out"].get(state)
                want[role, state] = after.value if after else "WRONG_STATE"
    assert got == want
