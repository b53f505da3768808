"""What may go out: consent, period, text; and what a pause and a withdrawal do."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import nexus.needs.reactions  # noqa: F401 - listens
from nexus.acting import Act, Role
from nexus.core.outbox import run_due
from nexus.core.refusals import ConsentMissing, GuardFailed, Invalid, Refusal, WrongState
from nexus.needs.model import Need, NeedLine, NeedState, Visibility
from nexus.needs.operations import pause_under_consent, publish_need, resume_need
from nexus.recipients.consents.operations import withdraw_consent
from nexus.recipients.model import Consent
from tests.making import Maker, from_today, making, today
from tests.needs.acting import do, snapshot

S = NeedState


async def publish(engine: AsyncEngine, m: Maker, need: Need, **given: Any) -> Need:
    clerk = await m.account(role=Role.GOV_CLERK)
    row: Need = await do(engine, clerk, publish_need, need.id, expected_version=1, **given)
    return row


async def refuses(
    engine: AsyncEngine, m: Maker, need: Need, refusal: type[Refusal], **given: Any
) -> Refusal:
    """Publishing is refused and changes nothing."""
    before = await snapshot(engine, need.id)
    with pytest.raises(refusal) as refused:
        await publish(engine, m, need, **given)
    assert await snapshot(engine, need.id) == before
    return refused.value


async def test_publishing_releases_the_text_within_the_consent(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need(state=S.VERIFIED, public_title=None, public_summary=None)
        clerk = await m.account(role=Role.GOV_CLERK)
        row = await do(
            engine,
            clerk,
            publish_need,
            need.id,
            expected_version=1,
            public_title=" 大米 ",
            public_summary="一户家庭需要口粮。",
        )
        consent = await m.session.get_one(Consent, need.consent_id)
    assert (row.state, row.public_title, row.released_by) == (S.PUBLISHED, "大米", clerk.id)
    assert (row.publish_from, row.publish_until) == (today(), consent.expires_on)


@pytest.mark.parametrize("visibility", [v for v in Visibility if v is not Visibility.INTERNAL])
@pytest.mark.parametrize(
    "consent",
    [
        {"state": "withdrawn"},
        {"state": "requested"},
        {"expires_on": from_today()},
        {"purposes": ["CASE"]},
        {"purposes": ["MATCH"]},
        {"data_classes": ["D0"]},
    ],
    ids=str,
)
async def test_a_consent_that_does_not_cover_it_is_none(
    engine: AsyncEngine, visibility: Visibility, consent: dict[str, Any]
) -> None:
    async with making(engine) as m:
        partner = await m.organization()
        recipient = await m.recipient()
        named = [partner.id] if visibility is Visibility.NAMED else []
        row = await m.consent(recipient, receiver_ids=named, **consent)
        need = await m.need(
            state=S.VERIFIED,
            recipient_id=recipient.id,
            household_id=recipient.household_id,
            consent_id=row.id,
            visibility=visibility,
        )
        told = await refuses(engine, m, need, ConsentMissing)
    assert (told.field, told.details["purpose"]) == ("consentId", "PUB")


async def test_no_consent_or_anothers_is_none(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        for consent_id in (None, (await m.consent()).id):
            need = await m.need(state=S.VERIFIED, consent_id=consent_id)
            await refuses(engine, m, need, ConsentMissing)
        own = await m.need(state=S.VERIFIED)
        await refuses(engine, m, own, ConsentMissing, consent_id=(await m.consent()).id)


async def test_what_names_its_receivers_is_not_public(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        recipient = await m.recipient()
        partner = await m.organization()
        to_one = await m.consent(recipient, receiver_ids=[partner.id])
        to_all = await m.consent(recipient)
        of: dict[str, Any] = {"recipient_id": recipient.id, "household_id": recipient.household_id}
        cases = [
            (Visibility.PUBLIC, to_one, False),
            (Visibility.PUBLIC, to_all, True),
            (Visibility.PARTNERS, to_one, True),
            (Visibility.PARTNERS, to_all, True),
            (Visibility.NAMED, to_one, True),
            (Visibility.NAMED, to_all, False),
        ]
        for visibility, consent, fits in cases:
            need = await m.need(
                state=S.VERIFIED, consent_id=consent.id, visibility=visibility, **of
            )
            if fits:
                assert (await publish(engine, m, need)).state is S.PUBLISHED
            else:
                await refuses(engine, m, need, ConsentMissing)


async def test_groups_and_internal_needs_ask_for_no_consent(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        group = await m.need(state=S.VERIFIED, group_name="城东医院")
        internal = await m.need(state=S.VERIFIED, consent_id=None, visibility=Visibility.INTERNAL)
        for need in (group, internal):
            row = await publish(engine, m, need)
            assert (row.state, row.publish_until) == (S.PUBLISHED, None)


async def test_publication_ends_with_the_consent(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        recipient = await m.recipient()
        consent = await m.consent(recipient, expires_on=today() + timedelta(days=10))
        need = await m.need(state=S.VERIFIED, recipient_id=recipient.id, consent_id=consent.id)
        told = await refuses(
            engine, m, need, GuardFailed, publish_until=today() + timedelta(days=11)
        )
        assert (told.field, told.details["rule"]) == ("publishUntil", "INV-11")
        row = await publish(engine, m, need, publish_until=today() + timedelta(days=10))
        assert row.publish_until == consent.expires_on


async def test_a_period_that_is_over_is_refused(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need(state=S.VERIFIED, group_name="城东医院")
        yesterday = today() - timedelta(days=1)
        await refuses(engine, m, need, GuardFailed, publish_until=today())
        await refuses(
            engine,
            m,
            need,
            Invalid,
            publish_from=today() + timedelta(days=9),
            publish_until=today() + timedelta(days=8),
        )
        row = await publish(engine, m, need, publish_from=yesterday)
        assert row.publish_from == yesterday


@pytest.mark.parametrize("missing", ["public_title", "public_summary"])
async def test_the_public_text_is_needed(engine: AsyncEngine, missing: str) -> None:
    async with making(engine) as m:
        need = await m.need(state=S.VERIFIED, **dict[str, Any]({missing: None}))
        await refuses(engine, m, need, Invalid)


async def test_an_unreviewed_import_is_not_publishable(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need(state=S.VERIFIED, group_name="城东医院", reviewed=False)
        told = await refuses(engine, m, need, GuardFailed)
        assert told.field == "reviewed"


DIRTY: list[tuple[str, str, str, dict[str, Any]]] = [
    ("publicTitle", "phone", "13800138000", {"public_title": "请致电13800138000"}),
    ("publicTitle", "id_number", "11010519491231002X", {"public_title": "11010519491231002X"}),
    ("publicSummary", "address", "解放北路123号", {"public_summary": "送到解放北路123号"}),
    (
        "publicSummary",
        "bank_card",
        "6222021234567890128",
        {"public_summary": "卡号6222021234567890128"},
    ),
    ("groupName", "phone", "13800138000", {"group_name": "城东医院13800138000"}),
    ("lines[1].item", "phone", "13800138000", {"lines": [{"item": "大米 13800138000"}]}),
    (
        "lines[2].specification",
        "phone",
        "13800138000",
        {"lines": [{}, {"specification": "电话13800138000"}]},
    ),
]


@pytest.mark.parametrize(("field", "kind", "value", "fields"), DIRTY, ids=[d[0] for d in DIRTY])
async def test_personal_data_does_not_go_out(
    engine: AsyncEngine, field: str, kind: str, value: str, fields: dict[str, Any]
) -> None:
    """Scenario 20: the error names the kind, not the value."""
    async with making(engine) as m:
        need = await m.need(state=S.VERIFIED, **{"group_name": "城东医院"} | fields)
        told = await refuses(engine, m, need, GuardFailed)
    assert (told.field, told.details["rule"]) == (field, "INV-13")
    assert kind in told.details["kinds"]  # type: ignore[operator]
    assert value not in str(told.as_dict())


async def test_a_text_given_with_publication_is_checked_as_well(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need(state=S.VERIFIED)
        await refuses(engine, m, need, GuardFailed, public_summary="电话13800138000")


@pytest.mark.parametrize("visibility", list(Visibility))
async def test_a_protected_address_goes_to_named_partners_at_most(
    engine: AsyncEngine, visibility: Visibility
) -> None:
    async with making(engine) as m:
        recipient = await m.recipient(await m.household(address_protected=True))
        named = [(await m.organization()).id] if visibility is Visibility.NAMED else []
        need = await m.need(
            state=S.VERIFIED,
            recipient_id=recipient.id,
            household_id=recipient.household_id,
            consent_id=(await m.consent(recipient, receiver_ids=named)).id,
            visibility=visibility,
        )
        if visibility in (Visibility.NAMED, Visibility.INTERNAL):
            assert (await publish(engine, m, need)).state is S.PUBLISHED
        else:
            told = await refuses(engine, m, need, GuardFailed)
            assert told.field == "visibility"


# --- Pausing and resuming ---


async def test_a_withdrawn_consent_pauses_its_needs_once(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        recipient = await m.recipient()
        consent = await m.consent(recipient)
        of: dict[str, Any] = {"recipient_id": recipient.id, "consent_id": consent.id}
        published = await m.need(**of)
        draft = await m.need(state=S.DRAFT, **of)
        other = await m.need()
        line_id = published.lines[0].id
        worker = await m.account(role=Role.SOCIAL_WORKER)
        await do(
            engine, worker, withdraw_consent, consent.id, expected_version=1, reason="her wish"
        )
        while await run_due(engine):
            pass
        states = {
            need.id: (await m.session.get_one(Need, need.id, populate_existing=True)).state
            for need in (published, draft, other)
        }
        assert list(states.values()) == [S.PAUSED, S.DRAFT, S.PUBLISHED]
        line = await m.session.get_one(NeedLine, line_id, populate_existing=True)
        assert line.published is False
        before = await snapshot(engine, published.id)

        async def again(act: Act) -> int:
            return await pause_under_consent(act, consent.id, "again")

        assert await do(engine, worker, again) == 0
        assert await snapshot(engine, published.id) == before


async def test_a_paused_need_resumes_only_under_a_consent_that_holds(
    engine: AsyncEngine,
) -> None:
    async with making(engine) as m:
        recipient = await m.recipient()
        gone = await m.consent(recipient, state="withdrawn")
        new = await m.consent(recipient)
        need = await m.need(state=S.PAUSED, recipient_id=recipient.id, consent_id=gone.id)
        clerk = await m.account(role=Role.GOV_CLERK)
        given: dict[str, Any] = {"expected_version": 1, "reason": "consent renewed"}
        before = await snapshot(engine, need.id)
        with pytest.raises(ConsentMissing):
            await do(engine, clerk, resume_need, need.id, **given)
        assert await snapshot(engine, need.id) == before
        row = await do(engine, clerk, resume_need, need.id, **given, consent_id=new.id)
        assert (row.state, row.consent_id, row.publish_until) == (
            S.PUBLISHED,
            new.id,
            new.expires_on,
        )
        with pytest.raises(WrongState):
            await do(engine, clerk, resume_need, need.id, expected_version=2, reason="again")


async def test_resuming_checks_the_text_and_the_period_again(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        clerk = await m.account(role=Role.GOV_CLERK)
        given: dict[str, Any] = {"expected_version": 1, "reason": "back"}
        dirty = await m.need(
            state=S.PAUSED, group_name="城东医院", public_summary="电话13800138000"
        )
        over = await m.need(
            state=S.PAUSED,
            group_name="城东医院",
            publish_from=today() - timedelta(days=9),
            publish_until=today(),
        )
        for need in (dirty, over):
            before = await snapshot(engine, need.id)
            with pytest.raises(GuardFailed):
                await do(engine, clerk, resume_need, need.id, **given)
            assert await snapshot(engine, need.id) == before
        until = today() + timedelta(days=5)
        row = await do(engine, clerk, resume_need, over.id, **given, publish_until=until)
        assert (row.state, row.publish_until) == (S.PUBLISHED, until)


async def test_a_publication_holds_its_consent_against_withdrawal(engine: AsyncEngine) -> None:
    """While a need goes out, its consent cannot be withdrawn behind its back."""
    async with making(engine) as m:
        need = await m.need(state=S.VERIFIED)
        clerk = await m.account(role=Role.GOV_CLERK)

        async def publish_and_look(act: Act) -> bool:
            await publish_need(act, need.id, expected_version=1)
            async with AsyncSession(engine) as other, other.begin():
                free = await other.get(
                    Consent, need.consent_id, with_for_update={"skip_locked": True}
                )
            return free is None

        assert await do(engine, clerk, publish_and_look) is True
