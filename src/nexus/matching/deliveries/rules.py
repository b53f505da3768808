"""What is right for a delivery: pure checks."""

from datetime import date
from decimal import Decimal

from nexus.core.refusals import Invalid
from nexus.matching.pledges.rules import exhausted

LATE_AFTER = 7
"""Days from the delivery to its record, past which the record is marked late (domain.md 7.7)."""


def check_delivery(quantity: Decimal, committed: Decimal, delivered_on: date, today: date) -> None:
    """No more than the pledge still owes, and not tomorrow's."""
    if delivered_on > today:
        raise Invalid(
            f"deliveredOn {delivered_on} lies ahead: record a delivery once it happened.",
            field="deliveredOn",
        )
    if quantity > committed:
        raise exhausted(committed, of="pledge", rule="INV-01")
