"""The catalogue, budget lines, invoices and payments, in every state that a deed starts from."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from nexus.accounts.model import Account
from nexus.acting import Act
from nexus.core.ids import new_id
from nexus.purchasing.budgets import operations as budgets
from nexus.purchasing.budgets.model import (
    BudgetAdjustment,
    BudgetEntry,
    BudgetJournal,
    SubjectType,
)
from nexus.purchasing.budgets.rules import Subject
from nexus.purchasing.catalogue.model import CatalogueItem, CatalogueKind, FundingSource
from nexus.purchasing.payments import operations as o
from nexus.purchasing.payments.model import Invoice, Payment
from tests.deeds import actor_of
from tests.house.matrix_world import Place
from tests.making import Maker, now, today

MakeEvent = Callable[..., Awaitable[Any]]
FEN = 10
"""Of each invoice."""


class Office:
    """The place's buyer at work: each deed by another of its people."""

    def __init__(self, m: Maker, place: Place, people: dict[str, Account]) -> None:
        self.m, self.place, self.people = m, place, people

    async def do(self, who: str, deed: Any, *given: Any, **more: Any) -> Any:
        row = await deed(Act(self.m.session, actor_of(self.people[who])), *given, **more)
        await self.m.session.commit()
        return row

    async def move(self, who: str, deed: Any, row: Any, **more: Any) -> Any:
        return await self.do(who, deed, row.id, expected_version=row.version, **more)


async def spend(m: Maker, place: Place, event: MakeEvent) -> None:
    """What the place's authority may buy, has, owes and pays."""
    roles = {"clerk": "buyer", "finance": "buyer_finance", "cashier": "buyer_finance"}
    people = {name: await m.account(role, place.authority) for name, role in roles.items()}
    people["lead"] = await m.account("charity_user", place.charity)
    office = Office(m, place, people)
    await _catalogue(m, place, event)
    await _lines(office, event)
    await _invoices(office)
    await _payments(office, event)


async def _catalogue(m: Maker, place: Place, event: MakeEvent) -> None:
    row = place.rows["CatalogueItem"] = place["CatalogueItem/bought"]
    draft = CatalogueItem(
        code=f"M.{new_id().hex[-10:].upper()}.01",
        title="心理疏导",
        kind=CatalogueKind.SERVICE,
        unit="E48",
        funding_sources=["F1"],
        edition=1,
        created_at=now(),
        created_by=new_id(),
    )
    await m.put(draft)
    place.rows["CatalogueItem[draft]"] = draft
    place.rows["CatalogueItemEvent"] = await event(m, place, "catalogue_item.published", row)
    place.rows["CatalogueItemEvent[draft]"] = await event(m, place, "catalogue_item.drafted", draft)


async def _lines(office: Office, event: MakeEvent) -> None:
    m, place = office.m, office.place
    for key in ("BudgetLine", "BudgetLine[draft]", "BudgetLine/spent"):
        row = await office.do(
            "clerk",
            budgets.draft_budget_line,
            title="社会救助工作经费",
            fiscal_year=today().year,
            area_code=place.county,
            funding_source=FundingSource.F1,
            planned_fen=10**6,
            item_ids=[place["CatalogueItem"].id],
        )
        if key != "BudgetLine[draft]":
            row = await office.move("finance", budgets.approve_budget_line, row)
        place.rows[key] = row
    place.rows["BudgetLine"] = await office.move(
        "finance",
        budgets.adjust_budget_line,
        place["BudgetLine"],
        fen=100,
        document_no="粤财〔2026〕1号",
        reason=place.says("BudgetAdjustment.reason"),
    )
    place.rows["BudgetLineEvent"] = await event(
        m, place, "budget_line.approved", place["BudgetLine"]
    )
    contract = Subject(SubjectType.CONTRACT, place["Contract/served"].id)
    for door in (budgets.reserve, budgets.commit):
        given = {"line_id": place["BudgetLine/spent"].id, "subject": contract, "fen": 9_000}
        await office.do("clerk", door, **given)
    of_line = place["BudgetLine"].id
    entry = await m.session.scalar(
        select(BudgetEntry).where(BudgetEntry.budget_line_id == of_line).limit(1)
    )
    assert entry is not None
    place.rows["BudgetEntry"] = entry
    place.rows["BudgetJournal"] = await m.session.get_one(BudgetJournal, entry.journal_id)
    found = await m.session.scalars(
        select(BudgetAdjustment).where(BudgetAdjustment.line_id == of_line)
    )
    place.rows["BudgetAdjustment"] = found.one()


