"""Needs pipeline, and unmet needs with the buying plan: every number against the ledgers."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.core.refusals import NotFound
from nexus.reports.content import canonical, read
from tests.making import making, now
from tests.reports import world
from tests.reports.asking import ask, columns, ledger
from tests.reports.formats import check_formats

COUNTY = "440103"
STAGES = ("published", "matched", "accepted", "delivered", "confirmed", "evaluated")
NEEDS = """
SELECT n.id, n.no, n.category, substr(n.area_code, 1, 6) AS county,
  to_char(n.published_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM') AS month,
  (n.published_at AT TIME ZONE 'Asia/Shanghai')::date AS day,
  (coalesce(n.closed_at, :now) AT TIME ZONE 'Asia/Shanghai')::date AS last,
  (SELECT min(created_at AT TIME ZONE 'Asia/Shanghai')::date FROM pledge
    WHERE need_id = n.id) AS matched,
  EXISTS (SELECT FROM pledge WHERE need_id = n.id AND accepted_at IS NOT NULL) AS accepted,
  (SELECT min(delivered_on) FROM delivery
    WHERE need_id = n.id AND state <> 'reversed') AS delivered,
  EXISTS (SELECT FROM delivery WHERE need_id = n.id
    AND state IN ('acknowledged', 'verified')) AS confirmed,
  EXISTS (SELECT FROM feedback WHERE need_id = n.id AND rating IS NOT NULL) AS rated
FROM need n WHERE n.published_at IS NOT NULL AND n.area_code LIKE :area || '%'
  AND (n.published_at AT TIME ZONE 'Asia/Shanghai')::date >= :since
"""
COUNTS = """count(*), count(matched), count(*) FILTER (WHERE accepted), count(delivered),
  count(*) FILTER (WHERE confirmed), count(*) FILTER (WHERE confirmed AND rated)"""


@pytest_asyncio.fixture(scope="module", autouse=True)
async def needs(engine: AsyncEngine) -> AsyncIterator[None]:
    """The world of this module."""
    async with making(engine) as m:
        made = await world.needs_and_help(m)
        await world.gaps(m, made)
    yield


@pytest.fixture
async def clerk(engine: AsyncEngine) -> Account:
    """Of the city of both counties."""
    async with making(engine) as m:
        return await m.account(Role.GOV_COORDINATOR, area_code="4401")


async def test_each_format_has_the_numbers_of_the_pipeline(
    engine: AsyncEngine, clerk: Account
) -> None:
    report = await ask(engine, clerk, "needs-pipeline")
    assert report.table("cohorts").rows
    assert report.table("needs").rows
    await check_formats(report)


async def test_the_stages_are_counted_as_the_ledgers_say(
    engine: AsyncEngine, clerk: Account
) -> None:
    report = await ask(engine, clerk, "needs-pipeline")
    given = {"area": "4401", "since": report.from_on, "now": report.as_of}
    by_month = f"SELECT month, {COUNTS} FROM ({NEEDS}) n GROUP BY month ORDER BY month"
    assert columns(report.table("cohorts"), "month", *STAGES) == await ledger(
        engine, by_month, **given
    )
    by_kind = f"SELECT category, {COUNTS} FROM ({NEEDS}) n GROUP BY category"
    found = await ledger(engine, by_kind, **given)
    assert sorted(columns(report.table("categories"), "category", *STAGES)) == sorted(found)
    listed = f"""SELECT no, month, category, county, day, matched - day, delivered - day
      FROM ({NEEDS}) n"""
    keys = ("no", "month", "category", "county", "published_on", "to_match", "to_delivery")
    assert sorted(columns(report.table("needs"), *keys), key=str) == sorted(
        await ledger(engine, listed, **given), key=str
    )


async def test_the_curve_counts_open_needs_as_long_as_they_were_watched(
    engine: AsyncEngine, clerk: Account
) -> None:
    report = await ask(engine, clerk, "needs-pipeline")
    given = {"area": "4401", "since": report.from_on, "now": report.as_of}
    rows = await ledger(engine, f"SELECT day, last, matched, delivered FROM ({NEEDS}) n", **given)
    for key, place in (("matched", 2), ("delivered", 3)):
        for days, shown in columns(report.table("times"), "days", key):
            assert abs(float(shown) - _reached(rows, place, days)) <= 0.0501, (key, days)


def _reached(rows: list[tuple[Any, ...]], place: int, days: int) -> float:
    """Kaplan and Meier by hand: the share reached by that day, in percent."""
    stays = [((row[place] or row[1]) - row[0]).days for row in rows]
    came = [row[place] is not None for row in rows]
    without = 1.0
    for day in sorted(set(stays)):
        if day > days:
            break
        watched = sum(stay >= day for stay in stays)
        reached = sum(1 for stay, done in zip(stays, came, strict=True) if stay == day and done)
        without *= 1 - reached / watched
    return (1 - without) * 100


async def test_each_format_has_the_numbers_of_unmet_needs(
    engine: AsyncEngine, clerk: Account
) -> None:
    report = await ask(engine, clerk, "unmet-needs")
    assert report.table("plan").rows
    await check_formats(report)


async def test_unmet_needs_and_the_plan_are_those_of_the_ledgers(
    engine: AsyncEngine, clerk: Account
) -> None:
    report = await ask(engine, clerk, "unmet-needs")
    found = await ledger(
        engine,
        """SELECT substr(n.area_code, 1, 6), count(*),
             count(*) FILTER (WHERE EXISTS (SELECT FROM gap WHERE need_id = n.id
               AND state IN ('open', 'acknowledged'))),
             count(*) FILTER (WHERE EXISTS (SELECT FROM gap WHERE need_id = n.id
               AND state IN ('open', 'acknowledged') AND purchase_ref IS NOT NULL))
           FROM need n WHERE state IN ('published', 'paused') AND area_code LIKE '4401%'
             AND EXISTS (SELECT FROM need_line l WHERE l.need_id = n.id AND l.asked
               AND l.reserved + l.committed + l.delivered + l.confirmed < l.quantity_required)
           GROUP BY 1""",
    )
    table = report.table("counties")
    assert sorted(columns(table, "county", "unmet", "gaps", "planned")) == sorted(found)
    persons = dict(
        await ledger(
            engine,
            """SELECT substr(h.area_code, 1, 6), count(*) FROM recipient r
               JOIN household h ON h.id = r.household_id
               WHERE r.merged_into_id IS NULL AND EXISTS (SELECT FROM recognition g
                 WHERE (g.recipient_id = r.id OR g.household_id = h.id)
                   AND g.state IN ('active', 'under_review', 'taper')) GROUP BY 1""",
        )
    )
    for county, counted, rate, unmet in columns(table, "county", "persons", "rate", "unmet"):
        assert counted == persons.get(county, 0)
        assert rate == (round(Decimal(unmet * 1000) / counted, 1) if counted else None)
    plan = await ledger(
        engine,
        """SELECT g.category, coalesce(g.item_code, l.item_code), l.unit, count(*),
             count(g.purchase_ref),
             sum(CASE WHEN g.purchase_ref IS NULL THEN l.quantity_required ELSE 0 END),
             sum(CASE WHEN g.purchase_ref IS NULL
               THEN coalesce(round(l.quantity_required * l.est_unit_value_fen), 0) ELSE 0 END),
             count(*) FILTER (WHERE g.purchase_ref IS NULL AND l.est_unit_value_fen IS NULL)
           FROM gap g JOIN need_line l ON l.id = g.line_id
           WHERE g.state IN ('open', 'acknowledged') AND g.area_code LIKE '4401%'
           GROUP BY 1, 2, 3""",
    )
    keys = ("category", "item", "unit", "gaps", "planned", "quantity", "value", "unpriced")
    assert sorted(columns(report.table("plan"), *keys), key=str) == sorted(
        [(*row[:5], row[5].normalize() + 0, *row[6:]) for row in plan], key=str
    )


async def test_a_buyer_has_the_counts_and_not_the_rows(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        buyer = await m.account(Role.BUYER, area_code="4401")
    report = await ask(engine, buyer, "unmet-needs")
    assert report.table("counties").rows
    assert [table.key for table in report.tables if table.detail] == []


@pytest.mark.parametrize("role", [Role.CHARITY_USER, Role.VOLUNTEER, Role.ANONYMOUS])
async def test_others_have_no_such_report(engine: AsyncEngine, role: Role) -> None:
    async with making(engine) as m:
        other = await m.account(role, area_code="4401")
    with pytest.raises(NotFound):
        await ask(engine, other, "unmet-needs")


async def test_another_territory_is_not_there(engine: AsyncEngine, clerk: Account) -> None:
    async with making(engine) as m:
        await m.area("441802")
    for area in ("4418", "44", "CN", "440199"):
        with pytest.raises(NotFound):
            await ask(engine, clerk, "needs-pipeline", area=area)
    inside = await ask(engine, clerk, "needs-pipeline", area=COUNTY)
    assert {row[3].code for row in inside.table("needs").rows} == {COUNTY}  # type: ignore[union-attr]


async def test_a_number_leads_to_the_rows_behind_it(engine: AsyncEngine, clerk: Account) -> None:
    report = await ask(engine, clerk, "needs-pipeline")
    for table in report.tables:
        if table.drill is None:
            continue
        for value, published in columns(table, table.drill, "published"):
            narrowed = await ask(engine, clerk, "needs-pipeline", only=(table.drill, value))
            assert len(narrowed.table("needs").rows) == published


async def test_a_report_read_again_from_its_text_is_the_same(
    engine: AsyncEngine, clerk: Account
) -> None:
    for name in ("needs-pipeline", "unmet-needs"):
        report = await ask(engine, clerk, name)
        again = read(canonical(report))
        assert canonical(again) == canonical(report)
        assert again.hash == report.hash
        assert report.as_of <= now()
