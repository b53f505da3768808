"""Contract performance: what was bought, accepted and paid; who is in trouble, and why."""

from typing import Any

from sqlalchemy import Select, and_, case, exists, func, literal_column, select
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, GOVERNMENT, OVERSIGHT, Role
from nexus.evaluation.evaluations.model import Evaluation
from nexus.evaluation.voice.model import ClientFeedback, VoiceState
from nexus.organizations.model import Organization
from nexus.purchasing.budgets import policy as budgets
from nexus.purchasing.budgets.model import BudgetLine, BudgetLineState
from nexus.purchasing.catalogue.model import CatalogueItem
from nexus.purchasing.contracts import policy as contracts
from nexus.purchasing.contracts.model import (
    UNSIGNED,
    Contract,
    ContractItem,
    ContractState,
    Milestone,
    MilestoneState,
)
from nexus.purchasing.facts.model import FactState, ServiceFact
from nexus.purchasing.payments.model import Invoice, InvoiceState
from nexus.reports.asking import NOTHING, Asked, Definition, Scope, Tables, how_many, sums
from nexus.reports.content import Chart, ChartKind, Column, Kind, Table
from nexus.reports.defined.columns import UNIT, counted, dated, money, worded
from nexus.reports.defined.contract_columns import (
    ACCEPTED,
    CONTRACT,
    GRADES,
    LATE,
    PAID,
    STATES,
    TITLE,
    TROUBLE,
    TROUBLES,
    VALUE,
)
from nexus.reports.words import Words

BUYERS = frozenset({Role.BUYER, Role.BUYER_FINANCE})
READERS = GOVERNMENT | OVERSIGHT | EVERYWHERE | BUYERS
WAITING = (MilestoneState.SCHEDULED, MilestoneState.NOT_MET)


def _contracts(scope: Scope) -> Any:
    """Signed contracts of the area whose term meets the period; a buyer's own."""
    row, supplier = aliased(Contract), aliased(Organization)
    found = (
        select(row, supplier.name.label("supplier"))
        .join(supplier, supplier.id == row.supplier_id)
        .where(
            row.state.not_in(UNSIGNED),
            scope.within(row.area_code),
            row.starts_on < scope.until_on,
            row.ends_on > scope.from_on,
            contracts.visible(scope.actor, row),
        )
    )
    if scope.actor.role in BUYERS:
        found = found.where(row.buyer_id == scope.actor.organization_id)
    return found.subquery()


def _of(row: Any, expression: Any, *conditions: Any) -> Any:
    return select(expression).where(*conditions).correlate(row).scalar_subquery()


def _trouble(scope: Scope, row: Any, late: Any) -> Any:
    """The first thing that is amiss, the gravest first."""
    step, bill = aliased(Milestone), aliased(Invoice)
    unpaid = exists().where(
        bill.contract_id == row.c.id,
        bill.state == InvoiceState.APPROVED,
        bill.pay_due_at <= scope.actor.now,
        step.id == bill.milestone_id,
        step.paid_fen < step.accepted_fen,
    )
    over = and_(row.c.ended_at.is_(None), row.c.ends_on <= scope.actor.today())
    unpublished = and_(row.c.published_on.is_(None), row.c.publish_due_at <= scope.actor.now)
    return case(
        (row.c.state == ContractState.SUSPENDED, "suspended"),
        (late > 0, "late"),
        (unpaid, "unpaid"),
        (over, "over"),
        (unpublished, "unpublished"),
        else_="none",
    )


def by_contract(scope: Scope) -> Select[Any]:
    """A row for each contract, those in trouble first."""
    row = _contracts(scope)
    step, fact, verdict = aliased(Milestone), aliased(ServiceFact), aliased(Evaluation)
    mine = step.contract_id == row.c.id
    overdue = and_(step.state.in_(WAITING), step.due_on < scope.actor.today())
    late = _of(row, func.count(), mine, overdue)
    grade = (
        select(verdict.grade)
        .where(verdict.contract_id == row.c.id, verdict.published_at.is_not(None))
        .order_by(verdict.published_at.desc())
        .limit(1)
        .correlate(row)
        .scalar_subquery()
    )
    zero: Any = literal_column("0")
    found = select(
        row.c.no,
        row.c.title,
        row.c.supplier,
        row.c.ends_on,
        row.c.value_fen.label("value"),
        _of(row, func.coalesce(func.sum(step.accepted_fen), zero), mine).label("accepted"),
        _of(row, func.coalesce(func.sum(step.paid_fen), zero), mine).label("paid"),
        late.label("late"),
        _of(row, func.count(), fact.contract_id == row.c.id, fact.state == FactState.COUNTED).label(
            "facts"
        ),
        grade.label("grade"),
        _trouble(scope, row, late).label("trouble"),
    ).subquery()
    rank = case({name: place for place, name in enumerate(TROUBLES)}, value=found.c.trouble)
    return select(found).order_by(rank, found.c.late.desc(), found.c.ends_on, found.c.no)


