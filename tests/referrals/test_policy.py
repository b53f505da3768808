"""Every state, every verb, everybody, in three directions: only what is listed is done."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Act, Role
from nexus.core.refusals import Forbidden, NotFound, Refusal, WrongState
from nexus.matching.referrals import operations as o
from nexus.matching.referrals.model import TRANSITIONS, Referral, ReferralState
from nexus.recipients.vault.rules import session_info
from tests.deeds import VAULT_KEY, actor_of
from tests.making import dated, from_today, making, today
from tests.referrals.referring import COUNTY, ELSEWHERE, TOWN, Ground, prepare

S = ReferralState
NEXT_TOWN = "440103002"
DEEDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "send": (o.send_referral, {}),
    "accept": (o.accept_referral, {"planned_on": from_today()}),
    "reject": (o.reject_referral, {"code": "other"}),
    "start": (o.start_referral, {}),
    "hold": (o.hold_referral, {}),
    "resume": (o.resume_referral, {}),
    "complete": (o.complete_referral, {"outcome": "no_show"}),
    "fail": (o.fail_referral, {}),
    "recall": (o.recall_referral, {}),
    "mark_error": (o.mark_referral_error, {}),
    "confirm_outcome": (o.confirm_outcome, {"contacted_on": from_today()}),
    "reopen": (o.reopen_referral, {}),
}
SENDING = {"send", "recall", "reopen", "confirm_outcome", "hold", "resume"}
RECEIVING = {"accept", "reject", "start", "complete", "fail", "hold", "resume"}
PROBED = (S.REQUESTED, S.IN_PROGRESS, S.COMPLETED)
"""States in which every role of strangers is tried too."""
MAY = {"sender": SENDING, "receiver": RECEIVING, "marker": {"mark_error"}}


def allowed(kinds: set[str]) -> set[str]:
    return {verb for kind in kinds for verb in MAY.get(kind, set())}


Cast = list[tuple[Account, set[str]]]
"""Who, and what they are to the referrals: sender, receiver, marker, onlooker; or nothing."""


async def _gov_to_charity(engine: AsyncEngine, ground: Ground) -> Cast:
    people, rows = ground.people, ground.rows
    async with making(engine) as m:
        near = [
            (Role.GOV_COORDINATOR, rows["authority"], COUNTY, {"sender", "onlooker"}),
            (Role.STATION_LEAD, rows["agency"], TOWN, {"onlooker"}),
            (Role.AIDE, rows["agency"], TOWN, {"onlooker"}),
            (Role.SUPERVISOR, rows["authority"], "44", {"onlooker"}),
            (Role.AUDITOR, rows["authority"], "44", {"onlooker"}),
            (Role.PLATFORM_ADMIN, None, None, {"onlooker"}),
            (Role.VOL_ORG, rows["charity"], None, {"receiver"}),
        ]
        made = [
            (await m.account(role, organization, area_code=area), kinds)
            for role, organization, area, kinds in near
        ]
    return [
        *made,
        (people["clerk"], {"sender", "onlooker"}),
        (people["lead"], {"marker", "onlooker"}),
        (people["dpo"], {"marker", "onlooker"}),
        (people["worker"], {"onlooker"}),
        (people["receiver"], {"receiver"}),
        (people["client"], {"receiver"}),
    ]


async def _charity_to_gov(engine: AsyncEngine, ground: Ground) -> Cast:
    people = ground.people
    ground.sender, ground.answerer, ground.marker = "receiver", "clerk", "receiver"
    ground.package = {
        "to_organization_id": ground.rows["authority"].id,
        "legal_basis": "DUTY",
        "data_classes": [],
    }
    return [
        (people["receiver"], {"sender", "marker", "onlooker"}),
        (people["client"], {"sender", "onlooker"}),
        (people["clerk"], {"receiver", "onlooker"}),
        (people["lead"], {"receiver", "onlooker"}),
        (people["worker"], {"onlooker"}),
    ]


async def _station_to_station(engine: AsyncEngine, ground: Ground) -> Cast:
    people, rows = ground.people, ground.rows
    async with making(engine) as m:
        agency = await m.organization()
        station = await m.station(agency, area_code=NEXT_TOWN)
        people["next"] = await m.account(Role.SOCIAL_WORKER, agency, area_code=NEXT_TOWN)
        lead = await m.account(Role.STATION_LEAD, agency, area_code=NEXT_TOWN)
        own_lead = await m.account(Role.STATION_LEAD, rows["agency"], area_code=TOWN)
        aide = await m.account(Role.AIDE, agency, area_code=NEXT_TOWN)
        away = await m.account(Role.SOCIAL_WORKER, agency, area_code="440103003")
    people["own_lead"] = own_lead
    ground.sender, ground.answerer, ground.marker = "worker", "next", "own_lead"
    ground.package = {
        "to_organization_id": agency.id,
        "to_station_id": station.id,
    }
    return [
        (people["worker"], {"sender", "onlooker"}),
        (own_lead, {"sender", "marker", "onlooker"}),
        (people["next"], {"receiver"}),
        (lead, {"receiver"}),
        (aide, {"seer"}),
        (away, set()),
        (people["clerk"], {"onlooker"}),
        (people["receiver"], set()),
    ]


async def _strangers(engine: AsyncEngine) -> Cast:
    """Every role, of another organization and another territory."""
    async with making(engine) as m:
        organization = await m.organization()
        return [
            (await m.account(role, organization, area_code=ELSEWHERE), set())
            for role in Role
            if role not in (Role.ANONYMOUS, Role.SYSTEM, Role.PLATFORM_ADMIN)
        ]


def expected(row: Referral, verb: str, kinds: set[str]) -> type[Refusal] | None:
    """NotFound, Forbidden or WrongState, in this order; None: it is done."""
    reached = row.sent_at is not None and bool({"receiver", "seer"} & kinds)
    if not ("onlooker" in kinds or reached):
        return NotFound
    if verb not in allowed(kinds):
        return Forbidden
    return None if row.state in TRANSITIONS.moves[verb] else WrongState


async def attempt(session: AsyncSession, account: Account, row: Referral, verb: str) -> Any:
    """The refusal's class, or the state it led to; always undone."""
    deed, more = DEEDS[verb]
    point = await session.begin_nested()
    try:
        moved = await deed(
            Act(session, actor_of(account)),
            row.id,
            expected_version=row.version,
            reason="说明",
            **dated(more),
        )
        await session.flush()
        return moved.state
    except Refusal as refusal:
        return type(refusal)
    finally:
        await point.rollback()
        session.expunge_all()


