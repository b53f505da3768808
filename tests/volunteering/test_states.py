"""Volunteers, tasks, sign-ups, rosters, teams: every verb from every state by every role."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.queries import area_prefix
from nexus.acting import EVERYWHERE, GOVERNMENT, NOBODY, OVERSIGHT, STATION, Act, Actor, Role
from nexus.core.refusals import Refusal
from nexus.core.states import Transitions
from nexus.recipients.vault.rules import session_info
from nexus.volunteering import model as volunteers
from nexus.volunteering import operations as volunteering
from nexus.volunteering.guardians import operations as guardians
from nexus.volunteering.policy import ORGANIZERS
from nexus.volunteering.tasks import model as tasks
from nexus.volunteering.tasks import operations as tasking
from nexus.volunteering.tasks.signups import operations as signing
from nexus.volunteering.teams import operations as teaming
from tests.deeds import VAULT_KEY
from tests.making import making, now
from tests.volunteering import made

ROLES = [role for role in Role if role is not Role.ANONYMOUS]
WHY = {"reason": "the list of the day says otherwise"}
JUDGES = {Role.STATION_LEAD, Role.GOV_COORDINATOR, Role.GOV_APPROVER}
VERIFIERS = ORGANIZERS | {Role.GOV_CLERK, Role.GOV_APPROVER}
WATCHING = GOVERNMENT | OVERSIGHT | EVERYWHERE
HOUR = timedelta(hours=1)
Deed = Callable[..., Any]


@dataclass
class Noun:
    """A state machine: its deeds, who does each, who sees the row, and when a deed is tried."""

    transitions: Transitions[Any]
    deeds: Mapping[str, tuple[Deed, AbstractSet[Role]]]
    seeing: AbstractSet[Role]
    later: Mapping[str, timedelta] = field(default_factory=dict)
    """How long after the start of the work a verb is tried; an hour before it otherwise."""
    inner: AbstractSet[str] = frozenset()
    """Verbs that no deed of a caller's leads to."""


NOUNS = {
    "volunteer": Noun(
        volunteers.TRANSITIONS,
        {
            "verify": (volunteering.verify_volunteer, VERIFIERS),
            "activate": (volunteering.activate_volunteer, VERIFIERS),
            "suspend": (volunteering.suspend_volunteer, JUDGES),
            "reinstate": (volunteering.reinstate_volunteer, JUDGES),
            "leave": (volunteering.leave_volunteering, ORGANIZERS | {Role.VOLUNTEER}),
        },
        ORGANIZERS | WATCHING | {Role.VOLUNTEER, Role.DPO},
    ),
    "task": Noun(
        tasks.TRANSITIONS,
        {
            "submit": (tasking.submit_task, ORGANIZERS),
            "return": (tasking.return_task, JUDGES | {Role.VOL_ORG}),
            "publish": (tasking.publish_task, JUDGES | {Role.VOL_ORG}),
            "recruit": (tasking.open_recruitment, ORGANIZERS),
            "start": (tasking.start_task, ORGANIZERS | {Role.SYSTEM}),
            "end": (tasking.end_task, ORGANIZERS | {Role.SYSTEM}),
            "confirm_hours": (tasking.confirm_task_hours, ORGANIZERS),
            "close": (tasking.close_task, ORGANIZERS),
            "cancel": (tasking.cancel_task, ORGANIZERS),
        },
        frozenset(Role),
        {"start": HOUR, "end": HOUR},
    ),
    "signup": Noun(
        tasks.SIGNUP_TRANSITIONS,
        {
            "confirm": (signing.confirm_signup, ORGANIZERS),
            "decline": (signing.decline_signup, ORGANIZERS),
            "cancel": (signing.cancel_signup, ORGANIZERS | {Role.VOLUNTEER, Role.SYSTEM}),
            "attend": (signing.mark_attended, ORGANIZERS),
            "miss": (signing.mark_no_show, ORGANIZERS),
        },
        ORGANIZERS | WATCHING | {Role.VOLUNTEER},
        {"attend": HOUR, "miss": 9 * HOUR},
        frozenset({"waitlist", "promote"}),
    ),
    "guardian": Noun(
        volunteers.GUARDIAN_TRANSITIONS,
        {"withdraw": (guardians.withdraw_guardian_consent, ORGANIZERS | {Role.DPO})},
        ORGANIZERS | WATCHING | {Role.VOLUNTEER, Role.DPO},
        inner=frozenset({"expire"}),
    ),
    "roster": Noun(
        volunteers.ROSTER_TRANSITIONS,
        {
            "block": (teaming.block_volunteer, ORGANIZERS),
            "unblock": (teaming.unblock_volunteer, ORGANIZERS),
        },
        ORGANIZERS | EVERYWHERE | {Role.VOLUNTEER},
    ),
    "team": Noun(
        volunteers.TEAM_TRANSITIONS,
        {"dissolve": (teaming.dissolve_team, ORGANIZERS)},
        STATION | GOVERNMENT | OVERSIGHT | EVERYWHERE | {Role.VOL_ORG},
    ),
}


