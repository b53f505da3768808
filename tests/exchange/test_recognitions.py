"""The authority's feed: every row accounted for, nobody's name outside the vault, order-free."""

import json
import logging
import random
import resource
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import nexus.schema  # noqa: F401 - the reactions of every slice
from nexus.acting import View, system
from nexus.core.db import Base
from nexus.core.outbox import Event
from nexus.exchange.importing.model import ExternalRef
from nexus.exchange.importing.operations import Report, run_import
from nexus.exchange.importing.parties import WhoRefused
from nexus.exchange.profiles.loading import ProfileRefused, load_profile
from nexus.recipients.attestations.rules import session_info as attestor_info
from nexus.recipients.model import (
    Gender,
    Household,
    RecheckClass,
    Recipient,
    Recognition,
    RecognitionState,
)
from nexus.recipients.moving.operations import move_recipient
from nexus.recipients.vault.model import IdentityField
from nexus.recipients.vault.operations import open_reveal, record_identity, request_reveal
from nexus.recipients.vault.rules import VaultClosed, session_info
from nexus.supervision.operations import verify
from tests.deeds import VAULT_KEY, acting, actor_of
from tests.exchange import recognition_files as files
from tests.exchange import writing as w
from tests.making import making

S = RecognitionState
PROFILE = w.PROFILES / "recognitions.toml"
EXAMPLE = w.ROOT / "examples/data/recognitions.csv"
START = datetime(2026, 11, 10, tzinfo=UTC)
SOURCES = count(1)
INFO = session_info(VAULT_KEY) | attestor_info(VAULT_KEY)
PARTS = ("created", "updated", "unchanged", "duplicates", "rejected")


@pytest.fixture(scope="module", autouse=True)
async def admin(engine: AsyncEngine) -> Any:
    async with making(engine) as m:
        return await m.account(role="platform_admin", username="admin")


class Source:
    """A source of its own for one test: files are written and imported one after the other."""

    def __init__(self, engine: AsyncEngine, folder: Path, **replaced: str) -> None:
        self.engine, self.folder = engine, folder
        self.name, self.step = f"county-{next(SOURCES)}", 0
        profile = PROFILE.read_text("utf-8").replace("county-assistance", self.name)
        for before, after in replaced.items():
            assert before in profile
            profile = profile.replace(before, after)
        self.profile = folder / "profile.toml"
        self.profile.write_text(profile, "utf-8")

    async def read(self, *rows: dict[str, Any], **options: Any) -> Report:
        self.step += 1
        path = files.write(self.folder / f"{self.step}.csv", rows)
        return await self.read_path(path, **options)

    async def read_path(self, path: Path, **options: Any) -> Report:
        options.setdefault("now", START + timedelta(hours=self.step))
        options.setdefault("info", INFO)
        report = await run_import(
            self.engine, kind="recognitions", path=path, profile_path=self.profile, **options
        )
        figures = report.figures()
        assert figures["rows_read"] == sum(figures[name] for name in PARTS), "INV-40"
        return report

    async def all(self, number: int) -> list[Recognition]:
        """The rows of a number, the one it refers to first."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            row = await session.get_one(Recognition, await self.id_of(f"RD{number:07d}"))
            found = [row]
            while found[-1].corrects_id is not None:
                found.append(await session.get_one(Recognition, found[-1].corrects_id))
            return found

    async def one(self, number: int = 1) -> Recognition:
        return (await self.all(number))[0]

    async def id_of(self, value: str, type_: str = "recognition") -> Any:
        async with AsyncSession(self.engine) as session:
            found = await session.execute(
                select(ExternalRef.object_id).where(
                    ExternalRef.system == self.name,
                    ExternalRef.value == value,
                    ExternalRef.type == type_,
                )
            )
            return found.scalar_one()


@pytest.fixture
def source(engine: AsyncEngine, tmp_path: Path) -> Source:
    global test_people  # noqa: PLW0603 - so that rows can be written without naming the test
    test_people = next(PEOPLE)
    return Source(engine, tmp_path)


N = count(1_000)
PEOPLE = count(1)
"""Every test has ten thousand people of its own: an ID number is one person's in all sources."""
test_people = 0


def person(n: int) -> str:
    """The ID number of the test's person n."""
    return files.id_number(test_people * 10_000 + n)


