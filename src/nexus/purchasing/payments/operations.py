"""Invoices from submission to approval; payments from request to reconciliation, and back."""

from datetime import date
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from nexus.acting import Act
from nexus.areas.queries import due_after
from nexus.core.refusals import GuardFailed
from nexus.core.texts import check_reason
from nexus.purchasing.budgets import operations as budgets
from nexus.purchasing.budgets.model import BudgetAccount, JournalKind, SubjectType
from nexus.purchasing.budgets.queries import held_fen
from nexus.purchasing.budgets.rules import Posting, Subject, entries_of
from nexus.purchasing.payments import model, policy, queries, rules
from nexus.purchasing.payments.model import (
    INVOICE_TRANSITIONS,
    PAYMENT_TRANSITIONS,
    Invoice,
    InvoiceState,
    Payment,
)

DUE = "payment_working_days"
LATE = "payment_critical_days"

# Invoices ----------------------------------------------------------------------------------


async def submit_invoice(
    act: Act, milestone_id: UUID, *, number: str, amount_fen: int, issued_on: date
) -> Invoice:
    """The supplier asks for what was accepted of a milestone, or a part of it.

    InvoiceKnown where the number was given before; AcceptedExhausted with what is left (INV-24).
    """
    contract, milestone = await queries.find_contract(act, milestone_id)
    act.permit(policy.may_submit, contract)
    said = rules.check_number(number, field="number")
    rules.check_amount(amount_fen)
    rules.check_issued(issued_on, act.actor.today())
    if contract.signed_on is None:
        raise GuardFailed("The contract is not signed.", rule="INV-19")
    if known := await queries.known_no(act.session, contract.supplier_id, said):
        raise rules.InvoiceKnown(
            f"Invoice {known} has this number: look at that one.", rule="INV-25", no=known
        )
    left = milestone.accepted_fen - await queries.claimed_fen(act.session, milestone.id)
    rules.check_left(amount_fen, left)
    row = Invoice(
        id=act.row_id,
        no=await act.number("IV", contract.area_code),
        number=said,
        contract_id=contract.id,
        milestone_id=milestone.id,
        supplier_id=contract.supplier_id,
        buyer_id=contract.buyer_id,
        area_code=contract.area_code,
        amount_fen=amount_fen,
        issued_on=issued_on,
        submitted_at=act.now,
        submitted_by=act.actor.account_id,
        state=InvoiceState.SUBMITTED,
    )
    await _put_invoice(act, row)
    _tell_invoice(act, "submitted", row)
    return row


async def _put_invoice(act: Act, row: Invoice) -> None:
    act.session.add(row)
    try:
        await act.session.flush()
    except IntegrityError as error:
        if "uq_invoice_number" not in str(error.orig):
            raise
        raise rules.InvoiceKnown("This number was just given.", rule="INV-25") from None


def _tell_invoice(act: Act, verb: str, row: Invoice) -> None:
    act.record(
        f"invoice.{verb}",
        row,
        contract_id=row.contract_id,
        milestone_id=row.milestone_id,
        supplier_id=row.supplier_id,
        buyer_id=row.buyer_id,
        area_code=row.area_code,
        fen=row.amount_fen,
    )


