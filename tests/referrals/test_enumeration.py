"""All eleven directions × all states × all verbs × every role of every side, against one table.

Who sees and who may is asked of the policies, where hundreds of actors cost little; what is then
done is asked of the deeds, each by somebody of the right side.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Act, Actor, Role, system
from nexus.core.ids import new_id
from nexus.core.refusals import NotFound, Refusal, WrongState
from nexus.matching.referrals import operations as o
from nexus.matching.referrals import policy, rules
from nexus.matching.referrals.model import (
    TRANSITIONS,
    Referral,
    ReferralDirection,
    ReferralLine,
    ReferralState,
)
from nexus.matching.referrals.rules import Side
from nexus.recipients.vault.rules import session_info
from tests.deeds import VAULT_KEY
from tests.making import dated, from_today, making, now, number, today

D, S = ReferralDirection, ReferralState
TOWN, NEXT_TOWN, COUNTY, FAR = "440103001", "440103002", "440103", "445102"
ENDED = (S.COMPLETED, S.REJECTED, S.FAILED, S.CANCELLED, S.EXPIRED, S.ENTERED_IN_ERROR)
TAKEN = (S.ACCEPTED, S.IN_PROGRESS, S.ON_HOLD, S.COMPLETED, S.FAILED)
TOLD_WHY = (S.ON_HOLD, S.FAILED, S.CANCELLED, S.EXPIRED, S.ENTERED_IN_ERROR)

BETWEEN: dict[ReferralDirection, tuple[str, str]] = {
    D.GOV_TO_CHARITY: ("bureau", "charity"),
    D.GOV_TO_STATION: ("bureau", "station"),
    D.GOV_TO_DEPT: ("bureau", "department"),
    D.CHARITY_TO_GOV: ("charity", "bureau"),
    D.CHARITY_TO_STATION: ("charity", "station"),
    D.CHARITY_TO_CHARITY: ("charity", "foundation"),
    D.STATION_TO_CHARITY: ("station", "charity"),
    D.STATION_TO_DEPT: ("station", "bureau"),
    D.STATION_TO_STATION: ("station", "next_station"),
    D.CROSS_AREA: ("bureau", "far_bureau"),
    D.CROSS_BORDER: ("bureau", "beyond"),
}
SIDES = {
    "bureau": Side.GOV,
    "department": Side.GOV,
    "far_bureau": Side.GOV,
    "station": Side.STATION,
    "next_station": Side.STATION,
}
"""The others are charities."""

GOV = {Role.GOV_CLERK, Role.GOV_APPROVER, Role.GOV_COORDINATOR}
CHARITY = {Role.CHARITY_USER, Role.CHARITY_CLIENT}
STATION = {Role.STATION_LEAD, Role.SOCIAL_WORKER, Role.AIDE}
OVERSIGHT = {Role.SUPERVISOR, Role.AUDITOR}
NEAR = GOV | STATION | OVERSIGHT | {Role.DPO}
SENDS = {"send", "recall", "reopen", "confirm_outcome"}
RECEIVES = {"accept", "reject", "start", "complete", "fail"}
SENDERS = CHARITY | {Role.SOCIAL_WORKER, Role.STATION_LEAD, Role.GOV_CLERK, Role.GOV_COORDINATOR}
RECEIVERS = CHARITY | GOV | {Role.VOL_ORG, Role.STATION_LEAD, Role.SOCIAL_WORKER}
MARKERS = {Role.STATION_LEAD, Role.GOV_APPROVER, Role.CHARITY_USER}
VERBS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "send": (policy.may_send, o.send_referral, {}),
    "accept": (policy.may_accept, o.accept_referral, {"planned_on": from_today()}),
    "reject": (policy.may_reject, o.reject_referral, {"code": "other"}),
    "expire": (policy.may_expire, None, {}),
    "start": (policy.may_start, o.start_referral, {}),
    "hold": (policy.may_hold, o.hold_referral, {}),
    "resume": (policy.may_resume, o.resume_referral, {}),
    "complete": (policy.may_complete, o.complete_referral, {"outcome": "no_show"}),
    "fail": (policy.may_fail, o.fail_referral, {}),
    "recall": (policy.may_recall, o.recall_referral, {}),
    "mark_error": (policy.may_mark_error, o.mark_referral_error, {}),
    "refer_onward": (policy.may_refer_onward, o.refer_onward, {"line_ids": []}),
    "confirm_outcome": (
        policy.may_confirm_outcome,
        o.confirm_outcome,
        {"contacted_on": from_today()},
    ),
    "reopen": (policy.may_reopen, o.reopen_referral, {}),
}
LEADS_TO = {
    ("send", S.DRAFT): S.REQUESTED,
    ("accept", S.REQUESTED): S.ACCEPTED,
    ("reject", S.REQUESTED): S.REJECTED,
    ("expire", S.REQUESTED): S.EXPIRED,
    ("start", S.ACCEPTED): S.IN_PROGRESS,
    ("hold", S.ACCEPTED): S.ON_HOLD,
    ("hold", S.IN_PROGRESS): S.ON_HOLD,
    ("resume", S.ON_HOLD): S.IN_PROGRESS,
    ("complete", S.IN_PROGRESS): S.COMPLETED,
    ("fail", S.ACCEPTED): S.FAILED,
    ("fail", S.IN_PROGRESS): S.FAILED,
    **{("recall", s): S.CANCELLED for s in (S.REQUESTED, S.ACCEPTED, S.IN_PROGRESS, S.ON_HOLD)},
    **{
        ("mark_error", s): S.ENTERED_IN_ERROR
        for s in (S.DRAFT, S.REQUESTED, S.ACCEPTED, S.IN_PROGRESS, S.ON_HOLD)
    },
    ("refer_onward", S.ACCEPTED): S.DRAFT,
    ("refer_onward", S.IN_PROGRESS): S.DRAFT,
    ("confirm_outcome", S.COMPLETED): S.COMPLETED,
    ("reopen", S.COMPLETED): S.DRAFT,
}
"""domain.md 7.7, by hand. The last five make or mark a row and leave the old one's state."""


