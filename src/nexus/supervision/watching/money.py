"""Public money that is misused, diverted, kept back or late, before anybody complains (S4a).

挪用: paid for what the line may not buy (`money.off_purpose`). 截留: sent to somebody else than its
contract's supplier, or to one that may not act (`money.off_payee`). 滞留: accepted and not paid on
(`money.held`). 拖欠: invoices that are not paid in time (`payment.overdue`, `payment.critical`).
Shapes of the selects: as in `queries`.
"""

from typing import Any

from sqlalchemy import Select, Text, any_, cast, exists, func, or_
from sqlalchemy.orm import aliased

from nexus.organizations.model import Organization, OrganizationState
from nexus.purchasing.budgets.model import BudgetLine, BudgetLineItem, BudgetLineState
from nexus.purchasing.catalogue.model import CatalogueItem
from nexus.purchasing.contracts.model import Contract, ContractItem, ContractState, Milestone
from nexus.purchasing.payments.model import LIVE, PAID, Invoice, InvoiceState, Payment
from nexus.supervision.watching.queries import Moment, Standing, start_of, told

_RUNNING = (ContractState.ACTIVE, ContractState.SUSPENDED)


def _off_purpose(moment: Moment) -> Select[Any]:
    row, part, item = aliased(Contract), aliased(ContractItem), aliased(CatalogueItem)
    line, listed, named = aliased(BudgetLine), aliased(BudgetLineItem), aliased(CatalogueItem)
    allowed = exists().where(
        line.id == part.budget_line_id,
        listed.line_id == line.id,
        named.id == listed.catalogue_item_id,
        named.code == item.code,
        cast(line.funding_source, Text) == any_(item.funding_sources),
    )
    outside = exists().where(
        part.contract_id == row.id,
        part.quantity > 0,
        item.id == part.catalogue_item_id,
        ~allowed,
    )
    return told(
        row=row, area=row.area_code, since=row.created_at, no=row.no, value=row.value_fen
    ).where(row.state.in_(_RUNNING), row.created_at <= moment.now, outside)


def _off_payee(moment: Moment) -> Select[Any]:
    row, contract, payee = aliased(Payment), aliased(Contract), aliased(Organization)
    return (
        told(
            row=row,
            area=row.area_code,
            since=row.requested_at,
            no=row.no,
            payee=payee.no,
            contract=contract.no,
            fen=row.amount_fen,
        )
        .join(contract, contract.id == row.contract_id)
        .join(payee, payee.id == row.payee_id)
        .where(
            row.state.in_(LIVE),
            row.requested_at <= moment.now,
            or_(
                row.payee_id != contract.supplier_id,
                payee.state != OrganizationState.VERIFIED,
            ),
        )
    )


def _held(moment: Moment) -> Select[Any]:
    row, contract = aliased(Milestone), aliased(Contract)
    days = moment.days("held_funds_days")
    return (
        told(
            row=row,
            area=contract.area_code,
            since=start_of(row.met_on + days.days),
            contract=contract.no,
            accepted=row.accepted_fen,
            paid=row.paid_fen,
        )
        .join(contract, contract.id == row.contract_id)
        .where(row.accepted_fen > row.paid_fen, row.met_on <= moment.today - days)
    )


def _unpaid(moment: Moment, last: str) -> Select[Any]:
    row, paid = aliased(Invoice), aliased(Payment)
    due = getattr(row, last)
    return told(
        row=row, area=row.area_code, since=due, no=row.no, fen=row.amount_fen, due=due
    ).where(
        row.state == InvoiceState.APPROVED,
        due <= moment.now,
        ~exists().where(paid.invoice_id == row.id, paid.state.in_(PAID)),
    )


def _overdue(moment: Moment) -> Select[Any]:
    return _unpaid(moment, "pay_due_at")


def _critical(moment: Moment) -> Select[Any]:
    return _unpaid(moment, "pay_late_at")


def _committed(moment: Moment) -> Select[Any]:
    row = aliased(BudgetLine)
    bound = row.reserved_fen + row.committed_fen
    given = row.approved_fen + row.adjusted_fen
    return told(
        row=row, area=row.area_code, since=row.created_at, no=row.no, bound=bound, given=given
    ).where(
        row.state == BudgetLineState.APPROVED,
        row.created_at <= moment.now,
        given > 0,
        bound > func.floor(given * moment.figures["budget_committed_ratio"]),
    )


def _over_term(moment: Moment) -> Select[Any]:
    row = aliased(Contract)
    return told(
        row=row, area=row.area_code, since=start_of(row.ends_on), no=row.no, ended=row.ends_on
    ).where(row.state.in_(_RUNNING), row.ends_on <= moment.today)


def _unpublished(moment: Moment) -> Select[Any]:
    row = aliased(Contract)
    return told(
        row=row, area=row.area_code, since=row.publish_due_at, no=row.no, due=row.publish_due_at
    ).where(
        row.published_on.is_(None),
        row.publish_due_at <= moment.now,
    )


MONEY = (
    Standing("money.off_purpose", "contract", _off_purpose),
    Standing("money.off_payee", "payment", _off_payee),
    Standing("money.held", "milestone", _held),
    Standing("payment.overdue", "invoice", _overdue),
    Standing("payment.critical", "invoice", _critical),
    Standing("budget.committed", "budget_line", _committed),
    Standing("contract.over_term", "contract", _over_term),
    Standing("contract.unpublished", "contract", _unpublished),
)
