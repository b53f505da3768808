"""A hotline's list: each ticket is one report, whichever way and however often it comes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import SHANGHAI, Role
from nexus.discovery.intake.operations import Told, record_ticket
from nexus.discovery.model import DiscoveryReport, HotlineReply, ReportState
from nexus.discovery.rules import check_ticket
from nexus.exchange.importing.operations import Report, run_import
from nexus.exchange.profiles.loading import ProfileRefused
from nexus.recipients.vault.contacts.model import Contact
from nexus.recipients.vault.rules import session_info
from tests.deeds import VAULT_KEY, acting, events_of
from tests.exchange import writing as w
from tests.making import making

EXAMPLE = w.ROOT / "examples/data/hotline-tickets.csv"
PROFILE = w.PROFILES / "hotline-tickets.toml"
START = datetime(2026, 3, 3, tzinfo=UTC)
HOURS = count(1)
HEADER = ("工单编号", "来电时间", "属地", "诉求内容", "是否紧急", "来电人", "来电号码")


@pytest.fixture(scope="module", autouse=True)
async def clerk(engine: AsyncEngine) -> Account:
    async with making(engine) as m:
        await m.account(role="platform_admin", username="admin")
        authority = await m.authority(area_code="440103")
        return await m.account(
            Role.GOV_CLERK, authority, username="clerk.liwan", area_code="440103"
        )


async def read(engine: AsyncEngine, path: Path, **options: Any) -> Report:
    options.setdefault("profile_path", PROFILE)
    now = START + timedelta(hours=next(HOURS))
    info = session_info(VAULT_KEY)
    return await run_import(engine, kind="tickets", path=path, now=now, info=info, **options)


def listed(folder: Path, *rows: Sequence[str]) -> Path:
    path = folder / "tickets.csv"
    path.write_text(w.table(*rows, header=HEADER), "utf-8")
    return path


async def of_ticket(engine: AsyncEngine, number: str) -> DiscoveryReport:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        found = await session.scalars(
            select(DiscoveryReport).where(DiscoveryReport.ticket_no == number)
        )
        return found.one()


async def test_the_example(engine: AsyncEngine) -> None:
    report = await read(engine, EXAMPLE)
    assert report.rejected == []
    assert (report.rows_read, report.created) == (3, 3)
    first = await of_ticket(engine, "GZ20260301-0001")
    assert (first.ticket_system, first.ticket_type, first.source) == ("12345.gz", "ticket", "12345")
    assert first.area_code.startswith("440103")
    assert first.received_at == datetime(2026, 3, 1, 9, 12, tzinfo=SHANGHAI)
    assert first.danger
    assert first.contact_due_at == first.received_at
    async with AsyncSession(engine) as session:
        contact = await session.get_one(Contact, first.contact_id)
        replies = await session.scalars(
            select(HotlineReply.code).where(HotlineReply.report_id == first.id)
        )
        assert (contact.fields, list(replies)) == (["name", "phone"], ["RECEIVED"])
    third = await of_ticket(engine, "GZ20260302-0003")
    assert third.contact_due_at == third.received_at + timedelta(hours=24)


async def test_the_example_again_changes_nothing(engine: AsyncEngine) -> None:
    report = await read(engine, EXAMPLE)
    assert (report.created, report.updated, report.unchanged) == (0, 0, 3)


async def test_a_ticket_that_was_entered_by_hand(
    engine: AsyncEngine, clerk: Account, tmp_path: Path
) -> None:
    async with acting(engine, clerk) as act:
        row = await record_ticket(
            act,
            Told("12345", "440103002", "来电反映独居老人"),
            check_ticket("12345.gz", "GZ20260303-0009"),
        )
    path = listed(tmp_path, ("gz20260303-0009", "", "440103002", "来电反映独居老人", "", "", ""))
    report = await read(engine, path)
    assert (report.created, report.rejected) == (1, [])
    assert row.no in report.warnings[0].message
    assert (await of_ticket(engine, "GZ20260303-0009")).id == row.id


async def test_what_the_hotline_says_more_is_added(engine: AsyncEngine, tmp_path: Path) -> None:
    said = ["GZ20260304-0001", "", "440103002", "独居老人", "否", "", ""]
    await read(engine, listed(tmp_path, said))
    said[3:5] = ["老人已两天未进食", "是"]
    report = await read(engine, listed(tmp_path, said))
    assert (report.created, report.updated) == (0, 1)
    row = await of_ticket(engine, "GZ20260304-0001")
    assert row.situation == "独居老人\n\n老人已两天未进食"
    assert row.danger
    assert row.contact_due_at > row.received_at
    assert await events_of(engine, row) == [
        "discovery.received",
        "discovery.replied",
        "discovery.supplemented",
    ]


async def test_what_ended_stays_as_it_is(engine: AsyncEngine, tmp_path: Path) -> None:
    said = ["GZ20260304-0002", "", "440103002", "独居老人", "否", "", ""]
    await read(engine, listed(tmp_path, said))
    row = await of_ticket(engine, "GZ20260304-0002")
    async with making(engine) as m:
        other, aide = await m.report(), await m.account(Role.AIDE)
        await m.session.execute(
            update(DiscoveryReport)
            .where(DiscoveryReport.id == row.id)
            .values(
                state=ReportState.DUPLICATE_OF,
                duplicate_of_id=other.id,
                owner_id=aide.id,
                ended_at=START,
            )
        )
        await m.session.commit()
    said[3] = "再次来电"
    report = await read(engine, listed(tmp_path, said))
    assert "left out" in report.warnings[0].message
    assert (await of_ticket(engine, "GZ20260304-0002")).situation == "独居老人"


@pytest.mark.parametrize(
    ("at", "cell", "field"),
    [
        (0, "编号 一", "ticketNo"),
        (1, "前天", "received_at"),
        (1, "2027-01-01 08:00", "receivedAt"),
        (2, "没有的街道", None),
        (2, "440304001", "area"),
        (3, "", "description"),
        (4, "也许", "danger"),
        (6, "12", "phone"),
    ],
)
async def test_what_is_refused_leaves_nothing(
    engine: AsyncEngine, tmp_path: Path, at: int, cell: str, field: str | None
) -> None:
    row = ["GZ20260305-0001", "", "440103002", "独居老人", "", "欧阳示范", "19900000003"]
    row[at] = cell
    report = await read(engine, listed(tmp_path, row), voucher="clerk.liwan")
    assert (report.rows_read, report.created, len(report.rejected)) == (1, 0, 1)
    told = report.rejected[0]
    assert field is None or told.field == field
    assert "欧阳示范" not in told.message
    assert "19900000003" not in told.message
    async with AsyncSession(engine) as session:
        known = select(DiscoveryReport.id).where(DiscoveryReport.ticket_no == "GZ20260305-0001")
        assert await session.scalar(known) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ('fields = ["number"]', "key.fields"),
        ("[area]", "area"),
        ("[fields.description]", "fields"),
    ],
)
async def test_a_profile_of_tickets(
    engine: AsyncEngine, tmp_path: Path, change: str, field: str
) -> None:
    other = {
        "key.fields": 'fields = ["number", "origin"]',
        "area": "[publisher]\nname = '某局'\n[blanks]",
        "fields": "[fields.name2]",
    }[field]
    path = tmp_path / "profile.toml"
    path.write_text(PROFILE.read_text("utf-8").replace(change, other), "utf-8")
    with pytest.raises(ProfileRefused):
        await read(engine, EXAMPLE, profile_path=path)
