"""Rows of hospitals become needs: created, revised, paused, resumed; every row is reported."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Act, Actor, Role, system
from nexus.core.outbox import Event
from nexus.exchange.importing.model import ExternalRef, ImportRun
from nexus.exchange.importing.operations import Report, run_import
from nexus.exchange.importing.running import Import
from nexus.exchange.reading.tables import FileRefused
from nexus.needs.model import Need, NeedLine, NeedState
from nexus.needs.operations import close_need, pause_need
from tests.exchange import writing as w
from tests.making import making

START = datetime(2026, 3, 1, tzinfo=UTC)
NUMBERS = count(1)


@pytest.fixture(scope="module", autouse=True)
async def admin(engine: AsyncEngine) -> Account:
    async with making(engine) as m:
        return await m.account(role="platform_admin", username="admin")


class Source:
    """A source of its own for one test: files are written and imported one after the other."""

    def __init__(self, engine: AsyncEngine, folder: Path, name: str, **replaced: str) -> None:
        self.engine, self.folder, self.name, self.step = engine, folder, name, 0
        profile = w.HOSPITALS.read_text("utf-8").replace('"wuhan2020"  #', f'"{name}"  #')
        for before, after in replaced.items():
            assert before in profile
            profile = profile.replace(before, after)
        self.profile = folder / "profile.toml"
        self.profile.write_text(profile, "utf-8")

    async def read(self, *rows: Any, **options: Any) -> Report:
        self.step += 1
        path = w.city(self.folder / str(self.step), *rows)
        return await self.read_path(path, **options)

    async def read_path(self, path: Path, **options: Any) -> Report:
        report = await run_import(
            self.engine,
            kind="needs",
            path=path,
            profile_path=self.profile,
            now=START + timedelta(hours=self.step),
            **options,
        )
        figures = report.figures()
        parts = ("created", "updated", "unchanged", "duplicates", "rejected")
        assert figures["rows_read"] == sum(figures[name] for name in parts)
        return report

    async def need(self, key: str) -> Need:
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            ref = await session.scalar(
                select(ExternalRef).where(ExternalRef.system == self.name, ExternalRef.value == key)
            )
            assert ref is not None
            need = await session.get_one(Need, ref.object_id)
            await session.refresh(need, ["lines"])
            return need

    async def count(self, table: Any) -> int:
        async with AsyncSession(self.engine) as session:
            return (await session.execute(select(func.count()).select_from(table))).scalar_one()


@pytest.fixture
def source(engine: AsyncEngine, tmp_path: Path) -> Source:
    return Source(engine, tmp_path, f"source-{next(NUMBERS)}")


def lines_of(need: Need) -> dict[str, tuple[Decimal | None, bool]]:
    return {line.item: (line.quantity_required, line.asked) for line in need.lines}


async def test_a_row_becomes_a_published_need_of_a_group(source: Source, admin: Account) -> None:
    report = await source.read(
        w.hospital("甲医院", supplies={"防护服": 500, "医用外科口罩": 1, "手术衣": 0}, note="急缺")
    )
    assert (report.created, report.rejected, report.warnings) == (1, [], [])
    need = await source.need("甲医院")
    assert (need.state, need.visibility, need.group_name) == ("published", "public", "甲医院")
    assert (need.area_code, need.category, need.urgency) == ("420106", "MED", "u2")
    assert need.public_title == "甲医院征集医疗防护物资"
    assert need.public_summary == "需要：医用外科口罩、防护服×500。"
    assert need.internal_description == "区县: 武昌区\n备注: 急缺"
    assert need.verified_by == need.released_by == need.owner_id == admin.id
    assert need.created_by != admin.id
    codes = {
        line.item: (line.item_code, line.kind, line.unit, line.published) for line in need.lines
    }
    assert codes == {
        "医用外科口罩": ("PPE.MASK.SURG", "goods", "C62", True),
        "防护服": ("PPE.BODY.COV", "goods", "C62", True),
    }


async def test_zero_one_and_nothing_are_three_things(source: Source) -> None:
    report = await source.read(
        w.hospital("甲医院", supplies={"防护服": 0, "手术衣": 1, "隔离衣": None, "防护面罩": 2})
    )
    need = await source.need("甲医院")
    assert lines_of(need) == {"防护面罩": (Decimal(2), True), "手术衣": (None, True)}
    assert "Left blank at the source: 隔离衣" in (need.internal_description or "")
    assert report.lines == {"read": 2, "open_ended": 1, "blank": 1}


async def test_the_same_file_again_changes_nothing(source: Source) -> None:
    rows = (w.hospital("甲医院"), w.hospital("乙医院\t", note=None))
    assert (await source.read(*rows)).created == 2
    before = await source.count(Event)
    again = await source.read(*rows)
    assert (again.unchanged, again.created, again.updated, again.withdrawn) == (2, 0, 0, 0)
    assert await source.count(Event) == before + 1  # import.finished


async def test_names_are_known_whatever_their_width_and_spaces(source: Source) -> None:
    await source.read(w.hospital("甲医院（新院)"), w.hospital("乙医院\t"))
    report = await source.read(w.hospital("  甲医院(新院） "), w.hospital("乙医院"))
    assert (report.unchanged, report.created, report.withdrawn) == (2, 0, 0)


async def test_a_changed_row_is_revised_in_place(source: Source) -> None:
    await source.read(w.hospital("甲医院", supplies={"防护服": 10, "手术衣": 5, "隔离衣": 1}))
    before = await source.need("甲医院")
    report = await source.read(
        w.hospital("甲医院", supplies={"防护服": 30, "手术衣": 0, "隔离衣": 1, "防护面罩": 7})
    )
    assert (report.updated, report.changed["lines"]) == (1, 1)
    need = await source.need("甲医院")
    assert (need.id, need.state) == (before.id, NeedState.PUBLISHED)
    assert lines_of(need) == {
        "防护服": (Decimal(30), True),
        "手术衣": (Decimal(5), False),
        "隔离衣": (None, True),
        "防护面罩": (Decimal(7), True),
    }
    assert {line.item for line in need.lines if line.published} == {"防护服", "隔离衣", "防护面罩"}
    assert {line.id for line in before.lines} <= {line.id for line in need.lines}
    await source.read(w.hospital("甲医院", supplies={"防护服": 30, "手术衣": 4, "隔离衣": 1}))
    assert lines_of(await source.need("甲医院"))["手术衣"] == (Decimal(4), True)


async def test_a_quantity_below_what_is_pledged_is_rejected_with_the_numbers(
    source: Source, engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    await source.read(w.hospital("甲医院", supplies={"防护服": 100}), w.hospital("乙医院"))
    line = (await source.need("甲医院")).lines[0]
    async with owner_engine.begin() as connection:
        await connection.execute(
            update(NeedLine).where(NeedLine.id == line.id).values(committed=Decimal(60))
        )
    report = await source.read(
        w.hospital("甲医院", supplies={"防护服": 50}), w.hospital("乙医院", note="新")
    )
    (rejected,) = report.rejected
    assert (rejected.key, rejected.code, report.updated) == ("甲医院", "GUARD_FAILED", 1)
    assert "50" in rejected.message
    assert "60" in rejected.message
    need = await source.need("甲医院")
    assert lines_of(need) == {"防护服": (Decimal(100), True)}
    assert need.public_summary == "需要：防护服×100。"
    gone = await source.read(
        w.hospital("甲医院", supplies={"防护服": 0, "手术衣": 1}), w.hospital("乙医院", note="新")
    )
    assert "60" in gone.rejected[0].message
    assert lines_of(await source.need("甲医院")) == {"防护服": (Decimal(100), True)}


async def test_absent_rows_are_paused_kept_and_resumed(source: Source) -> None:
    await source.read(w.hospital("甲医院"), w.hospital("乙医院"))
    report = await source.read(w.hospital("甲医院"))
    assert (report.withdrawn, report.unchanged) == (1, 1)
    need = await source.need("乙医院")
    assert (need.state, need.state_reason) == ("paused", "absent from the newer snapshot")
    assert (await source.read(w.hospital("甲医院"))).withdrawn == 0
    back = await source.read(w.hospital("甲医院"), w.hospital("乙医院"))
    assert (back.updated, back.resumed, back.unchanged) == (1, 1, 1)
    assert (await source.need("乙医院")).state == NeedState.PUBLISHED


async def test_what_people_paused_here_stays_paused(source: Source, admin: Account) -> None:
    await source.read(w.hospital("甲医院"))
    need = await source.need("甲医院")
    async with AsyncSession(source.engine) as session, session.begin():
        act = Act(session, system(START))
        await pause_need(act, need.id, expected_version=need.version, reason="核实中")
    report = await source.read(w.hospital("甲医院", supplies={"防护服": 9}))
    assert report.updated == 1
    assert "核实中" in report.warnings[0].message
    assert (await source.need("甲医院")).state == NeedState.PAUSED


async def test_a_need_closed_here_is_not_opened_by_its_source(source: Source) -> None:
    await source.read(w.hospital("甲医院"))
    need = await source.need("甲医院")
    async with making(source.engine) as m:
        lead = await m.account(role="gov_coordinator", area_code="42")
    async with AsyncSession(source.engine) as session, session.begin():
        actor = Actor(Role.GOV_COORDINATOR, lead.id, lead.organization_id or lead.id, "42", START)
        await close_need(
            Act(session, actor),
            need.id,
            expected_version=need.version,
            close_reason="no_longer_needed",  # type: ignore[arg-type]
        )
    report = await source.read(w.hospital("甲医院", supplies={"防护服": 9}))
    assert [one.code for one in report.rejected] == ["WRONG_STATE"]
    assert lines_of(await source.need("甲医院")) == {"防护服": (None, True)}


@pytest.mark.parametrize("review", [None, "", "未证实", 1])
async def test_without_a_review_a_row_is_imported_and_not_published(
    source: Source, review: Any
) -> None:
    report = await source.read(w.hospital("甲医院", review=review))
    assert report.created == 1
    assert "not publishable" in report.warnings[0].message
    need = await source.need("甲医院")
    assert (need.state, need.reviewed, need.verified_by) == ("submitted", False, None)
    later = await source.read(w.hospital("甲医院"))
    assert later.updated == 1
    assert (await source.need("甲医院")).state == NeedState.PUBLISHED
    lost = await source.read(w.hospital("甲医院", review=review))
    assert lost.updated == 1
    assert ((await source.need("甲医院")).state, lost.rejected) == (NeedState.PAUSED, [])


@pytest.mark.parametrize(
    ("name", "supplies", "kind"),
    [
        ("甲医院 联系13800138000", {"防护服": 1}, "phone"),
        ("甲医院", {"防护服": 1, "送武昌区解放路238号3栋502室": 1}, "address"),
    ],
)
async def test_personal_data_keeps_a_row_from_being_published(
    source: Source, name: str, supplies: dict[str, Any], kind: str
) -> None:
    report = await source.read(w.hospital(name, supplies=supplies))
    if kind == "phone":
        assert [one.code for one in report.rejected] == ["PERSONAL_KEY"]
        assert "13800138000" not in str(report.as_dict())
        return
    assert report.created == 1
    told = " ".join(one.message for one in report.warnings)
    assert kind in told
    assert "238" not in report.warnings[-1].message
    assert (await source.need(name)).state == NeedState.SUBMITTED


async def test_contact_and_address_are_not_imported(source: Source) -> None:
    more = [
        {"key": "医院地址", "value": "解放路238号", "type": "address"},
        {"key": "联系方式", "value": "13800138000", "type": "contact"},
        {"key": "物流", "value": "顺丰", "type": "string"},
    ]
    report = await source.read(w.hospital("甲医院", more=more))
    need = await source.need("甲医院")
    assert "238" not in f"{need.internal_description}{need.public_summary}"
    assert "13800138000" not in f"{need.internal_description}{need.public_summary}"
    assert any("物流 (1 rows)" in note for note in report.notes)
    assert not any("联系方式" in note for note in report.notes)


async def test_the_same_key_twice_is_told_and_the_first_stands(source: Source) -> None:
    first = w.hospital("甲医院", supplies={"防护服": 5})
    report = await source.read(first, first, w.hospital("甲医院 ", supplies={"防护服": 9}))
    assert (report.created, report.duplicates, report.distinct_keys) == (1, 2, 1)
    assert [(one.row, one.code) for one in report.duplicate_rows] == [
        (2, "DUPLICATE"),
        (3, "DUPLICATE_DIFFERS"),
    ]
    assert "lines" in report.duplicate_rows[1].message
    assert lines_of(await source.need("甲医院")) == {"防护服": (Decimal(5), True)}
    assert (await source.read(first, first)).figures()["unchanged"] == 1


async def test_a_hospital_that_asks_for_nothing_is_known_without_a_need(source: Source) -> None:
    report = await source.read(w.hospital("甲医院", supplies={"防护服": 0}))
    assert (report.created, await source.count(Need)) == (1, await source.count(Need))
    assert "asks for nothing" in report.warnings[0].message
    assert (await source.read(w.hospital("甲医院", supplies={"防护服": 0}))).unchanged == 1
    assert (await source.read(w.hospital("甲医院", supplies={"防护服": 3}))).updated == 1
    assert (await source.need("甲医院")).state == NeedState.PUBLISHED
    assert (await source.read(w.hospital("甲医院", supplies={"防护服": 0}))).updated == 1
    assert (await source.need("甲医院")).state == NeedState.PAUSED
    assert (await source.read(w.hospital("甲医院", supplies={"防护服": 3}))).updated == 1
    assert (await source.need("甲医院")).state == NeedState.PUBLISHED


async def test_rows_without_a_key_hold_withdrawals_back(source: Source) -> None:
    await source.read(w.hospital("甲医院"), w.hospital("乙医院"))
    report = await source.read(w.hospital("甲医院"), w.hospital(None), w.hospital(" "))
    assert (report.keyless, report.withdrawn, report.unchanged) == (2, 0, 1)
    assert any("kept" in note for note in report.notes)
    assert (await source.need("乙医院")).state == NeedState.PUBLISHED
    assert (await source.read(w.hospital("甲医院"))).withdrawn == 1


async def test_a_rejected_row_is_not_absent(source: Source) -> None:
    await source.read(w.hospital("甲医院"), w.hospital("乙医院"))
    report = await source.read(
        w.hospital("甲医院"), w.hospital("乙医院", supplies={"防护服": "多"})
    )
    assert ([one.key for one in report.rejected], report.withdrawn) == (["乙医院"], 0)
    assert (await source.need("乙医院")).state == NeedState.PUBLISHED


async def test_a_file_that_lacks_more_than_half_is_refused(source: Source) -> None:
    await source.read(*(w.hospital(f"医院{n}") for n in range(24)))
    with pytest.raises(FileRefused, match=r"14 of 24 known rows are absent"):
        await source.read(*(w.hospital(f"医院{n}", note="新") for n in range(10)))
    assert (await source.need("医院1")).internal_description == "区县: 武昌区"
    report = await source.read(*(w.hospital(f"医院{n}") for n in range(12)))
    assert report.withdrawn == 12


async def test_a_dry_run_says_the_same_and_changes_nothing(source: Source) -> None:
    await source.read(w.hospital("甲医院"), w.hospital("乙医院"))
    tables = (Need, NeedLine, ExternalRef, ImportRun, Event)
    before = [await source.count(table) for table in tables]
    rows = (w.hospital("甲医院", note="新"), w.hospital("丙医院"), w.hospital(None))
    dry = await source.read(*rows, dry_run=True)
    assert [await source.count(table) for table in tables] == before
    real = await source.read(*rows)
    assert replace(dry, dry_run=False) == real
    assert (dry.created, dry.updated, real.keyless) == (1, 1, 1)


async def test_a_crash_leaves_nothing_half_done(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(self: Import, passed: list[str]) -> None:
        raise ConnectionResetError

    tables = (Need, NeedLine, ExternalRef, ImportRun, Event, Account)
    before = [await source.count(table) for table in tables]
    monkeypatch.setattr(Import, "finish", crash)
    with pytest.raises(ConnectionResetError):
        await source.read(w.hospital("甲医院"), w.hospital("乙医院"))
    assert [await source.count(table) for table in tables] == before


async def test_places_that_are_no_division_stand_for_their_city_with_a_note(
    source: Source,
) -> None:
    report = await source.read(w.hospital("甲医院", "高新区"), w.hospital("乙医院", "武汉市"))
    assert (await source.need("甲医院")).area_code == "4201"
    assert (await source.need("乙医院")).area_code == "4201"
    assert any("高新区 (1)" in note for note in report.notes)


async def test_a_city_that_the_profile_does_not_know_is_a_row_error(source: Source) -> None:
    source.step += 1
    path = w.city(source.folder / "x", w.hospital("甲医院"), name="atlantis")
    report = await source.read_path(path)
    assert [(one.field, one.code) for one in report.rejected] == [("area", "UNKNOWN_VALUE")]


async def test_a_supply_that_no_line_names_is_kept_in_its_own_words(source: Source) -> None:
    report = await source.read(w.hospital("甲医院", supplies={"正压头套": 4, "丁腈手套": 1}))
    need = await source.need("甲医院")
    assert {line.item: line.item_code for line in need.lines} == {
        "正压头套": None,
        "丁腈手套": "PPE.GLOVE.NITRILE",
    }
    assert ["正压头套" in one.message for one in report.warnings] == [True]


async def test_shifted_rows_are_read_by_their_types_when_the_profile_says_so(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    shifted = [
        {"key": None, "value": "武昌区", "type": "区县"},
        {"key": None, "value": "甲医院", "type": "医院名称"},
        {"key": "防护服", "value": 100, "type": "string"},
        {"key": "手术衣", "value": "supply|YY/T 0506", "type": "string"},
        {"key": "审核状态", "value": "已审核", "type": "string"},
    ]
    strict = Source(engine, tmp_path, "shifted")
    report = await strict.read(shifted)
    assert ([one.code for one in report.rejected], report.keyless) == (["NO_KEY"], 1)
    (tmp_path / "b").mkdir()
    by_type = Source(
        engine, tmp_path / "b", "by-type", **{"labels_in_type = false": "labels_in_type = true"}
    )
    report = await by_type.read(shifted)
    assert (report.created, report.rejected) == (1, [])
    assert lines_of(await by_type.need("甲医院")) == {"防护服": (Decimal(100), True)}


async def test_progress_is_told(source: Source) -> None:
    heard: list[tuple[int, int]] = []
    rows = [w.hospital(f"医院{n}", supplies={"防护服": 0}) for n in range(450)]
    await source.read(*rows, progress=lambda done, total: heard.append((done, total)))
    assert heard == [(200, 450), (400, 450), (450, 450)]