def row(**cells: Any) -> dict[str, Any]:
    """A row with numbers that no other has; pass `n` for a row of the same numbers."""
    n = cells.pop("n", None) or next(N)
    return files.row(n, **{"身份证号": person(n)} | cells)


async def counts(engine: AsyncEngine) -> dict[str, int]:
    """Rows by table, and what was written last: equal before and after where nothing changed."""
    async with AsyncSession(engine) as session:
        found = {}
        for table in (Household, Recipient, Recognition, ExternalRef):
            statement = select(func.count()).select_from(table)
            found[table.__tablename__] = (await session.execute(statement)).scalar_one()
        for table in (Household, Recipient, Recognition):
            versions = select(func.coalesce(func.sum(table.version), 0))
            found[f"{table.__tablename__} versions"] = (
                await session.execute(versions)
            ).scalar_one()
        told = select(func.count()).where(Event.kind != "import.finished")
        found["events"] = (await session.execute(told)).scalar_one()
        return found


# --- New rows ---


async def test_the_example(source: Source, engine: AsyncEngine) -> None:
    report = await source.read_path(EXAMPLE)
    assert (report.created, report.rejected, report.warnings) == (6, [], [])
    async with AsyncSession(engine, expire_on_commit=False) as session:

        async def found(number: str) -> Recognition:
            return await session.get_one(Recognition, await source.id_of(number))

        dibao = await found("RD-2025-0001")
        assert (dibao.category, dibao.state, dibao.recipient_id) == ("DB", S.ACTIVE, None)
        assert (dibao.recheck_class, dibao.recheck_due_on) == (
            RecheckClass.CHANGEABLE,
            date(2025, 9, 1),
        )
        home = await session.get_one(Household, dibao.household_id)
        assert (home.size, home.area_code) == (3, "440103002")
        tekun = await found("RD-2025-0002")
        assert (tekun.category, tekun.level, tekun.household_id) == ("TK", "township", None)
        person = await session.get_one(Recipient, tekun.recipient_id)
        assert (person.birth_year, person.gender) == (1940, Gender.FEMALE)
        assert (await found("RD-2025-0003")).valid_to == date(2028, 1, 1), "the last day is 31 Dec"
        taper = await found("RD-2025-0004")
        assert (taper.state, taper.valid_to) == (S.TAPER, date(2027, 3, 1))
        dead = await found("RD-2024-0005")
        assert (dead.state, dead.end_reason, dead.valid_to) == (S.ENDED, "DEATH", date(2025, 11, 2))
        child = await session.get_one(Recipient, (await found("RD-2025-0006")).recipient_id)
        assert (child.household_id, child.household_role) == (home.id, "child")


async def test_unknown_spellings_are_listed_and_aliases_resolved(
    source: Source, engine: AsyncEngine
) -> None:
    path = source.folder / "many.csv"
    made = list(files.rows(3_000, seed=7, first=1_000_000))
    files.write(path, made)
    report = await source.read_path(path)
    unknown = [n for n, each in enumerate(made, 2) if each["救助类别"] in files.UNKNOWN]
    assert 50 < len(unknown) < 150
    assert [one.row for one in report.rejected] == unknown
    assert {one.code for one in report.rejected} == {"UNKNOWN_CODE"}
    assert report.created == 3_000 - len(unknown)
    async with AsyncSession(engine) as session:
        mine = select(ExternalRef.object_id).where(
            ExternalRef.system == source.name, ExternalRef.type == "recognition"
        )
        categories = set(
            await session.scalars(select(Recognition.category).where(Recognition.id.in_(mine)))
        )
    assert categories == set(files.SPELLINGS)
    before = await counts(engine)
    again = await source.read_path(path)
    assert (again.unchanged, again.created, again.updated) == (report.created, 0, 0)
    assert [one.row for one in again.rejected] == unknown
    assert await counts(engine) == before, "the second run changes nothing"


async def test_a_dry_run_says_the_same_and_does_nothing(
    source: Source, engine: AsyncEngine
) -> None:
    before, each = await counts(engine), row()
    dry = await source.read(each, dry_run=True)
    assert (dry.created, await counts(engine)) == (1, before)
    assert (await source.read(each)).created == 1


# --- Identity ---


