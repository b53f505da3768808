"""The reference data as loaded: complete, consistent, and loaded once however often."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.areas import model
from nexus.areas.operations import load_reference
from nexus.areas.queries import (
    Language,
    check_code,
    code_list,
    labels,
    resolve_area,
    resolve_code,
)
from nexus.areas.rules import UnknownArea, UnknownCode

TODAY = date(2026, 3, 1)

SUPPLIES = {
    "普通医用口罩": "PPE.MASK.MED",
    "医用外科口罩": "PPE.MASK.SURG",
    "医用防护口罩 | N95口罩": "PPE.MASK.RESP",
    "防冲击眼罩/护目镜/防护眼镜": "PPE.EYE",
    "防护面罩": "PPE.FACE",
    "防护帽/医用帽/圆帽": "PPE.CAP",
    "隔离衣": "PPE.BODY.ISO",
    "防护服": "PPE.BODY.COV",
    "手术衣": "PPE.BODY.SURG",
    "乳胶手套": "PPE.GLOVE.LATEX",
    "长筒胶鞋/防污染靴": "PPE.FOOT.BOOT",
    "防污染鞋套": "PPE.FOOT.SHOECOVER",
    "防污染靴套": "PPE.FOOT.BOOTCOVER",
    "84消毒液": "DISINFECT.CHLORINE",
    "过氧乙酸": "DISINFECT.PERACETIC",
    "75%酒精": "DISINFECT.ALCOHOL",
    "手部皮肤消毒液": "DISINFECT.HAND",
    "活力碘": "DISINFECT.IODOPHOR",
    "床罩": "DEVICE.BEDCOVER",
    "医用面罩式雾化器": "DEVICE.NEBULISER",
    "测体温设备": "DEVICE.THERMOMETER",
    "空气消毒设备": "DEVICE.AIR",
    "医用紫外线消毒车": "DEVICE.UV",
}

LISTS = {
    "charity_field": {"poverty", "care", "emergency", "development", "environment", "other"},
    "consent_purpose": {"PUB", "MATCH", "REF", "DELIV", "CASE", "STAT", "EVAL", "XBOR"},
    "data_class": {f"D{n}" for n in range(9)},
    "evaluation_grade": {"excellent", "good", "qualified", "unqualified"},
    "funding_source": {"F1", "F2", "F3"},
    "need_kind": {"CASH", "GOODS", "SERVICE", "HOURS"},
    "urgency": {"U1", "U2", "U3", "U4"},
    "outcome": {
        *("got_help", "partly_helped", "could_not_contact", "not_eligible", "no_capacity"),
        *("declined_by_client", "referred_elsewhere", "client_moved_or_died", "no_show"),
        "failed_other",
    },
    "referral_reject_reason": {
        *("no_capacity", "not_eligible", "outside_area", "missing_documents", "wrong_service"),
        *("duplicate", "safety", "other"),
    },
}

TIERS = {
    **dict.fromkeys(("TK", "DB", "GE", "SW"), "BASIC"),
    **dict.fromkeys(("BY", "GX", "FP"), "SPECIAL"),
    **dict.fromkeys(("LS-J", "LS-Z", "LL"), "URGENT"),
    "SZ": "DISASTER",
    "QT": "OTHER",
    "ZC": "NONE",
}


@pytest.fixture
async def session(engine: AsyncEngine):  # type: ignore[no-untyped-def]
    async with AsyncSession(engine) as session:
        yield session


async def test_loading_again_writes_nothing(owner_engine: AsyncEngine) -> None:
    async with AsyncSession(owner_engine) as session, session.begin():
        before = await counts(session)
        assert await load_reference(session) == 0
        assert await counts(session) == before


async def test_loading_mends_what_differs_and_only_that(owner_engine: AsyncEngine) -> None:
    async with AsyncSession(owner_engine) as session, session.begin():
        area, entry = model.Area, model.CodeEntry
        await session.execute(update(area).where(area.code == "440103").values(name="旧名区"))
        spoiled = entry.list_name == "unit", entry.code == "C62"
        await session.execute(update(entry).where(*spoiled).values(label_en="x", aliases=[]))
        assert await load_reference(session) == 2
        assert (await session.get_one(area, "440103", populate_existing=True)).name == "荔湾区"
        found = (await session.execute(select(entry).where(*spoiled))).scalar_one()
        assert found.label_en == "piece (one)"
        assert "件" in found.aliases


async def counts(session: AsyncSession) -> list[int]:
    tables = (model.Area, model.AreaAlias, model.CodeEntry, model.AssistanceStandard)
    return [
        (await session.execute(select(func.count()).select_from(table))).scalar_one()
        for table in tables
    ]


async def test_guangdong_is_whole(session: AsyncSession) -> None:
    row = model.Area
    found = await session.execute(
        select(row.level, func.count()).where(row.code.startswith("44")).group_by(row.level)
    )
    assert {level.value: n for level, n in found} == {
        "province": 1,
        "city": 21,
        "county": 122,
        "township": 1757,
    }
    provinces = select(func.count()).where(row.level == model.AreaLevel.PROVINCE)
    assert (await session.execute(provinces)).scalar_one() == 34


async def test_a_parent_is_the_longest_known_prefix(session: AsyncSession) -> None:
    rows = (await session.execute(select(model.Area))).scalars().all()
    codes = {row.code for row in rows}
    for row in rows:
        if row.code != "CN":
            above = [row.code[:n] for n in (6, 4, 2) if n < len(row.code) and row.code[:n] in codes]
            assert row.parent_code == (above[0] if above else "CN"), row.code
    by_code = {row.code: row for row in rows}
    assert by_code["441900121"].parent_code == "4419"
    assert by_code["442000118"].parent_code == "4420"
    assert by_code["429004"].parent_code == "4290"


async def test_each_city_of_guangdong_has_a_part_and_a_class(session: AsyncSession) -> None:
    row = model.Area
    cities = await session.execute(
        select(row).where(row.level == model.AreaLevel.CITY, row.code.startswith("44"))
    )
    groups: dict[str, list[str]] = {}
    for city in cities.scalars():
        assert city.area_class in (1, 2, 3, 4)
        groups.setdefault(str(city.area_group), []).append(city.code)
    assert {group: len(codes) for group, codes in groups.items()} == {
        "delta": 9,
        "east": 4,
        "west": 3,
        "north": 5,
    }


async def test_areas_are_resolved_from_the_database(session: AsyncSession) -> None:
    assert await resolve_area(session, "440103") == "440103"
    assert await resolve_area(session, "440116") == "440112"
    assert await resolve_area(session, "湖北省孝感市汉川市") == "420984"
    assert await resolve_area(session, "新华街道", within="4401") == "440114001"
    with pytest.raises(UnknownArea):
        await resolve_area(session, "440103", within="4402")


@pytest.mark.parametrize(("name", "codes"), LISTS.items())
async def test_a_list_has_its_codes(session: AsyncSession, name: str, codes: set[str]) -> None:
    assert set(await labels(session, name)) == codes


async def test_recipient_categories_have_their_tier(session: AsyncSession) -> None:
    row = model.CodeEntry
    found = await session.execute(
        select(row.code, row.tier, row.parent).where(row.list_name == "recipient_category")
    )
    tiers = {code: tier for code, tier, parent in found if parent is None}
    assert tiers == TIERS


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("五保", "TK"),
        ("低保边缘", "BY"),
        ("低边", "BY"),
        ("低收入家庭", "BY"),
        ("支出型贫困", "GX"),
        ("易返贫易致贫", "FP"),
        ("孤儿", "GE"),
        ("臨時遇困(急難型)", "LS-J"),
        ("临时遇困（急难型）", "LS-J"),
    ],
)
async def test_spellings_of_a_category(session: AsyncSession, text: str, code: str) -> None:
    assert await resolve_code(session, "recipient_category", text) == code


@pytest.mark.parametrize(("name", "code"), SUPPLIES.items())
async def test_supplies_are_items(session: AsyncSession, name: str, code: str) -> None:
    assert await resolve_code(session, "item", name) == code
    for part in name.replace("|", "/").split("/"):
        assert await resolve_code(session, "item", part) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("个", "C62"), ("件", "C62"), ("双", "PR"), ("公斤", "KGM"), ("小时", "HUR"), ("元", "CNY")],
)
async def test_units(session: AsyncSession, text: str, code: str) -> None:
    assert await resolve_code(session, "unit", text) == code


async def test_every_word_of_a_list_means_one_code(session: AsyncSession) -> None:
    row = model.CodeEntry
    names = (await session.execute(select(row.list_name).distinct())).scalars().all()
    assert len(names) >= 28
    for name in names:
        entries = await session.execute(select(row).where(row.list_name == name))
        known = await code_list(session, name)
        for entry in entries.scalars():
            texts = (entry.code, entry.label_zh_hans, entry.label_zh_hant, entry.label_en)
            for text in (*texts, *entry.aliases):
                assert known.resolve(text) == entry.code, (name, text)


async def test_parents_are_codes_of_the_list_and_prefixes(session: AsyncSession) -> None:
    row = model.CodeEntry
    entries = (await session.execute(select(row))).scalars().all()
    known = {(entry.list_name, entry.code) for entry in entries}
    for entry in entries:
        above = entry.code.rpartition(".")[0] or entry.parent
        assert entry.parent == above
        assert above is None or (entry.list_name, above) in known


async def test_a_code_is_checked_on_a_day(session: AsyncSession) -> None:
    await check_code(session, "need_category", "LIV", on=TODAY)
    with pytest.raises(UnknownCode) as refused:
        await check_code(session, "need_category", "生活", on=TODAY, field="category")
    assert (refused.value.field, refused.value.suggestion) == ("category", "LIV")
    with pytest.raises(UnknownCode):
        await check_code(session, "need_category", "LIV", on=date(1990, 1, 1))
    with pytest.raises(ValueError, match="no code list"):
        await check_code(session, "no_such_list", "LIV", on=TODAY)


async def test_an_ended_code_is_refused_from_its_last_day(owner_engine: AsyncEngine) -> None:
    async with AsyncSession(owner_engine) as session:
        row = model.CodeEntry
        chosen = row.list_name == "origin", row.code == "media"
        await session.execute(update(row).where(*chosen).values(valid_to=TODAY))
        await check_code(session, "origin", "media", on=TODAY - timedelta(days=1))
        with pytest.raises(UnknownCode):
            await check_code(session, "origin", "media", on=TODAY)
        await session.rollback()


async def test_labels_in_three_languages(session: AsyncSession) -> None:
    assert (await labels(session, "urgency"))["U1"] == "危急"
    hant = await labels(session, "need_category", language=Language.ZH_HANT)
    assert hant["MED"] == "醫療"
    assert (await labels(session, "need_kind", language=Language.EN))["CASH"] == "cash"
    assert list(await labels(session, "urgency")) == ["U1", "U2", "U3", "U4"]


async def test_standards_of_2023(session: AsyncSession) -> None:
    row = model.AssistanceStandard
    found = await session.execute(select(row.area_code, row.kind, row.setting, row.amount_fen))
    amounts = {(area, setting.value): fen for area, kind, setting, fen in found if kind == "dibao"}
    assert len(amounts) == 42
    assert amounts["4401", "urban"] == amounts["4401", "rural"] == 116500
    assert (amounts["4402", "urban"], amounts["4402", "rural"]) == (85700, 60000)
