"""Rows of factories and clinics become offers of organizations."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Act, Actor, Role
from nexus.charity.model import Offer, OfferArea, OfferState
from nexus.charity.operations import pause_offer
from nexus.exchange.importing.operations import Report, run_import
from nexus.organizations.model import Organization, OrganizationState
from tests.exchange import writing as w
from tests.making import making

START = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = count(1)


@pytest.fixture(scope="module", autouse=True)
async def admin(engine: AsyncEngine) -> Account:
    async with making(engine) as m:
        return await m.account(role="platform_admin", username="admin")


class Source:
    """One source of its own with unique organization names."""

    def __init__(self, engine: AsyncEngine, folder: Path) -> None:
        self.engine, self.path = engine, folder / "data.json"
        self.name = f"s{next(HOURS)}"

    async def read(self, *rows: Any, profile: Path = w.FACTORIES, **options: Any) -> Report:
        own = self.path.with_name("profile.toml")
        own.write_text(
            profile.read_text("utf-8").replace('source = "wuhan2020"', f'source = "{self.name}"'),
            "utf-8",
        )
        self.path.write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
        now = START + timedelta(hours=next(HOURS))
        return await run_import(
            self.engine, kind="offers", path=self.path, profile_path=own, now=now, **options
        )

    def factory(self, name: str, capacity: dict[str, Any], **cells: Any) -> list[Any]:
        return w.factory(f"{name}-{self.name}", capacity, **cells)

    async def offers(self, name: str) -> dict[str, Offer]:
        async with AsyncSession(self.engine) as session:
            found = await session.scalars(
                select(Offer)
                .join(Organization, Organization.id == Offer.organization_id)
                .where(Organization.name == f"{name}-{self.name}")
            )
            return {f"{offer.category} {offer.title.partition('：')[2]}": offer for offer in found}


@pytest.fixture
def source(engine: AsyncEngine, tmp_path: Path) -> Source:
    return Source(engine, tmp_path)


async def test_every_entry_of_a_list_cell_is_an_offer(source: Source, admin: Account) -> None:
    report = await source.read(
        source.factory(
            "日照厂",
            {"口罩类产能": [("医用口罩", 1000000), ("N95", 1)], "身体防护类产能": [("雨披", 50)]},
            province="山东",
            city="日照市",
        )
    )
    assert (report.created, report.rejected) == (1, [])
    assert report.lines == {"read": 3, "open_ended": 1, "blank": 0}
    offers = await source.offers("日照厂")
    assert {name: (o.item_code, o.capacity_maximum) for name, o in offers.items()} == {
        "MED 医用口罩": ("PPE.MASK.MED", Decimal(1000000)),
        "MED N95": ("PPE.MASK.RESP", None),
        "MED 雨披": ("PPE.BODY", Decimal(50)),
    }
    assert {(o.state, o.kind, o.unit) for o in offers.values()} == {("listed", "goods", "C62")}
    assert {o.available_from for o in offers.values()} == {date(2026, 1, 26)}
    async with AsyncSession(source.engine) as session:
        owner = await session.get_one(Organization, offers["MED N95"].organization_id)
        areas = await session.scalars(
            select(OfferArea.area_code).where(OfferArea.offer_id == offers["MED N95"].id)
        )
        assert (owner.state, owner.area_code, list(areas)) == ("verified", "3711", ["CN"])
        assert owner.verified_by == admin.id != owner.created_by
    assert "雨披" in report.warnings[0].message


async def test_again_and_changed_and_gone_and_back(source: Source) -> None:
    one = source.factory("甲厂", {"口罩类产能": [("N95", 100), ("医用口罩", 7)]})
    two = source.factory("乙厂", {"检测产品类产能": [("核酸检测试剂盒", 1)]})
    assert (await source.read(one, two)).created == 2
    assert (await source.read(one, two)).unchanged == 2
    more = source.factory("甲厂", {"口罩类产能": [("N95", 300)], "手部防护类产能": [("手套", 1)]})
    report = await source.read(more)
    assert (report.updated, report.withdrawn) == (1, 1)
    offers = await source.offers("甲厂")
    assert {name: (o.capacity_maximum, o.state) for name, o in offers.items()} == {
        "MED N95": (Decimal(300), OfferState.LISTED),
        "MED 医用口罩": (Decimal(7), OfferState.PAUSED),
        "MED 手套": (None, OfferState.LISTED),
    }
    gone = (await source.offers("乙厂"))["MED 核酸检测试剂盒"]
    assert (gone.state, gone.state_reason) == ("paused", "absent from the newer snapshot")
    back = await source.read(one, two)
    assert (back.updated, back.resumed) == (2, 1)
    assert (await source.offers("乙厂"))["MED 核酸检测试剂盒"].state == OfferState.LISTED
    assert {o.state for o in (await source.offers("甲厂")).values()} == {"listed", "paused"}


async def test_a_capacity_below_what_is_used_is_rejected(
    source: Source, owner_engine: AsyncEngine
) -> None:
    await source.read(source.factory("甲厂", {"口罩类产能": [("N95", 100)]}))
    offer = (await source.offers("甲厂"))["MED N95"]
    async with owner_engine.begin() as connection:
        await connection.execute(
            update(Offer).where(Offer.id == offer.id).values(capacity_used=Decimal(60))
        )
    report = await source.read(source.factory("甲厂", {"口罩类产能": [("N95", 50)]}))
    assert [one.code for one in report.rejected] == ["CAPACITY_EXHAUSTED"]
    assert "60" in report.rejected[0].message
    assert (await source.offers("甲厂"))["MED N95"].capacity_maximum == Decimal(100)


async def test_changed_words_are_told_anew_and_listed_again(source: Source) -> None:
    await source.read(source.factory("甲厂", {"口罩类产能": [("N95", 100)]}))
    report = await source.read(
        source.factory("甲厂", {"口罩类产能": [("N95", 100)]}, day="2026-02-01")
    )
    assert (report.updated, report.changed) == (1, {"facts": 1})
    offer = (await source.offers("甲厂"))["MED N95"]
    assert (offer.available_from, offer.state) == (date(2026, 2, 1), OfferState.LISTED)


async def test_without_a_review_an_offer_is_not_listed(source: Source) -> None:
    row = {"口罩类产能": [("N95", 100)]}
    report = await source.read(source.factory("甲厂", row, review="未审核"))
    assert "not listed" in report.warnings[0].message
    assert (await source.offers("甲厂"))["MED N95"].state == OfferState.DRAFT
    await source.read(source.factory("甲厂", row))
    assert (await source.offers("甲厂"))["MED N95"].state == OfferState.LISTED
    await source.read(source.factory("甲厂", row, review=""))
    assert (await source.offers("甲厂"))["MED N95"].state == OfferState.PAUSED


async def test_what_its_owner_paused_stays_paused(source: Source) -> None:
    await source.read(source.factory("甲厂", {"口罩类产能": [("N95", 100)]}))
    offer = (await source.offers("甲厂"))["MED N95"]
    async with AsyncSession(source.engine) as session, session.begin():
        owner = Actor(Role.CHARITY_USER, offer.id, offer.organization_id, "", START)
        await pause_offer(
            Act(session, owner), offer.id, expected_version=offer.version, reason="停产"
        )
    report = await source.read(source.factory("甲厂", {"口罩类产能": [("N95", 90)]}))
    assert "停产" in report.warnings[0].message
    assert (await source.offers("甲厂"))["MED N95"].state == OfferState.PAUSED


async def test_the_organization_of_that_name_is_used(source: Source) -> None:
    async with making(source.engine) as m:
        known = await m.organization(name=f"甲厂-{source.name}")
        await m.organization(name=f"乙厂-{source.name}", state=OrganizationState.SUBMITTED)
        for _ in range(2):
            await m.organization(name=f"丙厂-{source.name}")
    rows = [source.factory(name, {"口罩类产能": [("N95", 1)]}) for name in ("甲厂", "乙厂", "丙厂")]
    report = await source.read(*rows)
    assert [(one.row, one.code) for one in report.rejected] == [(2, "FORBIDDEN"), (3, "INVALID")]
    assert (await source.offers("甲厂"))["MED N95"].organization_id == known.id


async def test_a_name_of_either_width_is_one_and_stays_as_published(
    source: Source, engine: AsyncEngine
) -> None:
    """Who stands here with the brackets of Chinese is found by those of ASCII, and keeps them."""
    wide, narrow = f"爱心厂（东）-{source.name}", f"爱心厂(东)-{source.name}"
    async with making(engine) as m:
        standing = await m.organization(name=f"旧厂（西）-{source.name}", state="verified")
    capacity = {"口罩类产能": [("N95", 1)]}
    rows = [w.factory(name, capacity) for name in (wide, narrow, standing.name)]
    rows.append(w.factory(f"旧厂(西)-{source.name}", capacity))
    for row in rows:
        report = await source.read(row)
        assert report.rejected == []
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(Organization.name).where(Organization.name.like(f"%厂_%_-{source.name}"))
        )
        assert sorted(found) == sorted([wide, standing.name])


async def test_a_name_keeps_the_characters_it_was_published_with(
    source: Source, engine: AsyncEngine
) -> None:
    """Full-width letters, a compatibility sign, and white space in a row of the file."""
    published = f"ＡＢＣ㈱  公益（华南）-{source.name} "
    kept = f"ＡＢＣ㈱ 公益（华南）-{source.name}"
    capacity = {"口罩类产能": [("N95", 1)]}
    for name in (published, f"ABC(株) 公益(华南)-{source.name}"):
        assert (await source.read(w.factory(name, capacity))).rejected == []
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(Organization.name).where(Organization.name.like(f"%公益_华南_-{source.name}"))
        )
        assert list(found) == [kept]


async def test_a_clinic_has_one_offer_for_each_of_its_categories(source: Source) -> None:
    def clinic(name: str, kind: Any, note: str = "免费问诊") -> list[Any]:
        return [
            {"key": "义诊单位或个人", "value": name, "type": "string"},
            {"key": "发布时间", "value": None, "type": "date"},
            {"key": "备注", "value": note, "type": "string"},
            {"key": "审核状态", "value": "已审核", "type": "enum"},
            {"key": "类型", "value": kind, "type": "0.新冠义诊；1.心理咨询；2.其他；3.义诊&心理"},
        ]

    report = await source.read(
        clinic(f"甲院-{source.name}", 3),
        clinic(f"乙院-{source.name}", 1, "请拨打13800138000"),
        clinic("[个人医生]", 0),
        clinic(f"丙院-{source.name}", 9),
        profile=w.CLINICS,
    )
    assert [(one.row, one.code) for one in report.rejected] == [
        (3, "NOT_TAKEN"),
        (4, "UNKNOWN_VALUE"),
    ]
    both = await source.offers("甲院")
    assert {(o.category, o.kind, o.unit, o.capacity_maximum) for o in both.values()} == {
        ("MED", "service", "E48", None),
        ("PSY", "service", "E48", None),
    }
    assert {o.summary for o in both.values()} == {"免费问诊"}
    (private,) = (await source.offers("乙院")).values()
    assert private.summary is None
    assert "phone" in report.warnings[0].message
    assert "13800138000" not in str(report.as_dict())
    again = await source.read(clinic(f"甲院-{source.name}", 3), profile=w.CLINICS)
    assert again.unchanged == 1


async def test_two_lists_of_one_source_do_not_take_each_others_offers(source: Source) -> None:
    row = source.factory("甲厂", {"口罩类产能": [("N95", 100)]})
    await source.read(row)
    other = w.FACTORIES.read_text("utf-8").replace('type = "factory"', 'type = "workshop"')
    profile = source.path.with_name("workshop.toml")
    profile.write_text(other, "utf-8")
    assert (await source.read(row, profile=profile)).created == 1
    changed = source.factory("甲厂", {"口罩类产能": [("医用口罩", 5)]})
    assert (await source.read(changed, profile=profile)).updated == 1
    assert (await source.read(row)).unchanged == 1
    async with AsyncSession(source.engine) as session:
        found = await session.scalars(
            select(Offer.state)
            .join(Organization, Organization.id == Offer.organization_id)
            .where(Organization.name == f"甲厂-{source.name}", Offer.title.endswith("N95"))
        )
        assert sorted(found) == ["listed", "paused"]