async def test_identity_is_in_the_vault_and_nowhere_else(
    source: Source, owner_engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    secret = {"姓名": "独孤求败样例", "身份证号": person(777)}
    caplog.set_level(logging.DEBUG)
    reports = [
        await source.read(row(n=901, **secret)),
        await source.read(row(n=901, **secret | {"姓名": "独孤求败改名"})),
        await source.read(row(n=901, **secret | {"姓名": "独孤求败改名"}, 状态="独孤求败")),
        await source.read(row(n=902, **secret)),
        await source.read(row(n=903, 姓名="独孤求败二", 身份证号=secret["身份证号"][:-1] + "?")),
        await source.read(row(n=904, 救助类别="独孤求败", 身份证号="独孤求败")),
        await source.read(row(n=905, 救助类别=secret["身份证号"], 身份证号="")),
        await source.read(row(n=906, 起始日期="独孤求败", 区划=secret["身份证号"])),
        await source.read(row(n=907, 家庭人口="独孤求败", 与户主关系="独孤求败", 收入比="独孤")),
        await source.read(row(n=908, 户编号=secret["身份证号"])),
    ]
    assert [(r.created, r.updated, len(r.rejected)) for r in reports] == [
        (1, 0, 0),
        (0, 1, 0),
        *[(0, 0, 1)] * 8,
    ]
    async with owner_engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            name = f"{table.schema or 'public'}.{table.name}"
            for value in ("独孤", secret["身份证号"][:17], "独孤".encode().hex()):
                found = await connection.execute(
                    text(f"SELECT count(*) FROM {name} AS t WHERE t::text LIKE :value"),
                    {"value": f"%{value}%"},
                )
                assert found.scalar_one() == 0, (name, value)
    told = json.dumps([report.as_dict() for report in reports], ensure_ascii=False)
    for value in ("独孤", secret["身份证号"], secret["身份证号"][:17]):
        assert value not in told
        assert value not in caplog.text


async def test_what_was_sealed_opens(source: Source, engine: AsyncEngine) -> None:
    number = person(500)
    await source.read(row(n=910, 姓名="诸葛演练", 身份证号=number.lower()))
    recipient_id = await source.id_of("PP0000910", "recipient")
    async with making(engine) as m:
        worker = await m.account(role="social_worker", area_code="440103")
    wanted = [IdentityField.NAME, IdentityField.ID_NUMBER]
    async with acting(engine, worker) as act:
        reveal = await request_reveal(act, recipient_id, fields=wanted, purpose="DELIV")
    async with acting(engine, worker) as act:
        assert await open_reveal(act, reveal.id) == {
            IdentityField.NAME: "诸葛演练",
            IdentityField.ID_NUMBER: number,
        }


async def test_a_number_cell_has_lost_its_digits(source: Source) -> None:
    cells = row(n=920) | {"身份证号": float(person(920)[:17] + "0")}
    book = w.workbook(list(cells.values()), header=list(cells))
    (source.folder / "a.xlsx").write_bytes(book)
    report = await source.read_path(source.folder / "a.xlsx")
    assert [(one.code, one.field) for one in report.rejected] == [("NUMERIC_ID", "id_number")]
    scientific = await source.read(row(n=921, 身份证号="4.4990019400102E+17"))
    assert [one.code for one in scientific.rejected] == ["NUMERIC_ID"]


async def test_without_the_vault_nothing_is_taken(source: Source, engine: AsyncEngine) -> None:
    before = await counts(engine)
    with pytest.raises(VaultClosed):
        await source.read(row(), info=None)
    assert await counts(engine) == before


async def test_a_person_on_record_is_linked(source: Source, engine: AsyncEngine) -> None:
    number = person(601)
    async with making(engine) as m:
        worker = await m.account(role="social_worker", area_code="440103")
        known = await m.recipient(await m.household(area_code="440103002"), birth_year=None)
    async with acting(engine, worker) as act:
        await record_identity(act, known.id, given={IdentityField.ID_NUMBER: number})
    report = await source.read(row(n=930, 身份证号=number))
    assert report.created == 1
    assert [one.code for one in report.warnings] == ["KNOWN_PERSON"]
    assert await source.id_of("PP0000930", "recipient") == known.id
    assert (await source.one(930)).household_id == known.household_id
    twice = await source.read(row(n=930, 身份证号=number), row(n=931, 身份证号=number))
    assert (twice.unchanged, [one.code for one in twice.rejected]) == (1, ["ID_NUMBER_TAKEN"])
    assert "PP0000930" in twice.rejected[0].message


async def test_two_of_one_number_in_one_file(source: Source) -> None:
    number = person(602)
    report = await source.read(row(n=932, 身份证号=number), row(n=933, 身份证号=number))
    assert (report.created, [one.code for one in report.rejected]) == (1, ["ID_NUMBER_TAKEN"])


# --- INV-34 ---


def at_home(n: int, **cells: Any) -> dict[str, Any]:
    """Another row of household and person 940, under its own number."""
    return row(n=940, 认定编号=f"RD{n:07d}", **cells)


async def test_an_overlap_names_both(source: Source) -> None:
    report = await source.read(
        at_home(940, 有效期至="2026-06-30"), at_home(941, 起始日期="2026-06-30")
    )
    (one,) = report.rejected
    assert (report.created, one.code, one.key) == (1, "PERIOD_CONFLICT", "RD0000941")
    assert "RD0000941" in one.message
    assert "RD0000940" in one.message
    assert "2026-07-01" in one.message
    later = await source.read(at_home(942, 起始日期="2026-05-01"))
    (one,) = later.rejected
    assert {"RD0000940", "RD0000942", "G-"} <= {
        name for name in ("RD0000940", "RD0000942", "G-") if name in one.message
    }
    follows = await source.read(at_home(943, 起始日期="2026-07-01"))
    assert follows.created == 1


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ("低保", "特困", True),
        ("特困", "低保", True),
        ("单人保", "特困", True),
        ("低保", "孤儿", False),
        ("低保", "事实无人抚养儿童", False),
        ("低保边缘", "特困", False),
    ],
)
async def test_dibao_and_tekun_exclude_each_other(
    source: Source, first: str, second: str, refused: bool
) -> None:
    rows = (at_home(940, 救助类别=first), at_home(941, 救助类别=second))
    report = await source.read(*rows)
    assert report.created == (1 if refused else 2)
    assert [one.code for one in report.rejected] == ["PERIOD_CONFLICT"] * refused
    again = await source.read(*rows)
    assert (again.created, again.unchanged) == (0, report.created)


