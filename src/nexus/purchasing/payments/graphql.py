"""Invoices and payments in the graph."""

from datetime import date, datetime

import strawberry

from nexus.accounts.graphql import Account
from nexus.areas.graphql import Area
from nexus.core.outbox import Event
from nexus.graph.declare import (
    JSON,
    Connection,
    Fen,
    any_of,
    at_most,
    classified,
    collection,
    containing,
    extend,
    holds,
    mutation,
    node,
    query,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
    within,
)
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization
from nexus.purchasing.budgets.graphql import BudgetEntry
from nexus.purchasing.budgets.model import BudgetEntry as Entry
from nexus.purchasing.contracts.graphql import Contract, Milestone
from nexus.purchasing.payments import model, operations, policy, queries
from nexus.purchasing.payments.model import INVOICE_TRANSITIONS, PAYMENT_TRANSITIONS

register_enums(model.InvoiceState, model.PaymentState)


@node(Event, visible=policy.event_visible)
class PaymentEvent:
    """What happened to an invoice or a payment."""

    kind: str
    occurred_at: datetime
    actor_role: str
    object_version: int | None
    facts: JSON


@node(
    model.Payment,
    visible=policy.payment_visible,
    transitions=PAYMENT_TRANSITIONS,
    actions={
        "approve_payment": ("approve", policy.may_approve_payment),
        "execute_payment": ("execute", policy.may_execute),
        "reconcile_payment": ("reconcile", policy.may_reconcile),
        "fail_payment": ("fail", policy.may_fail),
        "retry_payment": ("retry", policy.may_retry),
        "reverse_payment": ("reverse", policy.may_reverse),
    },
)
class Payment:
    """One transfer for one approved invoice (OCDS transaction)."""

    no: str
    instalment: int
    amount_fen: Fen
    attempt: int
    requested_at: datetime
    approved_at: datetime | None
    executed_at: datetime | None
    bank_reference: str | None
    closed_at: datetime | None
    state: model.PaymentState
    state_reason: str | None = classified(model.Payment.state_reason, allowed=policy.may_read_words)
    version: int
    invoice: "Invoice | None" = to_one(model.Payment.invoice_id)
    contract: Contract | None = to_one(model.Payment.contract_id)
    milestone: Milestone | None = to_one(model.Payment.milestone_id)
    payer: Organization | None = to_one(model.Payment.payer_id)
    payee: Organization | None = to_one(model.Payment.payee_id)
    area: Area | None = to_one(model.Payment.area_code)
    requested_by: Account | None = to_one(model.Payment.requested_by)
    approved_by: Account | None = to_one(model.Payment.approved_by)
    executed_by: Account | None = to_one(model.Payment.executed_by)
    closed_by: Account | None = to_one(model.Payment.closed_by)
    entries: Connection[BudgetEntry] = to_many(
        Entry.subject_id,
        order=Order(("id",)),
        about="What it did in the ledger; for those who see the budget.",
    )
    history: Connection[PaymentEvent] = to_many(Event.object_id, order=Order(("position",)))


@node(
    model.Invoice,
    visible=policy.visible,
    transitions=INVOICE_TRANSITIONS,
    actions={
        "match_invoice": ("match", policy.may_match),
        "approve_invoice": ("approve", policy.may_approve),
        "reject_invoice": ("reject", policy.may_reject),
        "request_payment": (None, policy.may_request),
    },
)
class Invoice:
    """What a supplier asks for an accepted milestone (发票)."""

    no: str
    number: str
    amount_fen: Fen
    issued_on: date
    submitted_at: datetime
    matched_at: datetime | None
    approved_at: datetime | None
    pay_due_at: datetime | None
    pay_late_at: datetime | None
    pay_rule: str | None
    state: model.InvoiceState
    state_reason: str | None = classified(model.Invoice.state_reason, allowed=policy.may_read_words)
    version: int
    contract: Contract | None = to_one(model.Invoice.contract_id)
    milestone: Milestone | None = to_one(model.Invoice.milestone_id)
    supplier: Organization | None = to_one(model.Invoice.supplier_id)
    buyer: Organization | None = to_one(model.Invoice.buyer_id)
    area: Area | None = to_one(model.Invoice.area_code)
    submitted_by: Account | None = to_one(model.Invoice.submitted_by)
    matched_by: Account | None = to_one(model.Invoice.matched_by)
    approved_by: Account | None = to_one(model.Invoice.approved_by)
    payments: Connection[Payment] = to_many(
        model.Payment.invoice_id, order=Order(("requested_at",))
    )
    history: Connection[PaymentEvent] = to_many(Event.object_id, order=Order(("position",)))


