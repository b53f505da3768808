"""The one-time notice, the way from a report to a need, and who told of it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, Refusal, WrongState
from nexus.discovery.intake.operations import Told, create_report
from nexus.discovery.model import DiscoveryReport, HotlineReply, ReportState
from nexus.discovery.policy import reveal_visible
from nexus.discovery.reporters.operations import erase_reporter, open_reporter, request_reporter
from nexus.discovery.rules import AlreadyToldMissing
from nexus.needs.model import Need, NeedKind, SubjectKind, Urgency
from nexus.needs.notices.model import MissingNotice
from nexus.needs.notices.operations import record_missing_material
from nexus.needs.operations import create_need
from nexus.needs.rules import LineInput
from nexus.obligations.model import Obligation, ObligationKind
from nexus.recipients.vault.contacts.model import Contact, ContactReveal
from nexus.recipients.vault.model import IdentityField
from nexus.recipients.vault.queries import IdentityErased, RevealClosed
from tests.deeds import acting, actor_of, count_of, events_of, reread
from tests.making import making, now

S = ReportState
TOWN, FAR = "440103001", "440304001"


@pytest.fixture(scope="module")
async def lead(engine: AsyncEngine) -> Account:
    async with making(engine) as m:
        return await m.account(Role.STATION_LEAD, await m.authority(), area_code=TOWN)


@pytest.fixture(scope="module")
async def far(engine: AsyncEngine) -> Account:
    async with making(engine) as m:
        return await m.account(Role.STATION_LEAD, area_code=FAR)


# --- The notice ---


async def test_what_is_missing_is_told_with_the_first_response(
    engine: AsyncEngine, lead: Account
) -> None:
    async with making(engine) as m:
        row = await m.report(
            S.TRIAGED,
            owner_id=lead.id,
            ticket_system="12345",
            ticket_type="ticket",
            ticket_no="MISSING-1",
        )
    async with acting(engine, lead) as act:
        notice = await record_missing_material(
            act, items=["INCOME", "IDENTITY", "INCOME"], report_id=row.id
        )
    assert (notice.items, notice.late) == (["IDENTITY", "INCOME"], False)
    fresh = await reread(engine, row)
    assert fresh.contacted_at is not None
    assert fresh.version == 2
    async with AsyncSession(engine) as session:
        owed = (
            await session.scalars(select(Obligation).where(Obligation.subject_id == row.id))
        ).one()
        replies = await session.scalars(
            select(HotlineReply.code).where(HotlineReply.report_id == row.id)
        )
        assert list(replies) == ["MATERIAL_MISSING"]
    assert owed.kind is ObligationKind.MISSING_MATERIAL
    assert (owed.organization_id, owed.due_at) == (lead.organization_id, notice.due_at)
    assert notice.due_at > now() + timedelta(days=7)
    assert await events_of(engine, notice) == ["notice.given"]


async def test_it_is_told_once(engine: AsyncEngine, lead: Account) -> None:
    async with making(engine) as m:
        row = await m.report(S.TRIAGED, owner_id=lead.id)
    async with acting(engine, lead) as act:
        first = await record_missing_material(act, items=["INCOME"], report_id=row.id)
    with pytest.raises(AlreadyToldMissing) as refused:
        async with acting(engine, lead) as act:
            await record_missing_material(act, items=["IDENTITY"], report_id=row.id)
    given_on = refused.value.details["givenOn"]
    assert str(given_on) in refused.value.message
    async with AsyncSession(engine) as session:
        kept = await session.scalars(select(MissingNotice).where(MissingNotice.report_id == row.id))
        assert [one.items for one in kept] == [first.items]


async def test_two_who_tell_at_once(engine: AsyncEngine, lead: Account) -> None:
    async with making(engine) as m:
        row = await m.report(S.TRIAGED, owner_id=lead.id)

    async def tell(item: str) -> Any:
        async with acting(engine, lead) as act:
            return await record_missing_material(act, items=[item], report_id=row.id)

    found = await asyncio.gather(tell("INCOME"), tell("IDENTITY"), return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["AlreadyToldMissing", "MissingNotice"]


async def test_of_a_need_that_came_from_a_report_too(engine: AsyncEngine, lead: Account) -> None:
    async with making(engine) as m:
        row = await m.report(S.CONVERTED, owner_id=lead.id)
        need = await m.need("submitted", discovery_report_id=row.id, area_code=TOWN)
        notice = MissingNotice(
            report_id=row.id,
            items=["INCOME"],
            due_at=now(),
            given_at=now(),
            given_by=lead.id,
            late=False,
        )
        await m.put(notice)
        other = await m.need("published", area_code=TOWN)
    with pytest.raises(AlreadyToldMissing):
        async with acting(engine, lead) as act:
            await record_missing_material(act, items=["IDENTITY"], need_id=need.id)
    async with acting(engine, lead) as act:
        late = await record_missing_material(act, items=["IDENTITY"], need_id=other.id)
    assert late.late
    async with AsyncSession(engine) as session:
        owed = await session.scalars(select(Obligation).where(Obligation.subject_id == other.id))
        assert owed.one().organization_id == other.publisher_id


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"items": []}, Invalid),
        ({"items": ["NOTHING"]}, Refusal),
        ({"items": ["OTHER"]}, Invalid),
        ({"items": ["OTHER"], "note": "欧阳示范的电话13800138000"}, Invalid),
        ({"items": ["INCOME"], "report_id": None}, Invalid),
    ],
)
async def test_what_makes_no_sense(
    engine: AsyncEngine, lead: Account, given: dict[str, Any], refusal: type[Refusal]
) -> None:
    async with making(engine) as m:
        row = await m.report(S.TRIAGED, owner_id=lead.id)
    before = await count_of(engine, MissingNotice), await count_of(engine, Obligation)
    with pytest.raises(refusal):
        async with acting(engine, lead) as act:
            await record_missing_material(act, **{"report_id": row.id} | given)
    assert before == (await count_of(engine, MissingNotice), await count_of(engine, Obligation))
    assert (await reread(engine, row)).contacted_at is None


async def test_nothing_is_missing_of_what_ended(
    engine: AsyncEngine, lead: Account, far: Account
) -> None:
    async with making(engine) as m:
        ended = await m.report(S.CLOSED, owner_id=lead.id)
        open_ = await m.report(S.TRIAGED, owner_id=lead.id)
        worker = await m.account(Role.AUDITOR, area_code=TOWN)
    for who, row, refusal in (
        (lead, ended, GuardFailed),
        (far, open_, NotFound),
        (worker, open_, Forbidden),
    ):
        with pytest.raises(refusal):
            async with acting(engine, who) as act:
                await record_missing_material(act, items=["INCOME"], report_id=row.id)


# --- From a report to a need ---


async def need_of(engine: AsyncEngine, who: Account, report: Any, **given: Any) -> Need:
    async with acting(engine, who) as act:
        return await create_need(
            act,
            subject_kind=SubjectKind.GROUP,
            group_name="某村",
            lines=[LineInput(kind=NeedKind.GOODS, item="大米", unit="KGM")],
            discovery_report_id=report.id,
            **{"area_code": TOWN, "origin": "discovery", "category": "LIV", "urgency": Urgency.U3}
            | given,
        )


async def test_a_need_converts_its_report(engine: AsyncEngine, lead: Account) -> None:
    async with making(engine) as m:
        row = await m.report(S.VERIFIED, owner_id=lead.id)
    need = await need_of(engine, lead, row)
    assert need.discovery_report_id == row.id
    fresh = await reread(engine, row)
    assert (fresh.state, fresh.version) == (S.CONVERTED, 2)
    assert fresh.ended_at is not None
    second = await need_of(engine, lead, row, origin="committee")
    assert second.discovery_report_id == row.id
    assert await events_of(engine, row) == ["discovery.converted", "discovery.linked"]


@pytest.mark.parametrize("state", [S.RECEIVED, S.TRIAGED, S.ASSIGNED, S.UNFOUNDED, S.CLOSED])
async def test_what_was_not_verified_becomes_no_need(
    engine: AsyncEngine, lead: Account, state: ReportState
) -> None:
    async with making(engine) as m:
        row = await m.report(state)
    before = await count_of(engine, Need)
    with pytest.raises(WrongState):
        await need_of(engine, lead, row)
    assert (await reread(engine, row)).state is state
    assert await count_of(engine, Need) == before


async def test_a_need_that_is_refused_leaves_the_report(
    engine: AsyncEngine, lead: Account, far: Account
) -> None:
    async with making(engine) as m:
        row = await m.report(S.VERIFIED, owner_id=lead.id)
    for who, given in (
        (lead, {"origin": "school"}),
        (lead, {"origin": "hotline"}),
        (lead, {"category": "NONSENSE"}),
        (far, {"area_code": FAR}),
    ):
        with pytest.raises(Refusal):
            await need_of(engine, who, row, **given)
    assert (await reread(engine, row)).state is S.VERIFIED


# --- Who told of it ---

CALLED = Told(
    "committee", TOWN, "独居老人", reporter_name="欧阳示范", reporter_phone="139 0000 0001"
)


async def test_who_told_is_sealed_and_read_after_it_was_asked_for(
    engine: AsyncEngine, lead: Account, far: Account
) -> None:
    async with acting(engine, lead) as act:
        row = await create_report(act, CALLED)
    async with AsyncSession(engine) as session:
        kept = await session.get_one(Contact, row.contact_id)
        assert kept.fields == ["name", "phone"]
        with pytest.raises(DBAPIError, match="permission denied"):
            await session.execute(text("SELECT name FROM vault.contact"))
    with pytest.raises(NotFound):
        async with acting(engine, far) as act:
            await request_reporter(act, row.id, purpose="DELIV")
    async with acting(engine, lead) as act:
        early = await request_reporter(act, row.id, purpose="CASE")
        with pytest.raises(RevealClosed):
            await open_reporter(act, early.id)
    async with acting(engine, lead) as act:
        reveal = await request_reporter(act, row.id, purpose="CASE")
    async with acting(engine, lead) as act:
        assert await open_reporter(act, reveal.id) == {
            IdentityField.NAME: "欧阳示范",
            IdentityField.PHONE: "13900000001",
        }
    async with making(engine) as m:
        colleague = await m.account(Role.STATION_LEAD, area_code=TOWN)
    with pytest.raises(NotFound):
        async with acting(engine, colleague) as act:
            await open_reporter(act, reveal.id)
    assert await events_of(engine, reveal) == [
        "identity.contact_requested",
        "identity.contact_revealed",
    ]


async def test_who_told_is_erased(engine: AsyncEngine, lead: Account) -> None:
    async with making(engine) as m:
        officer = await m.account(Role.DPO, area_code="440103")
    async with acting(engine, lead) as act:
        row = await create_report(act, CALLED)
        reveal = await request_reporter(act, row.id, purpose="CASE")
    with pytest.raises(Forbidden):
        async with acting(engine, lead) as act:
            await erase_reporter(act, row.id, reason="本人要求")
    async with acting(engine, officer) as act:
        await erase_reporter(act, row.id, reason="本人要求")
    with pytest.raises(IdentityErased):
        async with acting(engine, lead) as act:
            await open_reporter(act, reveal.id)
    with pytest.raises(GuardFailed):
        async with acting(engine, officer) as act:
            await erase_reporter(act, row.id, reason="本人要求")
    async with AsyncSession(engine) as session:
        kept = await session.get_one(Contact, row.contact_id)
        assert (kept.wrapped_key, kept.phone_hmac) == (None, None)


async def test_the_officer_sees_who_asked(engine: AsyncEngine, lead: Account) -> None:
    async with making(engine) as m:
        officer = await m.account(Role.DPO, area_code="440103")
        elsewhere = await m.account(Role.DPO, area_code="4403")
    async with acting(engine, lead) as act:
        row = await create_report(act, CALLED)
        reveal = await request_reporter(act, row.id, purpose="CASE")
    for who, sees in ((officer, True), (elsewhere, False), (lead, True)):
        async with acting(engine, who) as act:
            seen = select(ContactReveal.id).where(
                ContactReveal.id == reveal.id, reveal_visible(act.actor, ContactReveal)
            )
            assert (await act.session.scalar(seen) is not None) is sees
    with pytest.raises(NotFound):
        async with acting(engine, officer) as act:
            await open_reporter(act, reveal.id)


async def test_a_report_without_a_teller(engine: AsyncEngine, lead: Account) -> None:
    async with making(engine) as m:
        row = await m.report()
        taken = await m.report(S.TRIAGED, owner_id=lead.id, custody_area_code=FAR)
    with pytest.raises(GuardFailed):
        async with acting(engine, lead) as act:
            await request_reporter(act, row.id, purpose="CASE")
    with pytest.raises(Forbidden):
        async with acting(engine, actor_of(lead)) as act:
            await request_reporter(act, taken.id, purpose="CASE")
    assert DiscoveryReport.__tablename__ == "discovery_report"
