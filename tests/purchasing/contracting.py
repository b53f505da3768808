"""A buyer with its people and money, a supplier, and procurements and contracts in any state.

All through the deeds themselves, so that the money moves as it does in life. All made up.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.organizations.model import Organization
from nexus.purchasing.budgets import operations as budgets
from nexus.purchasing.budgets.model import BudgetLine
from nexus.purchasing.catalogue.model import CatalogueItem, FundingSource
from nexus.purchasing.contracts import operations as contracts
from nexus.purchasing.contracts.ending import operations as ending
from nexus.purchasing.contracts.milestones import operations as milestones
from nexus.purchasing.contracts.model import Contract, ContractState, FactKind, MilestoneKind
from nexus.purchasing.contracts.queries import milestones_of
from nexus.purchasing.contracts.rules import ItemInput, MilestoneInput, TextInput
from nexus.purchasing.procurements import operations as procurements
from nexus.purchasing.procurements.awarding import operations as awarding
from nexus.purchasing.procurements.model import (
    Award,
    AwardState,
    Procurement,
    ProcurementMethod,
    ProcurementState,
)
from nexus.purchasing.procurements.rules import ItemInput as PlannedItem
from tests.deeds import acting, actor_of
from tests.making import making, now, today
from tests.purchasing.bought import catalogued

COUNTY, TOWN = "440103", "440103001"
PRICE = 10_000
"""Fen a unit."""
CLAUSE = "只为履约使用，期满删除。"


async def do(engine: AsyncEngine, who: Any, deed: Any, *given: Any, **more: Any) -> Any:
    """The deed as somebody, committed."""
    async with acting(engine, who) as act:
        return await deed(act, *given, **more)


@dataclass
class Market:
    """Who buys from whom, and out of what."""

    engine: AsyncEngine
    buyer: Organization
    supplier: Organization
    clerk: Account
    colleague: Account
    finance: Account
    lead: Account
    coordinator: Account
    item: CatalogueItem
    line: BudgetLine

    async def planned(self, quantity: int = 100, **more: Any) -> Procurement:
        """In planning: so many units at 100 yuan, from its one line."""
        item = PlannedItem(
            catalogue_item_id=self.item.id,
            budget_line_id=more.pop("line_id", self.line.id),
            quantity=Decimal(quantity),
            unit_price_fen=PRICE,
        )
        given: dict[str, Any] = {
            "title": "社会救助探访服务",
            "rationale": "无人提供探访",
            "method": ProcurementMethod.DIRECT,
            "items": [item],
        } | more
        row: Procurement = await do(self.engine, self.clerk, procurements.plan_procurement, **given)
        return row

    async def tendered(self, quantity: int = 100, days: int = 1, **more: Any) -> Procurement:
        """Its tender is out, from yesterday, for so many days."""
        row = await self.planned(quantity, **more)
        yesterday = today() - timedelta(days=1)
        early = actor_of(self.clerk, now() - timedelta(days=1))
        made: Procurement = await do(
            self.engine,
            early,
            procurements.publish_procurement,
            row.id,
            expected_version=row.version,
            tender_starts_on=yesterday,
            tender_ends_on=yesterday + timedelta(days=days),
        )
        return made

    async def proposed(self, quantity: int = 100, **more: Any) -> Award:
        """Awarded to the supplier by one person."""
        row = await self.tendered(quantity, **more)
        made: Award = await do(
            self.engine,
            self.clerk,
            awarding.make_award,
            row.id,
            expected_version=row.version,
            supplier_id=self.supplier.id,
            value_fen=row.value_fen,
            rationale="唯一的供应商",
        )
        return made

    async def awarded(self, quantity: int = 100, **more: Any) -> Award:
        """… and confirmed by another."""
        row = await self.proposed(quantity, **more)
        made: Award = await do(
            self.engine,
            self.colleague,
            awarding.confirm_award,
            row.id,
            expected_version=row.version,
        )
        return made

    def text(self, **more: Any) -> TextInput:
        """What a contract of this year says."""
        given: dict[str, Any] = {
            "title": "社会救助探访服务合同",
            "area_code": TOWN,
            "manager_id": self.clerk.id,
            "starts_on": today(),
            "ends_on": today() + timedelta(days=300),
            "data_protection_clause": CLAUSE,
        }
        return TextInput(**given | more)

    def items(self, quantity: int = 100, line_id: UUID | None = None) -> list[ItemInput]:
        """So many units, counted by visits."""
        return [
            ItemInput(
                catalogue_item_id=self.item.id,
                budget_line_id=line_id or self.line.id,
                quantity=Decimal(quantity),
                unit_price_fen=PRICE,
                fact_kind=FactKind.VISIT,
            )
        ]

    async def drawn_up(self, quantity: int = 100, award: Award | None = None) -> Contract:
        """Pending, with two milestones of which the second has no money."""
        award = award or await self.awarded(quantity)
        made: Contract = await do(
            self.engine,
            self.clerk,
            contracts.draw_up_contract,
            award.id,
            expected_version=award.version,
            text=self.text(),
            items=self.items(quantity),
            milestones=[
                MilestoneInput(
                    kind=MilestoneKind.DELIVERY,
                    title="第一期",
                    due_on=today(),
                    value_fen=quantity * PRICE // 2,
                ),
                MilestoneInput(kind=MilestoneKind.REPORTING, title="中期报告", due_on=today()),
            ],
        )
        return made

    async def signed(self, quantity: int = 100) -> Contract:
        """In force since today."""
        row = await self.drawn_up(quantity)
        made: Contract = await do(
            self.engine,
            self.colleague,
            contracts.sign_contract,
            row.id,
            expected_version=row.version,
            signed_on=today(),
        )
        return made

    async def contract(self, state: ContractState, quantity: int = 10) -> Contract:
        """One in that state."""
        if state in (
            ContractState.PENDING,
            ContractState.CANCELLED,
            ContractState.UNSUCCESSFUL,
        ):
            row = await self.drawn_up(quantity)
        else:
            row = await self.signed(quantity)
        path = {
            ContractState.SUSPENDED: contracts.suspend_contract,
            ContractState.TERMINATED_EARLY: ending.terminate_contract,
            ContractState.CANCELLED: ending.cancel_contract,
            ContractState.UNSUCCESSFUL: ending.fail_contract,
        }
        if state in path:
            return await self.move(path[state], row)  # type: ignore[no-any-return]
        if state is ContractState.TERMINATED_SUCCESSFULLY:
            await self.settle(row)
            return await self.move(ending.complete_contract, row)  # type: ignore[no-any-return]
        return row

    async def settle(self, row: Contract) -> None:
        """Nobody says any more that a milestone is open."""
        async with acting(self.engine, self.clerk) as act:
            for one in await milestones_of(act.session, row.id):
                await milestones.miss_milestone(
                    act, one.id, expected_version=one.version, reason="未达到"
                )

    async def move(self, deed: Any, row: Any, who: Any = None, **more: Any) -> Any:
        """A transition with a reason, by the clerk unless told."""
        given = {"expected_version": row.version, "reason": "说明"} | more
        return await do(self.engine, who or self.clerk, deed, row.id, **given)

    async def procurement(self, state: ProcurementState) -> Procurement:
        """One in that state."""
        if state is ProcurementState.PLANNING:
            return await self.planned(10)
        if state is ProcurementState.WITHDRAWN:
            return await self.move(procurements.withdraw_procurement, await self.planned(10))  # type: ignore[no-any-return]
        if state in (ProcurementState.AWARD, ProcurementState.CONTRACTED):
            award = await self.proposed(10)
            if state is ProcurementState.CONTRACTED:
                contract = await self.signed(10)
                return await self.read(Procurement, contract.procurement_id)  # type: ignore[no-any-return]
            return await self.read(Procurement, award.procurement_id)  # type: ignore[no-any-return]
        row = await self.tendered(10)
        if state is ProcurementState.UNSUCCESSFUL:
            return await self.move(procurements.fail_procurement, row)  # type: ignore[no-any-return]
        if state is ProcurementState.CANCELLED:
            return await self.move(procurements.cancel_procurement, row)  # type: ignore[no-any-return]
        return row

    async def award(self, state: AwardState) -> Award:
        """One in that state."""
        if state is AwardState.PENDING:
            return await self.proposed(10)
        if state is AwardState.UNSUCCESSFUL:
            row = await self.proposed(10)
            return await self.move(awarding.refuse_award, row, self.colleague)  # type: ignore[no-any-return]
        row = await self.awarded(10)
        if state is AwardState.CANCELLED:
            return await self.move(ending.cancel_award, row)  # type: ignore[no-any-return]
        return row

    async def read(self, table: Any, row_id: UUID) -> Any:
        """The row as it stands in the database."""
        async with acting(self.engine, self.clerk) as act:
            return await act.session.get_one(table, row_id)

    async def sums(self) -> tuple[int, int, int]:
        """Reserved, committed and paid fen of the line."""
        row = await self.read(BudgetLine, self.line.id)
        return row.reserved_fen, row.committed_fen, row.paid_fen


async def market(engine: AsyncEngine, fen: int = 10**9, near: "Market | None" = None) -> Market:
    """A county's buyer with an approved line of so much money, and a station's operator."""
    async with making(engine) as m:
        await m.area(TOWN)
        buyer = near.buyer if near else await m.authority(area_code=COUNTY)
        of_buyer: dict[str, Any] = {"organization": buyer, "area_code": COUNTY}
        station = await m.station(area_code=TOWN)
        supplier = await m.session.get_one(Organization, station.organization_id)
        people = {
            "clerk": await m.account(Role.BUYER, **of_buyer),
            "colleague": await m.account(Role.BUYER, **of_buyer),
            "finance": await m.account(Role.BUYER_FINANCE, **of_buyer),
            "lead": await m.account(Role.STATION_LEAD, supplier, area_code=TOWN),
            "coordinator": await m.account(Role.GOV_COORDINATOR, area_code=COUNTY),
        }
        item = await catalogued(m)
    line = await budget(engine, people["clerk"], people["finance"], item, fen)
    return Market(engine=engine, buyer=buyer, supplier=supplier, item=item, line=line, **people)


async def budget(
    engine: AsyncEngine, clerk: Account, finance: Account, item: CatalogueItem, fen: int
) -> BudgetLine:
    """An approved line of this year that pays for the item."""
    line = await do(
        engine,
        clerk,
        budgets.draft_budget_line,
        title="社会救助工作经费",
        fiscal_year=today().year,
        area_code=COUNTY,
        funding_source=FundingSource.F1,
        planned_fen=fen,
        item_ids=[item.id],
    )
    made: BudgetLine = await do(
        engine, finance, budgets.approve_budget_line, line.id, expected_version=line.version
    )
    return made
