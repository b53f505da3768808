"""Consents: every state, verb and role, near and elsewhere; the listed succeed, no other does."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.recipients.consents import operations
from nexus.recipients.model import CONSENT_TRANSITIONS, ConsentKind, ConsentState
from tests.making import making
from tests.pairs import ROLES, Verbs, every_pair, somebody

C = ConsentState
KEEPERS = {
    *(Role.GOV_CLERK, Role.GOV_APPROVER, Role.STATION_LEAD, Role.SOCIAL_WORKER, Role.AIDE),
    Role.SYSTEM,
}
SEE = KEEPERS | {Role.GOV_COORDINATOR, Role.DPO}
VERBS: Verbs = {
    "grant": (operations.grant_consent, {}),
    "refuse": (operations.refuse_consent, {}),
    "withdraw": (operations.withdraw_consent, {}),
    "supersede": (operations.supersede_consent, {}),
    "confirm": (operations.confirm_consent, {}),
}
LEADS = {
    ("grant", C.REQUESTED): C.GRANTED,
    ("refuse", C.REQUESTED): C.REFUSED,
    ("withdraw", C.GRANTED): C.WITHDRAWN,
    ("supersede", C.GRANTED): C.SUPERSEDED,
    ("confirm", C.GRANTED): C.GRANTED,
}


@pytest.mark.parametrize("state", list(C))
async def test_every_pair(engine: AsyncEngine, state: ConsentState) -> None:
    async with making(engine) as m:
        row = await m.consent(state=state, kind=ConsentKind.ASSERTION)
    actors = {
        (role, near): somebody(role, new_id(), "4401" if near else "45")
        for role in ROLES
        for near in (True, False)
    }

    def expected(row: Any, verb: str, who: tuple[Role, bool]) -> str:
        role, near = who
        if role not in SEE or not (near or role is Role.SYSTEM):
            return "NOT_FOUND"
        if role not in KEEPERS | ({Role.DPO} if verb == "withdraw" else set()):
            return "FORBIDDEN"
        target = LEADS.get((verb, row.state))
        return target.value if target else "WRONG_STATE"

    assert await every_pair(engine, [row], VERBS, actors, expected) == []


def test_the_table_is_the_one_reviewed() -> None:
    clocks = {("expire", C.GRANTED, C.EXPIRED), ("lapse", C.GRANTED, C.LAPSED)}
    assert set(CONSENT_TRANSITIONS.rows()) - clocks == {(*k, v) for k, v in LEADS.items()}
