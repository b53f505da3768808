"""Contract performance: every number against the ledgers; what is in trouble comes first."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.purchasing.contracts.model import MilestoneState
from tests.making import making, today
from tests.purchasing.bought import COUNTY, Bought, bought
from tests.reports.asking import ask, columns, ledger
from tests.reports.formats import check_formats


@pytest_asyncio.fixture(scope="module")
async def two(engine: AsyncEngine) -> AsyncIterator[tuple[Bought, Bought]]:
    """A contract in order, and one of another buyer whose milestone is overdue."""
    async with making(engine) as m:
        fine = await bought(
            m,
            milestones=[
                {"due_on": today() + timedelta(days=30), "value_fen": 900_000},
                {
                    "due_on": today() - timedelta(days=9),
                    "value_fen": 800_000,
                    "state": MilestoneState.MET,
                    "met_on": today() - timedelta(days=10),
                    "accepted_fen": 790_000,
                    "paid_fen": 0,
                },
            ],
            published_on=today(),
        )
        late = await bought(
            m, milestones=[{"due_on": today() - timedelta(days=3)}], published_on=today()
        )
        yield fine, late


@pytest.fixture
async def supervisor(engine: AsyncEngine) -> Account:
    """Of the county."""
    async with making(engine) as m:
        return await m.account(Role.SUPERVISOR, area_code=COUNTY)


async def test_each_format_has_the_numbers(
    engine: AsyncEngine, two: tuple[Bought, Bought], supervisor: Account
) -> None:
    await check_formats(await ask(engine, supervisor, "contract-performance"))


async def test_contracts_are_as_the_ledgers_say(
    engine: AsyncEngine, two: tuple[Bought, Bought], supervisor: Account
) -> None:
    report = await ask(engine, supervisor, "contract-performance")
    found = await ledger(
        engine,
        """SELECT c.no, c.value_fen,
             (SELECT coalesce(sum(accepted_fen), 0) FROM milestone WHERE contract_id = c.id),
             (SELECT coalesce(sum(paid_fen), 0) FROM milestone WHERE contract_id = c.id),
             (SELECT count(*) FROM milestone WHERE contract_id = c.id AND due_on < :today
                AND state IN ('scheduled', 'not_met')),
             (SELECT count(*) FROM service_fact WHERE contract_id = c.id AND state = 'counted')
           FROM contract c WHERE signed_on IS NOT NULL AND area_code LIKE '440103%'""",
        today=today(),
    )
    keys = ("no", "value", "accepted", "paid", "late", "facts")
    assert sorted(columns(report.table("contracts"), *keys)) == sorted(found)
    steps = await ledger(
        engine,
        """SELECT c.no, m.due_on, m.met_on, m.value_fen, m.accepted_fen, m.paid_fen, m.state
           FROM milestone m JOIN contract c ON c.id = m.contract_id""",
    )
    dated = ("no", "due_on", "met_on", "value", "accepted", "paid", "state")
    assert sorted(columns(report.table("milestones"), *dated), key=str) == sorted(steps, key=str)
    costs = await ledger(
        engine,
        """SELECT k.code, i.unit, count(DISTINCT i.contract_id), sum(i.quantity)::float,
             min(unit_price_fen), max(unit_price_fen)
           FROM contract_item i JOIN catalogue_item k ON k.id = i.catalogue_item_id
           GROUP BY 1, 2""",
    )
    priced = ("code", "unit", "contracts", "quantity", "lowest", "highest")
    assert sorted(columns(report.table("items"), *priced)) == sorted(costs)


async def test_the_contract_in_trouble_comes_first_with_its_reason(
    engine: AsyncEngine, two: tuple[Bought, Bought], supervisor: Account
) -> None:
    fine, late = two
    report = await ask(engine, supervisor, "contract-performance")
    assert columns(report.table("contracts"), "no", "trouble") == [
        (late.contract.no, "late"),
        (fine.contract.no, "none"),
    ]
    assert late.contract.no in report.headline.zh_hans
    assert "里程碑逾期" in report.headline.zh_hans


async def test_a_buyer_has_its_own_contracts_only(
    engine: AsyncEngine, two: tuple[Bought, Bought]
) -> None:
    for own in two:
        report = await ask(engine, own.manager, "contract-performance")
        assert columns(report.table("contracts"), "no") == [(own.contract.no,)]
        assert {no for (no,) in columns(report.table("milestones"), "no")} == {own.contract.no}
