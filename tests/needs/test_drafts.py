"""Recording needs and changing them while they are drafts."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.areas.rules import UnknownArea, UnknownCode
from nexus.core.refusals import Forbidden, Invalid, NotFound, VersionConflict, WrongState
from nexus.needs.model import (
    Need,
    NeedKind,
    NeedLine,
    NeedState,
    SubjectKind,
    Urgency,
    Visibility,
)
from nexus.needs.operations import add_need_line, create_need, remove_need_line, update_need
from nexus.needs.rules import LineInput
from tests.making import Maker, from_today, making, today
from tests.needs.acting import do, snapshot

RICE = LineInput(
    kind=NeedKind.GOODS, item="大米", item_code=None, quantity_required=Decimal(20), unit="KGM"
)
MASKS = LineInput(kind=NeedKind.GOODS, item="口罩", quantity_required=None)


async def group(m: Maker, **fields: Any) -> dict[str, Any]:
    """What a group's need is recorded with."""
    publisher = fields.pop("publisher", None) or await m.authority()
    return {
        "subject_kind": SubjectKind.GROUP,
        "group_name": "城东医院",
        "area_code": await m.area("440103001"),
        "origin": "hospital",
        "category": "MED",
        "urgency": Urgency.U2,
        "lines": [RICE, MASKS],
        "publisher_id": publisher.id,
    } | fields


async def person(m: Maker, **fields: Any) -> dict[str, Any]:
    """What a person's need is recorded with."""
    recipient = fields.pop("recipient", None) or await m.recipient()
    return await group(
        m,
        subject_kind=SubjectKind.RECIPIENT,
        group_name=None,
        recipient_id=recipient.id,
        consent_id=(await m.consent(recipient)).id,
        station_id=(await m.station()).id,
        **fields,
    )


async def lines_of(engine: AsyncEngine, need: Need) -> list[NeedLine]:
    async with AsyncSession(engine) as session:
        found = select(NeedLine).where(NeedLine.need_id == need.id).order_by(NeedLine.position)
        return list((await session.execute(found)).scalars())