async def _invoice(office: Office, until: str, **more: Any) -> Invoice:
    row: Invoice = await office.do(
        "lead",
        o.submit_invoice,
        office.place["Milestone/1"].id,
        number=new_id().hex,
        amount_fen=FEN,
        issued_on=today() - timedelta(days=1),
    )
    if until != "submitted":
        row = await office.move("clerk", o.match_invoice, row)
    if until == "approved":
        row = await office.move("finance", o.approve_invoice, row, **more)
    return row


async def _invoices(office: Office) -> None:
    rows = office.place.rows
    for state in ("submitted", "matched", "approved"):
        rows[f"Invoice/{state}"] = await _invoice(office, state)
    said = office.place.says("Invoice.stateReason")
    rows["Invoice"] = await _invoice(office, "approved", reason=said)


async def _payments(office: Office, event: MakeEvent) -> None:
    m, rows = office.m, office.place.rows
    for key in ("Payment", "/approved", "/paid", "/settled", "/failed"):
        invoice = rows["Invoice"] if key == "Payment" else await _invoice(office, "approved")
        row: Payment = await office.move("clerk", o.request_payment, invoice)
        if key == "/failed":
            row = await office.move("finance", o.fail_payment, row, reason="账号有误")
        elif key != "Payment":
            row = await office.move("finance", o.approve_payment, row)
        if key in ("/paid", "/settled"):
            row = await office.move("cashier", o.execute_payment, row, bank_reference=new_id().hex)
        if key == "/settled":
            row = await office.move("finance", o.reconcile_payment, row)
        rows[key if key == "Payment" else f"Payment{key}"] = row
    rows["Payment"].state_reason = office.place.says("Payment.stateReason")
    await m.session.commit()
    rows["PaymentEvent"] = await event(m, office.place, "payment.requested", rows["Payment"])


def spendings(move: Any, with_reason: Any, make: Any, of: Any, day: Any) -> dict[str, Any]:
    """An input that succeeds for every deed about the catalogue, budgets, invoices, payments."""
    return {
        "draftCatalogueItem": make(
            code="M.01.01", title="入户探访", kind="SERVICE", unit="E48", fundingSources=["F1"]
        ),
        "publishCatalogueItem": move("CatalogueItem[draft]", effectiveFrom=day(0)),
        "retireCatalogueItem": with_reason("CatalogueItem"),
        "draftBudgetLine": make(
            title="工作经费",
            fiscalYear=lambda _: today().year,
            area=lambda place: place.county,
            fundingSource="F1",
            plannedFen=1_000,
            itemIds=[of("CatalogueItem")],
        ),
        "amendBudgetLine": move("BudgetLine[draft]", plannedFen=2_000),
        "approveBudgetLine": move("BudgetLine[draft]"),
        "adjustBudgetLine": with_reason("BudgetLine", fen=100, documentNo="1号"),
        "freezeBudgetLine": with_reason("BudgetLine"),
        "unfreezeBudgetLine": move("BudgetLine", was={"state": "frozen"}),
        "closeBudgetLine": with_reason("BudgetLine"),
        "submitInvoice": make(
            milestoneId=of("Milestone/1"), number="M-1", amountFen=FEN, issuedOn=day(0)
        ),
        "matchInvoice": move("Invoice/submitted"),
        "approveInvoice": move("Invoice/matched"),
        "rejectInvoice": with_reason("Invoice/submitted"),
        "requestPayment": move("Invoice/approved"),
        "approvePayment": move("Payment"),
        "executePayment": move("Payment/approved", bankReference="M-1"),
        "reconcilePayment": move("Payment/paid"),
        "failPayment": with_reason("Payment"),
        "retryPayment": move("Payment/failed"),
        "reversePayment": with_reason("Payment/paid"),
    }