async def test_the_order_of_rows_does_not_matter(source: Source) -> None:
    await source.read(at_home(940))
    report = await source.read(
        at_home(941, 救助类别="特困", 起始日期="2026-07-01"),
        at_home(940, 状态="退出", 退出原因="转特困", 退出日期="2026-07-01"),
    )
    assert (report.created, report.updated, report.rejected) == (1, 1, [])
    assert (await source.one(940)).end_reason == "CATEGORY_CHANGED"


# --- What has changed ---


@pytest.mark.parametrize(
    ("before", "after", "state", "kinds"),
    [
        ({}, {"状态": "暂停"}, S.SUSPENDED, ["suspended"]),
        ({"状态": "暂停"}, {}, S.ACTIVE, ["reinstated"]),
        ({}, {"状态": "渐退", "渐退起始": "2026-08-31"}, S.TAPER, ["tapered"]),
        (
            {"状态": "暂停"},
            {"状态": "渐退", "渐退起始": "2026-08-31"},
            S.TAPER,
            ["reinstated", "tapered"],
        ),
        ({}, {"状态": "注销", "退出原因": "死亡", "退出日期": "2026-10-01"}, S.ENDED, ["ended"]),
        (
            {"状态": "渐退", "渐退起始": "2026-08-31"},
            {"状态": "注销", "退出原因": "死亡", "退出日期": "2026-10-01"},
            S.ENDED,
            ["ended"],
        ),
        ({}, {"有效期至": "2027-12-31"}, S.ACTIVE, ["prolonged"]),
        ({}, {"有效期至": "2026-10-31"}, S.ENDED, ["ended"]),
        ({}, {"复核类别": "半年"}, S.ACTIVE, ["recheck_changed"]),
    ],
)
async def test_a_known_row_is_followed(
    source: Source,
    engine: AsyncEngine,
    before: dict[str, Any],
    after: dict[str, Any],
    state: RecognitionState,
    kinds: list[str],
) -> None:
    await source.read(row(n=950, **before))
    report = await source.read(row(n=950, **after))
    assert (report.updated, report.rejected) == (1, [])
    found = await source.one(950)
    assert (found.state, found.corrects_id) == (state, None)
    async with AsyncSession(engine) as session:
        told = await session.scalars(
            select(Event.kind).where(Event.object_id == found.id).order_by(Event.sequence)
        )
        assert list(told) == ["recognition.admitted", *(f"recognition.{kind}" for kind in kinds)]
    before_counts = await counts(engine)
    again = await source.read(row(n=950, **after))
    assert (again.unchanged, await counts(engine)) == (1, before_counts)


