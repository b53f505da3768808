"""What the county buys: a list, a budget, one contract in force, one tender out, one plan."""

from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.demo.deeds import Deeds
from nexus.organizations.model import Organization
from nexus.purchasing.budgets import operations as budgets
from nexus.purchasing.budgets.model import BudgetLine
from nexus.purchasing.catalogue import operations as catalogue
from nexus.purchasing.catalogue.model import CatalogueItem, CatalogueKind, FundingSource
from nexus.purchasing.contracts import operations as contracts
from nexus.purchasing.contracts.model import FactKind, MilestoneKind, TargetMetric
from nexus.purchasing.contracts.rules import ItemInput, MilestoneInput, TargetInput, TextInput
from nexus.purchasing.procurements import operations as procurements
from nexus.purchasing.procurements.awarding import operations as awarding
from nexus.purchasing.procurements.model import Award, Procurement, ProcurementMethod
from nexus.purchasing.procurements.rules import ItemInput as PlannedItem
from nexus.purchasing.procurements.suppliers import operations as suppliers
from nexus.purchasing.procurements.suppliers.model import SupplierListKind

ENTRIES = (
    ("A.01.01", "入户探访服务", CatalogueKind.TRANSACTIONAL, 12_000),
    ("B.02.01", "心理疏导服务", CatalogueKind.SERVICE, 30_000),
)
TARGET = TargetInput(
    metric=TargetMetric.QUANTITY, title="入户探访次数", target_value=Decimal(600), item=1
)
BUDGET = 50_000_000
"""Fen of the year's line."""


def _days(count: int) -> timedelta:
    return timedelta(days=count)


def _visits(item: CatalogueItem, line: BudgetLine) -> ItemInput:
    return ItemInput(
        catalogue_item_id=item.id,
        budget_line_id=line.id,
        quantity=Decimal(600),
        unit_price_fen=item.reference_price_fen or 1,
        fact_kind=FactKind.VISIT,
    )