@pytest.mark.parametrize(
    "directed",
    [_gov_to_charity, _charity_to_gov, _station_to_station],
    ids=lambda made: made.__name__,
)
async def test_state_verb_role(engine: AsyncEngine, directed: Any) -> None:
    lines = [{"quantity_required": Decimal(10)} for _ in S]
    ground = await prepare(engine, lines=lines)
    cast = await directed(engine, ground)
    strangers = await _strangers(engine) if directed is _gov_to_charity else []
    rows = []
    # The clock that expires one expires all that are requested: it strikes first.
    states = sorted(S, key=lambda state: state is not S.EXPIRED)
    for state, line in zip(states, ground.rows["need"].lines, strict=True):
        rows.append(await ground.in_state(state, lines={line.id: None}))
    before = await ground.snapshot()
    wrong = []
    async with AsyncSession(engine, info=session_info(VAULT_KEY)) as session:
        for row in rows:
            tried = [*cast, *strangers] if row.state in PROBED else cast
            for account, kinds in tried:
                for verb in DEEDS:
                    answer = await attempt(session, account, row, verb)
                    want: Any = expected(row, verb, kinds)
                    if want is None:
                        want = S.DRAFT if verb == "reopen" else TRANSITIONS.after(verb, row.state)
                    if answer is not want:
                        wrong.append((row.state.name, account.role, sorted(kinds), verb, answer))
        await session.rollback()
    assert wrong == []
    assert await ground.snapshot() == before


async def test_the_sender_does_not_accept_what_they_sent(engine: AsyncEngine) -> None:
    """An agency that runs two stations refers from one to the other: another person answers."""
    ground = await prepare(engine)
    async with making(engine) as m:
        station = await m.station(ground.rows["agency"], area_code=TOWN)
    row = await ground.draft(
        "worker", to_organization_id=ground.rows["agency"].id, to_station_id=station.id
    )
    row = await ground.step("worker", o.send_referral, row)
    refusal = await ground.refused(
        "worker", o.accept_referral, row.id, expected_version=row.version, planned_on=today()
    )
    assert isinstance(refusal, Forbidden)


def test_every_verb_is_tried() -> None:
    assert set(DEEDS) == set(TRANSITIONS.moves) - {"expire", "refer_onward"}


def test_the_diagram() -> None:
    """domain.md 7.7, written out once more."""
    moves = {(verb, a.value, b.value) for verb, a, b in TRANSITIONS.rows() if a is not b}
    ends = {"draft", "requested", "accepted", "in_progress", "on_hold"}
    assert moves == {
        ("send", "draft", "requested"),
        ("accept", "requested", "accepted"),
        ("reject", "requested", "rejected"),
        ("expire", "requested", "expired"),
        ("start", "accepted", "in_progress"),
        ("hold", "accepted", "on_hold"),
        ("hold", "in_progress", "on_hold"),
        ("resume", "on_hold", "in_progress"),
        ("complete", "in_progress", "completed"),
        ("fail", "accepted", "failed"),
        ("fail", "in_progress", "failed"),
        *(("recall", state, "cancelled") for state in ends - {"draft"}),
        *(("mark_error", state, "entered_in_error") for state in ends),
    }
