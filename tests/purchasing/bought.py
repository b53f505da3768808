"""A contract in force with its two sides, and what happened under it. All made up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.accounts.queries import area_prefix
from nexus.acting import NOBODY, SHANGHAI, Act, Actor, Role
from nexus.casework.model import Station
from nexus.casework.visits.model import Visit, VisitKind, VisitState
from nexus.core.ids import new_id
from nexus.organizations.model import Organization
from nexus.purchasing.budgets.model import BudgetLine, BudgetLineState
from nexus.purchasing.catalogue.model import (
    CatalogueItem,
    CatalogueItemState,
    CatalogueKind,
    FundingSource,
)
from nexus.purchasing.contracts.model import (
    Contract,
    ContractItem,
    ContractState,
    ContractTarget,
    FactKind,
    Milestone,
    MilestoneKind,
)
from nexus.purchasing.procurements.model import (
    Award,
    AwardState,
    Procurement,
    ProcurementItem,
    ProcurementMethod,
    ProcurementState,
)
from nexus.recipients.model import Household
from nexus.recipients.vault.rules import session_info
from tests.deeds import VAULT_KEY
from tests.making import COUNTER, Maker, making, now, number, today

TOWN, COUNTY = "440103001", "440103"
PRICE = 20_000
"""Fen a unit."""


@dataclass
class Bought:
    """A contract with its people: three of the buyer, the supplier's lead, a worker and a home."""

    buyer: Organization
    supplier: Organization
    station: Station
    manager: Account
    colleague: Account
    finance: Account
    lead: Account
    worker: Account
    home: Household
    contract: Contract
    items: list[ContractItem] = field(default_factory=list)
    milestones: list[Milestone] = field(default_factory=list)
    targets: list[ContractTarget] = field(default_factory=list)


def actor_of(account: Account) -> Actor:
    """The account as it acts now."""
    prefix = area_prefix(account.area_code)
    return Actor(account.role, account.id, account.organization_id or NOBODY, prefix, now())


async def do(
    engine: AsyncEngine, account: Account | Actor, deed: Any, *given: Any, **more: Any
) -> Any:
    """The deed as the account, committed."""
    actor = account if isinstance(account, Actor) else actor_of(account)
    info = session_info(VAULT_KEY)
    async with AsyncSession(engine, expire_on_commit=False, info=info) as session:
        async with session.begin():
            return await deed(Act(session, actor), *given, **more)


async def catalogued(m: Maker, unit: str = "E48") -> CatalogueItem:
    """An item of the list, in force for years."""
    publisher = await m.account(Role.GOV_APPROVER)
    row = CatalogueItem(
        code=f"T{next(COUNTER)}.{new_id().hex[-8:].upper()}.01",
        title="入户探访",
        kind=CatalogueKind.SERVICE,
        unit=unit,
        funding_sources=["F1"],
        edition=1,
        effective_from=date(2020, 1, 1),
        state=CatalogueItemState.EFFECTIVE,
        created_at=now(),
        created_by=new_id(),
        published_by=publisher.id,
    )
    await m.put(row)
    return row


async def budgeted(m: Maker, made: Bought) -> BudgetLine:
    """A line of this year, not approved: no money moves here."""
    row = {
        "id": new_id(),
        "no": number("BL"),
        "title": "社会救助工作经费",
        "fiscal_year": today().year,
        "buyer_id": made.buyer.id,
        "area_code": COUNTY,
        "funding_source": FundingSource.F1,
        "planned_fen": 10**9,
        "state": BudgetLineState.DRAFT,
        "version": 1,
        "created_at": now(),
        "created_by": made.manager.id,
    }
    await m.session.execute(insert(BudgetLine).values(row))
    await m.session.commit()
    return await m.session.get_one(BudgetLine, row["id"])


async def awarded(m: Maker, made: Bought, line: BudgetLine) -> Award:
    """A procurement whose award stands."""
    worth = 10**9
    row = Procurement(
        id=new_id(),
        no=number("PC"),
        ocid=f"ocds-abc123-{new_id()}",
        title="救助服务",
        rationale="无人提供探访",
        method=ProcurementMethod.DIRECT,
        buyer_id=made.buyer.id,
        area_code=COUNTY,
        value_fen=worth,
        state=ProcurementState.PLANNING,
        created_at=now(),
        created_by=made.manager.id,
    )
    item = ProcurementItem(
        procurement_id=row.id,
        position=1,
        catalogue_item_id=(await catalogued(m)).id,
        budget_line_id=line.id,
        quantity=Decimal(1),
        unit="E48",
        unit_price_fen=worth,
        value_fen=worth,
    )
    award = Award(
        no=number("AW"),
        procurement_id=row.id,
        buyer_id=made.buyer.id,
        supplier_id=made.supplier.id,
        value_fen=worth,
        rationale="唯一报价",
        awarded_on=today() - timedelta(days=100),
        state=AwardState.ACTIVE,
        created_at=now(),
        created_by=made.manager.id,
        decided_by=made.colleague.id,
    )
    await m.put(row, item, award)
    return award