class Scene:
    """A row of each noun in each state, and an actor of each role near it and away from it."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Any, Any]] = {name: {} for name in NOUNS}
        self.near: dict[Role, Actor] = {}
        self.away: dict[Role, Actor] = {}
        self.start = now().replace(microsecond=0) + timedelta(days=2)


@pytest.fixture(scope="module")
async def scene(engine: AsyncEngine) -> Scene:
    found = Scene()
    async with making(engine) as m:
        await m.area("4501")
        own, other = await m.organization(), await m.organization()
        person = await made.volunteer_account(m)
        for role in ROLES:
            account = person if role is Role.VOLUNTEER else await m.account(role, area_code="44")
            home = own.id if role in ORGANIZERS else account.organization_id or NOBODY
            found.near[role] = Actor(role, account.id, home, area_prefix("44"), now())
            stranger = await m.account(role, organization=other, area_code="4501")
            found.away[role] = Actor(role, stranger.id, other.id, "4501", now())
        for state in volunteers.VolunteerState:
            found.rows["volunteer"][state] = await made.volunteer(m, None, own, state=state)
        helper = await made.volunteer(m, person, own)
        found.rows["volunteer"][volunteers.VolunteerState.ACTIVE] = helper
        await _tasks(m, found, own, helper)
        await _belonging(m, found, own, helper)
    return found


async def _tasks(m: Any, found: Scene, own: Any, helper: Any) -> None:
    times: dict[str, Any] = {"starts_at": found.start, "ends_at": found.start + 8 * HOUR}
    for state in tasks.TaskState:
        found.rows["task"][state] = await made.task(m, own, state=state, **times)
    recruiting = found.rows["task"][tasks.TaskState.RECRUITING]
    for place, signup_state in enumerate(tasks.SignupState, 2):
        # In another hour each, as one person cannot promise two of them.
        begin = found.start + place * HOUR / 9
        at = await made.position(
            m, recruiting, position=place, starts_at=begin, ends_at=begin + HOUR / 9
        )
        row = await made.signup(m, at, helper, state=signup_state)
        found.rows["signup"][signup_state] = row


async def _belonging(m: Any, found: Scene, own: Any, helper: Any) -> None:
    for consent_state in volunteers.GuardianConsentState:
        found.rows["guardian"][consent_state] = await made.guardian(m, helper, state=consent_state)
    for roster_state in volunteers.RosterState:
        entry = await m.session.scalar(
            select(volunteers.RosterEntry).where(volunteers.RosterEntry.volunteer_id == helper.id)
        )
        if roster_state is volunteers.RosterState.BLOCKED:
            another = await made.volunteer(m)
            entry = await made.roster(m, another, own, state=roster_state)
        found.rows["roster"][roster_state] = entry
    for team_state in volunteers.TeamState:
        found.rows["team"][team_state] = await made.team(m, own, state=team_state)


async def tried(engine: AsyncEngine, actor: Actor, deed: Deed, row: Any, **given: Any) -> str:
    """The state it led to, or the refusal's code; nothing of it is kept."""
    info = session_info(VAULT_KEY)
    async with AsyncSession(engine, expire_on_commit=False, info=info) as session:
        async with session.begin() as transaction:
            try:
                act = Act(session, actor)
                given = {"expected_version": row.version} | WHY | given
                done = await deed(act, row.id, **given)
                await session.flush()
                outcome = str(done.state.value)
            except Refusal as refusal:
                outcome = refusal.code
            await transaction.rollback()
    return outcome