async def test_a_class_change_counts_from_the_last_check(source: Source) -> None:
    await source.read(row(n=951, 认定日期="2026-04-30", 起始日期="2026-05-01"))
    assert (await source.one(951)).recheck_due_on == date(2027, 4, 30)
    await source.read(row(n=951, 认定日期="2026-04-30", 起始日期="2026-05-01", 复核类别="半年"))
    assert (await source.one(951)).recheck_due_on == date(2026, 10, 30)


@pytest.mark.parametrize(
    "after",
    [
        {"起始日期": "2025-04-01"},
        {"认定日期": "2025-02-01"},
        {"救助类别": "低保边缘"},
        {"收入比": "0.7"},
    ],
    ids=str,
)
async def test_a_correction_is_a_new_row(source: Source, after: dict[str, Any]) -> None:
    await source.read(row(n=952, 状态="暂停"))
    report = await source.read(row(n=952, 状态="暂停", **after))
    assert (report.updated, report.rejected) == (1, [])
    stands, wrong = await source.all(952)
    assert (stands.state, wrong.state) == (S.SUSPENDED, S.ENTERED_IN_ERROR)
    assert wrong.superseded_at == stands.created_at
    assert (wrong.category, wrong.valid_from, wrong.decided_on) == (
        "DB",
        date(2025, 3, 1),
        date(2025, 3, 1),
    )
    back = await source.read(row(n=952, 状态="暂停"))
    assert (back.updated, len(await source.all(952))) == (1, 3)


async def test_an_end_that_is_stated_otherwise_is_corrected(source: Source) -> None:
    ended = {"状态": "退出", "退出原因": "死亡", "退出日期": "2026-10-01"}
    await source.read(row(n=953, **ended))
    await source.read(row(n=953, **ended | {"退出日期": "2026-09-30"}))
    stands, wrong = await source.all(953)
    assert (stands.valid_to, stands.end_reason) == (date(2026, 9, 30), "DEATH")
    assert (wrong.valid_to, wrong.state) == (date(2026, 10, 1), S.ENTERED_IN_ERROR)


async def test_what_has_ended_stays_so(source: Source) -> None:
    ended = {"状态": "退出", "退出日期": "2026-10-01"}
    await source.read(row(n=954, **ended))
    report = await source.read(row(n=954))
    assert [one.code for one in report.rejected] == ["FINAL_STATE"]
    early = {"状态": "渐退", "渐退起始": "2026-08-31"}
    await source.read(row(n=955, **early))
    report = await source.read(row(n=955, **ended))
    assert [one.code for one in report.rejected] == ["GUARD_FAILED"]
    assert (await source.one(955)).state is S.TAPER, "a taper lasts its six months"


async def test_late_and_out_of_order(source: Source) -> None:
    await source.read(row(n=956, 状态="暂停", 数据日期="2026-10-02"))
    late = await source.read(row(n=956, 数据日期="2026-10-01"))
    assert (late.unchanged, [one.code for one in late.warnings]) == (1, ["OUT_OF_DATE"])
    assert (await source.one(956)).state is S.SUSPENDED
    newer = await source.read(row(n=956, 数据日期="2026-10-03"))
    assert newer.updated == 1


async def test_the_household_and_the_person_follow(source: Source, engine: AsyncEngine) -> None:
    await source.read(row(n=957))
    changed = row(n=957, 家庭人口="5", 区划="440103003", 与户主关系="配偶")
    report = await source.read(changed)
    assert (report.updated, report.changed) == (1, {"household": 1, "person": 1})
    async with AsyncSession(engine) as session:
        home = await session.get_one(Household, await source.id_of("HH0000957", "household"))
        who = await session.get_one(Recipient, await source.id_of("PP0000957", "recipient"))
    assert (home.size, home.area_code, who.household_role) == (5, "440103003", "spouse")
    assert (await source.read(changed)).unchanged == 1


