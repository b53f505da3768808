"""Every state, verb, role and relation: what is listed succeeds, all else changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import NOBODY, NOWHERE, Act, Actor, Role, anonymous, system
from nexus.areas.rules import UnknownArea
from nexus.core.ids import new_id
from nexus.core.outbox import Event
from nexus.core.refusals import (
    Forbidden,
    GuardFailed,
    Invalid,
    NotFound,
    Refusal,
    VersionConflict,
    WrongState,
)
from nexus.organizations import model, operations
from nexus.organizations.model import Organization, OrganizationState, OrganizationType
from nexus.organizations.queries import holds_qualification, is_verified
from nexus.organizations.rules import BadCreditCode
from tests.making import credit_code, making, now

Deed = Callable[..., Awaitable[Any]]
S = OrganizationState

AFTER = {
    ("submit", S.DRAFT): S.SUBMITTED,
    ("verify", S.SUBMITTED): S.VERIFIED,
    ("reject", S.SUBMITTED): S.REJECTED,
    ("suspend", S.VERIFIED): S.SUSPENDED,
    ("reinstate", S.SUSPENDED): S.VERIFIED,
    ("deregister", S.VERIFIED): S.DEREGISTERED,
    ("deregister", S.SUSPENDED): S.DEREGISTERED,
}
DEEDS: dict[str, tuple[Deed, str]] = {
    "submit": (operations.submit_organization, "organization.submitted"),
    "verify": (operations.verify_organization, "organization.verified"),
    "reject": (operations.reject_organization, "organization.rejected"),
    "suspend": (operations.suspend_organization, "organization.suspended"),
    "reinstate": (operations.reinstate_organization, "organization.reinstated"),
    "deregister": (operations.deregister_organization, "organization.deregistered"),
}
PUBLIC = {S.VERIFIED, S.SUSPENDED, S.DEREGISTERED}
IN_TERRITORY = {
    *(Role.GOV_CLERK, Role.GOV_APPROVER, Role.GOV_COORDINATOR, Role.STATION_LEAD),
    *(Role.SOCIAL_WORKER, Role.AIDE, Role.SUPERVISOR, Role.AUDITOR),
}
ALL_SEEING = {Role.PLATFORM_ADMIN, Role.SYSTEM}
SPEAKERS = {
    *(Role.GOV_CLERK, Role.GOV_APPROVER, Role.GOV_COORDINATOR, Role.STATION_LEAD, Role.BUYER),
    *(Role.CHARITY_USER, Role.CHARITY_CLIENT, Role.VOL_ORG, Role.PLATFORM_ADMIN, Role.SYSTEM),
}
RELATIONS = ("stranger", "elsewhere", "creator", "member")


@dataclass
class World:
    """One organization in each state, all registered by one account."""

    rows: dict[OrganizationState, Organization]
    creator: UUID

    def actor(self, role: Role, relation: str, state: OrganizationState) -> Actor:
        if role is Role.ANONYMOUS:
            return anonymous(now())
        if role is Role.SYSTEM:
            return system(now())
        prefix = "42" if relation == "elsewhere" else "44"
        account = self.creator if relation == "creator" else new_id()
        organization = self.rows[state].id if relation == "member" else NOBODY
        return Actor(role, account, organization, prefix, now())


@pytest.fixture(scope="module")
async def world(engine: AsyncEngine) -> World:
    creator = new_id()
    async with making(engine) as m:
        rows = {
            state: await m.organization(state=state, created_by=creator, area_code="4401")
            for state in S
        }
    return World(rows, creator)


def expected(
    verb: str, role: Role, relation: str, state: OrganizationState
) -> type[Refusal] | None:
    """The refusal, or None for success: written from the duties, not from the policy."""
    person = role not in (Role.ANONYMOUS, Role.SYSTEM)
    own = person and relation in ("creator", "member")
    seen = (
        state in PUBLIC
        or own
        or role in ALL_SEEING
        or (role in IN_TERRITORY and relation != "elsewhere")
    )
    authority = role is Role.PLATFORM_ADMIN or (
        role is Role.GOV_APPROVER and relation != "elsewhere"
    )
    may = {
        "submit": own and role in SPEAKERS,
        "verify": authority and relation != "creator",
        "reject": authority and relation != "creator",
        "reinstate": authority and relation != "creator",
        "suspend": authority or role is Role.SYSTEM,
        "deregister": authority,
    }[verb]
    if not seen:
        return NotFound
    if not may:
        return Forbidden
    return None if (verb, state) in AFTER else WrongState


async def stored(session: AsyncSession, row_id: UUID) -> tuple[Any, ...]:
    """What the database holds now, inside this transaction."""
    row = Organization
    await session.flush()
    found = await session.execute(
        select(row.state, row.version, row.state_reason, row.verified_by).where(row.id == row_id)
    )
    return tuple(found.one())


async def events(session: AsyncSession, row_id: UUID) -> list[str]:
    found = await session.execute(
        select(Event.kind).where(Event.object_id == row_id).order_by(Event.position)
    )
    return list(found.scalars())


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("verb", DEEDS)
async def test_every_state_and_relation(
    engine: AsyncEngine, world: World, verb: str, role: Role
) -> None:
    deed, event = DEEDS[verb]
    for state in S:
        for relation in RELATIONS:
            row = world.rows[state]
            refusal = expected(verb, role, relation, state)
            async with AsyncSession(engine) as session:
                act = Act(session, world.actor(role, relation, state))
                before = await stored(session, row.id)
                if refusal is None:
                    moved = await deed(act, row.id, expected_version=1, reason="核实")
                    assert moved.state is AFTER[verb, state]
                    after = await stored(session, row.id)
                    assert after[:3] == (AFTER[verb, state], 2, "核实")
                    assert after[3] == (act.actor.account_id if verb == "verify" else before[3])
                    assert await events(session, row.id) == [event]
                else:
                    with pytest.raises(Refusal) as refused:
                        await deed(act, row.id, expected_version=1, reason="核实")
                    assert type(refused.value) is refusal, (state, relation)
                    assert await stored(session, row.id) == before
                    assert await events(session, row.id) == []
                await session.rollback()


def test_the_table_of_the_model_is_the_table_of_this_test() -> None:
    assert {(verb, before): after for verb, before, after in model.TRANSITIONS.rows()} == AFTER
    assert set(DEEDS) == set(model.TRANSITIONS.moves)


@pytest.mark.parametrize("verb", ["reject", "suspend", "deregister"])
async def test_a_hard_decision_needs_a_reason(engine: AsyncEngine, world: World, verb: str) -> None:
    state = S.SUBMITTED if verb == "reject" else S.VERIFIED
    async with AsyncSession(engine) as session:
        act = Act(session, world.actor(Role.GOV_APPROVER, "stranger", state))
        before = await stored(session, world.rows[state].id)
        for reason in (None, "", "  "):
            with pytest.raises(Invalid) as refused:
                await DEEDS[verb][0](act, world.rows[state].id, expected_version=1, reason=reason)
            assert refused.value.field == "reason"
        assert await stored(session, world.rows[state].id) == before


async def test_an_old_version_is_refused(engine: AsyncEngine, world: World) -> None:
    async with AsyncSession(engine) as session:
        act = Act(session, world.actor(Role.GOV_APPROVER, "stranger", S.SUBMITTED))
        with pytest.raises(VersionConflict) as refused:
            await operations.verify_organization(
                act, world.rows[S.SUBMITTED].id, expected_version=7
            )
        assert refused.value.details == {"current": 1, "expected": 7}


def registrar(role: Role = Role.CHARITY_USER, account: UUID | None = None) -> Actor:
    return Actor(role, account or new_id(), NOBODY, NOWHERE, now())


GIVEN: dict[str, Any] = {
    "name": "同心慈善会",
    "org_type": OrganizationType.ASSOCIATION,
    "area_code": "4401",
    "charity_status": model.CharityStatus.REGISTERED,
}


async def test_a_draft_is_made_of_what_was_written(engine: AsyncEngine) -> None:
    code = credit_code()
    async with AsyncSession(engine) as session:
        act = Act(session, registrar())
        row = await operations.create_organization(
            act,
            **{**GIVEN, "area_code": "广东省广州市", "name": " 同心  慈善会 "},
            uscc=code.lower(),
        )
        await session.flush()
        assert (row.state, row.version, row.area_code, row.uscc, row.name) == (
            S.DRAFT,
            1,
            "4401",
            code,
            "同心 慈善会",
        )
        assert row.no.startswith("O-4401-")
        assert row.created_by == act.actor.account_id
        assert await events(session, row.id) == ["organization.created"]


@pytest.mark.parametrize("role", Role)
async def test_who_may_register(engine: AsyncEngine, role: Role) -> None:
    may = role in {
        *(Role.GOV_CLERK, Role.GOV_APPROVER, Role.GOV_COORDINATOR, Role.CHARITY_USER),
        *(Role.VOL_ORG, Role.PLATFORM_ADMIN, Role.SYSTEM),
    }
    async with AsyncSession(engine) as session:
        act = Act(session, registrar(role))
        before = await count(session)
        if may:
            await operations.create_organization(act, **GIVEN, uscc=None)
        else:
            with pytest.raises(Forbidden):
                await operations.create_organization(act, **GIVEN, uscc=None)
        assert await count(session) == before + may
        await session.rollback()


async def count(session: AsyncSession) -> int:
    await session.flush()
    return (await session.execute(select(func.count()).select_from(Organization))).scalar_one()


@pytest.mark.parametrize(
    ("changes", "refusal", "field"),
    [
        ({"name": "  "}, Invalid, "name"),
        ({"uscc": "5144O100MJL4W0D1XX"}, BadCreditCode, "uscc"),
        ({"area_code": "449999"}, UnknownArea, "areaCode"),
        ({"website": "javascript:alert(1)"}, Invalid, "website"),
    ],
)
async def test_a_bad_value_names_its_field(
    engine: AsyncEngine, changes: dict[str, Any], refusal: type[Refusal], field: str
) -> None:
    async with AsyncSession(engine) as session:
        before = await count(session)
        with pytest.raises(refusal) as refused:
            await operations.create_organization(
                Act(session, registrar()), **{**GIVEN, "uscc": None, **changes}
            )
        assert refused.value.field == field
        assert await count(session) == before


async def test_of_many_at_once_one_gets_the_code(engine: AsyncEngine) -> None:
    code = credit_code()

    async def register() -> str:
        async with AsyncSession(engine) as session, session.begin():
            try:
                await operations.create_organization(Act(session, registrar()), **GIVEN, uscc=code)
            except operations.AlreadyRegistered as refused:
                return f"{refused.code} {refused.field}"
            await asyncio.sleep(0.05)
            return "made"

    answers = await asyncio.gather(*(register() for _ in range(8)))
    assert sorted(answers) == ["ALREADY_REGISTERED uscc"] * 7 + ["made"]
    async with AsyncSession(engine) as session:
        found = await session.execute(select(Organization.id).where(Organization.uscc == code))
        assert len(found.all()) == 1


async def test_a_party_without_a_code_cannot_ask_for_verification(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        draft = await m.organization(state="draft", uscc=None)
        waiting = await m.organization(state="submitted", uscc=None)
    async with AsyncSession(engine) as session:
        act = Act(session, registrar(account=draft.created_by))
        with pytest.raises(GuardFailed) as refused:
            await operations.submit_organization(act, draft.id, expected_version=1)
        assert refused.value.details["rule"] == "organization.uscc"
        await session.rollback()
        approver = Act(session, Actor(Role.GOV_APPROVER, new_id(), NOBODY, "44", now()))
        with pytest.raises(GuardFailed):
            await operations.verify_organization(approver, waiting.id, expected_version=1)
        await session.rollback()
        assert (await stored(session, draft.id))[:2] == (S.DRAFT, 1)
        assert (await stored(session, waiting.id))[:2] == (S.SUBMITTED, 1)


async def test_the_database_also_keeps_creator_and_verifier_apart(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        act = Act(session, registrar())
        row = await operations.create_organization(act, **GIVEN, uscc=None)
        row.verified_by = row.created_by
        with pytest.raises(Exception, match="verifier_not_creator"):
            await session.flush()


async def test_a_draft_changes_freely_and_later_only_its_contact(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        draft = await m.organization(state="draft", area_code="4401")
        verified = await m.organization(state="verified", area_code="4401")
        final = await m.organization(state="deregistered", area_code="4401")
    async with AsyncSession(engine) as session:
        act = Act(session, registrar(account=draft.created_by))
        row = await operations.update_organization(
            act, draft.id, expected_version=1, name="新名", area_code="佛山", website=None
        )
        assert (row.name, row.area_code, row.version, row.state) == ("新名", "4406", 2, S.DRAFT)
        assert await events(session, draft.id) == ["organization.updated"]
        with pytest.raises(VersionConflict):
            await operations.update_organization(act, draft.id, expected_version=1, name="又")

        member = Actor(Role.CHARITY_USER, new_id(), verified.id, NOWHERE, now())
        kept = await operations.update_organization(
            Act(session, member), verified.id, expected_version=1, website="https://example.org/"
        )
        assert (kept.website, kept.version, kept.state) == ("https://example.org/", 2, S.VERIFIED)
        with pytest.raises(GuardFailed) as refused:
            await operations.update_organization(
                Act(session, member), verified.id, expected_version=2, name="改名", website=None
            )
        assert refused.value.details["fields"] == ["name"]
        found = await session.get_one(Organization, verified.id, populate_existing=True)
        assert (found.name, found.website) == (verified.name, "https://example.org/")

        volunteer = Actor(Role.VOLUNTEER, new_id(), verified.id, NOWHERE, now())
        stranger = registrar()
        gone = registrar(account=final.created_by)
        for actor, row_id, version in (
            (volunteer, verified.id, 2),
            (stranger, verified.id, 2),
            (gone, final.id, 1),
        ):
            with pytest.raises(Forbidden):
                await operations.update_organization(
                    Act(session, actor), row_id, expected_version=version, website=None
                )


async def test_a_draft_cannot_take_the_code_of_another(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        other = await m.organization()
        draft = await m.organization(state="draft")
    async with AsyncSession(engine) as session, session.begin():
        act = Act(session, registrar(account=draft.created_by))
        with pytest.raises(operations.AlreadyRegistered):
            await operations.update_organization(act, draft.id, expected_version=1, uscc=other.uscc)
    async with AsyncSession(engine) as session:
        found = await session.get_one(Organization, draft.id)
        assert found.uscc == draft.uscc


QUALIFIED: dict[str, Any] = {
    "kind": model.QualificationKind.PUBLIC_FUNDRAISING,
    "certificate_no": "53440000A0001",
    "grade": None,
    "valid_from": date(2026, 1, 1),
    "valid_to": date(2027, 1, 1),
}


async def test_a_qualification_holds_for_its_period(engine: AsyncEngine, world: World) -> None:
    holder = world.rows[S.VERIFIED]
    approver = world.actor(Role.GOV_APPROVER, "stranger", S.VERIFIED)
    async with AsyncSession(engine) as session:
        act = Act(session, approver)
        row = await operations.add_qualification(act, holder.id, **QUALIFIED)
        assert await events(session, row.id) == ["qualification.added"]
        for day, holds in (
            (date(2025, 12, 31), False),
            (date(2026, 1, 1), True),
            (date(2026, 12, 31), True),
            (date(2027, 1, 1), False),
        ):
            assert await holds_qualification(act, holder.id, row.kind, day) is holds
        other = model.QualificationKind.TAX_EXEMPT
        assert not await holds_qualification(act, holder.id, other, date(2026, 6, 1))


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ANONYMOUS])
async def test_only_the_authority_enters_qualifications(
    engine: AsyncEngine, world: World, role: Role
) -> None:
    holder = world.rows[S.VERIFIED]
    for relation in RELATIONS:
        may = role is Role.PLATFORM_ADMIN or (role is Role.GOV_APPROVER and relation != "elsewhere")
        async with AsyncSession(engine) as session:
            act = Act(session, world.actor(role, relation, S.VERIFIED))
            if may:
                await operations.add_qualification(act, holder.id, **QUALIFIED)
            else:
                with pytest.raises(Forbidden):
                    await operations.add_qualification(act, holder.id, **QUALIFIED)
            await session.flush()
            found = await session.execute(
                select(func.count()).where(model.Qualification.organization_id == holder.id)
            )
            assert found.scalar_one() == may
            await session.rollback()


async def test_a_qualification_must_make_sense(engine: AsyncEngine, world: World) -> None:
    async with AsyncSession(engine) as session:
        act = Act(session, world.actor(Role.GOV_APPROVER, "stranger", S.VERIFIED))
        backwards = QUALIFIED | {"valid_to": date(2026, 1, 1)}
        with pytest.raises(Invalid) as refused:
            await operations.add_qualification(act, world.rows[S.VERIFIED].id, **backwards)
        assert refused.value.field == "validTo"
        graded = QUALIFIED | {"grade": "5A"}
        with pytest.raises(Invalid) as refused:
            await operations.add_qualification(act, world.rows[S.VERIFIED].id, **graded)
        assert refused.value.field == "grade"
        with pytest.raises(Forbidden):
            await operations.add_qualification(act, world.rows[S.REJECTED].id, **QUALIFIED)


async def test_only_the_verified_count_as_verified(engine: AsyncEngine, world: World) -> None:
    async with AsyncSession(engine) as session:
        for state, row in world.rows.items():
            found = await session.execute(select(is_verified(row.id)))
            assert found.scalar_one() is (state is S.VERIFIED)
