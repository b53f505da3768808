"""Offers and projects: every state, verb and role; the listed succeed, all else changes nothing."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.charity import operations
from nexus.charity.model import (
    OFFER_TRANSITIONS,
    PROJECT_TRANSITIONS,
    OfferState,
    ProjectState,
)
from nexus.charity.projects import operations as projects
from tests.making import making
from tests.pairs import ROLES, Verbs, every_pair, somebody

S, P = OfferState, ProjectState
OWNERS = {Role.CHARITY_USER, Role.CHARITY_CLIENT}
TERRITORIAL = {
    *(Role.GOV_CLERK, Role.GOV_APPROVER, Role.GOV_COORDINATOR, Role.SUPERVISOR, Role.AUDITOR),
    *(Role.STATION_LEAD, Role.SOCIAL_WORKER, Role.AIDE),
}
EVERYWHERE = {Role.PLATFORM_ADMIN, Role.SYSTEM}

OFFERS: Verbs = {
    "list": (operations.list_offer, {}),
    "pause": (operations.pause_offer, {}),
    "resume": (operations.resume_offer, {}),
    "block": (operations.block_offer, {"reason": "核查"}),
    "unblock": (operations.unblock_offer, {}),
    "withdraw": (operations.withdraw_offer, {}),
}
OFFER_LEADS = {
    ("list", S.DRAFT): S.LISTED,
    ("pause", S.LISTED): S.PAUSED,
    ("resume", S.PAUSED): S.LISTED,
    ("block", S.LISTED): S.BLOCKED,
    ("block", S.PAUSED): S.BLOCKED,
    ("unblock", S.BLOCKED): S.PAUSED,
    ("withdraw", S.DRAFT): S.WITHDRAWN,
    ("withdraw", S.LISTED): S.WITHDRAWN,
    ("withdraw", S.PAUSED): S.WITHDRAWN,
}
PROJECTS: Verbs = {
    "file": (projects.file_project, {"filing_no": "粤备2026-1"}),
    "start": (projects.start_project, {}),
    "pause": (projects.pause_project, {}),
    "resume": (projects.resume_project, {}),
    "complete": (projects.complete_project, {}),
    "disclose": (projects.disclose_project, {}),
    "archive": (projects.archive_project, {}),
    "cancel": (projects.cancel_project, {"reason": "不再进行"}),
}
PROJECT_LEADS = {
    ("file", P.DRAFT): P.FILED,
    ("start", P.FILED): P.ACTIVE,
    ("pause", P.ACTIVE): P.PAUSED,
    ("resume", P.PAUSED): P.ACTIVE,
    ("complete", P.ACTIVE): P.COMPLETED,
    ("disclose", P.COMPLETED): P.DISCLOSED,
    ("archive", P.DISCLOSED): P.ARCHIVED,
    ("cancel", P.DRAFT): P.CANCELLED,
    ("cancel", P.FILED): P.CANCELLED,
    ("cancel", P.ACTIVE): P.CANCELLED,
}


def offer_seen(role: Role, own: bool, state: OfferState) -> bool:
    if own or role in EVERYWHERE:
        return True
    if role in TERRITORIAL:
        return state is not S.DRAFT
    return state is S.LISTED or (role in OWNERS and state is S.PAUSED)


def offer_may(role: Role, own: bool, verb: str) -> bool:
    if verb in ("block", "unblock"):
        return role in (Role.GOV_COORDINATOR, Role.PLATFORM_ADMIN)
    return (role in OWNERS and own) or (verb == "pause" and role is Role.SYSTEM)


def project_seen(role: Role, own: bool, state: ProjectState) -> bool:
    if own or role in EVERYWHERE:
        return True
    if role in TERRITORIAL:
        return state is not P.DRAFT
    return state not in (P.DRAFT, P.FILED, P.CANCELLED)


def project_may(role: Role, own: bool, verb: str) -> bool:
    return (role in OWNERS and own) or (verb == "pause" and role is Role.SYSTEM)


def outcome(seen: bool, may: bool, leads: Any) -> str:
    """In this order: NotFound, Forbidden, WrongState, the state reached."""
    if not seen:
        return "NOT_FOUND"
    if not may:
        return "FORBIDDEN"
    return leads.value if leads else "WRONG_STATE"


@pytest.fixture
async def parties(engine: AsyncEngine) -> Any:
    async with making(engine) as m:
        return await m.organization(), await m.organization()


def cast_of(parties: Any) -> dict[tuple[Role, bool], Any]:
    own, other = parties
    return {
        (role, mine): somebody(role, (own if mine else other).id)
        for role in ROLES
        for mine in (True, False)
    }


async def test_every_pair_of_an_offer(engine: AsyncEngine, parties: Any) -> None:
    async with making(engine) as m:
        rows = [await m.offer(parties[0], state=state) for state in S]

    def expected(row: Any, verb: str, who: tuple[Role, bool]) -> str:
        role, own = who
        leads = OFFER_LEADS.get((verb, row.state))
        return outcome(offer_seen(role, own, row.state), offer_may(role, own, verb), leads)

    assert await every_pair(engine, rows, OFFERS, cast_of(parties), expected) == []


async def test_every_pair_of_a_project(engine: AsyncEngine, parties: Any) -> None:
    async with making(engine) as m:
        rows = [await m.project(parties[0], state=state) for state in P]

    def expected(row: Any, verb: str, who: tuple[Role, bool]) -> str:
        role, own = who
        leads = PROJECT_LEADS.get((verb, row.state))
        return outcome(project_seen(role, own, row.state), project_may(role, own, verb), leads)

    assert await every_pair(engine, rows, PROJECTS, cast_of(parties), expected) == []


def test_the_tables_are_those_reviewed() -> None:
    expire = {("expire", S.LISTED, S.EXPIRED), ("expire", S.PAUSED, S.EXPIRED)}
    assert set(OFFER_TRANSITIONS.rows()) - expire == {(*k, v) for k, v in OFFER_LEADS.items()}
    assert set(PROJECT_TRANSITIONS.rows()) == {(*k, v) for k, v in PROJECT_LEADS.items()}
