"""What an invoice and a payment must be, and which lines a payment takes from; pure. Fen."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from nexus.core.refusals import CapacityExhausted, GuardFailed, Invalid

LONG_NUMBER = 60


class AcceptedExhausted(CapacityExhausted):
    """More than what is accepted and not claimed or paid yet (INV-24)."""

    code = "ACCEPTED_EXHAUSTED"


class InvoiceKnown(GuardFailed):
    """The supplier gave this number before."""

    code = "INVOICE_KNOWN"


class PaymentKnown(GuardFailed):
    """The invoice is being paid, or is paid (INV-25)."""

    code = "PAYMENT_KNOWN"


def check_amount(fen: int) -> int:
    """More than nothing; Invalid otherwise."""
    if fen <= 0:
        raise Invalid("amountFen is more than 0.", field="amountFen")
    return fen


def check_issued(issued_on: date, today: date) -> date:
    """Not of the future; Invalid otherwise."""
    if issued_on > today:
        raise Invalid("issuedOn lies in the future.", field="issuedOn")
    return issued_on


def check_left(fen: int, left: int) -> None:
    """AcceptedExhausted with what is left of the accepted amount."""
    if fen > left:
        raise AcceptedExhausted(
            f"{max(left, 0)} fen of the milestone are accepted and not claimed yet: ask for no "
            "more than that, or wait until more is accepted.",
            rule="INV-24",
            available=max(left, 0),
        )


def shares(fen: int, held: Mapping[UUID, int], order: Sequence[UUID]) -> list[tuple[UUID, int]]:
    """What a payment takes from each line that the contract holds money of, in the given order.

    Each is emptied before the next is touched, so that the same payment always takes the same.
    GuardFailed where they hold less in all (INV-23).
    """
    taken: list[tuple[UUID, int]] = []
    left = fen
    for line_id in dict.fromkeys([*order, *held]):
        part = min(left, held.get(line_id, 0))
        if part:
            taken.append((line_id, part))
            left -= part
    if left:
        raise GuardFailed(
            f"The contract holds {fen - left} fen that are not paid yet: have its value committed "
            "first.",
            rule="INV-23",
            held=fen - left,
        )
    return taken
