"""Help first, explained afterwards (T15c): when, by whom, on what, and what is owed in return."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import nexus.needs.provisional.reactions  # noqa: F401 - so that they hear
from nexus.acting import EVERYWHERE, NOBODY, SHANGHAI, TERRITORIAL, Actor, Role, system
from nexus.core.ids import new_id
from nexus.core.refusals import ConsentMissing, Forbidden, GuardFailed, NotFound, Refusal
from nexus.emergencies import operations as emergencies
from nexus.emergencies.model import (
    EmergencyKind,
    EmergencyLevel,
    Relaxation,
    RelaxedRule,
    Settlement,
)
from nexus.graph.identifiers import encode
from nexus.needs import operations, policy
from nexus.needs.model import (
    CloseReason,
    Need,
    NeedLine,
    NeedState,
    PopulationGroup,
    TemporaryType,
    Urgency,
    Visibility,
)
from nexus.needs.provisional.operations import publish_need_provisionally, verify_need_later
from nexus.needs.publication.operations import publish_need
from nexus.obligations.model import Obligation, ObligationKind, ObligationState
from nexus.obligations.operations import discharge_obligation, waive_obligation
from nexus.recipients.consents.operations import refuse_consent
from nexus.recipients.model import ConsentState, Household, Recipient
from nexus.worker import drain
from tests.deeds import acting, actor_of, events_of, reread
from tests.making import from_today, making, now, today

S, R, V, P = NeedState, RelaxedRule, Visibility, PopulationGroup
ROLES = [role for role in Role if role is not Role.ANONYMOUS]
MAY = {Role.GOV_APPROVER, Role.STATION_LEAD}
LEGAL = {"reason": "the roof is gone", "legal_basis": "EMERGENCY"}
CLOSE = {"close_reason": CloseReason.NO_LONGER_NEEDED}


@dataclass
class Desk:
    """A publisher with its people, in whose town things happen."""

    approver: Any
    lead: Any
    other: Any
    authority: Any


@pytest.fixture(scope="module")
async def desk(engine: AsyncEngine) -> Desk:
    async with making(engine) as m:
        authority = await m.authority(area_code="440103")
        return Desk(
            approver=await m.account(role=Role.GOV_APPROVER, organization=authority),
            lead=await m.account(role=Role.STATION_LEAD, area_code="440103001"),
            other=await m.account(role=Role.GOV_APPROVER, area_code="4401"),
            authority=authority,
        )


@pytest.fixture(scope="module")
async def accounts(engine: AsyncEngine) -> dict[Role, Any]:
    """One account of each role over 4401."""
    async with making(engine) as m:
        return {role: await m.account(role=role, area_code="4401") for role in ROLES}


async def draft(engine: AsyncEngine, desk: Desk, **fields: Any) -> Need:
    """An urgent draft of a person who gave no consent yet, unless told otherwise."""
    given = {"urgency": Urgency.U1, "publisher_id": desk.authority.id} | fields
    if not given.get("group_name"):
        given = {"consent_id": None} | given
    async with making(engine) as m:
        return await m.need(state=given.pop("state", S.DRAFT), **given)


async def out(engine: AsyncEngine, desk: Desk, need: Need, **given: Any) -> Need:
    async with acting(engine, desk.approver) as act:
        return await publish_need_provisionally(
            act, need.id, expected_version=need.version, **LEGAL | given
        )


async def debts_of(engine: AsyncEngine, need: Need) -> list[Obligation]:
    async with AsyncSession(engine) as session:
        return list(
            await session.scalars(select(Obligation).where(Obligation.subject_id == need.id))
        )


async def relaxed(engine: AsyncEngine, need: Need) -> dict[RelaxedRule, Relaxation]:
    async with AsyncSession(engine) as session:
        found = await session.scalars(select(Relaxation).where(Relaxation.subject_id == need.id))
        return {row.rule: row for row in found}


async def whole(engine: AsyncEngine, need: Need) -> Any:
    """What a refused deed must leave alone."""
    async with AsyncSession(engine) as session:
        row = await session.execute(select(Need.__table__).where(Need.id == need.id))
        debts = await session.execute(
            select(Obligation.state).where(Obligation.subject_id == need.id)
        )
        rows = await session.execute(select(Relaxation.id).where(Relaxation.subject_id == need.id))
        return (tuple(row.one()), debts.all(), rows.all(), await events_of(engine, need))


async def refused(engine: AsyncEngine, who: Any, deed: Any, need: Need, **given: Any) -> Refusal:
    before = await whole(engine, need)
    try:
        async with acting(engine, who) as act:
            await deed(act, need.id, expected_version=need.version, **given)
    except Refusal as refusal:
        assert await whole(engine, need) == before
        return refusal
    raise AssertionError(f"{deed.__name__} was not refused")


# --- Out at once, and what is owed ---


async def test_it_goes_out_and_owes_its_verification(engine: AsyncEngine, desk: Desk) -> None:
    need = await out(engine, desk, await draft(engine, desk))
    row = await reread(engine, need)
    assert (row.state, row.provisional, row.legal_basis) == (S.PUBLISHED, True, "EMERGENCY")
    assert (row.verified_by, row.released_by) == (None, desk.approver.id)
    assert row.population_group is P.EMERGENCY
    assert row.temporary_type is TemporaryType.EMERGENCY
    assert await events_of(engine, need) == ["need.published"]
    async with AsyncSession(engine) as session:
        lines = await session.scalars(select(NeedLine.published).where(NeedLine.need_id == need.id))
        assert set(lines) == {True}
    (debt,) = await debts_of(engine, need)
    assert (debt.kind, debt.state) == (ObligationKind.SUPPLEMENT, ObligationState.OPEN)
    assert debt.organization_id == desk.authority.id
    assert debt.due_at is not None
    days = (debt.due_at.astimezone(SHANGHAI).date() - today()).days
    assert 12 <= days <= 30, "ten working days"
    rows = await relaxed(engine, need)
    assert set(rows) == {R.PROVISIONAL_PUBLICATION, R.CONSENT_LATER}
    one = rows[R.PROVISIONAL_PUBLICATION]
    assert (one.reason, one.relaxed_by) == ("the roof is gone", desk.approver.id)
    assert one.rule_version.startswith("supplement_working_days@")
    assert (one.obligation_id, one.settled_at) == (debt.id, None)
    assert rows[R.CONSENT_LATER].legal_basis == "EMERGENCY"


async def test_with_consent_only_the_verification_is_relaxed(
    engine: AsyncEngine, desk: Desk
) -> None:
    async with making(engine) as m:
        need = await m.need(state=S.DRAFT, urgency="u2", publisher_id=desk.authority.id)
    row = await out(engine, desk, need)
    assert (row.legal_basis, row.consent_id) == (None, need.consent_id)
    assert set(await relaxed(engine, need)) == {R.PROVISIONAL_PUBLICATION}


async def test_a_group_asks_nobodys_consent(engine: AsyncEngine, desk: Desk) -> None:
    need = await out(engine, desk, await draft(engine, desk, group_name="城东医院"))
    assert need.legal_basis is None
    assert set(await relaxed(engine, need)) == {R.PROVISIONAL_PUBLICATION}


@pytest.mark.parametrize(
    ("fields", "given", "kind", "field"),
    [
        ({"urgency": Urgency.U3}, {}, GuardFailed, "urgency"),
        ({"temporary_type": TemporaryType.EXPENDITURE}, {}, GuardFailed, "temporaryType"),
        (
            {"population_group": PopulationGroup.NOT_ELIGIBLE_YET},
            {},
            GuardFailed,
            "populationGroup",
        ),
        ({}, {"legal_basis": None}, ConsentMissing, "legalBasis"),
        ({}, {"legal_basis": "BECAUSE"}, Refusal, "legalBasis"),
        ({}, {"reason": "  "}, Refusal, "reason"),
        ({"visibility": V.NAMED}, {}, ConsentMissing, "consentId"),
        ({"public_summary": "联系 13800138000"}, {}, GuardFailed, "publicSummary"),
        ({"public_title": None}, {}, Refusal, "publicTitle"),
        ({"reviewed": False}, {}, GuardFailed, "reviewed"),
        ({}, {"publish_until": from_today()}, GuardFailed, "publishUntil"),
    ],
)
async def test_what_keeps_it_back(
    engine: AsyncEngine, desk: Desk, fields: Any, given: Any, kind: Any, field: str
) -> None:
    need = await draft(engine, desk, **fields)
    refusal = await refused(
        engine, desk.approver, publish_need_provisionally, need, **LEGAL | given
    )
    assert isinstance(refusal, kind)
    assert refusal.field == field


async def test_a_protected_address_stays_protected(engine: AsyncEngine, desk: Desk) -> None:
    async with making(engine) as m:
        home = await m.household(address_protected=True)
        person = await m.recipient(home)
    need = await draft(engine, desk, recipient_id=person.id, household_id=home.id)
    refusal = await refused(engine, desk.approver, publish_need_provisionally, need, **LEGAL)
    assert refusal.details["rule"] == "INV-13"
    quiet = await draft(
        engine, desk, recipient_id=person.id, household_id=home.id, visibility=V.INTERNAL
    )
    assert (await out(engine, desk, quiet)).legal_basis is None


@pytest.mark.parametrize("state", [ConsentState.REFUSED, ConsentState.WITHDRAWN])
async def test_a_no_is_a_no(engine: AsyncEngine, desk: Desk, state: ConsentState) -> None:
    async with making(engine) as m:
        person = await m.recipient()
        await m.consent(person, state=state)
    need = await draft(engine, desk, recipient_id=person.id, household_id=person.household_id)
    refusal = await refused(engine, desk.approver, publish_need_provisionally, need, **LEGAL)
    assert (refusal.code, refusal.field) == ("GUARD_FAILED", "consentId")
    async with making(engine) as m:
        yes = await m.consent(person, created_at=now() + timedelta(seconds=1))
    assert (await out(engine, desk, need, consent_id=yes.id)).consent_id == yes.id


async def test_staged_help_is_approved_first(engine: AsyncEngine, desk: Desk) -> None:
    need = await draft(engine, desk, lines=[{}, {"tranche_no": 2, "held": True}])
    refusal = await refused(engine, desk.approver, publish_need_provisionally, need, **LEGAL)
    assert refusal.details["rule"] == "INV-09"


# --- Who may, from which state ---


class UndoneError(Exception):
    """Rolls the transaction of a tried deed back."""


DEEDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "publish_provisionally": (publish_need_provisionally, LEGAL),
    "verify_later": (verify_need_later, {"evidence": "visit"}),
}


async def tried(engine: AsyncEngine, actor: Actor, need: Need, verb: str) -> str:
    deed, given = DEEDS[verb]
    try:
        async with acting(engine, actor) as act:
            row = await deed(act, need.id, expected_version=need.version, **given)
            await act.session.flush()
            outcome = f"{row.state.value} {row.provisional}"
            raise UndoneError
    except UndoneError:
        return outcome
    except Refusal as refusal:
        return refusal.code


def expected(role: Role, verb: str, state: NeedState, provisional: bool) -> str:
    if role not in TERRITORIAL | EVERYWHERE:
        return "NOT_FOUND"
    if role not in MAY:
        return "FORBIDDEN"
    if verb == "publish_provisionally":
        return "published True" if state is S.DRAFT else "WRONG_STATE"
    if state not in (S.PUBLISHED, S.PAUSED):
        return "WRONG_STATE"
    return f"{state.value} False" if provisional else "GUARD_FAILED"


@pytest.mark.parametrize("provisional", [True, False])
@pytest.mark.parametrize("state", list(S))
async def test_each_role_from_each_state(
    engine: AsyncEngine,
    desk: Desk,
    accounts: dict[Role, Any],
    state: NeedState,
    provisional: bool,
) -> None:
    fields: dict[str, Any] = {"visibility": V.INTERNAL}
    if provisional:
        if state not in (S.PUBLISHED, S.PAUSED, S.CLOSED):
            return
        fields |= {"provisional": True, "verified_by": None, "verified_at": None}
    need = await draft(engine, desk, state=state, **fields)
    actors = {
        role: Actor(role, one.id, one.organization_id or NOBODY, "4401", now())
        for role, one in accounts.items()
    }
    got = {(v, r): await tried(engine, one, need, v) for v in DEEDS for r, one in actors.items()}
    assert got == {(v, r): expected(r, v, state, provisional) for v in DEEDS for r in ROLES}


async def test_elsewhere_it_does_not_exist(engine: AsyncEngine, desk: Desk) -> None:
    need = await draft(engine, desk, visibility=V.INTERNAL)
    async with making(engine) as m:
        far = await m.account(role=Role.GOV_APPROVER, area_code="4402")
    for verb in DEEDS:
        assert await tried(engine, actor_of(far), need, verb) == "NOT_FOUND"


# --- Who sees it ---


async def sees(engine: AsyncEngine, who: Any, need: Need) -> bool:
    async with AsyncSession(engine) as session:
        row = select(Need.id).where(Need.id == need.id, policy.visible(actor_of(who), Need))
        return (await session.execute(row)).first() is not None


@pytest.mark.parametrize("visibility", [V.PUBLIC, V.PARTNERS])
async def test_without_consent_the_released_text_is_seen_until_somebody_says_no(
    engine: AsyncEngine, desk: Desk, visibility: Visibility
) -> None:
    need = await out(engine, desk, await draft(engine, desk, visibility=visibility))
    async with making(engine) as m:
        charity = await m.account(role=Role.CHARITY_USER)
        unverified = await m.account(
            role=Role.CHARITY_USER, organization=await m.organization(state="submitted")
        )
        volunteer = await m.account(role=Role.VOLUNTEER, area_code=None)
        person = await m.session.get_one(Recipient, need.recipient_id)
        asked = await m.consent(person, state=ConsentState.REQUESTED)
    public = visibility is V.PUBLIC
    assert await sees(engine, charity, need)
    assert await sees(engine, unverified, need) is public
    assert await sees(engine, volunteer, need) is public
    async with AsyncSession(engine) as session, session.begin():
        home = update(Household).where(Household.id == need.household_id)
        await session.execute(home.values(address_protected=True))
    assert not await sees(engine, charity, need), "D7"
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(home.values(address_protected=False))
    async with making(engine) as m:
        worker = await m.account(role=Role.SOCIAL_WORKER, area_code="440103")
    async with acting(engine, worker) as act:
        await refuse_consent(act, asked.id, expected_version=asked.version, reason="no")
    await drain(engine)
    row = await reread(engine, need)
    assert row.state is S.PAUSED
    refusal = await refused(engine, desk.approver, operations.resume_need, row, reason="go on")
    assert (refusal.code, refusal.field) == ("GUARD_FAILED", "consentId")


# --- The supplement ---


async def test_verified_later_it_stays_out_and_owes_nothing(
    engine: AsyncEngine, desk: Desk
) -> None:
    need = await out(engine, desk, await draft(engine, desk))
    refusal = await refused(engine, desk.other, verify_need_later, need, evidence="visit")
    assert isinstance(refusal, ConsentMissing)
    async with making(engine) as m:
        person = await m.session.get_one(Recipient, need.recipient_id)
        consent = await m.consent(person, expires_on=today() + timedelta(days=40))
        stranger = await m.consent()
    refusal = await refused(
        engine, desk.other, verify_need_later, need, evidence="visit", consent_id=stranger.id
    )
    assert isinstance(refusal, ConsentMissing)
    async with acting(engine, desk.other) as act:
        await verify_need_later(
            act,
            need.id,
            expected_version=need.version,
            evidence="visited 示范路99号",
            consent_id=consent.id,
        )
    row = await reread(engine, need)
    assert (row.state, row.provisional, row.legal_basis) == (S.PUBLISHED, False, None)
    assert (row.verified_by, row.consent_id) == (desk.other.id, consent.id)
    assert row.publish_until == today() + timedelta(days=40)
    (debt,) = await debts_of(engine, need)
    assert debt.state is ObligationState.DONE
    assert "示范路" not in (debt.evidence or ""), "evidence of a need is not told to others"
    rows = await relaxed(engine, need)
    assert {one.settled_as for one in rows.values()} == {Settlement.SUPPLEMENTED}
    assert (await events_of(engine, need))[-1] == "need.verified_later"
    refusal = await refused(engine, desk.other, verify_need_later, row, evidence="again")
    assert refusal.code == "GUARD_FAILED"


FEED = """query($since: String) { changes(since: $since, types: [NEED, EMERGENCY_EVENT]) {
    entries { kind tombstone objectId } latestCursor } }"""


async def test_the_feed_tells_whom_it_was_shown_to(
    engine: AsyncEngine, api: Any, desk: Desk
) -> None:
    """The consent that comes later names one of those who saw it: the others get a tombstone."""
    async with making(engine) as m:
        chosen, other = [await m.account(role=Role.CHARITY_USER) for _ in range(2)]
    since = (await api(other)(FEED))["data"]["changes"]["latestCursor"]
    need = await out(engine, desk, await draft(engine, desk))
    async with making(engine) as m:
        person = await m.session.get_one(Recipient, need.recipient_id)
        consent = await m.consent(person, receiver_ids=[chosen.organization_id])
    async with acting(engine, desk.other) as act:
        await verify_need_later(
            act,
            need.id,
            expected_version=need.version,
            evidence="visit",
            consent_id=consent.id,
        )
    got = {}
    for who in (chosen, other):
        entries = (await api(who)(FEED, since=since))["data"]["changes"]["entries"]
        wanted = encode("Need", need.id)
        got[who.id] = [(e["kind"], e["tombstone"]) for e in entries if e["objectId"] == wanted]
    assert got[chosen.id] == [("need.published", False), ("need.verified_later", False)]
    assert got[other.id][-1] == ("need.verified_later", True)


async def test_not_by_who_recorded_it(engine: AsyncEngine, desk: Desk) -> None:
    need = await draft(engine, desk, created_by=desk.other.id, visibility=V.INTERNAL)
    need = await out(engine, desk, need)
    assert isinstance(
        await refused(engine, desk.other, verify_need_later, need, evidence="visit"), Forbidden
    )
    async with AsyncSession(engine) as session:
        with pytest.raises(IntegrityError, match="ck_need_verifier_not_creator"):
            await session.execute(
                update(Need)
                .where(Need.id == need.id)
                .values(provisional=False, legal_basis=None, verified_by=desk.other.id)
            )


async def test_what_is_owed_keeps_it_open(engine: AsyncEngine, desk: Desk) -> None:
    need = await out(engine, desk, await draft(engine, desk))
    (debt,) = await debts_of(engine, need)
    for deed, given in (
        (operations.close_need, CLOSE),
        (operations.cancel_need, {"reason": "twice"}),
    ):
        refusal = await refused(engine, desk.other, deed, need, **given)
        assert refusal.details["obligations"] == [debt.no]
        assert f"due {debt.due_at:%Y-%m-%d}" in refusal.message
    async with making(engine) as m:
        clerk = await m.account(role=Role.GOV_CLERK, organization=desk.authority)
    async with acting(engine, clerk) as act:
        await discharge_obligation(
            act, debt.id, expected_version=debt.version, evidence="somebody says it is done"
        )
    refusal = await refused(engine, desk.other, operations.close_need, need, **CLOSE)
    assert "not verified yet" in refusal.message, "a word is no verification"


async def test_what_was_waived_may_end_but_not_begin_again(engine: AsyncEngine, desk: Desk) -> None:
    need = await out(engine, desk, await draft(engine, desk))
    (debt,) = await debts_of(engine, need)
    async with acting(engine, desk.other) as act:
        await waive_obligation(act, debt.id, expected_version=debt.version, reason="they moved")
    await drain(engine)
    rows = await relaxed(engine, need)
    assert {one.settled_as for one in rows.values()} == {Settlement.WAIVED}
    async with acting(engine, desk.other) as act:
        need = await operations.close_need(act, need.id, expected_version=need.version, **CLOSE)
    refusal = await refused(engine, desk.other, operations.reopen_need, need, reason="again")
    assert refusal.details["rule"] == "T15c"


async def test_a_pause_and_back_keep_the_basis(engine: AsyncEngine, desk: Desk) -> None:
    need = await out(engine, desk, await draft(engine, desk))
    async with acting(engine, desk.approver) as act:
        need = await operations.pause_need(
            act, need.id, expected_version=need.version, reason="full for today"
        )
        need = await operations.resume_need(
            act, need.id, expected_version=need.version, reason="go on"
        )
    assert (need.state, need.legal_basis) == (S.PUBLISHED, "EMERGENCY")


# --- Under an event ---


async def event(engine: AsyncEngine, *relaxes: RelaxedRule, area: str = "440103") -> Any:
    async with making(engine) as m:
        city = await m.account(role=Role.SUPERVISOR, area_code="4401")
    async with acting(engine, city) as act:
        row = await emergencies.declare_emergency(
            act,
            name="台风示范",
            kind=EmergencyKind.NATURAL_DISASTER,
            level=EmergencyLevel.II,
            legal_basis="Emergency plan, 2026",
            areas=[area],
            relaxed_rules=relaxes,
        )
        return await emergencies.activate_emergency(act, row.id, expected_version=row.version)


async def test_an_event_relaxes_what_it_lists_where_it_is(engine: AsyncEngine, desk: Desk) -> None:
    need = await draft(engine, desk)
    elsewhere = await event(engine, R.PROVISIONAL_PUBLICATION, area="440104")
    nothing = await event(engine)
    strict = await event(engine, R.PROVISIONAL_PUBLICATION)
    for one, field in ((elsewhere, "emergencyId"), (nothing, "emergencyId"), (strict, "consentId")):
        refusal = await refused(
            engine, desk.approver, publish_need_provisionally, need, emergency_id=one.id, **LEGAL
        )
        assert (refusal.code, refusal.field) == ("GUARD_FAILED", field)
    async with making(engine) as m:
        city = await m.account(role=Role.SUPERVISOR, area_code="4401")
    async with acting(engine, city) as act:
        await emergencies.stand_down_emergency(
            act, strict.id, expected_version=strict.version, reason="over soon"
        )
    refusal = await refused(
        engine, desk.approver, publish_need_provisionally, need, emergency_id=strict.id, **LEGAL
    )
    assert refusal.details["state"] == "STANDING_DOWN"


async def test_the_end_starts_the_clocks(engine: AsyncEngine, desk: Desk) -> None:
    typhoon = await event(
        engine, R.PROVISIONAL_PUBLICATION, R.CONSENT_LATER, R.SUPPLEMENT_AFTER_END
    )
    need = await out(engine, desk, await draft(engine, desk), emergency_id=typhoon.id)
    dated = await out(engine, desk, await draft(engine, desk))
    assert need.emergency_id == typhoon.id
    (debt,) = await debts_of(engine, need)
    (other,) = await debts_of(engine, dated)
    assert debt.due_at is None
    assert R.SUPPLEMENT_AFTER_END in await relaxed(engine, need)
    refusal = await refused(engine, desk.other, operations.close_need, need, **CLOSE)
    assert "due after the emergency ends" in refusal.message
    async with making(engine) as m:
        city = await m.account(role=Role.SUPERVISOR, area_code="4401")
    later = actor_of(city, now() + timedelta(days=60))
    async with acting(engine, later) as act:
        row = await emergencies.stand_down_emergency(
            act, typhoon.id, expected_version=typhoon.version, reason="over soon"
        )
        row = await emergencies.end_emergency(
            act, row.id, expected_version=row.version, reason="over"
        )
        version = row.version
    (debt,) = await debts_of(engine, need)
    assert debt.due_at is not None
    assert later.now + timedelta(days=9) < debt.due_at < later.now + timedelta(days=30)
    assert (await debts_of(engine, dated))[0].due_at == other.due_at
    with pytest.raises(GuardFailed) as caught:
        async with acting(engine, later) as act:
            await emergencies.review_emergency(
                act, typhoon.id, expected_version=version, review="What was learnt."
            )
    assert caught.value.details["unsettled"] == 3


# --- What the database holds ---


@pytest.mark.parametrize(
    "wrong",
    [
        "verified_by = '00000000-0000-0000-0000-000000000009'",
        "provisional = false",
        "consent_id = (SELECT id FROM consent LIMIT 1)",
        "emergency_phase = 'emergency'",
    ],
)
async def test_the_database_refuses(engine: AsyncEngine, desk: Desk, wrong: str) -> None:
    need = await out(engine, desk, await draft(engine, desk))
    async with AsyncSession(engine) as session:
        with pytest.raises(IntegrityError, match="ck_need"):
            await session.execute(text(f"UPDATE need SET {wrong} WHERE id = :id"), {"id": need.id})


async def test_what_was_relaxed_is_not_rewritten(
    engine: AsyncEngine, desk: Desk, database: Any
) -> None:
    need = await out(engine, desk, await draft(engine, desk))
    for statement in (
        "UPDATE relaxation SET reason = 'other' WHERE subject_id = :id",
        "DELETE FROM relaxation WHERE subject_id = :id",
    ):
        async with AsyncSession(engine) as session:
            with pytest.raises(Exception, match="permission denied"):
                await session.execute(text(statement), {"id": need.id})


async def test_two_at_once_open_one_debt(engine: AsyncEngine, desk: Desk) -> None:
    need = await draft(engine, desk)
    answers = await asyncio.gather(
        *(out(engine, desk, need) for _ in range(2)), return_exceptions=True
    )
    codes = sorted(getattr(one, "code", "done") for one in answers)
    assert codes == ["VERSION_CONFLICT", "done"]
    assert len(await debts_of(engine, need)) == 1


def test_system_is_no_person() -> None:
    """A clock never publishes: the text is released by a person (INV-13)."""
    need = Need(area_code="440103", created_by=NOBODY)
    assert policy.may_publish_provisionally(system(now()), need) is False


# --- Under an event, verified before ---


async def test_a_verified_need_may_be_published_under_an_event(
    engine: AsyncEngine, desk: Desk
) -> None:
    typhoon = await event(engine, R.PROVISIONAL_PUBLICATION)
    async with making(engine) as m:
        need = await m.need(state=S.VERIFIED, publisher_id=desk.authority.id)
    async with acting(engine, desk.approver) as act:
        row = await publish_need(act, need.id, expected_version=1, emergency_id=typhoon.id)
    assert row.emergency_id == typhoon.id
    assert (row.provisional, await debts_of(engine, need)) == (False, [])
    assert await relaxed(engine, need) == {}


async def test_no_need_is_published_under_an_event_that_is_not_active_or_elsewhere(
    engine: AsyncEngine, desk: Desk
) -> None:
    async with making(engine) as m:
        need = await m.need(state=S.VERIFIED, publisher_id=desk.authority.id)
    elsewhere = await event(engine, R.PROVISIONAL_PUBLICATION, area="440104")
    given = {"emergency_id": elsewhere.id}
    assert isinstance(
        await refused(engine, desk.approver, publish_need, need, **given), GuardFailed
    )
    missing = {"emergency_id": new_id()}
    assert isinstance(await refused(engine, desk.approver, publish_need, need, **missing), NotFound)