def money_lines(scope: Scope) -> Select[Any]:
    """A row for each budget line of the period's years that the reader sees."""
    row: Any = aliased(BudgetLine)
    return (
        select(
            row.no,
            row.title,
            (row.approved_fen + row.adjusted_fen).label("available"),
            row.reserved_fen.label("reserved"),
            row.committed_fen.label("committed"),
            row.paid_fen.label("paid"),
        )
        .where(
            row.state != BudgetLineState.DRAFT,
            row.fiscal_year >= func.date_part(literal_column("'year'"), scope.from_on),
            row.fiscal_year <= func.date_part(literal_column("'year'"), scope.until_on),
            scope.within(row.area_code),
            budgets.visible(scope.actor, row),
        )
        .order_by(row.no)
    )


def unit_costs(scope: Scope) -> Select[Any]:
    """What the same catalogue item costs in different contracts, and how much of it was done."""
    row, item, listed = _contracts(scope), aliased(ContractItem), aliased(CatalogueItem)
    fact = aliased(ServiceFact)
    done = (
        select(fact.contract_item_id, func.sum(fact.quantity).label("done"))
        .where(fact.state == FactState.COUNTED, fact.contract_id.in_(select(row.c.id)))
        .group_by(fact.contract_item_id)
        .subquery()
    )
    return (
        select(
            listed.code,
            listed.title,
            item.unit,
            func.count(item.contract_id.distinct()).label("contracts"),
            func.sum(item.quantity).label("quantity"),
            func.coalesce(func.sum(done.c.done), literal_column("0")).label("done"),
            func.min(item.unit_price_fen).label("lowest"),
            func.max(item.unit_price_fen).label("highest"),
        )
        .select_from(row)
        .join(item, item.contract_id == row.c.id)
        .join(listed, listed.id == item.catalogue_item_id)
        .outerjoin(done, done.c.contract_item_id == item.id)
        .group_by(listed.code, listed.title, item.unit)
        .order_by(listed.code, item.unit)
    )


def voices(scope: Scope) -> Select[Any]:
    """What clients said, by contract: how many were asked, how many answered, and the mean."""
    row, word = _contracts(scope), aliased(ClientFeedback)
    answered = word.state == VoiceState.ANSWERED
    return (
        select(
            row.c.no,
            func.count().label("asked"),
            func.count().filter(answered).label("answered"),
            func.avg(word.satisfaction).filter(answered).label("mean"),
        )
        .join(word, word.contract_id == row.c.id)
        .group_by(row.c.no)
        .order_by(row.c.no)
    )


def milestones(scope: Scope) -> Select[Any]:
    """The milestones, by contract and due day."""
    row, step = _contracts(scope), aliased(Milestone)
    return (
        select(
            row.c.no,
            step.title,
            row.c.starts_on,
            step.due_on,
            step.met_on,
            step.value_fen.label("value"),
            step.accepted_fen.label("accepted"),
            step.paid_fen.label("paid"),
            step.state,
        )
        .join(step, step.contract_id == row.c.id)
        .order_by(step.due_on, row.c.no, step.position)
    )


def _contracts_say(table: Table) -> Words:
    if not table.rows:
        return NOTHING
    total = sums(table)
    return Words(
        "{count} 份合同，合计 {value} 元，已验收 {accepted} 元，已支付 {paid} 元。",
        "{count} 份合同，合計 {value} 元，已驗收 {accepted} 元，已支付 {paid} 元。",
        "{count} contracts over {value} yuan: {accepted} accepted, {paid} paid.",
    ).filled(
        count=len(table.rows),
        **{key: f"{total[key] / 100:,.2f}" for key in ("value", "accepted", "paid")},
    )


def _money_says(table: Table) -> Words:
    if not table.rows:
        return NOTHING
    total = sums(table)
    return Words(
        "预算 {available} 元，已承诺 {committed} 元，已支付 {paid} 元。",
        "預算 {available} 元，已承諾 {committed} 元，已支付 {paid} 元。",
        "Of {available} yuan, {committed} are committed and {paid} paid.",
    ).filled(**{key: f"{total[key] / 100:,.2f}" for key in ("available", "committed", "paid")})


