"""A township's table: needs of households, known by file numbers, in the town of their station."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.casework.model import Station
from nexus.exchange.importing.model import ExternalRef
from nexus.exchange.importing.operations import Report, run_import
from nexus.exchange.importing.parties import WhoRefused
from nexus.exchange.profiles.loading import ProfileRefused
from nexus.needs.model import Need
from nexus.recipients.model import Household
from tests.exchange import writing as w
from tests.making import making

START = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = count(1)
EXAMPLE = w.ROOT / "examples/data/township-needs.csv"


@pytest.fixture(scope="module", autouse=True)
async def station(engine: AsyncEngine) -> Station:
    async with making(engine) as m:
        await m.account(role="platform_admin", username="admin")
        await m.station(area_code="440103003")
        await m.station(area_code="440103004")
        return await m.station(area_code="440103002")


async def read(engine: AsyncEngine, path: Path, **options: Any) -> Report:
    options.setdefault("kind", "needs")
    now = START + timedelta(hours=next(HOURS))
    return await run_import(engine, path=path, profile_path=w.TOWNSHIP, now=now, **options)


async def needs(engine: AsyncEngine) -> dict[str, Need]:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        refs = await session.scalars(select(ExternalRef).where(ExternalRef.type == "need"))
        found = {ref.value: await session.get_one(Need, ref.object_id) for ref in refs}
        for need in found.values():
            await session.refresh(need, ["lines"])
        return found


async def test_the_example_is_imported_and_stays_unpublished_without_consent(
    engine: AsyncEngine, station: Station
) -> None:
    report = await read(engine, EXAMPLE)
    assert report.rejected == []
    assert (report.rows_read, report.created) == (5, 5)
    found = await needs(engine)
    rice = found["H2026-0001 / 1"]
    assert (rice.state, rice.reviewed, rice.station_id) == ("submitted", True, station.id)
    assert (rice.area_code, rice.shown_area_code) == ("440103002", "440103")
    assert (rice.category, rice.urgency, rice.needed_by) == ("LIV", "u4", date(2026, 12, 31))
    (line,) = rice.lines
    assert (line.item_code, line.quantity_required, line.unit) == ("FOOD.RICE", Decimal(20), "KGM")
    assert found["H2026-0001 / 2"].household_id == rice.household_id
    assert found["H2026-0001 / 2"].lines[0].quantity_required == Decimal(1)
    money = found["H2026-0003 / 1"]
    assert (money.lines[0].kind, money.lines[0].unit) == ("cash", "CNY")
    open_ended = found["H2026-0004 / 1"]
    assert (open_ended.lines[0].quantity_required, open_ended.reviewed) == (None, False)
    async with AsyncSession(engine) as session:
        sizes = [row.size for row in await session.scalars(select(Household))]
    assert sorted(sizes) == [1, 2, 3, 4]


async def test_the_example_again_in_other_clothes_changes_nothing(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    text = EXAMPLE.read_text("utf-8-sig")
    for name, content in {
        "gb.csv": text.encode("gb18030"),
        "utf16.csv": text.encode("utf-16"),
        "plain.csv": text.encode(),
        "book.xlsx": w.workbook(
            *[line.split(",") for line in text.replace('"', "").splitlines()[2:]],
            header=text.splitlines()[1].split(","),
        ),
    }.items():
        (tmp_path / name).write_bytes(content)
        report = await read(engine, tmp_path / name)
        assert (report.unchanged, report.updated, report.created) == (5, 0, 0), name


async def test_a_household_needs_one_station(engine: AsyncEngine, tmp_path: Path) -> None:
    async with making(engine) as m:
        both = [await m.station(area_code="440103005", name=f"多站{n}") for n in (1, 2)]
    path = tmp_path / "a.csv"
    header = (*w.HEADER, "社工站")
    rows = [
        (*w.good(户编号=f"S{n}", 镇街="440103005"), named)
        for n, named in enumerate(["", "多站2", both[0].no, "无此站"])
    ]
    path.write_text(w.table(*rows, header=header), "utf-8")
    report = await read(engine, path)
    assert [(one.row, one.field) for one in report.rejected] == [(2, "station"), (5, "station")]
    found = await needs(engine)
    assert found["S1 / 1"].station_id == both[1].id
    assert found["S2 / 1"].station_id == both[0].id


async def test_codes_are_read_as_people_write_them(engine: AsyncEngine, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [
        w.good(户编号="C1", 需求类别="医疗", 镇街="广东省广州市荔湾区岭南街道"),
        w.good(户编号="C2", 需求类别="住房救助", 镇街="440103002000"),
        w.good(户编号="C3", 需求类别="基本生话"),
        w.good(户编号="C4", 镇街="44O103002"),
        w.good(户编号="C5", 镇街="440107002"),
    ]
    path.write_text(w.table(*rows), "utf-8")
    report = await read(engine, path)
    found = await needs(engine)
    assert (found["C1 / 1"].category, found["C2 / 1"].category) == ("MED", "HOU")
    assert [(one.key, one.code) for one in report.rejected][:2] == [
        ("C3 / 1", "UNKNOWN_CODE"),
        ("C4 / 1", "UNKNOWN_AREA"),
    ]
    assert "LIV" in report.rejected[0].message
    assert "440103002" in report.rejected[1].message


@pytest.mark.parametrize("role", ["gov_clerk", "gov_approver"])
async def test_an_authority_vouches_in_its_own_territory(
    role: str, engine: AsyncEngine, tmp_path: Path
) -> None:
    async with making(engine) as m:
        clerk = await m.account(role=role, area_code="440103")
    path = tmp_path / "a.csv"
    path.write_text(
        w.table(w.good(户编号=f"T1{role}"), w.good(户编号=f"T2{role}", 镇街="440104001")), "utf-8"
    )
    report = await read(engine, path, voucher=clerk.username)
    assert [(one.row, one.code) for one in report.rejected] == [(3, "FORBIDDEN")]
    need = (await needs(engine))[f"T1{role} / 1"]
    assert (need.owner_id, need.publisher_id) == (clerk.id, clerk.organization_id)


@pytest.mark.parametrize("role", ["charity_user", "social_worker", "auditor"])
async def test_others_cannot_vouch(role: str, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        account = await m.account(role=role)
    for name in (account.username, "nobody", "import"):
        with pytest.raises(WhoRefused, match="--as"):
            await read(engine, EXAMPLE, voucher=name)


async def test_a_profile_of_another_kind_is_refused(engine: AsyncEngine) -> None:
    with pytest.raises(ProfileRefused, match="a profile of needs, not of offers"):
        await read(engine, EXAMPLE, kind="offers")