@dataclass
class Field:
    """Eleven parties, and one referral of each direction in each state."""

    engine: AsyncEngine
    parties: dict[str, Any]
    stations: dict[str, Any]
    rows: dict[tuple[ReferralDirection, ReferralState], Referral]
    people: dict[UUID, UUID]
    """Organization → an account of it, whose rows they are."""

    def area(self, party: str) -> str:
        """Of its station, or of itself."""
        town = {"station": TOWN, "next_station": NEXT_TOWN}.get(party)
        return town or str(self.parties[party].area_code)


@pytest.fixture(scope="module")
async def field(engine: AsyncEngine) -> Field:
    async with making(engine) as m:
        parties = {
            "bureau": await m.authority(area_code=COUNTY),
            "department": await m.authority(area_code=COUNTY),
            "far_bureau": await m.authority(area_code=FAR),
            "charity": await m.organization(area_code=COUNTY),
            "foundation": await m.organization(area_code=COUNTY),
            "beyond": await m.organization(area_code="81"),
            "station": await m.organization(),
            "next_station": await m.organization(),
            "stranger": await m.organization(),
        }
        stations = {
            "station": await m.station(parties["station"], area_code=TOWN),
            "next_station": await m.station(parties["next_station"], area_code=NEXT_TOWN),
        }
        people = {p.id: (await m.account(organization=p)).id for p in parties.values()}
        built = Field(engine, parties, stations, {}, people)
        for direction in D:
            need = await m.need(
                lines=[{"quantity_required": Decimal(10)} for _ in S],
                publisher_id=parties["bureau"].id,
                area_code=TOWN,
                visibility="internal",
            )
            for state, line in zip(S, need.lines, strict=True):
                row = _row(built, direction, state, need)
                await m.put(row, _line(row, line))
                built.rows[direction, state] = row
    return built