def _headline(tables: Tables) -> Words:
    table = tables["contracts"]
    if not table.rows:
        return Words("本期没有合同。", "本期沒有合同。", "There is no contract in this period.")
    trouble, place = table.column("trouble"), table.at("no")
    amiss = [at for at, cell in enumerate(trouble) if getattr(cell, "code", "none") != "none"]
    if not amiss:
        return Words("全部合同正常履行。", "全部合同正常履行。", "Every contract is in order.")
    first = amiss[0]
    return Words(
        "{total} 份合同中有 {count} 份需要关注，首先是 {no}：{why}。",
        "{total} 份合同中有 {count} 份需要關注，首先是 {no}：{why}。",
        "{count} of {total} contracts want looking at, first of all {no}: {why}.",
    ).filled(
        total=len(table.rows),
        count=len(amiss),
        no=table.rows[first][place],
        why=getattr(trouble[first], "words", ""),
    )


DEFINITION = Definition(
    name="contract-performance",
    version=1,
    title=Words("合同履行情况", "合同履行情況", "Contract performance"),
    question=Words(
        "哪份合同有问题？为什么？钱花到哪一步？",
        "哪份合同有問題？為什麼？錢花到哪一步？",
        "Which contract is in trouble, why, and how far has the money come?",
    ),
    readers=READERS,
    rows_for=READERS,
    own=True,
    tables=(
        Asked(
            "contracts",
            Words("合同", "合同", "Contracts"),
            (
                CONTRACT,
                TITLE,
                Column("supplier", Kind.TEXT, Words("承接主体", "承接主體", "Supplier")),
                dated("ends_on", Words("到期日", "到期日", "Ends")),
                VALUE,
                ACCEPTED,
                PAID,
                LATE,
                counted("facts", Words("计入事实", "計入事實", "Facts")),
                worded("grade", Words("评价等次", "評價等次", "Grade"), GRADES),
                TROUBLE,
            ),
            by_contract,
            _contracts_say,
            Chart(
                ChartKind.BULLET,
                Words(
                    "合同金额、已验收与已支付",
                    "合同金額、已驗收與已支付",
                    "Value, accepted and paid",
                ),
                "no",
                ("value", "accepted", "paid"),
            ),
            drill="no",
        ),
        Asked(
            "budget",
            Words("预算", "預算", "Budget"),
            (
                Column("no", Kind.TEXT, Words("预算编号", "預算編號", "Line")),
                TITLE,
                money("available", Words("预算（元）", "預算（元）", "Budget (yuan)")),
                money("reserved", Words("已预留（元）", "已預留（元）", "Reserved (yuan)")),
                money("committed", Words("已承诺（元）", "已承諾（元）", "Committed (yuan)")),
                PAID,
            ),
            money_lines,
            _money_says,
            Chart(
                ChartKind.BULLET,
                Words("预算执行", "預算執行", "How far the budget is used"),
                "no",
                ("available", "committed", "paid"),
            ),
        ),
        Asked(
            "items",
            Words("同类服务单价", "同類服務單價", "Unit prices of like services"),
            (
                Column("code", Kind.TEXT, Words("目录编码", "目錄編碼", "Code")),
                TITLE,
                UNIT,
                Column("contracts", Kind.COUNT, Words("合同数", "合同數", "Contracts")),
                Column("quantity", Kind.QUANTITY, Words("约定数量", "約定數量", "Agreed")),
                Column("done", Kind.QUANTITY, Words("已计入数量", "已計入數量", "Counted")),
                Column(
                    "lowest", Kind.FEN, Words("最低单价（元）", "最低單價（元）", "Lowest (yuan)")
                ),
                Column(
                    "highest", Kind.FEN, Words("最高单价（元）", "最高單價（元）", "Highest (yuan)")
                ),
            ),
            unit_costs,
            how_many,
        ),
        Asked(
            "voices",
            Words("服务对象满意度", "服務對象滿意度", "What clients say"),
            (
                CONTRACT,
                counted("asked", Words("询问人次", "詢問人次", "Asked")),
                counted("answered", Words("回答人次", "回答人次", "Answered")),
                Column(
                    "rate",
                    Kind.PERCENT,
                    Words("回答率", "回答率", "Response rate"),
                    ratio=("answered", "asked"),
                ),
                Column("mean", Kind.DAYS, Words("平均分（1–5）", "平均分（1–5）", "Mean (1–5)")),
            ),
            voices,
            how_many,
        ),
        Asked(
            "milestones",
            Words("里程碑", "里程碑", "Milestones"),
            (
                CONTRACT,
                TITLE,
                dated("starts_on", Words("合同开始", "合同開始", "Starts")),
                dated("due_on", Words("到期", "到期", "Due")),
                dated("met_on", Words("达到", "達到", "Met")),
                VALUE,
                ACCEPTED,
                PAID,
                worded("state", Words("状态", "狀態", "State"), STATES),
            ),
            milestones,
            how_many,
            Chart(
                ChartKind.GANTT,
                Words("里程碑到期与达到", "里程碑到期與達到", "Milestones: due and met"),
                "title",
                ("starts_on", "due_on", "met_on"),
            ),
            detail=True,
        ),
    ),
    headline=_headline,
)
