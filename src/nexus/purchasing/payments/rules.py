"""What an invoice and a payment must be, and which lines a payment takes from; pure. Fen."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from nexus.core.refusals import CapacityExhausted, GuardFailed, Invalid

LONG_NUMBER = 60
_NUMBER = re.compile(rf"[0-9A-Za-z/-]{{1,{LONG_NUMBER}}}")


class AcceptedExhausted(CapacityExhausted):
    """More than what is accepted and not claimed or paid yet (INV-24)."""

    code = "ACCEPTED_EXHAUSTED"


class InvoiceKnown(GuardFailed):
    """The supplier gave this number before."""

    code = "INVOICE_KNOWN"


class PaymentKnown(GuardFailed):
    """The invoice is being paid, or is paid (INV-25)."""

    code = "PAYMENT_KNOWN"


def check_number(number: str, *, field: str) -> str:
    """A number that others gave: letters, digits, hyphens and slashes; Invalid otherwise.

    It is not searched for personal data: the 20 digits of an invoice look like some.
    """
    said = number.strip()
    if not _NUMBER.fullmatch(said):
        raise Invalid(
            f"{field} has 1 to {LONG_NUMBER} letters, digits, hyphens or slashes.", field=field
        )
    return said


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