def _row(field: Field, direction: ReferralDirection, state: ReferralState, need: Any) -> Referral:
    sender, receiver = BETWEEN[direction]
    one, other = field.parties[sender], field.parties[receiver]
    at = now()
    sent = state is not S.DRAFT
    taken, over = state in TAKEN, state is S.COMPLETED
    return Referral(
        id=new_id(),
        no=number("RF"),
        direction=direction,
        from_organization_id=one.id,
        from_station_id=field.stations[sender].id if sender in field.stations else None,
        to_organization_id=other.id,
        to_station_id=field.stations[receiver].id if receiver in field.stations else None,
        need_id=need.id,
        recipient_id=need.recipient_id,
        about_group=False,
        area_code=TOWN,
        to_area_code=field.area(receiver),
        shown_area_code=COUNTY,
        category="LIV",
        urgency=need.urgency,
        title="大米",
        summary="一户家庭需要口粮。",
        data_classes=["D1"],
        legal_basis="DUTY",
        referred_by_civil_affairs=SIDES.get(sender) is Side.GOV,
        owner_id=field.people[(other if taken and not over else one).id],
        state=state,
        state_reason="说明" if state in TOLD_WHY else None,
        sent_at=at if sent else None,
        sent_by=field.people[one.id] if sent else None,
        ack_due_at=at + timedelta(hours=4) if sent else None,
        expires_at=at + timedelta(days=9) if sent else None,
        accepted_at=at if taken else None,
        accepted_by=field.people[other.id] if taken else None,
        planned_on=today() if taken else None,
        outcome_due_at=at + timedelta(days=9) if taken else None,
        reject_reason="other" if state is S.REJECTED else None,
        outcome="no_show" if over else None,
        completed_at=at if over else None,
        completed_by=field.people[other.id] if over else None,
        created_at=at,
        created_by=field.people[one.id],
    )


def _line(row: Referral, line: Any) -> ReferralLine:
    return ReferralLine(
        referral_id=row.id,
        line_id=line.id,
        to_organization_id=row.to_organization_id,
        to_station_id=row.to_station_id,
        kind=line.kind,
        item=line.item,
        unit=line.unit,
    )


def actors(field: Field) -> list[Actor]:
    """Every role of every party; those with a territory over the need's, its city's and others."""
    return [
        Actor(role, new_id(), party.id, area, now())
        for role in Role
        for party in field.parties.values()
        for area in (("4401", TOWN, NEXT_TOWN, FAR) if role in NEAR else ("-",))
    ]


def sees(actor: Actor, row: Referral) -> bool:
    """The sender, the receiver once it is sent, and the need's territory."""
    role = actor.role
    near = row.area_code.startswith(actor.area_prefix)
    sent = row.from_organization_id == actor.organization_id
    received = row.to_organization_id == actor.organization_id and row.sent_at is not None
    if role in (Role.PLATFORM_ADMIN, Role.SYSTEM):
        return True
    if role is Role.DPO:
        return near
    if role in STATION:
        return near or (received and row.to_area_code.startswith(actor.area_prefix))
    if role in GOV | OVERSIGHT:
        return near or sent or received
    return (sent or received) if role in CHARITY | {Role.VOL_ORG} else False


def may(actor: Actor, row: Referral, verb: str) -> bool:
    """By side, role and, for a station's people, territory."""
    role = actor.role
    if role is Role.SYSTEM:
        return verb in ("expire", "hold", "resume", "recall")
    here = role not in STATION or row.area_code.startswith(actor.area_prefix)
    there = role not in STATION or row.to_area_code.startswith(actor.area_prefix)
    sends = row.from_organization_id == actor.organization_id and here
    receives = row.to_organization_id == actor.organization_id and there
    if verb == "mark_error":
        near = row.area_code.startswith(actor.area_prefix)
        return (role is Role.DPO and near) or (role in MARKERS and sends)
    if verb in SENDS:
        return role in SENDERS and sends
    if verb in RECEIVES:
        return role in RECEIVERS and receives
    if verb in ("hold", "resume"):
        return (role in SENDERS and sends) or (role in RECEIVERS and receives)
    return verb == "refer_onward" and role in RECEIVERS & SENDERS and receives


async def test_who_sees_which(field: Field) -> None:
    wrong = []
    async with AsyncSession(field.engine) as session:
        for actor in actors(field):
            found = await session.scalars(
                select(Referral.id).where(policy.visible(actor, Referral))
            )
            seen = set(found)
            for key, row in field.rows.items():
                if (row.id in seen) != sees(actor, row):
                    wrong.append((*key, actor.role, actor.organization_id, actor.area_prefix))
    assert wrong == []


def test_who_may_what(field: Field) -> None:
    """Whether the row is in the right state is asked beside it, and not of the policy."""
    wrong = []
    for actor in actors(field):
        for key, row in field.rows.items():
            for verb, (allows, _, _) in VERBS.items():
                if (allows(actor, row) is True) != may(actor, row, verb):
                    wrong.append((*key, verb, actor.role, actor.area_prefix))
    assert wrong == []