async def match_invoice(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Invoice:
    """The buyer finds that it fits what was accepted. AcceptedExhausted where it is more."""
    row = await queries.take_invoice(act, row_id, expected_version)
    act.permit(policy.may_match, row)
    INVOICE_TRANSITIONS.after("match", row.state)
    milestone = await queries.lock_milestone(act.session, row.milestone_id)
    claimed = await queries.claimed_fen(act.session, row.milestone_id)
    rules.check_left(row.amount_fen, milestone.accepted_fen - claimed)
    act.move(row, INVOICE_TRANSITIONS, "match")
    row.matched_at, row.matched_by, row.state_reason = act.now, act.actor.account_id, reason
    _tell_invoice(act, "matched", row)
    return row


async def approve_invoice(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Invoice:
    """Finance, who did not match it, lets it be paid: the clock of paying starts."""
    row = await queries.take_invoice(act, row_id, expected_version)
    act.permit(policy.may_approve, row)
    INVOICE_TRANSITIONS.after("approve", row.state)
    with act.session.no_autoflush:
        due = await due_after(act.session, DUE, act.now, area_code=row.area_code)
        late = await due_after(act.session, LATE, act.now, area_code=row.area_code)
    act.move(row, INVOICE_TRANSITIONS, "approve")
    row.approved_at, row.approved_by, row.state_reason = act.now, act.actor.account_id, reason
    row.pay_due_at, row.pay_late_at = due.at, late.at
    row.pay_rule = f"{due.rule} {late.rule}"
    _tell_invoice(act, "approved", row)
    return row


async def reject_invoice(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> Invoice:
    """It does not fit, with a reason that the supplier reads."""
    row = await queries.take_invoice(act, row_id, expected_version)
    act.permit(policy.may_reject, row)
    said = check_reason(reason, impersonal=True)
    act.move(row, INVOICE_TRANSITIONS, "reject")
    row.state_reason = said
    _tell_invoice(act, "rejected", row)
    return row


# Payments ----------------------------------------------------------------------------------


async def request_payment(act: Act, invoice_id: UUID, *, expected_version: int) -> Payment:
    """Ask finance to pay an approved invoice: one payment at a time (INV-25).

    PaymentKnown where one pays it; AcceptedExhausted where less is accepted than all payments of
    the milestone come to (INV-24).
    """
    invoice = await queries.take_invoice(act, invoice_id, expected_version)
    act.permit(policy.may_request, invoice)
    if invoice.state is not InvoiceState.APPROVED:
        raise GuardFailed(
            f"The invoice is {invoice.state.value}: it is paid once finance has approved it.",
            rule="INV-19",
            state=invoice.state.name,
        )
    if known := await queries.live_no(act.session, invoice.id):
        raise rules.PaymentKnown(
            f"Payment {known} pays this invoice: an invoice is paid once.", rule="INV-25", no=known
        )
    milestone = await queries.lock_milestone(act.session, invoice.milestone_id)
    paying = await queries.paying_fen(act.session, milestone.id)
    rules.check_left(invoice.amount_fen, milestone.accepted_fen - paying)
    row = Payment(
        id=act.row_id,
        no=await act.number("PM", invoice.area_code),
        invoice_id=invoice.id,
        contract_id=invoice.contract_id,
        milestone_id=invoice.milestone_id,
        instalment=await queries.next_instalment(act.session, milestone.id),
        payer_id=invoice.buyer_id,
        payee_id=invoice.supplier_id,
        area_code=invoice.area_code,
        amount_fen=invoice.amount_fen,
        requested_at=act.now,
        requested_by=act.actor.account_id,
        state=model.PaymentState.REQUESTED,
    )
    act.session.add(row)
    await act.session.flush()
    _tell(act, "requested", row)
    return row


def _tell(act: Act, verb: str, row: Payment) -> None:
    act.record(
        f"payment.{verb}",
        row,
        invoice_id=row.invoice_id,
        contract_id=row.contract_id,
        milestone_id=row.milestone_id,
        payer_id=row.payer_id,
        payee_id=row.payee_id,
        area_code=row.area_code,
        fen=row.amount_fen,
    )


async def approve_payment(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Payment:
    """Finance, who did not request it, lets it go out (INV-18)."""
    row = await queries.take_payment(act, row_id, expected_version)
    act.permit(policy.may_approve_payment, row)
    act.move(row, PAYMENT_TRANSITIONS, "approve")
    row.approved_at, row.approved_by, row.state_reason = act.now, act.actor.account_id, reason
    _tell(act, "approved", row)
    return row


async def execute_payment(
    act: Act, row_id: UUID, *, expected_version: int, bank_reference: str
) -> Payment:
    """The money went out under this reference: it is paid of the lines that its contract holds.

    GuardFailed where a line is not open, or the contract holds less than that (INV-23).
    """
    row = await queries.take_payment(act, row_id, expected_version)
    act.permit(policy.may_execute, row)
    said = rules.check_number(bank_reference, field="bankReference")
    PAYMENT_TRANSITIONS.after("execute", row.state)
    if known := await queries.reference_no(act.session, row.payer_id, said):
        raise GuardFailed(
            f"Payment {known} has this reference: a transfer pays once.", rule="INV-25", no=known
        )
    act.move(row, PAYMENT_TRANSITIONS, "execute")
    row.executed_at, row.executed_by = act.now, act.actor.account_id
    row.bank_reference = said
    _tell(act, "executed", row)
    await act.session.flush()
    await _pay(act, row)
    return row


async def _pay(act: Act, row: Payment) -> None:
    contract = Subject(SubjectType.CONTRACT, row.contract_id)
    paying = Subject(SubjectType.PAYMENT, row.id)
    held = await held_fen(act.session, row.contract_id, BudgetAccount.COMMITTED)
    order = await queries.lines_in_order(act.session, row.contract_id)
    postings = [
        posting
        for line_id, fen in rules.shares(row.amount_fen, held, order)
        for posting in entries_of(JournalKind.PAY, line_id, fen, giver=contract, taker=paying)
    ]
    await budgets.post(act, JournalKind.PAY, paying, postings)


async def reconcile_payment(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Payment:
    """Another of finance finds it on the statement of account."""
    row = await queries.take_payment(act, row_id, expected_version)
    act.permit(policy.may_reconcile, row)
    act.move(row, PAYMENT_TRANSITIONS, "reconcile")
    row.closed_at, row.closed_by, row.state_reason = act.now, act.actor.account_id, reason
    _tell(act, "reconciled", row)
    return row


async def fail_payment(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> Payment:
    """It is refused, or the transfer did not come through, with a reason; nothing was paid."""
    row = await queries.take_payment(act, row_id, expected_version)
    act.permit(policy.may_fail, row)
    said = check_reason(reason, impersonal=True)
    act.move(row, PAYMENT_TRANSITIONS, "fail")
    row.state_reason = said
    _tell(act, "failed", row)
    return row


async def retry_payment(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Payment:
    """Request a failed payment again; it is approved anew. PaymentKnown where another pays."""
    row = await queries.take_payment(act, row_id, expected_version)
    act.permit(policy.may_retry, row)
    PAYMENT_TRANSITIONS.after("retry", row.state)
    await queries.take_invoice(act, row.invoice_id)
    if known := await queries.live_no(act.session, row.invoice_id):
        raise rules.PaymentKnown(
            f"Payment {known} pays this invoice: an invoice is paid once.", rule="INV-25", no=known
        )
    milestone = await queries.lock_milestone(act.session, row.milestone_id)
    paying = await queries.paying_fen(act.session, milestone.id)
    rules.check_left(row.amount_fen, milestone.accepted_fen - paying)
    act.move(row, PAYMENT_TRANSITIONS, "retry")
    row.attempt += 1
    row.requested_at, row.requested_by = act.now, act.actor.account_id
    row.approved_at, row.approved_by, row.state_reason = None, None, reason
    await act.session.flush()
    _tell(act, "requested_again", row)
    return row


async def reverse_payment(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> Payment:
    """The money came back, with a reason: every entry is turned round, to the fen (INV-25)."""
    row = await queries.take_payment(act, row_id, expected_version)
    act.permit(policy.may_reverse, row)
    said = check_reason(reason, impersonal=True)
    act.move(row, PAYMENT_TRANSITIONS, "reverse")
    row.closed_at, row.closed_by, row.state_reason = act.now, act.actor.account_id, said
    _tell(act, "reversed", row)
    await act.session.flush()
    paying = Subject(SubjectType.PAYMENT, row.id)
    turned = [
        Posting(
            one.budget_line_id, one.account, Subject(one.subject_type, one.subject_id), -one.fen
        )
        for one in await queries.posted(act.session, row.id)
    ]
    # Out of what is paid first, then into what is committed.
    turned.sort(key=lambda one: one.fen)
    await budgets.post(act, JournalKind.UNPAY, paying, turned)
    return row
