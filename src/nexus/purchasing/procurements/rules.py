"""What is right for a procurement: its items, its days, and what may be awarded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from nexus.core.refusals import GuardFailed, Invalid

OCID_PREFIX = "ocds-nexus0"
"""Stands for the prefix that an operator registers with Open Contracting."""
MOST_ITEMS = 100
MOST_FEN = 10**13
"""A hundred billion yuan: what is above is a slip."""


@dataclass(frozen=True, kw_only=True)
class ItemInput:
    """What is to be bought: how much of a catalogue item, at most at what price, from where."""

    catalogue_item_id: UUID
    budget_line_id: UUID
    quantity: Decimal
    unit_price_fen: int


def worth(quantity: Decimal, unit_price_fen: int) -> int:
    """Fen: the product, rounded half up."""
    return int((quantity * unit_price_fen).quantize(Decimal(1), ROUND_HALF_UP))


def check_amount(quantity: Decimal, unit_price_fen: int, *, field: str) -> int:
    """What so much costs, in fen; both are more than nothing, with at most three decimals."""
    if not quantity.is_finite() or quantity <= 0 or quantity != round(quantity, 3):
        raise Invalid("A quantity is more than 0, with at most three decimals.", field=field)
    if unit_price_fen <= 0:
        raise Invalid("A unit price is at least 1 fen.", field=field)
    if unit_price_fen > MOST_FEN or quantity > MOST_FEN:
        raise Invalid("That is more than any purchase costs: check the figures.", field=field)
    value = worth(quantity, unit_price_fen)
    if not 0 < value <= MOST_FEN:
        raise Invalid(
            f"An item is worth 1 to {MOST_FEN} fen, not {value}: check the figures.", field=field
        )
    return value


def check_items(items: Sequence[ItemInput]) -> list[int]:
    """The items' values in fen: at least one item, and each of them right."""
    if not 0 < len(items) <= MOST_ITEMS:
        raise Invalid(f"A procurement has 1 to {MOST_ITEMS} items.", field="items")
    return [check_amount(one.quantity, one.unit_price_fen, field="items") for one in items]


def check_tender(starts_on: date, ends_on: date, today: date) -> None:
    """Bids are taken from today or later, for a day at least."""
    if ends_on <= starts_on:
        raise Invalid(
            f"tenderEndsOn must come after {starts_on}: it is end-exclusive.", field="tenderEndsOn"
        )
    if ends_on <= today:
        raise Invalid(f"tenderEndsOn {ends_on} has passed already.", field="tenderEndsOn")


def check_taking_bids(state: str, starts_on: date | None, ends_on: date | None, day: date) -> None:
    """Bids are taken while the tender runs."""
    if state != "tender" or starts_on is None or ends_on is None or not starts_on <= day < ends_on:
        raise GuardFailed(
            f"Bids are taken from {starts_on} until {ends_on} while the tender is out: "
            "this one takes none today.",
            field="procurementId",
            rule="INV-19",
            state=state.upper(),
        )


def check_tender_over(ends_on: date | None, today: date) -> None:
    """Nothing is awarded before the bids are opened."""
    if ends_on is None or today < ends_on:
        raise GuardFailed(
            f"Bids are opened on {ends_on}: award it then.", rule="INV-19", opens=ends_on
        )


def check_award(value_fen: int, awarded_fen: int, most_fen: int) -> None:
    """What is awarded altogether is at most what was put out to tender."""
    if value_fen <= 0:
        raise Invalid("An award is worth at least 1 fen.", field="valueFen")
    if awarded_fen + value_fen > most_fen:
        raise GuardFailed(
            f"{most_fen} fen were put out to tender and {awarded_fen} are awarded: award at most "
            f"{most_fen - awarded_fen}, or plan another procurement.",
            field="valueFen",
            rule="INV-24",
            left_fen=most_fen - awarded_fen,
        )