@extend(Milestone)
class MilestoneMoney:
    invoices: Connection[Invoice] = to_many(
        model.Invoice.milestone_id, order=Order(("submitted_at",))
    )
    payments: Connection[Payment] = to_many(
        model.Payment.milestone_id, order=Order(("instalment",))
    )


@extend(Contract)
class ContractMoney:
    invoices: Connection[Invoice] = to_many(
        model.Invoice.contract_id, order=Order(("submitted_at",))
    )
    payments: Connection[Payment] = to_many(
        model.Payment.contract_id, order=Order(("requested_at",))
    )
    budget_entries: Connection[BudgetEntry] = to_many(
        Entry.subject_id,
        order=Order(("id",)),
        about="What it reserved and committed; for those who see the budget.",
    )


@query
class PaymentQuery:
    invoices: Connection[Invoice] = collection(
        "Invoice",
        orders={"NEWEST": Order(("submitted_at",), descending=True)},
        filters={
            "state": any_of(model.Invoice.state),
            "area": within(model.Invoice.area_code),
            "due_by": at_most(model.Invoice.pay_due_at, datetime),
            "paid": holds(queries.is_paid),
            "text": containing(model.Invoice.no, model.Invoice.number),
        },
        about="Those of your organization, as buyer or supplier, or of your territory.",
    )
    payments: Connection[Payment] = collection(
        "Payment",
        orders={"NEWEST": Order(("requested_at",), descending=True)},
        filters={
            "state": any_of(model.Payment.state),
            "area": within(model.Payment.area_code),
            "text": containing(model.Payment.no, model.Payment.bank_reference),
        },
        about="Those of your organization, as payer or payee, or of your territory.",
    )


InvoiceResult = result("Invoice", Invoice)
PaymentResult = result("Payment", Payment)


@strawberry.input
class SubmitInvoiceInput:
    """`number` is your own; `amountFen` at most what is accepted and not claimed yet."""

    milestone_id: strawberry.ID
    number: str
    amount_fen: Fen
    issued_on: date
    idempotency_key: str


@mutation(InvoiceResult)
async def submit_invoice(act, input: SubmitInvoiceInput):  # type: ignore[no-untyped-def]
    """Ask for what was accepted of a milestone of your contract."""
    return await operations.submit_invoice(
        act,
        decode(input.milestone_id, "Milestone"),
        number=input.number,
        amount_fen=input.amount_fen,
        issued_on=input.issued_on,
    )


@strawberry.input
class RequestPaymentInput:
    """`id` and `expectedVersion` are the invoice's."""

    id: strawberry.ID
    expected_version: int
    idempotency_key: str


@mutation(PaymentResult)
async def request_payment(act, input: RequestPaymentInput):  # type: ignore[no-untyped-def]
    """Ask finance to pay an approved invoice. It is paid once, however often this is sent."""
    return await operations.request_payment(
        act, decode(input.id, "Invoice"), expected_version=input.expected_version
    )


@strawberry.input
class ExecutePaymentInput:
    id: strawberry.ID
    expected_version: int
    bank_reference: str
    idempotency_key: str


@mutation(PaymentResult)
async def execute_payment(act, input: ExecutePaymentInput):  # type: ignore[no-untyped-def]
    """The money went out under this reference of the bank or treasury."""
    return await operations.execute_payment(
        act,
        decode(input.id, "Payment"),
        expected_version=input.expected_version,
        bank_reference=input.bank_reference,
    )


transition(
    "match_invoice",
    InvoiceResult,
    operations.match_invoice,
    "It fits what was accepted.",
)
transition(
    "approve_invoice",
    InvoiceResult,
    operations.approve_invoice,
    "Finance, who did not match it, lets it be paid. The clock of paying starts.",
)
transition(
    "reject_invoice",
    InvoiceResult,
    operations.reject_invoice,
    "It does not fit, with a reason that the supplier reads.",
)
transition(
    "approve_payment",
    PaymentResult,
    operations.approve_payment,
    "Finance, who did not request it, lets it go out.",
)
transition(
    "reconcile_payment",
    PaymentResult,
    operations.reconcile_payment,
    "Another of finance finds it on the statement of account.",
)
transition(
    "fail_payment",
    PaymentResult,
    operations.fail_payment,
    "It is refused, or did not come through, with a reason. Nothing was paid.",
)
transition(
    "retry_payment",
    PaymentResult,
    operations.retry_payment,
    "Request a failed payment again. It is approved anew.",
)
transition(
    "reverse_payment",
    PaymentResult,
    operations.reverse_payment,
    "The money came back, with a reason. The budget is as it was before.",
)