async def test_a_persons_need_is_a_draft_that_shows_its_county(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        worker = await m.account(role=Role.SOCIAL_WORKER, area_code="440103")
        household = await m.household()
        recipient = await m.recipient(household)
        given = await person(m, recipient=recipient)
        need = await do(engine, worker, create_need, **given)
    assert (need.state, need.version) == (NeedState.DRAFT, 1)
    assert (need.area_code, need.shown_area_code) == ("440103001", "440103")
    assert need.no.startswith("N-440103-"), "the number, too, tells no finer area"
    assert need.household_id == household.id
    assert need.owner_id == need.created_by == worker.id
    assert need.visibility is Visibility.PARTNERS
    rice, masks = await lines_of(engine, need)
    assert (rice.quantity_required, rice.unit, rice.category) == (Decimal(20), "KGM", "MED")
    assert (masks.quantity_required, masks.unit, masks.published) == (None, "C62", False)


async def test_a_town_without_a_county_shows_its_city(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        await m.area("4419")
        worker = await m.account(role=Role.SOCIAL_WORKER, area_code="4419")
        household = await m.household(area_code="4419")
        given = await person(m, recipient=await m.recipient(household), area_code="441900003")
        need = await do(engine, worker, create_need, **given)
    assert (need.area_code, need.shown_area_code) == ("441900003", "4419")


async def test_a_group_is_shown_where_it_is(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        clerk = await m.account(role=Role.GOV_CLERK)
        need = await do(engine, clerk, create_need, **await group(m))
        assert (need.shown_area_code, need.station_id) == ("440103001", None)
        need = await do(engine, clerk, create_need, **await group(m, shown_area_code="4401"))
        assert need.shown_area_code == "4401"


async def test_an_area_may_be_written_in_words(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        clerk = await m.account(role=Role.GOV_CLERK)
        need = await do(engine, clerk, create_need, **await group(m, area_code="广东省广州市"))
    assert need.area_code == "4401"


async def test_the_publisher_is_the_actors_own_authority(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        clerk = await m.account(role=Role.GOV_CLERK)
        need = await do(engine, clerk, create_need, **await group(m, publisher_id=None))
        assert need.publisher_id == clerk.organization_id


BAD: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("category", {"category": "NONSENSE"}, UnknownCode, "category"),
    ("origin", {"origin": "nonsense"}, UnknownCode, "origin"),
    ("area", {"area_code": "999999"}, UnknownArea, "areaCode"),
    ("no lines", {"lines": []}, Invalid, "lines"),
    (
        "unit",
        {"lines": [RICE, LineInput(kind=NeedKind.GOODS, item="布", unit="ELL")]},
        UnknownCode,
        "lines[2].unit",
    ),
    (
        "item",
        {"lines": [LineInput(kind=NeedKind.GOODS, item="布", item_code="NO.SUCH")]},
        UnknownCode,
        "lines[1].itemCode",
    ),
    ("two subjects", {"subject_kind": SubjectKind.RECIPIENT}, Invalid, "recipientId"),
    ("nameless group", {"group_name": " "}, Invalid, "groupName"),
    (
        "period",
        {"publish_from": from_today(), "publish_until": from_today()},
        Invalid,
        "publishUntil",
    ),
    ("long title", {"public_title": "米" * 201}, Invalid, "publicTitle"),
]


@pytest.mark.parametrize(("case", "fields", "refusal", "field"), BAD, ids=[b[0] for b in BAD])
async def test_nonsense_is_refused_by_field(
    engine: AsyncEngine, case: str, fields: dict[str, Any], refusal: type[Exception], field: str
) -> None:
    async with making(engine) as m:
        clerk = await m.account(role=Role.GOV_CLERK)
        given = await group(m)
        with pytest.raises(refusal) as refused:
            await do(engine, clerk, create_need, **given | fields)
        made = select(Need.id).where(Need.created_by == clerk.id)
        assert (await m.session.execute(made)).first() is None
    assert getattr(refused.value, "field", None) == field


async def test_a_publisher_is_a_verified_authority(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        worker = await m.account(role=Role.SOCIAL_WORKER)
        charity = await m.organization()
        suspended = await m.authority(state="suspended")
        for publisher_id in (None, charity.id, suspended.id):
            given = await group(m, publisher_id=publisher_id)
            with pytest.raises(Invalid) as refused:
                await do(engine, worker, create_need, **given)
            assert refused.value.field == "publisherId"


async def test_people_and_places_must_fit(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        worker = await m.account(role=Role.SOCIAL_WORKER)
        given = await person(m)
        charity = await m.account(role=Role.CHARITY_USER)
        gone = await m.account(role=Role.SOCIAL_WORKER, state="closed")
        closed = await m.station(state="closed")
        cases = {
            "consentId": (await m.consent()).id,
            "stationId": None,
            "ownerId": charity.id,
        }
        for field, value in [*cases.items(), ("stationId", closed.id), ("ownerId", gone.id)]:
            name = field.replace("Id", "_id")
            with pytest.raises(Invalid) as refused:
                await do(engine, worker, create_need, **given | {name: value})
            assert refused.value.field == field
        with pytest.raises(Invalid):
            await do(
                engine,
                worker,
                create_need,
                **await group(m, consent_id=(await m.consent()).id),
            )


async def test_a_households_need_takes_a_members_consent(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        worker = await m.account(role=Role.SOCIAL_WORKER)
        household = await m.household()
        consent = await m.consent(await m.recipient(household))
        given = await group(
            m,
            subject_kind=SubjectKind.HOUSEHOLD,
            group_name=None,
            household_id=household.id,
            station_id=(await m.station()).id,
        )
        need = await do(engine, worker, create_need, **given | {"consent_id": consent.id})
        assert (need.consent_id, need.recipient_id) == (consent.id, None)
        with pytest.raises(Invalid):
            await do(engine, worker, create_need, **given | {"consent_id": (await m.consent()).id})


async def test_needs_are_recorded_in_ones_own_territory(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        elsewhere = await m.account(role=Role.SOCIAL_WORKER, area_code="4402")
        with pytest.raises(Forbidden):
            await do(engine, elsewhere, create_need, **await group(m))
        with pytest.raises(NotFound):
            await do(
                engine,
                elsewhere,
                create_need,
                **await person(m, area_code=await m.area("440203")),
            )
        charity = await m.account(role=Role.CHARITY_USER, area_code="44")
        with pytest.raises(Forbidden):
            await do(engine, charity, create_need, **await group(m))


async def test_an_update_changes_what_is_named_and_nothing_else(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        worker = await m.account(role=Role.SOCIAL_WORKER)
        need = await do(engine, worker, create_need, **await person(m))
        changed = await do(
            engine,
            worker,
            update_need,
            need.id,
            expected_version=1,
            public_title=" 口罩 ",
            needed_by=today() + timedelta(days=9),
        )
        assert (changed.public_title, changed.category, changed.version) == ("口罩", "MED", 2)
        assert [one.item for one in await lines_of(engine, need)] == ["大米", "口罩"]
        with pytest.raises(VersionConflict):
            await do(engine, worker, update_need, need.id, expected_version=1, category="LIV")


async def test_area_and_category_reach_the_lines(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        worker = await m.account(role=Role.SOCIAL_WORKER)
        need = await do(engine, worker, create_need, **await person(m))
        town = await m.area("440104001")
        changed = await do(
            engine,
            worker,
            update_need,
            need.id,
            expected_version=1,
            area_code=town,
            category="LIV",
        )
        assert changed.shown_area_code == "440104"
        kept = await lines_of(engine, need)
        assert {(one.area_code, one.category) for one in kept} == {(town, "LIV")}


async def test_a_need_does_not_leave_the_territory(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        worker = await m.account(role=Role.SOCIAL_WORKER, area_code="440103")
        need = await do(engine, worker, create_need, **await person(m))
        before = await snapshot(engine, need.id)
        with pytest.raises(Forbidden):
            await do(
                engine,
                worker,
                update_need,
                need.id,
                expected_version=1,
                area_code=await m.area("440104"),
            )
        assert await snapshot(engine, need.id) == before


async def test_lines_are_replaced_added_and_taken_out(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        worker = await m.account(role=Role.SOCIAL_WORKER)
        need = await do(engine, worker, create_need, **await person(m))
        await do(engine, worker, update_need, need.id, expected_version=1, lines=[MASKS])
        (only,) = await lines_of(engine, need)
        assert (only.item, only.position) == ("口罩", 1)
        with pytest.raises(Invalid):
            await do(engine, worker, remove_need_line, only.id, expected_version=2)
        await do(engine, worker, add_need_line, need.id, expected_version=2, line=RICE)
        await do(engine, worker, remove_need_line, only.id, expected_version=3)
        (left,) = await lines_of(engine, need)
        assert (left.item, left.position) == ("大米", 2)


@pytest.mark.parametrize("state", [s for s in NeedState if s not in ("draft", "returned")])
async def test_only_drafts_and_returned_needs_change(engine: AsyncEngine, state: NeedState) -> None:
    async with making(engine) as m:
        need = await m.need(state=state)
        approver = await m.account(role=Role.GOV_APPROVER)
        before = await snapshot(engine, need.id)
        line_id = need.lines[0].id
        deeds: list[tuple[Any, Any, dict[str, Any]]] = [
            (update_need, need.id, {"category": "MED"}),
            (add_need_line, need.id, {"line": RICE}),
            (remove_need_line, line_id, {}),
        ]
        for deed, row_id, given in deeds:
            with pytest.raises(WrongState):
                await do(engine, approver, deed, row_id, expected_version=1, **given)
        assert await snapshot(engine, need.id) == before