async def test_rows_that_differ_about_one_household(source: Source, engine: AsyncEngine) -> None:
    rows = (
        row(n=958, 家庭人口="4"),
        row(
            n=958,
            认定编号="RD0000959",
            人员编号="PP0000959",
            救助类别="孤儿",
            家庭人口="9",
            身份证号=person(959),
        ),
    )
    first = await source.read(*rows)
    assert (first.created, first.rejected) == (2, [])
    again = await source.read(*rows)
    for report in (first, again):
        assert [(one.row, one.code) for one in report.warnings] == [(3, "DIFFERS")]
    assert (again.unchanged, again.updated) == (2, 0)
    async with AsyncSession(engine) as session:
        home = await session.get_one(Household, await source.id_of("HH0000958", "household"))
    assert home.size == 4


async def test_a_number_keeps_its_subject(source: Source) -> None:
    await source.read(row(n=960), row(n=961))
    moved = await source.read(row(n=960, 户编号="HH0000961"))
    assert [one.code for one in moved.rejected] == ["SUBJECT_DIFFERS"]
    elsewhere = await source.read(row(n=962, 人员编号="PP0000960"))
    assert (elsewhere.created, elsewhere.rejected) == (1, [])
    assert [one.code for one in elsewhere.warnings] == ["MOVED"]
    again = await source.read(row(n=962, 人员编号="PP0000960", 身份证号=person(962)))
    assert (again.unchanged, again.updated, again.warnings) == (1, 0, [])


async def lives_in(source: Source, engine: AsyncEngine, person_no: str) -> Any:
    async with AsyncSession(engine) as session:
        who = await session.get_one(Recipient, await source.id_of(person_no, "recipient"))
        return who.household_id


async def test_a_person_whose_household_changes_takes_their_recognition_along(
    source: Source, engine: AsyncEngine
) -> None:
    orphan = {"救助类别": "孤儿"}
    await source.read(row(n=970, **orphan), row(n=971))
    before = await source.one(970)
    moved = await source.read(row(n=970, **orphan, 户编号="HH0000971"))
    assert (moved.updated, moved.rejected) == (1, [])
    assert [one.code for one in moved.warnings] == ["MOVED"]
    home = await source.id_of("HH0000971", "household")
    assert await lives_in(source, engine, "PP0000970") == home
    after = await source.one(970)
    assert (after.id, after.state) == (before.id, before.state)
    again = await source.read(row(n=970, **orphan, 户编号="HH0000971"))
    assert (again.unchanged, again.warnings) == (1, [])
    fresh = await source.read(row(n=970, **orphan, 户编号="HH0000979"))
    assert (fresh.updated, fresh.rejected) == (1, [])
    home = await source.id_of("HH0000979", "household")
    assert await lives_in(source, engine, "PP0000970") == home


async def test_one_file_places_a_person_once(source: Source, engine: AsyncEngine) -> None:
    orphan = {"救助类别": "孤儿"}
    await source.read(row(n=972, **orphan), row(n=973))
    twice = await source.read(
        row(n=974, **orphan, 人员编号="PP0000972", 身份证号=person(972), 户编号="HH0000972"),
        row(n=975, 人员编号="PP0000972", 身份证号=person(972), 户编号="HH0000973"),
    )
    assert [one.code for one in twice.rejected] == ["PERIOD_CONFLICT", "PERSON_ELSEWHERE"]
    home = await source.id_of("HH0000972", "household")
    assert await lives_in(source, engine, "PP0000972") == home


async def test_a_move_made_here_stands_until_the_feed_names_another_household(
    source: Source, engine: AsyncEngine
) -> None:
    orphan = {"救助类别": "孤儿"}
    await source.read(row(n=976, **orphan), row(n=977))
    there = await source.id_of("HH0000977", "household")
    async with making(engine) as m:
        lead = await m.account("station_lead", area_code="44")
    async with acting(engine, actor_of(lead, START)) as act:
        await move_recipient(
            act,
            await source.id_of("PP0000976", "recipient"),
            expected_version=1,
            household_id=there,
            household_role="child",
        )
    later = await source.read(row(n=976, **orphan, 有效期至="2027-12-31"))
    assert (later.updated, later.warnings) == (1, [])
    assert await lives_in(source, engine, "PP0000976") == there
    elsewhere = await source.read(row(n=976, **orphan, 户编号="HH0000978"))
    assert (elsewhere.updated, elsewhere.rejected) == (1, [])
    assert [one.code for one in elsewhere.warnings] == ["MOVED"]
    home = await source.id_of("HH0000978", "household")
    assert await lives_in(source, engine, "PP0000976") == home


