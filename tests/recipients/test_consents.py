"""Consents: who records them, every state and verb, whom they bind, and when they stop."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import SHANGHAI, Role, system
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
from nexus.recipients import model
from nexus.recipients.consents import operations
from nexus.recipients.model import ConsentKind, ConsentMethod, ConsentState, GivenBy
from nexus.recipients.queries import consent_allows
from nexus.recipients.rules import GuardianNeeded, add_months
from tests.deeds import acting, count_of, events_of, reread
from tests.making import making, now, today

S = ConsentState
STATES = list(ConsentState)
TABLE = model.CONSENT_TRANSITIONS
DEEDS: dict[str, Any] = {
    "grant": operations.grant_consent,
    "refuse": operations.refuse_consent,
    "withdraw": operations.withdraw_consent,
    "supersede": operations.supersede_consent,
    "confirm": operations.confirm_consent,
}
EVENTS = {
    "grant": "consent.granted",
    "refuse": "consent.refused",
    "withdraw": "consent.withdrawn",
    "supersede": "consent.superseded",
    "confirm": "consent.confirmed",
    "expire": "consent.expired",
    "lapse": "consent.lapsed",
}
KEEPERS = {
    Role.GOV_CLERK,
    Role.GOV_APPROVER,
    Role.STATION_LEAD,
    Role.SOCIAL_WORKER,
    Role.AIDE,
}
SEE = KEEPERS | {Role.GOV_COORDINATOR, Role.DPO}
PEOPLE = [role for role in Role if role not in (Role.ANONYMOUS, Role.SYSTEM)]


def test_every_verb_is_tried() -> None:
    assert set(DEEDS) | {"expire", "lapse"} == set(TABLE.moves) == set(EVENTS)


@pytest.mark.parametrize("verb", DEEDS)
@pytest.mark.parametrize("state", STATES)
async def test_states(engine: AsyncEngine, state: ConsentState, verb: str) -> None:
    async with making(engine) as m:
        kind = ConsentKind.ASSERTION if verb == "confirm" else ConsentKind.OWN
        consent = await m.consent(state=state, kind=kind)
        worker = await m.account(role=Role.SOCIAL_WORKER)
    expected = TABLE.moves[verb].get(state)
    if expected is None:
        with pytest.raises(WrongState):
            async with acting(engine, worker) as act:
                await DEEDS[verb](act, consent.id, expected_version=1)
        fresh = await reread(engine, consent)
        assert (fresh.state, fresh.version, fresh.kind) == (state, 1, kind)
        assert await events_of(engine, consent) == []
        return
    async with acting(engine, worker) as act:
        await DEEDS[verb](act, consent.id, expected_version=1, reason="said so")
    fresh = await reread(engine, consent)
    assert (fresh.state, fresh.version, fresh.state_reason) == (expected, 2, "said so")
    assert (fresh.withdrawn_at is not None) is (verb == "withdraw")
    assert fresh.kind is ConsentKind.OWN
    assert await events_of(engine, consent) == [EVENTS[verb]]


@pytest.mark.parametrize("verb", DEEDS)
@pytest.mark.parametrize("role", PEOPLE)
async def test_roles(engine: AsyncEngine, role: Role, verb: str) -> None:
    state = S.REQUESTED if verb in ("grant", "refuse") else S.GRANTED
    kind = ConsentKind.ASSERTION if verb == "confirm" else ConsentKind.OWN
    async with making(engine) as m:
        consent = await m.consent(state=state, kind=kind)
        account = await m.account(role=role, area_code="44")
        elsewhere = await m.account(role=role, area_code="45")
    with pytest.raises(NotFound):
        async with acting(engine, elsewhere) as act:
            await DEEDS[verb](act, consent.id, expected_version=1)
    allowed = KEEPERS | ({Role.DPO} if verb == "withdraw" else set())
    if role in allowed:
        async with acting(engine, account) as act:
            await DEEDS[verb](act, consent.id, expected_version=1)
        assert (await reread(engine, consent)).version == 2
        return
    with pytest.raises(Forbidden if role in SEE else NotFound):
        async with acting(engine, account) as act:
            await DEEDS[verb](act, consent.id, expected_version=1)
    fresh = await reread(engine, consent)
    assert (fresh.state, fresh.version) == (state, 1)


async def test_a_stale_version(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        consent = await m.consent()
        worker = await m.account(role=Role.SOCIAL_WORKER)
    with pytest.raises(VersionConflict):
        async with acting(engine, worker) as act:
            await operations.withdraw_consent(act, consent.id, expected_version=2)
    assert (await reread(engine, consent)).state is S.GRANTED


# --- Recording. ---


def terms(recipient_id: UUID, **given: Any) -> dict[str, Any]:
    return {
        "recipient_id": recipient_id,
        "given_by": GivenBy.SELF,
        "kind": ConsentKind.OWN,
        "purposes": ["MATCH", "PUB", "MATCH"],
        "data_classes": ["D1"],
        "receiver_ids": [],
        "text_version": "2026-1",
        "text_hash": "0" * 64,
        "method": ConsentMethod.PAPER_SCAN,
        "obtained_at": now(),
        "expires_on": today() + timedelta(days=100),
    } | given


async def record(engine: AsyncEngine, account: Any, **given: Any) -> model.Consent:
    async with acting(engine, account) as act:
        return await operations.record_consent(act, **given)


async def test_recorded_it_waits_for_the_answer(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        recipient = await m.recipient()
        worker = await m.account(role=Role.SOCIAL_WORKER)
        charity = await m.organization()
    consent = await record(
        engine, worker, **terms(recipient.id, receiver_ids=[charity.id, charity.id])
    )
    assert consent.state is S.REQUESTED
    assert consent.purposes == ["MATCH", "PUB"]
    assert consent.receiver_ids == [charity.id]
    assert consent.obtained_by == worker.id
    assert await events_of(engine, consent) == ["consent.recorded"]


async def test_terms_that_do_not_hold(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        recipient = await m.recipient()
        worker = await m.account(role=Role.SOCIAL_WORKER)
    obtained_at = now() - timedelta(days=10)
    a_year_on = add_months(obtained_at.astimezone(SHANGHAI).date(), 12)
    late = {"obtained_at": obtained_at, "expires_on": a_year_on + timedelta(days=1)}
    before = await count_of(engine, model.Consent)
    wrong: list[tuple[dict[str, Any], type[Refusal], str | None]] = [
        ({"purposes": []}, Invalid, "purposes"),
        ({"data_classes": []}, Invalid, "dataClasses"),
        ({"data_classes": ["D1", "D8"]}, GuardFailed, "dataClasses"),
        ({"data_classes": ["D7"]}, GuardFailed, "dataClasses"),
        ({"purposes": ["SELL"]}, Refusal, None),
        ({"data_classes": ["D99"]}, Refusal, None),
        ({"receiver_ids": [new_id()]}, NotFound, None),
        ({"obtained_at": now() + timedelta(hours=1)}, Invalid, "obtainedAt"),
        ({"expires_on": today()}, Invalid, "expiresOn"),
        (late, Invalid, "expiresOn"),
        ({"expires_on": today() + timedelta(days=400)}, Invalid, "expiresOn"),
        ({"recipient_id": new_id()}, NotFound, None),
    ]
    for given, refusal, field in wrong:
        with pytest.raises(refusal) as refused:
            await record(engine, worker, **(terms(recipient.id) | given))
        assert field is None or refused.value.field == field, given
    assert await count_of(engine, model.Consent) == before
    longest = {"obtained_at": obtained_at, "expires_on": a_year_on}
    assert await record(engine, worker, **(terms(recipient.id) | longest))


@pytest.mark.parametrize("role", PEOPLE)
async def test_who_records(engine: AsyncEngine, role: Role) -> None:
    async with making(engine) as m:
        recipient = await m.recipient()
        account = await m.account(role=role, area_code="44")
    if role in KEEPERS:
        assert await record(engine, account, **terms(recipient.id))
        return
    before = await count_of(engine, model.Consent)
    with pytest.raises(Forbidden if role in SEE else NotFound):
        await record(engine, account, **terms(recipient.id))
    assert await count_of(engine, model.Consent) == before


@pytest.mark.parametrize(
    ("age", "given_by", "refusal"),
    [
        (13, GivenBy.SELF, GuardianNeeded),
        (13, GivenBy.AGENT, GuardianNeeded),
        (13, GivenBy.GUARDIAN, None),
        (14, GivenBy.SELF, GuardianNeeded),
        (15, GivenBy.SELF, None),
        (70, GivenBy.AGENT, None),
        (70, GivenBy.GUARDIAN, None),
        (None, GivenBy.SELF, Invalid),
        (None, GivenBy.GUARDIAN, None),
    ],
)
async def test_below_14_the_guardian(
    engine: AsyncEngine, age: int | None, given_by: GivenBy, refusal: type[Refusal] | None
) -> None:
    year = None if age is None else today().year - age
    async with making(engine) as m:
        recipient = await m.recipient(birth_year=year)
        worker = await m.account(role=Role.SOCIAL_WORKER)
        requested = await m.consent(recipient, given_by=given_by, state=S.REQUESTED)
    if refusal is None:
        await record(engine, worker, **terms(recipient.id, given_by=given_by))
        async with acting(engine, worker) as act:
            await operations.grant_consent(act, requested.id, expected_version=1)
        return
    before = await count_of(engine, model.Consent)
    with pytest.raises(refusal):
        await record(engine, worker, **terms(recipient.id, given_by=given_by))
    assert await count_of(engine, model.Consent) == before
    with pytest.raises(refusal):
        async with acting(engine, worker) as act:
            await operations.grant_consent(act, requested.id, expected_version=1)
    assert (await reread(engine, requested)).state is S.REQUESTED


async def test_what_is_over_cannot_be_granted(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        old = await m.consent(
            state=S.REQUESTED, obtained_at=now() - timedelta(days=90), expires_on=today()
        )
        worker = await m.account(role=Role.SOCIAL_WORKER)
    with pytest.raises(Invalid):
        async with acting(engine, worker) as act:
            await operations.grant_consent(act, old.id, expected_version=1)
    assert (await reread(engine, old)).state is S.REQUESTED


# --- The clock. ---


async def strike(engine: AsyncEngine, at: datetime | None = None) -> int:
    async with AsyncSession(engine) as session, session.begin():
        return await operations.expire_consents(session, at or now())


async def test_the_clock_expires_and_lapses(engine: AsyncEngine) -> None:
    await strike(engine)
    async with making(engine) as m:
        over = await m.consent(expires_on=today())
        lasting = await m.consent(expires_on=today() + timedelta(days=1))
        requested = await m.consent(expires_on=today(), state=S.REQUESTED)
        month_ago = now() - timedelta(days=30, minutes=1)
        unconfirmed = await m.consent(kind=ConsentKind.ASSERTION, obtained_at=month_ago)
        own = await m.consent(obtained_at=month_ago)
        both = await m.consent(
            kind=ConsentKind.ASSERTION, obtained_at=month_ago, expires_on=today()
        )
    assert await strike(engine) == 3
    states = [
        (await reread(engine, row)).state
        for row in (over, lasting, requested, unconfirmed, own, both)
    ]
    assert states == [S.EXPIRED, S.GRANTED, S.REQUESTED, S.LAPSED, S.GRANTED, S.EXPIRED]
    assert await events_of(engine, over) == ["consent.expired"]
    assert await events_of(engine, unconfirmed) == ["consent.lapsed"]
    assert await strike(engine) == 0
    midnight = datetime.combine(lasting.expires_on, datetime.min.time(), tzinfo=SHANGHAI)
    assert await strike(engine, midnight - timedelta(seconds=1)) == 0
    assert await strike(engine, midnight) == 1


# --- consent_allows. ---


async def allows(
    engine: AsyncEngine,
    consent: model.Consent,
    *,
    purpose: str = "MATCH",
    data_class: str = "D1",
    receiver: UUID | None = None,
    at: datetime | None = None,
    as_sql: bool = False,
) -> bool:
    moment = at or now()
    wrapped: Any = literal if as_sql else (lambda value: value)
    predicate = consent_allows(
        wrapped(consent.id),
        purpose=wrapped(purpose),
        data_class=wrapped(data_class),
        receiver_id=receiver if receiver is None else wrapped(receiver),
        now=system(moment).now if not as_sql else literal(moment),
    )
    async with AsyncSession(engine) as session:
        return bool(await session.scalar(select(predicate)))


@pytest.mark.parametrize("as_sql", [False, True], ids=["values", "sql"])
@pytest.mark.parametrize("state", STATES)
async def test_only_a_granted_consent_allows(
    engine: AsyncEngine, state: ConsentState, as_sql: bool
) -> None:
    async with making(engine) as m:
        consent = await m.consent(state=state)
        charity = await m.organization()
    given = await allows(engine, consent, receiver=charity.id, as_sql=as_sql)
    assert given is (state is S.GRANTED)


@pytest.mark.parametrize("as_sql", [False, True], ids=["values", "sql"])
async def test_purposes_and_classes_are_those_named(engine: AsyncEngine, as_sql: bool) -> None:
    async with making(engine) as m:
        consent = await m.consent(purposes=["REF", "DELIV"], data_classes=["D1", "D2"])
        everything = await m.consent(purposes=["MATCH"], data_classes=[f"D{n}" for n in range(9)])
        charity = await m.organization()
    for purpose in ("PUB", "MATCH", "REF", "DELIV", "CASE", "STAT", "EVAL", "XBOR"):
        for data_class in (f"D{n}" for n in range(9)):
            given = await allows(
                engine,
                consent,
                purpose=purpose,
                data_class=data_class,
                receiver=charity.id,
                as_sql=as_sql,
            )
            expected = purpose in ("REF", "DELIV") and data_class in ("D1", "D2")
            assert given is expected, (purpose, data_class)
    for data_class in (f"D{n}" for n in range(9)):
        given = await allows(
            engine, everything, data_class=data_class, receiver=charity.id, as_sql=as_sql
        )
        assert given is (data_class not in ("D7", "D8")), data_class


@pytest.mark.parametrize("as_sql", [False, True], ids=["values", "sql"])
async def test_time(engine: AsyncEngine, as_sql: bool) -> None:
    start = datetime(2026, 3, 10, 9, 0, tzinfo=SHANGHAI)
    async with making(engine) as m:
        consent = await m.consent(obtained_at=start, expires_on=date(2026, 6, 10))
        charity = await m.organization()
    midnight = datetime(2026, 6, 10, tzinfo=SHANGHAI)
    for at, expected in (
        (start - timedelta(seconds=1), False),
        (start, True),
        (midnight - timedelta(seconds=1), True),
        (midnight, False),
        (midnight + timedelta(days=1), False),
    ):
        given = await allows(engine, consent, receiver=charity.id, at=at, as_sql=as_sql)
        assert given is expected, at


@pytest.mark.parametrize("as_sql", [False, True], ids=["values", "sql"])
async def test_receivers(engine: AsyncEngine, as_sql: bool) -> None:
    async with making(engine) as m:
        named, other = await m.organization(), await m.organization()
        unverified = await m.organization(state="submitted")
        suspended = await m.organization(state="suspended")
        to_named = await m.consent(receiver_ids=[named.id])
        to_all = await m.consent(receiver_ids=[])
    table = {
        (to_named, named.id): True,
        (to_named, other.id): False,
        (to_named, None): False,
        (to_all, named.id): True,
        (to_all, other.id): True,
        (to_all, unverified.id): False,
        (to_all, suspended.id): False,
        (to_all, new_id()): False,
        (to_all, None): True,
    }
    for (consent, receiver), expected in table.items():
        given = await allows(engine, consent, receiver=receiver, as_sql=as_sql)
        assert given is expected, (consent.receiver_ids, receiver)


async def test_no_consent_allows_nothing(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        consent = await m.consent()
        charity = await m.organization()
    consent.id = new_id()
    assert not await allows(engine, consent, receiver=charity.id)


async def test_a_withdrawal_ends_reads_with_its_commit(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        consent = await m.consent()
        charity = await m.organization()
        worker = await m.account(role=Role.SOCIAL_WORKER)
    assert await allows(engine, consent, receiver=charity.id)
    async with acting(engine, worker) as act:
        await operations.withdraw_consent(act, consent.id, expected_version=1)
        assert await allows(engine, consent, receiver=charity.id), "not before the commit"
    assert not await allows(engine, consent, receiver=charity.id)