async def bought(
    m: Maker,
    *,
    items: Sequence[dict[str, Any]] = ({},),
    milestones: Sequence[dict[str, Any]] = ({},),
    targets: Sequence[dict[str, Any]] = (),
    near: Bought | None = None,
    **fields: Any,
) -> Bought:
    """A contract in force for visits at 200 yuan; `near` shares the parties of another one."""
    made = near and Bought(**{**vars(near), "items": [], "milestones": [], "targets": []})
    made = made or await parties(m)
    line = await budgeted(m, made)
    award = await awarded(m, made, line)
    contract_id = new_id()
    made.items = [
        await _item(m, contract_id, line, place, given) for place, given in enumerate(items, 1)
    ]
    made.contract = _contract(made, award, contract_id, fields)
    made.milestones = [
        _milestone(made, place, given) for place, given in enumerate(milestones, start=1)
    ]
    made.targets = [
        ContractTarget(
            **{"contract_id": contract_id, "position": place, "title": "目标"}
            | given
            | ({"item_id": made.items[given["item_id"]].id} if "item_id" in given else {})
        )
        for place, given in enumerate(targets, start=1)
    ]
    await m.put(made.contract, *made.items, *made.milestones, *made.targets)
    return made


async def parties(m: Maker) -> Bought:
    """A county's buyer with three people, and a supplier that runs the town's station."""
    buyer = await m.authority(area_code=COUNTY)
    station = await m.station(area_code=TOWN)
    supplier = await m.session.get_one(Organization, station.organization_id)
    of_buyer: dict[str, Any] = {"organization": buyer, "area_code": COUNTY}
    of_supplier: dict[str, Any] = {"organization": supplier, "area_code": TOWN}
    made = Bought(
        buyer=buyer,
        supplier=supplier,
        station=station,
        manager=await m.account(Role.BUYER, **of_buyer),
        colleague=await m.account(Role.BUYER, **of_buyer),
        finance=await m.account(Role.BUYER_FINANCE, **of_buyer),
        lead=await m.account(Role.STATION_LEAD, **of_supplier),
        worker=await m.account(Role.SOCIAL_WORKER, **of_supplier),
        home=await m.household(area_code=TOWN),
        contract=Contract(),
    )
    await m.worker(made.worker, station)
    return made


async def _item(
    m: Maker, contract_id: UUID, line: BudgetLine, place: int, given: dict[str, Any]
) -> ContractItem:
    row: dict[str, Any] = {
        "id": new_id(),
        "contract_id": contract_id,
        "position": place,
        "budget_line_id": line.id,
        "unit": "E48",
        "quantity": Decimal(100),
        "unit_price_fen": PRICE,
        "fact_kind": FactKind.VISIT,
    } | given
    row["catalogue_item_id"] = (await catalogued(m, row["unit"])).id
    row["value_fen"] = round(row["quantity"] * row["unit_price_fen"])
    return ContractItem(**row)


def _contract(made: Bought, award: Award, row_id: UUID, fields: dict[str, Any]) -> Contract:
    row: dict[str, Any] = {
        "id": row_id,
        "no": number("CT"),
        "procurement_id": award.procurement_id,
        "award_id": award.id,
        "buyer_id": made.buyer.id,
        "supplier_id": made.supplier.id,
        "area_code": COUNTY,
        "manager_id": made.manager.id,
        "title": "社会救助探访服务",
        "starts_on": today() - timedelta(days=90),
        "ends_on": today() + timedelta(days=200),
        "value_fen": sum(item.value_fen for item in made.items),
        "data_protection_clause": "只为履约使用，期满删除。",
        "term_reasons": [],
        "term_months": 12,
        "reasoned_term_months": 36,
        "term_rule": "made",
        "signed_on": today() - timedelta(days=90),
        "signed_by": made.colleague.id,
        "publish_due_at": now(),
        "publish_rule": "made",
        "published_on": today() - timedelta(days=89),
        "state": ContractState.ACTIVE,
        "state_reason": "说明",
        "created_at": now(),
        "created_by": made.manager.id,
    } | fields
    return Contract(**row)


def _milestone(made: Bought, place: int, given: dict[str, Any]) -> Milestone:
    row: dict[str, Any] = {
        "contract_id": made.contract.id,
        "buyer_id": made.buyer.id,
        "position": place,
        "kind": MilestoneKind.DELIVERY,
        "title": f"第{place}期",
        "due_on": today() + timedelta(days=30 * place),
        "value_fen": 10 * PRICE,
    } | given
    return Milestone(**row)


async def visits(m: Maker, made: Bought, count: int, **fields: Any) -> list[Visit]:
    """Visits that were made, one a day up to yesterday, each to the home unless told."""
    rows = []
    for ago in range(1, count + 1):
        day = today() - timedelta(days=fields.pop("ago", ago) if "ago" in fields else ago)
        moment = datetime.combine(day, datetime.min.time(), SHANGHAI) + timedelta(hours=10)
        rows.append(
            Visit(
                **{
                    "no": number("V"),
                    "household_id": made.home.id,
                    "station_id": made.station.id,
                    "kind": VisitKind.HOME,
                    "window_from": day,
                    "window_to": day + timedelta(days=1),
                    "due_on": day,
                    "performed_at": moment,
                    "recorded_at": moment,
                    "performed_by": made.worker.id,
                    "minutes": 40,
                    "findings": {},
                    "state": VisitState.DONE,
                    "created_at": moment,
                    "created_by": made.worker.id,
                }
                | fields
            )
        )
    await m.put(*rows)
    return rows


async def scene(engine: AsyncEngine, **given: Any) -> Bought:
    """One of its own."""
    async with making(engine) as m:
        return await bought(m, **given)


async def rows_of(engine: AsyncEngine, table: Any, *where: Any) -> list[Any]:
    """The rows as they stand in the database, by id."""
    async with AsyncSession(engine) as session:
        found = await session.scalars(select(table).where(*where).order_by(table.id))
        return list(found.all())