class Purchases(Deeds):
    """Buys from the operator of the first station, as the county's buyer."""

    def _of(self, role: Role, place: int = 0) -> Account:
        found = [account for account, _ in self.world.shown if account.role is role]
        return found[place]

    async def buy(self) -> None:
        """From the catalogue to a contract in force, a tender and a plan."""
        items = [await self._entry(*entry) for entry in ENTRIES]
        line = await self._budget(items)
        await self._contract(await self._award(items[0], line), items[0], line)
        tender = await self._plan("心理疏导服务", ProcurementMethod.OPEN, items[1], line, 5)
        await self._publish(tender, 5, 20)
        await self._plan("重点家庭入户探访（下一年度）", ProcurementMethod.OPEN, items[0], line, 2)
        await self._list(items)

    async def _entry(self, code: str, title: str, kind: CatalogueKind, price: int) -> CatalogueItem:
        deed = partial(
            catalogue.draft_catalogue_item,
            code=code,
            title=title,
            kind=kind,
            unit="E48",
            funding_sources=[FundingSource.F1, FundingSource.F2],
            reference_price_fen=price,
        )
        row = await self.do(self._of(Role.BUYER), _days(200), deed)
        return await self.do(
            self._of(Role.SUPERVISOR),
            _days(199),
            lambda act: catalogue.publish_catalogue_item(
                act,
                row.id,
                expected_version=row.version,
                effective_from=self.world.today - _days(199),
            ),
        )

    async def _budget(self, items: list[CatalogueItem]) -> BudgetLine:
        ago = _days(100)
        line = await self.do(
            self._of(Role.BUYER),
            ago,
            lambda act: budgets.draft_budget_line(
                act,
                title="社会救助购买服务经费",
                fiscal_year=self.world.today.year,
                area_code=self.world.stations[0].row.area_code[:6],
                funding_source=FundingSource.F1,
                planned_fen=BUDGET,
                item_ids=[one.id for one in items],
            ),
        )
        return await self.do(
            self._of(Role.BUYER_FINANCE),
            ago,
            lambda act: budgets.approve_budget_line(act, line.id, expected_version=line.version),
        )

    async def _plan(
        self,
        title: str,
        method: ProcurementMethod,
        item: CatalogueItem,
        line: BudgetLine,
        ago: int,
    ) -> Procurement:
        planned = PlannedItem(
            catalogue_item_id=item.id,
            budget_line_id=line.id,
            quantity=Decimal(600),
            unit_price_fen=item.reference_price_fen or 1,
        )
        deed = partial(
            procurements.plan_procurement,
            title=title,
            rationale="辖区内没有组织提供这项服务",
            method=method,
            items=[planned],
        )
        return await self.do(self._of(Role.BUYER), _days(ago), deed)

    async def _publish(self, row: Procurement, ago: int, days: int) -> Procurement:
        starts_on = self.world.today - _days(ago)
        return await self.do(
            self._of(Role.BUYER),
            _days(ago),
            lambda act: procurements.publish_procurement(
                act,
                row.id,
                expected_version=row.version,
                tender_starts_on=starts_on,
                tender_ends_on=starts_on + _days(days),
            ),
        )

    async def _award(self, item: CatalogueItem, line: BudgetLine) -> Award:
        title = "困难家庭入户探访服务"
        row = await self._plan(title, ProcurementMethod.DIRECT, item, line, 90)
        row = await self._publish(row, 88, 10)
        supplier_id = self.world.stations[0].row.organization_id
        assert supplier_id is not None
        award = await self.do(
            self._of(Role.BUYER),
            _days(70),
            lambda act: awarding.make_award(
                act,
                row.id,
                expected_version=row.version,
                supplier_id=supplier_id,
                value_fen=row.value_fen,
                rationale="本镇街社工站的运营机构，可由同一支队伍入户",
            ),
        )
        return await self.do(
            self._of(Role.BUYER, 1),
            _days(69),
            lambda act: awarding.confirm_award(act, award.id, expected_version=award.version),
        )

    async def _contract(self, award: Award, item: CatalogueItem, line: BudgetLine) -> None:
        buyer, second = self._of(Role.BUYER), self._of(Role.BUYER, 1)
        starts_on = self.world.today - _days(60)
        value = item.reference_price_fen or 1
        text = self._text(buyer, starts_on)
        milestones = [
            MilestoneInput(
                kind=MilestoneKind.DELIVERY,
                title=f"第{quarter}季度服务",
                due_on=starts_on + _days(90 * quarter),
                value_fen=150 * value,
            )
            for quarter in (1, 2, 3, 4)
        ]
        deed = partial(
            contracts.draw_up_contract,
            award_id=award.id,
            expected_version=award.version,
            text=text,
            items=[_visits(item, line)],
            milestones=milestones,
            targets=[TARGET],
        )
        row = await self.do(buyer, _days(66), deed)
        row = await self.do(
            second,
            _days(62),
            lambda act: contracts.sign_contract(
                act,
                row.id,
                expected_version=row.version,
                signed_on=self.world.today - _days(62),
            ),
        )
        await self.do(
            buyer,
            _days(61),
            lambda act: contracts.publish_contract(act, row.id, expected_version=row.version),
        )

    def _text(self, manager: Account, starts_on: date) -> TextInput:
        return TextInput(
            title="困难家庭入户探访服务合同",
            area_code=self.world.stations[0].row.area_code,
            manager_id=manager.id,
            starts_on=starts_on,
            ends_on=starts_on + _days(360),
            data_protection_clause="服务对象的信息只为履约使用，合同期满后删除。",
        )

    async def _list(self, items: list[CatalogueItem]) -> None:
        row = await self.do(
            self._of(Role.BUYER),
            _days(30),
            partial(
                suppliers.create_supplier_list,
                title="社会救助服务供应商名录",
                kind=SupplierListKind.OPEN_CALL,
                terms="依法登记，有持证社工三名以上",
                valid_from=self.world.today - _days(30),
                valid_to=self.world.today + _days(335),
                catalogue_item_ids=[one.id for one in items],
            ),
        )
        row = await self.do(
            self._of(Role.BUYER),
            _days(30),
            lambda act: suppliers.open_supplier_list(act, row.id, expected_version=row.version),
        )
        _, account = next(iter(self._charities()), (None, None))
        if account is not None:
            await self.do(
                account,
                _days(10),
                lambda act: suppliers.apply_to_list(
                    act, row.id, statement="有持证社工六名，服务本区三年"
                ),
            )

    def _charities(self) -> list[tuple[Organization, Account]]:
        return [
            (organization, account)
            for organization, account in self.world.charities
            if account.role is Role.CHARITY_USER
        ]