def moment(scene: Scene, noun: Noun, verb: str) -> datetime:
    """When the verb is tried."""
    return scene.start + noun.later.get(verb, -HOUR)


def expected(name: str, role: Role, verb: str, state: Any) -> str:
    """What the tables above say."""
    noun = NOUNS[name]
    seen = role in noun.seeing and not (
        # A draft is the organizer's; the volunteer is the one who is active, and on one roster.
        (name == "task" and state in _HIDDEN.get(role, _PUBLIC))
        or (name == "volunteer" and role is Role.VOLUNTEER and state != "active")
        or (name == "roster" and role is Role.VOLUNTEER and state != "listed")
    )
    if not seen:
        return "NOT_FOUND"
    if role not in noun.deeds[verb][1]:
        return "FORBIDDEN"
    if name == "team" and state != "active":
        return "FORBIDDEN"
    after = noun.transitions.moves[verb].get(state)
    return "WRONG_STATE" if after is None else str(after.value)


_PUBLIC = frozenset({"draft", "submitted", "cancelled"})
"""States whose rows only some see: these tasks were never published."""
_HIDDEN: dict[Role, frozenset[str]] = {
    **dict.fromkeys(ORGANIZERS | EVERYWHERE, frozenset[str]()),
    **dict.fromkeys(GOVERNMENT | OVERSIGHT | {Role.AIDE}, frozenset({"draft"})),
}


@pytest.mark.parametrize("name", list(NOUNS))
def test_every_verb_of_the_table_has_a_deed(name: str) -> None:
    noun = NOUNS[name]
    assert set(noun.deeds) | noun.inner == set(noun.transitions.moves)


async def _all_of(engine: AsyncEngine, table: Any) -> Any:
    async with AsyncSession(engine) as session:
        found = await session.execute(select(table.id, table.state, table.version))
        return sorted(found.all())


@pytest.mark.parametrize(
    ("name", "verb"), [(name, verb) for name, noun in NOUNS.items() for verb in noun.deeds]
)
async def test_each_verb_is_done_by_its_roles_from_its_states(
    engine: AsyncEngine, scene: Scene, name: str, verb: str
) -> None:
    noun = NOUNS[name]
    table = type(next(iter(scene.rows[name].values())))
    before = await _all_of(engine, table)
    got, want = {}, {}
    for state, row in scene.rows[name].items():
        for role in ROLES:
            actor = scene.near[role].at(moment(scene, noun, verb))
            got[state, role] = await tried(engine, actor, noun.deeds[verb][0], row)
            want[state, role] = expected(name, role, verb, state)
    assert {k: v for k, v in got.items() if v != want[k]} == {}
    assert await _all_of(engine, table) == before


async def test_another_organization_and_province_learn_nothing(
    engine: AsyncEngine, scene: Scene
) -> None:
    """A task that was published is public; what is done with it is not."""
    for name, noun in NOUNS.items():
        row = list(scene.rows[name].values())[1 if name == "volunteer" else 0]
        for verb, (deed, _) in noun.deeds.items():
            for role in set(ROLES) - EVERYWHERE:
                actor = scene.away[role].at(moment(scene, noun, verb))
                assert await tried(engine, actor, deed, row) == "NOT_FOUND", (name, verb, role)


async def test_a_version_that_has_moved_on_is_refused(engine: AsyncEngine, scene: Scene) -> None:
    actor = scene.near[Role.VOL_ORG]
    for name, noun in NOUNS.items():
        row = next(iter(scene.rows[name].values()))
        for deed, may in noun.deeds.values():
            if Role.VOL_ORG in may:
                told = await tried(engine, actor, deed, row, expected_version=7)
                assert told == "VERSION_CONFLICT"