async def test_a_person_does_not_join_what_excludes_theirs(
    source: Source, engine: AsyncEngine
) -> None:
    await source.read(row(n=980, 救助类别="特困"), row(n=981))
    refused = await source.read(row(n=980, 救助类别="特困", 户编号="HH0000981"))
    assert [one.code for one in refused.rejected] == ["PERIOD_CONFLICT"]
    home = await source.id_of("HH0000980", "household")
    assert await lives_in(source, engine, "PP0000980") == home


# --- Warnings and refusals ---


async def test_out_of_proportion_is_told_and_taken(source: Source, engine: AsyncEngine) -> None:
    dated = "[fields.stated_on]  # older than what is known: left as it is"
    plain = Source(engine, source.folder, **{dated: "[fields.standard]"})
    report = await plain.read(
        row(n=970, 救助类别="低边", 收入比="1.5"),
        row(n=971, 救助类别="低边", 收入比="1.51"),
        row(n=972, 救助类别="特困", 数据日期="1864"),
        row(n=973, 救助类别="特困", 数据日期="1863.99"),
    )
    assert report.created == 4
    assert [(one.key, one.code) for one in report.warnings] == [
        ("RD0000971", "INV-36"),
        ("RD0000973", "INV-36"),
    ]
    assert [(await plain.one(n)).flags for n in (970, 971, 972, 973)] == [
        [],
        ["INV-36"],
        [],
        ["INV-36"],
    ]


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"认定编号": ""}, "number"),
        ({"户编号": ""}, "household"),
        ({"救助类别": ""}, "category"),
        ({"起始日期": ""}, "valid_from"),
        ({"起始日期": "2025-13-01"}, "valid_from"),
        ({"认定日期": "2027-01-01"}, "decided_on"),
        ({"有效期至": "2025-02-01"}, "valid_to"),
        ({"区划": "四十四区"}, "area"),
        ({"区划": ""}, "area"),
        ({"状态": "渐退"}, "tapered_on"),
        ({"状态": "渐退", "渐退起始": "2024-01-01"}, "taperedOn"),
        ({"状态": "冻结"}, "status"),
        ({"状态": "退出", "退出原因": "厌倦"}, "end_reason"),
        ({"复核类别": "每日"}, "recheck_class"),
        ({"收入比": "一半"}, "income_ratio"),
        ({"家庭人口": "0"}, "household_size"),
        ({"救助类别": "特困", "人员编号": ""}, "person"),
        ({"人员编号": ""}, "person"),
        ({"身份证号": "449900194001020010"}, "id_number"),
    ],
    ids=str,
)
async def test_a_bad_row_is_rejected_and_the_others_go_on(
    source: Source, engine: AsyncEngine, cells: dict[str, Any], field: str
) -> None:
    report = await source.read(row(), row(**cells), row())
    (one,) = report.rejected
    assert (report.created, one.row, one.field) == (2, 3, field)


async def test_the_vouchers_territory(source: Source, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        clerk = await m.account(role="gov_approver", area_code="440103")
    given = {"voucher": clerk.username}
    report = await source.read(row(n=980), row(n=981, 区划="440104001"), **given)
    assert (report.created, [one.code for one in report.rejected]) == (1, ["FORBIDDEN"])
    assert (await source.one(980)).authority_id == clerk.organization_id
    await source.read(row(n=981, 区划="440104001"))
    stolen = await source.read(row(n=981, 区划="440103002", 状态="暂停"), **given)
    assert [one.code for one in stolen.rejected] == ["FORBIDDEN"]
    assert (await source.one(981)).state is S.ACTIVE


@pytest.mark.parametrize("role", ["gov_clerk", "gov_coordinator"])
async def test_a_clerk_does_not_speak_for_the_authority(
    source: Source, engine: AsyncEngine, role: str
) -> None:
    """INV-17: its approver does, or its own system, which signs in as an API client."""
    async with making(engine) as m:
        clerk = await m.account(role=role)
        machine = await m.account(role="gov_clerk", username=f"nxc_{clerk.id.hex}")
    before = await counts(engine)
    with pytest.raises(WhoRefused, match="approver"):
        await source.read(row(), voucher=clerk.username)
    assert await counts(engine) == before
    assert (await source.read(row(), voucher=machine.username)).created == 1


async def test_duplicates(source: Source) -> None:
    each = row(n=990)
    report = await source.read(each, each, each | {"收入比": "0.5"})
    assert (report.created, report.duplicates) == (1, 2)
    codes = [one.code for one in report.duplicate_rows]
    assert codes == ["DUPLICATE", "DUPLICATE_DIFFERS"]


async def test_verify_finds_nothing(source: Source, engine: AsyncEngine) -> None:
    await source.read(
        *files.rows(200, seed=3, first=1_100_000), row(n=995, 救助类别="低边", 收入比="1.9")
    )
    async with AsyncSession(engine) as session:
        assert await verify(View(session, system(START))) == []


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ('fields = ["number"]', 'fields = ["household"]', "key.fields"),
        ("[area]", '[absence]\nmeans = "withdraw"\n\n[area]', "absence"),
        ("[area]", '[[lines]]\nunit = "C62"\nkind = "GOODS"\nitem = "x"\n\n[area]', "lines"),
        ('columns = ["姓名"]', 'columns = ["姓名"]\nrefuse = ["张"]', "fields.name"),
        ('type = "recognition"', 'type = "recipient"', "type"),
        ("[fields.category]", "[fields.x]", "fields"),
    ],
)
def test_profiles_that_are_refused(tmp_path: Path, before: str, after: str, field: str) -> None:
    text_ = PROFILE.read_text("utf-8")
    assert before in text_
    path = tmp_path / "profile.toml"
    path.write_text(text_.replace(before, after, 1), "utf-8")
    with pytest.raises(ProfileRefused) as refused:
        load_profile(path)
    assert refused.value.field in (field, "x")


