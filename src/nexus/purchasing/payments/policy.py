"""Who sees invoices and payments, and who of the buyer does what: never one person alone (S4a)."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, literal_column, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, OVERSIGHT, Actor, Role
from nexus.purchasing.payments import model
from nexus.purchasing.procurements.suppliers.policy import BUYERS, SUPPLIERS, SUPPLIERS_PEOPLE


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """An invoice: both parties to it, and oversight in its territory."""
    return _seen(actor, row, row.buyer_id, row.supplier_id)


def payment_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A payment: payer, payee, and oversight in its territory."""
    return _seen(actor, row, row.payer_id, row.payee_id)


def _seen(actor: Actor, row: Any, buyer: Any, supplier: Any) -> ColumnElement[bool]:
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in BUYERS:
        return buyer == actor.organization_id  # type: ignore[no-any-return]
    if actor.role in SUPPLIERS_PEOPLE:
        return supplier == actor.organization_id  # type: ignore[no-any-return]
    return actor.covers(row.area_code) if actor.role in OVERSIGHT else false()


def event_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the invoice or payment it is about."""
    invoice, payment = aliased(model.Invoice), aliased(model.Payment)
    return or_(
        and_(
            row.object_type == literal_column("'invoice'"),
            exists().where(invoice.id == row.object_id, visible(actor, invoice)),
        ),
        and_(
            row.object_type == literal_column("'payment'"),
            exists().where(payment.id == row.object_id, payment_visible(actor, payment)),
        ),
    )


def may_submit(actor: Actor, row: Any) -> Any:
    """Of a contract: its supplier's people."""
    return row.supplier_id == actor.organization_id if actor.role in SUPPLIERS else False


def may_match(actor: Actor, row: Any) -> Any:
    """The buyer's BUYER."""
    if actor.role is not Role.BUYER:
        return False
    return (row.buyer_id == actor.organization_id) & (row.submitted_by != actor.account_id)


def may_approve(actor: Actor, row: Any) -> Any:
    """The buyer's finance, who did not match it (INV-18)."""
    if actor.role is not Role.BUYER_FINANCE:
        return False
    own = row.buyer_id == actor.organization_id
    return own & (_other(row.matched_by, actor))


def _other(column: Any, actor: Actor) -> Any:
    """Somebody else did that, or nobody yet."""
    if isinstance(column, ColumnElement) or hasattr(column, "is_distinct_from"):
        return column.is_distinct_from(actor.account_id)
    return column != actor.account_id


def may_reject(actor: Actor, row: Any) -> Any:
    """The buyer or its finance."""
    return row.buyer_id == actor.organization_id if actor.role in BUYERS else False


def may_request(actor: Actor, row: Any) -> Any:
    """Of an invoice: the buyer's BUYER."""
    return row.buyer_id == actor.organization_id if actor.role is Role.BUYER else False


def may_retry(actor: Actor, row: Any) -> Any:
    """The payer's BUYER."""
    return row.payer_id == actor.organization_id if actor.role is Role.BUYER else False


def may_approve_payment(actor: Actor, row: Any) -> Any:
    """The payer's finance, who did not request it (INV-18)."""
    return _finance(actor, row, row.requested_by)


def may_execute(actor: Actor, row: Any) -> Any:
    """The payer's finance, who did not request it."""
    return _finance(actor, row, row.requested_by)


def may_fail(actor: Actor, row: Any) -> Any:
    """The payer's finance: it is refused, or the transfer did not come through."""
    return _finance(actor, row)


def may_reconcile(actor: Actor, row: Any) -> Any:
    """The payer's finance: another than who sent the money."""
    return _finance(actor, row, row.executed_by)


def may_reverse(actor: Actor, row: Any) -> Any:
    """The payer's finance, who did not request it."""
    return _finance(actor, row, row.requested_by)


def _finance(actor: Actor, row: Any, done_by: Any = None) -> Any:
    """The payer's finance, but not who did that."""
    if actor.role is not Role.BUYER_FINANCE:
        return False
    own = row.payer_id == actor.organization_id
    return own if done_by is None else own & _other(done_by, actor)


def may_read_words(actor: Actor, row: Any) -> Any:
    """What people wrote: whoever sees the row, but not who runs the platform."""
    return actor.role is not Role.PLATFORM_ADMIN