def doers(field: Field, row: Referral, verb: str) -> Actor:
    """Somebody of the right side."""
    sender, receiver = BETWEEN[row.direction]
    party = sender if verb in SENDS | {"mark_error", "hold", "resume"} else receiver
    side = SIDES.get(party, Side.CHARITY)
    role = {
        Side.GOV: Role.GOV_APPROVER if verb == "mark_error" else Role.GOV_CLERK,
        Side.STATION: Role.STATION_LEAD,
        Side.CHARITY: Role.CHARITY_USER,
    }[side]
    area = field.area(party) if side is not Side.CHARITY else "-"
    return Actor(role, field.people[field.parties[party].id], field.parties[party].id, area, now())


async def attempt(session: AsyncSession, field: Field, row: Referral, verb: str) -> Any:
    """The state it led to, or the refusal; always undone."""
    _, deed, more = VERBS[verb]
    actor = doers(field, row, verb)
    given = {"reason": "说明", **dated(more)}
    if verb == "refer_onward":
        given = {**more, "package": o.Package(to_organization_id=field.parties["stranger"].id)}
    point = await session.begin_nested()
    try:
        made = await deed(Act(session, actor), row.id, expected_version=1, **given)
        await session.flush()
        return made.state
    except Refusal as refusal:
        return type(refusal)
    finally:
        await point.rollback()
        session.expunge_all()


@pytest.mark.parametrize("direction", list(D), ids=lambda d: d.value)
async def test_each_verb_is_done_from_its_states_only(
    field: Field, direction: ReferralDirection
) -> None:
    wrong = []
    async with AsyncSession(field.engine, info=session_info(VAULT_KEY)) as session:
        for state in S:
            row = field.rows[direction, state]
            for verb in VERBS:
                if verb == "expire":
                    continue
                answer = await attempt(session, field, row, verb)
                # A draft is nobody's but its sender's: whoever would receive it sees none.
                hidden = state is S.DRAFT and not sees(doers(field, row, verb), row)
                wanted: Any = LEADS_TO.get((verb, state), WrongState)
                if hidden:
                    wanted = NotFound
                if answer is not wanted:
                    wrong.append((state.name, verb, answer))
        await session.rollback()
    assert wrong == []


async def test_time_expires_requests_and_nothing_else(field: Field) -> None:
    """Of every direction, and not a second early."""
    async with AsyncSession(field.engine) as session:
        for late, expired in ((timedelta(days=8), 0), (timedelta(days=10), len(D))):
            point = await session.begin_nested()
            assert await o.expire_referrals(session, now() + late) == expired
            await session.flush()
            for (_, state), row in field.rows.items():
                session.expire_all()
                found = (await session.get_one(Referral, row.id)).state
                gone = expired and state is S.REQUESTED
                assert found is (S.EXPIRED if gone else state)
            await point.rollback()
        await session.rollback()


def test_the_tables_are_whole(field: Field) -> None:
    assert set(VERBS) == set(TRANSITIONS.moves)
    assert set(BETWEEN) == set(D)
    makes = {"refer_onward", "reopen"}
    rows = {(verb, a): a if verb in makes else b for verb, a, b in TRANSITIONS.rows()}
    assert rows == {key: key[1] if key[0] in makes else state for key, state in LEADS_TO.items()}
    assert all(not TRANSITIONS.verbs(state) for state in ENDED if state is not S.COMPLETED)


@pytest.mark.parametrize("direction", list(D), ids=lambda d: d.value)
def test_the_direction_follows_from_the_parties(field: Field, direction: ReferralDirection) -> None:
    sender, receiver = BETWEEN[direction]
    one, other = (SIDES.get(party, Side.CHARITY) for party in (sender, receiver))
    assert rules.direction(one, other, TOWN, field.area(receiver)) is direction


def test_nexus_itself_only_recalls_holds_and_expires(field: Field) -> None:
    row = field.rows[D.GOV_TO_CHARITY, S.ACCEPTED]
    done = {verb for verb, (allows, _, _) in VERBS.items() if allows(system(now()), row) is True}
    assert done == {"expire", "hold", "resume", "recall"}