# --- How long it takes ---


async def test_a_new_row_tells_of_its_known_household_too(source: Source) -> None:
    """Of a household on record: what the row of a newcomer says is taken, and read again stays."""
    first = next(N)
    home = f"HH{first:07d}"
    await source.read(row(n=first, 户编号=home, 家庭人口=1))
    newcomer = row(n=next(N), 户编号=home, 家庭人口=2, 与户主关系="子女", 救助类别="孤儿")
    told = await source.read(newcomer)
    assert (told.created, told.rejected) == (1, [])
    async with AsyncSession(source.engine) as session:
        household = await session.get_one(Household, await source.id_of(home, "household"))
        assert household.size == 2
    again = await source.read(newcomer)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 1)


async def test_files_at_random_change_nothing_when_read_again(source: Source) -> None:
    chance = random.Random(5)
    for _ in range(40):
        made = list(files.rows(4, unknown=0.4, seed=chance.randrange(99), first=3_000_000))
        await source.read(*made)
        again = await source.read(*made)
        assert (again.created, again.updated) == (0, 0)


async def timed(
    engine: AsyncEngine, folder: Path, rows: Iterable[dict[str, Any]]
) -> tuple[Report, Report, float, float, int]:
    """(first report, second, seconds, seconds of this process' CPU, MB the memory grew)."""
    source = Source(engine, folder)
    path = files.write(folder / "many.csv", list(rows))
    heard: list[tuple[int, int]] = []
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    first = await source.read_path(path, progress=lambda done, total: heard.append((done, total)))
    took, spent = time.perf_counter() - began, time.process_time() - cpu
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) >> 10
    assert heard[-1][0] == first.rows_read
    assert len(heard) >= first.rows_read // 2_000
    return first, await source.read_path(path), took, spent, grown


async def test_ten_thousand_rows(engine: AsyncEngine, tmp_path: Path) -> None:
    """Six seconds where two cores are free; elsewhere what this process itself spends counts."""
    first, again, took, spent, grown = await timed(
        engine, tmp_path, files.rows(10_000, first=1_200_000)
    )
    assert first.created + len(first.rejected) == 10_000
    assert (again.unchanged, again.created, again.updated) == (first.created, 0, 0)
    assert spent < 6, f"{spent:.1f} s of CPU, {took:.1f} s"
    assert grown < 100


async def test_a_hundred_thousand_rows(engine: AsyncEngine, tmp_path: Path, torture: bool) -> None:
    if not torture:
        pytest.skip("the long form: --torture")
    first, again, took, spent, grown = await timed(
        engine, tmp_path, files.rows(100_000, first=1_300_000)
    )
    assert first.created + len(first.rejected) == 100_000
    assert (again.unchanged, again.created, again.updated) == (first.created, 0, 0)
    print(f"100,000 recognitions: {took:.1f} s, {spent:.1f} s of CPU here, {grown} MB")  # noqa: T201
    assert took < 60
    assert grown < 200
